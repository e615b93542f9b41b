//! The handlers. Each file registers its own in `routes`.

use utoipa_actix_web::service_config::ServiceConfig;

mod archive;
mod board;
mod card_history;
mod cards;
mod cards_shapes;
mod chat;
mod control;
mod document;
mod events;
mod figures;
mod files;
mod graph;
mod health;
mod heart;
mod kernel;
mod logs;
mod models;
mod policy;
mod preview;
mod run_active;
mod run_shapes;
mod runs;
mod sandboxes;
mod seen;
mod session_replay;
mod session_state;
mod sessions;
mod settings;
pub mod shapes;
mod sockets;
mod system;
mod teams;
mod turns;

/// Registers all of them. They are looked through in this order for each request: what is asked for
/// most comes first.
pub fn routes(config: &mut ServiceConfig<'_>) {
    health::routes(config);
    heart::routes(config);
    cards::routes(config);
    archive::routes(config);
    board::routes(config);
    card_history::routes(config);
    chat::routes(config);
    control::routes(config);
    document::routes(config);
    events::routes(config);
    figures::routes(config);
    files::routes(config);
    graph::routes(config);
    kernel::routes(config);
    logs::routes(config);
    models::routes(config);
    policy::routes(config);
    preview::routes(config);
    run_active::routes(config);
    runs::routes(config);
    sandboxes::routes(config);
    session_replay::routes(config);
    session_state::routes(config);
    sessions::routes(config);
    settings::routes(config);
    sockets::routes(config);
    system::routes(config);
    teams::routes(config);
    turns::routes(config);
}
