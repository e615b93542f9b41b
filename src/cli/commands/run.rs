//! `orket run` and `orket resume`: start or go on, watch to the end, say how it ended.

use std::process::ExitCode;
use std::time::Instant;

use orket_actors::port::store::RunStatus;
use orket_actors::runtime::RunReport;
use orket_core::ids::RunId;
use serde::Serialize;

use super::replay::parse;
use super::watch::{Watched, Watcher};
use crate::cli::args::{ForkArgs, ResumeArgs, RunArgs, What};
use crate::cli::context::Context;
use crate::cli::enter::{DEFAULT_WORKSPACE, Entered};
use crate::cli::failure::{Failure, INTERRUPTED};
use crate::cli::progress::{Progress, Style};
use crate::cli::{detach, out, report};
use crate::fork::Fork;
use crate::owner::client::ClientError;
use crate::owner::host::{Host, Mode};
use crate::owner::ports::{Found, PlanRefusal, PlanWish};
use crate::owner::service::{
    Refusal, check_fork, check_request, new_run_id, place_of, resolve_run,
};
use crate::owner::signals::Signals;
use crate::owner::wire::{ForkRequest, Outcome, ResumeRequest, StartRequest, Started, WorkKind};

/// Owners that may turn us away because they are going down before we give up.
const MOST_TRIES: u32 = 5;

/// What is asked of the owner.
#[derive(Clone)]
enum Wish {
    Start(Box<StartRequest>),
    Resume(String, ResumeRequest),
    Fork(String, Box<ForkRequest>),
}

impl Wish {
    async fn ask(&self, host: &Host) -> Result<Started, ClientError> {
        match self {
            Self::Start(request) => host.start((**request).clone()).await,
            Self::Fork(reference, request) => host.fork(reference, (**request).clone()).await,
            Self::Resume(reference, request) => {
                let run = match host {
                    Host::Here(service) => service.resolve(reference).await?.run_id,
                    Host::There(client) => client.show(reference).await?.run_id,
                };
                let run = RunId::new(run).map_err(|error| ClientError::Gone(error.to_string()))?;
                host.resume(&run, request.clone()).await
            }
        }
    }
}

pub async fn run(context: Context, args: RunArgs) -> Result<ExitCode, Failure> {
    let Some(what) = args.what() else {
        return Err(Failure::usage("orket run needs --epic, --card or --rock"));
    };
    let mut request = request(&context, &args, what)?;
    if args.door.server.is_none() {
        super::under_way::note(&context, &mut request)?;
    }
    if args.detach {
        return detach::start(&context, args.door.server.as_deref(), &request).await;
    }
    perform(&context, args.door.mode(), Wish::Start(Box::new(request))).await
}

pub async fn resume(context: Context, args: ResumeArgs) -> Result<ExitCode, Failure> {
    if args.detach {
        return detach::resume(&context, args.door.server.as_deref(), &args.run).await;
    }
    let unnamed = args.door.server.is_none();
    let request = ResumeRequest {
        settings: unnamed.then(|| context.settings.digests.clone()),
        under_way: unnamed && super::under_way::is_under_way(&context, &args.run)?,
    };
    perform(&context, args.door.mode(), Wish::Resume(args.run, request)).await
}

pub async fn fork(context: Context, args: ForkArgs) -> Result<ExitCode, Failure> {
    let place = parse(&args.turn)?;
    let run = place.run.to_owned();
    let request = ForkRequest {
        run_id: Some(new_run_id()?.into()),
        issue: place.issue.to_owned(),
        turn: place.turn,
        role: place.role.map(str::to_owned),
        model: args.model.clone(),
        // Whoever names the owner means its settings.
        settings: (args.door.server.is_none()).then(|| context.settings.digests.clone()),
    };
    check_fork(&request)?;
    if args.detach {
        let server = args.door.server.as_deref();
        if server.is_none() {
            let _known = forked(&context, &run, &request)?;
        }
        return detach::fork(&context, server, &run, &request).await;
    }
    let wish = Wish::Fork(run, Box::new(request));
    perform(&context, args.door.mode(), wish).await
}

