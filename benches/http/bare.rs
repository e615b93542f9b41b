//! Bare actix-web handlers, in a process of their own: the ceiling of this machine.

use std::net::TcpListener;
use std::path::Path;

use actix_web::{App, HttpResponse, HttpServer, web};
use orket::storage::Reader;

use super::bare_run::{self, Journal};

/// Serves until it is killed; says its port on standard output.
pub fn serve(database: &Path, workers: usize) {
    let reader = Reader::open(database)
        .expect("readable")
        .expect("a journal");
    let journal = Journal(database.join(orket::storage::journal::FILE_NAME));
    let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
    println!("{}", listener.local_addr().expect("an address"));
    actix_web::rt::System::new().block_on(async move {
        HttpServer::new(move || {
            App::new()
                .app_data(web::Data::new(reader.clone()))
                .app_data(web::Data::new(journal.clone()))
                .route("/health", web::get().to(health))
                .route("/v1/system/heartbeat", web::get().to(heartbeat))
                .route("/v1/cards", web::get().to(cards))
                .route("/v1/runs/{id}", web::get().to(bare_run::detail))
        })
        .workers(workers)
        .listen(listener)
        .expect("listening")
        .run()
        .await
        .expect("served");
    });
}

async fn health() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .body(r#"{"status":"ok","organization":"Orket"}"#)
}

async fn heartbeat() -> HttpResponse {
    let now = jiff::Timestamp::now();
    HttpResponse::Ok()
        .content_type("application/json")
        .body(format!(
            r#"{{"status":"online","timestamp":"{now}","active_tasks":0}}"#
        ))
}

#[derive(serde::Deserialize)]
struct Page {
    cursor: Option<String>,
    offset: Option<i64>,
}

async fn cards(reader: web::Data<Reader>, page: web::Query<Page>) -> HttpResponse {
    let page = page.into_inner();
    let body = web::block(move || super::same_read(&reader, page.cursor.as_deref(), page.offset))
        .await
        .expect("read");
    HttpResponse::Ok()
        .content_type("application/json")
        .body(body)
}
