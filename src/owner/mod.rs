//! One process owns a data folder; every other one attaches to it over a Unix socket.
//!
//! # Layout
//!
//! - [`folder`]: where things are below the data folder.
//! - [`lock`]: who owns it.
//! - [`socket`]: where the owner listens.
//! - [`ports`]: what the owner needs: an engine that runs plans, a planner, the records.
//! - [`planner`], [`records`]: the last two over assets and journal.
//! - [`builds`]: which build and which run a wish means; pure.
//! - [`service`]: what can be asked of an owner; used by the routes and by the owner's own command.
//! - [`hub`]: the events of the last while, and those to come.
//! - [`wire`]: what goes over the socket.
//! - [`client`]: a command's end of it; the other end is [`crate::api`].
//! - [`host`]: an owner, in this process or in another one; how a command finds it.
//! - [`board`]: which runs tell how rocks and epics stand.
//! - [`boot`]: brings an owner up and takes it down.
//! - [`surroundings`]: what an owner was born with, and a command too.
//! - [`signals`]: SIGINT, SIGTERM, SIGHUP.

pub mod board;
pub mod boot;
pub mod builds;
pub mod client;
pub mod folder;
pub mod host;
pub mod hub;
pub mod lock;
pub mod planner;
pub mod ports;
pub mod records;
pub mod service;
pub mod signals;
pub mod socket;
pub mod surroundings;
pub mod wire;
