//! What `orket-load epics` may be asked to do, and what follows from it.

use std::str::FromStr;

use clap::{Args, ValueEnum};

use super::fault::Fault;
use super::latency::Latency;
use super::plan::{MOST_CARDS, Wish};
use super::shape::Shape;
use crate::context::MOST_SECONDS;
use crate::error::LoadError;

/// How long a silence must be at least before it is called a stall, in seconds.
const LEAST_CLOCK_SEC: f64 = 1.0;
/// The clocks of an Orket that nobody set up, in seconds.
const USUAL_CLOCK_SEC: f64 = 300.0;

/// A figure with what is needed to find it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Measure {
    /// From a kill to the first resumed step, with 10,000 cards open
    Ttr,
    /// From the beginning of a silence to its detection, at 20 of 200 cards
    Ttd,
}

/// Which files turns leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Artifacts {
    /// None
    None,
    /// Those of turns that failed
    Failed,
    /// A checkpoint each
    Checkpoint,
    /// All there are
    Full,
}

impl Artifacts {
    /// The value of the setting.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Failed => "failed",
            Self::Checkpoint => "checkpoint",
            Self::Full => "full",
        }
    }
}

/// See the file's head. What is `None` is what a preset may say.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Epics")]
pub struct Options {
    /// Find out one figure: sets what it needs, where that is not said otherwise
    #[arg(long, value_name = "FIGURE")]
    pub measure: Option<Measure>,
    /// Cards of each epic [default: 1000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub cards: Option<u32>,
    /// Epics, each with cards of its own
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub epics: u32,
    /// Epics that are under way at once
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub concurrent_epics: u32,
    /// How cards wait for each other: flat, chain, tree, layers
    #[arg(long, default_value = "flat", value_name = "SHAPE", value_parser = Shape::from_str)]
    pub shape: Shape,
    /// Turns that may be under way at once [default: 256]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub turns: Option<u32>,
    /// Which files turns leave [default: checkpoint]
    #[arg(long, value_name = "WHICH")]
    pub artifacts: Option<Artifacts>,
    /// How long the model takes for a reply: 0, fixed:500ms, uniform:100ms-2s, lognormal:800ms,0.5
    /// [default: 0]
    #[arg(long, value_name = "DISTRIBUTION", value_parser = Latency::from_str)]
    pub latency: Option<Latency>,
    /// The chance that a try at a turn goes wrong, from 0 to 0.9
    #[arg(long, default_value_t = 0.0, value_name = "CHANCE", value_parser = chance)]
    pub fault_rate: f64,
    /// The chance that every try at a card's work goes wrong [default: a tenth of --fault-rate]
    #[arg(long, value_name = "CHANCE", value_parser = chance)]
    pub hopeless_rate: Option<f64>,
    /// What goes wrong: connect, http_500, http_429, reset, garbage, hang, hang_mid
    #[arg(long, value_delimiter = ',', default_value = "http_500,http_429,reset,garbage", value_name = "FAULTS", value_parser = Fault::from_str)]
    pub faults: Vec<Fault>,
    /// Cards of each epic that begin with silence [default: 0]
    #[arg(long, value_name = "N")]
    pub stall: Option<u32>,
    /// After how many seconds silence is a stall [default: 300; with silences three times the longest
    /// reply and one second more]
    #[arg(long, value_name = "S")]
    pub clock: Option<f64>,
    /// Kill the server when so many of all turns have begun, from 0 to 1, and start it again
    #[arg(long, value_name = "PART")]
    pub kill_at: Option<f64>,
    /// Give up after so many seconds
    #[arg(long, default_value_t = 900.0, value_name = "S")]
    pub seconds: f64,
    /// Check the whole record of each run afterwards, as `orket verify` does
    #[arg(long)]
    pub verify: bool,
}

fn chance(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(chance) if (0.0..=0.9).contains(&chance) => Ok(chance),
        Ok(_) | Err(_) => Err(format!("`{text}` is no chance from 0 to 0.9")),
    }
}

