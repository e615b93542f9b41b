//! The handle on the journal: open, submit, close, and the [`Store`] port.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use futures_util::future::BoxFuture;
use orket_actors::port::queue::QueuedRun;
use orket_actors::port::store::{
    CardRecord, CardRow, GateRecord, LoadedCard, RunRecord, Store, StoreError, TurnRow, Write,
};
use orket_core::ids::{BuildId, RunId};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

use super::connection::{self, Pragmas};
use super::options::{JournalOptions, OpenError};
use super::reader::Reader;
use super::writer::stats::{WriterCounts, WriterStats};
use super::writer::{Gate, Job, Message, Order, Writer};

/// The database's file within its folder.
pub const FILE_NAME: &str = "orket_persistence.db";

/// The journals that are open in this process. The lock on the data folder keeps other processes
/// out; this keeps a second writer out of this one.
static OPEN: Mutex<Option<HashSet<PathBuf>>> = Mutex::new(None);

/// The journal. One per data folder; share it in an [`Arc`].
pub struct Journal {
    path: PathBuf,
    inbox: UnboundedSender<Message>,
    gate: Arc<Gate>,
    queue: usize,
    stats: Arc<WriterStats>,
    reader: Reader,
    writer: Mutex<Option<JoinHandle<Result<(), StoreError>>>>,
}

impl std::fmt::Debug for Journal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Journal").field("path", &self.path).finish()
    }
}

impl Journal {
    /// Opens the journal in `folder` (such as `.orket/durable/db`), makes folder and file when they
    /// are missing, and brings the schema up to date. Blocks for some milliseconds.
    ///
    /// # Errors
    ///
    /// [`OpenError`], with a code.
    pub fn open(folder: &Path, options: JournalOptions) -> Result<Arc<Self>, OpenError> {
        let path = prepare_folder(folder)?;
        let registration = Registration::new(&path)?;
        let mut writing = connection::open_writer(&path, options.sync)?;
        connection::migrate(&mut writing, &path)?;
        let beside = connection::open_writer(&path, options.sync)?;
        let reader = Reader::new(connection::open_readers(&path, options.readers)?);
        let gate = Arc::new(Gate::new(options.queue));
        let stats = Arc::new(WriterStats::default());
        let (inbox, messages) = unbounded_channel();
        let no_thread = |error: std::io::Error| OpenError::Unusable {
            path: path.clone(),
            reason: format!("no thread could be started: {error}"),
        };
        let writer = Writer::new(
            path.clone(),
            options,
            (writing, beside),
            Arc::clone(&gate),
            Arc::clone(&stats),
            messages,
            inbox.clone(),
        )
        .map_err(no_thread)?;
        let thread = std::thread::Builder::new()
            .name("orket-writer".to_owned())
            .spawn(move || {
                let _registration = registration;
                writer.run()
            })
            .map_err(no_thread)?;
        Ok(Arc::new(Self {
            path,
            inbox,
            gate,
            queue: options.queue,
            stats,
            reader,
            writer: Mutex::new(Some(thread)),
        }))
    }

    /// Where the database is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// For reading; cheap to clone.
    #[must_use]
    pub fn reader(&self) -> Reader {
        self.reader.clone()
    }

    /// Writes accepted and not yet answered are at most the `queue` of the options; this many more
    /// would be accepted now.
    #[must_use]
    pub fn room(&self) -> usize {
        self.gate.room.available_permits()
    }

    /// Whether anything can still be written.
    #[must_use]
    pub fn takes_writes(&self) -> bool {
        !self.gate.room.is_closed() && !self.inbox.is_closed()
    }

    /// What the writer has done so far.
    #[must_use]
    pub fn stats(&self) -> WriterCounts {
        self.stats.counts()
    }

    /// Resolves when the writer's thread has ended, in good order or not: nothing can be written
    /// any more. For the supervisor.
    pub async fn ended(&self) {
        self.inbox.closed().await;
    }

    /// How every connection is set: the writer's first, then each reader's.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when one cannot be asked.
    pub async fn pragmas(&self) -> Result<Vec<Pragmas>, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.inbox
            .send(Message::Pragmas(reply))
            .map_err(|_| self.gate.gone())?;
        let mut all = vec![answer.await.map_err(|_| self.gate.gone())??];
        all.extend(self.reader.run(Reader::pragmas).await?);
        Ok(all)
    }

    /// Accepts nothing more, commits what was accepted, moves the WAL into the database and waits
    /// for the thread. Blocks; call it where blocking is allowed. A second call does nothing.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the last checkpoint failed (the WAL is kept, nothing is lost) or the
    /// thread had died.
    pub fn close(&self) -> Result<(), StoreError> {
        self.gate.close();
        let thread = lock(&self.writer).take();
        let Some(thread) = thread else {
            return Ok(());
        };
        // A send that fails means that the thread has ended already.
        let _ = self.inbox.send(Message::Close);
        thread
            .join()
            .unwrap_or_else(|panic| Err(StoreError::Panicked(super::writer::panic_text(&*panic))))
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        if let Err(error) = self.close() {
            tracing::warn!(%error, "the journal was not closed in good order");
        }
    }
}

