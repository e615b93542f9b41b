//! Rounding half up, as people do it on paper: 0.0005 to three places is 0.001.
//!
//! What is rounded is the shortest decimal number that means the same `f64`. Rounding the binary value
//! instead would make 2.675 into 2.67, since it is a little less than what is written. Negative numbers
//! are rounded away from zero at the half, as the Python Orket did.

use std::str::FromStr as _;

use rust_decimal::prelude::ToPrimitive as _;
use rust_decimal::{Decimal, RoundingStrategy};

/// `value` to so many places. What is too large or too small for decimal arithmetic stays as it is.
#[must_use]
pub fn half_up(value: f64, places: u32) -> f64 {
    let Ok(decimal) = Decimal::from_str(&value.to_string()) else {
        return value;
    };
    let rounded = decimal.round_dp_with_strategy(places, RoundingStrategy::MidpointAwayFromZero);
    // Adding zero makes -0 into 0.
    rounded.to_f64().map_or(value, |rounded| rounded + 0.0)
}

/// Three places: seconds, shares, MiB.
#[must_use]
pub fn three(value: f64) -> f64 {
    half_up(value, 3)
}

/// Two places: tokens per second.
#[must_use]
pub fn two(value: f64) -> f64 {
    half_up(value, 2)
}

/// Six places: rates over a whole sweep.
#[must_use]
pub fn six(value: f64) -> f64 {
    half_up(value, 6)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn halves_go_up_as_they_are_written() {
        let written = [
            (0.0005, 3, 0.001),
            (0.0004999, 3, 0.0),
            (1.0005, 3, 1.001),
            (2.675, 2, 2.68),
            (1.005, 2, 1.01),
            (-2.675, 2, -2.68),
            (-0.0001, 3, 0.0),
            (0.000_000_5, 6, 0.000_001),
            (1234.0, 3, 1234.0),
            (1e300, 3, 1e300),
        ];
        for (value, places, rounded) in written {
            assert_eq!(
                half_up(value, places).to_bits(),
                f64::to_bits(rounded),
                "{value} to {places} places"
            );
        }
        assert!(half_up(f64::NAN, 3).is_nan());
    }

    proptest! {
        #[test]
        fn a_rounded_number_is_near_and_stays(value in -1e9_f64..1e9, places in 0_u32..7) {
            let rounded = half_up(value, places);
            let step = 10_f64.powi(-i32::try_from(places).unwrap());
            prop_assert!((rounded - value).abs() <= step * 0.5 + 1e-6 * step + value.abs() * 1e-15);
            prop_assert_eq!(half_up(rounded, places).to_bits(), rounded.to_bits());
        }
    }
}
