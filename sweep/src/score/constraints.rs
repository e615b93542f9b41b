//! Rules for the code of an answer.

use regex::Regex;

use super::Checked;
use super::syntax::Code;
use crate::bank::Task;
use crate::bank::task::{Check, Constraint};

/// Looks at every rule of a task. Code that is not there, has mistakes of syntax, or lacks the function
/// that is asked for keeps no rule: that an empty file imports nothing says nothing.
#[must_use]
pub fn judge(task: &Task, source: Option<&str>) -> Vec<Checked> {
    let code = source.and_then(|text| Code::read(task.evaluation.language, text));
    let usable = match (&code, source) {
        (Some(code), Some(text)) => usable(task, code).map(|()| (code, text)),
        _ => Err(format!("{} is missing", task.evaluation.file)),
    };
    let judged = |constraint: &Constraint| {
        let verdict = match &usable {
            Ok((code, text)) => broken(task, &constraint.check, code, text),
            Err(problem) => Some(problem.clone()),
        };
        Checked {
            id: constraint.id.clone(),
            passed: verdict.is_none(),
            detail: verdict,
            is_unsettled: false,
        }
    };
    task.constraints.iter().map(judged).collect()
}

fn usable(task: &Task, code: &Code<'_>) -> Result<(), String> {
    if !code.is_sound() {
        return Err(format!(
            "{} is empty or has a mistake of syntax",
            task.evaluation.file
        ));
    }
    match &task.evaluation.entry {
        Some(entry) if code.function(entry).is_none() => {
            Err(format!("{} has no function {entry}", task.evaluation.file))
        }
        Some(_) | None => Ok(()),
    }
}

