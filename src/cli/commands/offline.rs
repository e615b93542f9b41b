//! `orket check offline-matrix`.

use std::path::Path;
use std::process::{Command, ExitCode};

use orket_transactions::NetworkMode;
use orket_transactions::offline::{Check, MATRIX, Report, check, probe};
use orket_transactions::verify::Confined;

use super::transactions::sandboxed;
use crate::cli::args::OfflineMatrixArgs;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::out;

/// The document, as it was when the program was built.
const DOC: &str = include_str!("../../../docs/TRANSACTIONS.md");
/// Its name.
const DOC_NAME: &str = "docs/TRANSACTIONS.md";

/// See the file's head.
pub fn run(context: &Context, args: &OfflineMatrixArgs) -> Result<ExitCode, Failure> {
    if !args.reach.is_empty() {
        out::json(&probe::reach(&args.reach));
        return Ok(ExitCode::SUCCESS);
    }
    let mode = NetworkMode::resolve([context.settings.transactions.network_mode.as_str()]);
    let own = args.matrix_doc.as_ref().map(|file| {
        let text = std::fs::read_to_string(context.cwd.join(file)).ok();
        (file.display().to_string(), text)
    });
    let doc = match &own {
        Some((name, text)) => (name.as_str(), text.as_deref()),
        None => (DOC_NAME, Some(DOC)),
    };
    let report = check(
        Check {
            matrix: &MATRIX,
            doc,
            default_mode: mode.as_ref().copied(),
            require_default_offline: args.require_default_offline,
        },
        probes(&sandboxed(context, NetworkMode::Offline))?,
    );
    if let Some(file) = &args.out {
        write(context, file, &report)?;
    }
    if context.json {
        out::json(&report);
    } else {
        out::print(&words(&report));
    }
    if !report.ok
        && let Some(failure) = report.failures.first()
    {
        out::warn(&format!("error[{}]: {failure}", report.code));
        out::warn("hint: docs/TRANSACTIONS.md tells what offline means and what enforces it");
    }
    Ok(ExitCode::from(u8::from(!report.ok)))
}

fn probes(verifier: &Confined) -> Result<Vec<probe::Probe>, Failure> {
    let failed = |error: std::io::Error| {
        Failure::new("E_INTERNAL", format!("no probe: {error}"))
            .hint("it needs a folder for temporary files that can be written; TMPDIR names one")
    };
    let folder = Scratch::make().map_err(failed)?;
    let program = std::env::current_exe().map_err(failed)?;
    let child = folder.0.join("child");
    std::fs::create_dir(&child).map_err(failed)?;
    // Where a child may run it from; a link or a copy, whichever the file system gives.
    let copy = child.join("orket");
    std::fs::hard_link(&program, &copy)
        .or_else(|_| std::fs::copy(&program, &copy).map(|_| ()))
        .map_err(failed)?;
    let own = || {
        let mut command = Command::new(&program);
        // Children of these make no socket either, so nothing is to be set up for them.
        command
            .env("ORKET_NETWORK_MODE", NetworkMode::OnlineOptIn.as_str())
            .env_remove("ORKET_REPLAY_ARTIFACTS")
            .env_remove("ORKET_FAILURE_LESSONS");
        command
    };
    Ok(vec![
        probe::child(verifier, &child, "./orket check offline-matrix --reach"),
        probe::own(&folder.0, own),
    ])
}

/// A folder that is gone afterwards.
struct Scratch(std::path::PathBuf);

impl Scratch {
    fn make() -> std::io::Result<Self> {
        use std::os::unix::fs::DirBuilderExt;
        let name = format!("orket-offline-{}", uuid::Uuid::new_v4().simple());
        let path = std::env::temp_dir().join(name);
        std::fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path.canonicalize()?))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left lies among temporary files.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn write(context: &Context, file: &Path, report: &Report) -> Result<(), Failure> {
    let path = context.cwd.join(file);
    let text = serde_json::to_string_pretty(report).unwrap_or_default() + "\n";
    let folder = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    folder
        .and_then(|()| std::fs::write(&path, text))
        .map_err(|error| {
            Failure::new("E_USAGE", format!("{}: {error}", file.display()))
                .hint("--out must name a file that can be written")
        })
}

fn words(report: &Report) -> String {
    let mut text = format!(
        "{}: default mode {}, {} commands\n",
        report.status,
        report.default_network_mode,
        report.required_commands.len()
    );
    for probe in &report.probes {
        let verdict = match probe.verdict {
            probe::Verdict::Holds => "holds",
            probe::Verdict::Leaks => "leaks",
            probe::Verdict::NotEnforced => "not enforced here",
        };
        text.push_str(&format!("  {}: {verdict}: {}\n", probe.name, probe.detail));
    }
    for failure in &report.failures {
        text.push_str(&format!("  {failure}\n"));
    }
    text
}
