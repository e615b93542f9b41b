//! What a fixture's answer means. The protocol is the one that fixtures have always had: on standard
//! input `{fixture_path, scenarios: [{id, input_data, expected_output}]}`, on standard output
//! `{ok, results: [{id, expected_output, actual_output, status, error}], fatal_error, traceback}`.

use serde_json::{Map, Value, json};

use super::FixturePlan;
use crate::turn::{FixtureFault, FixtureReport, ScenarioReport};

/// The question, as the fixture reads it; `path` is the fixture's absolute path.
#[must_use]
pub fn question(plan: &FixturePlan, path: &str) -> Vec<u8> {
    json!({"fixture_path": path, "scenarios": plan.scenarios})
        .to_string()
        .into_bytes()
}

/// A fixture that gave no verdict: every scenario fails.
#[must_use]
pub fn broken(plan: &FixturePlan, fault: FixtureFault, why: String) -> FixtureReport {
    let results = plan.scenarios.iter().map(|scenario| ScenarioReport {
        id: scenario.id.clone(),
        expected_output: scenario.expected_output.clone(),
        actual_output: Value::Null,
        status: "fail".to_owned(),
        error: Some(why.clone()),
    });
    counted(plan, results.collect(), Some((fault, why)))
}

/// What a fixture that ended well printed. Anything but the one object it owes is a fault, and a
/// scenario that it does not speak of has failed.
#[must_use]
pub fn judge(plan: &FixturePlan, stdout: &str) -> FixtureReport {
    let bad = |why: &str| broken(plan, FixtureFault::Output, format!("its answer {why}"));
    let answer = match serde_json::from_str::<Value>(stdout) {
        Ok(Value::Object(answer)) => answer,
        Ok(_) => return bad("is no JSON object"),
        Err(error) => return bad(&format!("is no JSON: {error}")),
    };
    if let Some(fatal) = answer.get("fatal_error").filter(|it| !it.is_null()) {
        let words = fatal
            .as_str()
            .map_or_else(|| fatal.to_string(), str::to_owned);
        let why = format!("it broke: {}", first_line(&words));
        return broken(plan, FixtureFault::Crashed, why);
    }
    let Some(said) = answer.get("results").and_then(Value::as_array) else {
        return bad("has no list `results`");
    };
    let Some(ok) = answer.get("ok").and_then(Value::as_bool) else {
        return bad("does not say `ok`");
    };
    let results: Vec<ScenarioReport> = plan
        .scenarios
        .iter()
        .map(|scenario| {
            let of = |it: &&Value| it.get("id").and_then(Value::as_str) == Some(&scenario.id);
            let mut about = said.iter().filter(of).filter_map(Value::as_object);
            match (about.next(), about.next()) {
                (Some(result), None) => {
                    scenario_report(&scenario.id, &scenario.expected_output, result)
                }
                (first, _) => ScenarioReport {
                    id: scenario.id.clone(),
                    expected_output: scenario.expected_output.clone(),
                    actual_output: Value::Null,
                    status: "fail".to_owned(),
                    error: Some(match first {
                        None => "the fixture said nothing about it".to_owned(),
                        Some(_) => "the fixture spoke of it more than once".to_owned(),
                    }),
                },
            }
        })
        .collect();
    let failed: Vec<&ScenarioReport> = results.iter().filter(|it| it.status != "pass").collect();
    let why = match (failed.as_slice(), ok) {
        ([], true) => None,
        ([], false) => Some("it says that not everything held".to_owned()),
        (failed, _) => Some(told(failed)),
    };
    let fault = why.map(|why| (FixtureFault::Failed, why));
    counted(plan, results, fault)
}

/// A scenario has held when the fixture says so and what came is what should have.
fn scenario_report(id: &str, expected: &Value, said: &Map<String, Value>) -> ScenarioReport {
    let says_pass = said.get("status").and_then(Value::as_str) == Some("pass");
    let actual = said.get("actual_output");
    let equal = same(expected, actual.unwrap_or(&Value::Null));
    let error = said.get("error").and_then(Value::as_str).map(str::to_owned);
    ScenarioReport {
        id: id.to_owned(),
        expected_output: expected.clone(),
        actual_output: actual.cloned().unwrap_or_default(),
        status: if says_pass && equal { "pass" } else { "fail" }.to_owned(),
        error: error.or_else(|| {
            let wrong = says_pass && !equal;
            wrong.then(|| {
                let expected = cut(&expected.to_string());
                match actual {
                    Some(came) => {
                        let came = cut(&came.to_string());
                        format!("called a pass, but expected {expected}, got {came}")
                    }
                    None => {
                        format!("called a pass, but expected {expected}, and no actual_output came")
                    }
                }
            })
        }),
    }
}

/// Equality as fixtures know it: `1` is `1.0`, and the order of an object's keys does not matter.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(a), Value::Number(b)) => {
            a == b || ((a.is_f64() || b.is_f64()) && a.as_f64() == b.as_f64())
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        (a, b) => a == b,
    }
}

/// The first failed scenarios, in words.
fn told(failed: &[&ScenarioReport]) -> String {
    const TOLD: usize = 5;
    let words = failed.iter().take(TOLD).map(|it| match &it.error {
        Some(error) => format!("{}: {}", it.id, first_line(error)),
        None => format!(
            "{}: expected {}, got {}",
            it.id,
            cut(&it.expected_output.to_string()),
            cut(&it.actual_output.to_string())
        ),
    });
    let words: Vec<String> = words.collect();
    let rest = failed.len().saturating_sub(TOLD);
    let more = if rest > 0 {
        format!("; and {rest} more")
    } else {
        String::new()
    };
    format!("{}{more}", words.join("; "))
}

fn first_line(text: &str) -> String {
    cut(text.lines().next().unwrap_or_default())
}

fn cut(text: &str) -> String {
    text.chars().take(200).collect()
}

fn counted(
    plan: &FixturePlan,
    results: Vec<ScenarioReport>,
    fault: Option<(FixtureFault, String)>,
) -> FixtureReport {
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let passed = results.iter().filter(|it| it.status == "pass").count();
    let (code, fatal_error) = fault.unzip();
    FixtureReport {
        fixture_path: plan.path.clone(),
        total_scenarios: count(results.len()),
        passed: count(passed),
        failed: count(results.len() - passed),
        results,
        code,
        fatal_error,
        logs: Vec::new(),
    }
}
