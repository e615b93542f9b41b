//! What is laid out before the first card of a run.

mod lab;

#[path = "stages/halt.rs"]
mod halt;
#[path = "stages/house.rs"]
mod house;
#[path = "stages/library.rs"]
mod library;
#[path = "stages/program.rs"]
mod program;
