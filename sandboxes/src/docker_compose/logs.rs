//! The log of a sandbox.

use std::sync::Arc;
use std::time::Duration;

use super::Inner;
use crate::error::SandboxError;
use crate::sandbox::SandboxStatus;

/// Lines that are shown of each service.
const LINES: u32 = 100;
/// How long that may take.
const LIMIT: Duration = Duration::from_secs(10);

impl Inner {
    /// The last lines, without secrets.
    ///
    /// # Errors
    ///
    /// [`SandboxError`].
    pub(super) async fn logs(
        self: Arc<Self>,
        id: &str,
        service: Option<&str>,
    ) -> Result<String, SandboxError> {
        let entry = self.known(id)?;
        let record = entry
            .record()
            .ok_or_else(|| SandboxError::Unknown(id.to_owned()))?;
        if let Some(service) = service
            && !record.tech_stack.services().contains(&service)
        {
            return Err(SandboxError::UnknownService {
                id: id.to_owned(),
                service: service.to_owned(),
            });
        }
        if matches!(
            record.status,
            SandboxStatus::Stopped | SandboxStatus::Deleted
        ) {
            return Err(SandboxError::Failed {
                id: id.to_owned(),
                reason: format!("it is {}, and its log went with it", record.status.name()),
            });
        }
        let target = self.target(&entry).await;
        let said = self.docker.logs(&target, LINES, service, LIMIT).await;
        let said = said.map_err(|error| entry.failed(error))?;
        Ok(entry.mask(&(said.out + &said.err)))
    }
}
