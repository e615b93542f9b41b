//! One line of text for each thing that happened:
//! `[LEVEL] [STAGE:s] [CODE:c] [LOC:/p] text | k=v …`, keys sorted, newlines escaped.

use std::collections::BTreeMap;
use std::fmt;

use super::result::Issue;
use super::words::{Code, Stage};

/// How much an event matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// It only tells.
    Info,
    /// Something asked for was not heeded.
    Warn,
    /// It made the turn, or the report, fail.
    Fail,
}

impl Level {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Fail => "FAIL",
        }
    }
}

/// See the file's head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// How much it matters.
    pub level: Level,
    stage: Stage,
    code: Code,
    location: String,
    text: String,
    details: BTreeMap<String, String>,
}

impl Event {
    /// One that only tells.
    pub fn info(
        stage: Stage,
        code: Code,
        location: impl Into<String>,
        text: impl Into<String>,
    ) -> Self {
        Self {
            level: Level::Info,
            stage,
            code,
            location: location.into(),
            text: text.into(),
            details: BTreeMap::new(),
        }
    }

    /// One that warns.
    pub fn warn(
        stage: Stage,
        code: Code,
        location: impl Into<String>,
        text: impl Into<String>,
    ) -> Self {
        Self {
            level: Level::Warn,
            ..Self::info(stage, code, location, text)
        }
    }

    /// With a detail.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl fmt::Display) -> Self {
        self.details.insert(key.to_owned(), value.to_string());
        self
    }
}

impl From<&Issue> for Event {
    fn from(issue: &Issue) -> Self {
        Self {
            level: Level::Fail,
            stage: issue.stage,
            code: issue.code,
            location: issue.location.clone(),
            text: issue.message.clone(),
            details: issue
                .details
                .iter()
                .map(|(key, value)| {
                    let value = value
                        .as_str()
                        .map_or_else(|| value.to_string(), str::to_owned);
                    (key.clone(), value)
                })
                .collect(),
        }
    }
}

fn on_one_line(text: &str) -> String {
    text.replace('\n', "\\n").replace('\r', "\\r")
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "[{}] [STAGE:{}] [CODE:{}] [LOC:{}] {} |",
            self.level.as_str(),
            self.stage,
            self.code,
            on_one_line(&self.location),
            on_one_line(&self.text),
        )?;
        for (key, value) in &self.details {
            write!(f, " {}={}", on_one_line(key), on_one_line(value))?;
        }
        Ok(())
    }
}

/// The code in the text of an event; `None` when it has none.
#[must_use]
pub fn code_of(event: &str) -> Option<&str> {
    let (_, rest) = event.split_once("[CODE:")?;
    let (code, _) = rest.split_once(']')?;
    (!code.is_empty()).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line_with_sorted_details() {
        let event = Event::info(Stage::Lsi, Code::IRefVisible, "/links/a\nb", "two\r\nlines");
        assert_eq!(
            event.to_string(),
            "[INFO] [STAGE:lsi] [CODE:I_REF_VISIBLE] [LOC:/links/a\\nb] two\\r\\nlines |"
        );
        let event = event.with("z", 1).with("a", "x\ny");
        assert_eq!(
            event.to_string(),
            "[INFO] [STAGE:lsi] [CODE:I_REF_VISIBLE] [LOC:/links/a\\nb] two\\r\\nlines | a=x\\ny z=1"
        );
        assert_eq!(code_of(&event.to_string()), Some("I_REF_VISIBLE"));
        assert_eq!(code_of("[CODE:]"), None);
        assert_eq!(code_of("no code"), None);
        assert_eq!(code_of("[CODE:cut"), None);
    }
}
