//! Which build and which run a wish means. Pure.
//!
//! Without `--build-id`: a run under way is attached to, one that was halted or interrupted is gone
//! on with, and after one that is over comes a new build: `build-<epic>`, `build-<epic>-2`, … With
//! `--build-id`, or with one card as the target, the build goes on: finished cards stay as they are.

use orket_actors::port::store::RunStatus;
pub use orket_core::build_name::{epic_build, rock_build, slug};

use super::ports::RunRow;

/// Builds of rocks begin so: they are no builds of their epics.
pub const ROCK_PREFIX: &str = "rock-";

/// The build of a fork of `build`: the first of `<build>-fork-1`, `<build>-fork-2`, … after `taken`
/// and after number `past`.
#[must_use]
pub fn fork_number(build: &str, taken: &[RunRow], past: u64) -> u64 {
    let first = format!("{build}-fork-");
    let numbers = taken
        .iter()
        .filter_map(|run| run.build_id.strip_prefix(&first)?.parse::<u64>().ok());
    numbers.max().unwrap_or(0).max(past).saturating_add(1)
}

/// Whether a build of this epic is a fork.
#[must_use]
pub fn is_fork(epic: &str, build: &str) -> bool {
    if rock_build(build, epic).is_some() {
        return false;
    }
    let own = format!("build-{}", slug(epic));
    let rest = build.strip_prefix(&own).unwrap_or(build);
    rest.rsplit_once("-fork-")
        .is_some_and(|(_, number)| number.parse::<u64>().is_ok())
}

/// Whether the epic's name alone may mean this build.
#[must_use]
pub fn is_main(epic: &str, build: &str) -> bool {
    !build.starts_with(ROCK_PREFIX) && !is_fork(epic, build)
}

/// The command that goes on with cards that this run has now.
#[must_use]
pub fn command_for(run: &RunRow) -> String {
    if run.status.can_go_on() {
        format!("orket resume {} goes on with them", run.run_id)
    } else {
        format!(
            "orket run --epic {} --build-id {} goes on with all of them",
            run.epic, run.build_id
        )
    }
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// Watch the run that is under way.
    Attach {
        /// The run.
        run_id: String,
        /// Its build.
        build_id: String,
    },
    /// A run of another card works on the build: what is wished can begin when it is over.
    Wait {
        /// The run.
        run_id: String,
    },
    /// Go on with a run that was stopped.
    Resume {
        /// The run.
        run_id: String,
        /// Its build.
        build_id: String,
        /// What stopped it, as a word.
        was: RunStatus,
    },
    /// A new run.
    Start {
        /// The build it works on.
        build_id: String,
        /// Whether the build has cards from earlier runs.
        continued: bool,
    },
}

/// What is wished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish<'a> {
    /// The epic.
    pub epic: &'a str,
    /// `--build-id`.
    pub build_id: Option<&'a str>,
    /// One card only.
    pub target: Option<&'a str>,
    /// The target is finished in the epic's latest build.
    pub target_is_finished: bool,
    /// The latest build's last run was about one card, and others are not finished.
    pub rest_is_left: bool,
}

