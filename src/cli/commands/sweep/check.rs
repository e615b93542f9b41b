//! `orket sweep check`: whether artifacts, summaries, profiles and presets keep their contracts.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use orket_sweep::explorers::profiles::{self, Profiles};
use orket_sweep::explorers::schema::{self, Kind};
use orket_sweep::kpi_gate::Status;
use orket_sweep::settings::Settings;
use orket_sweep::{presets, sidecar};
use serde_json::json;

use super::files;
use crate::cli::args::sweep::CheckArgs;
use crate::cli::context::Context;
use crate::cli::failure::Failure;

/// What was looked at, and what is wrong with it.
struct Found {
    name: String,
    failures: Vec<String>,
}

/// See the file's head.
pub fn run(context: &Context, args: &CheckArgs) -> Result<ExitCode, Failure> {
    let mut found = Vec::new();
    let kinds: [(Kind, &[PathBuf]); 5] = [
        (Kind::Frontier, &args.frontier),
        (Kind::Context, &args.context),
        (Kind::Thermal, &args.thermal),
        (Kind::Rollup, &args.rollup),
        (Kind::Summary, &args.summary),
    ];
    for (kind, artifacts) in kinds {
        for file in artifacts {
            let text = files::text(context, file)?;
            found.push(of(kind.as_str(), file, schema::failures(kind, &text)));
        }
    }
    for file in &args.sidecar {
        let value = files::read(context, file)?;
        found.push(of("sidecar", file, sidecar::policy::check(&value).failures));
    }
    for file in &args.profiles {
        let profiles: Profiles = files::read(context, file)?;
        found.push(of("profiles", file, profiles::failures(&profiles)));
    }
    found.extend(args.preset.iter().map(|name| Found {
        name: format!("preset {name}"),
        failures: preset(name),
    }));
    if found.is_empty() {
        return Err(Failure::usage("nothing is named to be checked")
            .hint("orket sweep check --preset common, or orket sweep check --help"));
    }
    if args.strict {
        for (kind, artifacts) in kinds.iter().take(3) {
            if artifacts.is_empty() {
                found.push(Found {
                    name: format!("{} artifact", kind.as_str()),
                    failures: vec!["missing".to_owned()],
                });
            }
        }
    }
    told(context, args.out.as_deref(), &found)
}

fn of(kind: &str, file: &Path, failures: Vec<String>) -> Found {
    Found {
        name: format!("{kind} {}", file.display()),
        failures,
    }
}

fn preset(name: &str) -> Vec<String> {
    let Some(matrix) = presets::matrix(name) else {
        let known: Vec<_> = presets::names().collect();
        return vec![format!("there is none; there are {}", known.join(", "))];
    };
    match Settings::resolve(matrix) {
        Ok(settings) if settings.controls.are_complete() => Vec::new(),
        Ok(_) => vec!["seed, threads and affinity_policy must be set".to_owned()],
        Err(error) => vec![error.to_string()],
    }
}

fn told(context: &Context, file: Option<&Path>, found: &[Found]) -> Result<ExitCode, Failure> {
    let failures: Vec<String> = found
        .iter()
        .flat_map(|it| {
            it.failures
                .iter()
                .map(move |why| format!("{}: {why}", it.name))
        })
        .collect();
    let status = Status::of(&failures);
    let report = json!({
        "status": status,
        "checked": found.iter().map(|it| &it.name).collect::<Vec<_>>(),
        "failures": failures,
    });
    let mut words = String::new();
    for it in found {
        words.push_str(Status::of(&it.failures).as_str());
        words.push_str(&format!("  {}\n", it.name));
        for failure in &it.failures {
            words.push_str(&format!("  {failure}\n"));
        }
    }
    files::tell(context, file, &report, &words)?;
    Ok(files::verdict(status == Status::Pass))
}
