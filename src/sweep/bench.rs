//! A whole Orket in a scratch folder, which takes one task after the other.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use orket_actors::port::model::ModelProviders;
use orket_actors::runtime::{RunReport, RuntimeError, Shutdown};
use orket_core::model::{
    Message, ModelEvent, ModelName, ModelOptions, ModelRequest, Origin, Speaker,
};
use orket_sweep::harness::bench::{Bench, BenchError, Job, Seen};
use orket_sweep::harness::machine::Gauge;
use orket_sweep::masking::{self, Mask, Produced};
use orket_sweep::score::{self, examples};
use orket_sweep::telemetry::{Controls, SystemLoad};
use serde_json::{Map, Value, json};

use super::execute::Examples;
use super::scratch::{Prepared, Scratch, provider, unforwarded};
use super::{gather, memory};
use crate::providers::{LoadScenario, ProviderSettings, Providers};
use crate::storage::{JournalOptions, SyncMode};
use crate::system::{System, SystemOptions};
use crate::tools::child::sandbox::SandboxOptions;

/// How long the processor is looked at before and after a run.
const WINDOW: Duration = Duration::from_millis(100);
/// How much longer than its limit a run may take to be halted.
const HALTING: Duration = Duration::from_secs(20);
/// A question of the warm-up may take this long: the model may have to be loaded from disk.
const WARM_UP: Duration = Duration::from_secs(600);

/// What a bench is started with.
pub struct BenchOptions {
    /// Model servers and keys.
    pub providers: ProviderSettings,
    /// Finds scenarios by name.
    pub scenarios: LoadScenario,
    /// What the programs of answers may do, and never see.
    pub sandbox: SandboxOptions,
    /// This program, to parse files in a process of its own.
    pub parser: Option<PathBuf>,
}

