//! `orket smoke release`: what must hold before a release, step by step. A step that cannot be done here
//! is told to be left out; it never counts as passed.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::Value;

use crate::cli::args::SmokeReleaseArgs;
use crate::cli::commands::security;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::{out, out_file};

use super::{cli, step};

/// How long the golden epic and migrations may take.
const PATIENCE: Duration = Duration::from_secs(300);
/// How long the tests may take, and building an image: they compile everything.
const LONG: Duration = Duration::from_secs(5_400);

/// One step.
#[derive(Debug, Serialize)]
struct Step {
    step: &'static str,
    /// `PASS`, `FAIL` or `SKIPPED`.
    status: &'static str,
    detail: String,
    seconds: f64,
}

#[derive(Debug, Serialize)]
struct Report {
    ok: bool,
    status: &'static str,
    steps: Vec<Step>,
}

/// What a step comes to: passed or not, with words; `None` for one that is left out.
type Outcome = Result<(Option<bool>, String), Failure>;

/// See the file's head.
pub async fn run(context: &Context, args: &SmokeReleaseArgs) -> Result<ExitCode, Failure> {
    let mut steps = Vec::new();
    take(&mut steps, "golden_epic", golden()).await;
    take(&mut steps, "cli", commands()).await;
    take(
        &mut steps,
        "security_canary",
        canary(args.skip_security_canary),
    )
    .await;
    take(&mut steps, "migrations", migrations(context, args)).await;
    take(&mut steps, "tests", tests(context, args.skip_tests)).await;
    take(&mut steps, "docker", docker(context, args)).await;
    let ok = steps.iter().all(|step| step.status != "FAIL");
    let report = Report {
        ok,
        status: if ok { "SUCCESS" } else { "FAILURE" },
        steps,
    };
    out_file::write(context, args.out.as_deref(), &report)?;
    if context.json {
        out::json(&report);
    } else {
        out::print(&format!("{}\n", report.status));
    }
    Ok(ExitCode::from(u8::from(!ok)))
}

async fn take(steps: &mut Vec<Step>, name: &'static str, work: impl Future<Output = Outcome>) {
    let begin = Instant::now();
    let (status, detail) = match work.await {
        Ok((Some(true), detail)) => ("PASS", detail),
        Ok((Some(false), detail)) => ("FAIL", detail),
        Ok((None, detail)) => ("SKIPPED", detail),
        Err(failure) => ("FAIL", format!("{}: {}", failure.code, failure.message)),
    };
    let seconds = (begin.elapsed().as_secs_f64() * 10.0).round() / 10.0;
    // Told as it goes on: some steps take long.
    out::warn(&format!("[{status}] {name}: {detail} ({seconds} s)"));
    steps.push(Step {
        step: name,
        status,
        detail,
        seconds,
    });
}

async fn golden() -> Outcome {
    let scratch = step::folder()?;
    let run = ["run", "--epic", "golden_flow", "--json"];
    let ended = step::own(scratch.path(), &run, PATIENCE).await?;
    let status = ended.result.get("status").and_then(Value::as_str);
    Ok((
        Some(ended.code == 0 && status == Some("done")),
        format!("exit {}, {}", ended.code, status.unwrap_or("no status")),
    ))
}

async fn commands() -> Outcome {
    let report = cli::smoke().await?;
    Ok((Some(report.ok), "init, api add, refactor".to_owned()))
}

async fn canary(is_left_out: bool) -> Outcome {
    if is_left_out {
        return Ok((None, "--skip-security-canary".to_owned()));
    }
    let (ok, report) = security::step().await?;
    let failures = report.get("failures").and_then(Value::as_u64).unwrap_or(0);
    Ok((
        Some(ok),
        format!("{failures} attempts got further than they may"),
    ))
}

