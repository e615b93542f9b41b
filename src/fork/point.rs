//! Which turn is meant.

use orket_actors::port::store::{CardRecord, StoreError};

use crate::storage::reader::Moment;

/// A turn as it was named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The run, its whole id.
    pub run_id: String,
    /// The card.
    pub issue_id: String,
    /// The card's turn, from 1.
    pub turn: u32,
    /// The role that took it.
    pub role: Option<String>,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", self.run_id, self.issue_id, self.turn)?;
        match &self.role {
            Some(role) => write!(f, ":{role}"),
            None => Ok(()),
        }
    }
}

/// Why a run cannot begin there.
#[derive(Debug, thiserror::Error)]
pub enum ForkError {
    /// No such run, card or role.
    #[error("there is no recorded turn `{0}`")]
    Unknown(Place),
    /// Another run of the build took it.
    #[error("run {} has not taken turn {} of {}", .place.run_id, .place.turn, .place.issue_id)]
    Elsewhere {
        /// What was named.
        place: Place,
        /// The run that did.
        run_id: String,
    },
    /// The card has not come to it.
    #[error("turn {} of {} has not begun; its last one is {last}", .place.turn, .place.issue_id)]
    NotBegun {
        /// What was named.
        place: Place,
        /// The card's last turn in the run; 0 for none.
        last: u32,
    },
    /// An attempt at it is under way.
    #[error("turn {} of {} is under way; nothing is known of its end", .0.turn, .0.issue_id)]
    Open(Place),
    /// The journal could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The turn that was found.
#[derive(Debug, Clone)]
pub struct Point {
    /// Its card.
    pub card: CardRecord,
    /// Its first attempt.
    pub begun: Moment,
}

/// Finds the turn among the attempts of its build.
///
/// # Errors
///
/// A [`ForkError`].
pub fn find(place: &Place, cards: &[CardRecord], moments: &[Moment]) -> Result<Point, ForkError> {
    let card = cards
        .iter()
        .find(|card| card.plan.id.as_str() == place.issue_id)
        .ok_or_else(|| ForkError::Unknown(place.clone()))?;
    let of_card = || moments.iter().filter(|it| it.card == card.row);
    let of_run = || of_card().filter(|it| it.run_id == place.run_id);
    let of_turn: Vec<&Moment> = of_card().filter(|it| it.turn == place.turn).collect();
    if !of_run().any(|it| it.turn == place.turn) {
        if let Some(other) = of_turn.first() {
            return Err(ForkError::Elsewhere {
                place: place.clone(),
                run_id: other.run_id.clone(),
            });
        }
        let last = of_run().map(|it| it.turn).max().unwrap_or(0);
        return Err(if place.turn > last {
            ForkError::NotBegun {
                place: place.clone(),
                last,
            }
        } else {
            ForkError::Unknown(place.clone())
        });
    }
    let is_role = |it: &&Moment| place.role.as_ref().is_none_or(|role| *role == it.role);
    if !of_turn.iter().any(is_role) {
        return Err(ForkError::Unknown(place.clone()));
    }
    if of_turn.iter().any(|it| !it.ended) {
        return Err(ForkError::Open(place.clone()));
    }
    match of_turn.first() {
        Some(begun) => Ok(Point {
            card: card.clone(),
            begun: (*begun).clone(),
        }),
        None => Err(ForkError::Unknown(place.clone())),
    }
}
