//! Whether wrong directions are found, in a tree that has them and in our own.

use std::fs;
use std::path::Path;

use jiff::Timestamp;
use orket_checks::boundaries::{CheckError, check};

fn put(root: &Path, name: &str, text: &str) {
    let file = root.join(name);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, text).unwrap();
}

fn member(root: &Path, name: &str, dependencies: &str) {
    put(
        root,
        &format!("{name}/Cargo.toml"),
        &format!(
            "[package]\nname = \"orket-{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n{dependencies}"
        ),
    );
    put(root, &format!("{name}/src/lib.rs"), "");
}

#[test]
fn our_own_tree_points_the_right_way() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let report = check(root, Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!(report.violations, [], "{:?}", report.unknown_modules);
    assert_eq!(report.unknown_modules, Vec::<String>::new());
    assert!(report.scan.files_scanned > 100, "{:?}", report.scan);
    let edge = |from: &str, to: &str| {
        report
            .layer_edges
            .iter()
            .any(|it| it.from == from && it.to == to && it.count > 0)
    };
    assert!(edge("cli", "owner") && edge("api", "storage"));
}

#[test]
fn what_points_the_wrong_way_is_found_where_it_stands() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    put(
        root,
        "Cargo.toml",
        "[workspace]\nmembers = [\"core\", \"actors\", \"mystery\"]\n\
         [package]\nname = \"orket\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\
         [dependencies]\norket-core = { path = \"core\" }\n",
    );
    member(
        root,
        "actors",
        "[dependencies]\norket-core = { path = \"../core\" }\n",
    );
    member(
        root,
        "core",
        "[dev-dependencies]\norket-mystery = { path = \"../mystery\" }\n\
         [build-dependencies]\nactors = { package = \"orket-mystery\", path = \"../mystery\" }\n",
    );
    member(root, "mystery", "");
    put(
        root,
        "src/lib.rs",
        "pub mod api;\npub mod cli;\npub mod storage;\npub mod extra;\npub use std::vec;\n",
    );
    put(root, "src/api.rs", "use crate::{storage, cli::main};\n");
    put(root, "src/cli.rs", "use crate::api;\npub fn main() {}\n");
    put(root, "src/extra.rs", "");
    put(
        root,
        "src/storage/mod.rs",
        "mod row;\n#[cfg(test)]\nmod tests;\nuse crate::vec;\n",
    );
    put(
        root,
        "src/storage/row.rs",
        "fn f() {\n    super::super::cli::main();\n}\n",
    );
    put(root, "src/storage/tests.rs", "use crate::api;\n");

    let report = check(root, Timestamp::UNIX_EPOCH).unwrap();
    assert!(!report.ok);
    assert_eq!(report.unknown_modules, ["orket-mystery", "orket::extra"]);
    let found: Vec<_> = report
        .violations
        .iter()
        .map(|it| format!("{}:{} {}", it.file, it.line.unwrap_or(0), it.reason))
        .collect();
    insta::assert_json_snapshot!(found);
}

#[test]
fn a_folder_without_the_program_is_told_from_one_that_is_in_order() {
    let folder = tempfile::tempdir().unwrap();
    put(
        folder.path(),
        "Cargo.toml",
        "[package]\nname = \"other\"\nversion = \"0.1.0\"\nedition = \"2024\"\n",
    );
    put(folder.path(), "src/lib.rs", "");
    let refused = check(folder.path(), Timestamp::UNIX_EPOCH);
    assert!(
        matches!(refused, Err(CheckError::NotOurs(_))),
        "{refused:?}"
    );
}
