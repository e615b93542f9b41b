//! Files, secrets, network and other processes: what is closed to a child, and what is said where a
//! machine cannot close it.

use std::io::ErrorKind;
use std::net::TcpListener;

use orket::tools::child::sandbox::seal_own_process;

use super::*;

/// Whether this machine has it; what a test cannot try it says, and where it must be tried that is
/// a failure.
fn able(what: &str, ability: &Ability) -> bool {
    if !ability.on {
        assert!(
            std::env::var_os("ORKET_TEST_WHOLE_SANDBOX").is_none(),
            "{what} must be tried, and is not to be had: {}",
            ability.reason
        );
        eprintln!("not tried, {what}: {}", ability.reason);
    }
    ability.on
}

#[test]
fn something_is_tried_on_every_machine() {
    let here = SandboxAbilities::here();
    let tried = [
        &here.files,
        &here.network_namespace,
        &here.mount_namespace,
        &here.filter,
    ];
    assert!(tried.iter().any(|it| it.on), "nothing is: {here:?}");
}

/// What a failed child's record says was closed to it.
fn closed(result: &ToolResult) -> Vec<&str> {
    let closed = result
        .fields
        .get("sandbox_closed")
        .and_then(Value::as_array);
    closed.map_or_else(Vec::new, |all| {
        all.iter().filter_map(Value::as_str).collect()
    })
}

#[tokio::test]
async fn the_record_of_a_child_that_failed_says_what_was_closed_to_it() {
    let _alone = ALONE.lock().await;
    let script = "echo '{\"sandbox_closed\": [\"nothing\"]}'; exit 1";
    let lab = Lab::allowing(|_| {});
    let here = SandboxAbilities::here();
    let failed = lab.run(script).await;
    let says = |door: &str| closed(&failed).contains(&door);
    assert_eq!(says("network"), here.network_namespace.on || here.filter.on);
    assert_eq!(says("secrets"), here.files.on);
    assert!(!says("nothing") && !says("writing in the workspace"));
    let report = lab.verify("exit 1").await;
    assert_eq!(report.closed, closed(&failed));
    assert_eq!(closed(&lab.run("true").await), Vec::<&str>::new());
    // Who ends in good order says itself what went wrong.
    let refused = lab
        .run("echo '{\"ok\": false, \"error\": \"no such card\"}'")
        .await;
    assert_eq!(refused.error.as_deref(), Some("no such card"));
    assert_eq!(closed(&refused), Vec::<&str>::new());
    let online = Lab::allowing(|it| it.network = true).run(script).await;
    assert!(!closed(&online).contains(&"network"), "{online:?}");
    let bare = Lab::without(|it| {
        it.files = off();
        it.filter = off();
        it.network_namespace = off();
        it.locks = off();
    });
    assert_eq!(closed(&bare.run(script).await), Vec::<&str>::new());
}

#[tokio::test]
async fn secrets_are_out_of_reach() {
    let _alone = ALONE.lock().await;
    if !able("files", &SandboxAbilities::here().files) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let house = folder.path();
    std::fs::create_dir_all(house.join("durable/db")).unwrap();
    std::fs::write(house.join("durable/db/journal"), "all").unwrap();
    std::fs::write(house.join(".env"), "ORKET_OPENAI_KEY=sk-1").unwrap();
    std::fs::write(house.join("open"), "open").unwrap();
    let lab = Lab::with(|options| {
        // As if Orket lived among the system's own folders.
        options.sandbox.allowance.read = vec![house.to_owned()];
        options.sandbox.hidden = vec![house.join("durable"), house.join(".env")];
    });
    let read = |what: String| format!("cat {what} 2>&1 || true");
    let house = house.display();
    let open = lab.run(&read(format!("{house}/open"))).await;
    assert_eq!(output(&open), "open");
    for hidden in [
        format!("{house}/.env"),
        format!("{house}/durable/db/journal"),
        "/proc/$PPID/environ".to_owned(),
        "/proc/$PPID/maps".to_owned(),
        "/proc/$PPID/fd/0".to_owned(),
    ] {
        let result = lab.run(&read(hidden.clone())).await;
        let said = output(&result);
        assert!(
            said.contains("Permission denied") && !said.contains("sk-1"),
            "{hidden}: {said}"
        );
    }
}

