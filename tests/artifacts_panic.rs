//! A projector thread that panics costs one record's files, not the thread and not the run. Alone in
//! its file: faults are armed for the whole process.

use std::num::NonZeroUsize;
use std::sync::Arc;

use orket::artifacts::{ProjectionOptions, ProjectionStats, Projections};
use orket_actors::port::record::{Projector as _, TurnRecord};
use orket_core::plan::ArtifactMode;

#[tokio::test]
async fn a_panic_costs_one_record() {
    orket_actors::fault::arm("panic@projector.before_write#2,panic@projector.after_write#3")
        .unwrap();
    let workspace = tempfile::tempdir().unwrap();
    let projections = Projections::start(ProjectionOptions {
        threads: NonZeroUsize::MIN,
        ..ProjectionOptions::default()
    })
    .unwrap();
    for turn in 1..=5 {
        projections
            .project(TurnRecord {
                mode: ArtifactMode::Full,
                workspace: Arc::from(workspace.path().to_str().unwrap()),
                run_id: "r".into(),
                issue_id: "I".into(),
                role: "coder".into(),
                turn,
                attempt: 1,
                ended_ms: 0,
                plan: None,
                steps: Vec::new(),
            })
            .await;
    }
    projections.drained().await;
    assert_eq!(
        projections.stats(),
        ProjectionStats {
            written: 3,
            failed: 0,
            panicked: 2
        }
    );
    let there = |turn: u32| {
        workspace
            .path()
            .join(format!("observability/r/I/{turn:03}_coder/checkpoint.json"))
            .exists()
    };
    assert_eq!(
        [1, 2, 3, 4, 5].map(there),
        [true, false, true, true, true],
        "only the record whose writing never began is missing"
    );
}
