//! Git with credentials and the export of runs, against real repositories behind a server that
//! wants to know who asks.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use orket_fake_gitea::{FakeGitea, Fault, Route};
use orket_gitea::{
    Credentials, ExportError, ExportLimits, ExportOptions, Exported, Exporter, Git, GitErrorKind,
    Gitea, GiteaOptions, RepoRef, Revision, RunFiles, Secret,
};
use tempfile::TempDir;

const LONG: Duration = Duration::from_secs(60);

/// A Gitea that serves git, and where its repositories are.
fn served() -> (FakeGitea, TempDir) {
    let (fake, root) = (FakeGitea::start(), TempDir::new().unwrap());
    fake.serve_git(root.path()).unwrap();
    (fake, root)
}

/// Both ways to say who asks.
fn credentials(fake: &FakeGitea) -> [Credentials; 2] {
    let (user, password) = fake.user_password();
    [
        Credentials::Token(Secret::new(fake.token())),
        Credentials::Basic {
            user: user.to_owned(),
            password: Secret::new(password),
        },
    ]
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .envs(["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_NAME"), "ann")))
        .envs(["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_EMAIL"), "ann@x")))
        .output()
        .expect("these tests need the program git: apt-get install git");
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {arguments:?}: {words}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Two commits in acme/shop: a file, then another and a link out; their ids.
fn with_history(fake: &FakeGitea, root: &Path) -> [String; 2] {
    fake.add_repository("acme/shop");
    fake.serve_git(root).unwrap();
    let work = TempDir::new().unwrap();
    let at = work.path();
    git(at, &["init", "-q", "-b", "main"]);
    let commit = |name: &str| {
        fs::write(at.join(name), name).unwrap();
        git(at, &["add", "-A"]);
        git(at, &["commit", "-q", "-m", name]);
        git(at, &["rev-parse", "HEAD"])
    };
    let first = commit("one.txt");
    symlink("/etc/passwd", at.join("link")).unwrap();
    let second = commit("two.txt");
    let bare = root.join("acme/shop.git").display().to_string();
    git(at, &["push", "-q", &bare, "main", "main:feature/x"]);
    [first, second]
}

#[tokio::test]
async fn a_branch_and_a_commit_are_checked_out() {
    let (fake, root) = served();
    let [first, second] = with_history(&fake, root.path());
    let url = format!("{}/acme/shop.git", fake.url());
    for credentials in credentials(&fake) {
        let into = TempDir::new().unwrap();
        let git = Git::new(fake.url(), &credentials).unwrap();
        let branch = Revision::Branch("feature/x".to_owned());
        let at = into.path().join("branch");
        let commit = git.clone_at(&url, &branch, &at, LONG).await.unwrap();
        assert_eq!(commit, second);
        assert_eq!(fs::read_to_string(at.join("two.txt")).unwrap(), "two.txt");
        // What strangers push must not lead out of the clone.
        assert!(!at.join("link").symlink_metadata().unwrap().is_symlink());
        let at = into.path().join("commit");
        let revision = Revision::Commit(first.clone());
        let commit = git.clone_at(&url, &revision, &at, LONG).await.unwrap();
        assert_eq!(commit, first);
        assert!(!at.join("two.txt").exists());
        no_secret_below(into.path(), &fake);
    }
}

/// No file below `folder` holds a credential in any form.
fn no_secret_below(folder: &Path, fake: &FakeGitea) {
    let secrets = secrets(fake);
    for file in files_below(folder) {
        let bytes = fs::read(folder.join(&file)).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert!(
            !secrets.iter().any(|secret| text.contains(secret)),
            "{file}"
        );
    }
}

fn secrets(fake: &FakeGitea) -> Vec<String> {
    let (_, password) = fake.user_password();
    vec![
        fake.token().to_owned(),
        password.to_owned(),
        "Authorization: Basic".to_owned(),
    ]
}

/// Paths of all files below a folder, in order.
fn files_below(folder: &Path) -> Vec<String> {
    let mut files = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(at) = folders.pop() {
        for entry in fs::read_dir(folder.join(&at)).unwrap() {
            let entry = entry.unwrap();
            let path = at.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                folders.push(path);
            } else {
                files.push(path.display().to_string());
            }
        }
    }
    files.sort();
    files
}

