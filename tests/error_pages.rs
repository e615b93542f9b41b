//! Whoever meets a code finds its page.

use std::path::Path;

use orket_core::failure::FailureClass;
use orket_core::stages::Stage;
use orket_core::turn::FixtureFault;

#[test]
fn every_code_has_a_page_that_says_what_to_do() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/errors");
    let index = std::fs::read_to_string(folder.join("README.md")).unwrap();
    let classes = FailureClass::ALL.iter().map(|class| class.code());
    let fixtures = FixtureFault::ALL.map(FixtureFault::code);
    for code in classes.chain(Stage::CODES).chain(fixtures) {
        let page = std::fs::read_to_string(folder.join(format!("{code}.md")))
            .unwrap_or_else(|error| panic!("docs/errors/{code}.md: {error}"));
        assert!(page.starts_with(&format!("# {code}\n")), "{code}");
        assert!(page.contains("\n## What to do\n"), "{code}");
        assert!(index.contains(&format!("[{code}]({code}.md)")), "{code}");
    }
}