#[tokio::test]
async fn what_is_orkets_own_in_a_workspace_is_empty_for_a_child() {
    let _alone = ALONE.lock().await;
    if !able("mount namespace", &SandboxAbilities::here().mount_namespace) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let workspace = folder.path().join("workspace");
    let lab = |change: fn(&mut SandboxAbilities)| {
        let hidden = vec![workspace.join(".orket"), workspace.join(".env")];
        let mut abilities = SandboxAbilities::here().clone();
        change(&mut abilities);
        Lab::with(|options| {
            options.sandbox.hidden = hidden;
            options.sandbox.abilities = Some(abilities);
        })
    };
    std::fs::create_dir_all(workspace.join(".orket/db")).unwrap();
    std::fs::write(workspace.join(".orket/db/journal"), "sk-journal").unwrap();
    std::fs::write(workspace.join(".env"), "KEY=sk-file").unwrap();
    let look = "cat .env .orket/db/journal 2> /dev/null; ls -A .orket 2> /dev/null; \
                echo made > new && cat new";
    let result = lab(|_| {}).run_in(&workspace, look).await;
    assert_eq!(output(&result), "made\n");
    assert_eq!(gaps(&result), Vec::<&str>::new());
    assert!(workspace.join(".orket/db/journal").exists());

    let result = lab(|it| it.mount_namespace = off())
        .run_in(&workspace, look)
        .await;
    assert!(output(&result).contains("sk-file"), "{result:?}");
    assert_eq!(
        gaps(&result),
        [
            "what agents may not write in the workspace: not confined on this machine: switched off for a test",
            "Orket's own files in the workspace: not confined on this machine: switched off for a test"
        ]
    );
}

