//! The one thread that looks at `/proc`, for all children together: it turns processor time into
//! beats, and when a child is over it kills what is left of its kin until nothing is.

use std::collections::{HashMap, HashSet};
use std::io;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};
use orket_actors::port::tool::Beat;
use rustix::process::{Pid, Signal, getpid, kill_process_group};
use tokio::sync::oneshot;

use super::kin::{Head, Onlooker, sort};
use super::leash::{is_held, reap_orphan};
use super::mark::{Mark, value_in};
use super::process::{self, Process};
use super::sandbox::meter::{self, Ration};
use super::sandbox::priority::come_first;
use super::sandbox::stop::Verdict;

/// How often it looks while nothing is asked.
const EVERY: Duration = Duration::from_millis(100);
/// How often it asks whether there is reason to look sooner: that costs next to nothing.
const PULSE: Duration = Duration::from_millis(20);
/// Looking sooner for a reason costs at most one part in this many.
const URGENT_SHARE: u32 = 4;
/// So many new tasks on the whole system are a reason, or a quarter of what some child may have.
const CROWD: u64 = 64;
/// How long it waits for the killed to be gone before it looks again, at first and at most.
const SOONEST: Duration = Duration::from_millis(1);
const LATEST: Duration = Duration::from_millis(20);
/// Looking costs at most one part in this many of a processor while nothing is asked.
const SHARE: u32 = 20;
/// After this long, somebody should know that a process cannot be killed.
const STUBBORN: Duration = Duration::from_secs(5);

enum Order {
    Watch(Watched),
    Count(u64, oneshot::Sender<usize>),
    Clear(u64, oneshot::Sender<()>),
}

/// Why this process cannot be seen.
fn unseen() -> io::Error {
    match std::fs::File::open("/proc/self/stat") {
        Err(error) => error,
        Ok(_) => io::Error::new(io::ErrorKind::NotFound, "/proc does not show this process"),
    }
}

/// A child to be watched.
pub struct Watched {
    /// Its number.
    pub id: u64,
    /// Its process id, which is its group's too.
    pub pid: i32,
    /// When it began, in the system's clock ticks.
    pub start: u64,
    /// Its mark.
    pub mark: Mark,
    /// Called when processor time was used.
    pub beat: Beat,
    /// What it may hold.
    pub ration: Ration,
    /// Where it is said that it holds more; from then on it is being killed.
    pub verdict: Verdict,
}

/// See the module. Cheap to clone; the thread ends with the last of them.
#[derive(Debug, Clone)]
pub struct Warden {
    orders: Sender<Order>,
}

impl Warden {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// When the system gives no thread.
    pub fn start() -> io::Result<Self> {
        let (orders, received) = unbounded();
        let pid = getpid().as_raw_nonzero().get();
        // From the same place as everybody else's: it is 0 where the session was begun outside
        // our process namespace, which getsid(2) by way of `Pid` cannot say.
        let session = process::read(pid).ok_or_else(unseen)?.session;
        let onlooker = Onlooker { pid, session };
        thread::Builder::new()
            .name("orket-warden".to_owned())
            .spawn(move || {
                come_first();
                Rounds::new(onlooker).serve(&received);
            })?;
        Ok(Self { orders })
    }

    /// From now on the child's processor time beats and its kin is remembered.
    pub fn watch(&self, child: Watched) {
        let _over = self.orders.send(Order::Watch(child));
    }

    /// How many of the child's kin live, itself included.
    pub async fn living(&self, id: u64) -> usize {
        let (answer, answered) = oneshot::channel();
        let _over = self.orders.send(Order::Count(id, answer));
        answered.await.unwrap_or(0)
    }

    /// Kills the child's kin and resolves when none of it is left, the child itself aside; ends
    /// the watch.
    pub async fn clear(&self, id: u64) {
        let (answer, answered) = oneshot::channel();
        let _over = self.orders.send(Order::Clear(id, answer));
        let _over = answered.await;
    }
}

struct Child {
    watched: Watched,
    known: HashSet<(i32, u64)>,
    cpu: u64,
    count: Vec<oneshot::Sender<usize>>,
    clearing: Option<Clearing>,
}

struct Clearing {
    done: oneshot::Sender<()>,
    since: Instant,
    warned: bool,
    /// Somebody had to be killed: then one look at an empty house is not believed, since a process
    /// can be born behind the back of who reads the list.
    killed: bool,
    empty_looks: u32,
}

