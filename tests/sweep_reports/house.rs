//! A folder with summaries in it, and the program run there.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use orket_sweep::frontier::Demands;
use orket_sweep::row::QuantRow;
use orket_sweep::summary::Summary;
use orket_sweep::telemetry::{QualityReason, RunQuality, TokenStatus};
use orket_sweep::{kpi, rank, session};
use serde_json::Value;

/// The folder.
pub struct House {
    folder: tempfile::TempDir,
}

/// How the program ended.
pub struct Ended {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    pub fn told(&self) -> (i32, &str) {
        (self.code, &self.stdout)
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}{}", self.stdout, self.stderr))
    }
}

impl House {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("bin")).unwrap();
        Self { folder }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    pub fn json(&self, name: &str) -> Value {
        serde_json::from_str(&self.text(name)).unwrap()
    }

    pub fn save(&self, name: &str, summary: &Summary) {
        fs::write(self.path(name), serde_json::to_string(summary).unwrap()).unwrap();
    }

    /// Puts a program where the vendor's would be.
    pub fn program(&self, name: &str, script: &str) {
        let file = self.path("bin").join(name);
        // A new file: one that runs cannot be written.
        let _ = fs::remove_file(&file);
        fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Runs the program with nothing but these programs and the system's shell to find.
    pub fn run(&self, arguments: &[&str]) -> Ended {
        let output = Command::new(env!("CARGO_BIN_EXE_orket"))
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env(
                "PATH",
                format!("{}:/usr/bin:/bin", self.path("bin").display()),
            )
            .env("HOME", self.folder.path())
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ended {
            code: output.status.code().unwrap(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}

/// A row that may be chosen.
pub fn clean(tag: &str, adherence: f64, memory: f64) -> QuantRow {
    QuantRow {
        quant_tag: tag.to_owned(),
        quant_rank: rank::of(tag),
        adherence_score: Some(adherence),
        peak_memory_rss: Some(memory),
        total_latency: Some(1.0),
        generation_tokens_per_second: Some(30_000.0 / memory),
        run_quality_status: RunQuality::Clean,
        token_metrics_status: TokenStatus::Ok,
        determinism_rate: Some(1.0),
        test_runs: 48,
        valid: true,
        ..QuantRow::default()
    }
}

/// A row that may not.
pub fn polluted(tag: &str) -> QuantRow {
    QuantRow {
        run_quality_status: RunQuality::Polluted,
        run_quality_reasons: vec![QualityReason::MissingTokenTimings],
        token_metrics_status: TokenStatus::TimingUnavailable,
        valid: false,
        ..clean(tag, 0.9, 2000.0)
    }
}

/// The summary of rows; without any, of nothing.
pub fn summary(rows: &[QuantRow]) -> Summary {
    let demands = Demands {
        adherence_threshold: 0.95,
        latency_ceiling: 10.0,
        include_invalid: false,
    };
    let sessions = if rows.is_empty() {
        Vec::new()
    } else {
        vec![session::of("qwen2.5-coder:7b", rows.to_vec(), &demands)]
    };
    Summary {
        schema_version: orket_sweep::SCHEMA_VERSION.to_owned(),
        generated_at: "2026-02-21T00:00:00Z".to_owned(),
        hardware_fingerprint: "linux-6|cpu|8c|32gb|none".to_owned(),
        stability_kpis: Some(kpi::of_sessions(&sessions)),
        sessions,
        ..Summary::default()
    }
}
