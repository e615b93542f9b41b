//! What is written down: how many instructions each path takes, and of which build that is.

use std::collections::BTreeMap;
use std::process::Command;

use serde::{Deserialize, Serialize};

/// The file, from the root of the tree.
pub const FILE: &str = "benches/instructions.json";
/// What a path may take more than is written down.
const TOLERANCE: f64 = 0.03;
/// The same, of a build that is not the one that was counted.
const ELSEWHERE: f64 = 0.10;

/// What of a build decides which code comes of the same source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Build {
    /// What `rustc --version` says.
    pub rustc: String,
    /// Flags and settings from the environment that it was built with; empty for none.
    pub flags: String,
}

impl Build {
    /// The build that is running.
    pub fn of_this() -> Self {
        let compiler = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let said = Command::new(compiler).arg("--version").output();
        let rustc = said.map_or_else(
            |_| "unknown".to_owned(),
            |said| String::from_utf8_lossy(&said.stdout).trim().to_owned(),
        );
        let flags: Vec<&str> = [
            option_env!("RUSTFLAGS"),
            option_env!("CARGO_ENCODED_RUSTFLAGS"),
            option_env!("CARGO_PROFILE_RELEASE_INCREMENTAL")
                .filter(|it| *it == "true")
                .map(|_| "incremental"),
        ]
        .into_iter()
        .flatten()
        .filter(|flags| !flags.is_empty())
        .collect();
        Self {
            rustc,
            flags: flags.join(" "),
        }
    }
}

/// One path.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Path {
    /// What it is.
    pub about: String,
    /// Instructions of one round.
    pub instructions: u64,
    /// How much more or less is let pass, as a part of that.
    pub tolerance: f64,
}

/// How a count stands to what is written down.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Verdict {
    /// About the same.
    Within,
    /// More than this part more.
    Above(f64),
    /// So much less that it should be written down.
    Below,
}

impl Path {
    /// The part that a count has more, or less when negative.
    pub fn change(&self, count: u64) -> f64 {
        as_float(count) / as_float(self.instructions.max(1)) - 1.0
    }

    /// How a count stands to it.
    pub fn judge(&self, count: u64, is_elsewhere: bool) -> Verdict {
        let allowed = if is_elsewhere {
            ELSEWHERE
        } else {
            self.tolerance
        };
        let change = self.change(count);
        if change > allowed {
            Verdict::Above(allowed)
        } else if change < -allowed {
            Verdict::Below
        } else {
            Verdict::Within
        }
    }
}

/// Exact up to 2^53.
fn as_float(count: u64) -> f64 {
    let (high, low) = (count >> 32, count & u64::from(u32::MAX));
    let part = |half: u64| u32::try_from(half).map_or(0.0, f64::from);
    part(high) * 4_294_967_296.0 + part(low)
}

/// The file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    #[serde(flatten)]
    build: Build,
    paths: BTreeMap<String, Path>,
}

impl Baseline {
    /// Of what was counted: name, what it is, instructions.
    pub fn new(build: &Build, counted: &[(&str, &str, u64)]) -> Self {
        let path = |about: &str, instructions| Path {
            about: about.to_owned(),
            instructions,
            tolerance: TOLERANCE,
        };
        Self {
            build: build.clone(),
            paths: counted
                .iter()
                .map(|(name, about, count)| ((*name).to_owned(), path(about, *count)))
                .collect(),
        }
    }

    /// As it is in the tree; `None` when nothing was written down yet.
    pub fn read() -> Result<Option<Self>, String> {
        match std::fs::read_to_string(place()) {
            Ok(text) => serde_json::from_str(&text)
                .map(Some)
                .map_err(|error| format!("{FILE}: {error}")),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(format!("cannot read {FILE}: {error}")),
        }
    }

    /// Writes it into the tree.
    pub fn write(&self) -> Result<(), String> {
        let mut text = serde_json::to_string_pretty(self).map_err(|error| error.to_string())?;
        text.push('\n');
        std::fs::write(place(), text).map_err(|error| format!("cannot write {FILE}: {error}"))
    }

    /// Whether a build has the flags that are written down. Counts of another one are not written over
    /// them: every later count of the usual build would then be let off with more.
    pub fn has_flags_of(&self, now: &Build) -> bool {
        self.build.flags == now.flags
    }

    /// What is written down of a path.
    pub fn path(&self, name: &str) -> Option<&Path> {
        self.paths.get(name)
    }

    /// In what the build that was counted differs from this one, in words; `None` when in nothing.
    pub fn differs(&self, now: &Build) -> Option<String> {
        let said = |flags: &str| match flags {
            "" => "no flags".to_owned(),
            flags => format!("`{flags}`"),
        };
        if self.build.rustc != now.rustc {
            Some(format!(
                "counted with {}, this is {}",
                self.build.rustc, now.rustc
            ))
        } else if self.build.flags != now.flags {
            let (then, now) = (said(&self.build.flags), said(&now.flags));
            Some(format!("counted with {then}, this was built with {now}"))
        } else {
            None
        }
    }
}

fn place() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE)
}
