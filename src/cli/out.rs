//! Standard output and standard error. A reader that goes away (`orket runs | head -1`) is no
//! failure of ours; output that is lost otherwise, on a full disk above all, is one.

use std::io::{ErrorKind, IsTerminal, Write};
use std::sync::OnceLock;

use serde::Serialize;

/// Why output was lost, the first time.
static LOST: OnceLock<String> = OnceLock::new();

/// Writes text to standard output.
pub fn print(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let written = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush());
    match written {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
        Err(error) => {
            // Only the first one is told.
            let _ = LOST.set(error.to_string());
        }
    }
}

/// Why output was lost, if it was.
#[must_use]
pub fn lost() -> Option<&'static str> {
    LOST.get().map(String::as_str)
}

/// Writes one value as indented JSON to standard output.
pub fn json(value: &impl Serialize) {
    // Printing our own values cannot fail; should it, nothing better could be printed.
    if let Ok(text) = serde_json::to_string_pretty(value) {
        print(&(text + "\n"));
    }
}

/// Writes a line to standard error.
pub fn warn(line: &str) {
    let mut stderr = std::io::stderr().lock();
    let _ = writeln!(stderr, "{line}");
}

/// Whether standard output is a terminal.
#[must_use]
pub fn stdout_is_terminal() -> bool {
    std::io::stdout().is_terminal()
}

/// Whether standard error is a terminal.
#[must_use]
pub fn stderr_is_terminal() -> bool {
    std::io::stderr().is_terminal()
}

/// Whether colours may be used on a terminal: `NO_COLOR` (no-color.org) and `TERM=dumb` say no.
#[must_use]
pub fn colours_allowed() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}
