//! The project's files: what may be looked at, read and saved, and what may not, however it is spelt.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::house::{Answer, KEY, Server};

const MIB: usize = 1024 * 1024;

/// As a query can carry any text.
fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}

fn explorer(server: &Server, path: &str) -> Answer {
    server.get(&format!("/v1/system/explorer?path={}", encoded(path)))
}

fn read(server: &Server, path: &str) -> Answer {
    server.get(&format!("/v1/system/read?path={}", encoded(path)))
}

fn save(server: &Server, path: &str, content: &str) -> Answer {
    server.post("/v1/system/save", json!({"path": path, "content": content}))
}

fn names(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{}", answer.text);
    let items = answer.json()["items"].as_array().unwrap().clone();
    items
        .iter()
        .map(|item| item["name"].as_str().unwrap().to_owned())
        .collect()
}

fn put(server: &Server, path: &str, content: impl AsRef<[u8]>) {
    let file = server.folder.path().join(path);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, content).unwrap();
}

/// Everything below a folder, with the bytes of its files.
fn everything(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(everything(&path));
        } else {
            found.push((
                path.display().to_string(),
                std::fs::read(&path).unwrap_or_default(),
            ));
        }
    }
    found.sort();
    found
}

#[test]
fn the_explorer_shows_folders_first_and_hides_what_is_nobodys_business() {
    let server = Server::build()
        .file("docs/b.md", "b")
        .file("workspace/default/w.txt", "w")
        .file("docs/A.md", "a")
        .file("docs/zoo/x.txt", "x")
        .file("docs/.git/config", "c")
        .file("docs/.secret", "s")
        .file("docs/node_modules/m.js", "m")
        .file("docs/__pycache__/m.pyc", "m")
        .file("docs/cards.sqlite", "d")
        .file("docs/cards.db-wal", "d")
        .file("src/main.rs", "fn main() {}")
        .file("README.md", "r")
        .start();
    let shown = explorer(&server, "docs").json();
    assert_eq!(
        shown,
        json!({"items": [
            {"name": "zoo", "is_dir": true, "ext": ""},
            {"name": "A.md", "is_dir": false, "ext": ".md"},
            {"name": "b.md", "is_dir": false, "ext": ".md"}],
            "path": "docs", "next_cursor": null})
    );
    // Of the project itself only what is served, as far as it is there.
    assert_eq!(names(&explorer(&server, ".")), ["docs", "workspace"]);
    assert_eq!(server.get("/v1/system/explorer").json()["path"], ".");
    // Page by page, the same things once each.
    let first = server.get("/v1/system/explorer?path=docs&limit=2").json();
    let cursor = encoded(first["next_cursor"].as_str().unwrap());
    let rest = server.get(&format!(
        "/v1/system/explorer?path=docs&limit=2&cursor={cursor}"
    ));
    assert_eq!(first["items"][1]["name"], "A.md");
    assert_eq!(names(&rest), ["b.md"]);
    assert_eq!(rest.json()["next_cursor"], Value::Null);
    assert_eq!(server.get("/v1/system/explorer?limit=0").status, 422);
    assert_eq!(
        server.get("/v1/system/explorer?cursor=nonsense").status,
        422
    );
}

#[test]
fn a_folder_that_is_missing_is_empty_and_one_that_is_a_file_is_refused() {
    let server = Server::build().file("docs/a.md", "a").start();
    for missing in ["docs/none", "nowhere", "workspace/x/y", "docs/a.md/below"] {
        let answer = explorer(&server, missing);
        assert_eq!(
            answer.json(),
            json!({"items": [], "path": missing, "next_cursor": null})
        );
    }
    let file = explorer(&server, "docs/a.md");
    assert_eq!(
        (file.status, &file.json()["code"]),
        (400, &json!("E_NOT_A_FILE"))
    );
    let up = server.get("/v1/system/explorer?path=../../");
    assert_eq!(
        (up.status, &up.json()["detail"]),
        (403, &json!("Forbidden"))
    );
}

