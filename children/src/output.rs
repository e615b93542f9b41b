//! What a child writes, kept up to a bound.

use std::sync::{Arc, Mutex, PoisonError};

use orket_actors::port::tool::Beat;
use tokio::net::unix::pipe::{Receiver, Sender};

/// How much of the end is kept when the whole is too much.
const TAIL: usize = 4 * 1024;
/// How much is read at once. On the stack, and only between two waits, so that an idle child costs
/// no buffer.
const CHUNK: usize = 16 * 1024;

/// One stream's bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Captured {
    head: Vec<u8>,
    tail: Vec<u8>,
    total: u64,
}

impl Captured {
    /// Adds bytes: those past `most` are only kept while they are the last.
    fn add(&mut self, bytes: &[u8], most: usize) {
        self.total = self
            .total
            .saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        let room = most.saturating_sub(self.head.len()).min(bytes.len());
        let (kept, past) = bytes.split_at(room);
        self.head.extend_from_slice(kept);
        self.tail.extend_from_slice(past);
        if self.tail.len() > 4 * TAIL {
            let surplus = self.tail.len() - TAIL;
            self.tail.drain(..surplus);
        }
    }

    /// Whether some of it was thrown away.
    #[must_use]
    pub const fn is_truncated(&self) -> bool {
        !self.tail.is_empty()
    }

    /// How much was written.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// The beginning, as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.head).into_owned()
    }

    /// The last `most` characters, white space at the end aside.
    #[must_use]
    pub fn last(&self, most: usize) -> String {
        let end = self.head.len().saturating_sub(TAIL);
        let mut bytes = self.head.get(end..).unwrap_or_default().to_vec();
        bytes.extend_from_slice(&self.tail);
        let text = String::from_utf8_lossy(&bytes);
        let text = text.trim_end();
        let skipped = text.chars().count().saturating_sub(most);
        text.chars().skip(skipped).collect()
    }
}

/// A stream that is being read.
#[derive(Debug, Clone, Default)]
pub struct Capture(Arc<Mutex<Captured>>);

impl Capture {
    /// Reads until the last writer is gone, beating at every chunk.
    pub async fn drain(self, pipe: Receiver, most: usize, beat: Beat) {
        while pipe.readable().await.is_ok() {
            let mut chunk = [0_u8; CHUNK];
            match pipe.try_read(&mut chunk) {
                Ok(0) => return,
                Ok(length) => {
                    beat();
                    let mut captured = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                    captured.add(chunk.get(..length).unwrap_or_default(), most);
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_broken) => return,
            }
        }
    }

    /// Takes what was read so far.
    #[must_use]
    pub fn take(&self) -> Captured {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Writes all of `bytes` and closes the pipe; a child that does not read is no error.
pub async fn feed(pipe: Sender, bytes: Vec<u8>) {
    let mut rest = bytes.as_slice();
    while !rest.is_empty() && pipe.writable().await.is_ok() {
        match pipe.try_write(rest) {
            Ok(written) => rest = rest.get(written..).unwrap_or_default(),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_nobody_reads) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_and_the_end_of_a_flood_are_kept() {
        let mut captured = Captured::default();
        for number in 0..100_000 {
            captured.add(format!("{number}\n").as_bytes(), 1_000);
        }
        assert!(captured.is_truncated());
        assert!(captured.text().starts_with("0\n1\n2\n"));
        assert_eq!(captured.text().len(), 1_000);
        assert_eq!(captured.last(11), "99998\n99999");
        assert_eq!(captured.total(), 588_890);
    }

    #[test]
    fn a_little_is_kept_whole() {
        let mut captured = Captured::default();
        captured.add(b"one\ntwo\n", 8);
        assert!(!captured.is_truncated());
        assert_eq!(
            (captured.text().as_str(), captured.last(3).as_str()),
            ("one\ntwo\n", "two")
        );
    }
}
