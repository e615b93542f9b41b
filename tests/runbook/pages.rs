//! docs/RUNBOOK.md and the README.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::lines::{Section, sections};
use super::ready::python_databases;
use super::session::{Session, problems};

const RUNBOOK: &str = include_str!("../../docs/RUNBOOK.md");
const README: &str = include_str!("../../README.md");
/// What is run by `.ci/run` itself, since it builds everything.
const ELSEWHERE: [&str; 2] = [
    "cargo run --release -- --epic golden_flow",
    "cargo test --workspace",
];
const CI: &str = include_str!("../../.ci/run");

#[test]
fn every_command_of_the_runbook_exits_as_it_says() {
    let sections = sections(RUNBOOK);
    assert!(sections.len() > 12, "{}", sections.len());
    let problems = all(&sections, |section, session| {
        if section.title.starts_with("Coming from the Python Orket") {
            python_databases(&session.folder().join("old"));
        }
    });
    assert!(problems.is_empty(), "{}", problems.join("\n\n"));
}

#[test]
fn every_command_of_the_readme_exits_as_it_says() {
    let mut sections = sections(README);
    for section in &mut sections {
        section.lines.retain(|line| {
            let is_elsewhere = ELSEWHERE.contains(&line.text.as_str());
            if is_elsewhere {
                assert!(CI.contains(&line.text), "{} is not in .ci/run", line.text);
            }
            !is_elsewhere
        });
    }
    assert!(sections.iter().map(|it| it.lines.len()).sum::<usize>() > 10);
    let problems = all(&sections, |_, _| {});
    assert!(problems.is_empty(), "{}", problems.join("\n\n"));
}

/// Runs sections side by side, each in a folder of its own. What is not as documented.
fn all(sections: &[Section], prepare: impl Fn(&Section, &Session) + Sync) -> Vec<String> {
    let next = AtomicUsize::new(0);
    let found = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while let Some(section) = sections.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let session = Session::new();
                    prepare(section, &session);
                    let outcomes = session.run(&section.lines);
                    let problems = problems(&outcomes);
                    found.lock().expect("no panic").extend(
                        problems
                            .into_iter()
                            .map(|it| format!("{}: {it}", section.title)),
                    );
                }
            });
        }
    });
    found.into_inner().expect("no panic")
}
