//! Lines run one after the other in one shell, as an operator types them.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::lines::Line;

/// How long one line may take, and a server to listen, in seconds.
const PATIENCE: u32 = 240;

/// What became of one line.
#[derive(Debug)]
pub struct Outcome {
    pub line: Line,
    pub code: i32,
    pub said: String,
}

impl Outcome {
    /// What is not as documented, in words.
    pub fn problem(&self) -> Option<String> {
        let wrong = match &self.line.needs {
            // What it needs may not be here; but it must be a command line.
            Some(_) => self.code == 2 || self.code > 126,
            None => self.code != self.line.exits,
        };
        wrong.then(|| {
            format!(
                "`{}` exited with {}, documented is {}:\n{}",
                self.line.text,
                self.code,
                self.line.exits,
                self.said.trim_end()
            )
        })
    }
}

/// A folder, and what is there for the lines that are run in it.
pub struct Session {
    home: tempfile::TempDir,
    ports: [u16; 2],
}

impl Session {
    pub fn new() -> Self {
        let home = tempfile::tempdir().expect("folder");
        let bin = home.path().join("bin");
        std::fs::create_dir(&bin).expect("folder");
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_orket"), bin.join("orket")).expect("link");
        std::fs::create_dir(home.path().join("project")).expect("folder");
        let free = || TcpListener::bind("127.0.0.1:0").expect("a port");
        let both = [free(), free()];
        let ports = both.map(|it| it.local_addr().expect("its address").port());
        Self { home, ports }
    }

    /// Where the lines are run.
    pub fn folder(&self) -> PathBuf {
        self.home.path().join("project")
    }

    /// Runs lines to the end of each; servers are stopped behind the last one, and must have been
    /// stoppable.
    pub fn run(&self, lines: &[Line]) -> Vec<Outcome> {
        self.run_in(&self.folder(), lines)
    }

    /// The same elsewhere.
    pub fn run_in(&self, folder: &Path, lines: &[Line]) -> Vec<Outcome> {
        let notes = tempfile::tempdir().expect("folder");
        let script = script(lines, notes.path());
        let path = std::env::var("PATH").expect("PATH");
        let status = Command::new("bash")
            .arg("-c")
            .arg(self.with_ports(&script))
            .current_dir(folder)
            .env_clear()
            .env(
                "PATH",
                format!("{}:{path}", self.home.path().join("bin").display()),
            )
            .env("HOME", std::env::var_os("HOME").expect("HOME"))
            .env("XDG_STATE_HOME", self.home.path().join("state"))
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("ORKET_PORT", self.ports[0].to_string())
            .env("ORKET_WEBHOOK_PORT", self.ports[1].to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .status()
            .expect("a shell");
        assert!(status.success(), "the shell ended with {status}");
        lines
            .iter()
            .enumerate()
            .map(|(at, line)| {
                let read = |kind: &str| {
                    std::fs::read(notes.path().join(format!("{at}.{kind}"))).unwrap_or_default()
                };
                Outcome {
                    line: line.clone(),
                    code: String::from_utf8_lossy(&read("code"))
                        .trim()
                        .parse()
                        .unwrap_or(-1),
                    said: String::from_utf8_lossy(&read("said")).into_owned(),
                }
            })
            .collect()
    }

    /// The ports that documents name are taken on a machine that others use too.
    fn with_ports(&self, script: &str) -> String {
        script
            .replace("127.0.0.1:8082", &format!("127.0.0.1:{}", self.ports[0]))
            .replace("127.0.0.1:8080", &format!("127.0.0.1:{}", self.ports[1]))
    }
}

/// A script that notes what each line said and exited with.
fn script(lines: &[Line], notes: &Path) -> String {
    let notes = notes.display();
    let mut script = String::from("servers=\n");
    let mut servers = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let text = &line.text;
        if line.is_server {
            servers.push(at);
            // It says where it listens; then it does.
            script.push_str(&format!(
                "{text} >{notes}/{at}.said 2>&1 &\nserver_{at}=$!\n\
                 for _ in $(seq {}); do grep -q listening {notes}/{at}.said && break; \
                 kill -0 $server_{at} 2>/dev/null || break; read -rt 0.1 <> <(:) || :; done\n",
                PATIENCE * 10
            ));
        } else {
            script.push_str(&format!(
                "{{ {text}\n}} >{notes}/{at}.said 2>&1\necho $? >{notes}/{at}.code\n"
            ));
        }
    }
    for at in servers.into_iter().rev() {
        script.push_str(&format!(
            "kill -TERM $server_{at}\nwait $server_{at}\necho $? >{notes}/{at}.code\n"
        ));
    }
    // An owner in the background would outlive the folder.
    script.push_str("orket serve --stop >/dev/null 2>&1 || :\n");
    script
}

/// Everything that is not as documented.
pub fn problems(outcomes: &[Outcome]) -> Vec<String> {
    outcomes.iter().filter_map(Outcome::problem).collect()
}
