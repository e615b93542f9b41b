//! One connection from its request to its answer: who asks, what fails, what is recorded.

use std::io;
use std::net::TcpStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::sync::watch;

use crate::fault::{Fault, Route};
use crate::git;
use crate::http::{self, Answer, Request};
use crate::routes::{self, Here};
use crate::state::{Recorded, State};

/// What all connections share.
pub(crate) struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    /// For waiters of an async runtime; counts changes.
    changes: watch::Sender<u64>,
    pub(crate) url: String,
    pub(crate) user: String,
    pub(crate) password: String,
    pub(crate) token: String,
}

impl Shared {
    pub(crate) fn new(url: String) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::default(),
            changed: Condvar::new(),
            changes: watch::Sender::new(0),
            url,
            user: "orket-bot".to_owned(),
            // What breaks careless encoding: every character that means something in a URL.
            password: "p@ss:w/rd %41?#&".to_owned(),
            token: "5ec2e7".repeat(6) + "feed",
        })
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Changes the state and wakes who waits for it.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let done = change(&mut self.state());
        self.changes.send_modify(|count| *count += 1);
        self.changed.notify_all();
        done
    }

    /// Blocks until something changes or the time is over.
    pub(crate) fn wait<'a>(
        &self,
        state: MutexGuard<'a, State>,
        at_most: std::time::Duration,
    ) -> MutexGuard<'a, State> {
        let waited = self.changed.wait_timeout(state, at_most);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Blocks until `release` is called.
    fn hold(&self, releases: u64) {
        let mut state = self.state();
        while state.releases == releases {
            state = self.wait(state, std::time::Duration::from_secs(60));
        }
    }

    /// Records the status that is answered to a request.
    fn told(&self, number: usize, status: u16) {
        self.change(|state| {
            if let Some(recorded) = state.requests.get_mut(number) {
                recorded.status = Some(status);
            }
        });
    }

    fn here(&self) -> Here<'_> {
        Here {
            url: &self.url,
            user: &self.user,
        }
    }
}

/// Serves one connection.
pub(crate) fn serve(shared: &Shared, stream: TcpStream) {
    let Ok(request) = http::read(&stream) else {
        // Nothing was asked: a wake-up call, or somebody who hung up.
        return;
    };
    let number = shared.change(|state| {
        state.requests.push(Recorded {
            method: request.method.clone(),
            path: request.target.clone(),
            body: String::from_utf8_lossy(&request.body).into_owned(),
            status: None,
        });
        state.requests.len() - 1
    });
    // Whoever asked may be gone by now, which is no matter here.
    let _ = answered(shared, &request, number, &stream);
}

fn answered(
    shared: &Shared,
    request: &Request,
    number: usize,
    stream: &TcpStream,
) -> io::Result<()> {
    if let Some(route) = git::route(request) {
        return by_git(shared, route, request, number, stream);
    }
    let (answer, fault, releases) = shared.change(|state| {
        let (answer, fault) = decided(shared, state, request);
        (answer, fault, state.releases)
    });
    match fault {
        Some(Fault::ResetBefore) => return http::reset(stream),
        Some(Fault::Reset) => return answer.write_and_reset(stream),
        Some(Fault::Endless) => return answer.write_endlessly(stream),
        Some(Fault::Slow(time)) => std::thread::sleep(time),
        Some(Fault::Hold) => shared.hold(releases),
        Some(
            Fault::Status(_)
            | Fault::Saying(..)
            | Fault::Plain(..)
            | Fault::StatusWithRetryAfter(..)
            | Fault::EffectThenStatus(_)
            | Fault::Garbage,
        )
        | None => {}
    }
    // Recorded first: who has the answer may look at the record at once.
    shared.told(number, answer.status);
    answer.write(stream)
}