impl Clearing {
    fn new(done: oneshot::Sender<()>) -> Self {
        Self {
            done,
            since: Instant::now(),
            warned: false,
            killed: false,
            empty_looks: 0,
        }
    }
}

struct Rounds {
    onlooker: Onlooker,
    /// How many tasks the system had at the last look.
    tasks: u64,
    /// Whether a family that is being killed had new members at the last look.
    growing: bool,
    /// Who may have been somebody's kin at the last look.
    in_limbo: HashSet<(i32, u64)>,
    children: HashMap<u64, Child>,
}

impl Rounds {
    fn new(onlooker: Onlooker) -> Self {
        Self {
            onlooker,
            tasks: 0,
            growing: false,
            in_limbo: HashSet::new(),
            children: HashMap::new(),
        }
    }

    fn serve(mut self, orders: &Receiver<Order>) {
        let mut next_look = Instant::now();
        let mut pause = SOONEST;
        let mut next_pulse = next_look;
        loop {
            let order = if self.children.is_empty() {
                orders
                    .recv()
                    .map_err(|_over| RecvTimeoutError::Disconnected)
            } else {
                orders.recv_deadline(next_look.min(next_pulse))
            };
            let mut asked = false;
            match order {
                Ok(order) => asked |= self.obey(order),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.wind_up(),
            }
            for order in orders.try_iter() {
                asked |= self.obey(order);
            }
            let mut began = Instant::now();
            if !asked && began < next_look {
                if began < next_pulse {
                    continue;
                }
                let urgent = self.is_urgent();
                let ended = Instant::now();
                next_pulse = ended + PULSE.max((ended - began) * SHARE);
                if !urgent {
                    continue;
                }
                began = ended;
            }
            let all_clear = self.look();
            pause = if self.growing {
                // Who is born while others are killed bears others before they are seen.
                Duration::ZERO
            } else if all_clear || asked || pause.is_zero() {
                SOONEST
            } else {
                (pause * 2).min(LATEST)
            };
            let ended = Instant::now();
            next_pulse = ended + PULSE.max((ended - began) * URGENT_SHARE);
            next_look = ended
                + if all_clear {
                    EVERY.max((ended - began) * SHARE)
                } else {
                    pause
                };
        }
    }

    /// Nobody gives orders any more: kills what is left and goes.
    fn wind_up(mut self) {
        for child in self.children.values_mut() {
            let (done, _nobody_waits) = oneshot::channel();
            child.clearing.get_or_insert_with(|| Clearing::new(done));
        }
        let deadline = Instant::now() + STUBBORN;
        while !self.children.is_empty() && Instant::now() < deadline {
            self.look();
            thread::sleep(SOONEST);
        }
    }

    /// Takes an order; whether it wants a look at once.
    fn obey(&mut self, order: Order) -> bool {
        match order {
            Order::Watch(watched) => {
                let child = Child {
                    known: HashSet::new(),
                    cpu: 0,
                    count: Vec::new(),
                    clearing: None,
                    watched,
                };
                self.children.insert(child.watched.id, child);
                false
            }
            Order::Count(id, answer) => match self.children.get_mut(&id) {
                Some(child) => {
                    child.count.push(answer);
                    true
                }
                None => false,
            },
            Order::Clear(id, done) => match self.children.get_mut(&id) {
                Some(child) => {
                    child.clearing = Some(Clearing::new(done));
                    true
                }
                None => false,
            },
        }
    }

    /// Whether some child may have passed a limit since the last look.
    fn is_urgent(&self) -> bool {
        let allowed = |child: &Child| child.watched.ration.tasks.map(|it| it / 4);
        let crowd = self.children.values().filter_map(allowed).min();
        let crowd = crowd.map_or(u64::MAX, |it| it.clamp(1, CROWD));
        let tasks = meter::tasks_of_system().unwrap_or(0);
        tasks >= self.tasks.saturating_add(crowd)
            || self.children.values().any(Child::holds_too_much)
    }

