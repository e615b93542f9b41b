//! Transactions on a repository through the program: what they do, every code that they end with, and
//! that nothing is ever half done.

#[path = "transactions/repository.rs"]
mod repository;
#[path = "support/terminal.rs"]
mod terminal;

#[path = "transactions/asked.rs"]
mod asked;
#[path = "transactions/codes.rs"]
mod codes;
#[path = "transactions/hostile.rs"]
mod hostile;
#[path = "transactions/offline.rs"]
mod offline;
#[path = "transactions/safety.rs"]
mod safety;
#[path = "transactions/story.rs"]
mod story;
