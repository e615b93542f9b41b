//! The life of one child: started, fed, listened to, ended, cleared up, reaped. Nothing of it is
//! left when this is over.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use orket_actors::port::tool::Beat;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::net::unix::pipe::{Receiver, Sender};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use super::leash::Leash;
use super::mark::Mark;
use super::output::{Capture, Captured, feed};
use super::prepare::{Prepared, Trouble, prepare};
use super::process;
use super::sandbox::Sandbox;
use super::sandbox::afterthought::Afterthought;
use super::sandbox::meter::{Ration, Scale};
use super::sandbox::placeholder::Placeholder;
use super::sandbox::spawn::Spawned;
use super::sandbox::stop::{Stop, Verdict};
use super::sandbox::temp::TempFolder;
use super::sandbox::usage::peak_memory;
use super::sandbox::watch::watch_disk;
use super::warden::{Warden, Watched};
use super::{Ending, Errand, How};
use crate::workspace::Workspaces;

/// How long an output stream may stay open when all who could write to it are gone: only somebody
/// who was handed the pipe from outside can hold it.
const LINGER: Duration = Duration::from_millis(250);
/// A program that was written a moment ago can be busy: some other child that is just being started
/// holds it open for writing until it becomes another program.
const BUSY_TRIES: u32 = 40;
const BUSY_WAIT: Duration = Duration::from_millis(5);
/// Between two looks at whether a group that was asked to end has done so.
const GRACE_STEP: Duration = Duration::from_millis(15);

/// What supervising one child takes.
pub(super) struct Supervision {
    pub id: u64,
    pub errand: Errand,
    pub mark: Mark,
    pub leash: Arc<Leash>,
    pub warden: Warden,
    pub sandbox: Sandbox,
    pub workspaces: Arc<Workspaces>,
    pub is_secret: fn(&str) -> bool,
    pub grace: Duration,
    pub beat: Beat,
    pub cancel: CancellationToken,
}

/// Why the child was not left to end by itself.
enum Cause {
    Ended,
    TimedOut(Duration),
    Stopped(Stop),
    Cancelled,
    Abandoned,
}

/// A child that was started, and what is needed until its end.
struct Begun {
    started: Spawned,
    exit: AsyncFd<OwnedFd>,
    temp: TempFolder,
    scale: Scale,
    verdict: Verdict,
    gaps: Vec<String>,
    closed: Vec<&'static str>,
    _placeholders: Vec<Placeholder>,
}

impl Supervision {
    pub(super) async fn run(self) -> Ending {
        match self.begin().await {
            Ok(Some(begun)) => self.go_on(begun).await,
            Ok(None) => Ending::without_output(How::Cancelled),
            Err(trouble) => Ending::without_output(How::NotStarted(trouble)),
        }
    }

    /// Starts the child; `None` when nobody wants it any more.
    async fn begin(&self) -> Result<Option<Begun>, Trouble> {
        let prepared = prepare(
            &self.errand,
            &self.mark,
            &self.workspaces,
            self.is_secret,
            &self.sandbox,
        )?;
        let mut folders = self.errand.allowance.write.clone();
        folders.extend([prepared.workspace.clone(), prepared.temp.path().to_owned()]);
        let (verdict, scale) = (Verdict::default(), Scale::new(folders));
        let Prepared { plan, program, .. } = &prepared;
        let mut tries = 0;
        let started = loop {
            if self.cancel.is_cancelled() {
                return Ok(None);
            }
            match self.leash.start(plan) {
                Ok(started) => break started,
                Err(error)
                    if error.kind() == io::ErrorKind::ExecutableFileBusy && tries < BUSY_TRIES =>
                {
                    tries += 1;
                    sleep(BUSY_WAIT).await;
                }
                Err(error) => return Err(Trouble::from_start(program, error)),
            }
        };
        let Some(started) = started else {
            return Ok(None);
        };
        let exit = watch_exit(started.pid).map_err(|source| {
            // Without this nobody would learn of its end, or nothing would hold it, so it must not
            // go on.
            self.leash.signal(Signal::KILL);
            self.leash.bury();
            Trouble::from_start(program, source)
        })?;
        self.warden.watch(Watched {
            id: self.id,
            pid: started.pid,
            start: process::read(started.pid).map_or(0, |it| it.start),
            mark: self.mark.clone(),
            beat: Arc::clone(&self.beat),
            ration: Ration::of(&self.errand.allowance),
            verdict: verdict.clone(),
        });
        Ok(Some(Begun {
            started,
            exit,
            temp: prepared.temp,
            scale,
            verdict,
            gaps: prepared.gaps,
            closed: prepared.closed,
            _placeholders: prepared.placeholders,
        }))
    }

