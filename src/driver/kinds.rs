//! Kinds of assets and names of new ones.

/// A kind of asset that has a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Template {
    /// Who works.
    Team,
    /// With which model.
    Environment,
    /// Cards.
    Epic,
    /// Epics.
    Rock,
}

impl Template {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Team, Self::Environment, Self::Epic, Self::Rock];

    /// Its word, which is also the key that a file wraps it in.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Team => "team",
            Self::Environment => "environment",
            Self::Epic => "epic",
            Self::Rock => "rock",
        }
    }

    /// The folder of its files.
    #[must_use]
    pub const fn category(self) -> &'static str {
        match self {
            Self::Team => "teams",
            Self::Environment => "environments",
            Self::Epic => "epics",
            Self::Rock => "rocks",
        }
    }

    /// The one that a word means.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.word() == word)
    }
}

/// A kind of asset that can be listed and shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resource {
    /// Its word for one.
    pub one: &'static str,
    /// Its word for many, which is also the folder of its files.
    pub many: &'static str,
}

/// All of them.
pub const RESOURCES: [Resource; 11] = [
    Resource {
        one: "team",
        many: "teams",
    },
    Resource {
        one: "environment",
        many: "environments",
    },
    Resource {
        one: "epic",
        many: "epics",
    },
    Resource {
        one: "rock",
        many: "rocks",
    },
    Resource {
        one: "role",
        many: "roles",
    },
    Resource {
        one: "dialect",
        many: "dialects",
    },
    Resource {
        one: "skill",
        many: "skills",
    },
    Resource {
        one: "contract",
        many: "contracts",
    },
    Resource {
        one: "artifact",
        many: "artifacts",
    },
    Resource {
        one: "scenario",
        many: "scenarios",
    },
    Resource {
        one: "issue",
        many: "issues",
    },
];

impl Resource {
    /// The one that a word means, for one or for many.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        RESOURCES
            .into_iter()
            .find(|it| it.one == word || it.many == word)
    }
}

/// A name as new files have it: lower case letters, digits and underscores.
#[must_use]
pub fn slug(text: &str) -> String {
    let mut slug = String::with_capacity(text.len());
    for c in text.chars().flat_map(char::to_lowercase) {
        if c.is_ascii_alphanumeric() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('_') {
            slug.push('_');
        }
    }
    let slug = slug.trim_end_matches('_');
    slug.chars()
        .take(orket_core::asset::name::MAX_LEN)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_cannot_leave_its_folder() {
        for (name, expected) in [
            ("Check-Out Flow", "check_out_flow"),
            ("../../etc/passwd", "etc_passwd"),
            ("__a__", "a"),
            ("Ünï", "n"),
            ("..", ""),
        ] {
            assert_eq!(slug(name), expected, "{name}");
        }
        assert!(orket_core::asset::name::check(&slug(&"x y".repeat(100))).is_ok());
    }
}
