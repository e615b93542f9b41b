//! Reads a body: no more of it than may be held, and not for ever.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header::CONTENT_LENGTH;
use actix_web::web::{Bytes, BytesMut, Payload};
use futures_util::StreamExt as _;

use crate::peers::{Hold, Kind, Peer, Peers};

/// The largest body, in bytes.
pub const LARGEST: usize = 1 << 20;
/// How long a body may take to arrive.
pub const SLOWEST: Duration = Duration::from_secs(10);

/// A body that costs less than a new connection, in bytes.
const TINY: usize = 16 << 10;
/// A body as deliveries mostly are, in bytes.
const SMALL: usize = 64 << 10;
/// How long such a one may take.
const SHORT: Duration = Duration::from_secs(1);

/// Why a body was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreadable {
    /// It is larger than [`LARGEST`].
    TooLarge,
    /// It took longer than [`SLOWEST`].
    TooSlow,
    /// So much is held already that no more may be.
    TooMany,
    /// It broke off.
    Broken,
}

/// Reads a body of `peer`, which counts as held until the second part is dropped.
///
/// # Errors
///
/// [`Unreadable`].
pub async fn read<'a>(
    request: &HttpRequest,
    payload: Payload,
    peers: &'a Peers,
    peer: Peer,
    is_doubted: bool,
) -> Result<(Bytes, Hold<'a>), Unreadable> {
    let told = request.headers().get(CONTENT_LENGTH);
    let told = told.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if told.is_some_and(|length| length > LARGEST) {
        return Err(Unreadable::TooLarge);
    }
    let kind = Kind {
        is_small: told.is_some_and(|length| length <= SMALL),
        is_doubted,
    };
    let hold = peers.hold(peer, kind).ok_or(Unreadable::TooMany)?;
    let reading = collect(payload, hold, told.unwrap_or(0));
    let time = if is_doubted { SHORT } else { SLOWEST };
    tokio::time::timeout(time, reading)
        .await
        .unwrap_or(Err(Unreadable::TooSlow))
}

/// Lets a small body go by that nobody wants to know: what is left of it would end the connection.
pub async fn pass_over(request: &HttpRequest, mut payload: Payload) {
    let told = request.headers().get(CONTENT_LENGTH);
    let told = told.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if told.is_some_and(|length| length <= TINY) {
        let passing = async { while let Some(Ok(_)) = payload.next().await {} };
        // Whoever is slow loses the connection.
        let _ = tokio::time::timeout(SHORT, passing).await;
    }
}

async fn collect(
    mut payload: Payload,
    mut hold: Hold<'_>,
    told: usize,
) -> Result<(Bytes, Hold<'_>), Unreadable> {
    // What is only announced is not held.
    let mut body = BytesMut::with_capacity(told.min(16 << 10));
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| Unreadable::Broken)?;
        if body.len() + chunk.len() > LARGEST {
            return Err(Unreadable::TooLarge);
        }
        if !hold.grow(chunk.len()) {
            return Err(Unreadable::TooMany);
        }
        body.extend_from_slice(&chunk);
    }
    Ok((body.freeze(), hold))
}
