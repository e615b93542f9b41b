//! The share of a run in which the model did not work.

use crate::round::three;

/// `max(0, (total − model) / total)`, three places; seconds in, a share of 0 to 1 out. `None` when either
/// is not known, or the run took no time at all.
#[must_use]
pub fn ratio(total_seconds: Option<f64>, model_seconds: Option<f64>) -> Option<f64> {
    let (total, model) = (total_seconds?, model_seconds?);
    let sensible = total.is_finite() && total > 0.0 && model.is_finite() && model >= 0.0;
    sensible.then(|| three(((total - model) / total).max(0.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_the_model_s_is_overhead() {
        assert_eq!(ratio(Some(4.0), Some(3.0)), Some(0.25));
        assert_eq!(ratio(Some(3.0), Some(3.2)), Some(0.0));
        assert_eq!(ratio(Some(4.0), None), None);
        assert_eq!(ratio(None, Some(4.0)), None);
        assert_eq!(ratio(Some(0.0), Some(0.0)), None);
    }
}
