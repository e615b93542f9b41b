//! What `docker compose ps|ls --format json` print: one array, or an object on each line, as versions go.

use serde::Deserialize;
use serde::de::DeserializeOwned;

/// A container of a project.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Container {
    #[serde(rename = "ID")]
    pub(crate) id: String,
    pub(crate) service: String,
    /// `running`, `exited`, `created`, …
    pub(crate) state: String,
    /// `healthy`, `unhealthy`, `starting`, or nothing.
    pub(crate) health: String,
    /// `name=value`, separated by commas; nothing in versions that do not tell.
    pub(crate) labels: String,
}

impl Container {
    /// Whether it runs, and nobody says that it does not work.
    pub(crate) fn is_well(&self) -> bool {
        self.state.eq_ignore_ascii_case("running") && !self.health.eq_ignore_ascii_case("unhealthy")
    }
}

/// A project.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Project {
    pub(crate) name: String,
    /// The files it was made from, separated by commas.
    #[serde(default)]
    pub(crate) config_files: String,
}

/// Reads either form; no text is no element.
///
/// # Errors
///
/// When it is neither.
pub(crate) fn parse<T: DeserializeOwned>(text: &str) -> Result<Vec<T>, serde_json::Error> {
    let text = text.trim();
    if text.starts_with('[') {
        return serde_json::from_str::<Option<Vec<T>>>(text).map(Option::unwrap_or_default);
    }
    if text == "null" {
        return Ok(Vec::new());
    }
    serde_json::Deserializer::from_str(text)
        .into_iter()
        .collect()
}

/// Whether a container has this label.
pub(crate) fn is_of(container: &Container, name: &str, value: &str) -> bool {
    values_of(container, name).any(|it| it == value)
}

/// What a container has under a label.
pub(crate) fn values_of<'a>(
    container: &'a Container,
    name: &'a str,
) -> impl Iterator<Item = &'a str> {
    let labels = container.labels.split(',');
    labels.filter_map(move |it| it.strip_prefix(name)?.strip_prefix('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    const API: &str = r#"{"ID":"a1","Name":"p-api-1","Service":"api","State":"running","Health":"","Labels":"x=y,orket.home=h","ExitCode":0,"Publishers":[{"URL":"127.0.0.1"}]}"#;
    const DB: &str = r#"{"ID":"b2","Service":"db","State":"exited"}"#;

    #[test]
    fn an_array_and_lines_mean_the_same() {
        let array: Vec<Container> = parse(&format!("[{API},\n{DB}]\n")).unwrap();
        let lines: Vec<Container> = parse(&format!("{API}\n{DB}\n")).unwrap();
        assert_eq!(array, lines);
        assert!(array[0].is_well() && !array[1].is_well());
        assert!(is_of(&array[0], "orket.home", "h") && !is_of(&array[0], "orket.home", "ho"));
        for nothing in ["", "[]", "null", " \n"] {
            assert_eq!(parse::<Container>(nothing).unwrap(), []);
        }
        assert!(parse::<Container>("no configuration file").is_err());
        assert!(parse::<Project>("[{\"Name\":1}]").is_err());
    }
}
