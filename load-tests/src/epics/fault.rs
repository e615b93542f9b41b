//! What goes wrong at a turn, and what that does to its card.
//!
//! The rules are those of `docs/runtime-semantics.md`, written down a second time on purpose: what a
//! card is expected to end as must not come from the code that makes it end so.

use std::str::FromStr;

/// How many failures of the model's server in a row a card forgives.
pub const SERVER_RETRIES: u32 = 5;
/// How many other failures a card forgives, unless the run is set up otherwise.
pub const RETRIES: u32 = 3;

/// A fault that the scripted model can play.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// No connection.
    Connect,
    /// The server breaks.
    Http500,
    /// The server asks to slow down.
    Http429,
    /// The connection breaks in the middle of the reply.
    Reset,
    /// A whole reply that means nothing.
    Garbage,
    /// Silence from the beginning.
    Hang,
    /// Silence from the middle on.
    HangMid,
}

/// Every fault with the name that it is asked for by, that of a scenario, and the code of a card that it
/// blocks.
const FAULTS: [(Fault, &str, &str, &str); 7] = [
    (Fault::Connect, "connect", "connect", "E_MODEL_CONNECT"),
    (Fault::Http500, "http_500", "http_500", "E_MODEL_SERVER"),
    (
        Fault::Http429,
        "http_429",
        "http_429",
        "E_MODEL_RATE_LIMITED",
    ),
    (Fault::Reset, "reset", "truncate", "E_MODEL_BROKEN"),
    (Fault::Garbage, "garbage", "garbage", "E_CONTRACT"),
    (Fault::Hang, "hang", "stall_before_first", "E_TURN_STALLED"),
    (Fault::HangMid, "hang_mid", "stall_mid", "E_TURN_STALLED"),
];

impl Fault {
    fn row(self) -> (Self, &'static str, &'static str, &'static str) {
        let [first, ..] = FAULTS;
        FAULTS
            .into_iter()
            .find(|(fault, ..)| *fault == self)
            .unwrap_or(first)
    }

    /// The name that it is asked for by.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.row().1
    }

    /// What a scenario calls it.
    #[must_use]
    pub fn in_scenario(self) -> &'static str {
        self.row().2
    }

    /// The code of a card that it blocks.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.row().3
    }

    /// Whether it counts against the server, which has a budget of its own.
    #[must_use]
    pub const fn is_of_the_server(self) -> bool {
        match self {
            Self::Connect | Self::Http500 | Self::Http429 => true,
            Self::Reset | Self::Garbage | Self::Hang | Self::HangMid => false,
        }
    }

    /// Whether only a clock ends it.
    #[must_use]
    pub const fn is_silence(self) -> bool {
        match self {
            Self::Hang | Self::HangMid => true,
            Self::Connect | Self::Http500 | Self::Http429 | Self::Reset | Self::Garbage => false,
        }
    }
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        FAULTS
            .into_iter()
            .find(|(_, name, scenario, _)| text == *name || text == *scenario)
            .map(|(fault, ..)| fault)
            .ok_or_else(|| {
                let known: Vec<&str> = FAULTS.iter().map(|(_, name, ..)| *name).collect();
                format!("`{text}` is no fault; there are {}", known.join(", "))
            })
    }
}

/// What a card has left to be forgiven.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    of_the_seat: u32,
    of_the_guard: u32,
    of_the_server: u32,
    most: u32,
}

impl Patience {
    /// That of a new card.
    #[must_use]
    pub const fn new(retries: u32) -> Self {
        Self {
            of_the_seat: retries,
            of_the_guard: retries,
            of_the_server: SERVER_RETRIES,
            most: retries,
        }
    }

    /// Takes a fault; `false` when it blocks the card.
    pub fn bears(&mut self, fault: Fault, is_review: bool) -> bool {
        let left = if fault.is_of_the_server() {
            &mut self.of_the_server
        } else {
            // An answer of any kind shows that the server is there.
            self.of_the_server = SERVER_RETRIES;
            if is_review {
                &mut self.of_the_guard
            } else {
                &mut self.of_the_seat
            }
        };
        match left.checked_sub(1) {
            Some(rest) => {
                *left = rest;
                true
            }
            None => false,
        }
    }

    /// A turn succeeded. What its seat was forgiven is not given back.
    pub const fn turn_is_done(&mut self) {
        self.of_the_server = SERVER_RETRIES;
        self.of_the_guard = self.most;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_go_by_their_names_and_by_those_of_scenarios() {
        assert_eq!("hang".parse(), Ok(Fault::Hang));
        assert_eq!("stall_before_first".parse(), Ok(Fault::Hang));
        assert_eq!(
            "slow".parse::<Fault>().unwrap_err(),
            "`slow` is no fault; there are connect, http_500, http_429, reset, garbage, hang, hang_mid"
        );
        for (fault, name, ..) in FAULTS {
            assert_eq!(fault.as_str(), name);
        }
    }

    #[test]
    fn servers_and_seats_have_budgets_of_their_own() {
        let mut patience = Patience::new(2);
        assert!((0..SERVER_RETRIES).all(|_| patience.bears(Fault::Http500, false)));
        let mut spent = patience;
        assert!(!spent.bears(Fault::Connect, false));
        // Garbage is an answer.
        assert!(patience.bears(Fault::Garbage, false));
        assert!(patience.bears(Fault::Http429, false));
        patience.turn_is_done();
        assert!(patience.bears(Fault::Reset, false));
        assert!(!patience.bears(Fault::Reset, false));
        assert!(patience.bears(Fault::Reset, true));
    }
}
