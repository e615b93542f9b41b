//! The two files of each workspace, and which event goes into which.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::time::{SystemTime, UNIX_EPOCH};

use orket_actors::port::event::RuntimeEvent;
use serde_json::json;

use super::file::LogFile;
use super::thread::take_count;
use super::zone::Stamp;
use super::{EVENTS_FILE, LOG_FILE, LogOptions, line};

/// How many workspaces have their files open at once.
const OPEN_WORKSPACES: usize = 64;

/// The events that `runtime_events.jsonl` gets: those of the reference, and the stalls it did not know.
const TURN_EVENTS: &[&str] = &[
    "session_start",
    "session_end",
    "turn_start",
    "turn_complete",
    "turn_failed",
    "turn_stalled",
    "runtime_verifier_completed",
    "guard_retry_scheduled",
    "guard_terminal_failure",
];

struct Sheet {
    log: LogFile,
    events: LogFile,
}

impl Sheet {
    fn of(workspace: &str) -> Self {
        Self {
            log: LogFile::new(Path::new(workspace), LOG_FILE),
            events: LogFile::new(Path::new(workspace), EVENTS_FILE),
        }
    }
}

/// The open files.
pub(super) struct Sheets<'a> {
    options: &'a LogOptions,
    home: String,
    stamp: Stamp<'a>,
    open: HashMap<String, Sheet>,
}

impl<'a> Sheets<'a> {
    pub fn new(options: &'a LogOptions) -> Self {
        Self {
            options,
            home: options.workspace.to_string_lossy().into_owned(),
            stamp: Stamp::new(&options.zone),
            open: HashMap::new(),
        }
    }

    /// Makes the event's line, preceded by a word on events that were dropped before it.
    pub fn take(&mut self, event: &RuntimeEvent, dropped: &AtomicU64) {
        self.tell_dropped(dropped);
        orket_actors::fault::point("log.take");
        self.write(event);
    }

    /// Writes how many events were dropped, if any were.
    pub fn tell_dropped(&mut self, dropped: &AtomicU64) {
        let count = take_count(dropped);
        if count > 0 {
            let now = SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .ok()
                .and_then(|since| i64::try_from(since.as_millis()).ok())
                .unwrap_or(0);
            self.write(&RuntimeEvent {
                seq: 0,
                at_ms: now,
                event: "log_events_dropped".to_owned(),
                role: "log".to_owned(),
                run_id: None,
                issue_id: None,
                workspace: None,
                data: json!({ "count": count }),
                shown: orket_actors::port::event::Shown::default(),
            });
        }
    }

    /// Begins the log of the default workspace anew; the name that the old one has now.
    pub fn rotate_home(&mut self) -> io::Result<Option<String>> {
        match sheet(&mut self.open, self.options, &self.home) {
            Some(sheet) => sheet.log.rotate_now(self.options),
            None => Ok(None),
        }
    }

    /// Hands every buffer to the system.
    pub fn flush(&mut self) {
        for sheet in self.open.values_mut() {
            sheet.log.flush(self.options);
            sheet.events.flush(self.options);
        }
    }

    fn write(&mut self, event: &RuntimeEvent) {
        let workspace = event.workspace.as_deref().unwrap_or(&self.home);
        let Some(sheet) = sheet(&mut self.open, self.options, workspace) else {
            return;
        };
        let timestamp = self.stamp.at(event.at_ms);
        sheet.log.push(self.options, |buffer| {
            line::log(buffer, timestamp, event);
        });
        if TURN_EVENTS.contains(&event.event.as_str()) {
            sheet.events.push(self.options, |buffer| {
                line::turn_event(buffer, timestamp, event);
            });
        }
    }
}

/// The files of a workspace; all others are closed when there are too many.
fn sheet<'a>(
    open: &'a mut HashMap<String, Sheet>,
    options: &LogOptions,
    workspace: &str,
) -> Option<&'a mut Sheet> {
    if !open.contains_key(workspace) {
        if open.len() >= OPEN_WORKSPACES {
            for sheet in open.values_mut() {
                sheet.log.flush(options);
                sheet.events.flush(options);
            }
            open.clear();
        }
        open.insert(workspace.to_owned(), Sheet::of(workspace));
    }
    open.get_mut(workspace)
}
