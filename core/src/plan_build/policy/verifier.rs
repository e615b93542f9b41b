//! What the verifier looks at in every card of the run.

use super::super::Findings;
use super::super::verify::{OFF, by_profile};
use super::Rules;
use crate::policy::VerifierPolicy;
use crate::verify::{AGENT_OUTPUT, FixtureLimits};

/// Surfaces without a stack of services, whose cards are checked as Python.
const PLAIN_SURFACES: [&str; 3] = ["backend_only", "cli", "tui"];

pub(super) fn build(rules: &Rules<'_>, findings: &mut Findings) -> VerifierPolicy {
    let fixture = limits(rules, findings);
    let whole_folder = whole_folder(rules, findings);
    let profiles = match rules.written {
        Some(written) => by_profile(written, rules.file, findings),
        None => std::collections::BTreeMap::new(),
    };
    let demands_files = rules.flag("runtime_verifier_require_deployment_files", false, findings);
    let syntax = rules.flag("runtime_verifier_syntax", true, findings);
    if rules.flag(OFF, false, findings) {
        return VerifierPolicy {
            fixture,
            ..VerifierPolicy::default()
        };
    }
    let surface = rules.text("project_surface_profile").unwrap_or_default();
    VerifierPolicy {
        syntax,
        whole_folder,
        profile: profile(rules, &surface),
        by_profile: profiles,
        required_files: if demands_files {
            deployment_files(rules, &surface, findings)
        } else {
            Vec::new()
        },
        fixture,
    }
}

fn whole_folder(rules: &Rules<'_>, findings: &mut Findings) -> bool {
    const KEY: &str = "runtime_verifier_scope";
    match rules.text(KEY).as_deref() {
        None | Some("card") => false,
        Some("agent_output") => true,
        Some(other) => {
            let message = format!("`{other}` is unknown; known: card, agent_output");
            rules.problem(KEY, message, findings);
            false
        }
    }
}

/// The profile that is written down, or that the surface means.
fn profile(rules: &Rules<'_>, surface: &str) -> Option<String> {
    let written = rules
        .text("runtime_verifier_stack_profile")
        .or_else(|| rules.text("runtime_verifier_profile"));
    written.or_else(|| match surface {
        "api_vue" => Some("polyglot".to_owned()),
        plain if PLAIN_SURFACES.contains(&plain) => Some("python".to_owned()),
        _ => None,
    })
}

fn deployment_files(rules: &Rules<'_>, surface: &str, findings: &mut Findings) -> Vec<String> {
    let written = rules.texts("runtime_verifier_deployment_files", findings);
    if !written.is_empty() {
        return written;
    }
    let usual = ["Dockerfile", "docker-compose.yml", "run_local.sh"];
    let wanted = usual
        .into_iter()
        .filter(|name| *name != "docker-compose.yml" || !PLAIN_SURFACES.contains(&surface));
    wanted
        .map(|name| format!("{AGENT_OUTPUT}/deployment/{name}"))
        .collect()
}

fn limits(rules: &Rules<'_>, findings: &mut Findings) -> FixtureLimits {
    let usual = FixtureLimits::default();
    let mut number = |key: &str, least: f64, default: f64| match rules.text(key) {
        None => default,
        Some(text) => match text.parse::<f64>() {
            Ok(number) if (least..=86_400_000.0).contains(&number) => number,
            _ => {
                let message = format!("`{text}` is no number from {least}");
                rules.problem(key, message, findings);
                default
            }
        },
    };
    let wall = number("verify_timeout_sec", 0.001, 5.0);
    let cpu = number("verify_cpu_sec", 0.0, 2.0);
    let memory = number("verify_mem_mb", 0.0, 256.0);
    FixtureLimits {
        wall_ms: whole(wall * 1_000.0).unwrap_or(usual.wall_ms),
        cpu_sec: whole(cpu.ceil()).unwrap_or(usual.cpu_sec),
        memory_mb: whole(memory).unwrap_or(usual.memory_mb),
    }
}

fn whole(number: f64) -> Option<u64> {
    let seconds = std::time::Duration::try_from_secs_f64(number).ok()?;
    Some(seconds.as_secs())
}
