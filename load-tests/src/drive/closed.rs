//! So many requests out at once.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Instant;

use super::watch::Recorder;
use super::{Job, Load};
use crate::http::Connection;
use crate::measurement::{Attempt, Measurement};

pub async fn carry(load: &Load, concurrency: u32, job: Rc<dyn Job>) -> Measurement {
    let measured_from = Instant::now() + load.warm_up;
    let end = measured_from + load.limits.time;
    let recorder = Recorder::new(measured_from, &load.windows);
    let (number, counted) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
    let mut workers = Vec::new();
    for _ in 0..concurrency {
        let mut connection = Connection::new(load.target.clone(), load.timeout);
        let (recorder, job) = (recorder.clone(), Rc::clone(&job));
        let (number, counted) = (Rc::clone(&number), Rc::clone(&counted));
        let most = load.limits.requests;
        workers.push(tokio::task::spawn_local(async move {
            loop {
                let began = Instant::now();
                if began >= end {
                    return;
                }
                if began >= measured_from {
                    if counted.get() == most {
                        return;
                    }
                    counted.set(counted.get() + 1);
                }
                let this = number.replace(number.get() + 1);
                let attempt = ask(&mut connection, job.as_ref(), this).await;
                recorder.record(began, attempt);
            }
        }));
    }
    finished(workers).await;
    recorder.found()
}

/// Waits for tasks. None is cancelled; a panic of a job is not swallowed, since its samples would be missing.
pub async fn finished(workers: Vec<tokio::task::JoinHandle<()>>) {
    for worker in workers {
        if let Err(error) = worker.await
            && let Ok(panic) = error.try_into_panic()
        {
            std::panic::resume_unwind(panic);
        }
    }
}

/// One request, one outcome.
pub async fn ask(connection: &mut Connection, job: &dyn Job, number: u64) -> Attempt {
    let request = job.request(number);
    match connection.ask(&request).await {
        Ok(answer) => job.judge(number, &answer),
        Err(kind) => {
            job.unanswered(number, kind);
            Err(kind)
        }
    }
}
