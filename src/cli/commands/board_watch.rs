//! `orket board --watch`: the board again whenever something changed, whoever changed it: the journal
//! tells when it was written to, files when they were saved. At a terminal it is redrawn in place and
//! stays as it was last when one leaves; in a pipe each board follows a line of dashes, with `--json`
//! each is one line. A board that looks the same is not shown again.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use orket_board::fit;
use orket_board::text::text;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::board::{look, read};
use crate::cli::args::BoardArgs;
use crate::cli::assemble::asset_folders;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::files::newest;
use crate::cli::out;
use crate::owner::service::Refusal;
use crate::owner::signals::Signals;
use crate::storage::Reader;
use crate::storage::reader::Changes;

/// Between two looks at whether anything changed.
const PAUSE: Duration = Duration::from_millis(150);
/// Between two looks at asset files, in pauses.
const FILES_EVERY: u32 = 4;
/// An owner that dies writes nothing, so that the board is made anew now and then, in pauses.
const ANYWAY_EVERY: u32 = 20;
/// What stands before each board but the first, in a pipe.
const DASHES: &str = "----------------------------------------";

/// See the file's head.
pub async fn run(context: Context, args: BoardArgs) -> Result<ExitCode, Failure> {
    let mut signals = Signals::listen()
        .map_err(|error| Failure::new("E_SIGNALS", format!("cannot listen to signals: {error}")))?;
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    let is_live = out::stdout_is_terminal() && !dumb && !context.json;
    let mut screen = Screen::new(is_live);
    let mut journal: Option<(Reader, Changes)> = None;
    let mut files = (0, None);
    let mut pauses: u32 = 0;
    let mut size = (0, 0);
    loop {
        let mut changed = pauses.is_multiple_of(ANYWAY_EVERY);
        if journal.is_none()
            && let Some(reader) = context.reader()?
        {
            // Two connections: one stays with what it has seen.
            let changes = reader.changes().map_err(unreadable)?;
            journal = Some((context.reader()?.unwrap_or(reader), changes));
        }
        if let Some((_, changes)) = &mut journal {
            changed |= changes.any().map_err(unreadable)?;
        }
        if pauses.is_multiple_of(FILES_EVERY) {
            let now = newest(&asset_folders(&context.cwd));
            changed |= std::mem::replace(&mut files, now) != now;
        }
        let now = screen.size();
        changed |= std::mem::replace(&mut size, now) != now;
        if changed {
            let board = read(&context, &args, journal.as_ref().map(|(reader, _)| reader))?;
            let shown = if context.json {
                let line = serde_json::to_string(&board);
                line.map_err(|error| Failure::new("E_INTERNAL", error.to_string()))? + "\n"
            } else {
                text(&board, look(&args))
            };
            if !screen.show(shown, size) {
                // Nobody reads any more.
                return Ok(ExitCode::SUCCESS);
            }
        }
        pauses = pauses.wrapping_add(1);
        if !has_reader() {
            return Ok(ExitCode::SUCCESS);
        }
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            _ = signals.next() => break,
        }
    }
    screen.leave();
    Ok(ExitCode::SUCCESS)
}

/// Whether somebody still reads: a pipe whose reader left would else be noticed with the next change only.
fn has_reader() -> bool {
    let stdout = rustix::stdio::stdout();
    let mut asked = [PollFd::new(&stdout, PollFlags::empty())];
    let at_once = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    match poll(&mut asked, Some(&at_once)) {
        Ok(_) => !asked
            .iter()
            .any(|it| it.revents().intersects(PollFlags::ERR | PollFlags::NVAL)),
        Err(_) => true,
    }
}

fn unreadable(error: orket_actors::port::store::StoreError) -> Failure {
    Refusal::internal(error.to_string()).into()
}

/// What was shown last, and where.
struct Screen {
    is_live: bool,
    is_json: bool,
    last: Option<String>,
    last_size: (usize, usize),
}

impl Screen {
    fn new(is_live: bool) -> Self {
        if is_live {
            // A screen of its own, without a cursor.
            let _ = write("\x1b[?1049h\x1b[?25l");
        }
        Self {
            is_live,
            is_json: false,
            last: None,
            last_size: (0, 0),
        }
    }

    /// Columns and rows.
    fn size(&self) -> (usize, usize) {
        if !self.is_live {
            return (80, usize::MAX);
        }
        match rustix::termios::tcgetwinsize(rustix::stdio::stdout()) {
            Ok(size) if size.ws_col > 0 && size.ws_row > 0 => {
                (usize::from(size.ws_col), usize::from(size.ws_row))
            }
            Ok(_) | Err(_) => (80, 24),
        }
    }

    /// Shows a board unless it looks like the last one; false when nobody reads.
    fn show(&mut self, shown: String, size: (usize, usize)) -> bool {
        if self.last.as_ref() == Some(&shown) && self.last_size == size {
            return true;
        }
        self.is_json = shown.starts_with('{');
        let output = if self.is_live {
            frame(&shown, size)
        } else if self.is_json || self.last.is_none() {
            shown.clone()
        } else {
            format!("{DASHES}\n{shown}")
        };
        self.last = Some(shown);
        self.last_size = size;
        write(&output)
    }

    /// Gives the terminal back, with the last board on it.
    fn leave(&mut self) {
        if std::mem::take(&mut self.is_live) {
            let last = self.last.take().unwrap_or_default();
            let _ = write(&format!("\x1b[?25h\x1b[?1049l{last}"));
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.leave();
    }
}

/// A board as one screen: never more lines than fit.
fn frame(shown: &str, (columns, rows): (usize, usize)) -> String {
    let room = rows.saturating_sub(1).max(1);
    let lines: Vec<&str> = shown.lines().collect();
    let mut text = String::from("\x1b[H");
    let hidden = lines.len().saturating_sub(room);
    for line in lines.iter().take(room) {
        text.push_str(line);
        text.push_str("\x1b[K\r\n");
    }
    let foot = if hidden > 0 {
        format!("… {hidden} more lines; Ctrl-C leaves")
    } else {
        "Ctrl-C leaves".to_owned()
    };
    text.push_str(&fit::line(&foot, columns));
    text.push_str("\x1b[K\x1b[J");
    text
}

fn write(text: &str) -> bool {
    let mut stdout = std::io::stdout().lock();
    stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
        .is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_never_has_more_lines_than_the_screen() {
        let board: String = (1..=30).map(|line| format!("line {line}\n")).collect();
        let shown = frame(&board, (80, 10));
        assert_eq!(shown.matches("\r\n").count(), 9);
        assert!(shown.contains("… 21 more lines; Ctrl-C leaves"));
        assert!(!shown.contains("line 10"));
    }
}
