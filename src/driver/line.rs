//! The grammar of commands: words in, a command out.

use std::collections::BTreeMap;

use orket_actors::port::store::GateDecision;
use orket_core::asset::name;

use super::command::{Archived, AssetChange, AssetVerb, Change, Command, Look, WorkChange};
use super::kinds::{Resource, Template, slug};
use super::parse::{Parsed, is_verb};
use crate::owner::wire::WorkKind;

/// The newest run.
const LAST: &str = "last";

/// A message cut into words.
pub(super) struct Line<'a> {
    /// It can be nothing but a command.
    pub meant: bool,
    /// Its words, the verb first.
    pub words: Vec<String>,
    /// The departments that there are.
    pub departments: &'a [String],
    /// The one that is meant when none is named.
    pub department: &'a str,
}

impl Line<'_> {
    /// The words behind the verb.
    fn rest(&self) -> Vec<&str> {
        self.words.iter().skip(1).map(String::as_str).collect()
    }

    /// The command; `None` when it has the form of none.
    pub fn command(&self, verb: &str) -> Option<Parsed> {
        let rest = self.rest();
        let look = |look| Some(Parsed::Command(Command::Look(look)));
        match (verb, rest.as_slice()) {
            ("help", [verb]) if is_verb(verb) => Some(Parsed::Command(Command::Usage(
                verb.trim_start_matches('/').to_owned(),
            ))),
            ("help" | "capabilities" | "?", _) if self.meant || rest.is_empty() => {
                Some(Parsed::Command(Command::Help))
            }
            ("confirm", []) => Some(Parsed::Command(Command::Confirm(None))),
            ("confirm", [id]) => Some(Parsed::Command(Command::Confirm(Some((*id).to_owned())))),
            ("cancel", []) => Some(Parsed::Command(Command::Cancel)),
            ("runs", []) => look(Look::Runs),
            ("gates", []) => look(Look::Gates),
            ("list", rest) => self.list(rest),
            ("list-cards", [epic, rest @ ..]) => self.department(rest, |department| {
                Command::Look(Look::Cards {
                    epic: (*epic).to_owned(),
                    department,
                })
            }),
            ("show", rest) => self.show(rest),
            ("board", rest) => {
                self.department(rest, |department| Command::Look(Look::Board(department)))
            }
            ("status", []) => look(Look::Status(None)),
            ("status", [run]) => self.of_run(run, Look::Status(Some((*run).to_owned()))),
            ("watch", []) => look(Look::Watch(LAST.to_owned())),
            ("watch", [run]) => self.of_run(run, Look::Watch((*run).to_owned())),
            ("replay", [place]) if self.meant || place.contains(':') => {
                look(Look::Replay((*place).to_owned()))
            }
            ("create", rest) => self.create(rest),
            ("delete", rest) => self.delete(rest),
            ("add-card", rest) => self.add_card(rest),
            ("move-card", [card, epic, rest @ ..]) => self.asset(
                rest,
                AssetVerb::MoveCard {
                    card: (*card).to_owned(),
                    epic: (*epic).to_owned(),
                },
            ),
            ("assign-card", [card, seat, rest @ ..]) => self.asset(
                rest,
                AssetVerb::AssignCard {
                    card: (*card).to_owned(),
                    seat: (*seat).to_owned(),
                },
            ),
            ("assign-team", [team, epic, rest @ ..]) => self.asset(
                rest,
                AssetVerb::AssignTeam {
                    team: (*team).to_owned(),
                    epic: (*epic).to_owned(),
                },
            ),
            ("run", rest) => self.run(rest),
            ("halt", []) => Some(Parsed::Command(work(WorkChange::Halt(LAST.to_owned())))),
            ("resume", []) => Some(Parsed::Command(work(WorkChange::Resume(LAST.to_owned())))),
            ("halt", [run]) => self.maybe(work(WorkChange::Halt((*run).to_owned()))),
            ("resume", [run]) => self.maybe(work(WorkChange::Resume((*run).to_owned()))),
            ("approve", [gate, reason @ ..]) => decide(gate, GateDecision::Approved, reason),
            ("reject", [gate, reason @ ..]) => decide(gate, GateDecision::Rejected, reason),
            ("expire", [gate, reason @ ..]) => decide(gate, GateDecision::Expired, reason),
            ("archive", rest) => self.archive(rest, "manual archive", |what, reason| {
                WorkChange::Archive { what, reason }
            }),
            ("unarchive", rest) => self.archive(rest, "manual unarchive", |what, reason| {
                WorkChange::Unarchive { what, reason }
            }),
            _ => None,
        }
    }

    /// A command whose last word may name a department.
    fn department(&self, rest: &[&str], command: impl FnOnce(String) -> Command) -> Option<Parsed> {
        let department = match rest {
            [] => self.department,
            [department] | ["--department", department] => *department,
            _ => return None,
        };
        if self.departments.iter().any(|known| known == department) {
            return Some(Parsed::Command(command(department.to_owned())));
        }
        if !self.meant && !rest.is_empty() {
            return None;
        }
        let near = name::suggestion(department, self.departments.iter().map(String::as_str));
        Some(Parsed::Hint(format!(
            "there is no department `{department}`; {near}"
        )))
    }

    fn asset(&self, rest: &[&str], what: AssetVerb) -> Option<Parsed> {
        self.department(rest, |department| {
            Command::Change(Change::Asset(AssetChange { what, department }))
        })
    }

    /// Without a slash it is a command only when there is such a thing.
    fn maybe(&self, command: Command) -> Option<Parsed> {
        Some(if self.meant {
            Parsed::Command(command)
        } else {
            Parsed::Maybe(command)
        })
    }

    fn of_run(&self, run: &str, look: Look) -> Option<Parsed> {
        let command = Command::Look(look);
        if run == LAST {
            return Some(Parsed::Command(command));
        }
        self.maybe(command)
    }

    fn list(&self, rest: &[&str]) -> Option<Parsed> {
        let look = |look| Some(Parsed::Command(Command::Look(look)));
        match rest {
            ["departments"] => look(Look::Departments),
            ["runs"] => look(Look::Runs),
            ["gates"] => look(Look::Gates),
            ["cards", epic, rest @ ..] => self.department(rest, |department| {
                Command::Look(Look::Cards {
                    epic: (*epic).to_owned(),
                    department,
                })
            }),
            [word, rest @ ..] => {
                let resource = Resource::of(word).filter(|it| self.meant || it.many == *word)?;
                self.department(rest, |department| {
                    Command::Look(Look::List(resource, department))
                })
            }
            [] => None,
        }
    }

    fn show(&self, rest: &[&str]) -> Option<Parsed> {
        let command = |look| Some(Parsed::Command(Command::Look(look)));
        match rest {
            ["run", run] => command(Look::Status(Some((*run).to_owned()))),
            ["gate", gate] => command(Look::Gate(gate.parse().ok()?)),
            ["card", card, rest @ ..] => self.department(rest, |department| {
                Command::Look(Look::Card {
                    card: (*card).to_owned(),
                    department,
                })
            }),
            [word, name, rest @ ..] => {
                let resource = Resource::of(word)?;
                self.department(rest, |department| {
                    Command::Look(Look::Show {
                        resource,
                        name: (*name).to_owned(),
                        department,
                    })
                })
            }
            [run] if *run == LAST || self.meant => {
                self.of_run(run, Look::Status(Some((*run).to_owned())))
            }
            _ => None,
        }
    }

    fn create(&self, rest: &[&str]) -> Option<Parsed> {
        if let ["issue" | "card", rest @ ..] = rest {
            return self.add_card(rest);
        }
        let (options, rest) = take_options(rest, &["--rock", "--department"])?;
        let [kind, name, rest @ ..] = rest.as_slice() else {
            return None;
        };
        let kind = Template::of(kind)?;
        let slugged = slug(name);
        if slugged.is_empty() {
            let words = format!("`{name}` gives no name: use letters and digits");
            return self.meant.then_some(Parsed::Hint(words));
        }
        let rock = options.get("--rock").map(|it| (*it).to_owned());
        if rock.is_some() && kind != Template::Epic {
            return None;
        }
        let title = (*name != slugged).then(|| (*name).to_owned());
        let named = options.get("--department").copied();
        let rest: Vec<&str> = named.into_iter().chain(rest.iter().copied()).collect();
        self.asset(
            &rest,
            AssetVerb::Create {
                kind,
                name: slugged,
                title,
                rock,
            },
        )
    }

    fn delete(&self, rest: &[&str]) -> Option<Parsed> {
        match rest {
            ["card" | "issue", card, rest @ ..] => self.asset(
                rest,
                AssetVerb::DeleteCard {
                    card: (*card).to_owned(),
                },
            ),
            [kind, name, rest @ ..] => {
                let kind = Template::of(kind)?;
                self.asset(
                    rest,
                    AssetVerb::Delete {
                        kind,
                        name: (*name).to_owned(),
                    },
                )
            }
            _ => None,
        }
    }

    fn add_card(&self, rest: &[&str]) -> Option<Parsed> {
        let (options, rest) = take_options(rest, &["--department", "--note"])?;
        let [epic, seat, priority, summary @ ..] = rest.as_slice() else {
            return None;
        };
        let summary = summary.join(" ");
        if summary.trim().is_empty() {
            return None;
        }
        let Some(priority) = self::priority(priority) else {
            return Some(Parsed::Hint(format!(
                "the priority `{priority}` must be a number, or one of high (3), medium (2), low (1)"
            )));
        };
        let department: Vec<&str> = options.get("--department").copied().into_iter().collect();
        self.asset(
            &department,
            AssetVerb::AddCard {
                epic: (*epic).to_owned(),
                seat: (*seat).to_owned(),
                priority,
                summary,
                note: options.get("--note").map(|it| (*it).to_owned()),
            },
        )
    }

    fn run(&self, rest: &[&str]) -> Option<Parsed> {
        let (options, rest) = take_options(rest, &["--model", "--department"])?;
        let model = options.get("--model").map(|it| (*it).to_owned());
        let named = options.get("--department").copied();
        let start = |kind, name: &str| {
            let name = name.to_owned();
            move |department| {
                work(WorkChange::Run {
                    kind,
                    name,
                    department,
                    model,
                })
            }
        };
        let (kind, name, rest) = match rest.as_slice() {
            ["epic", name, rest @ ..] => (Some(WorkKind::Epic), *name, rest),
            ["rock", name, rest @ ..] => (Some(WorkKind::Rock), *name, rest),
            ["card", name, rest @ ..] => (Some(WorkKind::Card), *name, rest),
            [name, rest @ ..] => (None, *name, rest),
            [] => return None,
        };
        let rest: Vec<&str> = named.into_iter().chain(rest.iter().copied()).collect();
        match kind {
            Some(kind) => self.department(&rest, start(kind, name)),
            None => match self.department(&rest, start(WorkKind::Card, name))? {
                Parsed::Command(command) => self.maybe(command),
                other => Some(other),
            },
        }
    }

    fn archive(
        &self,
        rest: &[&str],
        reason: &str,
        change: impl FnOnce(Archived, String) -> WorkChange,
    ) -> Option<Parsed> {
        let (options, rest) = take_options(rest, &["--reason"])?;
        let [kind, text] = rest.as_slice() else {
            return None;
        };
        let text = (*text).to_owned();
        let what = match *kind {
            "card" => Archived::Card(text),
            "build" => Archived::Build(text),
            "related" => Archived::Related(text),
            _ => return None,
        };
        let reason = options
            .get("--reason")
            .copied()
            .unwrap_or(reason)
            .to_owned();
        Some(Parsed::Command(work(change(what, reason))))
    }
}

