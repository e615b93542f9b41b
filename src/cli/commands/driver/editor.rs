//! Lines as they are typed at a terminal: editing, history, completion, pastes of several lines. The
//! editor has a thread of its own, because it blocks until a line is there.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc;

use orket_core::asset::Library;
use rustyline::completion::Completer;
use rustyline::config::Configurer as _;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::Validator;
use rustyline::{ColorMode, CompletionType, Config, ExternalPrinter as _, Helper};
use tokio::sync::mpsc as later;

use super::history;
use crate::assets::DiskThenEmbedded;
use crate::cli::context::Context;
use crate::driver::complete::complete;

/// What came of asking for a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Typed {
    /// A line, or several that were pasted.
    Line(String),
    /// Ctrl-C: the line is dropped.
    Cancelled,
    /// Ctrl-D, or the terminal is gone.
    End,
}

/// Says something above the line that is being typed.
pub type Printer = Box<dyn FnMut(String) + Send>;

/// What is asked for.
struct Ask {
    prompt: &'static str,
    /// It may be a command: completed and remembered.
    is_message: bool,
}

/// See the file's head.
pub struct Editor {
    asks: mpsc::Sender<Ask>,
    typed: later::Receiver<Typed>,
}

impl Editor {
    /// An editor, and what prints while somebody types.
    ///
    /// # Errors
    ///
    /// When there is no thread, or the terminal cannot be used.
    pub async fn start(
        context: Arc<Context>,
        department: String,
        history: Option<PathBuf>,
    ) -> std::io::Result<(Self, Option<Printer>)> {
        let (asks, asked) = mpsc::channel();
        let (to, typed) = later::channel(1);
        let (ready, is_ready) = tokio::sync::oneshot::channel();
        std::thread::Builder::new()
            .name("orket-editor".to_owned())
            .spawn(move || {
                let mut editor = match editor(context, department) {
                    Ok(editor) => editor,
                    Err(error) => {
                        let _ = ready.send(Err(std::io::Error::other(error)));
                        return;
                    }
                };
                let printer = editor.create_external_printer().ok();
                let printer = printer.map(|mut printer| -> Printer {
                    Box::new(move |text| {
                        let _ = printer.print(text);
                    })
                });
                if ready.send(Ok(printer)).is_ok() {
                    serve(&mut editor, history, &asked, &to);
                }
            })?;
        let printer = is_ready.await.map_err(std::io::Error::other)??;
        Ok((Self { asks, typed }, printer))
    }

    /// A message.
    pub async fn message(&mut self) -> Typed {
        self.ask("orket> ", true).await
    }

    /// An answer to a question, which is not remembered.
    pub async fn answer(&mut self, prompt: &'static str) -> Typed {
        self.ask(prompt, false).await
    }

    async fn ask(&mut self, prompt: &'static str, is_message: bool) -> Typed {
        if self.asks.send(Ask { prompt, is_message }).is_err() {
            return Typed::End;
        }
        self.typed.recv().await.unwrap_or(Typed::End)
    }
}

type Lines = rustyline::Editor<Words, FileHistory>;

fn editor(context: Arc<Context>, department: String) -> rustyline::Result<Lines> {
    let config = Config::builder()
        .max_history_size(history::MOST_LINES)?
        .history_ignore_dups(true)?
        .history_ignore_space(true)
        .completion_type(CompletionType::List)
        .color_mode(ColorMode::Disabled)
        .bracketed_paste(true)
        .build();
    let mut editor = Lines::with_config(config)?;
    editor.set_auto_add_history(false);
    editor.set_helper(Some(Words {
        context,
        department,
        is_message: true,
    }));
    Ok(editor)
}

fn serve(
    editor: &mut Lines,
    history: Option<PathBuf>,
    asked: &mpsc::Receiver<Ask>,
    to: &later::Sender<Typed>,
) {
    let history = history.filter(|path| history::prepare(path).is_ok());
    if let Some(path) = &history {
        // There is none yet, or it is unreadable; then nothing is remembered.
        let _ = editor.load_history(path);
    }
    while let Ok(ask) = asked.recv() {
        if let Some(words) = editor.helper_mut() {
            words.is_message = ask.is_message;
        }
        let typed = loop {
            match editor.readline(ask.prompt) {
                Ok(line) => break Typed::Line(line),
                Err(ReadlineError::Interrupted) => break Typed::Cancelled,
                // The window has another size now.
                Err(ReadlineError::Signal(_)) => {}
                Err(_) => break Typed::End,
            }
        };
        if let Typed::Line(line) = &typed
            && ask.is_message
            && history::is_kept(line)
        {
            let _ = editor.add_history_entry(line.trim());
            if let Some(path) = &history {
                let _ = editor.append_history(path);
            }
        }
        if to.blocking_send(typed).is_err() {
            return;
        }
    }
}

/// Completion from assets and journal.
struct Words {
    context: Arc<Context>,
    department: String,
    is_message: bool,
}

impl Completer for Words {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        pos: usize,
        _: &rustyline::Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        // What cannot be read offers nothing; the command itself will say why.
        let (Some(line), Ok(records)) = (line.get(..pos), self.context.records()) else {
            return Ok((pos, Vec::new()));
        };
        if !self.is_message {
            return Ok((pos, Vec::new()));
        }
        let assets = DiskThenEmbedded::new(&self.context.cwd);
        let found = complete(
            line,
            &Library::new(&assets),
            &self.department,
            records.as_ref(),
        );
        let mut words = found.words;
        if let [only] = words.as_mut_slice() {
            only.push(' ');
        }
        Ok((found.start, words))
    }
}

impl Hinter for Words {
    type Hint = String;
}

impl Highlighter for Words {}

impl Validator for Words {}

impl Helper for Words {}
