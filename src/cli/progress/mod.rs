//! What a run looks like while it goes on. Drawn by a thread of its own, so that a terminal that
//! stands still (Ctrl-S) or a slow pipe never holds up the run: lines that find the queue full are
//! dropped and counted.
//!
//! - [`view`]: how the run stands, as a fold over its lines; pure.
//! - [`screen`]: the view as lines of a terminal; pure.
//! - [`plain`]: an event as a line of text; pure.

pub mod plain;
pub mod screen;
pub mod view;
pub mod words;

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};

use super::out;
use crate::owner::host::wall_ms;
use crate::owner::wire::Line;
use view::View;

/// Lines that may wait to be drawn.
const QUEUE: usize = 4_096;
/// The screen is drawn at most this often.
const FRAME: Duration = Duration::from_millis(100);

/// Where and how to draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// One line a card on standard output, a terminal.
    LiveOnStdout,
    /// The same on standard error.
    LiveOnStderr,
    /// A line for each event worth showing, on standard output.
    PlainOnStdout,
    /// The same on standard error.
    PlainOnStderr,
}

impl Style {
    /// What fits the streams: with `--json` standard output is for the result alone.
    #[must_use]
    pub fn fitting(json: bool) -> Self {
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        match (
            json,
            out::stdout_is_terminal() && !dumb,
            out::stderr_is_terminal() && !dumb,
        ) {
            (true, _, true) => Self::LiveOnStderr,
            (true, _, false) => Self::PlainOnStderr,
            (false, true, _) => Self::LiveOnStdout,
            (false, false, _) => Self::PlainOnStdout,
        }
    }

    fn is_live(self) -> bool {
        match self {
            Self::LiveOnStdout | Self::LiveOnStderr => true,
            Self::PlainOnStdout | Self::PlainOnStderr => false,
        }
    }

    fn write(self, text: &str) {
        match self {
            Self::LiveOnStdout | Self::PlainOnStdout => out::print(text),
            Self::LiveOnStderr | Self::PlainOnStderr => {
                let mut stderr = std::io::stderr().lock();
                let _ = stderr.write_all(text.as_bytes());
            }
        }
    }

    /// Columns and rows of the terminal.
    fn size(self) -> (usize, usize) {
        let size = match self {
            Self::LiveOnStdout | Self::PlainOnStdout => {
                rustix::termios::tcgetwinsize(rustix::stdio::stdout())
            }
            Self::LiveOnStderr | Self::PlainOnStderr => {
                rustix::termios::tcgetwinsize(rustix::stdio::stderr())
            }
        };
        match size {
            Ok(size) if size.ws_col > 0 && size.ws_row > 0 => {
                (usize::from(size.ws_col), usize::from(size.ws_row))
            }
            Ok(_) | Err(_) => (80, 24),
        }
    }
}

enum Message {
    Line(Box<Line>),
    Note(String),
}

/// The drawing of one run.
pub struct Progress {
    to: Option<Sender<Message>>,
    dropped: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl Progress {
    /// Begins to draw.
    #[must_use]
    pub fn start(style: Style) -> Self {
        let (to, from) = crossbeam_channel::bounded(QUEUE);
        let dropped = Arc::new(AtomicU64::new(0));
        let seen = Arc::clone(&dropped);
        let thread = std::thread::Builder::new()
            .name("orket-progress".to_owned())
            .spawn(move || draw(style, &from, &seen))
            .ok();
        Self {
            to: Some(to),
            dropped,
            thread,
        }
    }

    /// Shows what happened.
    pub fn line(&self, line: Line) {
        self.send(Message::Line(Box::new(line)));
    }

    /// Says something between the lines.
    pub fn note(&self, text: impl Into<String>) {
        self.send(Message::Note(text.into()));
    }

    fn send(&self, message: Message) {
        let full = self
            .to
            .as_ref()
            .is_some_and(|to| to.try_send(message).is_err());
        if full {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Draws what is queued and takes the live lines away. Blocks as long as the terminal does.
    pub fn finish(mut self) {
        self.to = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn draw(style: Style, from: &Receiver<Message>, dropped: &AtomicU64) {
    let mut view = View::default();
    let mut lines_on_screen = 0;
    let colours = out::colours_allowed();
    let mut next_frame = Instant::now();
    loop {
        let wait = if style.is_live() {
            next_frame.saturating_duration_since(Instant::now())
        } else {
            Duration::from_secs(3_600)
        };
        let mut text = String::new();
        match from.recv_timeout(wait) {
            Ok(Message::Note(note)) => {
                text.push_str(&note);
                text.push('\n');
            }
            Ok(Message::Line(line)) => {
                if !style.is_live()
                    && let Some(plain) = plain::line(&line, &view)
                {
                    text.push_str(&plain);
                    text.push('\n');
                }
                view.take(&line);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                style.write(&clear(lines_on_screen));
                return;
            }
        }
        let missed = dropped.swap(0, Ordering::Relaxed);
        if missed > 0 && !style.is_live() {
            text.push_str(&format!("… {missed} lines not shown\n"));
        }
        if !style.is_live() {
            style.write(&text);
            continue;
        }
        let due = Instant::now() >= next_frame;
        if due || !text.is_empty() {
            let (width, height) = style.size();
            let lines = screen::lines(&view, width, height, wall_ms(), colours);
            let mut frame = clear(lines_on_screen) + &text;
            for line in &lines {
                frame.push_str(line);
                frame.push('\n');
            }
            lines_on_screen = lines.len();
            style.write(&frame);
            next_frame = Instant::now() + FRAME;
        }
    }
}

/// Moves up and clears what was drawn, from the first column: a key that was echoed, such as Ctrl-C's,
/// may have moved the cursor.
fn clear(lines: usize) -> String {
    if lines == 0 {
        String::new()
    } else {
        format!("\r\x1b[{lines}A\x1b[0J")
    }
}

#[cfg(test)]
mod tests;
