//! Looking at what a run would be. Nothing is started.

use super::{Refusal, Service, blocking};
use crate::owner::ports::Planner;

impl Service {
    /// Lets `look` ask the planner, where blocking is allowed.
    ///
    /// # Errors
    ///
    /// When `look` panics.
    pub async fn with_planner<T: Send + 'static>(
        &self,
        look: impl FnOnce(&dyn Planner) -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        let planner = std::sync::Arc::clone(&self.inner.planner);
        blocking(move || look(planner.as_ref())).await
    }
}
