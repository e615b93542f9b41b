//! A webhook database of theirs into ours: pull requests, refused reviews, bug-fix phases.
//!
//! What our receiver knows already stays as it is; their row is kept beside it and reported.

use std::collections::HashSet;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Nullable, Text};

use crate::error::LegacyError;
use crate::finding::{Finding, Findings};
use crate::kept::{self, Before, Table, TableCount};
use crate::row::{Cell, Row};

const CYCLES: &str = "pr_review_cycles";
const FAILURES: &str = "review_failures";
const PHASES: &str = "bug_fix_phases";

/// What an import brought, or would bring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brought {
    /// Each table of theirs.
    pub tables: Vec<TableCount>,
    /// What could not be taken as it was.
    pub findings: Vec<Finding>,
}

impl Brought {
    /// Whether anything was, or would be, written.
    #[must_use]
    pub fn is_something(&self) -> bool {
        self.tables.iter().any(|table| table.new > 0)
    }
}

#[derive(Debug, Clone, PartialEq, QueryableByName)]
struct Cycle {
    #[diesel(sql_type = Text)]
    pr_key: String,
    #[diesel(sql_type = Text)]
    repo_full_name: String,
    #[diesel(sql_type = BigInt)]
    pr_number: i64,
    #[diesel(sql_type = Integer)]
    cycle_count: i32,
    #[diesel(sql_type = Text)]
    status: String,
    #[diesel(sql_type = Nullable<Text>)]
    created_at: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    updated_at: Option<String>,
}

#[derive(Debug, Clone, PartialEq, QueryableByName)]
struct Failure {
    #[diesel(sql_type = Text)]
    pr_key: String,
    #[diesel(sql_type = Integer)]
    cycle_number: i32,
    #[diesel(sql_type = Text)]
    reviewer: String,
    #[diesel(sql_type = Nullable<Text>)]
    reason: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    created_at: Option<String>,
}

#[derive(Debug, Clone, PartialEq, QueryableByName)]
struct Phase {
    #[diesel(sql_type = Text)]
    rock_id: String,
    #[diesel(sql_type = Text)]
    data_json: String,
    #[diesel(sql_type = Text)]
    status: String,
    #[diesel(sql_type = Nullable<Text>)]
    updated_at: Option<String>,
}

#[derive(QueryableByName)]
struct Word {
    #[diesel(sql_type = Text)]
    word: String,
}

/// What an import would bring; nothing is changed.
///
/// # Errors
///
/// [`LegacyError::Conflict`], or our database cannot be read.
pub fn preview(
    tables: &[Table],
    connection: Option<&mut SqliteConnection>,
) -> Result<Brought, LegacyError> {
    let (before, known) = match connection {
        None => (Before::nothing(), HashSet::new()),
        Some(connection) => (Before::read(connection)?, known(connection)?),
    };
    let counts = before.count(tables)?;
    let findings = Meant::of(tables, &before, &known).findings.into_sorted();
    Ok(Brought {
        tables: counts,
        findings,
    })
}

/// Brings what is not there yet, reads it again and compares. One transaction.
///
/// # Errors
///
/// [`LegacyError`].
pub fn import(
    tables: &[Table],
    connection: &mut SqliteConnection,
    again: impl FnOnce() -> Result<Vec<Table>, LegacyError>,
) -> Result<Brought, LegacyError> {
    connection.immediate_transaction(|connection| {
        let before = Before::read(connection)?;
        let counts = before.count(tables)?;
        let known = known(connection)?;
        let meant = Meant::of(tables, &before, &known);
        for table in tables {
            for row in &table.rows {
                if !before.has(&table.name, &row.key) {
                    let target = meant.targets.get(&(table.name.as_str(), row.key.as_str()));
                    kept::keep(connection, &table.name, row, target.map(String::as_str))?;
                }
            }
        }
        meant.write(connection)?;
        orket_actors::fault::point("import.webhook_written");
        meant.check(connection)?;
        kept::check(connection, &again()?)?;
        Ok(Brought {
            tables: counts,
            findings: meant.findings.into_sorted(),
        })
    })
}

/// The pull requests and rocks that our receiver knows.
fn known(connection: &mut SqliteConnection) -> Result<HashSet<String>, LegacyError> {
    let found: Vec<Word> = diesel::sql_query(
        "SELECT 'pr ' || pr_key AS word FROM pr_review_cycles \
         UNION ALL SELECT 'number ' || repo_full_name || ' ' || pr_number FROM pr_review_cycles \
         UNION ALL SELECT 'rock ' || rock_id FROM bug_fix_phases",
    )
    .load(connection)?;
    Ok(found.into_iter().map(|it| it.word).collect())
}

/// What is to be written.
#[derive(Default)]
struct Meant<'a> {
    cycles: Vec<Cycle>,
    failures: Vec<Failure>,
    phases: Vec<Phase>,
    targets: std::collections::HashMap<(&'a str, &'a str), String>,
    findings: Findings,
}

