//! A client that is cheap and says exactly how an answer failed to come.
//!
//! A client for everyday use tries again and hides what went wrong; a load test needs each request to be one
//! request, with one time and one outcome. HTTP/1.1 without TLS, parsed by `httparse`.

mod answer;
mod connection;
mod target;

pub use answer::Answer;
pub use connection::Connection;
pub use target::Target;

/// A request without a body.
#[must_use]
pub fn get(target: &Target, path: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    head("GET", target, path, headers).into_bytes()
}

/// A request with a body of JSON.
#[must_use]
pub fn post(target: &Target, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let length = body.len().to_string();
    let mut all = vec![
        ("Content-Type", "application/json"),
        ("Content-Length", length.as_str()),
    ];
    all.extend_from_slice(headers);
    let mut bytes = head("POST", target, path, &all).into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

fn head(method: &str, target: &Target, path: &str, headers: &[(&str, &str)]) -> String {
    let mut text = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n", target.host());
    for (name, value) in headers {
        text.push_str(name);
        text.push_str(": ");
        text.push_str(value);
        text.push_str("\r\n");
    }
    text + "\r\n"
}
