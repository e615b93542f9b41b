//! Addresses that requests come from: which one it is behind proxies, how often it may be wrong, how much
//! of its bodies is held at once. Asked before a body is read, so that refusing is cheap.
//!
//! Only what is refused counts against an address (too large, unsigned, forged, replayed, unreadable): what
//! is signed never spends anything here, and nothing of what is wrong is left to spend its quota.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use ipnet::IpNet;

/// Bytes of bodies of one address that are held at once.
const MOST_OF_ONE: usize = 8 << 20;
/// Bytes of all bodies that are held at once.
const MOST_OF_ALL: usize = 256 << 20;
/// Bodies of one address that are being read at once.
const MOST_BODIES: usize = 256;
/// Addresses that are remembered before those that nothing depends on any more are dropped.
const MANY: usize = 4_096;

/// An address as it counts: IPv6 by its /64, which one machine has to itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Peer(IpAddr);

impl Peer {
    /// Of an address.
    #[must_use]
    pub fn new(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(six) => {
                let network = six.to_bits() & (u128::MAX << 64);
                IpAddr::V6(Ipv6Addr::from_bits(network))
            }
            four @ IpAddr::V4(_) => four,
        })
    }
}

/// Proxies whose word about addresses is taken.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Of a list of addresses and networks, separated by commas.
    ///
    /// # Errors
    ///
    /// The entry that is neither.
    pub fn read(text: &str) -> Result<Self, String> {
        let entries = text.split(',').map(str::trim).filter(|it| !it.is_empty());
        let read = |entry: &str| {
            let network = entry.parse::<IpNet>().ok();
            let address = || entry.parse::<IpAddr>().ok().map(IpNet::from);
            network.or_else(address).ok_or_else(|| entry.to_owned())
        };
        entries.map(read).collect::<Result<_, _>>().map(Self)
    }

    fn has(&self, address: IpAddr) -> bool {
        self.0.iter().any(|net| net.contains(&address))
    }

    /// Where a request comes from: the connection's address, or, when that is a proxy's, the last address
    /// in `X-Forwarded-For` that is none. `forwarded` are the lines of that header, in order.
    pub fn origin<'a>(
        &self,
        connection: IpAddr,
        forwarded: impl DoubleEndedIterator<Item = &'a str>,
    ) -> IpAddr {
        let connection = connection.to_canonical();
        if !self.has(connection) {
            return connection;
        }
        let mut nearest = connection;
        for entry in forwarded.rev().flat_map(|line| line.rsplit(',')) {
            // What cannot be read was written by somebody who is not to be believed.
            let Ok(address) = entry.trim().parse::<IpAddr>() else {
                break;
            };
            nearest = address.to_canonical();
            if !self.has(nearest) {
                break;
            }
        }
        nearest
    }
}

#[derive(Debug, Default)]
struct State {
    /// Refused until then.
    until: Option<Instant>,
    bytes: usize,
    bodies: usize,
}

/// See the file's head.
pub struct Peers {
    wrong: DefaultKeyedRateLimiter<Peer>,
    known: Mutex<(HashMap<Peer, State>, usize)>,
}

impl Peers {
    /// Each address may be wrong so often a minute, and as often at once.
    #[must_use]
    pub fn new(wrong_per_minute: NonZeroU32) -> Self {
        Self {
            wrong: RateLimiter::keyed(Quota::per_minute(wrong_per_minute)),
            known: Mutex::default(),
        }
    }

    fn known(&self) -> MutexGuard<'_, (HashMap<Peer, State>, usize)> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long this address is refused for; nothing when it is not.
    #[must_use]
    pub fn refused(&self, peer: Peer) -> Option<Duration> {
        let known = self.known();
        let until = known.0.get(&peer)?.until?;
        let left = until.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }

    /// This address was wrong.
    pub fn was_wrong(&self, peer: Peer) {
        let Err(not_until) = self.wrong.check_key(&peer) else {
            return;
        };
        let wait = not_until.wait_time_from(DefaultClock::default().now());
        let now = Instant::now();
        let mut known = self.known();
        if known.0.len() >= MANY {
            let is_of_use =
                |state: &State| state.bodies > 0 || state.until.is_some_and(|until| until > now);
            known.0.retain(|_, state| is_of_use(state));
            drop(known);
            self.wrong.retain_recent();
            known = self.known();
        }
        known.0.entry(peer).or_default().until = Some(now + wait);
    }

