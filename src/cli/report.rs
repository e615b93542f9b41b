//! How a run ended: the closing table, and for each card that is not done why and what goes on.

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ContentArrangement, Table};
use orket_actors::port::store::RunStatus;
use orket_actors::runtime::{CardReport, RunReport};

use super::failure::INTERRUPTED;
use super::progress::words::{amount, duration, one_line};
use crate::owner::builds::command_for;
use crate::owner::ports::RunRow;

/// The widest a table gets where nobody says how wide a line may be.
const WIDTH: u16 = 110;

/// How wide a table may be: as the terminal is, if it goes to one.
fn width() -> u16 {
    if !super::out::stdout_is_terminal() {
        return WIDTH;
    }
    match rustix::termios::tcgetwinsize(rustix::stdio::stdout()) {
        Ok(size) if size.ws_col > 0 => size.ws_col.min(WIDTH),
        Ok(_) | Err(_) => WIDTH,
    }
}

/// A table without lines, as wide as its contents.
#[must_use]
pub fn table(header: &[&str], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table
        .load_preset(NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(width())
        .set_header(header.iter().map(|name| name.to_uppercase()));
    for row in rows {
        table.add_row(row);
    }
    for (place, name) in header.iter().enumerate() {
        if matches!(*name, "attempts" | "tokens" | "turn" | "attempt")
            && let Some(column) = table.column_mut(place)
        {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut text = String::new();
    for line in table.lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// The cards as a table.
#[must_use]
pub fn cards_table(cards: &[CardReport]) -> String {
    let rows = cards
        .iter()
        .map(|card| {
            vec![
                card.id.clone(),
                card.seat.clone(),
                card.status.clone(),
                card.attempts.to_string(),
                amount(card.tokens),
                one_line(&card.summary, 60),
            ]
        })
        .collect();
    table(
        &["card", "seat", "status", "attempts", "tokens", "summary"],
        rows,
    )
}

/// The closing words of a run.
#[must_use]
pub fn closing(report: &RunReport) -> String {
    closing_with(report, next_command(report))
}

/// The same with another command that goes on.
#[must_use]
pub fn closing_with(report: &RunReport, next: Option<String>) -> String {
    let done = report.cards.iter().filter(|card| is_done(card)).count();
    let mut text = String::new();
    if !report.cards.is_empty() {
        text.push_str(&cards_table(&report.cards));
        text.push('\n');
    }
    text.push_str(&format!(
        "run {} of {} on {}: {}, {done} of {} cards done in {}\n",
        report.run_id,
        report.epic,
        report.build_id,
        report.status,
        report.cards.len(),
        duration(report.elapsed_ms)
    ));
    text.push_str(&troubles(report));
    if let Some(command) = next {
        text.push_str(&format!("hint: {command}\n"));
    }
    text
}

fn is_done(card: &CardReport) -> bool {
    matches!(card.status.as_str(), "done" | "canceled" | "archived")
}

/// One line for each card that is not done; cards that follow one another and share their reason
/// share a line.
#[must_use]
pub fn troubles(report: &RunReport) -> String {
    let mut text = String::new();
    if report.status == RunStatus::Done.as_str() {
        return text;
    }
    let stuck: Vec<&CardReport> = report.cards.iter().filter(|card| !is_done(card)).collect();
    let is_alike = |one: &&CardReport, other: &&CardReport| {
        let fields =
            |card: &CardReport| (card.status.clone(), card.code.clone(), card.note.clone());
        !one.note.is_empty() && fields(one) == fields(other)
    };
    for cards in stuck.chunk_by(is_alike) {
        let [card, ..] = cards else { continue };
        let code = card.code.as_deref().unwrap_or("");
        let why = match (code, card.note.as_str()) {
            ("", "") => String::new(),
            (code, "") => format!(": {code}"),
            ("", note) => format!(": {note}"),
            (code, note) => format!(": {code}: {note}"),
        };
        let who = match cards {
            [one] => format!("{} is", one.id),
            [one, other] => format!("{} and {} are", one.id, other.id),
            [one, .., last] => format!("{} to {} are", one.id, last.id),
            [] => continue,
        };
        text.push_str(&format!("{who} {}{why}\n", card.status));
    }
    text
}

/// The command that goes on when another run of the build took over the cards of this one.
#[must_use]
pub fn command_after(newer: &RunRow) -> String {
    format!(
        "its cards are in run {} now; {}",
        newer.run_id,
        command_for(newer)
    )
}

/// The command that goes on with a run that is not done.
#[must_use]
pub fn next_command(report: &RunReport) -> Option<String> {
    match RunStatus::parse(&report.status) {
        Some(RunStatus::Done) => None,
        Some(RunStatus::Queued) => Some(format!(
            "it waits for its turn in its rock, which orket run --rock NAME goes on with when it was stopped; orket halt {} takes it out",
            report.run_id
        )),
        Some(RunStatus::Skipped) => Some(format!(
            "it was never begun, since an epic that it depends on did not end well; orket resume {} runs it all the same",
            report.run_id
        )),
        Some(RunStatus::Running) => Some(format!("orket halt {} stops it", report.run_id)),
        Some(RunStatus::Halted | RunStatus::Interrupted) => {
            Some(format!("orket resume {} goes on with it", report.run_id))
        }
        Some(RunStatus::TerminalFailure | RunStatus::Incomplete | RunStatus::Failed) => {
            Some(format!(
                "orket show {0} tells more; orket resume {0} tries the unfinished cards again, orket run --epic {1} --build-id {2} does so with the assets as they are now",
                report.run_id, report.epic, report.build_id
            ))
        }
        None => None,
    }
}

/// The exit code that says how a run ended.
#[must_use]
pub fn exit_code(report: &RunReport) -> u8 {
    match RunStatus::parse(&report.status) {
        Some(RunStatus::Done) => 0,
        Some(RunStatus::Interrupted) => INTERRUPTED,
        Some(
            RunStatus::Queued
            | RunStatus::Running
            | RunStatus::Skipped
            | RunStatus::Halted
            | RunStatus::TerminalFailure
            | RunStatus::Incomplete
            | RunStatus::Failed,
        )
        | None => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cards_that_share_their_reason_share_a_line() {
        let stuck = |id: &str, note: &str| card(id, "blocked", Some("E_STAGE_SCAFFOLDER"), note);
        let report = |cards: Vec<CardReport>| RunReport {
            run_id: "r".to_owned(),
            build_id: "b".to_owned(),
            epic: "e".to_owned(),
            status: "failed".to_owned(),
            cards,
            elapsed_ms: 0,
        };
        let lines = |cards| troubles(&report(cards));
        let one = stuck("A", "no room");
        assert_eq!(
            lines(vec![
                one.clone(),
                card("B", "done", None, ""),
                stuck("C", "no room")
            ]),
            "A and C are blocked: E_STAGE_SCAFFOLDER: no room\n"
        );
        assert_eq!(
            lines(vec![
                one,
                stuck("B", "no room"),
                stuck("C", "no room"),
                stuck("D", "else")
            ]),
            "A to C are blocked: E_STAGE_SCAFFOLDER: no room\nD is blocked: E_STAGE_SCAFFOLDER: else\n"
        );
    }

    fn card(id: &str, status: &str, code: Option<&str>, note: &str) -> CardReport {
        CardReport {
            id: id.to_owned(),
            summary: format!("Summary of {id}"),
            seat: "coder".to_owned(),
            status: status.to_owned(),
            attempts: 4,
            tokens: 12_345,
            code: code.map(str::to_owned),
            note: note.to_owned(),
        }
    }

    #[test]
    fn a_failing_run_says_why_for_each_card_and_what_goes_on() {
        let report = RunReport {
            run_id: "3f2a9c0d1e4b".to_owned(),
            build_id: "build-demo".to_owned(),
            epic: "demo".to_owned(),
            status: "terminal_failure".to_owned(),
            cards: vec![
                card("REQ-1", "done", None, ""),
                card(
                    "CODE-1",
                    "blocked",
                    Some("E_MODEL_CONNECT"),
                    "nobody listens at http://127.0.0.1:11434",
                ),
                card("CODE-2", "blocked", None, "CODE-1 is blocked"),
            ],
            elapsed_ms: 65_000,
        };
        insta::assert_snapshot!(closing(&report));
        let stopped = |status: &str| RunReport {
            status: status.to_owned(),
            ..report.clone()
        };
        let codes = [
            "done",
            "terminal_failure",
            "halted",
            "interrupted",
            "incomplete",
        ]
        .map(|status| exit_code(&stopped(status)));
        assert_eq!(codes, [0, 1, 1, 130, 1]);
    }
}
