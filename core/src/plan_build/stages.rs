//! The stages before the first card, from the operator's settings and the organization's rules.

mod rules;

use serde_json::Value;

use super::policy::Rules;
use super::{Context, Findings};
use crate::asset::{Epic, Team};
use crate::policy::ProjectPolicy;
use crate::stages::knob::{self, Knob};
use crate::stages::structure::{self, IdesignMode, Ruling};
use crate::stages::{
    Framework, Pattern, Project, Stack, Stage, StagePlan, Surface, dependencies, deployment,
    scaffold, small_project,
};

/// Who sits where when the small-project policy is asked for and the epic is small.
pub(super) fn staffing<S>(
    context: &Context<'_, S>,
    findings: &mut Findings,
) -> Option<small_project::Staffing> {
    let rules = Rules::of(context);
    const THRESHOLD: &str = "small_project_issue_threshold";
    let threshold = match rules.text(THRESHOLD) {
        None => small_project::THRESHOLD,
        Some(text) => match text.parse::<u32>() {
            Ok(number) if number > 0 => number,
            Ok(_) | Err(_) => {
                let message = format!("`{text}` is no whole number from 1 on");
                rules.problem(THRESHOLD, message, findings);
                small_project::THRESHOLD
            }
        },
    };
    let inject = ["reviewer", "code_reviewer"]
        .map(|what| format!("small_project_auto_inject_{what}"))
        .into_iter()
        .find(|key| rules.text(key).is_some());
    let inject_reviewer = inject.is_some_and(|key| rules.flag(&key, false, findings));
    let variant = choice(&rules, &knob::SMALL_PROJECT_BUILDER_VARIANT, findings)?;
    if is_off(context, "disable_small_project_policy", findings) {
        return None;
    }
    let rules = small_project::Rules {
        variant,
        threshold,
        inject_reviewer,
    };
    let (epic, team) = (&context.epic.asset, &context.team.asset);
    match small_project::decide(rules, &context.team.name, team, &epic.issues) {
        Ok(staffing) => staffing,
        Err(refusal) => {
            let code = Stage::SmallProject.code();
            findings.refuse(code, &context.team.file, "seats", refusal.to_string());
            None
        }
    }
}

/// Puts the cards and the team as the policy wants them.
pub(super) fn reseat(staffing: &small_project::Staffing, epic: &mut Epic, team: &mut Team) {
    for (issue, seat) in epic.issues.iter_mut().zip(&staffing.seats) {
        issue.seat.clone_from(seat);
    }
    team.seats.extend(staffing.added.clone());
}

/// Whether the epic may run under the demanded structure, and what follows.
pub(super) fn structure<S>(
    context: &Context<'_, S>,
    rules: &Rules<'_>,
    findings: &mut Findings,
) -> Ruling {
    let mode = choice(rules, &knob::IDESIGN_MODE, findings).unwrap_or(IdesignMode::None);
    let threshold = context.organization.map_or(structure::THRESHOLD, |loaded| {
        loaded.asset.architecture.idesign_threshold
    });
    structure::judge(mode, &context.epic.asset, threshold).unwrap_or_else(|violation| {
        let code = Stage::StructuralGovernance.code();
        let field = "architecture_governance.idesign";
        findings.refuse(code, &context.epic.file, field, violation.to_string());
        Ruling {
            layers: true,
            told: None,
        }
    })
}

