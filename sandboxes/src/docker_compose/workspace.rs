//! The folder that containers are built from.

use std::io;
use std::path::{Path, PathBuf};

use crate::error::SandboxError;
use crate::sandbox::{NewSandbox, TechStack};

/// Where agents put what they make.
const OUTPUT: &str = "agent_output";
/// The longest name of a rock or a project, in bytes.
const LONGEST_NAME: usize = 200;

/// Checks what is wanted without looking at the disk.
///
/// # Errors
///
/// [`SandboxError::Invalid`].
pub(super) fn check(new: &NewSandbox) -> Result<(), SandboxError> {
    for (what, text) in [
        ("rock_id", &new.rock_id),
        ("project_name", &new.project_name),
    ] {
        if text.trim().is_empty() || text.len() > LONGEST_NAME || text.chars().any(char::is_control)
        {
            return Err(SandboxError::Invalid(format!(
                "{what} must be a name of at most {LONGEST_NAME} bytes without control characters"
            )));
        }
    }
    if !Path::new(&new.workspace_path).is_absolute() {
        return Err(SandboxError::Invalid(
            "workspace_path must be absolute".to_owned(),
        ));
    }
    Ok(())
}

/// The folder below which all build folders of the stack are: `agent_output`, else the workspace itself.
/// Nothing that a link leads out of the workspace is taken: its files would get into an image. Blocks.
///
/// # Errors
///
/// [`SandboxError::Invalid`] with the folder that is missing.
pub(super) fn base(workspace: &str, stack: TechStack) -> Result<PathBuf, SandboxError> {
    let invalid = |words: String| SandboxError::Invalid(words);
    let root = Path::new(workspace)
        .canonicalize()
        .map_err(|error| invalid(format!("workspace `{workspace}` cannot be read: {error}")))?;
    let mut problem = None;
    for base in [root.join(OUTPUT), root.clone()] {
        match contexts_below(&root, &base, stack) {
            Ok(()) => return Ok(base),
            Err(words) => problem = problem.or(Some(words)),
        }
    }
    Err(invalid(problem.unwrap_or_default()))
}

fn contexts_below(root: &Path, base: &Path, stack: TechStack) -> Result<(), String> {
    for name in stack.contexts() {
        let folder = base.join(name);
        let real = match folder.canonicalize() {
            Ok(real) => real,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(format!(
                    "{} needs the folders {} with a Dockerfile each, in `{OUTPUT}` or in the workspace; there is no {}",
                    stack.name(),
                    stack.contexts().join(" and "),
                    folder.display()
                ));
            }
            Err(error) => return Err(format!("{} cannot be read: {error}", folder.display())),
        };
        if !real.starts_with(root) || !real.is_dir() {
            return Err(format!(
                "{} is no folder of the workspace",
                folder.display()
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_lies_in_the_workspace_and_no_link_leads_out() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().canonicalize().unwrap();
        let workspace = root.join("w");
        let text = workspace.to_str().unwrap();
        let stack = TechStack::FastapiReactPostgres;
        assert!(base(text, stack).is_err(), "there is no workspace");
        std::fs::create_dir_all(workspace.join("backend")).unwrap();
        let error = base(text, stack).unwrap_err().to_string();
        assert!(error.contains("backend and frontend"), "{error}");
        std::fs::create_dir_all(workspace.join("frontend")).unwrap();
        assert_eq!(base(text, stack), Ok(workspace.clone()));
        let output = workspace.join(OUTPUT);
        std::fs::create_dir_all(output.join("backend")).unwrap();
        assert_eq!(base(text, stack), Ok(workspace.clone()), "half is not all");
        std::fs::create_dir_all(output.join("frontend")).unwrap();
        assert_eq!(base(text, stack), Ok(output.clone()));

        let outside = root.join("outside");
        std::fs::create_dir_all(&outside).unwrap();
        for folder in [&output, &workspace] {
            std::fs::remove_dir(folder.join("frontend")).unwrap();
            std::os::unix::fs::symlink(&outside, folder.join("frontend")).unwrap();
        }
        let error = base(text, stack).unwrap_err().to_string();
        assert!(error.contains("is no folder of the workspace"), "{error}");
    }
}
