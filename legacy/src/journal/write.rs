//! Writing what is new.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Double, Nullable, Text};
use serde_json::{Value, json};

use super::columns::{
    CardColumns, CommentColumns, Count, EventColumns, GateColumns, RunColumns, Written,
};
use crate::card::{self, Card};
use crate::error::LegacyError;
use crate::gate;
use crate::kept::{self, Before};
use crate::plan::{Plan, Said};

/// The audit of a card that was imported: how it stood then. `orket verify` begins there.
const CARD_IMPORTED: &str = "card_imported";
/// What the Python Orket noted of a card.
const ACTION: &str = "imported_action";
/// The audit of a run that was imported.
const RUN_IMPORTED: &str = "run_imported";

/// That no run or card of our own is where one would go.
pub(super) fn nothing_in_the_way(
    connection: &mut SqliteConnection,
    plan: &Plan,
    before: &Before,
) -> Result<(), LegacyError> {
    for run in &plan.runs {
        let found: Vec<Count> = diesel::sql_query(
            "SELECT count(*) AS number FROM runs WHERE run_id = ? AND NOT EXISTS \
             (SELECT 1 FROM card_events WHERE card_events.run_id = runs.run_id AND kind = ?)",
        )
        .bind::<Text, _>(run.run_id.as_str())
        .bind::<Text, _>(RUN_IMPORTED)
        .load(connection)?;
        if found.iter().any(|it| it.number > 0) {
            return Err(LegacyError::Conflict {
                what: format!("there is a run `{}` of our own already", run.run_id),
            });
        }
    }
    for card in plan
        .cards
        .iter()
        .filter(|it| !before.has(card::TABLE, &it.key))
    {
        let found: Vec<Count> = diesel::sql_query(
            "SELECT count(*) AS number FROM cards WHERE build_id = ? AND card_id = ?",
        )
        .bind::<Text, _>(card.build_id.as_str())
        .bind::<Text, _>(card.plan.id.as_str())
        .load(connection)?;
        if found.iter().any(|it| it.number > 0) {
            return Err(LegacyError::Conflict {
                what: format!(
                    "there is a card `{}` in build `{}` already",
                    card.plan.id, card.build_id
                ),
            });
        }
    }
    Ok(())
}

pub(super) fn all(
    connection: &mut SqliteConnection,
    plan: &Plan,
    before: &Before,
    at_ms: i64,
) -> Result<Written, LegacyError> {
    let mut writing = Writing {
        next_event: next(
            connection,
            "SELECT coalesce(max(seq), 0) AS number FROM (SELECT max(seq) AS seq FROM card_events UNION ALL SELECT seq FROM sqlite_sequence WHERE name = 'card_events')",
        )?,
        next_gate: next(
            connection,
            "SELECT coalesce(max(id), 0) AS number FROM (SELECT max(id) AS id FROM gates UNION ALL SELECT seq FROM sqlite_sequence WHERE name = 'gates')",
        )?,
        next_card: next(
            connection,
            "SELECT coalesce(max(row), 0) AS number FROM cards",
        )?,
        connection,
        plan,
        before,
        at_ms,
        places: HashMap::new(),
        targets: HashMap::new(),
        written: Written::default(),
    };
    writing.runs()?;
    writing.cards()?;
    writing.comments()?;
    writing.actions()?;
    writing.marks()?;
    writing.gates()?;
    writing.keep()?;
    Ok(writing.written)
}

fn next(connection: &mut SqliteConnection, sql: &str) -> Result<i64, LegacyError> {
    let found: Count = diesel::sql_query(sql).get_result(connection)?;
    Ok(found.number.saturating_add(1))
}

/// Where a card went.
#[derive(Debug, Clone)]
struct Place {
    row: i64,
    run_id: String,
    card_id: String,
    created_at: i64,
}

struct Writing<'a> {
    connection: &'a mut SqliteConnection,
    plan: &'a Plan,
    before: &'a Before,
    at_ms: i64,
    next_event: i64,
    next_gate: i64,
    next_card: i64,
    /// By key in `issues`; only cards that are new.
    places: HashMap<&'a str, Place>,
    /// By table and key.
    targets: HashMap<(&'static str, &'a str), String>,
    written: Written,
}