    /// Leave to read a body of this address.
    #[must_use]
    pub fn hold(&self, peer: Peer) -> Option<Hold<'_>> {
        let mut known = self.known();
        let state = known.0.entry(peer).or_default();
        if state.bodies >= MOST_BODIES {
            return None;
        }
        state.bodies += 1;
        Some(Hold {
            peers: self,
            peer,
            bytes: 0,
        })
    }
}

/// A body that is being read.
pub struct Hold<'a> {
    peers: &'a Peers,
    peer: Peer,
    bytes: usize,
}

impl Hold<'_> {
    /// So much more of it is about to be held; whether it may be.
    #[must_use]
    pub fn grow(&mut self, more: usize) -> bool {
        let mut known = self.peers.known();
        let (states, all) = &mut *known;
        let state = states.entry(self.peer).or_default();
        if state.bytes + more > MOST_OF_ONE || *all + more > MOST_OF_ALL {
            return false;
        }
        state.bytes += more;
        *all += more;
        self.bytes += more;
        true
    }
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        let mut known = self.peers.known();
        let (states, all) = &mut *known;
        *all = all.saturating_sub(self.bytes);
        if let Some(state) = states.get_mut(&self.peer) {
            state.bytes = state.bytes.saturating_sub(self.bytes);
            state.bodies = state.bodies.saturating_sub(1);
            if state.bodies == 0 && state.until.is_none() {
                states.remove(&self.peer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_forwarded_address_counts_only_from_a_trusted_proxy() {
        let proxies = TrustedProxies::read("10.0.0.0/8, 192.0.2.1, fd00::/8").unwrap();
        let origin = |connection: &str, lines: &[&str]| {
            proxies
                .origin(ip(connection), lines.iter().copied())
                .to_string()
        };
        assert_eq!(origin("198.51.100.7", &["203.0.113.9"]), "198.51.100.7");
        assert_eq!(origin("10.1.2.3", &["203.0.113.9"]), "203.0.113.9");
        assert_eq!(origin("::ffff:10.1.2.3", &["203.0.113.9"]), "203.0.113.9");
        // What the client wrote itself stands further left.
        let lines = ["1.1.1.1, 203.0.113.9", "10.9.9.9"];
        assert_eq!(origin("192.0.2.1", &lines), "203.0.113.9");
        assert_eq!(origin("10.1.2.3", &["203.0.113.9, nonsense"]), "10.1.2.3");
        assert_eq!(origin("10.1.2.3", &[]), "10.1.2.3");
        assert_eq!(
            TrustedProxies::read("10.0.0.1/99").unwrap_err(),
            "10.0.0.1/99"
        );
        assert!(TrustedProxies::read("").unwrap().0.is_empty());
    }

    #[test]
    fn neighbours_in_a_network_of_one_machine_are_one() {
        let peer = |text: &str| Peer::new(ip(text));
        assert_eq!(peer("2001:db8::1"), peer("2001:db8::ffff:1"));
        assert_ne!(peer("2001:db8::1"), peer("2001:db8:0:1::1"));
        assert_eq!(peer("::ffff:192.0.2.1"), peer("192.0.2.1"));
        assert_ne!(peer("192.0.2.1"), peer("192.0.2.2"));
    }

    #[test]
    fn who_was_wrong_too_often_is_refused_and_nobody_else() {
        let peers = Peers::new(NonZeroU32::new(3).unwrap());
        let (bad, good) = (Peer::new(ip("192.0.2.1")), Peer::new(ip("192.0.2.2")));
        for _ in 0..3 {
            peers.was_wrong(bad);
            assert_eq!(peers.refused(bad), None);
        }
        peers.was_wrong(bad);
        let wait = peers.refused(bad).unwrap();
        assert!(wait <= Duration::from_secs(20), "{wait:?}");
        assert_eq!(peers.refused(good), None);
    }

    #[test]
    fn bodies_are_bounded_for_each_address_and_forgotten_afterwards() {
        let peers = Peers::new(NonZeroU32::MIN);
        let (one, other) = (Peer::new(ip("192.0.2.1")), Peer::new(ip("192.0.2.2")));
        let mut holds: Vec<Hold<'_>> = Vec::new();
        for _ in 0..8 {
            let mut hold = peers.hold(one).unwrap();
            assert!(hold.grow(1 << 20));
            holds.push(hold);
        }
        assert!(!peers.hold(one).unwrap().grow(1));
        assert!(peers.hold(other).unwrap().grow(1));
        while holds.len() < MOST_BODIES {
            holds.push(peers.hold(one).unwrap());
        }
        assert!(peers.hold(one).is_none());
        drop(holds);
        let known = peers.known();
        assert!(known.0.is_empty() && known.1 == 0);
    }
}
