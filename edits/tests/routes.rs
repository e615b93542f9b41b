//! Routes added to projects: what is written, that Node.js runs it, and that nothing of a person's is
//! lost.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use orket_edits::route::{INDEX, Route, RouteError, RoutePlan, plan, touch_set};
use orket_edits::{Edited, blueprint};
use proptest::prelude::*;

type Files = BTreeMap<String, Vec<u8>>;

fn project(index: &str) -> Files {
    Files::from([(INDEX.to_owned(), index.as_bytes().to_vec())])
}

fn minimal_node() -> Files {
    let blueprint = blueprint::Blueprint::find("minimal-node").expect("there");
    let files = blueprint::render(blueprint, "demo", &BTreeMap::new()).expect("made");
    files
        .into_iter()
        .map(|file| (file.path, file.contents))
        .collect()
}

fn planned(files: &Files, route: &Route) -> Result<RoutePlan, RouteError> {
    let touched = touch_set(route);
    let existing = files
        .iter()
        .filter(|(path, _)| touched.contains(path))
        .map(|(path, contents)| (path.as_str(), contents.as_slice()))
        .collect();
    plan(route, &existing)
}

/// Adds a route, and sees to it that adding it again changes nothing.
fn add(files: &mut Files, name: &str, method: &str, schema: &str) -> RoutePlan {
    let route = Route::parse(name, method, schema).expect("a route");
    let first = planned(files, &route).expect("planned");
    for Edited {
        path,
        before,
        after,
    } in &first.files
    {
        assert_eq!(files.insert(path.clone(), after.clone()), *before, "{path}");
    }
    let again = planned(files, &route).expect("planned");
    assert!(again.idempotent, "{again:#?}");
    assert_eq!(first.idempotent, first.files.is_empty());
    first
}

fn text(files: &Files, path: &str) -> String {
    String::from_utf8(files[path].clone()).expect("UTF-8")
}

fn told(plan: &RoutePlan) -> String {
    let mut told = String::new();
    for Edited {
        path,
        before,
        after,
    } in &plan.files
    {
        let kind = if before.is_some() { "changed" } else { "new" };
        told.push_str(&format!(
            "== {path} ({kind})\n{}",
            String::from_utf8_lossy(after)
        ));
    }
    for note in &plan.notes {
        told.push_str(&format!("note: {note}\n"));
    }
    told
}

fn refused(files: &Files, name: &str, method: &str, schema: &str) -> String {
    let error = Route::parse(name, method, schema)
        .and_then(|route| planned(files, &route))
        .expect_err("refused");
    format!("[{}] {error}\n    hint: {}", error.code(), error.hint())
}

/// Node.js, when this machine has it.
fn node(folder: &Path, arguments: &[&str]) -> Option<String> {
    let ran = Command::new("node")
        .args(arguments)
        .current_dir(folder)
        .output();
    let output = match ran {
        Ok(output) => output,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        Err(error) => panic!("node: {error}"),
    };
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{errors}");
    Some(said)
}

fn laid(files: &Files) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (path, contents) in files {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        std::fs::write(path, contents).expect("written");
    }
    folder
}

const ASK: &str = "
const { default: router } = await import('./src/routes/index.js');
const ask = (method, url) => {
  const answer = {};
  router.handle({ method, url }, {
    setHeader() {},
    set statusCode(status) { answer.status = status; },
    end() {},
  });
  return answer.status;
};
console.log(['GET /users', 'POST /users', 'PUT /users', 'DELETE /user-groups', 'GET /nowhere']
  .map((it) => ask(...it.split(' '))).join(' '));
";

#[test]
fn a_route_is_four_files_in_a_fresh_project() {
    let mut files = minimal_node();
    let plan = add(
        &mut files,
        "users",
        "get",
        "id:int,name:string,tags:string[],born:date,x:any,y:json,z:bool",
    );
    insta::assert_snapshot!(told(&plan));
}

