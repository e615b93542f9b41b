//! Everything that is looked at before the guard is: files, commands, the fixture, in this order. The
//! fixture is only tried when all before it held.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use orket_actors::port::tool::{Beat, ToolScope};
use orket_core::plan::VerifyCommand;
use orket_core::turn::{FixtureFault, FixtureReport, SyntaxFinding, UncheckedFile, VerifyReport};
use orket_core::verify::{FIXTURES, FixtureJob, FixturePlan, Language, VerifyJob, verdict};
use tokio_util::sync::CancellationToken;

use super::child::sandbox::allowance::Allowance;
use super::child::{Children, Ending, Errand, How};
use super::files::pool::Pool;
use super::seal::{self, Spoiled};
use super::workspace::Workspaces;
use super::{fixture, verify};
use crate::verifier::files::{Bounds, Gathered, Look, Looked, Memory};
use crate::verifier::profile;

/// The most findings that a report holds, of the card's files and of others each.
const FINDINGS: usize = 50;
/// The thread that files are read on is gone.
const LOST: &str = "the parser broke down; see the log";
/// The most of them that are told in a sentence.
const TOLD: usize = 10;

/// One review's look.
pub struct Review {
    /// The workspaces in use.
    pub workspaces: Arc<Workspaces>,
    /// Where commands and fixtures run.
    pub children: Arc<Children>,
    /// Where files are read, and parsed when there is no program for that.
    pub parsers: Arc<Pool>,
    /// The program that parses them.
    pub parser: Option<PathBuf>,
    /// What was found in files of others before.
    pub memory: Arc<Memory>,
    /// What commands made of `verification/` before.
    pub spoiled: Arc<Spoiled>,
    /// The most bytes kept of an output stream.
    pub output: usize,
    /// What commands and fixtures may do.
    pub allowance: Allowance,
    /// Whose review it is.
    pub scope: ToolScope,
    /// A sign of life.
    pub beat: Beat,
    /// Ends it.
    pub cancel: CancellationToken,
}

/// What `verification/` held at some moment.
struct Seal {
    digest: String,
    /// Whether the review's children are kept from writing there.
    is_closed: bool,
}

/// What the files said.
#[derive(Default)]
struct Files {
    looked: Looked,
    missing: Vec<String>,
    profile: Option<&'static str>,
}

impl Review {
    /// Looks at everything.
    pub async fn run(self, mut job: VerifyJob) -> VerifyReport {
        let mut report = VerifyReport::default();
        self.files(&mut job, &mut report).await;
        if job.commands.is_empty() && job.fixture.is_none() {
            report.ok = report.errors.is_empty();
            return report;
        }
        let before = self.seal().await;
        self.commands(&job.commands, &job.source, &mut report).await;
        let mut broken = self.broken_seal(&before).await;
        if let Some(fixture) = &job.fixture
            && report.errors.is_empty()
            && broken.is_none()
        {
            let (found, gaps, closed) = self.fixture(fixture).await;
            note_gaps(&mut report, gaps);
            if found.code.is_some() {
                note_closed(&mut report, &closed);
            }
            report.fixture = Some(found);
            // A fixture runs what it tries, and that may have written too.
            broken = self.broken_seal(&before).await;
        }
        if let Some(why) = broken {
            let plan = job.fixture.map_or_else(all_fixtures, |it| it.plan);
            let found = verdict::broken(&plan, FixtureFault::Changed, why);
            report.fixture = Some(found);
        }
        if let Some(found) = &report.fixture
            && let (Some(code), Some(why)) = (found.code, &found.fatal_error)
        {
            let sentence = format!("{}: {}: {why}", code.code(), found.fixture_path);
            report.errors.push(sentence);
        }
        report.ok = report.errors.is_empty();
        report
    }

    /// What can be seen without running anything. Commands that a profile brings become the job's.
    async fn files(&self, job: &mut VerifyJob, report: &mut VerifyReport) {
        let looks = job.syntax.is_some() || !job.required_files.is_empty();
        if !looks && job.by_profile.is_empty() {
            return;
        }
        let files = match self.look(job).await {
            Ok(files) => files,
            Err(why) => {
                // What was not checked must not count as right.
                report
                    .errors
                    .push(format!("the files could not be checked: {why}"));
                return;
            }
        };
        let Looked {
            mut checked,
            mut unchecked,
            mut own,
            mut elsewhere,
        } = files.looked;
        for path in self.shells_disagree(&own).await {
            own.retain(|found| found.path != path);
            checked.retain(|known| *known != path);
            let reason = "the grammar finds fault where the shell itself finds none".to_owned();
            unchecked.push(UncheckedFile { path, reason });
        }
        for found in own.iter().take(TOLD) {
            report.errors.push(format!(
                "{}:{}:{}: {} ({})",
                found.path, found.line, found.column, found.message, found.language
            ));
        }
        let rest = own.len().saturating_sub(TOLD);
        if rest > 0 {
            report
                .errors
                .push(format!("and {rest} more places like these"));
        }
        for path in &files.missing {
            report
                .errors
                .push(format!("the deployment needs `{path}`, which is not there"));
        }
        own.truncate(FINDINGS);
        elsewhere.truncate(FINDINGS);
        report.checked_files = checked;
        report.unchecked_files = unchecked;
        report.syntax_errors = own;
        report.syntax_elsewhere = elsewhere;
        report.missing_files = files.missing;
        let profile = job.profile.take().or(files.profile.map(str::to_owned));
        if let Some(profile) = profile
            && let Some(commands) = job.by_profile.remove(&profile)
        {
            job.commands = commands;
            job.source = format!("profile_policy:{profile}");
        }
    }

