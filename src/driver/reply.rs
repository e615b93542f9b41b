//! A message and its answer.

use serde::Serialize;
use utoipa::ToSchema;

use super::LONGEST_MESSAGE;
use super::plan::{NotPlanned, Plan, PlanView};
use super::stream::Listener;

/// One message.
#[derive(Debug, Clone, Default)]
pub struct Said {
    /// Its text.
    pub text: String,
    /// Names the conversation; what was shown in one is not confirmed in another.
    pub conversation: String,
    /// Who speaks, for the record of decisions.
    pub by: String,
    /// The department that is meant when the message names none.
    pub department: Option<String>,
    /// Whether files of assets may be changed; runs may be in any case.
    pub may_write_assets: bool,
    /// A command that changes something is carried out at once, without being shown first.
    pub is_confirmed: bool,
    /// Whoever asks can follow a run and show a turn; over HTTP there are other ways to.
    pub is_at_desk: bool,
    /// Hears a model's answer while it is written; the reply has all of it once more.
    pub listener: Option<Listener>,
}

/// What whoever asked is to do by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Errand {
    /// Follow this run to its end.
    Watch(String),
    /// Show the board of this department.
    Board(String),
    /// Show this recorded turn, `RUN:CARD:TURN[:ROLE]`.
    Replay(String),
}

/// What kind of answer it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DriverReplyKind)]
pub enum ReplyKind {
    /// Words.
    Answer,
    /// What would be done after a yes.
    Plan,
    /// What was done.
    Done,
    /// Why something was not done.
    NotDone,
}

/// The answer to a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = DriverReply)]
pub struct Reply {
    /// In words.
    #[serde(rename = "response")]
    pub text: String,
    /// What kind of answer it is.
    pub kind: ReplyKind,
    /// The plan that waits for a yes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanView>,
    /// The runs that it is about.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub runs: Vec<String>,
    /// Why something was not done, as a code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What is left to whoever asked from a desk; never over HTTP.
    #[serde(skip)]
    pub errand: Option<Errand>,
}

/// Why a message is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unserved {
    /// Too many questions are with the model.
    #[error("the model is answering as many questions as it may")]
    Busy,
    /// The message is longer than [`LONGEST_MESSAGE`].
    #[error("a message has at most {LONGEST_MESSAGE} bytes")]
    TooLong,
}

/// An answer, and the plan in it.
pub(super) struct Answered {
    /// What is answered.
    pub reply: Reply,
    /// The plan that waits.
    pub plan: Option<Plan>,
}

impl Answered {
    /// Words.
    pub fn words(kind: ReplyKind, text: impl Into<String>) -> Self {
        let reply = Reply {
            text: text.into(),
            kind,
            plan: None,
            runs: Vec::new(),
            code: None,
            errand: None,
        };
        Self { reply, plan: None }
    }

    /// A plan, with words before it.
    pub fn plan(plan: Plan, before: &str) -> Self {
        let mut answered = Self::words(ReplyKind::Plan, format!("{before}{}", plan.words()));
        answered.reply.plan = Some(plan.view());
        answered.plan = Some(plan);
        answered
    }

    /// Something that is left to whoever asked.
    pub fn errand(errand: Errand) -> Self {
        let mut answered = Self::words(ReplyKind::Answer, "");
        answered.reply.errand = Some(errand);
        answered
    }

    /// Why something is not done.
    pub fn not_done(text: impl Into<String>, code: Option<String>) -> Self {
        let mut answered = Self::words(ReplyKind::NotDone, text);
        answered.reply.code = code;
        answered
    }
}

impl From<NotPlanned> for Answered {
    fn from(not: NotPlanned) -> Self {
        Self::not_done(not.words, not.code)
    }
}
