//! Which way dependencies point: between the crates of the workspace, and between the modules of the
//! program.
//!
//! - [`policy`]: the rules, as tables. - `crates`: what cargo knows. - `modules`, `uses`: what the
//!   sources say. - [`report`]: all of it together.

mod crates;
mod modules;
pub mod policy;
pub mod report;
mod uses;

pub use report::{CheckError, Report, check};
