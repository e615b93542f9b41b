//! Cards of the canonical seats on a real model, with and without a schema to decode under:
//! `ORKET_LIVE_URL=http://127.0.0.1:8000/v1 cargo bench -p orket --bench live [-- --assert]
//! [--cards N] [--model NAME] [--json] [--keep]`.
//!
//! The address is that of any OpenAI-compatible server, up to and without `/chat/completions`. Twenty
//! cards (`--cards`), each on its own, go in turn to the requirements analyst, the architect, the coder
//! and the reviewer of the shipped team; what a seat hands in goes to the guard. The same cards run
//! twice, first under the turn's schema, then without it.
//!
//! A turn meets its contract at the first answer when it succeeded and the model was not corrected
//! once. `--assert` exits with 1 when fewer than 95 % do under the schema, of all turns or of those of
//! the working seats alone. The verifier is off: it judges what was written, not whether the contract
//! was met. docs/live-lane.md says how to get a small model and a server for it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use orket::assets::DiskThenEmbedded;
use orket::system::{System, SystemOptions};
use orket_actors::runtime::{NewRun, Shutdown};
use orket_core::asset::Library;
use orket_core::ids::{BuildId, RunId};
use orket_core::plan_build::{PlanRequest, PlanSettings, build};
use orket_core::tool_catalogue::catalogue;
use orket_core::turn::Step;
use serde_json::{Value, json};

const URL: &str = "ORKET_LIVE_URL";
const SEATS: [&str; 4] = [
    "requirements_analyst",
    "architect",
    "coder",
    "code_reviewer",
];
/// How many of a hundred turns must meet their contract at the first answer under the schema.
const BAR: f64 = 95.0;

struct Wish {
    url: String,
    model: String,
    cards: usize,
    assert: bool,
    json: bool,
    keep: bool,
}

fn main() {
    let Some(wish) = wish() else {
        eprintln!(
            "error: {URL} is not set\nhint: {URL}=http://127.0.0.1:8000/v1 cargo bench -p orket --bench live; docs/live-lane.md says how to get a model"
        );
        // A sweep over all benches must not fail for want of a model.
        std::process::exit(if std::env::args().any(|it| it == "--assert") {
            2
        } else {
            0
        });
    };
    let with = run(&wish, true);
    let without = run(&wish, false);
    if wish.json {
        println!(
            "{}",
            json!({"model": wish.model, "cards": wish.cards, "bar": BAR,
                   "with_schema": with.report(), "without_schema": without.report()})
        );
    } else {
        show(&with, &without);
    }
    let met = with.part().min(with.part_at_work());
    if wish.assert && met < BAR {
        eprintln!(
            "missed: {met:.1} % of the turns met their contract at the first answer, {BAR} % wanted"
        );
        std::process::exit(1);
    }
}

/// What may stand behind `--`; `--bench` is cargo's own.
const FLAGS: [&str; 4] = ["--assert", "--json", "--keep", "--bench"];
const VALUES: [&str; 2] = ["--cards", "--model"];

fn refuse_unknown(arguments: &[String]) {
    let mut rest = arguments.iter().skip(1);
    while let Some(argument) = rest.next() {
        if VALUES.contains(&argument.as_str()) {
            rest.next();
        } else if !FLAGS.contains(&argument.as_str()) {
            let known = [VALUES.as_slice(), &FLAGS[..3]].concat().join(", ");
            eprintln!("error: unknown argument `{argument}`; known: {known}");
            std::process::exit(2);
        }
    }
}

fn wish() -> Option<Wish> {
    let arguments: Vec<String> = std::env::args().collect();
    refuse_unknown(&arguments);
    let has = |name: &str| arguments.iter().any(|it| it == name);
    let value = |name: &str| {
        let pair = arguments.windows(2).find(|pair| pair[0] == name);
        pair.map(|pair| pair[1].clone())
    };
    Some(Wish {
        url: std::env::var(URL)
            .ok()
            .filter(|url| !url.trim().is_empty())?,
        model: value("--model").unwrap_or_else(|| "local".to_owned()),
        cards: value("--cards").map_or(20, |text| text.parse().expect("--cards N")),
        assert: has("--assert"),
        json: has("--json"),
        keep: has("--keep"),
    })
}

/// Turns of one seat.
#[derive(Default)]
struct Tally {
    turns: u32,
    met: u32,
    /// Why the others did not, by code.
    codes: BTreeMap<String, u32>,
}

