//! Who may do what: named API keys with scopes, how often each may ask, and how often an address may
//! try a wrong one.
//!
//! A key is kept as its SHA-256 digest, and a presented one is compared with all of them in constant
//! time. Without any key nothing below `/v1` is served, unless that is allowed in so many words.

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota, RateLimiter};
use orket_core::secret::is_placeholder;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// What a key may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Look at things.
    Read,
    /// Start, halt and resume runs, decide gates, grant budgets, archive cards.
    Run,
    /// Settings, files, logs, shutting down.
    Admin,
}

impl Scope {
    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Run => "run",
            Self::Admin => "admin",
        }
    }
}

/// What one key is, as `ORKET_API_KEYS_FILE` says it:
/// `[{"name": "dashboard", "key": "…", "scopes": ["read"], "per_minute": 600}]`, with `key_sha256`
/// (64 hexadecimal digits) where the key itself should not lie about.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyEntry {
    /// Its name, for the log.
    pub name: String,
    /// The key.
    #[serde(default)]
    pub key: Option<String>,
    /// Or its SHA-256.
    #[serde(default)]
    pub key_sha256: Option<String>,
    /// What it is for.
    pub scopes: Vec<Scope>,
    /// Requests a minute; unset: `ORKET_API_RATE_LIMIT`.
    #[serde(default)]
    pub per_minute: Option<u32>,
}

/// A key that was recognised.
#[derive(Debug)]
pub struct Key {
    name: Arc<str>,
    digest: [u8; 32],
    read: bool,
    run: bool,
    admin: bool,
    limit: Option<DefaultDirectRateLimiter>,
}

impl Key {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Whether it may be used for this.
    #[must_use]
    pub fn may(&self, scope: Scope) -> bool {
        match scope {
            Scope::Read => self.read,
            Scope::Run => self.run,
            Scope::Admin => self.admin,
        }
    }

    /// Counts a request; how long to wait when there were too many.
    ///
    /// # Errors
    ///
    /// The time to wait.
    pub fn count(&self) -> Result<(), Duration> {
        match &self.limit {
            None => Ok(()),
            Some(limit) => limit
                .check()
                .map_err(|not_until| not_until.wait_time_from(DefaultClock::default().now())),
        }
    }
}

/// What is wrong with the keys; never contains one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeysError {
    /// The file cannot be read.
    #[error("{0} cannot be read: {1}")]
    File(String, String),
    /// An entry is not what it must be.
    #[error("{0}: {1}")]
    Entry(String, String),
}

/// Why a request has no valid key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denied {
    /// None, or a wrong one.
    Unknown,
    /// This address tried too many wrong ones.
    TooManyTries(Duration),
}

/// See the file's head.
#[derive(Debug)]
pub struct ApiKeys {
    keys: Vec<Arc<Key>>,
    /// Everybody may do everything; only without keys.
    open: Option<Arc<Key>>,
    tries: DefaultKeyedRateLimiter<IpAddr>,
    /// Addresses that tried too many, until when nothing they present is looked at.
    blocked: Mutex<HashMap<IpAddr, Instant>>,
    any_blocked: AtomicBool,
    clock: DefaultClock,
}

/// Wrong keys that an address may try a minute.
const TRIES_PER_MINUTE: NonZeroU32 = NonZeroU32::new(30).expect("is not zero");

/// Names that no key of a file may have: they sign what came through the owner's socket, without a
/// key, or with the single one.
const RESERVED: [&str; 3] = ["socket", "nobody", SINGLE];
/// The name of the single key.
const SINGLE: &str = "ORKET_API_KEY";
/// Characters that a key has at least.
const SHORTEST: usize = 16;

/// Whose tries are counted together: a machine has a whole /64 of IPv6.
fn counted_as(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) if !address.is_loopback() => {
            let network = u128::from(address) & (u128::MAX << 64);
            IpAddr::V6(network.into())
        }
        other => other,
    }
}

fn digest(key: &[u8]) -> [u8; 32] {
    Sha256::digest(key).into()
}

fn per_minute(requests: u32) -> Option<Quota> {
    NonZeroU32::new(requests).map(Quota::per_minute)
}

