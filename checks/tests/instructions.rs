//! The guard of instruction counts can fail: what it says of counts, and that its file can be read.

#[path = "../../benches/instructions/baseline.rs"]
#[expect(dead_code, reason = "the bench reads and writes the file")]
mod baseline;

use baseline::{Baseline, Build, Verdict};

fn build(rustc: &str, flags: &str) -> Build {
    Build {
        rustc: rustc.to_owned(),
        flags: flags.to_owned(),
    }
}

#[test]
fn a_count_beyond_its_tolerance_is_told_apart() {
    let baseline = Baseline::new(&build("rustc 1", ""), &[("turn", "a turn", 100_000)]);
    let turn = baseline.path("turn").expect("it was counted");
    for (count, here, elsewhere) in [
        (100_000, Verdict::Within, Verdict::Within),
        (102_999, Verdict::Within, Verdict::Within),
        (103_001, Verdict::Above(0.03), Verdict::Within),
        (110_001, Verdict::Above(0.03), Verdict::Above(0.1)),
        (97_001, Verdict::Within, Verdict::Within),
        (96_999, Verdict::Below, Verdict::Within),
        (89_999, Verdict::Below, Verdict::Below),
    ] {
        assert_eq!(turn.judge(count, false), here, "{count}");
        assert_eq!(turn.judge(count, true), elsewhere, "{count} elsewhere");
    }
    assert!(baseline.path("another").is_none());
}

#[test]
fn another_build_is_named() {
    let baseline = Baseline::new(&build("rustc 1", ""), &[]);
    assert_eq!(baseline.differs(&build("rustc 1", "")), None);
    assert_eq!(
        baseline.differs(&build("rustc 2", "")).as_deref(),
        Some("counted with rustc 1, this is rustc 2")
    );
    assert_eq!(
        baseline.differs(&build("rustc 1", "-C x")).as_deref(),
        Some("counted with no flags, this was built with `-C x`")
    );
    assert!(baseline.has_flags_of(&build("rustc 2", "")));
    assert!(!baseline.has_flags_of(&build("rustc 1", "-C x")));
}

#[test]
fn the_file_in_the_tree_names_every_path() {
    let text = std::fs::read_to_string(
        std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("..")
            .join(baseline::FILE),
    )
    .expect("the file");
    let baseline: Baseline = serde_json::from_str(&text).expect("its form");
    for path in ["answer", "delivery", "turn"] {
        let counted = baseline.path(path).expect("a path");
        assert!(
            counted.instructions > 0 && counted.tolerance == 0.03,
            "{path}"
        );
    }
}
