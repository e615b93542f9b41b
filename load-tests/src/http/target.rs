//! Where traffic goes: a checked address. Only loopback, unless the operator says otherwise: a load test
//! that is pointed at somebody else's machine by a slip of the hand is an attack.

use std::net::{SocketAddr, ToSocketAddrs as _};

use crate::error::LoadError;

/// See the file's head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    address: SocketAddr,
    host: String,
}

impl Target {
    /// Of a server that this program started.
    #[must_use]
    pub fn at(address: SocketAddr) -> Self {
        Self {
            address,
            host: address.to_string(),
        }
    }

    /// Of `http://HOST[:PORT]`, or `ws://`; what follows the port is left out.
    ///
    /// # Errors
    ///
    /// When it is no such URL, its host is not known, or one of the host's addresses is not loopback and
    /// `allow_remote` does not say that this is meant.
    pub fn parse(url: &str, allow_remote: bool) -> Result<Self, LoadError> {
        let rest = url
            .strip_prefix("http://")
            .or_else(|| url.strip_prefix("ws://"))
            .ok_or_else(|| {
                LoadError::usage(format!("{url:?} does not begin with http:// or ws://")).hinting(
                    "TLS is not spoken: measure at the port that the server itself listens on",
                )
            })?;
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if host.is_empty() || host.contains('@') {
            return Err(LoadError::usage(format!("{url:?} names no host")));
        }
        let with_port = match host.parse::<SocketAddr>() {
            Ok(address) => address.to_string(),
            Err(_) if has_port(host) => host.to_owned(),
            Err(_) => format!("{host}:80"),
        };
        let addresses: Vec<SocketAddr> = with_port
            .to_socket_addrs()
            .map_err(|error| LoadError::usage(format!("{host} has no address: {error}")))?
            .collect();
        let is_loopback = addresses.iter().all(|address| address.ip().is_loopback());
        if !is_loopback && !allow_remote {
            return Err(LoadError::usage(format!(
                "{host} is another machine, which a load test may harm"
            ))
            .hinting("add --allow-remote if it is yours and meant"));
        }
        let address = addresses
            .first()
            .copied()
            .ok_or_else(|| LoadError::usage(format!("{host} has no address")))?;
        Ok(Self {
            address,
            host: host.to_owned(),
        })
    }

    /// The address.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What the header `Host` says.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// As a URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.host)
    }
}

fn has_port(host: &str) -> bool {
    host.rsplit_once(':')
        .is_some_and(|(_, port)| !port.is_empty() && port.bytes().all(|it| it.is_ascii_digit()))
        && !host.ends_with(']')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_is_taken_unless_said_otherwise() {
        for url in [
            "http://127.0.0.1:8082",
            "http://127.9.9.9:1/x",
            "ws://[::1]:8082/ws/events",
            "http://localhost:8082",
        ] {
            assert!(Target::parse(url, false).is_ok(), "{url}");
        }
        for url in [
            "http://192.0.2.1:8082",
            "http://0.0.0.0:8082",
            "http://10.0.0.1",
            "http://[2001:db8::1]:80",
        ] {
            let refused = Target::parse(url, false).unwrap_err();
            assert_eq!(refused.exit_code(), 2);
            assert!(refused.hint().unwrap().contains("--allow-remote"), "{url}");
            assert!(Target::parse(url, true).is_ok(), "{url}");
        }
        for url in [
            "127.0.0.1:8082",
            "https://127.0.0.1",
            "http://",
            "http://a@127.0.0.1",
        ] {
            assert!(Target::parse(url, true).is_err(), "{url}");
        }
        let target = Target::parse("http://127.0.0.1", false).unwrap();
        assert_eq!(target.address().port(), 80);
    }
}