#[tokio::test]
async fn what_agents_may_not_write_is_closed_to_their_programs_too() {
    let _alone = ALONE.lock().await;
    if !able("read-only mounts", &SandboxAbilities::here().locks) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let workspace = folder.path().join("workspace");
    let lab = || {
        Lab::with(|options| {
            options.sandbox.hidden = vec![workspace.join(".env")];
            options.sandbox.locked = vec![workspace.join("config"), workspace.join("model")];
        })
    };
    for name in [
        "verification",
        "agent_output/verification",
        "config",
        ".git",
        "observability",
    ] {
        std::fs::create_dir_all(workspace.join(name)).unwrap();
        std::fs::write(workspace.join(name).join("there"), "as it was").unwrap();
    }
    let places = "verification agent_output/verification config .git observability";
    let attack = format!(
        "exec 2> /dev/null
         for place in {places}; do
             for way in 'echo x > there' 'echo x > new' 'rm there' 'chmod 777 there' 'ln there link' 'touch there'; do
                 (cd $place && eval \"$way\") && echo \"$place: $way\"
             done
             (echo x > $place/there) && echo wrote $place/there
             ln $place/there agent_output/link && echo linked $place
             mv $place agent_output/moved && echo moved $place
             rm -rf $place
         done
         mkdir model && echo made model
         echo x > .env && [ -s .env ] && echo made .env
         cat verification/there && echo mine > agent_output/mine"
    );
    let result = lab().run_in(&workspace, &attack).await;
    assert_eq!(output(&result), "as it was", "{result:?}");
    assert_eq!(gaps(&result), Vec::<&str>::new());
    for name in places.split(' ') {
        let text = std::fs::read_to_string(workspace.join(name).join("there")).unwrap();
        assert_eq!(text, "as it was", "{name}");
    }
    assert!(workspace.join("agent_output/mine").exists());
    // What was not there is not there afterwards.
    assert!(!workspace.join("model").exists() && !workspace.join(".env").exists());

    std::fs::remove_dir_all(workspace.join("verification")).unwrap();
    let make = "mkdir -p verification && echo x > verification/fix.sh";
    assert!(!lab().run_in(&workspace, make).await.ok);
    assert!(!workspace.join("verification").exists());

    let lacking = Lab::without(|it| it.locks = off());
    let result = lacking.run_in(&workspace, make).await;
    assert!(result.ok, "{result:?}");
    assert_eq!(
        gaps(&result),
        [
            "what agents may not write in the workspace: not confined on this machine: switched off for a test"
        ]
    );
    // Whoever wants such a folder written in says so.
    let given = Lab::allowing(|it| it.write = vec![workspace.join(".git")]);
    let result = given.run_in(&workspace, "echo x > .git/new").await;
    assert!(result.ok, "{result:?}");
}

#[tokio::test]
async fn what_is_not_there_cannot_be_made_the_first_time_either() {
    let _alone = ALONE.lock().await;
    if !able("read-only mounts", &SandboxAbilities::here().locks) {
        return;
    }
    let lab = Lab::allowing(|_| {});
    std::fs::create_dir(lab.path("agent_output")).unwrap();
    let make = |place: &str| format!("mkdir -p {place} && echo x > {place}/config");
    let places = [
        ".git",
        ".orket",
        "agent_output/verification",
        "verification",
    ];
    let mut scripts = places.map(make).to_vec();
    scripts.push("git init -q .".to_owned());
    for script in scripts {
        for time in ["first", "second"] {
            let report = lab.verify(&script).await;
            assert!(!report.ok, "{script}, the {time} time: {report:?}");
        }
    }
    // What stood there went with the child, and is no repository meanwhile.
    for place in places {
        assert!(!lab.path(place).exists(), "{place}");
    }
    assert_eq!(output(&lab.run("ls -A .git").await), "");
    // Whoever wants such a folder made says so.
    let folder = lab.path("").canonicalize().unwrap();
    let given = Lab::allowing(|it| it.write = vec![folder.join(".git")]);
    let result = given.run_in(&folder, &make(".git")).await;
    assert!(result.ok, "{result:?}");
    assert!(folder.join(".git/config").exists());
}

/// Where a host that is to be killed finds its folder.
const DOOMED: &str = "ORKET_TEST_DOOMED";

fn listing(folder: &std::path::Path) -> Arc<Host> {
    let mut options = HostOptions::new(data_folder_id(folder).unwrap());
    options.sandbox.hidden = vec![folder.join("data")];
    Host::new(options).unwrap()
}

async fn run_on(host: Arc<Host>, folder: &std::path::Path, script: &str) -> ToolResult {
    let folder_of_nobody = tempfile::tempdir().unwrap();
    let lab = Lab {
        folder: folder_of_nobody,
        host,
    };
    lab.run_in(&folder.join("workspace"), script).await
}

#[tokio::test]
async fn what_a_killed_host_left_in_a_workspace_goes_with_the_next_one() {
    // This very test in a process of its own, which is killed.
    if let Some(folder) = std::env::var_os(DOOMED) {
        let folder = std::path::PathBuf::from(folder);
        run_on(listing(&folder), &folder, "touch begun; exec sleep 60").await;
        return;
    }
    let _alone = ALONE.lock().await;
    if !able("read-only mounts", &SandboxAbilities::here().locks) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().canonicalize().unwrap();
    let workspace = folder.join("workspace");
    std::fs::create_dir_all(folder.join("data/db")).unwrap();
    std::fs::create_dir(&workspace).unwrap();
    let mut doomed = std::process::Command::new(std::env::current_exe().unwrap())
        .arg("--exact")
        .arg("closed::what_a_killed_host_left_in_a_workspace_goes_with_the_next_one")
        .env(DOOMED, &folder)
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let started = std::time::Instant::now();
    while !workspace.join("begun").exists() {
        assert!(started.elapsed() < DEADLINE, "it does not begin");
        std::thread::yield_now();
    }
    doomed.kill().unwrap();
    doomed.wait().unwrap();
    assert!(workspace.join(".git").is_dir() && workspace.join("verification").is_dir());

    // What somebody filled meanwhile is theirs.
    std::fs::write(workspace.join("verification/check.sh"), "true").unwrap();
    let next = listing(&folder);
    next.reap_strays();
    let looked = run_on(Arc::clone(&next), &folder, "true").await;
    assert!(looked.ok, "{looked:?}");
    assert!(!workspace.join(".git").exists() && !workspace.join(".orket").exists());
    assert!(workspace.join("verification/check.sh").exists());
    drop(next);
    let lists = folder.join("data/run/placeholders");
    assert_eq!(std::fs::read_dir(lists).unwrap().count(), 0);
}

#[tokio::test]
async fn a_child_that_may_not_write_reads_its_workspace_only() {
    let _alone = ALONE.lock().await;
    let script = "exec 2> /dev/null
         echo x > new && echo made
         echo x > there && echo wrote
         chmod 777 there && echo opened
         rm there && echo removed
         echo x > $TMPDIR/x && cat there";
    let here = SandboxAbilities::here();
    let mut ways = vec![here.clone()];
    if able("files", &here.files) && able("read-only mounts", &here.locks) {
        let mut without_files = here.clone();
        without_files.files = off();
        ways.push(without_files);
    } else if !here.files.on {
        return;
    }
    for abilities in ways {
        let lab = Lab::with(|options| {
            options.sandbox.allowance.workspace = false;
            options.sandbox.abilities = Some(abilities);
        });
        std::fs::write(lab.path("there"), "as it was").unwrap();
        let result = lab.run(script).await;
        assert_eq!(output(&result), "as it was", "{result:?}");
        assert!(!lab.path("new").exists());
    }
}

#[tokio::test]
async fn orkets_own_keys_are_handed_to_nobody() {
    let _alone = ALONE.lock().await;
    let lab = Lab::allowing(|_| {});
    for name in ["ORKET_OPENAI_KEY", "OPENAI_API_KEY", "ANTHROPIC_API_KEY"] {
        let result = lab.run_with("env", &[name]).await;
        let error = result.error.unwrap();
        assert!(error.contains("is a secret of Orket's own"), "{error}");
    }
    // Cargo sets these for tests; they stand for the rest of Orket's environment.
    assert!(std::env::var_os("CARGO_PKG_NAME").is_some());
    let result = lab.run("env").await;
    assert!(!output(&result).contains("CARGO_PKG_NAME"), "{result:?}");
}

#[tokio::test]
async fn a_sealed_process_is_closed_without_landlock_too() {
    let _alone = ALONE.lock().await;
    let look = "cat /proc/$PPID/environ 2>&1 | tr '\\0' '\\n'";
    // Nothing but the seal, and for the superuser, who sees through it, the privileges given up.
    let open = |abilities: &mut SandboxAbilities| {
        abilities.files = off();
        abilities.user_namespace = off();
        abilities.network_namespace = off();
    };
    let bare = Lab::without(|abilities| {
        open(abilities);
        abilities.capabilities = off();
    });
    let before = bare.run(look).await;
    assert!(output(&before).contains("\nPATH="), "{before:?}");
    assert_eq!(
        gaps(&before),
        [
            "files: not confined on this machine: switched off for a test",
            "privileges: not confined on this machine: switched off for a test"
        ]
    );
    seal_own_process();
    let after = Lab::without(open).run(look).await;
    assert!(!output(&after).contains("PATH="), "{after:?}");
    assert!(output(&after).contains("ermission denied"), "{after:?}");
}

#[tokio::test]
async fn a_child_writes_in_its_own_folders_only() {
    let _alone = ALONE.lock().await;
    if !able("files", &SandboxAbilities::here().files) {
        return;
    }
    let lab = Lab::allowing(|_| {});
    let beside = lab.folder.path().join("beside");
    std::fs::create_dir(&beside).unwrap();
    std::fs::write(beside.join("there"), "as it was").unwrap();
    let script = format!(
        "echo x > inside && echo x > $TMPDIR/x && mkdir -p a/b && mv inside a/b/moved && ln -s {0} link
         for path in {0}/new {0}/there link/new /etc/orket-test /tmp/orket-test.$$ /dev/shm/orket-test.$$; do
             (echo x > $path) 2> /dev/null && echo wrote $path
         done
         rm -f {0}/there 2> /dev/null && echo removed
         mv {0}/there a/ 2> /dev/null && echo moved
         true",
        beside.display()
    );
    let result = lab.run(&script).await;
    assert_eq!(result, ToolResult::ok(json!({})));
    assert!(lab.path("a/b/moved").exists());
    assert_eq!(
        std::fs::read_to_string(beside.join("there")).unwrap(),
        "as it was"
    );

    let wider = Lab::allowing(|allowance| allowance.write = vec![beside.clone()]);
    let result = wider
        .run(&format!("echo new > {}/new", beside.display()))
        .await;
    assert!(result.ok, "{result:?}");
    assert!(beside.join("new").exists());
}

/// A script that connects to this port, by way of a shell or Perl.
fn call(port: u16) -> String {
    format!(
        "perl -MSocket -e 'socket(S, AF_INET, SOCK_STREAM, 0) or die \"socket: $!\\n\"; \
         connect(S, sockaddr_in({port}, inet_aton(\"127.0.0.1\"))) or die \"connect: $!\\n\"; \
         print \"connected\\n\"' 2>&1 || true"
    )
}

/// What a lab's child is told when it calls a listener of ours, and whether that saw it.
async fn called(lab: &Lab) -> (ToolResult, bool) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let result = lab.run(&call(listener.local_addr().unwrap().port())).await;
    let seen = match listener.accept() {
        Ok(_) => true,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::WouldBlock);
            false
        }
    };
    (result, seen)
}

