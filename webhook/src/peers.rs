//! Addresses that requests come from: which one it is behind proxies, how often it may be wrong, how much
//! of its bodies is held at once. Asked before a body is read, so that refusing is cheap.
//!
//! Only what is refused counts against an address (too large, too slow, unsigned, forged): what is signed
//! spends nothing here. An address may be that of many, the code host among them: one that is refused still
//! has looked at what comes with a whole signature, a few bodies at a time.

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
/// Bytes of small bodies of one address, and of all, that are held besides: large ones leave room for them.
const MOST_SMALL: (usize, usize) = (4 << 20, 64 << 20);
/// Bodies of one address that are being read at once.
const MOST_BODIES: usize = 256;
/// The same of an address that is refused, where something else tells for them.
const MOST_DOUBTED: usize = 8;
/// So many wrong requests after each other, and addresses that nothing depends on any more are dropped.
const OFTEN: usize = 4_096;

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
    large: usize,
    small: usize,
    bodies: usize,
    doubted: usize,
}

#[derive(Debug, Default)]
struct Known {
    states: HashMap<Peer, State>,
    large: usize,
    small: usize,
    /// Wrong requests since addresses were dropped.
    wrong: usize,
}

/// What kind of body is about to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// It is announced as a small one.
    pub is_small: bool,
    /// Its address is refused.
    pub is_doubted: bool,
}

/// See the file's head.
pub struct Peers {
    wrong: DefaultKeyedRateLimiter<Peer>,
    known: Mutex<Known>,
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

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long this address is refused for; nothing when it is not.
    #[must_use]
    pub fn refused(&self, peer: Peer) -> Option<Duration> {
        let known = self.known();
        let until = known.states.get(&peer)?.until?;
        let left = until.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }

    /// This address was wrong.
    pub fn was_wrong(&self, peer: Peer) {
        let answer = self.wrong.check_key(&peer);
        let now = Instant::now();
        let mut known = self.known();
        known.wrong += 1;
        let is_time_to_tidy = known.wrong >= OFTEN;
        if is_time_to_tidy {
            known.wrong = 0;
            let is_of_use =
                |state: &State| state.bodies > 0 || state.until.is_some_and(|until| until > now);
            known.states.retain(|_, state| is_of_use(state));
        }
        if let Err(not_until) = answer {
            let wait = not_until.wait_time_from(DefaultClock::default().now());
            known.states.entry(peer).or_default().until = Some(now + wait);
        }
        drop(known);
        if is_time_to_tidy {
            self.wrong.retain_recent();
        }
    }

    /// Leave to read a body of this address.
    #[must_use]
    pub fn hold(&self, peer: Peer, kind: Kind) -> Option<Hold<'_>> {
        let mut known = self.known();
        let state = known.states.entry(peer).or_default();
        if state.bodies >= MOST_BODIES || (kind.is_doubted && state.doubted >= MOST_DOUBTED) {
            return None;
        }
        state.bodies += 1;
        state.doubted += usize::from(kind.is_doubted);
        Some(Hold {
            peers: self,
            peer,
            kind,
            bytes: 0,
        })
    }
}

/// A body that is being read.
pub struct Hold<'a> {
    peers: &'a Peers,
    peer: Peer,
    kind: Kind,
    bytes: usize,
}

impl Hold<'_> {
    /// So much more of it is about to be held; whether it may be.
    #[must_use]
    pub fn grow(&mut self, more: usize) -> bool {
        let mut known = self.peers.known();
        let Known {
            states,
            large,
            small,
            ..
        } = &mut *known;
        let state = states.entry(self.peer).or_default();
        let (own, all, most_of_one, most_of_all) = if self.kind.is_small {
            (&mut state.small, small, MOST_SMALL.0, MOST_SMALL.1)
        } else {
            (&mut state.large, large, MOST_OF_ONE, MOST_OF_ALL)
        };
        if *own + more > most_of_one || *all + more > most_of_all {
            return false;
        }
        *own += more;
        *all += more;
        self.bytes += more;
        true
    }
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        let mut known = self.peers.known();
        let Known {
            states,
            large,
            small,
            ..
        } = &mut *known;
        let all = if self.kind.is_small { small } else { large };
        *all = all.saturating_sub(self.bytes);
        if let Some(state) = states.get_mut(&self.peer) {
            let own = if self.kind.is_small {
                &mut state.small
            } else {
                &mut state.large
            };
            *own = own.saturating_sub(self.bytes);
            state.bodies = state.bodies.saturating_sub(1);
            let doubted = usize::from(self.kind.is_doubted);
            state.doubted = state.doubted.saturating_sub(doubted);
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

    const LARGE: Kind = Kind {
        is_small: false,
        is_doubted: false,
    };

    #[test]
    fn bodies_are_bounded_for_each_address_and_forgotten_afterwards() {
        let peers = Peers::new(NonZeroU32::MIN);
        let (one, other) = (Peer::new(ip("192.0.2.1")), Peer::new(ip("192.0.2.2")));
        let mut holds: Vec<Hold<'_>> = Vec::new();
        for _ in 0..8 {
            let mut hold = peers.hold(one, LARGE).unwrap();
            assert!(hold.grow(1 << 20));
            holds.push(hold);
        }
        assert!(!peers.hold(one, LARGE).unwrap().grow(1));
        assert!(peers.hold(other, LARGE).unwrap().grow(1));
        // Large ones that never end leave room for small ones.
        let small = Kind {
            is_small: true,
            is_doubted: false,
        };
        assert!(peers.hold(one, small).unwrap().grow(1 << 16));
        let doubted = Kind {
            is_small: true,
            is_doubted: true,
        };
        let few: Vec<Hold<'_>> = (0..MOST_DOUBTED)
            .map(|_| peers.hold(one, doubted).unwrap())
            .collect();
        assert!(peers.hold(one, doubted).is_none());
        assert!(peers.hold(other, doubted).is_some());
        drop(few);
        while holds.len() < MOST_BODIES {
            holds.push(peers.hold(one, LARGE).unwrap());
        }
        assert!(peers.hold(one, LARGE).is_none());
        drop(holds);
        let known = peers.known();
        assert!(known.states.is_empty() && known.large == 0 && known.small == 0);
    }

    #[test]
    fn addresses_that_were_wrong_once_are_forgotten() {
        let peers = Peers::new(NonZeroU32::new(60_000_000).unwrap());
        for number in 0..3 * u32::try_from(OFTEN).unwrap() {
            peers.was_wrong(Peer::new(IpAddr::V4(number.into())));
        }
        assert!(peers.wrong.len() <= 2 * OFTEN, "{}", peers.wrong.len());
    }
}