/// What a fork is made of, as the journal has it now.
fn forked(context: &Context, reference: &str, request: &ForkRequest) -> Result<Fork, Failure> {
    let records = context.records()?;
    let run = resolve_run(records.as_ref(), reference)?;
    let found = records.fork(&place_of(run.run_id, request));
    found.map_err(|error| Refusal::from(error).into())
}

fn request(context: &Context, args: &RunArgs, what: What) -> Result<StartRequest, Failure> {
    let workspace = args.workspace.as_deref().unwrap_or(DEFAULT_WORKSPACE);
    if workspace.trim().is_empty() {
        return Err(Failure::usage("--workspace must not be empty"));
    }
    let unnamed = args.door.server.is_none();
    let request = StartRequest {
        kind: what.kind,
        name: what.name,
        department: args.department.clone().unwrap_or_else(|| "core".to_owned()),
        build_id: args.build_id.clone(),
        target: args.resume.clone(),
        model: args.model.clone(),
        // The owner's current folder may be another one.
        workspace: Some(context.cwd.join(workspace).display().to_string()),
        workspace_is_wished: args.workspace.is_some(),
        under_way: None,
        // Whoever names the owner means its assets and its settings.
        asset_root: unnamed.then(|| context.cwd.display().to_string()),
        settings: unnamed.then(|| context.settings.digests.clone()),
    };
    check_request(&request)?;
    Ok(request)
}

async fn perform(context: &Context, mode: Mode, wish: Wish) -> Result<ExitCode, Failure> {
    let mut signals = Signals::listen()
        .map_err(|error| Failure::new("E_SIGNALS", format!("cannot listen to signals: {error}")))?;
    let began = Instant::now();
    let (entered, started) = tokio::select! {
        begun = begin(context, &mode, &wish) => begun?,
        name = signals.next() => {
            return Err(Failure {
                exit: INTERRUPTED,
                ..Failure::new("E_INTERRUPTED", format!("{name} before anything was started"))
            });
        }
    };
    let progress = Progress::start(Style::fitting(context.json));
    for words in started
        .runs
        .iter()
        .map(|run| &run.words)
        .chain(&started.warnings)
    {
        if context.json {
            out::warn(words);
        } else {
            progress.note(words);
        }
    }
    let mut watcher = Watcher::new(context, mode, entered, signals, progress);
    let mut reports = Vec::new();
    let mut detached = false;
    let mut failure = None;
    for id in &started.run_ids {
        let run = RunId::new(id).map_err(|error| Failure::new("E_INTERNAL", error.to_string()))?;
        match watcher.watch(&run).await {
            Ok(Watched::Over(report)) => reports.push(report),
            Ok(Watched::Detached) => {
                detached = true;
                break;
            }
            Err(error) => {
                failure = Some(match &started.rock {
                    Some(rock) => error.hint(format!(
                        "orket run --rock {rock} goes on with the epics that are not done"
                    )),
                    None => error,
                });
                break;
            }
        }
    }
    watcher.close_progress().await;
    let code = match failure {
        Some(failure) => failure.tell(context.json),
        None => {
            let elapsed_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
            tell(context, &started, &reports, detached, elapsed_ms)
        }
    };
    watcher.finish().await;
    Ok(code)
}

/// Finds an owner and asks it. One that is going down is left for its successor, which may be us.
async fn begin(context: &Context, mode: &Mode, wish: &Wish) -> Result<(Entered, Started), Failure> {
    let mut tries = 0;
    loop {
        tries += 1;
        let entered = context.enter(mode, || check(context, wish)).await?;
        match wish.ask(&entered.host).await {
            Ok(mut started) => {
                if entered.owner.is_some() {
                    taken_up(&mut started);
                }
                return Ok((entered, started));
            }
            Err(error)
                if error.may_take_over() && tries < MOST_TRIES && entered.owner.is_none() => {}
            Err(error) => {
                if let Some(owner) = entered.owner {
                    owner.stop(orket_actors::runtime::Shutdown::Graceful).await;
                }
                return Err(error.into());
            }
        }
    }
}

/// An owner that has just begun is asked nothing before this command: what is under way in it, it
/// took up itself.
fn taken_up(started: &mut Started) {
    for run in &mut started.runs {
        if run.outcome == Outcome::Attached {
            run.words = format!("run {} had lost its owner; going on with it", run.run_id);
        }
    }
}

