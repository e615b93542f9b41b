//! Load scenarios for Orket; everything is in the library, so that tests reach it.

use std::process::ExitCode;

fn main() -> ExitCode {
    orket_load::cli::enter()
}
