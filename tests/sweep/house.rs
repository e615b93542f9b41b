//! A fresh folder to sweep in.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

pub struct House {
    place: tempfile::TempDir,
}

impl House {
    pub fn new() -> Self {
        Self {
            place: tempfile::tempdir().unwrap(),
        }
    }

    pub fn path(&self) -> &Path {
        self.place.path()
    }

    pub fn read(&self, name: &str) -> Value {
        let text = std::fs::read_to_string(self.path().join(name)).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    pub fn command(&self, words: &[&str], more: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_orket"));
        command
            .args(words)
            .args(more)
            .current_dir(self.path())
            .stdin(Stdio::null());
        command
    }

    /// Does it, and gives what was printed: JSON where it is, else null.
    pub fn ok(&self, words: &[&str], more: &[&str]) -> Value {
        let output = self.command(words, more).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{words:?}: {told}");
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    }

    /// Sees it fail so, and gives what was said.
    pub fn fails(&self, words: &[&str], more: &[&str], code: i32) -> String {
        let output = self.command(words, more).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{words:?}: {told}");
        told
    }
}

/// A summary without its times, and without what follows from them.
pub fn same_but_for_times(mut summary: Value) -> Value {
    summary["generated_at"] = Value::Null;
    for session in summary["sessions"].as_array_mut().unwrap() {
        for row in session["per_quant"].as_array_mut().unwrap() {
            row["total_latency"] = Value::Null;
            row["orchestration_overhead_ratio"] = Value::Null;
        }
    }
    summary
}
