//! Reports as people read them. What comes out of a bundle is shown without control characters.

use crate::inspect::Inspection;
use crate::pack::Packed;
use crate::problem::Problem;
use crate::validate::Validation;

/// A validation.
#[must_use]
pub fn validation(report: &Validation) -> String {
    if !report.ok {
        return failed(&report.errors);
    }
    let mut text = head(
        &report.manifest_name,
        &report.manifest_version,
        &report.manifest_path,
    );
    if let Some(selection) = &report.model_selection
        && let Some(model) = &selection.selected_model
    {
        text.push_str(&format!("model: {model} ({})\n", selection.message));
    }
    plain(&text)
}

/// What was packed.
#[must_use]
pub fn packed(report: &Packed) -> String {
    if !report.ok {
        let mut text = failed(&report.errors);
        if let Some(validation) = &report.validation {
            text.push_str(&lines(&validation.errors));
        }
        return plain(&text);
    }
    let mut text = head(
        &report.manifest_name,
        &report.manifest_version,
        &report.output,
    );
    text.push_str(&format!("{} file(s)\n", report.file_count));
    for excluded in &report.excluded {
        let reason = excluded.reason.words();
        text.push_str(&format!("left out: {} ({reason})\n", excluded.path));
    }
    plain(&text)
}

/// What is in a bundle.
#[must_use]
pub fn inspection(report: &Inspection) -> String {
    if !report.ok {
        return failed(&report.errors);
    }
    let mut text = head(&report.name, &report.version, &report.manifest_path);
    if let Some(range) = &report.engine_version {
        text.push_str(&format!("engine:      {range}\n"));
    }
    if let Some(model) = &report.model {
        text.push_str(&format!(
            "model:       {}, at least {}\n",
            model.preferred, model.minimum
        ));
        if !model.fallback.is_empty() {
            text.push_str(&format!("fallback:    {}\n", model.fallback.join(", ")));
        }
        let others = if model.allow_override { "yes" } else { "no" };
        text.push_str(&format!("override:    {others}\n"));
    }
    text.push_str(&format!("agents:      {}\n", report.agents_count));
    text.push_str(&format!("guards:      {}\n", report.guards.join(", ")));
    if let Some(counts) = &report.permissions {
        text.push_str(&format!(
            "permissions: {} to read, {} to write, {} tool(s), network {}\n",
            counts.filesystem_read_count,
            counts.filesystem_write_count,
            counts.tools_allowed_count,
            if counts.network_allowed { "yes" } else { "no" }
        ));
    }
    if let Some(count) = report.entry_count {
        text.push_str(&format!("entries:     {count}\n"));
    }
    plain(&text)
}

fn head(name: &Option<String>, version: &Option<String>, path: &Option<String>) -> String {
    let word = |it: &Option<String>| it.clone().unwrap_or_else(|| "?".to_owned());
    format!("OK: {} {} ({})\n", word(name), word(version), word(path))
}

fn failed(errors: &[Problem]) -> String {
    let count = errors.len();
    plain(&format!("FAIL ({count} error(s))\n{}", lines(errors)))
}

fn lines(errors: &[Problem]) -> String {
    let line = |it: &Problem| format!("[{}] {}: {}\n", it.code.as_str(), it.location, it.message);
    errors.iter().map(line).collect()
}

/// A terminal obeys control characters; nobody else's are passed on to it.
fn plain(text: &str) -> String {
    let shown = |c: char| {
        if c.is_control() && c != '\n' {
            '\u{fffd}'
        } else {
            c
        }
    };
    text.chars().map(shown).collect()
}