#[test]
fn reading_gives_the_text_or_says_why_not() {
    let server = Server::build().file("docs/a.md", "héllo\n").start();
    assert_eq!(
        read(&server, "docs/a.md").json(),
        json!({"content": "héllo\n"})
    );
    assert_eq!(read(&server, "./docs//a.md").status, 200);
    let absent = read(&server, "docs/none.md");
    assert_eq!(
        (absent.status, &absent.json()["detail"]),
        (404, &json!("File not found"))
    );
    assert_eq!(read(&server, "missing.txt").status, 404);
    assert_eq!(read(&server, "docs/a.md/x").status, 404);
    let unnamed = server.get("/v1/system/read");
    assert_eq!(unnamed.status, 422);
    assert_eq!(unnamed.json()["detail"][0]["loc"], json!(["query", "path"]));
    assert_eq!(unnamed.json()["detail"][0]["type"], "missing");
    let outside = server.get("/v1/system/read?path=../../etc/passwd");
    assert_eq!(outside.status, 403);
    assert!(
        outside.json()["detail"]
            .as_str()
            .unwrap()
            .contains("../../etc/passwd")
    );

    assert_eq!(read(&server, "docs").status, 400);
    put(&server, "docs/bytes.bin", [0x66, 0xff, 0x00, 0x80]);
    assert_eq!(read(&server, "docs/bytes.bin").status, 415);
    put(&server, "docs/full.txt", "x".repeat(5 * MIB));
    assert_eq!(
        read(&server, "docs/full.txt").json()["content"]
            .as_str()
            .unwrap()
            .len(),
        5 * MIB
    );
    put(&server, "docs/large.txt", "x".repeat(5 * MIB + 1));
    assert_eq!(read(&server, "docs/large.txt").status, 413);
    // A database by another name.
    put(&server, "docs/notes.txt", b"SQLite format 3\0 and so on");
    assert_eq!(read(&server, "docs/notes.txt").status, 403);
}

#[test]
fn what_is_no_file_is_never_opened() {
    let server = Server::build()
        .file("workspace/default/box/a.txt", "a")
        .start();
    let fifo = server.folder.path().join("workspace/default/box/pipe");
    assert!(
        Command::new("mkfifo")
            .arg(&fifo)
            .status()
            .unwrap()
            .success()
    );
    let _socket = std::os::unix::net::UnixListener::bind(
        server.folder.path().join("workspace/default/box/socket"),
    )
    .unwrap();
    // An answer at all is what this is about: a pipe that is opened waits for ever.
    for path in ["workspace/default/box/pipe", "workspace/default/box/socket"] {
        let refused = read(&server, path);
        assert_eq!(
            (refused.status, &refused.json()["code"]),
            (400, &json!("E_NOT_A_FILE"))
        );
        assert_eq!(save(&server, path, "x").status, 409);
    }
    assert_eq!(
        names(&explorer(&server, "workspace/default/box")),
        ["a.txt", "pipe", "socket"]
    );
}

