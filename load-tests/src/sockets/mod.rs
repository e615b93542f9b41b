//! WebSocket clients of `/ws/events`.

mod audience;

pub use audience::{Audience, Heard, check};

use std::time::Duration;

use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{self, http::HeaderValue};

use crate::http::Target;
use crate::kind::ErrorKind;

/// A connection over which frames come.
pub type Socket = WebSocketStream<TcpStream>;

/// Where events are told, and the key that allows to hear them.
#[derive(Debug, Clone)]
pub struct Door {
    /// The server.
    pub target: Target,
    /// The path, with its query.
    pub path: String,
    /// The key, sent in a header: a query is in logs.
    pub key: Option<String>,
    /// How long connection and handshake may take together.
    pub timeout: Duration,
}

impl Door {
    /// Connects and shakes hands.
    ///
    /// # Errors
    ///
    /// One kind for whatever kept it from being open in time; a refused key is its status.
    pub async fn open(&self) -> Result<Socket, ErrorKind> {
        let opened = tokio::time::timeout(self.timeout, self.shake_hands()).await;
        opened.unwrap_or(Err(ErrorKind::Timeout))
    }

    async fn shake_hands(&self) -> Result<Socket, ErrorKind> {
        let stream = TcpStream::connect(self.target.address())
            .await
            .map_err(|_| ErrorKind::Connect)?;
        stream.set_nodelay(true).map_err(|_| ErrorKind::Connect)?;
        let url = format!("ws://{}{}", self.target.host(), self.path);
        let mut request = url.into_client_request().map_err(|_| ErrorKind::Protocol)?;
        if let Some(key) = &self.key {
            let key = HeaderValue::from_str(key).map_err(|_| ErrorKind::Protocol)?;
            request.headers_mut().insert("X-API-Key", key);
        }
        let (socket, _) = tokio_tungstenite::client_async(request, stream)
            .await
            .map_err(|error| kind_of(&error))?;
        Ok(socket)
    }
}

/// The kind of what a WebSocket says.
#[must_use]
pub fn kind_of(error: &tungstenite::Error) -> ErrorKind {
    match error {
        tungstenite::Error::Http(answer) => ErrorKind::Status(answer.status().as_u16()),
        tungstenite::Error::Io(error) => ErrorKind::of(error),
        tungstenite::Error::ConnectionClosed | tungstenite::Error::AlreadyClosed => {
            ErrorKind::Closed
        }
        _ => ErrorKind::Protocol,
    }
}
