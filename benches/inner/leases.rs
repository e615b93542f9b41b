//! The watchdog's agenda of a hundred thousand attempts: written, asked while nothing is due, and when all is.

use std::sync::Arc;

use actix::prelude::*;
use criterion::{Criterion, Throughput};
use orket_actors::agenda::Agenda;
use orket_actors::clock::VirtualClock;
use orket_actors::ending::AttemptStalled;
use orket_actors::lease::{Lease, LeaseOf, Leases};
use orket_core::turn::Purpose;
use tokio_util::sync::CancellationToken;

use super::golden::Golden;

const LEASES: i64 = 100_000;
const DUE: u64 = 1_000;

/// Measures it.
pub fn bench(criterion: &mut Criterion) {
    let system = System::new();
    let nobody = system.block_on(async { Nobody.start().recipient() });
    let leases = open(&nobody);
    let mut group = criterion.benchmark_group("agenda, 100000 leases");
    group.throughput(Throughput::Elements(
        u64::try_from(LEASES).expect("a count"),
    ));
    group.sample_size(10);
    group.bench_function("add all, take all when due", |bencher| {
        bencher.iter(|| {
            let mut agenda = written(&leases);
            let mut taken = 0;
            while agenda.next_due(DUE).is_some() {
                taken += 1;
            }
            assert_eq!(taken, leases.len());
        });
    });
    let mut agenda = written(&leases);
    group.throughput(Throughput::Elements(1));
    group.bench_function("ask when nothing is due", |bencher| {
        bencher.iter(|| agenda.next_due(DUE - 1).is_none());
    });
    group.bench_function("a beat", |bencher| bencher.iter(|| leases[7].beat()));
    group.bench_function("a judgement", |bencher| bencher.iter(|| leases[7].judge()));
    group.finish();
}

fn written(leases: &[Arc<Lease>]) -> Agenda {
    let mut agenda = Agenda::default();
    for lease in leases {
        agenda.add(DUE, lease);
    }
    agenda
}

fn open(nobody: &Recipient<AttemptStalled>) -> Vec<Arc<Lease>> {
    let context = Golden::new().context;
    let leases = Leases::new(Arc::new(VirtualClock::default()));
    let parent = CancellationToken::new();
    (0..LEASES)
        .map(|row| {
            let of = LeaseOf {
                plan: Arc::clone(&context.plan),
                card: row,
                card_id: context.card.id.clone(),
                card_plan: Arc::clone(&context.card),
                turn_row: row,
                fence: 1,
                purpose: Purpose::Work,
                seat: context.seat.clone(),
                role: "coder".to_owned(),
                turn: 1,
                attempt: 1,
                life: orket_core::card_life::CardLife::default(),
            };
            leases.open(of, &parent, nobody.clone())
        })
        .collect()
}

struct Nobody;

impl Actor for Nobody {
    type Context = Context<Self>;
}

impl Handler<AttemptStalled> for Nobody {
    type Result = ();
    fn handle(&mut self, _: AttemptStalled, _: &mut Self::Context) {}
}
