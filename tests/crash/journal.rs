//! What a journal holds, read from a copy: opening the files themselves would mend them before the
//! next owner has the chance to.

use std::collections::BTreeSet;
use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use serde_json::Value;

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

/// All rows of a journal, as JSON objects.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Journal {
    pub runs: Vec<Value>,
    pub cards: Vec<Value>,
    pub events: Vec<Value>,
    pub turns: Vec<Value>,
    pub steps: Vec<Value>,
    pub comments: Vec<Value>,
    pub gates: Vec<Value>,
}

const FILE: &str = "orket_persistence.db";

impl Journal {
    /// Reads the journal in `folder` by way of an empty folder `scratch`. Panics when it is damaged.
    pub fn read(folder: &Path, scratch: &Path) -> Self {
        for name in [FILE.to_owned(), format!("{FILE}-wal")] {
            let from = folder.join(&name);
            if from.exists() {
                std::fs::copy(from, scratch.join(name)).unwrap();
            } else if name == FILE {
                return Self::default();
            }
        }
        let path = scratch.join(FILE);
        let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
        let mut ask = |sql: &str| -> Vec<String> {
            let lines: Vec<Line> = diesel::sql_query(sql)
                .load(&mut connection)
                .unwrap_or_else(|error| panic!("{sql}: {error}"));
            lines.into_iter().map(|line| line.line).collect()
        };
        assert_eq!(
            ask("SELECT integrity_check AS line FROM pragma_integrity_check"),
            ["ok"],
            "the journal is damaged"
        );
        assert_eq!(
            ask("SELECT \"table\" AS line FROM pragma_foreign_key_check"),
            Vec::<String>::new()
        );
        if ask("SELECT name AS line FROM sqlite_master WHERE name = 'turn_steps'").is_empty() {
            return Self::default();
        }
        let mut rows = |table: &str, columns: &[&str], order: &str| -> Vec<Value> {
            let pairs: Vec<String> = columns
                .iter()
                .map(|column| format!("'{column}', {column}"))
                .collect();
            let sql = format!(
                "SELECT json_object({}) AS line FROM {table} ORDER BY {order}",
                pairs.join(", ")
            );
            ask(&sql)
                .iter()
                .map(|line| serde_json::from_str(line).unwrap())
                .collect()
        };
        let journal = Self {
            runs: rows(
                "runs",
                &["run_id", "build_id", "status"],
                "started_at, run_id",
            ),
            cards: rows(
                "cards",
                &[
                    "row",
                    "run_id",
                    "card_id",
                    "fence",
                    "status",
                    "wait_reason",
                    "turn",
                    "attempt",
                    "tokens",
                    "life_json",
                ],
                "row",
            ),
            events: rows(
                "card_events",
                &[
                    "seq",
                    "card",
                    "kind",
                    "from_status",
                    "to_status",
                    "reason",
                    "by_whom",
                ],
                "seq",
            ),
            turns: rows(
                "turns",
                &[
                    "row", "card", "card_id", "fence", "status", "turn", "attempt", "code", "seat",
                    "ended_at",
                ],
                "row",
            ),
            steps: rows(
                "(SELECT *, body_json ->> '$.kind' AS kind FROM turn_steps)",
                &["id", "turn", "seq", "kind", "body_json"],
                "turn, seq",
            ),
            comments: rows(
                "comments",
                &["id", "card", "key", "author", "content"],
                "id",
            ),
            gates: rows(
                "gates",
                &[
                    "id",
                    "card_id",
                    "request_type",
                    "reason",
                    "payload_json",
                    "status",
                ],
                "id",
            ),
        };
        connection.batch_execute("PRAGMA optimize").ok();
        journal
    }

    /// The only run; `None` before there is one.
    pub fn run(&self) -> Option<(&str, &str)> {
        assert!(self.runs.len() <= 1, "a second run: {:#?}", self.runs);
        let run = self.runs.first()?;
        Some((run["run_id"].as_str()?, run["status"].as_str()?))
    }

    /// The row of a card.
    pub fn card(&self, id: &str) -> &Value {
        let found = self.cards.iter().find(|card| card["card_id"] == id);
        found.unwrap_or_else(|| panic!("no card {id}"))
    }

