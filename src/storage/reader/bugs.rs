//! What bug-fix phases ask of the journal: the cards that may be bugs of a rock, and the rocks that were
//! built.

use std::collections::{BTreeMap, HashMap, HashSet};

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};
use orket_actors::port::store::{RunStatus, StoreError};
use orket_core::phase::{BugCard, Moment, Origin, SeenCard};
use orket_core::plan::CardPlan;
use orket_core::status::CardStatus;

use super::runs::run_status;
use super::{Reader, from_json, from_word};
use crate::storage::schema::{card_definitions, cards, run_plans, runs};

/// Builds whose cards are read at once.
const AT_ONCE: usize = 100;

/// A rock all of whose epics are done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuiltRock {
    /// The rock.
    pub rock: String,
    /// When the last of them was, milliseconds since 1970-01-01 UTC.
    pub built_ms: i64,
}

/// A card in whatever builds it is.
struct Known {
    origin: Origin,
    /// Its newest row, which is how it stands.
    row: i64,
    run_id: String,
    status: CardStatus,
    updated_ms: i64,
    /// When the oldest was made.
    created_ms: i64,
}

/// Row, run, build, card, status, updated, created.
type Light = (i64, String, String, String, String, i64, i64);

impl Reader {
    /// The cards that may be bugs of a rock whose phase began at `started`, each once; plans are read of
    /// no others. `bugs_epic`: the epic in which its bugs are filed.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn possible_bugs(
        &self,
        rock: &str,
        bugs_epic: &str,
        started: Moment,
    ) -> Result<Vec<SeenCard>, StoreError> {
        let builds = self.builds_with_bugs(rock, bugs_epic)?;
        let mut known: BTreeMap<(String, String), Known> = BTreeMap::new();
        let names: Vec<&String> = builds.keys().collect();
        for names in names.chunks(AT_ONCE) {
            for light in self.query(|connection| {
                cards::table
                    .inner_join(card_definitions::table)
                    .filter(cards::build_id.eq_any(names.iter().copied()))
                    .order(cards::row)
                    .select((
                        cards::row,
                        cards::run_id,
                        cards::build_id,
                        cards::card_id,
                        cards::status,
                        cards::updated_at,
                        card_definitions::created_at,
                    ))
                    .load::<Light>(connection)
            })? {
                let (row, run_id, build, card, status, updated_ms, created_ms) = light;
                let Some((epic, origin)) = builds.get(&build) else {
                    continue;
                };
                let newer = Known {
                    origin: *origin,
                    row,
                    run_id,
                    status: from_word("a card's status", &status)?,
                    updated_ms,
                    created_ms,
                };
                known
                    .entry((epic.clone(), card))
                    .and_modify(|known| known.meets(&newer))
                    .or_insert(newer);
            }
        }
        known.retain(|_, card| {
            Moment(card.created_ms) >= started
                || (card.origin == Origin::BugsEpic && card.status != CardStatus::Done)
        });
        self.with_plans(known)
    }

    /// The builds that may have bugs of a rock, with their epics.
    fn builds_with_bugs(
        &self,
        rock: &str,
        bugs_epic: &str,
    ) -> Result<BTreeMap<String, (String, Origin)>, StoreError> {
        let found = self.query(|connection| {
            let of_rock = runs::table
                .filter(runs::rock.eq(rock))
                .select((runs::build_id, runs::epic))
                .distinct()
                .load::<(String, String)>(connection)?;
            let filed = runs::table
                .filter(runs::epic.eq(bugs_epic))
                .select((runs::build_id, runs::epic))
                .distinct()
                .load::<(String, String)>(connection)?;
            Ok(of_rock.into_iter().chain(filed).collect::<Vec<_>>())
        })?;
        let with_origin = |(build, epic): (String, String)| {
            let origin = if epic == bugs_epic {
                Origin::BugsEpic
            } else {
                Origin::Rock
            };
            (build, (epic, origin))
        };
        Ok(found.into_iter().map(with_origin).collect())
    }

    fn with_plans(
        &self,
        known: BTreeMap<(String, String), Known>,
    ) -> Result<Vec<SeenCard>, StoreError> {
        let mut known: Vec<_> = known.into_iter().collect();
        known.sort_by_key(|(_, card)| card.row);
        let mut seen = Vec::with_capacity(known.len());
        for page in known.chunks(AT_ONCE) {
            let rows = page.iter().map(|(_, card)| card.row);
            let runs = page.iter().map(|(_, card)| card.run_id.as_str());
            let (plans, departments) = self.query(|connection| {
                let plans = card_definitions::table
                    .filter(card_definitions::card.eq_any(rows))
                    .select((
                        card_definitions::card,
                        card_definitions::plan_json,
                        card_definitions::verification_json,
                    ))
                    .load::<(i64, String, String)>(connection)?;
                let department = sql::<Nullable<Text>>(
                    "CASE WHEN json_valid(plan_json) THEN plan_json ->> '$.department' END",
                );
                let departments = run_plans::table
                    .filter(run_plans::run_id.eq_any(runs))
                    .select((run_plans::run_id, department))
                    .load::<(String, Option<String>)>(connection)?;
                Ok((plans, departments))
            })?;
            let plans: HashMap<i64, (String, String)> = plans
                .into_iter()
                .map(|(card, plan, verification)| (card, (plan, verification)))
                .collect();
            let departments: HashMap<String, Option<String>> = departments.into_iter().collect();
            for ((epic, _), card) in page {
                let Some((plan, verification)) = plans.get(&card.row) else {
                    continue;
                };
                let department = departments.get(&card.run_id).cloned().flatten();
                seen.push(SeenCard {
                    card: BugCard {
                        epic: epic.clone(),
                        department: department.unwrap_or_else(|| "core".to_owned()),
                        status: card.status,
                        verification: from_json("how a card is checked", verification)?,
                        ..bug(from_json("a card's plan", plan)?)
                    },
                    origin: card.origin,
                    created_ms: Some(card.created_ms),
                    updated_ms: Some(card.updated_ms),
                });
            }
        }
        Ok(seen)
    }

    /// The rocks of which a build was done to the end at `since_ms` or later, by rock.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn rocks_built(&self, since_ms: i64) -> Result<Vec<BuiltRock>, StoreError> {
        type Row = (Option<String>, Option<String>, String, String, Option<i64>);
        let newest_first = self.query(|connection| {
            let lately = runs::table
                .filter(runs::rock_build.is_not_null())
                .filter(runs::ended_at.ge(since_ms))
                .select(runs::rock_build)
                .distinct()
                .load::<Option<String>>(connection)?;
            runs::table
                .filter(runs::rock_build.eq_any(lately.into_iter().flatten()))
                .order((runs::started_at.desc(), runs::run_id.desc()))
                .select((
                    runs::rock,
                    runs::rock_build,
                    runs::epic,
                    runs::status,
                    runs::ended_at,
                ))
                .load::<Row>(connection)
        })?;
        let mut epics: BTreeMap<(String, String), BTreeMap<String, Option<i64>>> = BTreeMap::new();
        for (rock, build, epic, status, ended_ms) in newest_first {
            let (Some(rock), Some(build)) = (rock, build) else {
                continue;
            };
            let done = (run_status(&status)? == RunStatus::Done)
                .then_some(ended_ms)
                .flatten();
            let of_build = epics.entry((rock, build)).or_default();
            of_build.entry(epic).or_insert(done);
        }
        let mut built: BTreeMap<String, i64> = BTreeMap::new();
        for ((rock, _), epics) in epics {
            let ended: Option<Vec<i64>> = epics.into_values().collect();
            if let Some(last) = ended.and_then(|ended| ended.into_iter().max()) {
                let known = built.entry(rock).or_insert(last);
                *known = last.max(*known);
            }
        }
        Ok(built
            .into_iter()
            .map(|(rock, built_ms)| BuiltRock { rock, built_ms })
            .collect())
    }

    /// The ids of all cards that an epic ever had in a run.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn cards_of_epic(&self, epic: &str) -> Result<HashSet<String>, StoreError> {
        let found = self.query(|connection| {
            let builds = runs::table
                .filter(runs::epic.eq(epic))
                .select(runs::build_id)
                .distinct()
                .load::<String>(connection)?;
            cards::table
                .filter(cards::build_id.eq_any(builds))
                .select(cards::card_id)
                .distinct()
                .load::<String>(connection)
        })?;
        Ok(found.into_iter().collect())
    }

    /// The names of all rocks and of all epics that were ever run.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn rocks_and_epics(&self) -> Result<(HashSet<String>, HashSet<String>), StoreError> {
        self.query(|connection| {
            let rocks = runs::table
                .filter(runs::rock.is_not_null())
                .select(runs::rock)
                .distinct()
                .load::<Option<String>>(connection)?;
            let epics = runs::table
                .select(runs::epic)
                .distinct()
                .load::<String>(connection)?;
            Ok((
                rocks.into_iter().flatten().collect(),
                epics.into_iter().collect(),
            ))
        })
    }

    /// Whether a rock of this name was ever run.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn knows_rock(&self, rock: &str) -> Result<bool, StoreError> {
        let found = self.query(|connection| {
            runs::table
                .filter(runs::rock.eq(rock))
                .select(runs::run_id)
                .first::<String>(connection)
                .optional()
        })?;
        Ok(found.is_some())
    }
}

impl Known {
    /// The same card in another build; rows come in order.
    fn meets(&mut self, newer: &Self) {
        self.created_ms = self.created_ms.min(newer.created_ms);
        self.row = newer.row;
        self.run_id.clone_from(&newer.run_id);
        self.status = newer.status;
        self.updated_ms = newer.updated_ms;
    }
}

fn bug(plan: CardPlan) -> BugCard {
    BugCard {
        id: plan.id.to_string(),
        summary: plan.summary,
        seat: plan.seat,
        priority: plan.priority,
        status: CardStatus::Ready,
        epic: String::new(),
        department: String::new(),
        description: plan.description,
        note: plan.note,
        requirements: plan.requirements,
        max_retries: Some(plan.max_retries),
        depends_on: plan.depends_on.iter().map(ToString::to_string).collect(),
        params: plan.params,
        labels: plan.labels,
        references: plan.references,
        verification: serde_json::Value::Null,
    }
}
