//! Every code, for people and as JSON, and that nothing changed.

use crate::repository::{PASSES, Repository, Said, WAITS};

const REFACTOR: [&str; 4] = ["refactor", "rename User to Member", "--scope", "src"];
const ADD: [&str; 7] = [
    "api", "add", "users", "--schema", "id:int", "--scope", "src",
];

struct Case {
    code: &'static str,
    arguments: Vec<&'static str>,
    environment: &'static [(&'static str, &'static str)],
    before: fn(&Repository),
    make: fn() -> Repository,
}

fn case(code: &'static str, arguments: &[&'static str]) -> Case {
    Case {
        code,
        arguments: arguments.to_vec(),
        environment: &[],
        before: |_| {},
        make: Repository::new,
    }
}

impl Case {
    fn after(mut self, before: fn(&Repository)) -> Self {
        self.before = before;
        self
    }

    fn within(mut self, make: fn() -> Repository) -> Self {
        self.make = make;
        self
    }

    fn with(mut self, environment: &'static [(&'static str, &'static str)]) -> Self {
        self.environment = environment;
        self
    }

    fn run(&self, json: bool) -> Said {
        let repository = (self.make)();
        (self.before)(&repository);
        let files = repository.files();
        let mut command = repository.command(&self.arguments);
        command.envs(self.environment.iter().copied());
        if json {
            command.arg("--json");
        }
        let said = Said::of(command.output().unwrap());
        assert_eq!(
            repository.files(),
            files,
            "{}: something changed",
            self.code
        );
        let left: Vec<_> = std::fs::read_dir(repository.place())
            .unwrap()
            .flatten()
            .map(|it| it.file_name())
            .collect();
        assert_eq!(left, ["project"], "{}: something is left", self.code);
        said
    }

    fn holds(&self) {
        let code = self.code;
        let said = self.run(false);
        assert_eq!(said.code, Some(1), "{code}: {said:?}");
        let line = format!("FAIL [{code}]: ");
        let told = said
            .stdout
            .lines()
            .filter(|it| it.starts_with(&line))
            .count();
        assert_eq!(told, 1, "{code}: {said:?}");
        assert!(said.stderr.contains("hint: "), "{code}: {said:?}");
        let said = self.run(true);
        assert_eq!(said.code, Some(1), "{code}: {said:?}");
        let json = said.json();
        assert_eq!(json["ok"], false, "{code}");
        assert_eq!(json["code"], code, "{json:#}");
        assert!(
            json["message"].as_str().is_some_and(|it| !it.is_empty()),
            "{code}"
        );
        assert!(
            json["hint"].as_str().is_some_and(|it| !it.is_empty()),
            "{code}"
        );
    }
}

fn with(base: &[&'static str], further: &[&'static str]) -> Vec<&'static str> {
    base.iter().chain(further).copied().collect()
}

#[test]
fn what_both_commands_refuse() {
    for base in [&REFACTOR[..], &ADD[..]] {
        let yes = with(base, &["--yes"]);
        let without_scope: Vec<&str> = yes
            .iter()
            .copied()
            .filter(|it| *it != "--scope" && *it != "src")
            .collect();
        let cases = [
            case("E_GIT_REQUIRED", &yes).within(Repository::bare_folder),
            case("E_WORKTREE_DIRTY", &yes).after(|it| it.write("new.txt", "")),
            case("E_SCOPE_REQUIRED", &without_scope),
            case("E_SCOPE_REQUIRED", &with(&yes, &["--scope", "nowhere"])),
            case("E_WRITE_OUT_OF_SCOPE", &with(&yes, &["--scope", ".."])),
            case("E_CONFIG_INVALID", &yes).after(|it| {
                it.write("orket.config.json", "{");
                it.commit();
            }),
            case(
                "E_CONFIG_INVALID",
                &with(&yes, &["--verify-profile", "slow"]),
            ),
            case("E_CONFIG_INVALID", &yes).after(|it| {
                it.git(&["rm", "-q", "orket.config.json"]);
                it.commit();
            }),
            case("E_CONFIRMATION_REQUIRED", base),
            case("E_NETWORK_MODE_INVALID", &yes).with(&[("ORKET_NETWORK_MODE", "onlin")]),
            case("E_INTERNAL", &yes).after(|it| it.write(".orket/transactions", "no folder")),
        ];
        for case in cases {
            case.holds();
        }
    }
}