/// The options with presets and defaults in their places.
#[derive(Debug, Clone, PartialEq)]
pub struct Settled {
    /// What each card meets.
    pub wish: Wish,
    /// Epics under way at once.
    pub concurrent: u32,
    /// Permits.
    pub turns: u32,
    /// Which files turns leave.
    pub artifacts: Artifacts,
    /// At which part of all turns to kill.
    pub kill_at: Option<f64>,
}

impl Options {
    /// Puts presets and defaults in their places.
    ///
    /// # Errors
    ///
    /// What cannot be meant.
    pub fn settle(&self, seed: u64) -> Result<Settled, LoadError> {
        let (is_ttr, is_ttd) = match self.measure {
            Some(Measure::Ttr) => (true, false),
            Some(Measure::Ttd) => (false, true),
            None => (false, false),
        };
        let of = |ttr, ttd, usual| match self.measure {
            Some(Measure::Ttr) => ttr,
            Some(Measure::Ttd) => ttd,
            None => usual,
        };
        let latency = match self.measure {
            // Long enough that all cards are open before the first reply comes.
            Some(Measure::Ttr) => Latency::Fixed(10_000),
            Some(Measure::Ttd) => Latency::Fixed(50),
            None => Latency::Fixed(0),
        };
        let settled = Settled {
            wish: Wish {
                epics: self.epics,
                cards: self.cards.unwrap_or(of(10_000, 200, 1_000)),
                shape: self.shape,
                latency: self.latency.unwrap_or(latency),
                fault_rate: self.fault_rate,
                hopeless_rate: self.hopeless_rate.unwrap_or(self.fault_rate / 10.0),
                faults: self.faults.clone(),
                stalls: self.stall.unwrap_or(if is_ttd { 20 } else { 0 }),
                seed,
            },
            concurrent: self.concurrent_epics,
            turns: self.turns.unwrap_or(of(10_000, 256, 256)),
            artifacts: self.artifacts.unwrap_or(Artifacts::Checkpoint),
            kill_at: self.kill_at.or(is_ttr.then_some(0.5)),
        };
        self.check(&settled)?;
        Ok(settled)
    }

    fn check(&self, settled: &Settled) -> Result<(), LoadError> {
        let wish = &settled.wish;
        let all = u64::from(wish.cards) * u64::from(wish.epics);
        if all > MOST_CARDS {
            return Err(LoadError::usage(format!(
                "{all} cards are more than {MOST_CARDS}, the most of one run of this scenario"
            ))
            .hinting("fewer --cards or --epics"));
        }
        if wish.stalls > wish.cards {
            return Err(LoadError::usage(format!(
                "--stall {} is more than the {} cards of an epic",
                wish.stalls, wish.cards
            )));
        }
        if settled
            .kill_at
            .is_some_and(|part| !(0.0..1.0).contains(&part))
        {
            return Err(LoadError::usage("--kill-at is from 0 to below 1"));
        }
        if !(1.0..=MOST_SECONDS).contains(&self.seconds) {
            return Err(LoadError::usage(format!(
                "--seconds is from 1 to {MOST_SECONDS}"
            )));
        }
        Ok(())
    }

    /// After how long silence is a stall, in milliseconds, when no reply takes longer than this.
    ///
    /// # Errors
    ///
    /// When the clock that was asked for would run out in the middle of a good reply.
    pub fn clock_ms(&self, wish: &Wish, longest_ms: u64) -> Result<u64, LoadError> {
        let longest = longest_ms as f64 / 1_000.0;
        let is_silent = wish.stalls > 0
            || ((wish.fault_rate > 0.0 || wish.hopeless_rate > 0.0)
                && wish.faults.iter().any(|fault| fault.is_silence()));
        let usual = if is_silent {
            LEAST_CLOCK_SEC + 3.0 * longest
        } else {
            USUAL_CLOCK_SEC.max(2.0 * longest)
        };
        let clock = self.clock.unwrap_or(usual);
        if !(0.05..=3_600.0).contains(&clock) {
            return Err(LoadError::usage("--clock is from 0.05 to 3600 seconds"));
        }
        if clock <= longest {
            return Err(LoadError::usage(format!(
                "a reply of {longest} s would be a stall by a clock of {clock} s"
            ))
            .hinting("a longer --clock or a shorter --latency"));
        }
        Ok((clock * 1_000.0).round() as u64)
    }
}
