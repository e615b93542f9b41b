//! What is set aside before a question to a model and spent after it. The one writer does both, so
//! that cards which ask at once can never have more between them than what all of them may.

use diesel::prelude::*;
use orket_actors::port::store::{BudgetGrant, Shortage, StoreError, TurnRow};
use orket_core::policy::{Amounts, Scope, Unit};

use super::{About, Failure, Transaction, conflict, count};
use crate::storage::schema::{budget_reservations, budgets};

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
        let amounts_json = self.json(amounts)?;
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
                budgets::reserved.eq(budgets::reserved + count(asked)),
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

    /// Spends what an attempt set aside: as much as it really was, or all of it.
    pub(super) fn settle(
        &mut self,
        turn: TurnRow,
        actual: Option<&Amounts>,
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
        let reserved: Amounts = serde_json::from_str(&amounts).map_err(broken)?;
        let actual = actual.unwrap_or(&reserved);
        for scope in &scopes {
            for unit in Unit::ALL {
                diesel::update(budgets::table.find((&scope.kind, &scope.id, unit.as_str())))
                    .set((
                        budgets::reserved.eq(budgets::reserved - count(reserved.of(*unit))),
                        budgets::spent.eq(budgets::spent + count(actual.of(*unit))),
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
        let amount = count(grant.amount);
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
                budgets::granted.eq(budgets::granted + amount),
                budgets::updated_at.eq(at_ms),
            ))
            .execute(self.connection)?;
        Ok(())
    }
}
