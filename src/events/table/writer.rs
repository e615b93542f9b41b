//! The thread with the only writing connection. It gathers chunks for a moment and stores them in one
//! transaction, so that many events cost little more than one.

use std::collections::HashSet;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, select};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use tokio::sync::oneshot;

use super::TableError;
use super::insert::{Row, insert};
use super::prune::{is_due, prune, set};
use super::store::{Numbers, Store, connect};
use crate::events::Counts;
use crate::events::chunk::Chunk;

/// How long chunks are gathered.
const GATHER: Duration = Duration::from_millis(100);
/// Frames that are enough for a transaction.
const ENOUGH: usize = 4_096;
/// Bytes of text that may wait; what comes on top is told and not stored.
const MOST_WAITING: usize = 64 * 1_024 * 1_024;
/// A process notes how far its numbers are at the latest after so many that are not stored.
const NOTE_EVERY: i64 = 1 << 18;
/// The numbers that a process gives before it may come to those of the next one.
const NUMBERS: i64 = (1 << crate::events::APART) - 1;

/// Passes chunks to the thread.
pub(in crate::events) struct TableWriter {
    chunks: Sender<Arc<Chunk>>,
    orders: Sender<oneshot::Sender<()>>,
    waiting: Arc<AtomicUsize>,
    counts: Arc<Counts>,
}

impl TableWriter {
    /// Has a chunk stored, if there is room for it.
    pub(in crate::events) fn take(&self, chunk: Arc<Chunk>) {
        let bytes = chunk.bytes.len();
        let before = self.waiting.fetch_add(bytes, Ordering::Relaxed);
        let lost = u64::try_from(chunk.frames.len()).unwrap_or(0);
        if before > MOST_WAITING || self.chunks.send(chunk).is_err() {
            self.waiting.fetch_sub(bytes, Ordering::Relaxed);
            self.counts.unstored.fetch_add(lost, Ordering::Relaxed);
        }
    }

    /// Answers when everything taken so far is stored.
    pub(in crate::events) fn flush(&self, done: oneshot::Sender<()>) {
        // A failure drops the sender, which is an answer too.
        let _ = self.orders.send(done);
    }
}

/// Starts the thread; it ends when its [`TableWriter`] is dropped. `after` is the number before the
/// first event of this process.
pub(in crate::events) fn start(
    store: Store,
    after: u64,
    counts: Arc<Counts>,
) -> io::Result<(TableWriter, JoinHandle<()>)> {
    // Bounded by the bytes that wait.
    let (chunks, inbox) = crossbeam_channel::unbounded();
    let (orders, asked) = crossbeam_channel::unbounded();
    let waiting = Arc::new(AtomicUsize::new(0));
    let mut thread = Thread {
        path: store.path,
        connection: Some(store.connection),
        keep: store.keep,
        noted: store.numbers,
        last_seq: i64::try_from(after).unwrap_or(i64::MAX),
        chunks: inbox,
        orders: asked,
        waiting: Arc::clone(&waiting),
        counts: Arc::clone(&counts),
        told: HashSet::new(),
    };
    // The next process must not give the same numbers, even if nothing is ever stored by this one.
    thread.guarded(|thread| {
        thread.note()?;
        thread.note_pruned(thread.last_seq | NUMBERS)
    });
    let handle = std::thread::Builder::new()
        .name("orket-table".to_owned())
        .spawn(move || thread.run())?;
    let writer = TableWriter {
        chunks,
        orders,
        waiting,
        counts,
    };
    Ok((writer, handle))
}

struct Thread {
    path: std::path::PathBuf,
    /// `None` after a failure, until it is opened again.
    connection: Option<SqliteConnection>,
    keep: u64,
    /// What the table says.
    noted: Numbers,
    /// The highest number seen.
    last_seq: i64,
    chunks: Receiver<Arc<Chunk>>,
    orders: Receiver<oneshot::Sender<()>>,
    waiting: Arc<AtomicUsize>,
    counts: Arc<Counts>,
    /// Failures that were told already.
    told: HashSet<String>,
}

impl Thread {
    fn run(&mut self) {
        loop {
            let mut gathered = Vec::new();
            let mut asked = Vec::new();
            let mut is_over = false;
            // The first thing to do may be long in coming.
            select! {
                recv(self.chunks) -> chunk => match chunk {
                    Ok(chunk) => {
                        gathered.push(chunk);
                        is_over = self.gather(&mut gathered, &mut asked);
                    }
                    Err(_) => is_over = true,
                },
                recv(self.orders) -> order => match order {
                    Ok(done) => asked.push(done),
                    Err(_) => is_over = true,
                },
            }
            // What is here now was given before any of the orders.
            asked.extend(self.orders.try_iter());
            gathered.extend(self.chunks.try_iter());
            self.store(&gathered);
            for done in asked {
                // Nobody may be waiting any more.
                let _ = done.send(());
            }
            if is_over {
                self.guarded(|thread| {
                    thread.note()?;
                    thread.note_pruned(thread.last_seq)?;
                    let connection = thread.connection()?;
                    Ok(connection.batch_execute("PRAGMA wal_checkpoint(PASSIVE)")?)
                });
                return;
            }
        }
    }

