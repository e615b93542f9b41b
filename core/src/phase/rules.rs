//! The organization's rules about bug-fix phases: four keys of `process_rules`.

use serde_json::{Map, Value};

use crate::asset::name;

const INITIAL_DAYS: &str = "bug_fix_initial_days";
const MAX_DAYS: &str = "bug_fix_max_days";
const HIGH_RATE: &str = "bug_discovery_high_rate";
const CRITICAL: &str = "bug_critical_threshold";
const KNOWN: [&str; 4] = [INITIAL_DAYS, MAX_DAYS, HIGH_RATE, CRITICAL];
/// A key that begins so and is none of the known ones was meant to be one.
const PREFIXES: [&str; 3] = ["bug_fix_", "bug_discovery_", "bug_critical_"];
/// The longest phase: ten years.
const MOST_DAYS: u32 = 3_650;

/// The rules.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PhaseRules {
    /// How many days a phase has at first, from 1.
    pub initial_days: u32,
    /// How many it may come to have.
    pub max_days: u32,
    /// Bugs a day; more of them extend it.
    pub high_rate: f64,
    /// Critical bugs; more of them extend it.
    pub critical_threshold: u32,
}

impl Default for PhaseRules {
    fn default() -> Self {
        Self {
            initial_days: 7,
            max_days: 28,
            high_rate: 5.0,
            critical_threshold: 3,
        }
    }
}

impl PhaseRules {
    /// Reads them out of `process_rules`; what is not said is as in [`PhaseRules::default`].
    ///
    /// # Errors
    ///
    /// A sentence for each rule that cannot be meant.
    pub fn read(process_rules: &Map<String, Value>) -> Result<Self, Vec<String>> {
        let mut rules = Self::default();
        let mut wrong = Vec::new();
        let of_phases = process_rules
            .iter()
            .filter(|(key, _)| PREFIXES.iter().any(|prefix| key.starts_with(prefix)));
        for (key, value) in of_phases {
            if let Err(words) = rules.set(key, value) {
                wrong.push(format!("process_rules.{key} {words}"));
            }
        }
        if rules.initial_days > rules.max_days {
            wrong.push(format!(
                "process_rules.{INITIAL_DAYS} ({}) must not be above {MAX_DAYS} ({})",
                rules.initial_days, rules.max_days
            ));
        }
        if wrong.is_empty() {
            Ok(rules)
        } else {
            Err(wrong)
        }
    }

    fn set(&mut self, key: &str, value: &Value) -> Result<(), String> {
        match key {
            INITIAL_DAYS => self.initial_days = days(value)?,
            MAX_DAYS => self.max_days = days(value)?,
            HIGH_RATE => {
                let rate = value.as_f64().filter(|rate| *rate >= 0.0);
                self.high_rate = rate.ok_or("must be a number of bugs a day, not below 0")?;
            }
            CRITICAL => {
                let count = value.as_u64().and_then(|count| u32::try_from(count).ok());
                self.critical_threshold =
                    count.ok_or("must be a whole number of bugs, not below 0")?;
            }
            _ => return Err(format!("is not known; {}", name::suggestion(key, KNOWN))),
        }
        Ok(())
    }
}

fn days(value: &Value) -> Result<u32, String> {
    value
        .as_u64()
        .and_then(|days| u32::try_from(days).ok())
        .filter(|days| (1..=MOST_DAYS).contains(days))
        .ok_or_else(|| format!("must be a whole number of days from 1 to {MOST_DAYS}"))
}
