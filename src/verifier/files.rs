//! Which files of a workspace are parsed: the card's own, whose errors count, and the others below
//! `agent_output/`, whose errors are shown. Everything goes through the workspace's handle, links are
//! not followed out of it, and every number is bounded: what is too much is reported as not checked.

use std::collections::{BTreeSet, HashMap};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use cap_std::fs::{Dir, MetadataExt, OpenOptions, OpenOptionsExt};
use orket_core::turn::{SyntaxFinding, UncheckedFile};
use orket_core::verify::{AGENT_OUTPUT, Language, SyntaxJob, may_hold_code};
use rustix::fs::OFlags;

use super::apart::{Asked, Parsed, parse};
use super::syntax::Unchecked;

/// Folders that hold what others wrote.
const FOREIGN: [&str; 8] = [
    "node_modules",
    "__pycache__",
    "venv",
    "target",
    "dist",
    "build",
    "vendor",
    "verification",
];
/// How many parsed files of others are remembered.
const REMEMBERED: usize = 8_192;

/// The bounds of one look.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// The largest file that is parsed, in bytes.
    pub file_bytes: u64,
    /// The most files that are parsed.
    pub files: usize,
    /// The most text that is parsed, in bytes.
    pub text: usize,
    /// The most names that are looked at in folders.
    pub names: usize,
    /// The longest that one file is parsed.
    pub each: Duration,
    /// The longest that all are.
    pub all: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            file_bytes: 1024 * 1024,
            files: 1_000,
            text: 32 * 1024 * 1024,
            names: 20_000,
            each: Duration::from_secs(2),
            all: Duration::from_secs(30),
        }
    }
}

/// What was found.
#[derive(Debug, Default)]
pub struct Looked {
    /// Parsed, in order.
    pub checked: Vec<String>,
    /// Not parsed.
    pub unchecked: Vec<UncheckedFile>,
    /// Errors in the card's files.
    pub own: Vec<SyntaxFinding>,
    /// Errors in the files of others.
    pub elsewhere: Vec<SyntaxFinding>,
}

/// A file that is to be parsed.
#[derive(Debug)]
struct Open {
    /// Whether its errors count.
    counts: bool,
    stamp: Stamp,
}

/// What is known before anything is parsed, and what is to be.
#[derive(Debug, Default)]
pub struct Gathered {
    /// What is known.
    looked: Looked,
    /// What is to be parsed.
    pub asked: Vec<Asked>,
    /// For each of these.
    open: Vec<Open>,
}

/// A file as it was when it was parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    bytes: u64,
    seconds: i64,
    nanoseconds: i64,
}

/// What was found in files of others, so that a thousand reviews do not parse a thousand files each.
/// A card's own files are always parsed anew: their errors count.
#[derive(Debug, Default)]
pub struct Memory(Mutex<HashMap<(PathBuf, String), (Stamp, Parsed)>>);

impl Memory {
    fn of(&self, root: &Path, path: &str, stamp: Stamp) -> Option<Parsed> {
        let memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (then, parsed) = memory.get(&(root.to_path_buf(), path.to_owned()))?;
        (*then == stamp).then(|| parsed.clone())
    }

    fn keep(&self, root: &Path, path: &str, stamp: Stamp, parsed: &Parsed) {
        let mut memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if memory.len() >= REMEMBERED {
            memory.clear();
        }
        let key = (root.to_path_buf(), path.to_owned());
        memory.insert(key, (stamp, parsed.clone()));
    }
}

impl Looked {
    fn take(&mut self, path: &str, counts: bool, parsed: Parsed) {
        match parsed {
            Err(why) => unchecked(path, why.to_string(), self),
            Ok(found) => {
                self.checked.push(path.to_owned());
                if counts {
                    self.own.extend(found);
                } else {
                    self.elsewhere.extend(found);
                }
            }
        }
    }
}

impl Gathered {
    /// Parses what is to be parsed in this process. Blocks.
    #[must_use]
    pub fn parse_here(&self, bounds: &Bounds, go_on: &dyn Fn() -> bool) -> Vec<Parsed> {
        let end = Instant::now() + bounds.all;
        let each = self.asked.iter().map(|asked| {
            let now = Instant::now();
            if !go_on() || now >= end {
                return Err(Unchecked::NotReached);
            }
            parse(asked, end.min(now + bounds.each))
        });
        each.collect()
    }

    /// Everything that is known once what was to be parsed is.
    #[must_use]
    pub fn finish(self, parsed: Vec<Parsed>, root: &Path, memory: &Memory) -> Looked {
        let mut looked = self.looked;
        for ((asked, open), parsed) in self.asked.iter().zip(self.open).zip(parsed) {
            if !open.counts && parsed != Err(Unchecked::NotReached) {
                memory.keep(root, &asked.path, open.stamp, &parsed);
            }
            looked.take(&asked.path, open.counts, parsed);
        }
        looked.checked.sort();
        looked
    }
}

