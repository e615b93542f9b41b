//! Means and variances of what is known.

/// A count as a number to divide by; exact up to 2^53.
#[expect(
    clippy::cast_precision_loss,
    reason = "no sweep has 2^53 runs, and a mean would not show the difference"
)]
#[must_use]
pub const fn count(value: u64) -> f64 {
    value as f64
}

/// The mean of the values that are known and finite; `None` when none is.
pub fn mean_of_known(values: impl IntoIterator<Item = Option<f64>>) -> Option<f64> {
    let mut sum = 0.0;
    let mut known = 0;
    for value in values.into_iter().flatten().filter(|it| it.is_finite()) {
        sum += value;
        known += 1;
    }
    (known > 0).then(|| sum / count(known))
}

/// The mean of squared distances from the mean, over all values (not a sample); `None` for none.
#[must_use]
pub fn population_variance(values: &[f64]) -> Option<f64> {
    let mean = mean_of_known(values.iter().copied().map(Some))?;
    mean_of_known(values.iter().map(|value| Some((value - mean).powi(2))))
}

/// Population standard deviation over the mean; `None` for fewer than two values, which vary in
/// nothing that could be seen, and for a mean of zero with values that are not.
#[must_use]
pub fn coefficient_of_variation(values: &[f64]) -> Option<f64> {
    if values.len() < 2 {
        return None;
    }
    let mean = mean_of_known(values.iter().copied().map(Some))?;
    let deviation = population_variance(values)?.sqrt();
    if deviation == 0.0 {
        return Some(0.0);
    }
    (mean > 0.0).then_some(deviation / mean)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_does_not_count_as_zero() {
        assert_eq!(mean_of_known([Some(1.0), None, Some(3.0)]), Some(2.0));
        assert_eq!(mean_of_known([Some(1.0), Some(f64::NAN)]), Some(1.0));
        assert_eq!(mean_of_known([None, None]), None);
    }

    #[test]
    fn variation_is_that_of_the_population() {
        assert_eq!(
            population_variance(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]),
            Some(4.0)
        );
        assert_eq!(
            coefficient_of_variation(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]),
            Some(0.4)
        );
        assert_eq!(coefficient_of_variation(&[3.0, 3.0]), Some(0.0));
        assert_eq!(coefficient_of_variation(&[3.0]), None);
        assert_eq!(coefficient_of_variation(&[]), None);
        assert_eq!(coefficient_of_variation(&[-1.0, 1.0]), None);
    }
}
