//! The threads that file tools run on. Work on one path always goes to the same thread, in the
//! order it was asked for, so a write of a given-up attempt can never land after a later one.

use std::collections::VecDeque;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use tokio::sync::{Semaphore, oneshot};

type Work = Box<dyn FnOnce() + Send>;

/// A fixed number of threads, each with its own queue. At most `backlog` pieces of work are queued
/// or under way; past that callers wait, without blocking.
#[derive(Debug)]
pub struct Pool {
    lanes: Vec<Arc<Lane>>,
    room: Arc<Semaphore>,
}

/// One thread's queue. A thread that waits sleeps at once: spinning for the next piece, as channels
/// do, costs more than it saves where threads are more than processors.
#[derive(Default)]
struct Lane {
    queue: Mutex<Queue>,
    filled: Condvar,
}

#[derive(Default)]
struct Queue {
    work: VecDeque<Work>,
    closed: bool,
}

/// The work panicked, or the pool is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the file tools broke down on this call; see the log and try again")]
pub struct Lost;

impl Pool {
    /// Starts the threads. They end when the pool is dropped and its queue is empty.
    ///
    /// # Errors
    ///
    /// When the system gives no thread.
    pub fn start(threads: usize, backlog: usize) -> io::Result<Self> {
        let mut lanes = Vec::new();
        for number in 0..threads.max(1) {
            let lane = Arc::new(Lane::default());
            let served = Arc::clone(&lane);
            thread::Builder::new()
                .name(format!("orket-files-{number}"))
                .spawn(move || served.serve())?;
            lanes.push(lane);
        }
        let room = Arc::new(Semaphore::new(backlog.max(1)));
        Ok(Self { lanes, room })
    }

    /// Runs `work` on the thread of `place` and gives its value.
    ///
    /// # Errors
    ///
    /// [`Lost`] when the work panicked.
    pub async fn run<T: Send + 'static>(
        &self,
        place: &impl Hash,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Lost> {
        let room = Arc::clone(&self.room);
        let permit = room.acquire_owned().await.map_err(|_closed| Lost)?;
        let (answer, answered) = oneshot::channel();
        let lane = self.lane(place).ok_or(Lost)?;
        lane.push(Box::new(move || {
            let value = work();
            drop(permit);
            let _nobody_waits = answer.send(value);
        }));
        answered.await.map_err(|_dropped| Lost)
    }

    fn lane(&self, place: &impl Hash) -> Option<&Lane> {
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(place);
        let count = u64::try_from(self.lanes.len()).ok()?;
        let number = usize::try_from(hash.checked_rem(count)?).ok()?;
        self.lanes.get(number).map(Arc::as_ref)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        for lane in &self.lanes {
            lane.lock().closed = true;
            lane.filled.notify_one();
        }
    }
}

impl Lane {
    fn push(&self, work: Work) {
        self.lock().work.push_back(work);
        self.filled.notify_one();
    }

    /// Works until the pool is dropped and the queue is empty.
    fn serve(&self) {
        while let Some(work) = self.next() {
            if catch_unwind(AssertUnwindSafe(work)).is_err() {
                tracing::error!("a file tool panicked; its call failed and its thread goes on");
            }
        }
    }

    fn next(&self) -> Option<Work> {
        let mut queue = self.lock();
        loop {
            if let Some(work) = queue.work.pop_front() {
                return Some(work);
            }
            if queue.closed {
                return None;
            }
            queue = self
                .filled
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Lane {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lane")
            .field("queued", &self.lock().work.len())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use futures_util::future::join_all;
    use futures_util::poll;

    use super::*;

    #[tokio::test]
    async fn work_on_one_path_keeps_its_order_and_outlives_whoever_asked() {
        let pool = Pool::start(3, 200).expect("threads");
        let done = Arc::new(Mutex::new(Vec::new()));
        let mut asked = Vec::new();
        for number in 0..100 {
            let note = Arc::clone(&done);
            let work = move || note.lock().expect("no panic").push(number);
            let mut call = Box::pin(pool.run(&"one path", work));
            // Without tokio's budget, it is queued by the first poll.
            let is_answered = poll!(tokio::task::unconstrained(&mut call)).is_ready();
            // Every other caller leaves; its work was queued before and stays in its place.
            if number % 2 == 0 && !is_answered {
                asked.push(call);
            }
        }
        assert!(join_all(asked).await.iter().all(Result::is_ok));
        pool.run(&"one path", || ()).await.expect("the last");
        let expected: Vec<_> = (0..100).collect();
        assert_eq!(*done.lock().expect("no panic"), expected);
    }

    #[tokio::test]
    async fn a_panic_fails_its_own_call_only() {
        let pool = Pool::start(1, 1).expect("threads");
        assert_eq!(
            pool.run(&0, || panic!("on purpose")).await,
            Err::<(), _>(Lost)
        );
        assert_eq!(pool.run(&0, || 7).await, Ok(7));
    }
}
