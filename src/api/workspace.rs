//! Which folders runs that are asked for over the network may work in: those below the project's
//! `workspace/`. An agent works in all of its workspace, so that a key which may start runs could
//! otherwise reach whatever Orket can.

use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

use actix_web::http::StatusCode;

use super::problem::Problem;

/// The longest path, in bytes.
const LONGEST: usize = 1_024;

/// The folder that `wished` means, as an absolute path; it need not be there yet. Blocks.
///
/// # Errors
///
/// 422 for what is no path, 403 for one that leads elsewhere.
pub fn below(root: &Path, wished: &str) -> Result<String, Problem> {
    let invalid = |words: &str| {
        Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "E_VALIDATION",
            format!("workspace: {words}"),
        )
    };
    let elsewhere = || {
        Problem::forbidden("workspace: over the network it must be a folder below `workspace/`")
            .hint("name it by its path from there, such as `nightly`; any other folder: orket run --workspace on the machine itself")
    };
    if wished.trim().is_empty() || wished.len() > LONGEST || wished.chars().any(char::is_control) {
        return Err(invalid("must be the path of a folder"));
    }
    let top = root.join("workspace");
    let wished = Path::new(wished);
    let relative = match wished.strip_prefix(&top) {
        Ok(relative) => relative,
        Err(_) if wished.is_absolute() => return Err(elsewhere()),
        Err(_) => wished,
    };
    let mut folder = PathBuf::new();
    for part in relative.components() {
        match part {
            Component::Normal(name) if !name.as_encoded_bytes().starts_with(b".") => {
                folder.push(name);
            }
            Component::CurDir => {}
            Component::Normal(_)
            | Component::ParentDir
            | Component::RootDir
            | Component::Prefix(_) => return Err(elsewhere()),
        }
    }
    if folder.as_os_str().is_empty() {
        return Err(elsewhere());
    }
    let real_top = match std::fs::canonicalize(&top) {
        Ok(real) => real,
        // Nothing is there: nothing can lead out of it.
        Err(error) if error.kind() == ErrorKind::NotFound => top.clone(),
        Err(error) => return Err(Problem::internal(error)),
    };
    let folder = top.join(folder);
    // What is there already must not lead out through a link.
    for place in folder.ancestors() {
        if place == top {
            break;
        }
        match std::fs::symlink_metadata(place) {
            Ok(_) => {
                let real = std::fs::canonicalize(place).map_err(|_| elsewhere())?;
                if !real.starts_with(&real_top) || real == real_top {
                    return Err(elsewhere());
                }
                break;
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(_) => return Err(elsewhere()),
        }
    }
    folder
        .into_os_string()
        .into_string()
        .map_err(|_| invalid("must be UTF-8"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::below;

    #[test]
    fn a_workspace_lies_below_the_projects_own_and_nowhere_else() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let status = |wished: &str| below(root, wished).map_err(|it| it.status().as_u16());
        let top = root.join("workspace");
        let at = |path: &str| Ok(top.join(path).display().to_string());
        assert_eq!(status("nightly"), at("nightly"));
        std::fs::create_dir_all(top.join("default/x")).unwrap();
        std::fs::create_dir_all(root.join("model")).unwrap();
        symlink(root.join("model"), top.join("out")).unwrap();
        symlink("default", top.join("in")).unwrap();
        assert_eq!(status("./nightly/a"), at("nightly/a"));
        assert_eq!(status("default"), at("default"));
        assert_eq!(status("in/new"), at("in/new"));
        assert_eq!(status(&top.join("x").display().to_string()), at("x"));
        for wished in [
            "..",
            "../model",
            "a/../..",
            "/etc",
            "/",
            ".",
            "./",
            "out",
            "out/new",
            ".git",
            "a/.orket",
            "/proc/self",
        ] {
            assert_eq!(status(wished), Err(403), "{wished}");
        }
        for wished in ["", "  ", "x\0y", "a\nb", &"x".repeat(2_000)] {
            assert_eq!(status(wished), Err(422), "{wished:?}");
        }
    }
}
