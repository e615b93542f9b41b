//! What happened: one Orket with a thousand living turns, and every way to stall beside them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use orket::storage::reader::{GateRow, TurnSummary};
use orket::system::{System, SystemOptions};
use orket::tools::data_folder_id;
use orket_actors::port::event::RuntimeEvent;
use orket_actors::port::store::{Guard, Op, StepRow, Store, StoreError, Write};
use orket_actors::runtime::{NewRun, RunReport, Shutdown};
use orket_core::ids::RunId;
use orket_core::status::CardStatus;
use orket_core::turn::Step;
use rustix::process::{Resource, getrlimit, setrlimit};
use serde_json::{Value, json};
use tokio::sync::broadcast::error::RecvError;

use super::kinds::{self, CLOCK, LIVING, TIMES};
use super::lab::{DEADLINE, Lab, on_actix};
use super::plans::{plan, workspace, write_assets};
use super::processes::{marked, ran_and_waited};
use super::servers::Servers;

/// Told once, asked by every test.
pub static STORY: LazyLock<Story> = LazyLock::new(tell);

/// Everything that is to be judged.
pub struct Story {
    pub lab: Lab,
    pub servers: Servers,
    /// By run.
    pub reports: BTreeMap<String, RunReport>,
    /// By run, oldest first.
    pub turns: BTreeMap<String, Vec<TurnSummary>>,
    /// By attempt: the kinds of its steps.
    pub steps: HashMap<i64, Vec<&'static str>>,
    pub events: Vec<Arc<RuntimeEvent>>,
    /// How many living streams were open at each stall.
    pub open_at_stalls: Vec<u64>,
    /// What a write of a stalled attempt met, by card.
    pub late_writes: Vec<(String, Result<(), StoreError>)>,
    /// When each run began, in milliseconds since 1970-01-01 UTC.
    pub began: HashMap<String, i64>,
    pub gates: Vec<GateRow>,
    /// Cards whose gate was there already when their stall was told.
    pub gated_at_once: HashSet<String>,
    /// While there were stalls: time that threads stood in line for a processor by time they ran.
    pub crowding: f64,
    /// Why blocked cards wait, by card.
    pub blocked: HashMap<String, Option<String>>,
    /// Processes with the mark of this data folder, once everything was over.
    pub left: Vec<String>,
}

impl Story {
    /// The events of one kind of card that have this name.
    pub fn events<'a>(
        &'a self,
        event: &'a str,
        kind: &'a str,
    ) -> impl Iterator<Item = &'a RuntimeEvent> {
        self.events
            .iter()
            .map(AsRef::as_ref)
            .filter(move |it| it.event == event && it.run_id.as_deref() == Some(kind))
    }

    /// The folder of one attempt at a card's first turn.
    pub fn attempt(&self, card: &str, number: u32) -> PathBuf {
        let kind = super::servers::kind_of(card);
        let suffix = if number > 1 {
            format!("_attempt{number}")
        } else {
            String::new()
        };
        workspace(&self.lab, kind).join(format!("observability/{kind}/{card}/001_worker{suffix}"))
    }

    /// The checkpoint of one attempt.
    pub fn checkpoint(&self, card: &str, number: u32) -> Value {
        let file = self.attempt(card, number).join("checkpoint.json");
        let text = std::fs::read_to_string(&file).unwrap_or_else(|e| panic!("{file:?}: {e}"));
        serde_json::from_str(&text).unwrap()
    }
}

fn tell() -> Story {
    // Two ends of a thousand connections are here.
    let limit = getrlimit(Resource::Nofile);
    let mut wider = limit;
    wider.current = limit.maximum;
    let _ = setrlimit(Resource::Nofile, wider);

    let servers = Servers::start();
    let lab = Lab::new();
    write_assets(&lab);
    *servers.seen.workspaces.lock().unwrap() = lab.path().join("workspace");
    on_actix(happen(lab, servers))
}

