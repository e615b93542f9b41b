//! Parsing in a process of its own. Grammars bring scanners in C, and what they are given was written
//! by a model: a fault in one of them must cost a file its check, not all runs their process.
//!
//! The process is this program with [`COMMAND`] as its only argument. It reads one [`Question`] as JSON
//! from standard input and writes one [`Parsed`] a line, in the order of the files, so that whoever
//! reads them knows which file it was at when it broke.

use std::io::{self, Read, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use orket_core::turn::SyntaxFinding;
use orket_core::verify::Language;
use serde::{Deserialize, Serialize};

use super::syntax::{self, Unchecked};

/// The argument that makes this program a parser.
pub const COMMAND: &str = "parse-apart";

/// What came of one file.
pub type Parsed = Result<Vec<SyntaxFinding>, Unchecked>;

/// One file to parse.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Asked {
    /// Its path, for the findings.
    pub path: String,
    /// Its language.
    pub language: Language,
    /// Its text.
    pub text: String,
}

/// The files to parse, and how long each may take.
#[derive(Debug, Serialize, Deserialize)]
pub struct Question<'a> {
    /// In milliseconds.
    pub each_ms: u64,
    /// The files.
    pub files: std::borrow::Cow<'a, [Asked]>,
}

/// Parses one file here, in this process.
///
/// # Errors
///
/// [`Unchecked`]: nothing is known about the file then.
pub fn parse(asked: &Asked, deadline: Instant) -> Parsed {
    syntax::check(asked.language, &asked.path, &asked.text, deadline)
}

/// The parser's side. Ends with 1 when the question is none.
#[must_use]
pub fn serve() -> ExitCode {
    match answer(io::stdin().lock(), io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_nobody_asks) => ExitCode::FAILURE,
    }
}

fn answer(mut input: impl Read, mut output: impl Write) -> io::Result<()> {
    let mut text = Vec::new();
    input.read_to_end(&mut text)?;
    let question: Question<'_> = serde_json::from_slice(&text)?;
    drop(text);
    let each = Duration::from_millis(question.each_ms);
    for asked in question.files.iter() {
        let parsed = parse(asked, Instant::now() + each);
        serde_json::to_writer(&mut output, &parsed)?;
        output.write_all(b"\n")?;
        output.flush()?;
    }
    Ok(())
}

/// What a parser wrote before it ended: an answer for each file it got through.
#[must_use]
pub fn answers(stdout: &str) -> Vec<Parsed> {
    stdout
        .split_inclusive('\n')
        .filter(|line| line.ends_with('\n'))
        .map_while(|line| serde_json::from_str(line).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_answered_line_by_line() {
        let asked = |path: &str, text: &str| Asked {
            path: path.to_owned(),
            language: Language::Python,
            text: text.to_owned(),
        };
        let files = [asked("a.py", "x = 1\n"), asked("b.py", "x = (\n")];
        let question = Question {
            each_ms: 10_000,
            files: files.as_slice().into(),
        };
        let mut said = Vec::new();
        answer(&serde_json::to_vec(&question).unwrap()[..], &mut said).unwrap();
        let said = String::from_utf8(said).unwrap();
        let parsed = answers(&said);
        assert_eq!(parsed[0], Ok(Vec::new()));
        assert_eq!(parsed[1].as_ref().unwrap()[0].path, "b.py");
        // One that broke in the middle of a line has not answered for that file.
        assert_eq!(answers(&said[..said.len() - 1]).len(), 1);
        assert_eq!(answers("thread panicked\n"), []);
        assert!(answer(&b"{}"[..], &mut Vec::new()).is_err());
    }
}
