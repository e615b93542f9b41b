//! The scaffolder: folders, first files, and no programs among the sources.

use super::{Check, Framework, OUTPUT, Pattern, PlannedFile, Project, Stage, StagePlan, Surface};

/// What the rules say instead of the defaults; an empty list is the default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    /// Folders, as paths in the workspace (`scaffolder_required_directories`).
    pub folders: Vec<String>,
    /// Files, as paths in the workspace with their text (`scaffolder_required_files`).
    pub files: Vec<(String, String)>,
    /// Where forbidden files are looked for (`scaffolder_scan_roots`).
    pub scan_roots: Vec<String>,
    /// Endings of forbidden files (`scaffolder_forbidden_extensions`).
    pub forbidden: Vec<String>,
}

const FOLDERS: [&str; 5] = ["src", "tests", "config", "scripts", "docs"];
const SERVICES: [&str; 3] = ["api", "worker", "shared"];
const FORBIDDEN: [&str; 4] = [".exe", ".dll", ".so", ".dylib"];

/// What the scaffolder wants for a project.
#[must_use]
pub fn plan(project: &Project, rules: &Rules) -> StagePlan {
    let mut plan = StagePlan::new(Stage::Scaffolder);
    if rules.folders.is_empty() {
        plan.folders = FOLDERS
            .iter()
            .map(|name| format!("{OUTPUT}/{name}"))
            .collect();
    } else {
        plan.folders.clone_from(&rules.folders);
    }
    if rules.files.is_empty() {
        plan.files = first_files(project);
    } else {
        let files = rules.files.iter().map(|(path, text)| PlannedFile {
            path: path.clone(),
            text: text.clone(),
            executable: false,
        });
        plan.files = files.collect();
    }
    if project.surface == Surface::ApiVue {
        plan.files.extend(frontend(project));
    }
    if project.pattern == Pattern::Microservices {
        for service in SERVICES {
            plan.folders.push(format!("{OUTPUT}/services/{service}"));
            let mark = PlannedFile::new(&format!("services/{service}/.gitkeep"), "");
            plan.files.push(mark);
        }
    }
    plan.checks.push(Check::NoFileOfType {
        roots: or(&rules.scan_roots, &[OUTPUT]),
        endings: or(&rules.forbidden, &FORBIDDEN)
            .iter()
            .map(|ending| format!(".{}", ending.trim_start_matches(['*', '.']).to_lowercase()))
            .collect(),
    });
    plan
}

fn or(given: &[String], default: &[&str]) -> Vec<String> {
    if given.is_empty() {
        default.iter().map(|word| (*word).to_owned()).collect()
    } else {
        given.to_vec()
    }
}

fn first_files(project: &Project) -> Vec<PlannedFile> {
    vec![
        PlannedFile::new("README.md", readme(project)),
        PlannedFile::new(".env.example", environment(project)),
        PlannedFile::new("src/__init__.py", ""),
        PlannedFile::new("tests/.gitkeep", ""),
    ]
}

fn readme(project: &Project) -> String {
    let kind = match project.surface {
        Surface::Unspecified => "A project whose surface is not settled yet.",
        Surface::BackendOnly => "A service. It is used through its interface and has no frontend.",
        Surface::Cli => "A command-line program.",
        Surface::ApiVue => "A service with a frontend for the browser.",
        Surface::Tui => "A program with a screen in the terminal.",
    };
    let mut rows = vec![
        ("src/", "the program"),
        ("tests/", "what checks it"),
        ("config/", "its settings"),
        ("scripts/", "what is run by hand"),
        ("docs/", "what people read"),
        ("dependencies/", "manifests of what it needs"),
        ("deployment/", "what puts it into service"),
    ];
    if project.surface == Surface::ApiVue {
        rows.push(("frontend/", "what the browser gets"));
    }
    if project.pattern == Pattern::Microservices {
        rows.push((
            "services/",
            "one folder for each service, and what they share",
        ));
    }
    let mut text = format!("# {}\n\n{kind}\n\n", project.title);
    text.push_str("| Folder | Holds |\n|---|---|\n");
    for (folder, holds) in rows {
        text.push_str(&format!("| `{folder}` | {holds} |\n"));
    }
    text
}