impl Store for Journal {
    fn submit(&self, write: Write) -> BoxFuture<'static, Result<(), StoreError>> {
        let inbox = self.inbox.clone();
        let gate = Arc::clone(&self.gate);
        Box::pin(async move {
            // The writer gives places back, many at once.
            gate.room.acquire().await.map_err(|_| gate.gone())?.forget();
            let (reply, answer) = oneshot::channel();
            let order = Box::new(Order::new(write));
            inbox
                .send(Message::Job(Job { order, reply }))
                .map_err(|_| gate.gone())?;
            let (answer, _order) = answer.await.map_err(|_| gate.gone())?;
            answer
        })
    }

    fn waiting(&self) -> usize {
        self.queue.saturating_sub(self.room())
    }

    fn running_runs(&self) -> BoxFuture<'static, Result<Vec<RunId>, StoreError>> {
        self.reader.run(Reader::running_runs)
    }

    fn load_run(&self, run_id: RunId) -> BoxFuture<'static, Result<Option<RunRecord>, StoreError>> {
        self.reader.run(move |reader| reader.load_run(&run_id))
    }

    fn queued_run(
        &self,
        run_id: RunId,
    ) -> BoxFuture<'static, Result<Option<QueuedRun>, StoreError>> {
        self.reader
            .run(move |reader| reader.queued_run(run_id.as_str()))
    }

    fn load_card(
        &self,
        row: CardRow,
    ) -> BoxFuture<'static, Result<Option<LoadedCard>, StoreError>> {
        self.reader.run(move |reader| reader.load_card(row))
    }

    fn build_cards(
        &self,
        build_id: BuildId,
    ) -> BoxFuture<'static, Result<Vec<CardRecord>, StoreError>> {
        self.reader.run(move |reader| reader.build_cards(&build_id))
    }

    fn gates_of_run(
        &self,
        run_id: RunId,
    ) -> BoxFuture<'static, Result<Vec<GateRecord>, StoreError>> {
        self.reader
            .run(move |reader| reader.gates_of_run(run_id.as_str()))
    }

    fn gates_of_build(
        &self,
        build_id: BuildId,
    ) -> BoxFuture<'static, Result<Vec<GateRecord>, StoreError>> {
        self.reader
            .run(move |reader| reader.gates_of_build(build_id.as_str()))
    }

    fn run_events(
        &self,
        run_id: RunId,
        kinds: Vec<&'static str>,
    ) -> BoxFuture<'static, Result<Vec<String>, StoreError>> {
        self.reader
            .run(move |reader| reader.run_events(run_id.as_str(), &kinds))
    }

    fn gate(&self, id: i64) -> BoxFuture<'static, Result<Option<GateRecord>, StoreError>> {
        self.reader.run(move |reader| reader.gate_record(id))
    }

    fn expired_gates(
        &self,
        now_ms: i64,
    ) -> BoxFuture<'static, Result<Vec<GateRecord>, StoreError>> {
        self.reader.run(move |reader| reader.expired_gates(now_ms))
    }

    fn highest_rows(&self) -> BoxFuture<'static, Result<(CardRow, TurnRow), StoreError>> {
        self.reader.run(Reader::highest_rows)
    }
}

/// The folder, made when missing (for its owner only: prompts and replies are kept here), and the
/// absolute path of the database in it.
fn prepare_folder(folder: &Path) -> Result<PathBuf, OpenError> {
    use std::os::unix::fs::DirBuilderExt as _;
    let failed = |path: &Path, error: &std::io::Error| match error.kind() {
        std::io::ErrorKind::PermissionDenied => OpenError::Permission {
            path: path.to_owned(),
        },
        _ => OpenError::Path {
            path: path.to_owned(),
            reason: error.to_string(),
        },
    };
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|error| failed(folder, &error))?;
    let folder = std::fs::canonicalize(folder).map_err(|error| failed(folder, &error))?;
    let path = folder.join(FILE_NAME);
    // SQLite would only say "unable to open database file".
    std::fs::OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .open(&path)
        .map_err(|error| failed(&path, &error))?;
    Ok(path)
}

/// A place in [`OPEN`], given back when the writer's thread ends.
struct Registration(PathBuf);

impl Registration {
    fn new(path: &Path) -> Result<Self, OpenError> {
        if lock(&OPEN).get_or_insert_default().insert(path.to_owned()) {
            Ok(Self(path.to_owned()))
        } else {
            Err(OpenError::AlreadyOpen {
                path: path.to_owned(),
            })
        }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        lock(&OPEN).get_or_insert_default().remove(&self.0);
    }
}

/// A set or handle is never half changed, so a panic elsewhere does not spoil it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
