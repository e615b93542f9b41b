//! A hundred thousand of each: replies that fit a schema, which check and gate must accept; and
//! answers of any kind, which must be judged without a panic, in evidence that fits.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::fitting::{self, Bits};
use super::*;
use crate::gate::fixture::{card, seat};
use crate::gate::{self, GateScope};
use crate::plan::CardPlan;
use crate::policy::{FileOwnership, GatePolicy, OwnPlace};
use crate::status::CardStatus as S;
use crate::tool::ToolSpec;
use crate::tool_call::parse;
use crate::tool_catalogue::{
    ADD_ISSUE_COMMENT, CREATE_ISSUE, LIST_DIRECTORY, UPDATE_ISSUE_STATUS, WRITE_FILE,
};
use crate::transition::{self, Actor};

/// Replies for one contract.
const REPLIES: u32 = 50;

const TOOLS: [&str; 8] = [
    WRITE_FILE,
    READ_FILE,
    UPDATE_ISSUE_STATUS,
    ADD_ISSUE_COMMENT,
    LIST_DIRECTORY,
    CREATE_ISSUE,
    "get_issue_context",
    "deploy",
];
const PATHS: [&str; 16] = [
    "a.txt",
    "./a.txt",
    "b/c.txt",
    "../a.txt",
    "agent_output/design.txt",
    "",
    "b\\c.txt",
    "agent_output/main.py",
    "agent_output/lib/ünï.rs",
    "verification/x.sh",
    "agent_output/package.json",
    "agent_output/x.exe",
    "managers/order_manager.py",
    ".git/config",
    "agent_output/con.txt",
    "secret/key.txt",
];
const WORDS: [&str; 4] = ["", "probably so", "done", "no"];

thread_local! {
    static SEATS: [SeatPlan; 2] = [seat("coder"), seat("integrity_guard")];
}

fn pick<T: Copy>(all: &[T], place: u8) -> T {
    all[usize::from(place) % all.len()]
}

/// A turn that could be: what is demanded can be done, as it is checked when a plan is built.
struct World {
    contract: Contract,
    seat: SeatPlan,
    card: CardPlan,
    status: CardStatus,
    policy: GatePolicy,
    missing: Vec<String>,
    earlier: Vec<ToolCall>,
    may_look: bool,
    waits: bool,
}

impl World {
    fn of(seed: u64) -> Option<Self> {
        let bits = &mut Bits::new(seed);
        let reviews = bits.next();
        let mut seat = SEATS.with(|seats| seats[usize::from(reviews)].clone());
        let status = if reviews {
            S::AwaitingGuardReview
        } else {
            S::InProgress
        };
        let offered: Vec<ToolSpec> = seat
            .tools
            .iter()
            .filter(|_| bits.below(8) > 0)
            .cloned()
            .collect();
        seat.tools = offered.into();
        let mut world = Self {
            contract: Contract::default(),
            seat,
            card: card(),
            status,
            policy: policy(bits),
            missing: Vec::new(),
            earlier: Vec::new(),
            may_look: bits.next(),
            waits: bits.next(),
        };
        let has = |tool: &str| world.seat.tools.iter().any(|spec| spec.name == tool);
        let tools: Vec<&str> = TOOLS.into_iter().filter(|tool| has(tool)).collect();
        let required_tools = owned(&bits.some(&tools));
        let writes: Vec<&str> = PATHS
            .into_iter()
            .filter(|it| world.takes(WRITE_FILE, it))
            .collect();
        let reads: Vec<&str> = PATHS
            .into_iter()
            .filter(|it| world.takes(READ_FILE, it))
            .collect();
        let settable = world.settable();
        let statuses = if has(UPDATE_ISSUE_STATUS) && bits.next() {
            settable.iter().copied().filter(|_| bits.next()).collect()
        } else {
            Vec::new()
        };
        let decides = bits.below(4) == 0 && world.takes(WRITE_FILE, DECISION_PATH);
        let limit = |bits: &mut Bits| (bits.below(4) == 0).then(|| bits.below(8) as u32);
        let selectable: Vec<&str> = rules::SELECTABLE.to_vec();
        world.contract = Contract {
            required_tools,
            required_statuses: statuses,
            required_write_paths: owned(&bits.some(&writes)),
            required_read_paths: owned(&bits.some(&reads)),
            tool_calls_only: bits.next(),
            architecture_decision: decides.then(DecisionRule::default),
            rejection_payload: bits.next(),
            rules: owned(&bits.some(&selectable)),
            // What a text says is beyond a schema.
            forbidden_phrases: Vec::new(),
            limits: ScopeLimits {
                max_workspace_items: limit(bits),
                max_active_context_items: limit(bits),
                max_passive_context_items: limit(bits),
                max_archived_context_items: limit(bits),
                max_total_context_items: limit(bits),
            },
        };
        let reads: Vec<&str> = world
            .contract
            .required_read_paths
            .iter()
            .map(String::as_str)
            .collect();
        world.missing = owned(&bits.some(&reads));
        if !world.may_look {
            let read = world.contract.demanded_reads(&world.missing);
            let read: Vec<&str> = read.collect();
            let read = bits.some(&read);
            world.earlier = read
                .iter()
                .map(|path| call(READ_FILE, json!({ "path": path })))
                .collect();
        }
        world.contract.too_low().is_empty().then_some(world)
    }

