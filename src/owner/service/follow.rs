//! Following one run: a snapshot, its events, its end. Events come out of memory; what memory lacks
//! comes out of the table (`catch_up`).

use std::time::Duration;

use futures_util::future::BoxFuture;
use orket_actors::port::event::RuntimeEvent;
use orket_actors::port::store::RunStatus;
use orket_actors::runtime::{RunReport, RuntimeError};
use orket_core::ids::RunId;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc::Sender;
use tokio::sync::mpsc::error::SendError;
use tokio::time::{Instant, Interval, interval_at, sleep_until};

use super::Service;
use crate::owner::hub::{Item, Memory};
use crate::owner::wire::Line;

/// A sign of life this often.
const BEAT: Duration = Duration::from_secs(2);
/// How long the last event of a run may come after its report, and the report after it.
const LAST_EVENT: Duration = Duration::from_millis(250);

/// From where on a run is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// From behind the event of this number. 0 is the beginning of a run that is over, and of the latest
    /// part of one that is under way.
    After(u64),
    /// As with 0, but of a run that is over only what is still in memory.
    Recent,
}

/// Sends lines until the run is over or the reader is gone.
pub(super) async fn follow(service: Service, run: RunId, begin: Begin, to: Sender<Line>) {
    let mut follower = Follower {
        service,
        run,
        to: to.clone(),
        begin,
        last: match begin {
            Begin::After(after) => after,
            Begin::Recent => 0,
        },
        has_begun: !matches!(begin, Begin::After(0) | Begin::Recent),
        is_content: false,
        ended: false,
        gone: 0,
        known: None,
    };
    tokio::select! {
        // An error of `send` means that the reader is gone: there is nothing left to do.
        _ = follower.lines() => {}
        () = to.closed() => {}
    }
}

pub(super) type Sent = Result<(), SendError<Line>>;

/// One reader of one run.
pub(super) struct Follower {
    pub(super) service: Service,
    pub(super) run: RunId,
    to: Sender<Line>,
    begin: Begin,
    /// The number of the last event that was told, or that is not wished for.
    pub(super) last: u64,
    /// An event was told, or one was known before.
    has_begun: bool,
    /// What memory lacks is not wished for.
    is_content: bool,
    /// The last event that was told is the run's end.
    ended: bool,
    /// About how many events are gone for good, without the reader having been told.
    pub(super) gone: u64,
    /// The run is over; its report, if there is one.
    known: Option<Option<RunReport>>,
}

/// Why the reader is not told more of what happens.
enum Stop {
    /// The run is over.
    Over,
    /// Events went by unheard.
    Missed,
}

impl Follower {
    async fn lines(&mut self) -> Sent {
        let has_begun = self.wait_for_its_turn().await?;
        // Listened to first: what happens meanwhile is told twice rather than not at all.
        let mut memory = self.memory();
        let report = self.snapshot().await?;
        // Nobody begins it, or works its rock off.
        let is_left = !has_begun || report.status == RunStatus::Queued.as_str();
        let is_over = is_over(&report);
        if is_over && self.begin == Begin::Recent {
            self.is_content = true;
            memory.floor = Some(self.last);
        } else if !is_over && !self.has_begun {
            self.last = self.latest_part(&memory).await;
        }
        let mut over = self.service.inner.engine.wait(self.run.clone());
        let mut beat = interval_at(Instant::now() + BEAT, BEAT);
        loop {
            self.catch_up(&memory).await?;
            if is_left || is_over && self.ended {
                break;
            }
            // Nothing more for the moment.
            self.to.send(Line::Beat).await?;
            match self.live(&mut memory.live, &mut over, &mut beat).await? {
                Stop::Over => break,
                Stop::Missed => memory = self.memory(),
            }
        }
        self.tell_gone().await?;
        let report = match self.known.take().flatten() {
            // The ledger knows when it ended.
            _ if is_over => report,
            Some(report) => report,
            None => self.report().await,
        };
        self.to.send(Line::End { report }).await
    }

