//! The tags between which models think aloud.

/// Names used in angle brackets, in lower case.
const NAMES: [&[u8]; 4] = [b"think", b"thinking", b"reasoning", b"thought"];

/// One tag found in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tag {
    /// It ends a block.
    pub closing: bool,
    /// Its length in bytes.
    pub len: usize,
}

/// The tag that begins at `at`, if one does.
pub(super) fn tag_at(bytes: &[u8], at: usize) -> Option<Tag> {
    let (end, rest) = match bytes.get(at)? {
        b'<' => (b'>', bytes.get(at + 1..)?),
        b'[' => (b']', bytes.get(at + 1..)?),
        _ => return None,
    };
    let (closing, rest) = match rest.strip_prefix(b"/") {
        Some(rest) => (true, rest),
        None => (false, rest),
    };
    let length = rest
        .iter()
        .take(12)
        .take_while(|b| b.is_ascii_alphabetic())
        .count();
    let name = rest.get(..length)?;
    if rest.get(length) != Some(&end) {
        return None;
    }
    let known = match end {
        b'>' => NAMES.iter().any(|known| name.eq_ignore_ascii_case(known)),
        // Mistral's; a lower-case word in brackets is ordinary writing.
        _ => name == b"THINK",
    };
    known.then_some(Tag {
        closing,
        len: length + 2 + usize::from(closing),
    })
}

/// The next tag at or behind `from` and before `to`.
pub(super) fn next_tag(bytes: &[u8], from: usize, to: usize) -> Option<(usize, Tag)> {
    (from..to.min(bytes.len())).find_map(|at| Some((at, tag_at(bytes, at)?)))
}

/// The next closing tag at or behind `from`.
pub(super) fn next_closing(bytes: &[u8], from: usize) -> Option<(usize, Tag)> {
    (from..bytes.len()).find_map(|at| {
        tag_at(bytes, at)
            .filter(|tag| tag.closing)
            .map(|tag| (at, tag))
    })
}
