//! Which processes belong to which child: the rule that the warden goes by, on a picture of all
//! processes.

use std::collections::{HashMap, HashSet};

use super::mark::Mark;
use super::process::Process;

/// Longer chains of parents are not followed.
const DEEPEST: usize = 256;

/// A child whose kin is looked for.
#[derive(Debug)]
pub struct Head<'a> {
    /// What the answer names it by.
    pub id: u64,
    /// The child's identity; its id is its group's.
    pub child: (i32, u64),
    /// The mark it was started with.
    pub mark: &'a Mark,
    /// Who was found to be kin before.
    pub known: &'a HashSet<(i32, u64)>,
}

/// Who looks.
#[derive(Debug, Clone, Copy)]
pub struct Onlooker {
    /// This process, which inherits orphans.
    pub pid: i32,
    /// Its session.
    pub session: i32,
}

/// The kin of every head, the heads themselves included, and the dead that nobody else will reap.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Kin {
    /// By head.
    pub of: HashMap<u64, Vec<Process>>,
    /// Dead orphans that cannot be told to be anybody's.
    pub unclaimed_dead: Vec<i32>,
    /// Who may be anybody's, since its parent is not in the picture: most often that has just died,
    /// and the next picture will tell.
    pub in_limbo: HashSet<(i32, u64)>,
}

