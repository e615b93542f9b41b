//! A folder of its own for each test, and bundles in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

/// A folder to run orket in.
pub struct House {
    place: tempfile::TempDir,
}

/// A command that has ended.
#[derive(Debug)]
pub struct Done {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl House {
    pub fn new() -> Self {
        Self {
            place: tempfile::tempdir().unwrap(),
        }
    }

    /// A house with a whole bundle in `bun`.
    pub fn with_bundle() -> Self {
        let house = Self::new();
        house.manifest(&manifest());
        house.write("bun/machine.json", "{}\n");
        house.write("bun/agents/reader.json", "{}\n");
        house.write("bun/prompts/reader.md", "Read it.\n");
        house.write("bun/guards/safety.json", "{}\n");
        house
    }

    pub fn path(&self) -> &Path {
        self.place.path()
    }

    pub fn write(&self, path: &str, text: &str) -> PathBuf {
        let file = self.path().join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, text).unwrap();
        file
    }

    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path().join(path)).unwrap()
    }

    pub fn manifest(&self, manifest: &Value) {
        let text = serde_json::to_string_pretty(manifest).unwrap();
        self.write("bun/orket.json", &text);
    }

    pub fn run(&self, args: &[&str]) -> Done {
        self.run_as(env!("CARGO_BIN_EXE_orket").as_ref(), args)
    }

    pub fn run_as(&self, program: &Path, args: &[&str]) -> Done {
        let output = Command::new(program)
            .args(args)
            .current_dir(self.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        Done {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The JSON that a command gives; a hundred words on stderr would not hurt it.
    pub fn json(&self, args: &[&str], code: i32) -> Value {
        let mut with = args.to_vec();
        with.push("--json");
        let done = self.run(&with);
        assert_eq!(done.code, code, "{args:?}: {done:?}");
        done.json()
    }
}

impl Done {
    /// Standard output as the one JSON object that it must be.
    pub fn json(&self) -> Value {
        let value: Value =
            serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"));
        assert!(value.is_object(), "{value}");
        value
    }
}

/// A manifest with nothing left away.
pub fn manifest() -> Value {
    json!({
        "apiVersion": "orket.io/v1",
        "kind": "Orket",
        "metadata": {
            "name": "summarizer",
            "displayName": "Summarizer",
            "description": "Makes long texts short.",
            "version": "0.1.0",
            "engineVersion": ">=0.3,<0.4"
        },
        "model": {
            "preferred": "big", "minimum": "small", "fallback": ["old"], "allowOverride": true
        },
        "agents": [{"name": "reader", "role": "coder"}],
        "guards": ["safety"],
        "stateMachine": {"file": "machine.json"},
        "persistence": {"enabled": true, "storageDir": "state", "retainHistory": true},
        "permissions": {
            "filesystem": {"read": ["in"], "write": ["out"]},
            "network": {"allowed": false},
            "tools": {"allowed": ["read_file"]}
        }
    })
}

/// The names of an object's fields, in their order.
pub fn keys(value: &Value) -> Vec<&str> {
    value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}
