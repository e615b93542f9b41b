# Everyday commands. `just` alone lists them.

default:
    @just --list

# Format all code.
fmt:
    cargo fmt --all

# What CI refuses.
lint:
    cargo fmt --all -- --check
    cargo clippy --workspace --all-targets -- -D warnings
    @if cargo deny --version >/dev/null 2>&1; then cargo deny check; else echo "cargo deny is not installed: licences and advisories not checked"; fi

# All tests.
test:
    cargo test --workspace

# Kill the real binary at every named point, then at `kills` random instants.
crash kills="200":
    ORKET_CRASH_KILLS={{kills}} cargo test --release -p orket --test crash -- --nocapture

# Durable steps a second, and whole epics.
bench:
    cargo bench -p orket

# The code's own documentation, broken links refused.
docs:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

# The golden epic, from a folder that has nothing.
golden:
    #!/usr/bin/env bash
    set -euo pipefail
    cargo build --release
    binary="${CARGO_TARGET_DIR:-$PWD/target}/release/orket"
    folder="$(mktemp -d)"
    trap 'rm -rf "$folder"' EXIT
    cd "$folder"
    "$binary" --epic golden_flow
