//! Command lines as documents have them, and what each is documented to exit with.

/// One command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// For the shell, without its comment.
    pub text: String,
    /// What it must exit with.
    pub exits: i32,
    /// What the comment says it needs, where it does.
    pub needs: Option<String>,
    /// A server: it goes on until it is stopped.
    pub is_server: bool,
}

/// The part of a page below one heading of the second level.
#[derive(Debug)]
pub struct Section {
    pub title: String,
    pub lines: Vec<Line>,
}

impl Line {
    /// Out of one line of a document.
    pub fn parse(text: &str) -> Self {
        let (command, comment) = split_comment(text);
        let exits = comment
            .split_once("exits ")
            .and_then(|(_, rest)| {
                let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
                digits.parse().ok()
            })
            .unwrap_or(0);
        let needs = comment
            .split_once("needs ")
            .map(|(_, rest)| rest.trim().to_owned());
        let command = command.trim();
        let (command, is_server) = match command.strip_suffix(" &") {
            Some(command) => (command, true),
            None => (command, false),
        };
        Self {
            text: command.to_owned(),
            exits,
            needs,
            is_server,
        }
    }
}

/// A comment begins at a `#` behind two blanks or more, outside quotes.
fn split_comment(text: &str) -> (&str, &str) {
    let mut quote = None;
    let bytes = text.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        match (quote, byte) {
            (None, b'\'' | b'"') => quote = Some(*byte),
            (Some(open), byte) if open == *byte => quote = None,
            (None, b'#') if at == 0 || bytes[..at].ends_with(b"  ") => {
                return (&text[..at], &text[at + 1..]);
            }
            _ => {}
        }
    }
    (text, "")
}

/// The lines of the blocks ```` ```sh ```` of a page, by section; lines that go on behind a backslash are one.
pub fn sections(page: &str) -> Vec<Section> {
    let mut sections = vec![Section {
        title: "the beginning".to_owned(),
        lines: Vec::new(),
    }];
    let mut is_block = false;
    let mut begun = String::new();
    for line in page.lines() {
        if let Some(title) = line.strip_prefix("## ").filter(|_| !is_block) {
            sections.push(Section {
                title: title.to_owned(),
                lines: Vec::new(),
            });
        } else if line.starts_with("```") {
            is_block = line == "```sh";
        } else if is_block && let Some(part) = line.strip_suffix('\\') {
            begun.push_str(part);
        } else if is_block && !line.trim().is_empty() {
            let whole = std::mem::take(&mut begun) + line.trim_start();
            let line = Line::parse(&whole);
            if !line.text.is_empty() {
                sections.last_mut().expect("one").lines.push(line);
            }
        }
    }
    sections.retain(|it| !it.lines.is_empty());
    sections
}

/// The lines below `Example:` or `Examples:` of a help text.
pub fn examples(help: &str) -> Vec<Line> {
    let mut lines: Vec<String> = Vec::new();
    let mut is_part = false;
    let mut goes_on = false;
    for line in help.lines() {
        if line.starts_with("Example") && line.trim_end().ends_with(':') {
            is_part = true;
        } else if is_part && line.starts_with("  ") {
            let text = line.trim();
            let (text, more) = match text.strip_suffix('\\') {
                Some(text) => (text, true),
                None => (text, false),
            };
            match lines.last_mut() {
                Some(last) if goes_on => last.push_str(text),
                _ => lines.push(text.to_owned()),
            }
            goes_on = more;
        } else {
            is_part = false;
        }
    }
    lines.iter().map(|line| Line::parse(line)).collect()
}

#[test]
fn lines_are_taken_as_a_reader_takes_them() {
    let page = "## One\n\n```sh\norket a \"x  # y\" \\\n  b   # exits 1: no\n# a word\norket serve &\n```\n\n```json\n{}\n```\n";
    let found = sections(page);
    assert_eq!(found.len(), 1);
    assert_eq!(
        found[0].lines,
        [
            Line {
                text: "orket a \"x  # y\" b".to_owned(),
                exits: 1,
                needs: None,
                is_server: false
            },
            Line {
                text: "orket serve".to_owned(),
                exits: 0,
                needs: None,
                is_server: true
            },
        ]
    );
    let help = "Usage: x\n\nExamples (each):\n  orket a\n  orket b \\\n      c   # needs docker\n\nMore\n  no\n";
    let texts: Vec<_> = examples(help)
        .into_iter()
        .map(|it| (it.text, it.needs))
        .collect();
    assert_eq!(
        texts,
        [
            ("orket a".to_owned(), None),
            ("orket b c".to_owned(), Some("docker".to_owned()))
        ]
    );
}
