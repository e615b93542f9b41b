//! A run outlives its process: stopped in good order it waits to be resumed, killed it is taken over
//! by the next owner, and in both cases nothing that was paid for is asked again.

mod lab;
mod witness;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt as _};
use lab::{DEADLINE, Lab, events_until, on_actix, statuses};
use orket::system::System;
use orket_actors::clock::VirtualClock;
use orket_actors::port::probe::Probe;
use orket_actors::port::store::{Guard, Op, Store, Write};
use orket_actors::probes::WatchProbe;
use orket_actors::runtime::{NewRun, RuntimeError, Shutdown};
use orket_core::tool::EffectClass;
use orket_sandboxes::{DockerCompose, NewSandbox, Options, SandboxStatus, Sandboxes, TechStack};
use serde_json::json;
use witness::{
    agrees, alive, attempt_lines, attempts, card, ended, has, is, offer_script, options_at, run_id,
    told, works,
};

const CHILD: &str = "ORKET_TEST_LIFE_PARENT_FOLDER";

/// N naps in the middle of its turn, after a reply that is given once only; F follows it, and G is
/// done before.
fn napping(lab: &Lab) -> NewRun {
    let mut replies = vec![
        json!({"when": {"issue": "N", "role": "coder"}, "times": 1, "calls": [
            {"tool": "nap", "args": {}},
            {"tool": "write_file", "args": {"path": "agent_output/N.txt", "content": "n"}},
            {"tool": "update_issue_status", "args": {"status": "code_review"}}]}),
    ];
    replies.extend([
        works("G"),
        agrees("G"),
        agrees("N"),
        works("F"),
        agrees("F"),
    ]);
    lab.epic(
        "napping",
        json!([
            card("G", json!({})),
            card("N", json!({"depends_on": ["G"]})),
            card("F", json!({"depends_on": ["N"]})),
        ]),
        json!({"replies": replies}),
    );
    let mut new = lab.new_run("napping", "run-1", "build-1");
    // The first nap lasts until somebody says go, the second no time at all.
    let script = "echo nap >> naps; test -f napped && exit 0; touch napped; echo $$ > pid.new; \
                  mv pid.new nap.pid; while ! test -f go; do sleep 0.02; done";
    offer_script(&mut new, "nap", EffectClass::Idempotent, script);
    new
}

fn naps(root: &Path) -> usize {
    let file = root.join("workspace/default/naps");
    std::fs::read_to_string(file).expect("naps").lines().count()
}