/// Decides. `runs`: the newest of each build of the epic, newest first.
#[must_use]
pub fn choose(wish: Wish<'_>, runs: &[RunRow]) -> Choice {
    let of_build = |build: &str| runs.iter().find(|run| run.build_id == build);
    let latest = match wish.build_id {
        Some(build) => of_build(build),
        None => runs.iter().find(|run| is_main(wish.epic, &run.build_id)),
    };
    let Some(latest) = latest else {
        let build_id = match wish.build_id {
            Some(build) => build.to_owned(),
            None => next_build(wish.epic, runs),
        };
        return Choice::Start {
            build_id,
            continued: false,
        };
    };
    let go_on = || Choice::Start {
        build_id: latest.build_id.clone(),
        continued: true,
    };
    match latest.status {
        // A run of the whole epic comes to every card of it; a run of one card to that card alone.
        RunStatus::Queued | RunStatus::Running
            if latest.target.is_none() || latest.target.as_deref() == wish.target =>
        {
            Choice::Attach {
                run_id: latest.run_id.clone(),
                build_id: latest.build_id.clone(),
            }
        }
        RunStatus::Queued | RunStatus::Running => Choice::Wait {
            run_id: latest.run_id.clone(),
        },
        RunStatus::Halted | RunStatus::Interrupted | RunStatus::Skipped => {
            if latest.target.as_deref() == wish.target {
                Choice::Resume {
                    run_id: latest.run_id.clone(),
                    build_id: latest.build_id.clone(),
                    was: latest.status,
                }
            } else {
                go_on()
            }
        }
        RunStatus::Done
        | RunStatus::TerminalFailure
        | RunStatus::Incomplete
        | RunStatus::Failed => {
            let same_build = wish.build_id.is_some()
                || (wish.target.is_some() && !wish.target_is_finished)
                || (wish.target.is_none() && wish.rest_is_left);
            if same_build {
                go_on()
            } else {
                Choice::Start {
                    build_id: next_build(wish.epic, runs),
                    continued: false,
                }
            }
        }
    }
}

/// The first free name of `build-<epic>`, `build-<epic>-2`, …: one more than the highest there is.
fn next_build(epic: &str, runs: &[RunRow]) -> String {
    next_name(
        &format!("build-{}", slug(epic)),
        runs.iter().map(|run| run.build_id.as_str()),
    )
}

fn next_name<'a>(first: &str, taken: impl Iterator<Item = &'a str>) -> String {
    let highest = taken
        .filter_map(|name| {
            let rest = name.strip_prefix(first)?;
            if rest.is_empty() {
                Some(1)
            } else {
                rest.strip_prefix('-')?.parse::<u64>().ok()
            }
        })
        .max();
    match highest {
        None => first.to_owned(),
        Some(number) => format!("{first}-{}", number.saturating_add(1)),
    }
}

/// Whether a build, without the epic behind it, is one of this rock.
#[must_use]
pub fn is_build_of_rock(rock: &str, build: &str) -> bool {
    let first = format!("{ROCK_PREFIX}{}", slug(rock));
    build.strip_prefix(&first).is_some_and(|rest| {
        let number = rest.strip_prefix('-').map(str::parse::<u64>);
        rest.is_empty() || matches!(number, Some(Ok(_)))
    })
}

/// The build of a rock: the latest one while an epic of it is not done, else a new one. `runs`: the
/// newest of each build of each epic, newest first.
#[must_use]
pub fn choose_rock(rock: &str, given: Option<&str>, epics: &[(String, Vec<RunRow>)]) -> String {
    if let Some(given) = given {
        return format!("{ROCK_PREFIX}{}", given.trim_start_matches(ROCK_PREFIX));
    }
    let first = format!("{ROCK_PREFIX}{}", slug(rock));
    let builds: Vec<&str> = epics
        .iter()
        .flat_map(|(epic, runs)| {
            runs.iter()
                .filter_map(move |run| rock_build(&run.build_id, epic))
        })
        .collect();
    let next = next_name(&first, builds.iter().copied());
    let latest = match next
        .strip_prefix(&format!("{first}-"))
        .map(str::parse::<u64>)
    {
        None => return next,
        Some(Ok(2)) | Some(Err(_)) => first,
        Some(Ok(number)) => format!("{first}-{}", number.saturating_sub(1)),
    };
    let all_done = epics.iter().all(|(epic, runs)| {
        let build = epic_build(&latest, epic);
        runs.iter()
            .find(|run| run.build_id == build)
            // A run of one card says nothing about the others.
            .is_some_and(|run| run.status == RunStatus::Done && run.target.is_none())
    });
    if all_done { next } else { latest }
}

