//! Signatures of deliveries: HMAC-SHA256 (RFC 2104, FIPS 180-4) of the raw body, as Gitea, Forgejo and
//! GitHub send them.

use std::collections::BTreeSet;

use hmac::{Hmac, Mac};
use orket_core::secret::is_placeholder;
use sha2::Sha256;

/// Characters that a secret has at least, and of how many kinds.
const SHORTEST: usize = 16;
const FEWEST: usize = 6;

/// Why there is no secret to check with. Never contains one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// None is set.
    #[error("there is no secret")]
    Missing,
    /// It is one of examples.
    #[error("the secret is a placeholder, which everybody knows")]
    Placeholder,
    /// It is too short.
    #[error("a secret has at least {SHORTEST} characters, of {FEWEST} kinds")]
    Short,
}

/// Why a delivery is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// It is not signed.
    #[error("Missing signature")]
    Missing,
    /// It is not signed with our secret, or not in the form that the host uses.
    #[error("Invalid signature")]
    Invalid,
}

/// The secrets that count: the current one and, while it is being changed, those before it.
#[derive(Clone)]
pub struct Secrets(Vec<Vec<u8>>);

impl std::fmt::Debug for Secrets {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Secrets({})", self.0.len())
    }
}

impl Secrets {
    /// The current secret, and earlier ones separated by commas.
    ///
    /// # Errors
    ///
    /// [`SecretError`].
    pub fn new(current: Option<&str>, previous: Option<&str>) -> Result<Self, SecretError> {
        let current = current
            .filter(|secret| !secret.trim().is_empty())
            .ok_or(SecretError::Missing)?;
        let earlier = previous.into_iter().flat_map(|text| text.split(','));
        let earlier = earlier.map(str::trim).filter(|secret| !secret.is_empty());
        let all: Vec<&str> = std::iter::once(current).chain(earlier).collect();
        for secret in &all {
            if is_placeholder(secret) {
                return Err(SecretError::Placeholder);
            }
            let kinds: BTreeSet<char> = secret.chars().collect();
            if secret.len() < SHORTEST || kinds.len() < FEWEST {
                return Err(SecretError::Short);
            }
        }
        Ok(Self(
            all.into_iter()
                .map(|secret| secret.as_bytes().to_vec())
                .collect(),
        ))
    }

    /// Checks the signature of a body. Every secret is tried however early one fits, and each is compared
    /// in constant time.
    ///
    /// # Errors
    ///
    /// [`Denied`].
    pub fn check(&self, presented: Presented<'_>, body: &[u8]) -> Result<(), Denied> {
        let (text, is_prefixed) = match presented {
            Presented {
                own: Some(text), ..
            } => (text, false),
            Presented {
                hub: Some(text), ..
            } => (text, true),
            Presented {
                own: None,
                hub: None,
            } => return Err(Denied::Missing),
        };
        let digits = if is_prefixed {
            text.strip_prefix(b"sha256=").ok_or(Denied::Invalid)?
        } else {
            text
        };
        let given = digest(digits).ok_or(Denied::Invalid)?;
        let mut fits = false;
        for secret in &self.0 {
            let mut mac = Hmac::<Sha256>::new_from_slice(secret).map_err(|_| Denied::Invalid)?;
            mac.update(body);
            fits |= mac.verify_slice(&given).is_ok();
        }
        if fits { Ok(()) } else { Err(Denied::Invalid) }
    }
}

/// The signature of a body as Gitea sends it: HMAC-SHA256 in small hexadecimal digits.
#[must_use]
pub fn sign(secret: &str, body: &[u8]) -> String {
    // A key of any length will do.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
        return String::new();
    };
    mac.update(body);
    hexadecimal(&mac.finalize().into_bytes())
}

/// Bytes as small hexadecimal digits.
#[must_use]
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
            // Writing into a text does not fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// What a delivery presents as its signature; empty headers are none.
#[derive(Debug, Clone, Copy, Default)]
pub struct Presented<'a> {
    own: Option<&'a [u8]>,
    hub: Option<&'a [u8]>,
}

