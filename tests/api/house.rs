//! A server in a folder of its own, and a client that speaks HTTP/1.1 over a plain socket, so that a
//! test can send exactly what it means.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// The key with every scope.
pub const KEY: &str = "a-key-for-tests-0123456789";
/// How long anything may take.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// `orket serve --port 0`; killed when it is dropped.
pub struct Server {
    pub folder: tempfile::TempDir,
    pub url: String,
    pub child: Child,
    builder: Builder,
}

/// What a server is started with.
#[derive(Clone, Default)]
pub struct Builder {
    env: Vec<(String, String)>,
    files: Vec<(String, String)>,
    args: Vec<String>,
    no_key: bool,
    keeps_log: bool,
}

impl Builder {
    /// With this variable.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With this file in the project's folder.
    pub fn file(mut self, path: &str, text: &str) -> Self {
        self.files.push((path.to_owned(), text.to_owned()));
        self
    }

    /// With this argument of `orket serve`.
    pub fn arg(mut self, arg: &str) -> Self {
        self.args.push(arg.to_owned());
        self
    }

    /// Without `ORKET_API_KEY`.
    pub fn no_key(mut self) -> Self {
        self.no_key = true;
        self
    }

    /// Its standard error goes to the file `server.log`.
    pub fn keep_log(mut self) -> Self {
        self.keeps_log = true;
        self
    }

    /// The command, in a folder with the files.
    pub fn command(&self, folder: &Path) -> Command {
        for (path, text) in &self.files {
            let file = folder.join(path);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        }
        let mut command = Command::new(env!("CARGO_BIN_EXE_orket"));
        command
            .args(["serve", "--port", "0"])
            .args(&self.args)
            .current_dir(folder)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("ORKET_RETRY_BASE_MS", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit());
        if self.keeps_log {
            command.stderr(std::fs::File::create(folder.join("server.log")).unwrap());
        }
        if !self.no_key {
            command.env("ORKET_API_KEY", KEY);
        }
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Starts it.
    pub fn start(self) -> Server {
        let folder = tempfile::tempdir().unwrap();
        self.start_in(folder)
    }

    /// Starts it in a folder that there is.
    pub fn start_in(self, folder: tempfile::TempDir) -> Server {
        let (child, url) = spawn(self.command(folder.path()));
        Server {
            folder,
            url,
            child,
            builder: self,
        }
    }
}

fn spawn(mut command: Command) -> (Child, String) {
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let first = lines.next().expect("the server said nothing").unwrap();
    let url = first
        .strip_prefix("listening on ")
        .expect(&first)
        .to_owned();
    // Whatever it says later is not kept in the pipe.
    std::thread::spawn(move || lines.for_each(drop));
    (child, url)
}

impl Server {
    /// With the defaults.
    pub fn start() -> Self {
        Self::build().start()
    }

    /// To be started with more.
    pub fn build() -> Builder {
        Builder::default()
    }

    /// Where it listens: `127.0.0.1:PORT`.
    pub fn address(&self) -> &str {
        self.url.strip_prefix("http://").unwrap()
    }

    /// Kills it (`kill -9`) and starts it again in the same folder.
    pub fn kill_and_restart(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        let (child, url) = spawn(self.builder.command(self.folder.path()));
        self.child = child;
        self.url = url;
    }

