//! What is known of a pull request, and what an event makes of it.

use super::delivery::{self, Event, Verdict, card_in};
use super::review_policy::ReviewPolicy;
use super::wording::{self, Failure};
use crate::status::words;

words! {
    /// How a pull request stands.
    PullRequestStatus, "pull request status" {
        /// It is open.
        Active = "active",
        /// It was closed after too many cycles.
        Rejected = "rejected",
        /// It was merged.
        Merged = "merged",
        /// It was closed without being merged.
        Closed = "closed",
    }
}

/// An approval that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// Whose.
    pub reviewer: String,
    /// Of which commit; none when the event did not say.
    pub sha: Option<String>,
}

/// What is known of a pull request before an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// How it stands.
    pub status: PullRequestStatus,
    /// How often changes were requested.
    pub cycles: u32,
    /// Who opened it, when that was told.
    pub author: Option<String>,
    /// The commit at its head, when that was told.
    pub head_sha: Option<String>,
    /// One of each reviewer, oldest first.
    pub approvals: Vec<Approval>,
    /// The reviews that asked for changes, oldest first.
    pub failures: Vec<Failure>,
}

impl Default for Known {
    fn default() -> Self {
        Self {
            status: PullRequestStatus::Active,
            cycles: 0,
            author: None,
            head_sha: None,
            approvals: Vec::new(),
            failures: Vec::new(),
        }
    }
}

/// What is kept of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// How it stands now.
    Status(PullRequestStatus),
    /// Its author and its head, as far as they were told.
    Seen {
        /// Who opened it.
        author: Option<String>,
        /// The commit at its head.
        head_sha: Option<String>,
    },
    /// An approval, in the place of an earlier one of the same reviewer.
    Approved(Approval),
    /// This reviewer's approval counts no more.
    Withdrawn(String),
    /// Changes were requested.
    Failed(Failure),
}

/// Something to be done elsewhere, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// Merge it.
    Merge {
        /// The commit that was approved: another one is not merged. None: the head when it is asked.
        sha: Option<String>,
        /// One of [`super::review_policy::MERGE_STYLES`].
        style: String,
        /// What the merge commit says.
        message: String,
        /// Whether its branch goes with it.
        delete_branch: bool,
        /// Who opened it, when that is known; when it is not, the code host is asked before it is merged.
        author: Option<String>,
    },
    /// Write a comment.
    Comment {
        /// What it is for, so that it is written once: `escalation`, `rejection`, `sandbox`.
        reason: String,
        /// Its text.
        body: String,
    },
    /// Close it.
    Close,
    /// Open an issue.
    OpenIssue {
        /// Its title.
        title: String,
        /// Its text.
        body: String,
        /// The names of its labels.
        labels: Vec<String>,
    },
    /// Run a card.
    RunCard {
        /// Its id.
        card: String,
    },
    /// Start the phase in which its bugs are fixed.
    StartPhase,
    /// Bring up what was merged.
    Deploy,
}

/// What an event comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// A word: `ignored`, `approved`, `success`, `changes_requested`, `escalated`, `rejected`.
    pub status: &'static str,
    /// The same in words, without what its calls come to: [`super::outcome`] says that.
    pub message: String,
    /// What is kept.
    pub changes: Vec<Change>,
    /// What is done, in this order; one that fails for good ends them.
    pub calls: Vec<Call>,
}

impl Decision {
    fn new(status: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            changes: Vec::new(),
            calls: Vec::new(),
        }
    }

    fn ignored(message: impl Into<String>) -> Self {
        Self::new("ignored", message)
    }
}

