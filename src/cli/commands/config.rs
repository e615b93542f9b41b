//! `orket config`: every setting, its value and where it came from.

use std::process::ExitCode;

use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::{out, report};

pub fn run(context: &Context) -> Result<ExitCode, Failure> {
    let shown = &context.settings.shown;
    if context.json {
        out::json(&serde_json::json!({"settings": shown, "warnings": context.settings.warnings}));
    } else {
        let rows = shown
            .iter()
            .map(|shown| {
                vec![
                    shown.name.clone(),
                    shown.value.clone().unwrap_or_else(|| "-".to_owned()),
                    shown.origin.to_string(),
                ]
            })
            .collect();
        out::print(&report::table(&["variable", "value", "from"], rows));
    }
    Ok(ExitCode::SUCCESS)
}
