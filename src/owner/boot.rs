//! Brings an owner up and takes it down.

use std::io;
use std::os::unix::net::UnixListener;
use std::sync::Arc;

use actix_web::dev::{Server, ServerHandle};
use futures_util::future::BoxFuture;
use orket_actors::runtime::Shutdown;

use super::folder::DataFolder;
use super::lock::OwnerLock;
use super::ports::{Engine, Planner, Records};
use super::service::Service;
use super::socket::Socket;
use super::surroundings::Surroundings;
use crate::events::EventLog;

/// What an owner is made of.
pub struct Parts {
    /// Runs plans.
    pub engine: Arc<dyn Engine>,
    /// Makes plans.
    pub planner: Arc<dyn Planner>,
    /// Reads the journal.
    pub records: Arc<dyn Records>,
    /// What happened.
    pub events: EventLog,
    /// Closes what is below the engine (journal, log, projections), after the engine is down.
    pub close: Box<dyn FnOnce() -> BoxFuture<'static, ()> + Send>,
}

/// A living owner. [`Owner::stop`] takes it down in order; dropping it leaves that to the kernel.
pub struct Owner {
    service: Service,
    server: ServerHandle,
    socket: Socket,
    close: Box<dyn FnOnce() -> BoxFuture<'static, ()> + Send>,
    before_stop: Vec<BeforeStop>,
    lock: OwnerLock,
}

/// What is brought to its end before an owner stops; it may be quick about it when told to.
type BeforeStop = Box<dyn FnOnce(Shutdown) -> BoxFuture<'static, ()> + Send>;

impl Owner {
    /// Opens the socket of a folder that is owned; `serve` answers what comes in there. Must be called
    /// on an actix system.
    ///
    /// # Errors
    ///
    /// When the socket cannot be bound.
    pub fn open(
        folder: &DataFolder,
        lock: OwnerLock,
        parts: Parts,
        surroundings: Surroundings,
        serve: impl FnOnce(UnixListener, &Service) -> io::Result<(Server, ServerHandle)>,
    ) -> io::Result<Self> {
        let service = Service::new(
            parts.engine,
            parts.planner,
            parts.records,
            parts.events,
            surroundings,
        );
        if let Err(error) = service.take_up_rocks() {
            tracing::error!(%error, "rocks that were left in the middle are not taken up");
        }
        let (socket, listener) = Socket::bind(folder, &lock)?;
        let (server, handle) = serve(listener, &service)?;
        actix_rt::spawn(server);
        Ok(Self {
            service,
            server: handle,
            socket,
            close: parts.close,
            before_stop: Vec::new(),
            lock,
        })
    }

    /// Has something brought to its end when the owner stops, while the engine still listens.
    pub fn before_stop(&mut self, work: BeforeStop) {
        self.before_stop.push(work);
    }

    /// What can be asked of it.
    #[must_use]
    pub fn service(&self) -> &Service {
        &self.service
    }

    /// Where it listens.
    #[must_use]
    pub fn socket(&self) -> &std::path::Path {
        self.socket.path()
    }

    /// Takes it down: first the engine, so that whoever follows a run sees how it ended; then the
    /// socket, the journal, and last the lock. What is to be done before is done before.
    pub async fn stop(self, how: Shutdown) {
        for work in self.before_stop {
            if let Err(panic) = tokio::spawn(work(how)).await {
                tracing::error!(%panic, "something was not brought to its end; the next start does it");
            }
        }
        let service = self.service;
        // As a task of its own: whatever happens in it, the rest is taken down.
        if let Err(panic) = tokio::spawn(async move { service.shutdown(how).await }).await {
            tracing::error!(%panic, "stopping the engine broke off; the next start takes up the rest");
        }
        self.server.stop(true).await;
        drop(self.socket);
        (self.close)().await;
        drop(self.lock);
    }
}
