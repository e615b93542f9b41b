//! Gates and diagnostics, through the binary.

#[path = "gates/doctor.rs"]
mod doctor;
#[path = "gates/failure_modes.rs"]
mod failure_modes;
#[path = "gates/house.rs"]
mod house;
#[path = "gates/installation.rs"]
mod installation;
