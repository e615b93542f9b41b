//! read_file, write_file, list_directory.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use futures_util::future::join_all;
use orket::tools::files::{FileError, write};
use orket::tools::workspace::Workspaces;
use orket_core::tool::ToolResult;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::*;

#[tokio::test]
async fn what_is_written_is_read_back_and_listed() {
    let lab = Lab::new();
    let written = lab
        .call(
            "write_file",
            json!({"path": "./a//b/c.txt", "content": "héllo\n"}),
        )
        .await;
    let path = lab.path("a/b/c.txt");
    assert_eq!(written, ToolResult::ok(json!({"path": path})));
    let read = lab.call("read_file", json!({"path": "a/b/c.txt"})).await;
    assert_eq!(read, ToolResult::ok(json!({"content": "héllo\n"})));

    let object = json!({"path": "a/b/design.json", "content": {"z": 1, "a": [true]}});
    assert!(lab.call("write_file", object).await.ok);
    assert_eq!(
        lab.text("a/b/design.json"),
        "{\n  \"z\": 1,\n  \"a\": [\n    true\n  ]\n}"
    );

    for (tool, args, items) in [
        (
            "list_directory",
            json!({"path": "a/b"}),
            json!(["c.txt", "design.json"]),
        ),
        ("list_dir", json!({}), json!(["a"])),
        ("list_directory", json!({"path": "."}), json!(["a"])),
    ] {
        let listed = lab.call(tool, args).await;
        assert_eq!(listed, ToolResult::ok(json!({"items": items})));
    }
}

#[tokio::test]
async fn a_file_written_again_is_replaced_whole_and_keeps_its_permissions() {
    let lab = Lab::new();
    lab.put("run.sh", "old and much longer than what comes");
    std::fs::set_permissions(lab.path("run.sh"), PermissionsExt::from_mode(0o750)).unwrap();
    let args = json!({"path": "run.sh", "content": "new"});
    let first = lab.call("write_file", args.clone()).await;
    assert_eq!(first, lab.call("write_file", args).await);
    assert_eq!(lab.text("run.sh"), "new");
    let mode = std::fs::metadata(lab.path("run.sh")).unwrap().permissions();
    assert_eq!(mode.mode() & 0o777, 0o750);
    let names = std::fs::read_dir(lab.path("")).unwrap().count();
    assert_eq!(names, 1, "something was left beside the file");
}

#[tokio::test]
async fn no_spelling_of_a_path_leads_out() {
    let lab = Lab::new();
    let secret = lab.outside("secret");
    std::fs::write(&secret, "secret").unwrap();
    lab.put("inside/file", "x");
    let links = [
        ("absolute", secret.clone()),
        ("relative", "../outside/secret".into()),
        ("inside/deeper", "../../outside/secret".into()),
        ("chain", "relative".into()),
        ("root", "/".into()),
        ("folder", lab.outside("")),
        ("climbing", "inside/../../outside".into()),
        ("magic", "/proc/self/cwd".into()),
    ];
    for (name, target) in &links {
        symlink(target, lab.path(name)).unwrap();
    }
    let spelled = [
        "../outside/secret",
        "inside/../../outside/secret",
        "./../outside/secret",
        "absolute",
        "relative",
        "inside/deeper",
        "chain",
        "folder/secret",
        "climbing/secret",
        "magic/Cargo.toml",
    ];
    let absolute = [
        secret.display().to_string(),
        format!("/{}", secret.display()),
        format!("root{}", secret.display()),
        lab.path("inside/file").display().to_string(),
    ];
    for path in spelled.iter().map(|it| (*it).to_owned()).chain(absolute) {
        let read = lab.call("read_file", json!({"path": path})).await;
        assert!(!error(&read).contains("secret\n"), "{read:?}");
        let listed = lab.call("list_directory", json!({"path": path})).await;
        assert!(!listed.ok, "{path}: {listed:?}");
    }
    for path in [
        "folder/new",
        "climbing/new",
        "root/new",
        "../outside/new",
        "folder/x/new",
    ] {
        let written = lab
            .call("write_file", json!({"path": path, "content": "x"}))
            .await;
        assert!(!written.ok, "{path}: {written:?}");
    }
    let left: Vec<_> = std::fs::read_dir(lab.outside(""))
        .unwrap()
        .flatten()
        .collect();
    assert_eq!(left.len(), 1, "{left:?}");
    assert_eq!(std::fs::read_to_string(&secret).unwrap(), "secret");
    assert!(!std::path::Path::new("/new").exists());
}

#[tokio::test]
async fn a_link_is_replaced_by_what_is_written_and_links_inside_are_fine() {
    let lab = Lab::new();
    let secret = lab.outside("secret");
    std::fs::write(&secret, "secret").unwrap();
    lab.put("real/file", "x");
    symlink(&secret, lab.path("link")).unwrap();
    symlink("real", lab.path("alias")).unwrap();
    let written = lab
        .call("write_file", json!({"path": "link", "content": "mine"}))
        .await;
    assert!(written.ok, "{written:?}");
    assert_eq!(std::fs::read_to_string(&secret).unwrap(), "secret");
    assert!(lab.path("link").symlink_metadata().unwrap().is_file());

    let read = lab.call("read_file", json!({"path": "alias/file"})).await;
    assert_eq!(read, ToolResult::ok(json!({"content": "x"})));
    assert!(
        lab.call("write_file", json!({"path": "alias/file", "content": "y"}))
            .await
            .ok
    );
    assert_eq!(lab.text("real/file"), "y");
}

