//! Which turns are promoted. A root has one ledger; in it each run has its own count, so that two
//! runs in one root do not stand in each other's way.
//!
//! A run goes on after its own last turn. One that has promoted nothing yet begins at `turn-0001`;
//! or, when the first turn it asks to promote is the one after the highest of the root, it takes up
//! that count, as clients of the reference do, which knows only one count for each root.

use serde::{Deserialize, Serialize};

use super::LSI_VERSION;
use super::name::{RunName, TurnNumber};

/// Runs that are remembered; past it the one that promoted least recently is forgotten.
const REMEMBERED: usize = 10_000;

/// See the file's head.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    /// The highest turn that any run promoted here.
    highest: TurnNumber,
    /// The run that promoted last is the last one.
    runs: Vec<(String, TurnNumber)>,
}

/// Why a turn cannot be promoted now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// It is, or a later one.
    AlreadyApplied {
        /// The last one of its run.
        last: TurnNumber,
    },
    /// One before it is not.
    OutOfOrder {
        /// The last one of its run.
        last: TurnNumber,
    },
}

#[derive(Serialize, Deserialize)]
struct Written {
    lsi_version: String,
    last_promoted_turn_id: String,
    #[serde(default)]
    runs: Vec<WrittenRun>,
}

#[derive(Serialize, Deserialize)]
struct WrittenRun {
    run_id: String,
    last_promoted_turn_id: String,
}

impl Ledger {
    /// Reads its file.
    ///
    /// # Errors
    ///
    /// In words, when it is damaged.
    pub fn read(text: &[u8]) -> Result<Self, String> {
        let written: Written =
            serde_json::from_slice(text).map_err(|error| format!("is damaged: {error}"))?;
        if written.lsi_version != LSI_VERSION {
            return Err(format!("is of version `{}`", written.lsi_version));
        }
        let number = |turn_id: &str| {
            TurnNumber::of(turn_id).ok_or_else(|| format!("is damaged: `{turn_id}` is no turn"))
        };
        Ok(Self {
            highest: number(&written.last_promoted_turn_id)?,
            runs: written
                .runs
                .into_iter()
                .map(|run| Ok((run.run_id, number(&run.last_promoted_turn_id)?)))
                .collect::<Result<_, String>>()?,
        })
    }

    /// The text of its file.
    ///
    /// # Errors
    ///
    /// Never in practice: it is JSON.
    pub fn write(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(&Written {
            lsi_version: LSI_VERSION.to_owned(),
            last_promoted_turn_id: self.highest.to_string(),
            runs: self
                .runs
                .iter()
                .map(|(run, last)| WrittenRun {
                    run_id: run.clone(),
                    last_promoted_turn_id: last.to_string(),
                })
                .collect(),
        })
    }

    /// Whether it knows a run.
    #[must_use]
    pub fn knows(&self, run: &RunName) -> bool {
        self.last_of(run).is_some()
    }

    fn last_of(&self, run: &RunName) -> Option<TurnNumber> {
        let found = self
            .runs
            .iter()
            .rev()
            .find(|(known, _)| known == run.as_str());
        found.map(|(_, last)| *last)
    }

    /// After which turn a run begins that has promoted nothing yet, when `first` is the first turn
    /// that it asks to promote.
    #[must_use]
    pub fn begin(&self, first: Option<TurnNumber>) -> TurnNumber {
        if first == Some(self.highest.next()) {
            self.highest
        } else {
            TurnNumber::NONE
        }
    }

    /// Whether `turn` is the one to promote now; `begin` is where the run began.
    ///
    /// # Errors
    ///
    /// [`Refused`].
    pub fn admit(&self, run: &RunName, begin: TurnNumber, turn: TurnNumber) -> Result<(), Refused> {
        let last = self.last_of(run).unwrap_or(begin);
        if turn <= last {
            return Err(Refused::AlreadyApplied { last });
        }
        if turn > last.next() {
            return Err(Refused::OutOfOrder { last });
        }
        Ok(())
    }

    /// `turn` is promoted.
    pub fn advance(&mut self, run: &RunName, turn: TurnNumber) {
        self.highest = self.highest.max(turn);
        self.runs.retain(|(known, _)| known != run.as_str());
        self.runs.push((run.as_str().to_owned(), turn));
        let too_many = self.runs.len().saturating_sub(REMEMBERED);
        self.runs.drain(..too_many);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(name: &str) -> RunName {
        RunName::new(name).unwrap()
    }

    fn turn(number: u16) -> TurnNumber {
        TurnNumber::of(&format!("turn-{number:04}")).unwrap()
    }

    #[test]
    fn turns_of_a_run_come_one_after_the_other() {
        let mut ledger = Ledger::default();
        let (a, none) = (run("a"), TurnNumber::NONE);
        assert_eq!(
            ledger.admit(&a, none, turn(0)),
            Err(Refused::AlreadyApplied { last: none })
        );
        assert_eq!(
            ledger.admit(&a, none, turn(2)),
            Err(Refused::OutOfOrder { last: none })
        );
        assert_eq!(ledger.admit(&a, none, turn(1)), Ok(()));
        ledger.advance(&a, turn(1));
        assert_eq!(
            ledger.admit(&a, none, turn(1)),
            Err(Refused::AlreadyApplied { last: turn(1) })
        );
        assert_eq!(
            ledger.admit(&a, none, turn(3)),
            Err(Refused::OutOfOrder { last: turn(1) })
        );
        assert_eq!(ledger.admit(&a, none, turn(2)), Ok(()));
        assert_eq!(Ledger::read(&ledger.write().unwrap()), Ok(ledger));
    }

    #[test]
    fn another_run_has_its_own_count_or_takes_up_that_of_the_root() {
        let mut ledger = Ledger::default();
        ledger.advance(&run("a"), turn(1));
        ledger.advance(&run("a"), turn(2));
        let b = run("b");
        let own = ledger.begin(Some(turn(1)));
        assert_eq!(ledger.admit(&b, own, turn(1)), Ok(()));
        // It asked for its first turn first, so its second is not let in for the root's sake.
        assert!(ledger.admit(&b, own, turn(3)).is_err());
        let taken_up = ledger.begin(Some(turn(3)));
        assert_eq!(ledger.admit(&b, taken_up, turn(3)), Ok(()));
        ledger.advance(&b, turn(3));
        assert_eq!(ledger.admit(&run("a"), own, turn(3)), Ok(()));
        assert_eq!(ledger.begin(None), TurnNumber::NONE);
    }

    #[test]
    fn a_damaged_ledger_is_never_taken_for_an_empty_one() {
        for damaged in [
            "",
            "{}",
            "null",
            r#"{"lsi_version":"lsi/v2","last_promoted_turn_id":"turn-0001"}"#,
            r#"{"lsi_version":"lsi/v1","last_promoted_turn_id":" turn-0001"}"#,
            r#"{"lsi_version":"lsi/v1","last_promoted_turn_id":"turn-0001","runs":[{"run_id":"a"}]}"#,
        ] {
            assert!(Ledger::read(damaged.as_bytes()).is_err(), "{damaged}");
        }
        // As the reference writes it.
        let read = Ledger::read(br#"{"lsi_version":"lsi/v1","last_promoted_turn_id":"turn-0004"}"#);
        assert_eq!(read.unwrap().begin(Some(turn(5))), turn(4));
    }
}
