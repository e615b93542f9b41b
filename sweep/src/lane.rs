//! Where a sweep runs, and how much memory of the graphics card it may take.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where measurements were made: figures of a shared machine say little about the hardware.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lane {
    /// Any machine.
    #[default]
    Ci,
    /// A machine kept for measuring.
    Lab,
}

/// Targets whose figures count as those of a lab.
const LAB_TARGETS: [&str; 4] = ["lab", "gpu", "selfhosted", "local-hardware"];

impl Lane {
    /// The lane of a runtime target. There is one rule, so that a report and the row made of it agree.
    #[must_use]
    pub fn of_target(target: &str) -> Self {
        if LAB_TARGETS.contains(&target.trim().to_lowercase().as_str()) {
            Self::Lab
        } else {
            Self::Ci
        }
    }

    /// As it stands in files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ci => "ci",
            Self::Lab => "lab",
        }
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// How much of the graphics memory may be in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VramProfile {
    /// Half.
    #[default]
    Safe,
    /// Four fifths.
    Balanced,
    /// Nearly all.
    Stress,
}

impl VramProfile {
    /// All of them, the most careful first.
    pub const ALL: [Self; 3] = [Self::Safe, Self::Balanced, Self::Stress];

    /// The largest share of the memory that may be in use, 0 to 1.
    #[must_use]
    pub const fn ratio_limit(self) -> f64 {
        match self {
            Self::Safe => 0.50,
            Self::Balanced => 0.80,
            Self::Stress => 0.95,
        }
    }

    /// As it stands in files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::Balanced => "balanced",
            Self::Stress => "stress",
        }
    }
}

impl fmt::Display for VramProfile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_has_the_same_lane_wherever_it_is_asked_for() {
        let lanes =
            ["lab", "GPU", "selfhosted", "local-hardware", "standard", ""].map(Lane::of_target);
        assert_eq!(
            lanes,
            [
                Lane::Lab,
                Lane::Lab,
                Lane::Lab,
                Lane::Lab,
                Lane::Ci,
                Lane::Ci
            ]
        );
    }
}
