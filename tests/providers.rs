//! Model providers against fake servers on real sockets: every way a reply can come, stop or go
//! wrong ends in its events, and in its typed failure.

#[path = "providers/anthropic.rs"]
mod anthropic;
#[path = "providers/constrained.rs"]
mod constrained;
#[path = "providers/every_protocol.rs"]
mod every_protocol;
#[path = "providers/ollama.rs"]
mod ollama;
#[path = "providers/openai.rs"]
mod openai;
#[path = "providers/registry.rs"]
mod registry;
#[path = "providers/scripted.rs"]
mod scripted;
#[path = "providers/server.rs"]
mod server;
#[path = "providers/wire.rs"]
mod wire;
