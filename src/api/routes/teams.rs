//! The teams of all departments: their seats, and who sits there.

use std::collections::BTreeSet;

use actix_web::web::{Data, Json};
use actix_web::{HttpRequest, get};
use orket_core::asset::{
    Asset as _, AssetSource as _, CORE, Library, LoadError, Parsed, Role, Team, name, parse,
};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::api::Api;
use crate::api::caller::{Caller, Read};
use crate::api::check::Check;
use crate::api::problem::Problem;
use crate::api::state::blocking;
use crate::assets::DiskThenEmbedded;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(teams);
}

/// Where a role's description comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RoleSource {
    /// The team's own file.
    Team,
    /// The role's asset.
    Catalog,
    /// Nowhere: a seat names it.
    SeatReference,
}

/// A role of a team.
#[derive(Debug, Serialize, ToSchema)]
pub struct TeamRole {
    /// Its key.
    role: String,
    /// Its name.
    name: String,
    /// What it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    /// The tools it may call.
    tools: Vec<String>,
    /// Where this comes from.
    source: RoleSource,
}

/// A seat of a team.
#[derive(Debug, Serialize, ToSchema)]
pub struct TeamSeat {
    /// Its key.
    seat_id: String,
    /// Its name.
    name: String,
    /// The roles that sit there; the first one speaks.
    roles: Vec<String>,
}

/// A team.
#[derive(Debug, Serialize, ToSchema)]
pub struct TeamView {
    /// Its department.
    department: String,
    /// Its name as epics give it.
    team_id: String,
    /// Its name for people.
    name: String,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    /// Its seats.
    seats: Vec<TeamSeat>,
    /// The roles of its file, then those of its seats.
    roles: Vec<TeamRole>,
}

/// An asset that cannot be used.
#[derive(Debug, Serialize, ToSchema)]
pub struct AssetProblem {
    /// Its file, or its name.
    file: String,
    /// What is wrong.
    message: String,
}

/// What was asked for.
#[derive(Debug, Serialize, ToSchema)]
pub struct TeamFilters {
    /// The department; null for all.
    department: Option<String>,
}

/// TeamList.
#[derive(Debug, Serialize, ToSchema)]
pub struct TeamList {
    /// By department and name.
    items: Vec<TeamView>,
    /// How many.
    count: usize,
    /// What was asked for.
    filters: TeamFilters,
    /// Teams that are left out, and roles that are not described, because their files are broken.
    problems: Vec<AssetProblem>,
}

/// The teams of all departments, or of one.
#[utoipa::path(tag = "system", params(
        ("department" = Option<String>, Query, description = "Only its teams; case does not matter")),
    security(("api_key" = ["read"]), ("bearer" = ["read"])),
    responses((status = 200, body = TeamList)))]
#[get("/v1/system/teams")]
pub async fn teams(
    _caller: Caller<Read>,
    api: Data<Api>,
    request: HttpRequest,
) -> Result<Json<TeamList>, Problem> {
    let mut query = Check::query(&request)?;
    let department = query.text("department");
    query.finish()?;
    let (root, wanted) = (api.root.clone(), department.clone());
    let roster = blocking(move || {
        let mut roster = Roster::new(Library::new(DiskThenEmbedded::new(root)));
        roster.read(wanted.as_deref());
        roster
    });
    let roster = roster.await?;
    Ok(Json(TeamList {
        count: roster.teams.len(),
        items: roster.teams,
        filters: TeamFilters { department },
        problems: roster.problems,
    }))
}

/// What was found so far.
struct Roster {
    library: Library<DiskThenEmbedded>,
    teams: Vec<TeamView>,
    problems: Vec<AssetProblem>,
}

impl Roster {
    const fn new(library: Library<DiskThenEmbedded>) -> Self {
        Self {
            library,
            teams: Vec::new(),
            problems: Vec::new(),
        }
    }

