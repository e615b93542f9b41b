//! Runs that are started through the API, and the proof that each came to its end once.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::json;

use crate::drive::{Job, is_success};
use crate::error::LoadError;
use crate::http::{Answer, Connection, Target, get, post};
use crate::kind::ErrorKind;
use crate::measurement::Attempt;
use crate::outcome::Outcome;
use crate::site::Site;

/// Starts a run with each request, each of a build of its own.
#[derive(Debug)]
pub struct Starts {
    target: Target,
    key: Option<String>,
    epic: String,
    /// What the names of all builds begin with; nobody else's do.
    prefix: String,
    noted: RefCell<Noted>,
}

#[derive(Debug, Default)]
struct Noted {
    /// Runs that were said to be started, by the number of the request.
    started: BTreeMap<u64, String>,
    /// Requests without an answer: their runs may be there or not.
    unanswered: BTreeSet<u64>,
}

#[derive(Deserialize)]
struct Started {
    session_id: String,
    outcome: String,
}

impl Starts {
    /// Of an epic.
    ///
    /// # Errors
    ///
    /// When the site has no API.
    pub fn new(site: &Site, epic: &str) -> Result<Self, LoadError> {
        Ok(Self {
            target: site.api()?.clone(),
            key: site.key.clone(),
            epic: epic.to_owned(),
            prefix: format!("load-{}-", uuid::Uuid::new_v4().simple()),
            noted: RefCell::default(),
        })
    }

    /// How many were said to be started.
    #[must_use]
    pub fn started(&self) -> usize {
        self.noted.borrow().started.len()
    }

    /// Their ids.
    #[must_use]
    pub fn ids(&self) -> BTreeSet<String> {
        self.noted.borrow().started.values().cloned().collect()
    }

    fn headers(&self) -> Vec<(&str, &str)> {
        let key = self.key.as_deref();
        key.map(|key| ("X-API-Key", key)).into_iter().collect()
    }
}

impl Job for Starts {
    fn request(&self, number: u64) -> Cow<'_, [u8]> {
        let build = format!("{}{number}", self.prefix);
        let body = json!({"issue_id": self.epic, "build_id": build}).to_string();
        let mut headers = self.headers();
        headers.push(("Idempotency-Key", &build));
        let request = post(
            &self.target,
            "/v1/system/run-active",
            &headers,
            body.as_bytes(),
        );
        request.into()
    }

    fn judge(&self, number: u64, answer: &Answer<'_>) -> Attempt {
        is_success(answer)?;
        let started: Started = serde_json::from_slice(answer.body).map_err(|_| ErrorKind::Body)?;
        if started.outcome != "started" {
            return Err(ErrorKind::Body);
        }
        let mut noted = self.noted.borrow_mut();
        noted.started.insert(number, started.session_id);
        Ok(())
    }

    fn unanswered(&self, number: u64, _: ErrorKind) {
        self.noted.borrow_mut().unanswered.insert(number);
    }
}

#[derive(Deserialize)]
struct Listed {
    run_id: String,
    build_id: String,
    run_status: String,
}

impl Starts {
    /// Waits until none of them is under way, as long as something still ends every `patience`; then checks
    /// that each that was said to be started is there once and done, and that nothing else is.
    ///
    /// # Errors
    ///
    /// When the server does not say which runs there are.
    pub async fn check(&self, patience: Duration, outcome: &mut Outcome) -> Result<(), LoadError> {
        let mut connection = Connection::new(self.target.clone(), Duration::from_secs(30));
        let began = Instant::now();
        let (mut open, mut changed) = (usize::MAX, Instant::now());
        let mut pause = tokio::time::interval(Duration::from_millis(50));
        loop {
            let now = self.listed(&mut connection, "&status=Started").await?.len();
            if now < open {
                (open, changed) = (now, Instant::now());
            }
            if now == 0 || changed.elapsed() > patience {
                break;
            }
            pause.tick().await;
        }
        outcome.cost("runs_settled_s", began.elapsed().as_secs_f64(), "s");
        let found = self.listed(&mut connection, "").await?;
        self.judge_found(&found, outcome);
        Ok(())
    }

    fn judge_found(&self, found: &[Listed], outcome: &mut Outcome) {
        let noted = self.noted.borrow();
        let mut of_build: BTreeMap<&str, Vec<&Listed>> = BTreeMap::new();
        for run in found {
            of_build.entry(&run.build_id).or_default().push(run);
        }
        let (mut lost, mut doubled, mut not_done) = (Vec::new(), Vec::new(), Vec::new());
        for (number, id) in &noted.started {
            let build = format!("{}{number}", self.prefix);
            match of_build
                .remove(build.as_str())
                .unwrap_or_default()
                .as_slice()
            {
                [run] if run.run_id != *id => lost.push(id.clone()),
                [run] if run.run_status != "done" => {
                    not_done.push(format!("{id} ({})", run.run_status));
                }
                [_] => {}
                [] => lost.push(id.clone()),
                [_, _, ..] => doubled.push(id.clone()),
            }
        }
        // One that had no answer may have been taken, once.
        let mut strange = Vec::new();
        for (build, runs) in of_build {
            let number = build
                .strip_prefix(&self.prefix)
                .and_then(|it| it.parse().ok());
            let may_be = number.is_some_and(|number| noted.unanswered.contains(&number));
            if !may_be || runs.len() > 1 {
                strange.push(build.to_owned());
            }
        }
        let count = noted.started.len();
        let mut say = |name: &str, bad: &[String], words: &str| {
            let named = bad.iter().take(5).cloned().collect::<Vec<_>>().join(", ");
            let words = match bad.len() {
                0 => format!("{words} none of {count}"),
                bad => format!("{words} {bad} of {count}: {named}"),
            };
            outcome.check(name, bad.is_empty(), words);
        };
        say("runs_not_lost", &lost, "accepted and not there:");
        say("runs_not_doubled", &doubled, "started more than once:");
        say("runs_done", &not_done, "accepted and not done:");
        say(
            "runs_none_unasked",
            &strange,
            "there without having been accepted:",
        );
        outcome.figure("runs_started", count as f64, "count");
    }

    /// All runs of ours.
    async fn listed(
        &self,
        connection: &mut Connection,
        filter: &str,
    ) -> Result<Vec<Listed>, LoadError> {
        let mut all = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let after = cursor.as_deref().map(|it| format!("&cursor={it}"));
            let path = format!("/v1/runs?limit=1000{filter}{}", after.unwrap_or_default());
            let request = get(&self.target, &path, &self.headers());
            let not_said = |why: String| {
                LoadError::scenario(format!(
                    "the server does not say which runs there are: {why}"
                ))
            };
            let answer = connection
                .ask(&request)
                .await
                .map_err(|kind| not_said(kind.to_string()))?;
            if answer.status != 200 {
                return Err(not_said(format!("status {}", answer.status)));
            }
            let page: Vec<Listed> =
                serde_json::from_slice(answer.body).map_err(|error| not_said(error.to_string()))?;
            cursor = answer.header("x-next-cursor").map(str::to_owned);
            all.extend(
                page.into_iter()
                    .filter(|run| run.build_id.starts_with(&self.prefix)),
            );
            if cursor.is_none() {
                return Ok(all);
            }
        }
    }
}
