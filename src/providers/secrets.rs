//! Keys that must not be shown.

/// Texts to strike out of whatever a server says.
#[derive(Clone, Default)]
pub(super) struct Secrets(Vec<String>);

/// Shorter ones would strike out half the language.
const MIN_LEN: usize = 4;

impl Secrets {
    pub(super) fn new<'a>(secrets: impl IntoIterator<Item = Option<&'a str>>) -> Self {
        let long = secrets.into_iter().flatten().filter(|s| s.len() >= MIN_LEN);
        Self(long.map(str::to_owned).collect())
    }

    /// `text` without the secrets.
    pub(super) fn strike(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| {
            text.replace(secret.as_str(), "***")
        })
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secrets({})", self.0.len())
    }
}
