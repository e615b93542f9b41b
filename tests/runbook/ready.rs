//! What must be there before an example can be run.

use std::path::Path;

use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, SqliteConnection};

use super::lines::Line;
use super::session::{Session, problems};

const RUNTIME: &str = include_str!("../../legacy/tests/house/runtime.sql");
const WEBHOOK: &str = include_str!("../../legacy/tests/house/webhook.sql");
const MEMORY: &str = include_str!("../../legacy/tests/house/memory.sql");

/// Databases of the Python Orket.
pub fn python_databases(folder: &Path) {
    std::fs::create_dir_all(folder).expect("folder");
    let make = |name: &str, sql: &str| {
        let file = folder.join(name);
        let mut connection =
            SqliteConnection::establish(file.to_str().expect("UTF-8")).expect("database");
        // The Python Orket held nothing to it.
        connection
            .batch_execute("PRAGMA foreign_keys=OFF")
            .expect("a setting");
        connection.batch_execute(sql).expect("rows");
    };
    make("orket_persistence.db", &RUNTIME.replace("@CARDS@", "20"));
    make("webhook.db", WEBHOOK);
    make("project_memory.db", MEMORY);
}

/// Runs lines that must go well.
pub fn run(session: &Session, lines: &[&str]) {
    let lines: Vec<_> = lines.iter().map(|line| Line::parse(line)).collect();
    let problems = problems(&session.run(&lines));
    assert!(problems.is_empty(), "{}", problems.join("\n\n"));
}

/// A run that is over, with the files of its turns, and `memory_trace.json` of one of them beside.
pub fn golden(session: &Session) {
    run(
        session,
        &[
            "orket run --epic golden_flow",
            "cp workspace/default/observability/*/GF-3/001_coder/memory_trace.json .",
            "printf 'one two\\n' > workspace/default/notes.txt",
        ],
    );
}

/// A Node project in a repository, with something called `User`; the lines run within it.
pub fn project(session: &Session) {
    run(
        session,
        &[
            "orket init minimal-node demo --no-verify --dir ../made",
            "cp -r ../made/. .",
            "printf '{\"verify\":{\"profiles\":{\"default\":{\"commands\":[\"true\"]}}}}' > orket.config.json",
            "printf 'class User {}\\nmodule.exports = { User };\\n' > src/user.js",
            "git init -q",
            "git add -A",
            "git -c user.name=me -c user.email=me@localhost commit -q -m Begin",
        ],
    );
}
