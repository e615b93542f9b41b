//! Whether the same question comes to the same answer.
//!
//! A task that ran once is neither: its one result is the same as itself, whatever the model does. The
//! Python Orket counted it as deterministic, so that a sweep of one run each always showed 1.0.

use std::collections::BTreeSet;

use crate::round::six;
use crate::run_report::TaskDetail;
use crate::statistics::count;

/// Different results, each once and sorted, and whether they are one; `None` for fewer than two runs.
#[must_use]
pub fn of_hashes<'a>(hashes: impl IntoIterator<Item = &'a str>) -> (Vec<String>, Option<bool>) {
    let mut runs = 0_u64;
    let mut unique = BTreeSet::new();
    for hash in hashes {
        runs += 1;
        unique.insert(hash.to_owned());
    }
    let deterministic = (runs > 1).then_some(unique.len() == 1);
    (unique.into_iter().collect(), deterministic)
}

/// How many tasks are deterministic, and their share of those of which it is known, six places.
pub fn rate<'a>(details: impl IntoIterator<Item = &'a TaskDetail>) -> (u64, Option<f64>) {
    let known: Vec<bool> = details
        .into_iter()
        .filter_map(|detail| detail.deterministic)
        .collect();
    let deterministic = count_true(&known);
    let all = u64::try_from(known.len()).unwrap_or(u64::MAX);
    let rate = (all > 0).then(|| six(count(deterministic) / count(all)));
    (deterministic, rate)
}

fn count_true(values: &[bool]) -> u64 {
    u64::try_from(values.iter().filter(|it| **it).count()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(hashes: &[&str]) -> TaskDetail {
        let (unique, deterministic) = of_hashes(hashes.iter().copied());
        TaskDetail {
            hashes: unique,
            deterministic,
            ..TaskDetail::default()
        }
    }

    #[test]
    fn one_run_shows_nothing() {
        assert_eq!(of_hashes(["a"]), (vec!["a".to_owned()], None));
        assert_eq!(rate(&[task(&["a"]), task(&["b"])]), (0, None));
    }

    #[test]
    fn the_share_is_of_what_is_known() {
        let tasks = [
            task(&["a", "a"]),
            task(&["b", "a", "b"]),
            task(&["c", "c"]),
            task(&["d"]),
        ];
        assert_eq!(rate(&tasks), (2, Some(0.666_667)));
        assert_eq!(tasks[1].hashes, ["a", "b"]);
    }
}
