//! Real repositories, served by git's own `http-backend` as Gitea does.

use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::fault::Route;
use crate::http::{Answer, Request};

/// What a request of git's protocol asks for.
pub(crate) fn route(request: &Request) -> Option<Route> {
    let (_, rest) = request.path().split_once(".git/")?;
    match (rest, request.query()) {
        ("info/refs", "service=git-receive-pack") => Some(Route::GitPushRefs),
        ("git-receive-pack", _) => Some(Route::GitPush),
        _ => Some(Route::GitFetch),
    }
}

fn git() -> Command {
    let mut git = Command::new("git");
    git.env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", "/nonexistent")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null");
    let config = [
        ("core.hooksPath", "/dev/null"),
        ("init.defaultBranch", "main"),
        // As Gitea has it.
        ("uploadpack.allowAnySHA1InWant", "true"),
        ("uploadpack.allowFilter", "true"),
    ];
    git.env("GIT_CONFIG_COUNT", config.len().to_string());
    for (number, (key, value)) in config.iter().enumerate() {
        git.env(format!("GIT_CONFIG_KEY_{number}"), key)
            .env(format!("GIT_CONFIG_VALUE_{number}"), value);
    }
    git
}

/// An error in plain words when git is not installed.
pub(crate) fn is_there() -> io::Result<()> {
    let version = git().arg("--version").output();
    version.map(|_| ()).map_err(|error| {
        io::Error::new(
            error.kind(),
            "these tests need the program git: apt-get install git",
        )
    })
}

/// Makes an empty repository.
pub(crate) fn make(root: &Path, name: &str) -> io::Result<()> {
    let folder = root.join(format!("{name}.git"));
    if folder.exists() {
        return Ok(());
    }
    let made = git()
        .args(["init", "--quiet", "--bare"])
        .arg(folder)
        .output()?;
    if made.status.success() {
        Ok(())
    } else {
        Err(io::Error::other(
            String::from_utf8_lossy(&made.stderr).into_owned(),
        ))
    }
}

/// What git answers.
pub(crate) fn served(root: &Path, user: &str, request: &Request) -> io::Result<Answer> {
    let header = |name| request.header(name).unwrap_or_default();
    let mut child = git()
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("PATH_INFO", request.path())
        .env("QUERY_STRING", request.query())
        .env("REQUEST_METHOD", &request.method)
        .env("CONTENT_TYPE", header("content-type"))
        .env("CONTENT_LENGTH", request.body.len().to_string())
        .env("HTTP_CONTENT_ENCODING", header("content-encoding"))
        .env("GIT_PROTOCOL", header("git-protocol"))
        .env("REMOTE_USER", user)
        .env("REMOTE_ADDR", "127.0.0.1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let stdin = child.stdin.take();
    let output = std::thread::scope(|scope| {
        // On a thread of its own: a long body and a long answer would wait for each other.
        scope.spawn(move || stdin.map(|mut stdin| stdin.write_all(&request.body)));
        child.wait_with_output()
    })?;
    Ok(of_cgi(&output.stdout))
}

/// Headers, an empty line, the body; the status is a header.
fn of_cgi(output: &[u8]) -> Answer {
    let mut answer = Answer {
        status: 200,
        ..Answer::default()
    };
    let mut rest = output;
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let (line, further) = rest.split_at(end);
        rest = further.get(1..).unwrap_or_default();
        let line = String::from_utf8_lossy(line);
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        let value = value.trim().to_owned();
        if name.eq_ignore_ascii_case("status") {
            let status = value.split(' ').next().and_then(|code| code.parse().ok());
            answer.status = status.unwrap_or(500);
        } else {
            answer.headers.push((name.to_owned(), value));
        }
    }
    answer.body = rest.to_vec();
    answer
}
