//! An answer, whole, as it lies in the buffer of its connection.

use crate::kind::ErrorKind;

/// The most of an answer that is read.
const MOST_BYTES: usize = 64 << 20;
const MOST_HEADERS: usize = 64;

/// See the file's head.
#[derive(Debug)]
pub struct Answer<'a> {
    /// Its status.
    pub status: u16,
    head: &'a [u8],
    /// Its body, its chunks put together.
    pub body: &'a [u8],
}

impl<'a> Answer<'a> {
    /// A header, by its name in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&'a str> {
        let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
        let mut parsed = httparse::Response::new(&mut headers);
        parsed.parse(self.head).ok()?;
        let found = parsed
            .headers
            .iter()
            .find(|header| header.name.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(found.value).ok()
    }
}

/// How the length of a body is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    Length(usize),
    Chunked,
    UntilClosed,
}

/// Where an answer stands that is being read.
#[derive(Debug, Clone, Copy)]
pub struct Head {
    status: u16,
    end: usize,
    framing: Framing,
    /// Whether the connection may be used again.
    pub stays_open: bool,
}

/// What is known of the bytes that came so far.
#[derive(Debug, PartialEq, Eq)]
pub enum Progress {
    /// More must come.
    Partial,
    /// The body is whole; the whole answer has so many bytes.
    Whole(usize),
}

impl Head {
    /// Of what came so far; none while it is not whole.
    pub fn parse(bytes: &[u8]) -> Result<Option<Self>, ErrorKind> {
        let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
        let mut parsed = httparse::Response::new(&mut headers);
        let httparse::Status::Complete(end) =
            parsed.parse(bytes).map_err(|_| ErrorKind::Protocol)?
        else {
            return match bytes.len() > 64 << 10 {
                true => Err(ErrorKind::Protocol),
                false => Ok(None),
            };
        };
        let status = parsed.code.ok_or(ErrorKind::Protocol)?;
        let mut stays_open = parsed.version == Some(1);
        let mut framing = match status {
            204 | 304 => Framing::Length(0),
            _ => Framing::UntilClosed,
        };
        for header in parsed.headers.iter() {
            let value = std::str::from_utf8(header.value).unwrap_or_default().trim();
            if header.name.eq_ignore_ascii_case("content-length") {
                let length: usize = value.parse().map_err(|_| ErrorKind::Protocol)?;
                if length > MOST_BYTES {
                    return Err(ErrorKind::Protocol);
                }
                framing = Framing::Length(length);
            } else if header.name.eq_ignore_ascii_case("transfer-encoding")
                && value.eq_ignore_ascii_case("chunked")
            {
                framing = Framing::Chunked;
            } else if header.name.eq_ignore_ascii_case("connection") {
                stays_open = !value.eq_ignore_ascii_case("close");
            }
        }
        Ok(Some(Self {
            status,
            end,
            framing,
            stays_open: stays_open && framing != Framing::UntilClosed,
        }))
    }

    /// Whether the end of the connection ends the body too.
    pub fn ends_with_connection(&self) -> bool {
        self.framing == Framing::UntilClosed
    }

    /// How far the body is; chunks are put together in place, so it is asked only once for each whole body.
    pub fn progress(&self, bytes: &[u8]) -> Result<Progress, ErrorKind> {
        if bytes.len() > MOST_BYTES {
            return Err(ErrorKind::Protocol);
        }
        match self.framing {
            Framing::Length(length) => Ok(match bytes.len() >= self.end + length {
                true => Progress::Whole(self.end + length),
                false => Progress::Partial,
            }),
            Framing::UntilClosed => Ok(Progress::Partial),
            Framing::Chunked => chunks(bytes, self.end).map(|end| match end {
                Some(end) => Progress::Whole(end),
                None => Progress::Partial,
            }),
        }
    }

    /// The answer, whose last byte is the one before `end`.
    pub fn answer<'a>(&self, bytes: &'a mut [u8], end: usize) -> Answer<'a> {
        let length = match self.framing {
            Framing::Length(length) => length,
            Framing::UntilClosed => end.saturating_sub(self.end),
            Framing::Chunked => put_together(bytes, self.end),
        };
        Answer {
            status: self.status,
            head: bytes.get(..self.end).unwrap_or_default(),
            body: bytes.get(self.end..self.end + length).unwrap_or_default(),
        }
    }
}

/// The end of a chunked body that begins at `at`; none while it is not whole.
fn chunks(bytes: &[u8], mut at: usize) -> Result<Option<usize>, ErrorKind> {
    loop {
        let Some((size, data)) = chunk(bytes, at)? else {
            return Ok(None);
        };
        // Behind the data, or behind the last size, a line ends. Trailers are not sent to us.
        let end = data + size + 2;
        if bytes.len() < end {
            return Ok(None);
        }
        if bytes.get(end - 2..end) != Some(b"\r\n") {
            return Err(ErrorKind::Protocol);
        }
        if size == 0 {
            return Ok(Some(end));
        }
        at = end;
    }
}

/// The size of a chunk and where its data begins.
fn chunk(bytes: &[u8], at: usize) -> Result<Option<(usize, usize)>, ErrorKind> {
    let rest = bytes.get(at..).unwrap_or_default();
    match httparse::parse_chunk_size(rest) {
        Ok(httparse::Status::Complete((line, size))) => {
            let size = usize::try_from(size).map_err(|_| ErrorKind::Protocol)?;
            match size > MOST_BYTES {
                true => Err(ErrorKind::Protocol),
                false => Ok(Some((size, at + line))),
            }
        }
        Ok(httparse::Status::Partial) => Ok(None),
        Err(_) => Err(ErrorKind::Protocol),
    }
}

/// Moves the data of all chunks to the front; their length.
fn put_together(bytes: &mut [u8], begin: usize) -> usize {
    let (mut at, mut to) = (begin, begin);
    while let Ok(Some((size, data))) = chunk(bytes, at) {
        if size == 0 {
            break;
        }
        bytes.copy_within(data..data + size, to);
        to += size;
        at = data + size + 2;
    }
    to - begin
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunked_body_is_put_together() {
        let mut bytes =
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nRetry-After: 3\r\n\r\n5\r\nhello\r\n7\r\n, world\r\n0\r\n\r\n"
                .to_vec();
        let whole = bytes.len();
        let head = Head::parse(&bytes).unwrap().unwrap();
        for cut in head.end..whole {
            let part = bytes.get(..cut).unwrap();
            assert_eq!(head.progress(part), Ok(Progress::Partial), "{cut}");
        }
        assert_eq!(head.progress(&bytes), Ok(Progress::Whole(whole)));
        let answer = head.answer(&mut bytes, whole);
        assert_eq!(answer.body, b"hello, world");
        assert_eq!(answer.header("retry-after"), Some("3"));
        assert!(head.stays_open);
    }

    #[test]
    fn what_is_no_http_is_refused_and_a_body_without_length_ends_with_the_connection() {
        assert!(matches!(
            Head::parse(b"SSH-2.0-OpenSSH_9\r\n"),
            Err(ErrorKind::Protocol)
        ));
        let head = Head::parse(b"HTTP/1.1 200 OK\r\n\r\n").unwrap().unwrap();
        assert!(head.ends_with_connection() && !head.stays_open);
    }
}