async fn until_it_naps(system: &System, new: NewRun) {
    let root = PathBuf::from(&new.plan.workspace);
    system.runtime.start_run(new).await.expect("started");
    tokio::time::timeout(DEADLINE, async {
        while !root.join("nap.pid").exists() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("it does not nap");
}

/// Every attempt succeeded, each with one question and one reply.
fn assert_nothing_was_asked_twice(system: &System) {
    let lines = attempt_lines(system, "run-1");
    let expected: Vec<String> = ["F", "G", "N"]
        .iter()
        .flat_map(|id| {
            [
                format!("{id} 1/1 coder succeeded"),
                format!("{id} 2/1 integrity_guard succeeded"),
            ]
        })
        .collect();
    assert_eq!(lines, expected);
    for (turn, steps) in attempts(system, "run-1") {
        let count = |kind: &str| steps.iter().filter(|step| step.kind() == kind).count();
        assert_eq!(
            (count("model_requested"), count("model_replied")),
            (1, 1),
            "{turn:?}"
        );
        assert_eq!(
            has(&steps, "recovered"),
            turn.card_id == "N" && turn.turn == 1,
            "{turn:?}"
        );
    }
}

#[test]
fn a_shutdown_in_good_order_lets_a_tool_finish_and_a_resume_goes_on_behind_it() {
    let lab = Lab::new();
    let new = napping(&lab);
    on_actix(async {
        let system = System::start(lab.options()).await.expect("starts");
        until_it_naps(&system, new).await;
        let go = lab.workspace().join("go");
        let (stopped, ()) = futures_util::future::join(system.stop(Shutdown::Graceful), async {
            std::fs::write(go, "").expect("written");
        })
        .await;
        stopped.expect("stops");

        let system = System::start(lab.options()).await.expect("starts again");
        assert_eq!(
            system.runtime.active().await,
            [],
            "what was stopped in good order waits"
        );
        let report = system
            .runtime
            .report(run_id("run-1"))
            .await
            .expect("a report");
        assert_eq!(report.status, "interrupted");
        assert_eq!(statuses(&report), ["G: done", "N: ready", "F: ready"]);
        system
            .runtime
            .resume(run_id("run-1"))
            .await
            .expect("resumes");
        let report = ended(&system, "run-1").await;
        assert_eq!(
            statuses(&report),
            ["G: done", "N: done", "F: done"],
            "{}",
            told(&report)
        );
        assert_nothing_was_asked_twice(&system);
        assert_eq!(
            naps(lab.path()),
            1,
            "the nap was finished and is not taken again"
        );
        system.stop(Shutdown::Graceful).await.expect("stops");
    });
}

#[test]
fn a_shutdown_whose_time_is_up_cuts_a_tool_off_and_a_resume_takes_it_up() {
    let lab = Lab::new();
    let new = napping(&lab);
    on_actix(async {
        let mut options = lab.options();
        options.actors.shutdown_ms = 100;
        let system = System::start(options).await.expect("starts");
        until_it_naps(&system, new).await;
        let pid = std::fs::read_to_string(lab.workspace().join("nap.pid")).expect("a pid");
        let waits = system.runtime.clone();
        let waiter = actix_rt::spawn(async move { waits.wait(run_id("run-1")).await });
        let runtime = system.runtime.clone();
        system.stop(Shutdown::Graceful).await.expect("stops");
        let told = waiter
            .await
            .expect("no panic")
            .expect("whoever waits is told");
        assert_eq!(told.status, "interrupted");
        assert!(!alive(&pid), "the tool lives on");
        let late = runtime
            .start_run(lab.new_run("napping", "run-2", "build-2"))
            .await;
        assert_eq!(late, Err(RuntimeError::ShuttingDown));

        let system = System::start(lab.options()).await.expect("starts again");
        system
            .runtime
            .resume(run_id("run-1"))
            .await
            .expect("resumes");
        let report = ended(&system, "run-1").await;
        assert_eq!(report.status, "done", "{}", witness::told(&report));
        assert_nothing_was_asked_twice(&system);
        assert_eq!(naps(lab.path()), 2);
        system.stop(Shutdown::Immediate).await.expect("stops");
    });
}

/// Not a test of its own: the process that [`a_killed_owners_run_is_taken_over_by_the_next`] kills.
#[test]
fn the_owner_that_is_killed() {
    let Ok(folder) = std::env::var(CHILD) else {
        return;
    };
    let root = tempfile::Builder::new()
        .prefix("lab")
        .rand_bytes(0)
        .tempdir_in(folder)
        .expect("a folder");
    let lab = Lab { root, ..Lab::new() };
    let new = napping(&lab);
    on_actix(async {
        let system = System::start(lab.options()).await.expect("starts");
        until_it_naps(&system, new).await;
        println!("\nit naps");
        ended(&system, "run-1").await;
    });
}

#[test]
fn a_killed_owners_run_is_taken_over_by_the_next() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let mut owner = Command::new(std::env::current_exe().expect("this test"))
        .args([
            "--exact",
            "the_owner_that_is_killed",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(CHILD, folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .expect("started");
    let lines = BufReader::new(owner.stdout.take().expect("its output")).lines();
    let naps_now = lines.map_while(Result::ok).any(|line| line == "it naps");
    assert!(naps_now, "the owner ended before its time");
    owner.kill().expect("killed");
    owner.wait().expect("dead");

    let root = folder.path().join("lab");
    let pid = std::fs::read_to_string(root.join("workspace/default/nap.pid")).expect("a pid");
    on_actix(async {
        let system = System::start(options_at(&root)).await.expect("starts");
        // Nobody asks for it.
        let report = ended(&system, "run-1").await;
        assert_eq!(
            statuses(&report),
            ["G: done", "N: done", "F: done"],
            "{}",
            told(&report)
        );
        assert!(!alive(&pid), "the dead owner's tool lives on");
        assert_nothing_was_asked_twice(&system);
        assert_eq!(naps(&root), 2);
        system.stop(Shutdown::Graceful).await.expect("stops");
    });
}

#[test]
fn an_attempt_that_loses_its_card_to_somebody_else_is_not_waited_for() {
    let lab = Lab::new();
    let mut slow = works("A");
    slow["first_chunk_delay_ms"] = json!(150);
    lab.epic(
        "fenced",
        json!([card("A", json!({}))]),
        json!({"replies": [slow, works("A"), agrees("A")]}),
    );
    on_actix(async {
        let system = System::start(lab.options()).await.expect("starts");
        let mut events = system.runtime.subscribe();
        let new = lab.new_run("fenced", "run-1", "build-1");
        system.runtime.start_run(new).await.expect("started");
        events_until(&mut events, |event| is(event, "turn_start", "A")).await;
        let record = system
            .reader()
            .load_run(&run_id("run-1"))
            .expect("read")
            .expect("a run");
        let card = &record.cards[0];
        let raise = Op::SetCard {
            row: card.row,
            life: Box::new(card.life.clone()),
            fence: Some(card.fence + 7),
            changes: Vec::new(),
            at_ms: 0,
        };
        let write = Write {
            guard: Guard::None,
            flush: None,
            ops: vec![raise],
        };
        system.journal.submit(write).await.expect("raised");
        let report = ended(&system, "run-1").await;
        assert_eq!(statuses(&report), ["A: done"], "{}", told(&report));
        assert_eq!(
            attempt_lines(&system, "run-1"),
            [
                "A 1/1 coder abandoned",
                "A 1/2 coder succeeded",
                "A 2/1 integrity_guard succeeded"
            ]
        );
        system.stop(Shutdown::Graceful).await.expect("stops");
    });
}

/// Sandboxes, and how many looks at them are over.
struct Counted {
    sandboxes: Arc<DockerCompose>,
    looks: Arc<AtomicUsize>,
}

impl Probe for Counted {
    fn name(&self) -> &'static str {
        "counted"
    }

    fn look(&self) -> BoxFuture<'static, ()> {
        let (look, looks) = (self.sandboxes.look(), Arc::clone(&self.looks));
        async move {
            look.await;
            looks.fetch_add(1, Ordering::SeqCst);
        }
        .boxed()
    }
}

/// What was built lives on beside the runs: the watchdog looks at it, and removes it in the end.
#[test]
fn the_watchdog_looks_at_sandboxes_and_removes_them_when_their_time_is_over() {
    let lab = Lab::new();
    for folder in ["bin/state/projects", "built/backend", "built/frontend"] {
        std::fs::create_dir_all(lab.path().join(folder)).expect("a folder");
    }
    let docker = lab.path().join("bin/docker");
    std::fs::write(&docker, include_str!("../sandboxes/tests/docker/docker.sh")).expect("written");
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&docker, executable).expect("made executable");
    on_actix(async {
        let clock = Arc::new(VirtualClock::default());
        let mut options = lab.options();
        options.clock = Arc::clone(&clock) as _;
        let system = System::start(options).await.expect("starts");
        let sandboxes = DockerCompose::open(Options {
            programs: vec![vec![docker.into(), "compose".into()]],
            clock: Arc::clone(&clock) as _,
            ..Options::new(lab.path().join("sandboxes"))
        });
        let sandboxes = Arc::new(sandboxes.expect("opened"));
        let looks = Arc::new(AtomicUsize::new(0));
        let probe: Arc<dyn Probe> = Arc::new(Counted {
            sandboxes: Arc::clone(&sandboxes),
            looks: Arc::clone(&looks),
        });
        system.runtime.watch(WatchProbe {
            every: DockerCompose::EVERY,
            limit: DockerCompose::LIMIT,
            probe: Arc::downgrade(&probe),
        });
        let created = sandboxes.create(NewSandbox {
            rock_id: "launch".to_owned(),
            project_name: "Launch".to_owned(),
            tech_stack: TechStack::FastapiReactPostgres,
            workspace_path: lab.path().join("built").to_str().expect("text").to_owned(),
        });
        created.await.expect("created");
        for (after, wanted, checks) in [
            (DockerCompose::EVERY, SandboxStatus::Running, 1),
            (DockerCompose::EVERY, SandboxStatus::Running, 2),
            (Duration::from_secs(72 * 3_600), SandboxStatus::Deleted, 2),
        ] {
            // A look that is not over yet would be the one that is meant.
            let before = looks.load(Ordering::SeqCst);
            clock.advance(after);
            while looks.load(Ordering::SeqCst) == before {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            let seen = &sandboxes.list().await.expect("listed")[0];
            assert_eq!((seen.status, seen.health_checks_passed), (wanted, checks));
        }
        let left = std::fs::read_dir(lab.path().join("bin/state/projects")).expect("read");
        assert_eq!(left.count(), 0);
        system.stop(Shutdown::Graceful).await.expect("stops");
    });
}
