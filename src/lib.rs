//! The edges of Orket: everything that touches the world.
//!
//! # Layout
//!
//! - [`api`]: the API server; the owner's socket serves its routes too.
//! - [`assets`]: asset files on disk and those embedded in the binary.
//! - [`blocking`]: work that blocks, off the arbiter.
//! - [`config`]: settings: flag, environment, organization, user settings, default.
//! - [`storage`]: the journal: SQLite through diesel, one writer, many readers.
//! - [`providers`]: model providers.
//! - [`tools`]: the tool host: files, child processes.
//! - [`verifier`]: whether written files follow the grammar of their languages.
//! - [`artifacts`]: the journal as files under `observability/`.
//! - [`memory`]: what projects remember: full-text search and commit buffers on SQLite.
//! - [`log`][]: `orket.log`.
//! - [`events`]: what happened: a table of it, and the latest in memory.
//! - [`evidence`]: whether the record of a run holds.
//! - [`fork`]: a run that begins where a turn of another began.
//! - [`driver`]: an operator's desk in words: commands, plans, conversation.
//! - [`gitea_export`]: the files of runs, pushed into a repository of Gitea.
//! - [`kernel`]: turns that a host supplies: checked, staged, promoted into a local index.
//! - [`owner`]: one process owns a data folder: lock, socket, runtime.
//! - [`phases`]: bug-fix phases carried out.
//! - [`stages`]: carries out what is laid out before the first card.
//! - [`sweep`]: the runs of a quant sweep, each through the real runtime.
//! - [`system`]: the actor system with its real parts.
//! - [`cli`]: the command line.
#![cfg_attr(
    not(test),
    warn(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::dbg_macro,
        clippy::allow_attributes,
        missing_docs
    )
)]

pub mod api;
pub mod artifacts;
pub mod assets;
pub mod cli;
pub mod config;
pub mod driver;
pub mod events;
pub mod evidence;
pub mod fork;
pub mod gitea_export;
pub mod kernel;
pub mod log;
pub mod memory;
pub mod owner;
pub mod phases;
pub mod providers;
pub mod stages;
pub mod storage;
pub mod sweep;
pub mod system;
pub mod tools;
pub mod verifier;

pub use orket_children::blocking;

/// What one thread makes another frees, with every write of the journal and every event: an allocator
/// with caches for each thread took a fifth off the processor time of a card. A thread of its own gives
/// freed pages back, so that a server that idles after a busy hour does not keep what it took.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;