#[test]
fn what_a_refactoring_refuses() {
    let rename = |instruction| ["refactor", instruction, "--scope", "src", "--yes"];
    let cases = [
        case(
            "E_UNSUPPORTED_INSTRUCTION",
            &rename("do NOT rename User to Member"),
        ),
        case("E_UNSUPPORTED_INSTRUCTION", &rename("rename User to User")),
        case("E_UNSUPPORTED_INSTRUCTION", &rename("rename User to class")),
        case("E_TOUCHSET_EMPTY", &rename("rename Nobody to Member")),
        case("E_RENAME_COLLISION", &rename("rename User to console")),
        case("E_SOURCE_UNPARSED", &rename("rename User to Member")).after(|it| {
            it.write("src/broken.js", "class User { ( }");
            it.commit();
        }),
        // A link in the scope to a source outside of it.
        case(
            "E_MODEL_OUTPUT_OUT_OF_SCOPE",
            &rename("rename User to Member"),
        )
        .after(|it| {
            it.write("lib/far.js", "class User {}\n");
            std::os::unix::fs::symlink("../lib/far.js", it.root().join("src/near.js")).unwrap();
            it.commit();
        }),
        case("E_VERIFY_FAILED_REVERTED", &rename("rename User to Member"))
            .after(|it| it.verified_by(&["true", "echo no; exit 3"])),
    ];
    for case in cases {
        case.holds();
    }
}

#[test]
fn what_adding_a_route_refuses() {
    let add = |name, schema| {
        [
            "api", "add", name, "--schema", schema, "--scope", "src", "--yes",
        ]
    };
    let cases = [
        case("E_ROUTE_INVALID", &add("../../evil", "id:int")),
        case("E_ROUTE_INVALID", &add("us'ers", "id:int")),
        case(
            "E_ROUTE_INVALID",
            &with(&add("users", "id:int"), &["--method", "banana"]),
        ),
        case("E_SCHEMA_PARSE_FAILED", &add("users", "id")),
        case("E_SCHEMA_PARSE_FAILED", &add("users", "id:intt")),
        case("E_PROJECT_STYLE_UNSUPPORTED", &add("users", "id:int")).after(|it| {
            it.git(&["rm", "-q", "src/routes/index.js"]);
            it.commit();
        }),
        case(
            "E_WRITE_OUT_OF_SCOPE",
            &[
                "api",
                "add",
                "users",
                "--schema",
                "id:int",
                "--scope",
                "src/routes",
                "--yes",
            ],
        ),
        // A folder on the way is a link: not even the files before it are written.
        case("E_WRITE_OUT_OF_SCOPE", &add("users", "id:int")).after(|it| {
            std::os::unix::fs::symlink("../lib", it.root().join("src/types")).unwrap();
            it.commit();
        }),
        case("E_WRITE_OUT_OF_SCOPE", &add("users", "id:int")).after(|it| {
            it.write(".gitignore", "src/types/\n");
            it.commit();
        }),
        case("E_ROUTE_CONFLICT", &add("users", "id:int")).after(|it| {
            it.write("src/types/users.json", "mine, and no JSON");
            it.commit();
        }),
        case("E_DRAFT_FAILURE", &add("users", "id:int")).after(|it| it.verified_by(&["false"])),
    ];
    for case in cases {
        case.holds();
    }
}

#[test]
fn what_a_new_project_refuses() {
    let cases = [
        case("E_BLUEPRINT_NOT_FOUND", &["init", "maximal-node", "demo"]),
        case(
            "E_OUTPUT_DIR_EXISTS",
            &["init", "minimal-node", "src", "--no-verify"],
        ),
        case(
            "E_OUTPUT_DIR_EXISTS",
            &["init", "minimal-node", "demo", "--dir", "lib"],
        ),
        case(
            "E_INIT_CONFIG_INVALID",
            &["init", "minimal-node", "../x", "--no-verify"],
        ),
        case(
            "E_INIT_CONFIG_INVALID",
            &["init", "minimal-node", "a\"b", "--no-verify"],
        ),
        case(
            "E_INIT_CONFIG_INVALID",
            &["init", "minimal-node", "demo", "--vars", "x"],
        ),
        case(
            "E_INIT_CONFIG_INVALID",
            &["init", "minimal-node", "demo", "--vars", "color=red"],
        ),
        case(
            "E_INIT_CONFIG_INVALID",
            &[
                "init",
                "minimal-node",
                "demo",
                "--dir",
                "orket.config.json/demo",
                "--no-verify",
            ],
        ),
        // Nothing is as quick as that.
        case(
            "E_INIT_VERIFY_FAILED",
            &[
                "init",
                "minimal-python",
                "demo",
                "--dir",
                "a/b/demo",
                "--verify-timeout",
                "0.001",
            ],
        ),
    ];
    for case in cases {
        case.holds();
    }
}