impl<'a> Meant<'a> {
    fn of(tables: &'a [Table], before: &Before, known: &HashSet<String>) -> Self {
        let mut meant = Self::default();
        let rows = |name: &str| {
            tables
                .iter()
                .find(|table| table.name == name)
                .map_or(&[][..], |table| table.rows.as_slice())
        };
        let mut imported: HashSet<String> = HashSet::new();
        for row in rows(CYCLES) {
            if before.has(CYCLES, &row.key) {
                imported.extend(row.text("pr_key").map(str::to_owned));
            } else if let Some(cycle) = meant.cycle(row, known) {
                imported.insert(cycle.pr_key.clone());
                meant.target(CYCLES, row, format!("{CYCLES}:{}", cycle.pr_key));
                meant.cycles.push(cycle);
            }
        }
        for row in rows(FAILURES) {
            if before.has(FAILURES, &row.key) {
                continue;
            }
            if let Some(failure) = meant.failure(row, &imported) {
                meant.target(FAILURES, row, format!("{FAILURES}:{}", failure.pr_key));
                meant.failures.push(failure);
            }
        }
        for row in rows(PHASES) {
            if before.has(PHASES, &row.key) {
                continue;
            }
            if let Some(phase) = meant.phase(row, known) {
                meant.target(PHASES, row, format!("{PHASES}:{}", phase.rock_id));
                meant.phases.push(phase);
            }
        }
        meant
    }

    fn target(&mut self, table: &'static str, row: &'a Row, target: String) {
        self.targets.insert((table, &row.key), target);
    }

    fn kept(&mut self, table: &str, row: &Row, column: &str, why: &str) {
        let found = row.cell(column).shown();
        let became = format!("kept as it was: {why}");
        self.findings.note((table, &row.key), column, found, became);
    }

    fn cycle(&mut self, row: &Row, known: &HashSet<String>) -> Option<Cycle> {
        let (Some(pr_key), Some(repo), Cell::Integer(number)) = (
            row.text("pr_key"),
            row.text("repo_full_name"),
            row.cell("pr_number"),
        ) else {
            self.kept(CYCLES, row, "pr_key", "it names no pull request");
            return None;
        };
        if known.contains(&format!("pr {pr_key}"))
            || known.contains(&format!("number {repo} {number}"))
        {
            self.kept(
                CYCLES,
                row,
                "pr_key",
                "this pull request is known here already",
            );
            return None;
        }
        let word = row.text("status").unwrap_or_default();
        let status = if ["active", "rejected", "merged", "closed"].contains(&word) {
            word
        } else {
            let place = (CYCLES, row.key.as_str());
            let became = "closed: nothing is done to it unasked";
            self.findings
                .note(place, "status", row.cell("status").shown(), became);
            "closed"
        };
        Some(Cycle {
            pr_key: pr_key.to_owned(),
            repo_full_name: repo.to_owned(),
            pr_number: *number,
            cycle_count: small(row.cell("cycle_count")).unwrap_or_else(|| {
                let place = (CYCLES, row.key.as_str());
                let found = row.cell("cycle_count").shown();
                self.findings.note(place, "cycle_count", found, "0");
                0
            }),
            status: status.to_owned(),
            created_at: row.text("created_at").map(str::to_owned),
            updated_at: row.text("updated_at").map(str::to_owned),
        })
    }

    fn failure(&mut self, row: &Row, imported: &HashSet<String>) -> Option<Failure> {
        let pr_key = row.text("pr_key").unwrap_or_default();
        if !imported.contains(pr_key) {
            self.kept(FAILURES, row, "pr_key", "its pull request was not imported");
            return None;
        }
        let Some(cycle_number) = small(row.cell("cycle_number")) else {
            self.kept(FAILURES, row, "cycle_number", "it is no number");
            return None;
        };
        let reviewer = row.text("reviewer").unwrap_or_else(|| {
            let place = (FAILURES, row.key.as_str());
            let found = row.cell("reviewer").shown();
            self.findings.note(place, "reviewer", found, "unknown");
            "unknown"
        });
        Some(Failure {
            pr_key: pr_key.to_owned(),
            cycle_number,
            reviewer: reviewer.to_owned(),
            reason: row.text("reason").map(str::to_owned),
            created_at: row.text("created_at").map(str::to_owned),
        })
    }

    fn phase(&mut self, row: &Row, known: &HashSet<String>) -> Option<Phase> {
        let (Some(rock), Some(data), Some(status)) = (
            row.text("rock_id"),
            row.text("data_json"),
            row.text("status"),
        ) else {
            self.kept(PHASES, row, "rock_id", "it says nothing of a phase");
            return None;
        };
        if known.contains(&format!("rock {rock}")) {
            self.kept(PHASES, row, "rock_id", "this rock has a phase here already");
            return None;
        }
        Some(Phase {
            rock_id: rock.to_owned(),
            data_json: data.to_owned(),
            status: status.to_owned(),
            updated_at: row.text("updated_at").map(str::to_owned),
        })
    }

