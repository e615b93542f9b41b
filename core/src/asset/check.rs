//! What is wrong with a graph, found before anything starts: unknown dependencies, cycles, ids that
//! are given twice. Everything is reported, not only the first.

use std::collections::{BTreeMap, VecDeque};

use super::problem::Problem;
use super::{Epic, Rock, name};

/// The problems of an epic's cards among themselves.
#[must_use]
pub fn epic(epic: &Epic, file: &str) -> Vec<Problem> {
    let key = epic.issues_key;
    if epic.issues.is_empty() {
        let message = "holds no card, so there is nothing to run; add one";
        return vec![Problem::new(file, key, message)];
    }
    let nodes: Vec<Node<'_>> = epic
        .issues
        .iter()
        .map(|issue| Node {
            name: issue.id.as_str(),
            depends_on: &issue.depends_on,
            derived: issue.id_is_derived,
        })
        .collect();
    let words = Words {
        key,
        name_field: "id",
        thing: "card",
    };
    graph(&nodes, &words, file)
}

/// The problems of a rock's epics among themselves.
#[must_use]
pub fn rock(rock: &Rock, file: &str) -> Vec<Problem> {
    if rock.epics.is_empty() {
        let message = "holds no epic, so there is nothing to run; add one";
        return vec![Problem::new(file, "epics", message)];
    }
    let words = Words {
        key: "epics",
        name_field: "epic",
        thing: "epic",
    };
    graph(&rock_nodes(rock), &words, file)
}

/// The epics of a rock in the order of their dependencies; those that need nothing of each other
/// keep the order of the file.
///
/// # Errors
///
/// What [`rock`] finds.
pub fn ordered<'a>(
    asset: &'a Rock,
    file: &str,
) -> Result<Vec<&'a super::RockEpic>, super::Problems> {
    let problems = rock(asset, file);
    if !problems.is_empty() {
        return Err(super::Problems(problems));
    }
    let mut waiting: Vec<&super::RockEpic> = asset.epics.iter().collect();
    let mut order: Vec<&super::RockEpic> = Vec::with_capacity(waiting.len());
    // Without cycles each pass finds one, so this ends.
    while let Some(place) = waiting.iter().position(|entry| {
        let done = |needed: &String| order.iter().any(|before| before.epic == *needed);
        entry.depends_on.iter().all(done)
    }) {
        order.push(waiting.remove(place));
    }
    Ok(order)
}

fn rock_nodes(rock: &Rock) -> Vec<Node<'_>> {
    rock.epics
        .iter()
        .map(|entry| Node {
            name: &entry.epic,
            depends_on: &entry.depends_on,
            derived: false,
        })
        .collect()
}

struct Node<'a> {
    name: &'a str,
    depends_on: &'a [String],
    derived: bool,
}

struct Words {
    key: &'static str,
    name_field: &'static str,
    thing: &'static str,
}

