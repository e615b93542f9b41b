//! Phases over real files, on the virtual clock; only the sandboxes are played.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use orket_actors::clock::VirtualClock;
use orket_actors::port::clock::Clock;
use orket_actors::runtime::Shutdown;
use orket_core::asset::{Epic, Rock};
use orket_core::phase::{Begun, Moment, PhaseStatus};
use orket_sandboxes::{Address, Ports, Sandbox, SandboxError, SandboxStatus, TechStack};
use serde_json::json;
use tokio::sync::{mpsc, watch};

use super::timer::Timer;
use super::*;

/// How long anything may take.
const DEADLINE: Duration = Duration::from_secs(30);
const DAY: Duration = Duration::from_secs(86_400);

/// A sandbox of `shop` and one of another rock; the first refuses to go as often as it is told to.
#[derive(Default)]
struct Played {
    refusals: Mutex<u32>,
    made_ms: Mutex<i64>,
    stopped: Arc<Mutex<Vec<String>>>,
}

fn sandbox(rock: &str, made_ms: i64) -> Sandbox {
    Sandbox {
        id: format!("sandbox-{rock}"),
        rock_id: rock.to_owned(),
        project_name: rock.to_owned(),
        tech_stack: TechStack::FastapiReactPostgres,
        status: SandboxStatus::Running,
        ports: Ports {
            api: 8001,
            frontend: 3001,
            database: 5433,
            admin_tool: None,
        },
        compose_project: format!("orket-sandbox-{rock}"),
        workspace_path: String::new(),
        created_at: Moment(made_ms).to_string(),
        deployed_at: None,
        deleted_at: None,
        health_checks_passed: 0,
        health_checks_failed: 0,
        last_health_check: None,
        api_url: Address::new("http://localhost:8001"),
        frontend_url: Address::new("http://localhost:3001"),
        database_url: Address::new("postgresql://localhost:5433/app"),
        admin_url: None,
        container_ids: BTreeMap::new(),
        last_error: None,
    }
}

impl Sandboxes for Played {
    fn list(&self) -> BoxFuture<'static, Result<Vec<Sandbox>, SandboxError>> {
        let made_ms = *self.made_ms.lock().unwrap();
        async move { Ok(vec![sandbox("shop", made_ms), sandbox("other", 0)]) }.boxed()
    }

    fn stop(&self, id: &str) -> BoxFuture<'static, Result<(), SandboxError>> {
        let mut refusals = self.refusals.lock().unwrap();
        let outcome = if *refusals > 0 {
            *refusals -= 1;
            Err(SandboxError::Failed {
                id: id.to_owned(),
                reason: "docker is away".to_owned(),
            })
        } else {
            self.stopped.lock().unwrap().push(id.to_owned());
            Ok(())
        };
        async { outcome }.boxed()
    }

    fn logs(
        &self,
        _id: &str,
        _service: Option<&str>,
    ) -> BoxFuture<'static, Result<String, SandboxError>> {
        async { Ok(String::new()) }.boxed()
    }
}

struct House {
    folder: tempfile::TempDir,
    sandboxes: Arc<Played>,
    told: mpsc::UnboundedReceiver<(String, Value)>,
    tell: mpsc::UnboundedSender<(String, Value)>,
}

impl House {
    /// With a rock, and an epic in which so many bugs are filed.
    fn new(bugs: usize) -> Self {
        let (tell, told) = mpsc::unbounded_channel();
        let house = Self {
            folder: tempfile::tempdir().unwrap(),
            sandboxes: Arc::default(),
            told,
            tell,
        };
        house.write(
            "model/core/rocks/shop.json",
            &json!({"rock": {"name": "Shop", "epics": [{"epic": "base"}]}}),
        );
        house.file_bugs(bugs);
        house
    }

