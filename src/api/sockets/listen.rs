//! What a client sends: pongs, pings, a close. Texts and binary frames are read and left alone.

use std::rc::Rc;

use actix_ws::{CloseCode, Message, MessageStream, ProtocolError, Session};

use super::client::Client;

/// Listens until the connection ends.
pub(super) async fn listen(client: Rc<Client>, mut session: Session, mut messages: MessageStream) {
    while let Some(message) = messages.recv().await {
        match message {
            Ok(Message::Ping(payload)) => {
                if session.pong(&payload).await.is_err() {
                    return;
                }
            }
            Ok(Message::Pong(_)) => client.pong(),
            Ok(Message::Close(reason)) => {
                // The same code back, and that was it.
                let reason = reason.map(|reason| (reason.code).into());
                let _ = session.close(reason).await;
                return;
            }
            Ok(Message::Text(_) | Message::Binary(_) | Message::Continuation(_) | Message::Nop) => {
            }
            Err(error) => {
                let (code, words) = refusal(&error);
                client.close(code.into(), words);
                return;
            }
        }
    }
}

fn refusal(error: &ProtocolError) -> (CloseCode, &'static str) {
    match error {
        ProtocolError::Overflow => (CloseCode::Size, "a frame may have at most 64 KiB"),
        ProtocolError::Io(error) if error.kind() == std::io::ErrorKind::InvalidData => {
            (CloseCode::Invalid, "a text must be UTF-8")
        }
        _ => (CloseCode::Protocol, "this is no WebSocket frame"),
    }
}
