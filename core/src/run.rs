//! The run machine: the card graph of one epic and the order in which its cards start.
//!
//! Scheduling is continuous. A card is ready when every card it depends on satisfies it; of the
//! ready ones the one with the highest score starts first, where score = priority + size of what it
//! unblocks, and of two equal ones the older. Cards are known here by their place in the epic.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap};

use crate::ids::CardId;
use crate::plan::CardPlan;
use crate::status::CardStatus;

/// A card's place in the run, from 0.
pub type Place = usize;

/// The graph is walked exactly up to this many cards; beyond it, shared descendants are counted
/// once per path (an upper bound), which keeps the start of very large epics linear.
const EXACT_LIMIT: usize = 2_048;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Some dependency is not satisfied yet.
    Waiting,
    /// May start.
    Ready,
    /// Started.
    Live,
    /// Waits for a person in the middle of its turn.
    Held,
    /// Settled, or not part of this run.
    Closed,
}

#[derive(Debug, Clone)]
struct Node {
    seat: String,
    score: f64,
    dependencies: Vec<Place>,
    unmet: usize,
    dependants: Vec<Place>,
    status: CardStatus,
    stage: Stage,
    in_scope: bool,
}

/// A ready card in the queue: highest score first, then lowest place.
#[derive(Debug, Clone, Copy)]
struct Ranked {
    score: f64,
    place: Place,
}

impl PartialEq for Ranked {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl Eq for Ranked {}
impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> Ordering {
        self.score
            .total_cmp(&other.score)
            .then(other.place.cmp(&self.place))
    }
}

/// How a run stands when nothing is under way any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunEnd {
    /// Every card finished well.
    Done,
    /// Every card settled, some of them badly.
    TerminalFailure,
    /// Some cards never settled.
    Incomplete,
}

/// A card that can never start because of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockedBy {
    /// The card.
    pub place: Place,
    /// The dependency that will not be satisfied.
    pub by: Place,
}

/// The card graph of one run.
#[derive(Debug, Clone)]
pub struct Run {
    nodes: Vec<Node>,
    ready: BinaryHeap<Ranked>,
    live: usize,
    live_by_seat: HashMap<String, usize>,
    wip_limit: usize,
    /// Ready cards of seats that are, or were, at their limit. While a seat may start another, the
    /// best of these is in `ready`: one is let go for each that settles, not all of them, or each
    /// card of a large epic would be looked at again whenever another one ends.
    held: HashMap<String, BinaryHeap<Ranked>>,
}

impl Run {
    /// A run over `cards` with the status each has now. Dependencies on unknown cards were refused
    /// when the plan was built; here they count as satisfied. With a target, only it, what it
    /// depends on, and what those created take part.
    #[must_use]
    pub fn new(cards: &[(&CardPlan, CardStatus)], target: Option<&CardId>, wip_limit: u32) -> Self {
        let places: HashMap<&CardId, Place> = cards
            .iter()
            .enumerate()
            .map(|(place, (card, _))| (&card.id, place))
            .collect();
        let mut nodes: Vec<Node> = cards
            .iter()
            .map(|(card, status)| Node {
                seat: card.seat.clone(),
                score: card.priority,
                dependencies: card
                    .depends_on
                    .iter()
                    .filter_map(|id| places.get(id).copied())
                    .collect(),
                unmet: 0,
                dependants: Vec::new(),
                status: *status,
                stage: Stage::Waiting,
                in_scope: true,
            })
            .collect();
        let edges: Vec<(Place, Place)> = nodes
            .iter()
            .enumerate()
            .flat_map(|(place, node)| node.dependencies.iter().map(move |from| (*from, place)))
            .collect();
        for (from, to) in edges {
            if let Some(node) = nodes.get_mut(from) {
                node.dependants.push(to);
            }
        }
        for (place, weight) in downstream_sizes(&nodes).into_iter().enumerate() {
            if let Some(node) = nodes.get_mut(place) {
                node.score += weight;
            }
        }
        if let Some(start) = target.and_then(|id| places.get(id).copied()) {
            let kept = scope_of(&nodes, start, &creations(cards, &places));
            for (node, kept) in nodes.iter_mut().zip(kept) {
                node.in_scope = kept;
            }
        }
        let mut run = Self {
            nodes,
            ready: BinaryHeap::new(),
            live: 0,
            live_by_seat: HashMap::new(),
            wip_limit: usize::try_from(wip_limit).unwrap_or(usize::MAX),
            held: HashMap::new(),
        };
        for place in 0..run.nodes.len() {
            run.place_at_start(place);
        }
        run
    }

