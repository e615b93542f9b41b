//! What a log tells of failures, retries and turns without progress.
//!
//! - [`read`]: the files of a log, line by line. [`Selection`]: which lines count.
//! - [`report`]: the counts. [`rate`]: shares of them. [`rule`]: when a report is refused.

mod rate;
mod read;
mod report;
mod rule;
mod selection;

pub use rate::Rates;
pub use read::{ReadError, files_of, read};
pub use report::{Lines, Report, Window};
pub use rule::{Rule, RuleError};
pub use selection::{Selection, SinceError};
