//! Databases of the Python Orket 0.3: read without leaving a trace, brought into ours, and compared
//! row by row.
//!
//! # Layout
//!
//! - [`source`]: opening a database that is not ours, and what it is.
//! - [`row`]: its rows, whatever columns they have and whatever is in them.
//! - [`words`], [`time`], [`ids`]: single values: what they mean to us, or that they mean nothing.
//! - [`card`], [`run`], [`gate`]: rows as cards, runs and gates.
//! - [`plan`]: a whole runtime database as what it becomes.
//! - [`journal`], [`webhook`], [`memory`]: writing it, in one transaction each, and comparing.
//! - [`finding`]: what could not be taken as it was.
//!
//! # What is promised
//!
//! The source is never changed. Each row of it is kept whole as JSON beside what became of it, so that
//! nothing is lost where a value means nothing to us. Nothing is guessed: a value that is unknown is
//! reported. All that goes into one database is one transaction, which is only committed after
//! everything in it was read again and compared with the source.
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

pub mod card;
pub mod error;
pub mod finding;
pub mod gate;
pub mod ids;
pub mod journal;
mod kept;
pub mod memory;
pub mod plan;
pub mod row;
pub mod run;
pub mod source;
pub mod time;
pub mod webhook;
pub mod words;

pub use error::LegacyError;
pub use finding::Finding;
pub use kept::TableCount;
pub use source::{Kind, Source};
