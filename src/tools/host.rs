//! The tool host itself: sends each call to where its work is done.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use orket_actors::fault;
use orket_actors::port::tool::{Beat, ToolHost, ToolJob, ToolScope};
use orket_core::skill;
use orket_core::stages::{StageFailed, StagePlan, StageReport};
use orket_core::tool::{ToolHome, ToolResult};
use orket_core::turn::VerifyReport;
use orket_core::verify::VerifyJob;
use rustix::io::Errno;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::child::sandbox::SandboxOptions;
use super::child::sandbox::abilities::SandboxAbilities;
use super::child::{Children, mark, strays};
use super::command;
use super::files::hidden::Hidden;
use super::files::pool::Pool;
use super::files::{FileError, list, read, write};
use super::review::Review;
use super::seal::Spoiled;
use super::versions::Versions;
use super::workspace::{Workspace, Workspaces, inside};
use crate::config::variable;
use crate::stages;
use crate::verifier::files::Memory;

/// How many threads parse files: it is all computing, and the cards have the processors to share.
const PARSERS: usize = 2;
/// How many reviews may wait for them; more wait without a place in the queue.
const PARSER_BACKLOG: usize = 256;

/// What an operator can set about tools.
#[derive(Debug, Clone)]
pub struct HostOptions {
    /// Marks child processes; see [`super::data_folder_id`].
    pub data_folder_id: String,
    /// Between asking a child to end and killing it (`ORKET_TOOL_GRACE_MS`).
    pub grace: Duration,
    /// The most bytes of a file that `read_file` gives (`ORKET_TOOL_READ_MAX`).
    pub read_max: u64,
    /// The most bytes that `write_file` takes.
    pub write_max: u64,
    /// The most names that `list_directory` gives.
    pub list_max: usize,
    /// The most bytes that are kept of each output stream of a child.
    pub output_max: usize,
    /// How many threads the file tools run on.
    pub file_threads: usize,
    /// This program, to parse files in a process of its own; `None` parses them in this one, which a
    /// fault in a grammar can bring down.
    pub parser: Option<PathBuf>,
    /// What children may do, and what they may never see.
    pub sandbox: SandboxOptions,
    /// How many file calls may be queued or under way; more wait without blocking.
    pub file_backlog: usize,
}

impl HostOptions {
    /// The defaults.
    #[must_use]
    pub fn new(data_folder_id: impl Into<String>) -> Self {
        Self {
            data_folder_id: data_folder_id.into(),
            grace: Duration::from_millis(500),
            read_max: 1024 * 1024,
            write_max: 16 * 1024 * 1024,
            list_max: 10_000,
            output_max: 1024 * 1024,
            file_threads: 4,
            parser: None,
            sandbox: SandboxOptions::default(),
            file_backlog: 1_024,
        }
    }
}

/// The tool host could not be started.
#[derive(Debug, thiserror::Error)]
#[error("the tool host could not start its threads: {0}{remedy}", remedy = remedy(.0))]
pub struct HostError(#[from] io::Error);

/// What to do about it, where that is known.
fn remedy(error: &io::Error) -> &'static str {
    match error.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::MFILE) => "; raise the limit of open files (ulimit -n)",
        Some(Errno::NFILE) => "; the system has too many files open (sysctl fs.file-max)",
        Some(Errno::AGAIN) => "; raise the limit of processes (ulimit -u)",
        Some(Errno::NOMEM) => "; free memory, or raise its limit (ulimit -v)",
        _ => "",
    }
}

/// Carries out calls in the workspace. May be used from any runtime and none: files have threads
/// of their own here, and so has the supervision of children.
#[derive(Debug)]
pub struct Host {
    options: Arc<HostOptions>,
    workspaces: Arc<Workspaces>,
    files: Arc<Pool>,
    children: Arc<Children>,
    parsers: Arc<Pool>,
    parsed: Arc<Memory>,
    spoiled: Arc<Spoiled>,
    versions: Arc<Versions>,
}