    async fn go_on(mut self, begun: Begun) -> Ending {
        let Begun {
            started,
            exit,
            temp,
            scale,
            verdict,
            gaps,
            closed,
            _placeholders,
        } = begun;
        let stdout = self.listen(started.stdout);
        let stderr = self.listen(started.stderr);
        let input = self.errand.input.take().zip(started.stdin);
        let feeding = input.and_then(|(bytes, pipe)| {
            let pipe = Sender::from_owned_fd(pipe).ok()?;
            Some(tokio::spawn(feed(pipe, bytes)))
        });

        let cause = self.wait(&exit, &scale, &verdict).await;
        if matches!(cause, Cause::Cancelled | Cause::TimedOut(_)) {
            self.ask_to_end().await;
        }
        self.leash.signal(Signal::KILL);
        let _ended = exit.readable().await;
        self.warden.clear(self.id).await;
        if let Some(feeding) = feeding {
            feeding.abort();
        }
        let (stdout, stderr) = (stdout.finish().await, stderr.finish().await);
        let peak = peak_memory(started.pid);
        let status = self.leash.bury();
        let mut stop = verdict.stop();
        let how = match cause {
            Cause::Ended => {
                let how = stop.map_or_else(|| How::of(status), How::Stopped);
                let afterthought = Afterthought {
                    allowance: &self.errand.allowance,
                    address_space: self.errand.limits.memory,
                    peak,
                    output: [&stdout, &stderr],
                };
                if stop.is_none() {
                    stop = afterthought.on(&how);
                }
                how
            }
            Cause::TimedOut(limit) => How::TimedOut(limit),
            Cause::Stopped(stop) => How::Stopped(stop),
            Cause::Cancelled | Cause::Abandoned => How::Cancelled,
        };
        let _gone = crate::blocking::blocking(move || drop(temp)).await;
        Ending {
            how,
            stdout,
            stderr,
            stop,
            gaps,
            closed,
        }
    }

    /// Waits until the child ends or must end.
    async fn wait(&self, exit: &AsyncFd<OwnedFd>, scale: &Scale, verdict: &Verdict) -> Cause {
        let limit = self.errand.limits.wall;
        let time_is_up = async {
            match limit {
                Some(limit) => {
                    sleep(limit).await;
                    limit
                }
                None => std::future::pending().await,
            }
        };
        let disk = self.errand.allowance.disk;
        let passed = async {
            tokio::select! {
                () = watch_disk(scale, disk, verdict) => {}
                () = verdict.told() => {}
            }
            verdict.stop()
        };
        tokio::select! {
            biased;
            _ended = exit.readable() => Cause::Ended,
            () = self.leash.abandoned() => Cause::Abandoned,
            () = self.cancel.cancelled() => Cause::Cancelled,
            Some(stop) = passed => Cause::Stopped(stop),
            limit = time_is_up => Cause::TimedOut(limit),
        }
    }

    /// Asks the group to end and waits until it has, for the grace at most.
    async fn ask_to_end(&self) {
        self.leash.signal(Signal::TERM);
        let all_ended = async {
            while self.warden.living(self.id).await > 0 {
                sleep(GRACE_STEP).await;
            }
        };
        tokio::select! {
            _in_time = timeout_at(Instant::now() + self.grace, all_ended) => {}
            () = self.leash.abandoned() => {}
        }
    }

    fn listen(&self, pipe: OwnedFd) -> Listening {
        let capture = Capture::default();
        let reading = Receiver::from_owned_fd(pipe).ok().map(|pipe| {
            let (most, beat) = (self.errand.limits.output, Arc::clone(&self.beat));
            tokio::spawn(capture.clone().drain(pipe, most, beat))
        });
        Listening { capture, reading }
    }
}

/// A handle that becomes readable when the process has ended, while it is not reaped yet.
fn watch_exit(pid: i32) -> io::Result<AsyncFd<OwnedFd>> {
    let pid = Pid::from_raw(pid).ok_or(io::ErrorKind::NotFound)?;
    let handle = pidfd_open(pid, PidfdFlags::empty())?;
    #[expect(
        deprecated,
        reason = "its successor is unsafe for types whose descriptor can change; an OwnedFd's cannot"
    )]
    AsyncFd::with_interest(handle, Interest::READABLE)
}

struct Listening {
    capture: Capture,
    reading: Option<JoinHandle<()>>,
}

impl Listening {
    /// What was heard until all writers were gone.
    async fn finish(self) -> Captured {
        if let Some(mut reading) = self.reading
            && timeout(LINGER, &mut reading).await.is_err()
        {
            reading.abort();
        }
        self.capture.take()
    }
}
