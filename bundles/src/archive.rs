//! Looks into a packed bundle, whoever packed it. Every entry is read to its end and thrown away, so
//! that what is damaged is known; nothing is ever written.

use std::collections::BTreeSet;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::path::Path;

use flate2::bufread::DeflateDecoder;
use rawzip::{CompressionMethod, CreatorSystem, ZipArchive, ZipFileHeaderRecord, ZipSliceArchive};

use crate::document::MAX_BYTES as MAX_MANIFEST;
use crate::gather::MAX_FILES;
use crate::manifest::{NAMES, path_problem};
use crate::pack::MAX_BYTES;
use crate::problem::{Code, Problem};

/// Of the mode of an entry, what kind of file it is; and the kinds that are files and folders.
const KIND: u32 = 0o170_000;
const FILE: u32 = 0o100_000;
const FOLDER: u32 = 0o040_000;

/// What is in an archive.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Contents {
    /// The names of its files.
    pub(crate) files: BTreeSet<String>,
    /// How many entries there are.
    pub(crate) count: usize,
    /// The manifest's name and bytes.
    pub(crate) manifest: Option<(String, Vec<u8>)>,
}

/// Reads an archive's file.
pub(crate) fn read(file: &Path, shown: &str) -> Result<Contents, Vec<Problem>> {
    let bytes = bytes(file).map_err(|(code, message)| vec![Problem::new(code, shown, message)])?;
    look(&bytes, shown)
}

fn bytes(file: &Path) -> Result<Vec<u8>, (Code, String)> {
    let invalid = |error: io::Error| {
        let message = format!("cannot be read: {error}");
        (Code::InspectArchiveInvalid, message)
    };
    let handle = std::fs::File::open(file).map_err(invalid)?;
    let mut bytes = Vec::new();
    let mut limited = handle.take(MAX_BYTES + 1);
    limited.read_to_end(&mut bytes).map_err(invalid)?;
    if bytes.len() as u64 > MAX_BYTES {
        let message = format!("is larger than {MAX_BYTES} bytes");
        return Err((Code::InspectArchiveTooLarge, message));
    }
    Ok(bytes)
}

/// Looks at the bytes of an archive.
fn look(bytes: &[u8], shown: &str) -> Result<Contents, Vec<Problem>> {
    within(bytes, shown, MAX_BYTES)
}

/// The same, where the files may have so many bytes in all.
fn within(bytes: &[u8], shown: &str, limit: u64) -> Result<Contents, Vec<Problem>> {
    let invalid = |message: String| vec![Problem::new(Code::InspectArchiveInvalid, shown, message)];
    let archive = ZipArchive::from_slice(bytes)
        .map_err(|error| invalid(format!("is no zip archive: {error}")))?;
    let mut looking = Looking {
        archive: &archive,
        contents: Contents::default(),
        folded: BTreeSet::new(),
        limit,
        left: limit,
        problems: Vec::new(),
    };
    let mut entries = archive.entries();
    loop {
        match entries.next_entry() {
            Ok(Some(entry)) => {
                looking.contents.count += 1;
                if looking.contents.count > MAX_FILES {
                    let message = format!("holds more than {MAX_FILES} entries");
                    let code = Code::InspectArchiveTooLarge;
                    return Err(vec![Problem::new(code, shown, message)]);
                }
                if looking.entry(&entry).is_break() {
                    break;
                }
            }
            Ok(None) => break,
            Err(error) => return Err(invalid(format!("its directory is damaged: {error}"))),
        }
    }
    looking.files_that_are_folders();
    let Looking {
        contents, problems, ..
    } = looking;
    if !problems.is_empty() {
        return Err(problems);
    }
    if contents.count as u64 != archive.entries_hint() {
        let message = format!(
            "its directory holds {} entries and speaks of {}",
            contents.count,
            archive.entries_hint()
        );
        return Err(invalid(message));
    }
    Ok(contents)
}

struct Looking<'a> {
    archive: &'a ZipSliceArchive<&'a [u8]>,
    contents: Contents,
    /// Names without regard to capitals: on some disks they are one file.
    folded: BTreeSet<String>,
    /// How many bytes may come out in all.
    limit: u64,
    /// How many may still.
    left: u64,
    problems: Vec<Problem>,
}

