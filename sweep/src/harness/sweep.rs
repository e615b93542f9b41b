//! The order of a sweep: canary, then every row, then the summary. One run at a time; each is kept when
//! it is done.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::HarnessError;
use super::bench::{Bench, Job, Seen};
use super::machine::Machine;
use super::plan::{kept_for, matrix, selected, sidecar_plan};
use super::store::{DoneRun, Place, Store, write_json};
use super::{naming, report, telemetry};
use crate::SCHEMA_VERSION;
use crate::aggregate::{self, RowHead};
use crate::bank::{Bank, Task};
use crate::canary::{self, CanaryHead};
use crate::files::safe_name;
use crate::frontier::Demands;
use crate::masking;
use crate::row::QuantRow;
use crate::run_report::{Outcome, RunRecord, RunReport, TestRun};
use crate::settings::Settings;
use crate::sidecar::watch::Watch;
use crate::summary::{Canary, Summary};
use crate::{kpi, session};

/// Where a sweep is, told after each run.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// Runs that are done, those of the canary included.
    pub done: u64,
    /// Runs in all.
    pub total: u64,
    /// `canary` or `rows`.
    pub kind: &'static str,
    /// The model.
    pub model: String,
    /// Its quantization.
    pub quant: String,
    /// The task.
    pub task: String,
    /// Which run of it.
    pub run: u32,
    /// What it came to.
    pub adherence: Option<f64>,
    /// Whether it had been done before.
    pub was_kept: bool,
    /// How long the rest will take, by the runs so far.
    pub left: Option<Duration>,
}

/// How a sweep ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Ended {
    /// The machine is not still enough; nothing was measured.
    Canary(Canary),
    /// All rows are there.
    Done(Box<Summary>),
}

/// A sweep under way.
pub struct Sweep<'a, B> {
    /// What is asked for.
    pub settings: &'a Settings,
    /// The machine.
    pub machine: &'a Machine,
    /// Whether to go on with what is kept.
    pub resume: bool,
    /// What does runs.
    pub bench: B,
    /// Is told after each run.
    pub progress: &'a mut dyn FnMut(&Progress),
}

fn now() -> String {
    let now = Timestamp::now();
    format!("{:.3}", now)
}

/// What all rows share.
struct Ground<'a> {
    tasks: Vec<&'a Task>,
    canary_tasks: Vec<&'a Task>,
    names: std::collections::BTreeMap<(String, String), String>,
    store: Store,
    watch: Watch,
    out: PathBuf,
    began: Instant,
    done: u64,
    measured: u32,
    total: u64,
}

/// One row, or the canary.
struct Series<'a> {
    kind: &'static str,
    model: &'a str,
    quant: &'a str,
    served: &'a str,
    runs: u32,
}

