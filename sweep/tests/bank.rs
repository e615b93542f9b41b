//! The bank's answers, carried out: those that pass do, and no other does.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use orket_sweep::bank::{Bank, OWN, Task, answer};
use orket_sweep::score::examples::{Printed, order};
use orket_sweep::score::{Score, judge};

/// Judges an answer, carried out in a folder of its own. (A sweep does this in a sandbox.)
fn score(task: &Task, source: &str) -> Score {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join(&task.evaluation.file);
    std::fs::create_dir_all(file.parent().expect("a parent")).expect("a folder");
    std::fs::write(&file, source).expect("written");
    judge(task, Some(source), Some(&carried_out(task, folder.path())))
}

fn carried_out(task: &Task, folder: &Path) -> Printed {
    let order = order(task).expect("examples");
    let mut child = Command::new(&order.command[0])
        .args(&order.command[1..])
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3");
    let mut input = child.stdin.take().expect("a pipe");
    input.write_all(order.input.as_bytes()).expect("written");
    drop(input);
    let output = child.wait_with_output().expect("an end");
    assert!(output.status.success(), "{output:?}");
    Printed {
        stdout: String::from_utf8(output.stdout).expect("text"),
        trouble: None,
    }
}

#[test]
fn every_reference_answer_passes_everything_and_no_wrong_one_does() {
    for task in &Bank::load(OWN).unwrap().tasks {
        let right = score(task, answer(task, true).unwrap());
        let failed: Vec<_> = right.checks.iter().filter(|it| !it.passed).collect();
        assert!(failed.is_empty(), "{}: {failed:#?}", task.id);
        assert_eq!(right.adherence(), Some(1.0));
        let wrong = score(task, answer(task, false).unwrap());
        assert!(!wrong.is_whole(), "{}", task.id);
        assert!(wrong.adherence() < Some(1.0), "{}", task.id);
        // Nothing at all keeps no rule and gives no example.
        assert_eq!(score(task, "").adherence(), Some(0.0), "{}", task.id);
    }
}

#[test]
fn a_mutated_answer_is_found_out() {
    // Each changes one thing that an answer cannot do without.
    let mutations = [
        ("return ", "return None  # "),
        ("print(", "print('x', "),
        ("printf '%d: ", "printf '%d. "),
        ("sys.exit(main", "sys.exit(not main"),
    ];
    let mut tried = 0;
    for task in &Bank::load(OWN).unwrap().tasks {
        let right = answer(task, true).unwrap();
        let mut of_task = 0;
        for (from, to) in mutations {
            // `return` with nothing but a comment behind it changes lines that return a value.
            if right.contains(from) {
                let mutated = right.replace(from, to);
                let found = score(task, &mutated);
                assert!(!found.is_whole(), "{}: {from} -> {to}", task.id);
                of_task += 1;
            }
        }
        assert!(of_task > 0, "{} has nothing to mutate", task.id);
        tried += of_task;
    }
    assert!(tried >= 24, "{tried}");
}

#[test]
fn an_answer_that_hangs_or_cheats_fails_its_examples_and_nothing_else() {
    let bank = Bank::load(OWN).unwrap();
    let mut task = bank.tasks[0].clone();
    task.evaluation.time_limit_ms = 300;
    task.evaluation.hidden_examples.clear();
    task.io_examples.truncate(2);
    let told = |source: &str| {
        let score = score(&task, source);
        score
            .checks
            .iter()
            .filter(|check| check.id.starts_with("example"))
            .map(|check| check.detail.clone().unwrap_or_default())
            .collect::<Vec<_>>()
    };
    let head = "def clamp(value: int, low: int, high: int) -> int:\n";
    let told = [
        told(&format!("{head}    while True:\n        pass\n")),
        told(&format!(
            "{head}    print('{{\"returns\": 5}}')\n    return 7\n"
        )),
        told(&format!("{head}    import os\n    os._exit(0)\n")),
        told(&format!("{head}    raise KeyError('x')\n")),
        told(&format!("{head}    return object()\n")),
        told(
            "import no_such_module\n\n\ndef clamp(value: int, low: int, high: int) -> int:\n    return 5\n",
        ),
    ];
    insta::assert_snapshot!(told.map(|it| it.join(" | ")).join("\n"));
}