    fn place_at_start(&mut self, place: Place) {
        let unmet = self.count_unmet(place);
        let Some(node) = self.nodes.get_mut(place) else {
            return;
        };
        node.unmet = unmet;
        if !node.in_scope || node.status.is_settled() {
            node.stage = Stage::Closed;
        } else if unmet == 0 {
            node.stage = Stage::Ready;
            self.ready.push(Ranked {
                score: node.score,
                place,
            });
        }
    }

    fn count_unmet(&self, place: Place) -> usize {
        let Some(node) = self.nodes.get(place) else {
            return 0;
        };
        node.dependencies
            .iter()
            .filter(|from| {
                self.nodes
                    .get(**from)
                    .is_some_and(|n| !n.status.satisfies_dependency())
            })
            .count()
    }

    /// Cards that can never start as things stand: their dependency is blocked, canceled or refused.
    /// Each is marked blocked; the whole subtree comes out, nearest first.
    pub fn block_unreachable(&mut self) -> Vec<BlockedBy> {
        let roots: Vec<Place> = (0..self.nodes.len())
            .filter(|place| {
                self.nodes
                    .get(*place)
                    .is_some_and(|n| n.stage == Stage::Closed && n.status.blocks_dependants())
            })
            .collect();
        roots
            .into_iter()
            .flat_map(|root| self.block_subtree(root))
            .collect()
    }

    fn block_subtree(&mut self, root: Place) -> Vec<BlockedBy> {
        let mut out = Vec::new();
        let mut frontier = vec![root];
        while let Some(by) = frontier.pop() {
            let dependants = self
                .nodes
                .get(by)
                .map(|n| n.dependants.clone())
                .unwrap_or_default();
            for place in dependants {
                let Some(node) = self.nodes.get_mut(place) else {
                    continue;
                };
                if node.stage != Stage::Waiting || !node.in_scope {
                    continue;
                }
                node.stage = Stage::Closed;
                node.status = CardStatus::Blocked;
                out.push(BlockedBy { place, by });
                frontier.push(place);
            }
        }
        out
    }

    /// The next card to start, now marked live; `None` when no card is ready.
    pub fn start_next(&mut self) -> Option<Place> {
        while let Some(ranked) = self.ready.pop() {
            let Some(node) = self.nodes.get_mut(ranked.place) else {
                continue;
            };
            let may_start = node.stage == Stage::Ready;
            if self.wip_limit > 0 {
                let seat = node.seat.clone();
                let live = self.live_by_seat.entry(seat.clone()).or_default();
                if may_start && *live >= self.wip_limit {
                    self.held.entry(seat).or_default().push(ranked);
                    continue;
                }
                *live += usize::from(may_start);
                if *live < self.wip_limit {
                    self.let_go(&seat);
                }
            }
            if !may_start {
                continue;
            }
            if let Some(node) = self.nodes.get_mut(ranked.place) {
                node.stage = Stage::Live;
            }
            self.live += 1;
            return Some(ranked.place);
        }
        None
    }

    /// Lets the best of a seat's held cards compete again.
    fn let_go(&mut self, seat: &str) {
        if let Some(ranked) = self.held.get_mut(seat).and_then(BinaryHeap::pop) {
            self.ready.push(ranked);
        }
    }

