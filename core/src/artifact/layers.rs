//! `prompt_layers.json`: what the standing instructions of a turn were put together from.

use serde::Serialize;

use crate::plan::{RunPlan, SeatPlan};
use crate::policy::{GuardLayer, PromptPolicy, ResolverMode};
use crate::turn::Purpose;

#[derive(Debug, Serialize)]
struct Layer<'a> {
    name: &'a str,
    version: &'a str,
}

/// The file. `guards` and `resolver_stages` are empty under the compiler, which lays nothing over.
#[derive(Debug, Serialize)]
pub struct Layers<'a> {
    role_base: Layer<'a>,
    dialect_adapter: Layer<'a>,
    guards: &'a [GuardLayer],
    /// What the turn is about: `work` or `review`.
    context_profile: Purpose,
    #[serde(skip_serializing_if = "<[&str]>::is_empty")]
    resolver_stages: &'static [&'static str],
}

impl<'a> Layers<'a> {
    pub(super) fn of(plan: &'a RunPlan, seat: &'a SeatPlan, purpose: Purpose) -> Self {
        Self::new(&plan.policy.prompts, seat, purpose)
    }

    /// Those of a seat's turns under a policy.
    #[must_use]
    pub fn new(prompts: &'a PromptPolicy, seat: &'a SeatPlan, purpose: Purpose) -> Self {
        let (role_version, dialect_version) = parted(&seat.prompt.prompt_version, '/');
        let (_, dialect) = parted(&seat.prompt.prompt_id, '+');
        let resolves = prompts.mode == ResolverMode::Resolver;
        Self {
            role_base: Layer {
                name: &seat.role,
                version: role_version,
            },
            dialect_adapter: Layer {
                name: dialect,
                version: dialect_version,
            },
            guards: if resolves { &prompts.guard_layers } else { &[] },
            context_profile: purpose,
            resolver_stages: if resolves {
                &["role_base", "dialect_adapter", "guards", "context_profile"]
            } else {
                &[]
            },
        }
    }
}

fn parted(text: &str, at: char) -> (&str, &str) {
    text.rsplit_once(at).unwrap_or((text, ""))
}
