//! What was said in each conversation of late, and the plan that waits in it for a yes. Kept in
//! memory and bounded: a server that starts anew has heard nothing.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use super::plan::Plan;

/// Conversations that are remembered; then the one that was silent longest is forgotten.
const MOST: usize = 256;
/// Exchanges of each that the model sees.
const EXCHANGES: usize = 6;
/// The most of each side of an exchange, in characters.
const LONGEST: usize = 2_000;
/// How long a plan waits.
pub(super) const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// What was said and answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Exchange {
    /// By the operator.
    pub said: String,
    /// By the driver.
    pub answered: String,
}

#[derive(Default)]
struct Talk {
    exchanges: VecDeque<Exchange>,
    pending: Option<Pending>,
    last: u64,
}

struct Pending {
    plan: Plan,
    since: Instant,
    /// It is the last thing that was said here.
    is_fresh: bool,
}

/// See the file's head.
#[derive(Default)]
pub(super) struct Talks {
    by_name: HashMap<String, Talk>,
    clock: u64,
}

impl Talks {
    /// What was said in a conversation before.
    pub fn earlier(&self, name: &str) -> Vec<Exchange> {
        let exchanges = self
            .by_name
            .get(name)
            .map(|talk| talk.exchanges.iter().cloned());
        exchanges.into_iter().flatten().collect()
    }

    /// Notes what was said and answered, and the plan that was shown with it.
    pub fn note(&mut self, name: &str, said: &str, answered: &str, plan: Option<Plan>) {
        let talk = self.talk(name);
        let cut = |text: &str| text.chars().take(LONGEST).collect();
        if talk.exchanges.len() >= EXCHANGES {
            talk.exchanges.pop_front();
        }
        talk.exchanges.push_back(Exchange {
            said: cut(said),
            answered: cut(answered),
        });
        match plan {
            Some(plan) => {
                talk.pending = Some(Pending {
                    plan,
                    since: Instant::now(),
                    is_fresh: true,
                });
            }
            None => {
                if let Some(pending) = &mut talk.pending {
                    pending.is_fresh = false;
                }
            }
        }
    }

    /// Whether a bare yes or no means a plan here.
    pub fn has_fresh_plan(&self, name: &str) -> bool {
        let pending = self
            .by_name
            .get(name)
            .and_then(|talk| talk.pending.as_ref());
        pending.is_some_and(|pending| pending.is_fresh && pending.since.elapsed() < PATIENCE)
    }

    /// Takes the plan that waits; that one, when an id is given.
    pub fn take(&mut self, name: &str, id: Option<&str>) -> Option<Plan> {
        let talk = self.by_name.get_mut(name)?;
        let pending = talk
            .pending
            .take_if(|pending| id.is_none_or(|id| pending.plan.id == id))?;
        (pending.since.elapsed() < PATIENCE).then_some(pending.plan)
    }

    fn talk(&mut self, name: &str) -> &mut Talk {
        if !self.by_name.contains_key(name) && self.by_name.len() >= MOST {
            let oldest = self.by_name.iter().min_by_key(|(_, talk)| talk.last);
            if let Some(oldest) = oldest.map(|(name, _)| name.clone()) {
                self.by_name.remove(&oldest);
            }
        }
        self.clock += 1;
        let talk = self.by_name.entry(name.to_owned()).or_default();
        talk.last = self.clock;
        talk
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::command::{Change, WorkChange};

    fn plan(id: &str) -> Plan {
        Plan {
            id: id.to_owned(),
            change: Change::Work(WorkChange::Halt("r".to_owned())),
            steps: Vec::new(),
            files: Vec::new(),
            warnings: Vec::new(),
        }
    }

    #[test]
    fn a_bare_yes_means_only_what_was_just_shown() {
        let mut talks = Talks::default();
        talks.note("a", "halt r", "plan", Some(plan("p1")));
        assert!(talks.has_fresh_plan("a"));
        assert!(!talks.has_fresh_plan("b"));
        talks.note("a", "list runs", "none", None);
        assert!(!talks.has_fresh_plan("a"));
        assert!(talks.take("a", Some("p2")).is_none());
        assert!(talks.take("b", Some("p1")).is_none());
        assert!(talks.take("a", Some("p1")).is_some());
        // Once.
        assert!(talks.take("a", Some("p1")).is_none());
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut talks = Talks::default();
        for n in 0..MOST + 10 {
            talks.note(&format!("t{n}"), &"x".repeat(9_000), "y", None);
        }
        assert_eq!(talks.by_name.len(), MOST);
        assert!(talks.earlier("t0").is_empty());
        for n in 0..20 {
            talks.note("t200", &n.to_string(), "y", None);
        }
        let earlier = talks.earlier("t200");
        assert_eq!(earlier.len(), EXCHANGES);
        assert_eq!(earlier[0].said, "14");
        assert_eq!(talks.earlier("t201")[0].said.len(), LONGEST);
    }
}
