//! Packs a bundle into one file: the same folder gives the same bytes.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::DeflateEncoder;
use rawzip::time::UtcDateTime;
use rawzip::{CompressionMethod, ZipArchiveWriter};
use rustix::fs::{Mode, OFlags};
use serde::Serialize;

use crate::exclude;
use crate::gather::{Excluded, Gathered, MAX_FILES, gather};
use crate::problem::{Code, Problem, sorted};
use crate::references;
use crate::validate::{Options, Validation, checked};

/// How many bytes the files of a bundle may have in all.
pub const MAX_BYTES: u64 = 256 * 1024 * 1024;

/// The first moment that a zip file can tell of.
const EPOCH: i64 = 315_532_800;

/// How hard the bytes are pressed; part of what makes them the same every time.
const LEVEL: u32 = 6;

/// What is to be packed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packing<'a> {
    /// Where relative paths begin.
    pub base: &'a Path,
    /// The folder, as it was given.
    pub source: &'a str,
    /// The file to write; `NAME-VERSION.orket` in `base` when there is none.
    pub output: Option<&'a Path>,
}

/// What was packed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Packed {
    /// Whether it was.
    pub ok: bool,
    /// The folder, as it was given.
    pub source: String,
    /// The file that was written.
    pub output: Option<String>,
    /// The bundle's name.
    pub manifest_name: Option<String>,
    /// The bundle's version.
    pub manifest_version: Option<String>,
    /// How many files are in it.
    pub file_count: usize,
    /// How many errors.
    pub error_count: usize,
    /// The errors, sorted.
    pub errors: Vec<Problem>,
    /// What was left out.
    pub excluded: Vec<Excluded>,
    /// What is wrong with the bundle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation: Option<Validation>,
}

/// Checks a bundle and packs it.
#[must_use]
pub fn pack(packing: &Packing<'_>, options: &Options) -> Packed {
    let mut report = Packed {
        ok: false,
        source: packing.source.to_owned(),
        output: None,
        manifest_name: None,
        manifest_version: None,
        file_count: 0,
        error_count: 0,
        errors: Vec::new(),
        excluded: Vec::new(),
        validation: None,
    };
    report.errors = work(packing, options, &mut report);
    report.errors = sorted(std::mem::take(&mut report.errors));
    report.error_count = report.errors.len();
    report.ok = report.errors.is_empty();
    report
}

/// Fills the report; what is wrong is answered.
fn work(packing: &Packing<'_>, options: &Options, report: &mut Packed) -> Vec<Problem> {
    let one = |code, message: &str| vec![Problem::new(code, packing.source, message)];
    let root = packing.base.join(packing.source);
    if !root.is_dir() {
        let message = if root.exists() {
            "is no folder"
        } else {
            "is not there"
        };
        return one(Code::PackSourceNotDirectory, message);
    }
    let (validation, found) = checked(packing.base, packing.source, options);
    report.manifest_name.clone_from(&validation.manifest_name);
    report
        .manifest_version
        .clone_from(&validation.manifest_version);
    let (Some((folder, manifest)), true) = (found, validation.ok) else {
        let count = validation.error_count;
        report.validation = Some(validation);
        return one(
            Code::PackValidateFailed,
            &format!("is not whole ({count} error(s)), so nothing was packed"),
        );
    };
    let output = match packing.output {
        Some(output) => packing.base.join(output),
        None => packing
            .base
            .join(format!("{}-{}.orket", manifest.name, manifest.version)),
    };
    let io_problem = |error: &io::Error| {
        vec![Problem::new(
            Code::PackIo,
            output.display().to_string(),
            format!("cannot be written: {error}"),
        )]
    };
    let output = match real_output(&output) {
        Ok(output) => output,
        Err(error) => return io_problem(&error),
    };
    let Gathered {
        files,
        excluded,
        mut problems,
    } = gather(&root, Some(&output));
    report.excluded = excluded;
    for reference in references::of(&manifest) {
        if let Some(reason) = exclude::path(&reference.path) {
            let message = format!("{} is never packed: {}", reference.path, reason.words());
            problems.push(Problem::new(
                Code::PackFileExcluded,
                reference.location,
                message,
            ));
        } else if !files.iter().any(|(path, _)| *path == reference.path) {
            // It is there, and yet not among what is packed: behind a link to a folder.
            let message = format!("{} is not packed", reference.path);
            let location = reference.location;
            problems.push(Problem::new(Code::PackFileExcluded, location, message));
        }
    }
    if !files.iter().any(|(path, _)| *path == folder.name) {
        // A link that leads out, or the very file that is to be written.
        let message = "the manifest itself is not packed";
        problems.push(Problem::new(Code::PackFileExcluded, &folder.name, message));
    }
    if files.len() > MAX_FILES {
        let message = format!("holds more than {MAX_FILES} files");
        problems.push(Problem::new(Code::PackTooLarge, packing.source, message));
    }
    if !problems.is_empty() {
        return problems;
    }
    match write(&output, &files) {
        Ok(()) => {
            report.file_count = files.len();
            report.output = Some(output.display().to_string());
            Vec::new()
        }
        Err(WriteError::Source(path, error)) => vec![Problem::new(
            Code::PackIo,
            path,
            format!("cannot be read: {error}"),
        )],
        Err(WriteError::TooLarge(path)) => {
            let message = format!("is more than a bundle may hold: {MAX_BYTES} bytes in all");
            vec![Problem::new(Code::PackTooLarge, path, message)]
        }
        Err(WriteError::Output(error)) => io_problem(&error),
    }
}

