//! What only a review's prompt holds: the verifier's evidence and the guard's protocol.

use super::fence::{cut, fenced};
use super::{Brief, add};
use crate::status::CardStatus;
use crate::transition::{Actor, allowed, check};
use crate::turn::{
    CommandReport, FixtureReport, Purpose, SyntaxFinding, UncheckedFile, VerifyReport,
};

/// The longest output of a command shown, in characters.
const OUTPUT: usize = 2_000;
/// The longest list of errors shown, in characters.
const ERRORS: usize = 4_000;

/// The longest list of files or findings shown.
const LISTED: usize = 20;

/// What the verifier found, if it ran.
pub(super) fn verifier(brief: &Brief<'_>, out: &mut String) {
    let Some(report) = brief.verify else {
        match brief.purpose {
            Purpose::Work => {}
            Purpose::Review => out.push_str(
                "## What the verifier found\n\nNothing was run; judge by what you read.\n\n",
            ),
        }
        return;
    };
    out.push_str("## What the verifier found\n\n");
    out.push_str(if report.ok {
        "It checked what was written and accepts it.\n\n"
    } else {
        "It does NOT accept what was written.\n\n"
    });
    if !report.errors.is_empty() {
        out.push_str("Errors:\n\n");
        fenced(&cut(&report.errors.join("\n"), ERRORS), out);
        out.push('\n');
    }
    files(report, out);
    for command in &report.command_results {
        command_report(command, out);
    }
    if let Some(fixture) = &report.fixture {
        scenarios(fixture, out);
    }
}

/// Which files were parsed, which were not, and what is wrong with those of others. Names are what
/// models and their programs chose, so they stay within fences.
fn files(report: &VerifyReport, out: &mut String) {
    let parsed = if report.syntax_errors.is_empty() {
        "These files follow the grammar of their languages:"
    } else {
        "These files were parsed:"
    };
    lines(parsed, report.checked_files.iter().cloned(), out);
    let unchecked = report.unchecked_files.iter();
    lines(
        "These were not parsed, which says nothing about them:",
        unchecked.map(|it: &UncheckedFile| format!("{} ({})", it.path, it.reason)),
        out,
    );
    let elsewhere = report.syntax_elsewhere.iter();
    lines(
        "These, which this card did not write, break their grammar; that does not count against it:",
        elsewhere.map(|it: &SyntaxFinding| {
            format!("{}:{}:{}: {}", it.path, it.line, it.column, it.message)
        }),
        out,
    );
}

/// A heading and the first of many lines; nothing when there is none.
fn lines(heading: &str, all: impl ExactSizeIterator<Item = String>, out: &mut String) {
    let rest = all.len().saturating_sub(LISTED);
    let shown: Vec<String> = all.take(LISTED).collect();
    if shown.is_empty() {
        return;
    }
    add(out, format_args!("{heading}\n\n"));
    fenced(&cut(&shown.join("\n"), ERRORS), out);
    if rest > 0 {
        add(out, format_args!("\nand {rest} more.\n"));
    }
    out.push('\n');
}

fn scenarios(fixture: &FixtureReport, out: &mut String) {
    add(
        out,
        format_args!(
            "The fixture {} tried {} scenarios: {} held, {} did not.\n\n",
            fixture.fixture_path, fixture.total_scenarios, fixture.passed, fixture.failed
        ),
    );
    if let (Some(code), Some(why)) = (fixture.code, &fixture.fatal_error) {
        let words = format!("{}: {why}", code.code());
        fenced(&cut(&words, ERRORS), out);
        out.push('\n');
    }
}

fn command_report(command: &CommandReport, out: &mut String) {
    add(
        out,
        format_args!(
            "The command {:?} ended with exit code {} ({}).\n\n",
            command.command_display, command.returncode, command.failure_class
        ),
    );
    for (name, text) in [
        ("Standard output", &command.stdout),
        ("Standard error", &command.stderr),
    ] {
        if !text.trim().is_empty() {
            add(out, format_args!("{name}:\n\n"));
            fenced(&cut(text, OUTPUT), out);
            out.push('\n');
        }
    }
}

/// What a reviewer's decisions mean, and what has to come with them.
pub(super) fn protocol(brief: &Brief<'_>, out: &mut String) {
    let decisions = decisions(brief);
    if decisions.is_empty() {
        return;
    }
    out.push_str(
        "## How to decide\n\nYou decide by setting the card's status. What the statuses mean:\n\n",
    );
    for (status, meaning) in &decisions {
        add(out, format_args!("- {status}: {meaning}\n"));
    }
    if brief.verify.is_some_and(|report| !report.ok) {
        out.push_str("\nThe verifier did not accept the work, so it is not finished.\n");
    }
    let refusals: Vec<&str> = decisions
        .iter()
        .filter(|(status, _)| !accepts(*status))
        .map(|(status, _)| status.as_str())
        .collect();
    if !refusals.is_empty() {
        add(
            out,
            format_args!(
                "\nWith {} also say in the args of the call why (rationale), what is wrong and where \
                 (violations), and what is to be done about it (remediation_actions): its seat works \
                 from that.\n",
                refusals.join(", ")
            ),
        );
    }
    out.push('\n');
}

const fn accepts(status: CardStatus) -> bool {
    matches!(status, CardStatus::Done | CardStatus::GuardApproved)
}

/// The decisions that the contract wants, or, where it wants none in particular, those that the
/// status table leaves to this seat.
fn decisions(brief: &Brief<'_>) -> Vec<(CardStatus, &'static str)> {
    let wanted = &brief.contract.required_statuses;
    let roles = &brief.seat.roles;
    let kind = brief.card.kind;
    let may = |status: &CardStatus| {
        let reason = Some(crate::status::WaitReason::Input);
        check(kind, brief.status, *status, reason, Actor::Agent { roles }).is_ok()
    };
    let candidates = if wanted.is_empty() {
        allowed(kind, brief.status)
    } else {
        wanted
    };
    candidates
        .iter()
        .filter(|status| !wanted.is_empty() || may(status))
        .filter_map(|status| Some((*status, meaning(*status)?)))
        .collect()
}

/// What a status means as the outcome of a review; `None` for those that are none.
const fn meaning(status: CardStatus) -> Option<&'static str> {
    match status {
        CardStatus::Done => {
            Some("everything that was asked for is there and right; the card is finished")
        }
        CardStatus::GuardApproved => Some("the same; the runtime then finishes the card"),
        CardStatus::GuardRequestedChanges => Some(
            "something is wrong that the card's seat can put right; it is asked again with your findings",
        ),
        CardStatus::GuardRejected => {
            Some("it is wrong for good; the card ends here and nobody works on it again")
        }
        CardStatus::Blocked => Some(
            "it can be neither accepted nor put right before something outside it happens; name the wait_reason",
        ),
        CardStatus::Ready
        | CardStatus::InProgress
        | CardStatus::WaitingForDeveloper
        | CardStatus::ReadyForTesting
        | CardStatus::CodeReview
        | CardStatus::AwaitingGuardReview
        | CardStatus::Canceled
        | CardStatus::Archived => None,
    }
}
