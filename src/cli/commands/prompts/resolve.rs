//! `orket prompts resolve` and `orket prompts diff`: what a run would send.

use std::process::ExitCode;

use orket_core::asset::{Library, Problems};
use orket_core::plan_build::PlanSettings;
use orket_core::plan_build::resolve::{Resolution, ResolveRequest, resolve};
use orket_core::policy::Selection;
use orket_core::tool_catalogue::catalogue;
use orket_prompts::shown::{Difference, Shown};
use orket_prompts::{Kind, PromptId, Shelf};

use crate::assets::DiskThenEmbedded;
use crate::cli::args::{DiffPromptsArgs, ResolveArgs, RoleArgs};
use crate::cli::assemble;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::out;
use crate::config::Settings;

/// The field that a prompt which may not speak is told of.
const STATUS: &str = "prompt_metadata.status";

/// A place that is there on no machine, so that nothing is before what came with the program.
const NOWHERE: &str = "/dev/null/shipped";

/// Which versions may speak.
struct Versions<'a> {
    policy: Option<Selection>,
    exact: Option<&'a str>,
}

pub(super) fn run(
    context: &Context,
    shelf: &Shelf<DiskThenEmbedded>,
    args: &ResolveArgs,
) -> Result<ExitCode, Failure> {
    let versions = Versions {
        policy: args.selection_policy,
        exact: args.version_exact.as_deref(),
    };
    let settings = settings(context, shelf)?;
    let found = resolved(shelf, &shelf.library, &settings, &args.which, &versions)?;
    if args.text {
        out::print(&format!("{}\n", found.seat.system_prompt));
    } else {
        out::json(&Shown::of(&found, args.profile, args.include_prompt));
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn diff(
    context: &Context,
    shelf: &Shelf<DiskThenEmbedded>,
    args: &DiffPromptsArgs,
) -> Result<ExitCode, Failure> {
    let settings = settings(context, shelf)?;
    let shipped = Library::new(DiskThenEmbedded::new(NOWHERE));
    let left_library = if args.left_shipped {
        &shipped
    } else {
        &shelf.library
    };
    let left = Versions {
        policy: Some(args.left_policy),
        exact: args.left_version_exact.as_deref(),
    };
    let right = Versions {
        policy: Some(args.right_policy),
        exact: args.right_version_exact.as_deref(),
    };
    let left = resolved(shelf, left_library, &settings, &args.which, &left)?;
    let right = resolved(shelf, &shelf.library, &settings, &args.which, &right)?;
    out::json(&Difference::of(&left, &right));
    Ok(ExitCode::SUCCESS)
}

/// The settings of a run in the project's folder.
fn settings(context: &Context, shelf: &Shelf<DiskThenEmbedded>) -> Result<PlanSettings, Failure> {
    if shelf.root == context.cwd {
        return Ok(assemble::plan_settings(&context.settings, &shelf.root));
    }
    let mut sources = context.sources.clone();
    sources.organization = assemble::process_rules(&shelf.root)?;
    let mut settings = Settings::resolve(&sources)?;
    settings
        .preferences
        .clone_from(&context.settings.preferences);
    Ok(assemble::plan_settings(&settings, &shelf.root))
}

fn resolved(
    shelf: &Shelf<DiskThenEmbedded>,
    library: &Library<DiskThenEmbedded>,
    settings: &PlanSettings,
    which: &RoleArgs,
    versions: &Versions<'_>,
) -> Result<Resolution, Failure> {
    let role = named(shelf, Kind::Role, &which.role)?;
    let dialect = which.dialect.as_deref();
    let dialect = dialect.map(|name| named(shelf, Kind::Dialect, name));
    let request = ResolveRequest {
        role,
        dialect: dialect.transpose()?,
        department: shelf.department.clone(),
        team: which.team.clone(),
        environment: which.environment.clone(),
    };
    let mut settings = settings.clone();
    let mut set = |key: &str, value: String| settings.modes.insert(key.to_owned(), value);
    if let Some(policy) = versions.policy {
        set("prompt_selection_policy", policy.as_str().to_owned());
    }
    if let Some(exact) = versions.exact {
        set("prompt_version_exact", exact.to_owned());
    }
    if let Some(strict) = which.strict {
        set("prompt_selection_strict", strict.to_string());
    }
    let found = resolve(library, &request, &settings, &catalogue()).map_err(refused)?;
    for warning in &found.warnings {
        out::warn(&format!("warning: {warning}"));
    }
    Ok(found)
}

/// The name of an asset that is there; `role.coder` is taken for `coder`.
fn named(shelf: &Shelf<DiskThenEmbedded>, kind: Kind, name: &str) -> Result<String, Failure> {
    let prefix = format!("{}.", kind.as_str());
    let name = name.strip_prefix(&prefix).unwrap_or(name);
    let id: PromptId = format!("{prefix}{name}").parse()?;
    Ok(shelf.get(&id)?.id.name)
}

fn refused(problems: Problems) -> Failure {
    let speaks = |field: &str| field == STATUS || field == "dialect";
    if problems.0.iter().any(|problem| speaks(&problem.field)) {
        return Failure::new("E_PROMPT_SELECTION", problems.to_string()).hint(
            "orket prompts list shows how far each has got; --strict=false shows it all the same",
        );
    }
    Failure::new("E_ASSETS", problems.to_string())
        .hint("correct what is named; orket prompts validate tells more")
}