fn environment(project: &Project) -> String {
    let mut text = "# Copy this file to .env and fill it in; .env is not to be shared.\n\
                    APP_ENV=development\nLOG_LEVEL=info\n"
        .to_owned();
    if serves(project) {
        text.push_str("APP_HOST=127.0.0.1\nAPP_PORT=8000\n");
    }
    if project.surface == Surface::ApiVue {
        text.push_str("VITE_API_URL=http://127.0.0.1:8000\n");
    }
    text
}

/// Whether the product listens on a port.
pub(super) fn serves(project: &Project) -> bool {
    match project.surface {
        Surface::BackendOnly | Surface::ApiVue => true,
        Surface::Unspecified | Surface::Cli | Surface::Tui => {
            project.pattern == Pattern::Microservices
        }
    }
}

/// The smallest frontend that the framework can start from.
fn frontend(project: &Project) -> Vec<PlannedFile> {
    let page = |entry: &str, root: &str| {
        let heading = project.title.replace('&', "&amp;").replace('<', "&lt;");
        format!(
            "<!doctype html>\n<html lang=\"en\">\n  <head>\n    <meta charset=\"utf-8\">\n    \
             <title>{heading}</title>\n  </head>\n  <body>\n    {root}\n    \
             <script type=\"module\" src=\"/src/{entry}\"></script>\n  </body>\n</html>\n"
        )
    };
    let div = "<div id=\"app\"></div>";
    let file = |path: &str, text: String| PlannedFile::new(&format!("frontend/{path}"), text);
    let vite = |plugin: &str| {
        format!(
            "import {{ defineConfig }} from 'vite'\nimport {plugin} from '@vitejs/plugin-{plugin}'\n\n\
             export default defineConfig({{ plugins: [{plugin}()] }})\n"
        )
    };
    match project.framework {
        Framework::Vue => vec![
            file("index.html", page("main.js", div)),
            file("vite.config.js", vite("vue")),
            file(
                "src/main.js",
                "import { createApp } from 'vue'\nimport App from './App.vue'\n\n\
                 createApp(App).mount('#app')\n"
                    .to_owned(),
            ),
            file(
                "src/App.vue",
                "<template>\n  <main>\n    <h1>It runs</h1>\n  </main>\n</template>\n".to_owned(),
            ),
        ],
        Framework::React => vec![
            file("index.html", page("main.jsx", div)),
            file("vite.config.js", vite("react")),
            file(
                "src/main.jsx",
                "import { createRoot } from 'react-dom/client'\nimport App from './App.jsx'\n\n\
                 createRoot(document.getElementById('app')).render(<App />)\n"
                    .to_owned(),
            ),
            file(
                "src/App.jsx",
                "export default function App() {\n  return <main><h1>It runs</h1></main>\n}\n"
                    .to_owned(),
            ),
        ],
        Framework::Angular => vec![
            file("index.html", page("main.ts", "<app-root></app-root>")),
            file(
                "src/main.ts",
                "import { bootstrapApplication } from '@angular/platform-browser'\n\
                 import { App } from './app'\n\nbootstrapApplication(App)\n"
                    .to_owned(),
            ),
            file(
                "src/app.ts",
                "import { Component } from '@angular/core'\n\n@Component({ selector: 'app-root', \
                 template: '<main><h1>It runs</h1></main>' })\nexport class App {}\n"
                    .to_owned(),
            ),
        ],
        Framework::Undecided => vec![file(
            "README.md",
            "# Frontend\n\nThe architect's decision names the framework; its files come here.\n"
                .to_owned(),
        )],
    }
}
