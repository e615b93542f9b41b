//! What is done with what a scenario found: said, written, held to its thresholds.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::Value;

use super::Common;
use crate::error::LoadError;
use crate::html;
use crate::outcome::Outcome;
use crate::report::{Assertions, read, report, table, write_whole};

/// The exit code where a bar was missed: a threshold, a time, an amount.
const MISSED: u8 = 1;
/// The exit code where something was lost, done twice or ended otherwise.
const WRONG: u8 = 3;

/// What `orket-load page` is asked to do.
#[derive(Debug, Clone, Args)]
pub struct PageOptions {
    /// The report
    #[arg(value_name = "REPORT")]
    report: PathBuf,
    /// Where to write the page
    #[arg(long, value_name = "FILE")]
    html: PathBuf,
}

/// Makes a page of a report that was written before.
///
/// # Errors
///
/// When it is no report, or the page cannot be written.
pub fn page(options: &PageOptions) -> Result<ExitCode, LoadError> {
    let report = read(&options.report)?;
    write_whole(&options.html, &html::page(&report))?;
    Ok(ExitCode::SUCCESS)
}

/// Thresholds are read before anything is measured: a slip in them must not cost the measurement.
///
/// # Errors
///
/// When they cannot be read.
pub fn thresholds(common: &Common) -> Result<Option<Assertions>, LoadError> {
    common.assert.as_deref().map(Assertions::read).transpose()
}

/// Says and writes it. The report is written whatever the thresholds say of it.
///
/// # Errors
///
/// When something cannot be written, or a threshold is for nothing that was measured.
pub fn finish(
    outcome: &Outcome,
    common: &Common,
    thresholds: Option<&Assertions>,
) -> Result<ExitCode, LoadError> {
    let mut report = report(outcome);
    let misses = thresholds.map(|it| it.misses(&report));
    if let Some(Ok(misses)) = &misses
        && let Some(fields) = report.as_object_mut()
    {
        let words = misses.iter().map(|miss| Value::from(miss.to_string()));
        fields.insert("missed".to_owned(), words.collect());
        let passed = outcome.passed() && misses.is_empty();
        fields.insert("passed".to_owned(), passed.into());
    }
    let text = format!("{report:#}\n");
    if let Some(out) = &common.out {
        write_whole(out, &text)?;
    }
    if let Some(html) = &common.html {
        write_whole(html, &html::page(&report))?;
    }
    match common.json {
        true => print!("{text}"),
        false => print!("{}", table(&report)),
    }
    for check in outcome.checks.iter().filter(|check| !check.passed) {
        eprintln!("failed: {}: {}", check.name, check.words);
    }
    let misses = misses.transpose()?.unwrap_or_default();
    for miss in &misses {
        eprintln!("missed: {miss}");
    }
    Ok(if !outcome.is_right() {
        ExitCode::from(WRONG)
    } else if !outcome.passed() || !misses.is_empty() {
        ExitCode::from(MISSED)
    } else {
        ExitCode::SUCCESS
    })
}
