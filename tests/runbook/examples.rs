//! The examples in `--help`, of every command there is.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::lines::{Line, examples};
use super::ready::{self, python_databases};
use super::session::{Outcome, Session};

/// Makes ready what a command's examples need.
type Ready = fn(&Session);

/// What must be there, by the beginning of an example; the longest one counts.
const READY: &[(&str, Ready)] = &[
    ("orket board", ready::golden),
    ("orket runs", ready::golden),
    ("orket show", ready::golden),
    ("orket halt", ready::golden),
    ("orket resume", ready::golden),
    ("orket replay", ready::golden),
    ("orket fork", ready::golden),
    ("orket verify", ready::golden),
    ("orket diff", ready::golden),
    ("orket budget", ready::golden),
    ("orket memory", ready::golden),
    ("orket export", ready::golden),
    ("orket skills run", ready::golden),
    ("orket check memory", ready::golden),
    ("orket compare memory", ready::golden),
    ("orket report", ready::golden),
    ("orket archive", login),
    ("orket unarchive", archived),
    ("orket api add", ready::project),
    ("orket refactor", refactoring),
    ("orket import legacy", legacy),
    ("orket backup", migrated),
    ("orket restore", saved),
    ("orket gc", ready::golden),
    ("orket sweep report", swept),
    ("orket sweep kpi", swept),
    ("orket sweep frontier", swept),
    ("orket sweep thermal", swept),
    ("orket sweep guards", swept),
    ("orket sweep check --frontier", swept),
    ("orket compare replay", artifacts),
];

/// What goes on until it is stopped.
const SERVERS: [&str; 4] = [
    "orket serve --port 0",
    "orket serve --socket-only",
    "orket webhook --port 0",
    "orket webhook",
];

#[test]
fn every_example_of_the_help_exits_as_it_says() {
    let mut helps = BTreeMap::new();
    collect(&[], &mut helps);
    assert!(helps.len() > 80, "{}", helps.len());
    let mut without = Vec::new();
    let mut groups: Vec<Vec<Line>> = Vec::new();
    for (path, help) in &helps {
        let lines = examples(help);
        if lines.is_empty() {
            without.push(path.clone());
        }
        for line in &lines {
            assert!(
                line.text.contains("orket"),
                "`orket {path} --help` has an example that is none: {}",
                line.text
            );
        }
        groups.push(lines);
    }
    assert!(without.is_empty(), "no example: {without:?}");

    let next = AtomicUsize::new(0);
    let problems = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while let Some(lines) = groups.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let found: Vec<_> = lines.iter().filter_map(problem).collect();
                    problems.lock().expect("no panic").extend(found);
                }
            });
        }
    });
    let problems = problems.into_inner().expect("no panic");
    assert!(problems.is_empty(), "{}", problems.join("\n\n"));
}

/// Runs one example in a folder of its own. What is not as documented.
fn problem(line: &Line) -> Option<String> {
    let session = Session::new();
    let ready = READY
        .iter()
        .filter(|(begin, _)| line.text.starts_with(begin))
        .max_by_key(|(begin, _)| begin.len());
    let mut line = line.clone();
    if let Some((_, ready)) = ready {
        ready(&session);
        // It is there now.
        line.needs = None;
    }
    if SERVERS.contains(&line.text.as_str()) {
        line.is_server = true;
        line.needs = None;
    }
    let secrets =
        "export GITEA_WEBHOOK_SECRET=4f0c1d2b3a4f5e6d7c8b9a0f GITEA_TOKEN=0a1b2c3d4e5f60718293";
    let lines = match line.text.starts_with("orket webhook") {
        true => vec![Line::parse(secrets), line],
        false => vec![line],
    };
    let outcomes = if lines.iter().any(|it| it.text.contains("check boundaries")) {
        session.run_in(Path::new(env!("CARGO_MANIFEST_DIR")), &lines)
    } else {
        session.run(&lines)
    };
    outcomes.last().and_then(Outcome::problem)
}

/// The help of a command and of all below it, by their names.
fn collect(path: &[String], helps: &mut BTreeMap<String, String>) {
    let output = Command::new(env!("CARGO_BIN_EXE_orket"))
        .args(path)
        .arg("--help")
        .env("COLUMNS", "100")
        .output()
        .expect("orket");
    let help = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(output.status.success(), "orket {} --help", path.join(" "));
    let below: Vec<String> = if path.is_empty() {
        let groups = help
            .lines()
            .filter(|line| line.starts_with("  ") && line.len() > 16);
        let groups = groups.take_while(|line| !line.trim_start().starts_with('-'));
        groups
            .flat_map(|line| line[16..].split(' '))
            .map(str::to_owned)
            .collect()
    } else {
        let list = help
            .split_once("\nCommands:\n")
            .map_or("", |(_, list)| list);
        list.lines()
            .take_while(|line| !line.is_empty())
            .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
            .filter_map(|line| line.split_whitespace().next())
            .map(str::to_owned)
            .collect()
    };
    helps.insert(path.join(" "), help);
    for name in below.into_iter().filter(|name| name != "help") {
        let mut path = path.to_vec();
        path.push(name);
        collect(&path, helps);
    }
}

/// Cards of which one speaks of a login.
fn login(session: &Session) {
    let epic = r#"{"name":"logins","team":"standard","environment":"standard","issues":[{"id":"L-1","summary":"Write the login page","seat":"coder","priority":2.0}]}"#;
    let folder = session.folder().join("model/core/epics");
    std::fs::create_dir_all(&folder).expect("folder");
    std::fs::write(folder.join("logins.json"), epic).expect("epic");
    // It cannot succeed without an answer; its card is there all the same.
    let begun = session.run(&[Line::parse(
        "orket run --epic logins --model scripted:golden_flow --set ORKET_MAX_RETRIES=0",
    )]);
    assert!(
        begun[0].code == 0 || begun[0].code == 1,
        "{}",
        begun[0].said
    );
}

fn archived(session: &Session) {
    login(session);
    ready::run(session, &["orket archive --related login --yes"]);
}

fn refactoring(session: &Session) {
    ready::project(session);
    std::fs::create_dir_all(session.folder().join("test")).expect("folder");
}

fn legacy(session: &Session) {
    python_databases(&session.folder().join("old"));
}

fn migrated(session: &Session) {
    ready::run(session, &["orket migrate"]);
}

fn saved(session: &Session) {
    ready::golden(session);
    ready::run(session, &["orket backup --out ../orket-backup"]);
}

/// Two sweeps, and what is made of them.
fn swept(session: &Session) {
    ready::run(
        session,
        &[
            "orket sweep run --model-id scripted:sweep --quant-tags Q8_0,Q6_K --task-limit 1 --runs 2 --seed 7 --threads 2 --affinity-policy none --summary-out sweep_summary.json",
            "cp sweep_summary.json first.json",
            "cp sweep_summary.json second.json",
            "orket sweep frontier --summary sweep_summary.json --out frontier.json",
        ],
    );
}

fn artifacts(session: &Session) {
    ready::project(session);
    ready::run(
        session,
        &[
            "export ORKET_REPLAY_ARTIFACTS=1; orket refactor \"rename User to Member\" --scope ./src --dry-run",
            "cp .orket/replay_artifacts/refactor/*.json a.json",
            "cp a.json b.json",
        ],
    );
}
