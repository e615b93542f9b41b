//! The folder that a sweep works in, and the plan that is made of a task.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use orket_actors::runtime::NewRun;
use orket_core::asset::Library;
use orket_core::ids::{BuildId, RunId};
use orket_core::model::ModelName;
use orket_core::plan::ArtifactMode;
use orket_core::plan_build::{PlanRequest, PlanSettings, build};
use orket_core::tool_catalogue::catalogue;
use orket_sweep::harness::bench::Job;
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::assets::DiskThenEmbedded;

/// Failures of the model's server that are forgiven: a sweep has many runs and says what is missing.
const MODEL_RETRIES: u32 = 2;

/// How scratch folders begin.
const PREFIX: &str = "orket-sweep-scratch-";
/// The file in them that whoever uses one holds locked.
const LOCK: &str = "lock";
/// One that is younger may not be locked yet.
const YOUNG: Duration = Duration::from_secs(60);

/// See the file's head. It is gone when this is dropped.
#[derive(Debug)]
pub(super) struct Scratch {
    root: TempDir,
    runs: u64,
    /// Held for as long as this process lives, however it ends.
    _lock: File,
}

/// One run, ready to be started.
pub(super) struct Prepared {
    /// What the runtime is given.
    pub(super) new: NewRun,
    /// Its id.
    pub(super) run: RunId,
    /// The folder that its card works in.
    pub(super) workspace: PathBuf,
}

impl Scratch {
    pub(super) fn new() -> io::Result<Self> {
        clear_up(&std::env::temp_dir());
        let root = tempfile::Builder::new().prefix(PREFIX).tempdir()?;
        let lock = File::create(root.path().join(LOCK))?;
        lock.lock()?;
        Ok(Self {
            root,
            runs: 0,
            _lock: lock,
        })
    }

    /// The data folder.
    pub(super) fn durable(&self) -> PathBuf {
        self.root.path().join("durable")
    }

    /// The workspace that no run has.
    pub(super) fn idle(&self) -> PathBuf {
        self.root.path().join("idle")
    }

    /// Makes the epic, the environment and the workspace of one run.
    pub(super) fn prepare(&mut self, job: &Job<'_>) -> io::Result<Prepared> {
        self.runs += 1;
        let number = self.runs;
        let workspace = self.root.path().join("work").join(number.to_string());
        std::fs::create_dir_all(&workspace)?;
        let assets = self.root.path().join("assets");
        write(&assets, "environments", "sweep", &environment(job))?;
        write(&assets, "epics", "sweep", &epic(job))?;
        let broken = |what: &dyn std::fmt::Display| io::Error::other(what.to_string());
        let run = RunId::new(format!("sweep-{number}")).map_err(|error| broken(&error))?;
        let build_id =
            BuildId::new(format!("sweep-build-{number}")).map_err(|error| broken(&error))?;
        let library = Library::new(DiskThenEmbedded::new(&assets));
        let request = PlanRequest {
            epic: "sweep".to_owned(),
            department: "core".to_owned(),
            run_id: run.clone(),
            build_id,
            workspace: workspace.display().to_string(),
            target: None,
            model_override: Some(job.served.to_owned()),
            rock: None,
        };
        let built =
            build(&library, &request, &settings(), &catalogue()).map_err(|error| broken(&error))?;
        Ok(Prepared {
            new: NewRun {
                plan: built.plan,
                cards: built.cards,
            },
            run,
            workspace,
        })
    }

    /// Removes what a run left.
    pub(super) fn clear(prepared: &Prepared) {
        // What cannot be removed now goes with the whole folder.
        let _ = std::fs::remove_dir_all(&prepared.workspace);
    }
}

/// Removes the folders of sweeps that were killed. What cannot be removed is left.
fn clear_up(folder: &Path) {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries.filter(|it| it.file_name().to_string_lossy().starts_with(PREFIX)) {
        let path = entry.path();
        let is_left = File::open(path.join(LOCK)).is_ok_and(|lock| {
            let made = lock.metadata().and_then(|about| about.modified());
            let age = made.ok().and_then(|made| made.elapsed().ok());
            age.is_some_and(|age| age > YOUNG) && lock.try_lock().is_ok()
        });
        if is_left {
            let _ = std::fs::remove_dir_all(path);
        }
    }
}

