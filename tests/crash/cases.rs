//! One case: a world that is killed at given points, goes on, and is judged. Many of them at once.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::verdict::{State, Verdict, judge};
use super::world::{Setup, World};

/// One world's story: the point and pass at which each of its first lives is killed.
#[derive(Debug, Clone)]
pub struct Case {
    pub name: &'static str,
    pub setup: Setup,
    pub kills: Vec<(String, u64)>,
}

/// How it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Went {
    /// Every kill struck.
    Killed(Verdict),
    /// A life came to its end before the last point was passed that often.
    Missed,
}

impl Case {
    pub fn text(&self) -> String {
        let kills: Vec<String> = self
            .kills
            .iter()
            .map(|(point, pass)| format!("{point}#{pass}"))
            .collect();
        format!("{}: {}", self.name, kills.join(", then "))
    }

    /// Lives it through. Where things run side by side a point is not passed equally often each
    /// time; then an earlier pass is taken, the first at last, which must be met. After an earlier
    /// kill, which cards that run side by side do not meet at the same place each time, it must be
    /// met in one of a few tries.
    pub fn play(&self, reference: &State) -> Verdict {
        let mut case = self.clone();
        let mut tries_left = if self.kills.len() > 1 { 8 } else { 0 };
        loop {
            match case.once(reference) {
                Went::Killed(verdict) => return verdict,
                Went::Missed => {
                    let (point, pass) = case.kills.last_mut().unwrap();
                    if *pass > 1 {
                        *pass /= 2;
                    } else {
                        assert!(tries_left > 0, "`{point}` was not passed");
                        tries_left -= 1;
                    }
                }
            }
        }
    }

    fn once(&self, reference: &State) -> Went {
        let world = World::new(self.setup);
        for (nth, (point, pass)) in self.kills.iter().enumerate() {
            let ended = world.live(&format!("kill@{point}#{pass}"));
            if !ended.was_killed() {
                assert_eq!(
                    nth + 1,
                    self.kills.len(),
                    "`{point}` was not passed {pass} times: {}",
                    ended.err
                );
                judge(&world, reference, Some(&ended));
                return Went::Missed;
            }
        }
        Went::Killed(finish(&world, reference))
    }
}

/// Lets a world that was killed come to its end, and judges it.
pub fn finish(world: &World, reference: &State) -> Verdict {
    if world.is_over() {
        // The kill came after the last word: the same command would rightly begin anew.
        return judge(world, reference, None);
    }
    let last = world.live("");
    judge(world, reference, Some(&last))
}

/// What an undisturbed run leaves.
pub fn reference() -> State {
    let world = World::new(super::world::PARALLEL);
    let ended = world.live("");
    assert!(ended.status.success(), "{}\n{}", ended.out, ended.err);
    let state = State::of(&world);
    assert_eq!((state.payments, state.posted), (1, 1));
    let verdict = judge(&world, &state, Some(&ended));
    assert_eq!(verdict, Verdict::Same);
    state
}

/// So many that went wrong say what is wrong.
const ENOUGH: usize = 8;

/// Does `work` with every item, a few at a time, and fails with all that went wrong.
pub fn all<T: Sync, R: Send>(
    items: &[T],
    text: impl Fn(&T) -> String + Sync,
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::new());
    let wrong = Mutex::new(Vec::new());
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads.clamp(2, 4) {
            scope.spawn(|| {
                while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if wrong.lock().unwrap().len() >= ENOUGH {
                        return;
                    }
                    match catch_unwind(AssertUnwindSafe(|| work(item))) {
                        Ok(result) => results.lock().unwrap().push(result),
                        Err(panic) => {
                            let why = panic
                                .downcast_ref::<String>()
                                .map(String::as_str)
                                .or_else(|| panic.downcast_ref::<&str>().copied());
                            let why = why.unwrap_or("a panic without words");
                            wrong
                                .lock()
                                .unwrap()
                                .push(format!("{}\n    {why}", text(item)));
                        }
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(
        wrong.is_empty(),
        "{} went wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    results.into_inner().unwrap()
}
