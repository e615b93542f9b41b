//! The receiver over real sockets, with a fake Gitea on a real socket behind it.

mod conformance;
mod flows;
mod hostile;
mod http;
mod payloads;
mod rig;
