//! Docker compose as a program: which one there is, what it is asked, what its answers mean.
//!
//! - [`process`]: one command, with a time limit, killed as a group.
//! - [`strays`]: commands that a dead owner left.
//! - [`engine`]: which docker that is.
//! - [`listing`]: what `ps` and `ls` print.

mod engine;
mod listing;
mod process;
mod strays;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use orket_actors::port::clock::SharedClock;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

pub(crate) use engine::current as current_engine;
pub(crate) use listing::{Container, Project, is_of, values_of};
pub(crate) use process::{CommandError, Said};

/// How long the question for the version may take.
const VERSION_TIMEOUT: Duration = Duration::from_secs(20);

/// See the file's head.
pub(crate) struct Docker {
    programs: Vec<Vec<OsString>>,
    clock: SharedClock,
    timeout: Duration,
    /// What every command has in its environment, so that the next owner finds it.
    mark: String,
    /// The program that works, once it is known.
    found: Mutex<Option<Vec<OsString>>>,
}

/// A project, and the file and folder it is made from while there are any.
pub(crate) struct Target {
    pub(crate) project: String,
    pub(crate) file: Option<(PathBuf, PathBuf)>,
}

/// What becomes of the volumes of a project that is taken down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Volumes {
    Removed,
    Kept,
}

impl Docker {
    pub(crate) fn new(
        programs: Vec<Vec<OsString>>,
        clock: SharedClock,
        timeout: Duration,
        mark: String,
    ) -> Self {
        Self {
            programs,
            clock,
            timeout,
            mark,
            found: Mutex::new(None),
        }
    }

    /// Kills what commands of a dead owner are still there, and sees them gone. Blocks.
    pub(crate) fn end_strays(&self) -> usize {
        strays::end(&self.mark)
    }

    /// Finds docker compose; one that was found is kept.
    ///
    /// # Errors
    ///
    /// [`CommandError::Unavailable`] with what each program said.
    pub(crate) async fn find(&self) -> Result<Vec<OsString>, CommandError> {
        let mut found = self.found.lock().await;
        if let Some(program) = found.as_ref() {
            return Ok(program.clone());
        }
        let mut tried = Vec::new();
        for program in &self.programs {
            let name = program
                .iter()
                .map(|part| part.to_string_lossy())
                .collect::<Vec<_>>()
                .join(" ");
            let question = self.command(program, ["version", "--short"].map(Into::into).to_vec());
            match question
                .run(VERSION_TIMEOUT, &CancellationToken::new())
                .await
            {
                Ok(said) if is_old(&said.out) => {
                    tried.push(format!(
                        "`{name}` is version {}, which is too old",
                        said.out.trim()
                    ));
                }
                Ok(_) => {
                    *found = Some(program.clone());
                    return Ok(program.clone());
                }
                Err(CommandError::Missing) => tried.push(format!("there is no `{name}`")),
                Err(error) => tried.push(format!("`{name}` does not work: {error}")),
            }
        }
        Err(CommandError::Unavailable(tried.join("; ")))
    }

    /// Brings a project up and returns when all of its containers are started.
    ///
    /// # Errors
    ///
    /// [`CommandError`].
    pub(crate) async fn up(
        &self,
        target: &Target,
        limit: Duration,
        cancel: &CancellationToken,
    ) -> Result<(), CommandError> {
        let args = ["up", "-d", "--build", "--remove-orphans"];
        self.ask(target, &args, limit, cancel).await.map(drop)
    }

    /// Takes a project down; one that is not there is down.
    ///
    /// # Errors
    ///
    /// [`CommandError`].
    pub(crate) async fn down(&self, target: &Target, volumes: Volumes) -> Result<(), CommandError> {
        let args = match volumes {
            Volumes::Removed => &["down", "-v", "--remove-orphans"][..],
            Volumes::Kept => &["down", "--remove-orphans"],
        };
        self.ask_in_time(target, args).await.map(drop)
    }

    /// The containers of a project, those that do not run too.
    ///
    /// # Errors
    ///
    /// [`CommandError`].
    pub(crate) async fn ps(&self, target: &Target) -> Result<Vec<Container>, CommandError> {
        let said = self
            .ask_in_time(target, &["ps", "-a", "--format", "json"])
            .await?;
        listing::parse(&said.out).map_err(|error| said.senseless("ps", &error))
    }

    /// All projects of this machine.
    ///
    /// # Errors
    ///
    /// [`CommandError`].
    pub(crate) async fn ls(&self) -> Result<Vec<Project>, CommandError> {
        let program = self.find().await?;
        let args = ["ls", "-a", "--format", "json"].map(Into::into).to_vec();
        let said = self
            .command(&program, args)
            .run(self.timeout, &CancellationToken::new())
            .await?;
        listing::parse(&said.out).map_err(|error| said.senseless("ls", &error))
    }

    /// The last lines of a project's log.
    ///
    /// # Errors
    ///
    /// [`CommandError`].
    pub(crate) async fn logs(
        &self,
        target: &Target,
        lines: u32,
        service: Option<&str>,
        limit: Duration,
    ) -> Result<Said, CommandError> {
        let lines = lines.to_string();
        let mut args = vec!["logs", "--no-color", "--tail", &lines];
        args.extend(service);
        self.ask(target, &args, limit, &CancellationToken::new())
            .await
    }

    async fn ask_in_time(&self, target: &Target, args: &[&str]) -> Result<Said, CommandError> {
        self.ask(target, args, self.timeout, &CancellationToken::new())
            .await
    }

    async fn ask(
        &self,
        target: &Target,
        args: &[&str],
        limit: Duration,
        cancel: &CancellationToken,
    ) -> Result<Said, CommandError> {
        let program = self.find().await?;
        let mut all: Vec<OsString> = vec!["-p".into(), (&target.project).into()];
        if let Some((file, folder)) = &target.file {
            all.extend(["-f".into(), file.into()]);
            all.extend(["--project-directory".into(), folder.into()]);
        }
        // A `.env` among what agents wrote would be read otherwise, and can lead elsewhere.
        all.extend(["--env-file".into(), "/dev/null".into()]);
        all.extend(args.iter().map(OsString::from));
        self.command(&program, all).run(limit, cancel).await
    }

    fn command<'a>(
        &'a self,
        program: &'a [OsString],
        args: Vec<OsString>,
    ) -> process::DockerCommand<'a> {
        process::DockerCommand {
            program,
            args,
            mark: &self.mark,
            clock: &self.clock,
        }
    }
}

/// The first version printed other things in other ways, and nobody maintains it.
fn is_old(version: &str) -> bool {
    version.trim().trim_start_matches('v').starts_with("1.")
}
