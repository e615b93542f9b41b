//! A client that sends what it is told to, well-formed or not.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

const DEADLINE: Duration = Duration::from_secs(30);

/// An answer.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    head: String,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {:?}", String::from_utf8_lossy(&self.body)))
    }

    /// A header by its name in small letters.
    pub fn header(&self, name: &str) -> Option<String> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name)
                .then(|| value.trim().to_owned())
        })
    }

    /// `status` and `message` of an answer, or its `detail`.
    pub fn said(&self) -> (u16, String, String) {
        let body = self.json();
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        match body["detail"].as_str() {
            Some(detail) => (self.status, String::new(), detail.to_owned()),
            None => (self.status, text("status"), text("message")),
        }
    }
}

pub async fn connect(from: Option<IpAddr>, to: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    if let Some(from) = from {
        socket.bind(SocketAddr::new(from, 0))?;
    }
    socket.connect(to).await
}

/// Sends a request and reads the answer to its end.
pub async fn request(
    from: Option<IpAddr>,
    to: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> std::io::Result<Reply> {
    let mut head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {to}\r\nConnection: close\r\nContent-Length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    head += "\r\n";
    let mut message = head.into_bytes();
    message.extend_from_slice(body);
    let mut stream = connect(from, to).await?;
    let (mut reading, mut writing) = stream.split();
    let sending = async {
        // Who refuses early does not read to the end.
        let _ = writing.write_all(&message).await;
    };
    let receiving = receive(&mut reading);
    let both = async { tokio::join!(sending, receiving).1 };
    tokio::time::timeout(DEADLINE, both)
        .await
        .unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))
}

/// Sends a request on a connection that is kept.
pub async fn on(
    stream: &mut TcpStream,
    path: &str,
    headers: &[(String, Vec<u8>)],
    body: &[u8],
) -> std::io::Result<Reply> {
    let mut message = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n",
        body.len()
    )
    .into_bytes();
    for (name, value) in headers {
        message.extend_from_slice(name.as_bytes());
        message.extend_from_slice(b": ");
        message.extend_from_slice(value);
        message.extend_from_slice(b"\r\n");
    }
    message.extend_from_slice(b"\r\n");
    message.extend_from_slice(body);
    let (mut reading, mut writing) = stream.split();
    let sending = writing.write_all(&message);
    let both = async { tokio::join!(sending, receive(&mut reading)) };
    let (sent, reply) = tokio::time::timeout(DEADLINE, both)
        .await
        .map_err(|_| std::io::Error::from(std::io::ErrorKind::TimedOut))?;
    // Who refuses early does not read to the end; what was said counts.
    reply.or_else(|error| sent.and(Err(error)))
}

/// Reads an answer to the end of the connection.
pub async fn receive(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> std::io::Result<Reply> {
    let mut all = Vec::new();
    let mut chunk = [0; 8_192];
    loop {
        match stream.read(&mut chunk).await {
            Ok(0) => break,
            Ok(length) => all.extend_from_slice(&chunk[..length]),
            // A connection that is closed while it is written to is reset; what was said before counts.
            Err(_) if is_whole(&all) => break,
            Err(error) => return Err(error),
        }
        if is_whole(&all) {
            break;
        }
    }
    let end = head_end(&all).ok_or(std::io::ErrorKind::UnexpectedEof)?;
    let head = String::from_utf8_lossy(&all[..end]).into_owned();
    let status = head.get(9..12).and_then(|digits| digits.parse().ok());
    Ok(Reply {
        status: status.ok_or(std::io::ErrorKind::InvalidData)?,
        head,
        body: all[end + 4..].to_vec(),
    })
}

fn head_end(all: &[u8]) -> Option<usize> {
    all.windows(4).position(|four| four == b"\r\n\r\n")
}

fn is_whole(all: &[u8]) -> bool {
    let Some(end) = head_end(all) else {
        return false;
    };
    let head = String::from_utf8_lossy(&all[..end]).to_lowercase();
    let length = head.lines().find_map(|line| {
        let length = line.strip_prefix("content-length:")?;
        length.trim().parse::<usize>().ok()
    });
    length.is_some_and(|length| all.len() >= end + 4 + length)
}
