//! A whole runtime database of the Python Orket as what it becomes. Nothing is written here.

use std::collections::{BTreeMap, HashMap};

use orket_core::ids::IdError;
use serde_json::{Value, json};

use crate::card::{self, Card};
use crate::error::LegacyError;
use crate::finding::{Finding, Findings};
use crate::gate::{self, Gate};
use crate::kept::Table;
use crate::row::{Cell, Row};
use crate::run::{self, Known, Run};
use crate::source::Source;
use crate::time;

/// What is said of a card, or was done to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    /// The row's key.
    pub key: String,
    /// The card's key in `issues`.
    pub issue: String,
    /// Who: an author, or a role.
    pub who: String,
    /// A text, or an action.
    pub what: String,
    /// When, if that is known.
    pub at_ms: Option<i64>,
}

/// Everything of a runtime database.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// Its rows as they are.
    pub tables: Vec<Table>,
    /// Runs, in the order of their ids.
    pub runs: Vec<Run>,
    /// Cards, oldest first; those of a build in its order.
    pub cards: Vec<Card>,
    /// `comments`.
    pub comments: Vec<Said>,
    /// `card_transactions`.
    pub actions: Vec<Said>,
    /// `pending_gate_requests`.
    pub gates: Vec<Gate>,
    /// What could not be taken as it was.
    pub findings: Vec<Finding>,
}

/// All rows of all tables.
///
/// # Errors
///
/// [`LegacyError`] when one cannot be read.
pub fn tables(source: &mut Source) -> Result<Vec<Table>, LegacyError> {
    let names = source.tables().to_vec();
    names
        .into_iter()
        .filter(|name| !name.starts_with("__diesel"))
        .map(|name| {
            let rows = source.rows(&name)?;
            Ok(Table { name, rows })
        })
        .collect()
}

impl Plan {
    /// What these tables become.
    ///
    /// # Errors
    ///
    /// Never in fact: every text has an identifier that stands for it.
    pub fn of(tables: Vec<Table>) -> Result<Self, IdError> {
        let mut findings = Findings::default();
        let rows = |name: &str| {
            tables
                .iter()
                .find(|table| table.name == name)
                .map_or(&[][..], |table| table.rows.as_slice())
        };
        let ledger = by_key(rows("run_ledger"));
        let sessions = by_key(rows("sessions"));
        let build_of_run = |session: &str| {
            let row = ledger.get(session)?;
            row.text("build_id").map(str::to_owned)
        };
        let mut cards = rows(card::TABLE)
            .iter()
            .map(|row| card::card(row, build_of_run, &mut findings))
            .collect::<Result<Vec<_>, _>>()?;
        let comments = said(rows("comments"), "comments", &mut findings);
        let actions = said(
            rows("card_transactions"),
            "card_transactions",
            &mut findings,
        );
        let gates: Vec<Gate> = rows(gate::TABLE)
            .iter()
            .filter_map(|row| gate::gate(row, &mut findings))
            .collect();
        first_known(&mut cards, &comments, &actions);
        // A stable sort: cards of one time stay in the order of their table.
        cards.sort_by_key(|card| card.created_ms.unwrap_or(0));
        let runs = runs(&ledger, &sessions, rows(card::TABLE), &cards, &mut findings)?;
        let known: std::collections::HashSet<&str> =
            cards.iter().map(|card| card.key.as_str()).collect();
        let mut orphans = |table: &str, key: &str, issue: &str| {
            let is_known = known.contains(issue);
            if !is_known {
                findings.note(
                    (table, key),
                    "",
                    issue,
                    "kept as it was: there is no such card",
                );
            }
            is_known
        };
        let comments = keep_known(comments, "comments", &mut orphans);
        let actions = keep_known(actions, "card_transactions", &mut orphans);
        let gates = gates
            .into_iter()
            .filter(|gate| orphans(gate::TABLE, &gate.key, &gate.issue))
            .collect();
        Ok(Self {
            runs,
            cards,
            comments,
            actions,
            gates,
            findings: findings.into_sorted(),
            tables,
        })
    }
}

fn by_key(rows: &[Row]) -> BTreeMap<&str, &Row> {
    rows.iter().map(|row| (row.key.as_str(), row)).collect()
}

fn keep_known(
    all: Vec<Said>,
    table: &str,
    is_known: &mut impl FnMut(&str, &str, &str) -> bool,
) -> Vec<Said> {
    all.into_iter()
        .filter(|said| is_known(table, &said.key, &said.issue))
        .collect()
}

