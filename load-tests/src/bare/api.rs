//! Answers as much as the heartbeat does, and asks for nothing.

use actix_web::{App, HttpResponse, HttpServer, web};

use super::{failed, listen};
use crate::error::LoadError;

pub fn serve(workers: usize) -> Result<(), LoadError> {
    let listener = listen("url")?;
    actix_web::rt::System::new().block_on(async move {
        let app = || App::new().route("/v1/system/heartbeat", web::get().to(heartbeat));
        let server = HttpServer::new(app).workers(workers).listen(listener);
        server.map_err(failed)?.run().await.map_err(failed)
    })
}

async fn heartbeat() -> HttpResponse {
    let now = jiff::Timestamp::now();
    HttpResponse::Ok()
        .content_type("application/json")
        .body(format!(
            r#"{{"status":"online","timestamp":"{now}","active_tasks":0}}"#
        ))
}
