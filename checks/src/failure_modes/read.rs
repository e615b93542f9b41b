//! The files of a log, line by line, in bounded memory.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use super::report::Report;
use super::selection::Selection;

/// A longer line is no event of ours; it is counted as malformed and passed over.
const LONGEST: u64 = 4 * 1024 * 1024;

/// The log cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// There is none.
    #[error("there is no log at {0}")]
    Missing(PathBuf),
    /// It cannot be read.
    #[error("{0}: {1}")]
    Unreadable(PathBuf, #[source] io::Error),
}

/// The rotated files of a log that are there (`orket.log.5` … `orket.log.1`), oldest first, then the
/// log itself.
#[must_use]
pub fn files_of(log: &Path) -> Vec<PathBuf> {
    let name = log.file_name().unwrap_or_default().to_string_lossy();
    let rotated = (1_u32..).map(|nth| log.with_file_name(format!("{name}.{nth}")));
    let mut files: Vec<_> = rotated.take_while(|file| file.is_file()).collect();
    files.reverse();
    files.push(log.to_owned());
    files
}

/// Reads these files, in this order, into one report.
///
/// # Errors
///
/// [`ReadError`] for the first file that cannot be read.
pub fn read(files: &[PathBuf], selection: &Selection) -> Result<Report, ReadError> {
    let mut report = Report::default();
    report.window.since = selection.since.map(|it| it.to_string());
    for path in files {
        let file = File::open(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => ReadError::Missing(path.clone()),
            _ => ReadError::Unreadable(path.clone(), error),
        })?;
        take(&mut BufReader::new(file), selection, &mut report)
            .map_err(|error| ReadError::Unreadable(path.clone(), error))?;
        report.log.push(path.display().to_string());
    }
    report.conclude();
    Ok(report)
}

fn take(source: &mut impl BufRead, selection: &Selection, report: &mut Report) -> io::Result<()> {
    let mut line = Vec::new();
    loop {
        line.clear();
        let length = source.by_ref().take(LONGEST).read_until(b'\n', &mut line)?;
        if length == 0 {
            return Ok(());
        }
        if line.last() == Some(&b'\n') {
            line.pop();
        } else if u64::try_from(length).is_ok_and(|it| it == LONGEST) {
            source.skip_until(b'\n')?;
            // What was read is half a line: no JSON.
        }
        if line.iter().any(|byte| !byte.is_ascii_whitespace()) {
            report.take(&line, selection);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, selection: &Selection) -> Report {
        let mut report = Report::default();
        take(&mut text.as_bytes(), selection, &mut report).unwrap();
        report.conclude();
        report
    }

    const LOG: &str = r#"{"timestamp":"2026-03-01T10:00:00Z","role":"orchestrator","event":"session_start","data":{"run_id":"aa11"}}
{"timestamp":"2026-03-01T10:00:01Z","role":"coder","event":"turn_start","data":{"run_id":"aa11","issue_id":"C-1"}}
{"timestamp":"2026-03-01T10:00:02Z","role":"coder","event":"turn_failed","data":{"run_id":"aa11","issue_id":"C-1","type":"tool_violation","code":"E_TOOL_GATE","runtime_event":{"selected_model":"ollama:m"}}}
{"timestamp":"2026-03-01T10:00:03Z","role":"coder","event":"retry_triggered","data":{"run_id":"aa11","issue_id":"C-1"}}
{"timestamp":"2026-03-01T10:00:04Z","role":"coder","event":"turn_start","data":{"run_id":"aa11","issue_id":"C-1"}}
{"timestamp":"2026-03-01T10:00:05Z","role":"coder","event":"turn_non_progress","data":{"run_id":"aa11"}}
{"timestamp":"2026-03-01T10:00:06Z","role":"coder","event":"turn_complete","data":{"run_id":"aa11"}}
{"timestamp":"2026-03-01T10:00:07Z","role":"integrity_guard","event":"guard_rejected","data":{"run_id":"aa11"}}
{"timestamp":"2026-03-02T10:00:00Z","role":"coder","event":"turn_stalled","data":{"run_id":"bb22","issue_id":"C-2","phase":"first_token"}}
{"timestamp":"2026-03-02T10:00:01Z","role":"coder","event":"turn_failed","data":"a text"}
{"timestamp":"2026-03-02T10:00:02Z","role":"orchestrator","event":"session_end","data":{"run_id":"bb22","status":"incomplete"}}
[1,2]
"just a text"
{"no":"event"}
{"timestamp":"2026-03-02T1

"#;

    #[test]
    fn every_line_is_counted_as_what_it_is() {
        insta::assert_json_snapshot!(of(LOG, &Selection::default()));
    }

    #[test]
    fn a_run_or_a_time_leaves_the_other_lines_out() {
        let run = Selection {
            run: Some("bb".to_owned()),
            since: None,
        };
        let since = Selection {
            run: None,
            since: Some("2026-03-02T10:00:01Z".parse().unwrap()),
        };
        let of_run = of(LOG, &run);
        let of_time = of(LOG, &since);
        assert_eq!(
            (
                of_run.lines.counted,
                of_run.lines.left_out,
                of_run.lines.malformed
            ),
            (2, 9, 4)
        );
        assert_eq!(
            (of_time.lines.counted, of_time.events.len()),
            (2, 2),
            "{:?}",
            of_time.events
        );
    }

    #[test]
    fn a_line_that_is_too_long_is_passed_over() {
        let mut text = "x".repeat(usize::try_from(LONGEST).unwrap() + 10);
        text.push('\n');
        text.push_str(r#"{"event":"turn_start"}"#);
        let report = of(&text, &Selection::default());
        assert_eq!(
            report.lines,
            crate::failure_modes::Lines {
                read: 2,
                counted: 1,
                left_out: 0,
                malformed: 1
            }
        );
    }

    #[test]
    fn rotated_files_come_first_and_a_missing_log_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("orket.log");
        for name in ["orket.log", "orket.log.1", "orket.log.2", "orket.log.old"] {
            std::fs::write(
                folder.path().join(name),
                format!("{{\"event\":\"{name}\"}}\n"),
            )
            .unwrap();
        }
        let files = files_of(&log);
        let names: Vec<_> = files
            .iter()
            .map(|file| file.file_name().unwrap().to_str().unwrap())
            .collect();
        assert_eq!(names, ["orket.log.2", "orket.log.1", "orket.log"]);
        assert_eq!(
            read(&files, &Selection::default()).unwrap().lines.counted,
            3
        );
        let missing = folder.path().join("none.log");
        let refused = read(&files_of(&missing), &Selection::default());
        assert!(matches!(refused, Err(ReadError::Missing(_))), "{refused:?}");
    }
}
