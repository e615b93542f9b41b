//! Which ports of this machine lead into which sandbox.
//!
//! A sandbox has an offset `b` from 1 to [`MOST`], and all its ports follow from it:
//!
//! | Port | Range |
//! |---|---|
//! | API | 8000 + b: 8001 to 8079 |
//! | frontend | 3000 + b: 3001 to 3079 |
//! | database | 5432 + b: 5433 to 5511; MongoDB 27017 + b: 27018 to 27096 |
//! | the database's web page | 8080 + b: 8081 to 8159 |
//!
//! [`MOST`] is as high as it can be without one range meeting another (8079 + 1 = 8080). The lowest
//! offset is given whose ports are neither held by another sandbox, nor reserved, nor taken by any other
//! program; a freed one is given again.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, TcpListener};

use crate::sandbox::{Ports, TechStack};
use crate::stack::Database;

/// The highest offset.
pub const MOST: u16 = 79;

const API: u16 = 8_000;
const FRONTEND: u16 = 3_000;
const DATABASE: u16 = 5_432;
const MONGO: u16 = 27_017;
const ADMIN: u16 = 8_080;

/// Whether a port of this machine could be listened on now.
pub trait PortProbe: Send + Sync + 'static {
    /// Looks.
    fn is_free(&self, port: u16) -> bool;
}

/// Tries: binds the port on 127.0.0.1 and lets it go again.
#[derive(Debug, Clone, Copy, Default)]
pub struct Bind;

impl PortProbe for Bind {
    fn is_free(&self, port: u16) -> bool {
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
    }
}

impl Ports {
    /// The ports of a stack at an offset.
    #[must_use]
    pub fn at(stack: TechStack, offset: u16) -> Self {
        let database = match stack.database() {
            Database::Postgres | Database::SqlServer => DATABASE,
            Database::Mongo => MONGO,
        };
        // The reference reserves it for a stack that has no such page too; here it has none.
        let admin_tool = match stack.database() {
            Database::Postgres | Database::Mongo => Some(ADMIN + offset),
            Database::SqlServer => None,
        };
        Self {
            api: API + offset,
            frontend: FRONTEND + offset,
            database: database + offset,
            admin_tool,
        }
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = u16> {
        [self.api, self.frontend, self.database]
            .into_iter()
            .chain(self.admin_tool)
    }
}

/// The lowest offset that is free for a stack; `None` when none is.
#[must_use]
pub fn lowest_free(
    stack: TechStack,
    held: &BTreeSet<u16>,
    reserved: &BTreeSet<u16>,
    probe: &dyn PortProbe,
) -> Option<u16> {
    (1..=MOST)
        .filter(|offset| !held.contains(offset))
        .find(|offset| {
            Ports::at(stack, *offset)
                .all()
                .all(|port| !reserved.contains(&port) && probe.is_free(port))
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// All are free but these.
    struct Taken(BTreeSet<u16>);

    impl PortProbe for Taken {
        fn is_free(&self, port: u16) -> bool {
            !self.0.contains(&port)
        }
    }

    fn none() -> BTreeSet<u16> {
        BTreeSet::new()
    }

    fn port(api: u16, frontend: u16, database: u16, admin_tool: Option<u16>) -> Ports {
        Ports {
            api,
            frontend,
            database,
            admin_tool,
        }
    }

    /// Case 95 of the reference.
    #[test]
    fn the_first_sandbox_has_the_first_ports_and_the_second_the_next() {
        let stack = TechStack::FastapiReactPostgres;
        let first = lowest_free(stack, &none(), &none(), &Taken(none())).unwrap();
        assert_eq!(Ports::at(stack, first), port(8001, 3001, 5433, Some(8081)));
        let held = BTreeSet::from([first]);
        let second = lowest_free(stack, &held, &none(), &Taken(none())).unwrap();
        assert_eq!(Ports::at(stack, second), port(8002, 3002, 5434, Some(8082)));
        assert_eq!(
            Ports::at(TechStack::FastapiVueMongo, 1),
            port(8001, 3001, 27_018, Some(8081))
        );
        assert_eq!(
            Ports::at(TechStack::CsharpRazorEf, 1),
            port(8001, 3001, 5433, None)
        );
    }

    #[test]
    fn what_is_reserved_or_taken_is_left_out() {
        let stack = TechStack::FastapiReactPostgres;
        let reserved = BTreeSet::from([8_080, 8_082]);
        let taken = Taken(BTreeSet::from([3_001]));
        assert_eq!(lowest_free(stack, &none(), &reserved, &taken), Some(3));
        let all = Taken((3_000..=3_100).collect());
        assert_eq!(lowest_free(stack, &none(), &none(), &all), None);
    }

    #[test]
    fn a_port_that_somebody_listens_on_is_not_free() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(!Bind.is_free(port));
    }

    #[test]
    fn no_range_meets_another() {
        let mut seen = BTreeSet::new();
        for offset in 1..=MOST {
            let mongo = Ports::at(TechStack::FastapiVueMongo, offset).database;
            let postgres = Ports::at(TechStack::FastapiReactPostgres, offset);
            for port in postgres.all().chain([mongo]) {
                assert!(seen.insert(port), "{port} twice");
            }
        }
        assert!(!seen.contains(&8_080));
    }

    proptest! {
        /// Whatever comes and goes, no port is ever led into two sandboxes, none is given that somebody
        /// else has, and the lowest free offset is the one that is given.
        #[test]
        fn ports_are_given_once_and_given_again_when_they_are_free(
            steps in prop::collection::vec((any::<bool>(), 0_usize..5, 0_usize..100), 1..200),
            taken in prop::collection::btree_set(8_001_u16..8_090, 0..10),
        ) {
            let probe = Taken(taken);
            let mut live: Vec<(u16, Ports)> = Vec::new();
            for (creates, stack, which) in steps {
                if creates {
                    let held = live.iter().map(|(offset, _)| *offset).collect();
                    let stack = TechStack::ALL[stack];
                    let Some(offset) = lowest_free(stack, &held, &none(), &probe) else {
                        continue;
                    };
                    let ports = Ports::at(stack, offset);
                    for (_, other) in &live {
                        prop_assert!(ports.all().all(|port| other.all().all(|it| it != port)));
                    }
                    prop_assert!(ports.all().all(|port| probe.is_free(port)));
                    for lower in 1..offset {
                        let is_free = Ports::at(stack, lower).all().all(|port| probe.is_free(port));
                        prop_assert!(held.contains(&lower) || !is_free);
                    }
                    live.push((offset, ports));
                } else if !live.is_empty() {
                    live.swap_remove(which % live.len());
                }
            }
        }
    }
}
