//! The one thread that looks at `/proc`, for all children together: it turns processor time into
//! beats, and when a child is over it kills what is left of its kin until nothing is.

use std::collections::{HashMap, HashSet};
use std::io;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};
use orket_actors::port::tool::Beat;
use rustix::process::getpid;
use tokio::sync::oneshot;

use super::kin::{Head, Onlooker, sort};
use super::leash::{is_held, reap_orphan};
use super::mark::{Mark, value_in};
use super::process::{self, Process};

/// How often it looks while nothing is asked.
const EVERY: Duration = Duration::from_millis(200);
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
            .spawn(move || Rounds::new(onlooker).serve(&received))?;
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
    children: HashMap<u64, Child>,
}

impl Rounds {
    fn new(onlooker: Onlooker) -> Self {
        Self {
            onlooker,
            children: HashMap::new(),
        }
    }

    fn serve(mut self, orders: &Receiver<Order>) {
        let mut next_look = Instant::now();
        let mut pause = SOONEST;
        loop {
            let order = if self.children.is_empty() {
                orders
                    .recv()
                    .map_err(|_over| RecvTimeoutError::Disconnected)
            } else {
                orders.recv_deadline(next_look)
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
            if !asked && Instant::now() < next_look {
                continue;
            }
            let began = Instant::now();
            let all_clear = self.look();
            pause = if all_clear || asked {
                SOONEST
            } else {
                (pause * 2).min(LATEST)
            };
            let ended = Instant::now();
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

    /// One look at all processes; whether nobody is left to be waited for.
    fn look(&mut self) -> bool {
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
        let mut kin = sort(&heads, &processes, self.onlooker, is_held, mark_of);
        kin.unclaimed_dead.iter().copied().for_each(reap_orphan);
        let us = self.onlooker.pid;
        let mut cleared = Vec::new();
        for (id, child) in &mut self.children {
            let members = kin.of.remove(id).unwrap_or_default();
            if child.meet(&members, us) {
                cleared.push(*id);
            }
        }
        for id in cleared {
            if let Some(clearing) = self.children.remove(&id).and_then(|it| it.clearing) {
                let _nobody_waits = clearing.done.send(());
            }
        }
        self.children.values().all(|it| it.clearing.is_none())
    }
}

impl Child {
    /// Takes note of the kin that was seen; whether it is cleared.
    fn meet(&mut self, members: &[Process], us: i32) -> bool {
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
        let pids: HashSet<i32> = members.iter().map(|it| it.pid).collect();
        let mut left = 0_usize;
        for member in members.iter().filter(|it| it.pid != self.watched.pid) {
            if member.dead {
                // A dead one whose parent is about to be killed will be ours then.
                left += usize::from(member.parent != us && pids.contains(&member.parent));
                if member.parent == us {
                    reap_orphan(member.pid);
                }
            } else if self.clearing.is_some() {
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
        clearing.empty_looks += 1;
        clearing.empty_looks >= if clearing.killed { 2 } else { 1 }
    }
}
