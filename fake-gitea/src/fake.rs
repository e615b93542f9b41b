//! Starts a Gitea, sets it up, looks at it.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::answer::{self, Shared};
use crate::fault::{Fault, Route};
use crate::git;
use crate::listener::{Accepting, Port};
use crate::state::{Label, Merged, Pull, Recorded, Repository, State};

/// A running Gitea. It stops with its last handle.
pub struct FakeGitea {
    shared: Arc<Shared>,
    port: Port,
    accepting: Mutex<Option<Accepting>>,
}

/// What was waited for did not come within its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimedOut {
    /// What had been asked until then.
    pub requests: Vec<Recorded>,
    /// What was wrong with it.
    pub violations: Vec<String>,
}

impl FakeGitea {
    /// Listens on a free port of 127.0.0.1.
    ///
    /// # Panics
    /// When no port can be had: a test cannot go on then.
    #[must_use]
    #[expect(clippy::expect_used, reason = "without a port there is no test")]
    pub fn start() -> Self {
        let port = Port::free().expect("a free port of 127.0.0.1");
        let shared = Shared::new(format!("http://{}", port.address()));
        let fake = Self {
            shared,
            port,
            accepting: Mutex::default(),
        };
        fake.listen_again().expect("a port that is ours");
        fake
    }

