//! Looks for deliveries afterwards.
//!
//! In a server of our own, all of them, by its command line: each that was accepted is listed once, each that
//! had no answer at most once. At a server that was named, by sending a sample again: each must be known
//! there under the number that it was given.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde::Deserialize;

use super::{Deliveries, Reply};
use crate::error::LoadError;
use crate::http::Connection;
use crate::outcome::Outcome;
use crate::server::bare_environment;
use crate::site::Site;

const PAGE: usize = 10_000;
const SAMPLE: usize = 200;

#[derive(Deserialize)]
struct Page {
    deliveries: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    id: i64,
    delivery_id: String,
}

impl Deliveries {
    /// See the file's head.
    ///
    /// # Errors
    ///
    /// When the server does not say what it keeps.
    pub async fn check(&self, site: &Site, outcome: &mut Outcome) -> Result<(), LoadError> {
        match site.started() {
            Some((binary, folder)) => {
                let found = listed(binary, folder)?;
                self.judge_found(&found, outcome);
                Ok(())
            }
            None => self.send_again(outcome).await,
        }
    }

    fn judge_found(&self, found: &BTreeMap<String, Vec<i64>>, outcome: &mut Outcome) {
        let noted = self.noted.borrow();
        let mut wrong = Vec::new();
        for (number, row) in &noted.accepted {
            let id = self.id(*number);
            match found.get(&id).map_or(&[][..], Vec::as_slice) {
                [found] if found == row => {}
                [] => wrong.push(format!("{id} is not there")),
                rows => wrong.push(format!("{id} is in {rows:?}, said was {row}")),
            }
        }
        for number in &noted.unanswered {
            let id = self.id(*number);
            if found.get(&id).is_some_and(|rows| rows.len() > 1) {
                wrong.push(format!(
                    "{id}, which had no answer, is there more than once"
                ));
            }
        }
        let words = match wrong.first() {
            None => format!("each of {} is there once", noted.accepted.len()),
            Some(first) => format!("{} are not there once, such as: {first}", wrong.len()),
        };
        outcome.check("deliveries_once", wrong.is_empty(), words);
    }

    async fn send_again(&self, outcome: &mut Outcome) -> Result<(), LoadError> {
        let mut connection = Connection::new(self.target.clone(), Duration::from_secs(30));
        let accepted = self.noted.borrow().accepted.clone();
        let step = (accepted.len() / SAMPLE).max(1);
        let (mut asked, mut wrong) = (0, Vec::new());
        for (number, row) in accepted.iter().step_by(step) {
            asked += 1;
            let known = match connection.ask(&self.bytes(*number)).await {
                Ok(answer) => serde_json::from_slice::<Reply>(answer.body)
                    .is_ok_and(|reply| reply.duplicate && reply.delivery == *row),
                Err(_) => false,
            };
            if !known {
                wrong.push(self.id(*number));
            }
        }
        let words = match wrong.first() {
            None => format!("{asked} of {} were sent again and known", accepted.len()),
            Some(first) => format!("{} of {asked} are not known, such as {first}", wrong.len()),
        };
        outcome.check("deliveries_once", wrong.is_empty(), words);
        Ok(())
    }
}

/// All that is kept, page by page: the rows of each delivery's id.
fn listed(binary: &Path, folder: &Path) -> Result<BTreeMap<String, Vec<i64>>, LoadError> {
    let mut all: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    let mut before = None;
    loop {
        let mut command = Command::new(binary);
        bare_environment(&mut command);
        command
            .args(["webhook", "deliveries", "list", "--json", "--limit"])
            .arg(PAGE.to_string())
            .current_dir(folder)
            .stdin(Stdio::null());
        if let Some(before) = before {
            command.args(["--before", &format!("{before}")]);
        }
        let not_said =
            |why: String| LoadError::scenario(format!("deliveries cannot be listed: {why}"));
        let output = command
            .output()
            .map_err(|error| not_said(error.to_string()))?;
        let page: Page = serde_json::from_slice(&output.stdout).map_err(|error| {
            let words = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            not_said(format!("{error}; {words}"))
        })?;
        let count = page.deliveries.len();
        before = page.deliveries.iter().map(|row| row.id).min();
        for row in page.deliveries {
            all.entry(row.delivery_id).or_default().push(row.id);
        }
        if count < PAGE {
            return Ok(all);
        }
    }
}
