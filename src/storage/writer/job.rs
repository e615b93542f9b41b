//! One write on its way to the disk and back.

use orket_actors::port::store::{Op, StoreError, Write};
use tokio::sync::oneshot;

use crate::storage::step_text::StepText;

/// A step is put into JSON by whoever submits it, unless it is larger than this: then the writer
/// does it, so that no caller's thread is held up.
const EARLY_BYTES: usize = 32 * 1024;

/// The writer's answer, and the write itself: who made it frees it, on a thread that has more time.
pub(in crate::storage) type Answered = (Result<(), StoreError>, Box<Order>);

/// What is to be done.
pub(in crate::storage) struct Order {
    pub(in crate::storage) write: Write,
    /// Its steps as they are stored, in their order; those that are too large are missing.
    pub(in crate::storage) texts: Vec<Option<StepText>>,
}

impl Order {
    pub(in crate::storage) fn new(write: Write) -> Self {
        let steps = write.ops.iter().filter_map(|op| match op {
            Op::Steps { turn, steps } => Some((*turn, steps)),
            _ => None,
        });
        let texts = steps
            .flat_map(|(turn, steps)| {
                let early = move |step| StepText::within(EARLY_BYTES, turn, step);
                steps.iter().map(early)
            })
            .collect();
        Self { write, texts }
    }
}

/// One order and who waits for it. Boxed, because it is moved from queue to queue.
pub(in crate::storage) struct Job {
    pub(in crate::storage) order: Box<Order>,
    pub(in crate::storage) reply: oneshot::Sender<Answered>,
}

impl Job {
    pub(in crate::storage) fn write(&self) -> &Write {
        &self.order.write
    }
}
