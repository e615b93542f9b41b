//! One tree, and all that is done to it.

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use orket_transactions::recovery::{self, Action};
use orket_transactions::tree::sha256;

use crate::planned::same;
use crate::random::Random;
use crate::run::{COMMAND, DONE, FAILED, Job, JobFile, TIMED_OUT};
use crate::snapshot::{Snapshot, take};
use crate::trees::{Made, free_name, git, make};

/// How often what happened.
#[derive(Debug, Default)]
pub struct Counts {
    pub done: usize,
    pub verify_failed: usize,
    pub timed_out: usize,
    pub killed_in_verification: usize,
    pub killed_at_a_write: usize,
    pub killed_in_recovery: usize,
    pub discarded: usize,
    pub rolled_back: usize,
    pub completed: usize,
    pub nothing_to_recover: usize,
}

impl Counts {
    pub fn add(&mut self, other: &Self) {
        self.done += other.done;
        self.verify_failed += other.verify_failed;
        self.timed_out += other.timed_out;
        self.killed_in_verification += other.killed_in_verification;
        self.killed_at_a_write += other.killed_at_a_write;
        self.killed_in_recovery += other.killed_in_recovery;
        self.discarded += other.discarded;
        self.rolled_back += other.rolled_back;
        self.completed += other.completed;
        self.nothing_to_recover += other.nothing_to_recover;
    }

    pub fn all_happened(&self) -> bool {
        let each = [
            self.done,
            self.verify_failed,
            self.timed_out,
            self.killed_in_verification,
            self.killed_at_a_write,
            self.killed_in_recovery,
            self.discarded,
            self.rolled_back,
            self.completed,
            self.nothing_to_recover,
        ];
        each.iter().all(|count| *count > 0)
    }
}

pub struct Scene {
    folder: tempfile::TempDir,
    pub root: PathBuf,
    temp: PathBuf,
    pub files: Vec<JobFile>,
    pub before: Snapshot,
}

/// How long somebody may need until something happens.
const DEADLINE: Duration = Duration::from_secs(60);

pub fn torture(number: usize, random: &mut Random, counts: &mut Counts) -> Result<(), String> {
    let folder = tempfile::Builder::new()
        .prefix("orket-torture-")
        .tempdir_in(fast())
        .unwrap();
    let root = folder.path().join("tree");
    let made = make(&root, random);
    let files = changes(&made, random);
    let temp = folder.path().join("temp");
    std::fs::create_dir(&temp).unwrap();
    let before = take(&root);
    let mut scene = Scene {
        folder,
        root,
        temp,
        files,
        before,
    };
    scene.fails(random, counts)?;
    scene.takes_too_long(counts)?;
    if number.is_multiple_of(20) {
        scene.is_killed_in_verification(counts)?;
    }
    scene.is_killed_at_writes(number, random, counts)?;
    scene.succeeds(counts)
}

/// A file system in memory where there is one: thousands of flushes are no part of the question.
fn fast() -> PathBuf {
    let memory = Path::new("/dev/shm");
    let is_usable = tempfile::tempdir_in(memory).is_ok();
    if is_usable {
        memory.to_owned()
    } else {
        std::env::temp_dir()
    }
}

fn changes(made: &Made, random: &mut Random) -> Vec<JobFile> {
    let mut files = Vec::new();
    for source in &made.sources {
        if random.one_in(2) {
            let mut after = source.contents.clone();
            after.extend_from_slice(format!("changed {}\r\n", random.next()).as_bytes());
            files.push(JobFile {
                path: source.path.clone(),
                before: Some(source.contents.clone()),
                after,
            });
        }
    }
    for number in 0..random.below(3) + usize::from(files.is_empty()) {
        files.push(JobFile {
            path: free_name(made, number, random),
            before: None,
            after: format!("new {}\n", random.next()).into_bytes(),
        });
    }
    files
}

/// A command that ends well when the file has its new content.
fn looks_at(file: &JobFile) -> String {
    let path = file.path.replace('\'', r"'\''");
    let hash = sha256(&file.after);
    format!("sha256sum < './{path}' | grep -q '^{hash} '")
}

