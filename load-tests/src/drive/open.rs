//! Requests that are sent when they are due.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::arrivals::Arrivals;
use super::closed::{ask, finished};
use super::pacer::{DueNow, pace};
use super::watch::Recorder;
use super::{Job, Load};
use crate::http::Connection;
use crate::measurement::Measurement;

/// What is due and waits for a connection.
#[derive(Default)]
struct Waiting {
    requests: RefCell<VecDeque<DueNow>>,
    came: Notify,
    is_over: Cell<bool>,
}

pub async fn carry(
    load: &Load,
    per_second: f64,
    arrivals: Arrivals,
    connections: u32,
    job: Rc<dyn Job>,
) -> std::io::Result<Measurement> {
    let begin = Instant::now();
    let measured_from = begin + load.warm_up;
    let recorder = Recorder::new(measured_from, &load.windows);
    let waiting = Rc::new(Waiting::default());
    let workers: Vec<_> = (0..connections)
        .map(|_| {
            let connection = Connection::new(load.target.clone(), load.timeout);
            let (waiting, recorder, job) = (Rc::clone(&waiting), recorder.clone(), Rc::clone(&job));
            tokio::task::spawn_local(work(connection, waiting, recorder, job))
        })
        .collect();
    let mut due = pace(load, begin, per_second, arrivals)?;
    while let Some(next) = due.recv().await {
        waiting.requests.borrow_mut().push_back(next);
        // The one that has waited the shortest: a few connections that are in use are better than many that
        // the server closes for being idle.
        waiting.came.notify_last();
    }
    // With a limit on requests the last ones may still wait for a connection: they have until the time is up.
    let whole = load.warm_up + load.limits.time;
    let mut poll = tokio::time::interval(Duration::from_millis(1));
    while !waiting.requests.borrow().is_empty() && begin.elapsed() < whole {
        poll.tick().await;
    }
    waiting.is_over.set(true);
    // Whatever is due by now and has no connection is not sent any more.
    let left = std::mem::take(&mut *waiting.requests.borrow_mut());
    let measured = left.iter().filter(|(_, due)| *due >= measured_from).count();
    recorder.unsent(measured as u64);
    waiting.came.notify_waiters();
    finished(workers).await;
    Ok(recorder.found())
}

async fn work(
    mut connection: Connection,
    waiting: Rc<Waiting>,
    recorder: Recorder,
    job: Rc<dyn Job>,
) {
    loop {
        let next = waiting.requests.borrow_mut().pop_front();
        match next {
            Some((number, due)) => {
                recorder.late(due, due.elapsed());
                let attempt = ask(&mut connection, job.as_ref(), number).await;
                recorder.record(due, attempt);
            }
            None if waiting.is_over.get() => return,
            // Nothing happens between this look and the wait: there is one thread.
            None => waiting.came.notified().await,
        }
    }
}
