//! Whether microservices are unlocked: a setting, or else a report of the benchmarks.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

const SETTING: &str = "enable_microservices";
const REPORT: &str = "microservices_unlock_report";

/// The settings, with what the unlock report below `root` says where nobody set it. A report that is
/// not there, or is none, unlocks nothing.
#[must_use]
pub fn with_unlock(mut modes: BTreeMap<String, String>, root: &Path) -> BTreeMap<String, String> {
    if !modes.contains_key(SETTING)
        && let Some(report) = modes.get(REPORT)
        && is_unlocked(&root.join(report))
    {
        modes.insert(SETTING.to_owned(), "true".to_owned());
    }
    modes
}

fn is_unlocked(report: &Path) -> bool {
    let text = match std::fs::read_to_string(report) {
        Ok(text) => text,
        Err(error) => {
            if error.kind() != std::io::ErrorKind::NotFound {
                tracing::warn!(report = %report.display(), %error, "the unlock report cannot be read; microservices stay locked");
            }
            return false;
        }
    };
    let unlocked = serde_json::from_str::<Value>(&text)
        .ok()
        .and_then(|report| report.get("unlocked")?.as_bool());
    if unlocked.is_none() {
        tracing::warn!(report = %report.display(), "the unlock report has no `unlocked`; microservices stay locked");
    }
    unlocked.unwrap_or(false)
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
            with_unlock(modes, folder.path()).get(SETTING).cloned()
        };
        assert_eq!(modes(None), None);
        let report = |text: &str| std::fs::write(folder.path().join("check.json"), text);
        for (text, unlocked) in [
            ("{", None),
            ("{\"unlocked\": \"true\"}", None),
            ("{\"unlocked\": false}", None),
            ("{\"unlocked\": true}", Some("true")),
        ] {
            report(text).expect("written");
            assert_eq!(modes(None).as_deref(), unlocked, "{text}");
        }
        assert_eq!(modes(Some("false")).as_deref(), Some("false"));
    }
}
