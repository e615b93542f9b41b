//! What each card of the epics will meet, and so how it must end: all of it from the seed.

use super::draw::Draw;
use super::fault::{Fault, Patience, RETRIES};
use super::latency::Latency;
use super::shape::Shape;

/// The most cards of all epics together.
pub const MOST_CARDS: u64 = 200_000;

/// What is wished for.
#[derive(Debug, Clone, PartialEq)]
pub struct Wish {
    /// Epics.
    pub epics: u32,
    /// Cards of each.
    pub cards: u32,
    /// How they depend on each other.
    pub shape: Shape,
    /// How long each reply takes.
    pub latency: Latency,
    /// The chance that a try at a turn goes wrong.
    pub fault_rate: f64,
    /// The chance that every try at a card's work goes wrong.
    pub hopeless_rate: f64,
    /// What may go wrong.
    pub faults: Vec<Fault>,
    /// Cards of each epic whose first try is silence.
    pub stalls: u32,
    /// Where chance begins.
    pub seed: u64,
}

/// The two turns of a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The seat writes its file and hands it in.
    Work,
    /// The guard agrees.
    Review,
}

/// What one turn meets.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TurnPlan {
    /// How long the good reply takes.
    pub delay_ms: u64,
    /// What goes wrong at its first tries, one each.
    pub faults: Vec<Fault>,
    /// What goes wrong at every try after those; `None` for the good reply.
    pub forever: Option<Fault>,
}

impl TurnPlan {
    /// How long the model alone takes: the good reply, and the clock of each silence.
    fn model_ms(&self, clock_ms: u64, tries: u32) -> u64 {
        let silences = self
            .faults
            .iter()
            .filter(|fault| fault.is_silence())
            .count() as u64;
        match self.forever {
            Some(fault) if fault.is_silence() => {
                let forever = u64::from(tries).saturating_sub(self.faults.len() as u64);
                (silences + forever) * clock_ms
            }
            Some(_) => silences * clock_ms,
            None => silences * clock_ms + self.delay_ms,
        }
    }
}

/// How a card ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Done.
    Done,
    /// Blocked by what went wrong, with this code.
    Blocked(&'static str),
    /// Blocked because one that it waits for is.
    Waiting,
}

/// One card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    /// Its id, unlike that of any card of any epic.
    pub id: String,
    /// Those that it waits for, by number.
    pub before: Vec<u32>,
    /// Its work.
    pub work: TurnPlan,
    /// Its review.
    pub review: TurnPlan,
    /// How it ends.
    pub end: End,
}

/// One epic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Epic {
    /// Its name, also that of its scenario and environment.
    pub name: String,
    /// Its cards.
    pub cards: Vec<Card>,
}

/// The plan of all epics.
#[must_use]
pub fn plan(wish: &Wish) -> Vec<Epic> {
    (0..wish.epics).map(|number| epic(wish, number)).collect()
}

fn epic(wish: &Wish, number: u32) -> Epic {
    let mut cards: Vec<Card> = Vec::with_capacity(wish.cards as usize);
    for at in 0..wish.cards {
        let before = wish.shape.before(at, wish.cards);
        let mut card = card(wish, number, at);
        let blocked = |id: &u32| {
            cards
                .get(*id as usize)
                .is_some_and(|card| card.end != End::Done)
        };
        if before.iter().any(blocked) {
            card.end = End::Waiting;
        }
        card.before = before;
        cards.push(card);
    }
    Epic {
        name: format!("load-{}", number + 1),
        cards,
    }
}

fn card(wish: &Wish, epic: u32, at: u32) -> Card {
    let mut draw = Draw::for_card(wish.seed, epic, at);
    // Everything is drawn in the same order whatever is asked for, so that a rate that changes leaves
    // the delays as they were.
    let delays = [wish.latency.draw(&mut draw), wish.latency.draw(&mut draw)];
    let is_hopeless = draw.happens(wish.hopeless_rate);
    let mut patience = Patience::new(RETRIES);
    let mut work = TurnPlan {
        delay_ms: delays[0],
        ..TurnPlan::default()
    };
    let mut review = TurnPlan {
        delay_ms: delays[1],
        ..TurnPlan::default()
    };
    if is_stalled(wish, at) && patience.bears(Fault::Hang, false) {
        work.faults.push(Fault::Hang);
    }
    let end = if is_hopeless && !wish.faults.is_empty() {
        work.forever = hopeless(wish, &mut draw);
        work.forever
            .map_or(End::Done, |fault| End::Blocked(fault.code()))
    } else {
        meet(wish, &mut draw, &mut patience, Side::Work, &mut work)
            .or_else(|| {
                patience.turn_is_done();
                meet(wish, &mut draw, &mut patience, Side::Review, &mut review)
            })
            .map_or(End::Done, |fault| End::Blocked(fault.code()))
    };
    Card {
        id: format!("E{}-C{}", epic + 1, at + 1),
        before: Vec::new(),
        work,
        review,
        end,
    }
}

/// A server that fails card after card opens the breaker for all of them, which is another scenario:
/// where there is a choice, what never gets better is no fault of the server.
fn hopeless(wish: &Wish, draw: &mut Draw) -> Option<Fault> {
    let others: Vec<Fault> = (wish.faults.iter().copied())
        .filter(|fault| !fault.is_of_the_server())
        .collect();
    let of = if others.is_empty() {
        &wish.faults
    } else {
        &others
    };
    draw.pick(of).copied()
}