#[tokio::test]
async fn nobody_is_called_while_the_network_is_off() {
    let _alone = ALONE.lock().await;
    let here = SandboxAbilities::here();
    if able("network namespace", &here.network_namespace) {
        // Its own loopback device is up, and nobody listens there.
        let (result, seen) = called(&Lab::allowing(|_| {})).await;
        assert_eq!(output(&result), "connect: Connection refused\n");
        assert!(!seen);
    }
    if able("seccomp", &here.filter) {
        let lab = Lab::without(|abilities| abilities.network_namespace = off());
        let (result, seen) = called(&lab).await;
        assert_eq!(output(&result), "socket: Permission denied\n");
        assert!(!seen);
        assert_eq!(gaps(&result), Vec::<&str>::new());
    }

    let (result, seen) = called(&Lab::allowing(|it| it.network = true)).await;
    assert_eq!(output(&result), "connected\n");
    assert!(seen, "a call that is allowed was not seen");

    let lab = Lab::without(|abilities| {
        abilities.network_namespace = off();
        abilities.filter = off();
    });
    let (result, seen) = called(&lab).await;
    assert!(seen);
    let said = gaps(&result).join("\n");
    assert!(
        said.contains("network: not confined on this machine"),
        "{said}"
    );
    let report = lab.verify("true").await;
    assert!(report.ok);
    assert_eq!(report.gaps, gaps(&result));
}