#[tokio::test]
async fn each_failure_of_a_clone_is_told_and_leaves_nothing() {
    let (fake, root) = served();
    with_history(&fake, root.path());
    let into = TempDir::new().unwrap();
    let at = into.path().join("clone");
    let wrong = Credentials::Token(Secret::new("s3cr3t-of-the-test"));
    let [right, _] = credentials(&fake);
    let main = Revision::Branch("main".to_owned());
    let kind = async |credentials, path: &str, revision: &Revision, limit| {
        let git = Git::new(fake.url(), credentials).unwrap();
        let url = format!("{}/{path}", fake.url());
        let error = git.clone_at(&url, revision, &at, limit).await.unwrap_err();
        let words = format!("{error} {error:?}");
        assert!(
            !words.contains("s3cr3t") && !words.contains(fake.token()),
            "{words}"
        );
        assert!(!at.exists());
        error.kind
    };
    let shop = "acme/shop.git";
    assert_eq!(
        kind(&wrong, shop, &main, LONG).await,
        GitErrorKind::Unauthorized
    );
    assert_eq!(
        kind(&right, "acme/no.git", &main, LONG).await,
        GitErrorKind::NotFound
    );
    let branch = Revision::Branch("nowhere".to_owned());
    assert_eq!(
        kind(&right, shop, &branch, LONG).await,
        GitErrorKind::NotFound
    );
    let commit = Revision::Commit("0123456789".repeat(4));
    assert_eq!(
        kind(&right, shop, &commit, LONG).await,
        GitErrorKind::NotFound
    );
    let option = Revision::Branch("--upload-pack=x".to_owned());
    assert_eq!(
        kind(&right, shop, &option, LONG).await,
        GitErrorKind::Unusable
    );
    fake.fail_next(Route::GitFetch, Fault::Status(503));
    assert_eq!(
        kind(&right, shop, &main, LONG).await,
        GitErrorKind::Unavailable
    );
    fake.fail_next(Route::GitFetch, Fault::Hold);
    let short = Duration::from_millis(300);
    assert_eq!(
        kind(&right, shop, &main, short).await,
        GitErrorKind::TooLong
    );
    // Files of this machine, other protocols, and addresses with a password are not even tried.
    let git = Git::new(fake.url(), &right).unwrap();
    let file = format!("file://{}/acme/shop.git", root.path().display());
    for url in [&*file, "ext::sh -c true", "http://a:s3cr3t@x/y.git", "/etc"] {
        let error = git.clone_at(url, &main, &at, LONG).await.unwrap_err();
        assert_eq!(error.kind, GitErrorKind::Unusable);
        assert!(!error.to_string().contains("s3cr3t"));
    }
    let cloned = git.allowing_files().clone_at(&file, &main, &at, LONG).await;
    assert!(cloned.is_ok());
}

#[tokio::test]
async fn credentials_go_to_no_other_server() {
    let (fake, root) = served();
    with_history(&fake, root.path());
    let other = FakeGitea::start();
    let [right, _] = credentials(&fake);
    let git = Git::new(other.url(), &right).unwrap();
    let into = TempDir::new().unwrap();
    let main = Revision::Branch("main".to_owned());
    let url = format!("{}/acme/shop.git", fake.url());
    let at = into.path().join("clone");
    let error = git.clone_at(&url, &main, &at, LONG).await.unwrap_err();
    assert_eq!(error.kind, GitErrorKind::Unauthorized);
}

/// A run's files: what belongs into an export and what does not.
fn run_files(workspace: &Path, run: &str) -> RunFiles {
    let out = workspace.join("agent_output");
    fs::create_dir_all(out.join("src/.git")).unwrap();
    fs::write(out.join("src/main.sh"), "echo hi\n").unwrap();
    fs::write(out.join("big.bin"), [0; 2_000]).unwrap();
    fs::write(out.join(".env"), "KEY=s3cr3t").unwrap();
    fs::write(out.join("src/.git/config"), "s3cr3t").unwrap();
    fs::write(out.join("src/-x\n.txt"), "odd").unwrap();
    let _ = symlink("/etc/passwd", out.join("passwd"));
    let _ = symlink("/etc", out.join("etc"));
    let observability = workspace.join("observability").join(run);
    fs::create_dir_all(observability.join("I-1/001_coder")).unwrap();
    fs::write(observability.join("I-1/001_coder/checkpoint.json"), "{}").unwrap();
    let manifest = serde_json::json!({"run_id": run, "session_status": "done"});
    RunFiles {
        run: run.to_owned(),
        day: "2026-02-11".to_owned(),
        sources: vec![
            (observability, "observability".to_owned()),
            (out, "agent_output".to_owned()),
            (workspace.join("nowhere"), "nowhere".to_owned()),
        ],
        made: vec![("orket.log".to_owned(), b"{}\n".to_vec())],
        manifest: manifest.as_object().unwrap().clone(),
    }
}

