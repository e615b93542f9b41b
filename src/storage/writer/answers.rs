//! Answers to whoever waits. Waking a task of another thread is a system call, and after a large
//! commit there are a thousand of them: a thread of its own gives them while the writer goes on.

use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use orket_actors::port::store::StoreError;

use super::{Gate, Job};

/// Fewer answers than this are given at once: handing them over would take longer.
const WORTH_HANDING_OVER: usize = 16;

type Given = Vec<(Job, Result<(), StoreError>)>;

/// Gives answers.
pub(super) struct Answers {
    gate: Arc<Gate>,
    inbox: Option<mpsc::Sender<Given>>,
    thread: Option<JoinHandle<()>>,
}

impl Answers {
    pub(super) fn start(gate: Arc<Gate>) -> std::io::Result<Self> {
        let (inbox, batches) = mpsc::channel::<Given>();
        let thread = {
            let gate = Arc::clone(&gate);
            std::thread::Builder::new()
                .name("orket-answers".to_owned())
                .spawn(move || {
                    while let Ok(batch) = batches.recv() {
                        give(&gate, batch);
                    }
                })?
        };
        Ok(Self {
            gate,
            inbox: Some(inbox),
            thread: Some(thread),
        })
    }

    /// Answers, now or soon.
    pub(super) fn give(&self, batch: Given) {
        if batch.len() < WORTH_HANDING_OVER {
            return give(&self.gate, batch);
        }
        let Some(inbox) = &self.inbox else {
            return give(&self.gate, batch);
        };
        if let Err(mpsc::SendError(batch)) = inbox.send(batch) {
            give(&self.gate, batch);
        }
    }
}

impl Drop for Answers {
    /// Waits until the last answer is given.
    fn drop(&mut self) {
        self.inbox = None;
        if let Some(thread) = self.thread.take() {
            // It cannot have panicked: sending does not.
            let _ = thread.join();
        }
    }
}

fn give(gate: &Gate, batch: Given) {
    let places = batch.len();
    for (job, answer) in batch {
        // Whoever asked may be gone; the write stands all the same.
        let _ = job.reply.send((answer, job.order));
    }
    gate.room.add_permits(places);
}
