//! Settings: precedence, units, refusals.

use super::*;
use serde_json::json;

fn sources() -> Sources {
    Sources {
        cwd: PathBuf::from("/here"),
        ..Sources::default()
    }
}

fn map(value: Value) -> Map<String, Value> {
    value.as_object().cloned().expect("object")
}

fn origin_of<'a>(settings: &'a Settings, name: &str) -> &'a Origin {
    &settings
        .shown
        .iter()
        .find(|shown| shown.name == name)
        .expect("shown")
        .origin
}

#[test]
fn the_nearest_word_wins() {
    let mut sources = sources();
    let seen = |sources: &Sources| {
        let settings = Settings::resolve(sources).expect("valid");
        let origin = origin_of(&settings, "ORKET_MAX_RETRIES").clone();
        (settings.max_retries, origin)
    };
    assert_eq!(seen(&sources), (3, Origin::Default));
    sources.user_settings = map(json!({"max_retries": 4}));
    assert_eq!(seen(&sources), (4, Origin::UserSettings));
    sources.organization = map(json!({"max_retries": "5"}));
    assert_eq!(seen(&sources), (5, Origin::Organization));
    let name = "ORKET_MAX_RETRIES".to_owned();
    sources.env_file.insert(name.clone(), "6".to_owned());
    assert_eq!(seen(&sources), (6, Origin::EnvFile(name.clone())));
    sources.environment.insert(name.clone(), "7".to_owned());
    assert_eq!(seen(&sources), (7, Origin::Environment(name.clone())));
    sources.flags.insert(name, "8".to_owned());
    assert_eq!(seen(&sources), (8, Origin::Flag));
}

#[test]
fn the_defaults_are_those_of_the_core() {
    let settings = Settings::resolve(&sources()).expect("valid");
    assert_eq!(settings.clocks, Clocks::default());
    assert_eq!(settings.retry, Backoff::default());
    assert_eq!(settings.durable_root, PathBuf::from("/here/.orket/durable"));
    assert_eq!(settings.max_concurrent_turns, None);
    assert!(settings.journal_sync == SyncMode::Full && !settings.turn_clock_is_set);
    assert_eq!(
        settings.shown.len(),
        VARIABLES.len() - 1,
        "all but the model family"
    );
}

#[test]
fn seconds_have_decimals_and_keys_are_masked() {
    let mut sources = sources();
    for (name, value) in [
        ("ORKET_CLOCK_IDLE_SEC", "0.25"),
        ("ORKET_CLOCK_TURN_SEC", "0"),
        ("OPENAI_API_KEY", "sk-very-secret"),
        ("OLLAMA_HOST", "0.0.0.0:11434"),
        ("ORKET_MODEL_CODER", "qwen2.5-coder:14b"),
        ("ORKET_TIMEZONE", "+02:00"),
    ] {
        sources
            .environment
            .insert(name.to_owned(), value.to_owned());
    }
    let settings = Settings::resolve(&sources).expect("valid");
    assert_eq!((settings.clocks.idle_ms, settings.clocks.turn_ms), (250, 0));
    assert!(settings.turn_clock_is_set);
    assert_eq!(settings.openai.key.as_deref(), Some("sk-very-secret"));
    assert_eq!(settings.ollama.url, "http://127.0.0.1:11434");
    assert_eq!(
        settings
            .models
            .get("CODER")
            .map(ToString::to_string)
            .as_deref(),
        Some("ollama:qwen2.5-coder:14b")
    );
    let shown = serde_json::to_string(&settings.shown).expect("json");
    assert!(!shown.contains("very-secret"), "{shown}");
}

#[test]
fn every_wrong_value_is_told_with_what_would_be_right() {
    let mut sources = sources();
    for (name, value) in [
        ("ORKET_ARTIFACTS", "all"),
        ("ORKET_CLOCK_IDLE_SEC", "-1"),
        ("ORKET_MAX_CONCURRENT_TURNS", "0"),
        ("ORKET_TIMEZONE", "Mars"),
        ("ORKET_OLLAMA_URL", "ftp://x"),
        ("ORKET_MODEL_CODER", "openai:"),
    ] {
        sources
            .environment
            .insert(name.to_owned(), value.to_owned());
    }
    let error = Settings::resolve(&sources).expect_err("invalid");
    insta::assert_snapshot!(error);
}

#[test]
fn sandboxes_have_an_end_unless_it_is_switched_off() {
    let mut sources = sources();
    let usual = Settings::resolve(&sources).unwrap().sandboxes;
    let hours = |hours: u64| Some(Duration::from_secs(hours * 3_600));
    assert_eq!(
        (usual.disabled, usual.most, usual.ttl),
        (false, 8, hours(72))
    );
    assert_eq!(usual.up_timeout, Duration::from_secs(900));
    assert_eq!(usual.limits, orket_sandboxes::ContainerLimits::default());
    sources.organization = map(json!({"disable_sandbox": true, "sandbox_ttl_hours": 0,
        "sandbox_container_cpus": 0}));
    let other = Settings::resolve(&sources).unwrap().sandboxes;
    assert_eq!((other.disabled, other.ttl), (true, None));
    assert_eq!(other.limits.cpus, None);
}

#[test]
fn clones_are_kept_below_the_folder_that_the_settings_are_read_in() {
    for (written, seen) in [("kept", "/here/kept"), ("/else/kept", "/else/kept")] {
        let mut sources = sources();
        let name = "ORKET_GITEA_ARTIFACT_CACHE_ROOT".to_owned();
        sources.environment.insert(name, written.to_owned());
        let settings = Settings::resolve(&sources).expect("valid");
        let kept = settings.gitea.export.cache_root;
        assert_eq!(kept, Some(PathBuf::from(seen)));
    }
}

#[test]
fn a_slip_of_the_pen_is_noticed() {
    let mut sources = sources();
    sources
        .environment
        .insert("ORKET_MAX_RETRY".to_owned(), "1".to_owned());
    let settings = Settings::resolve(&sources).expect("valid");
    assert_eq!(
        settings.warnings,
        ["`ORKET_MAX_RETRY` is not read by orket; did you mean `ORKET_MAX_RETRIES`?"]
    );
}