    /// Everything about the cards that are settled: their rows, what was said of them, their turns.
    pub fn of_settled(&self, is_settled: impl Fn(&Value) -> bool) -> Vec<Value> {
        let mut all = Vec::new();
        for card in self.cards.iter().filter(|card| is_settled(card)) {
            let row = &card["row"];
            all.push(card.clone());
            all.extend(self.events.iter().filter(|it| it["card"] == *row).cloned());
            all.extend(
                self.comments
                    .iter()
                    .filter(|it| it["card"] == *row)
                    .cloned(),
            );
            for turn in self.turns.iter().filter(|it| it["card"] == *row) {
                all.push(turn.clone());
                let steps = self.steps.iter().filter(|it| it["turn"] == turn["row"]);
                all.extend(steps.cloned());
            }
        }
        all
    }

    /// The questions (card, turn, round) whose replies are durable.
    pub fn replied(&self) -> Vec<(String, u32, u32)> {
        let mut replied = Vec::new();
        for step in self.steps.iter().filter(|it| it["kind"] == "model_replied") {
            let turn = self.turn(&step["turn"]);
            let body: Value = serde_json::from_str(step["body_json"].as_str().unwrap()).unwrap();
            let number = |value: &Value| u32::try_from(value.as_u64().unwrap()).unwrap();
            replied.push((
                turn["card_id"].as_str().unwrap().to_owned(),
                number(&turn["turn"]),
                number(&body["round"]),
            ));
        }
        replied
    }

    /// Whether an attempt is open whose reply is durable: what recovery must take up.
    pub fn has_open_reply(&self) -> bool {
        self.turns
            .iter()
            .filter(|turn| turn["ended_at"].is_null())
            .any(|turn| {
                let mut own = self.steps.iter().filter(|it| it["turn"] == turn["row"]);
                own.any(|it| it["kind"] == "model_replied")
            })
    }

    fn turn(&self, row: &Value) -> &Value {
        self.turns.iter().find(|turn| turn["row"] == *row).unwrap()
    }

    /// Whether a call of this tool is intended and has no outcome.
    pub fn is_cut_off(&self, tool: &str) -> bool {
        let of = |kind: &str| -> Vec<(&Value, Value)> {
            let steps = self.steps.iter().filter(move |it| it["kind"] == kind);
            steps
                .map(|it| {
                    (
                        &it["turn"],
                        serde_json::from_str(it["body_json"].as_str().unwrap()).unwrap(),
                    )
                })
                .collect()
        };
        let finished = of("call_finished");
        of("call_intended").iter().any(|(turn, body)| {
            body["call"]["tool"] == tool
                && !finished
                    .iter()
                    .any(|(other, outcome)| other == turn && outcome["index"] == body["index"])
        })
    }

    /// Turns, attempts and steps are numbered from their first without gaps.
    pub fn check_numbers(&self) {
        for card in &self.cards {
            let mut expected = (1, 1);
            for turn in self.turns.iter().filter(|it| it["card"] == card["row"]) {
                let found = (
                    turn["turn"].as_u64().unwrap(),
                    turn["attempt"].as_u64().unwrap(),
                );
                let next_turn = (expected.0 + 1, 1);
                assert!(
                    found == expected || (found == next_turn && expected.1 > 1),
                    "card {}: attempt {found:?} where {expected:?} was due: {:#?}",
                    card["card_id"],
                    self.turns
                );
                expected = (found.0, found.1 + 1);
                let own: Vec<u64> = self
                    .steps
                    .iter()
                    .filter(|step| step["turn"] == turn["row"])
                    .map(|step| step["seq"].as_u64().unwrap())
                    .filter(|seq| *seq < orket_actors::ending::FOREIGN_STEPS.into())
                    .collect();
                assert!(
                    own.iter().copied().eq(0..own.len() as u64),
                    "steps of {turn}: {own:?}"
                );
            }
        }
    }

    /// The questions answered more than once in the journal.
    pub fn paid_twice(&self) -> Vec<(String, u32, u32)> {
        let mut seen = BTreeSet::new();
        let all = self.replied();
        all.into_iter()
            .filter(|it| !seen.insert(it.clone()))
            .collect()
    }
}
