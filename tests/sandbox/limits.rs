//! Whatever passes a limit is stopped within half a second of it, and nothing of it is left.

use std::time::Instant;

use super::*;

/// How long after its limit was passed a family must be gone.
const BAR: Duration = Duration::from_millis(500);
/// So many tries must keep it, and no more than one may not: a busy machine delays one now and then.
const TRIES: usize = 3;
const LATE: usize = 1;

/// The tries of one test, in time and late.
#[derive(Debug, Default)]
struct Tries {
    kept: Vec<Duration>,
    late: Vec<Duration>,
}

impl Tries {
    /// Notes one, and says whether another is needed.
    fn note(&mut self, what: &str, delay: Duration, is_stopped: bool) -> bool {
        if is_stopped && delay <= BAR {
            self.kept.push(delay);
        } else {
            self.late.push(delay);
        }
        assert!(
            self.late.len() <= LATE,
            "{what}: stopped, but too late: {self:?}"
        );
        self.kept.len() < TRIES
    }
}

/// Runs `script` until enough tries kept the bar; `passed` says when its limit was passed, from what
/// it left. Every try leaves nothing and is stopped by `limit`, or was held down by the kernel until
/// its own end, which is late.
async fn stopped_in_time(
    limit: &str,
    allow: impl Fn(&mut Allowance),
    files: &[(&str, &str)],
    script: &str,
    passed: impl Fn(&Lab) -> SystemTime,
) {
    let mut tries = Tries::default();
    loop {
        let lab = Lab::allowing(&allow);
        for (name, content) in files {
            std::fs::write(lab.path(name), content).unwrap();
        }
        let result = lab.run(script).await;
        let ended = SystemTime::now();
        assert_eq!(lab.left(), Vec::<i32>::new());
        let delay = ended.duration_since(passed(&lab)).unwrap_or_default();
        if !result.ok {
            assert_eq!(code(&result), limit, "{result:?}");
        }
        if !tries.note(limit, delay, !result.ok) {
            return;
        }
    }
}

/// 2,047 processes at most, should nobody stop it.
const BOMB: &str = r#"
: > "born.$$"
if [ "$1" -lt 10 ]; then
    $2 sh bomb.sh $(($1 + 1)) "$2" &
    $2 sh bomb.sh $(($1 + 1)) "$2" &
fi
exec sleep 3
"#;
const BOMB_SIZE: usize = 2_047;
const CROWD: usize = 60;

#[tokio::test]
async fn a_fork_bomb_is_stopped() {
    let _alone = ALONE.lock().await;
    for how in ["", "setsid"] {
        stopped_in_time(
            "E_SANDBOX_PROCESSES",
            |allowance| allowance.processes = Some(CROWD.try_into().unwrap()),
            &[("bomb.sh", BOMB)],
            &format!("exec sh bomb.sh 0 '{how}'"),
            |lab| {
                let born = lab.written("born.");
                assert!(born.len() < BOMB_SIZE, "it went on to its end");
                // Those who were born write it down a little later.
                born.get(CROWD).copied().unwrap_or_else(SystemTime::now)
            },
        )
        .await;
    }
}

#[tokio::test]
async fn a_family_that_hogs_memory_is_stopped() {
    let _alone = ALONE.lock().await;
    // Each holds 30 MB of its own, and no more than a quarter of what all may.
    let hog = "x=$(head -c 30000000 /dev/zero | tr '\\0' a); : > \"held.$$\"; sleep 30; echo $x";
    let script = "for i in 1 2 3 4 5 6 7 8; do sh hog.sh & done; wait";
    stopped_in_time(
        "E_SANDBOX_MEMORY",
        |allowance| allowance.memory = Some(150 * MIB),
        &[("hog.sh", hog)],
        script,
        |lab| {
            let held = lab.written("held.");
            // Building the text takes more for a moment, so it may be over sooner.
            held.get(5).copied().unwrap_or_else(SystemTime::now)
        },
    )
    .await;
}

#[tokio::test]
async fn one_process_that_hogs_memory_is_refused_it_and_that_is_said() {
    let _alone = ALONE.lock().await;
    let lab = Lab::allowing(|allowance| allowance.memory = Some(64 * MIB));
    let script = "x=$(head -c 300000000 /dev/zero | tr '\\0' a); echo ${#x}";
    let result = lab.run(script).await;
    assert_eq!(code(&result), "E_SANDBOX_MEMORY");
    assert_eq!(
        result.fields["sandbox_stop"]["allowed"],
        json!(64 * MIB),
        "{result:?}"
    );
    assert_eq!(lab.left(), Vec::<i32>::new());

    // It is refused when it asks, so it is over with at once.
    stopped_in_time(
        "E_SANDBOX_MEMORY",
        |allowance| allowance.memory = Some(64 * MIB),
        &[],
        ": > began.1; exec perl -e 'my $x = \"a\" x 300000000; print length $x'",
        |lab| lab.written("began.")[0],
    )
    .await;

    let enough = Lab::allowing(|allowance| allowance.memory = None);
    assert_eq!(output(&enough.run(script).await), "300000000\n");
}

