//! How often a guard or the verifier may send a card back, and what follows then.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::backoff::Backoff;
use crate::canonical;
use crate::status::words;

words! {
    /// How the wait before the next try grows with each sending back.
    GuardBackoff, "guard backoff" {
        /// No wait.
        None = "none",
        /// The run's retry wait, times the number of the try.
        Linear = "linear",
        /// The run's retry wait, doubled with each try.
        Exponential = "exponential",
    }
}

words! {
    /// What follows when a card was sent back too often.
    OnExceed, "escalation" {
        /// The card is blocked.
        Halt = "halt",
        /// Another seat tries once, then the card is blocked.
        FallbackRole = "fallback_role",
        /// Its seat tries once more and is told to begin anew, then the card is blocked.
        FallbackPrompt = "fallback_prompt",
    }
}

/// A card was sent back too often.
pub const RETRY_EXCEEDED: &str = "GUARD_RETRY_EXCEEDED";
/// A card was sent back for the very reason that it was sent back for before.
pub const NON_COMPLIANT: &str = "MODEL_NON_COMPLIANT";
/// A card was sent back too often, the last time for something made up.
pub const PERSISTENT: &str = "HALLUCINATION_PERSISTENT";

/// What an author is told when nothing else helped.
pub const BEGIN_ANEW: &str = "Earlier tries were refused again and again. Do not repair them: read the task again, begin anew, and check each point of the refusal before you answer.";

/// Text that is compared, at most so many characters of it.
const COMPARED: usize = 2_000;

/// The rules of the loop between a card's seat and its guard (`guard_loop_control`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GuardLoopPolicy {
    /// How often a card may be sent back, where that is less than the card's own `max_retries`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_retries: Option<u32>,
    /// How the wait grows.
    pub backoff: GuardBackoff,
    /// What follows after the last.
    pub on_exceed: OnExceed,
    /// The seat that tries then, for [`OnExceed::FallbackRole`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fallback_seat: Option<String>,
    /// The code of the block, in the place of [`RETRY_EXCEEDED`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terminal_code: Option<String>,
    /// What is said of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terminal_message: Option<String>,
}

impl Default for GuardLoopPolicy {
    fn default() -> Self {
        Self {
            max_retries: None,
            backoff: GuardBackoff::None,
            on_exceed: OnExceed::Halt,
            fallback_seat: None,
            terminal_code: None,
            terminal_message: None,
        }
    }
}

/// What is decided about a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ruling {
    /// Back to the seat.
    Retry {
        /// After this wait.
        wait: Duration,
    },
    /// One last try.
    Escalate(OnExceed),
    /// The card is blocked with this code.
    Terminal(String),
}

/// A refusal, reduced to what makes it the same as another: the rule ids in it, and its text with
/// white space folded, letters in lower case and times masked. The
/// first 16 hexadecimal digits of SHA-256 over both.
#[must_use]
pub fn fingerprint(reason: &str) -> String {
    let rules = rules_in(reason).join(",");
    let mut text = String::new();
    for word in reason.split_whitespace() {
        if !text.is_empty() {
            text.push(' ');
        }
        let masked = is_time(word);
        text.extend(word.chars().flat_map(char::to_lowercase).map(|it| {
            if masked && it.is_ascii_digit() {
                '#'
            } else {
                it
            }
        }));
    }
    let text: String = text.chars().take(COMPARED).collect();
    let mut digest = canonical::sha256_hex(format!("{rules}\n{text}").as_bytes());
    digest.truncate(16);
    digest
}

/// Whether a word is a time of day or a date, perhaps both: `10:05`, `2026-01-31`,
/// `2026-01-31T10:05:01.250Z`.
fn is_time(word: &str) -> bool {
    let digits = |text: Option<&str>, least: usize| {
        text.is_some_and(|it| it.bytes().take_while(u8::is_ascii_digit).count() >= least)
    };
    let word = word.trim_matches(|it: char| !it.is_ascii_alphanumeric());
    let clock = |text: &str| {
        let mut parts = text.split(':');
        digits(parts.next(), 1) && digits(parts.next(), 2)
    };
    let date = |text: &str| {
        let mut parts = text.split('-');
        digits(parts.next(), 4) && digits(parts.next(), 2) && digits(parts.next(), 2)
    };
    clock(word) || date(word)
}

/// The rule ids (`GROUP.RULE`) that a reason names, each once, in order.
#[must_use]
pub fn rules_in(reason: &str) -> Vec<String> {
    let is_part =
        |it: char| it.is_ascii_uppercase() || it.is_ascii_digit() || it == '_' || it == '.';
    let mut rules: Vec<String> = reason
        .split(|it: char| !is_part(it))
        .map(|word| word.trim_matches('.'))
        .filter(|word| {
            let mut parts = word.split('.');
            parts.clone().count() == 2 && parts.all(|it| it.len() > 2)
        })
        .map(str::to_owned)
        .collect();
    rules.sort_unstable();
    rules.dedup();
    rules
}