impl ApiKeys {
    /// The keys of a file and the single key, which may do everything. `allow_none` lets everybody in
    /// when there is no key at all. `default_limit` is requests a minute for keys that say nothing of
    /// their own; 0 for no limit.
    ///
    /// # Errors
    ///
    /// [`KeysError`], naming the entry.
    pub fn new(
        single: Option<&str>,
        entries: Vec<KeyEntry>,
        allow_none: bool,
        default_limit: u32,
    ) -> Result<Self, KeysError> {
        let mut keys: Vec<Arc<Key>> = Vec::new();
        let limit =
            |own: Option<u32>| per_minute(own.unwrap_or(default_limit)).map(RateLimiter::direct);
        for entry in entries {
            let bad =
                |what: &str| KeysError::Entry(format!("key `{}`", entry.name), what.to_owned());
            let is_odd = |letter: char| letter.is_control() || letter == ':';
            if entry.name.trim().is_empty()
                || entry.name.len() > 64
                || entry.name.chars().any(is_odd)
            {
                return Err(bad("its name must have 1 to 64 characters, and no colon"));
            }
            if RESERVED.contains(&entry.name.as_str()) {
                return Err(bad("this name is taken by Orket itself"));
            }
            if keys.iter().any(|known| known.name.as_ref() == entry.name) {
                return Err(bad("there are two of this name"));
            }
            let digest = match (&entry.key, &entry.key_sha256) {
                (Some(key), None) if is_placeholder(key) => {
                    return Err(bad("is a placeholder, which everybody knows"));
                }
                (Some(key), None) if key.len() < SHORTEST => {
                    return Err(bad("a key has at least 16 characters"));
                }
                (Some(key), None) if !key.bytes().all(|byte| byte.is_ascii_graphic()) => {
                    return Err(bad("a key has letters, digits and signs of ASCII only"));
                }
                (Some(key), None) => digest(key.as_bytes()),
                (None, Some(hex)) => {
                    let known = from_hex(hex)
                        .ok_or_else(|| bad("key_sha256 must be 64 hexadecimal digits"))?;
                    if known == digest(b"") {
                        return Err(bad("key_sha256 is the digest of nothing"));
                    }
                    known
                }
                _ => return Err(bad("give one of key and key_sha256")),
            };
            if keys.iter().any(|known| known.digest == digest) {
                return Err(bad("is the key of another entry too"));
            }
            if entry.scopes.is_empty() {
                return Err(bad("scopes must name at least one of read, run, admin"));
            }
            keys.push(Arc::new(Key {
                name: entry.name.as_str().into(),
                digest,
                read: entry.scopes.contains(&Scope::Read),
                run: entry.scopes.contains(&Scope::Run),
                admin: entry.scopes.contains(&Scope::Admin),
                limit: limit(entry.per_minute),
            }));
        }
        let everything = |name: &str, digest: [u8; 32]| {
            Arc::new(Key {
                name: name.into(),
                digest,
                read: true,
                run: true,
                admin: true,
                limit: limit(None),
            })
        };
        if let Some(single) = single.filter(|key| !key.is_empty()) {
            if is_placeholder(single) {
                return Err(KeysError::Entry(
                    "ORKET_API_KEY".to_owned(),
                    "is a placeholder, which everybody knows".to_owned(),
                ));
            }
            keys.push(everything(SINGLE, digest(single.as_bytes())));
        }
        let open = (keys.is_empty() && allow_none).then(|| everything("nobody", [0; 32]));
        Ok(Self {
            keys,
            open,
            tries: RateLimiter::keyed(Quota::per_minute(TRIES_PER_MINUTE)),
            blocked: Mutex::default(),
            any_blocked: AtomicBool::new(false),
            clock: DefaultClock::default(),
        })
    }

    /// The entries of a file.
    ///
    /// # Errors
    ///
    /// [`KeysError::File`].
    pub fn read(path: &Path) -> Result<Vec<KeyEntry>, KeysError> {
        let failed = |error: String| KeysError::File(path.display().to_string(), error);
        let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
        // Where in the text it is wrong, but nothing of the text.
        serde_json::from_str(&text).map_err(|error| {
            failed(format!(
                "not a list of keys (line {}, column {})",
                error.line(),
                error.column()
            ))
        })
    }

    /// Whether there is any key.
    #[must_use]
    pub fn is_configured(&self) -> bool {
        !self.keys.is_empty()
    }

