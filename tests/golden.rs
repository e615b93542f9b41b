//! The golden epic, inside one process.

mod lab;

use lab::{Lab, on_actix, run_to_end, statuses};
use orket::system::System;
use orket_actors::runtime::Shutdown;

#[test]
fn five_seats_bring_the_greeting_program_to_done() {
    let lab = Lab::new();
    let report = on_actix(async {
        let system = System::start(lab.options()).await.expect("starts");
        let report = run_to_end(
            &system,
            lab.new_run("golden_flow", "run-1", "build-golden_flow"),
        )
        .await;
        system.stop(Shutdown::Graceful).await.expect("stops");
        report
    });
    assert_eq!(
        statuses(&report),
        [
            "GF-1: done",
            "GF-2: done",
            "GF-3: done",
            "GF-4: done",
            "GF-5: done"
        ],
        "{report:#?}"
    );
    assert_eq!(report.status, "done");
    let output = std::process::Command::new("sh")
        .args(["agent_output/main.sh", "Ada"])
        .current_dir(lab.workspace())
        .output()
        .expect("runs");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "Hello, Ada!\n");
    let files = lab.workspace().join("observability/run-1/GF-3/001_coder");
    assert!(files.join("checkpoint.json").is_file(), "{files:?}");
}
