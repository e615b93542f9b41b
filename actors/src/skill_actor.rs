//! One tool call, or one look of the verifier.

use std::sync::Arc;

use actix::prelude::*;
use orket_core::skill::Breach;
use orket_core::tool::ToolResult;
use orket_core::turn::VerifyReport;
use orket_core::verify::VerifyJob;

use crate::exit::{ExitGuard, ExitStatus};
use crate::fault;
use crate::lease::Lease;
use crate::port::tool::{Beat, ToolJob, ToolScope};
use crate::world::World;

/// What there is to do.
pub enum SkillJob {
    /// One call.
    Call(Box<ToolJob>),
    /// What the verifier is to look at.
    Verify(ToolScope, Box<VerifyJob>),
}

/// What came of it.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub enum SkillEnded {
    /// A call came back.
    Call(ToolResult),
    /// The verifier is through.
    Verified(Box<VerifyReport>),
}

/// The actor.
pub struct SkillActor {
    exit: ExitGuard,
    world: Arc<World>,
    lease: Arc<Lease>,
    job: Option<SkillJob>,
    to: Recipient<SkillEnded>,
}

impl SkillActor {
    /// An actor that does `job` and tells `to`.
    #[must_use]
    pub fn new(
        exit: ExitGuard,
        world: Arc<World>,
        lease: Arc<Lease>,
        job: SkillJob,
        to: Recipient<SkillEnded>,
    ) -> Self {
        Self {
            exit,
            world,
            lease,
            job: Some(job),
            to,
        }
    }
}

impl SkillActor {
    /// What keeps a skill's entrypoint from being called under the run's policy.
    fn breach(&self, job: &ToolJob) -> Option<Breach> {
        let command = job.command.as_ref()?;
        let policy = &self.lease.of.plan.policy.skills;
        command.skill.as_ref()?.breach(&command.command, policy)
    }
}

impl Actor for SkillActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        fault::point_of("skill_actor.started", self.lease.of.card_id.as_str());
        let Some(job) = self.job.take() else { return };
        let beating = Arc::clone(&self.lease);
        let beat: Beat = Arc::new(move || beating.beat());
        let cancel = self.lease.cancel.clone();
        let token = self.lease.tracker.token();
        let tools = Arc::clone(&self.world.tools);
        let breach = match &job {
            SkillJob::Call(job) => self.breach(job),
            SkillJob::Verify(..) => None,
        };
        let work = async move {
            // Nothing of this attempt counts as gone before the host says so.
            let _token = token;
            if let Some(breach) = breach {
                return SkillEnded::Call(breach.into_result());
            }
            match job {
                SkillJob::Call(job) => SkillEnded::Call(tools.run(*job, beat, cancel).await),
                SkillJob::Verify(scope, job) => {
                    let report = tools.verify(scope, *job, beat, cancel).await;
                    SkillEnded::Verified(Box::new(report))
                }
            }
        };
        ctx.spawn(work.into_actor(self).map(|ended, act, ctx| {
            fault::point_of("skill_actor.ended", act.lease.of.card_id.as_str());
            act.exit.ends(ExitStatus::Finished);
            act.to.do_send(ended);
            ctx.stop();
        }));
    }
}
