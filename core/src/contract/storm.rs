//! A hundred thousand contracts and answers: no panic, evidence that fits, a verdict that does not
//! depend on how it is asked, and a schema whose demands are the contract's.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::gate::fixture::seat;
use crate::tool_catalogue::{ADD_ISSUE_COMMENT, UPDATE_ISSUE_STATUS, WRITE_FILE};

const TOOLS: [&str; 6] = [
    WRITE_FILE,
    READ_FILE,
    UPDATE_ISSUE_STATUS,
    ADD_ISSUE_COMMENT,
    "list_directory",
    "deploy",
];
const PATHS: [&str; 7] = [
    "a.txt",
    "./a.txt",
    "b/c.txt",
    "../a.txt",
    "agent_output/design.txt",
    "",
    "b\\c.txt",
];
const WORDS: [&str; 4] = ["", "probably so", "done", "no"];

fn pick<'a>(all: &[&'a str], place: u8) -> &'a str {
    all[usize::from(place) % all.len()]
}

/// A contract out of a few bits.
fn contract(bits: u32) -> Contract {
    let has = |bit: u32| bits >> bit & 1 == 1;
    let some = |first: u32, all: &[&str]| -> Vec<String> {
        let chosen = (first..).zip(all).filter(|(bit, _)| has(*bit));
        chosen.map(|(_, word)| (*word).to_owned()).collect()
    };
    let limit = has(14).then_some(1);
    Contract {
        required_tools: some(0, &TOOLS[..4]),
        required_statuses: if has(4) {
            vec![CardStatus::CodeReview, CardStatus::Blocked]
        } else {
            Vec::new()
        },
        required_write_paths: some(5, &PATHS[..3]),
        required_read_paths: some(8, &PATHS[..3]),
        tool_calls_only: has(11),
        architecture_decision: has(12).then(DecisionRule::default),
        rejection_payload: has(13),
        rules: some(15, rules::SELECTABLE),
        forbidden_phrases: vec!["done".to_owned()],
        limits: ScopeLimits {
            max_workspace_items: limit,
            max_total_context_items: limit,
            ..ScopeLimits::default()
        },
    }
}

fn calls(places: &[(u8, u8, u8)]) -> Vec<ToolCall> {
    let one = |(tool, path, status): &(u8, u8, u8)| {
        let status = CardStatus::ALL[usize::from(*status) % CardStatus::ALL.len()];
        let args = json!({
            "path": pick(&PATHS, *path), "content": "{}", "status": status, "comment": "x",
            "wait_reason": "input",
        });
        ToolCall {
            tool: pick(&TOOLS, *tool).to_owned(),
            args: args.as_object().cloned().unwrap_or_default(),
        }
    };
    places.iter().map(one).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_answer_gets_the_same_verdict_twice(
        bits in any::<u32>(),
        places in prop::collection::vec(any::<(u8, u8, u8)>(), 0..5),
        split in any::<u8>(),
    ) {
        thread_local! {
            static SEAT: SeatPlan = seat("coder");
        }
        SEAT.with(|seat| {
            let contract = contract(bits);
            let calls = calls(&places);
            let prose = pick(&WORDS, split);
            let ask = |earlier, now| contract.check(&Answer {
                calls: now,
                prose,
                truncated: None,
                seat,
                missing_reads: &[],
                earlier_calls: earlier,
                text: prose,
                waits_for_others: false,
            });
            let found = ask(&[], &calls);
            prop_assert_eq!(&ask(&[], &calls), &found);
            for violation in &found {
                prop_assert!(violation.evidence.chars().count() <= 120);
                prop_assert!(!violation.message.is_empty());
            }
            // What was carried out before counts: nothing that was met is missed for it.
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