/// Decides. `day` is the day of the event, as `2026-01-31`.
#[must_use]
pub fn decide(known: &Known, event: &Event, policy: &ReviewPolicy, day: &str) -> Decision {
    if let Some(pull_request) = event.pull_request() {
        let repository = pull_request.repository.full_name();
        if !policy.serves(&repository) {
            return Decision::ignored(format!("Repository {repository} is not served"));
        }
    }
    match event {
        Event::Ignored { why, .. } => Decision::ignored(why.clone()),
        Event::Opened {
            pull_request,
            is_again,
        } => opened(known, pull_request, *is_again),
        Event::Merged { pull_request } => merged(known, pull_request, policy),
        Event::Closed { pull_request } => closed(known, pull_request),
        Event::Reviewed {
            pull_request,
            reviewer,
            verdict,
            words,
        } => {
            let number = pull_request.number;
            let is_active =
                known.status == PullRequestStatus::Active || is_open_again(known, pull_request);
            if !is_active {
                let stands = known.status;
                return Decision::ignored(format!("PR #{number} is {stands}"));
            }
            let author = pull_request.author.as_ref().or(known.author.as_ref());
            if author.is_some_and(|author| author.eq_ignore_ascii_case(reviewer)) {
                return Decision::ignored(format!(
                    "PR #{number} was reviewed by its author, which does not count"
                ));
            }
            let mut decision = match verdict {
                Verdict::Approved => approved(known, pull_request, reviewer, policy),
                Verdict::ChangesRequested => sent_back(
                    known,
                    pull_request,
                    (reviewer, words.as_deref()),
                    policy,
                    day,
                ),
            };
            if known.status != PullRequestStatus::Active {
                let active = Change::Status(PullRequestStatus::Active);
                decision.changes.insert(0, active);
            }
            decision
        }
    }
}

fn seen(pull_request: &delivery::PullRequest) -> Change {
    Change::Seen {
        author: pull_request.author.clone(),
        head_sha: pull_request.head_sha.clone(),
    }
}

/// Whether one that was closed by somebody is open all the same: that it was opened again was not told.
/// What was rejected is open again only when that is told: other events of it may have been under way.
fn is_open_again(known: &Known, pull_request: &delivery::PullRequest) -> bool {
    known.status == PullRequestStatus::Closed && pull_request.is_open == Some(true)
}

/// Whether a merge that was decided on may still be made: what was approved may have been taken back, and
/// the rules may have changed meanwhile. Who approved it.
///
/// # Errors
///
/// Why not, in words.
pub fn may_merge(
    known: &Known,
    repository: &str,
    sha: Option<&str>,
    policy: &ReviewPolicy,
) -> Result<Vec<String>, String> {
    if !policy.serves(repository) {
        return Err("its repository is not served any more".to_owned());
    }
    if !policy.auto_merge {
        return Err("merging is left to people by now (auto_merge)".to_owned());
    }
    if matches!(
        known.status,
        PullRequestStatus::Rejected | PullRequestStatus::Closed
    ) {
        return Err(format!("it is {} by now", known.status));
    }
    let approvers: Vec<String> = known
        .approvals
        .iter()
        .filter(|approval| approval.sha.as_deref() == sha)
        .map(|approval| approval.reviewer.clone())
        .collect();
    enough(&approvers, policy).map(|()| approvers)
}

/// Whether these approvals are enough.
///
/// # Errors
///
/// What is missing, in words.
pub fn enough(approvers: &[String], policy: &ReviewPolicy) -> Result<(), String> {
    let have = u32::try_from(approvers.len()).unwrap_or(u32::MAX);
    if have < policy.required_approvals {
        let needed = policy.required_approvals;
        return Err(format!("{have} of {needed} approvals are left of it"));
    }
    let is_there = |required: &&String| {
        !approvers
            .iter()
            .any(|approver| approver.eq_ignore_ascii_case(required))
    };
    match policy.required_reviewers.iter().find(is_there) {
        Some(missing) => Err(format!("{missing} does not approve it")),
        None => Ok(()),
    }
}

fn opened(known: &Known, pull_request: &delivery::PullRequest, is_again: bool) -> Decision {
    let number = pull_request.number;
    if known.status == PullRequestStatus::Merged {
        return Decision::ignored(format!("PR #{number} is merged"));
    }
    let mut decision = match card_in(&pull_request.title) {
        Some(card) => {
            let mut decision =
                Decision::new("success", format!("PR #{number} is about card {card}"));
            decision.calls.push(Call::RunCard {
                card: card.to_owned(),
            });
            decision
        }
        None => Decision::ignored("No issue ID found in PR title"),
    };
    decision.changes.push(seen(pull_request));
    if is_again || is_open_again(known, pull_request) {
        decision
            .changes
            .push(Change::Status(PullRequestStatus::Active));
    }
    decision
}