    /// Where it listens, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.shared.url
    }

    /// The one token it knows.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.shared.token
    }

    /// Login and password of the one user it knows.
    #[must_use]
    pub fn user_password(&self) -> (&str, &str) {
        (&self.shared.user, &self.shared.password)
    }

    /// Serves real repositories below `root` over git, `owner/name.git`. Those that are known by now
    /// or are made later begin empty.
    ///
    /// # Errors
    /// When git is not installed or makes no repository.
    pub fn serve_git(&self, root: &Path) -> io::Result<()> {
        git::is_there()?;
        self.shared.change(|state| {
            state.git_root = Some(root.to_owned());
            let names = state.repositories.keys();
            names.into_iter().try_for_each(|name| git::make(root, name))
        })
    }

    /// From now on connections are refused; those that stand go on.
    pub fn stop_listening(&self) {
        let accepting = self.lock().take();
        if let Some(accepting) = accepting {
            accepting.stop();
        }
    }

    /// Listens on the same port again.
    ///
    /// # Errors
    /// When the port cannot be listened on.
    pub fn listen_again(&self) -> io::Result<()> {
        let mut accepting = self.lock();
        if accepting.is_none() {
            let shared = Arc::clone(&self.shared);
            let serve = move |stream| answer::serve(&shared, stream);
            *accepting = Some(self.port.listen(serve)?);
        }
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Accepting>> {
        self.accepting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The next request of this route fails so. Several are used in their order.
    pub fn fail_next(&self, route: Route, fault: Fault) {
        self.shared.change(|state| state.plan.next(route, fault));
    }

    /// Every request of this route fails so, until [`Self::heal`].
    pub fn fail_always(&self, route: Route, fault: Fault) {
        self.shared.change(|state| state.plan.always(route, fault));
    }

    /// Forgets all faults, lets go of what is held and listens again.
    ///
    /// # Errors
    /// When the port cannot be listened on.
    pub fn heal(&self) -> io::Result<()> {
        self.shared.change(|state| state.plan.heal());
        self.release();
        self.listen_again()
    }

    /// Sends the answers that [`Fault::Hold`] holds back.
    pub fn release(&self) {
        self.shared.change(|state| state.releases += 1);
    }

    /// What requests did that Gitea's documentation does not allow.
    #[must_use]
    pub fn violations(&self) -> Vec<String> {
        self.shared.state().violations.clone()
    }

    /// Every request in the order of arrival.
    #[must_use]
    pub fn requests(&self) -> Vec<Recorded> {
        self.shared.state().requests.clone()
    }

    /// Looks at the state or changes it.
    pub fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        self.shared.change(act)
    }

    /// Adds an empty repository, `owner/name`, unless it is there.
    pub fn add_repository(&self, name: &str) {
        self.shared.change(|state| {
            let repository = state.repositories.entry(name.to_owned());
            repository.or_insert_with(|| Repository {
                default_branch: "main".to_owned(),
                ..Repository::default()
            });
        });
    }

    /// Adds an open pull, and its repository if need be.
    pub fn add_pull(&self, repository: &str, number: u64, head_sha: &str, author: &str) {
        self.add_repository(repository);
        self.change_repository(repository, |at| {
            at.pulls.insert(number, Pull::new(head_sha, author));
        });
    }

    /// Adds a label, and its repository if need be.
    pub fn add_label(&self, repository: &str, name: &str) {
        self.add_repository(repository);
        let id = self.shared.change(State::next_id);
        self.change_repository(repository, |at| {
            at.labels.push(Label {
                id,
                name: name.to_owned(),
                color: "cccccc".to_owned(),
            });
        });
    }

    /// Somebody else merges a pull.
    pub fn merge_behind_your_back(&self, repository: &str, number: u64) {
        self.change_pull(repository, number, |pull| {
            pull.open = false;
            pull.merged = Some(Merged {
                commit: "e".repeat(40),
                ..Merged::default()
            });
        });
    }

    /// Somebody pushes to the branch of a pull.
    pub fn push(&self, repository: &str, number: u64, new_sha: &str) {
        self.change_pull(repository, number, |pull| {
            new_sha.clone_into(&mut pull.head_sha);
        });
    }

    /// Somebody reviews a pull as it is now: `APPROVED`, `REQUEST_CHANGES` or `COMMENT`.
    pub fn review(&self, repository: &str, number: u64, reviewer: &str, state: &str) {
        self.change_pull(repository, number, |pull| {
            pull.reviews.push(crate::state::Review {
                reviewer: reviewer.to_owned(),
                state: state.to_owned(),
                commit: pull.head_sha.clone(),
                dismissed: false,
            });
        });
    }

    /// Changes a pull that is there; otherwise nothing.
    pub fn change_pull(&self, repository: &str, number: u64, change: impl FnOnce(&mut Pull)) {
        self.change_repository(repository, |at| {
            if let Some(pull) = at.pulls.get_mut(&number) {
                change(pull);
            }
        });
    }

    /// Changes a repository that is there; otherwise nothing.
    pub fn change_repository(&self, name: &str, change: impl FnOnce(&mut Repository)) {
        self.shared.change(|state| {
            if let Some(repository) = state.repositories.get_mut(name) {
                change(repository);
            }
        });
    }

    /// Waits until the state is so. For tests on a tokio runtime with its time enabled.
    ///
    /// # Errors
    /// When it is not so within `deadline`.
    pub async fn wait_for(
        &self,
        is_so: impl Fn(&State) -> bool,
        deadline: Duration,
    ) -> Result<(), TimedOut> {
        let mut changes = self.shared.changes();
        let waiting = async {
            while !is_so(&self.shared.state()) {
                if changes.changed().await.is_err() {
                    break;
                }
            }
        };
        let waited = tokio::time::timeout(deadline, waiting).await;
        waited.map_err(|_| self.timed_out())
    }

    /// Blocks until the state is so. For tests without a runtime.
    ///
    /// # Errors
    /// When it is not so within `deadline`.
    pub fn wait_for_blocking(
        &self,
        is_so: impl Fn(&State) -> bool,
        deadline: Duration,
    ) -> Result<(), TimedOut> {
        let end = Instant::now() + deadline;
        let mut state = self.shared.state();
        while !is_so(&state) {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                drop(state);
                return Err(self.timed_out());
            }
            state = self.shared.wait(state, left);
        }
        Ok(())
    }

    fn timed_out(&self) -> TimedOut {
        TimedOut {
            requests: self.requests(),
            violations: self.violations(),
        }
    }
}

impl Drop for FakeGitea {
    fn drop(&mut self) {
        self.release();
        self.stop_listening();
    }
}
