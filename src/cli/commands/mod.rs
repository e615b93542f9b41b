//! One file per command.

pub mod board;
pub mod budget;
pub mod check_skills;
pub mod config;
pub mod deliveries;
pub mod diff;
pub mod export;
pub mod gates;
pub mod halt;
pub mod memory;
pub mod phases;
pub mod remembered;
pub mod replay;
pub mod replay_against;
pub mod run;
pub mod runs;
pub mod sandbox;
pub mod serve;
pub mod show;
pub mod skills;
pub mod under_way;
pub mod verify;
mod watch;
pub mod webhook;