impl Scene {
    fn run(&self, commands: &[&str], timeout_ms: u64, fault: &str) -> Output {
        self.command(commands, timeout_ms, fault).output().unwrap()
    }

    fn command(&self, commands: &[&str], timeout_ms: u64, fault: &str) -> Command {
        let files = self.files.iter().map(|file| JobFile {
            path: file.path.clone(),
            before: file.before.clone(),
            after: file.after.clone(),
        });
        let job = Job {
            root: self.root.clone(),
            commands: commands.iter().map(|it| (*it).to_owned()).collect(),
            timeout_ms,
            fault: fault.to_owned(),
            recovers: false,
            files: files.collect(),
        };
        self.start(&job)
    }

    fn start(&self, job: &Job) -> Command {
        let path = self.folder.path().join("job.json");
        std::fs::write(&path, serde_json::to_vec(job).unwrap()).unwrap();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .arg(COMMAND)
            .arg(path)
            .env("TMPDIR", &self.temp)
            .env_remove("ORKET_FAULT");
        command
    }

    /// Verification sees a tree with the change made, and may do there what it likes.
    fn fails(&self, random: &mut Random, counts: &mut Counts) -> Result<(), String> {
        let mess = "chmod -R u+w . ; rm -rf ./* ; echo gone > .gitignore ; exit 3";
        let commands: &[&str] = if random.one_in(2) {
            &["true", mess]
        } else {
            &[mess]
        };
        let output = self.run(commands, 60_000, "");
        self.expect(&output, FAILED, "verification fails")?;
        self.is_as_before("verification failed")?;
        self.is_clear("verification failed")?;
        counts.verify_failed += 1;
        Ok(())
    }

    fn takes_too_long(&self, counts: &mut Counts) -> Result<(), String> {
        let output = self.run(&["echo x > y; sleep 600 & sleep 600"], 60, "");
        self.expect(&output, TIMED_OUT, "verification takes too long")?;
        self.is_as_before("verification took too long")?;
        self.is_clear("verification took too long")?;
        counts.timed_out += 1;
        Ok(())
    }

