//! Turns do not begin while the journal is behind. Nothing else lives here but the gateway.

use std::path::PathBuf;

use futures_util::future::BoxFuture;
use orket_core::ids::{BuildId, RunId};
use orket_core::model::ModelName;
use orket_core::stages::{StageFailed, StagePlan, StageReport};
use orket_core::tool::ToolResult;
use orket_core::turn::VerifyReport;
use orket_core::verify::VerifyJob;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::clock::VirtualClock;
use crate::exit::Child;
use crate::port::memory::Forgetful;
use crate::port::model::{ModelProvider, ModelProviders};
use crate::port::queue::QueuedRun;
use crate::port::record::{Projector, TurnRecord};
use crate::port::store::{
    CardRecord, CardRow, GateRecord, LoadedCard, RunRecord, Store, StoreError, TurnRow, Write,
};
use crate::port::tool::{Beat, ToolHost, ToolJob, ToolScope};
use crate::world::{Options, Ports};

/// A journal in which so many writes wait, and nothing else.
#[derive(Default)]
struct Behind(AtomicUsize);

impl Store for Behind {
    fn waiting(&self) -> usize {
        self.0.load(Memory::SeqCst)
    }
    fn submit(&self, _: Write) -> BoxFuture<'static, Result<(), StoreError>> {
        unreachable!()
    }
    fn running_runs(&self) -> BoxFuture<'static, Result<Vec<RunId>, StoreError>> {
        unreachable!()
    }
    fn load_run(&self, _: RunId) -> BoxFuture<'static, Result<Option<RunRecord>, StoreError>> {
        unreachable!()
    }
    fn queued_run(&self, _: RunId) -> BoxFuture<'static, Result<Option<QueuedRun>, StoreError>> {
        unreachable!()
    }
    fn load_card(&self, _: CardRow) -> BoxFuture<'static, Result<Option<LoadedCard>, StoreError>> {
        unreachable!()
    }
    fn build_cards(&self, _: BuildId) -> BoxFuture<'static, Result<Vec<CardRecord>, StoreError>> {
        unreachable!()
    }
    fn gates_of_run(&self, _: RunId) -> BoxFuture<'static, Result<Vec<GateRecord>, StoreError>> {
        unreachable!()
    }
    fn gates_of_build(
        &self,
        _: BuildId,
    ) -> BoxFuture<'static, Result<Vec<GateRecord>, StoreError>> {
        unreachable!()
    }
    fn run_events(
        &self,
        _: RunId,
        _: Vec<&'static str>,
    ) -> BoxFuture<'static, Result<Vec<String>, StoreError>> {
        unreachable!()
    }
    fn gate(&self, _: i64) -> BoxFuture<'static, Result<Option<GateRecord>, StoreError>> {
        unreachable!()
    }
    fn expired_gates(&self, _: i64) -> BoxFuture<'static, Result<Vec<GateRecord>, StoreError>> {
        unreachable!()
    }
    fn highest_rows(&self) -> BoxFuture<'static, Result<(CardRow, TurnRow), StoreError>> {
        unreachable!()
    }
}

/// The other ports, which a gateway never asks.
struct Nothing;

impl ModelProviders for Nothing {
    fn provider(&self, _: &ModelName) -> Result<Arc<dyn ModelProvider>, Failure> {
        unreachable!()
    }
}

impl ToolHost for Nothing {
    fn run(&self, _: ToolJob, _: Beat, _: CancellationToken) -> BoxFuture<'static, ToolResult> {
        unreachable!()
    }
    fn verify(
        &self,
        _: ToolScope,
        _: VerifyJob,
        _: Beat,
        _: CancellationToken,
    ) -> BoxFuture<'static, VerifyReport> {
        unreachable!()
    }
    fn reap_strays(&self) -> usize {
        unreachable!()
    }
    fn prepare(
        &self,
        _: PathBuf,
        _: StagePlan,
    ) -> BoxFuture<'static, Result<StageReport, StageFailed>> {
        unreachable!()
    }
}

impl Projector for Nothing {
    fn project(&self, _: TurnRecord) -> BoxFuture<'static, ()> {
        unreachable!()
    }
    fn drained(&self) -> BoxFuture<'static, ()> {
        unreachable!()
    }
}

fn world(store: &Arc<Behind>) -> Arc<World> {
    let options = Options {
        arbiters: 0,
        ..Options::default()
    };
    let ports = Ports {
        store: Arc::clone(store) as _,
        models: Arc::new(Nothing),
        tools: Arc::new(Nothing),
        projector: Arc::new(Nothing),
        memory: Arc::new(Forgetful),
        clock: Arc::new(VirtualClock::default()),
    };
    Arc::new(World::new(ports, options, (0, 0)))
}

type Answer = oneshot::Receiver<Result<Permit, Failure>>;

async fn ask(gateway: &Addr<ModelGateway>, review: bool) -> Answer {
    let ask = Acquire {
        endpoint: "here".to_owned(),
        permits: 1_000,
        review,
        score: 0.0,
    };
    let sent = gateway.send(ask).await.expect("it lives");
    sent.expect("it has not failed")
}

#[test]
fn turns_begin_as_far_as_the_journal_has_room_and_the_others_when_it_has_caught_up() {
    System::new().block_on(async {
        let journal = Arc::new(Behind::default());
        let world = world(&journal);
        let exit = ExitGuard::to_supervisor(Child::ModelGateway, Arc::clone(&world));
        let gateway = ModelGateway::new(exit, Arc::clone(&world)).start();

        journal.0.store(JOURNAL_IS_BEHIND, Memory::SeqCst);
        let mut work = ask(&gateway, false).await;
        let mut review = ask(&gateway, true).await;
        assert!(work.try_recv().is_err() && review.try_recv().is_err());

        // Room for one: the review, though it came later. Nobody gave a permit back.
        journal.0.store(JOURNAL_IS_BEHIND - 1, Memory::SeqCst);
        let permit = review.await.expect("answered").expect("a permit");
        journal.0.store(JOURNAL_IS_BEHIND, Memory::SeqCst);
        drop(permit);

        journal.0.store(0, Memory::SeqCst);
        work.await.expect("answered").expect("a permit");
    });
}