impl<'a> Presented<'a> {
    /// `own`: `X-Gitea-Signature`, or else `X-Forgejo-Signature`; `hub`: `X-Hub-Signature-256`, which
    /// counts where the others are missing.
    #[must_use]
    pub fn new(own: Option<&'a [u8]>, hub: Option<&'a [u8]>) -> Self {
        let given = |text: Option<&'a [u8]>| text.filter(|text| !text.is_empty());
        Self {
            own: given(own),
            hub: given(hub),
        }
    }
}

impl Presented<'_> {
    /// Whether it has the form of a signature: such a one is worth a look.
    #[must_use]
    pub fn is_whole(self) -> bool {
        match (self.own, self.hub) {
            (Some(own), _) => digest(own).is_some(),
            (None, Some(hub)) => hub.strip_prefix(b"sha256=").and_then(digest).is_some(),
            (None, None) => false,
        }
    }
}

/// 64 small hexadecimal digits.
fn digest(digits: &[u8]) -> Option<[u8; 32]> {
    if digits.len() != 64 {
        return None;
    }
    let value = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let [high, low] = pair else { return None };
        *byte = value(*high)? << 4 | value(*low)?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, test case 2: key `Jefe`, data `what do ya want for nothing?`.
    const DATA: &[u8] = b"what do ya want for nothing?";
    const DIGEST: &str = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";

    fn jefe() -> Secrets {
        Secrets(vec![b"another".to_vec(), b"Jefe".to_vec()])
    }

    fn own(text: &str) -> Presented<'_> {
        Presented::new(Some(text.as_bytes()), None)
    }

    fn hub(text: &str) -> Presented<'_> {
        Presented::new(None, Some(text.as_bytes()))
    }

    #[test]
    fn the_published_vector_is_met_by_any_of_the_secrets() {
        assert_eq!(jefe().check(own(DIGEST), DATA), Ok(()));
        assert_eq!(sign("Jefe", DATA), DIGEST);
        let prefixed = format!("sha256={DIGEST}");
        assert_eq!(jefe().check(hub(&prefixed), DATA), Ok(()));
        assert_eq!(jefe().check(own(DIGEST), b"else"), Err(Denied::Invalid));
        let other = Secrets(vec![b"jefe".to_vec()]);
        assert_eq!(other.check(own(DIGEST), DATA), Err(Denied::Invalid));
    }

    #[test]
    fn other_forms_are_refused() {
        let prefixed = format!("sha256={DIGEST}");
        for presented in [
            own(&prefixed),
            own(&DIGEST.to_uppercase()),
            own(&DIGEST[1..]),
            own("é"),
            hub(DIGEST),
        ] {
            assert_eq!(jefe().check(presented, DATA), Err(Denied::Invalid));
        }
        assert_eq!(jefe().check(own(""), DATA), Err(Denied::Missing));
        // A wrong one is not rescued by a right one of the other kind.
        let both = Presented::new(Some(b"00"), Some(prefixed.as_bytes()));
        assert_eq!(jefe().check(both, DATA), Err(Denied::Invalid));
    }

    #[test]
    fn a_secret_that_everybody_knows_is_none() {
        let refused = |current, previous| Secrets::new(current, previous).unwrap_err();
        assert_eq!(refused(None, None), SecretError::Missing);
        assert_eq!(refused(Some("  "), None), SecretError::Missing);
        assert_eq!(refused(Some("ChangeMe"), None), SecretError::Placeholder);
        for known in [
            "your-webhook-secret",
            "YOUR_WEBHOOK_SECRET",
            "<a long random one>",
        ] {
            assert_eq!(refused(Some(known), None), SecretError::Placeholder);
        }
        for weak in ["short", "fifteen-letters", "aaaaaaaaaaaaaaaaaaaaaaaa"] {
            assert_eq!(refused(Some(weak), None), SecretError::Short);
        }
        let long = "long-enough-to-be-one";
        assert_eq!(refused(Some(long), Some("abc")), SecretError::Short);
        let earlier = "one-that-was-before-that, my-example-team-9f8e7d";
        let secrets = Secrets::new(Some(long), Some(earlier)).unwrap();
        assert_eq!(secrets.0.len(), 3);
        assert_eq!(format!("{secrets:?}"), "Secrets(3)");
    }
}
