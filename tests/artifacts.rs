//! What a turn leaves under `observability/`: which files, with which bytes, and where not.

mod turns;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use orket::artifacts::{ExportReport, ProjectionOptions, Projections, export};
use orket_actors::port::record::{Projector as _, TurnRecord};
use orket_core::plan::ArtifactMode;
use orket_core::turn::Step;

use turns::{failed_turn, good_turn, prompt, reprompted_turn, requested, stalled_turn, started};

/// 2026-01-02T03:04:05.678Z.
const ENDED_MS: i64 = 1_767_323_045_678;

fn record(workspace: &Path, steps: Vec<Step>, mode: ArtifactMode) -> TurnRecord {
    let attempt = match steps.first() {
        Some(Step::TurnStarted { attempt, .. }) => *attempt,
        _ => 1,
    };
    TurnRecord {
        mode,
        workspace: Arc::from(workspace.to_str().unwrap()),
        run_id: "Run-A".into(),
        issue_id: "I-1".into(),
        role: "coder".into(),
        turn: 1,
        attempt,
        ended_ms: ENDED_MS,
        plan: None,
        steps: steps.into_iter().map(Arc::new).collect(),
    }
}

/// Every file below `folder`: path and bytes.
fn tree(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap();
                files.insert(name.to_owned(), std::fs::read(&path).unwrap());
            }
        }
    }
    files
}

fn shown(files: &BTreeMap<String, Vec<u8>>) -> String {
    let mut text = String::new();
    for (name, bytes) in files {
        let bytes = String::from_utf8_lossy(bytes);
        writeln!(text, "── {name}\n{}", bytes.trim_end()).unwrap();
    }
    text
}

async fn written(steps: Vec<Step>, mode: ArtifactMode) -> BTreeMap<String, Vec<u8>> {
    let workspace = tempfile::tempdir().unwrap();
    let projections = Projections::start(ProjectionOptions::default()).unwrap();
    projections
        .project(record(workspace.path(), steps, mode))
        .await;
    projections.drained().await;
    tree(workspace.path())
}

#[tokio::test]
async fn a_successful_turn_shows_what_was_asked_answered_and_done() {
    insta::assert_snapshot!(shown(&written(good_turn(), ArtifactMode::Full).await));
}

#[tokio::test]
async fn a_corrected_turn_keeps_the_answer_that_was_refused() {
    insta::assert_snapshot!(shown(&written(reprompted_turn(), ArtifactMode::Full).await));
}

#[tokio::test]
async fn a_failed_try_has_its_own_folder_and_says_why() {
    insta::assert_snapshot!(shown(&written(failed_turn(), ArtifactMode::Full).await));
}

#[tokio::test]
async fn a_stalled_turn_keeps_what_it_had_heard() {
    insta::assert_snapshot!(shown(&written(stalled_turn(), ArtifactMode::Full).await));
}

#[tokio::test]
async fn each_mode_writes_what_it_promises() {
    let turns = [
        ("succeeded", good_turn()),
        ("failed", failed_turn()),
        ("stalled", stalled_turn()),
        ("abandoned", vec![started(1), requested(0, prompt())]),
    ];
    let mut table = String::new();
    for mode in ArtifactMode::ALL {
        for (name, steps) in &turns {
            let files = written(steps.clone(), *mode).await;
            let names: Vec<_> = files
                .keys()
                .map(|path| path.rsplit('/').next().unwrap())
                .collect();
            writeln!(table, "{mode} {name}: {}", names.join(" ")).unwrap();
        }
    }
    insta::assert_snapshot!(table);
}

#[tokio::test]
async fn an_export_writes_the_very_same_bytes() {
    let workspace = tempfile::tempdir().unwrap();
    let turns = [reprompted_turn(), failed_turn()];
    let records = || {
        turns
            .iter()
            .map(|steps| record(workspace.path(), steps.clone(), ArtifactMode::Full))
    };
    let projections = Projections::start(ProjectionOptions::default()).unwrap();
    for record in records() {
        projections.project(record).await;
    }
    projections.drained().await;
    let before = tree(workspace.path());
    std::fs::remove_dir_all(workspace.path().join("observability")).unwrap();

    let report = export(records());

    let after = tree(workspace.path());
    assert_eq!(after, before);
    let bytes: usize = after.values().map(Vec::len).sum();
    assert_eq!(
        report,
        ExportReport {
            turns: 2,
            files: after.len() as u64,
            bytes: bytes as u64,
            failed: Vec::new(),
        }
    );
}

#[tokio::test]
async fn a_small_backlog_loses_no_record() {
    let workspace = tempfile::tempdir().unwrap();
    let projections = Projections::start(ProjectionOptions {
        threads: NonZeroUsize::new(3).unwrap(),
        backlog: NonZeroUsize::new(2).unwrap(),
    })
    .unwrap();
    for turn in 1..=300 {
        let mut record = record(workspace.path(), good_turn(), ArtifactMode::Checkpoint);
        record.turn = turn;
        record.run_id = format!("run-{}", turn % 50);
        projections.project(record).await;
    }
    projections.drained().await;
    assert_eq!(tree(workspace.path()).len(), 300);
    assert_eq!(projections.stats().written, 300);
}

#[tokio::test]
async fn dropping_the_projector_writes_what_is_queued() {
    let workspace = tempfile::tempdir().unwrap();
    let projections = Projections::start(ProjectionOptions::default()).unwrap();
    for turn in 1..=100 {
        let mut record = record(workspace.path(), good_turn(), ArtifactMode::Checkpoint);
        record.turn = turn;
        projections.project(record).await;
    }
    drop(projections);
    assert_eq!(tree(workspace.path()).len(), 100);
}

#[tokio::test]
async fn a_removed_workspace_is_made_again() {
    let outer = tempfile::tempdir().unwrap();
    let workspace = outer.path().join("default");
    let projections = Projections::start(ProjectionOptions::default()).unwrap();
    for _ in 0..2 {
        projections
            .project(record(&workspace, good_turn(), ArtifactMode::Checkpoint))
            .await;
        projections.drained().await;
        assert_eq!(tree(&workspace).len(), 1);
        std::fs::remove_dir_all(&workspace).unwrap();
    }
}

#[tokio::test]
async fn a_link_out_of_the_workspace_is_refused_and_the_run_goes_on() {
    let outside = tempfile::tempdir().unwrap();
    let projections = Projections::start(ProjectionOptions::default()).unwrap();
    for link in [
        "observability",
        "observability/Run-A",
        "observability/Run-A/I-1",
        "observability/Run-A/I-1/001_coder",
    ] {
        let workspace = tempfile::tempdir().unwrap();
        let link = workspace.path().join(link);
        std::fs::create_dir_all(link.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(outside.path(), &link).unwrap();
        projections
            .project(record(workspace.path(), good_turn(), ArtifactMode::Full))
            .await;
        projections.drained().await;
        let report = export([record(workspace.path(), good_turn(), ArtifactMode::Full)]);
        assert_eq!(report.turns, 0, "{}", link.display());
        assert!(
            report.failed[0].1.contains("outside"),
            "{:?}",
            report.failed
        );
    }
    assert_eq!(projections.stats().failed, 4);
    assert_eq!(tree(outside.path()), BTreeMap::new());

    let workspace = tempfile::tempdir().unwrap();
    projections
        .project(record(workspace.path(), good_turn(), ArtifactMode::Full))
        .await;
    projections.drained().await;
    assert_eq!(tree(workspace.path()).len(), 10);
}
