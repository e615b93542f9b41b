//! Looking at the hardware before and after the runs of a row, with our own probe or a command.
//!
//! A command is run once, after the runs, by `sh`, with `{model}`, `{quant}` and `{out_file}` in it
//! replaced by quoted words. It prints its payload.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::probe::{self, Backend, Look, Payload, Subject};
use super::{SidecarFigures, SidecarRecord, command, payload};
use crate::files::{safe_name, write_atomically};
use crate::summary::SidecarPlan;

/// Who looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Watch {
    /// Nobody.
    Nobody,
    /// Our own probe.
    Probe(Backend, Duration),
    /// A command.
    Command(String, Duration),
}

/// What was seen before.
#[derive(Debug, Clone, PartialEq)]
pub struct Before(Option<SidecarFigures>);

/// Why nobody can look as asked.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The file of profiles cannot be read.
    #[error("{0} cannot be read: {1}")]
    Unreadable(PathBuf, #[source] io::Error),
    /// It is no object of names and commands.
    #[error("{0} is no JSON object of names and commands: {1}")]
    Invalid(PathBuf, #[source] serde_json::Error),
    /// There is no such profile.
    #[error("there is no sidecar profile {name}; there are {known}")]
    Unknown {
        /// The one that was asked for.
        name: String,
        /// Those that there are.
        known: String,
    },
}

impl Watch {
    /// Who looks according to a plan: its command; else its profile, which is `nvidia`, `amd`, `cpu`, or a
    /// name in its file of profiles, `{"<name>": "<command>"}`.
    ///
    /// # Errors
    ///
    /// When the profile or its file is not there.
    pub fn of(plan: &SidecarPlan) -> Result<Self, WatchError> {
        let limit = Duration::from_secs(plan.timeout_sec.max(1));
        if let Some(template) = &plan.template {
            return Ok(Self::Command(template.clone(), limit));
        }
        let Some(name) = &plan.profile else {
            return Ok(Self::Nobody);
        };
        let profiles = match &plan.profiles_config {
            Some(file) => profiles(Path::new(file))?,
            None => BTreeMap::new(),
        };
        if let Some(template) = profiles.get(name) {
            return Ok(Self::Command(template.clone(), limit));
        }
        name.parse().map_or_else(
            |_| {
                let known = profiles.keys().map(String::as_str);
                let known: Vec<_> = ["nvidia", "amd", "cpu"].into_iter().chain(known).collect();
                Err(WatchError::Unknown {
                    name: name.clone(),
                    known: known.join(", "),
                })
            },
            |backend| Ok(Self::Probe(backend, limit)),
        )
    }

    /// A look before the runs.
    #[must_use]
    pub fn before(&self) -> Before {
        Before(match self {
            Self::Nobody | Self::Command(..) => None,
            Self::Probe(backend, limit) => match probe::look(*backend, *limit) {
                Look::Seen(figures) => Some(figures),
                Look::Nothing(_) | Look::Unreadable(_) => None,
            },
        })
    }

    /// A look after them. What was said is kept below `out_dir`, in
    /// `sidecar/<model>/<quant>_hardware_sidecar.json`.
    ///
    /// # Errors
    ///
    /// When that file cannot be written.
    pub fn after(
        &self,
        before: &Before,
        model: &str,
        quant: &str,
        out_dir: &Path,
        now: &str,
    ) -> io::Result<SidecarRecord> {
        let file = out_dir
            .join("sidecar")
            .join(safe_name(model))
            .join(format!("{}_hardware_sidecar.json", safe_name(quant)));
        let mut record = match self {
            Self::Nobody => return Ok(payload::not_applicable("nobody looks at the hardware")),
            Self::Probe(backend, limit) => {
                let subject = Subject {
                    backend: *backend,
                    model,
                    quant,
                    now,
                };
                let look = probe::look(*backend, *limit);
                let payload = Payload::between(&subject, before.0.as_ref(), &look);
                write_atomically(&file, &(serde_json::to_string_pretty(&payload)? + "\n"))?;
                payload.into_record()
            }
            Self::Command(template, limit) => {
                let record = asked(template, *limit, model, quant, &file);
                if !file.exists() {
                    write_atomically(&file, &(serde_json::to_string_pretty(&record)? + "\n"))?;
                }
                record
            }
        };
        record.path = Some(file.display().to_string());
        Ok(record)
    }
}

fn profiles(file: &Path) -> Result<BTreeMap<String, String>, WatchError> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| WatchError::Unreadable(file.to_owned(), error))?;
    serde_json::from_str(&text).map_err(|error| WatchError::Invalid(file.to_owned(), error))
}