impl<B: Bench> Sweep<'_, B> {
    /// Does everything. What was done stays when this is dropped halfway.
    ///
    /// # Errors
    ///
    /// [`HarnessError`]; what was done before stays.
    pub async fn run(mut self) -> Result<Ended, HarnessError> {
        let settings = self.settings;
        let bank = Bank::load(&settings.task_bank)?;
        let mut ground = self.ground(&bank)?;
        let canary = match self.canary(&mut ground).await? {
            Some(canary) if !canary.passed => return Ok(Ended::Canary(canary)),
            canary => canary,
        };
        let demands = Demands {
            adherence_threshold: settings.adherence_threshold,
            latency_ceiling: settings.latency_ceiling,
            include_invalid: settings.include_invalid,
        };
        let mut sessions = Vec::new();
        for model in &settings.models {
            let mut rows = Vec::new();
            for quant in &settings.quants {
                rows.push(self.row(&mut ground, model, quant).await?);
            }
            sessions.push(session::of(model, rows, &demands));
        }
        let mut summary = Summary {
            schema_version: SCHEMA_VERSION.to_owned(),
            generated_at: now(),
            commit_sha: self.machine.commit_sha.clone(),
            hardware_fingerprint: self.machine.fingerprint.clone(),
            matrix: matrix(settings),
            execution_lane: settings.execution_lane,
            vram_profile: settings.vram_profile,
            canary,
            sessions,
            stability_kpis: None,
        };
        summary.stability_kpis = Some(kpi::of(&summary));
        write_json(Path::new(&settings.summary_out), &summary)?;
        Ok(Ended::Done(Box::new(summary)))
    }

    fn ground<'b>(&self, bank: &'b Bank) -> Result<Ground<'b>, HarnessError> {
        let settings = self.settings;
        let tasks = selected(bank, settings)?;
        let names = if settings.runner_template.is_some() {
            // The command is given both words and makes of them what it likes.
            let rows = settings.models.iter().flat_map(|model| {
                let quants = settings.quants.iter();
                quants
                    .map(move |quant| ((model.clone(), quant.clone()), format!("{model} {quant}")))
            });
            rows.collect()
        } else {
            let template = settings.model_template.as_deref();
            naming::all(&settings.models, &settings.quants, template)?
        };
        let watch = Watch::of(&sidecar_plan(settings))?;
        let out = PathBuf::from(&settings.out_dir);
        let store = Store::open(&out, &kept_for(settings, &tasks), self.resume)?;
        let limit = usize::try_from(settings.canary_task_limit).unwrap_or(usize::MAX);
        let canary_tasks: Vec<&Task> = tasks.iter().copied().take(limit).collect();
        let count = |length: usize| u64::try_from(length).unwrap_or(u64::MAX);
        let rows = count(names.len()) * count(tasks.len()) * u64::from(settings.runs_per_quant);
        let total = rows + count(canary_tasks.len()) * u64::from(settings.canary_runs);
        Ok(Ground {
            tasks,
            canary_tasks,
            names,
            store,
            watch,
            out,
            began: Instant::now(),
            done: 0,
            measured: 0,
            total,
        })
    }

    async fn canary(&mut self, ground: &mut Ground<'_>) -> Result<Option<Canary>, HarnessError> {
        let settings = self.settings;
        let (Some(model), Some(quant)) = (settings.models.first(), settings.quants.first()) else {
            return Ok(None);
        };
        if settings.canary_runs == 0 {
            return Ok(None);
        }
        let served = ground.served(model, quant);
        let series = Series {
            kind: "canary",
            model,
            quant,
            served: &served,
            runs: settings.canary_runs,
        };
        let tasks = ground.canary_tasks.clone();
        let report = self.series(ground, &series, &tasks).await?;
        let path = ground.out.join("canary_report.json");
        write_json(&path, &report)?;
        let head = CanaryHead {
            model_id: model.clone(),
            quant_tag: quant.clone(),
            runs: settings.canary_runs,
            task_limit: u32::try_from(tasks.len()).unwrap_or(u32::MAX),
            latency_variance_threshold: settings.canary_latency_variance_threshold,
            report_path: path.display().to_string(),
        };
        Ok(Some(canary::of(head, &report)))
    }

    async fn row(
        &mut self,
        ground: &mut Ground<'_>,
        model: &str,
        quant: &str,
    ) -> Result<QuantRow, HarnessError> {
        let settings = self.settings;
        let served = ground.served(model, quant);
        let series = Series {
            kind: "rows",
            model,
            quant,
            served: &served,
            runs: settings.runs_per_quant,
        };
        let tasks = ground.tasks.clone();
        let before = ground.watch.before();
        let report = self.series(ground, &series, &tasks).await?;
        let hardware_sidecar = ground
            .watch
            .after(&before, model, quant, &ground.out, &now())
            .map_err(HarnessError::io(&ground.out))?;
        let path = ground
            .out
            .join(safe_name(model))
            .join(format!("{}_report.json", safe_name(quant)));
        write_json(&path, &report)?;
        let head = RowHead {
            quant_tag: quant.to_owned(),
            report_path: path.display().to_string(),
            execution_lane: settings.execution_lane,
            vram_profile: settings.vram_profile,
            hardware_sidecar,
            served_model: settings.runner_template.is_none().then_some(served),
        };
        Ok(aggregate::row(head, &report))
    }

    /// Every run of every task for one model and quantization.
    async fn series(
        &mut self,
        ground: &mut Ground<'_>,
        series: &Series<'_>,
        tasks: &[&Task],
    ) -> Result<RunReport, HarnessError> {
        let mut runs = Vec::new();
        let mut is_warm = false;
        for task in tasks {
            for run in 1..=series.runs {
                let place = Place {
                    kind: series.kind,
                    model: series.model,
                    quant: series.quant,
                    task: &task.id,
                    run,
                };
                let kept = ground.store.find(&place);
                let was_kept = kept.is_some();
                let done = match kept {
                    Some(done) => done,
                    None => {
                        if !is_warm {
                            self.warm_up(series, task).await?;
                            is_warm = true;
                        }
                        let done = self.one(series, task, run).await?;
                        ground.store.keep(&place, &done)?;
                        ground.measured += 1;
                        done
                    }
                };
                ground.done += 1;
                (self.progress)(&ground.progress(series, task, run, &done, was_kept));
                runs.push((*task, done));
            }
        }
        Ok(report::of(self.settings, series.runs, &runs, &now()))
    }

    async fn warm_up(&mut self, series: &Series<'_>, task: &Task) -> Result<(), HarnessError> {
        let controls = &self.settings.controls;
        let steps = controls.warmup_steps.unwrap_or(0);
        let warm = self.bench.warm_up(series.served, controls, steps).await;
        warm.map_err(|cause| HarnessError::Bench {
            task: task.id.clone(),
            served: series.served.to_owned(),
            cause,
        })
    }

    async fn one(
        &mut self,
        series: &Series<'_>,
        task: &Task,
        run: u32,
    ) -> Result<DoneRun, HarnessError> {
        let settings = self.settings;
        let job = Job {
            task,
            served: series.served,
            model: series.model,
            quant: series.quant,
            run,
            controls: &settings.controls,
            limit: Duration::from_secs(settings.task_timeout_sec),
        };
        let seen = self
            .bench
            .run(job)
            .await
            .map_err(|cause| HarnessError::Bench {
                task: task.id.clone(),
                served: series.served.to_owned(),
                cause,
            })?;
        Ok(done(settings, &job, seen))
    }
}

