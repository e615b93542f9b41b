//! When silence becomes a stall: the clocks of a turn and the rule that reads them.

use serde::{Deserialize, Serialize};

use crate::status::words;

words! {
    /// What a turn is waiting for; each has its own clock.
    Phase, "phase" {
        /// Nothing that a clock measures: queued for a permit, writing the journal.
        Queued = "queued",
        /// The connection to the model.
        Connect = "connect",
        /// The first token of the reply.
        FirstToken = "first_token",
        /// The next chunk of the reply.
        Idle = "idle",
        /// The whole turn.
        Turn = "turn",
        /// The next sign of life of a tool.
        ToolIdle = "tool_idle",
        /// One tool call.
        Tool = "tool",
        /// The whole run.
        Run = "run",
        /// A reply or a call that only repeats itself.
        Repeat = "repeat",
    }
}

impl Phase {
    /// The phase as it fits an atomic byte: its place in [`Phase::ALL`].
    #[must_use]
    pub fn to_byte(self) -> u8 {
        Self::ALL
            .iter()
            .position(|phase| *phase == self)
            .and_then(|place| u8::try_from(place).ok())
            .unwrap_or(0)
    }

    /// The phase of a byte made by [`Phase::to_byte`]; anything else is `Queued`.
    #[must_use]
    pub fn from_byte(byte: u8) -> Self {
        Self::ALL
            .get(usize::from(byte))
            .copied()
            .unwrap_or(Self::Queued)
    }
}

/// The clocks of a run, in milliseconds; zero switches a clock off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clocks {
    /// Until the connection stands.
    pub connect_ms: u64,
    /// From there, or from the last sign of life that was no token yet (headers, thoughts, a
    /// server's "still loading"), until the first token.
    pub first_token_ms: u64,
    /// Between two chunks.
    pub idle_ms: u64,
    /// The whole attempt, waiting for a permit excluded.
    pub turn_ms: u64,
    /// Between two signs of life of a tool.
    pub tool_idle_ms: u64,
    /// One tool call.
    pub tool_ms: u64,
    /// The whole run.
    pub run_ms: u64,
    /// Characters of pure repetition at the end of a reply that count as a stall.
    pub repeat_chars: u64,
}

impl Default for Clocks {
    /// Made for a slow local model.
    fn default() -> Self {
        Self {
            connect_ms: 10_000,
            first_token_ms: 300_000,
            idle_ms: 60_000,
            turn_ms: 1_800_000,
            tool_idle_ms: 120_000,
            tool_ms: 600_000,
            run_ms: 0,
            repeat_chars: 16_384,
        }
    }
}

/// What a lease shows at one instant; all times in milliseconds of one monotonic clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pulse {
    /// What the turn waits for.
    pub phase: Phase,
    /// When that phase began.
    pub phase_since: u64,
    /// The last sign of life.
    pub last_beat: u64,
    /// When the attempt began to run; `None` while it waits for a permit, or for others to give back
    /// what they have set aside.
    pub started: Option<u64>,
    /// When the question under way must have its answer because a budget has no more time; `None`
    /// where that is later than the turn's own clock.
    pub until: Option<u64>,
}

/// What the clocks say of a pulse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Alive; look again at this time, or never while nothing changes.
    Alive {
        /// When to look again.
        look_again: Option<u64>,
    },
    /// A clock ran out.
    Stalled {
        /// Whose clock.
        phase: Phase,
        /// How long nothing was heard, in milliseconds.
        silent_ms: u64,
    },
}

/// Reads the clocks: the phase's own first, then the whole turn's.
#[must_use]
pub fn judge(clocks: &Clocks, pulse: &Pulse, now: u64) -> Verdict {
    let silent_ms = now.saturating_sub(pulse.last_beat.max(pulse.phase_since));
    let from_phase = pulse.phase_since;
    let from_beat = pulse.last_beat.max(pulse.phase_since);
    let mut deadlines: [Option<(Phase, u64)>; 3] = [None; 3];
    let due = |since: u64, clock: u64| (clock > 0).then(|| since.saturating_add(clock));
    let [own, second, whole] = &mut deadlines;
    match pulse.phase {
        Phase::Queued | Phase::Turn | Phase::Run | Phase::Repeat => {}
        Phase::Connect => *own = due(from_phase, clocks.connect_ms).map(|at| (Phase::Connect, at)),
        Phase::FirstToken => {
            *own = due(from_beat, clocks.first_token_ms).map(|at| (Phase::FirstToken, at))
        }
        Phase::Idle => *own = due(from_beat, clocks.idle_ms).map(|at| (Phase::Idle, at)),
        Phase::ToolIdle | Phase::Tool => {
            *own = due(from_beat, clocks.tool_idle_ms).map(|at| (Phase::ToolIdle, at));
            *second = due(from_phase, clocks.tool_ms).map(|at| (Phase::Tool, at));
        }
    }
    if let Some(started) = pulse.started {
        *whole = due(started, clocks.turn_ms).map(|at| (Phase::Turn, at));
    }
    if let Some(until) = pulse.until {
        let at = whole.map_or(until, |(_, at)| at.min(until));
        *whole = Some((Phase::Turn, at));
    }
    let first = deadlines.iter().flatten().min_by_key(|(_, at)| *at);
    match first {
        Some((phase, at)) if *at <= now => Verdict::Stalled {
            phase: *phase,
            silent_ms,
        },
        Some((_, at)) => Verdict::Alive {
            look_again: Some(*at),
        },
        None => Verdict::Alive { look_again: None },
    }
}

