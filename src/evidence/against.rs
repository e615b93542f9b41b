//! The questions of a recorded attempt, put to another model. Nothing is written and no tool is run:
//! what comes back is judged as the run would judge it, and shown.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use orket_actors::port::model::ModelProvider;
use orket_core::failure::{Failure, FailureClass};
use orket_core::model::{ModelEvent, ModelName, ModelRequest, Reply, Usage};
use orket_core::stall::{Clocks, Phase, Pulse, Verdict, is_repeating, judge};
use orket_core::tool::ToolCall;
use orket_core::turn::{ReplyVerdict, Round, Violation};
use serde::Serialize;
use tokio::time::Instant;

/// How much new text is worth a look for repetition, in bytes.
const LOOK_EVERY: usize = 4_096;

/// What one model said, and how the run takes it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Side {
    /// Who was asked.
    pub model: ModelName,
    /// `meets`, `looks_up` or `breaks`.
    pub verdict: ReplyVerdict,
    /// The text, as it came.
    pub text: String,
    /// The calls found in it.
    pub calls: Vec<ToolCall>,
    /// Clauses of the contract that it meets, by reason code.
    pub met: Vec<&'static str>,
    /// Clauses of the contract that it breaks.
    pub broken: Vec<Violation>,
    /// Calls that the gate refuses.
    pub refused: Vec<Violation>,
    /// Tokens.
    pub usage: Usage,
    /// From the request to the last chunk, in milliseconds.
    pub latency_ms: u64,
}

impl Side {
    fn of(round: &Round, model: &ModelName, reply: &Reply) -> Result<Self, Failure> {
        let judged = round.judge(reply)?;
        let is_met = |code: &&'static str| judged.unmet.iter().all(|it| it.reason != *code);
        Ok(Self {
            model: model.clone(),
            verdict: judged.verdict,
            text: reply.text.clone(),
            met: round.clauses().into_iter().filter(is_met).collect(),
            calls: judged.calls,
            broken: judged.unmet,
            refused: judged.refused,
            usage: reply.usage,
            latency_ms: reply.latency_ms,
        })
    }
}

/// One question and both answers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Answered {
    /// The round, from 0.
    pub round: u32,
    /// How many messages were asked with.
    pub messages: usize,
    /// What is recorded; nothing when the attempt ended before an answer.
    pub recorded: Option<Side>,
    /// What the other model says; nothing when it failed.
    pub other: Option<Side>,
}

/// All questions of an attempt.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Against {
    /// No answer breaks the contract, and the last one meets it.
    pub ok: bool,
    /// Each question that was asked.
    pub rounds: Vec<Answered>,
    /// Why the other model was not asked on.
    #[serde(skip)]
    pub failure: Option<Failure>,
}

/// Asks `model` every question of an attempt, each with its recorded messages. The first failure
/// ends it.
///
/// # Errors
///
/// When the record cannot be judged: the plan has no such seat.
pub async fn ask_again(
    rounds: &[Round],
    model: &ModelName,
    provider: &Arc<dyn ModelProvider>,
    clocks: &Clocks,
) -> Result<Against, Failure> {
    let mut against = Against {
        ok: false,
        rounds: Vec::with_capacity(rounds.len()),
        failure: None,
    };
    for round in rounds {
        let request = round.request_to(model.clone())?;
        let recorded = round.reply.as_ref();
        let mut answered = Answered {
            round: round.number,
            messages: request.messages.len(),
            recorded: recorded
                .map(|reply| Side::of(round, &round.model, reply))
                .transpose()?,
            other: None,
        };
        match ask(provider.as_ref(), Arc::new(request), clocks).await {
            Ok(reply) => answered.other = Some(Side::of(round, model, &reply)?),
            Err(failure) => against.failure = Some(failure),
        }
        against.rounds.push(answered);
        if against.failure.is_some() {
            return Ok(against);
        }
    }
    let verdicts: Vec<ReplyVerdict> = against
        .rounds
        .iter()
        .filter_map(|it| it.other.as_ref())
        .map(|side| side.verdict)
        .collect();
    against.ok =
        verdicts.last() == Some(&ReplyVerdict::Meets) && !verdicts.contains(&ReplyVerdict::Breaks);
    Ok(against)
}

/// One question, under the clocks of the run.
async fn ask(
    provider: &dyn ModelProvider,
    request: Arc<ModelRequest>,
    clocks: &Clocks,
) -> Result<Reply, Failure> {
    let began = Instant::now();
    let now = || u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let mut pulse = Pulse {
        phase: Phase::Connect,
        phase_since: 0,
        last_beat: 0,
        started: Some(0),
        until: None,
    };
    let mut reply = Reply::default();
    let mut looked = 0_usize;
    let mut stream = provider.ask(request);
    loop {
        let look_again = match judge(clocks, &pulse, now()) {
            Verdict::Stalled { phase, silent_ms } => return Err(stalled(phase, silent_ms)),
            Verdict::Alive { look_again } => look_again,
        };
        let event = tokio::select! {
            biased;
            event = stream.next() => event,
            () = until(began, look_again) => continue,
        };
        pulse.last_beat = now();
        let mut enter = |phase| {
            if pulse.phase != phase {
                pulse.phase = phase;
                pulse.phase_since = pulse.last_beat;
            }
        };
        match event {
            Some(ModelEvent::Connected) => enter(Phase::FirstToken),
            Some(ModelEvent::Beat) => {}
            Some(ModelEvent::Cut) => reply.cut = true,
            Some(ModelEvent::Measured(measured)) => reply.measured = measured,
            Some(ModelEvent::Text(text)) => {
                enter(Phase::Idle);
                reply.text.push_str(&text);
                if reply.text.len() >= looked.saturating_add(LOOK_EVERY) {
                    looked = reply.text.len();
                    if is_repeating(&reply.text, clocks.repeat_chars) {
                        return Err(stalled(Phase::Repeat, 0));
                    }
                }
            }
            Some(ModelEvent::ToolCall(call)) => {
                enter(Phase::Idle);
                reply.calls.push(call);
            }
            Some(ModelEvent::Usage(usage)) => {
                reply.usage.prompt_tokens = usage.prompt_tokens.or(reply.usage.prompt_tokens);
                reply.usage.output_tokens = usage.output_tokens.or(reply.usage.output_tokens);
            }
            Some(ModelEvent::Done) => {
                reply.latency_ms = now();
                return Ok(reply);
            }
            Some(ModelEvent::Failed(failure)) => return Err(failure),
            None => {
                return Err(Failure::new(
                    FailureClass::ModelBroken,
                    "the reply broke off before its end",
                ));
            }
        }
    }
}

async fn until(began: Instant, at_ms: Option<u64>) {
    match at_ms {
        Some(at_ms) => tokio::time::sleep_until(began + Duration::from_millis(at_ms)).await,
        None => std::future::pending().await,
    }
}

fn stalled(phase: Phase, silent_ms: u64) -> Failure {
    let what = match phase {
        Phase::Repeat => "the reply only repeats itself".to_owned(),
        phase => format!("the clock `{phase}` ran out after {silent_ms} ms of silence"),
    };
    Failure::new(FailureClass::Stalled, what)
}
