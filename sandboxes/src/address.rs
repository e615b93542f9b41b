//! Addresses without the secrets that may be in them.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::{PartialSchema, ToSchema};

/// The address of a service: a URL, or the connection string of an SQL Server. Made by taking the
/// password out, so that there is none to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address(String);

impl Address {
    /// Of an address that may have a password in it.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(without_password(text))
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self::new(&text))
    }
}

impl PartialSchema for Address {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        String::schema()
    }
}

impl ToSchema for Address {
    fn name() -> std::borrow::Cow<'static, str> {
        "Address".into()
    }
}

fn without_password(text: &str) -> String {
    match text.split_once("://") {
        Some((scheme, rest)) => {
            // The last `@` before the path: a password may have one in it, unescaped.
            let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
            let at = rest
                .rfind('@')
                .filter(|_| rest.get(..end).is_some_and(|it| it.contains('@')));
            let at = at.or_else(|| rest.find('@'));
            let Some((user, place)) =
                at.and_then(|at| Some((rest.get(..at)?, rest.get(at + 1..)?)))
            else {
                return without_parameters(text, &['?', '&']);
            };
            let user = user.split_once(':').map_or(user, |(user, _)| user);
            let address = if user.is_empty() {
                format!("{scheme}://{place}")
            } else {
                format!("{scheme}://{user}@{place}")
            };
            without_parameters(&address, &['?', '&'])
        }
        None => without_parameters(text, &[';']),
    }
}

/// Without the parameters that hold secrets; each begins behind one of the separators, or the text.
fn without_parameters(text: &str, separators: &[char]) -> String {
    let is_secret = |part: &str| {
        let name = part
            .split_once('=')
            .map(|(name, _)| name.trim().to_lowercase());
        name.is_some_and(|name| {
            ["password", "pwd", "pass", "secret", "token", "key"]
                .iter()
                .any(|it| name.contains(it))
        })
    };
    let mut out = String::with_capacity(text.len());
    for part in text.split_inclusive(separators) {
        let bare = part.trim_end_matches(separators);
        if is_secret(bare) {
            // The separator before it is of no use any more.
            if out.ends_with(separators) && bare.len() == part.len() {
                out.pop();
            }
        } else {
            out.push_str(part);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_password_is_gone_and_the_rest_is_left() {
        for (given, shown) in [
            (
                "postgresql://orket:s3cr3t@localhost:5433/app",
                "postgresql://orket@localhost:5433/app",
            ),
            (
                "postgresql://orket:p@ss/w:rd@localhost:5433/app",
                "postgresql://orket@localhost:5433/app",
            ),
            (
                "mongodb://localhost:27018/app",
                "mongodb://localhost:27018/app",
            ),
            ("http://localhost:8001", "http://localhost:8001"),
            ("redis://:s3cr3t@localhost", "redis://localhost"),
            ("mysql://h/db?user=u&password=s3cr3t", "mysql://h/db?user=u"),
            ("mysql://h/db?password=s3cr3t&user=u", "mysql://h/db?user=u"),
            (
                "Server=localhost,1434;Database=app;User Id=sa;Password=s3cr3t;Encrypt=false",
                "Server=localhost,1434;Database=app;User Id=sa;Encrypt=false",
            ),
            ("Server=localhost;Pwd=s3cr3t", "Server=localhost"),
        ] {
            assert_eq!(Address::new(given).as_str(), shown, "{given}");
        }
    }

    proptest! {
        #[test]
        fn no_password_is_shown(password in "[A-Za-z0-9_-]{12,43}") {
            for text in [
                format!("postgresql://orket:{password}@localhost:5433/app"),
                format!("Server=localhost;User Id=sa;Password={password}"),
                format!("mongodb://admin:{password}@localhost/app?authSource=admin"),
            ] {
                prop_assert!(!Address::new(&text).as_str().contains(&password));
            }
        }
    }
}