struct Outcome {
    seats: BTreeMap<String, Tally>,
    done: usize,
    cards: usize,
    /// `None` when the server counts none.
    output_tokens: Option<u64>,
    seconds: f64,
}

/// The seat that every card goes to in the end.
const GUARD: &str = "integrity_guard";

impl Outcome {
    fn turns(&self) -> u32 {
        self.seats.values().map(|it| it.turns).sum()
    }

    /// How many of a hundred turns met their contract.
    fn part(&self) -> f64 {
        percent(self.seats.values())
    }

    /// Likewise, without the guard's: nearly every card adds one.
    fn part_at_work(&self) -> f64 {
        percent(
            self.seats
                .iter()
                .filter(|(seat, _)| *seat != GUARD)
                .map(|(_, tally)| tally),
        )
    }

    fn report(&self) -> Value {
        let seats: BTreeMap<&String, Value> = self
            .seats
            .iter()
            .map(|(seat, it)| {
                (
                    seat,
                    json!({"turns": it.turns, "met": it.met, "codes": it.codes}),
                )
            })
            .collect();
        json!({"turns": self.turns(), "met_percent": self.part(), "met_percent_at_work": self.part_at_work(), "cards_done": self.done,
               "cards": self.cards, "seconds": self.seconds, "output_tokens": self.output_tokens, "seats": seats})
    }
}

fn percent<'a>(tallies: impl Iterator<Item = &'a Tally>) -> f64 {
    let (met, turns) = tallies.fold((0, 0), |(met, turns), it| (met + it.met, turns + it.turns));
    100.0 * f64::from(met) / f64::from(turns.max(1))
}

fn show(with: &Outcome, without: &Outcome) {
    println!(
        "{:<24} {:>18} {:>18}",
        "met at the first answer", "with the schema", "without"
    );
    for seat in with
        .seats
        .keys()
        .chain(without.seats.keys())
        .collect::<std::collections::BTreeSet<_>>()
    {
        let cell = |outcome: &Outcome| match outcome.seats.get(seat) {
            Some(it) => format!("{} of {}", it.met, it.turns),
            None => "-".to_owned(),
        };
        println!("{seat:<24} {:>18} {:>18}", cell(with), cell(without));
    }
    let row = |name: &str, of: &dyn Fn(&Outcome) -> String| {
        println!("{name:<24} {:>18} {:>18}", of(with), of(without));
    };
    row("all turns", &|it| {
        format!("{:.1} % of {}", it.part(), it.turns())
    });
    row("turns of working seats", &|it| {
        format!("{:.1} %", it.part_at_work())
    });
    row("cards done", &|it| format!("{} of {}", it.done, it.cards));
    row("tokens written", &|it| {
        it.output_tokens
            .map_or_else(|| "not counted".to_owned(), |it| it.to_string())
    });
    row("seconds", &|it| format!("{:.0}", it.seconds));
    for (name, outcome) in [("with the schema", with), ("without", without)] {
        let mut codes: BTreeMap<&str, u32> = BTreeMap::new();
        for (code, count) in outcome.seats.values().flat_map(|it| &it.codes) {
            *codes.entry(code).or_default() += count;
        }
        if !codes.is_empty() {
            let told: Vec<String> = codes
                .iter()
                .map(|(code, count)| format!("{count} {code}"))
                .collect();
            println!("not met {name}: {}", told.join(", "));
        }
    }
}

