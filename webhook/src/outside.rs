//! What follows from an event elsewhere than in the code host: whoever has the runtime, sandboxes and
//! phases implements it.

use futures_util::future::BoxFuture;
use orket_core::webhook::delivery::Repository;
use serde_json::Value;

/// Why something was not done. Shown in answers and comments: without secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutsideError {
    /// It may go well later.
    #[error("{0}")]
    Later(String),
    /// It cannot be done.
    #[error("{0}")]
    Never(String),
}

/// A pull request that was merged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    /// Where.
    pub repository: Repository,
    /// Its number there, from 1.
    pub number: u64,
    /// The commit that holds it, when the code host says so.
    pub commit: Option<String>,
}

impl Merged {
    /// The name of the rock that it stands for: `<owner>__<repository>-pr<number>`. The owner is in it so
    /// that repositories of the same name do not meet.
    #[must_use]
    pub fn rock_id(&self) -> String {
        format!(
            "{}__{}-pr{}",
            self.repository.owner, self.repository.name, self.number
        )
    }
}

/// What was brought up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployed {
    /// Its id.
    pub sandbox: String,
    /// What people are told about it, in Markdown.
    pub comment: String,
}

/// The port. Everything here may be asked again after a crash, and must then do nothing twice.
pub trait Outside: Send + Sync + 'static {
    /// Starts the run of a card; `key` is the same when it is asked again. Says in words what was started.
    fn run_card(&self, card: &str, key: &str) -> BoxFuture<'static, Result<String, OutsideError>>;

    /// Starts the phase in which the bugs of what was merged are fixed. One that runs goes on.
    fn start_phase(&self, merged: Merged) -> BoxFuture<'static, Result<String, OutsideError>>;

    /// Brings up what was merged. One that is up already is the answer.
    fn deploy(&self, merged: Merged) -> BoxFuture<'static, Result<Deployed, OutsideError>>;

    /// Writes an event into the log of the workspace. Returns at once.
    fn tell(&self, event: &str, data: Value);
}