/// How the code breaks a rule; `None` when it keeps it.
fn broken(task: &Task, check: &Check, code: &Code<'_>, text: &str) -> Option<String> {
    let first = |found: Vec<String>, what: &str| {
        (!found.is_empty()).then(|| format!("{what} {}", found.join(", ")))
    };
    match check {
        Check::NoImports => first(code.imports().into_iter().collect(), "imports"),
        Check::ImportsOnly { modules } => {
            let others = code
                .imports()
                .into_iter()
                .filter(|it| !modules.contains(it));
            first(others.collect(), "imports")
        }
        Check::TypeHints => code
            .without_hints()
            .map(|name| format!("{name} is not annotated whole")),
        Check::Docstring => {
            let entry = task.evaluation.entry.as_deref()?;
            let function = code.function(entry)?;
            (!code.has_docstring(function)).then(|| format!("{entry} has no docstring"))
        }
        Check::ForbidCall { names } => {
            let called = code.calls().into_iter().filter(|it| names.contains(it));
            first(called.collect(), "calls")
        }
        Check::RequireCall { names } => {
            let calls = code.calls();
            let none = !names.iter().any(|name| calls.contains(name));
            none.then(|| format!("calls none of {}", names.join(", ")))
        }
        Check::ForbidSyntax { nodes } => {
            let found = nodes.iter().filter(|kind| code.has(kind)).cloned();
            first(found.collect(), "has")
        }
        Check::RequireSyntax { nodes } => {
            let none = !nodes.iter().any(|kind| code.has(kind));
            none.then(|| format!("has none of {}", nodes.join(", ")))
        }
        Check::Require { pattern } => match Regex::new(pattern) {
            Ok(regex) if regex.is_match(&code.bare()) => None,
            Ok(_) => Some(format!("`{pattern}` is not found")),
            Err(cause) => Some(cause.to_string()),
        },
        Check::Forbid { pattern } => match Regex::new(pattern) {
            Ok(regex) if regex.is_match(&code.bare()) => Some(format!("`{pattern}` is found")),
            Ok(_) => None,
            Err(cause) => Some(cause.to_string()),
        },
        Check::MaxLines { lines } => {
            let found = text.lines().filter(|line| !line.trim().is_empty()).count();
            (found > *lines).then(|| format!("has {found} lines"))
        }
        Check::MinFunctions { count } => {
            let found = code.functions().count();
            (found < *count).then(|| format!("has {found} functions"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bank::{Bank, OWN, answer};

    /// A task with one rule, for `main.py` with a function `f`.
    fn ruled(check: serde_json::Value) -> Task {
        let mut task = serde_json::to_value(&Bank::load(OWN).unwrap().tasks[0]).unwrap();
        task["constraints"] = serde_json::json!([{"id": "rule", "text": "…", "check": check}]);
        task["evaluation"]["entry"] = "f".into();
        serde_json::from_value(task).unwrap()
    }

    #[test]
    fn each_rule_is_kept_by_one_code_and_broken_by_another() {
        let head = "def f(a: int) -> int:\n    \"\"\"Add one.\"\"\"\n    return a + 1\n";
        let bare = "def f(a):\n    return a + 1\n";
        let with = |more: &str| format!("{head}{more}");
        let rules = [
            (
                r#"{"kind":"no_imports"}"#,
                with("# import os\nx = 'import os'\n"),
                with("import os.path as p\n"),
            ),
            (
                r#"{"kind":"no_imports"}"#,
                head.into(),
                with("x = __import__('os')\n"),
            ),
            (
                r#"{"kind":"imports_only","modules":["re"]}"#,
                with("from re import match\n"),
                with("import re, os\n"),
            ),
            (r#"{"kind":"type_hints"}"#, head.into(), bare.into()),
            (
                r#"{"kind":"type_hints"}"#,
                head.into(),
                with("def g(b=1) -> int:\n    return b\n"),
            ),
            (r#"{"kind":"docstring"}"#, head.into(), bare.into()),
            (
                r#"{"kind":"forbid_call","names":["eval"]}"#,
                with("# eval(x)\n"),
                with("x = builtins.eval('1')\n"),
            ),
            (
                r#"{"kind":"require_call","names":["sorted"]}"#,
                with("x = sorted([])\n"),
                with("x = 'sorted([])'\n"),
            ),
            (
                r#"{"kind":"forbid_syntax","nodes":["global_statement"]}"#,
                head.into(),
                with("def g() -> None:\n    global x\n    x = 1\n"),
            ),
            (
                r#"{"kind":"require_syntax","nodes":["for_statement"]}"#,
                with("for x in []:\n    pass\n"),
                with("x = [y for y in []]\n"),
            ),
            (
                r#"{"kind":"require","pattern":"return\\s+a"}"#,
                head.into(),
                "def f():\n    'return a'\n".into(),
            ),
            (
                r#"{"kind":"forbid","pattern":"goto"}"#,
                with("# goto\n"),
                with("goto = 1\n"),
            ),
            (
                r#"{"kind":"max_lines","lines":3}"#,
                with("\n\n"),
                with("x = 1\n"),
            ),
            (
                r#"{"kind":"min_functions","count":2}"#,
                with("def g() -> None:\n    pass\n"),
                head.into(),
            ),
        ];
        let mut told = Vec::new();
        for (check, kept, broken) in rules {
            let task = ruled(serde_json::from_str(check).unwrap());
            assert_eq!(judge(&task, Some(&kept))[0].detail, None, "{check}");
            let verdict = judge(&task, Some(&broken)).remove(0);
            told.push(format!("{check}: {}", verdict.detail.expect(check)));
        }
        insta::assert_snapshot!(told.join("\n"));
    }

    #[test]
    fn an_empty_file_keeps_no_rule() {
        let task = ruled(serde_json::json!({"kind": "no_imports"}));
        for source in [
            None,
            Some(""),
            Some("# nothing\n"),
            Some("def f(:\n"),
            Some("x = 1\n"),
        ] {
            assert!(!judge(&task, source)[0].passed, "{source:?}");
        }
    }

    #[test]
    fn every_answer_that_passes_keeps_every_rule() {
        for task in &Bank::load(OWN).unwrap().tasks {
            let broken: Vec<Checked> = judge(task, answer(task, true))
                .into_iter()
                .filter(|check| !check.passed)
                .collect();
            assert_eq!(broken, [], "{}", task.id);
        }
    }
}