impl Host {
    /// Starts the host's threads.
    ///
    /// # Errors
    ///
    /// [`HostError`] when the system gives none.
    pub fn new(options: HostOptions) -> Result<Arc<Self>, HostError> {
        let workspaces = Arc::new(Workspaces::default());
        let files = Pool::start(options.file_threads, options.file_backlog)?;
        let parsers = Pool::start(PARSERS, PARSER_BACKLOG)?;
        let children = Children::start(
            &options.data_folder_id,
            Arc::clone(&workspaces),
            variable::is_secret,
            options.grace,
            &options.sandbox,
        )?;
        Ok(Arc::new(Self {
            options: Arc::new(options),
            workspaces,
            files: Arc::new(files),
            children: Arc::new(children),
            parsers: Arc::new(parsers),
            parsed: Arc::default(),
            spoiled: Arc::default(),
            versions: Arc::default(),
        }))
    }

    /// What this machine can keep children from.
    #[must_use]
    pub fn abilities(&self) -> &SandboxAbilities {
        self.children.sandbox().abilities()
    }

    /// A call whose work is one blocking function on the workspace.
    fn file_call(&self, job: ToolJob, cancel: CancellationToken) -> BoxFuture<'static, ToolResult> {
        let files = Arc::clone(&self.files);
        let workspaces = Arc::clone(&self.workspaces);
        let options = Arc::clone(&self.options);
        async move {
            let text = match job.call.args.get("path") {
                None if job.call.tool != "write_file" && job.call.tool != "read_file" => ".",
                given => match given.and_then(serde_json::Value::as_str) {
                    Some(text) => text,
                    None => return refused(&FileError::Argument("path", "a text")),
                },
            };
            let path = match inside(text) {
                Ok(path) => path,
                Err(error) => return refused(&error.into()),
            };
            if cancel.is_cancelled() {
                return cancelled(&job.call.tool);
            }
            let has_effect = job.call.tool == "write_file";
            if has_effect {
                fault::point("tool.before_effect");
            }
            let given_up = GivenUp::default();
            let flag = Arc::clone(&given_up.0);
            let place = (job.scope.workspace.clone(), path.clone());
            let tool = job.call.tool.clone();
            let work = move || -> Result<ToolResult, FileError> {
                if flag.load(Ordering::Acquire) || cancel.is_cancelled() {
                    return Err(FileError::GivenUp);
                }
                let workspace =
                    workspaces
                        .at(&job.scope.workspace)
                        .map_err(|source| FileError::System {
                            path: job.scope.workspace.display().to_string(),
                            source,
                        })?;
                carry_out(&job, &workspace, &path, &options, &flag)
            };
            let done = files.run(&place, work).await;
            drop(given_up);
            if has_effect {
                fault::point("tool.after_effect");
            }
            match done {
                Ok(Ok(result)) => result,
                Ok(Err(FileError::GivenUp)) => cancelled(&tool),
                Ok(Err(error)) => refused(&error),
                Err(lost) => ToolResult::failed(lost.to_string()),
            }
        }
        .boxed()
    }
}

fn carry_out(
    job: &ToolJob,
    workspace: &Workspace,
    path: &std::path::Path,
    options: &HostOptions,
    given_up: &AtomicBool,
) -> Result<ToolResult, FileError> {
    let hidden = Hidden::of(&options.sandbox.hidden);
    hidden.check(workspace.root(), workspace.dir(), path)?;
    match job.call.tool.as_str() {
        "read_file" => read::read(workspace.dir(), path, options.read_max, &hidden),
        "write_file" => {
            let content = write::content(job.call.args.get("content"), options.write_max)?;
            write::write(workspace, path, &content, &job.key, given_up)
                .map(|path| ToolResult::ok(json!({"path": path.to_string_lossy()})))
        }
        _ => list::list(workspace.dir(), path, options.list_max),
    }
}

fn refused(error: &FileError) -> ToolResult {
    ToolResult::failed(error.to_string())
}

