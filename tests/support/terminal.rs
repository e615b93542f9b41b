//! A session at a terminal: a command under a pseudo-terminal of its own, and a screen that shows what
//! a person would see.
#![allow(dead_code, reason = "each test binary uses its own part of it")]

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use pty_process::Size;
use pty_process::blocking::Pty;

/// How long a person waits for anything, where a test says nothing else.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// Ctrl-C, as the keyboard sends it.
pub const CTRL_C: &str = "\u{3}";
/// Ctrl-D.
pub const CTRL_D: &str = "\u{4}";
/// The key of a line's end.
pub const ENTER: &str = "\r";
/// Tab.
pub const TAB: &str = "\t";

/// See the file's head. The command is killed when this is dropped.
pub struct Terminal {
    child: Child,
    pty: std::sync::Arc<Pty>,
    chunks: Receiver<Vec<u8>>,
    screen: vt100::Parser,
    raw: Vec<u8>,
    is_closed: bool,
}

impl Terminal {
    /// Runs a command on a terminal of this size, with the environment that the command sets and no
    /// other. `TERM` is `xterm-256color` unless the command says otherwise.
    pub fn start(mut command: Command, cols: u16, rows: u16) -> Self {
        if !command.get_envs().any(|(name, _)| name == "TERM") {
            command.env("TERM", "xterm-256color");
        }
        let (pty, pts) = pty_process::blocking::open().unwrap();
        pty.resize(Size::new(rows, cols)).unwrap();
        let child = {
            // A `stdin` that was set before would stay; the terminal is all three.
            let mut plain = Command::new(command.get_program());
            plain.args(command.get_args());
            if let Some(folder) = command.get_current_dir() {
                plain.current_dir(folder);
            }
            plain.env_clear();
            for (name, value) in command.get_envs() {
                if let Some(value) = value {
                    plain.env(name, value);
                }
            }
            pty_process::blocking::Command::from(plain)
                .spawn(pts)
                .unwrap()
        };
        let pty = std::sync::Arc::new(pty);
        let (to, chunks) = channel();
        let from = std::sync::Arc::clone(&pty);
        std::thread::spawn(move || {
            let mut buffer = [0; 8_192];
            // The last one to close the other side makes this an error.
            while let Ok(read @ 1..) = (&*from).read(&mut buffer) {
                if to.send(buffer[..read].to_vec()).is_err() {
                    return;
                }
            }
        });
        let size = |number| NonZeroU16::new(number).unwrap();
        Self {
            child,
            pty,
            chunks,
            screen: vt100::Parser::new(size(rows), size(cols), 1_000),
            raw: Vec::new(),
            is_closed: false,
        }
    }

    /// Types, as it is; [`ENTER`] and the like are keys.
    pub fn type_(&mut self, text: &str) {
        (&*self.pty).write_all(text.as_bytes()).unwrap();
    }

    /// Types a line and its end.
    pub fn type_line(&mut self, line: &str) {
        self.type_(line);
        self.type_(ENTER);
    }

    /// What is on the screen: rows without the blanks at their ends, without empty rows at the end.
    pub fn screen(&self) -> String {
        let screen = self.screen.screen();
        let (_, cols) = screen.size();
        let rows: Vec<String> = screen
            .rows(0, cols.get())
            .map(|row| row.trim_end().to_owned())
            .collect();
        rows.join("\n").trim_end().to_owned()
    }

    /// Everything that was written, escape sequences and all.
    pub fn raw(&self) -> String {
        String::from_utf8_lossy(&self.raw).into_owned()
    }

    /// Waits until the screen is as wished; the screen then.
    #[track_caller]
    pub fn wait_for(&mut self, wished: impl Fn(&str) -> bool, deadline: Duration) -> String {
        let until = Instant::now() + deadline;
        loop {
            let screen = self.screen();
            if wished(&screen) {
                return screen;
            }
            let left = until.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero() && !self.is_closed,
                "the screen never was as wished; the last one:\n{screen}"
            );
            self.take(left);
        }
    }

    /// Waits until a text is on the screen; the screen then.
    #[track_caller]
    pub fn wait_for_text(&mut self, text: &str) -> String {
        self.wait_for(|screen| screen.contains(text), PATIENCE)
    }

    /// Sends a signal, by its name without `SIG`, to the command.
    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let status = Command::new("kill")
            .args([&format!("-{name}"), &id])
            .status();
        assert!(status.unwrap().success());
    }

    /// Waits for the command's end and shows what it wrote until then.
    #[track_caller]
    pub fn end(&mut self) -> ExitStatus {
        let until = Instant::now() + PATIENCE;
        while !self.is_closed {
            let left = until.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "it does not end:\n{}", self.screen());
            self.take(left);
        }
        self.child.wait().unwrap()
    }

    fn take(&mut self, wait: Duration) {
        match self.chunks.recv_timeout(wait) {
            Ok(chunk) => {
                self.screen.process(&chunk);
                self.raw.extend(chunk);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => self.is_closed = true,
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
