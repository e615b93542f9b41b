//! A hundred thousand replies of every make, read without a panic.

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

proptest! {
    #![proptest_config(ProptestConfig { cases: 100_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// What is read is stable: the calls written out and read again are the same calls.
    #[test]
    fn any_reply_is_read_and_its_calls_come_back(
        places in prop::collection::vec(any::<u8>(), 0..10),
        noise in "[a-z{}\\\\\"ß]{0,4}",
    ) {
        let text = storm(&places, &noise);
        let parsed = parse(&text);
        let _ = (guard_payload(&text), strip_reasoning(&text));
        if !parsed.calls.is_empty() {
            prop_assert_eq!(parse(&render(&parsed.calls)).calls, parsed.calls);
        }
    }
}
