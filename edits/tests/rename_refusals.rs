//! Renames that are not carried out, each with what is wrong and the way on; and those that there is
//! nothing left to do for.

use orket_edits::SourceFile;
use orket_edits::rename::{Outcome, Rename, plan};

fn outcome(from: &str, to: &str, files: &[(&str, &[u8])]) -> String {
    let rename = Rename {
        from: from.to_owned(),
        to: to.to_owned(),
    };
    let files: Vec<SourceFile<'_>> = files
        .iter()
        .map(|(path, contents)| SourceFile { path, contents })
        .collect();
    match plan(&rename, &files) {
        Ok(Outcome::Planned(planned)) => {
            let paths: Vec<&str> = planned.edited.iter().map(|it| it.path.as_str()).collect();
            format!(
                "planned: {paths:?}, {} replaced\n{}",
                planned.replaced,
                planned.left.notes(from).join("\n")
            )
        }
        Ok(Outcome::Already(left)) => format!("already\n{}", left.notes(from).join("\n")),
        Err(error) => format!("[{}] {error}\nhint: {}", error.code(), error.hint()),
    }
}

/// What it shows, both names, and the files.
type Case = (
    &'static str,
    &'static str,
    &'static str,
    &'static [(&'static str, &'static [u8])],
);

#[test]
fn nothing_is_planned_on_a_guess() {
    let cases: [Case; 29] = [
        (
            "the new name is taken in a file that would change",
            "A",
            "B",
            &[("a.js", b"let A;\n\n  let x = \xc3\xa9 + B;\n")],
        ),
        (
            "the new name is taken elsewhere, in places beyond counting",
            "A",
            "B",
            &[("b.py", b"B = B + B\nB = B + B\n"), ("a.js", b"let A;\n")],
        ),
        (
            "the new name is only said in text",
            "A",
            "B",
            &[("a.js", b"let A = 'B'; // B\n"), ("b.md", b"B\n")],
        ),
        (
            "the new name is a member of something outside",
            "load",
            "readFile",
            &[(
                "a.js",
                b"const fs = require('fs');\nfunction load() { fs.readFile(); }\n",
            )],
        ),
        (
            "the new name is imported from outside",
            "load",
            "readFile",
            &[(
                "a.js",
                b"const { readFile } = require('fs');\nfunction load() {}\n",
            )],
        ),
        (
            "a format string says the new name",
            "a",
            "b",
            &[("a.rs", b"fn f(a: u8) { println!(\"{b}\"); }\n")],
        ),
        (
            "a keyword in Python",
            "A",
            "lambda",
            &[("a.py", b"A = 1\n")],
        ),
        (
            "the same, where no file of Python would change",
            "A",
            "lambda",
            &[("a.py", b"B = 1\n"), ("a.js", b"let A;\n")],
        ),
        (
            "a name that only scripts can spell",
            "A",
            "$b",
            &[("a.js", b"let A;\n"), ("b.go", b"package b\n\nvar A int\n")],
        ),
        (
            "a type that TypeScript has",
            "A",
            "string",
            &[("a.ts", b"type A = 1;\n")],
        ),
        (
            "a type that Rust has",
            "A",
            "u8",
            &[("a.rs", b"struct A;\n")],
        ),
        (
            "a word that ends a statement of Go in another way",
            "A",
            "nil",
            &[("a.go", b"package a\n\nvar A int\n")],
        ),
        (
            "a file that does not parse",
            "A",
            "B",
            &[("a.js", b"let A;\n"), ("b.js", b"function {\n  A = 'x';\n")],
        ),
        (
            "a mistake far away from the name",
            "A",
            "B",
            &[("a.js", b"let A;\nlet = = 1;\n")],
        ),
        (
            "a mistake far away, with a string that may not end",
            "A",
            "B",
            &[("a.js", b"let A;\nlet = = 'x;\n")],
        ),
        (
            "the new name stands where a file does not parse",
            "A",
            "B",
            &[("a.js", b"let A;\n"), ("b.js", b"let = = B;\n")],
        ),
        (
            "a module that is a file",
            "A",
            "B",
            &[("a.rs", b"mod A;\nuse A::x;\n")],
        ),
        (
            "a module that is a folder",
            "A",
            "B",
            &[("a.py", b"import A.x\nA.x.y()\n")],
        ),
        (
            "a component would become an element",
            "Card",
            "card",
            &[("a.jsx", b"const Card = () => <p />;\n<Card />;\n")],
        ),
        (
            "all of it is outside",
            "readFile",
            "load",
            &[("a.js", b"const fs = require('fs');\nfs.readFile();\n")],
        ),
        ("neither is there", "A", "B", &[("a.js", b"let C;\n")]),
        (
            "only text says it",
            "A",
            "B",
            &[("a.js", b"// A\n'A';\n"), ("b.txt", b"A A\n")],
        ),
        ("done before", "A", "B", &[("a.js", b"let B; // was A\n")]),
        (
            "done before, with an import that keeps the old name",
            "A",
            "B",
            &[("a.py", b"from os import A as B\n")],
        ),
        ("no files at all", "A", "B", &[]),
        (
            "a file that is no UTF-8",
            "A",
            "B",
            &[
                ("a.js", b"let A;\n"),
                ("b.js", b"let A = '\xff';\n"),
                ("c.png", b"\xff\x00"),
            ],
        ),
        (
            "files of other languages",
            "A",
            "B",
            &[
                ("a.js", b"let A;\n"),
                ("b.css", b".A { }\n"),
                ("c.md", b"`A` and A\n"),
                ("d.txt", b"AA\n"),
            ],
        ),
        (
            "a case that Go reads",
            "Run",
            "run",
            &[("a.go", b"package a\n\nfunc Run() {}\n")],
        ),
        (
            "a case that Go reads, elsewhere",
            "Run",
            "run",
            &[("a.js", b"let Run;\n")],
        ),
    ];
    let mut told = String::new();
    for (what, from, to, files) in cases {
        told.push_str(&format!(
            "# {what}\n{}\n\n",
            outcome(from, to, files).trim_end()
        ));
    }
    insta::assert_snapshot!(told);
}

/// What is nested beyond reason, or is one mistake from end to end, is refused, and not after hours.
#[test]
fn hostile_texts_are_answered() {
    let deep = format!("let A = {}1{};\n", "[".repeat(50_000), "]".repeat(50_000));
    let broken = format!("A {}", "(".repeat(50_000));
    let members = format!("A = x{}\n", ".A".repeat(30_000));
    for text in [deep, broken, members] {
        for path in ["a.js", "a.ts", "a.py", "a.rs", "a.go"] {
            let told = outcome("A", "B", &[(path, text.as_bytes())]);
            assert!(told.starts_with("[E_SOURCE_UNPARSED]"), "{path}: {told}");
        }
    }
}
