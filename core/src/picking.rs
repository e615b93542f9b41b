//! What a loop over all departments runs next: the epic whose ready card weighs most, that is, its
//! priority and how many open cards wait for it (`core.md` §1.4). What is finished, archived, halted by a
//! person, or failed with nothing changed since, rests; the reason is a value, so that it can be told.

use std::collections::{HashMap, HashSet};

use crate::status::CardStatus;

/// A card as its asset has it, and how it stands in the epic's latest build.
#[derive(Debug, Clone, PartialEq)]
pub struct CardWork {
    /// Its id.
    pub id: String,
    /// Larger is sooner.
    pub priority: f64,
    /// Cards of the same epic that must be done before.
    pub depends_on: Vec<String>,
    /// In the latest build, else in the asset.
    pub status: CardStatus,
}

/// How an epic's latest run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It was never run.
    New,
    /// It is under way or queued.
    UnderWay,
    /// It lost its owner, or a signal stopped it; nobody decided anything.
    Interrupted,
    /// A person halted it.
    Halted,
    /// All its cards were finished.
    Finished,
    /// Cards were left that could not be finished; it began then, milliseconds since 1970-01-01 UTC.
    Failed {
        /// When it began.
        began_ms: i64,
    },
}

/// An epic that may have work.
#[derive(Debug, Clone, PartialEq)]
pub struct EpicWork {
    /// Its department.
    pub department: String,
    /// The name of its asset.
    pub epic: String,
    /// The status in its asset.
    pub status: CardStatus,
    /// How its latest run stands.
    pub standing: Standing,
    /// When one of its files was written last, milliseconds since 1970-01-01 UTC.
    pub changed_ms: i64,
    /// Epics of the same rock that must be done before, and are not.
    pub waits_for: Vec<String>,
    /// Its cards.
    pub cards: Vec<CardWork>,
}

/// Why an epic is not run now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rest {
    /// There is nothing left to do.
    Finished,
    /// It is under way already.
    UnderWay,
    /// A person halted it.
    Halted,
    /// It failed, and none of its files changed since it began.
    Failed,
    /// Other epics of its rock must be done before.
    WaitsFor(Vec<String>),
    /// What its open cards depend on will not be done.
    NothingReady,
}

/// What is run, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Pick {
    /// The place of the epic among those given.
    pub place: usize,
    /// The ready card that weighs most.
    pub card: String,
    /// Its weight: priority and what waits for it.
    pub weight: f64,
    /// How many open cards wait for it.
    pub unblocks: usize,
    /// How many cards are open.
    pub open: usize,
}

/// What to run next; none when everything rests. Of two that weigh the same, the first.
#[must_use]
pub fn pick(epics: &[EpicWork]) -> Option<Pick> {
    let mut best: Option<Pick> = None;
    for (place, epic) in epics.iter().enumerate() {
        let Ok(found) = judge(place, epic) else {
            continue;
        };
        if best.as_ref().is_none_or(|best| found.weight > best.weight) {
            best = Some(found);
        }
    }
    best
}

/// The weight of one epic, or why it rests.
///
/// # Errors
///
/// A [`Rest`].
pub fn judge(place: usize, epic: &EpicWork) -> Result<Pick, Rest> {
    if epic.status.is_finished() {
        return Err(Rest::Finished);
    }
    match epic.standing {
        Standing::UnderWay => return Err(Rest::UnderWay),
        Standing::Halted => return Err(Rest::Halted),
        Standing::Failed { began_ms } if epic.changed_ms <= began_ms => return Err(Rest::Failed),
        Standing::New | Standing::Interrupted | Standing::Finished | Standing::Failed { .. } => {}
    }
    let open: HashMap<&str, &CardWork> = epic
        .cards
        .iter()
        .filter(|card| !card.status.is_finished())
        .map(|card| (card.id.as_str(), card))
        .collect();
    if open.is_empty() {
        return Err(Rest::Finished);
    }
    if !epic.waits_for.is_empty() {
        return Err(Rest::WaitsFor(epic.waits_for.clone()));
    }
    let status: HashMap<&str, CardStatus> = epic
        .cards
        .iter()
        .map(|card| (card.id.as_str(), card.status))
        .collect();
    let is_ready = |card: &&CardWork| {
        open.contains_key(card.id.as_str())
            && card.depends_on.iter().all(|id| {
                let status = status.get(id.as_str());
                // One that is not of this epic is a mistake that planning tells.
                status.is_none_or(|status| status.satisfies_dependency())
            })
    };
    let dependants = dependants(&open);
    let mut best: Option<Pick> = None;
    for card in epic.cards.iter().filter(is_ready) {
        let unblocks = downstream(&card.id, &dependants);
        #[expect(
            clippy::cast_precision_loss,
            clippy::as_conversions,
            reason = "far fewer cards than 2^52"
        )]
        let weight = card.priority + unblocks as f64;
        if best.as_ref().is_none_or(|best| weight > best.weight) {
            best = Some(Pick {
                place,
                card: card.id.clone(),
                weight,
                unblocks,
                open: open.len(),
            });
        }
    }
    best.ok_or(Rest::NothingReady)
}

/// Which open cards wait for each.
fn dependants<'a>(open: &HashMap<&'a str, &'a CardWork>) -> HashMap<&'a str, Vec<&'a str>> {
    let mut waiting: HashMap<&str, Vec<&str>> = HashMap::new();
    for card in open.values() {
        for id in &card.depends_on {
            waiting.entry(id.as_str()).or_default().push(&card.id);
        }
    }
    waiting
}

