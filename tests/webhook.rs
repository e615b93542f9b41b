//! `orket webhook` and `orket serve --with-webhook` as processes: what they need, what they survive, what
//! operators see.

#[path = "webhook/crash.rs"]
mod crash;
#[path = "webhook/deploy.rs"]
mod deploy;
#[path = "webhook/house.rs"]
mod house;
#[path = "webhook/operators.rs"]
mod operators;
