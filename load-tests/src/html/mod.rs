//! A report as one HTML file: no scripts, nothing from elsewhere, light and dark.
//!
//! Made from the JSON of the report, so that an old one can be shown too.

mod chart;
mod charts;
mod tables;

use serde_json::Value;

/// See the file's head.
#[must_use]
pub fn page(report: &Value) -> String {
    let of = |field: &str| {
        report
            .get(field)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let title = format!("orket-load {}", of("scenario"));
    let mut body = format!(
        "<h1>{}</h1>\n<p class=\"when\">{}</p>\n",
        escape(&title),
        escape(of("timestamp_utc"))
    );
    body.push_str(&tables::verdict(report));
    body.push_str(&tables::results(report));
    body.push_str(&tables::numbers(report));
    body.push_str(&charts::percentiles(report));
    body.push_str(&charts::rates(report));
    body.push_str(&charts::resources(report));
    body.push_str(&tables::resources(report));
    body.push_str(&tables::config(report));
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n{body}</main>\n</body>\n</html>\n",
        escape(&title)
    )
}

/// Colours are pairs for light and dark; both have enough contrast for text of the size that they are used
/// for. Lines differ by dash too, so that colour never carries the meaning alone.
const STYLE: &str = include_str!("style.css");

/// Text as HTML.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// The fields of an object, none of anything else.
fn fields<'a>(of: &'a Value, name: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    of.get(name)
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
}
