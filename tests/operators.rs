//! What operators do at a terminal and in a pipe: board, run progress, archive, loop.

#[path = "cli/house.rs"]
mod house;
#[path = "support/terminal.rs"]
mod terminal;

#[path = "operators/archive.rs"]
mod archive;
#[path = "operators/board.rs"]
mod board;
#[path = "operators/loop_.rs"]
mod loop_;
#[path = "operators/progress.rs"]
mod progress;
