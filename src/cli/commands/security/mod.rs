//! `orket check security`: strangers at the door of a server and a receiver that are started for it, with
//! secrets and a data folder that are thrown away.
//!
//! # Layout
//!
//! - this file: the attempts and the report. - `house`: the server. - `attempts`: what is tried over
//!   the network. - `starts`: what must not even start.

mod attempts;
mod house;
mod starts;

use std::process::ExitCode;

use serde::Serialize;

use crate::cli::args::CheckSecurityArgs;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::{out, out_file};

use house::House;

/// One attempt.
#[derive(Debug, Serialize)]
struct Attempt {
    /// What was tried.
    name: String,
    /// `PASS` when it was refused as it must be.
    status: &'static str,
    /// What must come of it.
    expected: String,
    /// What came of it.
    seen: String,
}

impl Attempt {
    fn of(name: &str, ok: bool, expected: &str, seen: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            status: if ok { "PASS" } else { "FAIL" },
            expected: expected.to_owned(),
            seen: seen.into(),
        }
    }
}

#[derive(Serialize)]
struct Report {
    ok: bool,
    status: &'static str,
    failures: usize,
    checks: Vec<Attempt>,
}

/// Tries everything.
///
/// # Errors
///
/// When the server cannot be started.
async fn canary() -> Result<Report, Failure> {
    let house = House::start().await?;
    let mut checks = attempts::all(&house).await;
    checks.push(house.socket());
    house.stop().await?;
    checks.extend(starts::all().await?);
    let failures = checks.iter().filter(|it| it.status != "PASS").count();
    Ok(Report {
        ok: failures == 0,
        status: if failures == 0 { "PASS" } else { "FAIL" },
        failures,
        checks,
    })
}

/// The same as one step of something larger: whether it passed, and all of it.
///
/// # Errors
///
/// When the server cannot be started.
pub async fn step() -> Result<(bool, serde_json::Value), Failure> {
    let report = canary().await?;
    let value = serde_json::to_value(&report)
        .map_err(|error| Failure::new("E_INTERNAL", error.to_string()))?;
    Ok((report.ok, value))
}

/// See the file's head.
pub async fn run(context: Context, args: CheckSecurityArgs) -> Result<ExitCode, Failure> {
    let report = match canary().await {
        Ok(report) => report,
        Err(failure) => {
            // Whoever waits for the report must not find that of another day.
            let mut body = failure.body();
            if let Some(body) = body.as_object_mut() {
                body.insert("ok".to_owned(), false.into());
                body.insert("status".to_owned(), "FAIL".into());
            }
            out_file::write(&context, args.out.as_deref(), &body)?;
            return Err(failure);
        }
    };
    out_file::write(&context, args.out.as_deref(), &report)?;
    if context.json {
        out::json(&report);
    } else {
        let mut text = String::new();
        for check in &report.checks {
            text.push_str(&format!("{} {}: {}", check.status, check.name, check.seen));
            if check.status != "PASS" {
                text.push_str(&format!(" (expected {})", check.expected));
            }
            text.push('\n');
        }
        text.push_str(&format!(
            "{}: {} attempts, {} got further than they may\n",
            report.status,
            report.checks.len(),
            report.failures
        ));
        out::print(&text);
    }
    Ok(ExitCode::from(u8::from(!report.ok)))
}
