//! What of a run is exported: its folder under `observability/`, what agents wrote, its lines of
//! `orket.log`, and a manifest.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use orket_core::artifact;
use orket_gitea::RunFiles;
use serde_json::{Map, Value, json};

use crate::storage::reader::SessionRow;

/// Lines of the log, in bytes.
const MAX_LOG: usize = 8 * 1024 * 1024;
/// The longest line of the log that is looked at, in bytes.
const MAX_LINE: u64 = 4 * 1024 * 1024;

/// Everything of a run. Blocks.
pub(super) fn of(row: &SessionRow) -> RunFiles {
    let workspace = Path::new(&row.workspace);
    let log = log_of(&workspace.join("orket.log"), &row.run_id);
    let (log, log_problem) = match log {
        Ok((lines, cut)) => (lines, cut.then(|| "only its beginning".to_owned())),
        Err(error) => (Vec::new(), Some(error.to_string())),
    };
    let sources = [
        (
            workspace.join(artifact::ROOT).join(&row.run_id),
            artifact::ROOT.to_owned(),
        ),
        (workspace.join("agent_output"), "agent_output".to_owned()),
    ];
    RunFiles {
        run: row.run_id.clone(),
        day: day(row.started_ms),
        sources: sources.into(),
        made: vec![("orket.log".to_owned(), log)],
        manifest: manifest(row, log_problem),
    }
}

fn manifest(row: &SessionRow, log_problem: Option<String>) -> Map<String, Value> {
    let of_summary = |name| row.summary.get(name).cloned().unwrap_or_default();
    let all = [
        ("run_id", json!(row.run_id)),
        (
            "run_type",
            json!(if row.rock.is_some() { "rock" } else { "epic" }),
        ),
        ("run_name", json!(row.epic)),
        ("build_id", json!(row.build_id)),
        ("department", json!(row.department)),
        ("session_status", json!(row.status.as_str())),
        ("started_at", json!(stamp(row.started_ms))),
        ("ended_at", json!(row.ended_ms.map(stamp))),
        ("source_workspace", json!(row.workspace)),
        ("failure_class", of_summary("failure_class")),
        ("failure_reason", of_summary("failure_reason")),
        ("summary", row.summary.clone()),
        ("orket_log_problem", json!(log_problem)),
    ];
    all.into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// The run's lines, of rotated files too, and whether there are more. Those of other runs are none of
/// this repository's business.
fn log_of(path: &Path, run_id: &str) -> io::Result<(Vec<u8>, bool)> {
    let mark = format!("\"{run_id}\"");
    let rotated = (1..).map(|number| path.with_extension(format!("log.{number}")));
    let rotated = rotated.take_while(|path| path.symlink_metadata().is_ok());
    let mut files: Vec<PathBuf> = [path.to_owned()].into_iter().chain(rotated).collect();
    let mut lines = Vec::new();
    // The oldest first.
    while let Some(path) = files.pop() {
        if !add_lines(&path, &mark, &mut lines)? {
            return Ok((lines, true));
        }
    }
    Ok((lines, false))
}

/// Whether there was room for all lines of this file.
fn add_lines(path: &Path, mark: &str, lines: &mut Vec<u8>) -> io::Result<bool> {
    let opened = File::options()
        .read(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
        .open(path);
    let file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
        Err(error) => return Err(error),
    };
    let mut reader = BufReader::new(file);
    let mut line = Vec::new();
    loop {
        line.clear();
        if reader
            .by_ref()
            .take(MAX_LINE)
            .read_until(b'\n', &mut line)?
            == 0
        {
            return Ok(true);
        }
        if !String::from_utf8_lossy(&line).contains(mark) {
            continue;
        }
        if lines.len() + line.len() > MAX_LOG {
            return Ok(false);
        }
        lines.extend_from_slice(&line);
    }
}

fn day(ms: i64) -> String {
    stamp(ms).chars().take("2026-01-01".len()).collect()
}

fn stamp(ms: i64) -> String {
    Timestamp::from_millisecond(ms)
        .unwrap_or_default()
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_run_s_own_lines_are_taken() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("orket.log");
        let none = log_of(&path, "R-1").expect("readable");
        assert_eq!(none, (Vec::new(), false));
        let lines = ["R-1", "R-2", "R-10", "R-1"].map(|run| format!("{{\"run_id\":\"{run}\"}}\n"));
        std::fs::write(&path, lines.concat()).expect("written");
        let (taken, cut) = log_of(&path, "R-1").expect("readable");
        assert_eq!(String::from_utf8_lossy(&taken), lines[0].repeat(2));
        assert!(!cut);
        // Rotated twice since.
        for (name, time) in [("orket.log.2", 1), ("orket.log.1", 2)] {
            let line = format!("{{\"run_id\":\"R-1\",\"time\":{time}}}\n");
            std::fs::write(folder.path().join(name), line).expect("written");
        }
        let (taken, _) = log_of(&path, "R-1").expect("readable");
        let taken = String::from_utf8(taken).expect("text");
        let rotated = "{\"run_id\":\"R-1\",\"time\":1}\n{\"run_id\":\"R-1\",\"time\":2}\n";
        assert_eq!(taken, rotated.to_owned() + &lines[0].repeat(2));
    }

    #[test]
    fn a_log_that_is_a_link_is_not_followed() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("orket.log");
        std::os::unix::fs::symlink("/etc/passwd", &path).expect("link");
        assert!(log_of(&path, "root").is_err());
    }

    #[test]
    fn days_are_those_of_utc() {
        assert_eq!(day(1_767_225_599_999), "2025-12-31");
        assert_eq!(day(1_767_225_600_000), "2026-01-01");
    }
}
