//! Each line in examples/api is run as it stands, with `curl`, against a server.

use std::path::Path;
use std::process::Command;

use super::house::{KEY, Server};

#[test]
fn every_example_does_what_it_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/api");
    let mut scripts: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|it| it == "sh"))
        .collect();
    scripts.sort();
    assert!(scripts.len() >= 6, "{scripts:?}");
    let server = Server::start();
    for script in scripts {
        let output = Command::new("sh")
            .arg("-eu")
            .arg(&script)
            .current_dir(server.folder.path())
            .env("ORKET_URL", &server.url)
            .env("ORKET_API_KEY", KEY)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success(),
            "{}: {said}{}",
            script.display(),
            String::from_utf8_lossy(&output.stderr)
        );
        // What each must say stands in it: `# says: TEXT`.
        let text = std::fs::read_to_string(&script).unwrap();
        let expected: Vec<&str> = text
            .lines()
            .filter_map(|line| line.strip_prefix("# says: "))
            .collect();
        assert!(
            !expected.is_empty(),
            "{} does not say what it says",
            script.display()
        );
        for words in expected {
            assert!(
                said.contains(words),
                "{}: `{words}` is not in {said}",
                script.display()
            );
        }
    }
}
