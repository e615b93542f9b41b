//! The two other ways of keeping steps: a bare group-commit loop, and a transaction a step.

use std::path::Path;
use std::sync::Arc;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::r2d2::{ConnectionManager, CustomizeConnection, Pool};
use tokio::sync::{mpsc, oneshot};

use super::measure::{Round, drive};
use super::step;

diesel::table! {
    bare_steps (id) {
        id -> BigInt,
        turn -> BigInt,
        seq -> BigInt,
        body -> Text,
    }
}

const BATCH: usize = 1_024;
const BARE_TABLE: &str = "CREATE TABLE bare_steps (id INTEGER PRIMARY KEY, turn INTEGER NOT NULL, seq INTEGER NOT NULL, body TEXT NOT NULL)";

fn bare_connection(path: &Path) -> SqliteConnection {
    let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    connection
        .batch_execute(
            "PRAGMA busy_timeout=10000; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=4000; PRAGMA cache_size=-16384",
        )
        .unwrap();
    connection
}

fn insert_bare(connection: &mut SqliteConnection, turn: i64, seq: i64, body: &str) {
    diesel::insert_into(bare_steps::table)
        .values((
            bare_steps::turn.eq(turn),
            bare_steps::seq.eq(seq),
            bare_steps::body.eq(body),
        ))
        .execute(connection)
        .unwrap();
}

fn body() -> Arc<str> {
    serde_json::to_string(&*step()).unwrap().into()
}

pub async fn bare_round(folder: &Path, cards: usize) -> Round {
    std::fs::create_dir_all(folder).unwrap();
    let mut connection = bare_connection(&folder.join("bare.db"));
    connection.batch_execute(BARE_TABLE).unwrap();
    let (send, mut inbox) = mpsc::channel::<(i64, i64, Arc<str>, oneshot::Sender<()>)>(4_096);
    let thread = std::thread::Builder::new()
        .name("bare-writer".to_owned())
        .spawn(move || {
            let mut batch = Vec::with_capacity(BATCH);
            while inbox.blocking_recv_many(&mut batch, BATCH) > 0 {
                connection
                    .immediate_transaction(|connection| {
                        for (turn, seq, body, _) in &batch {
                            insert_bare(connection, *turn, *seq, body);
                        }
                        QueryResult::Ok(())
                    })
                    .unwrap();
                for (_, _, _, reply) in batch.drain(..) {
                    let _ = reply.send(());
                }
            }
        })
        .unwrap();
    let body = body();
    let round = drive(cards, "bare-writer", move |card, n| {
        let (send, body) = (send.clone(), body.clone());
        async move {
            let (reply, answer) = oneshot::channel();
            let turn = i64::try_from(card).unwrap();
            send.send((turn, i64::from(n), body, reply)).await.unwrap();
            answer.await.unwrap();
        }
    })
    .await;
    thread.join().unwrap();
    round
}

#[derive(Debug)]
struct PoolPragmas;

impl CustomizeConnection<SqliteConnection, diesel::r2d2::Error> for PoolPragmas {
    fn on_acquire(&self, connection: &mut SqliteConnection) -> Result<(), diesel::r2d2::Error> {
        connection
            .batch_execute("PRAGMA busy_timeout=10000; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=4000")
            .map_err(diesel::r2d2::Error::QueryError)
    }
}

pub async fn single_round(folder: &Path, cards: usize) -> Round {
    std::fs::create_dir_all(folder).unwrap();
    let path = folder.join("single.db");
    bare_connection(&path).batch_execute(BARE_TABLE).unwrap();
    let pool = Pool::builder()
        .max_size(8)
        .test_on_check_out(false)
        .connection_customizer(Box::new(PoolPragmas))
        .build(ConnectionManager::<SqliteConnection>::new(
            path.to_str().unwrap(),
        ))
        .unwrap();
    let body = body();
    drive(cards, "", move |card, n| {
        let (pool, body) = (pool.clone(), body.clone());
        async move {
            tokio::task::spawn_blocking(move || {
                let mut connection = pool.get().unwrap();
                let connection: &mut SqliteConnection = &mut connection;
                connection
                    .immediate_transaction(|connection| {
                        insert_bare(
                            connection,
                            i64::try_from(card).unwrap(),
                            i64::from(n),
                            &body,
                        );
                        QueryResult::Ok(())
                    })
                    .unwrap();
            })
            .await
            .unwrap();
        }
    })
    .await
}