/// One look at the files of a workspace.
pub struct Look<'a> {
    /// The workspace.
    pub dir: &'a Dir,
    /// Its path, for the memory.
    pub root: &'a Path,
    /// The bounds.
    pub bounds: Bounds,
    /// What earlier looks found.
    pub memory: &'a Memory,
    /// Called before each file; `false` ends the look.
    pub go_on: &'a dyn Fn() -> bool,
}

impl Look<'_> {
    /// Reads what the job names. Blocks.
    #[must_use]
    pub fn gather(&self, job: &SyntaxJob) -> Gathered {
        let mut gathered = Gathered::default();
        let own: BTreeSet<&str> = job.own.iter().map(String::as_str).collect();
        let mut walked = Vec::new();
        self.walk(&mut walked, &mut gathered.looked);
        let others = walked
            .iter()
            .map(String::as_str)
            .filter(|path| !own.contains(path));
        let all = own.iter().copied().map(|path| (path, true));
        let all = all.chain(others.map(|path| (path, job.whole_folder)));
        let mut text = 0_usize;
        for (number, (path, counts)) in all.enumerate() {
            let given_up = if !(self.go_on)() {
                Some("the verification was cancelled")
            } else if number >= self.bounds.files {
                Some("there are more files than are looked at")
            } else if text >= self.bounds.text {
                Some("there is more text than is looked at")
            } else {
                None
            };
            if let Some(why) = given_up {
                unchecked(path, why.to_owned(), &mut gathered.looked);
                break;
            }
            text = text.saturating_add(self.one(path, counts, &mut gathered));
        }
        gathered
    }

    /// Reads one file; its length when it is to be parsed.
    fn one(&self, path: &str, counts: bool, gathered: &mut Gathered) -> usize {
        let (text, stamp) = match self.read(path) {
            Ok(Some(read)) => read,
            Ok(None) => return 0,
            Err(why) => {
                unchecked(path, why, &mut gathered.looked);
                return 0;
            }
        };
        let Some(language) = Language::of(path, &text) else {
            return 0;
        };
        if !counts && let Some(parsed) = self.memory.of(self.root, path, stamp) {
            gathered.looked.take(path, counts, parsed);
            return 0;
        }
        let length = text.len();
        gathered.open.push(Open { counts, stamp });
        gathered.asked.push(Asked {
            path: path.to_owned(),
            language,
            text,
        });
        length
    }

    /// A file's text; `None` when there is no file.
    fn read(&self, path: &str) -> Result<Option<(String, Stamp)>, String> {
        match self.dir.metadata(path) {
            Ok(found) if found.is_file() => {}
            Ok(_) => return Ok(None),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.to_string()),
        }
        let mut options = OpenOptions::new();
        options
            .read(true)
            .custom_flags(OFlags::NONBLOCK.bits().cast_signed());
        let words = |error: std::io::Error| error.to_string();
        let file = self.dir.open_with(path, &options).map_err(words)?;
        let found = file.metadata().map_err(words)?;
        if !found.is_file() {
            return Ok(None);
        }
        let most = self.bounds.file_bytes;
        let mut bytes = Vec::new();
        file.take(most.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(words)?;
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > most {
            return Err(format!("it is larger than {most} bytes"));
        }
        let text = String::from_utf8(bytes).map_err(|_| "it is no UTF-8 text".to_owned())?;
        let stamp = Stamp {
            device: found.dev(),
            inode: found.ino(),
            bytes: found.size(),
            seconds: found.mtime(),
            nanoseconds: found.mtime_nsec(),
        };
        Ok(Some((text, stamp)))
    }

    /// The files below `agent_output/` that may hold code, in order; links are left out.
    fn walk(&self, found: &mut Vec<String>, looked: &mut Looked) {
        let mut folders = vec![AGENT_OUTPUT.to_owned()];
        let mut names = 0_usize;
        while let Some(folder) = folders.pop() {
            let Ok(entries) = self.dir.read_dir(&folder) else {
                continue;
            };
            for entry in entries.flatten() {
                names += 1;
                if names > self.bounds.names {
                    let why = "there are more names than are looked at";
                    unchecked(&folder, why.to_owned(), looked);
                    found.sort();
                    return;
                }
                let (Ok(kind), Ok(name)) = (entry.file_type(), entry.file_name().into_string())
                else {
                    continue;
                };
                let path = format!("{folder}/{name}");
                if kind.is_dir() && !FOREIGN.contains(&name.as_str()) && !name.starts_with('.') {
                    folders.push(path);
                } else if kind.is_file() && may_hold_code(&path) {
                    found.push(path);
                }
            }
        }
        found.sort();
    }
}

fn unchecked(path: &str, reason: String, looked: &mut Looked) {
    looked.unchecked.push(UncheckedFile {
        path: path.to_owned(),
        reason,
    });
}