#[test]
fn further_methods_and_schemas_change_only_what_they_must() {
    let mut files = minimal_node();
    add(&mut files, "/users", "GET", "id:int");
    let controller = "src/controllers/users_controller.js";
    let own = text(&files, controller)
        .replace(
            "response.statusCode = 501;",
            "response.statusCode = 200; // ours é",
        )
        .replace(
            "'use strict';\n",
            "'use strict';\n\n// A note of ours.\nconst ours = 1;\n",
        );
    files.insert(controller.to_owned(), own.into_bytes());
    let second = add(&mut files, "users", "post", "name:string");
    let third = add(&mut files, "users", "get", "id:uuid,all:bool");
    let fourth = add(&mut files, "user-groups", "delete", "id:int");
    let fifth = add(&mut files, "users", "post", "id:int");
    insta::assert_snapshot!(
        [second, third, fourth, fifth]
            .iter()
            .map(told)
            .collect::<Vec<_>>()
            .join("\n######\n\n")
    );
    let after = text(&files, controller);
    assert!(after.contains("// A note of ours.\nconst ours = 1;\n"));
    assert!(after.contains("response.statusCode = 200; // ours é\n"));
    let folder = laid(&files);
    if let Some(said) = node(folder.path(), &["--input-type=module", "--eval", ASK]) {
        assert_eq!(said.trim(), "200 501 405 501 404");
        node(folder.path(), &["--test"]);
    }
}

#[test]
fn es_modules_get_routes_as_es_modules() {
    let router = text(&minimal_node(), "src/router.js")
        .replace("'use strict';\n", "")
        .replace("module.exports =", "export");
    let mut files = project(
        "import { createRouter } from '../router.js';\n\n/** All of them. */\nconst app = createRouter();\n\n// What we give.\nexport default app;\n",
    );
    files.insert("src/router.js".to_owned(), router.into_bytes());
    files.insert(
        "package.json".to_owned(),
        b"{\"type\": \"module\"}".to_vec(),
    );
    let first = add(&mut files, "users", "get", "id:int");
    add(&mut files, "users", "post", "id:int");
    add(&mut files, "user-groups", "delete", "id:int");
    insta::assert_snapshot!(told(&first));
    insta::assert_snapshot!("es_modules_index", text(&files, INDEX));
    let folder = laid(&files);
    if let Some(said) = node(folder.path(), &["--input-type=module", "--eval", ASK]) {
        assert_eq!(said.trim(), "501 501 405 501 404");
    }
}

/// Each index with the route in it; `␍` stands for a carriage return, `␏` for a byte order mark.
#[test]
fn the_list_of_routes_is_read_by_its_syntax() {
    let cases = [
        "const router = make();\nmodule.exports = router;\n",
        "const router = make();\nmodule.exports = router;",
        "'use strict';\r\nconst router = make();\r\n\r\nmodule.exports = router;\r\n",
        "\u{feff}const a = require('a'); // why\nconst router = a();\n// module.exports = router;\nconst text = `\nmodule.exports = router;\n`;\n\n/** What we give. */\nmodule.exports = { router, text };\n",
        "#!/usr/bin/env node\n'use strict';\nvar app = express();\nregisterItemsRoute(app);\nmodule.exports = app;\n",
        "module.exports = { get router() { return router; } };\nconst router = make();\n",
        "const router = require('express').Router();\nexports.router = router;\nconst late = require('late');\n",
        "import x from 'x';\nexport const router = x();\n",
        "import x from 'x';\nconst router = x();\nexport { router, x };\n",
        "const { registerUsersRoute } = require(\"./users.js\");\nconst router = make();\nmodule.exports = router;\n",
        "const router = make();\nregisterUsersRoute(router);\nmodule.exports = router;\n",
    ];
    let mut told = String::new();
    for index in cases {
        let mut files = project(index);
        add(&mut files, "users", "get", "id:int");
        let after = text(&files, INDEX)
            .replace('\r', "␍")
            .replace('\u{feff}', "␏");
        told.push_str(&format!("{after}\n------\n"));
        let crlf = index.contains('\r');
        for (path, contents) in &files {
            let contents = String::from_utf8_lossy(contents);
            let ends = contents.matches('\n').count();
            let expected = if crlf { ends } else { 0 };
            assert_eq!(contents.matches("\r\n").count(), expected, "{path}");
        }
    }
    insta::assert_snapshot!(told);
}

