//! Bug-fix phases: the days after a rock is built in which bugs are found and fixed.
//!
//! - [`Phase`]: one, as it is stored; the shape is that of the Python Orket, which can read it.
//! - [`PhaseRules`]: the organization's rules about them.
//! - [`start`], [`observe`], [`end`], [`abort`]: what may happen to one.
//! - [`look`]: which cards are bugs of a rock, and how they stand.
//! - [`second_rock`]: the rock of the bugs that are open at the end, as asset files.
//!
//! # When a phase is extended
//!
//! It may be extended while its days are fewer than its most days, and only for a cause: more bugs a day
//! than the high rate, or more critical bugs than their threshold. A cause counts the first time it is
//! seen, and again only when a day has gone by since it last counted *and* more bugs stand behind it than
//! then. So whoever looks once a minute extends no more often than whoever looks once a day, and looking
//! again at the same bugs changes nothing. Each time, `min(7, most - current)` days are added.

mod bug;
mod moment;
mod record;
mod rules;
mod second_rock;
mod step;

#[cfg(test)]
mod tests;

pub use bug::{BugCard, Looked, Origin, SeenCard, bugs_epic, look};
pub use moment::Moment;
pub use record::{Cause, Earlier, Event, Extension, Mark, Metrics, Own, Phase, PhaseStatus, Todo};
pub use rules::PhaseRules;
pub use second_rock::{AssetFile, EpicHouse, NamesOfTwo, NotMade, second_rock};
pub use step::{Begun, DAY_MS, NotLive, abort, begin, end, observe, start};
