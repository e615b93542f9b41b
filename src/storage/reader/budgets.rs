//! What was spent and set aside.

use diesel::prelude::*;
use orket_actors::port::store::StoreError;
use orket_core::policy::Unit;

use super::{Reader, damaged};
use crate::storage::schema::budgets;

/// One unit of one scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BudgetLine {
    /// `rock`, `epic` or `card`.
    pub scope: String,
    /// Which one.
    pub scope_id: String,
    /// Of what.
    pub unit: Unit,
    /// The plan's limit.
    pub allowed: Option<u64>,
    /// What people added to it.
    pub granted: u64,
    /// What open questions set aside.
    pub reserved: u64,
    /// What was spent.
    pub spent: u64,
}

type Row = (String, String, String, Option<i64>, i64, i64, i64);

impl Reader {
    /// The lines of a build, of its cards and, when it is part of one, of its rock.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn budgets(&self, build: &str, rock: Option<&str>) -> Result<Vec<BudgetLine>, StoreError> {
        let rows = self.query(|connection| {
            let within = format!("{build}/");
            // Ids sort between `build/` and the next text after all that begins so.
            let after = format!("{build}0");
            budgets::table
                .filter(
                    budgets::scope
                        .eq("epic")
                        .and(budgets::scope_id.eq(build))
                        .or(budgets::scope.eq("card").and(
                            budgets::scope_id
                                .gt(within)
                                .and(budgets::scope_id.lt(after)),
                        ))
                        .or(budgets::scope
                            .eq("rock")
                            .and(budgets::scope_id.eq(rock.unwrap_or_default()))),
                )
                .order((budgets::scope.desc(), budgets::scope_id, budgets::unit))
                .select((
                    budgets::scope,
                    budgets::scope_id,
                    budgets::unit,
                    budgets::allowed,
                    budgets::granted,
                    budgets::reserved,
                    budgets::spent,
                ))
                .load::<Row>(connection)
        })?;
        rows.into_iter().map(line).collect()
    }
}

fn line(
    (scope, scope_id, unit, allowed, granted, reserved, spent): Row,
) -> Result<BudgetLine, StoreError> {
    let number = |amount: i64| u64::try_from(amount).unwrap_or(0);
    Ok(BudgetLine {
        scope,
        scope_id,
        unit: unit
            .parse()
            .map_err(|error: orket_core::status::UnknownWord| {
                damaged("a budget's unit", error.to_string())
            })?,
        allowed: allowed.map(number),
        granted: number(granted),
        reserved: number(reserved),
        spent: number(spent),
    })
}