/// One pass over all cards.
fn run(wish: &Wish, constrained: bool) -> Outcome {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().to_owned();
    let workspace = root.join("workspace/default");
    let material = workspace.join("agent_output");
    std::fs::create_dir_all(&material).expect("a folder");
    // What the shipped reviewer reads.
    std::fs::write(
        material.join("requirements.txt"),
        "The program greets its first argument.\n",
    )
    .expect("written");
    std::fs::write(
        material.join("main.py"),
        "import sys\nprint(f\"Hello, {sys.argv[1]}!\")\n",
    )
    .expect("written");
    put(
        &root,
        "environments/live",
        &json!({"name": "live", "model": format!("openai:{}", wish.model),
        "temperature": 0.0, "seed": 7, "timeout": 300, "params": {"max_tokens": 700}}),
    );
    put(
        &root,
        "epics/live",
        &json!({"name": "Live", "team": "standard", "environment": "live", "issues": issues(wish.cards)}),
    );
    let library = Library::new(DiskThenEmbedded::new(&root));
    let mut settings = PlanSettings::default();
    settings
        .modes
        .insert("disable_runtime_verifier".to_owned(), "1".to_owned());
    let request = PlanRequest {
        epic: "live".to_owned(),
        department: "core".to_owned(),
        run_id: RunId::new("live-run").expect("an id"),
        build_id: BuildId::new("live-build").expect("an id"),
        workspace: workspace.to_string_lossy().into_owned(),
        target: None,
        model_override: None,
        rock: None,
    };
    let built = build(&library, &request, &settings, &catalogue())
        .unwrap_or_else(|errors| panic!("{errors}"));
    let mut options = SystemOptions::new(
        &root.join("durable"),
        &workspace,
        Arc::new(|name: &str| Err(format!("there is no scenario {name}"))),
    );
    options.providers.openai_url = wish.url.trim_end_matches('/').to_owned();
    options.providers.constrained = constrained;
    // A small server answers one question at a time, or breaks one off for the next.
    options.actors.max_turns = Some(1);
    let outcome = actix_rt::System::new().block_on(async move {
        let began = Instant::now();
        let system = System::start(options).await.expect("starts");
        let run = system
            .runtime
            .start_run(NewRun {
                plan: built.plan,
                cards: built.cards,
            })
            .await
            .expect("started");
        let report = system.runtime.wait(run).await.expect("a report");
        let mut outcome = Outcome {
            seats: BTreeMap::new(),
            done: report
                .cards
                .iter()
                .filter(|card| card.status == "done")
                .count(),
            cards: report.cards.len(),
            output_tokens: None,
            seconds: began.elapsed().as_secs_f64(),
        };
        for turn in system.reader().turns("live-run", None).expect("turns") {
            let steps = system.reader().steps(turn.row).expect("steps");
            let corrected = steps
                .iter()
                .any(|it| matches!(it.step.as_ref(), Step::Reprompted { .. }));
            for it in &steps {
                if let Step::ModelReplied { reply, .. } = it.step.as_ref()
                    && let Some(tokens) = reply.usage.output_tokens
                {
                    *outcome.output_tokens.get_or_insert(0) += tokens;
                }
            }
            let tally = outcome.seats.entry(turn.role.clone()).or_default();
            tally.turns += 1;
            if turn.status == "succeeded" && !corrected {
                tally.met += 1;
            } else {
                let code = turn.code.unwrap_or_else(|| "corrected".to_owned());
                *tally.codes.entry(code).or_default() += 1;
            }
        }
        system.stop(Shutdown::Graceful).await.expect("stops");
        outcome
    });
    if wish.keep {
        let kept: PathBuf = folder.keep();
        eprintln!(
            "{}: {}",
            if constrained {
                "with the schema"
            } else {
                "without"
            },
            kept.display()
        );
    }
    outcome
}

fn put(root: &Path, name: &str, value: &Value) {
    let file = root.join("config").join(format!("{name}.json"));
    std::fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
    std::fs::write(file, value.to_string()).expect("written");
}

fn issues(cards: usize) -> Vec<Value> {
    const THINGS: [&str; 5] = [
        "greets a person by name",
        "adds two numbers",
        "counts the words of a text",
        "converts Celsius to Fahrenheit",
        "reverses a line",
    ];
    (0..cards)
        .map(|n| {
            let seat = SEATS[n % SEATS.len()];
            let thing = THINGS[(n / SEATS.len()) % THINGS.len()];
            let (what, path) = match seat {
                "requirements_analyst" => (
                    "Write down what is required of a program that",
                    format!("agent_output/requirements-{n}.txt"),
                ),
                "architect" => (
                    "Decide how to build a program that",
                    format!("agent_output/design-{n}.txt"),
                ),
                "coder" => (
                    "Write a Python program that",
                    format!("agent_output/program_{n}.py"),
                ),
                _ => ("Review the program main.py, one that", String::new()),
            };
            let mut params = json!({});
            if !path.is_empty() {
                params["required_write_paths"] = json!([path]);
                params["review_required_read_paths"] = json!([path]);
            }
            json!({"id": format!("LIVE-{n}"), "summary": format!("{what} {thing}"), "seat": seat,
                   "max_retries": 0, "params": params})
        })
        .collect()
}
