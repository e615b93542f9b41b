//! Reads the text of `/metrics`.

use std::collections::BTreeMap;

/// Which are worth a look over time: how much is under way and how much waits.
const WORTH: [&str; 5] = [
    "orket_queue_depth",
    "orket_runs_active",
    "orket_turns_active",
    "orket_webhook_waiting",
    "orket_webhook_queue",
];

/// The gauges of queues and of what is under way, by name with labels: `orket_queue_depth{queue="writer"}`.
#[must_use]
pub fn gauges(text: &str) -> BTreeMap<String, f64> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| {
            let (name, value) = line.rsplit_once(' ')?;
            let bare = name.split('{').next().unwrap_or(name);
            let is_worth = WORTH.contains(&bare);
            is_worth.then(|| Some((name.to_owned(), value.parse().ok()?)))?
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queues_are_read_and_counters_are_not() {
        let text = "# TYPE orket_queue_depth gauge\norket_queue_depth{queue=\"writer\"} 3\n\
                    orket_turns_total{outcome=\"failed\"} 4\norket_runs_active 2\n# EOF\n";
        let found: Vec<_> = gauges(text).into_iter().collect();
        let named = |name: &str, value| (name.to_owned(), value);
        assert_eq!(
            found,
            [
                named("orket_queue_depth{queue=\"writer\"}", 3.0),
                named("orket_runs_active", 2.0)
            ]
        );
    }
}
