//! What each stage wants, for every surface, framework, pattern and stack.

use serde_json::json;

use super::small_project::{Refusal, Rules, decide};
use super::structure::{ComplexityViolation, IdesignMode, judge};
use super::*;
use crate::asset::{AssetSource, Epic, Library, MemorySource, Team};

fn project(surface: Surface, framework: Framework, pattern: Pattern) -> Project {
    Project {
        title: "Ticket <desk>".to_owned(),
        package: Project::package_of("Ticket desk!"),
        surface,
        framework,
        pattern,
        stack: surface.stack(),
    }
}

fn plans(project: &Project) -> [StagePlan; 3] {
    [
        scaffold::plan(project, &scaffold::Rules::default()),
        dependencies::plan(project, &dependencies::Rules::default()),
        deployment::plan(project, &[]),
    ]
}

fn paths(plan: &StagePlan) -> String {
    let below = |path: &str| path.strip_prefix("agent_output/").unwrap_or("?").to_owned();
    let folders = plan.folders.iter().map(|path| below(path) + "/");
    let files = plan.files.iter().map(|file| {
        let mark = if file.executable { "*" } else { "" };
        below(&file.path) + mark
    });
    folders.chain(files).collect::<Vec<_>>().join(" ")
}

#[test]
fn every_surface_and_framework_gets_its_files() {
    let mut table = String::new();
    for surface in Surface::ALL {
        for pattern in Pattern::ALL {
            for framework in Framework::ALL {
                if *surface != Surface::ApiVue && *framework != Framework::Vue {
                    // Only a frontend has a framework.
                    assert_eq!(
                        plans(&project(*surface, *framework, *pattern)),
                        plans(&project(*surface, Framework::Vue, *pattern))
                    );
                    continue;
                }
                table.push_str(&format!("{surface} {framework} {pattern}\n"));
                for plan in plans(&project(*surface, *framework, *pattern)) {
                    table.push_str(&format!("  {}: {}\n", plan.stage, paths(&plan)));
                }
            }
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn the_texts_of_all_files() {
    let mut seen = std::collections::BTreeSet::new();
    let mut all = String::new();
    for surface in Surface::ALL {
        for pattern in Pattern::ALL {
            for framework in Framework::ALL {
                for stack in Stack::ALL {
                    let project = Project {
                        stack: *stack,
                        ..project(*surface, *framework, *pattern)
                    };
                    for file in plans(&project).into_iter().flat_map(|plan| plan.files) {
                        if seen.insert((file.path.clone(), file.text.clone())) {
                            all.push_str(&format!("=== {}\n{}", file.path, file.text));
                        }
                    }
                }
            }
        }
    }
    insta::assert_snapshot!(all);
}

#[test]
fn what_the_stages_write_passes_what_they_check() {
    for framework in Framework::ALL {
        let project = project(Surface::ApiVue, *framework, Pattern::Monolith);
        for file in plans(&project).iter().flat_map(|plan| &plan.files) {
            assert_eq!(pins::loose(&file.path, &file.text), Vec::<String>::new());
            if file.path.ends_with(".json") {
                serde_json::from_str::<Value>(&file.text).expect("JSON");
            }
        }
    }
}

#[test]
fn the_rules_replace_what_the_stages_would_choose() {
    let project = project(Surface::Cli, Framework::Vue, Pattern::Monolith);
    let rules = scaffold::Rules {
        folders: vec!["lib".to_owned()],
        files: vec![("lib/a.txt".to_owned(), "hi\n".to_owned())],
        scan_roots: vec!["lib".to_owned()],
        forbidden: vec!["*.JAR".to_owned(), "class".to_owned()],
    };
    insta::assert_json_snapshot!(scaffold::plan(&project, &rules));
    let mut rules = dependencies::Rules {
        python: vec!["flask==3.1.0".to_owned(), "requests>=2".to_owned()],
        python_dev: Some(Vec::new()),
        node: Some([("left".to_owned(), "^1".to_owned())].into()),
        ..dependencies::Rules::default()
    };
    let loose = [
        pins::python_words("requests>=2"),
        pins::node_words("left", "^1"),
    ];
    assert_eq!(rules.problems(), loose);
    rules.pinned = false;
    assert_eq!(rules.problems(), Vec::<String>::new());
    insta::assert_json_snapshot!(dependencies::plan(&project, &rules));
    let named = ["agent_output/deployment/run_local.sh", "ops/notes.md"].map(str::to_owned);
    insta::assert_json_snapshot!(deployment::plan(&project, &named));
}

#[test]
fn a_title_becomes_a_package() {
    let names = ["Ticket desk!", "  Ärger 2 ", "golden_flow", "…"].map(Project::package_of);
    assert_eq!(names, ["ticket-desk", "rger-2", "golden-flow", "project"]);
}

fn load<A: crate::asset::Asset>(category: &str, value: &Value) -> A {
    let source =
        MemorySource::default().with(&format!("config/{category}/demo.json"), value.to_string());
    loaded(&source)
}

fn loaded<A: crate::asset::Asset>(source: &impl AssetSource) -> A {
    let library = Library::new(source);
    let loaded = library.load("demo", "core");
    loaded.map(|it| it.asset).unwrap_or_else(|e| panic!("{e}"))
}

fn epic(seats: &[&str], idesign: bool) -> Epic {
    let issues: Vec<Value> = seats
        .iter()
        .enumerate()
        .map(|(place, seat)| json!({"id": format!("C-{place}"), "summary": "s", "seat": seat}))
        .collect();
    load(
        "epics",
        &json!({"name": "Demo", "team": "t", "environment": "e", "issues": issues,
                "architecture_governance": {"idesign": idesign}}),
    )
}

fn team(seats: &[(&str, &[&str])]) -> Team {
    let seats: serde_json::Map<String, Value> = seats
        .iter()
        .map(|(key, roles)| ((*key).to_owned(), json!({"roles": roles})))
        .collect();
    load("teams", &json!({ "seats": seats }))
}

const WHOLE: &[(&str, &[&str])] = &[
    ("analyst", &["requirements_analyst"]),
    ("lead", &["lead_architect"]),
    ("dev", &["senior_developer", "coder"]),
    ("code_reviewer", &["code_reviewer"]),
    ("critic", &["reviewer"]),
    ("integrity_guard", &["integrity_guard"]),
];

fn rules(variant: Variant) -> Rules {
    Rules {
        variant,
        threshold: small_project::THRESHOLD,
        inject_reviewer: false,
    }
}

#[test]
fn a_small_epic_has_one_builder_and_keeps_its_reviewers() {
    let three = epic(&["Analyst", "critic", "dev"], false);
    let seats = |variant, team: &Team, epic: &Epic| {
        let staffing = decide(rules(variant), "t", team, &epic.issues);
        staffing.map(|it| it.map(|it| it.seats.join(" ")))
    };
    let whole = team(WHOLE);
    for (variant, expected) in [
        (Variant::Auto, "dev critic dev"),
        (Variant::Coder, "dev critic dev"),
        (Variant::Architect, "lead critic lead"),
    ] {
        let found = seats(variant, &whole, &three);
        assert_eq!(found, Ok(Some(expected.to_owned())), "{variant}");
    }
    let kept = epic(&["code_reviewer", "integrity_guard", "nobody"], false);
    assert_eq!(
        seats(Variant::Auto, &whole, &kept),
        Ok(Some("code_reviewer integrity_guard nobody".to_owned()))
    );
    for size in [0, 4] {
        let other = epic(&vec!["dev"; size], false);
        assert_eq!(seats(Variant::Auto, &whole, &other), Ok(None), "{size}");
    }
    let staffing = decide(rules(Variant::Auto), "t", &whole, &three.issues);
    insta::assert_json_snapshot!(staffing.expect("decided").expect("small").told);
}

#[test]
fn a_small_epic_without_reviewer_gets_one_or_does_not_begin() {
    let one = epic(&["dev"], false);
    let without = team(&[("dev", &["coder"]), ("auto_code_reviewer", &["coder"])]);
    assert_eq!(
        decide(rules(Variant::Auto), "t", &without, &one.issues),
        Err(Refusal::NoReviewer("t".to_owned()))
    );
    let injecting = Rules {
        inject_reviewer: true,
        ..rules(Variant::Auto)
    };
    let staffing = decide(injecting, "t", &without, &one.issues);
    let added = staffing.expect("decided").expect("small").added;
    let added = added.expect("a reviewer");
    // The usual name is taken.
    assert_eq!(added.key, "auto_code_reviewer_2");
    assert_eq!(added.roles, ["code_reviewer"]);
    assert_eq!(
        decide(rules(Variant::Architect), "t", &without, &one.issues),
        Err(Refusal::NoBuilder {
            role: "architect",
            team: "t".to_owned()
        })
    );
}

#[test]
fn an_epic_that_breaks_the_structure_does_not_begin() {
    let with = epic(&["dev"], true);
    let without = epic(&["dev"; 8], false);
    let layers = |mode, epic: &Epic| judge(mode, epic, 7).map(|ruling| ruling.layers);
    assert_eq!(
        layers(IdesignMode::Force, &without),
        Err(ComplexityViolation)
    );
    assert_eq!(layers(IdesignMode::Force, &with), Ok(true));
    assert_eq!(layers(IdesignMode::None, &with), Ok(false));
    assert_eq!(layers(IdesignMode::None, &without), Ok(false));
    assert_eq!(layers(IdesignMode::ArchitectDecides, &with), Ok(true));
    assert_eq!(layers(IdesignMode::ArchitectDecides, &without), Ok(false));
    let told = |threshold| {
        let ruling = judge(IdesignMode::ArchitectDecides, &without, threshold);
        ruling.expect("allowed").told.map(|plan| plan.facts)
    };
    let facts = json!({"issue_count": 8, "threshold": 7, "pattern": "Standard"});
    assert_eq!(told(7).map(Value::Object), Some(facts));
    assert_eq!(told(8), None);
}

#[test]
fn every_stage_has_its_events_and_its_code() {
    let mut table = String::new();
    for stage in Stage::ALL {
        let events: Vec<_> = Outcome::ALL.iter().map(|it| stage.event(*it)).collect();
        assert!(Stage::CODES.contains(&stage.code()));
        table.push_str(&format!("{stage} {} {}\n", stage.code(), events.join(" ")));
    }
    insta::assert_snapshot!(table);
}