/// The file's place, its folder being there already, with nothing left to follow. Only a bundle of before
/// is written over.
fn real_output(output: &Path) -> io::Result<PathBuf> {
    if output.is_dir() {
        return Err(io::Error::new(
            io::ErrorKind::IsADirectory,
            "a folder stands there",
        ));
    }
    // A pipe would be waited for.
    if std::fs::metadata(output).is_ok_and(|about| !about.is_file()) {
        return Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            "something that is no file stands there",
        ));
    }
    if let Ok(mut file) = File::open(output) {
        let mut start = Vec::new();
        Read::by_ref(&mut file).take(2).read_to_end(&mut start)?;
        if start != b"PK" {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "a file that is no bundle stands there",
            ));
        }
    }
    let name = output
        .file_name()
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "it is no name of a file"))?;
    let folder = output.parent().filter(|it| !it.as_os_str().is_empty());
    let folder = std::fs::canonicalize(folder.unwrap_or_else(|| Path::new(".")))?;
    Ok(folder.join(name))
}

enum WriteError {
    Source(String, io::Error),
    TooLarge(String),
    Output(io::Error),
}

impl From<io::Error> for WriteError {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl From<rawzip::Error> for WriteError {
    fn from(error: rawzip::Error) -> Self {
        Self::Output(io::Error::other(error))
    }
}

/// Written beside its place and renamed: nobody ever sees half of it.
fn write(output: &Path, files: &[(String, PathBuf)]) -> Result<(), WriteError> {
    let folder = output.parent().unwrap_or_else(|| Path::new("."));
    let mut temporary = tempfile::Builder::new()
        .prefix(".orket-pack-")
        .tempfile_in(folder)?;
    write_zip(io::BufWriter::new(temporary.as_file_mut()), files)?;
    let mode = Mode::from_raw_mode(0o644);
    rustix::fs::fchmod(temporary.as_file(), mode).map_err(io::Error::from)?;
    temporary.as_file().sync_all()?;
    temporary.persist(output).map_err(|error| error.error)?;
    Ok(())
}

fn write_zip(out: impl Write, files: &[(String, PathBuf)]) -> Result<(), WriteError> {
    let mut archive = ZipArchiveWriter::new(out);
    let mut left = MAX_BYTES;
    for (path, file) in files {
        let unreadable = |error| WriteError::Source(path.clone(), error);
        let source = open(file).map_err(unreadable)?;
        let size = source.metadata().map_err(unreadable)?.len();
        if size > left {
            return Err(WriteError::TooLarge(path.clone()));
        }
        let (mut entry, config) = archive
            .new_file(path)
            .compression_method(CompressionMethod::DEFLATE)
            .last_modified(UtcDateTime::from_unix(EPOCH))
            .unix_permissions(0o100_644)
            .start()?;
        let encoder = DeflateEncoder::new(&mut entry, Compression::new(LEVEL));
        let mut writer = config.wrap(encoder);
        left = copy(source, &mut writer, left, path)?;
        let (encoder, descriptor) = writer.finish()?;
        encoder.finish()?;
        entry.finish(descriptor)?;
    }
    archive.finish()?.flush()?;
    Ok(())
}

/// A file that was no link when it was found must be none now.
fn open(file: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let opened = rustix::fs::open(file, flags, Mode::empty())?;
    let opened = File::from(opened);
    if opened.metadata()?.is_file() {
        Ok(opened)
    } else {
        Err(io::Error::other("it is no regular file any more"))
    }
}

/// Answers how many bytes may still come.
fn copy(
    mut source: File,
    out: &mut impl Write,
    mut left: u64,
    path: &str,
) -> Result<u64, WriteError> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = source
            .read(&mut buffer)
            .map_err(|error| WriteError::Source(path.to_owned(), error))?;
        if read == 0 {
            return Ok(left);
        }
        left = left
            .checked_sub(read as u64)
            .ok_or_else(|| WriteError::TooLarge(path.to_owned()))?;
        out.write_all(buffer.get(..read).unwrap_or_default())?;
    }
}
