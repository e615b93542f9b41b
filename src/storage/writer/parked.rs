//! Which cards and attempts have writes waiting for files, so that later writes about the same
//! ones do not pass them.

use std::collections::HashMap;

use orket_actors::port::store::{Guard, Op, Write};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Subject {
    Card(i64),
    Turn(i64),
}

/// What waits.
#[derive(Debug, Default)]
pub(super) struct Parked {
    writes: usize,
    subjects: HashMap<Subject, usize>,
}

impl Parked {
    pub(super) fn is_empty(&self) -> bool {
        self.writes == 0
    }

    /// Whether `write` is about something that a waiting write is about too.
    pub(super) fn must_follow(&self, write: &Write) -> bool {
        if self.writes == 0 {
            return false;
        }
        let mut found = false;
        each_subject(write, |subject| {
            found |= self.subjects.contains_key(&subject);
        });
        found
    }

    pub(super) fn add(&mut self, write: &Write) {
        self.writes += 1;
        each_subject(write, |subject| {
            *self.subjects.entry(subject).or_default() += 1;
        });
    }

    pub(super) fn remove(&mut self, write: &Write) {
        self.writes = self.writes.saturating_sub(1);
        each_subject(write, |subject| {
            if let Some(count) = self.subjects.get_mut(&subject) {
                *count -= 1;
                if *count == 0 {
                    self.subjects.remove(&subject);
                }
            }
        });
    }
}

fn each_subject(write: &Write, mut visit: impl FnMut(Subject)) {
    match write.guard {
        Guard::None => {}
        Guard::Turn(row, _) => visit(Subject::Turn(row)),
        Guard::Card(row, _) => visit(Subject::Card(row)),
    }
    for op in &write.ops {
        match op {
            Op::InsertRun { .. }
            | Op::KeepRequest { .. }
            | Op::Queue(_)
            | Op::SetRun { .. }
            | Op::DecideGate { .. }
            | Op::SpendGates { .. } => {}
            Op::InsertCards { cards, .. } => {
                for (row, ..) in cards {
                    visit(Subject::Card(*row));
                }
            }
            Op::AdoptCards { rows, .. } => {
                for row in rows {
                    visit(Subject::Card(*row));
                }
            }
            Op::SetCard { row, .. } => visit(Subject::Card(*row)),
            Op::OpenTurn { row, card, .. } => {
                visit(Subject::Turn(*row));
                visit(Subject::Card(*card));
            }
            Op::Grant { .. } => {}
            Op::Archive { cards, .. } | Op::Unarchive { cards, .. } => {
                for (row, _) in cards {
                    visit(Subject::Card(*row));
                }
            }
            Op::Steps { turn, .. }
            | Op::FenceTurn { turn, .. }
            | Op::Reserve { turn, .. }
            | Op::Settle { turn, .. }
            | Op::CloseTurn { turn, .. } => {
                visit(Subject::Turn(*turn));
            }
            Op::Comment { card, .. } | Op::OpenGate { card, .. } => visit(Subject::Card(*card)),
            Op::CardEvent { card, .. } => {
                if let Some(row) = card {
                    visit(Subject::Card(*row));
                }
            }
        }
    }
}