    fn is_killed_in_verification(&self, counts: &mut Counts) -> Result<(), String> {
        let mut child = self
            .command(&["echo x > begun; sleep 600"], 600_000, "")
            .spawn()
            .unwrap();
        let deadline = Instant::now() + DEADLINE;
        let mut has_begun = self.has_begun();
        while !has_begun && Instant::now() < deadline {
            std::thread::yield_now();
            has_begun = self.has_begun();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        if !has_begun {
            return Err("verification does not begin".to_owned());
        }
        self.recover("killed in verification", counts)?;
        self.is_as_before("killed in verification")?;
        self.is_clear("killed in verification")?;
        counts.killed_in_verification += 1;
        Ok(())
    }

    fn has_begun(&self) -> bool {
        let bases = std::fs::read_dir(&self.temp).unwrap().flatten();
        bases
            .into_iter()
            .any(|base| base.path().join("tree/begun").exists())
    }

    /// Kills it at writes: at each of them for every twelfth tree, from the first to the last, at two for
    /// the others.
    fn is_killed_at_writes(
        &mut self,
        number: usize,
        random: &mut Random,
        counts: &mut Counts,
    ) -> Result<(), String> {
        // Each file is laid down and exchanged, and may need two folders.
        let most = 10 + 4 * self.files.len();
        let is_sweep = number.is_multiple_of(12);
        let mut points: Vec<usize> = if is_sweep {
            (1..=most).collect()
        } else {
            (0..2)
                .map(|_| 1 + random.below(9 + 2 * self.files.len()))
                .collect()
        };
        points.sort_unstable();
        points.dedup();
        for point in points {
            let fault = format!("kill@transaction.write#{point}");
            let output = self.run(&["true"], 60_000, &fault);
            let what = format!("killed at write {point}");
            if output.status.signal() != Some(9) {
                // There are not so many.
                self.expect(&output, DONE, &what)?;
                self.is_as_planned(&what)?;
                counts.done += 1;
                self.go_on(random);
                return Ok(());
            }
            counts.killed_at_a_write += 1;
            if random.one_in(3) {
                self.is_killed_in_recovery(random, counts);
            }
            self.recover(&what, counts)?;
            self.is_clear(&what)?;
            if self.is_as_before(&what).is_err() {
                self.is_as_planned(&what)?;
                self.go_on(random);
            }
        }
        if is_sweep {
            return Err(format!("more than {most} writes"));
        }
        Ok(())
    }

    /// Takes what is there for the beginning, with another change to be made to the same files.
    fn go_on(&mut self, random: &mut Random) {
        git(&self.root, &["add", "-A"]);
        git(&self.root, &["commit", "-q", "-m", "done"]);
        for file in &mut self.files {
            let before = std::mem::take(&mut file.after);
            file.after.clone_from(&before);
            let more = format!("changed again {}\r\n", random.next());
            file.after.extend_from_slice(more.as_bytes());
            file.before = Some(before);
        }
        self.before = take(&self.root);
    }

    /// Kills whoever puts things right, too.
    fn is_killed_in_recovery(&self, random: &mut Random, counts: &mut Counts) {
        let point = 1 + random.below(2 + self.files.len());
        let job = Job {
            root: self.root.clone(),
            commands: Vec::new(),
            timeout_ms: 0,
            fault: format!("kill@transaction.write#{point}"),
            recovers: true,
            files: Vec::new(),
        };
        let output = self.start(&job).output().unwrap();
        // There may be nothing to put right, or not so much.
        if output.status.signal() == Some(9) {
            counts.killed_in_recovery += 1;
        } else {
            assert!(output.status.success(), "{output:?}");
        }
    }

    /// Verification looks at every file that is changed.
    fn succeeds(&self, counts: &mut Counts) -> Result<(), String> {
        let looks: Vec<String> = self.files.iter().map(looks_at).collect();
        let output = self.run(&[&looks.join(" && ")], 60_000, "");
        self.expect(&output, DONE, "all goes well")?;
        self.is_as_planned("all went well")?;
        self.is_clear("all went well")?;
        counts.done += 1;
        Ok(())
    }

    fn recover(&self, what: &str, counts: &mut Counts) -> Result<(), String> {
        let recovered = recovery::recover_now(&self.root)
            .map_err(|refusal| format!("{what}: recovery: {refusal}"))?;
        match recovered.as_slice() {
            [] => counts.nothing_to_recover += 1,
            [one] => match one.action {
                Action::Discarded => counts.discarded += 1,
                Action::RolledBack => counts.rolled_back += 1,
                Action::Completed => counts.completed += 1,
                Action::KeptInPart => return Err(format!("{what}: {one:?}")),
            },
            more => return Err(format!("{what}: {more:?}")),
        }
        let again = recovery::recover_now(&self.root).map_err(|it| it.to_string())?;
        if again.is_empty() {
            Ok(())
        } else {
            Err(format!("{what}: recovered twice: {again:?}"))
        }
    }

    fn expect(&self, output: &Output, code: i32, what: &str) -> Result<(), String> {
        if output.status.code() == Some(code) {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(format!(
            "{what}: {} instead of {code}: {said}",
            output.status
        ))
    }

    fn is_as_before(&self, what: &str) -> Result<(), String> {
        same(&self.before, &take(&self.root), what)
    }

    /// No copy and no journal is left.
    fn is_clear(&self, what: &str) -> Result<(), String> {
        let names = |folder: &Path| -> Vec<String> {
            let entries = std::fs::read_dir(folder).unwrap().flatten();
            let names = entries.map(|it| it.file_name().to_string_lossy().into_owned());
            let mut names: Vec<String> = names.collect();
            names.sort();
            names
        };
        let left = names(&self.root.join(".orket/transactions"));
        if left != [".gitignore", "lock"] {
            return Err(format!("{what}: {left:?} is left of the journal"));
        }
        let copies: Vec<String> = names(&self.temp)
            .into_iter()
            .filter(|name| name.starts_with("orket-transaction-"))
            .collect();
        if copies.is_empty() {
            Ok(())
        } else {
            Err(format!("{what}: {copies:?} is left"))
        }
    }
}
