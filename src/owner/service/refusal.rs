//! Why an owner did not do what it was asked: one value for both ends of the socket.

use orket_actors::runtime::RuntimeError;

use crate::fork::ForkError;
use crate::owner::ports::{PlanRefusal, RecordsError, RunRow};
use crate::owner::wire::ErrorBody;

/// See the file's head.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The code, `E_…`.
    pub code: String,
    /// What is wrong.
    pub detail: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Refusal {
    fn new(status: u16, code: &str, detail: impl Into<String>) -> Self {
        Self {
            status,
            code: code.to_owned(),
            detail: detail.into(),
            hint: None,
        }
    }

    /// With what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The request makes no sense.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(400, "E_REQUEST", detail)
    }

    /// Something named is not there.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(404, "E_NOT_FOUND", detail)
    }

    /// There is no such gate.
    #[must_use]
    pub fn unknown_gate(gate: i64) -> Self {
        Self::not_found(format!("there is no gate {gate}")).hint("orket gates list --all")
    }

    /// The gate was decided before.
    #[must_use]
    pub fn gate_decided(gate: i64, status: &str) -> Self {
        Self {
            status: 409,
            code: "E_GATE_DECIDED".to_owned(),
            detail: format!("gate {gate} is {status} already"),
            hint: Some(format!("orket gates show {gate}")),
        }
    }

    /// There is no such run.
    #[must_use]
    pub fn unknown_run(reference: &str) -> Self {
        Self::new(
            404,
            "E_RUN_UNKNOWN",
            format!("there is no run `{reference}`"),
        )
        .hint("orket runs")
    }

    /// The owner takes its assets from another folder.
    #[must_use]
    pub fn other_folder(owners: &str, asked: &str) -> Self {
        Self::new(
            409,
            "E_OTHER_FOLDER",
            format!("the owner of this data folder takes assets from {owners}, not from {asked}"),
        )
        .hint(format!(
            "give the command in {owners}, or give {asked} a data folder of its own with ORKET_DURABLE_ROOT"
        ))
    }

    /// The owner is going down.
    #[must_use]
    pub fn shutting_down() -> Self {
        Self::new(503, "E_SHUTTING_DOWN", "orket is shutting down").hint("try again in a moment")
    }

    /// A folder for a run cannot be made or filled.
    pub fn workspace(detail: impl Into<String>) -> Self {
        Self::new(500, "E_FORK_WORKSPACE", detail)
            .hint("nothing was started; look at permissions and free space")
    }

    /// A run of one card works in the build that a whole rock is asked to go on with.
    #[must_use]
    pub fn one_card_under_way(run: &RunRow) -> Self {
        let detail = format!(
            "run {} works on one card of epic {} in build {}; the rest of the epic can begin when it is over",
            run.run_id, run.epic, run.build_id
        );
        let hint = format!(
            "orket show {0} tells how it stands, orket halt {0} stops it",
            run.run_id
        );
        Self::new(409, "E_RUN_ACTIVE", detail).hint(hint)
    }

    /// A client used one name for two requests.
    pub fn request_differs(key: &str) -> Self {
        Self::new(
            422,
            "E_IDEMPOTENCY_KEY",
            format!("the idempotency key `{key}` was used for another request"),
        )
        .hint("a new request needs a new key")
    }

    /// As many runs are under way as may be.
    pub fn too_many_runs(most: usize) -> Self {
        Self::new(
            503,
            "E_RUN_LIMIT",
            format!("{most} runs are under way, which is the limit"),
        )
        .hint("try again when one is over, or raise ORKET_MAX_RUNS")
    }

    /// As many requests wait to begin or change runs as may.
    #[must_use]
    pub fn too_many_wait(most: usize) -> Self {
        Self::new(
            503,
            "E_BUSY",
            format!("{most} requests to begin runs or to put cards away wait already"),
        )
        .hint("nothing was done; try again in a second")
    }

    /// Something broke that should not.
    pub fn internal(detail: impl Into<String>) -> Self {
        Self::new(500, "E_INTERNAL", detail)
    }

    /// Whether the owner is on its way out, so that somebody else may take over.
    #[must_use]
    pub fn is_shutting_down(&self) -> bool {
        self.code == "E_SHUTTING_DOWN"
    }

    /// As it goes over the socket.
    #[must_use]
    pub fn body(&self, request_id: &str) -> ErrorBody {
        ErrorBody {
            detail: self.detail.clone(),
            code: self.code.clone(),
            hint: self.hint.clone(),
            request_id: request_id.to_owned(),
        }
    }

    /// As it came over the socket.
    #[must_use]
    pub fn from_body(status: u16, body: ErrorBody) -> Self {
        Self {
            status,
            code: body.code,
            detail: body.detail,
            hint: body.hint,
        }
    }
}