    fn write(&self, connection: &mut SqliteConnection) -> Result<(), LegacyError> {
        for cycle in &self.cycles {
            diesel::sql_query(
                "INSERT INTO pr_review_cycles (pr_key, repo_full_name, pr_number, cycle_count, \
                 status, created_at, updated_at) VALUES (?, ?, ?, ?, ?, \
                 coalesce(?, CURRENT_TIMESTAMP), coalesce(?, CURRENT_TIMESTAMP))",
            )
            .bind::<Text, _>(&cycle.pr_key)
            .bind::<Text, _>(&cycle.repo_full_name)
            .bind::<BigInt, _>(cycle.pr_number)
            .bind::<Integer, _>(cycle.cycle_count)
            .bind::<Text, _>(&cycle.status)
            .bind::<Nullable<Text>, _>(cycle.created_at.as_deref())
            .bind::<Nullable<Text>, _>(cycle.updated_at.as_deref())
            .execute(connection)?;
        }
        for failure in &self.failures {
            diesel::sql_query(
                "INSERT INTO review_failures (pr_key, cycle_number, reviewer, reason, created_at) \
                 VALUES (?, ?, ?, ?, coalesce(?, CURRENT_TIMESTAMP))",
            )
            .bind::<Text, _>(&failure.pr_key)
            .bind::<Integer, _>(failure.cycle_number)
            .bind::<Text, _>(&failure.reviewer)
            .bind::<Nullable<Text>, _>(failure.reason.as_deref())
            .bind::<Nullable<Text>, _>(failure.created_at.as_deref())
            .execute(connection)?;
        }
        for phase in &self.phases {
            diesel::sql_query(
                "INSERT INTO bug_fix_phases (rock_id, data_json, status, updated_at) \
                 VALUES (?, ?, ?, coalesce(?, CURRENT_TIMESTAMP))",
            )
            .bind::<Text, _>(&phase.rock_id)
            .bind::<Text, _>(&phase.data_json)
            .bind::<Text, _>(&phase.status)
            .bind::<Nullable<Text>, _>(phase.updated_at.as_deref())
            .execute(connection)?;
        }
        Ok(())
    }

    /// Every row as often as it was written. Times that were not known are those of now.
    fn check(&self, connection: &mut SqliteConnection) -> Result<(), LegacyError> {
        let mut cycles: Vec<Cycle> = diesel::sql_query(
            "SELECT pr_key, repo_full_name, pr_number, cycle_count, status, created_at, updated_at \
             FROM pr_review_cycles",
        )
        .load(connection)?;
        for due in &self.cycles {
            gone(&mut cycles, CYCLES, &due.pr_key, |found| {
                let like = Cycle {
                    created_at: due
                        .created_at
                        .is_some()
                        .then(|| found.created_at.clone())
                        .flatten(),
                    updated_at: due
                        .updated_at
                        .is_some()
                        .then(|| found.updated_at.clone())
                        .flatten(),
                    ..found.clone()
                };
                like == *due
            })?;
        }
        let mut failures: Vec<Failure> = diesel::sql_query(
            "SELECT pr_key, cycle_number, reviewer, reason, created_at FROM review_failures",
        )
        .load(connection)?;
        for due in &self.failures {
            gone(&mut failures, FAILURES, &due.pr_key, |found| {
                let like = Failure {
                    created_at: due
                        .created_at
                        .is_some()
                        .then(|| found.created_at.clone())
                        .flatten(),
                    ..found.clone()
                };
                like == *due
            })?;
        }
        let mut phases: Vec<Phase> =
            diesel::sql_query("SELECT rock_id, data_json, status, updated_at FROM bug_fix_phases")
                .load(connection)?;
        for due in &self.phases {
            gone(&mut phases, PHASES, &due.rock_id, |found| {
                let like = Phase {
                    updated_at: due
                        .updated_at
                        .is_some()
                        .then(|| found.updated_at.clone())
                        .flatten(),
                    ..found.clone()
                };
                like == *due
            })?;
        }
        Ok(())
    }
}

/// Takes away one that is as it should be.
fn gone<T>(
    all: &mut Vec<T>,
    table: &str,
    key: &str,
    is_due: impl Fn(&T) -> bool,
) -> Result<(), LegacyError> {
    match all.iter().position(is_due) {
        Some(place) => {
            all.swap_remove(place);
            Ok(())
        }
        None => Err(LegacyError::Mismatch {
            what: format!("{table} `{key}` is not what was written"),
        }),
    }
}

fn small(cell: &Cell) -> Option<i32> {
    match cell {
        Cell::Integer(number) => i32::try_from(*number).ok(),
        Cell::Null | Cell::Real(_) | Cell::Text(_) | Cell::Damaged(_) | Cell::Blob(_) => None,
    }
}
