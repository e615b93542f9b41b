//! What holds for every rename, whatever the source: it can be taken back by its opposite, byte for byte,
//! and strings and comments stay.

use orket_edits::SourceFile;
use orket_edits::rename::{Outcome, Rename, plan};
use proptest::prelude::*;

/// Pieces that follow one another in any order; `A` is the name.
fn pieces(path: &str) -> &'static [&'static str] {
    match path {
        "a.js" => &[
            "import { A } from 'pkg';",
            "import { x as A } from 'pkg';",
            "const { A, y = A } = require('pkg');",
            "let A = 1;",
            "f({ A, x: A, 'A': `A ${A} A` });",
            "// A\n",
            "/* A\n A */",
            "'A';",
            "\"A\\\"A\";",
            "/A/.test(A);",
            "class C { #A = this.A; static A() { return super.A; } }",
            "A: for (;;) break A;",
            "function g({ A, b: [A, ...z] }, A) { return A?.A[A]; }",
            "export { A, A as q };",
            "é = `${`${A}`}`;",
            "console.A(A);",
            "export { A } from 'pkg';",
        ],
        "a.tsx" => &[
            "import type { A } from './b';",
            "type T<A> = A | 'A' | `A${A}`;",
            "interface I { A: A; A?(A: A): void }",
            "enum E { A, b = 'A' }",
            "<T A={A} b=\"A\">A {A}</T>;",
            "// A\n",
            "let v = A as A;",
            "<p.q A />;",
            "class C<A> { constructor(private A: A) {} @A() m() {} }",
            "f<A>({ A });",
            "namespace A.b {}",
            "é = 1;",
        ],
        "a.py" => &[
            "from os import A\n",
            "import A\n",
            "from os import x as A\n",
            "A: A = A\n",
            "f(A, A=A, *A, **A)\n",
            "s = f'A {A!r:>{A}} {{A}}' 'A' b'A'\n",
            "# A\n",
            "'''A\nA'''\n",
            "def A(A, *, k=A) -> A: return A.A\n",
            "[A for A in A if (A := A)]\n",
            "with A as A: pass\n",
            "@A.A(A=A)\nclass C(A, m=A): A = 'A'\n",
            "'{A}'.format(A=A)\n",
            "é = 1\n",
            "match A:\n  case A(A=x): pass\n",
            "global A\n",
        ],
        "a.rs" => &[
            "use std::A;",
            "use std::x::{y, A};",
            "use crate::A;",
            "struct A<'A> { A: &'A A }",
            "// A\n",
            "/* A */",
            "fn A(A: A) -> A { A::A(A.A, A!(A, \"A\", A => A::A), \"A\") }",
            "const S: &str = r#\"A {A}\"#;",
            "fn f() { let C { A, .. } = C { A, b: A }; println!(\"A {A} {{A}} {0:A$}\", A, b = A); }",
            "macro_rules! m { ($A:expr) => { A($A) }; }",
            "impl<A: A> A for A { type A = A; }",
            "mod A { pub fn é() {} }",
            "enum E { A(A), B { A: A } }",
            "#[A(A = \"A\")] fn g() { 'A: loop { break 'A; } }",
            "fn h() { r#A(b'A', 'A'); }",
        ],
        _ => &[
            "type A struct {\n\tA A `A`\n\t*x.A\n}\n",
            "func (A *A) A(A ...A) (A, error) { return A.A(A), nil }\n",
            "// A\n",
            "/* A */\n",
            "var A, é = A, \"A\"\n",
            "const s = `A\nA`\n",
            "func f() {\nA:\n\tfor A := range A {\n\t\tbreak A\n\t}\n}\n",
            "var y = A{A: A, \"A\": 'A'}\n",
            "func g[A any](m map[A]A) { switch A.(type) { case A: } }\n",
            "var h = fmt.A(x.A, A.b)\n",
        ],
    }
}

fn source() -> impl Strategy<Value = (&'static str, String)> {
    let paths = vec!["a.js", "a.tsx", "a.py", "a.rs", "a.go"];
    let some = prop::sample::select(paths).prop_flat_map(|path| {
        let piece = prop::sample::select(pieces(path).to_vec());
        (Just(path), prop::collection::vec(piece, 1..12))
    });
    (some, any::<bool>(), any::<bool>()).prop_map(|((path, pieces), crlf, bom)| {
        let mut text = pieces.join("\n");
        if path == "a.go" {
            text.insert_str(0, "package a\n\nimport \"fmt\"\n\n");
        }
        text.push('\n');
        if crlf {
            text = text.replace('\n', "\r\n");
        }
        if bom {
            text.insert(0, '\u{feff}');
        }
        (path, text)
    })
}

fn renamed(from: &str, to: &str, path: &str, text: &str) -> Result<Option<String>, String> {
    let rename = Rename {
        from: from.to_owned(),
        to: to.to_owned(),
    };
    let file = SourceFile {
        path,
        contents: text.as_bytes(),
    };
    match plan(&rename, &[file]) {
        Ok(Outcome::Planned(planned)) => {
            let [edited] = &planned.edited[..] else {
                return Err("one file".to_owned());
            };
            Ok(Some(
                String::from_utf8(edited.after.clone()).map_err(|error| error.to_string())?,
            ))
        }
        Ok(Outcome::Already(_)) => Ok(None),
        Err(error) if error.code() == "E_TOUCHSET_EMPTY" => Ok(None),
        Err(error) => Err(format!("{error}\n{text}")),
    }
}

/// What stands within quotes, as far as the pieces above have it, and in comments.
fn spoken(text: &str) -> Vec<&str> {
    const QUOTED: [&str; 12] = [
        "'A'",
        "\"A\"",
        "\"A\\\"A\"",
        "// A",
        "/* A",
        "A */",
        "# A",
        "`A`",
        "b'A'",
        "'''A",
        "r#\"A {A}\"#",
        "/A/",
    ];
    let mut found: Vec<(usize, &str)> = QUOTED
        .iter()
        .flat_map(|quoted| text.match_indices(*quoted))
        .collect();
    found.sort_unstable();
    found.into_iter().map(|(_, quoted)| quoted).collect()
}

/// The pieces alone: each language has ones that a rename changes, so the property below says something.
#[test]
fn the_pieces_are_renamed() {
    for path in ["a.js", "a.tsx", "a.py", "a.rs", "a.go"] {
        let lead = if path == "a.go" { "package a\n\n" } else { "" };
        let changed = pieces(path).iter().filter(|piece| {
            let text = format!("{lead}{piece}\n");
            renamed("A", "fresh", path, &text)
                .expect("no refusal")
                .is_some()
        });
        assert!(changed.count() >= pieces(path).len() / 2, "{path}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn a_rename_is_taken_back_by_its_opposite((path, text) in source(), fresh in "(Fresh|b9|größe|A1|_)[a-z]{1,3}") {
        let told = renamed("A", &fresh, path, &text);
        prop_assert!(told.is_ok(), "{}", told.unwrap_err());
        let Ok(Some(after)) = told else { return Ok(()); };
        prop_assert_ne!(&after, &text);
        prop_assert_eq!(spoken(&after), spoken(&text));
        prop_assert_eq!(after.matches("\r\n").count(), text.matches("\r\n").count());
        prop_assert_eq!(after.starts_with('\u{feff}'), text.starts_with('\u{feff}'));
        // Said again, there is nothing to do.
        prop_assert_eq!(renamed("A", &fresh, path, &after), Ok(None));
        let back = renamed(&fresh, "A", path, &after);
        prop_assert_eq!(back, Ok(Some(text)));
    }
}
