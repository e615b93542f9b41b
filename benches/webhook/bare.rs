//! A bare receiver, in a process of its own: the least that checks a signature and has a delivery on disk
//! before it answers, many to a commit.

use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use crossbeam_channel::{Receiver, Sender};
use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use orket_webhook::signature::{Presented, Secrets};
use tokio::sync::oneshot;

type Job = (String, web::Bytes, oneshot::Sender<()>);

struct Bare {
    secrets: Secrets,
    jobs: Sender<Job>,
}

/// Serves until it is killed; says its address on standard output.
pub fn serve(database: &Path, secret: &str, workers: usize) {
    let mut connection =
        SqliteConnection::establish(database.to_str().expect("UTF-8")).expect("opened");
    connection
        .batch_execute(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
             CREATE TABLE events (id TEXT PRIMARY KEY NOT NULL, payload TEXT NOT NULL);",
        )
        .expect("made");
    let (jobs, inbox) = crossbeam_channel::bounded(8_192);
    std::thread::spawn(move || write(connection, &inbox));
    let bare = Arc::new(Bare {
        secrets: Secrets::new(Some(secret), None).expect("a secret"),
        jobs,
    });
    let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
    println!("{}", listener.local_addr().expect("an address"));
    actix_web::rt::System::new().block_on(async move {
        HttpServer::new(move || {
            App::new()
                .app_data(web::Data::from(Arc::clone(&bare)))
                .app_data(web::PayloadConfig::new(1 << 20))
                .route("/health", web::get().to(health))
                .route("/webhook/gitea", web::post().to(take))
        })
        .workers(workers)
        .listen(listener)
        .expect("listening")
        .run()
        .await
        .expect("served");
    });
}

fn write(mut connection: SqliteConnection, inbox: &Receiver<Job>) {
    while let Ok(first) = inbox.recv() {
        let batch: Vec<Job> = std::iter::once(first)
            .chain(inbox.try_iter().take(1_023))
            .collect();
        connection.batch_execute("BEGIN IMMEDIATE").expect("begun");
        for (id, payload, _) in &batch {
            let payload = std::str::from_utf8(payload).expect("UTF-8");
            diesel::sql_query("INSERT OR IGNORE INTO events (id, payload) VALUES (?, ?)")
                .bind::<diesel::sql_types::Text, _>(id)
                .bind::<diesel::sql_types::Text, _>(payload)
                .execute(&mut connection)
                .expect("inserted");
        }
        connection.batch_execute("COMMIT").expect("committed");
        for (_, _, told) in batch {
            let _ = told.send(());
        }
    }
}

async fn health() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .body(r#"{"status":"healthy"}"#)
}

async fn take(request: HttpRequest, body: web::Bytes, bare: web::Data<Bare>) -> HttpResponse {
    let header = |name: &str| request.headers().get(name).map(|value| value.as_bytes());
    let presented = Presented::new(header("x-gitea-signature"), None);
    if bare.secrets.check(presented, &body).is_err() {
        return HttpResponse::Unauthorized().body("Invalid signature");
    }
    let id = header("x-gitea-delivery").map(|id| String::from_utf8_lossy(id).into_owned());
    let (tell, told) = oneshot::channel();
    bare.jobs
        .send((id.unwrap_or_default(), body, tell))
        .expect("taken");
    told.await.expect("written");
    HttpResponse::Ok()
        .content_type("application/json")
        .body(r#"{"status":"ignored"}"#)
}