#[test]
fn no_spelling_leads_out_of_the_served_folders() {
    let server = Server::build()
        .file("docs/a.md", "a")
        .file(".env", "SECRET=1")
        .file("src/main.rs", "fn main() {}")
        .start();
    put(&server, "docs/.env", "SECRET=2");
    let root = server.folder.path().display().to_string();
    let database = ".orket/durable/db/orket_persistence.db";
    assert!(
        server.folder.path().join(database).exists(),
        "the journal is elsewhere now"
    );
    let before = everything(&server.folder.path().join("src"));
    let spelled = [
        ".env",
        "./.env",
        "docs/.env",
        "docs/../.env",
        ".ENV",
        ".Env",
        ".env/",
        ".env.",
        ".env ",
        ".env::$DATA",
        "ENV~1",
        "docs/./.env",
        "docs\\..\\.env",
        "\\.env",
        "%2eenv",
        "docs/%2e%2e/.env",
        "docs/%2e%2e%2f.env",
        "docs/..%2f.env",
        "docs/..%5c.env",
        "%252e%252e/.env",
        "%c0%ae%c0%ae/.env",
        "docs/..;/.env",
        "\u{ff0e}env",
        "\u{2024}env",
        "\u{200b}.env",
        ".e\u{200d}nv",
        "docs\u{2215}..\u{2215}.env",
        "..",
        "../",
        "../../etc/passwd",
        "docs/../../etc/passwd",
        "....//....//etc/passwd",
        "/etc/passwd",
        "//etc/passwd",
        "file:///etc/passwd",
        "C:\\Windows\\win.ini",
        "~/.ssh/id_rsa",
        "/proc/self/environ",
        "src/main.rs",
        "docs/../src/main.rs",
        database,
        ".ORKET/durable",
        ".orket/durable/run/owner.lock",
    ];
    let mut spelled: Vec<String> = spelled.map(str::to_owned).into();
    spelled.push(format!("{root}/.env"));
    spelled.push(format!("{root}/docs/a.md"));
    spelled.push(format!("docs/{}.env", "../".repeat(40)));
    for path in &spelled {
        for answer in [
            read(&server, path),
            explorer(&server, path),
            save(&server, path, "taken"),
        ] {
            assert!(
                [403, 404, 200].contains(&answer.status),
                "{path:?}: {} {}",
                answer.status,
                answer.text
            );
            let is_empty = answer.status == 200 && answer.json()["items"] == json!([]);
            assert!(
                answer.status != 200 || is_empty,
                "{path:?}: {}",
                answer.text
            );
            assert!(!answer.text.contains("SECRET"), "{path:?}: {}", answer.text);
        }
        assert_eq!(save(&server, path, "taken").status, 403, "{path:?}");
    }
    for broken in [
        "docs/a\0b",
        "docs/a.md\0.png",
        "docs/\n",
        &"d/".repeat(400),
        &"x".repeat(2_000),
        &"docs/".repeat(1_500),
    ] {
        for answer in [
            read(&server, broken),
            explorer(&server, broken),
            save(&server, broken, "x"),
        ] {
            assert!(
                [400, 422].contains(&answer.status),
                "{} {}",
                answer.status,
                answer.text
            );
        }
    }
    // Written raw, so that the server is what decodes it.
    for raw in [
        "..%2f..%2fetc%2fpasswd",
        "%2e%2e/%2e%2e/etc/passwd",
        "docs%2f..%2f.env",
        "..%5c..%5cetc%5cpasswd",
        "%2Fetc%2Fpasswd",
        "docs%2f%2e%2e%2f%2e%65nv",
    ] {
        assert_eq!(
            server.get(&format!("/v1/system/read?path={raw}")).status,
            403,
            "{raw}"
        );
    }
    assert_eq!(
        std::fs::read_to_string(server.folder.path().join(".env")).unwrap(),
        "SECRET=1"
    );
    assert_eq!(everything(&server.folder.path().join("src")), before);
}

