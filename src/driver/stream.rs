//! An answer while it is written: what may be shown of it so far. Reasoning is not shown, nor an answer
//! that comes as JSON, which is unwrapped when it is whole.

use std::fmt;
use std::sync::Arc;

use orket_core::tool_call::strip_reasoning;

/// The beginning of an answer that is held back until it is told from JSON, in characters.
const UNDECIDED: usize = 8;

/// Takes the pieces of an answer as they come.
#[derive(Clone)]
pub struct Listener(Arc<dyn Fn(&str) + Send + Sync>);

impl Listener {
    /// One that gives each piece to this.
    pub fn new(take: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Arc::new(take))
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Listener")
    }
}

/// What was shown of an answer so far.
pub(super) struct Stream {
    to: Listener,
    /// What was given to it, in bytes of the visible text.
    given: String,
    is_held: bool,
}

impl Stream {
    /// An answer of which nothing is there yet.
    pub fn new(to: Listener) -> Self {
        Self {
            to,
            given: String::new(),
            is_held: false,
        }
    }

    /// Shows what may be shown of an answer that begins with all of `text`.
    pub fn take(&mut self, text: &str) {
        if self.is_held {
            return;
        }
        // Without a mark no reasoning can begin.
        let stripped = if text.contains(['<', '[']) {
            strip_reasoning(text)
        } else {
            text.into()
        };
        let whole = stripped.trim_start();
        let safe = whole.rfind(['<', '[']).map_or(whole, |at| {
            // The mark may become one of reasoning.
            if whole.len() - at < 16 {
                whole.get(..at).unwrap_or_default()
            } else {
                whole
            }
        });
        let safe = plain(safe);
        if self.given.is_empty() {
            if safe.starts_with(['{', '`', '[']) {
                self.is_held = true;
                return;
            }
            if safe.chars().count() < UNDECIDED {
                return;
            }
        }
        // Blanks at the end may be the end, which is shown without them.
        let shown = safe.trim_end();
        match shown.strip_prefix(&self.given) {
            Some("") => {}
            Some(more) => {
                (self.to.0)(more);
                self.given = shown.to_owned();
            }
            None => self.is_held = !shown.is_empty() && !self.given.starts_with(shown),
        }
    }
}

/// Without what would move a terminal.
#[must_use]
pub fn plain(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control() || matches!(c, '\n' | '\t'))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use proptest::prelude::*;

    use super::*;

    /// What is shown of a text that comes in pieces of this many characters.
    fn shown(text: &str, piece: usize) -> String {
        let heard = Arc::new(Mutex::new(String::new()));
        let to = Arc::clone(&heard);
        let mut stream = Stream::new(Listener::new(move |more| to.lock().unwrap().push_str(more)));
        let chars: Vec<char> = text.chars().collect();
        let mut so_far = String::new();
        for more in chars.chunks(piece) {
            so_far.extend(more);
            stream.take(&so_far);
        }
        let heard = heard.lock().unwrap();
        heard.clone()
    }

    #[test]
    fn reasoning_json_and_control_are_not_shown() {
        for piece in [1, 3, 50] {
            assert_eq!(
                shown(
                    "<think>Hm, let me see.</think>\n\nIt is fine, I think.",
                    piece
                ),
                "It is fine, I think."
            );
            assert_eq!(shown(r#"{"response": "It is fine."}"#, piece), "");
            assert_eq!(shown("```json\n{}\n```", piece), "");
            assert_eq!(
                shown("It is\x1b[2J fine, I think.\n", piece),
                "It is[2J fine, I think."
            );
        }
    }

    proptest! {
        /// What was shown is the beginning of the answer, whatever the pieces are.
        #[test]
        fn what_is_shown_is_a_beginning(text in "(<think>[a-z ]{0,20}</think>)?[a-zA-Z0-9 ,.\n<]{0,60}", piece in 1_usize..9) {
            let last = plain(strip_reasoning(&text).trim());
            let shown = shown(&text, piece);
            prop_assert!(last.starts_with(&shown), "{last:?} {shown:?}");
        }
    }
}
