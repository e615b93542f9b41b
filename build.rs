//! Embedded files: a new one must be seen by the build.

fn main() {
    println!("cargo:rerun-if-changed=model");
    println!("cargo:rerun-if-changed=migrations");
}
