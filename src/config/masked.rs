//! Values as they may be shown.

/// A secret as it may be shown: that it is there, nothing of it.
#[must_use]
pub fn secret(_secret: &str) -> String {
    "***".to_owned()
}

/// A text without the user and password that an address in it may have: `http://me:pw@host` becomes
/// `http://***@host`.
#[must_use]
pub fn address(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else {
        return text.to_owned();
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, behind) = rest.split_at(end);
    match authority.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://***@{host}{behind}"),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn an_address_is_shown_without_its_password() {
        for (text, shown) in [
            ("http://me:p@w@host:1/a@b", "http://***@host:1/a@b"),
            ("https://token@host", "https://***@host"),
            ("http://host/a?mail=b@c", "http://host/a?mail=b@c"),
            ("me@host", "me@host"),
            ("", ""),
        ] {
            assert_eq!(address(text), shown);
        }
    }
}
