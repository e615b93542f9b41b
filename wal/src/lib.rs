//! Checkpoints of a SQLite database in WAL mode by a thread of its own, on a connection of its own.
//!
//! A writer that does it itself makes everybody wait for as long as thousands of pages take to be copied
//! and flushed. Beside it, it only has to do the rest, which is little, so that the WAL begins anew.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::BigInt;

/// Transactions between two looks at how much there is in the WAL.
const TRANSACTIONS_BETWEEN_LOOKS: u32 = 8;

/// What is done beside a writer, and what is left to it. Dropping it waits for what is under way.
#[derive(Debug)]
pub struct Checkpoints {
    wanted: Option<SyncSender<()>>,
    is_moved: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    database: &'static str,
    pages: i64,
    transactions: u32,
}

impl Checkpoints {
    /// Starts the thread, called `name` (15 bytes are shown by the system), which uses `connection` and
    /// begins once `pages` pages wait in the WAL: the pages of indexes that were written often meanwhile
    /// are moved once. The log calls the database `database`.
    ///
    /// # Errors
    ///
    /// When the system gives no thread.
    pub fn start(
        connection: SqliteConnection,
        name: &str,
        database: &'static str,
        pages: u32,
    ) -> std::io::Result<Self> {
        // One more that is wanted while it is at it is the same one.
        let (wanted, inbox) = sync_channel(1);
        let is_moved = Arc::new(AtomicBool::new(false));
        let moved = Arc::clone(&is_moved);
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || run(connection, database, &inbox, &moved))?;
        Ok(Self {
            wanted: Some(wanted),
            is_moved,
            thread: Some(thread),
            database,
            pages: i64::from(pages),
            transactions: 0,
        })
    }

    /// The writer has committed. Must not be called within a transaction.
    pub fn committed(&mut self, writer: &mut SqliteConnection) {
        if self.is_moved.swap(false, Ordering::AcqRel) {
            // What was written meanwhile.
            move_over(writer, self.database);
            self.transactions = 0;
            return;
        }
        self.transactions += 1;
        if self.transactions < TRANSACTIONS_BETWEEN_LOOKS {
            return;
        }
        self.transactions = 0;
        let waits = match waiting(writer) {
            Ok(pages) => pages,
            Err(error) => {
                tracing::debug!(%error, database = self.database, "how much there is in the WAL is not known");
                return;
            }
        };
        if waits >= self.pages
            && let Some(wanted) = &self.wanted
        {
            // It is at it, or has ended; SQLite itself sees to a WAL that grows all the same.
            let _ = wanted.try_send(());
        }
    }

    /// Waits for what is under way; nothing more is done beside the writer then.
    pub fn stop(&mut self) {
        self.wanted = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!(
                database = self.database,
                "the thread that empties the WAL broke; the writer did it"
            );
        }
    }
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        self.stop();
    }
}

fn run(
    mut connection: SqliteConnection,
    database: &str,
    inbox: &Receiver<()>,
    is_moved: &AtomicBool,
) {
    while inbox.recv().is_ok() {
        // The second time it is what was written during the first, so that less is left to the writer.
        for _ in 0..2 {
            move_over(&mut connection, database);
        }
        is_moved.store(true, Ordering::Release);
    }
}

/// Moves what can be moved without anybody waiting for it.
fn move_over(connection: &mut SqliteConnection, database: &str) {
    if let Err(error) = connection.batch_execute("PRAGMA wal_checkpoint(PASSIVE)") {
        tracing::warn!(%error, database, "the WAL was not emptied; nothing is lost, and it is tried again");
    }
}

#[derive(QueryableByName)]
struct Counts {
    #[diesel(sql_type = BigInt)]
    log: i64,
    #[diesel(sql_type = BigInt)]
    checkpointed: i64,
}

/// Pages in the WAL that are not in the database yet.
fn waiting(connection: &mut SqliteConnection) -> QueryResult<i64> {
    let counts: Counts = diesel::sql_query("PRAGMA wal_checkpoint(NOOP)").get_result(connection)?;
    Ok(counts.log - counts.checkpointed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(path: &std::path::Path) -> SqliteConnection {
        let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
        connection
            .batch_execute(
                "PRAGMA busy_timeout=5000; PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0;",
            )
            .unwrap();
        connection
    }

    fn write(writer: &mut SqliteConnection, rows: usize) {
        for _ in 0..rows {
            writer
                .batch_execute("INSERT INTO t (x) VALUES (randomblob(3000))")
                .unwrap();
        }
    }

    #[test]
    fn what_is_in_the_wal_is_moved_by_the_thread_and_the_rest_by_the_writer() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        let mut writer = open(&path);
        writer.batch_execute("CREATE TABLE t (x BLOB)").unwrap();
        let mut checkpoints = Checkpoints::start(open(&path), "wal-test", "test", 64).unwrap();
        write(&mut writer, 100);
        assert!(waiting(&mut writer).unwrap() >= 100);
        for _ in 0..TRANSACTIONS_BETWEEN_LOOKS {
            checkpoints.committed(&mut writer);
        }
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
        while !checkpoints.is_moved.load(Ordering::Acquire) {
            assert!(std::time::Instant::now() < deadline);
            std::thread::yield_now();
        }
        assert_eq!(waiting(&mut writer).unwrap(), 0);
        // The rest is the writer's, and the WAL begins anew: it does not grow any more.
        write(&mut writer, 10);
        checkpoints.committed(&mut writer);
        assert_eq!(waiting(&mut writer).unwrap(), 0);
        let wal = folder.path().join("x.db-wal");
        let before = wal.metadata().unwrap().len();
        write(&mut writer, 20);
        assert_eq!(wal.metadata().unwrap().len(), before);
        assert!((1..=60).contains(&waiting(&mut writer).unwrap()));
    }

    #[test]
    fn little_is_left_where_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        let mut writer = open(&path);
        writer.batch_execute("CREATE TABLE t (x BLOB)").unwrap();
        let mut checkpoints = Checkpoints::start(open(&path), "wal-test", "test", 1_000).unwrap();
        write(&mut writer, 20);
        let before = waiting(&mut writer).unwrap();
        for _ in 0..10 * TRANSACTIONS_BETWEEN_LOOKS {
            checkpoints.committed(&mut writer);
        }
        drop(checkpoints);
        assert_eq!(waiting(&mut writer).unwrap(), before);
    }
}