fn asked(template: &str, limit: Duration, model: &str, quant: &str, file: &Path) -> SidecarRecord {
    if let Some(folder) = file.parent()
        && let Err(error) = std::fs::create_dir_all(folder)
    {
        return payload::broken(&format!("probe_failed:{}: {error}", folder.display()));
    }
    let script = template
        .replace("{model}", &quoted(model))
        .replace("{quant}", &quoted(quant))
        .replace("{out_file}", &quoted(&file.display().to_string()));
    let mut shell = Command::new("sh");
    shell.args(["-c", &script]);
    match command::run(shell, limit) {
        Ok(ended) if ended.timed_out => payload::broken("probe_failed:took too long"),
        Ok(ended) => payload::read(ended.exit_code, &ended.stdout, &ended.stderr),
        Err(error) => payload::broken(&format!("probe_failed:{error}")),
    }
}

/// A word that `sh` takes as it is.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sidecar::SidecarStatus;

    fn plan(template: Option<&str>, profile: Option<&str>) -> SidecarPlan {
        SidecarPlan {
            enabled: true,
            template: template.map(str::to_owned),
            profile: profile.map(str::to_owned),
            profiles_config: None,
            timeout_sec: 20,
        }
    }

    fn seen(plan: &SidecarPlan, model: &str) -> (SidecarRecord, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let watch = Watch::of(plan).unwrap();
        let before = watch.before();
        let record = watch
            .after(
                &before,
                model,
                "Q6_K",
                folder.path(),
                "2026-02-21T00:00:00Z",
            )
            .unwrap();
        (record, folder)
    }

    #[test]
    fn a_command_gets_names_as_they_are() {
        let script = r#"printf '{"vram_total_mb": 10, "backend": "%s"}' {model}"#;
        let model = "it's; $(touch here) `x` \"y\"";
        let (record, folder) = seen(&plan(Some(&script.replace("\"%s\"", "\"x\"")), None), model);
        assert_eq!(record.figures.vram_total_mb, Some(10.0));
        assert_eq!(
            record.sidecar_parse_status,
            SidecarStatus::RequiredFieldMissing
        );
        assert!(Path::new(record.path.as_deref().unwrap()).starts_with(folder.path()));
        let said = asked(
            "printf %s {model} >&2; exit 1",
            Duration::from_secs(20),
            model,
            "",
            &folder.path().join("f"),
        );
        assert_eq!(said.sidecar_parse_errors, ["probe_failed:exit 1"]);
        assert_eq!(quoted("a'b"), r"'a'\''b'");
    }

    #[test]
    fn nobody_and_the_processor_have_nothing_to_say() {
        for plan in [plan(None, None), plan(None, Some("cpu"))] {
            let (record, _folder) = seen(&plan, "qwen/coder:7b");
            assert_eq!(record.sidecar_parse_status, SidecarStatus::NotApplicable);
            assert_eq!(record.figures, SidecarFigures::default());
        }
    }

    #[test]
    fn a_profile_that_is_not_there_is_said_with_those_that_are() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("profiles.json");
        std::fs::write(&file, r#"{"rack": "true"}"#).unwrap();
        let with = SidecarPlan {
            profiles_config: Some(file.display().to_string()),
            ..plan(None, Some("rak"))
        };
        assert_eq!(
            Watch::of(&with).unwrap_err().to_string(),
            "there is no sidecar profile rak; there are nvidia, amd, cpu, rack"
        );
        let there = SidecarPlan {
            profile: Some("rack".to_owned()),
            ..with
        };
        assert_eq!(
            Watch::of(&there).unwrap(),
            Watch::Command("true".to_owned(), Duration::from_secs(20))
        );
    }
}
