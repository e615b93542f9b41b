//! Continuous recovery: runs that the journal calls running and nobody carries out are taken over.

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;

use crate::exit::{ExitGuard, ExitStatus};
use crate::fault;
use crate::world::World;

/// The actor.
pub struct Reconciler {
    exit: ExitGuard,
    world: Arc<World>,
}

impl Reconciler {
    /// A reconciler over the journal of `world`.
    #[must_use]
    pub fn new(exit: ExitGuard, world: Arc<World>) -> Self {
        Self { exit, world }
    }

    fn look(&mut self, ctx: &mut Context<Self>) {
        let world = Arc::clone(&self.world);
        let every = Duration::from_millis(world.options.reconcile_ms);
        let round = async move {
            world.clock.sleep(every).await;
            if world.is_stopping() {
                return;
            }
            let round = async {
                crate::runtime::take_over(&world).await?;
                crate::approvals::expire(&world).await
            };
            if let Err(error) = round.await {
                tracing::warn!(%error, "the reconciler could not use the journal");
            }
        };
        ctx.spawn(round.into_actor(self).map(|(), act, ctx| {
            fault::point("reconciler.round");
            if !act.world.is_stopping() {
                act.look(ctx);
            }
        }));
    }
}

impl Actor for Reconciler {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        fault::point("reconciler.started");
        self.look(ctx);
    }
}

/// Stops the reconciler.
#[derive(Message)]
#[rtype(result = "()")]
pub struct StopReconciler;

impl Handler<StopReconciler> for Reconciler {
    type Result = ();

    fn handle(&mut self, _: StopReconciler, ctx: &mut Context<Self>) {
        self.exit.ends(ExitStatus::Killed);
        ctx.stop();
    }
}
