//! The standing instructions of one role in one dialect, put together by the very steps that plan a
//! run, so that what is shown is what a run would send.

use serde_json::json;

use super::seats::{build_one, guard};
use super::tools::Toolbox;
use super::{Context, Findings, PlanErrors, PlanRequest, PlanSettings, each_once, policy, prompt};
use crate::asset::{
    Asset, AssetSource, Dialect, Epic, Library, Loaded, Problem, Seat, Team, parse,
};
use crate::ids::{BuildId, RunId};
use crate::plan::SeatPlan;
use crate::policy::PromptPolicy;
use crate::tool::ToolSpec;
use crate::transition::GUARD_ROLE;

/// The file that problems of the request itself are told of.
const ASKED: &str = "request";

/// What is to be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolveRequest {
    /// The role asset.
    pub role: String,
    /// The dialect asset; that of the role's model when there is none.
    pub dialect: Option<String>,
    /// The department whose assets come first.
    pub department: String,
    /// The team in which the role has its seat.
    pub team: String,
    /// The environment asset.
    pub environment: String,
}

/// What was put together.
#[derive(Debug, Clone, PartialEq)]
pub struct Resolution {
    /// The seat as a run would have it, its instructions and where they come from among it.
    pub seat: SeatPlan,
    /// The rules it was put together by.
    pub policy: PromptPolicy,
    /// The family of models that it speaks to.
    pub dialect: String,
    /// Whether the seat is the one that reviews.
    pub reviews: bool,
    /// What should be known.
    pub warnings: Vec<String>,
}

/// Puts it together. `catalogue` holds the built-in tools.
///
/// # Errors
///
/// What would keep a run from using it: what is missing, what is broken, what the selection policy
/// does not let speak.
pub fn resolve<S: AssetSource>(
    library: &Library<S>,
    request: &ResolveRequest,
    settings: &PlanSettings,
    catalogue: &[ToolSpec],
) -> Result<Resolution, PlanErrors> {
    let mut findings = Findings::default();
    findings.problems.extend(settings.problems.iter().cloned());
    let department = request.department.as_str();
    let organization = match library.organization().transpose() {
        None => None,
        Some(loaded) => findings.take(loaded, "organization.json", "organization"),
    };
    let team = findings.take(
        library.load::<Team>(&request.team, department),
        ASKED,
        "team",
    );
    let environment = library.load(&request.environment, department);
    let environment = findings.take(environment, ASKED, "environment");
    let (Some(team), Some(environment)) = (team, environment) else {
        return Err(PlanErrors(findings.problems));
    };
    let epic = no_epic(request)?;
    let plan_request = PlanRequest {
        epic: ASKED.to_owned(),
        department: request.department.clone(),
        run_id: RunId::new(ASKED).map_err(|error| wrong("run", error.to_string()))?,
        build_id: BuildId::new(ASKED).map_err(|error| wrong("build", error.to_string()))?,
        workspace: String::new(),
        target: None,
        model_override: model(request)?,
        rock: None,
    };
    let context = Context {
        library,
        request: &plan_request,
        settings,
        catalogue,
        epic: &epic,
        team: &team,
        environment: &environment,
        organization: organization.as_ref(),
    };
    let policy = policy::build(&context, Vec::new(), &mut findings);
    let seat = seat(&team.asset, &request.role);
    let reviews = match guard(&team.asset.seats) {
        Some(guard) => guard.key == seat.key,
        None => seat.roles.iter().any(|role| role == GUARD_ROLE),
    };
    let mut toolbox = Toolbox::new(&context);
    let built = build_one(
        &context,
        &seat,
        reviews,
        &mut toolbox,
        &policy,
        &mut findings,
    );
    let dialect = built.as_ref().and_then(|(plan, _)| {
        // Its problems were found on the way.
        prompt::dialect(&context, &plan.model, &mut Findings::default())
    });
    if !findings.problems.is_empty() {
        return Err(PlanErrors(each_once(findings.problems)));
    }
    let Some((plan, _)) = built else {
        return Err(wrong("role", "nobody speaks on its seat".to_owned()));
    };
    let warnings = each_once(findings.warnings);
    Ok(Resolution {
        seat: plan,
        policy: policy.prompts,
        dialect: dialect.map_or_else(|| "none".to_owned(), |it| it.model_family),
        reviews,
        warnings: warnings.iter().map(Problem::to_string).collect(),
    })
}

fn wrong(field: &str, message: String) -> PlanErrors {
    PlanErrors::one(Problem::new(ASKED, field, message))
}

/// An epic without cards: nothing of an epic is in a prompt.
fn no_epic(request: &ResolveRequest) -> Result<Loaded<Epic>, PlanErrors> {
    let written = json!({
        "name": ASKED,
        "team": request.team,
        "environment": request.environment,
        "issues": [],
    });
    Ok(Loaded {
        asset: parse::<Epic>(&written.to_string(), ASKED)?.asset,
        name: ASKED.to_owned(),
        file: ASKED.to_owned(),
        warnings: Vec::new(),
    })
}

/// A model that is spoken to in the dialect: models choose dialects, never the other way round.
fn model(request: &ResolveRequest) -> Result<Option<String>, PlanErrors> {
    let Some(dialect) = &request.dialect else {
        return Ok(None);
    };
    if prompt::family(dialect) != dialect {
        let message = format!(
            "no model is spoken to in `{dialect}`, so no run would send it; {} are families of models",
            FAMILIES.join(", ")
        );
        let file = format!("{}/{dialect}.json", Dialect::CATEGORY);
        return Err(PlanErrors::one(Problem::new(&file, "dialect", message)));
    }
    Ok(Some(format!("ollama:{dialect}")))
}

/// The dialects that models are spoken to in.
pub const FAMILIES: [&str; 5] = ["deepseek-r1", prompt::GENERIC, "llama3", "phi", "qwen"];

/// The team's seat on which the role speaks; without one, a seat of that name.
fn seat(team: &Team, role: &str) -> Seat {
    let speaks = |seat: &&Seat| seat.roles.first().is_some_and(|first| first == role);
    team.seats
        .iter()
        .find(speaks)
        .cloned()
        .unwrap_or_else(|| Seat {
            key: role.to_owned(),
            written: role.to_owned(),
            name: role.to_owned(),
            roles: vec![role.to_owned()],
        })
}
