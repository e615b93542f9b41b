//! Files that are parsed in a process of their own, and what it means when that process breaks.

use std::path::Path;
use std::time::Instant;

use orket_core::plan::VerifyCommand;

use super::child::How;
use super::review::Review;
use super::verify;
use crate::verifier::apart::{Asked, COMMAND, Parsed, Question, answers};
use crate::verifier::files::Bounds;
use crate::verifier::syntax::Unchecked;

/// How often a parser may break in one review before the rest is left unchecked.
const MOST_BREAKS: u32 = 3;
/// What a parser may take, in bytes of address space.
const MEMORY: u64 = 2 * 1024 * 1024 * 1024;
/// How much of its answers is read, in bytes.
const ANSWERS: usize = 16 * 1024 * 1024;

impl Review {
    /// Has `program` parse these files; an answer for each, in order. Where it breaks, the file it was
    /// at counts as not checked, and another goes on behind it.
    pub(super) async fn parse_apart(
        &self,
        program: &Path,
        files: &[Asked],
        bounds: &Bounds,
    ) -> Vec<Parsed> {
        let began = Instant::now();
        let mut parsed: Vec<Parsed> = Vec::with_capacity(files.len());
        let mut breaks = 0;
        while let Some(rest) = files.get(parsed.len()..).filter(|rest| !rest.is_empty()) {
            if breaks >= MOST_BREAKS || self.cancel.is_cancelled() {
                break;
            }
            let left = Bounds {
                all: bounds.all.saturating_sub(began.elapsed()),
                ..*bounds
            };
            let (mut said, how) = self.parse_some(program, rest, &left).await;
            said.truncate(rest.len());
            parsed.extend(said);
            if parsed.len() == files.len() {
                break;
            }
            match how {
                How::TimedOut(_) | How::Cancelled => break,
                How::NotStarted(trouble) => {
                    tracing::error!(%trouble, "the parser did not start");
                    break;
                }
                How::Exit(_) | How::Signal(_) | How::Stopped(_) => {
                    breaks += 1;
                    if let Some(file) = files.get(parsed.len()) {
                        tracing::warn!(path = file.path, ?how, "the parser broke on a file");
                    }
                    parsed.push(Err(Unchecked::Broke));
                }
            }
        }
        parsed.resize(files.len(), Err(Unchecked::NotReached));
        parsed
    }

    async fn parse_some(
        &self,
        program: &Path,
        files: &[Asked],
        bounds: &Bounds,
    ) -> (Vec<Parsed>, How) {
        let milliseconds =
            |it: std::time::Duration| u64::try_from(it.as_millis()).unwrap_or(u64::MAX);
        let run = VerifyCommand {
            command: vec![program.display().to_string(), COMMAND.to_owned()],
            expect_stdout: None,
            expect_exit: 0,
            timeout_ms: milliseconds(bounds.all),
        };
        let mut errand = verify::errand(&self.scope, &run, ANSWERS, &self.allowance);
        errand.allowance.read.push(program.to_owned());
        // Its allocator has a thread besides.
        errand.allowance.processes = errand.allowance.processes.map(|most| most.max(2));
        errand.limits.memory = Some(MEMORY);
        let question = Question {
            each_ms: milliseconds(bounds.each),
            files: files.into(),
        };
        errand.input = serde_json::to_vec(&question).ok();
        drop(question);
        let ending = self.run_child(errand).await;
        (answers(&ending.stdout.text()), ending.how)
    }
}
