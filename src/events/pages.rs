//! Stored events for those who missed them, as chunks, made once for everybody: when many clients fall
//! behind they do so together.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OnceCell, Semaphore};

use super::filter::Filter;
use super::table::{Past, Replay, Table, TableError};

/// Pages begin at multiples of this number, so that all who are somewhere behind one share it.
const APART: u64 = 1_024;
/// Rows of a page.
const ROWS: i64 = 1_024;
/// Bytes of a page, about.
const BYTES: usize = 1_024 * 1_024;
/// Rows of a page of one run.
const ROWS_OF_RUN: i64 = 256;
/// Pages that are kept.
const KEPT: usize = 24;
/// Pages that are made at once; who wants another one waits.
const AT_ONCE: usize = 4;

/// A page, once it is made; `None` when it cannot be.
type Slot = Arc<OnceCell<Option<Arc<Replay>>>>;

/// See the file's head.
pub struct Pages {
    table: Table,
    /// The latest, by the number that they begin behind.
    kept: Mutex<VecDeque<(u64, Slot)>>,
    turns: Semaphore,
}

impl Pages {
    /// Of a table.
    #[must_use]
    pub fn new(table: Table) -> Self {
        Self {
            table,
            kept: Mutex::default(),
            turns: Semaphore::new(AT_ONCE),
        }
    }

    /// Some events, at least those behind `after`, if they are stored up to `settled`: the wish may be in
    /// the middle of them. With a filter they are made for this one wish. `None`, which is told, when
    /// the table cannot be read.
    pub async fn behind(&self, after: u64, settled: u64, filter: &Filter) -> Option<Arc<Replay>> {
        if !filter.is_open() {
            return self.look_up(after, settled, filter.clone()).await;
        }
        let start = after / APART * APART;
        let slot = self.slot(start);
        let made = slot.get_or_init(|| self.look_up(start, settled, Filter::default()));
        let page = made.await.clone();
        // The end of the table grows, and a failure may pass.
        if page.as_ref().is_none_or(|page| !page.is_more) {
            self.forget(start, &slot);
        }
        match page {
            // Long events: the page ends before what is wished for.
            Some(page) if page.is_more && page.up_to <= after => {
                self.look_up(after, settled, Filter::default()).await
            }
            page => page,
        }
    }

    fn slot(&self, start: u64) -> Slot {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, slot)) = kept.iter().find(|(known, _)| *known == start) {
            return Arc::clone(slot);
        }
        let slot = Slot::default();
        kept.push_back((start, Arc::clone(&slot)));
        if kept.len() > KEPT {
            kept.pop_front();
        }
        slot
    }

    fn forget(&self, start: u64, slot: &Slot) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(known, kept)| *known != start || !Arc::ptr_eq(kept, slot));
    }

    /// Where blocking is allowed.
    async fn look_up(&self, after: u64, settled: u64, filter: Filter) -> Option<Arc<Replay>> {
        let looking = move |table: &Table| table.replay(after, settled, &filter, ROWS, BYTES);
        self.look(looking).await.map(Arc::new)
    }

    /// Some events of a run, from behind `after` on and not above `up_to`. `None`, which is told, when
    /// the table cannot be read.
    pub async fn of_run(&self, run: &str, after: u64, up_to: u64) -> Option<Past> {
        let run = run.to_owned();
        self.look(move |table| table.past(&run, after, up_to, ROWS_OF_RUN))
            .await
    }

    /// The number of the last event of this name of a run; 0 when there is none or the table cannot be
    /// read, which is told.
    pub async fn last_of(&self, run: &str, event: &'static str) -> u64 {
        let run = run.to_owned();
        let found = self.look(move |table| table.last_of(&run, event)).await;
        found.unwrap_or(0)
    }

    async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Table) -> Result<T, TableError> + Send + 'static,
    ) -> Option<T> {
        let _turn = self.turns.acquire().await.ok()?;
        let table = self.table.clone();
        match crate::blocking::blocking(move || look(&table)).await {
            Ok(Ok(found)) => Some(found),
            Ok(Err(error)) => {
                tracing::warn!(%error, "a client cannot be given what it missed");
                None
            }
            Err(panic) => {
                tracing::error!(%panic, "looking up stored events broke off");
                None
            }
        }
    }
}
