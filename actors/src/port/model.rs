//! Model providers.

use std::sync::Arc;

use futures_util::stream::BoxStream;
use orket_core::failure::Failure;
use orket_core::model::{ModelEvent, ModelName, ModelRequest};

/// One way to reach models.
pub trait ModelProvider: Send + Sync + 'static {
    /// What shares permits and a circuit breaker: scheme, host and port, or the provider's name.
    fn endpoint(&self) -> &str;

    /// How many requests may be under way at once when the operator says nothing.
    fn default_permits(&self) -> usize;

    /// Asks. The stream ends after `Done` or `Failed`. Dropping it closes the connection: that is
    /// how a request is cancelled. It sets no clock of its own but for connecting; the watchdog does.
    fn ask(&self, request: Arc<ModelRequest>) -> BoxStream<'static, ModelEvent>;
}

/// Finds providers by model name.
pub trait ModelProviders: Send + Sync + 'static {
    /// The provider of `model`.
    ///
    /// # Errors
    ///
    /// A [`Failure`] of class `model_refused` that says what is missing: a scenario, a key.
    fn provider(&self, model: &ModelName) -> Result<Arc<dyn ModelProvider>, Failure>;
}