/// How many cards come after this one, directly or through others, each counted once.
fn downstream(id: &str, dependants: &HashMap<&str, Vec<&str>>) -> usize {
    let mut seen: HashSet<&str> = HashSet::new();
    let mut ahead: Vec<&str> = dependants.get(id).cloned().unwrap_or_default();
    while let Some(next) = ahead.pop() {
        if seen.insert(next) {
            ahead.extend(dependants.get(next).into_iter().flatten());
        }
    }
    seen.len()
}

impl Rest {
    /// In words, for somebody who wonders why nothing happens.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Finished => "finished".to_owned(),
            Self::UnderWay => "under way already".to_owned(),
            Self::Halted => "halted by a person; orket resume goes on".to_owned(),
            Self::Failed => {
                "failed, and its files did not change since; orket resume goes on".to_owned()
            }
            Self::WaitsFor(epics) => format!("waits for {}", epics.join(", ")),
            Self::NothingReady => "what its cards depend on will not be done".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn card(id: &str, priority: f64, depends_on: &[&str], status: CardStatus) -> CardWork {
        CardWork {
            id: id.to_owned(),
            priority,
            depends_on: depends_on.iter().map(ToString::to_string).collect(),
            status,
        }
    }

    fn epic(name: &str, standing: Standing, cards: Vec<CardWork>) -> EpicWork {
        EpicWork {
            department: "core".to_owned(),
            epic: name.to_owned(),
            status: CardStatus::Ready,
            standing,
            changed_ms: 50,
            waits_for: Vec::new(),
            cards,
        }
    }

    #[test]
    fn the_card_that_most_waits_for_is_run_first_and_what_rests_is_not() {
        use CardStatus::{Archived, Canceled, Done, Ready};
        let chain = |first| {
            vec![
                card("A", 1.0, &[], first),
                card("B", 1.0, &["A"], Ready),
                card("C", 1.0, &["B", "A"], Ready),
            ]
        };
        let loud = vec![card("L", 2.5, &[], Ready)];
        let epics = [
            epic("loud", Standing::New, loud.clone()),
            epic("chain", Standing::New, chain(Ready)),
        ];
        assert_eq!(
            pick(&epics),
            Some(Pick {
                place: 1,
                card: "A".to_owned(),
                weight: 3.0,
                unblocks: 2,
                open: 3,
            })
        );
        // With its first card done the chain weighs less than the loud one.
        let epics = [
            epic("chain", Standing::Interrupted, chain(Done)),
            epic("loud", Standing::New, loud.clone()),
        ];
        assert_eq!(pick(&epics).map(|pick| pick.card), Some("L".to_owned()));
        let rests = |epic: EpicWork| judge(0, &epic).map_err(|rest| rest.words());
        let told = [
            rests(epic(
                "x",
                Standing::Finished,
                vec![card("A", 2.0, &[], Archived)],
            )),
            rests(epic("x", Standing::Halted, loud.clone())),
            rests(epic("x", Standing::Failed { began_ms: 50 }, loud.clone())),
            rests(epic("x", Standing::Failed { began_ms: 49 }, loud.clone())),
            rests(EpicWork {
                waits_for: vec!["first".to_owned()],
                ..epic("x", Standing::New, loud)
            }),
            rests(epic("x", Standing::New, chain(Canceled))),
        ];
        insta::assert_debug_snapshot!(told);
    }

    proptest! {
        #[test]
        fn the_pick_is_the_heaviest_card_that_could_begin(
            cards in prop::collection::vec((0_u8..5, prop::collection::vec(0_usize..12, 0..3), 0_u8..4), 1..12)
        ) {
            let status = |word| match word {
                0 => CardStatus::Done,
                1 => CardStatus::Blocked,
                _ => CardStatus::Ready,
            };
            let made: Vec<CardWork> = cards
                .iter()
                .enumerate()
                .map(|(place, (priority, before, word))| CardWork {
                    id: place.to_string(),
                    priority: f64::from(*priority),
                    // Only on earlier ones, so that there is no circle.
                    depends_on: before.iter().filter(|it| **it < place).map(ToString::to_string).collect(),
                    status: status(*word),
                })
                .collect();
            let open = |card: &CardWork| !card.status.is_finished();
            let of = |id: &str| &made[id.parse::<usize>().unwrap()];
            let ready = |card: &&CardWork| open(card) && card.depends_on.iter().all(|id| !open(of(id)));
            // Whether one comes after another, by walking back.
            fn after(made: &[CardWork], late: &CardWork, early: &str) -> bool {
                late.depends_on.iter().any(|id| {
                    let between = &made[id.parse::<usize>().unwrap()];
                    id == early || (!between.status.is_finished() && after(made, between, early))
                })
            }
            let weight = |card: &CardWork| {
                let later = made.iter().filter(|late| open(late) && after(&made, late, &card.id));
                card.priority + later.count() as f64
            };
            let heaviest = made.iter().filter(ready).map(weight).fold(None, |best: Option<f64>, it| {
                Some(best.map_or(it, |best| best.max(it)))
            });
            let picked = pick(&[epic("x", Standing::New, made.clone())]);
            prop_assert_eq!(picked.as_ref().map(|pick| pick.weight), heaviest);
            if let Some(picked) = picked {
                prop_assert!(ready(&of(&picked.card)));
                prop_assert_eq!(picked.open, made.iter().filter(|card| open(card)).count());
            }
        }
    }
}