/// Sorts a picture of all processes. In this order a process is kin of a head when it was before,
/// when it is in its group, when an ancestor is kin, when it is an orphan in a session of its own and
/// only one head can have brought it about (such a one may have cleared its environment, left its
/// group and lost its parents between two looks), or when `mark_of` finds its mark.
///
/// `mark_of` is asked last, and only about processes that began after the oldest head, and not about
/// those who have just come into limbo: it waits for a process that is just becoming another program,
/// and in a crowd that takes long. `in_limbo` are those of the picture before.
pub fn sort(
    heads: &[Head<'_>],
    processes: &[Process],
    onlooker: Onlooker,
    in_limbo: &HashSet<(i32, u64)>,
    is_held: impl Fn(i32) -> bool,
    mark_of: impl Fn(i32) -> Option<String>,
) -> Kin {
    let oldest = heads.iter().map(|head| head.child.1).min().unwrap_or(0);
    let by_mark: HashMap<&str, u64> = heads
        .iter()
        .map(|head| (head.mark.as_str(), head.id))
        .collect();
    let by_group: HashMap<i32, u64> = heads.iter().map(|head| (head.child.0, head.id)).collect();
    let by_identity: HashMap<(i32, u64), u64> = heads
        .iter()
        .flat_map(|head| head.known.iter().map(|known| (*known, head.id)))
        .collect();
    let parents: HashMap<i32, i32> = processes.iter().map(|it| (it.pid, it.parent)).collect();

    let mut owner: HashMap<i32, u64> = HashMap::new();
    for process in processes.iter().filter(|it| it.pid != onlooker.pid) {
        let known = by_identity.get(&process.identity()).copied();
        let grouped = || by_group.get(&process.group).copied();
        if let Some(id) = known.or_else(grouped) {
            owner.insert(process.pid, id);
        }
    }
    let is_orphan =
        |it: &Process| it.parent == onlooker.pid && it.session != onlooker.session && !it.dead;
    let only_head_of_orphan = |process: &Process| {
        let mut able = heads.iter().filter(|head| head.child.1 <= process.start);
        let only = able.next().filter(|_| able.next().is_none())?;
        (is_orphan(process) && !is_held(process.pid)).then_some(only.id)
    };
    let mut kin = Kin::default();
    for process in processes.iter().filter(|it| it.pid != onlooker.pid) {
        let askable = process.start >= oldest && !process.dead;
        if !askable || ancestor(process, &owner, &parents, onlooker.pid).is_some() {
            continue;
        }
        if let Some(id) = only_head_of_orphan(process) {
            owner.insert(process.pid, id);
            continue;
        }
        if process.parent != 0 && !parents.contains_key(&process.parent) {
            kin.in_limbo.insert(process.identity());
            if !in_limbo.contains(&process.identity()) {
                continue;
            }
        }
        if let Some(mark) = mark_of(process.pid)
            && let Some(id) = by_mark.get(mark.as_str())
        {
            owner.insert(process.pid, *id);
        }
    }
    for process in processes.iter().filter(|it| it.pid != onlooker.pid) {
        let orphan = process.parent == onlooker.pid && process.session != onlooker.session;
        let id = ancestor(process, &owner, &parents, onlooker.pid);
        match id {
            Some(id) => kin.of.entry(id).or_default().push(*process),
            None if orphan && process.dead => kin.unclaimed_dead.push(process.pid),
            None => {}
        }
    }
    kin
}

/// Whose kin the nearest ancestor is that is anybody's, the process itself first.
fn ancestor(
    process: &Process,
    owner: &HashMap<i32, u64>,
    parents: &HashMap<i32, i32>,
    stop_at: i32,
) -> Option<u64> {
    let mut pid = process.pid;
    for _generation in 0..DEEPEST {
        if let Some(id) = owner.get(&pid) {
            return Some(*id);
        }
        pid = *parents.get(&pid)?;
        if pid <= 1 || pid == stop_at {
            return None;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::mark::Marker;
    use super::*;

    fn process(pid: i32, parent: i32, group: i32, session: i32) -> Process {
        Process {
            pid,
            parent,
            group,
            session,
            start: 100 + u64::try_from(pid).expect("positive"),
            cpu: 0,
            tasks: 1,
            dead: false,
        }
    }

    const US: Onlooker = Onlooker {
        pid: 10,
        session: 5,
    };

    #[test]
    fn kin_is_found_by_group_mark_ancestry_and_memory() {
        let marker = Marker::new("f");
        let (first, second) = (marker.next(1), marker.next(1));
        let known = HashSet::from([(24, 124)]);
        let none = HashSet::new();
        let heads = [
            Head {
                id: 1,
                child: (20, 120),
                mark: &first,
                known: &known,
            },
            Head {
                id: 2,
                child: (30, 130),
                mark: &second,
                known: &none,
            },
        ];
        let processes = [
            process(1, 0, 1, 1),
            process(10, 1, 10, 5),
            process(20, 10, 20, 5),  // the child
            process(21, 20, 20, 5),  // in its group
            process(22, 10, 22, 22), // setsid, marked
            process(23, 22, 23, 23), // its unmarked child
            process(24, 10, 24, 24), // seen before
            process(30, 10, 30, 5),  // the other child
            process(31, 10, 31, 31), // orphan without any trace: two heads could be it
            process(40, 10, 10, 5),  // a child of somebody else in this process
            process(50, 1, 50, 50),  // a stranger
        ];
        let mark_of = |pid| (pid == 22).then(|| first.as_str().to_owned());
        let kin = sort(&heads, &processes, US, &none, |_| false, mark_of);
        let of = |id: u64| -> Vec<i32> { kin.of[&id].iter().map(|it| it.pid).collect() };
        assert_eq!(of(1), [20, 21, 22, 23, 24]);
        assert_eq!(of(2), [30]);
        assert_eq!(kin.unclaimed_dead, Vec::<i32>::new());
    }

    #[test]
    fn an_orphan_without_trace_belongs_to_the_only_child_there_is() {
        let mark = Marker::new("f").next(1);
        let none = HashSet::new();
        let heads = [Head {
            id: 1,
            child: (20, 120),
            mark: &mark,
            known: &none,
        }];
        let mut dead = process(26, 10, 26, 26);
        dead.dead = true;
        let older = process(19, 10, 19, 19);
        let held = process(27, 10, 27, 27);
        let processes = [
            process(20, 10, 20, 5),
            process(25, 10, 25, 25),
            dead,
            older,
            held,
        ];
        let kin = sort(&heads, &processes, US, &none, |pid| pid == 27, |_| None);
        let of: Vec<i32> = kin.of[&1].iter().map(|it| it.pid).collect();
        assert_eq!(of, [20, 25]);
        assert_eq!(kin.unclaimed_dead, [26]);
    }

    #[test]
    fn who_comes_into_limbo_is_asked_at_the_second_look() {
        let (mark, none) = (Marker::new("f").next(1), HashSet::new());
        let heads = [Head {
            id: 1,
            child: (20, 120),
            mark: &mark,
            known: &none,
        }];
        let processes = [process(20, 10, 20, 5), process(25, 24, 25, 25)];
        let mark_of = |_| Some(mark.as_str().to_owned());
        let first = sort(&heads, &processes, US, &none, |_| false, mark_of);
        assert_eq!(first.of[&1].len(), 1);
        assert_eq!(first.in_limbo, HashSet::from([(25, 125)]));
        let second = sort(&heads, &processes, US, &first.in_limbo, |_| false, mark_of);
        assert_eq!(second.of[&1].len(), 2);
    }
}
