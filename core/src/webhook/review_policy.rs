//! The organization's rules about reviews: `process_rules.pr_review_policy`.

use serde_json::{Map, Value};

/// How a pull request is merged; the words are those of Gitea's API.
pub const MERGE_STYLES: [&str; 5] = [
    "merge",
    "rebase",
    "rebase-merge",
    "squash",
    "fast-forward-only",
];

/// The rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewPolicy {
    /// The cycle of requested changes that closes a pull request, from 1.
    pub max_review_cycles: u32,
    /// The cycle that calls somebody in, from 1; none at all when it is not below the last one.
    pub escalation_cycle: u32,
    /// Approvals that a merge needs, each of another reviewer, from 1.
    pub required_approvals: u32,
    /// Reviewers who must be among them.
    pub required_reviewers: Vec<String>,
    /// Whether enough approvals merge it.
    pub auto_merge: bool,
    /// Whether what was merged is brought up as a sandbox.
    pub auto_deploy: bool,
    /// How it is merged: one of [`MERGE_STYLES`].
    pub merge_style: String,
    /// Whether its branch goes with it.
    pub delete_branch: bool,
    /// `owner/name` of the repositories that are served; all of them when it is none.
    pub repositories: Option<Vec<String>>,
}

impl Default for ReviewPolicy {
    fn default() -> Self {
        Self {
            max_review_cycles: 4,
            escalation_cycle: 3,
            required_approvals: 1,
            required_reviewers: Vec::new(),
            auto_merge: true,
            auto_deploy: true,
            merge_style: "merge".to_owned(),
            delete_branch: true,
            repositories: None,
        }
    }
}

impl ReviewPolicy {
    /// Reads the rules; what is not said is as in [`ReviewPolicy::default`].
    ///
    /// # Errors
    ///
    /// A sentence for each rule that cannot be meant: a rule that was meant to protect must not be left
    /// out because it is misspelt.
    pub fn read(rules: &Map<String, Value>) -> Result<Self, Vec<String>> {
        let mut policy = Self::default();
        let mut wrong = Vec::new();
        for (name, value) in rules {
            if let Err(words) = policy.set(name, value) {
                wrong.push(format!("pr_review_policy.{name} {words}"));
            }
        }
        if policy.escalation_cycle > policy.max_review_cycles {
            wrong.push(
                "pr_review_policy.escalation_cycle must not be above max_review_cycles".to_owned(),
            );
        }
        if wrong.is_empty() {
            Ok(policy)
        } else {
            Err(wrong)
        }
    }

    fn set(&mut self, name: &str, value: &Value) -> Result<(), &'static str> {
        match name {
            "max_review_cycles" => self.max_review_cycles = count(value)?,
            "escalation_cycle" => self.escalation_cycle = count(value)?,
            "required_approvals" => self.required_approvals = count(value)?,
            "required_reviewer" | "required_reviewers" => {
                self.required_reviewers.extend(names(value)?);
            }
            "auto_merge" => self.auto_merge = flag(value)?,
            "auto_deploy" => self.auto_deploy = flag(value)?,
            "delete_branch" | "delete_branch_after_merge" => self.delete_branch = flag(value)?,
            "merge_style" => {
                let style = value.as_str().filter(|style| MERGE_STYLES.contains(style));
                style
                    .ok_or("must be merge, rebase, rebase-merge, squash or fast-forward-only")?
                    .clone_into(&mut self.merge_style);
            }
            "repositories" => self.repositories = Some(names(value)?),
            _ => return Err("is not known"),
        }
        Ok(())
    }

    /// Whether a repository, `owner/name`, is served. Case does not matter, as it does not in Gitea.
    #[must_use]
    pub fn serves(&self, repository: &str) -> bool {
        self.repositories.as_ref().is_none_or(|served| {
            served
                .iter()
                .any(|known| known.eq_ignore_ascii_case(repository))
        })
    }
}

fn count(value: &Value) -> Result<u32, &'static str> {
    value
        .as_u64()
        .and_then(|count| u32::try_from(count).ok())
        .filter(|count| (1..=1_000).contains(count))
        .ok_or("must be a whole number from 1 to 1000")
}

fn flag(value: &Value) -> Result<bool, &'static str> {
    value.as_bool().ok_or("must be true or false")
}

fn names(value: &Value) -> Result<Vec<String>, &'static str> {
    const WRONG: &str = "must be a name or a list of names";
    let name = |value: &Value| {
        let name = value
            .as_str()
            .map(str::trim)
            .filter(|name| !name.is_empty());
        name.map(str::to_owned).ok_or(WRONG)
    };
    match value {
        Value::String(_) => Ok(vec![name(value)?]),
        Value::Array(items) => items.iter().map(name).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Err(WRONG),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(rules: &Value) -> Result<ReviewPolicy, Vec<String>> {
        ReviewPolicy::read(rules.as_object().unwrap())
    }

    #[test]
    fn what_is_not_said_is_the_default() {
        assert_eq!(read(&json!({})), Ok(ReviewPolicy::default()));
        let policy = read(&json!({
            "required_approvals": 2, "required_reviewer": "integrity_guard", "auto_merge": false,
            "merge_style": "squash", "repositories": ["Acme/Site"], "escalation_cycle": 2,
        }));
        let policy = policy.unwrap();
        assert_eq!(policy.required_reviewers, ["integrity_guard"]);
        assert!(!policy.auto_merge && policy.serves("acme/site") && !policy.serves("acme/other"));
        assert!(ReviewPolicy::default().serves("any/thing"));
    }

    #[test]
    fn a_rule_that_cannot_be_meant_is_not_passed_over() {
        let wrong = read(&json!({
            "required_approvals": 0, "auto_merge": "no", "merge_style": "force", "reviewers": ["x"],
            "required_reviewers": [1], "max_review_cycles": 2, "escalation_cycle": 3,
        }))
        .unwrap_err();
        assert_eq!(wrong.len(), 6, "{wrong:#?}");
        assert!(
            wrong
                .iter()
                .all(|words| words.starts_with("pr_review_policy."))
        );
    }
}
