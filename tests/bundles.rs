//! Bundles and prompts, through the binary: every code, for people and as JSON.

#[path = "bundles/house.rs"]
mod house;

#[path = "bundles/codes.rs"]
mod codes;
#[path = "bundles/moves.rs"]
mod moves;
#[path = "bundles/prompts.rs"]
mod prompts;
#[path = "bundles/whole.rs"]
mod whole;
