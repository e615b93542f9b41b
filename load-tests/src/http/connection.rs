//! A connection that is opened when it is needed and given up after a failure.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::answer::{Answer, Head, Progress};
use super::target::Target;
use crate::kind::ErrorKind;

/// See the file's head.
#[derive(Debug)]
pub struct Connection {
    target: Target,
    timeout: Duration,
    stream: Option<TcpStream>,
    buffer: Vec<u8>,
}

impl Connection {
    /// Not open yet. A request that has no whole answer after `timeout` has failed.
    #[must_use]
    pub const fn new(target: Target, timeout: Duration) -> Self {
        Self {
            target,
            timeout,
            stream: None,
            buffer: Vec::new(),
        }
    }

    /// Sends a request and waits for the whole answer. Exactly one kind of error for each failure; never
    /// tried again.
    ///
    /// # Errors
    ///
    /// When no whole answer came; a status of any kind is an answer.
    pub async fn ask(&mut self, request: &[u8]) -> Result<Answer<'_>, ErrorKind> {
        let asked = tokio::time::timeout(self.timeout, self.exchange(request)).await;
        match asked.unwrap_or(Err(ErrorKind::Timeout)) {
            Ok((head, end)) => {
                if !head.stays_open {
                    self.stream = None;
                }
                Ok(head.answer(&mut self.buffer, end))
            }
            Err(kind) => {
                self.stream = None;
                Err(kind)
            }
        }
    }

    async fn exchange(&mut self, request: &[u8]) -> Result<(Head, usize), ErrorKind> {
        if self.stream.as_ref().is_some_and(was_closed) {
            // The server does not keep idle connections for ever; that is no failure of this request.
            self.stream = None;
        }
        let stream = match &mut self.stream {
            Some(stream) => stream,
            none => none.insert(connect(&self.target).await?),
        };
        let of = |error: io::Error| ErrorKind::of(&error);
        stream.write_all(request).await.map_err(of)?;
        self.buffer.clear();
        let mut head = None;
        loop {
            let read = stream.read_buf(&mut self.buffer).await.map_err(of)?;
            if head.is_none() {
                head = Head::parse(&self.buffer)?;
            }
            match head {
                Some(head) if read == 0 && head.ends_with_connection() => {
                    return Ok((head, self.buffer.len()));
                }
                _ if read == 0 => return Err(ErrorKind::Closed),
                Some(head) => {
                    if let Progress::Whole(end) = head.progress(&self.buffer)? {
                        return Ok((head, end));
                    }
                }
                None => {}
            }
        }
    }
}

async fn connect(target: &Target) -> Result<TcpStream, ErrorKind> {
    let stream = TcpStream::connect(target.address())
        .await
        .map_err(|_| ErrorKind::Connect)?;
    stream.set_nodelay(true).map_err(|_| ErrorKind::Connect)?;
    Ok(stream)
}

/// Whether the other side closed while nothing was asked. What came unasked counts as closed too: whatever
/// it is, it is no answer to the next request.
fn was_closed(stream: &TcpStream) -> bool {
    let mut byte = [0];
    match stream.try_read(&mut byte) {
        Err(error) => error.kind() != io::ErrorKind::WouldBlock,
        Ok(_) => true,
    }
}
