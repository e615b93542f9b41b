//! `orket-load websocket`: those who listen. How long it takes until they do, and how long the server takes
//! to answer a ping while all of them are connected.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use clap::Args;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio_tungstenite::tungstenite::Message;

use crate::context::Context;
use crate::drive::{MOST_CONNECTIONS, Recorder};
use crate::error::LoadError;
use crate::kind::ErrorKind;
use crate::measurement::Measurement;
use crate::outcome::Outcome;
use crate::site::{Need, Place, Site, seconds, watched};
use crate::sockets::{Door, Socket, kind_of};

/// What `orket-load websocket` is asked to do.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// How many listen
    #[arg(
        long,
        visible_alias = "ws-clients",
        default_value_t = 50,
        value_name = "N"
    )]
    pub clients: u32,
    /// So many connect at once
    #[arg(long, default_value_t = 50, value_name = "N")]
    pub concurrency: u32,
    /// How long all of them stay, in seconds
    #[arg(long, default_value_t = 5.0, value_name = "S")]
    pub seconds: f64,
    /// Pings a second of each; 0 for none
    #[arg(long, default_value_t = 2.0, value_name = "N")]
    pub pings: f64,
    /// How long a handshake or the answer to a ping may take, in seconds
    #[arg(long, default_value_t = 10.0, value_name = "S")]
    pub timeout: f64,
    /// Where.
    #[command(flatten)]
    pub place: Place,
}

/// See the file's head.
///
/// # Errors
///
/// When it cannot be meant or there is no server.
pub fn run(context: &Context, options: &Options) -> Result<Outcome, LoadError> {
    context.block_on(async {
        let mut outcome = Outcome::new("websocket");
        let site = Site::open(context, &options.place, Need::Api).await?;
        site.describe(&mut outcome);
        carry(context, &site, options, &mut outcome).await?;
        Ok(outcome)
    })
}

/// The same at a site that is there.
pub async fn carry(
    context: &Context,
    site: &Site,
    options: &Options,
    outcome: &mut Outcome,
) -> Result<(), LoadError> {
    if options.clients == 0 || options.clients > MOST_CONNECTIONS {
        return Err(LoadError::usage(format!(
            "{} clients cannot listen; 1 to {MOST_CONNECTIONS}",
            options.clients
        )));
    }
    outcome.configured("ws_clients", options.clients);
    let timeout = seconds("--timeout", options.timeout)?;
    let stay = seconds("--seconds", options.seconds)?;
    let door = site.door(timeout)?;
    context.tell(&format!("websocket: {} clients", options.clients));
    let every = Duration::from_millis(500);
    let (connected, pinged) = watched(site, every, outcome, async {
        let (connected, sockets) = connect(&door, options).await;
        let pinged = stay_and_ping(sockets, stay, options.pings, timeout).await;
        (connected, pinged)
    })
    .await;
    let all = &mut outcome.measurements;
    all.insert("websocket_connect".to_owned(), connected);
    all.insert("websocket_ping".to_owned(), pinged);
    Ok(())
}

async fn connect(door: &Door, options: &Options) -> (Measurement, Vec<Socket>) {
    let recorder = Recorder::new(Instant::now(), &[]);
    let left = Rc::new(Cell::new(options.clients));
    let workers: Vec<_> = (0..options.concurrency.clamp(1, options.clients))
        .map(|_| {
            let (door, recorder, left) = (door.clone(), recorder.clone(), Rc::clone(&left));
            tokio::task::spawn_local(async move {
                let mut sockets = Vec::new();
                while left.get() > 0 {
                    left.set(left.get() - 1);
                    let began = Instant::now();
                    let opened = door.open().await;
                    recorder.record(began, opened.as_ref().map(drop).map_err(|kind| *kind));
                    sockets.extend(opened.ok());
                }
                sockets
            })
        })
        .collect();
    let mut sockets = Vec::new();
    for worker in workers {
        sockets.extend(worker.await.unwrap_or_default());
    }
    (recorder.found(), sockets)
}

async fn stay_and_ping(
    sockets: Vec<Socket>,
    stay: Duration,
    pings: f64,
    timeout: Duration,
) -> Measurement {
    let begin = Instant::now();
    let recorder = Recorder::new(begin, &[]);
    let gap = match pings > 0.0 {
        true => Duration::try_from_secs_f64(1.0 / pings).unwrap_or(stay),
        false => stay,
    };
    let count = sockets.len().max(1) as f64;
    let clients: Vec<_> = sockets
        .into_iter()
        .enumerate()
        .map(|(number, mut socket)| {
            let recorder = recorder.clone();
            // Spread over the gap, so that they do not all ask at the same instant.
            let first = begin + gap.mul_f64(number as f64 / count);
            tokio::task::spawn_local(async move {
                let mut due = first;
                while pings > 0.0 && due < begin + stay {
                    tokio::time::sleep_until(due.into()).await;
                    // The runtime's timer may wake it a millisecond late, which is not the server's.
                    let began = Instant::now();
                    let answered = tokio::time::timeout(timeout, ping(&mut socket)).await;
                    let attempt = answered.unwrap_or(Err(ErrorKind::Timeout));
                    recorder.record(began, attempt);
                    if attempt.is_err() {
                        return;
                    }
                    due += gap;
                }
                tokio::time::sleep_until((begin + stay).into()).await;
                let _ = socket.close(None).await;
            })
        })
        .collect();
    for client in clients {
        let _ = client.await;
    }
    recorder.found()
}

/// Sends a ping and reads until its pong; events between are heard and left.
async fn ping(socket: &mut Socket) -> Result<(), ErrorKind> {
    let of = |error: tokio_tungstenite::tungstenite::Error| kind_of(&error);
    socket
        .send(Message::Ping(b"load".as_slice().into()))
        .await
        .map_err(of)?;
    loop {
        match socket.next().await {
            Some(Ok(Message::Pong(_))) => return Ok(()),
            Some(Ok(Message::Close(_))) | None => return Err(ErrorKind::Closed),
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(kind_of(&error)),
        }
    }
}
