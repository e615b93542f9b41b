//! One write on its way to the disk and back.

use std::io;

use orket_actors::port::store::{Op, StepRow, StoreError, TurnRow, Write};
use orket_core::chain::Content;
use tokio::sync::oneshot;

use crate::storage::apply::content_of;

/// A step is put into JSON by whoever submits it, unless it is larger than this: then the writer
/// does it, so that no caller's thread is held up.
const EARLY_BYTES: usize = 32 * 1024;

/// The writer's answer, and the write itself: who made it frees it, on a thread that has more time.
pub(in crate::storage) type Answered = (Result<(), StoreError>, Box<Order>);

/// What is to be done.
pub(in crate::storage) struct Order {
    pub(in crate::storage) write: Write,
    /// The first step as it is stored, when the write begins with a single small one, as most do.
    pub(in crate::storage) first_step: Option<EarlyStep>,
}

/// What of a step can be made before its turn comes.
pub(in crate::storage) struct EarlyStep {
    /// Its JSON.
    pub(in crate::storage) body: String,
    /// What is linked of it.
    pub(in crate::storage) content: Content,
}

impl Order {
    pub(in crate::storage) fn new(write: Write) -> Self {
        let first_step = match write.ops.first() {
            Some(Op::Steps { turn, steps }) => match steps.as_slice() {
                [only] => early(*turn, only),
                _ => None,
            },
            _ => None,
        };
        Self { write, first_step }
    }
}

fn early(turn: TurnRow, step: &StepRow) -> Option<EarlyStep> {
    let mut text = Bounded(Vec::with_capacity(768));
    serde_json::to_writer(&mut text, &*step.step).ok()?;
    let body = String::from_utf8(text.0).ok()?;
    let content = content_of(turn, step, &body);
    Some(EarlyStep { body, content })
}

/// Fails when it would grow beyond [`EARLY_BYTES`].
struct Bounded(Vec<u8>);

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > EARLY_BYTES {
            return Err(io::ErrorKind::WriteZero.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
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