#[test]
fn a_lesson_that_still_applies_stops_a_change_when_that_is_wanted() {
    let repository = Repository::new();
    repository.verified_by(&["echo 'Error: environment variable API_KEY is not set'; exit 1"]);
    let on = [
        ("ORKET_FAILURE_LESSONS", "1"),
        ("ORKET_FAILURE_LESSONS_STRICT_PREFLIGHT", "yes"),
    ];
    let orket = |further: &[&'static str]| {
        let mut command = repository.command(&with(&REFACTOR, further));
        Said::of(command.envs(on).output().unwrap())
    };
    let failed = orket(&["--yes", "--json"]).json();
    assert_eq!(failed["code"], "E_VERIFY_FAILED_REVERTED");
    let lesson = failed["failure_lesson_id"].as_str().unwrap();
    let said = orket(&["--dry-run"]);
    assert_eq!(said.code, Some(1));
    assert!(
        said.stdout.contains("FAIL [E_PREFLIGHT_FAILED]: "),
        "{said:?}"
    );
    let json = orket(&["--dry-run", "--json"]).json();
    assert_eq!(json["code"], "E_PREFLIGHT_FAILED");
    assert_eq!(json["preflight_warnings"][0], "env_var_present:API_KEY");
    assert_eq!(json["advisories"][0]["id"], lesson);
    // The variable is there: nothing stops it any more.
    let mut command = repository.command(&with(&REFACTOR, &["--dry-run"]));
    let said = Said::of(command.envs(on).env("API_KEY", "x").output().unwrap());
    assert_eq!(said.code, Some(0), "{said:?}");
}

#[test]
fn what_comes_in_between_has_codes_too() {
    let repository = Repository::new();
    repository.verified_by(&[WAITS]);
    let yes = with(&REFACTOR, &["--yes", "--json"]);

    // Another one meanwhile.
    let first = repository.start_waiting(&yes);
    let busy = repository
        .orket(&with(&ADD, &["--dry-run", "--json"]))
        .json();
    assert_eq!(busy["code"], "E_TRANSACTION_BUSY");
    let who = format!("process {}", first.pid());
    assert!(busy["message"].as_str().unwrap().contains(&who), "{busy:#}");

    // Somebody writes in the last file of the plan meanwhile: neither is touched.
    let user = "class User { edited() {} }\n";
    repository.write("src/user.js", user);
    let index = repository.read("src/index.js");
    let said = first.go_on();
    assert_eq!(said.code, Some(1));
    assert_eq!(said.json()["code"], "E_WORKTREE_CHANGED");
    assert_eq!(repository.read("src/user.js"), user);
    assert_eq!(repository.read("src/index.js"), index);
    repository.git(&["checkout", "-q", "--", "src/user.js"]);

    // Ctrl-C.
    let files = repository.files();
    let mut waiting = repository.start_waiting(&yes);
    waiting.signal("INT");
    let said = waiting.end();
    assert_eq!(said.code, Some(130), "{said:?}");
    assert_eq!(said.json()["code"], "E_INTERRUPTED");
    assert_eq!(repository.files(), files);
    assert!(!waiting.scratch.exists());
}

#[test]
fn nothing_is_wrong_where_nothing_is() {
    // The table above would hold for a program that refuses everything.
    let repository = Repository::new();
    repository.orket(&with(&REFACTOR, &["--dry-run"])).ok();
    repository.orket(&with(&ADD, &["--dry-run"])).ok();
    assert_eq!(repository.read("orket.config.json"), PASSES);
}