    /// Waits a little for more; true when nothing more will come.
    fn gather(&self, gathered: &mut Vec<Arc<Chunk>>, asked: &mut Vec<oneshot::Sender<()>>) -> bool {
        let until = Instant::now() + GATHER;
        let mut frames = 0;
        while frames < ENOUGH {
            select! {
                recv(self.chunks) -> chunk => match chunk {
                    Ok(chunk) => {
                        frames += chunk.frames.len();
                        gathered.push(chunk);
                    }
                    Err(_) => return true,
                },
                recv(self.orders) -> order => match order {
                    Ok(done) => {
                        asked.push(done);
                        return false;
                    }
                    Err(_) => return true,
                },
                default(until.saturating_duration_since(Instant::now())) => return false,
            }
        }
        false
    }

    fn store(&mut self, chunks: &[Arc<Chunk>]) {
        let Some(last) = chunks.last() else {
            return;
        };
        self.last_seq = i64::try_from(last.last_seq()).unwrap_or(i64::MAX);
        if !self.guarded(|thread| thread.insert(chunks)) {
            let lost = chunks.iter().map(|chunk| chunk.frames.len()).sum::<usize>();
            let lost = u64::try_from(lost).unwrap_or(0);
            self.counts.unstored.fetch_add(lost, Ordering::Relaxed);
        }
        let bytes = chunks.iter().map(|chunk| chunk.bytes.len()).sum::<usize>();
        self.waiting.fetch_sub(bytes, Ordering::Relaxed);
        self.counts
            .settled
            .store(last.last_seq(), Ordering::Release);
        if is_due(self.noted.kept, self.keep) {
            self.guarded(|thread| {
                let (kept, keep) = (thread.noted.kept, thread.keep);
                let gone = prune(thread.connection()?, kept, keep)?;
                thread.noted.kept -= gone;
                Ok(())
            });
        }
    }

    fn insert(&mut self, chunks: &[Arc<Chunk>]) -> Result<(), TableError> {
        let rows: Vec<Row<'_>> = if self.keep == 0 {
            Vec::new()
        } else {
            chunks.iter().flat_map(|chunk| rows_of(chunk)).collect()
        };
        if rows.is_empty() && self.last_seq - self.noted.last_seq < NOTE_EVERY {
            return Ok(());
        }
        let mut numbers = Numbers {
            last_seq: self.last_seq,
            kept: self.noted.kept + i64::try_from(rows.len()).unwrap_or(0),
            ..self.noted
        };
        for row in &rows {
            if row.at_ms < numbers.newest_ms {
                // The clock was set back.
                numbers.disordered_seq = row.seq;
            }
            numbers.newest_ms = numbers.newest_ms.max(row.at_ms);
        }
        let noted = self.noted;
        orket_actors::fault::point("events.store");
        self.connection()?.immediate_transaction(|connection| {
            insert(connection, &rows)?;
            set(connection, "last_seq", numbers.last_seq)?;
            set(connection, "kept", numbers.kept)?;
            set(connection, "newest_ms", numbers.newest_ms)?;
            if numbers.disordered_seq != noted.disordered_seq {
                set(connection, "disordered_seq", numbers.disordered_seq)?;
            }
            Ok::<_, diesel::result::Error>(())
        })?;
        self.noted = numbers;
        self.note_pruned(self.last_seq | NUMBERS)
    }

    /// Notes how far the numbers are.
    fn note(&mut self) -> Result<(), TableError> {
        if self.last_seq > self.noted.last_seq {
            let last_seq = self.last_seq;
            set(self.connection()?, "last_seq", last_seq)?;
            self.noted.last_seq = last_seq;
        }
        Ok(())
    }

    /// Where nothing is kept, notes that what has been told up to this number is not.
    fn note_pruned(&mut self, up_to: i64) -> Result<(), TableError> {
        if self.keep == 0 {
            set(self.connection()?, "pruned_seq", up_to)?;
        }
        Ok(())
    }

    /// The connection, opened again when it was given up.
    fn connection(&mut self) -> Result<&mut SqliteConnection, TableError> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => connect(&self.path)?,
        };
        Ok(self.connection.insert(connection))
    }

    /// Does something with the table; false, which is told once for each reason, when that failed.
    fn guarded(&mut self, work: impl FnOnce(&mut Self) -> Result<(), TableError>) -> bool {
        let reason = match catch_unwind(AssertUnwindSafe(|| work(self))) {
            Ok(Ok(())) => return true,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "it panicked".to_owned(),
        };
        self.connection = None;
        if self.told.len() < 64 && self.told.insert(reason.clone()) {
            tracing::warn!(
                reason,
                "events could not be stored, the journal has what counts; told once for each reason"
            );
        }
        false
    }
}

fn rows_of(chunk: &Chunk) -> impl Iterator<Item = Row<'_>> {
    chunk.frames.iter().filter_map(|frame| {
        if frame.is_fleeting {
            return None;
        }
        let mut fields = std::str::from_utf8(chunk.bytes.get(frame.fields())?)
            .ok()?
            .to_owned();
        fields.push('}');
        Some(Row {
            seq: i64::try_from(frame.seq).ok()?,
            at_ms: frame.at_ms,
            event: chunk.events.get(frame.event())?,
            role: chunk.roles.get(frame.role())?,
            session_id: match frame.session() {
                Some(session) => Some(chunk.sessions.get(session)?),
                None => None,
            },
            fields,
        })
    })
}