    fn read(&mut self, wanted: Option<&str>) {
        let wanted = wanted.map(|wanted| wanted.trim().to_lowercase());
        for department in self.library.departments() {
            if wanted
                .as_ref()
                .is_none_or(|wanted| *wanted == department.to_lowercase())
            {
                for team in self.names(&department) {
                    self.team(&department, &team);
                }
            }
        }
    }

    /// The teams that are a department's own; those of `config/` count as `core`'s.
    fn names(&self, department: &str) -> Vec<String> {
        let source = self.library.source();
        let mut files = source.list(&format!("model/{department}/{}", Team::CATEGORY));
        if department == CORE {
            files.extend(source.list(&format!("config/{}", Team::CATEGORY)));
        }
        let names: BTreeSet<String> = files
            .iter()
            .filter_map(|file| file.strip_suffix(".json"))
            .filter(|name| name::check(name).is_ok())
            .map(str::to_owned)
            .collect();
        names.into_iter().collect()
    }

    fn problem(&mut self, file: &str, error: &impl ToString) {
        let problem = AssetProblem {
            file: file.to_owned(),
            message: error.to_string(),
        };
        if !self.problems.iter().any(|known| known.file == problem.file) {
            self.problems.push(problem);
        }
    }

    fn team(&mut self, department: &str, id: &str) {
        let found = self
            .library
            .find(Team::KIND, Team::CATEGORY, id, department);
        let (file, text) = match found {
            Ok(found) => found,
            Err(error) => return self.problem(id, &error),
        };
        let team: Team = match parse(&text, &file) {
            Ok(Parsed { asset, .. }) => asset,
            Err(problems) => return self.problem(&file, &problems),
        };
        let mut roles = own_roles(&text);
        for role in team.seats.iter().flat_map(|seat| &seat.roles) {
            if !roles.iter().any(|known| known.role == *role) {
                roles.push(self.role(role, department));
            }
        }
        self.teams.push(TeamView {
            department: department.to_owned(),
            team_id: id.to_owned(),
            name: team.name,
            description: some(&team.description),
            seats: team
                .seats
                .into_iter()
                .map(|seat| TeamSeat {
                    seat_id: seat.written,
                    name: seat.name,
                    roles: seat.roles,
                })
                .collect(),
            roles,
        });
    }

    fn role(&mut self, role: &str, department: &str) -> TeamRole {
        match self.library.load::<Role>(role, department) {
            Ok(loaded) => TeamRole {
                role: role.to_owned(),
                name: loaded.asset.name,
                description: some(&loaded.asset.description),
                tools: loaded.asset.tools,
                source: RoleSource::Catalog,
            },
            Err(error) => {
                if !matches!(error, LoadError::NotFound { .. }) {
                    self.problem(&format!("{}/{role}.json", Role::CATEGORY), &error);
                }
                TeamRole {
                    role: role.to_owned(),
                    name: role.to_owned(),
                    description: None,
                    tools: Vec::new(),
                    source: RoleSource::SeatReference,
                }
            }
        }
    }
}

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// The `roles` that a team's file describes itself. They are shown; what a role may do stands in its
/// asset.
fn own_roles(text: &str) -> Vec<TeamRole> {
    let whole: Map<String, Value> = serde_json::from_str(text).unwrap_or_default();
    let team = whole
        .get(Team::KIND)
        .and_then(Value::as_object)
        .unwrap_or(&whole);
    let Some(Value::Object(roles)) = team.get("roles") else {
        return Vec::new();
    };
    roles
        .iter()
        .map(|(key, role)| {
            let text = |field: &str| role.get(field)?.as_str().and_then(some);
            let tools = role.get("tools").and_then(Value::as_array);
            TeamRole {
                role: name::sanitise(key),
                name: text("name").unwrap_or_else(|| key.clone()),
                description: text("description"),
                tools: tools
                    .into_iter()
                    .flatten()
                    .filter_map(|tool| tool.as_str().map(str::to_owned))
                    .collect(),
                source: RoleSource::Team,
            }
        })
        .collect()
}