    fn memory(&self) -> Memory {
        let hub = &self.service.inner.hub;
        let mut memory = hub.since(self.run.as_str(), self.last);
        if self.is_content {
            memory.floor = Some(self.last);
        }
        memory
    }

    /// What happens, until the run is over or something was missed.
    async fn live(
        &mut self,
        live: &mut broadcast::Receiver<Item>,
        over: &mut BoxFuture<'static, Result<RunReport, RuntimeError>>,
        beat: &mut Interval,
    ) -> Result<Stop, SendError<Line>> {
        let mut until = None;
        loop {
            match (self.known.is_some(), self.ended) {
                (true, true) => return Ok(Stop::Over),
                (true, false) => until = until.or(Some(Instant::now() + LAST_EVENT)),
                (false, true) => until = until.or(Some(Instant::now() + BEAT)),
                (false, false) => until = None,
            }
            tokio::select! {
                item = live.recv() => match item {
                    Ok(Item::Event(event)) => {
                        if event.run_id.as_deref() == Some(self.run.as_str()) {
                            self.tell(&event).await?;
                        }
                    }
                    Ok(Item::Lost) | Err(RecvError::Lagged(_)) => return Ok(Stop::Missed),
                    Err(RecvError::Closed) => return Ok(Stop::Over),
                },
                report = &mut *over, if self.known.is_none() => {
                    self.known = Some(report.ok());
                    until = None;
                }
                () = sleep_until(until.unwrap_or_else(Instant::now)), if until.is_some() => {
                    return Ok(Stop::Over);
                }
                _ = beat.tick() => self.to.send(Line::Beat).await?,
            }
        }
    }

    /// Tells one event, unless the reader knows it.
    pub(super) async fn tell(&mut self, event: &RuntimeEvent) -> Sent {
        if event.seq <= self.last {
            return Ok(());
        }
        self.last = event.seq;
        if !self.has_begun && event.event == "session_start" {
            // What is gone was before that. A later part begins with `run_recovered`.
            self.gone = 0;
        }
        self.has_begun = true;
        self.tell_gone().await?;
        self.ended = event.event == "session_end";
        self.to.send(Line::Event(event.clone())).await
    }

    /// Tells that events are gone for good, if some are; a snapshot says how things stand all the same.
    pub(super) async fn tell_gone(&mut self) -> Sent {
        let missed = std::mem::take(&mut self.gone);
        if missed == 0 {
            return Ok(());
        }
        self.to.send(Line::Lagged { missed }).await?;
        self.snapshot().await.map(drop)
    }

    /// Waits while the run is queued in its rock. `false` when it was ended without being begun there.
    async fn wait_for_its_turn(&self) -> Result<bool, SendError<Line>> {
        if self.service.waits(&self.run) {
            self.snapshot().await?;
            // Nothing more for the moment.
            self.to.send(Line::Beat).await?;
        }
        let turn = self.service.until_its_turn(&self.run);
        tokio::pin!(turn);
        let mut beat = interval_at(Instant::now() + BEAT, BEAT);
        loop {
            tokio::select! {
                has_begun = &mut turn => return Ok(has_begun),
                _ = beat.tick() => self.to.send(Line::Beat).await?,
            }
        }
    }

    async fn snapshot(&self) -> Result<RunReport, SendError<Line>> {
        let report = self.report().await;
        let line = Line::Snapshot {
            report: report.clone(),
        };
        self.to.send(line).await.map(|()| report)
    }

    /// The report, or one that says that nothing is known.
    async fn report(&self) -> RunReport {
        match self.service.report(&self.run).await {
            Ok(report) => report,
            Err(refusal) => {
                tracing::warn!(run = %self.run, %refusal, "no report of a followed run");
                RunReport {
                    run_id: self.run.to_string(),
                    build_id: String::new(),
                    epic: String::new(),
                    status: "unknown".to_owned(),
                    cards: Vec::new(),
                    elapsed_ms: 0,
                }
            }
        }
    }
}

fn is_over(report: &RunReport) -> bool {
    RunStatus::parse(&report.status).is_some_and(RunStatus::is_over)
}
