//! What does one run of one task, and what it saw.

use std::time::Duration;

use crate::bank::Task;
use crate::masking::{Mask, Produced};
use crate::score::Score;
use crate::telemetry::{Controls, SystemLoad, Telemetry};
use crate::tokens::TurnTokens;

/// One run to be done.
#[derive(Debug, Clone, Copy)]
pub struct Job<'a> {
    /// The task.
    pub task: &'a Task,
    /// The model as its server is to be asked for it, `provider:model`.
    pub served: &'a str,
    /// The model as the sweep calls it.
    pub model: &'a str,
    /// Its quantization.
    pub quant: &'a str,
    /// Which run of the task, from 1.
    pub run: u32,
    /// What is held still.
    pub controls: &'a Controls,
    /// The most time that it may take.
    pub limit: Duration,
}

/// What one turn of a run took.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TurnSeen {
    /// Tokens and times.
    pub tokens: TurnTokens,
    /// Seconds of loading the model.
    pub load_seconds: Option<f64>,
}

/// What was seen of one run.
#[derive(Debug, Default)]
pub struct Seen {
    /// Whether the card came to its end well, or the command ended with 0.
    pub is_done: bool,
    /// The exit code, where a command ran and was not killed.
    pub exit_code: Option<i32>,
    /// Seconds from begin to end.
    pub wall_seconds: f64,
    /// Every question to the model.
    pub turns: Vec<TurnSeen>,
    /// Times that the model was asked again because something was wrong.
    pub retries: Option<u64>,
    /// What it came to, for comparing runs.
    pub produced: Produced,
    /// What of it differs in every run.
    pub mask: Mask,
    /// The judgement on the answer; `None` when nobody judged.
    pub score: Option<Score>,
    /// The machine before and after.
    pub loads: [SystemLoad; 2],
    /// The most memory that the model took.
    pub memory_bytes: Option<u64>,
    /// Whether the model's times are declared by a scenario: then nobody waited for them, and how busy
    /// the machine is says nothing about them.
    pub is_declared: bool,
    /// Controls that were asked for and cannot reach this model's server.
    pub unforwarded: Vec<&'static str>,
    /// What a command said of itself; everything above that it covers is left out then.
    pub told: Option<Telemetry>,
}

/// Why a run could not be done at all. What a model does badly is no such thing.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The model gave no reply.
    #[error("the model gave no reply: {0}")]
    NoReply(String),
    /// Something of our own failed.
    #[error("{0}")]
    Failed(String),
}

/// Does runs. One at a time: measuring suffers no company.
pub trait Bench {
    /// Asks the model `steps` questions that nobody measures, so that it is loaded.
    fn warm_up(
        &mut self,
        served: &str,
        controls: &Controls,
        steps: u32,
    ) -> impl Future<Output = Result<(), BenchError>>;

    /// Does one run.
    fn run(&mut self, job: Job<'_>) -> impl Future<Output = Result<Seen, BenchError>>;
}
