//! In which order cards can be done.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use super::Card;

/// What a card depends on, each once.
pub(super) fn needs(card: &Card) -> Vec<&str> {
    let mut needs: Vec<&str> = Vec::with_capacity(card.depends_on.len());
    for need in &card.depends_on {
        if !needs.contains(&need.as_str()) {
            needs.push(need);
        }
    }
    needs
}

/// A. B. Kahn, *Topological sorting of large networks*, 1962; of several that could come next the
/// first in the epic's order does.
pub(super) fn order(places: &HashMap<&str, usize>, needs: &[Vec<&str>]) -> Vec<usize> {
    let mut open: Vec<usize> = vec![0; needs.len()];
    let mut dependants: Vec<Vec<usize>> = vec![Vec::new(); needs.len()];
    for (place, (needs, open)) in needs.iter().zip(&mut open).enumerate() {
        for need in needs.iter().filter_map(|need| places.get(need)) {
            *open += 1;
            if let Some(dependants) = dependants.get_mut(*need) {
                dependants.push(place);
            }
        }
    }
    let mut next: BinaryHeap<Reverse<usize>> = open
        .iter()
        .enumerate()
        .filter(|(_, open)| **open == 0)
        .map(|(place, _)| Reverse(place))
        .collect();
    let mut order = Vec::with_capacity(needs.len());
    while let Some(Reverse(place)) = next.pop() {
        order.push(place);
        for dependant in dependants.get(place).into_iter().flatten() {
            if let Some(open) = open.get_mut(*dependant) {
                *open -= 1;
                if *open == 0 {
                    next.push(Reverse(*dependant));
                }
            }
        }
    }
    order
}