#[tokio::test]
async fn what_is_no_file_is_refused_and_never_waited_for() {
    let lab = Lab::new();
    lab.put("folder/file", "x");
    let made = std::process::Command::new("mkfifo")
        .arg(lab.path("pipe"))
        .status();
    assert!(made.unwrap().success());
    let _socket = std::os::unix::net::UnixListener::bind(lab.path("socket")).unwrap();
    let mut said = Vec::new();
    for (tool, path) in [
        ("read_file", "pipe"),
        ("read_file", "socket"),
        ("read_file", "folder"),
        ("read_file", "absent"),
        ("read_file", "folder/file/x"),
        ("list_directory", "pipe"),
        ("list_directory", "absent"),
        ("write_file", "folder"),
        ("write_file", "."),
        ("write_file", "folder/file/x"),
        ("read_file", "../x"),
        ("read_file", "/x"),
    ] {
        let result = lab.call(tool, json!({"path": path, "content": "x"})).await;
        said.push(format!("{tool} {path}: {}", error(&result)));
    }
    for (tool, args) in [
        ("write_file", json!({"path": "x"})),
        ("read_file", json!({})),
        ("read_file", json!({"path": 7})),
        ("image_analyze", json!({})),
    ] {
        let result = lab.call(tool, args).await;
        said.push(format!("{tool}: {}", error(&result)));
    }
    insta::assert_snapshot!(said.join("\n"));
    // A pipe can be replaced by a file, and nobody has to read it for that.
    assert!(
        lab.call("write_file", json!({"path": "pipe", "content": "x"}))
            .await
            .ok
    );
}

#[tokio::test]
async fn large_things_are_cut_or_refused() {
    let lab = Lab::with(|options| {
        options.read_max = 10;
        options.write_max = 20;
        options.list_max = 3;
    });
    lab.put("exact", "0123456789");
    lab.put("more", "012345678é…and so on");
    lab.put("bytes", [b'a', 0xff, b'b']);
    lab.put("late", [b"0123456789".as_slice(), &[0xff]].concat());
    let read = async |path: &str| lab.call("read_file", json!({"path": path})).await;
    assert_eq!(
        read("exact").await,
        ToolResult::ok(json!({"content": "0123456789"}))
    );
    assert_eq!(
        read("more").await,
        ToolResult::ok(json!({"content": "012345678", "truncated": true, "bytes": 23}))
    );
    assert!(error(&read("bytes").await).contains("not UTF-8"));
    assert!(read("late").await.ok);

    let written = lab
        .call(
            "write_file",
            json!({"path": "big", "content": "x".repeat(21)}),
        )
        .await;
    assert!(error(&written).contains("21 bytes"));
    assert!(!lab.path("big").exists());

    let listed = lab.call("list_directory", json!({})).await;
    let expected = json!({"items": ["bytes", "exact", "late"], "truncated": true});
    assert_eq!(listed, ToolResult::ok(expected));
}

#[tokio::test]
async fn five_hundred_writes_at_once_all_arrive_whole() {
    let lab = Lab::new();
    let content = |number: usize| format!("{number};").repeat(2_000);
    let calls = (0..500).map(|number| {
        // Half of them fight for one path, under one key.
        let path = match number % 2 {
            0 => "shared".to_owned(),
            _ => format!("d{}/f{number}", number % 7),
        };
        let args = json!({"path": path, "content": content(number)});
        lab.host.run(
            lab.job("write_file", args),
            silent(),
            CancellationToken::new(),
        )
    });
    for result in join_all(calls).await {
        assert!(result.ok, "{result:?}");
    }
    for number in (1..500).step_by(2) {
        assert_eq!(
            lab.text(&format!("d{}/f{number}", number % 7)),
            content(number)
        );
    }
    let shared = lab.text("shared");
    let whole = (0..500).step_by(2).any(|number| shared == content(number));
    assert!(whole, "a mixture of several writes");
    let entries = std::fs::read_dir(lab.path("")).unwrap().count();
    assert_eq!(entries, 8, "seven folders and one file, nothing unfinished");
}

#[tokio::test]
async fn a_call_given_up_has_no_effect() {
    let lab = Lab::new();
    let cancel = CancellationToken::new();
    cancel.cancel();
    let job = lab.job("write_file", json!({"path": "late", "content": "x"}));
    let result = lab.host.run(job, silent(), cancel).await;
    assert!(error(&result).contains("cancelled"));

    let workspace = Workspaces::default().at(&lab.path("")).unwrap();
    let given_up = Arc::new(AtomicBool::new(true));
    let result = write::write(&workspace, "late".as_ref(), b"x", "key", &given_up);
    assert!(matches!(result, Err(FileError::GivenUp)), "{result:?}");
    assert!(!lab.path("late").exists());
}

#[tokio::test]
async fn a_workspace_moved_away_is_made_anew() {
    let lab = Lab::new();
    assert!(
        lab.call("write_file", json!({"path": "a", "content": "1"}))
            .await
            .ok
    );
    std::fs::rename(lab.path(""), lab.outside("kept")).unwrap();
    assert!(
        lab.call("write_file", json!({"path": "b", "content": "2"}))
            .await
            .ok
    );
    assert_eq!(lab.text("b"), "2");
    assert!(!lab.outside("kept").join("b").exists());
}
