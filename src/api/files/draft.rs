//! What is wrong with an asset that was saved. It is saved all the same: it may be a draft.

use orket_core::asset::{
    Asset, Department, Dialect, Environment, Epic, Issue, Organization, Prices, Problem, Rock,
    Role, Skill, Team, check, parse,
};
use orket_core::scenario::Scenario;

/// The most that is said about one file.
const MOST: usize = 50;

/// One sentence each, naming the file and the field; none for what is no asset.
#[must_use]
pub fn warnings(parts: &[String], text: &str) -> Vec<String> {
    let path = parts.join("/");
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let is_json = path.to_lowercase().ends_with(".json");
    let mut found = match parts.as_slice() {
        ["config" | "model", ..] if !is_json => Vec::new(),
        ["config", category, _] | ["model", _, category, _] => of_category(category, text, &path),
        ["config" | "model", "organization.json"] => judge::<Organization>(text, &path),
        ["model", _, "department.json"] => judge::<Department>(text, &path),
        ["config" | "model", ..] => syntax(text, &path),
        _ => Vec::new(),
    };
    found.truncate(MOST);
    found
}

fn of_category(category: &str, text: &str, path: &str) -> Vec<String> {
    match category {
        "epics" => match parse::<Epic>(text, path) {
            Ok(parsed) => {
                let of_graph = check::epic(&parsed.asset, path);
                sentences(parsed.warnings.into_iter().chain(of_graph))
            }
            Err(problems) => sentences(problems.0),
        },
        "rocks" => judge::<Rock>(text, path),
        "issues" => judge::<Issue>(text, path),
        "teams" => judge::<Team>(text, path),
        "roles" => judge::<Role>(text, path),
        "environments" => judge::<Environment>(text, path),
        "dialects" => judge::<Dialect>(text, path),
        "skills" => judge::<Skill>(text, path),
        "prices" => judge::<Prices>(text, path),
        "departments" => judge::<Department>(text, path),
        "scenarios" => Scenario::parse(text, path).err().into_iter().collect(),
        _ => syntax(text, path),
    }
}

fn judge<T: Asset>(text: &str, path: &str) -> Vec<String> {
    match parse::<T>(text, path) {
        Ok(parsed) => sentences(parsed.warnings),
        Err(problems) => sentences(problems.0),
    }
}

/// Whether it is JSON at all.
fn syntax(text: &str, path: &str) -> Vec<String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match serde_json::from_str::<serde::de::IgnoredAny>(text) {
        Ok(_) => Vec::new(),
        Err(error) => {
            let place = format!("line {}, column {}", error.line(), error.column());
            let text = error.to_string();
            let what = text.split(" at line ").next().unwrap_or_default();
            sentences([Problem::new(
                path,
                place,
                format!("is no valid JSON: {what}"),
            )])
        }
    }
}

fn sentences(problems: impl IntoIterator<Item = Problem>) -> Vec<String> {
    problems
        .into_iter()
        .map(|problem| problem.to_string())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &str, text: &str) -> Vec<String> {
        let parts: Vec<String> = path.split('/').map(str::to_owned).collect();
        warnings(&parts, text)
    }

    #[test]
    fn an_asset_is_judged_by_the_folder_that_it_lies_in() {
        assert_eq!(
            of("model/core/rocks/r.json", "{\"name\": \"R\"}"),
            ["model/core/rocks/r.json: epics: is missing; give a list of {epic, department}"]
        );
        assert_eq!(
            of("config/other.json", "{"),
            ["config/other.json: line 1, column 1: is no valid JSON: EOF while parsing an object"]
        );
        assert!(of("config/epics/e.json", "{\"name\": \"E\"").len() == 1);
        assert!(of("config/notes.md", "{").is_empty());
        assert!(of("docs/a.json", "{").is_empty());
        assert!(
            of(
                "model/core/rocks/r.json",
                "{\"name\": \"R\", \"epics\": []}"
            )
            .is_empty()
        );
        let loop_of_two = "{\"name\": \"E\", \"team\": \"t\", \"environment\": \"e\", \"issues\": [\
            {\"id\": \"A\", \"summary\": \"a\", \"depends_on\": [\"B\"]},\
            {\"id\": \"B\", \"summary\": \"b\", \"depends_on\": [\"A\"]}]}";
        assert!(!of("config/epics/e.json", loop_of_two).is_empty());
    }
}
