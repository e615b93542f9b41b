//! The bare handler of one run: the statements that its answer needs, prepared once on a connection of
//! each thread, and the answer written from their rows. Nothing is looked up, checked or counted besides.

use std::cell::RefCell;
use std::path::PathBuf;

use actix_web::{HttpResponse, web};
use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Nullable, Text, Untyped};
use diesel::sqlite::Sqlite;
use serde::Serialize;
use serde_json::value::RawValue;

/// Where the journal is.
#[derive(Clone)]
pub struct Journal(pub PathBuf);

const RUN: &str = "SELECT r.run_id, r.build_id, r.epic, r.status, r.started_at, r.ended_at, r.summary_json, \
    p.plan_json ->> '$.department' AS department, p.plan_json ->> '$.title' AS title, \
    p.plan_json ->> '$.workspace' AS workspace \
    FROM runs r LEFT JOIN run_plans p ON p.run_id = r.run_id WHERE r.run_id = ?";
const CARDS: &str = "SELECT c.card_id AS id, d.summary, d.seat, c.status, c.tokens, \
    c.life_json ->> '$.note' AS note, (SELECT count(*) FROM turns t WHERE t.card = c.row) AS attempts \
    FROM cards c JOIN card_definitions d ON d.card = c.row \
    WHERE c.run_id = ? ORDER BY c.position";
const SAID: &str = "SELECT t.role, t.card_id AS issue, (SELECT s.body_json ->> '$.summary' \
    FROM turn_steps s WHERE s.turn = t.row ORDER BY s.seq DESC LIMIT 1) AS summary \
    FROM turns t WHERE t.run_id = ? AND t.status = 'succeeded' ORDER BY t.ended_at, t.row";

/// A statement about a run that stays prepared, which diesel's own texts do not.
struct OfRun<'a>(&'static str, &'a str);

impl QueryFragment<Sqlite> for OfRun<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        let (before, after) = self.0.split_once('?').unwrap_or((self.0, ""));
        out.push_sql(before);
        out.push_bind_param::<Text, _>(self.1)?;
        out.push_sql(after);
        Ok(())
    }
}

impl QueryId for OfRun<'_> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for OfRun<'_> {
    type SqlType = Untyped;
}

impl RunQueryDsl<SqliteConnection> for OfRun<'_> {}

#[derive(QueryableByName)]
struct RunRow {
    #[diesel(sql_type = Text)]
    run_id: String,
    #[diesel(sql_type = Text)]
    build_id: String,
    #[diesel(sql_type = Text)]
    epic: String,
    #[diesel(sql_type = Text)]
    status: String,
    #[diesel(sql_type = BigInt)]
    started_at: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    ended_at: Option<i64>,
    #[diesel(sql_type = Text)]
    summary_json: String,
    #[diesel(sql_type = Nullable<Text>)]
    department: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    title: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    workspace: Option<String>,
}

#[derive(QueryableByName, Serialize)]
struct CardRow {
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = Text)]
    summary: String,
    #[diesel(sql_type = Text)]
    seat: String,
    #[diesel(sql_type = Text)]
    status: String,
    #[diesel(sql_type = BigInt)]
    attempts: i64,
    #[diesel(sql_type = BigInt)]
    tokens: i64,
    #[diesel(sql_type = Nullable<Text>)]
    note: Option<String>,
}

#[derive(QueryableByName, Serialize)]
struct SaidRow {
    #[diesel(sql_type = Text)]
    role: String,
    #[diesel(sql_type = Text)]
    issue: String,
    #[diesel(sql_type = Nullable<Text>)]
    summary: Option<String>,
}

#[derive(Serialize)]
struct Detail<'a> {
    session_id: &'a str,
    status: &'a str,
    summary: &'a RawValue,
    artifacts: [String; 4],
    issue_count: usize,
    session: Session<'a>,
    run_ledger: Ledger<'a>,
    run_id: &'a str,
    build_id: &'a str,
    epic: &'a str,
    cards: &'a [CardRow],
    elapsed_ms: i64,
}

#[derive(Serialize)]
struct Session<'a> {
    id: &'a str,
    name: &'a str,
    department: Option<&'a str>,
    status: &'a str,
    task_input: Option<&'a str>,
    transcript: String,
    start_time: String,
    end_time: Option<String>,
    build_id: &'a str,
    started_ms: i64,
    ended_ms: Option<i64>,
}

#[derive(Serialize)]
struct Ledger<'a> {
    session_id: &'a str,
    run_name: &'a str,
    department: Option<&'a str>,
    build_id: &'a str,
    status: &'a str,
    summary_json: &'a RawValue,
    artifact_json: [String; 4],
    started_at: String,
    ended_at: Option<String>,
}

thread_local! {
    static CONNECTION: RefCell<Option<SqliteConnection>> = const { RefCell::new(None) };
}

pub async fn detail(id: web::Path<String>, journal: web::Data<Journal>) -> HttpResponse {
    let body = web::block(move || {
        CONNECTION.with_borrow_mut(|connection| {
            let connection = connection.get_or_insert_with(|| open(&journal));
            connection.batch_execute("BEGIN").expect("begun");
            let body = read(connection, &id);
            connection.batch_execute("COMMIT").expect("ended");
            body
        })
    })
    .await
    .expect("read");
    HttpResponse::Ok()
        .content_type("application/json")
        .body(body)
}

fn open(journal: &Journal) -> SqliteConnection {
    let mut connection =
        SqliteConnection::establish(journal.0.to_str().expect("UTF-8")).expect("opened");
    connection
        .batch_execute("PRAGMA query_only = ON; PRAGMA cache_size = -4096;")
        .expect("set");
    connection
}

fn read(connection: &mut SqliteConnection, id: &str) -> Vec<u8> {
    let run: RunRow = OfRun(RUN, id).get_result(connection).expect("a run");
    let cards: Vec<CardRow> = OfRun(CARDS, id).load(connection).expect("cards");
    let said: Vec<SaidRow> = OfRun(SAID, id).load(connection).expect("turns");
    let stamp = |ms: i64| {
        jiff::Timestamp::from_millisecond(ms)
            .expect("a time")
            .to_string()
    };
    let workspace = run.workspace.unwrap_or_default();
    let places = || {
        ["", "/orket.log", "/observability", "/agent_output"]
            .map(|place| format!("{workspace}{place}"))
    };
    let summary: &RawValue = serde_json::from_str(&run.summary_json).expect("JSON");
    let detail = Detail {
        session_id: &run.run_id,
        status: &run.status,
        summary,
        artifacts: places(),
        issue_count: cards.len(),
        session: Session {
            id: &run.run_id,
            name: &run.epic,
            department: run.department.as_deref(),
            status: &run.status,
            task_input: run.title.as_deref(),
            transcript: serde_json::to_string(&said).expect("JSON"),
            start_time: stamp(run.started_at),
            end_time: run.ended_at.map(stamp),
            build_id: &run.build_id,
            started_ms: run.started_at,
            ended_ms: run.ended_at,
        },
        run_ledger: Ledger {
            session_id: &run.run_id,
            run_name: &run.epic,
            department: run.department.as_deref(),
            build_id: &run.build_id,
            status: &run.status,
            summary_json: summary,
            artifact_json: places(),
            started_at: stamp(run.started_at),
            ended_at: run.ended_at.map(stamp),
        },
        run_id: &run.run_id,
        build_id: &run.build_id,
        epic: &run.epic,
        cards: &cards,
        elapsed_ms: run.ended_at.unwrap_or(run.started_at) - run.started_at,
    };
    serde_json::to_vec(&detail).expect("JSON")
}