    /// The shell scripts among these findings that a shell reads without complaint. Shells have more
    /// syntax than their grammar knows: of the scripts of a Linux system it refuses one in twenty.
    /// With `-n` a shell reads a script and runs nothing of it.
    async fn shells_disagree(&self, found: &[SyntaxFinding]) -> Vec<String> {
        let shell = |it: &&SyntaxFinding| it.language == Language::Shell.as_str();
        let paths: BTreeSet<&str> = found
            .iter()
            .filter(shell)
            .map(|it| it.path.as_str())
            .collect();
        let mut accepted = Vec::new();
        for path in paths.into_iter().take(TOLD) {
            for shell in ["bash", "sh"] {
                let command = [shell, "-n", &format!("./{path}")].map(str::to_owned);
                let reading = VerifyCommand {
                    command: command.to_vec(),
                    expect_stdout: None,
                    expect_exit: 0,
                    timeout_ms: 10_000,
                };
                match self
                    .run_child(verify::errand(
                        &self.scope,
                        &reading,
                        self.output,
                        &self.allowance,
                    ))
                    .await
                    .how
                {
                    How::NotStarted(_) => {}
                    How::Exit(0) => {
                        accepted.push(path.to_owned());
                        break;
                    }
                    How::Exit(_)
                    | How::Signal(_)
                    | How::Stopped(_)
                    | How::TimedOut(_)
                    | How::Cancelled => break,
                }
            }
        }
        accepted
    }

    pub(super) async fn run_child(&self, errand: Errand) -> Ending {
        let (beat, cancel) = (Arc::clone(&self.beat), self.cancel.clone());
        self.children.run(errand, beat, cancel).await
    }

    async fn look(&self, job: &VerifyJob) -> Result<Files, String> {
        let (mut files, gathered) = self.gather(job).await?;
        let bounds = Bounds::default();
        let parsed = match &self.parser {
            Some(program) => self.parse_apart(program, &gathered.asked, &bounds).await,
            None => {
                let (beat, cancel) = (Arc::clone(&self.beat), self.cancel.clone());
                let go_on = move || {
                    beat();
                    !cancel.is_cancelled()
                };
                let work = move || (gathered.parse_here(&bounds, &go_on), gathered);
                let place = (&self.scope.workspace, &self.scope.issue_id);
                let done = self.parsers.run(&place, work).await;
                let (parsed, gathered) = done.map_err(|_lost| LOST.to_owned())?;
                files.looked = gathered.finish(parsed, &self.scope.workspace, &self.memory);
                return Ok(files);
            }
        };
        files.looked = gathered.finish(parsed, &self.scope.workspace, &self.memory);
        Ok(files)
    }

