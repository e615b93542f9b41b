//! The passwords of a sandbox: made here, told to nobody but its containers.

use std::fmt;
use std::mem::MaybeUninit;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustix::rand::{GetRandomFlags, getrandom};
use serde::{Deserialize, Serialize};

/// Bytes of a secret, before they become text.
const BYTES: usize = 32;
/// What stands in place of a secret.
pub(crate) const MASK: &str = "***";
/// The longest text of a secret.
pub(crate) const LONGEST: usize = BYTES.div_ceil(3) * 4;

/// One secret. It is shown to nobody.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Secret(String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl Secret {
    /// A new one: 32 random bytes in URL-safe base64, with a letter of both cases and a digit in it, as
    /// SQL Server wants.
    ///
    /// # Errors
    ///
    /// When the kernel gives no random bytes.
    pub(crate) fn new() -> std::io::Result<Self> {
        loop {
            let text = URL_SAFE_NO_PAD.encode(random()?);
            let has = |is: fn(&char) -> bool| text.chars().any(|c| is(&c));
            if has(char::is_ascii_uppercase)
                && has(char::is_ascii_lowercase)
                && has(char::is_ascii_digit)
            {
                return Ok(Self(text));
            }
        }
    }

    /// For the files that containers are made from, and for masking; nowhere else.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

fn random() -> std::io::Result<[u8; BYTES]> {
    let mut bytes = [0_u8; BYTES];
    let mut filled = 0;
    while filled < BYTES {
        let mut rest = [MaybeUninit::<u8>::uninit(); BYTES];
        let (new, _) = getrandom(&mut rest, GetRandomFlags::empty())?;
        for (to, from) in bytes.iter_mut().skip(filled).zip(new.iter()) {
            *to = *from;
            filled += 1;
        }
    }
    Ok(bytes)
}

/// The secrets of one sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Secrets {
    /// The database's.
    pub(crate) database: Secret,
    /// That of the database's web page.
    pub(crate) admin: Secret,
}

impl Secrets {
    /// New ones.
    ///
    /// # Errors
    ///
    /// When the kernel gives no random bytes.
    pub(crate) fn new() -> std::io::Result<Self> {
        Ok(Self {
            database: Secret::new()?,
            admin: Secret::new()?,
        })
    }

    /// A text without them.
    pub(crate) fn mask(&self, text: &str) -> String {
        text.replace(self.database.reveal(), MASK)
            .replace(self.admin.reveal(), MASK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_long_random_and_never_shown() {
        let (one, other) = (Secrets::new().unwrap(), Secrets::new().unwrap());
        assert_ne!(one.database, one.admin);
        assert_ne!(one.database, other.database);
        let text = one.database.reveal();
        assert_eq!(URL_SAFE_NO_PAD.decode(text).unwrap().len(), BYTES);
        assert!(text.len() <= LONGEST);
        assert!(!format!("{one:?}").contains(text));
        let line = format!("a={text}&b={}", one.admin.reveal());
        assert_eq!(one.mask(&line), "a=***&b=***");
    }
}