impl From<RuntimeError> for Refusal {
    fn from(error: RuntimeError) -> Self {
        let text = error.to_string();
        match error {
            RuntimeError::UnknownRun(run) => Self::unknown_run(&run),
            RuntimeError::AlreadyRunning(_) => Self::new(409, "E_RUN_ACTIVE", text),
            RuntimeError::Over(run, _) => {
                Self::new(409, "E_RUN_OVER", text).hint(format!("orket show {run}"))
            }
            RuntimeError::Store(_) => Self::new(503, "E_STORAGE", text),
            RuntimeError::ShuttingDown => Self::shutting_down(),
            RuntimeError::Broken(_) => Self::new(500, "E_ACTOR_PANIC", text)
                .hint("standard error says where it panicked; the same command tries again"),
        }
    }
}

impl From<ForkError> for Refusal {
    fn from(error: ForkError) -> Self {
        let text = error.to_string();
        match error {
            ForkError::Unknown(place) => Self::new(404, "E_FORK_NOT_FOUND", text).hint(format!(
                "orket show {} lists what is recorded",
                place.run_id
            )),
            ForkError::Elsewhere { place, run_id } => Self::new(404, "E_FORK_NOT_FOUND", text)
                .hint(format!(
                    "run {run_id} of the same build has it: orket fork {run_id}:{}:{}",
                    place.issue_id, place.turn
                )),
            ForkError::NotBegun { place, last: 0 } => Self::new(409, "E_FORK_NOT_BEGUN", text)
                .hint(format!(
                    "orket show {} tells how the run stands",
                    place.run_id
                )),
            ForkError::NotBegun { place, last } => Self::new(409, "E_FORK_NOT_BEGUN", text).hint(
                format!("orket fork {}:{}:{last}", place.run_id, place.issue_id),
            ),
            ForkError::Open(place) => Self::new(409, "E_FORK_OPEN", text).hint(format!(
                "wait for its end, or stop it for good; orket show {} tells how it stands",
                place.run_id
            )),
            ForkError::Store(error) => Self::new(503, "E_STORAGE", error.to_string()),
        }
    }
}

impl From<RecordsError> for Refusal {
    fn from(error: RecordsError) -> Self {
        Self::new(503, "E_STORAGE", error.to_string())
    }
}

impl From<PlanRefusal> for Refusal {
    fn from(refusal: PlanRefusal) -> Self {
        match refusal {
            PlanRefusal::NotFound { message, known } => {
                let refusal = Self::not_found(message);
                if known.is_empty() {
                    refusal.hint("orket board")
                } else {
                    refusal.hint(format!("there are: {}", known.join(", ")))
                }
            }
            PlanRefusal::Invalid(problems) => Self::new(422, "E_ASSETS", problems.join("\n"))
                .hint("nothing was started; correct the files named above and run it again"),
            PlanRefusal::Stage { code, reasons } => Self::new(422, code, reasons.join("\n")).hint(
                format!("nothing was started; docs/errors/{code}.md says more"),
            ),
        }
    }
}
