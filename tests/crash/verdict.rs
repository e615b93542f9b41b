//! Whether a world that was killed came out like one that was not.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Value, json};

use super::epic::{AFTER_PAYING, FILES_OF_PAYING, PAYING, PAYMENTS, POSTED};
use super::journal::Journal;
use super::world::{Ended, World};

/// What a run leaves, without anything that may differ between two good runs.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// By card: how it stands, what was said, what its successful turns did, how it got there.
    pub cards: BTreeMap<String, Value>,
    /// Files of the workspace, the journal's projections and the effects aside.
    pub files: BTreeMap<String, String>,
    /// How many different letters were posted.
    pub posted: usize,
    /// How often was paid.
    pub payments: usize,
}

impl State {
    /// Of a world whose run is over.
    pub fn of(world: &World) -> Self {
        let journal = world.journal();
        let (run_id, _) = journal.run().expect("a run");
        let created = created_card(&journal);
        let words = Words {
            replaced: vec![
                (run_id.to_owned(), "RUN"),
                (world.path().display().to_string(), "WORLD"),
                (created.clone(), "CREATED"),
            ],
            with_changes: !world.was_stopped.get(),
        };
        let mut cards = BTreeMap::new();
        for card in &journal.cards {
            let id = card["card_id"].as_str().unwrap();
            let id = if id == created { "CREATED" } else { id };
            cards.insert(id.to_owned(), words.card(&journal, card));
        }
        let workspace = world.workspace();
        let mut files = BTreeMap::new();
        collect(&workspace, &workspace, &mut files);
        let posted = std::fs::read_dir(workspace.join(POSTED)).map_or(0, Iterator::count);
        Self {
            cards,
            files,
            posted,
            payments: payments(world),
        }
    }

    /// The same without what the call that must not be repeated may change.
    fn apart_from_paying(mut self) -> Self {
        self.cards.remove(PAYING);
        self.cards.remove(AFTER_PAYING);
        for file in FILES_OF_PAYING {
            self.files.remove(file);
        }
        self.payments = 0;
        self
    }
}

fn payments(world: &World) -> usize {
    let text = std::fs::read_to_string(world.workspace().join(PAYMENTS)).unwrap_or_default();
    text.lines().count()
}

fn created_card(journal: &Journal) -> String {
    let ids = journal
        .cards
        .iter()
        .map(|it| it["card_id"].as_str().unwrap());
    let mut created = ids.filter(|id| !id.starts_with("CR-"));
    let first = created.next().unwrap_or("no card was created").to_owned();
    assert_eq!(created.next(), None, "two cards were created");
    first
}

struct Words {
    replaced: Vec<(String, &'static str)>,
    /// Whether the way a card went is compared too.
    with_changes: bool,
}

impl Words {
    fn card(&self, journal: &Journal, card: &Value) -> Value {
        let of_card = |rows: &[Value]| -> Vec<Value> {
            let own = rows.iter().filter(|it| it["card"] == card["row"]);
            own.cloned().collect()
        };
        let comments: Vec<Value> = of_card(&journal.comments)
            .iter()
            .map(|it| json!([it["author"], it["content"]]))
            .collect();
        let mut changes: Vec<Value> = of_card(&journal.events)
            .iter()
            .filter(|it| it["kind"] == "status")
            .map(|it| {
                json!([
                    it["from_status"],
                    it["to_status"],
                    it["reason"],
                    it["by_whom"]
                ])
            })
            .collect();
        if !self.with_changes {
            changes.clear();
        }
        let turns: Vec<Vec<Value>> = of_card(&journal.turns)
            .iter()
            .filter(|turn| turn["status"] == "succeeded")
            .map(|turn| {
                let steps = journal.steps.iter().filter(|it| it["turn"] == turn["row"]);
                steps.filter_map(|step| self.step(step)).collect()
            })
            .collect();
        json!({"status": card["status"], "wait_reason": card["wait_reason"], "turn": card["turn"],
               "tokens": card["tokens"], "comments": comments, "changes": changes, "turns": turns})
    }

