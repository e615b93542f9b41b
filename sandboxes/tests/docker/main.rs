//! Sandboxes over a docker that is a shell script: real processes, real files, no containers.

mod house;

mod life;
mod ours;
mod recovery;
mod secrets;
mod trouble;
