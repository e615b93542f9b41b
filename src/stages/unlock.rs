//! Whether microservices are unlocked: a setting, or else a report of the benchmarks.

use std::collections::BTreeMap;
use std::path::Path;

use orket_core::asset::Problem;
use serde_json::Value;

const SETTING: &str = "enable_microservices";
const REPORT: &str = "microservices_unlock_report";

/// The settings, with what the unlock report below `root` says where nobody set it. A report that is
/// not there unlocks nothing.
///
/// # Errors
///
/// The report's file and what is wrong with it, when it is there and says neither yes nor no.
pub fn with_unlock(
    mut modes: BTreeMap<String, String>,
    root: &Path,
) -> Result<BTreeMap<String, String>, (BTreeMap<String, String>, Problem)> {
    if modes.contains_key(SETTING) {
        return Ok(modes);
    }
    let Some(report) = modes.get(REPORT).cloned() else {
        return Ok(modes);
    };
    match says(&root.join(&report), "unlock report", "unlocked") {
        Ok(true) => {
            modes.insert(SETTING.to_owned(), "true".to_owned());
            Ok(modes)
        }
        Ok(false) => Ok(modes),
        Err(what) => {
            let what = format!("{what}; correct it, or set microservices_unlock_report elsewhere");
            Err((modes, Problem::new(&report, "unlocked", what)))
        }
    }
}

/// Whether a report says that `key` is true; one that is not there says that it is not.
///
/// # Errors
///
/// What is wrong with the report, called `what`, when it is there and says neither yes nor no.
pub fn says(report: &Path, what: &str, key: &str) -> Result<bool, String> {
    let text = match std::fs::read_to_string(report) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(format!("the {what} cannot be read: {error}")),
    };
    let report: Value =
        serde_json::from_str(&text).map_err(|error| format!("the {what} is no JSON: {error}"))?;
    report
        .get(key)
        .and_then(Value::as_bool)
        .ok_or_else(|| format!("the {what} must say true or false here"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_unlocks_where_nobody_set_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let modes = |set: Option<&str>| {
            let mut modes = BTreeMap::from([(REPORT.to_owned(), "check.json".to_owned())]);
            modes.extend(set.map(|text| (SETTING.to_owned(), text.to_owned())));
            let modes = with_unlock(modes, folder.path());
            modes.map(|modes| modes.get(SETTING).cloned())
        };
        assert_eq!(modes(None), Ok(None));
        let report = |text: &str| std::fs::write(folder.path().join("check.json"), text);
        for (text, unlocked) in [
            ("{\"unlocked\": false}", None),
            ("{\"unlocked\": true}", Some("true")),
        ] {
            report(text).expect("written");
            assert_eq!(modes(None), Ok(unlocked.map(str::to_owned)), "{text}");
        }
        for text in ["{", "garbage", "{\"unlocked\": \"yes\"}", "{}"] {
            report(text).expect("written");
            let (_, problem) = modes(None).expect_err(text);
            assert_eq!(problem.file, "check.json");
            assert_eq!(modes(Some("false")), Ok(Some("false".to_owned())));
        }
    }
}
