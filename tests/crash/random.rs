//! Kills at random instants.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::cases::{all, finish, reference};
use super::verdict::{State, Verdict, judge};
use super::world::{PARALLEL, World};

/// Kills of one world before it is left to come to its end: fewer than the runtime takes for a
/// crash loop.
const KILLS_OF_ONE: usize = 5;

/// xorshift64*: any generator with a seed will do.
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// From 0 up to `most`.
    fn below(&mut self, most: Duration) -> Duration {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let part = (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32) as f64 / f64::from(u32::MAX);
        most.mul_f64(part)
    }
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{variable} is no number: {text}")),
    )
}

#[test]
fn random_kills_change_nothing() {
    let wanted = usize::try_from(number("ORKET_CRASH_KILLS").unwrap_or(200)).unwrap();
    let seed = number("ORKET_CRASH_SEED").unwrap_or_else(|| {
        let now = std::time::SystemTime::now();
        let since = now.duration_since(std::time::UNIX_EPOCH).unwrap();
        u64::try_from(since.as_millis()).unwrap()
    });
    println!("ORKET_CRASH_SEED={seed}");
    let reference = reference();
    let whole = AtomicU64::new(duration());
    let began = Instant::now();
    let done = AtomicUsize::new(0);
    let parked = AtomicUsize::new(0);
    let worlds = AtomicUsize::new(0);
    // Some lives end before they are killed; worlds are begun until there were kills enough.
    let most: Vec<u64> = (0..u64::try_from(wanted).unwrap() * 4).collect();
    let text = |number: &u64| format!("world {number} of ORKET_CRASH_SEED={seed}");
    all(&most, text, |number| {
        if done.load(Ordering::Relaxed) >= wanted {
            return;
        }
        let (kills, verdict) = one_world(seed.wrapping_add(*number), &whole, &reference);
        done.fetch_add(kills, Ordering::Relaxed);
        parked.fetch_add(usize::from(verdict == Verdict::Parked), Ordering::Relaxed);
        worlds.fetch_add(1, Ordering::Relaxed);
    });
    let done = done.into_inner();
    println!(
        "random: {done} kills in {} worlds, {} parked an unknown outcome, {:.1} s; a whole run takes {} ms",
        worlds.into_inner(),
        parked.into_inner(),
        began.elapsed().as_secs_f64(),
        whole.into_inner()
    );
    assert!(
        done >= wanted,
        "only {done} lives lasted long enough to be killed"
    );
}

/// How many milliseconds a run takes while another one runs beside it, as here.
fn duration() -> u64 {
    let times = all(
        &[(), ()],
        |()| "a run".to_owned(),
        |()| {
            let world = World::new(PARALLEL);
            let began = Instant::now();
            assert!(world.start("").end().status.success());
            milliseconds(began)
        },
    );
    times.into_iter().min().unwrap()
}

fn milliseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap()
}

/// Kills one world some times, lets it come to its end and judges it; how often it was killed.
/// `whole` is the shortest run seen so far: a machine that is busy for a while shall not make kills
/// come after the end ever after.
fn one_world(seed: u64, whole: &AtomicU64, reference: &State) -> (usize, Verdict) {
    let mut random = Random::new(seed);
    let world = World::new(PARALLEL);
    let mut kills = 0;
    while kills < KILLS_OF_ONE && !world.is_over() {
        let most = Duration::from_millis(whole.load(Ordering::Relaxed));
        let began = Instant::now();
        let ended = world.start("").end_within(random.below(most));
        let ended = world.bury(ended);
        if !ended.was_killed() {
            if kills == 0 {
                whole.fetch_min(milliseconds(began), Ordering::Relaxed);
            }
            return (kills, judge(&world, reference, Some(&ended)));
        }
        kills += 1;
    }
    (kills, finish(&world, reference))
}
