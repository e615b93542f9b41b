//! What is answered: what an event comes to, with what became of its calls.

use serde::Serialize;

use crate::status::words;

words! {
    /// How a call stands.
    CallStatus, "status of a call" {
        /// It is to be made.
        Pending = "pending",
        /// It is being made, or was when the process ended.
        Sending = "sending",
        /// It is done.
        Done = "done",
        /// It cannot be done.
        Failed = "failed",
        /// It may be done or not, and must not be done twice.
        Unknown = "unknown",
        /// It was left out, since one before it failed.
        Skipped = "skipped",
    }
}

words! {
    /// What a call does.
    CallKind, "kind of a call" {
        /// Merges.
        Merge = "merge",
        /// Writes a comment.
        Comment = "comment",
        /// Closes.
        Close = "close",
        /// Opens an issue.
        OpenIssue = "open_issue",
        /// Runs a card.
        RunCard = "run_card",
        /// Starts the phase in which bugs are fixed.
        StartPhase = "start_phase",
        /// Brings up what was merged.
        Deploy = "deploy",
    }
}

impl CallKind {
    /// Whether an answer waits a moment for it. Bringing something up takes minutes.
    #[must_use]
    pub const fn is_awaited(self) -> bool {
        !matches!(self, Self::Deploy | Self::StartPhase)
    }

    const fn phrases(self) -> Phrases {
        let (done, pending, failed) = match self {
            Self::Merge => ("it is merged", "it is being merged", "it is not merged"),
            Self::Comment => (
                "a comment says so",
                "a comment is being written",
                "no comment is written",
            ),
            Self::Close => ("it is closed", "it is being closed", "it is not closed"),
            Self::OpenIssue => (
                "an issue about its requirements is opened",
                "an issue about its requirements is being opened",
                "no issue about its requirements is opened",
            ),
            Self::RunCard => ("it is run", "it is about to be run", "it is not run"),
            Self::StartPhase => (
                "its bug-fix phase runs",
                "its bug-fix phase is about to start",
                "its bug-fix phase does not start",
            ),
            Self::Deploy => (
                "it is brought up as a sandbox",
                "it is being brought up as a sandbox",
                "it is not brought up as a sandbox",
            ),
        };
        Phrases {
            done,
            pending,
            failed,
        }
    }
}

struct Phrases {
    done: &'static str,
    pending: &'static str,
    failed: &'static str,
}

/// A call and what is known of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CallState {
    /// What it does.
    #[serde(rename = "call")]
    pub kind: CallKind,
    /// How it stands.
    pub status: CallStatus,
    /// What came of it, in words.
    pub outcome: Option<String>,
}

impl CallState {
    fn phrase(&self) -> String {
        let phrases = self.kind.phrases();
        let why = self.outcome.as_deref().filter(|words| !words.is_empty());
        match (self.status, why) {
            (CallStatus::Done, _) => phrases.done.to_owned(),
            (CallStatus::Pending | CallStatus::Sending, None) => phrases.pending.to_owned(),
            (CallStatus::Pending | CallStatus::Sending, Some(why)) => {
                format!("{} ({why})", phrases.pending)
            }
            (CallStatus::Failed | CallStatus::Skipped, None) => phrases.failed.to_owned(),
            (CallStatus::Failed | CallStatus::Skipped, Some(why)) => {
                format!("{} ({why})", phrases.failed)
            }
            (CallStatus::Unknown, why) => {
                let why = why.unwrap_or("no answer came");
                format!("whether {} is not known ({why})", phrases.done)
            }
        }
    }
}

/// The word and the words of an answer. `status` and `message` are those of the decision. Where it is all
/// about the call, as with `success`, the word becomes `pending` or `failed` with it; what is on record
/// whatever became of the calls, such as `rejected`, stays.
#[must_use]
pub fn answer(status: &str, message: &str, calls: &[CallState]) -> (String, String) {
    let mut words = message.to_owned();
    for call in calls {
        words += "; ";
        words += &call.phrase();
    }
    let has = |wanted: &[CallStatus]| {
        calls
            .iter()
            .any(|call| call.kind.is_awaited() && wanted.contains(&call.status))
    };
    let word = if status != "success" {
        status
    } else if has(&[CallStatus::Failed, CallStatus::Unknown, CallStatus::Skipped]) {
        "failed"
    } else if has(&[CallStatus::Pending, CallStatus::Sending]) {
        "pending"
    } else {
        status
    };
    (word.to_owned(), words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(kind: CallKind, status: CallStatus, outcome: Option<&str>) -> CallState {
        CallState {
            kind,
            status,
            outcome: outcome.map(str::to_owned),
        }
    }

    #[test]
    fn the_answer_says_what_happened() {
        let merge = |status, outcome| {
            answer(
                "success",
                "PR #7 approved",
                &[call(CallKind::Merge, status, outcome)],
            )
        };
        let said = |word: &str, words: &str| (word.to_owned(), words.to_owned());
        assert_eq!(
            merge(CallStatus::Done, None),
            said("success", "PR #7 approved; it is merged")
        );
        assert_eq!(
            merge(CallStatus::Failed, Some("the branch moved on")),
            said(
                "failed",
                "PR #7 approved; it is not merged (the branch moved on)"
            )
        );
        assert_eq!(
            merge(CallStatus::Pending, Some("Gitea cannot be reached")),
            said(
                "pending",
                "PR #7 approved; it is being merged (Gitea cannot be reached)"
            )
        );
        assert_eq!(
            merge(CallStatus::Unknown, None),
            said(
                "failed",
                "PR #7 approved; whether it is merged is not known (no answer came)"
            )
        );
    }

    #[test]
    fn what_is_on_record_stays_whatever_became_of_the_calls() {
        let calls = [
            call(CallKind::Close, CallStatus::Failed, Some("no leave")),
            call(CallKind::Comment, CallStatus::Skipped, None),
        ];
        let (word, words) = answer("rejected", "PR #7 rejected (cycle 4/4)", &calls);
        assert_eq!(word, "rejected");
        assert_eq!(
            words,
            "PR #7 rejected (cycle 4/4); it is not closed (no leave); no comment is written"
        );
        let deploy = [call(CallKind::Deploy, CallStatus::Pending, None)];
        let (word, _) = answer("success", "PR #7 is merged", &deploy);
        assert_eq!(word, "success");
    }
}
