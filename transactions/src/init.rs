//! `orket init`: a new project, made beside its place, verified in a copy, and put there in one step.
//! When anything fails, nothing is left.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::{DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use orket_edits::blueprint::{self, Blueprint, NewFile};
use rustix::fs::{CWD, FlockOperation, RenameFlags, flock, renameat_with};
use serde_json::json;

use crate::outcome::{Outcome, Project};
use crate::profile::{DEFAULT, Profile};
use crate::refusal::{Code, Refusal};
use crate::transaction::Options;
use crate::verify::{Verifier, Why};
use crate::{replay, scratch};

/// What the unfinished folder's name has between the project's name and the id.
const UNFINISHED: &str = ".orket-init-";

/// What was typed.
#[derive(Debug, Clone)]
pub struct Request {
    /// Where the operator stands.
    pub folder: PathBuf,
    /// The blueprint's name.
    pub template: String,
    /// The project's name.
    pub project_name: String,
    /// Where it goes; `./<project_name>` otherwise.
    pub dir: Option<PathBuf>,
    /// `key=value,key=value`.
    pub vars: Option<String>,
    /// Whether it is verified.
    pub verify: bool,
    /// How long each command of that may take.
    pub timeout: Option<Duration>,
}

/// Makes a project, or says why not.
pub fn run(request: &Request, options: Options, verifier: &dyn Verifier) -> Outcome {
    let mut outcome = Outcome::default();
    let done = make(request, verifier, &mut outcome);
    let mut outcome = match done {
        Ok(message) => outcome.done(message),
        Err(refusal) => outcome.refused(refusal),
    };
    if options.replay_artifacts {
        let asked = json!({
            "template": request.template,
            "project_name": request.project_name,
            "dir": request.dir,
            "vars": request.vars,
            "verify": request.verify,
        });
        let result = json!({"ok": outcome.ok, "code": outcome.code, "message": outcome.message});
        let at = jiff::Timestamp::now().to_string();
        if let Err(error) = replay::record(&request.folder, "init", &asked, &result, &at) {
            outcome.message = format!(
                "{} (its replay artifact could not be written: {error})",
                outcome.message
            );
        }
    }
    outcome
}

fn make(
    request: &Request,
    verifier: &dyn Verifier,
    outcome: &mut Outcome,
) -> Result<String, Refusal> {
    let unusable = |error: &blueprint::BlueprintError| {
        Refusal::new(Code::Edit(error.code()), error.to_string()).hint(error.hint())
    };
    let blueprint = Blueprint::find(&request.template).map_err(|error| unusable(&error))?;
    let vars = variables(request.vars.as_deref().unwrap_or_default())?;
    let name = &request.project_name;
    let files = blueprint::render(blueprint, name, &vars).map_err(|error| unusable(&error))?;
    let typed = request.dir.clone().unwrap_or_else(|| PathBuf::from(name));
    let target = request.folder.join(typed);
    let target: PathBuf = target.components().collect();
    outcome.project = Some(Project {
        template: request.template.clone(),
        project_name: name.clone(),
        output_dir: target.display().to_string(),
        verify_enabled: request.verify,
    });
    if target.symlink_metadata().is_ok() {
        return Err(exists(&target));
    }
    let unfinished = Unfinished::begin(&target).map_err(|error| unmade(&target, &error))?;
    lay(&unfinished.path, &files).map_err(|error| unmade(&target, &error))?;
    if request.verify {
        verify(request, &unfinished.id, name, &files, verifier, outcome)?;
    }
    unfinished.finish(&target)?;
    let count = files.len();
    let verified = if request.verify { " and verified" } else { "" };
    Ok(format!("project {name} made{verified}, {count} files"))
}

/// `key=value,key=value`.
fn variables(text: &str) -> Result<BTreeMap<String, String>, Refusal> {
    let invalid = |message: String| {
        Err(Refusal::new(Code::InitConfigInvalid, message)
            .hint("--vars key=value,key=value; `orket init --help` names what there is"))
    };
    let mut vars = BTreeMap::new();
    for part in text.split(',').map(str::trim).filter(|it| !it.is_empty()) {
        let Some((key, value)) = part.split_once('=') else {
            return invalid(format!("`{part}` in --vars is not key=value"));
        };
        let (key, value) = (key.trim().to_owned(), value.to_owned());
        if vars.insert(key.clone(), value).is_some() {
            return invalid(format!("--vars says `{key}` twice"));
        }
    }
    Ok(vars)
}

fn exists(target: &Path) -> Refusal {
    Refusal::new(
        Code::OutputDirExists,
        format!(
            "{} is there already; it was left as it is",
            target.display()
        ),
    )
    .hint("choose another place with --dir, or another name")
}

fn unmade(target: &Path, error: &io::Error) -> Refusal {
    Refusal::new(
        Code::InitConfigInvalid,
        format!("{} cannot be made: {error}", target.display()),
    )
    .hint("choose a place that you may write in: --dir FOLDER")
}

