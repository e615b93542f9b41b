use super::*;
use crate::contract::Contract;
use crate::status::CardKind;
use proptest::prelude::*;

fn card(place: usize, priority: f64, depends_on: &[usize]) -> CardPlan {
    let id = |place: usize| CardId::new(format!("C-{place}")).expect("an id");
    CardPlan {
        id: id(place),
        kind: CardKind::Issue,
        summary: String::new(),
        seat: if place.is_multiple_of(2) {
            "coder".to_owned()
        } else {
            "architect".to_owned()
        },
        description: String::new(),
        note: String::new(),
        requirements: String::new(),
        priority,
        depends_on: depends_on.iter().map(|from| id(*from)).collect(),
        max_retries: 3,
        contract: Contract::default(),
        review_contract: Contract::default(),
        verify: Vec::new(),
        fixture: None,
        params: serde_json::Map::new(),
        labels: Vec::new(),
        references: Vec::new(),
        created_by: None,
    }
}

fn run(cards: &[CardPlan], target: Option<&str>, wip: u32) -> Run {
    let graph: Vec<_> = cards.iter().map(|card| (card, CardStatus::Ready)).collect();
    let target = target.map(|id| CardId::new(id).expect("an id"));
    Run::new(&graph, target.as_ref(), wip)
}

#[test]
fn the_card_that_unblocks_most_starts_first_and_priority_counts() {
    let cards = [
        card(0, 2.0, &[]),
        card(1, 2.0, &[]),
        card(2, 2.0, &[1]),
        card(3, 2.0, &[2]),
        card(4, 3.5, &[]),
    ];
    let mut run = run(&cards, None, 0);
    let order: Vec<_> = std::iter::from_fn(|| run.start_next()).collect();
    assert_eq!(order, [1, 4, 0]);
}

#[test]
fn a_failed_card_blocks_its_subtree_and_nothing_else() {
    let cards = [
        card(0, 2.0, &[]),
        card(1, 2.0, &[0]),
        card(2, 2.0, &[1]),
        card(3, 2.0, &[]),
    ];
    let mut run = run(&cards, None, 0);
    assert_eq!((run.start_next(), run.start_next()), (Some(0), Some(3)));
    assert_eq!(
        run.settled(0, CardStatus::Blocked),
        [BlockedBy { place: 1, by: 0 }, BlockedBy { place: 2, by: 1 }]
    );
    assert_eq!(run.end(), None);
    run.settled(3, CardStatus::Done);
    assert_eq!(run.end(), Some(RunEnd::TerminalFailure));
}

#[test]
fn a_target_brings_what_it_and_its_dependencies_created() {
    let created = |place, by: &str| CardPlan {
        created_by: Some(CardId::new(by).expect("an id")),
        ..card(place, 2.0, &[])
    };
    let cards = [
        card(0, 2.0, &[]),
        card(1, 2.0, &[0]),
        card(2, 2.0, &[]),
        created(3, "C-0"),
        created(4, "C-3"),
        created(5, "C-2"),
    ];
    let run = run(&cards, Some("C-1"), 0);
    let scope: Vec<bool> = (0..6).map(|place| run.is_in_scope(place)).collect();
    assert_eq!(scope, [true, true, false, true, true, false]);
}

#[test]
fn a_target_brings_its_dependencies_and_nobody_else() {
    let cards = [
        card(0, 2.0, &[]),
        card(1, 2.0, &[0]),
        card(2, 2.0, &[1]),
        card(3, 2.0, &[]),
    ];
    let mut run = run(&cards, Some("C-1"), 0);
    assert_eq!((run.start_next(), run.start_next()), (Some(0), None));
    run.settled(0, CardStatus::Done);
    assert_eq!((run.start_next(), run.start_next()), (Some(1), None));
    run.settled(1, CardStatus::Done);
    assert_eq!(run.end(), Some(RunEnd::Done));
}