    fn write(&self, path: &str, value: &Value) {
        let file = self.folder.path().join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, value.to_string()).unwrap();
    }

    fn file_bugs(&self, bugs: usize) {
        let issues: Vec<Value> = (1..=bugs)
            .map(|number| {
                json!({"id": format!("BUG-{number}"), "summary": "It is wrong", "seat": "coder"})
            })
            .collect();
        let epic = json!({"epic": {"name": "Bugs", "team": "standard",
            "environment": "standard", "issues": issues}});
        self.write("model/core/epics/shop-bugs.json", &epic);
    }

    fn phases(&self) -> Phases {
        let tell = self.tell.clone();
        Phases::new(Parts {
            folder: self.folder.path().join("db"),
            root: self.folder.path().to_owned(),
            reader: None,
            sandboxes: Some(Arc::clone(&self.sandboxes) as _),
            emit: Some(Arc::new(move |event, data| {
                tell.send((event.to_owned(), data)).unwrap();
            })),
        })
    }

    fn library(&self) -> Library<DiskThenEmbedded> {
        Library::new(DiskThenEmbedded::new(self.folder.path()))
    }

    async fn until(&mut self, event: &str) -> Value {
        let waiting = async {
            loop {
                let (name, data) = self.told.recv().await.unwrap();
                if name == event {
                    return data;
                }
            }
        };
        tokio::time::timeout(DEADLINE, waiting).await.unwrap()
    }

    fn events(&mut self) -> Vec<String> {
        let mut names = Vec::new();
        while let Ok((name, _)) = self.told.try_recv() {
            names.push(name);
        }
        names
    }
}

#[tokio::test]
async fn the_timer_extends_ends_writes_the_second_rock_and_removes_the_sandbox() {
    let mut house = House::new(6);
    let phases = house.phases();
    let clock = Arc::new(VirtualClock::default());
    phases.start("shop", clock.wall_ms()).await.unwrap();
    house.until("bug_fix_phase_started").await;
    let (_rocks, rocks_over) = watch::channel(0);
    let timer = Timer::start(phases.clone(), Arc::clone(&clock) as _, rocks_over);
    let extended = house.until("bug_fix_phase_extended").await;
    assert_eq!(extended["days"], 14);
    // The eighth day is not the end any more, the fifteenth is.
    let mut asleep = clock.next_wake_ms();
    for days in [8, 7] {
        // The timer looks, then sleeps; only a sleeper is woken.
        let waiting = async {
            while asleep.is_none() {
                tokio::task::yield_now().await;
                asleep = clock.next_wake_ms();
            }
        };
        tokio::time::timeout(DEADLINE, waiting).await.unwrap();
        asleep = None;
        clock.advance(DAY * days);
    }
    let completed = house.until("bug_fix_phase_completed").await;
    assert_eq!(completed["phase2_rock_id"], "shop-phase2");
    assert_eq!(completed["open_bugs"].as_array().unwrap().len(), 6);
    timer.stop(Shutdown::Graceful, false).await;

    let rock = house.library().load::<Rock>("shop-phase2", "core").unwrap();
    assert_eq!(rock.asset.epics[0].epic, "shop-phase2-bugs");
    let epic = house
        .library()
        .load::<Epic>("shop-phase2-bugs", "core")
        .unwrap();
    assert_eq!(epic.asset.issues.len(), 6);
    assert_eq!(*house.sandboxes.stopped.lock().unwrap(), ["sandbox-shop"]);
    let phase = house.phases().find("shop").await.unwrap();
    assert!(!phase.is_open(), "{phase:#?}");
    assert_eq!(phase.actual_end.unwrap().0, clock.wall_ms());
}

#[tokio::test]
async fn looking_every_minute_does_not_run_to_the_most_days() {
    let mut house = House::new(6);
    let phases = house.phases();
    let now = VirtualClock::default().wall_ms();
    phases.start("shop", now).await.unwrap();
    for minute in 0..200 {
        phases.look_after_all(now + minute * 60_000).await.unwrap();
    }
    let extended = house
        .events()
        .into_iter()
        .filter(|event| event == "bug_fix_phase_extended");
    assert_eq!(extended.count(), 1);
    assert_eq!(phases.find("shop").await.unwrap().current_duration_days, 14);
}

