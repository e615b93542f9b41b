//! Previews: what each seat of an asset would be told by a run of it. Nothing is started.
//!
//! # Layout
//!
//! - [`asked`]: what a path asks for. Pure.
//! - [`shapes`]: what is answered.
//! - [`looking`]: plans the asset and takes the prompts out of the plan.

pub mod asked;
pub mod looking;
pub mod shapes;
