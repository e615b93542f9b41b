//! Which request fails, and how.

use std::collections::VecDeque;
use std::time::Duration;

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// Whatever is asked for; only for faults.
    Any,
    /// `GET /version`
    Version,
    /// `GET /user`
    User,
    /// `GET /repos/{o}/{r}/pulls/{n}`
    Pull,
    /// `GET /repos/{o}/{r}/pulls/{n}/reviews`
    Reviews,
    /// `PATCH /repos/{o}/{r}/pulls/{n}`
    Close,
    /// `POST /repos/{o}/{r}/pulls/{n}/merge`
    Merge,
    /// `GET /repos/{o}/{r}/issues/{n}/comments`
    Comments,
    /// `POST /repos/{o}/{r}/issues/{n}/comments`
    Comment,
    /// `GET /repos/{o}/{r}/labels`
    Labels,
    /// `POST /repos/{o}/{r}/labels`
    CreateLabel,
    /// `GET /repos/{o}/{r}/issues`
    Issues,
    /// `POST /repos/{o}/{r}/issues`
    CreateIssue,
    /// `GET /repos/{o}/{r}`
    Repository,
    /// `POST /orgs/{o}/repos`
    CreateForOrganization,
    /// `POST /user/repos`
    CreateForUser,
    /// What a clone or a fetch asks over git.
    GitFetch,
    /// The question before a push which commits there are.
    GitPushRefs,
    /// The push itself.
    GitPush,
}

/// How a request fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// This status at once, without effect.
    Status(u16),
    /// This status with `Retry-After` in seconds, without effect.
    StatusWithRetryAfter(u16, u64),
    /// This status with this message, without effect.
    Saying(u16, String),
    /// This status with this text, without effect: what a proxy says while Gitea is away.
    Plain(u16, String),
    /// The effect, and then this status all the same.
    EffectThenStatus(u16),
    /// The effect; the answer comes after this time.
    Slow(Duration),
    /// The effect; the answer comes after [`crate::FakeGitea::release`]. Over git the effect waits
    /// too.
    Hold,
    /// The effect; the connection is reset in the middle of the answer.
    Reset,
    /// The connection is reset before anything has an effect.
    ResetBefore,
    /// The effect; a success whose body is a web page.
    Garbage,
    /// The effect; a success whose body never ends within any sensible bound.
    Endless,
}

#[derive(Debug, Default)]
pub(crate) struct Plan {
    once: VecDeque<(Route, Fault)>,
    always: Vec<(Route, Fault)>,
}

impl Plan {
    pub(crate) fn next(&mut self, route: Route, fault: Fault) {
        self.once.push_back((route, fault));
    }

    pub(crate) fn always(&mut self, route: Route, fault: Fault) {
        self.always.push((route, fault));
    }

    pub(crate) fn heal(&mut self) {
        *self = Self::default();
    }

    /// What befalls this request: first what was planned once, in order.
    pub(crate) fn take(&mut self, route: Option<Route>) -> Option<Fault> {
        let hit = |planned: &Route| *planned == Route::Any || Some(*planned) == route;
        let at = self.once.iter().position(|(planned, _)| hit(planned));
        if let Some((_, fault)) = at.and_then(|at| self.once.remove(at)) {
            return Some(fault);
        }
        let always = self.always.iter().find(|(planned, _)| hit(planned));
        always.map(|(_, fault)| fault.clone())
    }
}
