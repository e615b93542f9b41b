//! Every command line of docs/RUNBOOK.md, of the README and of the examples in `--help`, run in a fresh
//! folder: each exits as documented.

#[path = "runbook/examples.rs"]
mod examples;
#[path = "runbook/lines.rs"]
mod lines;
#[path = "runbook/pages.rs"]
mod pages;
#[path = "runbook/ready.rs"]
mod ready;
#[path = "runbook/session.rs"]
mod session;