    /// Asks it to stop and starts it again in the same folder.
    pub fn stop_and_restart(&mut self) {
        assert_eq!(self.post("/v1/shutdown", json!({})).status, 202);
        self.child.wait().unwrap();
        let (child, url) = spawn(self.builder.command(self.folder.path()));
        self.child = child;
        self.url = url;
    }

    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[("X-API-Key", KEY)], None)
    }

    pub fn post(&self, path: &str, body: Value) -> Answer {
        self.send_json("POST", path, &body)
    }

    pub fn patch(&self, path: &str, body: Value) -> Answer {
        self.send_json("PATCH", path, &body)
    }

    fn send_json(&self, method: &str, path: &str, body: &Value) -> Answer {
        let headers = [("X-API-Key", KEY), ("Content-Type", "application/json")];
        self.send(method, path, &headers, Some(&body.to_string()))
    }

    /// Exactly these headers, besides `Host`, `Connection` and `Content-Length`.
    pub fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&str>,
    ) -> Answer {
        let mut head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n",
            self.address()
        );
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if let Some(body) = body {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        head.push_str(body.unwrap_or(""));
        self.raw(head.as_bytes())
    }

    /// Exactly these bytes; reads until the server closes.
    pub fn raw(&self, bytes: &[u8]) -> Answer {
        let mut stream = self.connect();
        // A server that refuses early closes its end while more is on the way.
        let _ = stream.write_all(bytes);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        Answer::of(&answer)
    }

    /// A connection.
    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address()).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream.set_nodelay(true).unwrap();
        stream
    }

    /// Asks again until the answer is as wished.
    pub fn until(&self, path: &str, is_wished: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let answer = self.get(path);
            if answer.status == 200 && is_wished(&answer.json()) {
                return answer.json();
            }
            assert!(Instant::now() < deadline, "{path} is still {}", answer.text);
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The log file once it tells the end of a run: a thread of its own writes it, a moment later.
    pub fn log_to_the_end(&self) -> String {
        let log = self.folder.path().join("workspace/default/orket.log");
        let deadline = Instant::now() + DEADLINE;
        loop {
            let text = std::fs::read_to_string(&log).unwrap_or_default();
            if text.ends_with('\n') && text.contains(r#""event":"session_end""#) {
                return text;
            }
            assert!(Instant::now() < deadline, "the log is still {text}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// `POST /v1/system/run-active`, and waits for the end of the run. Its id.
    pub fn run_done(&self, body: Value) -> String {
        let started = self.post("/v1/system/run-active", body);
        assert_eq!(started.status, 200, "{}", started.text);
        let id = started.json()["session_id"].as_str().unwrap().to_owned();
        self.until(&format!("/v1/runs/{id}"), |run| {
            run["status"] != json!("running")
        });
        id
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What was answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// 0 when the server closed without a word.
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub text: String,
}

impl Answer {
    pub fn of(bytes: &[u8]) -> Self {
        let cut = bytes.windows(4).position(|it| it == b"\r\n\r\n");
        let (head, body) = match cut {
            Some(at) => (&bytes[..at], &bytes[at + 4..]),
            None => (bytes, &[][..]),
        };
        let head = String::from_utf8_lossy(head);
        let mut lines = head.lines();
        let status = lines
            .next()
            .and_then(|line| line.split(' ').nth(1))
            .and_then(|status| status.parse().ok())
            .unwrap_or(0);
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let is_chunked = headers
            .iter()
            .any(|(name, value)| name == "transfer-encoding" && value == "chunked");
        let body = if is_chunked {
            unchunked(body)
        } else {
            body.to_vec()
        };
        Self {
            status,
            headers,
            text: String::from_utf8_lossy(&body).into_owned(),
        }
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text)
            .unwrap_or_else(|error| panic!("{error}: {} {}", self.status, self.text))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == &name.to_ascii_lowercase())
            .map(|(_, value)| value.as_str())
    }
}

fn unchunked(mut body: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    while let Some(at) = body.windows(2).position(|it| it == b"\r\n") {
        let size = std::str::from_utf8(&body[..at]).unwrap_or("0");
        let Ok(size) = usize::from_str_radix(size.trim(), 16) else {
            break;
        };
        let from = at + 2;
        if size == 0 || from + size > body.len() {
            whole.extend_from_slice(&body[from.min(body.len())..(from + size).min(body.len())]);
            break;
        }
        whole.extend_from_slice(&body[from..from + size]);
        body = &body[(from + size + 2).min(body.len())..];
    }
    whole
}