#[tokio::test]
async fn a_name_that_is_taken_is_left_alone_and_the_next_one_is_used() {
    let house = House::new(1);
    let own = json!({"rock": {"name": "My own", "epics": []}});
    house.write("model/core/rocks/shop-phase2.json", &own);
    let phases = house.phases();
    phases.start("shop", 0).await.unwrap();
    let phase = phases.end("shop", 1).await.unwrap();
    assert_eq!(phase.phase2_rock_id.as_deref(), Some("shop-phase2-2"));
    assert!(!phase.is_open(), "{phase:#?}");
    let kept = house
        .folder
        .path()
        .join("model/core/rocks/shop-phase2.json");
    assert_eq!(std::fs::read_to_string(kept).unwrap(), own.to_string());
    let epic = house.library().load::<Epic>("shop-phase2-2-bugs", "core");
    assert_eq!(epic.unwrap().asset.issues.len(), 1);
    // Another phase, another bug; the first one is the second rock's by now. Chosen and then taken by
    // somebody else: chosen anew.
    house.file_bugs(2);
    let Begun::New(_) = phases.start("shop", 2).await.unwrap() else {
        panic!("not started")
    };
    let store = phases.store().await.unwrap();
    let phase = phases.find("shop").await.unwrap();
    let looked = phases.look(&phase, 3).await.unwrap();
    assert_eq!(looked.ids, ["BUG-2"]);
    rows::end(&store, "shop", looked, 3).await.unwrap();
    rows::change(&store, "shop", |phase| {
        let Some(Todo::WriteRock { files, .. }) = phase.orket.todo.first_mut() else {
            panic!("nothing to write")
        };
        *files = Some(vec![orket_core::phase::AssetFile {
            path: "model/core/rocks/shop-phase2.json".to_owned(),
            text: "{}".to_owned(),
        }]);
        Ok(())
    })
    .await
    .unwrap();
    phases.look_after_all(4).await.unwrap();
    let phase = phases.find("shop").await.unwrap();
    assert!(!phase.is_open(), "{phase:#?}");
    assert_eq!(phase.phase2_rock_id.as_deref(), Some("shop-phase2-3"));
}

#[tokio::test]
async fn what_cannot_be_done_is_said_and_tried_again() {
    let house = House::new(1);
    *house.sandboxes.refusals.lock().unwrap() = 2;
    let phases = house.phases();
    phases.start("shop", 0).await.unwrap();
    let phase = phases.end("shop", 1_000).await.unwrap();
    let problems: Vec<Option<&str>> = phase.orket.todo.iter().map(Todo::problem).collect();
    assert_eq!(
        problems,
        [Some("sandbox `sandbox-shop`: docker is away")],
        "{phase:#?}"
    );
    phases.look_after_all(2_000).await.unwrap();
    phases.look_after_all(3_000).await.unwrap();
    assert!(!phases.find("shop").await.unwrap().is_open());
    assert_eq!(*house.sandboxes.stopped.lock().unwrap(), ["sandbox-shop"]);
}

/// The removal may wait for an owner for days; meanwhile the rock is deployed again.
#[tokio::test]
async fn a_sandbox_that_was_made_after_the_end_is_left_alone() {
    let house = House::new(0);
    let away = Phases::new(Parts {
        sandboxes: None,
        ..house.phases().parts
    });
    away.start("shop", 0).await.unwrap();
    let phase = away.end("shop", 5_000).await.unwrap();
    assert_eq!(phase.orket.todo.len(), 1, "{phase:#?}");
    *house.sandboxes.made_ms.lock().unwrap() = 6_000;
    let phases = house.phases();
    phases.look_after_all(60_000).await.unwrap();
    assert!(house.sandboxes.stopped.lock().unwrap().is_empty());
    let phase = phases.find("shop").await.unwrap();
    assert!(!phase.is_open(), "{phase:#?}");
}

