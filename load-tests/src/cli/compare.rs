//! `orket-load compare OLD NEW`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::error::LoadError;
use crate::report::{Comparison, read};

/// What it is asked to do.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// The report before
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// The report after
    #[arg(value_name = "NEW")]
    new: PathBuf,
    /// End with 1 when a number is more than so many times worse
    #[arg(long, value_name = "RATIO")]
    fail_above: Option<f64>,
    /// Only numbers in whose name this text is; several may be given
    #[arg(long, value_name = "TEXT")]
    only: Vec<String>,
}

/// See the file's head.
///
/// # Errors
///
/// When one of the two is no report.
pub fn run(options: &Options) -> Result<ExitCode, LoadError> {
    if options
        .fail_above
        .is_some_and(|ratio| ratio.is_nan() || ratio < 1.0)
    {
        return Err(LoadError::usage("--fail-above needs a ratio of 1 or more"));
    }
    let (old, new) = (read(&options.old)?, read(&options.new)?);
    let mut comparison = Comparison::of(&old, &new);
    if !options.only.is_empty() {
        let is_wanted = |name: &str| options.only.iter().any(|only| name.contains(only.as_str()));
        comparison.lines.retain(|line| is_wanted(&line.name));
        comparison.alone.retain(|name| is_wanted(name));
    }
    if comparison.lines.is_empty() {
        return Err(LoadError::usage("the two reports have no number in common"));
    }
    print!("{}", comparison.text());
    let Some(ratio) = options.fail_above else {
        return Ok(ExitCode::SUCCESS);
    };
    let worse = comparison.worse_than(ratio);
    for line in &worse {
        let times = line.worse.unwrap_or_default();
        eprintln!(
            "worse: {} is {times:.2} times worse, above {ratio}",
            line.name
        );
    }
    Ok(ExitCode::from(u8::from(!worse.is_empty())))
}