#[test]
fn a_link_leads_nowhere_but_within_the_served_folders() {
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret.txt"), "SECRET").unwrap();
    let server = Server::build()
        .file("workspace/default/inner/a.txt", "inside")
        .file("docs/d.md", "doc")
        .file(".env", "SECRET=1")
        .file("src/main.rs", "SECRET")
        .start();
    let root = server.folder.path();
    let link =
        |target: &str, name: &str| symlink(target, root.join("workspace").join(name)).unwrap();
    link(
        &outside.path().join("secret.txt").display().to_string(),
        "file",
    );
    link(&outside.path().display().to_string(), "folder");
    link("/", "root");
    link("..", "project");
    link("../..", "above");
    link("../.env", "env");
    link("../.orket/durable", "data");
    link("../src", "source");
    link("a-loop", "a-loop");
    link("nowhere/at/all", "dangling");
    link("folder", "chain");
    let absolute = root.join("docs/d.md").display().to_string();
    link(&absolute, "absolute");
    // Those may be followed.
    link("default/inner", "short");
    link("../docs/d.md", "doc");
    symlink("../../../docs", root.join("workspace/default/inner/docs")).unwrap();

    for path in [
        "file",
        "folder/secret.txt",
        "root/etc/passwd",
        "project/.env",
        "project/src/main.rs",
        "above/x",
        "env",
        "data/db/orket_persistence.db",
        "data/config/user_settings.json",
        "source/main.rs",
        "a-loop",
        "a-loop/x",
        "chain/secret.txt",
        "absolute",
    ] {
        let path = format!("workspace/{path}");
        let answer = read(&server, &path);
        assert!(
            [403, 404].contains(&answer.status),
            "{path}: {} {}",
            answer.status,
            answer.text
        );
        assert!(!answer.text.contains("SECRET"));
        assert_eq!(save(&server, &path, "taken").status, 403, "{path}");
    }
    for path in ["folder", "root", "above", "data", "source", "chain"] {
        assert_eq!(
            explorer(&server, &format!("workspace/{path}")).status,
            403,
            "{path}"
        );
    }
    // The project itself, through a link, shows what it shows without one.
    assert_eq!(
        names(&explorer(&server, "workspace/project")),
        names(&explorer(&server, "."))
    );
    for path in [
        "workspace/dangling",
        "workspace/folder/new.txt",
        "workspace/chain/deep/new.txt",
    ] {
        assert_eq!(save(&server, path, "taken").status, 403, "{path}");
    }
    assert_eq!(read(&server, "workspace/dangling").status, 404);
    assert_eq!(
        std::fs::read_dir(outside.path()).unwrap().count(),
        1,
        "something was written outside"
    );
    assert_eq!(
        std::fs::read_to_string(outside.path().join("secret.txt")).unwrap(),
        "SECRET"
    );
    assert_eq!(
        std::fs::read_to_string(root.join(".env")).unwrap(),
        "SECRET=1"
    );

    assert_eq!(
        read(&server, "workspace/short/a.txt").json()["content"],
        "inside"
    );
    assert_eq!(
        read(&server, "workspace/default/inner/docs/d.md").json()["content"],
        "doc"
    );
    assert_eq!(
        names(&explorer(&server, "workspace")),
        ["default", "project", "short", "doc"],
        "what leads out or nowhere is not shown"
    );
    let saved = save(&server, "workspace/doc", "changed").json();
    assert_eq!(saved["path"], "docs/d.md");
    assert_eq!(
        std::fs::read_to_string(root.join("docs/d.md")).unwrap(),
        "changed"
    );
    assert!(root.join("workspace/doc").is_symlink());
}

#[test]
fn the_data_folder_and_the_keys_are_closed_wherever_they_lie() {
    let keys = json!([{"name": "other", "key": "SECRET-key-0123456789", "scopes": ["read"]}]);
    let server = Server::build()
        .env("ORKET_DURABLE_ROOT", "workspace/Data")
        .env("ORKET_API_KEYS_FILE", "config/keys.json")
        .file("config/keys.json", &keys.to_string())
        .file("workspace/default/a.txt", "a")
        .file(".env", "SECRET=1")
        .start();
    let root = server.folder.path();
    assert!(root.join("workspace/Data/db").is_dir());
    put(&server, "workspace/Data/config/user_settings.json", "{}");
    assert_eq!(names(&explorer(&server, "workspace")), ["default"]);
    for path in [
        "workspace/Data",
        "workspace/Data/config",
        "workspace/Data/run",
    ] {
        assert_eq!(explorer(&server, path).status, 403, "{path}");
    }
    for path in [
        "workspace/Data/config/user_settings.json",
        "workspace/Data/config/new.json",
        "workspace/Data/run/owner.lock",
        "config/keys.json",
    ] {
        assert_eq!(save(&server, path, "{}").status, 403, "{path}");
        assert_eq!(read(&server, path).status, 403, "{path}");
    }
    // A second name of the same file.
    for (secret, name) in [
        (".env", "env.txt"),
        ("config/keys.json", "keys.txt"),
        ("workspace/Data/run/owner.lock", "lock.txt"),
        ("workspace/Data/db/orket_persistence.db", "journal.txt"),
    ] {
        std::fs::hard_link(root.join(secret), root.join("workspace/default").join(name)).unwrap();
        let path = format!("workspace/default/{name}");
        assert_eq!(read(&server, &path).status, 403, "{path}");
        assert_eq!(save(&server, &path, "x").status, 403, "{path}");
    }
    assert_eq!(
        std::fs::read_to_string(root.join("config/keys.json")).unwrap(),
        keys.to_string()
    );
}