fn merged(known: &Known, pull_request: &delivery::PullRequest, policy: &ReviewPolicy) -> Decision {
    let number = pull_request.number;
    if known.status == PullRequestStatus::Merged {
        return Decision::ignored(format!("PR #{number} is merged already"));
    }
    let mut decision = Decision::new("success", format!("PR #{number} is merged"));
    decision.changes.push(seen(pull_request));
    decision
        .changes
        .push(Change::Status(PullRequestStatus::Merged));
    decision.calls.push(Call::StartPhase);
    if policy.auto_deploy {
        decision.calls.push(Call::Deploy);
    }
    decision
}

/// Nothing follows from it, but it is kept: what is closed is not merged by an approval that was late.
fn closed(known: &Known, pull_request: &delivery::PullRequest) -> Decision {
    let mut decision = Decision::ignored("Event type pull_request not handled");
    // It was closed from here.
    if known.status == PullRequestStatus::Active {
        decision.changes.push(seen(pull_request));
        decision
            .changes
            .push(Change::Status(PullRequestStatus::Closed));
    }
    decision
}

fn approved(
    known: &Known,
    pull_request: &delivery::PullRequest,
    reviewer: &str,
    policy: &ReviewPolicy,
) -> Decision {
    let number = pull_request.number;
    let sha = pull_request.head_sha.as_ref().or(known.head_sha.as_ref());
    let approval = Approval {
        reviewer: reviewer.to_owned(),
        sha: sha.cloned(),
    };
    // Only those of the same commit: what was pushed since is not what the others saw.
    let mut approvers: Vec<String> = known
        .approvals
        .iter()
        .filter(|other| other.sha == approval.sha)
        .map(|other| other.reviewer.clone())
        .filter(|other| !other.eq_ignore_ascii_case(reviewer))
        .collect();
    approvers.push(reviewer.to_owned());
    let have = u32::try_from(approvers.len()).unwrap_or(u32::MAX);
    let missing: Vec<&str> = policy
        .required_reviewers
        .iter()
        .filter(|required| {
            !approvers
                .iter()
                .any(|approver| approver.eq_ignore_ascii_case(required))
        })
        .map(String::as_str)
        .collect();
    let mut decision = if have < policy.required_approvals {
        let needed = policy.required_approvals;
        Decision::new(
            "approved",
            format!("PR #{number} approved ({have}/{needed})"),
        )
    } else if !missing.is_empty() {
        let missing = missing.join(", ");
        Decision::new(
            "approved",
            format!("PR #{number} approved; it waits for {missing}"),
        )
    } else if !policy.auto_merge {
        Decision::new(
            "approved",
            format!("PR #{number} approved; merging is left to people (auto_merge)"),
        )
    } else {
        let mut decision = Decision::new("success", format!("PR #{number} approved"));
        decision.calls.push(Call::Merge {
            sha: approval.sha.clone(),
            style: policy.merge_style.clone(),
            message: wording::merge_message(number, &approvers),
            delete_branch: policy.delete_branch,
            author: pull_request.author.clone().or_else(|| known.author.clone()),
        });
        decision
    };
    decision.changes.push(seen(pull_request));
    decision.changes.push(Change::Approved(approval));
    decision
}

fn sent_back(
    known: &Known,
    pull_request: &delivery::PullRequest,
    (reviewer, words): (&str, Option<&str>),
    policy: &ReviewPolicy,
    day: &str,
) -> Decision {
    let number = pull_request.number;
    let (cycle, most) = (known.cycles.saturating_add(1), policy.max_review_cycles);
    let failure = Failure {
        cycle,
        reviewer: reviewer.to_owned(),
        reason: words.map(str::to_owned),
        day: day.to_owned(),
    };
    let said = format!("PR #{number} rejected (cycle {cycle}/{most})");
    let mut decision = if cycle >= most {
        let mut failures = known.failures.clone();
        failures.push(failure.clone());
        let mut decision = Decision::new("rejected", said);
        decision
            .changes
            .push(Change::Status(PullRequestStatus::Rejected));
        decision.calls = vec![
            Call::Close,
            Call::Comment {
                reason: format!("rejection-{cycle}"),
                body: wording::rejection(cycle),
            },
            Call::OpenIssue {
                title: wording::requirements_title(number, cycle),
                body: wording::requirements(number, &failures),
                labels: vec!["requirements-review".to_owned(), "auto-rejected".to_owned()],
            },
        ];
        decision
    } else if cycle == policy.escalation_cycle {
        let mut decision = Decision::new("escalated", said);
        decision.calls.push(Call::Comment {
            reason: format!("escalation-{cycle}"),
            body: wording::escalation(cycle, most),
        });
        decision
    } else {
        Decision::new("changes_requested", said)
    };
    decision.changes.push(seen(pull_request));
    decision
        .changes
        .push(Change::Withdrawn(reviewer.to_owned()));
    decision.changes.push(Change::Failed(failure));
    decision
}

