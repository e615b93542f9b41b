//! Driving a number of cards for a while, and what came of it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const ROUND: Duration = Duration::from_millis(500);
const WARM_UP: Duration = Duration::from_millis(100);

/// Steps of one round: how many, in what time, and each one's wait in microseconds.
#[derive(Default)]
pub struct Round {
    steps: usize,
    seconds: f64,
    waits: Vec<u32>,
    /// Of the thread that writes, in microseconds a step; 0 where there is no such thread.
    cpu: f64,
}

#[derive(Default)]
pub struct Measured {
    rates: Vec<f64>,
    cpus: Vec<f64>,
    waits: Vec<u32>,
}

impl Measured {
    pub fn add(&mut self, mut round: Round) {
        self.rates
            .push(f64::from(u32::try_from(round.steps).unwrap()) / round.seconds);
        self.cpus.push(round.cpu);
        self.waits.append(&mut round.waits);
    }

    pub fn cpu(&self) -> f64 {
        median(&self.cpus)
    }

    /// The median, over the rounds, of this rate divided by the other's of the same round: a slow
    /// moment of the machine meets both.
    pub fn compared_to(&self, other: &Self) -> f64 {
        let ratios: Vec<f64> = self
            .rates
            .iter()
            .zip(&other.rates)
            .map(|(own, others)| own / others)
            .collect();
        median(&ratios)
    }

    pub fn rate(&self) -> f64 {
        median(&self.rates)
    }

    /// Milliseconds within which this part of all steps was answered.
    pub fn quantile(&self, part: f64) -> f64 {
        let mut waits = self.waits.clone();
        waits.sort_unstable();
        let place = (waits.len() as f64 * part) as usize;
        f64::from(waits[place.min(waits.len() - 1)]) / 1_000.0
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// Seconds on a processor so far of the threads with this name; Linux only, elsewhere 0.
fn processor_seconds(thread: &str) -> f64 {
    let read = |path: PathBuf| std::fs::read_to_string(path).unwrap_or_default();
    std::fs::read_dir("/proc/self/task")
        .into_iter()
        .flatten()
        .flatten()
        .filter(|task| read(task.path().join("comm")).trim() == thread)
        .filter_map(|task| {
            let stat = read(task.path().join("schedstat"));
            stat.split_whitespace().next()?.parse::<f64>().ok()
        })
        .sum::<f64>()
        / 1e9
}

/// Runs `cards` tasks that do `one(card, n)` again and again, and measures after the warm-up.
pub async fn drive<F, Fut>(cards: usize, writer: &str, one: F) -> Round
where
    F: Fn(usize, u32) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = ()> + Send,
{
    let stop = Arc::new(AtomicBool::new(false));
    let measuring = Arc::new(AtomicBool::new(false));
    let waits = Arc::new(Mutex::new(Vec::new()));
    let tasks: Vec<_> = (0..cards)
        .map(|card| {
            let (stop, measuring, waits, one) =
                (stop.clone(), measuring.clone(), waits.clone(), one.clone());
            tokio::spawn(async move {
                let mut own = Vec::new();
                let mut n = 0;
                while !stop.load(Ordering::Relaxed) {
                    let begun = Instant::now();
                    one(card, n).await;
                    n += 1;
                    if measuring.load(Ordering::Relaxed) && !stop.load(Ordering::Relaxed) {
                        own.push(u32::try_from(begun.elapsed().as_micros()).unwrap());
                    }
                }
                waits.lock().unwrap().append(&mut own);
            })
        })
        .collect();
    tokio::time::sleep(WARM_UP).await;
    measuring.store(true, Ordering::Relaxed);
    let begun = Instant::now();
    let processor = processor_seconds(writer);
    tokio::time::sleep(ROUND).await;
    stop.store(true, Ordering::Relaxed);
    let processor = processor_seconds(writer) - processor;
    let seconds = begun.elapsed().as_secs_f64();
    for task in tasks {
        task.await.unwrap();
    }
    let waits = std::mem::take(&mut *waits.lock().unwrap());
    Round {
        steps: waits.len(),
        seconds,
        cpu: processor * 1e6 / f64::from(u32::try_from(waits.len().max(1)).unwrap()),
        waits,
    }
}
