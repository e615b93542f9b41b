//! A folder of its own for each test, with programs of its own on the path.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

pub struct House {
    folder: tempfile::TempDir,
    set: Vec<(String, String)>,
}

/// How a command ended.
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    /// Standard output, which must be one JSON object.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}\n{}", self.stdout, self.stderr))
    }
}

impl House {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("bin")).unwrap();
        std::fs::create_dir(folder.path().join("project")).unwrap();
        Self {
            folder,
            set: Vec::new(),
        }
    }

    pub fn project(&self) -> PathBuf {
        self.folder.path().join("project")
    }

    pub fn set(&mut self, name: &str, value: impl Into<String>) -> &mut Self {
        self.set.push((name.to_owned(), value.into()));
        self
    }

    /// A program that goes before that of the machine.
    pub fn program(&self, name: &str, script: &str) {
        let file = self.folder.path().join("bin").join(name);
        std::fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    pub fn put(&self, name: &str, text: &str) {
        let file = self.project().join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }

    pub fn read_json(&self, name: &str) -> Value {
        let text = std::fs::read_to_string(self.project().join(name)).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    pub fn orket(&self, arguments: &[&str]) -> Ended {
        self.started(Path::new(env!("CARGO_BIN_EXE_orket")), arguments)
    }

    fn started(&self, program: &Path, arguments: &[&str]) -> Ended {
        let path = std::env::var("PATH").unwrap();
        let output = Command::new(program)
            .args(arguments)
            .current_dir(self.project())
            .env_clear()
            .env(
                "PATH",
                format!("{}:{path}", self.folder.path().join("bin").display()),
            )
            .env("HOME", self.folder.path())
            .envs(self.set.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        Ended {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}