fn cancelled(tool: &str) -> ToolResult {
    ToolResult::failed(format!("`{tool}` was cancelled before it took effect"))
}

/// Set when whoever waits is gone, so that work still queued has no effect.
#[derive(Debug, Default)]
struct GivenUp(Arc<AtomicBool>);

impl Drop for GivenUp {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

impl ToolHost for Host {
    fn run(
        &self,
        mut job: ToolJob,
        beat: Beat,
        cancel: CancellationToken,
    ) -> BoxFuture<'static, ToolResult> {
        if let Some(command) = job.command.take() {
            let memory = command.memory_bytes;
            let allowance = &self.options.sandbox.allowance;
            let errand = command::errand(&job, command.clone(), self.options.output_max, allowance);
            let (options, children) = (Arc::clone(&self.options), Arc::clone(&self.children));
            let versions = Arc::clone(&self.versions);
            return async move {
                if cancel.is_cancelled() {
                    return cancelled(&job.call.tool);
                }
                let allowance = &options.sandbox.allowance;
                let breach = versions.breach(&command, &job.scope, &children, allowance, &cancel);
                if let Some(breach) = breach.await {
                    return breach.into_result();
                }
                fault::point("tool.before_effect");
                let ending = children.run(errand, beat, cancel).await;
                fault::point("tool.after_effect");
                command::result(&job.call.tool, &ending, memory)
            }
            .boxed();
        }
        let tool = job.call.tool.as_str();
        match (job.spec.home, tool) {
            (ToolHome::Host, "read_file" | "write_file" | "list_directory" | "list_dir") => {
                self.file_call(job, cancel)
            }
            (ToolHome::Host, _) => {
                std::future::ready(skill::undeclared(tool).into_result()).boxed()
            }
            (ToolHome::Ledger, _) => {
                let error = format!("`{tool}` is carried out by the journal, not by the tool host");
                std::future::ready(ToolResult::failed(error)).boxed()
            }
        }
    }

    fn verify(
        &self,
        scope: ToolScope,
        job: VerifyJob,
        beat: Beat,
        cancel: CancellationToken,
    ) -> BoxFuture<'static, VerifyReport> {
        let review = Review {
            workspaces: Arc::clone(&self.workspaces),
            children: Arc::clone(&self.children),
            parsers: Arc::clone(&self.parsers),
            parser: self.options.parser.clone(),
            memory: Arc::clone(&self.parsed),
            spoiled: Arc::clone(&self.spoiled),
            output: self.options.output_max,
            allowance: self.options.sandbox.allowance.clone(),
            scope,
            beat,
            cancel,
        };
        async move { review.run(job).await }.boxed()
    }

    fn prepare(
        &self,
        workspace: PathBuf,
        plan: StagePlan,
    ) -> BoxFuture<'static, Result<StageReport, StageFailed>> {
        let files = Arc::clone(&self.files);
        let workspaces = Arc::clone(&self.workspaces);
        async move {
            // The folder as the place: stages of one workspace run on one thread, one by one.
            let place = workspace.clone();
            let work = move || {
                let opened = workspaces
                    .at(&workspace)
                    .map_err(|error| StageFailed(format!("{}: {error}", workspace.display())))?;
                stages::carry_out(&opened, &plan).map_err(|error| StageFailed(error.to_string()))
            };
            match files.run(&place, work).await {
                Ok(done) => done,
                Err(lost) => Err(StageFailed(lost.to_string())),
            }
        }
        .boxed()
    }

    fn reap_strays(&self) -> usize {
        let killed = strays::kill_all(self.children.marker(), mark::Origin::Earlier);
        self.children.clear_up_temp();
        killed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_to_do_depends_on_what_was_missing() {
        let told = |errno: Errno| HostError(errno.into()).to_string();
        assert!(told(Errno::MFILE).ends_with("(ulimit -n)"));
        assert!(told(Errno::AGAIN).ends_with("(ulimit -u)"));
        assert!(!told(Errno::ACCESS).contains("ulimit"));
    }
}
