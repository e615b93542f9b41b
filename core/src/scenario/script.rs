//! Which reply of a scenario answers a question.

use std::collections::HashMap;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::{Mutex, PoisonError};

use crate::failure::{Failure, FailureClass};
use crate::model::{Measured, Message, Origin, Usage};

use super::template::Template;
use super::{Fault, Scenario, ScriptedReply, When};

/// How many runs' counts are remembered; beyond that the run that asked longest ago is forgotten.
const MAX_RUNS: usize = 1_024;

/// What the scripted model does in answer to one question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The whole text, placeholders filled in.
    pub text: String,
    /// How long before the first chunk, in milliseconds.
    pub first_chunk_delay_ms: u64,
    /// How many characters a chunk has, when there is a delay between chunks.
    pub chunk_chars: NonZeroUsize,
    /// How long between two chunks, in milliseconds.
    pub chunk_delay_ms: u64,
    /// What goes wrong.
    pub fault: Option<Fault>,
    /// When to come back, in milliseconds.
    pub retry_after_ms: Option<u64>,
    /// What it cost.
    pub usage: Option<Usage>,
    /// What a server would have measured of it.
    pub measured: Measured,
}

/// A scenario made ready to answer, with its counts of uses.
///
/// One script may serve many runs at once: uses are counted per run, in this process only. An
/// answer costs the replies that name the card plus those that name none, whatever the scenario's
/// size; no lock is taken unless a reply with `times` fits.
#[derive(Debug)]
pub struct Script {
    name: String,
    replies: Vec<Reply>,
    default: Option<Body>,
    /// Places in `replies`, ascending, of those that name a card.
    by_issue: HashMap<String, Vec<usize>>,
    /// Places in `replies`, ascending, of those that name none.
    any_issue: Vec<usize>,
    uses: Mutex<Uses>,
}

#[derive(Debug)]
struct Reply {
    when: When,
    times: Option<NonZeroU32>,
    body: Body,
}

#[derive(Debug)]
struct Body {
    text: Template,
    first_chunk_delay_ms: u64,
    chunk_chars: NonZeroUsize,
    chunk_delay_ms: u64,
    fault: Option<Fault>,
    retry_after_ms: Option<u64>,
    usage: Option<Usage>,
    measured: Measured,
}

impl Script {
    /// Makes a scenario ready.
    #[must_use]
    pub fn new(scenario: Scenario) -> Self {
        let mut by_issue: HashMap<String, Vec<usize>> = HashMap::new();
        let mut any_issue = Vec::new();
        for (place, reply) in scenario.replies.iter().enumerate() {
            match &reply.when.issue {
                Some(issue) => by_issue.entry(issue.clone()).or_default().push(place),
                None => any_issue.push(place),
            }
        }
        Self {
            name: scenario.name,
            replies: scenario.replies.into_iter().map(Reply::new).collect(),
            default: scenario.default.map(|reply| Body::new(&reply)),
            by_issue,
            any_issue,
            uses: Mutex::default(),
        }
    }

    /// The scenario's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The answer to a question: the first reply that fits and is not used up, else the default.
    ///
    /// # Errors
    ///
    /// `model_refused` when nothing fits and there is no default.
    pub fn answer(&self, origin: &Origin, prompt: &[Message]) -> Result<Answer, Failure> {
        let named = self
            .by_issue
            .get(&origin.issue_id)
            .map_or(&[][..], Vec::as_slice);
        for place in in_order(named, &self.any_issue) {
            let Some(reply) = self.replies.get(place) else {
                continue;
            };
            if reply.when.holds(origin, prompt) && self.may_use(place, reply, origin) {
                return Ok(reply.body.answer(origin));
            }
        }
        match &self.default {
            Some(body) => Ok(body.answer(origin)),
            None => Err(self.nothing_fits(origin)),
        }
    }

    fn may_use(&self, place: usize, reply: &Reply, origin: &Origin) -> bool {
        let Some(limit) = reply.times else {
            return true;
        };
        let mut uses = self.uses.lock().unwrap_or_else(PoisonError::into_inner);
        uses.count(&origin.run_id, place, limit)
    }

