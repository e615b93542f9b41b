//! A server that speaks as Ollama does, and always answers the first task of the bank well.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use orket_sweep::bank::{Bank, OWN, answer};
use serde_json::{Value, json};

pub struct Server {
    pub url: String,
    asked: Arc<Mutex<Vec<Value>>>,
}

impl Server {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<Value>>> = Arc::default();
        let seen = Arc::clone(&asked);
        std::thread::spawn(move || {
            for socket in listener.incoming() {
                let seen = Arc::clone(&seen);
                std::thread::spawn(move || serve(&socket.unwrap(), &seen));
            }
        });
        Self { url, asked }
    }

    /// Every question that came.
    pub fn asked(&self) -> Vec<Value> {
        self.asked.lock().unwrap().clone()
    }
}

fn serve(socket: &TcpStream, seen: &Mutex<Vec<Value>>) {
    let mut reader = BufReader::new(socket);
    let mut first = String::new();
    reader.read_line(&mut first).unwrap();
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let answer = if first.starts_with("GET /api/ps") {
        let held = |tag: &str| json!({"name": format!("coder:1b-instruct-{tag}"), "size": 2_147_483_648_u64});
        json!({"models": [held("q8_0"), held("q4_K_M")]}).to_string()
    } else {
        let question: Value = serde_json::from_slice(&body).unwrap();
        let reply = reply(&question);
        seen.lock().unwrap().push(question);
        reply
    };
    let mut socket = socket;
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\nconnection: close\r\n";
    write!(
        socket,
        "{head}content-length: {}\r\n\r\n{answer}",
        answer.len()
    )
    .unwrap();
}

/// The coder's answer, the guard's, or a word for whoever warms up.
fn reply(question: &Value) -> String {
    let task = Bank::load(OWN).unwrap().tasks.remove(0);
    let call =
        |name: &str, arguments: Value| json!({"function": {"name": name, "arguments": arguments}});
    let file = &task.evaluation.file;
    let system = question["messages"][0]["content"].as_str().unwrap();
    let is_warm_up = question["messages"]
        .as_array()
        .is_none_or(|it| it.len() < 2);
    let calls = if is_warm_up {
        json!([])
    } else if system.contains("You are the last check") {
        json!([
            call("read_file", json!({"path": file})),
            call("update_issue_status", json!({"status": "done"})),
        ])
    } else {
        json!([
            call(
                "write_file",
                json!({"path": file, "content": answer(&task, true)})
            ),
            call("update_issue_status", json!({"status": "code_review"})),
        ])
    };
    let message = json!({"role": "assistant", "content": "ready", "tool_calls": calls});
    let end = json!({
        "message": {"role": "assistant", "content": ""}, "done": true, "done_reason": "stop",
        "load_duration": 100_000_000, "prompt_eval_count": 200, "prompt_eval_duration": 150_000_000,
        "eval_count": 30, "eval_duration": 600_000_000,
    });
    format!("{}\n{end}\n", json!({"message": message, "done": false}))
}
