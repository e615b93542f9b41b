//! Whether what runs may talk to other machines.

use std::fmt;

use serde::Serialize;

use crate::refusal::{Code, Refusal};

/// The modes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NetworkMode {
    /// No socket leaves loopback.
    #[default]
    Offline,
    /// The operator lets commands use the network.
    OnlineOptIn,
}

/// Their names.
pub const KNOWN_MODES: [&str; 2] = ["offline", "online_opt_in"];

impl NetworkMode {
    /// The first of these that is not blank, or the default.
    ///
    /// # Errors
    ///
    /// `E_NETWORK_MODE_INVALID`.
    pub fn resolve<'a>(values: impl IntoIterator<Item = &'a str>) -> Result<Self, Refusal> {
        let said = values.into_iter().map(str::trim).find(|it| !it.is_empty());
        let Some(said) = said else {
            return Ok(Self::default());
        };
        match said.to_ascii_lowercase().replace('-', "_").as_str() {
            "offline" => Ok(Self::Offline),
            "online_opt_in" => Ok(Self::OnlineOptIn),
            _ => Err(Refusal::new(
                Code::NetworkModeInvalid,
                format!(
                    "`{said}` is no network mode; there are: {}",
                    KNOWN_MODES.join(", ")
                ),
            )
            .hint("set ORKET_NETWORK_MODE=offline, or leave it away")),
        }
    }

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Offline => "offline",
            Self::OnlineOptIn => "online_opt_in",
        }
    }
}

impl fmt::Display for NetworkMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_word_that_is_not_blank_counts() {
        let resolve = |values: &[&str]| NetworkMode::resolve(values.iter().copied());
        assert_eq!(resolve(&[]), Ok(NetworkMode::Offline));
        assert_eq!(resolve(&["", " "]), Ok(NetworkMode::Offline));
        assert_eq!(
            resolve(&["", "Online-Opt-In"]),
            Ok(NetworkMode::OnlineOptIn)
        );
        let refusal = resolve(&["onlin", "offline"]).unwrap_err();
        assert_eq!(refusal.code, Code::NetworkModeInvalid);
    }
}
