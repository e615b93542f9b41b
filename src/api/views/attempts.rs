//! Attempts as lists show them: their order and their pages.

/// An attempt, as sums need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Its row, which is its number among all.
    pub row: i64,
    /// The run.
    pub run_id: String,
    /// The card.
    pub issue_id: String,
    /// The card's turn, from 1.
    pub turn_index: u32,
    /// The try, from 1.
    pub attempt: u32,
    /// The role, lower-case.
    pub role: String,
    /// The model that was asked.
    pub model: Option<String>,
    /// `open`, `succeeded`, `failed`, `stalled` or `abandoned`.
    pub status: String,
    /// Tokens read and written.
    pub tokens: u64,
    /// When it ended, or began when it has not; milliseconds since 1970-01-01 UTC.
    pub at_ms: i64,
}

impl Attempt {
    /// What log events call the turn.
    #[must_use]
    pub fn trace_id(&self) -> String {
        format!(
            "{}:{}:{}:{}",
            self.run_id, self.issue_id, self.role, self.turn_index
        )
    }
}

/// Puts attempts in the order in which lists show them.
pub fn in_order(attempts: &mut [Attempt]) {
    attempts.sort_by(|a, b| {
        (a.turn_index, &a.issue_id, &a.role, a.row).cmp(&(
            b.turn_index,
            &b.issue_id,
            &b.role,
            b.row,
        ))
    });
}

/// Those that come after the one with this row, at most `limit`, and the row to go on after; `None`
/// when none of them has this row.
#[must_use]
pub fn page(
    attempts: &[Attempt],
    after: Option<i64>,
    limit: usize,
) -> Option<(&[Attempt], Option<i64>)> {
    let rest = match after {
        None => attempts,
        Some(row) => {
            let place = attempts.iter().position(|attempt| attempt.row == row)?;
            attempts.get(place.saturating_add(1)..).unwrap_or_default()
        }
    };
    let shown = rest.get(..limit).unwrap_or(rest);
    let next = (shown.len() < rest.len())
        .then(|| shown.last().map(|last| last.row))
        .flatten();
    Some((shown, next))
}