#[test]
fn what_is_saved_is_read_back_whole_and_leaves_nothing_beside_it() {
    let server = Server::build()
        .file("docs/old.md", "a long old text")
        .start();
    let saved = save(&server, "docs/new/deep/a.md", "héllo");
    assert_eq!(
        saved.json(),
        json!({"ok": true, "path": "docs/new/deep/a.md", "bytes": 6, "warnings": []})
    );
    assert_eq!(
        read(&server, "docs/new/deep/a.md").json()["content"],
        "héllo"
    );
    assert_eq!(save(&server, "docs/old.md", "new").status, 200);
    assert_eq!(read(&server, "docs/old.md").json()["content"], "new");
    assert_eq!(save(&server, "docs/empty.md", "").status, 200);
    let files = everything(&server.folder.path().join("docs"));
    assert_eq!(files.len(), 3, "{files:?}");

    assert_eq!(save(&server, "docs/new", "x").status, 409);
    assert_eq!(save(&server, "docs", "x").status, 409);
    assert_eq!(save(&server, "docs/old.md/x", "x").status, 409);
    assert_eq!(save(&server, "../outside.txt", "x").status, 403);
    assert_eq!(save(&server, "top.txt", "x").status, 403);
    assert_eq!(save(&server, "docs/a.db", "x").status, 403);
    assert_eq!(save(&server, "docs/node_modules/a.js", "x").status, 403);
    for own in [
        "verification/v.py",
        "observability/x.json",
        "orket.log",
        "agent_output/VERIFICATION/v.py",
    ] {
        let refused = save(&server, &format!("workspace/default/{own}"), "x");
        assert_eq!(refused.status, 403, "{own}: {}", refused.text);
    }
    let missing = server.post("/v1/system/save", json!({"path": "docs/a.md"}));
    assert_eq!(missing.status, 422);
    assert_eq!(
        missing.json()["detail"][0]["loc"],
        json!(["body", "content"])
    );
    for wrong in [
        json!({"path": "docs/a.md", "content": 1}),
        json!({"path": null, "content": ""}),
        json!({"path": "", "content": ""}),
    ] {
        let answer = server.post("/v1/system/save", wrong.clone());
        assert!(
            [403, 422].contains(&answer.status),
            "{wrong}: {}",
            answer.text
        );
    }
    assert_eq!(
        save(&server, "docs/large.md", &"x".repeat(5 * MIB)).status,
        200
    );
    assert_eq!(
        save(&server, "docs/large.md", &"x".repeat(5 * MIB + 1)).status,
        413
    );
    assert_eq!(
        save(&server, "docs/large.md", &"x".repeat(13 * MIB)).status,
        413
    );
    let size = std::fs::metadata(server.folder.path().join("docs/large.md"))
        .unwrap()
        .len();
    assert_eq!(size, 5 * 1024 * 1024);
}