/// Serves a request of git's own protocol.
fn by_git(
    shared: &Shared,
    route: Route,
    request: &Request,
    number: usize,
    stream: &TcpStream,
) -> io::Result<()> {
    let (fault, root, releases) = shared.change(|state| {
        let fault = state.plan.take(Some(route));
        (fault, state.git_root.clone(), state.releases)
    });
    match &fault {
        Some(Fault::ResetBefore) => return http::reset(stream),
        Some(Fault::Hold) => shared.hold(releases),
        Some(Fault::Slow(time)) => std::thread::sleep(*time),
        _ => {}
    }
    let answer = match (&fault, root) {
        (Some(Fault::Status(status)), _) => routes::refused(*status, "as the test wishes"),
        (_, None) => routes::refused(404, "this Gitea serves no git"),
        (_, Some(root)) => match authorized(shared, request) {
            Ok(true) => git::served(&root, &shared.user, request)?,
            // Git asks without credentials first, and again when it is told which are wanted.
            Ok(false) | Err(_) => {
                let mut answer = routes::refused(401, "wrong credentials");
                let wanted = "Basic realm=\"Gitea\"".to_owned();
                answer.headers.push(("WWW-Authenticate".to_owned(), wanted));
                answer
            }
        },
    };
    if fault == Some(Fault::Reset) {
        return answer.write_and_reset(stream);
    }
    shared.told(number, answer.status);
    answer.write(stream)
}

fn decided(shared: &Shared, state: &mut State, request: &Request) -> (Answer, Option<Fault>) {
    let asked = match routes::understood(request) {
        Ok(asked) => asked,
        Err(wrong) => {
            let at = format!("{} {}", request.method, request.path());
            let answer = routes::refused(422, &wrong.join("; "));
            let wrong = wrong.into_iter().map(|wrong| format!("{at}: {wrong}"));
            state.violations.extend(wrong);
            return (answer, None);
        }
    };
    let fault = state.plan.take(Some(asked.route));
    match &fault {
        Some(Fault::Status(status)) => {
            return (routes::refused(*status, "as the test wishes"), fault);
        }
        Some(Fault::Saying(status, message)) => {
            return (routes::refused(*status, message), fault);
        }
        Some(Fault::Plain(status, text)) => {
            let kind = ("Content-Type".to_owned(), "text/plain".to_owned());
            let answer = Answer {
                status: *status,
                headers: vec![kind],
                body: text.clone().into_bytes(),
            };
            return (answer, fault);
        }
        Some(Fault::StatusWithRetryAfter(status, seconds)) => {
            let mut answer = routes::refused(*status, "as the test wishes");
            let header = ("Retry-After".to_owned(), seconds.to_string());
            answer.headers.push(header);
            return (answer, fault);
        }
        Some(Fault::ResetBefore) => return (Answer::default(), fault),
        _ => {}
    }
    let answer = match authorized(shared, request) {
        Ok(true) => routes::done(state, &asked, request, &shared.here()),
        Ok(false) => routes::refused(401, "user does not exist or the token is wrong"),
        Err(wrong) => {
            let at = format!("{} {}", request.method, request.path());
            state.violations.push(format!("{at}: {wrong}"));
            routes::refused(401, wrong)
        }
    };
    let answer = match &fault {
        Some(Fault::EffectThenStatus(status)) => routes::refused(*status, "as the test wishes"),
        Some(Fault::Garbage) => Answer {
            status: answer.status,
            headers: vec![("Content-Type".to_owned(), "text/html".to_owned())],
            body: b"<html>back in a minute</html>".to_vec(),
        },
        _ => answer,
    };
    (answer, fault)
}

/// Whether the credentials are right; what is wrong with their form otherwise.
pub(crate) fn authorized(shared: &Shared, request: &Request) -> Result<bool, &'static str> {
    let header = request.header("authorization");
    let header = header.ok_or("no Authorization header")?;
    if let Some(token) = header.strip_prefix("token ") {
        return Ok(token == shared.token);
    }
    let basic = header.strip_prefix("Basic ");
    let basic = basic.ok_or("the Authorization header is neither `token` nor `Basic`")?;
    let pair = STANDARD.decode(basic);
    let pair = pair.map_err(|_| "the Basic credentials are not base64")?;
    let pair = String::from_utf8(pair).map_err(|_| "the Basic credentials are not UTF-8")?;
    let pair = pair.split_once(':');
    let (user, password) = pair.ok_or("the Basic credentials have no colon")?;
    let is_user = user == shared.user && password == shared.password;
    Ok(is_user || password == shared.token)
}