fn write(assets: &Path, category: &str, name: &str, asset: &Value) -> io::Result<()> {
    let folder = assets.join("config").join(category);
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join(format!("{name}.json")), asset.to_string())
}

/// Always the same, whatever the operator set: a sweep measures models, not settings.
fn settings() -> PlanSettings {
    PlanSettings {
        artifacts: ArtifactMode::None,
        max_model_retries: MODEL_RETRIES,
        modes: [("memory_visibility_mode".to_owned(), "off".to_owned())].into(),
        ..PlanSettings::default()
    }
}

fn environment(job: &Job<'_>) -> Value {
    let mut environment = json!({
        "name": "sweep",
        "model": job.served,
        "timeout": job.limit.as_secs(),
        "params": params(job),
    });
    if let Value::Object(fields) = &mut environment {
        if let Some(temperature) = job.controls.temperature {
            fields.insert("temperature".to_owned(), json!(temperature));
        }
        if let Some(seed) = job.controls.seed {
            fields.insert("seed".to_owned(), json!(seed));
        }
    }
    environment
}

/// Options by the names that Ollama has for them; other servers refuse what they do not know.
fn params(job: &Job<'_>) -> Map<String, Value> {
    let mut params = Map::new();
    if matches!(provider(job.served).as_str(), "ollama" | "scripted") {
        if let Some(tokens) = job.controls.context_window {
            params.insert("num_ctx".to_owned(), json!(tokens));
        }
        if let Some(threads) = job.controls.threads {
            params.insert("num_thread".to_owned(), json!(threads));
        }
    }
    params
}

/// The provider of a model's name.
pub(super) fn provider(served: &str) -> String {
    ModelName::parse(served)
        .map(|name| name.provider)
        .unwrap_or_default()
}

/// Controls that are set and that a request to this provider does not carry. Threads of a server that
/// speaks OpenAI's protocol are set where it is started.
pub(super) fn unforwarded(job: &Job<'_>) -> Vec<&'static str> {
    let controls = job.controls;
    let wished = [
        (
            controls.context_window.is_some(),
            "CONTEXT_WINDOW",
            ["openai", "anthropic"].as_slice(),
        ),
        (controls.seed.is_some(), "SEED", &["anthropic"]),
        (controls.threads.is_some(), "THREADS", &["anthropic"]),
    ];
    let provider = provider(job.served);
    wished
        .into_iter()
        .filter(|(is_set, _, without)| *is_set && without.contains(&provider.as_str()))
        .map(|(_, name, _)| name)
        .collect()
}

fn epic(job: &Job<'_>) -> Value {
    let task = job.task;
    let file = &task.evaluation.file;
    json!({
        "name": "sweep",
        "description": task.description,
        "team": "standard",
        "environment": "sweep",
        "issues": [{
            "id": format!("SW-{}", task.id),
            "summary": task.description,
            "seat": "coder",
            "priority": "High",
            "description": task.card_text(),
            "params": {
                "required_write_paths": [file],
                "review_required_read_paths": [file],
            },
        }],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_sweep_left_is_cleared_away_and_nothing_else() {
        let place = tempfile::tempdir().unwrap();
        let made = |name: &str, age: u64| {
            let folder = place.path().join(name);
            std::fs::create_dir(&folder).unwrap();
            let lock = File::create(folder.join(LOCK)).unwrap();
            let then = std::time::SystemTime::now() - Duration::from_secs(age);
            lock.set_modified(then).unwrap();
            (folder, lock)
        };
        let (left, lock) = made("orket-sweep-scratch-left", 600);
        drop(lock);
        let (used, lock) = made("orket-sweep-scratch-used", 600);
        lock.lock().unwrap();
        let (young, _) = made("orket-sweep-scratch-young", 0);
        let (other, _) = made("orket-other", 600);
        clear_up(place.path());
        assert_eq!(
            [&left, &used, &young, &other].map(|folder| folder.exists()),
            [false, true, true, true]
        );
    }
}