#[test]
fn a_saved_asset_that_cannot_be_used_is_kept_and_told() {
    let server = Server::start();
    let draft = save(
        &server,
        "model/core/epics/draft.json",
        "{\"name\": \"Draft\",",
    );
    assert_eq!(draft.status, 200);
    let warning = draft.json()["warnings"][0].as_str().unwrap().to_owned();
    assert!(
        warning.starts_with("model/core/epics/draft.json: line 1, column 17: "),
        "{warning}"
    );
    assert_eq!(
        read(&server, "model/core/epics/draft.json").json()["content"],
        "{\"name\": \"Draft\","
    );
    let half = save(
        &server,
        "config/epics/half.json",
        "{\"name\": \"Half\", \"issues\": [{}]}",
    )
    .json();
    let warnings = half["warnings"].to_string();
    for field in ["team", "environment", "issues[0].summary"] {
        assert!(
            warnings.contains(&format!("config/epics/half.json: {field}: ")),
            "{field}: {warnings}"
        );
    }
    // An organization that is broken can be mended through the same route.
    assert_eq!(save(&server, "config/organization.json", "{").status, 200);
    let mended = save(
        &server,
        "config/organization.json",
        "{\"name\": \"O\", \"forbidden_file_types\": [\"exe\"]}",
    );
    assert_eq!(mended.status, 200);
    assert!(
        mended.json()["warnings"][0]
            .as_str()
            .unwrap()
            .contains("unknown"),
        "{}",
        mended.text
    );
    assert_eq!(save(&server, "workspace/default/tool.EXE", "x").status, 403);
    assert_eq!(
        save(&server, "workspace/default/tool.sh", "x").json()["warnings"],
        json!([])
    );
}

#[test]
fn saving_needs_the_scope_admin_and_looking_a_key() {
    let keys =
        json!([{"name": "dash", "key": "dashboard-key-0123456789", "scopes": ["read", "run"]}]);
    let server = Server::build()
        .env("ORKET_API_KEYS_FILE", "keys.json")
        .file("keys.json", &keys.to_string())
        .file("docs/a.md", "a")
        .start();
    let body = json!({"path": "docs/a.md", "content": "b"}).to_string();
    let as_dashboard = [
        ("X-API-Key", "dashboard-key-0123456789"),
        ("Content-Type", "application/json"),
    ];
    let refused = server.send("POST", "/v1/system/save", &as_dashboard, Some(&body));
    assert_eq!(
        (refused.status, &refused.json()["code"]),
        (403, &json!("E_SCOPE"))
    );
    assert_eq!(
        server
            .send("GET", "/v1/system/read?path=docs/a.md", &as_dashboard, None)
            .status,
        200
    );
    for path in [
        "/v1/system/read?path=docs/a.md",
        "/v1/system/explorer",
        "/v1/system/board",
    ] {
        assert_eq!(server.send("GET", path, &[], None).status, 403, "{path}");
    }
    assert_eq!(
        server
            .send("POST", "/v1/system/save", &[], Some(&body))
            .status,
        403
    );
    assert_eq!(read(&server, "docs/a.md").json()["content"], "a");
    let with_key = [("X-API-Key", KEY)];
    assert_eq!(
        server
            .send("POST", "/v1/system/save", &with_key, Some(&body))
            .status,
        200
    );
}

#[test]
fn whoever_reads_while_others_save_sees_one_text_or_the_other() {
    let server = Server::build().file("docs/a.md", &"0".repeat(MIB)).start();
    std::thread::scope(|scope| {
        for digit in ["1", "2"] {
            let server = &server;
            scope.spawn(move || {
                for _ in 0..10 {
                    assert_eq!(save(server, "docs/a.md", &digit.repeat(MIB)).status, 200);
                }
            });
        }
        for _ in 0..20 {
            let text = read(&server, "docs/a.md").json()["content"]
                .as_str()
                .unwrap()
                .to_owned();
            let first = text.chars().next().unwrap();
            assert_eq!(text.len(), MIB);
            assert!(text.chars().all(|digit| digit == first), "two texts in one");
        }
    });
    assert_eq!(
        std::fs::read_dir(server.folder.path().join("docs"))
            .unwrap()
            .count(),
        1
    );
}
