//! What probes say.

use proptest::prelude::*;

use super::*;

fn status_of(text: &str) -> (SidecarStatus, Vec<String>) {
    let record = read(Some(0), text, "");
    (record.sidecar_parse_status, record.sidecar_parse_errors)
}

#[test]
fn every_name_of_a_figure_leads_to_it() {
    for (name, aliases) in NAMES {
        for said in std::iter::once(&name).chain(aliases) {
            let record = read(Some(0), &format!("{{\"{said}\": 7.5}}"), "");
            let known: Vec<_> = record
                .figures
                .all()
                .filter_map(|(name, value)| Some((name, value?)))
                .collect();
            assert_eq!(known, [(name, 7.5)], "{said}");
        }
    }
}

#[test]
fn zeros_are_figures_and_nothing_is_not_zero() {
    let said = r#"loading...
{"backend": "nvidia", "vram_total": "24576 MiB", "memory_used_mb": 9000, "ttft": "120.5ms",
 "thermal_start_c": 0, "temp_end_c": "[N/A]", "prompt_tps": null, "generation_tps": ""}"#;
    // The object spans lines, so it is the last line that starts one only when it stands alone.
    let one_line = said.replace(",\n", ",");
    let record = read(Some(0), &one_line, "");
    insta::assert_json_snapshot!(record, @r#"
    {
      "sidecar_parse_status": "REQUIRED_FIELD_MISSING",
      "sidecar_parse_errors": [
        "missing:prefill_tps",
        "missing:decode_tps",
        "missing:thermal_end_c"
      ],
      "backend": "nvidia",
      "path": null,
      "vram_total_mb": 24576.0,
      "vram_used_mb": 9000.0,
      "ttft_ms": 120.5,
      "prefill_tps": null,
      "decode_tps": null,
      "thermal_start_c": 0.0,
      "thermal_end_c": null,
      "kernel_launch_ms": null,
      "model_load_ms": null,
      "gpu_clock_mhz": null,
      "power_draw_watts": null,
      "fan_speed_percent": null,
      "pcie_throughput_gbps": null,
      "cuda_graph_warmup_ms": null
    }
    "#);
}

#[test]
fn the_status_says_what_is_wrong() {
    let all: Vec<_> = NAMES
        .iter()
        .map(|(name, _)| format!("\"{name}\": 1"))
        .collect();
    let required: Vec<_> = all[..7].to_vec();
    assert_eq!(
        status_of(&format!("{{{}}}", all.join(","))),
        (SidecarStatus::Ok, vec![])
    );
    assert_eq!(
        status_of(&format!("{{{}}}", required.join(","))).0,
        SidecarStatus::OptionalFieldMissing
    );
    assert_eq!(
        status_of("no object"),
        (
            SidecarStatus::ParseError,
            vec!["invalid_format:sidecar_payload".to_owned()]
        )
    );
    assert_eq!(
        status_of(r#"{"ttft_ms": "soon", "decode_tps": [1]}"#),
        (
            SidecarStatus::ParseError,
            vec![
                "invalid_format:ttft_ms".to_owned(),
                "invalid_format:decode_tps".to_owned()
            ]
        )
    );
    assert_eq!(
        status_of(r#"{"backend": "cpu", "vram_total_mb": 0.0, "probe_note": "no card"}"#),
        (
            SidecarStatus::NotApplicable,
            vec!["not_applicable:no card".to_owned()]
        )
    );
    let failed = [
        read(Some(127), "", "sh: 1: nvidia-smi: not found"),
        read(Some(3), "{}", "out of order"),
        read(None, "", ""),
    ]
    .map(|record| {
        (
            record.sidecar_parse_status,
            record.sidecar_parse_errors.join(","),
        )
    });
    assert_eq!(
        failed,
        [
            (
                SidecarStatus::NotApplicable,
                "not_applicable:nvidia-smi is not there or sees no card".to_owned()
            ),
            (SidecarStatus::ParseError, "probe_failed:exit 3".to_owned()),
            (SidecarStatus::ParseError, "probe_failed:killed".to_owned()),
        ]
    );
}

proptest! {
    #[test]
    fn whatever_a_probe_prints_is_read(text in "\\PC{0,80}", code in proptest::option::of(0..4)) {
        let record = read(code, &text, "");
        let known = record.figures.all().any(|(_, value)| value.is_some());
        prop_assert!(!known || code == Some(0));
    }

    #[test]
    fn numbers_are_read_with_and_without_units(value in -1e6_f64..1e6, unit in "( ?(MiB|W|ms|%|C))?") {
        prop_assert_eq!(text_number(&format!("{value}{unit}")), Some(value));
    }
}
