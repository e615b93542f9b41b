//! What a panic says: one line of diagnostics with code, thread and place. The supervision tree
//! deals with it; a bare backtrace in the middle of an operator's screen helps nobody.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::PanicHookInfo;

/// Has panics of this process told through `tracing`, or plainly before it is set up.
pub fn install() {
    std::panic::set_hook(Box::new(tell));
}

fn tell(info: &PanicHookInfo<'_>) {
    let message = info.payload_as_str().unwrap_or("no message");
    let current = std::thread::current();
    let thread = current.name().unwrap_or("unnamed");
    let place = info
        .location()
        .map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
    if tracing::dispatcher::has_been_set() {
        tracing::error!(code = "E_ACTOR_PANIC", thread, place, "panic: {message}");
    } else {
        super::out::warn(&format!(
            "error[E_ACTOR_PANIC]: panic in thread {thread} at {place}: {message}"
        ));
    }
    // Only with RUST_BACKTRACE.
    let backtrace = Backtrace::capture();
    if backtrace.status() == BacktraceStatus::Captured {
        super::out::warn(&backtrace.to_string());
    }
}
