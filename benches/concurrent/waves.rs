//! Reads the two waves of turns off the events of a run, and what the process used meanwhile.

use std::collections::HashMap;
use std::sync::Arc;

use orket_actors::port::event::RuntimeEvent;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use crate::process::Sample;

/// One wave: the first or the second turn of every card.
#[derive(Debug, Default)]
pub struct Wave {
    starts: HashMap<String, i64>,
    /// Beginning and end of each turn, in milliseconds.
    turns: Vec<(i64, i64)>,
    /// As the first one started, as the last one did, as the first one ended, as the last one did.
    pub samples: [Option<Sample>; 4],
}

impl Wave {
    /// How long after the last start the last turn had ended, in milliseconds.
    pub fn tail_ms(&self) -> i64 {
        let last_start = self.turns.iter().map(|(start, _)| *start).max();
        let last_end = self.turns.iter().map(|(_, end)| *end).max();
        last_end.unwrap_or(0) - last_start.unwrap_or(0)
    }

    /// Between the first and the last start, in milliseconds.
    pub fn starting_ms(&self) -> i64 {
        let starts = || self.turns.iter().map(|(start, _)| *start);
        starts().max().unwrap_or(0) - starts().min().unwrap_or(0)
    }

    /// How long turns took, in milliseconds: the shortest, the one in the middle, the longest.
    pub fn durations(&self) -> (i64, i64, i64) {
        let mut all: Vec<i64> = self.turns.iter().map(|(start, end)| end - start).collect();
        all.sort_unstable();
        let at = |place: usize| all.get(place).copied().unwrap_or(0);
        (at(0), at(all.len() / 2), all.last().copied().unwrap_or(0))
    }
}

/// Follows a run of so many cards to its end, on a thread and a clock of its own.
///
/// # Panics
///
/// When events were lost or a turn failed: then nothing was measured.
pub fn follow(
    mut events: broadcast::Receiver<Arc<RuntimeEvent>>,
    cards: usize,
) -> std::thread::JoinHandle<[Wave; 2]> {
    std::thread::Builder::new()
        .name("bench-follows".to_owned())
        .spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .build()
                .expect("a runtime");
            runtime.block_on(async move {
                let mut waves = [Wave::default(), Wave::default()];
                loop {
                    match events.recv().await {
                        Ok(event) if event.event == "session_end" => return waves,
                        Ok(event) => take(&mut waves, &event, cards),
                        Err(RecvError::Lagged(missed)) => panic!("{missed} events were missed"),
                        Err(RecvError::Closed) => panic!("the run did not end"),
                    }
                }
            })
        })
        .expect("a thread")
}

fn take(waves: &mut [Wave; 2], event: &RuntimeEvent, cards: usize) {
    let Some(card) = &event.issue_id else { return };
    let [first, second] = waves;
    match event.event.as_str() {
        "turn_start" => {
            let wave = if first.starts.contains_key(card) {
                second
            } else {
                first
            };
            let before = wave.starts.insert(card.clone(), event.at_ms);
            assert!(before.is_none(), "{card} took a third turn");
            let [begun, all_begun, ..] = &mut wave.samples;
            if wave.starts.len() == 1 {
                *begun = Some(Sample::now());
            }
            if wave.starts.len() == cards {
                *all_begun = Some(Sample::now());
            }
        }
        "turn_complete" => {
            let wave = if second.starts.contains_key(card) {
                second
            } else {
                first
            };
            wave.turns.push((wave.starts[card], event.at_ms));
            let [.., one_ended, all_ended] = &mut wave.samples;
            if wave.turns.len() == 1 {
                *one_ended = Some(Sample::now());
            }
            if wave.turns.len() == cards {
                *all_ended = Some(Sample::now());
            }
        }
        "turn_failed" | "turn_stalled" => panic!("{card}: {}", event.data),
        _ => {}
    }
}
