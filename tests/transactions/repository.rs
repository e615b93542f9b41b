//! A git repository of its own for each test.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long anything may take.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// A repository, in a folder with nothing else in it.
pub struct Repository {
    place: tempfile::TempDir,
    root: PathBuf,
}

/// Verification that always goes well.
pub const PASSES: &str = r#"{"verify":{"profiles":{"default":{"commands":["true"]}}}}"#;

impl Repository {
    /// A project in JavaScript with a class `User` in two files, everything committed.
    pub fn new() -> Self {
        let repository = Self::empty();
        repository.write("orket.config.json", PASSES);
        repository.write(".gitignore", "*.log\nnode_modules/\n.env\n");
        repository.write(
            "src/user.js",
            "class User {}\r\nmodule.exports = { User };\r\n",
        );
        repository.write(
            "src/index.js",
            "const { User } = require('./user');\n// A User of ours.\nconsole.log(new User());\n",
        );
        repository.write(
            "src/routes/index.js",
            "const router = {};\nmodule.exports = router;\n",
        );
        repository.write("lib/other.js", "module.exports = 1;\n");
        repository.commit();
        repository
    }

    /// A folder that is no repository yet.
    pub fn bare_folder() -> Self {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().canonicalize().unwrap().join("project");
        std::fs::create_dir(&root).unwrap();
        Self { place, root }
    }

    /// A repository with nothing in it.
    pub fn empty() -> Self {
        let repository = Self::bare_folder();
        repository.git(&["init", "-q"]);
        repository
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn place(&self) -> &Path {
        self.place.path()
    }

    pub fn write(&self, path: &str, text: &str) {
        let path = self.root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.root.join(path)).unwrap()
    }

    /// Sets the commands that verify a change, and commits that.
    pub fn verified_by(&self, commands: &[&str]) {
        let config =
            serde_json::json!({"verify": {"profiles": {"default": {"commands": commands}}}});
        self.write("orket.config.json", &config.to_string());
        self.commit();
    }

    pub fn git(&self, arguments: &[&str]) -> String {
        let output = Command::new("git")
            .args(["-c", "user.name=t", "-c", "user.email=t@localhost"])
            .args([
                "-c",
                "commit.gpgsign=false",
                "-c",
                "core.hooksPath=/dev/null",
            ])
            .args(arguments)
            .current_dir(&self.root)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "git {arguments:?}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }

    pub fn commit(&self) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", "all"]);
    }

    /// `orket` as somebody would start it at the root.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_orket"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("ORKET_") {
                command.env_remove(name);
            }
        }
        command
            .args(arguments)
            .current_dir(&self.root)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub fn orket(&self, arguments: &[&str]) -> Said {
        Said::of(self.command(arguments).output().unwrap())
    }

    /// Every file but those of git and Orket, as text.
    pub fn files(&self) -> BTreeMap<String, String> {
        let mut files = BTreeMap::new();
        let mut folders = vec![self.root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).unwrap().map(Result::unwrap) {
                let path = entry.path();
                let name = path.strip_prefix(&self.root).unwrap().display().to_string();
                if name == ".git" || name == ".orket" {
                    continue;
                }
                if entry.file_type().unwrap().is_dir() {
                    folders.push(path);
                } else {
                    let bytes = std::fs::read(&path).unwrap_or_default();
                    files.insert(name, String::from_utf8_lossy(&bytes).into_owned());
                }
            }
        }
        files
    }

    /// Starts a command whose verification says that it has begun and waits until it may go on.
    pub fn start_waiting(&self, arguments: &[&str]) -> Waiting {
        let child = self.command(arguments).spawn().unwrap();
        let mut waiting = Waiting {
            child: Some(child),
            scratch: PathBuf::new(),
        };
        let deadline = Instant::now() + DEADLINE;
        loop {
            if let Some(scratch) = self.scratch()
                && scratch.join("project/begun").exists()
            {
                waiting.scratch = scratch.join("project");
                return waiting;
            }
            if let Some(child) = &mut waiting.child
                && child.try_wait().unwrap().is_some()
            {
                panic!("it ended: {:?}", waiting.end());
            }
            assert!(Instant::now() < deadline, "verification does not begin");
            std::thread::yield_now();
        }
    }

    /// Where the scratch copy of the transaction under way is.
    pub fn scratch(&self) -> Option<PathBuf> {
        let store = std::fs::read_dir(self.root.join(".orket/transactions")).ok()?;
        let begun = store
            .flatten()
            .find_map(|entry| std::fs::read(entry.path().join("begun.json")).ok())?;
        let begun: Value = serde_json::from_slice(&begun).ok()?;
        Some(PathBuf::from(begun["scratch"].as_str()?))
    }
}

/// What [`Repository::start_waiting`] needs to be verified by.
pub const WAITS: &str = "touch begun; until [ -e go ]; do sleep 0.02; done";

/// A command that waits in its verification. Killed when it is dropped.
pub struct Waiting {
    child: Option<Child>,
    pub scratch: PathBuf,
}

impl Waiting {
    pub fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// Lets it go on, and waits for its end.
    pub fn go_on(mut self) -> Said {
        std::fs::write(self.scratch.join("go"), "").unwrap();
        self.end()
    }

    pub fn end(&mut self) -> Said {
        let child = self.child.take().unwrap();
        Said::of(child.wait_with_output().unwrap())
    }

    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args([&format!("-{name}"), &self.pid().to_string()])
            .status()
            .unwrap();
        assert!(sent.success());
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// What a command said.
#[derive(Debug)]
pub struct Said {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Said {
    pub fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Its one JSON object.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}: {} {}", self.stdout, self.stderr))
    }

    #[track_caller]
    pub fn ok(self) -> Self {
        assert_eq!(self.code, Some(0), "{}{}", self.stdout, self.stderr);
        self
    }
}
