//! Card statuses, wait reasons, card kinds, and the sets of statuses that rules speak of.

/// A word that none of the known ones is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what} `{word}`; known: {known}")]
pub struct UnknownWord {
    /// What kind of word was expected.
    pub what: &'static str,
    /// What was given.
    pub word: String,
    /// The known words, comma-separated.
    pub known: String,
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $what:literal { $($(#[$vdoc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, ::serde::Serialize, ::serde::Deserialize)]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $word)] $variant),+
        }

        impl $name {
            /// Every value, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word used in assets, the database and on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = $crate::status::UnknownWord;
            fn from_str(word: &str) -> Result<Self, $crate::status::UnknownWord> {
                match word.trim().to_ascii_lowercase().as_str() {
                    $($word => Ok(Self::$variant),)+
                    _ => Err($crate::status::UnknownWord {
                        what: $what,
                        word: word.to_owned(),
                        known: [$($word),+].join(", "),
                    }),
                }
            }
        }
    };
}
pub(crate) use words;

words! {
    /// Where a card stands. See [`crate::transition`] for what may follow what.
    CardStatus, "status" {
        /// Not begun.
        Ready = "ready",
        /// Its seat works on it.
        InProgress = "in_progress",
        /// Cannot go on; carries a wait reason.
        Blocked = "blocked",
        /// Waits for a person.
        WaitingForDeveloper = "waiting_for_developer",
        /// Finished by its seat, to be tested.
        ReadyForTesting = "ready_for_testing",
        /// Finished by its seat, to be reviewed.
        CodeReview = "code_review",
        /// The guard is looking at it.
        AwaitingGuardReview = "awaiting_guard_review",
        /// The guard agreed; the runtime makes it done.
        GuardApproved = "guard_approved",
        /// The guard refused for good.
        GuardRejected = "guard_rejected",
        /// The guard wants changes; goes back to the seat.
        GuardRequestedChanges = "guard_requested_changes",
        /// Settled well.
        Done = "done",
        /// Will not be done.
        Canceled = "canceled",
        /// Put away.
        Archived = "archived",
    }
}

words! {
    /// Why a card waits.
    WaitReason, "wait reason" {
        /// Something it needs is not there.
        Resource = "resource",
        /// Another card.
        Dependency = "dependency",
        /// A review.
        Review = "review",
        /// A person's answer.
        Input = "input",
        /// Orket itself: a stall, a failure, a crash loop.
        System = "system",
    }
}

words! {
    /// What kind of card it is.
    CardKind, "card type" {
        /// Groups epics.
        Rock = "rock",
        /// Groups issues.
        Epic = "epic",
        /// The unit of work.
        Issue = "issue",
        /// What a role asset is.
        Utility = "utility",
        /// An application; has no behaviour.
        App = "app",
    }
}

impl CardStatus {
    /// No further turn will be run for a card in this status within its run.
    #[must_use]
    pub const fn is_settled(self) -> bool {
        match self {
            Self::Done
            | Self::Canceled
            | Self::Archived
            | Self::Blocked
            | Self::GuardRejected
            | Self::WaitingForDeveloper => true,
            Self::Ready
            | Self::InProgress
            | Self::ReadyForTesting
            | Self::CodeReview
            | Self::AwaitingGuardReview
            | Self::GuardApproved
            | Self::GuardRequestedChanges => false,
        }
    }

    /// The card counts as finished well or deliberately put aside; a continued build leaves it alone.
    #[must_use]
    pub const fn is_finished(self) -> bool {
        matches!(self, Self::Done | Self::Canceled | Self::Archived)
    }

    /// A card that depends on one in this status may start.
    ///
    /// The reference accepted only `done`, while telling the model that `guard_approved` and
    /// `archived` were resolved too; here the two agree.
    #[must_use]
    pub const fn satisfies_dependency(self) -> bool {
        matches!(self, Self::Done | Self::GuardApproved | Self::Archived)
    }

    /// A card that depends on one in this status can never start in this run.
    #[must_use]
    pub const fn blocks_dependants(self) -> bool {
        matches!(
            self,
            Self::Blocked | Self::Canceled | Self::GuardRejected | Self::WaitingForDeveloper
        )
    }
}
