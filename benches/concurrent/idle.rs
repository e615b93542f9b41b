//! Cards that wait for one that is under way: what each of them costs in memory.

use orket_actors::runtime::Shutdown;
use orket_core::plan::ArtifactMode;
use serde_json::{Value, json};

use crate::{process, stage};

/// Bytes in use before the run and with it under way, and at most.
pub fn run(cards: usize) -> Value {
    let root = tempfile::tempdir().expect("a folder");
    let scenario = stage::scenario();
    let issues: Vec<Value> = (0..cards)
        .map(|place| {
            let depends_on = if place == 0 {
                vec![]
            } else {
                vec![stage::card_name(0)]
            };
            json!({"id": stage::card_name(place), "summary": format!("Do part {place}"), "seat": stage::SEAT,
                   "depends_on": depends_on})
        })
        .collect();
    actix_rt::System::new().block_on(async move {
        let system = stage::start(root.path(), cards, scenario.clone()).await;
        let mut events = system.runtime.subscribe();
        let before = process::resident();
        let new = stage::planned(
            &issues,
            ArtifactMode::Checkpoint,
            &root.path().join("workspace"),
            &scenario,
        );
        drop(issues);
        let planned = process::resident();
        system.runtime.start_run(new).await.expect("started");
        while events.recv().await.expect("an event").event != "turn_progress" {}
        let after = process::resident();
        system.stop(Shutdown::Immediate).await.expect("stops");
        json!({"before": before, "planned": planned, "after": after, "peak": process::peak_resident()})
    })
}
