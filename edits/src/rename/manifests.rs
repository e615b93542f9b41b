//! What the files given say of their own names: `package.json`, `Cargo.toml`, `go.mod`, and the items
//! of Rust.

pub(super) fn package_name(text: &str) -> Option<String> {
    let manifest: serde_json::Value = serde_json::from_str(text).ok()?;
    Some(manifest.get("name")?.as_str()?.to_owned())
}

/// The names of the package and its library. A line of a manifest that says `name = "…"` under another
/// heading names a target, which is as much inside.
pub(super) fn crate_names(text: &str) -> impl Iterator<Item = String> + '_ {
    text.lines().filter_map(|line| {
        let (key, value) = line.split_once('=')?;
        let value = value.trim().strip_prefix('"')?.split('"').next()?;
        (key.trim() == "name").then(|| value.replace('-', "_"))
    })
}

/// What follows the words that declare something. A comment may say such a word too: then a name too
/// many is taken to be inside, which the rename would be plain for.
pub(super) fn rust_items(text: &str) -> impl Iterator<Item = &str> {
    const WORDS: [&str; 10] = [
        "struct",
        "enum",
        "trait",
        "fn",
        "type",
        "const",
        "static",
        "mod",
        "union",
        "macro_rules",
    ];
    let words = text.split(|c: char| !unicode_ident::is_xid_continue(c));
    let mut declares = false;
    words.filter(|word| !word.is_empty()).filter(move |word| {
        let is_item = declares && !WORDS.contains(word);
        declares = WORDS.contains(word);
        is_item
    })
}

pub(super) fn go_module(text: &str) -> Option<String> {
    let line = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("module "))?;
    Some(line.split_whitespace().next()?.trim_matches('"').to_owned())
}