/// Draws what goes wrong at a turn. The fault that the card does not survive, if there is one: it is
/// played at every further try, so that a crash in between, which counts as a try, changes nothing.
fn meet(
    wish: &Wish,
    draw: &mut Draw,
    patience: &mut Patience,
    side: Side,
    turn: &mut TurnPlan,
) -> Option<Fault> {
    while draw.happens(wish.fault_rate) {
        let fault = *draw.pick(&wish.faults)?;
        let mut after = *patience;
        if after.bears(fault, side == Side::Review) {
            *patience = after;
            turn.faults.push(fault);
        } else if side == Side::Review && fault == Fault::Garbage {
            // A guard that cannot be understood leaves the card to a person, who is not here.
            return None;
        } else {
            turn.forever = Some(fault);
            return Some(fault);
        }
    }
    None
}

/// Whether a card is one of those that begin with silence, which are spread over the epic.
fn is_stalled(wish: &Wish, at: u32) -> bool {
    let (cards, stalls) = (u64::from(wish.cards), u64::from(wish.stalls));
    let share = |at: u64| at * stalls / cards.max(1);
    share(u64::from(at) + 1) > share(u64::from(at))
}

/// The longest delay of any reply.
#[must_use]
pub fn longest_delay_ms(epics: &[Epic]) -> u64 {
    let of = |card: &Card| card.work.delay_ms.max(card.review.delay_ms);
    epics
        .iter()
        .flat_map(|epic| &epic.cards)
        .map(of)
        .max()
        .unwrap_or(0)
}

/// The least time that a run of this epic can take, in milliseconds, were everything but the model
/// free: its longest chain of replies, or all replies by so many at a time, whichever is more. Waits
/// between tries are not in it.
#[must_use]
pub fn critical_path_ms(epic: &Epic, permits: u32, clock_ms: u64) -> u64 {
    let mut until: Vec<u64> = Vec::with_capacity(epic.cards.len());
    let mut all = 0_u64;
    for card in &epic.cards {
        let own = if card.end == End::Waiting {
            0
        } else {
            card.work.model_ms(clock_ms, RETRIES + 1) + card.review.model_ms(clock_ms, RETRIES + 1)
        };
        let before = card.before.iter().filter_map(|id| until.get(*id as usize));
        until.push(before.max().copied().unwrap_or(0) + own);
        all += own;
    }
    let longest = until.into_iter().max().unwrap_or(0);
    longest.max(all / u64::from(permits.max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish() -> Wish {
        Wish {
            epics: 2,
            cards: 400,
            shape: Shape::Layers,
            latency: Latency::Uniform(10, 90),
            fault_rate: 0.3,
            hopeless_rate: 0.02,
            faults: vec![Fault::Http500, Fault::Garbage, Fault::Reset],
            stalls: 5,
            seed: 11,
        }
    }

    #[test]
    fn the_same_seed_makes_the_same_plan() {
        assert_eq!(plan(&wish()), plan(&wish()));
        let mut other = wish();
        other.seed = 12;
        assert_ne!(plan(&wish()), plan(&other));
        // A plan with more cards begins alike, but for what each waits for.
        let mut more = wish();
        (more.cards, more.stalls, more.shape) = (500, 0, Shape::Flat);
        let mut fewer = more.clone();
        fewer.cards = 400;
        let (more, fewer) = (plan(&more), plan(&fewer));
        assert_eq!(more[0].cards[..400], fewer[0].cards[..]);
    }

    #[test]
    fn ends_follow_from_what_is_met() {
        let epics = plan(&wish());
        let all: Vec<&Card> = epics.iter().flat_map(|epic| &epic.cards).collect();
        let count = |is: fn(&End) -> bool| all.iter().filter(|card| is(&card.end)).count();
        let (blocked, waiting) = (
            count(|end| matches!(end, End::Blocked(_))),
            count(|end| matches!(end, End::Waiting)),
        );
        assert!(blocked > 5 && waiting > blocked, "{blocked} {waiting}");
        for epic in &epics {
            let stalled = |card: &&Card| card.work.faults.first() == Some(&Fault::Hang);
            assert_eq!(epic.cards.iter().filter(stalled).count(), 5);
            for card in &epic.cards {
                let blocks = card
                    .before
                    .iter()
                    .any(|id| epic.cards[*id as usize].end != End::Done);
                assert_eq!(card.end == End::Waiting, blocks, "{}", card.id);
                let forever = card.work.forever.or(card.review.forever);
                if !blocks {
                    let code = forever.map(Fault::code);
                    let told = match card.end {
                        End::Blocked(code) => Some(code),
                        End::Done | End::Waiting => None,
                    };
                    assert_eq!(told, code, "{}", card.id);
                }
                assert_ne!(card.review.forever, Some(Fault::Garbage));
            }
        }
    }

    #[test]
    fn the_critical_path_is_the_longest_chain_or_the_permits() {
        let mut wish = wish();
        (wish.cards, wish.latency, wish.fault_rate) = (10, Latency::Fixed(100), 0.0);
        (wish.hopeless_rate, wish.stalls) = (0.0, 0);
        wish.shape = Shape::Chain;
        let path = |wish: &Wish, permits| critical_path_ms(&plan(wish)[0], permits, 1_000);
        assert_eq!(path(&wish, 256), 10 * 2 * 100);
        wish.shape = Shape::Flat;
        assert_eq!(path(&wish, 256), 2 * 100);
        assert_eq!(path(&wish, 5), 10 * 2 * 100 / 5);
        wish.stalls = 1;
        assert_eq!(path(&wish, 256), 1_000 + 2 * 100);
    }
}