fn verify(
    request: &Request,
    id: &str,
    name: &str,
    files: &[NewFile],
    verifier: &dyn Verifier,
    outcome: &mut Outcome,
) -> Result<(), Refusal> {
    outcome.network = Some(verifier.network());
    // A copy, since what verification leaves there is no part of the project.
    let copy = Copy {
        base: scratch::place(id),
        id,
    };
    let tree = copy.base.join(name);
    let made = DirBuilder::new().mode(0o700).create(&copy.base);
    made.and_then(|()| std::fs::create_dir(&tree))
        .and_then(|()| lay(&tree, files))
        .map_err(|error| Refusal::of_io(tree.display(), &error))?;
    let profile = Profile::find(&tree, DEFAULT, request.timeout)?;
    let Err(failure) = verifier.verify(id, &tree, &[], &profile) else {
        return Ok(());
    };
    if failure.why == Why::Interrupted {
        return Err(
            Refusal::new(Code::Interrupted, "interrupted; nothing was made")
                .hint("give the same command again"),
        );
    }
    outcome.verify_command = Some(failure.command);
    outcome.verify_exit_code = Some(failure.exit_code);
    outcome.verify_output_tail = Some(failure.output_tail);
    Err(Refusal::new(
        Code::InitVerifyFailed,
        format!("nothing was made: {}", failure.sentence),
    )
    .hint("install what the blueprint's language needs, or make it without a look: --no-verify"))
}

struct Copy<'a> {
    base: PathBuf,
    id: &'a str,
}

impl Drop for Copy<'_> {
    fn drop(&mut self) {
        scratch::remove_left(&self.base, self.id);
    }
}

/// Writes the files of a project into a folder.
fn lay(folder: &Path, files: &[NewFile]) -> io::Result<()> {
    for file in files {
        let path = folder.join(&file.path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        let mut made = File::create_new(&path)?;
        made.write_all(&file.contents)?;
        if file.executable {
            let mode = made.metadata()?.permissions().mode();
            // Whoever may read it may run it.
            let mode = mode | ((mode & 0o444) >> 2);
            made.set_permissions(PermissionsExt::from_mode(mode))?;
        }
        made.sync_all()?;
    }
    Ok(())
}

/// The project while it is made: a folder beside its place, locked as long as its process lives.
struct Unfinished {
    path: PathBuf,
    id: String,
    /// The outermost folder that was made for it, to be taken away with it.
    made: Option<PathBuf>,
    _lock: File,
}

impl Unfinished {
    fn begin(target: &Path) -> io::Result<Self> {
        let (Some(parent), Some(name)) = (target.parent(), target.file_name()) else {
            return Err(io::Error::from(io::ErrorKind::InvalidInput));
        };
        let climbs = parent
            .components()
            .any(|it| it == std::path::Component::ParentDir);
        if climbs && !parent.is_dir() {
            // Folders would be made on the way that are no part of the place.
            return Err(io::Error::from(io::ErrorKind::NotFound));
        }
        let made = parent
            .ancestors()
            .take_while(|it| !it.as_os_str().is_empty() && it.symlink_metadata().is_err())
            .last()
            .map(Path::to_owned);
        std::fs::create_dir_all(parent)?;
        remove_left(parent, name);
        let id = uuid::Uuid::new_v4().simple().to_string();
        let path = parent.join(unfinished_name(name, &id));
        let begun = std::fs::create_dir(&path).and_then(|()| File::open(&path));
        let lock = begun.inspect_err(|_| {
            if let Some(made) = &made {
                let _ = std::fs::remove_dir_all(made);
            }
        })?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive)?;
        Ok(Self {
            path,
            id,
            made,
            _lock: lock,
        })
    }

    /// Puts it in its place, where nothing may be.
    fn finish(mut self, target: &Path) -> Result<(), Refusal> {
        let put = renameat_with(CWD, &self.path, CWD, target, RenameFlags::NOREPLACE);
        match put {
            Ok(()) => {}
            Err(rustix::io::Errno::EXIST | rustix::io::Errno::NOTEMPTY) => {
                return Err(exists(target));
            }
            Err(error) => return Err(unmade(target, &error.into())),
        }
        self.made = None;
        if let Some(parent) = target.parent()
            && let Ok(folder) = File::open(parent)
        {
            // It is there; a power failure right now may still lose it.
            let _ = folder.sync_all();
        }
        Ok(())
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
        if let Some(made) = &self.made {
            remove_empty(made);
        }
    }
}

/// Removes a folder and those in it as far as there is nothing else in them.
fn remove_empty(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_empty(&entry.path());
        }
    }
    let _ = std::fs::remove_dir(folder);
}

fn unfinished_name(name: &OsStr, id: &str) -> OsString {
    let mut unfinished = OsString::from(".");
    unfinished.push(name);
    unfinished.push(UNFINISHED);
    unfinished.push(id);
    unfinished
}

/// Removes what killed processes left of the same project.
fn remove_left(parent: &Path, name: &OsStr) {
    let prefix = unfinished_name(name, "");
    for entry in std::fs::read_dir(parent).into_iter().flatten().flatten() {
        let found = entry.file_name();
        let bytes = found.as_encoded_bytes();
        let Some(id) = bytes.strip_prefix(prefix.as_encoded_bytes()) else {
            continue;
        };
        let Ok(folder) = File::open(entry.path()) else {
            continue;
        };
        if flock(&folder, FlockOperation::NonBlockingLockExclusive).is_ok() {
            let id = String::from_utf8_lossy(id);
            scratch::remove_left(&scratch::place(&id), &id);
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_pairs_and_said_once() {
        let read = |text: &str| variables(text).map_err(|refusal| refusal.code);
        let pairs = read("a=1, b=x=y,").unwrap();
        assert_eq!(
            pairs.into_iter().collect::<Vec<_>>(),
            [
                ("a".to_owned(), "1".to_owned()),
                ("b".to_owned(), "x=y".to_owned())
            ]
        );
        assert_eq!(read("a"), Err(Code::InitConfigInvalid));
        assert_eq!(read("a=1,a=2"), Err(Code::InitConfigInvalid));
    }
}
