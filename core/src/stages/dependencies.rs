//! The dependency manager: manifests of what the project depends on.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{
    Check, Framework, OUTPUT, Pattern, PlannedFile, Project, Stage, StagePlan, Surface, pins,
};

/// What the rules say instead of the defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// Requirements for Python, as `requirements.txt` has them.
    pub python: Vec<String>,
    /// Those of development; `None` for the default.
    pub python_dev: Option<Vec<String>>,
    /// Packages of Node with their versions; `None` for those of the frontend.
    pub node: Option<BTreeMap<String, String>>,
    /// Those of development; `None` for those of the frontend.
    pub node_dev: Option<BTreeMap<String, String>>,
    /// Whether every version must be exact (`dependency_manager_require_pinned_versions`).
    pub pinned: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            python: Vec::new(),
            python_dev: None,
            node: None,
            node_dev: None,
            pinned: true,
        }
    }
}

impl Rules {
    /// What is not pinned although it must be, in words.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        if !self.pinned {
            return Vec::new();
        }
        let python = self.python.iter().chain(self.python_dev.iter().flatten());
        let node = self.node.iter().chain(&self.node_dev).flatten();
        let python = python
            .filter(|line| !pins::python_is_pinned(line))
            .map(|line| pins::python_words(line));
        let node = node
            .filter(|(_, version)| !pins::node_is_pinned(version))
            .map(|(name, version)| pins::node_words(name, version));
        python.chain(node).collect()
    }
}

const FOLDER: &str = "dependencies";

/// What the dependency manager wants for a project.
#[must_use]
pub fn plan(project: &Project, rules: &Rules) -> StagePlan {
    let mut plan = StagePlan::new(Stage::DependencyManager);
    plan.folders.push(format!("{OUTPUT}/{FOLDER}"));
    let file = |name: &str, text: String| PlannedFile::new(&format!("{FOLDER}/{name}"), text);
    if project.stack.has_python() {
        let dev = rules
            .python_dev
            .clone()
            .unwrap_or_else(|| vec!["pytest==8.3.5".to_owned()]);
        plan.files
            .push(file("pyproject.toml", pyproject(project, &rules.python)));
        plan.files.push(file(
            "requirements.txt",
            requirements("What the program needs.", &rules.python),
        ));
        plan.files.push(file(
            "requirements-dev.txt",
            format!(
                "-r requirements.txt\n{}",
                requirements("What its development needs besides.", &dev)
            ),
        ));
    }
    if project.stack.has_node() {
        plan.files
            .push(file("package.json", package(project, rules)));
    }
    if rules.pinned {
        let paths = plan.files.iter().map(|file| file.path.clone()).collect();
        plan.checks.push(Check::Pinned { paths });
    }
    if project.pattern == Pattern::Microservices {
        let python: &[&str] = if project.stack.has_python() {
            &["requirements.txt"]
        } else {
            &[]
        };
        let node: &[&str] = if project.stack.has_node() {
            &["package.json"]
        } else {
            &[]
        };
        let manifests: Vec<&str> = python.iter().chain(node).copied().collect();
        let of = |folder: &str| json!({"folder": folder, "manifests": manifests});
        let services = json!({"services": {
            "api": of("services/api"), "worker": of("services/worker"), "shared": of("services/shared"),
        }});
        plan.files
            .push(file("microservices.json", pretty(&services)));
    }
    plan.facts = Map::from_iter([
        ("stack_profile".to_owned(), json!(project.stack.as_str())),
        ("pinned".to_owned(), json!(rules.pinned)),
    ]);
    plan
}

fn requirements(head: &str, lines: &[String]) -> String {
    let mut text = format!("# {head}\n");
    for line in lines {
        text.push_str(line.trim());
        text.push('\n');
    }
    text
}

fn pyproject(project: &Project, python: &[String]) -> String {
    let quoted: Vec<String> = python
        .iter()
        .map(|line| format!("    {},\n", Value::from(line.trim())))
        .collect();
    let list = if quoted.is_empty() {
        "[]".to_owned()
    } else {
        format!("[\n{}]", quoted.concat())
    };
    format!(
        "[project]\nname = \"{}\"\nversion = \"0.1.0\"\nrequires-python = \">=3.11\"\n\
         dependencies = {list}\n",
        project.package
    )
}

fn package(project: &Project, rules: &Rules) -> String {
    let (needed, tools) = frontend_packages(project);
    let or = |given: &Option<BTreeMap<String, String>>, default: &[(&str, &str)]| match given {
        Some(given) => given.clone(),
        None => default
            .iter()
            .map(|(name, version)| ((*name).to_owned(), (*version).to_owned()))
            .collect(),
    };
    let scripts = if tools.iter().any(|(name, _)| *name == "vite") {
        json!({"build": "vite build", "dev": "vite"})
    } else {
        json!({})
    };
    pretty(&json!({
        "name": project.package,
        "version": "0.1.0",
        "private": true,
        "type": "module",
        "scripts": scripts,
        "dependencies": or(&rules.node, needed),
        "devDependencies": or(&rules.node_dev, tools),
    }))
}

type Packages = &'static [(&'static str, &'static str)];

/// What a frontend needs, and what builds it.
fn frontend_packages(project: &Project) -> (Packages, Packages) {
    if project.surface != Surface::ApiVue {
        return (&[], &[]);
    }
    match project.framework {
        Framework::Vue => (
            &[("vue", "3.5.13")],
            &[("@vitejs/plugin-vue", "5.2.1"), ("vite", "6.0.7")],
        ),
        Framework::React => (
            &[("react", "19.0.0"), ("react-dom", "19.0.0")],
            &[("@vitejs/plugin-react", "4.3.4"), ("vite", "6.0.7")],
        ),
        Framework::Angular => (
            &[
                ("@angular/common", "19.0.6"),
                ("@angular/compiler", "19.0.6"),
                ("@angular/core", "19.0.6"),
                ("@angular/platform-browser", "19.0.6"),
                ("rxjs", "7.8.1"),
                ("zone.js", "0.15.0"),
            ],
            &[
                ("@angular/build", "19.0.7"),
                ("@angular/cli", "19.0.7"),
                ("@angular/compiler-cli", "19.0.6"),
                ("typescript", "5.6.3"),
            ],
        ),
        Framework::Undecided => (&[], &[]),
    }
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}
