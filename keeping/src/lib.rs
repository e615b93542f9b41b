//! What is kept of a data folder, and how it changes place and shape.
//!
//! # Layout
//!
//! - [`database`]: the databases of a data folder and their schemas.
//! - [`schema`]: what schema a database has, and bringing it up to date.
//! - [`snapshot`]: a consistent copy of a database, whoever uses it meanwhile.
//! - [`manifest`], [`backup`], [`restore`]: a data folder put away and brought back.
//! - [`moves`]: files of the Python Orket 0.3 brought to where they belong now.
//! - [`retention`]: what may go, and letting it go.
//! - [`disk`]: files that are there whole or not at all.
//! - [`error`]: why something did not take place.
//!
//! Nobody else may write a data folder meanwhile; whoever calls sees to that with the owner's lock.
//! Only [`snapshot`] and [`backup`] work beside an owner.
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

pub mod backup;
pub mod database;
pub mod disk;
pub mod error;
pub mod manifest;
pub mod moves;
pub mod restore;
pub mod retention;
pub mod schema;
pub mod snapshot;

pub use database::Database;
pub use error::KeepError;