    /// What the workspace holds, read and not parsed.
    async fn gather(&self, job: &VerifyJob) -> Result<(Files, Gathered), String> {
        let workspaces = Arc::clone(&self.workspaces);
        let memory = Arc::clone(&self.memory);
        let (beat, cancel) = (Arc::clone(&self.beat), self.cancel.clone());
        let root = self.scope.workspace.clone();
        let place = (root.clone(), self.scope.issue_id.clone());
        let (syntax, required) = (job.syntax.clone(), job.required_files.clone());
        let work = move || -> std::io::Result<(Files, Gathered)> {
            let workspace = workspaces.at(&root)?;
            let go_on = || {
                beat();
                !cancel.is_cancelled()
            };
            let dir = workspace.dir();
            let is_absent = |path: &String| !dir.metadata(path).is_ok_and(|found| found.is_file());
            let look = Look {
                dir,
                root: &root,
                bounds: Bounds::default(),
                memory: &memory,
                go_on: &go_on,
            };
            let files = Files {
                looked: Looked::default(),
                missing: required.into_iter().filter(is_absent).collect(),
                profile: profile::of_manifests(dir),
            };
            Ok((
                files,
                syntax.map(|job| look.gather(&job)).unwrap_or_default(),
            ))
        };
        match self.parsers.run(&place, work).await {
            Ok(Ok(files)) => Ok(files),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_lost) => Err(LOST.to_owned()),
        }
    }

    async fn commands(&self, commands: &[VerifyCommand], source: &str, report: &mut VerifyReport) {
        for (number, command) in commands.iter().enumerate() {
            if self.cancel.is_cancelled() {
                let left = commands.len() - number;
                let error = format!("the verification was cancelled with {left} command(s) left");
                report.errors.push(error);
                break;
            }
            let errand = verify::errand(&self.scope, command, self.output, &self.allowance);
            let ending = self.run_child(errand).await;
            let (found, error) = verify::judge(command, source, &ending);
            report.command_results.push(found);
            note_gaps(report, ending.gaps);
            if error.is_some() {
                note_closed(report, &ending.closed);
            }
            report.errors.extend(error);
        }
    }

    /// What `verification/` holds.
    async fn seal(&self) -> Result<Seal, String> {
        let workspaces = Arc::clone(&self.workspaces);
        let (children, allowance) = (Arc::clone(&self.children), self.allowance.clone());
        let root = self.scope.workspace.clone();
        let place = (root.clone(), FIXTURES);
        let work = move || -> std::io::Result<Seal> {
            let workspace = workspaces.at(&root)?;
            let folder = workspace.root().canonicalize()?.join(FIXTURES);
            Ok(Seal {
                is_closed: children.sandbox().closes(&allowance, &folder),
                digest: seal::digest(workspace.dir())?,
            })
        };
        let told = |error: std::io::Error| format!("`{FIXTURES}/` cannot be read: {error}");
        match self.parsers.run(&place, work).await {
            Ok(seal) => seal.map_err(told),
            Err(_lost) => Err(LOST.to_owned()),
        }
    }

    /// Why the fixtures are not those that were there `before`, or were spoiled even then.
    async fn broken_seal(&self, before: &Result<Seal, String>) -> Option<String> {
        let (before, now) = match (before, self.seal().await) {
            (Ok(before), Ok(now)) => (before, now),
            (Err(why), _) => return Some(why.clone()),
            (_, Err(why)) => return Some(why),
        };
        let workspace = &self.scope.workspace;
        if self.spoiled.holds(workspace, &before.digest) {
            let why = "it is still as a command of an earlier review left it";
            return Some(why.to_owned());
        }
        if before.digest == now.digest {
            return None;
        }
        if before.is_closed {
            // An operator's new version is as good as the old one, but not for this review, which
            // may have seen half of it.
            let why = format!(
                "somebody else changed `{FIXTURES}/` during the review: the card's commands cannot \
                 write there; the next review looks at what is there then"
            );
            return Some(why);
        }
        self.spoiled.note(workspace, &now.digest);
        let why = format!("`{FIXTURES}/` was changed while the card's commands ran");
        Some(why)
    }

    /// What the fixture said, what it was not kept from, and what was closed to it.
    async fn fixture(&self, job: &FixtureJob) -> (FixtureReport, Vec<String>, Vec<&'static str>) {
        let broken = |fault, why| {
            (
                verdict::broken(&job.plan, fault, why),
                Vec::new(),
                Vec::new(),
            )
        };
        let workspaces = Arc::clone(&self.workspaces);
        let (scope, wanted, output) = (self.scope.clone(), job.clone(), self.output);
        let allowance = self.allowance.clone();
        let place = (scope.workspace.clone(), wanted.plan.path.clone());
        let prepare = move || {
            let workspace = workspaces
                .at(&scope.workspace)
                .map_err(|error| (FixtureFault::Missing, error.to_string()))?;
            fixture::errand(&scope, &wanted, &workspace, output, &allowance)
        };
        let errand = match self.parsers.run(&place, prepare).await {
            Ok(Ok(errand)) => errand,
            Ok(Err((fault, why))) => return broken(fault, why),
            Err(lost) => {
                return broken(FixtureFault::Crashed, lost.to_string());
            }
        };
        let ending = self.run_child(errand).await;
        let found = fixture::judge(job, &ending);
        (found, ending.gaps, ending.closed)
    }
}

/// What stands in a report for the fixtures of a card that has none of its own.
fn all_fixtures() -> FixturePlan {
    FixturePlan {
        path: FIXTURES.to_owned(),
        scenarios: Vec::new(),
    }
}

/// What a child was not kept from, each once.
fn note_gaps(report: &mut VerifyReport, gaps: Vec<String>) {
    for gap in gaps {
        if !report.gaps.contains(&gap) {
            report.gaps.push(gap);
        }
    }
}

/// What was closed to a child that failed, each once.
fn note_closed(report: &mut VerifyReport, closed: &[&str]) {
    for door in closed {
        if !report.closed.iter().any(|it| it == door) {
            report.closed.push((*door).to_owned());
        }
    }
}