    /// Whether everybody may do everything.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// The key that is meant by what was presented. Wrong ones are counted against `peer`; from one
    /// that tried too many nothing is looked at for a while, except from this machine itself, where
    /// one program could shut all others out.
    ///
    /// # Errors
    ///
    /// [`Denied`].
    pub fn recognise(
        &self,
        presented: Option<&[u8]>,
        peer: Option<IpAddr>,
    ) -> Result<&Arc<Key>, Denied> {
        if let Some(open) = &self.open {
            return Ok(open);
        }
        let presented = presented.filter(|presented| !presented.is_empty());
        let peer = peer.map(counted_as);
        if presented.is_some()
            && let Some(wait) = peer.and_then(|peer| self.blocked(peer))
        {
            return Err(Denied::TooManyTries(wait));
        }
        let found = presented.and_then(|presented| {
            let presented = digest(presented);
            // All of them are looked at, however early one fits.
            let mut found = None;
            for key in &self.keys {
                if bool::from(key.digest.ct_eq(&presented)) {
                    found = Some(key);
                }
            }
            found
        });
        if let Some(key) = found {
            return Ok(key);
        }
        // Nothing presented is nothing tried.
        if presented.is_some()
            && let Some(peer) = peer
            && let Err(not_until) = self.tries.check_key(&peer)
        {
            let wait = not_until.wait_time_from(self.clock.now());
            if !peer.is_loopback() {
                self.lock().insert(peer, Instant::now() + wait);
                self.any_blocked.store(true, Ordering::Release);
            }
            return Err(Denied::TooManyTries(wait));
        }
        Err(Denied::Unknown)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, Instant>> {
        self.blocked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn blocked(&self, peer: IpAddr) -> Option<Duration> {
        if !self.any_blocked.load(Ordering::Acquire) {
            return None;
        }
        let until = self.lock().get(&peer).copied()?;
        let wait = until.saturating_duration_since(Instant::now());
        (!wait.is_zero()).then_some(wait)
    }

    /// Whether the single key is so short that it may be guessed.
    #[must_use]
    pub fn is_short(single: Option<&str>) -> bool {
        single.is_some_and(|key| !key.is_empty() && key.len() < SHORTEST)
    }

    /// Forgets addresses that tried nothing for a while. The server calls it each minute.
    pub fn tidy(&self) {
        self.tries.retain_recent();
        self.tries.shrink_to_fit();
        let (mut blocked, now) = (self.lock(), Instant::now());
        blocked.retain(|_, until| *until > now);
        self.any_blocked
            .store(!blocked.is_empty(), Ordering::Release);
    }
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    let text = text.as_bytes();
    if text.len() != 64 {
        return None;
    }
    let mut bytes = [0_u8; 32];
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        let pair = std::str::from_utf8(pair).ok()?;
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, key: &str, scopes: &[Scope]) -> KeyEntry {
        KeyEntry {
            name: name.to_owned(),
            key: Some(key.to_owned()),
            key_sha256: None,
            scopes: scopes.to_vec(),
            per_minute: None,
        }
    }

    #[test]
    fn without_a_key_nobody_gets_in_unless_that_is_allowed() {
        let none = ApiKeys::new(None, Vec::new(), false, 0).unwrap();
        assert_eq!(none.recognise(None, None).unwrap_err(), Denied::Unknown);
        assert_eq!(
            none.recognise(Some(b""), None).unwrap_err(),
            Denied::Unknown
        );
        let open = ApiKeys::new(None, Vec::new(), true, 0).unwrap();
        assert!(open.recognise(None, None).unwrap().may(Scope::Admin));
        // The permission is void where there is a key.
        let keyed = ApiKeys::new(Some("a key"), Vec::new(), true, 0).unwrap();
        let known = ApiKeys::new(Some("change-me"), Vec::new(), true, 0).unwrap_err();
        assert_eq!(
            known.to_string(),
            "ORKET_API_KEY: is a placeholder, which everybody knows"
        );
        assert_eq!(keyed.recognise(None, None).unwrap_err(), Denied::Unknown);
        assert!(
            keyed
                .recognise(Some(b"a key"), None)
                .unwrap()
                .may(Scope::Admin)
        );
    }

    #[test]
    fn each_key_has_its_own_scopes_and_its_own_limit() {
        let mut slow = entry("slow", "0123456789abcdef", &[Scope::Read]);
        slow.per_minute = Some(2);
        let runner = KeyEntry {
            key: None,
            key_sha256: Some(
                "0f0f5111f7b27a781f1f1ddde5ebc2dd2b796bfc7365c9c28b548e564176929f".to_owned(),
            ),
            ..entry("runner", "", &[Scope::Run])
        };
        let keys = ApiKeys::new(None, vec![slow, runner], false, 0).unwrap();
        let slow = keys.recognise(Some(b"0123456789abcdef"), None).unwrap();
        assert_eq!(
            (
                slow.may(Scope::Read),
                slow.may(Scope::Run),
                slow.may(Scope::Admin)
            ),
            (true, false, false)
        );
        assert!(slow.count().is_ok() && slow.count().is_ok());
        assert!(slow.count().unwrap_err() > Duration::from_secs(1));
        assert!(keys.recognise(Some(b"0123456789abcdeF"), None).is_err());
    }

    #[test]
    fn an_address_may_be_wrong_only_so_often() {
        let keys = ApiKeys::new(Some("right"), Vec::new(), false, 0).unwrap();
        let (one, other) = ("192.0.2.1".parse().ok(), "192.0.2.2".parse().ok());
        for _ in 0..TRIES_PER_MINUTE.get() {
            assert_eq!(
                keys.recognise(Some(b"wrong"), one).unwrap_err(),
                Denied::Unknown
            );
        }
        assert!(matches!(
            keys.recognise(Some(b"wrong"), one),
            Err(Denied::TooManyTries(_))
        ));
        assert_eq!(
            keys.recognise(Some(b"wrong"), other).unwrap_err(),
            Denied::Unknown
        );
        // Even the right one is not looked at then, or guessing would go on.
        assert!(matches!(
            keys.recognise(Some(b"right"), one),
            Err(Denied::TooManyTries(_))
        ));
        assert!(keys.recognise(Some(b"right"), other).is_ok());
        let here = "127.0.0.1".parse().ok();
        for _ in 0..=TRIES_PER_MINUTE.get() {
            assert!(keys.recognise(Some(b"wrong"), here).is_err());
        }
        assert!(keys.recognise(Some(b"right"), here).is_ok());
    }

    #[test]
    fn a_network_of_ipv6_counts_as_one_address_and_old_tries_are_forgotten() {
        let keys = ApiKeys::new(Some("right"), Vec::new(), false, 0).unwrap();
        let at = |low: u32| format!("2001:db8:1:2::{low:x}").parse().ok();
        for low in 0..=TRIES_PER_MINUTE.get() {
            assert!(keys.recognise(Some(b"wrong"), at(low)).is_err());
        }
        assert!(matches!(
            keys.recognise(Some(b"right"), at(77)),
            Err(Denied::TooManyTries(_))
        ));
        let elsewhere = "2001:db8:1:3::1".parse().ok();
        assert!(keys.recognise(Some(b"right"), elsewhere).is_ok());
        assert!(keys.any_blocked.load(Ordering::Acquire));
        for until in keys.lock().values_mut() {
            *until = Instant::now();
        }
        keys.tidy();
        assert!(!keys.any_blocked.load(Ordering::Acquire));
        assert!(keys.recognise(Some(b""), at(1)).is_err());
    }

    #[test]
    fn entries_that_cannot_be_meant_are_refused_without_showing_a_key() {
        let refused = |entries: Vec<KeyEntry>| {
            ApiKeys::new(None, entries, false, 0)
                .unwrap_err()
                .to_string()
        };
        let ok = entry("a", "0123456789abcdef", &[Scope::Read]);
        for wrong in [
            vec![entry("a", "short", &[Scope::Read])],
            vec![entry("a", "0123456789abcdef", &[])],
            vec![ok.clone(), ok.clone()],
            vec![ok.clone(), entry("b", "0123456789abcdef", &[Scope::Run])],
            vec![KeyEntry {
                key_sha256: Some("zz".repeat(32)),
                key: None,
                ..ok.clone()
            }],
            // The digest of nothing: what a shell makes of a variable that is not set.
            vec![KeyEntry {
                key_sha256: Some(
                    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855".to_owned(),
                ),
                key: None,
                ..ok.clone()
            }],
            vec![entry("a", &" ".repeat(16), &[Scope::Read])],
            vec![entry("a", "0123456789abcde\n", &[Scope::Read])],
            vec![entry("a:b", "0123456789abcde-", &[Scope::Read])],
            vec![entry("socket", "0123456789abcde-", &[Scope::Read])],
            vec![entry("ORKET_API_KEY", "0123456789abcde-", &[Scope::Read])],
        ] {
            let words = refused(wrong);
            assert!(
                words.starts_with("key `") && !words.contains("0123456789abcdef"),
                "{words}"
            );
        }
    }
}
