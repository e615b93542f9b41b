//! A command instead of the runtime: `--runner-template`, for those who measure something else.
//!
//! It is run by `sh` once for each run, in a folder of its own, with the placeholders `{task_file}
//! {run_dir} {workdir} {repo_root} {model} {quant} {runtime_target} {execution_mode} {venue} {flow} {seed}
//! {threads} {affinity_policy} {warmup_steps} {context_window} {temperature}` replaced by quoted words. The
//! last line of its standard output that begins with `{` is its telemetry. A command that says nothing of
//! itself has no adherence: it is not taken to have done well because it ended with 0.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use super::bench::{Bench, BenchError, Job, Seen};
use super::machine::Gauge;
use super::telemetry::silent;
use crate::masking::{Mask, Produced};
use crate::settings::Settings;
use crate::sidecar::command;
use crate::telemetry::{Controls, Telemetry};

/// Runs commands.
#[derive(Debug)]
pub struct TemplateBench {
    template: String,
    runtime_target: String,
    execution_mode: String,
    repo_root: PathBuf,
    gauge: Gauge,
}

impl TemplateBench {
    /// Runs the template of these settings from `repo_root`; `None` when they have none.
    #[must_use]
    pub fn of(settings: &Settings, repo_root: PathBuf) -> Option<Self> {
        Some(Self {
            template: settings.runner_template.clone()?,
            runtime_target: settings.runtime_target.clone(),
            execution_mode: settings.execution_mode.clone(),
            repo_root,
            gauge: Gauge::default(),
        })
    }

    fn filled(&self, job: &Job<'_>, folder: &std::path::Path) -> String {
        let word = |text: String| format!("'{}'", text.replace('\'', r"'\''"));
        let number = |number: Option<String>| number.unwrap_or_default();
        let path = |path: &std::path::Path| path.display().to_string();
        let pairs = [
            ("{task_file}", path(&folder.join("task.json"))),
            ("{run_dir}", path(folder)),
            ("{workdir}", path(folder)),
            ("{repo_root}", path(&self.repo_root)),
            ("{model}", job.model.to_owned()),
            ("{quant}", job.quant.to_owned()),
            ("{runtime_target}", self.runtime_target.clone()),
            ("{venue}", self.runtime_target.clone()),
            ("{execution_mode}", self.execution_mode.clone()),
            ("{flow}", self.execution_mode.clone()),
            ("{seed}", number(job.controls.seed.map(|it| it.to_string()))),
            (
                "{threads}",
                number(job.controls.threads.map(|it| it.to_string())),
            ),
            (
                "{affinity_policy}",
                number(job.controls.affinity_policy.clone()),
            ),
            (
                "{warmup_steps}",
                number(job.controls.warmup_steps.map(|it| it.to_string())),
            ),
            (
                "{context_window}",
                number(job.controls.context_window.map(|it| it.to_string())),
            ),
            (
                "{temperature}",
                number(job.controls.temperature.map(|it| it.to_string())),
            ),
        ];
        pairs
            .into_iter()
            .fold(self.template.clone(), |text, (name, value)| {
                text.replace(name, &word(value))
            })
    }

    fn perform(&mut self, job: &Job<'_>) -> Result<Seen, std::io::Error> {
        let folder = tempfile::Builder::new().prefix("orket-sweep-").tempdir()?;
        let task = serde_json::to_string_pretty(job.task)?;
        std::fs::write(folder.path().join("task.json"), task)?;
        let mut shell = Command::new("sh");
        shell
            .args(["-c", &self.filled(job, folder.path())])
            .current_dir(&self.repo_root);
        let before = self.gauge.look();
        let began = Instant::now();
        let ended = command::run(shell, job.limit)?;
        let wall_seconds = began.elapsed().as_secs_f64();
        let told = ended
            .stdout
            .lines()
            .rev()
            .find(|line| line.starts_with('{'));
        let told: Option<Telemetry> = told.and_then(|line| serde_json::from_str(line).ok());
        let limit = job.limit.as_secs();
        let output = if ended.timed_out {
            format!("killed after {limit} s\n{}{}", ended.stdout, ended.stderr)
        } else {
            // What it says of itself holds times; everything else counts.
            let lines = ended.stdout.lines().filter(|line| !line.starts_with('{'));
            format!("{}\n{}", lines.collect::<Vec<_>>().join("\n"), ended.stderr)
        };
        let mut artifacts = std::collections::BTreeMap::new();
        gather(folder.path(), "", &mut artifacts)?;
        artifacts.remove("task.json");
        Ok(Seen {
            is_done: ended.exit_code == Some(0) && !ended.timed_out,
            exit_code: ended.exit_code,
            wall_seconds,
            produced: Produced {
                exit_code: ended.exit_code,
                output,
                artifacts,
            },
            mask: Mask::new()
                .with(folder.path().display().to_string(), "RUN_DIR")
                .with(self.repo_root.display().to_string(), "REPO_ROOT"),
            loads: [before, self.gauge.look()],
            told: Some(told.unwrap_or_else(|| silent(wall_seconds))),
            ..Seen::default()
        })
    }
}

/// How much of a run's files is compared.
const MOST_BYTES: u64 = 16 << 20;

fn gather(
    folder: &std::path::Path,
    below: &str,
    found: &mut std::collections::BTreeMap<String, Vec<u8>>,
) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = format!("{below}{}", entry.file_name().to_string_lossy());
        let about = std::fs::symlink_metadata(entry.path())?;
        if about.is_dir() {
            gather(&entry.path(), &format!("{name}/"), found)?;
        } else if about.is_file() && about.len() <= MOST_BYTES {
            found.insert(name, std::fs::read(entry.path())?);
        }
    }
    Ok(())
}

impl Bench for TemplateBench {
    async fn warm_up(&mut self, _: &str, _: &Controls, _: u32) -> Result<(), BenchError> {
        // The command is told how many steps are wanted, and does them itself.
        Ok(())
    }

    async fn run(&mut self, job: Job<'_>) -> Result<Seen, BenchError> {
        let limit: Duration = job.limit;
        self.perform(&job).map_err(|error| {
            BenchError::Failed(format!(
                "the command ({} s at most): {error}",
                limit.as_secs()
            ))
        })
    }
}
