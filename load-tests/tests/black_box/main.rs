//! The program from outside, pointed at servers on real sockets.

mod bounds;
mod faults;
mod once;
mod reports;
mod sockets;
mod support;
