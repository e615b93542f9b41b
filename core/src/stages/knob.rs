//! Settings that are one of a few words, with the other spellings that are understood.

use std::str::FromStr;

/// One such setting.
#[derive(Debug, PartialEq, Eq)]
pub struct Knob {
    /// What it is, for messages.
    pub what: &'static str,
    /// Its key in settings files.
    pub key: &'static str,
    /// Its values, each with the other words for it.
    pub values: &'static [(&'static str, &'static [&'static str])],
}

/// Which shape the product has.
pub static ARCHITECTURE_MODE: Knob = Knob {
    what: "architecture mode",
    key: "architecture_mode",
    values: &[
        ("force_monolith", &["monolith"]),
        ("force_microservices", &["microservices"]),
        (
            "architect_decides",
            &["architect_decide", "let_architect_decide"],
        ),
    ],
};

/// Which framework a frontend is built with.
pub static FRONTEND_FRAMEWORK_MODE: Knob = Knob {
    what: "frontend framework mode",
    key: "frontend_framework_mode",
    values: &[
        ("force_vue", &["vue"]),
        ("force_react", &["react"]),
        ("force_angular", &["angular"]),
        (
            "architect_decides",
            &["architect_decide", "let_architect_decide"],
        ),
    ],
};

/// What the product shows of itself.
pub static PROJECT_SURFACE_PROFILE: Knob = Knob {
    what: "project surface profile",
    key: "project_surface_profile",
    values: &[
        ("unspecified", &["legacy"]),
        ("backend_only", &["backend", "api_only"]),
        ("cli", &[]),
        ("api_vue", &["api+vue", "vue_api"]),
        ("tui", &[]),
    ],
};

/// Who builds a small project.
pub static SMALL_PROJECT_BUILDER_VARIANT: Knob = Knob {
    what: "small-project builder variant",
    key: "small_project_builder_variant",
    values: &[("auto", &[]), ("coder", &[]), ("architect", &[])],
};

/// Whether the structure of iDesign is demanded.
pub static IDESIGN_MODE: Knob = Knob {
    what: "mode",
    key: "idesign_mode",
    values: &[
        ("force_idesign", &["force_i_design"]),
        ("force_none", &["force_nothing", "none"]),
        (
            "architect_decides",
            &["architect_decide", "let_architect_decide"],
        ),
    ],
};

/// Where the state of cards is kept.
pub static STATE_BACKEND_MODE: Knob = Knob {
    what: "state backend mode",
    key: "state_backend_mode",
    values: &[("local", &["sqlite", "db"]), ("gitea", &[])],
};

/// Yes or no.
pub static FLAG: Knob = Knob {
    what: "truth value",
    key: "",
    values: &[
        ("true", &["1", "yes", "on", "enabled"]),
        ("false", &["0", "no", "off", "disabled"]),
    ],
};

impl Knob {
    /// The value that `text` means: case, white space around it, and whether words are parted by
    /// `_`, `-` or a space do not matter.
    ///
    /// # Errors
    ///
    /// A sentence with the known values.
    pub fn read(&self, text: &str) -> Result<&'static str, String> {
        let word = normal(text);
        self.values
            .iter()
            .find(|(value, others)| *value == word || others.contains(&word.as_str()))
            .map(|(value, _)| *value)
            .ok_or_else(|| format!("unknown {} `{text}`; known: {}", self.what, self.known()))
    }

    /// The value as a type whose words are those of the knob.
    ///
    /// # Errors
    ///
    /// As [`Self::read`].
    pub fn parse<T: FromStr>(&self, text: &str) -> Result<T, String> {
        let value = self.read(text)?;
        let unfit = |_| format!("`{value}` is no {} of this version", self.what);
        value.parse().map_err(unfit)
    }

    /// Its values, comma-separated.
    #[must_use]
    pub fn known(&self) -> String {
        let values: Vec<&str> = self.values.iter().map(|(value, _)| *value).collect();
        values.join(", ")
    }
}

fn normal(text: &str) -> String {
    text.trim().to_lowercase().replace(['-', ' '], "_")
}

#[cfg(test)]
mod tests {
    use super::super::{Framework, Surface, Variant};
    use super::*;

    /// The table of the reference, word for word.
    #[test]
    fn every_value_and_every_other_word_for_it_is_understood() {
        let mut table = String::new();
        for knob in [
            &ARCHITECTURE_MODE,
            &FRONTEND_FRAMEWORK_MODE,
            &PROJECT_SURFACE_PROFILE,
            &SMALL_PROJECT_BUILDER_VARIANT,
            &IDESIGN_MODE,
            &STATE_BACKEND_MODE,
            &FLAG,
        ] {
            for (value, others) in knob.values {
                assert_eq!(knob.read(value), Ok(*value));
                let shouted = format!("  {} ", value.to_uppercase().replace('_', "-"));
                assert_eq!(knob.read(&shouted), Ok(*value));
                for other in *others {
                    assert_eq!(knob.read(other), Ok(*value), "{other}");
                }
                table.push_str(&format!("{}: {value} <- {}\n", knob.key, others.join(" ")));
            }
            let unknown = knob.read("svelte").expect_err("unknown");
            for (value, _) in knob.values {
                assert!(unknown.contains(value), "{unknown}");
            }
            table.push_str(&format!("{}: {unknown}\n", knob.key));
        }
        insta::assert_snapshot!(table);
    }

    #[test]
    fn the_types_have_the_words_of_their_knobs() {
        for (value, _) in PROJECT_SURFACE_PROFILE.values {
            let surface: Surface = PROJECT_SURFACE_PROFILE.parse(value).expect("known");
            assert_eq!(surface.as_str(), *value);
        }
        for (value, _) in FRONTEND_FRAMEWORK_MODE.values {
            let framework: Framework = FRONTEND_FRAMEWORK_MODE.parse(value).expect("known");
            assert_eq!(framework.as_str(), *value);
        }
        for (value, _) in SMALL_PROJECT_BUILDER_VARIANT.values {
            let variant: Variant = SMALL_PROJECT_BUILDER_VARIANT.parse(value).expect("known");
            assert_eq!(variant.as_str(), *value);
        }
    }
}