/// A run as it is kept.
fn done(settings: &Settings, job: &Job<'_>, seen: Seen) -> DoneRun {
    let telemetry = telemetry::of(job, &seen, settings.execution_lane, settings.vram_profile);
    let is_whole = seen
        .score
        .as_ref()
        .is_none_or(crate::score::Score::is_whole);
    let outcome = if seen.is_done && is_whole {
        Outcome::Pass
    } else {
        Outcome::Fail
    };
    DoneRun {
        record: RunRecord {
            run_index: job.run,
            exit_code: seen.exit_code,
            outcome,
            duration_ms: telemetry.total_latency.map(|seconds| seconds * 1_000.0),
            cost_usd: None,
            hash: masking::hash(&seen.produced, &seen.mask),
        },
        test: TestRun {
            test_id: job.task.id.clone(),
            outcome,
            telemetry,
        },
        score: seen.score,
    }
}

impl Ground<'_> {
    fn served(&self, model: &str, quant: &str) -> String {
        let row = (model.to_owned(), quant.to_owned());
        self.names.get(&row).cloned().unwrap_or_default()
    }

    fn progress(
        &self,
        series: &Series<'_>,
        task: &Task,
        run: u32,
        done: &DoneRun,
        was_kept: bool,
    ) -> Progress {
        let left = u32::try_from(self.total.saturating_sub(self.done)).unwrap_or(u32::MAX);
        Progress {
            done: self.done,
            total: self.total,
            kind: series.kind,
            model: series.model.to_owned(),
            quant: series.quant.to_owned(),
            task: task.id.clone(),
            run,
            adherence: done.test.telemetry.adherence_score,
            was_kept,
            left: (self.measured > 0)
                .then(|| (self.began.elapsed() / self.measured.max(1)).saturating_mul(left)),
        }
    }
}
