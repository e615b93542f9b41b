//! `orket replay RUN:ISSUE:TURN[:ROLE] --against MODEL`: another model is asked what is recorded, and
//! its replies are judged as the run would. Nothing is written, nobody has to own the folder, no
//! tool is run.

use std::process::ExitCode;
use std::sync::Arc;

use orket_actors::port::model::ModelProviders;
use orket_core::model::ModelName;
use orket_core::turn::{Context as TurnContext, ReplyVerdict, Violation, follow};
use serde::Serialize;
use serde_json::{Value, json};

use super::replay::{find, parse};
use crate::cli::args::ReplayArgs;
use crate::cli::assemble;
use crate::cli::context::Context;
use crate::cli::failure::{Failure, INTERRUPTED};
use crate::cli::out;
use crate::evidence::{Against, Answered, Side, ask_again};
use crate::owner::ports::RecordsError;
use crate::owner::service::Refusal;
use crate::owner::signals::Signals;

#[derive(Serialize)]
struct Shown<'a> {
    run_id: &'a str,
    issue_id: &'a str,
    turn: u32,
    attempt: u32,
    role: &'a str,
    against: &'a ModelName,
    #[serde(flatten)]
    answers: &'a Against,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Value>,
}

pub async fn run(context: Context, args: ReplayArgs) -> Result<ExitCode, Failure> {
    let wanted = args.against.as_deref().unwrap_or_default();
    let model =
        ModelName::parse(wanted).map_err(|error| Failure::usage(format!("--against: {error}")))?;
    let place = parse(&args.turn)?;
    let records = context.records()?;
    let (row, attempt, _) = find(records.as_ref(), &place, &args.turn, args.attempt)?;
    let unknown = || Refusal::unknown_run(&row.run_id);
    let reader = context.reader()?.ok_or_else(unknown)?;
    let plan = records.plan(&row.run_id)?.ok_or_else(unknown)?;
    let steps = records.steps(attempt.row)?;
    let card = reader
        .card_of_turn(attempt.row)
        .map_err(|error| RecordsError(error.to_string()))?;
    let unreadable = |what: &str| Failure::new("E_STORAGE", what).hint("orket verify says more");
    let cx = steps
        .first()
        .zip(card)
        .and_then(|(first, card)| TurnContext::recorded(Arc::clone(&plan), card, first))
        .ok_or_else(|| unreadable("the attempt does not begin with `turn_started`"))?;
    let followed = follow(Arc::new(cx), &steps).map_err(|failure| unreadable(&failure.message))?;
    if followed.rounds.is_empty() {
        return Err(Failure::new(
            "E_REPLAY_NOT_FOUND",
            format!("no model was asked in turn `{}`", args.turn),
        )
        .hint(format!("orket show {} lists what is recorded", row.run_id)));
    }
    let coded = |failure: &orket_core::failure::Failure| {
        Failure::new(failure.code(), format!("{model}: {}", failure.message))
    };
    let provider = assemble::models(&context.settings, &context.cwd)
        .provider(&model)
        .map_err(|failure| coded(&failure))?;
    let mut signals = Signals::listen()
        .map_err(|error| Failure::new("E_SIGNALS", format!("cannot listen to signals: {error}")))?;
    out::warn(&format!("asking {model}; Ctrl-C stops it"));
    let answers = tokio::select! {
        asked = ask_again(&followed.rounds, &model, &provider, &plan.clocks) => {
            asked.map_err(|failure| coded(&failure))?
        }
        name = signals.next() => {
            return Err(Failure {
                exit: INTERRUPTED,
                ..Failure::new("E_INTERRUPTED", format!("{name} before {model} had answered"))
            });
        }
    };
    let failure = answers.failure.as_ref().map(coded);
    if context.json {
        out::json(&Shown {
            run_id: &row.run_id,
            issue_id: &attempt.issue_id,
            turn: attempt.turn,
            attempt: attempt.attempt,
            role: &attempt.role,
            against: &model,
            answers: &answers,
            error: failure
                .as_ref()
                .map(|it| json!({"code": it.code, "detail": it.message})),
        });
    } else {
        out::print(&format!(
            "turn {} of {} by {}, attempt {}, asked again of {model}\n",
            attempt.turn, attempt.issue_id, attempt.role, attempt.attempt
        ));
        for answered in &answers.rounds {
            out::print(&shown(answered));
        }
    }
    if let Some(failure) = failure {
        // What came before it is printed: it is told on standard error alone.
        return Ok(failure.tell(false));
    }
    Ok(ExitCode::from(u8::from(!answers.ok)))
}

fn shown(answered: &Answered) -> String {
    let mut text = format!(
        "\n=== round {}, {} messages\n",
        answered.round, answered.messages
    );
    for (name, side) in [("recorded", &answered.recorded), ("other", &answered.other)] {
        match side {
            Some(side) => text.push_str(&half(name, side)),
            None => text.push_str(&format!("--- {name}: no reply\n")),
        }
    }
    text
}

fn half(name: &str, side: &Side) -> String {
    let verdict = match side.verdict {
        ReplyVerdict::Meets => "meets the contract",
        ReplyVerdict::LooksUp => "only looks, and would be answered",
        ReplyVerdict::Breaks => "BREAKS THE CONTRACT",
    };
    let tokens = |count: Option<u64>| count.map_or_else(|| "?".to_owned(), |it| it.to_string());
    let mut text = format!(
        "--- {name}: {} {verdict}; {} tokens in, {} out, {} ms\n{}\n",
        side.model,
        tokens(side.usage.prompt_tokens),
        tokens(side.usage.output_tokens),
        side.latency_ms,
        side.text.trim_end(),
    );
    for call in &side.calls {
        text.push_str(&format!("call     {}\n", call.canonical()));
    }
    if !side.met.is_empty() {
        let clause = |code: &&'static str| code.trim_end_matches("_contract_not_met");
        let clauses: Vec<&str> = side.met.iter().map(clause).collect();
        text.push_str(&format!("met      {}\n", clauses.join(", ")));
    }
    let line = |name: &str, it: &Violation| {
        let code = it.rule_id.as_deref().unwrap_or(&it.reason);
        format!("{name:<8} {code}: {}\n", it.message)
    };
    for violation in &side.broken {
        text.push_str(&line("broken", violation));
    }
    for violation in &side.refused {
        text.push_str(&line("refused", violation));
    }
    text
}