async fn happen(lab: Lab, servers: Servers) -> Story {
    // Planned first: reading assets blocks, and the watchdog lives on this thread.
    let living = plan(&lab, &kinds::living(), "living");
    let stalling: Vec<NewRun> = kinds::stalling()
        .iter()
        .chain(&kinds::others())
        .map(|kind| plan(&lab, kind, kind.name))
        .chain((0..TIMES).map(|number| plan(&lab, &kinds::late(), &format!("late-{number:02}"))))
        .collect();
    let system = System::start(options(&lab, &servers)).await.unwrap();
    let events = Arc::new(Mutex::new(Vec::new()));
    let open = Arc::new(Mutex::new(Vec::new()));
    let gated = Arc::new(Mutex::new(HashSet::new()));
    collect(&system, &servers, &events, &open, &gated);
    let began = Instant::now();
    let at = |what: &str| println!("{:>6} ms  {what}", began.elapsed().as_millis());

    start(&system, living).await;
    until("all living streams are open", || {
        servers.seen.open.load(std::sync::atomic::Ordering::Relaxed) == LIVING as u64
    })
    .await;
    at("1,000 streams are open");
    let before = ran_and_waited();
    let mut runs = Vec::new();
    // One kind after another: each is beside a thousand living turns, none in the crowd of a start.
    for (place, new) in stalling.into_iter().enumerate() {
        let run = start(&system, new).await;
        if place < kinds::stalling().len() {
            until("every card of a kind has stalled once", || {
                stalled(&events.lock().unwrap(), run.as_str()) == TIMES
            })
            .await;
        }
        runs.push(run);
    }
    at("every stalling run is started");
    let mut reports = BTreeMap::new();
    for run in runs {
        let report = wait(&system, run).await;
        reports.insert(report.run_id.clone(), report);
    }
    at("every stalling run is over");
    let after = ran_and_waited();
    let (ran, waited) = (after.0 - before.0, after.1 - before.1);
    println!("threads ran for {ran:?} and stood in line for {waited:?}");
    let crowding = waited.as_secs_f64() / ran.as_secs_f64();
    servers.finish();
    let living = wait(&system, RunId::new("living").unwrap()).await;
    reports.insert("living".to_owned(), living);
    at("the living are done");

    let mut blocked = HashMap::new();
    let mut turns = BTreeMap::new();
    let mut steps = HashMap::new();
    for name in reports.keys() {
        let of_run = system.reader().turns(name, None).unwrap();
        for turn in of_run.iter().filter(|turn| turn.status == "stalled") {
            let kinds = system.reader().steps(turn.row).unwrap();
            steps.insert(turn.row, kinds.iter().map(|row| row.step.kind()).collect());
        }
        for card in system.reader().run_cards(name).unwrap() {
            if card.status == CardStatus::Blocked {
                blocked.insert(card.card_id, card.wait_reason.map(|it| it.to_string()));
            }
        }
        turns.insert(name.clone(), of_run);
    }
    let late_writes = write_late(&lab, &system).await;
    let runs = system.reader().runs(1_000).unwrap();
    let began = runs
        .into_iter()
        .map(|run| (run.run_id, run.started_ms))
        .collect();
    let gates = system.reader().gates(None).unwrap();
    let id = data_folder_id(&lab.path().join(".orket/durable")).unwrap();
    let left = marked(&id);
    system.stop(Shutdown::Graceful).await.unwrap();
    at("stopped");
    until("every connection is closed", || {
        servers.seen.unclosed().is_empty()
    })
    .await;
    let events = std::mem::take(&mut *events.lock().unwrap());
    let gated_at_once = std::mem::take(&mut *gated.lock().unwrap());
    let open_at_stalls = std::mem::take(&mut *open.lock().unwrap());
    Story {
        lab,
        servers,
        reports,
        turns,
        steps,
        events,
        open_at_stalls,
        late_writes,
        began,
        gates,
        gated_at_once,
        blocked,
        crowding,
        left,
    }
}

fn options(lab: &Lab, servers: &Servers) -> SystemOptions {
    let mut options = lab.options();
    options.providers.ollama_url = servers.ollama.clone();
    options.providers.openai_url = servers.openai.clone();
    options.providers.anthropic_url = servers.blackhole.clone();
    options.actors.max_turns = Some(4_096);
    options.tool_grace = Duration::from_millis(100);
    options
}