/// Epics in an order in which each comes after those it depends on, else as listed.
///
/// # Errors
///
/// A sentence about an unknown dependency, a repeated epic or a cycle.
pub fn rock_order(epics: &[(String, Vec<String>)]) -> Result<Vec<usize>, String> {
    for (place, (epic, needs)) in epics.iter().enumerate() {
        if epics.iter().take(place).any(|(other, _)| other == epic) {
            return Err(format!("epic `{epic}` is listed twice"));
        }
        if let Some(unknown) = needs
            .iter()
            .find(|need| !epics.iter().any(|(other, _)| &other == need))
        {
            return Err(format!(
                "epic `{epic}` depends on `{unknown}`, which the rock does not list"
            ));
        }
    }
    let mut order: Vec<usize> = Vec::with_capacity(epics.len());
    let mut placed: Vec<&str> = Vec::with_capacity(epics.len());
    while order.len() < epics.len() {
        let next = epics.iter().enumerate().find(|(place, (_, needs))| {
            !order.contains(place) && needs.iter().all(|need| placed.contains(&need.as_str()))
        });
        let Some((place, (epic, _))) = next else {
            let stuck: Vec<&str> = epics
                .iter()
                .enumerate()
                .filter(|(place, _)| !order.contains(place))
                .map(|(_, (epic, _))| epic.as_str())
                .collect();
            return Err(format!(
                "these epics depend on each other in a circle: {}",
                stuck.join(", ")
            ));
        };
        order.push(place);
        placed.push(epic);
    }
    Ok(order)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(run: &str, build: &str, status: RunStatus) -> RunRow {
        RunRow {
            run_id: run.to_owned(),
            build_id: build.to_owned(),
            epic: "demo".to_owned(),
            target: None,
            status,
            started_ms: 0,
            ended_ms: None,
        }
    }

    fn wish() -> Wish<'static> {
        Wish {
            epic: "demo",
            build_id: None,
            target: None,
            target_is_finished: false,
            rest_is_left: false,
        }
    }

    fn start(build: &str, continued: bool) -> Choice {
        Choice::Start {
            build_id: build.to_owned(),
            continued,
        }
    }

    #[test]
    fn a_finished_epic_gets_a_new_build_and_a_stopped_one_goes_on() {
        let done = row("r1", "build-demo", RunStatus::Done);
        let failed = row("r2", "build-demo-2", RunStatus::TerminalFailure);
        let halted = row("r3", "build-demo-3", RunStatus::Halted);
        let running = row("r4", "build-demo-3", RunStatus::Running);
        let rocks = row("r5", "rock-k.demo", RunStatus::Halted);
        assert_eq!(choose(wish(), &[]), start("build-demo", false));
        assert_eq!(
            choose(wish(), std::slice::from_ref(&rocks)),
            start("build-demo", false)
        );
        assert_eq!(
            choose(wish(), std::slice::from_ref(&done)),
            start("build-demo-2", false)
        );
        let both = [failed, done];
        assert_eq!(choose(wish(), &both), start("build-demo-3", false));
        assert_eq!(
            choose(wish(), &[rocks, halted.clone()]),
            Choice::Resume {
                run_id: "r3".to_owned(),
                build_id: "build-demo-3".to_owned(),
                was: RunStatus::Halted,
            }
        );
        assert_eq!(
            choose(wish(), &[running, halted]),
            Choice::Attach {
                run_id: "r4".to_owned(),
                build_id: "build-demo-3".to_owned(),
            }
        );
        let named = Wish {
            build_id: Some("build-demo"),
            ..wish()
        };
        assert_eq!(choose(named, &both), start("build-demo", true));
    }

    #[test]
    fn one_card_goes_on_in_its_build_until_it_is_finished() {
        let runs = [row("r1", "build-demo", RunStatus::TerminalFailure)];
        let target = |target_is_finished| Wish {
            target: Some("C-1"),
            target_is_finished,
            ..wish()
        };
        assert_eq!(choose(target(false), &runs), start("build-demo", true));
        assert_eq!(choose(target(true), &runs), start("build-demo-2", false));
        let halted = [row("r1", "build-demo", RunStatus::Halted)];
        assert_eq!(choose(target(false), &halted), start("build-demo", true));
    }

    #[test]
    fn whoever_wishes_more_than_the_run_of_one_card_is_told_to_wait() {
        let one = [RunRow {
            target: Some("C-1".to_owned()),
            ..row("r1", "build-demo", RunStatus::Running)
        }];
        let target = |target| Wish { target, ..wish() };
        let wait = Choice::Wait {
            run_id: "r1".to_owned(),
        };
        assert_eq!(choose(target(None), &one), wait);
        assert_eq!(choose(target(Some("C-2")), &one), wait);
        let attach = Choice::Attach {
            run_id: "r1".to_owned(),
            build_id: "build-demo".to_owned(),
        };
        assert_eq!(choose(target(Some("C-1")), &one), attach);
        let all = [row("r1", "build-demo", RunStatus::Running)];
        assert_eq!(choose(target(Some("C-2")), &all), attach);
    }

    #[test]
    fn after_a_run_of_one_card_the_rest_of_the_build_goes_on() {
        let runs = [row("r1", "build-demo", RunStatus::Done)];
        let rest = |rest_is_left| Wish {
            rest_is_left,
            ..wish()
        };
        assert_eq!(choose(rest(true), &runs), start("build-demo", true));
        assert_eq!(choose(rest(false), &runs), start("build-demo-2", false));
    }

    #[test]
    fn a_fork_is_no_build_that_the_epic_means() {
        let fork = row("r2", "build-demo-fork-1", RunStatus::Halted);
        let done = row("r1", "build-demo", RunStatus::Done);
        let runs = [fork, done];
        assert_eq!(choose(wish(), &runs), start("build-demo-2", false));
        assert_eq!(fork_number("build-demo", &runs, 0), 2);
        assert_eq!(fork_number("build-demo", &runs, 4), 5);
        assert_eq!(fork_number("build-demo-fork-1", &runs, 0), 1);
        assert!(is_main("a-fork-1", "build-a-fork-1"));
        assert!(!is_main("a-fork-1", "build-a-fork-1-fork-1"));
        assert!(!is_fork("a-fork-1", "rock-k.a-fork-1"));
        assert!(is_fork("a-fork-1", "rock-k.a-fork-1-fork-2"));
    }

    #[test]
    fn a_rock_goes_on_until_every_epic_is_done() {
        let runs = |first, second| {
            vec![
                ("a".to_owned(), vec![row("r1", "rock-k.a", first)]),
                ("b".to_owned(), vec![row("r2", "rock-k.b", second)]),
            ]
        };
        let none = vec![("a".to_owned(), vec![]), ("b".to_owned(), vec![])];
        assert_eq!(choose_rock("k", None, &none), "rock-k");
        let half = runs(RunStatus::Done, RunStatus::Halted);
        assert_eq!(choose_rock("k", None, &half), "rock-k");
        let whole = runs(RunStatus::Done, RunStatus::Done);
        assert_eq!(choose_rock("k", None, &whole), "rock-k-2");
        assert_eq!(choose_rock("k", Some("x"), &whole), "rock-x");
    }

    #[test]
    fn epics_come_after_what_they_depend_on() {
        let epic = |name: &str, needs: &[&str]| {
            let needs = needs.iter().map(ToString::to_string).collect();
            (name.to_owned(), needs)
        };
        let listed = [epic("c", &["a"]), epic("b", &[]), epic("a", &["b"])];
        assert_eq!(rock_order(&listed), Ok(vec![1, 2, 0]));
        let circle = [epic("a", &["b"]), epic("b", &["a"])];
        assert_eq!(
            rock_order(&circle),
            Err("these epics depend on each other in a circle: a, b".to_owned())
        );
        assert!(rock_order(&[epic("a", &["x"])]).is_err());
        assert!(rock_order(&[epic("a", &[]), epic("a", &[])]).is_err());
    }
}