fn exporter(fake: &FakeGitea, cache: &Path, credentials: &Credentials) -> Exporter {
    let gitea = Gitea::new(GiteaOptions::new(fake.url(), credentials.clone())).unwrap();
    Exporter::new(gitea, credentials, options(fake, cache)).unwrap()
}

fn options(fake: &FakeGitea, cache: &Path) -> ExportOptions {
    ExportOptions {
        repo: RepoRef::new(fake.user_password().0, "runs").unwrap(),
        branch: "main".to_owned(),
        path_prefix: "exports/of-runs".to_owned(),
        private: true,
        cache_root: cache.to_owned(),
        author_name: "Orket Artifact Bot".to_owned(),
        author_email: "orket@local".to_owned(),
        limits: ExportLimits {
            file_bytes: 1_000,
            ..ExportLimits::default()
        },
        timeout: LONG,
    }
}

fn tree(root: &Path, fake: &FakeGitea, commit: &str) -> Vec<String> {
    let bare = root.join(fake.user_password().0).join("runs.git");
    let names = git(&bare, &["ls-tree", "-r", "-z", "--name-only", commit]);
    let names = names.split('\0').filter(|name| !name.is_empty());
    names.map(str::to_owned).collect()
}

fn commits(root: &Path, fake: &FakeGitea) -> Vec<String> {
    let bare = root.join(fake.user_password().0).join("runs.git");
    let log = git(&bare, &["log", "--format=%s <%an>", "main"]);
    log.lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn a_run_is_exported_once_whatever_is_asked_again() {
    let (fake, root) = served();
    let (user, _) = fake.user_password();
    let workspace = TempDir::new().unwrap();
    let cache = TempDir::new().unwrap();
    let cache = cache.path().join("kept");
    let run = run_files(workspace.path(), "run-1");
    let [token, basic] = credentials(&fake);
    let exported = exporter(&fake, &cache, &token)
        .export(run.clone())
        .await
        .unwrap();
    let path = "exports/of-runs/2026-02-11/run-1";
    let commit = exported.commit.clone();
    let expected = Exported {
        provider: "gitea".to_owned(),
        owner: user.to_owned(),
        repo: "runs".to_owned(),
        branch: "main".to_owned(),
        path: path.to_owned(),
        url: format!("{}/{user}/runs/src/commit/{commit}/{path}", fake.url()),
        commit: commit.clone(),
    };
    assert_eq!(exported, expected);
    let names = [
        "agent_output/src/-x\n.txt",
        "agent_output/src/main.sh",
        "manifest.json",
        "observability/I-1/001_coder/checkpoint.json",
        "orket.log",
    ];
    let names = names.map(|name| format!("{path}/{name}"));
    assert_eq!(tree(root.path(), &fake, &commit), names);
    let bare = root.path().join(user).join("runs.git");
    let manifest = git(&bare, &["show", &format!("{commit}:{path}/manifest.json")]);
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    let left_out = |path: &str, reason: &str| serde_json::json!({"path": path, "reason": reason});
    let expected = serde_json::json!({
        "run_id": "run-1",
        "session_status": "done",
        "files": 4,
        "bytes": 8 + 3 + 2 + 3,
        "left_out": [
            left_out("agent_output/.env", "a dot-file"),
            left_out("agent_output/big.bin", "longer than a file may be"),
            left_out("agent_output/etc", "a symbolic link"),
            left_out("agent_output/passwd", "a symbolic link"),
            left_out("agent_output/src/.git", "a dot-file"),
        ],
        "left_out_count": 5,
    });
    assert_eq!(manifest, expected);
    let private = fake.with(|state| state.repositories[&format!("{user}/runs")].private);
    assert!(private);

    // The same again, by the other credentials and from another cache: nothing new.
    let other = TempDir::new().unwrap();
    for cache in [&*cache, other.path()] {
        let again = exporter(&fake, cache, &basic)
            .export(run.clone())
            .await
            .unwrap();
        assert_eq!(again.commit, commit);
    }
    // A file that is gone is gone from the export; another run stays beside it.
    fs::remove_file(workspace.path().join("agent_output/src/main.sh")).unwrap();
    let exporter = exporter(&fake, &cache, &token);
    let again = exporter.export(run).await.unwrap();
    assert!(!tree(root.path(), &fake, &again.commit).contains(&names[1]));
    let second = exporter
        .export(run_files(workspace.path(), "run-2"))
        .await
        .unwrap();
    assert_eq!(tree(root.path(), &fake, &second.commit).len(), 4 + 5);
    let by = "<Orket Artifact Bot>";
    let log = ["Add run run-2", "Add run run-1", "Add run run-1"].map(|s| format!("{s} {by}"));
    assert_eq!(commits(root.path(), &fake), log);
    assert_eq!(fake.violations(), Vec::<String>::new());
    no_secret_below(&cache, &fake);
    let mode = fs::metadata(&cache).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[tokio::test]
async fn what_others_push_meanwhile_is_built_upon() {
    for held in [Route::GitPushRefs, Route::GitPush] {
        let (fake, root) = served();
        let [token, _] = credentials(&fake);
        let (one, two) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        let (mine, theirs) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        // The branch is there already.
        let first = exporter(&fake, two.path(), &token);
        first
            .export(run_files(theirs.path(), "run-0"))
            .await
            .unwrap();
        fake.fail_next(held, Fault::Hold);
        let slow = exporter(&fake, one.path(), &token);
        let slow = slow.export(run_files(mine.path(), "run-1"));
        let quick = async {
            let pushes = |path: &str| path.contains("git-receive-pack");
            let begun = |state: &orket_fake_gitea::State| {
                let last = state.requests.last();
                last.is_some_and(|last| last.status.is_none() && pushes(&last.path))
            };
            fake.wait_for(begun, LONG).await.unwrap();
            first
                .export(run_files(theirs.path(), "run-2"))
                .await
                .unwrap();
            fake.release();
        };
        let (slow, ()) = tokio::join!(slow, quick);
        let names = tree(root.path(), &fake, &slow.unwrap().commit);
        for run in ["run-0", "run-1", "run-2"] {
            let manifest = format!("exports/of-runs/2026-02-11/{run}/manifest.json");
            assert!(names.contains(&manifest), "{held:?} {run}");
        }
    }
}

#[tokio::test]
async fn exporters_of_one_cache_wait_for_each_other() {
    let (fake, root) = served();
    let [token, _] = credentials(&fake);
    let (cache, workspace) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let exporter = exporter(&fake, cache.path(), &token);
    let runs = ["run-1", "run-2", "run-3", "run-4"].map(|run| run_files(workspace.path(), run));
    let [a, b, c, d] = runs.map(|run| exporter.export(run));
    let (a, b, c, d) = tokio::join!(a, b, c, d);
    let all = [a, b, c, d].map(Result::unwrap);
    assert!(all.iter().all(|exported| exported.branch == "main"));
    assert_eq!(commits(root.path(), &fake).len(), 4);
}

#[tokio::test]
async fn a_failed_export_says_why_and_the_next_one_mends_it() {
    let (fake, root) = served();
    let [token, _] = credentials(&fake);
    let (cache, workspace) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let run = run_files(workspace.path(), "run-1");
    let wrong = Credentials::Token(Secret::new("s3cr3t-of-the-test"));
    let error = exporter(&fake, cache.path(), &wrong)
        .export(run.clone())
        .await;
    let error = error.unwrap_err();
    assert!(matches!(error, ExportError::Gitea(_)), "{error}");
    assert!(!format!("{error} {error:?}").contains("s3cr3t"));
    let exporter = exporter(&fake, cache.path(), &token);
    fake.fail_next(Route::GitPush, Fault::Status(503));
    let error = exporter.export(run.clone()).await.unwrap_err();
    assert!(matches!(error, ExportError::Git(_)), "{error}");
    exporter.export(run.clone()).await.unwrap();
    // A git that was killed, and a clone that is broken.
    let kept = cache.path().join(fake.user_password().0).join("runs.git");
    fs::write(kept.join("index.lock"), "").unwrap();
    exporter
        .export(run_files(workspace.path(), "run-2"))
        .await
        .unwrap();
    fs::write(kept.join("HEAD"), "nonsense").unwrap();
    exporter
        .export(run_files(workspace.path(), "run-3"))
        .await
        .unwrap();
    assert_eq!(commits(root.path(), &fake).len(), 3);
    let bad = RunFiles {
        run: "../up".to_owned(),
        ..run
    };
    let error = exporter.export(bad).await.unwrap_err();
    assert!(matches!(error, ExportError::Unusable(_)), "{error}");
}

/// Where an exporter keeps its clone.
fn kept(fake: &FakeGitea, cache: &Path) -> PathBuf {
    cache.join(fake.user_password().0).join("runs.git")
}

#[tokio::test]
async fn the_kept_clone_survives_what_goes_wrong_elsewhere() {
    let (fake, root) = served();
    let [token, _] = credentials(&fake);
    let (cache, workspace) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let exporter = exporter(&fake, cache.path(), &token);
    let run = |run| exporter.export(run_files(workspace.path(), run));
    run("run-1").await.unwrap();
    let kept = kept(&fake, cache.path());
    let mark = kept.join("mark-of-the-test");
    fs::write(&mark, "").unwrap();
    let faults = [
        (Route::GitFetch, Fault::Status(503)),
        (Route::GitFetch, Fault::ResetBefore),
        (Route::GitPushRefs, Fault::Status(502)),
        (Route::GitPush, Fault::Status(503)),
        (Route::GitPush, Fault::ResetBefore),
    ];
    for (route, fault) in faults {
        fake.fail_next(route, fault.clone());
        let error = run("run-2").await.unwrap_err();
        assert!(matches!(error, ExportError::Git(_)), "{error}");
        assert!(mark.exists(), "{route:?} {fault:?}: {error}");
    }
    // The server takes nothing.
    let bare = root.path().join(fake.user_password().0).join("runs.git");
    git(&bare, &["config", "receive.maxInputSize", "1"]);
    let error = run("run-2").await.unwrap_err();
    assert!(mark.exists(), "{error}");
    git(&bare, &["config", "--unset", "receive.maxInputSize"]);
    // What a git that was killed leaves takes no room.
    let left = kept.join("objects/pack/tmp_pack_4Wq1");
    fs::write(&left, "half").unwrap();
    run("run-2").await.unwrap();
    assert!(mark.exists() && !left.exists());
    assert_eq!(commits(root.path(), &fake).len(), 2);
    // A clone that is broken itself is made anew.
    for file in files_below(&kept.join("objects")) {
        let file = kept.join("objects").join(file);
        fs::remove_file(&file).unwrap();
        fs::write(&file, "nonsense").unwrap();
    }
    run("run-3").await.unwrap_err();
    run("run-3").await.unwrap();
    assert!(!mark.exists());
    assert_eq!(commits(root.path(), &fake).len(), 3);
}

#[tokio::test]
async fn a_new_clone_fetches_no_contents() {
    let (fake, root) = served();
    let [token, _] = credentials(&fake);
    let (one, two) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let (mine, theirs) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let run = run_files(theirs.path(), "run-1");
    fs::write(theirs.path().join("agent_output/theirs.txt"), "theirs").unwrap();
    let first = exporter(&fake, one.path(), &token);
    let first = first.export(run).await.unwrap();
    let bare = root.path().join(fake.user_password().0).join("runs.git");
    let theirs = format!("{}:{}/agent_output/theirs.txt", first.commit, first.path);
    let blob = git(&bare, &["rev-parse", &theirs]);
    let second = exporter(&fake, two.path(), &token);
    let second = second
        .export(run_files(mine.path(), "run-2"))
        .await
        .unwrap();
    let objects = ["cat-file", "--batch-all-objects", "--batch-check"];
    let objects = git(&kept(&fake, two.path()), &objects);
    assert!(objects.contains(" blob ") && !objects.contains(&blob));
    let names = tree(root.path(), &fake, &second.commit);
    assert!(names.contains(&format!("{}/agent_output/theirs.txt", first.path)));
}

#[tokio::test]
async fn neither_names_nor_attributes_keep_a_run_from_being_exported() {
    let (fake, root) = served();
    let (user, _) = fake.user_password();
    fake.add_repository(&format!("{user}/runs"));
    fake.serve_git(root.path()).unwrap();
    let work = TempDir::new().unwrap();
    git(work.path(), &["init", "-q", "-b", "main"]);
    // `git add` refuses a text without the mark of its encoding.
    let attributes = "*.sh working-tree-encoding=UTF-16\n*.json filter=lfs text eol=crlf\n";
    fs::write(work.path().join(".gitattributes"), attributes).unwrap();
    git(work.path(), &["add", "-A"]);
    git(work.path(), &["commit", "-q", "-m", "attributes"]);
    let bare = root.path().join(user).join("runs.git");
    git(
        work.path(),
        &["push", "-q", &bare.display().to_string(), "main"],
    );
    let [token, _] = credentials(&fake);
    let (cache, workspace) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let run = run_files(workspace.path(), "run-1");
    let out = workspace.path().join("agent_output");
    fs::write(out.join("git~1"), "odd").unwrap();
    fs::write(out.join("aux."), "odd").unwrap();
    let exported = exporter(&fake, cache.path(), &token).export(run).await;
    let exported = exported.unwrap();
    let at = |name: &str| format!("{}:{}/{name}", exported.commit, exported.path);
    assert_eq!(
        git(&bare, &["show", &at("agent_output/src/main.sh")]),
        "echo hi"
    );
    assert_eq!(git(&bare, &["show", &at("agent_output/aux.")]), "odd");
    let manifest = git(&bare, &["show", &at("manifest.json")]);
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    let left_out = serde_json::json!({
        "path": "agent_output/git~1", "reason": "a name that git refuses"
    });
    let all = manifest["left_out"].as_array().unwrap();
    assert!(all.contains(&left_out), "{all:?}");
}

#[test]
fn an_export_that_waits_for_another_ends_at_its_time_limit() {
    let (fake, _root) = served();
    let [token, _] = credentials(&fake);
    let (cache, workspace) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let owner = cache.path().join(fake.user_password().0);
    fs::create_dir_all(&owner).unwrap();
    let lock = fs::File::create(owner.join("runs.lock")).unwrap();
    lock.lock().unwrap();
    let run = run_files(workspace.path(), "run-1");
    let exporter = Exporter::new(
        Gitea::new(GiteaOptions::new(fake.url(), token.clone())).unwrap(),
        &token,
        ExportOptions {
            timeout: Duration::from_millis(300),
            ..options(&fake, cache.path())
        },
    )
    .unwrap();
    let (ended, end) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let exported = runtime.block_on(exporter.export(run));
        // As a process does at its end: it waits for the threads that block.
        drop(runtime);
        ended.send(exported).unwrap();
    });
    let exported = end.recv_timeout(LONG).expect("it waits for the lock");
    assert!(matches!(exported, Err(ExportError::TooLong(_))));
}