impl Known {
    /// With what is kept of an event.
    #[must_use]
    pub fn with(mut self, changes: &[Change]) -> Self {
        for change in changes {
            match change {
                Change::Status(status) => self.status = *status,
                Change::Seen { author, head_sha } => {
                    self.author = author.clone().or(self.author);
                    self.head_sha = head_sha.clone().or(self.head_sha);
                }
                Change::Approved(approval) => {
                    self.withdraw(&approval.reviewer);
                    self.approvals.push(approval.clone());
                }
                Change::Withdrawn(reviewer) => self.withdraw(reviewer),
                Change::Failed(failure) => {
                    self.cycles = failure.cycle;
                    self.failures.push(failure.clone());
                }
            }
        }
        self
    }

    fn withdraw(&mut self, reviewer: &str) {
        self.approvals
            .retain(|approval| !approval.reviewer.eq_ignore_ascii_case(reviewer));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webhook::delivery::{PullRequest, Repository};

    const DAY: &str = "2026-01-31";

    fn shown(sha: char) -> PullRequest {
        PullRequest {
            repository: Repository {
                owner: "acme".to_owned(),
                name: "site".to_owned(),
            },
            number: 7,
            title: "[ISSUE-AB12] Add a page".to_owned(),
            author: Some("ada".to_owned()),
            head_sha: Some(sha.to_string().repeat(40)),
            head_ref: Some("page".to_owned()),
            is_open: None,
        }
    }

    fn review(reviewer: &str, verdict: Verdict, sha: char) -> Event {
        Event::Reviewed {
            pull_request: shown(sha),
            reviewer: reviewer.to_owned(),
            verdict,
            words: Some("no".to_owned()),
        }
    }

    /// Decides and keeps.
    fn step(known: &mut Known, event: &Event, policy: &ReviewPolicy) -> Decision {
        let decision = decide(known, event, policy, DAY);
        *known = std::mem::take(known).with(&decision.changes);
        decision
    }

    #[test]
    fn one_approval_by_another_merges_the_commit_that_was_approved() {
        let mut known = Known::default();
        let policy = ReviewPolicy::default();
        let own = step(&mut known, &review("Ada", Verdict::Approved, 'a'), &policy);
        assert_eq!((own.status, own.calls.len()), ("ignored", 0));
        assert!(known.approvals.is_empty());
        let other = step(
            &mut known,
            &review("grace", Verdict::Approved, 'a'),
            &policy,
        );
        assert_eq!(other.status, "success");
        let [
            Call::Merge {
                sha,
                delete_branch,
                style,
                ..
            },
        ] = other.calls.as_slice()
        else {
            panic!("{other:?}");
        };
        assert_eq!(sha.as_deref(), Some("a".repeat(40).as_str()));
        assert!(*delete_branch && style == "merge");
    }

    #[test]
    fn approvals_count_once_each_and_for_one_commit() {
        let policy = ReviewPolicy {
            required_approvals: 2,
            required_reviewers: vec!["integrity_guard".to_owned()],
            ..ReviewPolicy::default()
        };
        let mut known = Known::default();
        let mut approve = |reviewer: &str, sha: char| {
            let event = review(reviewer, Verdict::Approved, sha);
            let decision = step(&mut known, &event, &policy);
            (decision.status, decision.message, decision.calls.len())
        };
        let first = "PR #7 approved (1/2)".to_owned();
        assert_eq!(approve("grace", 'a'), ("approved", first.clone(), 0));
        assert_eq!(approve("grace", 'a'), ("approved", first.clone(), 0));
        let waits = "PR #7 approved; it waits for integrity_guard".to_owned();
        assert_eq!(approve("linus", 'a'), ("approved", waits, 0));
        // A push: what was approved is not what is there now.
        assert_eq!(approve("integrity_guard", 'b'), ("approved", first, 0));
        let enough = "PR #7 approved".to_owned();
        assert_eq!(approve("linus", 'b'), ("success", enough, 1));
    }

    #[test]
    fn changes_withdraw_escalate_and_reject() {
        let policy = ReviewPolicy::default();
        let mut known = Known::default();
        let two = ReviewPolicy {
            required_approvals: 2,
            ..ReviewPolicy::default()
        };
        step(&mut known, &review("grace", Verdict::Approved, 'a'), &two);
        assert_eq!(known.approvals.len(), 1);
        let mut statuses = Vec::new();
        for _ in 0..5 {
            let event = review("grace", Verdict::ChangesRequested, 'a');
            let decision = step(&mut known, &event, &policy);
            statuses.push((decision.status, decision.calls.len(), known.cycles));
        }
        assert_eq!(
            statuses,
            [
                ("changes_requested", 0, 1),
                ("changes_requested", 0, 2),
                ("escalated", 1, 3),
                ("rejected", 3, 4),
                // It is over: nothing is sent again.
                ("ignored", 0, 4),
            ]
        );
        assert!(known.approvals.is_empty());
        assert_eq!(known.status, PullRequestStatus::Rejected);
        // A push that was under way changes nothing; opened again it goes on where it was.
        let opened = |is_again| Event::Opened {
            pull_request: shown('b'),
            is_again,
        };
        step(&mut known, &opened(false), &policy);
        assert_eq!(known.status, PullRequestStatus::Rejected);
        let event = opened(true);
        assert_eq!(step(&mut known, &event, &policy).status, "success");
        let event = review("grace", Verdict::ChangesRequested, 'b');
        let again = step(&mut known, &event, &policy);
        assert_eq!((again.status, known.cycles), ("rejected", 5));
    }

    #[test]
    fn what_is_over_is_over_once() {
        let policy = ReviewPolicy::default();
        let mut known = Known::default();
        let merged = Event::Merged {
            pull_request: shown('a'),
        };
        let first = step(&mut known, &merged, &policy);
        assert_eq!(first.calls, [Call::StartPhase, Call::Deploy]);
        assert_eq!(step(&mut known, &merged, &policy).status, "ignored");
        let late = step(
            &mut known,
            &review("grace", Verdict::Approved, 'a'),
            &policy,
        );
        assert_eq!((late.status, late.calls.len()), ("ignored", 0));
        let mut known = Known::default();
        let closed = Event::Closed {
            pull_request: shown('a'),
        };
        step(&mut known, &closed, &policy);
        assert_eq!(known.status, PullRequestStatus::Closed);
        // That it was opened again was lost on the way; the next review says so.
        let mut review = review("grace", Verdict::Approved, 'a');
        if let Event::Reviewed { pull_request, .. } = &mut review {
            pull_request.is_open = Some(true);
        }
        assert_eq!(step(&mut known, &review, &policy).status, "success");
        assert_eq!(known.status, PullRequestStatus::Active);
        let sha = "a".repeat(40);
        let may = |known: &Known, policy: &ReviewPolicy| {
            may_merge(known, "acme/site", Some(&sha), policy)
        };
        assert_eq!(may(&known, &policy), Ok(vec!["grace".to_owned()]));
        let left = ReviewPolicy {
            auto_merge: false,
            ..policy.clone()
        };
        assert!(may(&known, &left).is_err());
        let more = ReviewPolicy {
            required_reviewers: vec!["linus".to_owned()],
            ..policy.clone()
        };
        assert!(may(&known, &more).unwrap_err().contains("linus"));
        let back = Event::Reviewed {
            pull_request: shown('a'),
            reviewer: "grace".to_owned(),
            verdict: Verdict::ChangesRequested,
            words: None,
        };
        step(&mut known, &back, &policy);
        assert!(may(&known, &policy).is_err());
        let elsewhere = ReviewPolicy {
            repositories: Some(vec!["acme/other".to_owned()]),
            ..policy
        };
        let opened = Event::Opened {
            pull_request: shown('a'),
            is_again: false,
        };
        let refused = step(&mut Known::default(), &opened, &elsewhere);
        assert_eq!(refused.message, "Repository acme/site is not served");
        assert!(refused.changes.is_empty() && refused.calls.is_empty());
    }
}
