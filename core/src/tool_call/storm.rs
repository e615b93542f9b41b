//! A hundred thousand replies of every make, twice: of pieces that scanners trip over, and of any text.

use proptest::prelude::*;

use super::*;

/// Pieces that scanners trip over.
const PIECES: [&str; 28] = [
    "{",
    "}",
    "[",
    "]",
    "\"",
    "\\",
    "\\u00",
    "\n",
    "```",
    "```json\n",
    "<think>",
    "</think>",
    "<thinking>",
    "JSON.stringify(",
    ")",
    "{\"tool\":\"x\",\"args\":{}}",
    "{\"tool\":\"write_file\",",
    "\"args\":{\"path\":\"a\"",
    "{\"tool_calls\":[",
    "{\"calls\":[",
    "\"arguments\":\"{\\\"a\\\":1}\"",
    "TOOL: write_file\npath: a\ncontent:\n",
    "[write_file]",
    "{\"rationale\":\"x\"",
    "\u{0}",
    "ä",
    "\u{fffd}",
    ",",
];

fn storm(places: &[u8], noise: &str) -> String {
    let mut text = String::new();
    for place in places {
        let piece = usize::from(*place) % (PIECES.len() + 1);
        text.push_str(PIECES.get(piece).copied().unwrap_or(noise));
    }
    text
}

/// Any characters, many of those that mean something among them.
fn noise() -> impl Strategy<Value = String> {
    let marks: Vec<char> = "{}[]()\"'`\\/:,<>\n\r\t\u{0}\u{feff}\u{2028}u0d8ften"
        .chars()
        .collect();
    let one = prop_oneof![prop::sample::select(marks), any::<char>()];
    prop::collection::vec(one, 0..12).prop_map(|chars| chars.into_iter().collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// What is read is stable: the calls written out and read again are the same calls.
    #[test]
    fn any_reply_is_read_and_its_calls_come_back(
        places in prop::collection::vec(any::<u8>(), 0..32),
        noise in noise(),
    ) {
        let text = storm(&places, &noise);
        let parsed = parse(&text);
        let _ = (guard_payload(&text), strip_reasoning(&text));
        if !parsed.calls.is_empty() {
            prop_assert_eq!(parse(&render(&parsed.calls)).calls, parsed.calls);
        }
    }
    /// The same of any text, whole and cut, round a call that must be found where nothing hides it.
    #[test]
    fn any_text_is_read_without_a_panic(before in noise(), after in noise(), cut in any::<u8>()) {
        let call = r#"{"tool":"x","args":{"a":"\u00e4\\"}}"#;
        for text in [before.clone() + &after, before + call + &after] {
            let cut = text.floor_char_boundary(usize::from(cut) % (text.len() + 1));
            for text in [text.as_str(), &text[..cut]] {
                let parsed = parse(text);
                let _ = (guard_payload(text), strip_reasoning(text));
                if !parsed.calls.is_empty() {
                    prop_assert_eq!(parse(&render(&parsed.calls)).calls, parsed.calls);
                }
            }
        }
    }
}