impl GuardLoopPolicy {
    /// Rules on a refusal. `seen` are the fingerprints of earlier ones of the card, `retries` how often
    /// it was sent back, `most` the card's own limit, `escalated` whether the last try was had.
    #[must_use]
    pub fn rule(
        &self,
        reason: &str,
        seen: &[String],
        (retries, most): (u32, u32),
        escalated: bool,
        backoff: Backoff,
        seed: &str,
    ) -> Ruling {
        if seen.contains(&fingerprint(reason)) {
            return Ruling::Terminal(NON_COMPLIANT.to_owned());
        }
        let most = self.max_retries.map_or(most, |own| own.min(most));
        if retries < most {
            return Ruling::Retry {
                wait: self.wait(retries.saturating_add(1), backoff, seed),
            };
        }
        if !escalated {
            match self.on_exceed {
                OnExceed::Halt => {}
                other @ (OnExceed::FallbackRole | OnExceed::FallbackPrompt) => {
                    return Ruling::Escalate(other);
                }
            }
        }
        let made_up = rules_in(reason)
            .iter()
            .any(|rule| rule.starts_with("HALLUCINATION."));
        Ruling::Terminal(if made_up {
            PERSISTENT.to_owned()
        } else {
            let own = self.terminal_code.clone();
            own.unwrap_or_else(|| RETRY_EXCEEDED.to_owned())
        })
    }

    fn wait(&self, retry: u32, backoff: Backoff, seed: &str) -> Duration {
        match self.backoff {
            GuardBackoff::None => Duration::ZERO,
            GuardBackoff::Exponential => backoff.delay(retry, seed),
            GuardBackoff::Linear => {
                let ms = backoff.base_ms.saturating_mul(u64::from(retry));
                Duration::from_millis(ms.min(backoff.max_ms))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKOFF: Backoff = Backoff {
        base_ms: 100,
        max_ms: 350,
    };

    fn rule(
        policy: &GuardLoopPolicy,
        reason: &str,
        seen: &[&str],
        retries: u32,
        escalated: bool,
    ) -> Ruling {
        let seen: Vec<String> = seen.iter().map(|text| fingerprint(text)).collect();
        policy.rule(reason, &seen, (retries, 3), escalated, BACKOFF, "seed")
    }

    #[test]
    fn what_differs_in_times_and_white_space_alone_is_the_same() {
        let first = "HALLUCINATION.FILE_NOT_FOUND: a.py,  at 10:05:01 on 2026-01-31";
        let again = "hallucination.file_not_found: a.py, at 23:59:59 on 2026-02-01";
        assert_ne!(
            fingerprint(first),
            fingerprint(again),
            "the rule is named by one of them"
        );
        let again = again.replace(
            "hallucination.file_not_found",
            "HALLUCINATION.FILE_NOT_FOUND",
        );
        assert_ne!(
            fingerprint("5 expected, 4 found"),
            fingerprint("5 expected, 6 found")
        );
        assert_eq!(fingerprint(first), fingerprint(&again));
        assert_ne!(
            fingerprint(first),
            fingerprint("HALLUCINATION.FILE_NOT_FOUND: another")
        );
    }

    #[test]
    fn rule_ids_are_found_in_prose() {
        let text = "It breaks SECURITY.PATH_TRAVERSAL (twice: SECURITY.PATH_TRAVERSAL.) and A.B, e.g. README.md";
        assert_eq!(rules_in(text), ["SECURITY.PATH_TRAVERSAL"]);
    }

    #[test]
    fn the_same_refusal_twice_ends_it_and_another_does_not() {
        let policy = GuardLoopPolicy::default();
        let retry = Ruling::Retry {
            wait: Duration::ZERO,
        };
        assert_eq!(rule(&policy, "no tests", &[], 0, false), retry);
        assert_eq!(
            rule(&policy, "wrong output", &["no tests"], 1, false),
            retry
        );
        assert_eq!(
            rule(&policy, "No  tests", &["no tests"], 1, false),
            Ruling::Terminal(NON_COMPLIANT.to_owned())
        );
    }

    #[test]
    fn the_last_code_says_what_kind_of_refusal_it_was() {
        let policy = GuardLoopPolicy::default();
        let terminal = |code: &str| Ruling::Terminal(code.to_owned());
        assert_eq!(rule(&policy, "no", &[], 3, false), terminal(RETRY_EXCEEDED));
        assert_eq!(
            rule(&policy, "HALLUCINATION.INVENTED_DETAIL: x", &[], 3, false),
            terminal(PERSISTENT)
        );
        let own = GuardLoopPolicy {
            max_retries: Some(1),
            terminal_code: Some("CALL_THE_LEAD".to_owned()),
            ..GuardLoopPolicy::default()
        };
        assert_eq!(rule(&own, "no", &[], 1, false), terminal("CALL_THE_LEAD"));
    }

    #[test]
    fn an_escalation_is_had_once() {
        let policy = GuardLoopPolicy {
            on_exceed: OnExceed::FallbackPrompt,
            ..GuardLoopPolicy::default()
        };
        assert_eq!(
            rule(&policy, "no", &[], 3, false),
            Ruling::Escalate(OnExceed::FallbackPrompt)
        );
        assert_eq!(
            rule(&policy, "no", &[], 3, true),
            Ruling::Terminal(RETRY_EXCEEDED.to_owned())
        );
    }

    #[test]
    fn waits_grow_as_they_are_told_to() {
        let waits = |backoff| -> Vec<u128> {
            let policy = GuardLoopPolicy {
                backoff,
                ..GuardLoopPolicy::default()
            };
            (0..3)
                .map(
                    |retries| match policy.rule("no", &[], (retries, 9), false, BACKOFF, "seed") {
                        Ruling::Retry { wait } => wait.as_millis(),
                        other => panic!("{other:?}"),
                    },
                )
                .collect()
        };
        assert_eq!(waits(GuardBackoff::None), [0, 0, 0]);
        assert_eq!(waits(GuardBackoff::Linear), [100, 200, 300]);
        let grown = waits(GuardBackoff::Exponential);
        assert!(
            (50..=100).contains(&grown[0]) && (175..=350).contains(&grown[2]),
            "{grown:?}"
        );
    }
}