async fn migrations(context: &Context, args: &SmokeReleaseArgs) -> Outcome {
    if args.skip_migrations {
        return Ok((None, "--skip-migrations".to_owned()));
    }
    let scratch = step::folder()?;
    let place = |given: &Option<PathBuf>, name: &str| match given {
        Some(given) => context.cwd.join(given),
        None => scratch.path().join(name),
    };
    let runtime = place(&args.runtime_db, "runtime.db");
    let webhook = place(&args.webhook_db, "webhook.db");
    for given in [&runtime, &webhook] {
        if given.exists() {
            return Ok((
                Some(false),
                format!("{} is there already; nothing was touched", given.display()),
            ));
        }
    }
    let (runtime, webhook) = (runtime.display().to_string(), webhook.display().to_string());
    let databases = [
        "migrate",
        "--runtime-db",
        &runtime,
        "--webhook-db",
        &webhook,
        "--json",
    ];
    for time in ["first", "second"] {
        let ended = step::own(scratch.path(), &databases, PATIENCE).await?;
        if ended.code != 0 {
            return Ok((
                Some(false),
                format!("the {time} time: exit {}, {}", ended.code, ended.words()),
            ));
        }
    }
    Ok((Some(true), "from nothing, and again".to_owned()))
}

/// Whether this is a source tree of ours.
fn is_source_tree(folder: &Path) -> bool {
    std::fs::read_to_string(folder.join("Cargo.toml"))
        .is_ok_and(|manifest| manifest.contains("name = \"orket\""))
}

async fn tests(context: &Context, is_left_out: bool) -> Outcome {
    if is_left_out {
        return Ok((None, "--skip-tests".to_owned()));
    }
    if !is_source_tree(&context.cwd) {
        return Ok((None, "this folder is no source tree of Orket".to_owned()));
    }
    let ended = step::other("cargo", &context.cwd, &["test", "--workspace"], LONG).await?;
    Ok((
        Some(ended.code == 0),
        format!("cargo test --workspace: exit {}", ended.code),
    ))
}

async fn docker(context: &Context, args: &SmokeReleaseArgs) -> Outcome {
    if args.skip_docker {
        return Ok((None, "--skip-docker".to_owned()));
    }
    let there = step::other("docker", &context.cwd, &["version"], PATIENCE).await;
    if !there.is_ok_and(|ended| ended.code == 0) {
        let words = "docker is not there, or does not answer".to_owned();
        return Ok((args.require_docker.then_some(false), words));
    }
    if !is_source_tree(&context.cwd) {
        let words = "this folder is no source tree of Orket".to_owned();
        return Ok((args.require_docker.then_some(false), words));
    }
    let tag = args.docker_image_tag.as_str();
    let build = ["build", "-t", tag, "-f", "infrastructure/Dockerfile", "."];
    let built = step::other("docker", &context.cwd, &build, LONG).await?;
    if built.code != 0 {
        return Ok((Some(false), format!("docker build: {}", built.words())));
    }
    let name = format!("orket-smoke-{}", std::process::id());
    let port = match args.docker_port {
        0 => free_port()?,
        port => port,
    };
    let published = format!("127.0.0.1:{port}:8082");
    let key = format!("ORKET_API_KEY={}", uuid::Uuid::new_v4().simple());
    let start = [
        "run",
        "-d",
        "--rm",
        "--name",
        &name,
        "-p",
        &published,
        "-e",
        "ORKET_HOST=0.0.0.0",
        "-e",
        &key,
        tag,
    ];
    let started = step::other("docker", &context.cwd, &start, PATIENCE).await?;
    if started.code != 0 {
        return Ok((Some(false), format!("docker run: {}", started.words())));
    }
    let limit = Duration::from_secs(args.docker_health_timeout_sec);
    let healthy = tokio::time::timeout(limit, answers(port)).await.is_ok();
    let _ = step::other("docker", &context.cwd, &["rm", "-f", &name], PATIENCE).await?;
    Ok((
        Some(healthy),
        if healthy {
            format!("{tag} answers on /health")
        } else {
            format!(
                "{tag} did not answer on /health within {} s",
                limit.as_secs()
            )
        },
    ))
}

/// A port that nobody has at the moment.
fn free_port() -> Result<u16, Failure> {
    std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|error| Failure::new("E_LISTEN", error.to_string()))
}

/// Resolves when the server answers 200.
async fn answers(port: u16) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let ask = || async {
        let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await?;
        stream
            .write_all(b"GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
            .await?;
        let mut head = [0_u8; 12];
        stream.read_exact(&mut head).await?;
        std::io::Result::Ok(head.ends_with(b" 200"))
    };
    while !ask().await.unwrap_or(false) {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
