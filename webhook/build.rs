//! Embedded migrations: a new one must be seen by the build.

fn main() {
    println!("cargo:rerun-if-changed=../migrations/sqlite/webhook");
    println!("cargo:rerun-if-changed=build.rs");
}