impl Looking<'_> {
    fn entry(&mut self, entry: &ZipFileHeaderRecord<'_>) -> ControlFlow<()> {
        let raw = entry.file_path();
        let shown: String = String::from_utf8_lossy(raw.as_bytes())
            .chars()
            .map(|c| if c.is_control() { '\u{fffd}' } else { c })
            .take(200)
            .collect();
        let found = self.name(entry).and_then(|name| self.body(entry, name));
        match found {
            Ok(()) => ControlFlow::Continue(()),
            Err((code, message)) => {
                self.problems.push(Problem::new(code, shown, message));
                // Nothing more is unpacked of what has shown itself to be a bomb.
                if code == Code::InspectArchiveTooLarge {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            }
        }
    }

    /// The entry's name, when it is that of a file; `None` for a folder.
    fn name(&mut self, entry: &ZipFileHeaderRecord<'_>) -> Result<Option<String>, (Code, String)> {
        let unsafe_ = |message: &str| (Code::InspectArchiveUnsafe, message.to_owned());
        let raw = entry.file_path();
        let name = std::str::from_utf8(raw.as_bytes())
            .map_err(|_| unsafe_("its name is no UTF-8 text"))?;
        let (name, is_folder) = match name.strip_suffix('/') {
            Some(name) => (name, true),
            None => (name, false),
        };
        if let Some(wrong) = path_problem(name) {
            return Err(unsafe_(&format!("its name {wrong}")));
        }
        // The mode that made it a folder by its name is not asked: what was written there is.
        let kind = (entry.external_attributes() >> 16) & KIND;
        let by_unix = matches!(
            entry.version_made_by().creator_system(),
            CreatorSystem::UNIX | CreatorSystem::MACOS
        );
        if by_unix && kind != 0 && kind != if is_folder { FOLDER } else { FILE } {
            return Err(unsafe_(
                "is a link or something else that is neither a file nor a folder",
            ));
        }
        if !self.folded.insert(name.to_lowercase()) {
            return Err(unsafe_("is there twice"));
        }
        Ok((!is_folder).then(|| name.to_owned()))
    }

    fn body(
        &mut self,
        entry: &ZipFileHeaderRecord<'_>,
        name: Option<String>,
    ) -> Result<(), (Code, String)> {
        let invalid = |message: String| (Code::InspectArchiveInvalid, message);
        if entry.flags().is_encrypted() {
            return Err(invalid("is encrypted".to_owned()));
        }
        let local = self
            .archive
            .get_entry(entry.wayfinder())
            .map_err(|error| invalid(format!("is damaged: {error}")))?;
        if local.local_header().file_path().as_bytes() != entry.file_path().as_bytes() {
            let message = "has another name in the directory than where it stands";
            return Err((Code::InspectArchiveUnsafe, message.to_owned()));
        }
        let is_manifest = name.as_deref().is_some_and(|it| NAMES.contains(&it));
        let reader: Box<dyn Read> = match entry.compression_method() {
            CompressionMethod::STORE => Box::new(local.verifying_reader(local.data())),
            CompressionMethod::DEFLATE => {
                Box::new(local.verifying_reader(DeflateDecoder::new(local.data())))
            }
            other => return Err(invalid(format!("is pressed in an unknown way ({other})"))),
        };
        let mut limited = reader.take(self.left + 1);
        let mut kept = Vec::new();
        let read = if is_manifest {
            let mut of_manifest = limited.by_ref().take(MAX_MANIFEST + 1);
            let read = of_manifest.read_to_end(&mut kept);
            if kept.len() as u64 > MAX_MANIFEST {
                let message = format!("is larger than {MAX_MANIFEST} bytes");
                return Err((Code::InspectArchiveTooLarge, message));
            }
            read.map(|bytes| bytes as u64)
        } else {
            io::copy(&mut limited, &mut io::sink())
        };
        let read = read.map_err(|error| invalid(format!("is damaged: {error}")))?;
        let Some(left) = self.left.checked_sub(read) else {
            let message = format!("the files are more than {} bytes in all", self.limit);
            return Err((Code::InspectArchiveTooLarge, message));
        };
        self.left = left;
        if let Some(name) = name {
            if is_manifest {
                self.manifest(&name, kept);
            }
            self.contents.files.insert(name);
        }
        Ok(())
    }

    /// `a` and `a/b`: one of them could not be unpacked.
    fn files_that_are_folders(&mut self) {
        let files = &self.contents.files;
        let inside = files.iter().flat_map(|file| {
            let ends = file.match_indices('/');
            ends.filter_map(|(end, _)| files.get(file.get(..end)?))
        });
        let both: BTreeSet<&String> = inside.collect();
        for file in both {
            let message = "is a file and a folder";
            let problem = Problem::new(Code::InspectArchiveUnsafe, file, message);
            self.problems.push(problem);
        }
    }

    /// The first of [`NAMES`] counts, as in a folder.
    fn manifest(&mut self, name: &str, bytes: Vec<u8>) {
        let rank = |name: &str| NAMES.iter().position(|known| *known == name);
        let known = self.contents.manifest.as_ref();
        if known.is_none_or(|(known, _)| rank(name) < rank(known)) {
            self.contents.manifest = Some((name.to_owned(), bytes));
        }
    }
}

#[cfg(test)]
#[path = "archive_tests.rs"]
pub(crate) mod tests;
