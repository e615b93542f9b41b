//! Finding providers by model name.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use orket::providers::{LoadScenario, ProviderSettings, Providers};
use orket_actors::port::model::ModelProviders;
use orket_core::model::ModelName;

fn model(name: &str) -> ModelName {
    ModelName::parse(name).unwrap()
}

#[test]
fn a_scenario_is_parsed_once_and_a_missing_one_looked_for_again() {
    let loads = Arc::new(AtomicUsize::new(0));
    let counted = loads.clone();
    let load: LoadScenario = Arc::new(move |name: &str| {
        let load = counted.fetch_add(1, Ordering::Relaxed);
        match (name, load) {
            ("good", 1..) => Ok(r#"{"name":"good","default":{"content":"x"}}"#.into()),
            (_, 0) => Err("no such file".into()),
            _ => Ok(r#"{"name":"bad","default":{"contant":"x"}}"#.into()),
        }
    });
    let providers = Providers::new(ProviderSettings::default(), load);
    let missing = providers.provider(&model("scripted:good")).err().unwrap();
    let good = providers.provider(&model("scripted:good")).unwrap();
    let again = providers.provider(&model("scripted:good")).unwrap();
    assert!(Arc::ptr_eq(&good, &again));
    assert_eq!(loads.load(Ordering::Relaxed), 2);
    let bad = providers.provider(&model("scripted:bad")).err().unwrap();
    insta::assert_snapshot!(format!("{missing}\n{bad}"));
}

#[test]
fn what_is_missing_is_named() {
    let settings = ProviderSettings {
        ollama_url: "localhost:11434".into(),
        ..ProviderSettings::default()
    };
    let providers = Providers::new(settings, Arc::new(|_: &str| Err(String::new())));
    let unknown = ModelName {
        provider: "telegraph".into(),
        model: "m".into(),
    };
    let told: Vec<String> = [
        model("openai:gpt"),
        model("anthropic:claude"),
        model("llama3:8b"),
        unknown,
    ]
    .iter()
    .map(|name| providers.provider(name).err().unwrap().to_string())
    .collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn network_providers_take_three_at_once_and_share_what_their_address_shares() {
    let settings = ProviderSettings {
        openai_url: "http://me:secret@127.0.0.1:8000/v1".into(),
        ..ProviderSettings::default()
    };
    let providers = Providers::new(settings, Arc::new(|_: &str| Err(String::new())));
    let one = providers.provider(&model("openai:one")).unwrap();
    let two = providers.provider(&model("openai:two")).unwrap();
    assert!(Arc::ptr_eq(&one, &two));
    assert_eq!(
        (one.endpoint(), one.default_permits()),
        ("http://127.0.0.1:8000", 3)
    );
}
