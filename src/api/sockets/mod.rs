//! Live events over WebSockets. A client pulls: it has a place in the feed of events and is given what
//! is behind it as fast as its connection takes it. Nobody waits for anybody, and all share the same
//! bytes.
//!
//! # Layout
//!
//! - [`gate`]: who gets in.
//! - [`open`]: begins to serve a client.
//! - `client`: what is known of it.
//! - `body`: what is sent to it.
//! - `listen`: what it sends.
//! - [`worker`]: wakes the clients of one thread when there is something for them.

mod body;
mod client;
pub mod gate;
mod listen;
pub mod open;
pub mod worker;

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use super::seats::{Seat, Seats};

/// Sockets at once.
pub const MOST: usize = 4_096;
/// A ping this often.
pub const PING: Duration = Duration::from_secs(15);
/// How long a client may take to answer one, and to take what it is sent.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// The longest frame that a client may send, in bytes.
pub const LONGEST: usize = 64 * 1_024;

/// What can be chosen about sockets.
#[derive(Debug, Clone, Copy)]
pub struct SocketOptions {
    /// Sockets at once.
    pub most: usize,
    /// A ping this often.
    pub ping: Duration,
    /// How long a client may take to answer it.
    pub patience: Duration,
}

impl Default for SocketOptions {
    fn default() -> Self {
        Self {
            most: MOST,
            ping: PING,
            patience: PATIENCE,
        }
    }
}

/// The sockets of a process.
#[derive(Debug)]
pub struct Sockets {
    /// What was chosen.
    pub options: SocketOptions,
    seats: Seats,
    /// How often a client fell behind what the memory holds.
    pub lagged: AtomicU64,
    /// How many clients were sent away because they did not answer.
    pub evicted: AtomicU64,
}

impl Default for Sockets {
    fn default() -> Self {
        Self::new(SocketOptions::default())
    }
}

impl Sockets {
    /// Without clients.
    #[must_use]
    pub fn new(options: SocketOptions) -> Self {
        Self {
            options,
            seats: Seats::new(options.most),
            lagged: AtomicU64::new(0),
            evicted: AtomicU64::new(0),
        }
    }

    /// How many are open.
    #[must_use]
    pub fn open(&self) -> usize {
        self.seats.taken()
    }

    /// A seat for one more; `None` when all are taken.
    #[must_use]
    pub fn seat(&self) -> Option<Seat> {
        self.seats.seat()
    }
}
