//! Model providers: how a question reaches a model and how its answer comes back as events.
//!
//! # Layout
//!
//! - [`registry`]: finds the provider of a model name; [`settings`]: addresses and keys.
//! - [`scripted`]: the embedded model that answers by scenario.
//! - `ollama`, `openai`, `anthropic`: one dialect a file: what is sent, how a frame is read.
//! - `http`: what the three share: the connection, its end, the order of events.
//!   `connect` says when the connection stands; `refusal` turns statuses and broken
//!   connections into failures; `reading` turns bytes into events.
//! - `lines`, `sse`, `ndjson`: bytes to frames.
//!
//! Permits, retries and circuit breakers are not here: they belong to whoever asks.

mod anthropic;
mod connect;
mod dialect;
mod http;
mod lines;
mod ndjson;
mod ollama;
mod openai;
mod reading;
mod refusal;
pub mod registry;
pub mod scripted;
mod secrets;
pub mod settings;
mod sse;
mod strict;

pub use registry::{LoadScenario, Providers};
pub use settings::ProviderSettings;
