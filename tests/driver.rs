//! `orket` without a command: sessions with the operator's desk, at a terminal and in a pipe.

#[path = "cli/house.rs"]
#[expect(dead_code, reason = "other tests use the rest of it")]
mod house;
#[path = "support/terminal.rs"]
mod terminal;

#[path = "driver/desk.rs"]
mod desk;
#[path = "driver/pipe.rs"]
mod pipe;
#[path = "driver/sessions.rs"]
mod sessions;
#[path = "driver/work.rs"]
mod work;