#[tokio::test]
async fn a_cpu_burner_is_stopped_and_so_is_an_orphan_in_another_session() {
    let _alone = ALONE.lock().await;
    let allowed = Duration::from_millis(400);
    let burn = "echo $$ >> pids; while :; do :; done";
    let orphan = "setsid sh -c 'sh burn.sh & exit 0'; exec sleep 30";
    for script in ["exec sh burn.sh", orphan] {
        let mut tries = Tries::default();
        loop {
            let lab = Lab::allowing(|allowance| allowance.cpu = Some(allowed));
            std::fs::write(lab.path("burn.sh"), burn).unwrap();
            let (result, passed) = tokio::join!(
                async { (lab.run(script).await, Instant::now()) },
                used_up(&lab, allowed)
            );
            let (result, ended) = result;
            assert_eq!(code(&result), "E_SANDBOX_CPU", "{result:?}");
            assert_eq!(lab.left(), Vec::<i32>::new());
            if !tries.note(script, ended.saturating_duration_since(passed), true) {
                break;
            }
        }
    }
}

/// When the process in `pids` had used this much processor time, or the earliest that it can have:
/// one that was stopped between two looks was not faster than the clock.
async fn used_up(lab: &Lab, time: Duration) -> Instant {
    let deadline = Instant::now() + DEADLINE;
    let mut last = (Instant::now(), Duration::ZERO);
    let mut known = None;
    loop {
        assert!(Instant::now() < deadline, "it never ran");
        let text = std::fs::read_to_string(lab.path("pids")).unwrap_or_default();
        known = known.or_else(|| text.trim().parse::<i32>().ok());
        if let Some(pid) = known {
            match process::read(pid) {
                Some(it) if !it.dead => {
                    last = (Instant::now(), Duration::from_millis(it.cpu * 10));
                }
                Some(_) | None => return last.0 + time.saturating_sub(last.1),
            }
            if last.1 >= time {
                return last.0;
            }
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn a_file_that_grows_without_end_is_cut_off() {
    let _alone = ALONE.lock().await;
    for script in [
        "exec head -c 400000000 /dev/zero > big",
        "head -c 400000000 /dev/zero > big",
        "trap '' XFSZ; head -c 400000000 /dev/zero > big",
    ] {
        stopped_in_time(
            "E_SANDBOX_FILE_SIZE",
            |allowance| allowance.file_size = Some(20 * MIB),
            &[],
            script,
            |lab| {
                let big = std::fs::metadata(lab.path("big")).unwrap();
                assert_eq!(big.len(), 20 * MIB);
                // The last that went in.
                big.modified().unwrap()
            },
        )
        .await;
    }
    let lab = Lab::allowing(|allowance| allowance.file_size = Some(20 * MIB));
    let short = lab.run("head -c 1000000 /dev/zero > big").await;
    assert!(short.ok, "{short:?}");
}

#[tokio::test]
async fn a_flood_of_small_files_is_stopped_in_the_workspace_and_in_the_temporary_folder() {
    let _alone = ALONE.lock().await;
    // 200 MB at most, should nobody stop it.
    let flood = "i=0; while [ $i -lt 3000 ]; do head -c 65536 /dev/zero > WHERE/s.$i; \
                 : > \"s.$i\"; i=$((i+1)); done";
    for place in ["more", "$TMPDIR"] {
        stopped_in_time(
            "E_SANDBOX_DISK",
            |allowance| allowance.disk = Some(20 * MIB),
            &[],
            &format!("mkdir -p more; {}", flood.replace("WHERE", place)),
            |lab| {
                let written = lab.written("s.");
                assert!(written.len() < 3_000, "it went on to its end");
                // 17 blocks for each pair of files, of which the second is seen here.
                written[5_120 / 17 - 1]
            },
        )
        .await;
    }
}

#[tokio::test]
async fn the_verifier_says_which_limit_it_was() {
    let _alone = ALONE.lock().await;
    let lab = Lab::allowing(|allowance| allowance.cpu = Some(Duration::from_millis(200)));
    let report = lab.verify("while :; do :; done").await;
    assert!(!report.ok);
    assert_eq!(report.command_results[0].failure_class, "sandbox_limit");
    assert!(
        report.errors[0].contains("was stopped: E_SANDBOX_CPU: more than the 0.2 s allowed"),
        "{:?}",
        report.errors
    );
}

#[tokio::test]
async fn what_keeps_its_limits_is_left_alone_and_leaves_no_temporary_files() {
    let _alone = ALONE.lock().await;
    let lab = Lab::allowing(|allowance| {
        allowance.processes = Some(30);
        allowance.disk = Some(20 * MIB);
        allowance.file_size = Some(10 * MIB);
    });
    let result = lab
        .run("for i in 1 2 3 4; do head -c 1000000 /dev/zero > $TMPDIR/$i & done; wait; ls $TMPDIR; echo $TMPDIR >&2; pwd > where; echo $TMPDIR > temp")
        .await;
    assert_eq!(output(&result), "1\n2\n3\n4\n");
    let temp = std::fs::read_to_string(lab.path("temp")).unwrap();
    assert!(temp.contains("orket-child-"), "{temp}");
    assert!(!std::path::Path::new(temp.trim()).exists(), "{temp}");
}
