//! Sources with every tricky place of their languages, renamed: what changes, and what stays.

use orket_edits::SourceFile;
use orket_edits::rename::{Outcome, Rename, plan};

/// The lines that a rename changes, old above new, and what it says of the rest. Beside the file lie
/// some for it to import.
fn renamed(from: &str, to: &str, path: &str, source: &str) -> String {
    let rename = Rename {
        from: from.to_owned(),
        to: to.to_owned(),
    };
    let beside = [
        "src/models.ts",
        "src/old.jsx",
        "src/models.py",
        "src/old.py",
        "src/__init__.py",
        "old/x.go",
        "local/x.go",
    ];
    let mut files: Vec<SourceFile<'_>> = beside
        .into_iter()
        .map(|path| SourceFile {
            path,
            contents: b"",
        })
        .collect();
    files.push(SourceFile {
        path: "go.mod",
        contents: b"module example.com/app\n",
    });
    files.push(SourceFile {
        path: "Cargo.toml",
        contents: b"[package]\nname = \"own\"\n",
    });
    files.push(SourceFile {
        path,
        contents: source.as_bytes(),
    });
    let planned = match plan(&rename, &files) {
        Ok(Outcome::Planned(planned)) => planned,
        other => return format!("{other:#?}"),
    };
    let [edited] = &planned.edited[..] else {
        panic!("{} files", planned.edited.len());
    };
    assert_eq!(edited.before.as_deref(), Some(source.as_bytes()));
    let after = std::str::from_utf8(&edited.after).expect("UTF-8");
    assert_eq!(source.lines().count(), after.lines().count());
    let mut told = String::new();
    for (before, after) in source.lines().zip(after.lines()) {
        if before == after {
            told.push_str(&format!("  {before}\n"));
        } else {
            told.push_str(&format!("- {before}\n+ {after}\n"));
        }
    }
    told.push_str(&format!("\n{} replaced\n", planned.replaced));
    for note in planned.left.notes(from) {
        told.push_str(&format!("{note}\n"));
    }
    told
}

#[test]
fn javascript() {
    let source = include_str!("sources/script.js");
    insta::assert_snapshot!(renamed("old", "fresh", "src/script.js", source));
}

#[test]
fn jsx() {
    let source = include_str!("sources/component.jsx");
    insta::assert_snapshot!(renamed("Old", "Fresh", "src/component.jsx", source));
    insta::assert_snapshot!(
        "jsx_lower_case",
        renamed("old", "fresh", "src/component.jsx", source)
    );
}

#[test]
fn typescript() {
    let source = include_str!("sources/typed.ts");
    insta::assert_snapshot!(renamed("Old", "Fresh", "src/typed.ts", source));
}

#[test]
fn python() {
    let source = include_str!("sources/module.py");
    insta::assert_snapshot!(renamed("old", "fresh", "src/module.py", source));
}

#[test]
fn rust() {
    let source = include_str!("sources/module.rs");
    insta::assert_snapshot!(renamed("old", "fresh", "src/module.rs", source));
}

#[test]
fn go() {
    let source = include_str!("sources/module.go");
    insta::assert_snapshot!(renamed("Old", "Fresh", "src/module.go", source));
}

/// What a file knows from outside under the name keeps it there, and goes by the new one below.
#[test]
fn imports_from_outside_get_the_new_name_beside_the_old() {
    let cases = [
        ("src/a.js", "import { old } from 'pkg';\nold();\n"),
        ("src/a.js", "import old, { other } from 'pkg';\nold();\n"),
        ("src/a.js", "import * as old from 'pkg';\nold.old();\n"),
        ("src/a.js", "export { old } from 'pkg';\n"),
        (
            "src/a.js",
            "const { old, x } = require('pkg');\nold(x.old);\n",
        ),
        ("src/a.js", "const { old = 1 } = require('pkg').x;\n"),
        ("src/a.js", "const old = require('pkg').old;\nold();\n"),
        ("src/a.js", "const { old } = require('./gone');\n"),
        ("src/a.js", "const { old } = require('./models');\n"),
        ("src/a.js", "({ old } = process);\n"),
        ("src/a.ts", "import { type old } from 'pkg';\nlet x: old;\n"),
        (
            "src/a.ts",
            "import old = require('pkg');\nlet x: old.old;\n",
        ),
        ("src/a.py", "from os import old, sep\nold(sep)\n"),
        ("src/a.py", "from os import (\n    old,  # why\n)\nold\n"),
        ("src/a.py", "import old\nold.old\n"),
        ("src/a.py", "from . import old\nold.x\n"),
        ("src/a.py", "from .models import old\nold.x\n"),
        ("src/a.py", "from .gone import old\nold.x\n"),
        ("src/a.rs", "use std::x::old;\nfn f() { old(); }\n"),
        (
            "src/a.rs",
            "use std::x::{y, old};\nfn f() { old::old(); }\n",
        ),
        ("src/a.rs", "use serde::old;\n#[derive(old)]\nstruct S;\n"),
        ("src/a.rs", "use own::old;\nfn f() { old(); }\n"),
        ("src/a.rs", "extern crate old;\n"),
        (
            "src/a.rs",
            "use std::C;\nfn f(c: C) { let C { ref old, .. } = c; let d = C { old }; }\n",
        ),
        (
            "src/a.rs",
            "use std::C;\nfn f(c: C) { let C { old, .. } = c; }\n",
        ),
        (
            "src/a.go",
            "package a\n\nimport \"x/old\"\n\nvar x = old.Y\n",
        ),
        (
            "src/a.go",
            "package a\n\nimport (\n\t\"x/old/v2\"\n)\n\nvar x old.Y\n",
        ),
        (
            "src/a.go",
            "package a\n\nimport \"example.com/app/old\"\n\nvar x = old.Y\n",
        ),
    ];
    let mut told = String::new();
    for (path, source) in cases {
        told.push_str(&format!(
            "# {path}\n{}\n",
            renamed("old", "fresh", path, source)
        ));
    }
    insta::assert_snapshot!(told);
}
