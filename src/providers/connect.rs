//! Tells a request when its connection stands.
//!
//! reqwest hands out nothing between "sent" and "the response's headers are here", and a local
//! model server may withhold the headers for minutes while it loads a model. So a layer round
//! reqwest's connector (TCP, proxy and TLS included) marks a flag that the request carries as a
//! task-local value. That works because with the connection pool off hyper runs the connector
//! inside the request's own future.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use tower_layer::Layer;
use tower_service::Service;

tokio::task_local! {
    static STANDS: Connection;
}

/// Whether the connection of one request stands.
#[derive(Debug, Clone, Default)]
pub(super) struct Connection(Arc<AtomicBool>);

impl Connection {
    /// Runs a request so that its connection is told of here.
    pub(super) fn watch<F: Future>(&self, request: F) -> impl Future<Output = F::Output> + use<F> {
        STANDS.scope(self.clone(), request)
    }

    /// Whether it stands.
    pub(super) fn stands(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn mark() {
        // Outside of `watch` there is nobody to tell.
        let _ = STANDS.try_with(|connection| connection.0.store(true, Ordering::Relaxed));
    }
}

/// The layer that tells.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tell;

impl<S> Layer<S> for Tell {
    type Service = Telling<S>;
    fn layer(&self, inner: S) -> Self::Service {
        Telling(inner)
    }
}

/// A connector that tells.
#[derive(Debug, Clone)]
pub(super) struct Telling<S>(S);

impl<S, R> Service<R> for Telling<S>
where
    S: Service<R>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, destination: R) -> Self::Future {
        let connecting = self.0.call(destination);
        Box::pin(async move {
            let connection = connecting.await?;
            Connection::mark();
            Ok(connection)
        })
    }
}