    fn gate(&self) -> GateScope<'_> {
        GateScope {
            seat: &self.seat,
            card: &self.card,
            status: self.status,
            policy: &self.policy,
        }
    }

    fn takes(&self, tool: &str, path: &str) -> bool {
        let call = call(tool, json!({"path": path, "content": ""}));
        gate::check(&call, &self.gate()).is_ok()
    }

    fn settable(&self) -> Vec<CardStatus> {
        let roles = &self.seat.roles;
        let reason = Some(crate::status::WaitReason::Input);
        let may = |to: &CardStatus| {
            let actor = Actor::Agent { roles };
            transition::check(self.card.kind, self.status, *to, reason, actor).is_ok()
        };
        S::ALL.iter().copied().filter(may).collect()
    }

    fn schema(&self) -> Option<Value> {
        self.contract.reply_schema(&ReplyScope {
            gate: self.gate(),
            missing_reads: &self.missing,
            earlier: &self.earlier,
            may_look: self.may_look,
            waits_for_others: self.waits,
            seats: &["coder"],
        })
    }

    /// What is wrong with a reply; one that looks first need not bring anything yet.
    fn wrong(&self, reply: &Value) -> Vec<crate::turn::Violation> {
        let text = reply.to_string();
        let parsed = parse(&text);
        let mut found = self.contract.check(&Answer {
            calls: &parsed.calls,
            prose: &parsed.prose,
            truncated: parsed.truncated.as_deref(),
            seat: &self.seat,
            missing_reads: &self.missing,
            earlier_calls: &self.earlier,
            text: &text,
            waits_for_others: self.waits,
        });
        let mut calls = parsed.calls.iter();
        if self.may_look && calls.all(|call| is_observational(&call.tool)) {
            found.retain(bars_looking);
        }
        let mut scope = self.gate();
        for call in &parsed.calls {
            match gate::check(call, &scope) {
                Err(violation) => found.push(violation),
                Ok(()) => {
                    if let Some((status, _)) = gate::status_asked(call) {
                        scope.status = status;
                    }
                }
            }
        }
        found
    }
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn call(tool: &str, args: Value) -> ToolCall {
    ToolCall {
        tool: tool.to_owned(),
        args: args.as_object().cloned().unwrap_or_default(),
    }
}

fn policy(bits: &mut Bits) -> GatePolicy {
    let own = OwnPlace {
        path: bits
            .some(&["secret", ".orket", "agent_output/kept"])
            .join(""),
        is_secret: bits.next(),
    };
    let mut owned_files = Vec::new();
    if bits.next() {
        owned_files.push(FileOwnership::dependencies(Vec::new(), Vec::new()));
    }
    GatePolicy {
        forbidden_file_types: owned(&bits.some(&[".exe", ".py", ".txt"])),
        owned_files,
        idesign: bits.next(),
        own_places: if own.path.is_empty() {
            Vec::new()
        } else {
            vec![own]
        },
    }
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config(100_000 / REPLIES))]

    /// What a server decodes under a schema is accepted.
    #[test]
    fn a_reply_that_fits_the_schema_is_accepted(seed in any::<u64>()) {
        // Worlds that could not be are passed over.
        let world = (0..).find_map(|more| World::of(seed.wrapping_add(more)));
        let world = world.expect("some world can be");
        let mut bits = Bits::new(seed);
        if let Some(schema) = world.schema() {
            for place in 0..REPLIES {
                let reply = fitting::some(&schema, &schema, &mut bits);
                prop_assert!(place > 0 || fitting::fits(&reply, &schema, &schema), "{reply}\n{schema}");
                let wrong = world.wrong(&reply);
                prop_assert!(wrong.is_empty(), "{reply}\n{wrong:?}\n{:?}\n{schema}", world.contract);
            }
        }
    }
}

