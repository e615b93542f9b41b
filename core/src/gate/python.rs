//! As much of Python as tells which modules a text brings in and which classes it defines: logical
//! lines, with strings and comments left out. A text that is no Python gives lines that mean nothing;
//! that it does not parse is the verifier's to say.

/// The logical lines of a text: brackets and backslashes join lines, a semicolon parts them. Strings
/// are `''`, comments are gone, white space is folded. Indented lines keep one blank in front.
pub(super) fn statements(text: &str) -> Vec<String> {
    let mut reader = Reader::default();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let taken = reader.take(c, rest);
        rest = rest.get(taken.max(c.len_utf8())..).unwrap_or_default();
    }
    reader.end();
    reader.lines
}

#[derive(Default)]
struct Reader {
    lines: Vec<String>,
    line: String,
    depth: usize,
}

impl Reader {
    /// Takes what begins with `c`; gives how many bytes that were.
    fn take(&mut self, c: char, rest: &str) -> usize {
        match c {
            '#' => return rest.find('\n').unwrap_or(rest.len()),
            '\'' | '"' => {
                self.line.push_str("''");
                return string(rest);
            }
            '\\' if rest.starts_with("\\\n") => {
                self.blank();
                return 2;
            }
            '(' | '[' | '{' => {
                self.depth += 1;
                self.line.push(c);
            }
            ')' | ']' | '}' => {
                self.depth = self.depth.saturating_sub(1);
                self.line.push(c);
            }
            '\n' | ';' if self.depth == 0 => self.end(),
            c if c.is_whitespace() => self.blank(),
            c => self.line.push(c),
        }
        c.len_utf8()
    }

    fn blank(&mut self) {
        if !self.line.ends_with(' ') {
            self.line.push(' ');
        }
    }

    fn end(&mut self) {
        let line = std::mem::take(&mut self.line);
        let line = line.trim_end();
        if !line.is_empty() {
            self.lines.push(line.to_owned());
        }
    }
}

/// The length of the string that `rest` begins with, quotes included. One that is never closed ends
/// with its line, or with the text if it has three quotes.
fn string(rest: &str) -> usize {
    let quote = rest.get(..1).unwrap_or_default();
    let triple = quote.repeat(3);
    let is_long = rest.starts_with(&triple);
    let close = if is_long { triple.as_str() } else { quote };
    let mut at = close.len();
    while let Some(left) = rest.get(at..).filter(|it| !it.is_empty()) {
        if left.starts_with(close) {
            return at + close.len();
        }
        let Some(c) = left.chars().next() else { break };
        match c {
            '\n' if !is_long => return at,
            '\\' => {
                let escaped = left.chars().nth(1).map_or(0, char::len_utf8);
                at += 1 + escaped;
            }
            c => at += c.len_utf8(),
        }
    }
    rest.len()
}

/// The modules and names that a statement brings in: `import a.b as c, d` gives `a.b`, `d`;
/// `from .a import b as c` gives `.a`, `b`.
pub(super) fn imports(statement: &str) -> Vec<&str> {
    let statement = statement.trim_start();
    if let Some(list) = statement.strip_prefix("import ") {
        return listed(list).collect();
    }
    let from = statement.strip_prefix("from ");
    match from.and_then(|rest| rest.split_once(" import")) {
        None => Vec::new(),
        Some((module, list)) => listed(module).chain(listed(list)).collect(),
    }
}

fn listed(list: &str) -> impl Iterator<Item = &str> {
    list.split([',', '(', ')']).filter_map(name)
}

/// The dotted name that a text begins with.
fn name(text: &str) -> Option<&str> {
    let text = text.trim_start();
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.'));
    let name = text.get(..end.unwrap_or(text.len()))?;
    (!name.is_empty()).then_some(name)
}

/// The class that a statement at the left margin begins to define.
pub(super) fn class(statement: &str) -> Option<&str> {
    statement.strip_prefix("class ").and_then(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_and_comments_are_left_out_and_lines_joined() {
        let text = "\"\"\"A manager.\nimport managers.order\n\"\"\"\nfrom a import ( # import z\n  b,\n  c as d)\n\
                    x = 'import \\' y'; import e, \\\n  f.g as h\nclass AManager(Base):\n    import later\n";
        let lines = statements(text);
        let found: Vec<&str> = lines.iter().flat_map(|line| imports(line)).collect();
        assert_eq!(found, ["a", "b", "c", "e", "f.g", "later"], "{lines:?}");
        let classes: Vec<&str> = lines.iter().filter_map(|line| class(line)).collect();
        assert_eq!(classes, ["AManager"]);
    }

    #[test]
    fn what_is_no_python_is_read_to_its_end() {
        for text in [
            "'",
            "\"\"\"",
            "((((",
            ")))\nimport a",
            "\\",
            "'\\",
            "\u{feff}é\"ü",
            "f'\\\u{1F600}'",
        ] {
            statements(text);
        }
        assert_eq!(statements(")))\nimport a").len(), 2);
    }
}
