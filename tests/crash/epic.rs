//! The epic that is killed, and what its model answers. Everything a crash can cut in two is in it:
//! plain writes, a reply that must be corrected, a look before the work, a verify command, command
//! tools of every effect class, keyed comments and a card that a turn creates.

use std::path::Path;

use serde_json::{Value, json};

/// Its name.
pub const NAME: &str = "crash";
/// The card with the call that must never be made twice.
pub const PAYING: &str = "CR-5";
/// The card that depends on it.
pub const AFTER_PAYING: &str = "CR-6";
/// What [`PAYING`] writes besides the effect.
pub const FILES_OF_PAYING: [&str; 2] = ["out/CR-5.txt", "out/receipt.txt"];
/// One line for each time the effect took place.
pub const PAYMENTS: &str = "effects/pay.log";
/// One file for each idempotency key that was seen.
pub const POSTED: &str = "effects/post";

/// Writes the assets below `root`.
pub fn write(root: &Path) {
    let card = |id: &str, needs: &[&str], params: Value| {
        json!({"id": id, "summary": format!("Part {id}"), "seat": "clerk", "depends_on": needs,
               "params": params})
    };
    let writes = |paths: &[&str]| json!({"required_write_paths": paths});
    let issues = [
        card(
            "CR-1",
            &[],
            json!({"required_write_paths": ["out/a.txt", "out/b.txt", "out/c.txt"],
                   "review_required_read_paths": ["out/a.txt"]}),
        ),
        card("CR-2", &["CR-1"], writes(&["out/CR-2.txt"])),
        card(
            "CR-3",
            &["CR-1"],
            json!({"required_write_paths": ["out/CR-3.txt"],
                   "verify": [{"command": ["grep", "-c", "three", "out/CR-3.txt"], "expect_stdout": "1",
                               "timeout_ms": 20_000}]}),
        ),
        card(
            "CR-4",
            &["CR-1"],
            json!({"required_write_paths": ["out/CR-4.txt"], "required_tools": ["write_file", "stamp", "post", "update_issue_status"]}),
        ),
        card(
            PAYING,
            &["CR-2"],
            json!({"required_write_paths": FILES_OF_PAYING, "required_tools": ["write_file", "pay", "update_issue_status"]}),
        ),
        card(AFTER_PAYING, &[PAYING], json!({})),
        card("CR-7", &["CR-3", "CR-4"], json!({})),
    ];
    let put = |name: &str, value: Value| {
        let file = root.join("config").join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, value.to_string()).unwrap();
    };
    put(
        "epics/crash.json",
        json!({"epic": {"name": NAME, "team": NAME, "environment": NAME, "issues": issues}}),
    );
    put(
        "teams/crash.json",
        json!({"team": {"name": "Crash", "seats": {
            "clerk": {"name": "Clerk", "roles": ["clerk"]},
            "integrity_guard": {"name": "Guard", "roles": ["integrity_guard"]}}}}),
    );
    put(
        "environments/crash.json",
        json!({"environment": {"name": NAME, "model": "ollama:crash", "timeout": 120}}),
    );
    put(
        "roles/clerk.json",
        json!({"role": {"name": "clerk", "type": "utility", "description": "You do what the card asks.",
            "tools": ["write_file", "read_file", "add_issue_comment", "create_issue", "update_issue_status",
                      "get_issue_context", "stamp", "post", "pay"]}}),
    );
    let tool = |name: &str, class: &str, script: &str| {
        json!({"entrypoint_id": name, "runtime": "shell", "command": ["sh", "-c", script], "working_directory": ".",
               "tool_profile_id": name, "tool_profile_version": "1", "effect_class": class,
               "runtime_version": "posix", "args_fingerprint_fields": ["none"], "result_fingerprint_fields": ["ok"],
               "requested_permissions": {"filesystem": "write"}, "input_schema": {"type": "object"}})
    };
    put(
        "organization.json",
        json!({"name": "Desk", "process_rules": {"granted_permissions": {"filesystem": "write"}}}),
    );
    put(
        "skills/desk.json",
        json!({"skill_contract_version": "1.0.5", "skill_id": "desk", "skill_version": "1",
        "description": "What a clerk does outside.", "manifest_digest": "sha256:00",
        "entrypoints": [
            tool("stamp", "idempotent", "mkdir -p effects && echo stamped > effects/stamp.txt && echo '{\"stamped\":true}'"),
            tool("post", "keyed", "mkdir -p effects/post && echo posted > effects/post/$ORKET_IDEMPOTENCY_KEY && echo '{\"posted\":true}'"),
            tool("pay", "at_most_once", "mkdir -p effects && echo \"$ORKET_IDEMPOTENCY_KEY $$\" >> effects/pay.log && echo '{\"paid\":true}'"),
        ]}),
    );
}