#[test]
fn what_cannot_be_added_is_refused_with_the_way_on() {
    let node = minimal_node();
    let mut told = String::new();
    for (name, method, schema) in [
        ("../../evil", "get", "id:int"),
        ("users/:id", "get", "id:int"),
        ("Users", "get", "id:int"),
        ("a'); evil('", "get", "id:int"),
        ("1a", "get", "id:int"),
        ("", "get", "id:int"),
        ("index", "get", "id:int"),
        ("users", "banana", "id:int"),
        ("users", "get", "id:int,id:int"),
        ("users", "get", "id:banana"),
    ] {
        told.push_str(&format!(
            "{name} {method} {schema}\n  {}\n",
            refused(&node, name, method, schema)
        ));
    }
    for index in [
        "",
        "const router = 1;\n",
        "module.exports = (app) => {};\n",
        "const router = 1;\nmodule.exports = router;\nexport default router;\n",
        "const router = {;\nmodule.exports = router;\n",
        "const router = 1;\nfunction registerUsersRoute() {}\nmodule.exports = router;\n",
        "const router = 1;\nconst { registerUsersRoute } = require('./people');\nmodule.exports = router;\n",
    ] {
        told.push_str(&format!(
            "{index:?}\n  {}\n",
            refused(&project(index), "users", "get", "id:int")
        ));
    }
    told.push_str(&format!(
        "no index\n  {}\n",
        refused(&Files::new(), "users", "get", "id:int")
    ));
    let mut taken = node.clone();
    add(&mut taken, "user-groups", "get", "id:int");
    told.push_str(&format!(
        "taken\n  {}\n",
        refused(&taken, "user_groups", "get", "id:int")
    ));
    for (path, contents) in [
        ("src/routes/users.js", "module.exports = {};\n"),
        (
            "src/routes/users.js",
            "function registerUsersRoute(router) {}\n",
        ),
        (
            "src/controllers/users_controller.js",
            "module.exports = make();\n",
        ),
        ("src/controllers/users_controller.js", "function {\n"),
        ("src/types/users.json", "[]"),
        ("src/types/users.json", "{"),
    ] {
        let mut files = node.clone();
        files.insert(path.to_owned(), contents.as_bytes().to_vec());
        told.push_str(&format!(
            "{path} {contents:?}\n  {}\n",
            refused(&files, "users", "get", "id:int")
        ));
    }
    insta::assert_snapshot!(told);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever is added in whatever order: each addition again is a no-op (seen to by `add`), the
    /// project's own lines survive, and adding what was there before at the end changes nothing.
    #[test]
    fn additions_do_not_disturb_each_other(
        additions in prop::collection::vec(
            ("[a-c]", prop::sample::select(vec!["get", "post", "delete"]), prop::sample::select(vec!["id:int", "id:int,b:any[]"])),
            1..8,
        ),
        crlf in any::<bool>(),
    ) {
        let mut files = minimal_node();
        if crlf {
            for contents in files.values_mut() {
                *contents = String::from_utf8_lossy(contents).replace('\n', "\r\n").into_bytes();
            }
        }
        let before = text(&files, INDEX);
        let mut last = BTreeMap::new();
        for (name, method, schema) in &additions {
            add(&mut files, name, method, schema);
            last.insert((name, method), schema);
        }
        for ((name, method), schema) in last {
            let route = Route::parse(name, method, schema).expect("a route");
            let again = planned(&files, &route).expect("planned");
            prop_assert!(again.idempotent, "{again:#?}");
        }
        let after = text(&files, INDEX);
        let mut lines = after.lines();
        for line in before.lines() {
            prop_assert!(lines.any(|it| it == line), "{line} is gone from\n{after}");
        }
        for contents in files.values() {
            let contents = String::from_utf8_lossy(contents);
            let ends = contents.matches('\n').count();
            prop_assert_eq!(contents.matches("\r\n").count(), if crlf { ends } else { 0 });
        }
    }
}