    fn nothing_fits(&self, origin: &Origin) -> Failure {
        Failure::new(
            FailureClass::ModelRefused,
            format!(
                "scenario `{}` has no reply left for issue `{}`, role `{}`, seat `{}`, turn {}, \
                 attempt {}, and no default; add a reply or a default to it",
                self.name, origin.issue_id, origin.role, origin.seat, origin.turn, origin.attempt
            ),
        )
    }
}

impl When {
    /// Whether everything asked for holds.
    #[must_use]
    pub fn holds(&self, origin: &Origin, prompt: &[Message]) -> bool {
        fn fits<T: PartialEq + ?Sized>(wanted: Option<&T>, found: &T) -> bool {
            wanted.is_none_or(|wanted| wanted == found)
        }
        fits(self.issue.as_deref(), origin.issue_id.as_str())
            && fits(self.role.as_deref(), origin.role.as_str())
            && fits(self.seat.as_deref(), origin.seat.as_str())
            && fits(self.turn.as_ref(), &origin.turn)
            && fits(self.attempt.as_ref(), &origin.attempt)
            && self
                .prompt_contains
                .as_deref()
                .is_none_or(|text| prompt.iter().any(|message| message.content.contains(text)))
    }
}

impl Reply {
    fn new(reply: ScriptedReply) -> Self {
        Self {
            body: Body::new(&reply),
            when: reply.when,
            times: reply.times,
        }
    }
}

impl Body {
    fn new(reply: &ScriptedReply) -> Self {
        let text = match (&reply.content, &reply.calls) {
            (Some(content), _) => Template::of_text(content),
            (None, Some(calls)) => Template::of_calls(calls),
            (None, None) => Template::of_text(""),
        };
        Self {
            text,
            first_chunk_delay_ms: reply.first_chunk_delay_ms,
            chunk_chars: reply.chunk_chars,
            chunk_delay_ms: reply.chunk_delay_ms,
            fault: reply.fault,
            retry_after_ms: reply.retry_after_ms,
            usage: reply.usage.map(Usage::from),
            measured: reply.usage.map(Measured::from).unwrap_or_default(),
        }
    }

    fn answer(&self, origin: &Origin) -> Answer {
        Answer {
            text: self.text.fill(origin),
            first_chunk_delay_ms: self.first_chunk_delay_ms,
            chunk_chars: self.chunk_chars,
            chunk_delay_ms: self.chunk_delay_ms,
            fault: self.fault,
            retry_after_ms: self.retry_after_ms,
            usage: self.usage,
            measured: self.measured,
        }
    }
}

/// Two ascending lists as one.
fn in_order<'a>(left: &'a [usize], right: &'a [usize]) -> impl Iterator<Item = usize> + 'a {
    let mut left = left.iter().copied().peekable();
    let mut right = right.iter().copied().peekable();
    std::iter::from_fn(move || match (left.peek(), right.peek()) {
        (Some(l), Some(r)) if r < l => right.next(),
        (Some(_), _) => left.next(),
        (None, _) => right.next(),
    })
}

/// How often limited replies were used, by run.
#[derive(Debug, Default)]
struct Uses {
    runs: HashMap<String, RunUses>,
    clock: u64,
}

#[derive(Debug, Default)]
struct RunUses {
    counts: HashMap<usize, u32>,
    asked: u64,
}