/// One question to the model, as its prompt tells it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ask {
    /// The card.
    pub card: String,
    /// Work or review.
    pub review: bool,
    /// The card's turn.
    pub turn: u32,
    /// The try at it.
    pub attempt: u32,
    /// The round within the attempt, from 0.
    pub round: u32,
}

impl Ask {
    /// Reads the messages of a request.
    pub fn of(messages: &[Value]) -> Self {
        let text = |message: &Value| message["content"].as_str().unwrap().to_owned();
        let task = messages
            .iter()
            .map(text)
            .rfind(|text| text.starts_with("# Work on card ") || text.starts_with("# Review card "))
            .unwrap_or_else(|| panic!("no task in {messages:#?}"));
        let review = task.starts_with("# Review");
        let after = |marker: &str| task.split_once(marker).unwrap().1;
        let number = |marker: &str| {
            let digits = after(marker).split(|c: char| !c.is_ascii_digit()).next();
            digits.unwrap().parse().unwrap()
        };
        let card = after(" card ").split_once(':').unwrap().0.to_owned();
        let rounds = messages.iter().filter(|it| it["role"] == "assistant");
        Self {
            card,
            review,
            turn: number("This is turn "),
            attempt: number("of the card, attempt "),
            round: u32::try_from(rounds.count()).unwrap(),
        }
    }

    /// What is the same however often it is tried.
    pub fn question(&self) -> (String, u32, u32) {
        (self.card.clone(), self.turn, self.round)
    }
}

/// What the model answers; the same for every try.
pub fn answer(ask: &Ask) -> String {
    let write = |path: &str, content: &str| json!({"tool": "write_file", "args": {"path": path, "content": content}});
    let read = |path: &str| json!({"tool": "read_file", "args": {"path": path}});
    let comment = |text: &str| json!({"tool": "add_issue_comment", "args": {"comment": text}});
    let status = |to: &str| json!({"tool": "update_issue_status", "args": {"status": to}});
    let plain = |tool: &str| json!({"tool": tool, "args": {}});
    let review = status("code_review");
    let calls = match (ask.card.as_str(), ask.review, ask.round) {
        ("CR-1", true, _) => vec![read("out/a.txt"), comment("a is there"), status("done")],
        (_, true, _) => vec![status("done")],
        ("CR-1", false, _) => vec![
            write("out/a.txt", "a\n"),
            write("out/b.txt", "b\n"),
            write("out/c.txt", "c\n"),
            comment("three files"),
            review,
        ],
        ("CR-2", false, 0) => return "I had rather talk about it.".to_owned(),
        ("CR-2", false, _) => vec![write("out/CR-2.txt", "two\n"), review],
        ("CR-3", false, 0) => vec![read("out/a.txt"), read("out/b.txt")],
        ("CR-3", false, _) => vec![
            write("out/CR-3.txt", "three\n"),
            comment("looked first"),
            review,
        ],
        ("CR-4", false, _) => vec![
            write("out/CR-4.txt", "four\n"),
            plain("stamp"),
            plain("post"),
            review,
        ],
        (PAYING, false, _) => vec![
            write(FILES_OF_PAYING[0], "five\n"),
            plain("pay"),
            write(FILES_OF_PAYING[1], "paid\n"),
            comment("paid once"),
            review,
        ],
        (AFTER_PAYING, false, _) => vec![comment("first"), comment("second"), review],
        ("CR-7", false, _) => vec![
            json!({"tool": "create_issue", "args": {"seat": "clerk", "summary": "What was left over"}}),
            comment("one more"),
            review,
        ],
        (_, false, _) => vec![comment("left over no more"), review],
    };
    let texts: Vec<String> = calls.iter().map(Value::to_string).collect();
    texts.join("\n")
}
