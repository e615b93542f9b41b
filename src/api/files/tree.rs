//! Finds what a path means. Every part is looked at through the handle of the folder before it and
//! judged by [`super::rules`]; links are followed here, part by part, so that no link leads out of the
//! project, into a hidden folder or into the data folder.

use std::collections::VecDeque;
use std::io;
use std::path::{Component, Path};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, FileTypeExt as _, Metadata};
use rustix::fs::{Mode, OFlags, openat};

use super::FileProblem;
use super::guarded::Guarded;
use super::rules::{admit, is_hidden};

/// The most links on one path.
const MOST_LINKS: usize = 16;
/// The most parts of a path and of the links on it.
const MOST_PARTS: usize = 256;

/// The project's folder.
#[derive(Debug)]
pub struct Tree {
    root: Dir,
    guarded: Guarded,
}

/// What a path leads to.
#[derive(Debug)]
pub enum Found {
    /// A folder.
    Folder(Folder),
    /// Something else; not opened yet.
    Entry(Entry),
    /// Nothing.
    Absent(Absent),
}

/// An open folder, and where it really is: below the project, without links.
#[derive(Debug)]
pub struct Folder {
    /// The handle.
    pub dir: Dir,
    /// Its parts; none for the project's folder.
    pub parts: Vec<String>,
}

/// Something in a folder that is no folder.
#[derive(Debug)]
pub struct Entry {
    /// The folder that it is in.
    pub folder: Folder,
    /// Its name there.
    pub name: String,
    /// What the system says about it.
    pub about: Metadata,
}

/// The end of what there is of a path.
#[derive(Debug)]
pub struct Absent {
    /// The last folder that is there.
    pub folder: Folder,
    /// What is missing in it.
    pub rest: Vec<String>,
    /// Whether a link led there.
    pub through_link: bool,
}

/// A part of a path that is still to be looked at.
struct Ahead {
    name: String,
    of_link: bool,
}

impl Tree {
    /// Opens the project's folder. Blocks.
    ///
    /// # Errors
    ///
    /// When it cannot be opened, or is the data folder itself.
    pub fn open(root: &Path, guarded: Guarded) -> Result<Self, FileProblem> {
        let root = Dir::open_ambient_dir(root, ambient_authority()).map_err(FileProblem::System)?;
        let about = root.dir_metadata().map_err(FileProblem::System)?;
        if guarded.is_data_folder(&about) {
            return Err(own());
        }
        Ok(Self { root, guarded })
    }

    /// What is Orket's own.
    #[must_use]
    pub const fn guarded(&self) -> &Guarded {
        &self.guarded
    }

    /// What a path leads to. Nothing but folders is opened.
    ///
    /// # Errors
    ///
    /// [`FileProblem::Forbidden`] when it is not served, [`FileProblem::NotAFolder`] when it goes on
    /// behind a file.
    pub fn find(&self, asked: &[String]) -> Result<Found, FileProblem> {
        let shown = asked.join("/");
        let mut way: Vec<(String, Dir)> = Vec::new();
        let mut links = 0;
        let mut ahead: VecDeque<Ahead> = asked
            .iter()
            .map(|name| Ahead {
                name: name.clone(),
                of_link: false,
            })
            .collect();
        while let Some(Ahead { name, of_link }) = ahead.pop_front() {
            if name == ".." {
                way.pop().ok_or_else(|| leads_out(&shown))?;
                continue;
            }
            let here = way.last().map_or(&self.root, |(_, dir)| dir);
            if is_hidden(&name) {
                admit(way.len(), &name)?;
            }
            let about = match here.symlink_metadata(&name) {
                Ok(about) => about,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    let through_link = of_link || ahead.iter().any(|part| part.of_link);
                    let rest = std::iter::once(name).chain(ahead.into_iter().map(|part| part.name));
                    return Ok(Found::Absent(Absent {
                        rest: rest.collect(),
                        folder: self.folder(way)?,
                        through_link,
                    }));
                }
                Err(error) => return Err(FileProblem::of(&shown, error)),
            };
            admit(way.len(), &name)?;
            if about.file_type().is_symlink() {
                links += 1;
                let more = target(here, &name, &shown)?;
                if links > MOST_LINKS || more.len() + ahead.len() > MOST_PARTS {
                    return Err(FileProblem::Forbidden(format!(
                        "{shown:?} goes through too many links"
                    )));
                }
                for name in more.into_iter().rev() {
                    ahead.push_front(Ahead {
                        name,
                        of_link: true,
                    });
                }
            } else if about.is_dir() {
                let dir = self.enter(here, &name, &shown)?;
                way.push((name, dir));
            } else if ahead.is_empty() {
                let folder = self.folder(way)?;
                return Ok(Found::Entry(Entry {
                    folder,
                    name,
                    about,
                }));
            } else {
                return Err(FileProblem::NotAFolder(shown));
            }
        }
        Ok(Found::Folder(self.folder(way)?))
    }

    /// Opens a folder in a folder; never through a link, and never the data folder.
    ///
    /// # Errors
    ///
    /// [`FileProblem`]; `shown` is the path in its words.
    pub fn enter(&self, folder: &Dir, name: &str, shown: &str) -> Result<Dir, FileProblem> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = openat(folder, name, flags, Mode::empty());
        let dir = Dir::from(opened.map_err(|error| FileProblem::of(shown, error.into()))?);
        let about = dir
            .dir_metadata()
            .map_err(|error| FileProblem::of(shown, error))?;
        if self.guarded.is_data_folder(&about) {
            return Err(own());
        }
        Ok(dir)
    }

    fn folder(&self, mut way: Vec<(String, Dir)>) -> Result<Folder, FileProblem> {
        let last = way.pop();
        let mut parts: Vec<String> = way.into_iter().map(|(name, _)| name).collect();
        let dir = match last {
            Some((name, dir)) => {
                parts.push(name);
                dir
            }
            None => self.root.try_clone().map_err(FileProblem::System)?,
        };
        Ok(Folder { dir, parts })
    }
}

/// The parts of what a link says.
fn target(folder: &Dir, name: &str, shown: &str) -> Result<Vec<String>, FileProblem> {
    let target = folder
        .read_link_contents(name)
        .map_err(|error| FileProblem::of(shown, error))?;
    let mut parts = Vec::new();
    for component in target.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => parts.push("..".to_owned()),
            Component::Normal(name) => {
                parts.push(name.to_str().ok_or_else(|| leads_out(shown))?.to_owned());
            }
            Component::RootDir | Component::Prefix(_) => return Err(leads_out(shown)),
        }
    }
    Ok(parts)
}

fn leads_out(shown: &str) -> FileProblem {
    FileProblem::Forbidden(format!("{shown:?} leads out of the project through a link"))
}

fn own() -> FileProblem {
    FileProblem::Forbidden("Orket's data folder is not served".to_owned())
}

/// What something is that is no file, in words; none for a file.
#[must_use]
pub fn special(about: &Metadata) -> Option<&'static str> {
    let kind = about.file_type();
    if kind.is_file() {
        None
    } else if kind.is_dir() {
        Some("a folder")
    } else if kind.is_fifo() {
        Some("a pipe")
    } else if kind.is_socket() {
        Some("a socket")
    } else if kind.is_symlink() {
        Some("a link")
    } else {
        Some("a device")
    }
}