/// Command lines of all processes of this machine that name the address.
fn command_lines(url: &str) -> Vec<String> {
    let processes = fs::read_dir("/proc").unwrap().map_while(Result::ok);
    processes
        .filter_map(|process| fs::read(process.path().join("cmdline")).ok())
        .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
        .filter(|line| line.contains(url))
        .collect()
}

#[tokio::test]
async fn no_argument_shows_a_credential_and_who_gives_up_leaves_no_process() {
    let (fake, root) = served();
    with_history(&fake, root.path());
    let into = TempDir::new().unwrap();
    let [token, basic] = credentials(&fake);
    for (credentials, name) in [(token, "token"), (basic, "basic")] {
        let git = Git::new(fake.url(), &credentials).unwrap();
        let url = format!("{}/acme/shop.git", fake.url());
        let main = Revision::Branch("main".to_owned());
        let at = into.path().join(name);
        fake.with(|state| state.requests.clear());
        fake.fail_next(Route::GitFetch, Fault::Hold);
        // Before the clone is given up, which happens when this is through.
        let looking = async {
            let asked = fake.wait_for(|state| !state.requests.is_empty(), LONG);
            asked.await.unwrap();
            command_lines(fake.url())
        };
        let seen = tokio::select! {
            cloned = git.clone_at(&url, &main, &at, LONG) => panic!("{cloned:?}"),
            seen = looking => seen,
        };
        // git itself and the helper that speaks HTTP.
        assert!(seen.len() >= 2, "{seen:?}");
        for secret in secrets(&fake) {
            assert!(!seen.iter().any(|line| line.contains(&secret)), "{seen:?}");
        }
        let end = std::time::Instant::now() + LONG;
        while !command_lines(fake.url()).is_empty() {
            assert!(std::time::Instant::now() < end, "git is still there");
            std::thread::yield_now();
        }
        fake.release();
    }
}
