//! How much of what was asked was done.

use crate::round::three;
use crate::statistics::count;

/// Checks that passed, of all: constraints and examples alike; three places, 0 to 1. `None` when there is
/// nothing to check: the Python Orket said 1.0 then, and a task without demands looked perfect.
#[must_use]
pub fn score(passed: u64, total: u64) -> Option<f64> {
    (total > 0).then(|| three(count(passed.min(total)) / count(total)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_asked_is_nothing_known() {
        assert_eq!(score(2, 3), Some(0.667));
        assert_eq!(score(3, 3), Some(1.0));
        assert_eq!(score(0, 3), Some(0.0));
        assert_eq!(score(0, 0), None);
    }
}