fn collect(
    system: &System,
    servers: &Servers,
    events: &Arc<Mutex<Vec<Arc<RuntimeEvent>>>>,
    open: &Arc<Mutex<Vec<u64>>>,
    gated: &Arc<Mutex<HashSet<String>>>,
) {
    const NOTED: [&str; 6] = [
        "turn_stalled",
        "run_stalled",
        "orchestrator_dispatch",
        "tool_call_start",
        "turn_start",
        "session_start",
    ];
    let mut stream = system.runtime.subscribe();
    let (events, open, seen) = (events.clone(), open.clone(), servers.seen.clone());
    let (gated, reader) = (gated.clone(), system.reader());
    actix_rt::spawn(async move {
        loop {
            match stream.recv().await {
                Ok(event) if NOTED.contains(&event.event.as_str()) => {
                    if event.event == "turn_stalled" {
                        let now = seen.open.load(std::sync::atomic::Ordering::Relaxed);
                        open.lock().unwrap().push(now);
                        if event.run_id.as_deref() == Some("once") {
                            let card = event.issue_id.clone().unwrap();
                            let gates = reader.gates(None).unwrap();
                            if gates.iter().any(|gate| gate.card_id == card) {
                                gated.lock().unwrap().insert(card);
                            }
                        }
                    }
                    events.lock().unwrap().push(event);
                }
                Ok(_) => {}
                Err(RecvError::Lagged(missed)) => panic!("{missed} events were missed"),
                Err(RecvError::Closed) => break,
            }
        }
    });
}

async fn start(system: &System, new: NewRun) -> RunId {
    system.runtime.start_run(new).await.expect("started")
}

async fn wait(system: &System, run: RunId) -> RunReport {
    tokio::time::timeout(DEADLINE, system.runtime.wait(run.clone()))
        .await
        .unwrap_or_else(|_| panic!("{run} did not end"))
        .unwrap()
}

/// How many first attempts of a run's cards are told to have stalled.
fn stalled(events: &[Arc<RuntimeEvent>], run: &str) -> usize {
    let of_run = events
        .iter()
        .filter(|it| it.event == "turn_stalled" && it.run_id.as_deref() == Some(run));
    of_run.filter(|it| is_first(it)).count()
}

/// Whether it is about the first attempt at a card's first turn.
fn is_first(event: &RuntimeEvent) -> bool {
    event.data["attempt"] == json!(1) && event.data["turn_index"] == json!(1)
}

async fn until(what: &str, happened: impl Fn() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !happened() {
        assert!(Instant::now() < deadline, "never happened: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[derive(QueryableByName)]
struct Stalled {
    #[diesel(sql_type = BigInt)]
    attempt_row: i64,
    #[diesel(sql_type = BigInt)]
    fence: i64,
    #[diesel(sql_type = Text)]
    card_id: String,
}

/// Every stalled attempt tries to write once more, with the fence it had.
async fn write_late(lab: &Lab, system: &System) -> Vec<(String, Result<(), StoreError>)> {
    let file = lab.path().join(".orket/durable/db/orket_persistence.db");
    let mut connection = SqliteConnection::establish(&file.to_string_lossy()).unwrap();
    let stalled: Vec<Stalled> = diesel::sql_query(
        "SELECT row AS attempt_row, fence, card_id FROM turns WHERE status = 'stalled'",
    )
    .load(&mut connection)
    .unwrap();
    let mut met = Vec::new();
    for turn in stalled {
        let step = StepRow {
            seq: 500,
            at_ms: 0,
            step: Arc::new(Step::Recovered { recoveries: 1 }),
        };
        let write = Write {
            guard: Guard::Turn(turn.attempt_row, turn.fence),
            flush: None,
            ops: vec![Op::Steps {
                turn: turn.attempt_row,
                steps: vec![step],
            }],
        };
        met.push((turn.card_id, system.journal.submit(write).await));
    }
    met
}

/// How late each stall of a kind was noticed, in milliseconds: by the event, counted from when the
/// clock ran out.
pub fn lateness(story: &Story, kind: &str) -> Vec<i64> {
    let clock = i64::try_from(CLOCK).unwrap();
    let first = |event: &str, card: &str| {
        let mut all = story.events(event, kind);
        let found = all.find(|it| it.issue_id.as_deref() == Some(card));
        found
            .unwrap_or_else(|| panic!("no {event} of {card}"))
            .at_ms
    };
    let from = |card: &str| match kind {
        "no_connect" | "mute" => first("turn_start", card) + clock,
        "endless" => first("orchestrator_dispatch", card) + 2 * clock,
        "nap" | "stubborn" | "once" => first("tool_call_start", card) + clock,
        "chatter" => first("tool_call_start", card) + 2 * clock,
        "repeat" => story
            .servers
            .seen
            .asks(card, |asks| asks[0].crossed_ms.unwrap()),
        _ => story.servers.seen.asks(card, |asks| asks[0].last_sent_ms) + clock,
    };
    // The guard, too, may be slow where others choke the machine.
    story
        .events("turn_stalled", kind)
        .filter(|it| is_first(it))
        .map(|it| it.at_ms - from(it.issue_id.as_deref().unwrap()))
        .collect()
}