fn work(change: WorkChange) -> Command {
    Command::Change(Change::Work(change))
}

fn decide(gate: &str, decision: GateDecision, reason: &[&str]) -> Option<Parsed> {
    let gate = gate.trim_start_matches('#').parse().ok()?;
    let reason = reason.join(" ");
    Some(Parsed::Command(work(WorkChange::Decide {
        gate,
        decision,
        reason,
    })))
}

/// `high` is 3, `medium` 2, `low` 1; a number is itself.
pub(super) fn priority(text: &str) -> Option<f64> {
    match text.trim().to_lowercase().as_str() {
        "high" => Some(3.0),
        "medium" => Some(2.0),
        "low" => Some(1.0),
        other => other.parse().ok().filter(|number: &f64| number.is_finite()),
    }
}

/// Takes `--name VALUE` and `--name=VALUE` out of the words, wherever they stand. `None` when an
/// option is unknown, has no value or is there twice.
fn take_options<'a>(
    words: &[&'a str],
    known: &[&'static str],
) -> Option<(BTreeMap<&'static str, &'a str>, Vec<&'a str>)> {
    let mut options = BTreeMap::new();
    let mut rest = Vec::new();
    let mut words = words.iter().copied();
    while let Some(word) = words.next() {
        if !word.starts_with("--") {
            rest.push(word);
            continue;
        }
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (word, None),
        };
        let name = known.iter().copied().find(|it| *it == name)?;
        let value = match value {
            Some(value) => value,
            None => words.next()?,
        };
        if value.is_empty() || options.insert(name, value).is_some() {
            return None;
        }
    }
    Some((options, rest))
}
