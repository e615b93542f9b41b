//! What an operator can ask for in so many words. Nothing here reads or does anything.

use orket_actors::port::store::GateDecision;

use super::kinds::{Resource, Template};
use crate::owner::wire::WorkKind;

/// A message that is a command.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// What can be asked, and which departments there are.
    Help,
    /// How this verb is written.
    Usage(String),
    /// Looks at something.
    Look(Look),
    /// Changes something: shown as a plan first.
    Change(Change),
    /// Carries out the plan that was shown, by its id when one is named.
    Confirm(Option<String>),
    /// Drops the plan that was shown.
    Cancel,
}

/// A look at something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look {
    /// The departments.
    Departments,
    /// The assets of a kind.
    List(Resource, String),
    /// The cards of an epic.
    Cards {
        /// The epic.
        epic: String,
        /// The department.
        department: String,
    },
    /// The newest runs.
    Runs,
    /// What waits for a person.
    Gates,
    /// Rocks and epics with their status.
    Board(String),
    /// An asset's file.
    Show {
        /// Its kind.
        resource: Resource,
        /// Its name.
        name: String,
        /// The department.
        department: String,
    },
    /// A card: its asset, and how it stands in the latest run.
    Card {
        /// Its id, or `epic/id`.
        card: String,
        /// The department.
        department: String,
    },
    /// One question for a person.
    Gate(i64),
    /// A run, or with `None` the owner and the latest run.
    Status(Option<String>),
    /// A run while it goes on.
    Watch(String),
    /// A recorded turn.
    Replay(String),
}

/// Something that changes something.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// A file below `model/` or `config/`.
    Asset(AssetChange),
    /// A run, a gate, a card's row.
    Work(WorkChange),
}

impl Change {
    /// What it does, in a word.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Asset(asset) => match asset.what {
                AssetVerb::Create { .. } => "create",
                AssetVerb::AddCard { .. } => "add_card",
                AssetVerb::MoveCard { .. } => "move_card",
                AssetVerb::AssignCard { .. } => "assign_card",
                AssetVerb::AssignTeam { .. } => "assign_team",
                AssetVerb::DeleteCard { .. } | AssetVerb::Delete { .. } => "delete",
            },
            Self::Work(work) => match work {
                WorkChange::Run { .. } => "run",
                WorkChange::Halt(_) => "halt",
                WorkChange::Resume(_) => "resume",
                WorkChange::Decide { .. } => "decide",
                WorkChange::Archive { .. } => "archive",
                WorkChange::Unarchive { .. } => "unarchive",
            },
        }
    }
}

/// A change of asset files.
#[derive(Debug, Clone, PartialEq)]
pub struct AssetChange {
    /// What.
    pub what: AssetVerb,
    /// The department whose assets are meant.
    pub department: String,
}

/// What is done to asset files.
#[derive(Debug, Clone, PartialEq)]
pub enum AssetVerb {
    /// Writes a new asset from a template.
    Create {
        /// Its kind.
        kind: Template,
        /// Its name, made a slug.
        name: String,
        /// Its title; the name when left out.
        title: Option<String>,
        /// For an epic: the rock that it is added to, which is made when it is not there.
        rock: Option<String>,
    },
    /// Appends a card to an epic.
    AddCard {
        /// The epic.
        epic: String,
        /// The seat.
        seat: String,
        /// Larger is sooner.
        priority: f64,
        /// What is to be done.
        summary: String,
        /// A remark.
        note: Option<String>,
    },
    /// Takes a card from its epic, or a stray issue, into another epic.
    MoveCard {
        /// The card's id, or `epic/id`.
        card: String,
        /// Where to.
        epic: String,
    },
    /// Gives a card to another seat.
    AssignCard {
        /// The card's id, or `epic/id`.
        card: String,
        /// The seat.
        seat: String,
    },
    /// Gives an epic to another team.
    AssignTeam {
        /// The team.
        team: String,
        /// The epic.
        epic: String,
    },
    /// Removes a card from its epic.
    DeleteCard {
        /// The card's id, or `epic/id`.
        card: String,
    },
    /// Removes an asset's file.
    Delete {
        /// Its kind.
        kind: Template,
        /// Its name.
        name: String,
    },
}

/// What is done to runs, gates and cards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorkChange {
    /// Starts something, or goes on with it.
    Run {
        /// What it is; [`WorkKind::Card`] finds out.
        kind: WorkKind,
        /// Its name.
        name: String,
        /// The department.
        department: String,
        /// The model for every seat.
        model: Option<String>,
    },
    /// Stops a run.
    Halt(String),
    /// Goes on with a run.
    Resume(String),
    /// Decides a gate.
    Decide {
        /// Its number.
        gate: i64,
        /// How.
        decision: GateDecision,
        /// Why.
        reason: String,
    },
    /// Puts cards away.
    Archive {
        /// Which.
        what: Archived,
        /// Why.
        reason: String,
    },
    /// Gives archived cards the status back that they had.
    Unarchive {
        /// Which.
        what: Archived,
        /// Why.
        reason: String,
    },
}

/// Which cards are put away, or taken out again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Archived {
    /// One card.
    Card(String),
    /// All cards of a build.
    Build(String),
    /// Cards whose id, build, summary or note has this text.
    Related(String),
    /// These cards, each as `BUILD/CARD`: what the others were found to mean.
    These(Vec<String>),
}
