//! Which runs of the ledger tell how rocks and epics stand. Pure. What a whole board shows is put
//! together in [`whole`].

pub mod whole;

use orket_actors::port::store::RunStatus;

use super::builds::{epic_build, is_build_of_rock, is_fork, rock_build};
use super::ports::RunRow;

/// The newest build of a rock. `epics`: the newest run of each build of each of its epics.
#[must_use]
pub fn latest_rock_build<'a>(
    rock: &str,
    epics: impl IntoIterator<Item = (&'a str, &'a [RunRow])>,
) -> Option<&'a str> {
    let builds = epics.into_iter().flat_map(|(epic, runs)| {
        runs.iter()
            .filter_map(move |run| Some((run.started_ms, rock_build(&run.build_id, epic)?)))
    });
    let own = builds.filter(|(_, build)| is_build_of_rock(rock, build));
    // Of builds that began in the same millisecond the first one that is met.
    own.reduce(|latest, next| if next.0 > latest.0 { next } else { latest })
        .map(|(_, build)| build)
}

/// The run that tells how an epic stands: that of its rock's build, else the newest one of its own,
/// forks aside. `runs`: the newest of each of its builds, newest first.
#[must_use]
pub fn telling_run<'a>(
    epic: &str,
    of_rock: Option<&'a RunRow>,
    runs: &'a [RunRow],
) -> Option<&'a RunRow> {
    // Under a rock its own build comes first; an epic run by itself is still the same epic.
    of_rock.or_else(|| runs.iter().find(|run| !is_fork(epic, &run.build_id)))
}

/// The run of an epic in a rock's build.
#[must_use]
pub fn run_in_rock<'a>(epic: &str, rock_build: &str, runs: &'a [RunRow]) -> Option<&'a RunRow> {
    let build = epic_build(rock_build, epic);
    runs.iter().find(|run| run.build_id == build)
}

/// One word for a rock whose epics stand so; `None` for one that its build does not have.
#[must_use]
pub fn rock_status(epics: &[Option<RunStatus>]) -> &'static str {
    let any = |status| epics.contains(&Some(status));
    if epics.iter().all(|epic| *epic == Some(RunStatus::Done)) {
        return RunStatus::Done.as_str();
    }
    let first = [
        RunStatus::Running,
        RunStatus::Halted,
        RunStatus::Interrupted,
        RunStatus::Queued,
    ]
    .into_iter()
    .find(|status| any(*status));
    first.unwrap_or(RunStatus::Incomplete).as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(build: &str, started_ms: i64) -> RunRow {
        RunRow {
            run_id: format!("r-{build}"),
            build_id: build.to_owned(),
            epic: "a".to_owned(),
            target: None,
            status: RunStatus::Done,
            started_ms,
            ended_ms: None,
        }
    }

    #[test]
    fn a_rock_is_told_by_its_newest_build_and_an_epic_by_that_of_its_rock() {
        let a = [run("build-a", 9), run("rock-k-2.a", 5), run("rock-k.a", 1)];
        let b = [run("rock-other.b", 8), run("rock-k.b", 2)];
        let epics = [("a", a.as_slice()), ("b", b.as_slice())];
        assert_eq!(latest_rock_build("k", epics), Some("rock-k-2"));
        assert_eq!(latest_rock_build("none", epics), None);
        let of_rock = run_in_rock("a", "rock-k-2", &a);
        assert_eq!(telling_run("a", of_rock, &a), a.get(1));
        assert_eq!(telling_run("a", None, &a), a.first());
        assert_eq!(run_in_rock("b", "rock-k-2", &b), None);
        let forked = [run("build-a-fork-1", 9), run("build-a", 1)];
        assert_eq!(telling_run("a", None, &forked), forked.get(1));
    }

    #[test]
    fn a_rock_is_done_when_all_of_it_is() {
        let done = Some(RunStatus::Done);
        assert_eq!(rock_status(&[done, done]), "done");
        assert_eq!(rock_status(&[done, None]), "incomplete");
        assert_eq!(rock_status(&[done, Some(RunStatus::Halted)]), "halted");
        assert_eq!(
            rock_status(&[Some(RunStatus::Queued), Some(RunStatus::Running)]),
            "running"
        );
    }
}
