//! The scripted model: every fault, every delay.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{FutureExt, StreamExt, stream::BoxStream};
use orket::providers::scripted::ScriptedProvider;
use orket_actors::port::model::ModelProvider;
use orket_core::model::ModelEvent;
use orket_core::scenario::{Scenario, Script};

use crate::wire::{all, is_silent, next, request, shown};

/// The answer of a scenario whose default has these fields.
fn ask(fields: &str) -> BoxStream<'static, ModelEvent> {
    let text = format!(r#"{{"name":"t","default":{{{fields}}}}}"#);
    let scenario = Scenario::parse(&text, "scenarios/t.json").unwrap();
    let provider = ScriptedProvider::new(Script::new(scenario));
    assert_eq!(
        (provider.endpoint(), provider.default_permits()),
        ("scripted", 256)
    );
    provider.ask(request("scripted"))
}

/// All events that are there at once, and whether the stream is over then.
fn at_once(mut stream: BoxStream<'static, ModelEvent>) -> (Vec<ModelEvent>, bool) {
    let mut events = Vec::new();
    while let Some(next) = stream.next().now_or_never() {
        match next {
            Some(event) => events.push(event),
            None => return (events, true),
        }
    }
    (events, false)
}

/// No runtime is here, so no timer and no task can be.
#[test]
fn an_instant_reply_needs_no_runtime() {
    let answers = [
        (
            "a reply",
            r#""content":"Hello {{issue_id}}","chunk_chars":2,"usage":{"prompt_tokens":10,"output_tokens":5}"#,
        ),
        ("an empty reply", r#""content":"""#),
        (
            "calls",
            r#""calls":[{"tool":"write_file","args":{"path":"{{role}}.txt"}},{"tool":"list"}]"#,
        ),
        ("connect", r#""fault":"connect""#),
        ("http_500", r#""fault":"http_500""#),
        ("http_429", r#""fault":"http_429","retry_after_ms":1500"#),
        ("stall_before_first", r#""fault":"stall_before_first""#),
        ("stall_mid", r#""fault":"stall_mid","content":"äbcde""#),
        ("truncate", r#""fault":"truncate","content":"abcdef""#),
    ];
    let told: Vec<String> = answers
        .iter()
        .map(|(name, fields)| {
            let (events, over) = at_once(ask(fields));
            let after = if over { "the end" } else { "silence" };
            format!("{}  {after}\n", shown(name, &events, ""))
        })
        .collect();
    insta::assert_snapshot!(told.concat());
}

#[test]
fn garbage_is_long_and_the_same_each_time() {
    let fields = r#""fault":"garbage""#;
    let (events, over) = at_once(ask(fields));
    assert_eq!((events.clone(), over), at_once(ask(fields)));
    let [
        ModelEvent::Connected,
        ModelEvent::Text(text),
        ModelEvent::Done,
    ] = events.as_slice()
    else {
        panic!("{events:?}")
    };
    assert_eq!(text.chars().count(), 512);
    assert!(!text.is_ascii());
}

#[tokio::test]
async fn delays_come_before_the_first_chunk_and_between_chunks() {
    let started = Instant::now();
    let mut stream =
        ask(r#""content":"äbcdefg","first_chunk_delay_ms":60,"chunk_chars":3,"chunk_delay_ms":20"#);
    assert_eq!(next(&mut stream).await, Some(ModelEvent::Connected));
    assert!(is_silent(&mut stream));
    assert_eq!(
        next(&mut stream).await,
        Some(ModelEvent::Text("äbc".into()))
    );
    assert!(started.elapsed() >= Duration::from_millis(60));
    assert!(is_silent(&mut stream));
    let rest = ["def", "g"].map(|text| ModelEvent::Text(text.into()));
    assert_eq!(all(stream).await, [&rest[..], &[ModelEvent::Done]].concat());
    assert!(started.elapsed() >= Duration::from_millis(100));
}

#[tokio::test]
async fn a_fault_takes_its_time_too() {
    let started = Instant::now();
    let events = all(ask(r#""fault":"connect","first_chunk_delay_ms":30"#)).await;
    assert!(
        matches!(events.as_slice(), [ModelEvent::Failed(_)]),
        "{events:?}"
    );
    assert!(started.elapsed() >= Duration::from_millis(30));

    let mut stream =
        ask(r#""fault":"stall_mid","content":"abcdef","chunk_chars":2,"chunk_delay_ms":5"#);
    for expected in [
        ModelEvent::Connected,
        ModelEvent::Text("ab".into()),
        ModelEvent::Text("c".into()),
    ] {
        assert_eq!(next(&mut stream).await, Some(expected));
    }
    assert!(is_silent(&mut stream));
}

#[test]
fn a_question_nobody_scripted_is_refused() {
    let text = r#"{"name":"t","replies":[{"when":{"issue":"other"},"content":"x"}]}"#;
    let scenario = Scenario::parse(text, "scenarios/t.json").unwrap();
    let provider = ScriptedProvider::new(Script::new(scenario));
    let (events, over) = at_once(provider.ask(Arc::clone(&request("scripted"))));
    assert!(over);
    insta::assert_snapshot!(shown("", &events, ""));
}