/// The stages of the run: what was `told` before, then what is to be laid out.
pub(super) fn build<S>(
    context: &Context<'_, S>,
    rules: &Rules<'_>,
    told: Vec<StagePlan>,
    findings: &mut Findings,
) -> ProjectPolicy {
    let surface: Option<Surface> = choice(rules, &knob::PROJECT_SURFACE_PROFILE, findings);
    let unlocked = rules.flag("enable_microservices", false, findings);
    let mode = rules.text(knob::ARCHITECTURE_MODE.key).unwrap_or_default();
    // A wrong word is reported with the contracts.
    let wants_services = knob::ARCHITECTURE_MODE.read(&mode) == Ok("force_microservices");
    let pattern = if wants_services && unlocked {
        Pattern::Microservices
    } else {
        Pattern::Monolith
    };
    let framework = rules
        .text(knob::FRONTEND_FRAMEWORK_MODE.key)
        .and_then(|text| knob::FRONTEND_FRAMEWORK_MODE.parse(&text).ok())
        .unwrap_or(Framework::Vue);
    let asked = surface.is_some() || pattern == Pattern::Microservices;
    let surface = surface.unwrap_or(Surface::Unspecified);
    let project = Project {
        title: context.epic.asset.card.name.clone(),
        package: Project::package_of(&context.epic.name),
        surface,
        framework,
        pattern,
        stack: stack(rules, surface, findings),
    };
    rules::warn_of_unknown(rules, findings);
    let scaffold = rules::scaffold(rules, findings);
    let dependencies = rules::dependencies(rules, findings);
    let deployment = rules::deployment(rules, findings);
    for message in dependencies.problems() {
        rules.problem("dependency_manager_dependencies", message, findings);
    }
    let scaffolder_asked = scaffold != scaffold::Rules::default();
    let dependencies_asked = dependencies
        != dependencies::Rules {
            pinned: dependencies.pinned,
            ..dependencies::Rules::default()
        };
    let candidates = [
        (scaffolder_asked, scaffold::plan(&project, &scaffold)),
        (
            dependencies_asked,
            dependencies::plan(&project, &dependencies),
        ),
        (
            !deployment.is_empty(),
            deployment::plan(&project, &deployment),
        ),
    ];
    let mut stages = told;
    for (asked_itself, plan) in candidates {
        if let Some(off) = off(context, rules, plan.stage, findings) {
            if asked || asked_itself {
                stages.push(StagePlan::off(plan.stage, off));
            }
        } else if asked || asked_itself {
            stages.push(with_facts(plan, &project));
        }
    }
    ProjectPolicy { stages }
}

fn with_facts(mut plan: StagePlan, project: &Project) -> StagePlan {
    let facts = [
        ("project_surface_profile", project.surface.as_str()),
        ("architecture_pattern", project.pattern.as_str()),
    ];
    for (name, value) in facts {
        plan.facts.insert(name.to_owned(), Value::from(value));
    }
    plan
}

/// What switches a stage off, if anything does.
fn off<S>(
    context: &Context<'_, S>,
    rules: &Rules<'_>,
    stage: Stage,
    findings: &mut Findings,
) -> Option<String> {
    let key = format!("disable_{stage}");
    if rules.flag(&key, false, findings) {
        return Some(key);
    }
    is_off(context, &key, findings).then(|| format!("params.{key} of the epic"))
}

/// Whether the epic's own params switch something off.
fn is_off<S>(context: &Context<'_, S>, key: &str, findings: &mut Findings) -> bool {
    match context.epic.asset.card.params.get(key) {
        None | Some(Value::Null) => false,
        Some(Value::Bool(off)) => *off,
        Some(other) => {
            let message = format!("must be true or false, but is {other}");
            findings.problem(&context.epic.file, format!("params.{key}"), message);
            false
        }
    }
}

/// A knob's value wherever it was set; an unknown one is a problem.
fn choice<T: std::str::FromStr>(
    rules: &Rules<'_>,
    knob: &Knob,
    findings: &mut Findings,
) -> Option<T> {
    let text = rules.text(knob.key)?;
    match knob.parse(&text) {
        Ok(value) => Some(value),
        Err(message) => {
            rules.problem(knob.key, message, findings);
            None
        }
    }
}

fn stack(rules: &Rules<'_>, surface: Surface, findings: &mut Findings) -> Stack {
    const KEY: &str = "dependency_manager_stack_profile";
    let Some(text) = rules.text(KEY) else {
        return surface.stack();
    };
    text.parse().unwrap_or_else(|unknown| {
        let message = crate::status::UnknownWord::to_string(&unknown);
        rules.problem(KEY, message, findings);
        surface.stack()
    })
}