    /// A step as it must be in every run; nothing for the mark of a recovery.
    fn step(&self, step: &Value) -> Option<Value> {
        let mut text = step["body_json"].as_str().unwrap().to_owned();
        for (from, to) in &self.replaced {
            text = text.replace(from, to);
        }
        let mut body: Value = serde_json::from_str(&text).unwrap();
        let fields = body.as_object_mut().unwrap();
        match step["kind"].as_str().unwrap() {
            "recovered" => return None,
            // Prompts name the attempt; what they lead to is compared.
            "model_requested" => fields.retain(|name, _| name == "kind" || name == "round"),
            // Reports hold times.
            "verified" => {
                return Some(json!([
                    "verified",
                    body["report"]["ok"],
                    body["report"]["errors"]
                ]));
            }
            "model_replied" => {
                body["reply"].as_object_mut().unwrap().remove("latency_ms");
                return Some(body);
            }
            _ => {}
        }
        for private in ["attempt", "key"] {
            fields.remove(private);
        }
        Some(body)
    }
}

fn collect(root: &Path, folder: &Path, files: &mut BTreeMap<String, String>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries.map(Result::unwrap) {
        let path = entry.path();
        let name = path.strip_prefix(root).unwrap().display().to_string();
        let is_projection = path.file_name().is_some_and(|it| it == "observability");
        if is_projection || name == PAYMENTS || name == POSTED || name.starts_with("orket.log") {
            continue;
        }
        if path.is_dir() {
            collect(root, &path, files);
        } else {
            files.insert(name, std::fs::read_to_string(&path).unwrap());
        }
    }
}

/// How a world came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// As if nothing had happened.
    Same,
    /// As if nothing had happened, but for the call of which nobody knows whether it was made.
    Parked,
}

/// Judges a world whose run is over; `last` is the life that said so, if it could. Panics where the
/// world differs from `reference`.
pub fn judge(world: &World, reference: &State, last: Option<&Ended>) -> Verdict {
    let journal = world.journal();
    let Some((run_id, status)) = journal.run() else {
        panic!("no run was begun: {last:?}");
    };
    check_questions(world);
    check_settled(world);
    journal.check_numbers();
    assert!(payments(world) <= 1, "paid {} times", payments(world));
    let mut expected = reference.clone();
    let found = State::of(world);
    if world.was_stopped.get() {
        for card in expected.cards.values_mut() {
            card["changes"] = json!([]);
        }
    }
    let was_cut_off = {
        let left = world.left.borrow();
        let (_, earlier) = left.split_last().unwrap();
        earlier.iter().any(|(_, journal)| journal.is_cut_off("pay"))
    };
    let verdict = if was_cut_off {
        Verdict::Parked
    } else {
        Verdict::Same
    };
    match verdict {
        Verdict::Same => {
            assert_eq!(status, "done");
            same(&found, &expected);
            assert_eq!(journal.gates, Vec::<Value>::new());
        }
        Verdict::Parked => {
            assert_eq!(
                status, "terminal_failure",
                "a run with a card that waits for a person"
            );
            check_parked(&journal, run_id);
            same(&found.apart_from_paying(), &expected.apart_from_paying());
        }
    }
    if let Some(last) = last {
        let report: Value = serde_json::from_str(&last.out)
            .unwrap_or_else(|error| panic!("{error}: {}\n{}", last.out, last.err));
        assert_eq!(report["run_id"], run_id, "the same run goes on");
        assert_eq!(report["status"], status);
        let code = if verdict == Verdict::Same { 0 } else { 1 };
        assert_eq!(last.status.code(), Some(code), "{}", last.err);
    }
    verdict
}

fn same(found: &State, expected: &State) {
    let names: BTreeSet<&String> = found.cards.keys().chain(expected.cards.keys()).collect();
    for name in names {
        let card = |state: &State| json!(state.cards.get(name));
        let difference = difference(name, &card(found), &card(expected));
        assert!(difference.is_none(), "{}", difference.unwrap_or_default());
    }
    let difference = difference("files", &json!(found.files), &json!(expected.files));
    assert!(difference.is_none(), "{}", difference.unwrap_or_default());
    assert_eq!(
        (found.posted, found.payments),
        (expected.posted, expected.payments)
    );
}

