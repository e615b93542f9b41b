//! YAML that nothing can be slipped into: every scalar is quoted, and nothing in it is special to docker
//! compose either.

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Yaml {
    /// A text.
    Text(String),
    /// A number or a truth value, as it is written.
    Plain(String),
    /// A list.
    List(Vec<Yaml>),
    /// Fields, in this order. Keys are texts of this program or names that were checked.
    Map(Vec<(String, Yaml)>),
}

impl Yaml {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub(crate) fn plain(value: impl ToString) -> Self {
        Self::Plain(value.to_string())
    }

    pub(crate) fn map<K: Into<String>>(fields: impl IntoIterator<Item = (K, Yaml)>) -> Self {
        Self::Map(
            fields
                .into_iter()
                .map(|(key, it)| (key.into(), it))
                .collect(),
        )
    }

    /// The document.
    pub(crate) fn document(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, 0);
        out
    }

    fn write(&self, out: &mut String, depth: usize) {
        match self {
            Self::Text(text) => {
                out.push_str(&quoted(text));
                out.push('\n');
            }
            Self::Plain(text) => {
                out.push_str(text);
                out.push('\n');
            }
            Self::List(items) => {
                for item in items {
                    indent(out, depth);
                    out.push_str("- ");
                    item.write_behind(out, depth);
                }
            }
            Self::Map(fields) => {
                for (key, value) in fields {
                    indent(out, depth);
                    out.push_str(&quoted(key));
                    out.push_str(": ");
                    value.write_behind(out, depth);
                }
            }
        }
    }

    /// Behind a key or a dash: what has lines of its own begins on the next one.
    fn write_behind(&self, out: &mut String, depth: usize) {
        match self {
            Self::Text(_) | Self::Plain(_) => self.write(out, depth),
            Self::List(items) if items.is_empty() => out.push_str("[]\n"),
            Self::Map(fields) if fields.is_empty() => out.push_str("{}\n"),
            Self::List(_) | Self::Map(_) => {
                out.truncate(out.trim_end_matches(' ').len());
                out.push('\n');
                self.write(out, depth + 1);
            }
        }
    }
}

fn indent(out: &mut String, depth: usize) {
    for _ in 0..depth {
        out.push_str("  ");
    }
}

/// In double quotes (YAML 1.2, 7.3.1), everything but printable ASCII escaped. `$` is doubled: docker
/// compose would put a variable in its place.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            '$' => out.push_str("$$"),
            ' '..='~' => out.push(c),
            _ => {
                let code = u32::from(c);
                out.push_str(&match code {
                    0..=0xff => format!("\\x{code:02x}"),
                    0x100..=0xffff => format!("\\u{code:04x}"),
                    _ => format!("\\U{code:08x}"),
                });
            }
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_document_is_nested_by_indentation() {
        let document = Yaml::map([
            ("a", Yaml::text("x: y\n# $HOME")),
            ("b", Yaml::List(vec![Yaml::text("1"), Yaml::plain(2)])),
            ("c", Yaml::map([("d", Yaml::map::<&str>([]))])),
        ]);
        assert_eq!(
            document.document(),
            "\"a\": \"x: y\\x0a# $$HOME\"\n\"b\":\n  - \"1\"\n  - 2\n\"c\":\n  \"d\": {}\n"
        );
    }

    proptest! {
        /// Whatever the text, it is one line of printable ASCII that ends where it says.
        #[test]
        fn no_text_leaves_its_quotes(text in any::<String>()) {
            let quoted = quoted(&text);
            prop_assert!(quoted.chars().all(|c| (' '..='~').contains(&c)));
            let inner = &quoted[1..quoted.len() - 1];
            let mut escaped = false;
            for c in inner.chars() {
                prop_assert!(escaped || c != '"');
                escaped = !escaped && c == '\\';
            }
            prop_assert!(!escaped);
            prop_assert_eq!(inner.matches('$').count(), 2 * text.matches('$').count());
        }
    }
}
