//! Random repositories: links, CRLF and BOM, ignored and untracked files, submodules, read-only
//! files, hard links, folders in folders, odd names.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::random::Random;

/// A file that a change can be made to.
pub struct Source {
    pub path: String,
    pub contents: Vec<u8>,
}

/// A repository with everything committed that can be.
pub struct Made {
    pub sources: Vec<Source>,
    pub folders: Vec<String>,
}

const NAMES: [&str; 14] = [
    "a",
    "main",
    "Ünïcode",
    "with space",
    "-dash",
    "quote'd",
    "new\nline",
    "日本",
    "dot.dot",
    "#hash",
    "tab\there",
    "~tilde",
    "UPPER",
    "a$b",
];
const ENDINGS: [&str; 5] = [".js", ".py", ".rs", ".txt", ""];

pub fn git(root: &Path, arguments: &[&str]) {
    let output = Command::new("git")
        .args(["-c", "user.name=t", "-c", "user.email=t@localhost"])
        .args([
            "-c",
            "commit.gpgsign=false",
            "-c",
            "core.hooksPath=/dev/null",
        ])
        .args(["-c", "advice.addEmbeddedRepo=false", "-c", "gc.auto=0"])
        .args(["-c", "core.autocrlf=false", "-c", "init.defaultBranch=main"])
        .args(arguments)
        .current_dir(root)
        .output()
        .expect("git");
    assert!(
        output.status.success(),
        "git {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

pub fn make(root: &Path, random: &mut Random) -> Made {
    std::fs::create_dir_all(root).unwrap();
    git(root, &["init", "-q", "--template="]);
    let mut folders = vec![String::new()];
    for number in 0..1 + random.below(5) {
        let parent = random.of(&folders).clone();
        let folder = format!("{parent}{}{number}/", random.of(&NAMES));
        std::fs::create_dir_all(root.join(&folder)).unwrap();
        folders.push(folder);
    }
    let mut sources = Vec::new();
    for number in 0..3 + random.below(10) {
        let folder = random.of(&folders);
        let path = format!(
            "{folder}{}f{number}{}",
            random.of(&NAMES),
            random.of(&ENDINGS)
        );
        let contents = contents(random);
        std::fs::write(root.join(&path), &contents).unwrap();
        let mode = *random.of(&[0o644, 0o644, 0o755, 0o444, 0o600, 0o640, 0o555]);
        std::fs::set_permissions(root.join(&path), PermissionsExt::from_mode(mode)).unwrap();
        if random.one_in(6) {
            // A second name of the same file.
            std::fs::hard_link(root.join(&path), root.join(format!("{folder}hard{number}")))
                .unwrap();
        }
        sources.push(Source { path, contents });
    }
    links(root, &sources, random);
    std::fs::write(root.join("odd-\u{1}"), "control").unwrap();
    std::fs::write(root.join(OsStr::from_bytes(b"not-utf8-\xff\xfe")), "bytes").unwrap();
    ignored(root, random);
    if random.one_in(4) {
        submodule(root, random);
    }
    git(root, &["add", "-A"]);
    git(root, &["commit", "-q", "-m", "all"]);
    own(root);
    Made { sources, folders }
}

fn contents(random: &mut Random) -> Vec<u8> {
    let mut contents = Vec::new();
    if random.one_in(5) {
        contents.extend_from_slice(b"\xef\xbb\xbf");
    }
    let ending: &[u8] = if random.one_in(3) { b"\r\n" } else { b"\n" };
    for _ in 0..random.below(30) {
        let line = *random.of(&["let x = 1;", "ünï", "\"quoted\"", "", "\t# x", "end"]);
        contents.extend_from_slice(line.as_bytes());
        contents.extend_from_slice(ending);
    }
    if random.one_in(8) {
        contents.extend((0..200).map(|_| random.next() as u8));
    }
    contents
}

fn links(root: &Path, sources: &[Source], random: &mut Random) {
    let target = random.of(sources).path.clone();
    let targets = [
        PathBuf::from(target),
        PathBuf::from("nowhere/at/all"),
        PathBuf::from("/etc/hostname"),
        PathBuf::from(".."),
        root.join("."),
    ];
    for number in 0..random.below(4) {
        symlink(random.of(&targets), root.join(format!("link{number}"))).unwrap();
    }
}

fn ignored(root: &Path, random: &mut Random) {
    let patterns = "*.log\n/.env\nignored/\nnode_modules/\ntarget/\n.orket/\n";
    // Sometimes Orket's own folder is not ignored: it is no dirt all the same.
    let patterns = if random.one_in(3) {
        patterns.replace(".orket/\n", "")
    } else {
        patterns.to_owned()
    };
    std::fs::write(root.join(".gitignore"), patterns).unwrap();
    std::fs::write(root.join(".env"), "KEY=1\n").unwrap();
    for folder in ["ignored/deep", "node_modules/x", "target/debug"] {
        if random.one_in(2) {
            std::fs::create_dir_all(root.join(folder)).unwrap();
            std::fs::write(root.join(folder).join("file"), contents(random)).unwrap();
        }
    }
    std::fs::write(root.join("a.log"), "log\r\n").unwrap();
    std::fs::set_permissions(root.join("a.log"), PermissionsExt::from_mode(0o400)).unwrap();
}

/// A repository in the repository, as git has submodules.
fn submodule(root: &Path, random: &mut Random) {
    let module = root.join("module");
    std::fs::create_dir(&module).unwrap();
    git(&module, &["init", "-q", "--template="]);
    std::fs::write(module.join("inner.js"), contents(random)).unwrap();
    git(&module, &["add", "-A"]);
    git(&module, &["commit", "-q", "-m", "inner"]);
}

/// What Orket keeps in a repository, and no transaction may lose.
fn own(root: &Path) {
    std::fs::create_dir_all(root.join(".orket/durable/db")).unwrap();
    std::fs::write(root.join(".orket/durable/db/orket_persistence.db"), "data").unwrap();
}

/// Names that are free for new files.
pub fn free_name(made: &Made, number: usize, random: &mut Random) -> String {
    let folder = random.of(&made.folders).clone();
    let further = *random.of(&["", "fresh/", "fresh/er/"]);
    let name = OsString::from(format!("{folder}{further}new{number}.js"));
    name.into_string().unwrap()
}