    /// A live card settled, or was laid down unfinished. Its dependants become ready, or are blocked
    /// and returned.
    pub fn settled(&mut self, place: Place, status: CardStatus) -> Vec<BlockedBy> {
        let Some(node) = self.nodes.get_mut(place) else {
            return Vec::new();
        };
        if node.stage == Stage::Live {
            self.live = self.live.saturating_sub(1);
            if let Some(count) = self.live_by_seat.get_mut(&node.seat) {
                *count = count.saturating_sub(1);
            }
        }
        node.stage = Stage::Closed;
        node.status = status;
        let dependants = node.dependants.clone();
        if self.wip_limit > 0 {
            let seat = node.seat.clone();
            self.let_go(&seat);
        }
        if status.satisfies_dependency() {
            for dependant in dependants {
                self.one_less_unmet(dependant);
            }
            Vec::new()
        } else if status.blocks_dependants() {
            self.block_subtree(place)
        } else {
            Vec::new()
        }
    }

    /// A card waits for a person; whoever depends on it waits too.
    pub fn hold(&mut self, place: Place) {
        let status = self.nodes.get(place).map(|node| node.status);
        let was_in_scope = self.nodes.get(place).is_some_and(|node| node.in_scope);
        if let Some(status) = status.filter(|_| was_in_scope) {
            let unblocked = CardStatus::InProgress;
            let _nobody = self.settled(place, unblocked);
            if let Some(node) = self.nodes.get_mut(place) {
                node.stage = Stage::Held;
                node.status = status;
            }
        }
    }

    /// The person decided: the card may go on.
    pub fn unhold(&mut self, place: Place) {
        if let Some(node) = self.nodes.get_mut(place)
            && node.stage == Stage::Held
        {
            node.stage = Stage::Ready;
            let score = node.score;
            self.ready.push(Ranked { score, place });
        }
    }

    fn one_less_unmet(&mut self, place: Place) {
        let Some(node) = self.nodes.get_mut(place) else {
            return;
        };
        node.unmet = node.unmet.saturating_sub(1);
        if node.unmet == 0 && node.stage == Stage::Waiting {
            node.stage = Stage::Ready;
            self.ready.push(Ranked {
                score: node.score,
                place,
            });
        }
    }

    /// A card that came up during the run; its dependencies are already part of the run.
    pub fn add(&mut self, card: &CardPlan, dependencies: Vec<Place>) -> Place {
        let place = self.nodes.len();
        for from in &dependencies {
            if let Some(node) = self.nodes.get_mut(*from) {
                node.dependants.push(place);
            }
        }
        self.nodes.push(Node {
            seat: card.seat.clone(),
            score: card.priority,
            dependencies,
            unmet: 0,
            dependants: Vec::new(),
            status: CardStatus::Ready,
            stage: Stage::Waiting,
            in_scope: true,
        });
        self.place_at_start(place);
        place
    }

    /// How many cards are live.
    #[must_use]
    pub const fn live(&self) -> usize {
        self.live
    }

    /// The score of a card: what the queue orders by.
    #[must_use]
    pub fn score(&self, place: Place) -> f64 {
        self.nodes.get(place).map_or(0.0, |node| node.score)
    }

    /// The status last told of a card.
    #[must_use]
    pub fn status(&self, place: Place) -> Option<CardStatus> {
        self.nodes.get(place).map(|node| node.status)
    }

    /// Whether a card takes part; with a target, only it and what it depends on do.
    #[must_use]
    pub fn is_in_scope(&self, place: Place) -> bool {
        self.nodes.get(place).is_some_and(|node| node.in_scope)
    }

    /// The cards that `place` depends on.
    #[must_use]
    pub fn dependencies(&self, place: Place) -> &[Place] {
        self.nodes.get(place).map_or(&[], |node| &node.dependencies)
    }