fn said(rows: &[Row], table: &str, findings: &mut Findings) -> Vec<Said> {
    let (card, who, what, at) = match table {
        "comments" => ("issue_id", "author", "content", "created_at"),
        _ => ("card_id", "role", "action", "timestamp"),
    };
    let mut all = Vec::with_capacity(rows.len());
    for row in rows {
        let place = (table, row.key.as_str());
        let at_ms = row.text(at).and_then(time::parse);
        if at_ms.is_none() && *row.cell(at) != Cell::Null {
            findings.note(place, at, row.cell(at).shown(), "the time of its card");
        }
        let words = |column: &str| match row.cell(column) {
            Cell::Null => String::new(),
            cell => cell.shown(),
        };
        all.push(Said {
            key: row.key.clone(),
            issue: words(card),
            who: words(who),
            what: words(what),
            at_ms,
        });
    }
    all
}

/// A card without a time is as old as the first thing known of it.
fn first_known(cards: &mut [Card], comments: &[Said], actions: &[Said]) {
    let mut first: HashMap<&str, i64> = HashMap::new();
    for said in comments.iter().chain(actions) {
        if let Some(at_ms) = said.at_ms {
            first
                .entry(&said.issue)
                .and_modify(|known| *known = at_ms.min(*known))
                .or_insert(at_ms);
        }
    }
    for card in cards.iter_mut().filter(|card| card.created_ms.is_none()) {
        card.created_ms = first.get(card.key.as_str()).copied();
    }
}

/// Every session that anything speaks of, and one for each build whose cards name none.
fn runs(
    ledger: &BTreeMap<&str, &Row>,
    sessions: &BTreeMap<&str, &Row>,
    issues: &[Row],
    cards: &[Card],
    findings: &mut Findings,
) -> Result<Vec<Run>, IdError> {
    let card_by_key: HashMap<&str, &Card> =
        cards.iter().map(|card| (card.key.as_str(), card)).collect();
    let mut known: BTreeMap<&str, Known<'_>> = BTreeMap::new();
    for (id, row) in ledger {
        known.entry(id).or_default().ledger = Some(row);
    }
    for (id, row) in sessions {
        known.entry(id).or_default().session = Some(row);
    }
    let mut without = BTreeMap::new();
    for row in issues {
        let Some(card) = card_by_key.get(row.key.as_str()) else {
            continue;
        };
        let build = card.build_id.as_str();
        match row.text("session_id") {
            Some(session) => {
                known.entry(session).or_default().build.get_or_insert(build);
            }
            None => {
                without.insert(card.run_id.clone(), card.build_id.clone());
            }
        }
    }
    let mut runs = Vec::with_capacity(known.len() + without.len());
    for (id, known) in &known {
        runs.push(run::run(id, known, findings)?);
    }
    for (run_id, build_id) in without {
        let build = build_id.as_str();
        runs.push(Run {
            epic: build.strip_prefix("build-").unwrap_or(build).to_owned(),
            run_id,
            rock: None,
            status: orket_actors::port::store::RunStatus::Incomplete,
            started_ms: None,
            ended_ms: None,
            summary: [(
                "imported".to_owned(),
                json!({"from": "python-orket-0.3", "note": "cards that named no session"}),
            )]
            .into_iter()
            .collect::<serde_json::Map<String, Value>>(),
            build_id,
        });
    }
    date_runs(&mut runs, cards);
    runs.sort_by(|a, b| a.run_id.cmp(&b.run_id));
    runs.dedup_by(|a, b| a.run_id == b.run_id);
    Ok(runs)
}

/// A run without times began with its first card; one without an end ended when it began.
fn date_runs(runs: &mut [Run], cards: &[Card]) {
    let mut first: HashMap<&str, i64> = HashMap::new();
    for card in cards {
        if let Some(at_ms) = card.created_ms {
            first
                .entry(card.run_id.as_str())
                .and_modify(|known| *known = at_ms.min(*known))
                .or_insert(at_ms);
        }
    }
    for run in runs {
        let of_cards = first.get(run.run_id.as_str()).copied();
        run.started_ms = run.started_ms.or(of_cards).or(run.ended_ms);
        run.ended_ms = run.ended_ms.or(run.started_ms);
    }
}