    /// One look at all processes; whether nobody is left to be waited for.
    fn look(&mut self) -> bool {
        self.tasks = meter::tasks_of_system().unwrap_or(0);
        let processes = process::all();
        let heads: Vec<Head<'_>> = self
            .children
            .values()
            .map(|child| Head {
                id: child.watched.id,
                child: (child.watched.pid, child.watched.start),
                mark: &child.watched.mark,
                known: &child.known,
            })
            .collect();
        let mark_of =
            |pid| process::environment(pid).and_then(|it| value_in(&it).map(str::to_owned));
        let before = &self.in_limbo;
        let mut kin = sort(&heads, &processes, self.onlooker, before, is_held, mark_of);
        let unsure = kin.in_limbo.iter().any(|it| !before.contains(it));
        self.in_limbo = std::mem::take(&mut kin.in_limbo);
        kin.unclaimed_dead.iter().copied().for_each(reap_orphan);
        let us = self.onlooker.pid;
        let mut cleared = Vec::new();
        self.growing = false;
        for (id, child) in &mut self.children {
            let members = kin.of.remove(id).unwrap_or_default();
            let is_new = |it: &Process| !it.dead && !child.known.contains(&it.identity());
            self.growing |= child.is_being_killed() && members.iter().any(is_new);
            if child.meet(&members, us, unsure) {
                cleared.push(*id);
            }
        }
        for id in cleared {
            if let Some(clearing) = self.children.remove(&id).and_then(|it| it.clearing) {
                let _nobody_waits = clearing.done.send(());
            }
        }
        self.children.values().all(|it| !it.is_being_killed())
    }
}

impl Child {
    fn is_stopped(&self) -> bool {
        self.watched.verdict.stop().is_some()
    }

    fn is_being_killed(&self) -> bool {
        self.clearing.is_some() || self.is_stopped()
    }

    /// Whether those who were seen at the last look hold more memory now than they may.
    fn holds_too_much(&self) -> bool {
        let held = || self.known.iter().map(|(pid, _)| meter::memory(*pid)).sum();
        let most = self.watched.ration.memory;
        most.is_some_and(|most| most < held())
    }

    /// Takes note of the kin that was seen; whether it is cleared. `unsure` when there may be more.
    fn meet(&mut self, members: &[Process], us: i32, unsure: bool) -> bool {
        let cpu = members.iter().map(|it| it.cpu).sum();
        if cpu != self.cpu {
            self.cpu = cpu;
            (self.watched.beat)();
        }
        self.known = members.iter().map(Process::identity).collect();
        let living = members.iter().filter(|it| !it.dead).count();
        for answer in self.count.drain(..) {
            let _nobody_waits = answer.send(living);
        }
        if !self.is_being_killed()
            && let Some(stop) = self.watched.ration.passed(members)
        {
            self.watched.verdict.pass(stop);
        }
        let killing = self.is_being_killed();
        if killing {
            self.kill_groups(members);
        }
        let pids: HashSet<i32> = members.iter().map(|it| it.pid).collect();
        let mut left = 0_usize;
        for member in members.iter().filter(|it| it.pid != self.watched.pid) {
            if member.dead {
                // A dead one whose parent is about to be killed will be ours then.
                left += usize::from(member.parent != us && pids.contains(&member.parent));
                if member.parent == us {
                    reap_orphan(member.pid);
                }
            } else if killing {
                member.kill();
                left += 1;
            }
        }
        let Some(clearing) = &mut self.clearing else {
            return false;
        };
        if left > 0 {
            clearing.killed = true;
            clearing.empty_looks = 0;
            if !clearing.warned && clearing.since.elapsed() > STUBBORN {
                clearing.warned = true;
                let mark = self.watched.mark.as_str();
                tracing::warn!(left, mark, "processes of a tool do not die; still waiting");
            }
            return false;
        }
        if unsure {
            return false;
        }
        clearing.empty_looks += 1;
        clearing.empty_looks >= if clearing.killed { 2 } else { 1 }
    }

    /// Kills whole groups at once, each before it can have more members: those whose first process
    /// is kin, since any other could be somebody else's.
    fn kill_groups(&self, members: &[Process]) {
        let leads = |it: &&Process| it.pid == it.group || it.group == self.watched.pid;
        let groups: HashSet<i32> = members.iter().filter(leads).map(|it| it.group).collect();
        for group in groups.into_iter().filter_map(Pid::from_raw) {
            let _all_gone = kill_process_group(group, Signal::KILL);
        }
    }
}