#[test]
fn a_seat_at_its_limit_holds_its_cards_back_until_one_settles() {
    let cards = [card(0, 2.0, &[]), card(2, 2.0, &[]), card(1, 2.0, &[])];
    let mut run = run(&cards, None, 1);
    assert_eq!(
        (run.start_next(), run.start_next(), run.start_next()),
        (Some(0), Some(2), None)
    );
    run.settled(0, CardStatus::Done);
    assert_eq!(run.start_next(), Some(1));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Of all ready cards whose seat may start another, always the best one starts, whatever was held
    /// back before.
    #[test]
    fn a_seat_that_may_start_another_starts_its_best(
        edges in prop::collection::vec((0_usize..24, 0_usize..24), 0..30),
        priorities in prop::collection::vec(0_u8..4, 24),
        steps in prop::collection::vec((0_u8..4, any::<prop::sample::Index>()), 0..120),
        wip in 1_u32..4,
    ) {
        let cards: Vec<CardPlan> = (0..24)
            .map(|place| {
                let before: Vec<usize> = edges.iter().filter(|(from, to)| *to == place && from < to).map(|(from, _)| *from).collect();
                card(place, f64::from(priorities[place]), &before)
            })
            .collect();
        let mut run = run(&cards, None, wip);
        let limit = usize::try_from(wip).unwrap();
        let mut live: Vec<usize> = Vec::new();
        let mut held: Vec<usize> = Vec::new();
        for (step, at) in steps {
            match step {
                0 | 1 => {
                    let at_work = |seat: &str| live.iter().filter(|it| run.nodes[**it].seat == seat).count();
                    let best = run
                        .nodes
                        .iter()
                        .enumerate()
                        .filter(|(_, node)| node.stage == Stage::Ready && at_work(&node.seat) < limit)
                        .map(|(place, node)| Ranked { score: node.score, place })
                        .max()
                        .map(|ranked| ranked.place);
                    prop_assert_eq!(run.start_next(), best);
                    live.extend(best);
                }
                2 if !live.is_empty() => {
                    let place = live.remove(at.index(live.len()));
                    if at.index(3) == 0 {
                        run.hold(place);
                        held.push(place);
                    } else {
                        run.settled(place, CardStatus::Done);
                    }
                }
                // An operator puts a card away that nobody works at, or lets one go on.
                _ if at.index(2) == 0 => {
                    let place = at.index(24);
                    if run.nodes[place].stage == Stage::Ready {
                        run.settled(place, CardStatus::Archived);
                    }
                }
                _ => {
                    if let Some(place) = held.pop() {
                        run.unhold(place);
                    }
                }
            }
        }
    }

    /// Whatever settles how: no card starts twice or before its dependencies, and the run ends.
    #[test]
    fn every_graph_is_worked_through_once(
        edges in prop::collection::vec((0_usize..24, 0_usize..24), 0..60),
        fates in prop::collection::vec(prop::sample::select(vec![CardStatus::Done, CardStatus::Done, CardStatus::Done, CardStatus::Blocked, CardStatus::GuardRejected]), 24),
        wip in 0_u32..3,
    ) {
        let cards: Vec<CardPlan> = (0..24)
            .map(|place| {
                let before: Vec<usize> = edges.iter().filter(|(from, to)| *to == place && from < to).map(|(from, _)| *from).collect();
                card(place, 2.0, &before)
            })
            .collect();
        let mut run = run(&cards, None, wip);
        let mut started: Vec<usize> = Vec::new();
        let mut live: Vec<usize> = Vec::new();
        let mut blocked: Vec<usize> = Vec::new();
        loop {
            while let Some(place) = run.start_next() {
                prop_assert!(!started.contains(&place));
                for from in run.dependencies(place) {
                    prop_assert!(run.status(*from).is_some_and(CardStatus::satisfies_dependency));
                }
                started.push(place);
                live.push(place);
            }
            let Some(place) = live.pop() else { break };
            blocked.extend(run.settled(place, fates[place]).into_iter().map(|b| b.place));
        }
        prop_assert!(run.end().is_some());
        started.extend(&blocked);
        started.sort_unstable();
        prop_assert_eq!(started, (0..24).collect::<Vec<_>>());
    }
}
