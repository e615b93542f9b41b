//! Text with placeholders, cut into pieces once so that filling it in is one allocation.

use crate::model::Origin;

use super::ScriptedCall;

/// How a value is put into the text around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Setting {
    /// As it is.
    Plain,
    /// Inside a JSON string.
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    IssueId,
    Role,
    Seat,
    Turn,
    Attempt,
    RunId,
}

const PLACES: [(&str, Place); 6] = [
    ("{{issue_id}}", Place::IssueId),
    ("{{role}}", Place::Role),
    ("{{seat}}", Place::Seat),
    ("{{turn}}", Place::Turn),
    ("{{attempt}}", Place::Attempt),
    ("{{run_id}}", Place::RunId),
];

/// A text whose placeholders are known.
#[derive(Debug)]
pub(super) struct Template {
    setting: Setting,
    /// Text, and the placeholder that follows it; the last has none.
    pieces: Box<[(Box<str>, Option<Place>)]>,
}

impl Template {
    /// Raw text.
    pub(super) fn of_text(text: &str) -> Self {
        Self::cut(text, Setting::Plain)
    }

    /// Calls as a model would write them: `{"tool":…,"args":{…}}`, one a line.
    pub(super) fn of_calls(calls: &[ScriptedCall]) -> Self {
        let lines: Vec<String> = calls
            .iter()
            .map(|call| serde_json::json!({"tool": call.tool, "args": call.args}).to_string())
            .collect();
        Self::cut(&lines.join("\n"), Setting::Json)
    }

    fn cut(text: &str, setting: Setting) -> Self {
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            literal.push_str(before);
            let found = PLACES.iter().find_map(|(word, place)| {
                let rest = after.strip_prefix(word.get(2..)?)?;
                Some((*place, rest))
            });
            match found {
                Some((place, after)) => {
                    pieces.push((std::mem::take(&mut literal).into(), Some(place)));
                    rest = after;
                }
                // One brace only: of `{{{role}}` the second begins the placeholder.
                None => {
                    literal.push('{');
                    rest = rest.get(before.len() + 1..).unwrap_or_default();
                }
            }
        }
        literal.push_str(rest);
        pieces.push((literal.into(), None));
        Self {
            setting,
            pieces: pieces.into(),
        }
    }

    /// The text with every placeholder filled in.
    pub(super) fn fill(&self, origin: &Origin) -> String {
        let size: usize = self.pieces.iter().map(|(text, _)| text.len() + 16).sum();
        let mut out = String::with_capacity(size);
        for (text, place) in &self.pieces {
            out.push_str(text);
            match place {
                None => {}
                Some(Place::IssueId) => self.put(&mut out, &origin.issue_id),
                Some(Place::Role) => self.put(&mut out, &origin.role),
                Some(Place::Seat) => self.put(&mut out, &origin.seat),
                Some(Place::Turn) => self.put(&mut out, &origin.turn.to_string()),
                Some(Place::Attempt) => self.put(&mut out, &origin.attempt.to_string()),
                Some(Place::RunId) => self.put(&mut out, &origin.run_id),
            }
        }
        out
    }

    fn put(&self, out: &mut String, value: &str) {
        match self.setting {
            Setting::Plain => out.push_str(value),
            Setting::Json => {
                let quoted = serde_json::Value::from(value).to_string();
                let inner = quoted
                    .strip_prefix('"')
                    .and_then(|text| text.strip_suffix('"'));
                out.push_str(inner.unwrap_or(value));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin() -> Origin {
        Origin {
            run_id: "R".into(),
            issue_id: "I-1".into(),
            seat: "se\"at".into(),
            role: "coder".into(),
            turn: 2,
            attempt: 3,
            round: 0,
        }
    }

    #[test]
    fn placeholders_are_filled_and_other_braces_kept() {
        let filled = |text: &str| Template::of_text(text).fill(&origin());
        assert_eq!(
            filled("{{issue_id}} {{role}} {{seat}} {{turn}} {{attempt}} {{run_id}}"),
            "I-1 coder se\"at 2 3 R"
        );
        assert_eq!(
            filled("{{{role}}} {{ role }} {{name}} {{ {"),
            "{coder} {{ role }} {{name}} {{ {"
        );
        assert_eq!(filled("ä{{"), "ä{{");
        assert_eq!(filled(""), "");
    }

    #[test]
    fn calls_stay_json_whatever_is_filled_in() {
        let call = ScriptedCall {
            tool: "write_file".into(),
            args: serde_json::from_str(
                r#"{"path":"{{issue_id}}.txt","content":["{{seat}}\n",{"n":1}]}"#,
            )
            .unwrap(),
        };
        let text = Template::of_calls(&[call.clone(), call]).fill(&origin());
        let line =
            r#"{"tool":"write_file","args":{"path":"I-1.txt","content":["se\"at\n",{"n":1}]}}"#;
        assert_eq!(text, format!("{line}\n{line}"));
    }
}
