//! Instructions of three hot paths, counted under callgrind and held against `benches/instructions.json`: a
//! guard that a busy machine cannot move.
//!
//! `cargo bench -p orket --bench instructions -- [--assert] [--bless] [--keep FOLDER]`. Each path is run for
//! N and for 2N rounds in a process of its own, with one thread; the difference is what N rounds take, and
//! whatever start-up takes falls out.
//!
//! - `--assert` exits with 1 when a path takes more than its tolerance allows, with 2 without valgrind.
//! - `--bless` writes down what was counted.
//! - `--keep FOLDER` leaves callgrind's files there, for `callgrind_annotate`.
//!
//! Another compiler or other flags make other code of the same source: then ten per cent are allowed, and
//! it is said.

#[path = "instructions/baseline.rs"]
mod baseline;
#[path = "instructions/callgrind.rs"]
mod callgrind;
#[path = "inner/delivery.rs"]
mod delivery;
#[path = "inner/golden.rs"]
#[expect(dead_code, reason = "the other bench uses the rest")]
mod golden;
#[path = "inner/hot.rs"]
mod hot;

use std::hint::black_box;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use orket_core::turn::Turn;

use self::baseline::{Baseline, Build, Verdict};
use self::callgrind::{Missing, Valgrind};
use self::delivery::Delivery;
use self::golden::Golden;

/// A name, what it is, and how many rounds make it large beside what varies.
const PATHS: [(&str, &str, u64); 3] = [
    ("turn", "a turn of the machine, its steps as stored", 60),
    ("answer", "an answer read, gate and contract", 200),
    ("delivery", "a delivery's signature and body", 200),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, path, rounds] = arguments.as_slice()
        && flag == callgrind::CHILD
    {
        child(path, rounds.parse().expect("a number"));
        return ExitCode::SUCCESS;
    }
    let wish = match Wish::read(&arguments) {
        Ok(wish) => wish,
        Err(problem) => {
            eprintln!("error: {problem}");
            eprintln!(
                "hint: cargo bench -p orket --bench instructions -- [--assert] [--bless] [--keep FOLDER]"
            );
            return ExitCode::from(2);
        }
    };
    if cfg!(debug_assertions) {
        println!("instructions of a build without optimisation say nothing; use `cargo bench`");
        return ExitCode::SUCCESS;
    }
    let valgrind = match Valgrind::find() {
        Ok(valgrind) => valgrind,
        Err(Missing) => {
            println!("valgrind is not there: nothing was counted");
            println!("hint: install the package `valgrind` (Debian, Ubuntu, Fedora, Arch, Alpine)");
            let is_wanted = wish.asserts || wish.blesses;
            return if is_wanted {
                ExitCode::from(2)
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    match count_all(&wish, &valgrind) {
        Ok(is_good) if is_good || !wish.asserts => ExitCode::SUCCESS,
        Ok(_) => ExitCode::from(1),
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::from(2)
        }
    }
}

/// What the command line asks for.
#[derive(Default)]
struct Wish {
    asserts: bool,
    blesses: bool,
    keep: Option<PathBuf>,
}

impl Wish {
    fn read(arguments: &[String]) -> Result<Self, String> {
        let mut wish = Self::default();
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            match argument.as_str() {
                "--assert" => wish.asserts = true,
                "--bless" => wish.blesses = true,
                "--keep" => wish.keep = Some(rest.next().ok_or("--keep needs a folder")?.into()),
                // Cargo says this to every bench.
                "--bench" => {}
                other => return Err(format!("unknown argument `{other}`")),
            }
        }
        Ok(wish)
    }
}

/// Counts all paths and says what that is beside what is written down; whether none takes more.
fn count_all(wish: &Wish, valgrind: &Valgrind) -> Result<bool, String> {
    let build = Build::of_this();
    let known = Baseline::read()?;
    let allowed_elsewhere = known.as_ref().and_then(|known| known.differs(&build));
    if let Some(why) = &allowed_elsewhere {
        println!("{why}: 10 % are allowed");
    }
    println!(
        "{:<10} {:>14} {:>14} {:>8}",
        "path", "instructions", "written down", "change"
    );
    let mut counted = Vec::new();
    let mut is_good = true;
    for (name, about, rounds) in PATHS {
        let count = valgrind.count(name, rounds, wish.keep.as_deref())?;
        counted.push((name, about, count));
        let Some(path) = known.as_ref().and_then(|known| known.path(name)) else {
            println!("{name:<10} {count:>14} {:>14}", "nothing");
            is_good = is_good && wish.blesses;
            continue;
        };
        let before = path.instructions;
        let change = 100.0 * path.change(count);
        println!("{name:<10} {count:>14} {before:>14} {change:>+7.2}%");
        match path.judge(count, allowed_elsewhere.is_some()) {
            Verdict::Within => {}
            Verdict::Above(allowed) => {
                is_good = false;
                println!(
                    "error: `{name}` ({about}) takes {change:.2} % more instructions than written down, \
                     {:.0} % are allowed",
                    100.0 * allowed
                );
                println!(
                    "hint: see what takes them with `--keep FOLDER` and `callgrind_annotate`; if it is \
                     worth them, `--bless`"
                );
            }
            Verdict::Below => {
                println!("hint: `{name}` takes less than written down; keep it so with `--bless`");
            }
        }
    }
    if wish.blesses {
        if let Some(known) = &known
            && !known.has_flags_of(&build)
        {
            return Err(format!(
                "{} was counted with other flags; write it with a build that has them",
                baseline::FILE
            ));
        }
        Baseline::new(&build, &counted).write()?;
        println!("written to {}", baseline::FILE);
        return Ok(true);
    }
    if !is_good && known.is_none() {
        println!("hint: `--bless` writes {}", baseline::FILE);
    }
    Ok(is_good)
}

/// Runs a path so many times, in the process that callgrind watches.
fn child(path: &str, rounds: u64) {
    match path {
        "turn" => {
            let golden = Golden::new();
            repeat(rounds, || hot::turn(&golden));
        }
        "answer" => {
            let golden = Golden::new();
            let (turn, _) = Turn::begin(Arc::clone(&golden.context)).expect("a seat");
            repeat(rounds, || hot::answer(&golden, &turn));
        }
        "delivery" => {
            let approval = Delivery::approval();
            repeat(rounds, || hot::delivery(&approval));
        }
        other => panic!("there is no path `{other}`"),
    }
}

fn repeat<T>(rounds: u64, mut once: impl FnMut() -> T) {
    for _ in 0..rounds {
        black_box(once());
    }
}