/// What would be refused anyway is refused before this process owns anything.
fn check(context: &Context, wish: &Wish) -> Result<(), Failure> {
    match wish {
        Wish::Resume(reference, _) => {
            resolve_run(context.records()?.as_ref(), reference)?;
        }
        Wish::Fork(reference, request) => {
            forked(context, reference, request)?;
        }
        Wish::Start(request) => {
            let planner = context.planner();
            let mut wish = PlanWish {
                epic: request.name.clone(),
                department: request.department.clone(),
                run_id: new_run_id()?,
                build_id: orket_core::ids::BuildId::new("check")
                    .map_err(|error| Failure::new("E_INTERNAL", error.to_string()))?,
                workspace: context.cwd.clone(),
                target: id(request.target.as_deref())?,
                model: None,
                rock: None,
            };
            let found = match request.kind {
                WorkKind::Epic => Found::Epic,
                WorkKind::Rock => Found::Rock,
                WorkKind::Card => planner.find(&request.name, &request.department)?,
            };
            match found {
                Found::Rock => {
                    planner.rock(&request.name, &request.department)?;
                }
                Found::Epic => {
                    planner.plan(wish)?;
                }
                Found::CardOf { epic } => {
                    wish.epic = epic;
                    wish.target = id(Some(&request.name))?;
                    planner.plan(wish)?;
                }
            }
        }
    }
    Ok(())
}

fn id(text: Option<&str>) -> Result<Option<orket_core::ids::CardId>, PlanRefusal> {
    text.map(orket_core::ids::CardId::new)
        .transpose()
        .map_err(|error| PlanRefusal::Invalid(vec![format!("card: {error}")]))
}

/// What a rock prints with `--json`.
#[derive(Serialize)]
struct RockReport<'a> {
    rock: &'a str,
    status: &'static str,
    runs: &'a [RunReport],
    elapsed_ms: u64,
}

/// What is printed when the watcher left before the end.
#[derive(Serialize)]
struct DetachedReport<'a> {
    detached: bool,
    #[serde(flatten)]
    started: &'a Started,
}

fn tell(
    context: &Context,
    started: &Started,
    reports: &[RunReport],
    detached: bool,
    elapsed_ms: u64,
) -> ExitCode {
    if detached {
        if context.json {
            out::json(&DetachedReport { detached, started });
        }
        return ExitCode::from(INTERRUPTED);
    }
    if !context.json {
        for report in reports {
            let text = report::closing(report);
            out::print(&format!("\n{text}"));
        }
    }
    let Some(rock) = &started.rock else {
        let Some(report) = reports.first() else {
            return ExitCode::from(1);
        };
        if context.json {
            out::json(report);
            // The object is for programs; a person at the log wants the reasons too.
            let mut troubles = report::troubles(report);
            if let Some(command) = report::next_command(report) {
                troubles.push_str(&format!("hint: {command}"));
            }
            if !troubles.is_empty() {
                out::warn(troubles.trim_end());
            }
        }
        return match started.finished_card {
            Some(_) => ExitCode::SUCCESS,
            None => ExitCode::from(report::exit_code(report)),
        };
    };
    let (status, code) = rock_status(reports);
    if context.json {
        out::json(&RockReport {
            rock,
            status,
            runs: reports,
            elapsed_ms,
        });
    } else {
        let rows = reports
            .iter()
            .map(|report| {
                vec![
                    report.epic.clone(),
                    report.run_id.clone(),
                    report.build_id.clone(),
                    report.status.clone(),
                ]
            })
            .collect();
        out::print(&format!(
            "\nrock {rock}: {status}\n{}",
            report::table(&["epic", "run", "build", "status"], rows)
        ));
    }
    if code != 0 {
        out::warn(&format!(
            "hint: orket run --rock {rock} goes on with the epics that are not done"
        ));
    }
    ExitCode::from(code)
}

fn rock_status(reports: &[RunReport]) -> (&'static str, u8) {
    let status = |report: &RunReport| RunStatus::parse(&report.status);
    if reports
        .iter()
        .all(|report| status(report) == Some(RunStatus::Done))
    {
        ("done", 0)
    } else if reports
        .iter()
        .any(|report| status(report) == Some(RunStatus::Interrupted))
    {
        ("interrupted", INTERRUPTED)
    } else {
        ("incomplete", 1)
    }
}