#[test]
fn most_turns_have_a_schema() {
    let worlds: Vec<World> = (0..200).filter_map(World::of).collect();
    let with = worlds
        .iter()
        .filter(|world| world.schema().is_some())
        .count();
    assert!(
        worlds.len() > 80 && with * 10 > worlds.len() * 8,
        "{with} of {}",
        worlds.len()
    );
}

/// A contract out of a few bits, whether it can be met or not.
fn any_contract(seed: u64) -> Contract {
    let bits = &mut Bits::new(seed);
    let limit = |bits: &mut Bits| (bits.below(4) == 0).then(|| bits.below(3) as u32);
    Contract {
        required_tools: owned(&bits.some(&TOOLS)),
        required_statuses: S::ALL
            .iter()
            .copied()
            .filter(|_| bits.below(8) == 0)
            .collect(),
        required_write_paths: owned(&bits.some(&PATHS[..8])),
        required_read_paths: owned(&bits.some(&PATHS[4..])),
        tool_calls_only: bits.next(),
        architecture_decision: bits.next().then(DecisionRule::default),
        rejection_payload: bits.next(),
        rules: owned(&bits.some(rules::SELECTABLE)),
        forbidden_phrases: vec!["done".to_owned()],
        limits: ScopeLimits {
            max_workspace_items: limit(bits),
            max_active_context_items: limit(bits),
            max_passive_context_items: limit(bits),
            max_archived_context_items: limit(bits),
            max_total_context_items: limit(bits),
        },
    }
}

fn calls(places: &[(u8, u8, u8, Vec<char>)]) -> Vec<ToolCall> {
    let one = |(tool, path, status, text): &(u8, u8, u8, Vec<char>)| {
        let text: String = text.iter().collect();
        let status = pick(S::ALL, *status);
        let args = json!({
            "path": if text.len().is_multiple_of(3) { text.as_str() } else { pick(&PATHS, *path) },
            "content": text, "status": status, "comment": text,
            "wait_reason": if text.len().is_multiple_of(2) { "input" } else { "dependency" },
        });
        call(pick(&TOOLS, *tool), args)
    };
    places.iter().map(one).collect()
}

proptest! {
    #![proptest_config(config(100_000))]

    /// No panic; evidence that fits; and what was carried out before counts: nothing that was met is
    /// missed for it.
    #[test]
    fn any_answer_is_judged(
        seed in any::<u64>(),
        places in prop::collection::vec((any::<u8>(), any::<u8>(), any::<u8>(), prop::collection::vec(any::<char>(), 0..6)), 0..5),
        split in any::<u8>(),
        reviews in any::<bool>(),
        waits_for_others in any::<bool>(),
    ) {
        SEATS.with(|seats| {
            let contract = any_contract(seed);
            let calls = calls(&places);
            let prose = pick(&WORDS, split);
            let missing = owned(&Bits::new(seed).some(&PATHS));
            let ask = |earlier, now| contract.check(&Answer {
                calls: now,
                prose,
                truncated: None,
                seat: &seats[usize::from(reviews)],
                missing_reads: &missing,
                earlier_calls: earlier,
                text: prose,
                waits_for_others,
            });
            let found = ask(&[], &calls);
            for violation in &found {
                prop_assert!(violation.evidence.chars().count() <= 120);
                prop_assert!(!violation.message.is_empty());
            }
            let (earlier, now) = calls.split_at(usize::from(split) % (calls.len() + 1));
            let demands = [PROGRESS, WRITE_PATH, READ_PATH, ARCHITECTURE];
            let demanded = |found: &[crate::turn::Violation]| -> Vec<String> {
                let some = found.iter().filter(|it| demands.contains(&it.reason.as_str()));
                some.map(|it| it.message.clone()).collect()
            };
            prop_assert_eq!(demanded(&ask(earlier, now)), demanded(&found));
            Ok(())
        })?;
    }
}
