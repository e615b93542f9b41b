//! Following one run: a snapshot, its events, its end.

use std::time::Duration;

use orket_actors::port::store::RunStatus;
use orket_actors::runtime::RunReport;
use orket_core::ids::RunId;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;
use tokio::time::{Instant, interval_at, timeout};

use super::Service;
use crate::owner::hub::Item;
use crate::owner::wire::Line;

/// A sign of life this often.
const BEAT: Duration = Duration::from_secs(2);
/// How long the last event of a run may come after its report.
const LAST_EVENT: Duration = Duration::from_millis(250);

/// Sends lines until the run is over or the reader is gone.
pub(super) async fn follow(service: Service, run: RunId, after: u64, to: mpsc::Sender<Line>) {
    // An error of `send` means that the reader is gone: there is nothing left to do.
    let _ = lines(&service, &run, after, &to).await;
}

type Sent = Result<(), mpsc::error::SendError<Line>>;

async fn lines(service: &Service, run: &RunId, after: u64, to: &mpsc::Sender<Line>) -> Sent {
    if !wait_for_its_turn(service, run, to).await? {
        return Ok(());
    }
    let (recent, mut live) = service.inner.hub.since(run.as_str(), after);
    let report = report(service, run).await;
    to.send(Line::Snapshot {
        report: report.clone(),
    })
    .await?;
    // Nobody works its rock off.
    if report.status == RunStatus::Queued.as_str() {
        return to.send(Line::End { report }).await;
    }
    let is_over = is_over(&report);
    // A run that was stopped and goes on has the end of its earlier part in the record.
    let skip = if is_over {
        0
    } else {
        let last_end = recent
            .iter()
            .rposition(|event| event.event == "session_end");
        last_end.map_or(0, |place| place + 1)
    };
    let mut ended = false;
    for event in recent.iter().skip(skip) {
        ended = event.event == "session_end";
        to.send(Line::Event(event.as_ref().clone())).await?;
    }
    if is_over && ended {
        return to.send(Line::End { report }).await;
    }
    let over = service.inner.engine.wait(run.clone());
    tokio::pin!(over);
    let mut beat = interval_at(Instant::now() + BEAT, BEAT);
    let mut quiet_until = None;
    let final_report = loop {
        tokio::select! {
            result = &mut over => break result.ok(),
            item = live.recv() => match item {
                Ok(Item::Event(event)) => if event.run_id.as_deref() == Some(run.as_str()) {
                    let is_end = event.event == "session_end";
                    to.send(Line::Event(event.as_ref().clone())).await?;
                    if is_end {
                        ended = true;
                        quiet_until.get_or_insert(Instant::now() + BEAT);
                    }
                },
                Ok(Item::Lost(missed)) | Err(RecvError::Lagged(missed)) => {
                    to.send(Line::Lagged { missed }).await?;
                    let report = self::report(service, run).await;
                    to.send(Line::Snapshot { report }).await?;
                }
                Err(RecvError::Closed) => break None,
            },
            _ = beat.tick() => {
                if quiet_until.is_some_and(|at| at <= Instant::now()) {
                    break None;
                }
                to.send(Line::Beat).await?;
            }
        }
    };
    while !ended {
        match timeout(LAST_EVENT, live.recv()).await {
            Ok(Ok(Item::Event(event))) => {
                if event.run_id.as_deref() == Some(run.as_str()) {
                    ended = event.event == "session_end";
                    to.send(Line::Event(event.as_ref().clone())).await?;
                }
            }
            Ok(Ok(Item::Lost(missed)) | Err(RecvError::Lagged(missed))) => {
                to.send(Line::Lagged { missed }).await?;
            }
            Ok(Err(RecvError::Closed)) | Err(_) => break,
        }
    }
    let report = match final_report {
        // The ledger knows when it ended.
        Some(_) if is_over => report,
        Some(report) => report,
        None => self::report(service, run).await,
    };
    to.send(Line::End { report }).await
}

/// Waits while the run is queued in its rock. `false` when it was ended without ever starting.
async fn wait_for_its_turn(
    service: &Service,
    run: &RunId,
    to: &mpsc::Sender<Line>,
) -> Result<bool, mpsc::error::SendError<Line>> {
    if service.waits(run) {
        let report = report(service, run).await;
        to.send(Line::Snapshot { report }).await?;
    }
    let turn = service.until_its_turn(run);
    tokio::pin!(turn);
    let mut beat = interval_at(Instant::now() + BEAT, BEAT);
    let has_begun = loop {
        tokio::select! {
            has_begun = &mut turn => break has_begun,
            _ = beat.tick() => to.send(Line::Beat).await?,
        }
    };
    if !has_begun {
        let report = report(service, run).await;
        to.send(Line::End { report }).await?;
    }
    Ok(has_begun)
}

fn is_over(report: &RunReport) -> bool {
    RunStatus::parse(&report.status).is_some_and(RunStatus::is_over)
}

/// The report, or one that says that nothing is known.
async fn report(service: &Service, run: &RunId) -> RunReport {
    match service.report(run).await {
        Ok(report) => report,
        Err(refusal) => {
            tracing::warn!(%run, %refusal, "no report of a followed run");
            RunReport {
                run_id: run.to_string(),
                build_id: String::new(),
                epic: String::new(),
                status: "unknown".to_owned(),
                cards: Vec::new(),
                elapsed_ms: 0,
            }
        }
    }
}