#[tokio::test]
async fn local_sockets_are_closed_and_pairs_are_open() {
    let _alone = ALONE.lock().await;
    if !able("seccomp", &SandboxAbilities::here().filter) {
        return;
    }
    let lab = Lab::allowing(|allowance| allowance.network = true);
    let result = lab
        .run(
            "perl -MSocket -e 'socketpair(A, B, AF_UNIX, SOCK_STREAM, 0) or die \"pair: $!\\n\"; \
             socket(S, AF_UNIX, SOCK_STREAM, 0) or die \"socket: $!\\n\"' 2>&1 || true",
        )
        .await;
    assert_eq!(output(&result), "socket: Permission denied\n");
}

#[tokio::test]
async fn a_child_can_harm_nobody_else() {
    let _alone = ALONE.lock().await;
    if !able("signals", &SandboxAbilities::here().signals) {
        return;
    }
    let lab = Lab::allowing(|_| {});
    let mut neighbour = std::process::Command::new("sleep")
        .arg("60")
        .spawn()
        .unwrap();
    let result = lab
        .run(&format!(
            "sleep 30 & kill -9 $! && echo own; \
             kill -9 {} 2> /dev/null && echo neighbour; \
             kill -0 $PPID 2> /dev/null && echo parent; \
             ulimit -c; true",
            neighbour.id()
        ))
        .await;
    assert_eq!(output(&result), "own\n0\n");
    assert!(neighbour.try_wait().unwrap().is_none());
    neighbour.kill().unwrap();
    neighbour.wait().unwrap();
}

#[tokio::test]
async fn the_superusers_children_have_little_of_its_power() {
    let _alone = ALONE.lock().await;
    if !rustix::process::geteuid().is_root()
        || !able("capabilities", &SandboxAbilities::here().capabilities)
    {
        return;
    }
    let lab = Lab::allowing(|_| {});
    let result = lab
        .run("grep -E '^(CapEff|NoNewPrivs)' /proc/self/status")
        .await;
    assert_eq!(
        output(&result),
        "CapEff:\t000000000000001b\nNoNewPrivs:\t1\n"
    );
}

#[tokio::test]
async fn what_a_child_says_of_its_sandbox_is_not_believed() {
    let _alone = ALONE.lock().await;
    let lab = Lab::allowing(|_| {});
    let result = lab
        .run(r#"echo '{"sandbox_stop":{"code":"E_SANDBOX_CPU"},"sandbox_gaps":["all"],"fine":1}'"#)
        .await;
    assert_eq!(result, ToolResult::ok(json!({"fine": 1})));
}

#[test]
fn every_code_has_a_page() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/errors");
    let index = std::fs::read_to_string(folder.join("README.md")).unwrap();
    for limit in orket::tools::child::sandbox::stop::Limit::ALL {
        let code = limit.code();
        let page = std::fs::read_to_string(folder.join(format!("{code}.md"))).unwrap();
        assert!(page.starts_with(&format!("# {code}\n")), "{code}");
        assert!(page.contains("\n## What to do\n"), "{code}");
        assert!(index.contains(&format!("[{code}]({code}.md)")), "{code}");
    }
}