/// Why a bench did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A folder or a thread could not be made.
    #[error("the scratch folder of the sweep: {0}")]
    Io(#[from] std::io::Error),
    /// The system did not start.
    #[error(transparent)]
    System(#[from] crate::system::StartError),
}

/// See the file's head.
pub struct RuntimeBench {
    // First: it is stopped before its folder goes.
    system: System,
    examples: Examples,
    providers: Providers,
    ollama_url: String,
    gauge: Gauge,
    /// Judgements, by task and hash of the answer's files.
    known: HashMap<(String, String), score::Score>,
    scratch: Scratch,
}

impl RuntimeBench {
    /// Starts everything on the calling thread's actix system.
    ///
    /// # Errors
    ///
    /// [`StartError`].
    pub async fn start(options: BenchOptions) -> Result<Self, StartError> {
        let scratch = Scratch::new()?;
        std::fs::create_dir_all(scratch.idle())?;
        let load = Arc::clone(&options.scenarios);
        let system = System::start(SystemOptions {
            // What is lost with the machine is a run that is done again.
            journal: JournalOptions {
                sync: SyncMode::Normal,
                ..JournalOptions::default()
            },
            providers: options.providers.clone(),
            log: None,
            parser: options.parser,
            sandbox: options.sandbox.clone(),
            ..SystemOptions::new(&scratch.durable(), &scratch.idle(), load)
        })
        .await?;
        let mut sandbox = options.sandbox;
        sandbox.hidden.push(scratch.durable());
        let id = format!("sweep-{}", std::process::id());
        Ok(Self {
            system,
            examples: Examples::start(&id, sandbox)?,
            ollama_url: options.providers.ollama_url.clone(),
            providers: Providers::new(options.providers, options.scenarios),
            gauge: Gauge::default(),
            known: HashMap::new(),
            scratch,
        })
    }

    async fn load(&mut self, is_declared: bool) -> SystemLoad {
        if !is_declared {
            self.gauge.look();
            tokio::time::sleep(WINDOW).await;
        }
        self.gauge.look()
    }

    /// Takes the run to its end, or halts it when its time is up.
    async fn to_the_end(
        &self,
        prepared: &Prepared,
        limit: Duration,
    ) -> Result<RunReport, RuntimeError> {
        let runtime = &self.system.runtime;
        let id = prepared.run.clone();
        match tokio::time::timeout(limit, runtime.wait(id.clone())).await {
            Ok(report) => report,
            Err(_) => match tokio::time::timeout(HALTING, runtime.halt(id.clone())).await {
                Ok(report) => report,
                Err(_) => runtime.report(id).await,
            },
        }
    }

    async fn told(&self, run: &str) -> Result<gather::Told, BenchError> {
        let (reader, run) = (self.system.reader(), run.to_owned());
        let read = crate::blocking::blocking(move || gather::told(&reader, &run)).await;
        let failed =
            |error: &dyn std::fmt::Display| BenchError::Failed(format!("the journal: {error}"));
        read.map_err(|error| failed(&error))?
            .map_err(|error| failed(&error))
    }

    /// The judgement on an answer. One that was judged before, to the byte, is not carried out again:
    /// other rows and runs often come to the same.
    async fn judged(
        &mut self,
        job: &Job<'_>,
        prepared: &Prepared,
        produced: &Produced,
    ) -> score::Score {
        let key = (
            job.task.id.clone(),
            masking::hash(&of_files(produced), &Mask::new()),
        );
        if let Some(score) = self.known.get(&key) {
            return score.clone();
        }
        let file = produced.artifacts.get(&job.task.evaluation.file);
        let source = file.map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        let printed = match (&source, examples::order(job.task)) {
            (Some(_), Some(order)) => {
                Some(self.examples.carry_out(&order, &prepared.workspace).await)
            }
            _ => None,
        };
        let score = score::judge(job.task, source.as_deref(), printed.as_ref());
        // What went wrong around the examples, or took too long on a busy machine, may not the next time.
        if score.is_settled() {
            self.known.insert(key, score.clone());
        }
        score
    }

    async fn memory(&self, served: &str, told: &gather::Told) -> Option<u64> {
        let declared = told
            .replies
            .iter()
            .filter_map(|reply| reply.measured.memory_bytes)
            .max();
        if declared.is_some() || provider(served) != "ollama" {
            return declared;
        }
        let model = ModelName::parse(served).ok()?.model;
        memory::of_ollama(&self.ollama_url, &model).await
    }

    async fn perform(&mut self, job: &Job<'_>) -> Result<Seen, BenchError> {
        let failed = |error: std::io::Error| BenchError::Failed(error.to_string());
        let is_declared = provider(job.served) == "scripted";
        let prepared = self.scratch.prepare(job).map_err(failed)?;
        let before = self.load(is_declared).await;
        let began = Instant::now();
        let started = self.system.runtime.start_run(prepared.new.clone()).await;
        started.map_err(|error| BenchError::Failed(error.to_string()))?;
        let report = self.to_the_end(&prepared, job.limit).await;
        let report = report.map_err(|error| BenchError::Failed(error.to_string()))?;
        let wall_seconds = began.elapsed().as_secs_f64();
        let after = self.load(is_declared).await;
        let told = self.told(prepared.run.as_str()).await?;
        if told.replies.is_empty() {
            return Err(BenchError::NoReply(no_reply(&report, &told)));
        }
        let words: Vec<String> = told.replies.iter().map(gather::words).collect();
        let produced = Produced {
            exit_code: None,
            output: words.join("\n"),
            artifacts: gather::files(&prepared.workspace).map_err(failed)?,
        };
        let score = self.judged(job, &prepared, &produced).await;
        let memory_bytes = self.memory(job.served, &told).await;
        Scratch::clear(&prepared);
        Ok(Seen {
            is_done: report.status == "done",
            exit_code: None,
            wall_seconds,
            turns: told.replies.iter().map(gather::turn).collect(),
            retries: Some(told.retries),
            produced,
            mask: Mask::new()
                .with(prepared.workspace.display().to_string(), "WORKSPACE")
                .with(report.run_id, "RUN_ID")
                .with(report.build_id, "BUILD_ID"),
            score: Some(score),
            loads: [before, after],
            memory_bytes,
            is_declared,
            unforwarded: unforwarded(job),
            told: None,
        })
    }

    /// Stops the actors and closes the journal.
    pub async fn stop(self) {
        if let Err(error) = self.system.stop(Shutdown::Immediate).await {
            tracing::debug!(%error, "the scratch journal of the sweep did not close in good order");
        }
    }
}

/// The files of a run without what was said.
fn of_files(produced: &Produced) -> Produced {
    Produced {
        artifacts: produced.artifacts.clone(),
        ..Produced::default()
    }
}

fn no_reply(report: &RunReport, told: &gather::Told) -> String {
    // A note ends in the command that goes on with the run, which is gone with its folder.
    let said = |note: &str| {
        note.split("; `orket ")
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    let notes = report.cards.iter().map(|card| said(&card.note));
    let reasons: Vec<String> = notes.filter(|note| !note.is_empty()).collect();
    match (reasons.is_empty(), &told.code) {
        (false, _) => reasons.join("; "),
        (true, Some(code)) => format!("the run is {}, {code}", report.status),
        (true, None) => format!("the run is {}", report.status),
    }
}

/// Every bench is driven through a borrow, so that its owner can stop it afterwards.
impl Bench for &mut RuntimeBench {
    async fn warm_up(
        &mut self,
        served: &str,
        controls: &Controls,
        steps: u32,
    ) -> Result<(), BenchError> {
        let model = ModelName::parse(served).map_err(BenchError::NoReply)?;
        let provider = self
            .providers
            .provider(&model)
            .map_err(|failure| BenchError::NoReply(failure.to_string()))?;
        for step in 1..=steps {
            let mut events = provider.ask(Arc::new(question(&model, controls, step)));
            let asked = async {
                while let Some(event) = events.next().await {
                    match event {
                        ModelEvent::Done => return Ok(()),
                        ModelEvent::Failed(failure) => return Err(failure.to_string()),
                        ModelEvent::Connected
                        | ModelEvent::Beat
                        | ModelEvent::Text(_)
                        | ModelEvent::ToolCall(_)
                        | ModelEvent::Usage(_)
                        | ModelEvent::Measured(_)
                        | ModelEvent::Cut => {}
                    }
                }
                Err("the reply broke off".to_owned())
            };
            let answer = tokio::time::timeout(WARM_UP, asked).await;
            answer
                .unwrap_or_else(|_| Err("it took too long".to_owned()))
                .map_err(BenchError::NoReply)?;
        }
        Ok(())
    }

    async fn run(&mut self, job: Job<'_>) -> Result<Seen, BenchError> {
        self.perform(&job).await
    }
}

/// A question of the warm-up, with the options of the runs that follow: another context would make the
/// server load the model anew.
fn question(model: &ModelName, controls: &Controls, step: u32) -> ModelRequest {
    let mut params: Map<String, Value> = Map::new();
    if model.provider == "ollama" {
        if let Some(tokens) = controls.context_window {
            params.insert("num_ctx".to_owned(), json!(tokens));
        }
        if let Some(threads) = controls.threads {
            params.insert("num_thread".to_owned(), json!(threads));
        }
    }
    ModelRequest {
        model: model.clone(),
        messages: vec![Message::new(Speaker::User, "Answer with the word ready.")],
        tools: Vec::new().into(),
        options: ModelOptions {
            temperature: controls.temperature,
            seed: controls.seed.and_then(|seed| i64::try_from(seed).ok()),
            params,
        },
        origin: Origin {
            run_id: "warm-up".to_owned(),
            issue_id: "warm-up".to_owned(),
            seat: "warm-up".to_owned(),
            role: "warm-up".to_owned(),
            turn: 1,
            attempt: step,
            round: 0,
        },
        schema: None,
    }
}
