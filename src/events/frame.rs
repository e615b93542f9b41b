//! WebSocket frames as a server sends them (RFC 6455 §5.2): whole, unmasked.

/// A text message.
const TEXT: u8 = 0x81;
/// A close, with a code and words.
const CLOSE: u8 = 0x88;
/// A ping without a payload.
pub const PING: &[u8] = &[0x89, 0];

/// Where the payload begins that is written before its length is known: most are this long.
const USUAL: usize = 4;

/// Writes a text frame with the payload that `write` appends. Returns what `write` does and where the
/// payload begins.
///
/// # Errors
///
/// What `write` says; the buffer is as it was.
pub fn text<T, E>(
    buffer: &mut Vec<u8>,
    write: impl FnOnce(&mut Vec<u8>) -> Result<T, E>,
) -> Result<(T, usize), E> {
    let begin = buffer.len();
    buffer.extend_from_slice(&[0; USUAL]);
    match write(buffer) {
        Ok(written) => {
            let length = buffer.len() - begin - USUAL;
            let (head, size) = head(length);
            let head = head.get(..size).unwrap_or_default();
            let place = begin..begin + USUAL;
            buffer.splice(place, head.iter().copied());
            Ok((written, begin + size))
        }
        Err(error) => {
            buffer.truncate(begin);
            Err(error)
        }
    }
}

fn head(length: usize) -> ([u8; 10], usize) {
    let mut head = [0; 10];
    let mut put = |from: &[u8]| {
        for (to, from) in head.iter_mut().zip(from) {
            *to = *from;
        }
        from.len()
    };
    let size = match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short), _) if short < 126 => put(&[TEXT, short]),
        (_, Ok(middle)) => {
            let [a, b] = middle.to_be_bytes();
            put(&[TEXT, 126, a, b])
        }
        _ => {
            let [a, b, c, d, e, f, g, h] = u64::try_from(length).unwrap_or(u64::MAX).to_be_bytes();
            put(&[TEXT, 127, a, b, c, d, e, f, g, h])
        }
    };
    (head, size)
}

/// A close frame; words beyond 123 bytes are cut off.
#[must_use]
pub fn close(code: u16, words: &str) -> Vec<u8> {
    let mut end = words.len().min(123);
    while !words.is_char_boundary(end) {
        end -= 1;
    }
    let words = words.get(..end).unwrap_or_default();
    let mut frame = vec![CLOSE, u8::try_from(words.len() + 2).unwrap_or(2)];
    frame.extend_from_slice(&code.to_be_bytes());
    frame.extend_from_slice(words.as_bytes());
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(length: usize) -> (Vec<u8>, usize) {
        let mut buffer = b"before".to_vec();
        let payload = vec![b'x'; length];
        let ((), begin) = text(&mut buffer, |buffer| {
            buffer.extend_from_slice(&payload);
            Ok::<_, ()>(())
        })
        .unwrap();
        assert_eq!(buffer[begin..], payload);
        (buffer[6..begin].to_vec(), begin)
    }

    #[test]
    fn a_frame_says_how_long_it_is() {
        assert_eq!(framed(0).0, [0x81, 0]);
        assert_eq!(framed(125).0, [0x81, 125]);
        assert_eq!(framed(126).0, [0x81, 126, 0, 126]);
        assert_eq!(framed(65_535).0, [0x81, 126, 255, 255]);
        assert_eq!(framed(65_536).0, [0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
    }

    #[test]
    fn what_cannot_be_written_leaves_nothing() {
        let mut buffer = b"before".to_vec();
        let failed = text(&mut buffer, |buffer| {
            buffer.push(1);
            Err::<(), _>("no")
        });
        assert_eq!((failed, buffer.as_slice()), (Err("no"), &b"before"[..]));
    }

    #[test]
    fn a_close_frame_fits_into_one_control_frame() {
        assert_eq!(close(1001, "bye"), b"\x88\x05\x03\xe9bye");
        let long = close(1009, &"ä".repeat(100));
        assert_eq!((long.len(), long[1]), (2 + 2 + 122, 124));
    }
}