    /// How the run ends, once no card is live and none is ready.
    #[must_use]
    pub fn end(&self) -> Option<RunEnd> {
        if self.live > 0 || self.nodes.iter().any(|node| node.stage == Stage::Ready) {
            return None;
        }
        let mut scope = self.nodes.iter().filter(|node| node.in_scope).peekable();
        if scope.peek().is_none() {
            return Some(RunEnd::Incomplete);
        }
        let mut end = RunEnd::Done;
        for node in scope {
            if node.stage == Stage::Held || !node.status.is_settled() {
                return Some(RunEnd::Incomplete);
            }
            if !node.status.is_finished() {
                end = RunEnd::TerminalFailure;
            }
        }
        Some(end)
    }
}

/// How many cards each card's completion leads to.
fn downstream_sizes(nodes: &[Node]) -> Vec<f64> {
    let mut sizes = vec![0.0; nodes.len()];
    if nodes.len() <= EXACT_LIMIT {
        // A node is seen in the walk from `place` when its stamp says so: no set to clear.
        let mut stamps = vec![usize::MAX; nodes.len()];
        let mut frontier: Vec<Place> = Vec::new();
        for (place, size) in sizes.iter_mut().enumerate() {
            let mut count = 0;
            frontier.extend(
                nodes
                    .get(place)
                    .map(|n| n.dependants.as_slice())
                    .unwrap_or_default(),
            );
            while let Some(next) = frontier.pop() {
                let Some(stamp) = stamps.get_mut(next) else {
                    continue;
                };
                if *stamp != place {
                    *stamp = place;
                    count += 1;
                    frontier.extend(
                        nodes
                            .get(next)
                            .map(|n| n.dependants.as_slice())
                            .unwrap_or_default(),
                    );
                }
            }
            *size = to_f64(count);
        }
        return sizes;
    }
    // From the leaves upwards (Kahn's order on the reversed graph), each path counted once.
    let most = to_f64(nodes.len());
    let mut open: Vec<usize> = nodes.iter().map(|node| node.dependants.len()).collect();
    let mut done: Vec<Place> = (0..nodes.len())
        .filter(|place| open.get(*place) == Some(&0))
        .collect();
    while let Some(place) = done.pop() {
        let own = sizes.get(place).copied().unwrap_or(0.0);
        for from in nodes
            .get(place)
            .map(|n| n.dependencies.as_slice())
            .unwrap_or_default()
        {
            if let Some(size) = sizes.get_mut(*from) {
                *size = (*size + own + 1.0).min(most);
            }
            if let Some(left) = open.get_mut(*from) {
                *left = left.saturating_sub(1);
                if *left == 0 {
                    done.push(*from);
                }
            }
        }
    }
    sizes
}

fn to_f64(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::from(u32::MAX), f64::from)
}

/// Of each card, those that its turns created.
fn creations(
    cards: &[(&CardPlan, CardStatus)],
    places: &HashMap<&CardId, Place>,
) -> HashMap<Place, Vec<Place>> {
    let mut creations: HashMap<Place, Vec<Place>> = HashMap::new();
    for (place, (card, _)) in cards.iter().enumerate() {
        let creator = card.created_by.as_ref().and_then(|id| places.get(id));
        if let Some(creator) = creator {
            creations.entry(*creator).or_default().push(place);
        }
    }
    creations
}

/// What takes part when `start` is the target: it, what it depends on, and what those created.
fn scope_of(nodes: &[Node], start: Place, created: &HashMap<Place, Vec<Place>>) -> Vec<bool> {
    let mut kept = vec![false; nodes.len()];
    let mut frontier = vec![start];
    while let Some(place) = frontier.pop() {
        let Some(mark) = kept.get_mut(place) else {
            continue;
        };
        if std::mem::replace(mark, true) {
            continue;
        }
        frontier.extend(
            nodes
                .get(place)
                .map(|n| n.dependencies.as_slice())
                .unwrap_or_default(),
        );
        frontier.extend(created.get(&place).map(Vec::as_slice).unwrap_or_default());
    }
    kept
}

#[cfg(test)]
mod tests;