#[tokio::test]
async fn rules_that_cannot_be_meant_start_nothing() {
    let house = House::new(0);
    house.write(
        "config/organization.json",
        &json!({"name": "O", "process_rules": {"bug_fix_initial_days": 0}}),
    );
    let refused = house.phases().start("shop", 0).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "config/organization.json: process_rules.bug_fix_initial_days must be a whole number of days from 1 to 3650"
    );
    let refused = house.phases().start("shpo", 0).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "there is no rock `shpo`; did you mean `shop`?"
    );
    assert!(matches!(
        house.phases().find("shop").await,
        Err(CarryError::Phase(PhaseError::Unknown(_)))
    ));
}

#[tokio::test]
async fn a_phase_is_the_rocks_however_its_name_is_written() {
    let house = House::new(0);
    let phases = house.phases();
    for end in [true, false] {
        let Begun::New(begun) = phases.start("Shop", 0).await.unwrap() else {
            panic!("not started")
        };
        assert_eq!(begun.rock_id, "shop");
        assert_eq!(phases.find("SHOP").await.unwrap().rock_id, "shop");
        let over = if end {
            phases.end("Shop", 1).await.unwrap()
        } else {
            phases.abort("Shop", "ada", "", 1).await.unwrap()
        };
        assert!(over.rock_id == "shop" && !over.status.is_live());
    }
}

/// A rock of a merged pull request has a phase and nothing else: a look at it reads and writes nothing,
/// and a look at many of them is one look.
#[tokio::test]
async fn phases_of_rocks_without_anything_are_not_looked_at_one_by_one() {
    let house = House::new(1);
    let phases = house.phases();
    let store = phases.store().await.unwrap();
    let rules = PhaseRules::default();
    for rock in ["shop", "acme__site-pr7"] {
        rows::start(&store, rock, 0, &rules).await.unwrap();
    }
    let names = seen::Names::read(&phases.parts).unwrap();
    assert!(names.may_have_bugs("shop") && names.may_have_bugs("Shop"));
    assert!(!names.may_have_bugs("acme__site-pr7"));
    phases.look_after_all(1).await.unwrap();
    // Broken: whoever looks at it fails, and the phase would not end.
    house.write("model/core/epics/shop-bugs.json", &json!("no epic"));
    phases.look_after_all(7 * DAY_MS).await.unwrap();
    assert!(phases.find("shop").await.unwrap().status.is_live());
    let quiet = phases.find("acme__site-pr7").await.unwrap();
    assert_eq!(quiet.status, PhaseStatus::Completed);
    // Bugs filed meanwhile count.
    rows::start(&store, "late", 8, &rules).await.unwrap();
    house.file_bugs(1);
    let from = house.folder.path().join("model/core/epics/shop-bugs.json");
    std::fs::copy(&from, from.with_file_name("late-bugs.json")).unwrap();
    phases.look_after_all(9).await.unwrap();
    assert_eq!(phases.find("late").await.unwrap().metrics.total_bugs, 1);
}

#[tokio::test]
async fn a_damaged_row_is_warned_of_once() {
    let phases = House::new(0).phases();
    let damaged = |reason: &str| PhaseError::Damaged {
        rock: "shop".to_owned(),
        reason: reason.to_owned(),
    };
    let one = vec![damaged("it is empty")];
    assert_eq!(phases.not_warned_of(one.clone()), one);
    assert_eq!(phases.clone().not_warned_of(one.clone()), []);
    let both = vec![one[0].clone(), damaged("it is no JSON")];
    assert_eq!(phases.not_warned_of(both), [damaged("it is no JSON")]);
}

#[tokio::test]
async fn an_aborted_phase_leaves_the_sandbox_and_writes_nothing() {
    let mut house = House::new(3);
    let phases = house.phases();
    phases.start("shop", 0).await.unwrap();
    let phase = phases.abort("shop", "ada", "shipped", 1).await.unwrap();
    assert_eq!(phase.status, PhaseStatus::Aborted);
    phases.look_after_all(30 * DAY_MS).await.unwrap();
    assert!(house.library().load::<Rock>("shop-phase2", "core").is_err());
    assert!(house.sandboxes.stopped.lock().unwrap().is_empty());
    assert_eq!(
        house.events(),
        [
            "rock_phase_transition",
            "bug_fix_phase_started",
            "bug_fix_phase_aborted"
        ]
    );
}
