//! What is set aside before a question to a model and spent after it. The one writer does both, so
//! that cards which ask at once can never have more between them than what all of them may.

use diesel::prelude::*;
use diesel::sql_types::BigInt;
use orket_actors::port::store::{BudgetGrant, Shortage, StoreError, TurnRow};
use orket_core::policy::{Amounts, Scope, Spent, Unit};
use serde::{Deserialize, Serialize};

use super::{About, Failure, Transaction, conflict, count};
use crate::storage::schema::{budget_reservations, budgets};

diesel::define_sql_function! {
    /// The smaller of two numbers. A sum beyond SQLite's integers is a real number, and larger.
    #[sql_name = "min"]
    fn least(a: BigInt, b: BigInt) -> BigInt;
}

/// Sums end here: two of them still fit.
const MOST_SUM: i64 = i64::MAX / 4;

/// What an open attempt has set aside.
#[derive(Serialize, Deserialize)]
struct Reservation {
    #[serde(flatten)]
    amounts: Amounts,
    /// Since when; earlier versions did not write it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at_ms: Option<i64>,
}

impl Reservation {
    /// How long the question took. One that ended without a word did not take longer than until now,
    /// and not longer than it was given.
    fn elapsed_ms(&self, at_ms: i64, is_told: bool) -> u64 {
        let most = self.amounts.wall_ms;
        let Some(since) = self.at_ms else {
            return most;
        };
        let elapsed = u64::try_from(at_ms.saturating_sub(since)).unwrap_or(0);
        if is_told && most == 0 {
            // No clock bounded it, and no budget counts it.
            elapsed
        } else {
            elapsed.min(most)
        }
    }
}

impl Transaction<'_> {
    /// Sets `amounts` aside in every scope; refused as a whole where one has too little left.
    pub(super) fn reserve(
        &mut self,
        turn: TurnRow,
        scopes: &[Scope],
        amounts: &Amounts,
        at_ms: i64,
    ) -> Result<(), Failure> {
        // What an earlier question of the same attempt left.
        self.settle(turn, None, at_ms)?;
        self.known.reserves();
        for scope in scopes {
            for unit in Unit::ALL {
                self.set_aside(scope, *unit, amounts.of(*unit), at_ms)?;
            }
        }
        let scopes_json = self.json(&scopes)?;
        let amounts_json = self.json(&Reservation {
            amounts: *amounts,
            at_ms: Some(at_ms),
        })?;
        diesel::insert_into(budget_reservations::table)
            .values((
                budget_reservations::turn.eq(turn),
                budget_reservations::scopes_json.eq(scopes_json),
                budget_reservations::amounts_json.eq(amounts_json),
            ))
            .execute(self.connection)
            .about(|| format!("the reservation of attempt row {turn}"))?;
        Ok(())
    }

    fn set_aside(
        &mut self,
        scope: &Scope,
        unit: Unit,
        asked: u64,
        at_ms: i64,
    ) -> Result<(), Failure> {
        let limit = scope.limits.of(unit);
        let row = (
            budgets::scope.eq(&scope.kind),
            budgets::scope_id.eq(&scope.id),
            budgets::unit.eq(unit.as_str()),
            budgets::allowed.eq(limit.map(count)),
            budgets::reserved.eq(count(asked)),
            budgets::updated_at.eq(at_ms),
        );
        diesel::insert_into(budgets::table)
            .values(row)
            .on_conflict((budgets::scope, budgets::scope_id, budgets::unit))
            .do_update()
            .set((
                budgets::allowed.eq(limit.map(count)),
                budgets::reserved.eq(least(budgets::reserved + count(asked), MOST_SUM)),
                budgets::updated_at.eq(at_ms),
            ))
            .execute(self.connection)?;
        let Some(limit) = limit else {
            return Ok(());
        };
        let (granted, reserved, spent) = budgets::table
            .find((&scope.kind, &scope.id, unit.as_str()))
            .select((budgets::granted, budgets::reserved, budgets::spent))
            .first::<(i64, i64, i64)>(self.connection)?;
        let allowed = count(limit).saturating_add(granted);
        if reserved.saturating_add(spent) > allowed {
            let number = |amount: i64| u64::try_from(amount).unwrap_or(0);
            return Err(Failure::Refused(StoreError::OverBudget(Box::new(
                Shortage {
                    scope: scope.kind.clone(),
                    scope_id: scope.id.clone(),
                    unit,
                    allowed: number(allowed),
                    spent: number(spent),
                    reserved: number(reserved).saturating_sub(asked),
                    asked,
                },
            ))));
        }
        Ok(())
    }

    /// Spends what an attempt set aside, as far as it is known how much it was; `None` when nobody says.
    pub(super) fn settle(
        &mut self,
        turn: TurnRow,
        actual: Option<Spent>,
        at_ms: i64,
    ) -> Result<(), Failure> {
        if !self.may_have_reserved()? {
            return Ok(());
        }
        let reservation = budget_reservations::table
            .find(turn)
            .select((
                budget_reservations::scopes_json,
                budget_reservations::amounts_json,
            ))
            .first::<(String, String)>(self.connection)
            .optional()?;
        let Some((scopes, amounts)) = reservation else {
            return Ok(());
        };
        let broken = |error: serde_json::Error| {
            conflict(format!(
                "the reservation of attempt row {turn} is damaged: {error}"
            ))
        };
        let scopes: Vec<Scope> = serde_json::from_str(&scopes).map_err(broken)?;
        let reservation: Reservation = serde_json::from_str(&amounts).map_err(broken)?;
        let reserved = reservation.amounts;
        let elapsed_ms = reservation.elapsed_ms(at_ms, actual.is_some());
        let actual = actual
            .unwrap_or(Spent::Unknown)
            .amounts(reserved, elapsed_ms);
        for scope in &scopes {
            for unit in Unit::ALL {
                diesel::update(budgets::table.find((&scope.kind, &scope.id, unit.as_str())))
                    .set((
                        budgets::reserved.eq(budgets::reserved - count(reserved.of(*unit))),
                        budgets::spent
                            .eq(least(budgets::spent + count(actual.of(*unit)), MOST_SUM)),
                        budgets::updated_at.eq(at_ms),
                    ))
                    .execute(self.connection)?;
            }
        }
        diesel::delete(budget_reservations::table.find(turn)).execute(self.connection)?;
        Ok(())
    }

    /// A person allows more.
    pub(super) fn grant(&mut self, grant: &BudgetGrant, at_ms: i64) -> Result<(), Failure> {
        let amount = count(grant.amount).min(MOST_SUM);
        diesel::insert_into(budgets::table)
            .values((
                budgets::scope.eq(&grant.scope),
                budgets::scope_id.eq(&grant.scope_id),
                budgets::unit.eq(grant.unit.as_str()),
                budgets::granted.eq(amount),
                budgets::updated_at.eq(at_ms),
            ))
            .on_conflict((budgets::scope, budgets::scope_id, budgets::unit))
            .do_update()
            .set((
                budgets::granted.eq(least(budgets::granted + amount, MOST_SUM)),
                budgets::updated_at.eq(at_ms),
            ))
            .execute(self.connection)?;
        Ok(())
    }
}
