//! `prompt_layers.json`: what the standing instructions of a turn were put together from.

use serde::Serialize;

use crate::plan::{RunPlan, SeatPlan};
use crate::policy::{GuardLayer, ResolverMode};
use crate::turn::Purpose;

#[derive(Serialize)]
struct Layer<'a> {
    name: &'a str,
    version: &'a str,
}

/// The file. `guards` and `resolver_stages` are empty under the compiler, which lays nothing over.
#[derive(Serialize)]
pub(super) struct Layers<'a> {
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
        let (role_version, dialect_version) = parted(&seat.prompt.prompt_version, '/');
        let (_, dialect) = parted(&seat.prompt.prompt_id, '+');
        let prompts = &plan.policy.prompts;
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