/// The first place where two values differ, and both values there.
fn difference(place: &str, found: &Value, expected: &Value) -> Option<String> {
    let below: Vec<String> = match (found, expected) {
        (Value::Object(one), Value::Object(other)) => {
            one.keys().chain(other.keys()).cloned().collect()
        }
        (Value::Array(one), Value::Array(other)) => (0..one.len().max(other.len()))
            .map(|it| it.to_string())
            .collect(),
        _ if found == expected => return None,
        _ => return Some(format!("{place}: {found} where {expected} was due")),
    };
    below.iter().find_map(|name| {
        let at = |value: &Value| match value {
            Value::Array(items) => name
                .parse()
                .ok()
                .and_then(|it: usize| items.get(it).cloned()),
            other => other.get(name).cloned(),
        };
        let (found, expected) = (
            at(found).unwrap_or_default(),
            at(expected).unwrap_or_default(),
        );
        difference(&format!("{place}.{name}"), &found, &expected)
    })
}

/// The card says in words what is unknown, a gate waits for a person, and its dependant says why it
/// does not go on.
fn check_parked(journal: &Journal, run_id: &str) {
    let card = journal.card(PAYING);
    let life: Value = serde_json::from_str(card["life_json"].as_str().unwrap()).unwrap();
    assert_eq!(
        json!([card["status"], card["wait_reason"], life["code"]]),
        json!(["blocked", "input", "E_UNKNOWN_OUTCOME"])
    );
    let note = life["note"].as_str().unwrap();
    assert!(
        note.contains("`pay` may or may not have taken effect")
            && note.contains("must not be repeated unasked"),
        "{note}"
    );
    let [gate] = journal.gates.as_slice() else {
        panic!("one gate: {:#?}", journal.gates);
    };
    assert_eq!(
        json!([gate["card_id"], gate["request_type"], gate["status"]]),
        json!([PAYING, "unknown_outcome", "pending"])
    );
    let payload: Value = serde_json::from_str(gate["payload_json"].as_str().unwrap()).unwrap();
    assert_eq!(payload["tool"], "pay");
    assert_eq!(payload["key"].as_str().unwrap().len(), 32);
    let dependant = journal.card(AFTER_PAYING);
    assert_eq!(
        json!([dependant["status"], dependant["wait_reason"]]),
        json!(["blocked", "dependency"])
    );
    let life = dependant["life_json"].as_str().unwrap();
    assert!(
        life.contains(PAYING) && life.contains(&format!("orket resume {run_id}")),
        "{life}"
    );
}

/// No reply that a life left in the journal was asked for by a later one, and none is there twice.
fn check_questions(world: &World) {
    let asked = world.model.asked();
    let mut in_one_life = BTreeSet::new();
    for (life, ask) in &asked {
        assert!(
            in_one_life.insert((life, ask)),
            "asked twice in life {life}: {ask:?}"
        );
    }
    for (life, journal) in world.left.borrow().iter() {
        let replied = journal.replied();
        let again: Vec<_> = asked
            .iter()
            .filter(|(later, ask)| later > life && replied.contains(&ask.question()))
            .collect();
        assert!(
            again.is_empty(),
            "durable after life {life} and asked for again: {again:?}"
        );
    }
    assert_eq!(
        world.journal().paid_twice(),
        [],
        "replies that are there twice"
    );
    let questions: BTreeSet<_> = asked.iter().map(|(_, ask)| ask.question()).collect();
    let replied: BTreeSet<_> = world.journal().replied().into_iter().collect();
    assert_eq!(questions, replied, "every question has its reply");
}

/// What was settled when a life ended is as it was then.
fn check_settled(world: &World) {
    let left = world.left.borrow();
    let (_, last) = left.last().unwrap();
    for (life, journal) in left.iter() {
        let settled: BTreeSet<&str> = journal
            .cards
            .iter()
            .filter(|card| {
                let parked = card["status"] == "blocked" && card["wait_reason"] == "input";
                let blocked = card["status"] == "blocked" && !world.was_stopped.get();
                card["status"] == "done" || parked || blocked
            })
            .map(|card| card["card_id"].as_str().unwrap())
            .collect();
        let of = |journal: &Journal| {
            journal.of_settled(|card| settled.contains(card["card_id"].as_str().unwrap()))
        };
        let (then, now) = (of(journal), of(last));
        assert!(
            then == now,
            "settled after life {life} and touched since:\nthen {then:#?}\nnow {now:#?}"
        );
    }
}
