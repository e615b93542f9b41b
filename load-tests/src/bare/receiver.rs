//! The least that checks a signature and has a delivery on disk before it answers: one writer, many
//! deliveries to a commit, `synchronous = FULL`.

use std::path::Path;
use std::sync::Arc;

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use crossbeam_channel::{Receiver, Sender};
use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_types::Text;
use tokio::sync::oneshot;

use super::{failed, listen};
use crate::deliveries::sign;
use crate::error::LoadError;

type Job = (String, web::Bytes, oneshot::Sender<()>);

struct Bare {
    secret: String,
    jobs: Sender<Job>,
}

pub fn serve(database: &Path, secret: String, workers: usize) -> Result<(), LoadError> {
    let name = database.to_string_lossy();
    let mut connection = SqliteConnection::establish(&name).map_err(failed)?;
    let begin = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
                 CREATE TABLE events (id TEXT PRIMARY KEY NOT NULL, payload TEXT NOT NULL);";
    connection.batch_execute(begin).map_err(failed)?;
    let (jobs, inbox) = crossbeam_channel::bounded(8_192);
    std::thread::spawn(move || {
        if let Err(error) = write(connection, &inbox) {
            // Whoever waits for an answer gets none then, which the generator counts.
            eprintln!("error: the bare receiver writes no more: {error}");
        }
    });
    let bare = web::Data::from(Arc::new(Bare { secret, jobs }));
    let listener = listen("webhook_url")?;
    actix_web::rt::System::new().block_on(async move {
        let app = move || {
            App::new()
                .app_data(bare.clone())
                .app_data(web::PayloadConfig::new(1 << 20))
                .route("/webhook/gitea", web::post().to(take))
        };
        let server = HttpServer::new(app).workers(workers).listen(listener);
        server.map_err(failed)?.run().await.map_err(failed)
    })
}

fn write(mut connection: SqliteConnection, inbox: &Receiver<Job>) -> QueryResult<()> {
    while let Ok(first) = inbox.recv() {
        let rest = inbox.try_iter().take(1_023);
        let batch: Vec<Job> = std::iter::once(first).chain(rest).collect();
        connection.batch_execute("BEGIN IMMEDIATE")?;
        for (id, payload, _) in &batch {
            diesel::sql_query("INSERT OR IGNORE INTO events (id, payload) VALUES (?, ?)")
                .bind::<Text, _>(id)
                .bind::<Text, _>(String::from_utf8_lossy(payload))
                .execute(&mut connection)?;
        }
        connection.batch_execute("COMMIT")?;
        for (_, _, told) in batch {
            let _ = told.send(());
        }
    }
    Ok(())
}

async fn take(request: HttpRequest, body: web::Bytes, bare: web::Data<Bare>) -> HttpResponse {
    let header = |name: &str| request.headers().get(name)?.to_str().ok();
    if header("x-gitea-signature") != Some(sign(&bare.secret, &body).as_str()) {
        return HttpResponse::Unauthorized().body("Invalid signature");
    }
    let id = header("x-gitea-delivery").unwrap_or_default().to_owned();
    let (tell, told) = oneshot::channel();
    // A full queue is a refusal here too.
    if bare.jobs.try_send((id, body, tell)).is_err() || told.await.is_err() {
        return HttpResponse::ServiceUnavailable().finish();
    }
    HttpResponse::Ok()
        .content_type("application/json")
        .body(r#"{"status":"ignored"}"#)
}
