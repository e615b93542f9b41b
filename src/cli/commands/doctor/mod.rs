//! `orket doctor`: what is set up, what is missing, and which command mends it.
//!
//! # Layout
//!
//! - this file: the looks, all at once, each with a deadline; the report.
//! - `finding`: what one look found. `here`: settings, folders, the journal, the machine.
//! - `outside`: models, Gitea, docker, git.

mod finding;
mod here;
mod outside;

use std::process::ExitCode;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, join_all};
use serde::Serialize;

use crate::cli::args::DoctorArgs;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::out;

use finding::{Finding, Status};

#[derive(Serialize)]
struct Report {
    /// Whether nothing failed.
    ok: bool,
    /// How many of each.
    passed: usize,
    warnings: usize,
    failures: usize,
    /// In a fixed order.
    checks: Vec<Finding>,
}

impl Report {
    fn of(checks: Vec<Finding>) -> Self {
        let count = |status| checks.iter().filter(|it| it.status == status).count();
        let failures = count(Status::Fail);
        Self {
            ok: failures == 0,
            passed: count(Status::Ok),
            warnings: count(Status::Warn),
            failures,
            checks,
        }
    }

    fn tell(&self, json: bool) -> ExitCode {
        if json {
            out::json(self);
        } else {
            let mut text: String = self.checks.iter().map(Finding::text).collect();
            text.push_str(&format!(
                "{} ok, {} to look at, {} failed\n",
                self.passed, self.warnings, self.failures
            ));
            out::print(&text);
        }
        ExitCode::from(u8::from(!self.ok))
    }
}

/// What is said when the settings cannot even be read.
pub fn without_settings(failure: &Failure, json: bool) -> ExitCode {
    let mut found = Finding::fail("settings", failure.message.clone());
    found = found.next(
        failure
            .hint
            .clone()
            .unwrap_or_else(|| "orket config".to_owned()),
    );
    Report::of(vec![found]).tell(json)
}

/// See the file's head.
pub async fn run(context: Context, args: DoctorArgs) -> Result<ExitCode, Failure> {
    let limit = Duration::from_secs(args.timeout);
    let context = &context;
    let mut looks: Vec<Look<'_>> = vec![
        look("settings", here::settings(context).boxed()),
        look("keys", here::keys(context).boxed()),
        look("data folder", here::data_folder(context).boxed()),
        look("journal", here::journal(context).boxed()),
        look("waiting", here::waiting(context).boxed()),
        look("disk", here::disk(context).boxed()),
        look("workspace", here::workspace(context).boxed()),
        look("ports", here::ports(context).boxed()),
        look("clock", here::clock(context).boxed()),
        look("sandbox", here::sandbox(context).boxed()),
        look("transactions", here::transactions(context).boxed()),
        look("git", outside::git(context).boxed()),
        look("docker", outside::docker(context).boxed()),
        look("Gitea", outside::gitea(context, limit).boxed()),
    ];
    looks.extend(
        outside::models(context, limit)
            .into_iter()
            .map(|(name, future)| look(name, future)),
    );
    let found = join_all(looks.into_iter().map(|it| within(it, limit))).await;
    Ok(Report::of(found.into_iter().flatten().collect()).tell(context.json))
}

struct Look<'a> {
    name: String,
    future: BoxFuture<'a, Vec<Finding>>,
}

fn look(name: impl Into<String>, future: BoxFuture<'_, Vec<Finding>>) -> Look<'_> {
    Look {
        name: name.into(),
        future,
    }
}

async fn within(look: Look<'_>, limit: Duration) -> Vec<Finding> {
    match tokio::time::timeout(limit, look.future).await {
        Ok(found) => found,
        Err(_elapsed) => vec![
            Finding::fail(look.name, format!("no answer within {} s", limit.as_secs()))
                .next("orket doctor --timeout 30"),
        ],
    }
}