impl Uses {
    /// Counts a use, unless the limit is reached.
    fn count(&mut self, run_id: &str, place: usize, limit: NonZeroU32) -> bool {
        if !self.runs.contains_key(run_id) && self.runs.len() >= MAX_RUNS {
            let oldest = self.runs.iter().min_by_key(|(_, run)| run.asked);
            if let Some(oldest) = oldest.map(|(id, _)| id.clone()) {
                self.runs.remove(&oldest);
            }
        }
        self.clock += 1;
        let run = self.runs.entry(run_id.to_owned()).or_default();
        run.asked = self.clock;
        let used = run.counts.entry(place).or_insert(0);
        let free = *used < limit.get();
        if free {
            *used += 1;
        }
        free
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::Speaker;

    fn origin(run: &str, issue: &str, role: &str, turn: u32, attempt: u32) -> Origin {
        Origin {
            run_id: run.into(),
            issue_id: issue.into(),
            seat: format!("{role}_seat"),
            role: role.into(),
            turn,
            attempt,
            round: 0,
        }
    }

    fn script(text: &str) -> Script {
        Script::new(Scenario::parse(text, "scenarios/t.json").unwrap())
    }

    fn say(script: &Script, origin: &Origin, prompt: &str) -> String {
        let prompt = [Message::new(Speaker::User, prompt)];
        script.answer(origin, &prompt).unwrap().text
    }

    #[test]
    fn the_first_reply_that_fits_answers_until_it_is_used_up() {
        let script = script(
            r#"{"name":"t","replies":[
                {"when":{"issue":"I-2","role":"coder"},"content":"issue and role"},
                {"when":{"seat":"guard_seat"},"times":1,"content":"guard once"},
                {"when":{"issue":"I-1","attempt":2},"content":"second try"},
                {"when":{"prompt_contains":"refused"},"content":"sorry"},
                {"when":{"issue":"I-1","turn":1},"times":2,"content":"twice"}],
               "default":{"content":"default of {{issue_id}}"}}"#,
        );
        let coder = origin("R1", "I-1", "coder", 1, 1);
        assert_eq!(
            say(&script, &origin("R1", "I-2", "coder", 9, 9), ""),
            "issue and role"
        );
        assert_eq!(say(&script, &coder, "it was refused before"), "sorry");
        assert_eq!(say(&script, &coder, ""), "twice");
        assert_eq!(
            say(&script, &origin("R1", "I-1", "guard", 1, 1), ""),
            "guard once"
        );
        assert_eq!(
            say(&script, &origin("R1", "I-1", "guard", 1, 1), ""),
            "twice"
        );
        assert_eq!(say(&script, &coder, ""), "default of I-1");
        assert_eq!(
            say(&script, &origin("R1", "I-1", "coder", 1, 2), ""),
            "second try"
        );
        assert_eq!(
            say(&script, &origin("R2", "I-1", "coder", 1, 1), ""),
            "twice",
            "another run counts for itself"
        );
    }

    #[test]
    fn a_question_nobody_scripted_is_refused_with_its_place() {
        let script =
            script(r#"{"name":"t","replies":[{"when":{"issue":"I-1"},"times":1,"content":"x"}]}"#);
        let asked = origin("R1", "I-1", "coder", 2, 3);
        say(&script, &asked, "");
        insta::assert_snapshot!(script.answer(&asked, &[]).unwrap_err());
    }

    #[test]
    fn counts_of_runs_long_gone_are_forgotten() {
        let mut uses = Uses::default();
        let once = NonZeroU32::MIN;
        for run in 0..MAX_RUNS * 2 {
            assert!(uses.count(&format!("R{run}"), 0, once));
            assert!(!uses.count(&format!("R{run}"), 0, once));
        }
        assert_eq!(uses.runs.len(), MAX_RUNS);
    }

    proptest! {
        /// The index must not change which reply answers.
        #[test]
        fn the_index_answers_as_a_plain_search_would(
            whens in prop::collection::vec((prop::option::of(0u8..4), prop::option::of(0u8..3), prop::option::of(1u32..3)), 0..24),
            asked in (0u8..4, 0u8..3, 1u32..3),
        ) {
            let replies: Vec<ScriptedReply> = whens.iter().enumerate().map(|(place, (issue, role, turn))| {
                let text = serde_json::json!({
                    "when": {
                        "issue": issue.map(|i| format!("I-{i}")),
                        "role": role.map(|r| format!("role{r}")),
                        "turn": turn,
                    },
                    "content": place.to_string(),
                });
                serde_json::from_value(text).unwrap()
            }).collect();
            let asked = origin("R", &format!("I-{}", asked.0), &format!("role{}", asked.1), asked.2, 1);
            let expected = replies.iter().find(|reply| reply.when.holds(&asked, &[])).and_then(|reply| reply.content.clone());
            let script = Script::new(Scenario { name: "t".into(), replies, default: None });
            prop_assert_eq!(script.answer(&asked, &[]).ok().map(|answer| answer.text), expected);
        }
    }
}
