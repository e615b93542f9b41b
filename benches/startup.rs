//! How long a person waits for `orket --help` and for `orket board` on a journal of many cards.
//!
//! `cargo bench -p orket --bench startup [-- --cards N --rounds N --assert]`
//!
//! Printed: the median time of whole processes, from start to end, standard output thrown away; next to
//! them, measured in turn, a process that does nothing, and one that reads the same cards from the same
//! journal with bare SQLite and prints them. `--assert` holds the board to the time of the bare read, and
//! the help to twenty times that of a process that does nothing.

#[path = "../tests/support/journal.rs"]
mod journal;

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use diesel::prelude::*;
use diesel::sql_types::{Double, Text};
use orket::storage::{Journal, JournalOptions};
use orket_actors::port::store::{Op, RunStatus, Store};
use orket_core::ids::{BuildId, CardId, RunId};
use orket_core::plan::CardPlan;
use orket_core::status::CardStatus;
use serde_json::Value;

use journal::{AT, card, insert_run, life, write};

/// Cards of one write.
const AT_ONCE: usize = 5_000;

/// A row as the bare read has it.
#[derive(QueryableByName)]
struct Bare {
    #[diesel(sql_type = Text)]
    card_id: String,
    #[diesel(sql_type = Text)]
    summary: String,
    #[diesel(sql_type = Text)]
    seat: String,
    #[diesel(sql_type = Text)]
    status: String,
    #[diesel(sql_type = Double)]
    priority: f64,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let given = |name: &str| {
        let place = arguments.iter().position(|it| it == name)?;
        arguments.get(place + 1).cloned()
    };
    if arguments.iter().any(|it| it == "--nothing") {
        return;
    }
    if let Some(path) = given("--bare") {
        return bare(Path::new(&path));
    }
    let number = |name: &str, default: usize| given(name).map_or(default, |it| it.parse().unwrap());
    let (cards, rounds) = (number("--cards", 100_000), number("--rounds", 15));
    let must = arguments.iter().any(|it| it == "--assert");
    let shapes = [
        ("one epic", 1),
        ("1,000 epics", 1_000.min(cards)),
        ("10,000 epics", 10_000.min(cards)),
    ];
    let mut kept = true;
    for (place, (name, epics)) in shapes.into_iter().enumerate() {
        let folder = tempfile::tempdir().unwrap();
        fill(folder.path(), cards, epics);
        let database = folder.path().join(".orket/durable/db/orket_persistence.db");
        let own = std::env::current_exe().unwrap();
        let database = database.to_str().unwrap();
        let orket = Path::new(env!("CARGO_BIN_EXE_orket"));
        let ways: [(&str, &Path, Vec<&str>); 4] = [
            ("nothing", &own, vec!["--nothing"]),
            ("orket --help", orket, vec!["--help"]),
            ("bare read", &own, vec!["--bare", database]),
            ("orket board", orket, vec!["board"]),
        ];
        let mut times = vec![Vec::new(); ways.len()];
        for round in 0..=rounds {
            for (way, (_, program, arguments)) in ways.iter().enumerate() {
                let took = time(program, arguments, folder.path());
                // The first one fills the caches.
                if round > 0 {
                    times[way].push(took);
                }
            }
        }
        let medians: Vec<Duration> = times.into_iter().map(median).collect();
        if place == 0 {
            println!("{cards} cards, medians of {rounds} rounds");
            told("nothing", medians[0]);
            told("orket --help", medians[1]);
            kept &= medians[1] <= medians[0] * 20;
        }
        println!("{name}:");
        told("bare read and print", medians[2]);
        told("orket board", medians[3]);
        kept &= medians[3] <= medians[2];
    }
    if must && !kept {
        println!("a bar was not kept");
        std::process::exit(1);
    }
}

fn told(what: &str, took: Duration) {
    println!("  {what:<20} {:>8.1} ms", took.as_secs_f64() * 1_000.0);
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn time(program: &Path, arguments: &[&str], folder: &Path) -> Duration {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    let began = Instant::now();
    let status = command.status().unwrap();
    let took = began.elapsed();
    assert!(status.success(), "{program:?} {arguments:?}: {status}");
    took
}

/// A journal of so many cards in so many epics, each with a build and a run of its own.
fn fill(folder: &Path, cards: usize, epics: usize) {
    let database = folder.join(".orket/durable/db");
    std::fs::create_dir_all(&database).unwrap();
    actix_rt::System::new().block_on(async {
        let journal = Journal::open(&database, JournalOptions::default()).unwrap();
        let each = cards.div_ceil(epics);
        let mut row = 0;
        let mut ops = Vec::new();
        let mut waiting = 0;
        for epic in 0..epics {
            let name = format!("epic_{epic:05}");
            let run = format!("run{epic:08}");
            let build = format!("build-{name}");
            ops.push(insert_run(&run, &build, &name));
            for first in (0..each).step_by(AT_ONCE) {
                let last = each.min(first + AT_ONCE);
                ops.push(some_cards(&run, &build, &mut row, first..last));
                waiting += last - first;
                if waiting >= AT_ONCE {
                    journal
                        .submit(write(std::mem::take(&mut ops)))
                        .await
                        .unwrap();
                    waiting = 0;
                }
            }
            ops.push(Op::SetRun {
                run_id: RunId::new(&run).unwrap(),
                status: RunStatus::Incomplete,
                summary: Value::Null,
                at_ms: AT,
            });
        }
        journal.submit(write(ops)).await.unwrap();
        journal.close().unwrap();
    });
}

fn some_cards(run: &str, build: &str, row: &mut i64, places: std::ops::Range<usize>) -> Op {
    let statuses = [
        CardStatus::Done,
        CardStatus::Done,
        CardStatus::Ready,
        CardStatus::Blocked,
        CardStatus::CodeReview,
        CardStatus::Archived,
    ];
    let cards = places.map(|place| {
        *row += 1;
        let id = format!("C-{row}");
        let plan = CardPlan {
            id: CardId::new(&id).unwrap(),
            summary: format!("Do what card {id} is about, with a title as long as they are"),
            ..card("C")
        };
        let status = statuses[place % statuses.len()];
        let position = u32::try_from(place).unwrap();
        (*row, position, Arc::new(plan), life(status))
    });
    Op::InsertCards {
        run_id: RunId::new(run).unwrap(),
        build_id: BuildId::new(build).unwrap(),
        cards: cards.collect(),
        at_ms: AT,
    }
}

/// Reads what a board could show of each card, and prints it.
fn bare(path: &Path) {
    let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    let rows = diesel::sql_query(
        "SELECT c.card_id, d.summary, d.seat, c.status, d.priority
         FROM cards AS c JOIN card_definitions AS d ON d.card = c.row",
    )
    .load::<Bare>(&mut connection)
    .unwrap();
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for row in rows {
        writeln!(
            out,
            "  * [{}] {} ({}) [Priority: {:.1}, Status: {}]",
            row.card_id, row.summary, row.seat, row.priority, row.status
        )
        .unwrap();
    }
}