/// Whether `text` ends in `at_least` characters or more of one short unit repeated.
///
/// The unit is at most an eighth of that, a paragraph with the default clock; a unit of a single
/// repeated character (a rule of dashes, a run of spaces) counts too. Works on bytes, so it needs no
/// character boundaries.
#[must_use]
pub fn is_repeating(text: &str, at_least: u64) -> bool {
    let Ok(window) = usize::try_from(at_least) else {
        return false;
    };
    if window == 0 || text.len() < window {
        return false;
    }
    let bytes = text.as_bytes();
    let Some(tail) = bytes
        .len()
        .checked_sub(window)
        .and_then(|from| bytes.get(from..))
    else {
        return false;
    };
    let longest_unit = window / 8;
    (1..=longest_unit).any(|unit| tail.iter().zip(tail.iter().skip(unit)).all(|(a, b)| a == b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pulse(phase: Phase) -> Pulse {
        Pulse {
            phase,
            phase_since: 1_000,
            last_beat: 1_500,
            started: Some(0),
            until: None,
        }
    }

    #[test]
    fn a_budget_cuts_the_turn_s_clock_and_stands_in_for_one_that_is_off() {
        for (turn_ms, until, due) in [
            (10_000, Some(4_000), 4_000),
            (3_000, Some(4_000), 3_000),
            (0, Some(4_000), 4_000),
        ] {
            let clocks = Clocks {
                turn_ms,
                idle_ms: 0,
                ..Clocks::default()
            };
            let cut = Pulse {
                until,
                ..pulse(Phase::Idle)
            };
            let verdict = judge(&clocks, &cut, due - 1);
            let look_again = Some(due);
            assert_eq!(verdict, Verdict::Alive { look_again }, "{turn_ms}");
            assert!(
                matches!(
                    judge(&clocks, &cut, due),
                    Verdict::Stalled {
                        phase: Phase::Turn,
                        ..
                    }
                ),
                "{turn_ms}"
            );
        }
    }

    #[test]
    fn each_phase_goes_by_its_own_clock() {
        let clocks = Clocks {
            connect_ms: 100,
            first_token_ms: 200,
            idle_ms: 300,
            turn_ms: 10_000,
            tool_idle_ms: 400,
            tool_ms: 2_000,
            run_ms: 0,
            repeat_chars: 0,
        };
        let due = |phase| match judge(&clocks, &pulse(phase), 0) {
            Verdict::Alive { look_again } => look_again,
            Verdict::Stalled { .. } => Some(0),
        };
        assert_eq!(due(Phase::Connect), Some(1_100));
        assert_eq!(due(Phase::FirstToken), Some(1_700));
        assert_eq!(due(Phase::Idle), Some(1_800));
        assert_eq!(due(Phase::Tool), Some(1_900));
        assert_eq!(due(Phase::Queued), Some(10_000));
    }

    #[test]
    fn a_turn_that_beats_forever_still_ends() {
        let clocks = Clocks {
            turn_ms: 5_000,
            ..Clocks::default()
        };
        let alive = Pulse {
            phase: Phase::Idle,
            phase_since: 0,
            last_beat: 5_000,
            started: Some(0),
            until: None,
        };
        assert_eq!(
            judge(&clocks, &alive, 5_000),
            Verdict::Stalled {
                phase: Phase::Turn,
                silent_ms: 0
            }
        );
    }

    #[test]
    fn repetition_is_seen_and_ordinary_text_is_not() {
        assert!(is_repeating(&"all work and no play ".repeat(100), 1_024));
        assert!(is_repeating(&format!("intro {}", "ab".repeat(600)), 1_024));
        let prose: String = (0..400).map(|n| format!("line {n} of a file\n")).collect();
        assert!(!is_repeating(&prose, 1_024));
        assert!(!is_repeating("abab", 1_024));
        let paragraph = prose.get(..1_500).expect("long enough");
        assert!(is_repeating(&paragraph.repeat(12), 16_384));
    }

    proptest! {
        #[test]
        fn a_beating_stream_is_never_idle(gaps in prop::collection::vec(0_u64..59_999, 1..50)) {
            let clocks = Clocks { turn_ms: 0, ..Clocks::default() };
            let mut now = 0;
            for gap in gaps {
                let pulse = Pulse { phase: Phase::Idle, phase_since: 0, last_beat: now, started: Some(0), until: None };
                now += gap;
                let alive = matches!(judge(&clocks, &pulse, now), Verdict::Alive { .. });
                prop_assert!(alive);
            }
        }
    }
}
