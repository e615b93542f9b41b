//! The report: an outcome as JSON of version 1, and what is made of such a report.
//!
//! Assertions and comparisons work on the JSON, not on the outcome, so that they mean the same for a report
//! that was written months ago.

mod assertions;
mod compare;
mod json;
mod names;
mod table;
mod write;

pub use assertions::{Assertions, Miss};
pub use compare::{Comparison, Line};
pub use json::{VERSION, report};
pub use names::{Better, Named, named};
pub use table::table;
pub use write::{read, write_whole};
