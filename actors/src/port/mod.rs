//! What the actors need from the world. The edges (`orket`) implement these; tests may too.

pub mod clock;
pub mod event;
pub mod memory;
pub mod model;
pub mod probe;
pub mod queue;
pub mod record;
pub mod store;
pub mod tool;