impl<'a> Writing<'a> {
    fn runs(&mut self) -> Result<(), LegacyError> {
        for run in &self.plan.runs {
            let there: Count =
                diesel::sql_query("SELECT count(*) AS number FROM runs WHERE run_id = ?")
                    .bind::<Text, _>(run.run_id.as_str())
                    .get_result(self.connection)?;
            if there.number > 0 {
                continue;
            }
            let columns = RunColumns {
                run_id: run.run_id.to_string(),
                build_id: run.build_id.to_string(),
                epic: run.epic.clone(),
                status: run.status.as_str().to_owned(),
                started_at: run.started_ms.unwrap_or(0),
                ended_at: run.ended_ms,
                summary_json: Value::Object(run.summary.clone()).to_string(),
                rock: run.rock.clone(),
            };
            diesel::sql_query(
                "INSERT INTO runs (run_id, build_id, epic, status, started_at, ended_at, \
                 summary_json, rock) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            )
            .bind::<Text, _>(&columns.run_id)
            .bind::<Text, _>(&columns.build_id)
            .bind::<Text, _>(&columns.epic)
            .bind::<Text, _>(&columns.status)
            .bind::<BigInt, _>(columns.started_at)
            .bind::<Nullable<BigInt>, _>(columns.ended_at)
            .bind::<Text, _>(&columns.summary_json)
            .bind::<Nullable<Text>, _>(columns.rock.as_deref())
            .execute(self.connection)?;
            self.event(
                &columns.run_id,
                None,
                RUN_IMPORTED,
                &json!({"from": "python-orket-0.3"}),
                self.at_ms,
            )?;
            self.written.runs.push(columns);
        }
        Ok(())
    }

    fn cards(&mut self) -> Result<(), LegacyError> {
        let mut positions: HashMap<&str, i64> = HashMap::new();
        let started: HashMap<&str, i64> = self
            .plan
            .runs
            .iter()
            .map(|run| (run.run_id.as_str(), run.started_ms.unwrap_or(0)))
            .collect();
        let mut last: HashMap<&str, i64> = HashMap::new();
        for said in self.plan.comments.iter().chain(&self.plan.actions) {
            let at = last.entry(&said.issue).or_insert(i64::MIN);
            *at = (*at).max(said.at_ms.unwrap_or(i64::MIN));
        }
        for card in &self.plan.cards {
            let position = positions.entry(card.build_id.as_str()).or_default();
            let place = *position;
            *position += 1;
            if self.before.has(card::TABLE, &card.key) {
                continue;
            }
            let of_run = started.get(card.run_id.as_str()).copied();
            let created_at = card.created_ms.or(of_run).unwrap_or(0);
            let updated_at = last
                .get(card.key.as_str())
                .map_or(created_at, |at| created_at.max(*at));
            let columns = columns(card, self.next_card, place, (created_at, updated_at))?;
            self.next_card += 1;
            self.insert_card(&columns)?;
            self.targets.insert(
                (card::TABLE, &card.key),
                format!("cards:{}", columns.card_row),
            );
            self.places.insert(
                &card.key,
                Place {
                    row: columns.card_row,
                    run_id: columns.run_id.clone(),
                    card_id: columns.card_id.clone(),
                    created_at,
                },
            );
            self.written.cards.push(columns);
        }
        Ok(())
    }

    fn insert_card(&mut self, card: &CardColumns) -> Result<(), LegacyError> {
        diesel::sql_query(
            "INSERT INTO cards (row, run_id, build_id, card_id, position, fence, status, \
             wait_reason, turn, attempt, tokens, updated_at, life_json) \
             VALUES (?, ?, ?, ?, ?, 0, ?, ?, 0, 0, 0, ?, ?)",
        )
        .bind::<BigInt, _>(card.card_row)
        .bind::<Text, _>(&card.run_id)
        .bind::<Text, _>(&card.build_id)
        .bind::<Text, _>(&card.card_id)
        .bind::<BigInt, _>(card.position)
        .bind::<Text, _>(&card.status)
        .bind::<Nullable<Text>, _>(card.wait_reason.as_deref())
        .bind::<BigInt, _>(card.updated_at)
        .bind::<Text, _>(&card.life_json)
        .execute(self.connection)?;
        diesel::sql_query(
            "INSERT INTO card_definitions (card, created_at, kind, seat, summary, note, priority, \
             max_retries, depends_on_json, verification_json, plan_json) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind::<BigInt, _>(card.card_row)
        .bind::<BigInt, _>(card.created_at)
        .bind::<Text, _>(&card.kind)
        .bind::<Text, _>(&card.seat)
        .bind::<Text, _>(&card.summary)
        .bind::<Text, _>(&card.note)
        .bind::<Double, _>(card.priority)
        .bind::<BigInt, _>(card.max_retries)
        .bind::<Text, _>(&card.depends_on_json)
        .bind::<Text, _>(&card.verification_json)
        .bind::<Text, _>(&card.plan_json)
        .execute(self.connection)?;
        Ok(())
    }

    /// The card of something said that is new; a comment on a card that was imported before finds it.
    fn place(&mut self, issue: &str) -> Result<Option<Place>, LegacyError> {
        if let Some(place) = self.places.get(issue) {
            return Ok(Some(place.clone()));
        }
        #[derive(QueryableByName)]
        struct Found {
            #[diesel(sql_type = BigInt)]
            card_row: i64,
            #[diesel(sql_type = Text)]
            run_id: String,
            #[diesel(sql_type = Text)]
            card_id: String,
            #[diesel(sql_type = BigInt)]
            created_at: i64,
        }
        let found: Option<Found> = diesel::sql_query(
            "SELECT c.row AS card_row, c.run_id, c.card_id, d.created_at FROM legacy_rows l \
             JOIN cards c ON 'cards:' || c.row = l.target \
             JOIN card_definitions d ON d.card = c.row \
             WHERE l.source_table = 'issues' AND l.key = ?",
        )
        .bind::<Text, _>(issue)
        .get_result(self.connection)
        .optional()?;
        Ok(found.map(|found| Place {
            row: found.card_row,
            run_id: found.run_id,
            card_id: found.card_id,
            created_at: found.created_at,
        }))
    }

    fn new_of(&self, all: &'a [Said], table: &str) -> Vec<&'a Said> {
        all.iter()
            .filter(|said| !self.before.has(table, &said.key))
            .collect()
    }

    fn comments(&mut self) -> Result<(), LegacyError> {
        for said in self.new_of(&self.plan.comments, "comments") {
            let Some(place) = self.place(&said.issue)? else {
                continue;
            };
            let columns = CommentColumns {
                card: place.row,
                key: format!("imported:{}", said.key),
                author: said.who.clone(),
                content: said.what.clone(),
                at: said.at_ms.unwrap_or(place.created_at),
            };
            diesel::sql_query(
                "INSERT INTO comments (card, key, author, content, at) VALUES (?, ?, ?, ?, ?)",
            )
            .bind::<BigInt, _>(columns.card)
            .bind::<Text, _>(&columns.key)
            .bind::<Text, _>(&columns.author)
            .bind::<Text, _>(&columns.content)
            .bind::<BigInt, _>(columns.at)
            .execute(self.connection)?;
            let target = format!("comments:{}", columns.key);
            self.targets.insert(("comments", &said.key), target);
            self.written.comments.push(columns);
        }
        Ok(())
    }

    fn actions(&mut self) -> Result<(), LegacyError> {
        for said in self.new_of(&self.plan.actions, "card_transactions") {
            let Some(place) = self.place(&said.issue)? else {
                continue;
            };
            let data = json!({"role": said.who, "action": said.what});
            let at = said.at_ms.unwrap_or(place.created_at);
            let seq = self.event(&place.run_id, Some(place.row), ACTION, &data, at)?;
            let target = format!("card_events:{seq}");
            self.targets
                .insert(("card_transactions", &said.key), target);
        }
        Ok(())
    }

    /// How each card stood: before it nothing is known, and what comes after follows from it.
    fn marks(&mut self) -> Result<(), LegacyError> {
        let mut comments: HashMap<i64, usize> = HashMap::new();
        for comment in &self.written.comments {
            *comments.entry(comment.card).or_default() += 1;
        }
        let marks: Vec<(String, i64, Value)> = self
            .written
            .cards
            .iter()
            .map(|card| {
                let data = json!({
                    "status": card.status, "turn": 0, "attempts": 0,
                    "comments": comments.get(&card.card_row).copied().unwrap_or(0),
                });
                (card.run_id.clone(), card.card_row, data)
            })
            .collect();
        for (run_id, row, data) in marks {
            self.event(&run_id, Some(row), CARD_IMPORTED, &data, self.at_ms)?;
        }
        Ok(())
    }

    fn gates(&mut self) -> Result<(), LegacyError> {
        for gate in &self.plan.gates {
            if self.before.has(gate::TABLE, &gate.key) {
                continue;
            }
            let Some(place) = self.place(&gate.issue)? else {
                continue;
            };
            let columns = GateColumns {
                id: self.next_gate,
                run_id: place.run_id,
                card: place.row,
                card_id: place.card_id,
                seat: gate.seat.clone(),
                request_type: gate.request_type.clone(),
                reason: gate.reason.clone(),
                payload_json: gate.payload.to_string(),
                status: gate.status.to_owned(),
                resolution_json: gate.resolution.to_string(),
                created_at: gate.created_ms.unwrap_or(place.created_at),
                resolved_at: gate.resolved_ms,
            };
            self.next_gate += 1;
            diesel::sql_query(
                "INSERT INTO gates (id, run_id, card, card_id, seat, request_type, reason, \
                 payload_json, status, resolution_json, created_at, resolved_at) \
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            )
            .bind::<BigInt, _>(columns.id)
            .bind::<Text, _>(&columns.run_id)
            .bind::<BigInt, _>(columns.card)
            .bind::<Text, _>(&columns.card_id)
            .bind::<Text, _>(&columns.seat)
            .bind::<Text, _>(&columns.request_type)
            .bind::<Text, _>(&columns.reason)
            .bind::<Text, _>(&columns.payload_json)
            .bind::<Text, _>(&columns.status)
            .bind::<Text, _>(&columns.resolution_json)
            .bind::<BigInt, _>(columns.created_at)
            .bind::<Nullable<BigInt>, _>(columns.resolved_at)
            .execute(self.connection)?;
            let target = format!("gates:{}", columns.id);
            self.targets.insert((gate::TABLE, &gate.key), target);
            self.written.gates.push(columns);
        }
        Ok(())
    }

    fn event(
        &mut self,
        run_id: &str,
        card: Option<i64>,
        kind: &str,
        data: &Value,
        at: i64,
    ) -> Result<i64, LegacyError> {
        let columns = EventColumns {
            seq: self.next_event,
            run_id: run_id.to_owned(),
            card,
            kind: kind.to_owned(),
            data_json: data.to_string(),
            at,
        };
        self.next_event += 1;
        diesel::sql_query(
            "INSERT INTO card_events (seq, run_id, card, kind, data_json, at) \
             VALUES (?, ?, ?, ?, ?, ?)",
        )
        .bind::<BigInt, _>(columns.seq)
        .bind::<Text, _>(&columns.run_id)
        .bind::<Nullable<BigInt>, _>(columns.card)
        .bind::<Text, _>(&columns.kind)
        .bind::<Text, _>(&columns.data_json)
        .bind::<BigInt, _>(columns.at)
        .execute(self.connection)?;
        let seq = columns.seq;
        self.written.events.push(columns);
        Ok(seq)
    }

    fn keep(&mut self) -> Result<(), LegacyError> {
        for table in &self.plan.tables {
            for row in &table.rows {
                if self.before.has(&table.name, &row.key) {
                    continue;
                }
                let run = match table.name.as_str() {
                    "run_ledger" | "sessions" => Some(format!("runs:{}", row.key)),
                    _ => None,
                };
                let target = self.target(&table.name, &row.key).or(run);
                kept::keep(self.connection, &table.name, row, target.as_deref())?;
            }
        }
        Ok(())
    }

    fn target(&self, table: &str, key: &str) -> Option<String> {
        let table = ["issues", "comments", "card_transactions", gate::TABLE]
            .into_iter()
            .find(|known| *known == table)?;
        self.targets.get(&(table, key)).cloned()
    }
}

fn columns(
    card: &Card,
    row: i64,
    position: i64,
    (created_at, updated_at): (i64, i64),
) -> Result<CardColumns, LegacyError> {
    let text = |value: serde_json::Result<String>| {
        value.map_err(|error| LegacyError::Target(format!("card `{}`: {error}", card.key)))
    };
    Ok(CardColumns {
        card_row: row,
        run_id: card.run_id.to_string(),
        build_id: card.build_id.to_string(),
        card_id: card.plan.id.to_string(),
        position,
        status: card.life.status.as_str().to_owned(),
        wait_reason: card.life.wait_reason.map(|it| it.as_str().to_owned()),
        updated_at,
        life_json: text(serde_json::to_string(&card.life))?,
        created_at,
        kind: card.plan.kind.as_str().to_owned(),
        seat: card.plan.seat.clone(),
        summary: card.plan.summary.clone(),
        note: card.plan.note.clone(),
        priority: card.plan.priority,
        max_retries: i64::from(card.plan.max_retries),
        depends_on_json: text(serde_json::to_string(&card.plan.depends_on))?,
        verification_json: card.verification_json.clone(),
        plan_json: text(serde_json::to_string(&card.plan))?,
    })
}
