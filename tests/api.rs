//! The API server, through the binary and a real socket.

#[path = "api/house.rs"]
mod house;

#[path = "api/attacks.rs"]
mod attacks;
#[path = "api/doors.rs"]
mod doors;
#[path = "api/durable_runs.rs"]
mod durable_runs;
#[path = "api/examples.rs"]
mod examples;
#[path = "api/reference.rs"]
mod reference;
#[path = "api/run_events.rs"]
mod run_events;
#[path = "api/run_figures.rs"]
mod run_figures;
#[path = "api/runs.rs"]
mod runs;
#[path = "api/sessions.rs"]
mod sessions;
#[path = "api/small_epics.rs"]
mod small_epics;

#[path = "api/board.rs"]
mod board;

#[path = "api/files.rs"]
mod files;

#[path = "support/journal.rs"]
mod journal;

#[path = "api/archive.rs"]
mod archive;
#[path = "support/audience.rs"]
#[expect(dead_code, reason = "the bench uses all of it")]
mod audience;
#[path = "api/cards.rs"]
mod cards;
#[path = "api/cases.rs"]
mod cases;
#[path = "api/chat.rs"]
mod chat;
#[path = "support/inside.rs"]
mod inside;
#[path = "api/kernel.rs"]
mod kernel;
#[path = "api/leave.rs"]
mod leave;
#[path = "api/logs.rs"]
mod logs;
#[path = "api/sandboxes.rs"]
mod sandboxes;
#[path = "api/settings.rs"]
mod settings;
#[path = "api/state_machine.rs"]
mod state_machine;
#[path = "api/system.rs"]
mod system;
#[path = "api/ws.rs"]
mod ws;
#[path = "api/ws_client.rs"]
mod ws_client;
#[path = "api/ws_load.rs"]
mod ws_load;
