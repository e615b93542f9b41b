//! What a new project begins with: that its own checks pass, that the same is made for the same, and
//! which names and values it takes.

use std::collections::BTreeMap;
use std::process::Command;

use orket_edits::Language;
use orket_edits::blueprint::{Blueprint, NewFile, list, render};

fn vars(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn file<'f>(files: &'f [NewFile], path: &str) -> &'f str {
    let file = files.iter().find(|file| file.path == path).expect(path);
    std::str::from_utf8(&file.contents).expect("UTF-8")
}

#[test]
fn every_blueprint_has_what_a_project_needs_and_no_open_placeholder() {
    let names: Vec<&str> = list().iter().map(Blueprint::name).collect();
    assert_eq!(names, ["minimal-node", "minimal-python", "minimal-rust"]);
    let mut told = String::new();
    for blueprint in list() {
        let files = render(blueprint, "demo", &BTreeMap::new()).expect("made");
        assert_eq!(
            files,
            render(blueprint, "demo", &BTreeMap::new()).expect("made")
        );
        told.push_str(&format!("# {}: {}\n", blueprint.name(), blueprint.about()));
        for file in &files {
            let text = std::str::from_utf8(&file.contents).expect("UTF-8");
            told.push_str(&format!("{}\n", file.path));
            assert!(!text.contains("{{"), "{}", file.path);
            assert!(text.is_empty() || text.ends_with('\n'), "{}", file.path);
        }
        assert!(file(&files, "README.md").starts_with("# demo\n"));
        assert!(file(&files, ".gitignore").starts_with(".orket/\n"));
        let config: serde_json::Value =
            serde_json::from_str(file(&files, "orket.config.json")).expect("JSON");
        told.push_str(&format!(
            "verify: {}\n\n",
            config["verify"]["profiles"]["default"]["commands"]
        ));
    }
    insta::assert_snapshot!(told);
}

/// The commands of the verify profile pass in the fresh project, with odd values in it.
#[test]
fn a_fresh_project_passes_its_own_checks() {
    let mut ran = Vec::new();
    for blueprint in list() {
        let odd = r#"Quotes "here" and 'there', a \ and {{project_name}} – é"#;
        let files = render(blueprint, "odd-one_2", &vars(&[("description", odd)])).expect("made");
        let folder = tempfile::tempdir().expect("a folder");
        for file in &files {
            let path = folder.path().join(&file.path);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            std::fs::write(path, &file.contents).expect("written");
        }
        let config: serde_json::Value =
            serde_json::from_str(file(&files, "orket.config.json")).expect("JSON");
        let command = config["verify"]["profiles"]["default"]["commands"][0]
            .as_str()
            .expect("one");
        let program = command.split(' ').next().expect("a program");
        if Command::new(program).arg("--version").output().is_err() {
            continue;
        }
        let output = Command::new("sh")
            .args(["-c", command])
            .current_dir(folder.path())
            .env("CARGO_TARGET_DIR", folder.path().join("target"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env_remove("NODE_TEST_CONTEXT")
            .output()
            .expect("ran");
        let said = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command}\n{said}");
        // Tests did run.
        let counts = ["# pass 3", "Ran 2 tests", "2 passed"];
        assert!(counts.iter().any(|count| said.contains(count)), "{said}");
        // Nothing but what the language builds beside the sources, which `.gitignore` names.
        for file in &files {
            assert_eq!(
                std::fs::read(folder.path().join(&file.path)).expect("there"),
                file.contents,
                "{}",
                file.path
            );
        }
        ran.push(blueprint.name());
    }
    assert!(ran.contains(&"minimal-rust"), "{ran:?}");
}

#[test]
fn values_come_back_as_they_were_given() {
    let odd = r#"a "b" \c {{project_name}} <d> é"#;
    let node = Blueprint::find("minimal-node").expect("there");
    let files = render(
        node,
        "demo",
        &vars(&[("description", odd), ("port", "8080")]),
    )
    .expect("made");
    let package: serde_json::Value =
        serde_json::from_str(file(&files, "package.json")).expect("JSON");
    assert_eq!(package["description"], odd);
    assert_eq!(package["name"], "demo");
    assert_eq!(package["private"], true);
    assert!(file(&files, "src/index.js").contains("process.env.PORT ?? 8080)"));
    let readme = r#"a "b" \\c \{\{project\_name\}\} \<d\> é"#;
    assert!(file(&files, "README.md").contains(readme));
    let rust = Blueprint::find("minimal-rust").expect("there");
    let files = render(rust, "demo", &vars(&[("description", odd)])).expect("made");
    assert!(
        file(&files, "Cargo.toml")
            .contains(r#"description = "a \"b\" \\c {{project_name}} <d> é""#)
    );
}

#[test]
fn names_and_values_are_refused_with_the_way_on() {
    let node = Blueprint::find("minimal-node").expect("there");
    let rust = Blueprint::find("minimal-rust").expect("there");
    let long = "a".repeat(65);
    let longer = "b".repeat(201);
    let mut told = vec![Blueprint::find("minimal-perl").expect_err("refused")];
    for name in [
        "",
        "Demo App",
        "../evil",
        "a\"b",
        "1st",
        "é",
        "---",
        &long,
        "node_modules",
    ] {
        told.push(render(node, name, &BTreeMap::new()).expect_err(name));
    }
    told.push(render(rust, "struct", &BTreeMap::new()).expect_err("refused"));
    for (name, value) in [
        ("colour", "red"),
        ("project_name", "other"),
        ("description", " "),
        ("description", "a\nb"),
        ("description", &longer),
        ("port", "0"),
        ("port", "080"),
        ("port", "65536"),
        ("port", "3000; evil()"),
    ] {
        told.push(render(node, "demo", &vars(&[(name, value)])).expect_err(name));
    }
    let told: Vec<String> = told
        .into_iter()
        .map(|error| format!("[{}] {error}\n    hint: {}", error.code(), error.hint()))
        .collect();
    insta::assert_snapshot!(told.join("\n"));
    for good in ["a", "a-b_c9", &long[1..]] {
        render(node, good, &BTreeMap::new()).expect(good);
    }
}

/// The languages know the sources as their own.
#[test]
fn the_sources_are_of_known_languages() {
    for blueprint in list() {
        let files = render(blueprint, "demo", &BTreeMap::new()).expect("made");
        assert!(
            files
                .iter()
                .filter(|file| Language::of(&file.path).is_some())
                .count()
                >= 2
        );
    }
}
