//! What a prompt keeps when its rounds outgrow the window.

use serde_json::json;

use super::*;
use crate::tool::{ToolCall, ToolResult};

fn looked(bytes: usize) -> (ToolCall, ToolResult) {
    let args = json!({"path": "big.txt"});
    let call = ToolCall {
        tool: "read_file".to_owned(),
        args: args.as_object().cloned().unwrap(),
    };
    (
        call,
        ToolResult::ok(json!({"content": "word ".repeat(bytes / 5)})),
    )
}

fn quoted(n: u32) -> Message {
    let spoken = Spoken {
        card: CardId::new(format!("I-{n}")).unwrap(),
        seat: "architect".to_owned(),
        text: "said ".repeat(200),
    };
    quotation(&spoken)
}

fn size(messages: &[Message]) -> usize {
    messages.iter().map(|it| tokens(&it.content)).sum()
}

#[test]
fn every_round_stays_within_the_window() {
    for window in [1_500_u32, 2_000, 4_000] {
        let reply = r#"{"tool":"read_file","args":{"path":"big.txt"}}"#;
        let mut messages = vec![
            Message::new(Speaker::System, "You write code. ".repeat(40)),
            quoted(1),
            quoted(2),
            Message::new(Speaker::User, "# Work on card. ".repeat(100)),
        ];
        for round in 0..7 {
            let left = room(&messages, reply, window);
            let calls = [looked(40_000), looked(40_000)];
            let mut next = results(&calls, left);
            assert!(next.content.contains("the context window holds no more"));
            make_room(&mut messages, reply, &mut next, window);
            if round == 0 {
                let said = "The 2 oldest of the earlier replies are no longer shown";
                assert!(next.content.contains(said), "{}", next.content);
            }
            messages.push(Message::new(Speaker::Assistant, reply));
            messages.push(next);
            let most = usize::try_from(window).unwrap() + 100;
            assert!(
                size(&messages) <= most,
                "{window}, {round}: {}",
                size(&messages)
            );
        }
        assert!(messages[1].content.starts_with("# Work on card."));
    }
}

#[test]
fn what_fits_is_left_as_it_is() {
    let mut messages = vec![quoted(1), Message::new(Speaker::User, "# Work")];
    let before = messages.clone();
    let mut next = results(&[looked(500)], room(&messages, "x", 10_000));
    assert_eq!(next, results(&[looked(500)], None));
    make_room(&mut messages, "x", &mut next, 10_000);
    assert_eq!(messages, before);
}

#[test]
fn what_the_window_of_replies_cut_is_counted() {
    let seat = crate::gate::fixture::seat("coder");
    let card = crate::gate::fixture::card();
    let contract = Contract::default();
    let history = [Spoken {
        card: CardId::new("I-4").unwrap(),
        seat: "architect".to_owned(),
        text: "done".to_owned(),
    }];
    let brief = Brief {
        seat: &seat,
        card: &card,
        contract: &contract,
        purpose: Purpose::Work,
        status: CardStatus::InProgress,
        turn: 1,
        attempt: 1,
        epic_title: "",
        comments: &[],
        refusal: None,
        verify: None,
        history: &history,
        unshown: 3,
        dependencies: &[],
        remembered: None,
        missing_reads: &[],
        context_tokens: 0,
    };
    let said = &first(&brief)[1].content;
    assert!(
        said.starts_with("Of 4 earlier replies the 3 oldest are left out here"),
        "{said}"
    );
}
