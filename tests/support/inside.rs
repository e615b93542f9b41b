//! A server inside of this process, so that a test can have things happen as fast as it likes.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use actix_web::web::Data;
use orket::api::keys::ApiKeys;
use orket::api::seats::Seats;
use orket::api::server::{Shared, serve_address};
use orket::api::sockets::{SocketOptions, Sockets};
use orket::cli::context::Context;
use orket::cli::enter::own;
use orket::config::{Settings, Sources};
use orket::owner::folder::DataFolder;
use orket_actors::runtime::Shutdown;
use tokio::sync::oneshot;

/// The key with every scope.
pub const KEY: &str = "a-key-for-tests-0123456789";

/// See the file's head; stopped in good order when it is dropped.
pub struct Inside {
    pub address: SocketAddr,
    pub shared: Shared,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    _folder: tempfile::TempDir,
}

impl Inside {
    /// Starts it with these variables.
    pub fn start(options: SocketOptions, variables: &[(&str, &str)]) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), options, 4_096, variables)
    }

    /// Starts it in a folder that there is, for so many who follow single runs.
    pub fn start_in(
        folder: tempfile::TempDir,
        options: SocketOptions,
        followers: usize,
        variables: &[(&str, &str)],
    ) -> Self {
        let context = context(folder.path(), variables);
        let (stop, stopped) = oneshot::channel();
        let (tell, told) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            actix_rt::System::new().block_on(async move {
                let lock = own(&context.folder)
                    .await
                    .unwrap_or_else(|failure| panic!("{failure:?}"));
                let (owner, mut shared) = context
                    .become_server(lock)
                    .await
                    .unwrap_or_else(|failure| panic!("{failure:?}"));
                shared.sockets = Data::new(Sockets::new(options));
                shared.followers = Data::new(Seats::new(followers));
                let listener = TcpListener::bind("127.0.0.1:0").unwrap();
                listener.set_nonblocking(true).unwrap();
                let address = listener.local_addr().unwrap();
                let keys = ApiKeys::new(Some(KEY), Vec::new(), false, 0).unwrap();
                let (server, handle) =
                    serve_address(listener, shared.clone(), Arc::new(keys), Arc::new([]), 2)
                        .unwrap();
                actix_rt::spawn(server);
                tell.send((address, shared)).unwrap();
                let _ = stopped.await;
                let service = owner.service().clone();
                let draining = actix_rt::spawn(async move {
                    service.stopped().await;
                    handle.stop(true).await;
                });
                owner.stop(Shutdown::Graceful).await;
                let _ = draining.await;
            });
        });
        let (address, shared) = told.recv().unwrap();
        Self {
            address,
            shared,
            stop: Some(stop),
            thread: Some(thread),
            _folder: folder,
        }
    }

    /// Begins to stop it.
    pub fn begin_to_stop(&mut self) {
        drop(self.stop.take());
    }
}

fn context(folder: &Path, variables: &[(&str, &str)]) -> Context {
    let environment = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let sources = Sources {
        environment: environment.collect(),
        cwd: folder.to_owned(),
        ..Sources::default()
    };
    let settings = Settings::resolve(&sources).unwrap();
    Context {
        folder: DataFolder::new(&settings.durable_root),
        settings,
        sources,
        cwd: folder.to_owned(),
        json: false,
        set: Vec::new(),
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.begin_to_stop();
        if let Some(thread) = self.thread.take() {
            let result = thread.join();
            if !std::thread::panicking() {
                result.unwrap();
            }
        }
    }
}