fn graph(nodes: &[Node<'_>], words: &Words, file: &str) -> Vec<Problem> {
    let Words {
        key,
        name_field,
        thing,
    } = words;
    let mut problems = Vec::new();
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    for (place, node) in nodes.iter().enumerate() {
        if let Some(first) = places.get(node.name) {
            let derived = if node.derived {
                " (derived from the file's name and the place)"
            } else {
                ""
            };
            let message = format!(
                "`{}`{derived} is already the {name_field} of {key}[{first}]; give each {thing} its own",
                node.name
            );
            let field = format!("{key}[{place}].{name_field}");
            problems.push(Problem::new(file, field, message));
        } else {
            places.insert(node.name, place);
        }
    }
    let mut edges: Vec<Vec<usize>> = Vec::with_capacity(nodes.len());
    for (place, node) in nodes.iter().enumerate() {
        let mut known = Vec::new();
        for (nth, needed) in node.depends_on.iter().enumerate() {
            let field = format!("{key}[{place}].depends_on[{nth}]");
            match places.get(needed.as_str()) {
                Some(_) if needed == node.name => {
                    let message = format!("`{needed}` depends on itself; remove it");
                    problems.push(Problem::new(file, field, message));
                }
                Some(target) => known.push(*target),
                None => {
                    let others = nodes.iter().map(|other| other.name);
                    let hint = name::suggestion(needed, others.filter(|other| *other != node.name));
                    let message = format!("there is no {thing} `{needed}`; {hint}");
                    problems.push(Problem::new(file, field, message));
                }
            }
        }
        edges.push(known);
    }
    for cycle in cycles(&edges) {
        let names: Vec<_> = cycle
            .iter()
            .chain(cycle.first())
            .filter_map(|place| nodes.get(*place))
            .map(|node| node.name)
            .collect();
        let field = format!("{key}[{}].depends_on", cycle.first().copied().unwrap_or(0));
        let message = format!(
            "no {thing} of this cycle could ever start: {}; break it",
            names.join(" -> ")
        );
        problems.push(Problem::new(file, field, message));
    }
    problems
}

/// One shortest cycle for each place that lies on one and on none reported before, each beginning
/// with its lowest place.
fn cycles(edges: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let mut cyclic = on_or_behind_cycles(edges);
    let mut found = Vec::new();
    for start in 0..edges.len() {
        if cyclic.get(start) != Some(&true) {
            continue;
        }
        if let Some(cycle) = cycle_through(start, edges, &cyclic) {
            for place in &cycle {
                if let Some(flag) = cyclic.get_mut(*place) {
                    *flag = false;
                }
            }
            found.push(cycle);
        }
    }
    found
}

/// Strips what can start, again and again (A. B. Kahn, 1962); what is left lies on a cycle or waits
/// for one.
fn on_or_behind_cycles(edges: &[Vec<usize>]) -> Vec<bool> {
    let mut missing: Vec<usize> = edges.iter().map(Vec::len).collect();
    let mut dependants: Vec<Vec<usize>> = vec![Vec::new(); edges.len()];
    for (place, needed) in edges.iter().enumerate() {
        for target in needed {
            if let Some(list) = dependants.get_mut(*target) {
                list.push(place);
            }
        }
    }
    let mut left = vec![true; edges.len()];
    let mut free: Vec<usize> = (0..edges.len())
        .filter(|place| missing.get(*place) == Some(&0))
        .collect();
    while let Some(place) = free.pop() {
        if let Some(flag) = left.get_mut(place) {
            *flag = false;
        }
        for dependant in dependants.get(place).into_iter().flatten() {
            if let Some(count) = missing.get_mut(*dependant) {
                *count -= 1;
                if *count == 0 {
                    free.push(*dependant);
                }
            }
        }
    }
    left
}

/// The shortest way from `start` back to itself through places that are `open`.
fn cycle_through(start: usize, edges: &[Vec<usize>], open: &[bool]) -> Option<Vec<usize>> {
    let mut came_from: BTreeMap<usize, usize> = BTreeMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(place) = queue.pop_front() {
        for next in edges.get(place).into_iter().flatten() {
            if *next == start {
                let mut way = vec![place];
                let mut at = place;
                while at != start {
                    at = *came_from.get(&at)?;
                    way.push(at);
                }
                way.reverse();
                return Some(way);
            }
            if open.get(*next) == Some(&true) && !came_from.contains_key(next) {
                came_from.insert(*next, place);
                queue.push_back(*next);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_cycle_is_named_once_and_whole() {
        // 0 -> 1 -> 2 -> 0, 3 -> 4 -> 3 with 4 -> 0 as well, 5 only waits for a cycle, 6 is free.
        let edges = vec![
            vec![1],
            vec![2],
            vec![0],
            vec![4],
            vec![3, 0],
            vec![0],
            vec![],
        ];
        assert_eq!(cycles(&edges), vec![vec![0, 1, 2], vec![3, 4]]);
    }

    #[test]
    fn a_long_chain_is_no_cycle_and_needs_no_deep_stack() {
        let mut edges: Vec<Vec<usize>> = (1..=100_000).map(|next| vec![next]).collect();
        edges.push(Vec::new());
        assert_eq!(cycles(&edges), Vec::<Vec<usize>>::new());
    }

    proptest! {
        #[test]
        fn a_cycle_is_found_exactly_when_there_is_one(
            edges in prop::collection::vec(prop::collection::vec(0_usize..12, 0..3), 12)
        ) {
            let reaches_itself = |start: usize| {
                let mut seen = [false; 12];
                let mut stack = edges[start].clone();
                while let Some(at) = stack.pop() {
                    if !std::mem::replace(&mut seen[at], true) {
                        stack.extend(&edges[at]);
                    }
                }
                seen[start]
            };
            let found = cycles(&edges);
            prop_assert_eq!(found.is_empty(), !(0..12).any(reaches_itself));
            for cycle in found {
                for (from, to) in cycle.iter().zip(cycle.iter().cycle().skip(1)) {
                    prop_assert!(edges[*from].contains(to));
                }
            }
        }
    }
}
