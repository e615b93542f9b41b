//! The deployment planner: what puts the project into service.

use super::{
    OUTPUT, Pattern, PlannedFile, Project, Stack, Stage, StagePlan, Surface, scaffold::serves,
};

const FOLDER: &str = "deployment";

/// What the deployment planner wants for a project; with `files`, which replace the names it would
/// choose, only those of its files that are named, and an empty file for each other name.
#[must_use]
pub fn plan(project: &Project, files: &[String]) -> StagePlan {
    let mut plan = StagePlan::new(Stage::DeploymentPlanner);
    plan.folders.push(format!("{OUTPUT}/{FOLDER}"));
    plan.files = own_files(project);
    if !files.is_empty() {
        let own = std::mem::take(&mut plan.files);
        plan.files = files
            .iter()
            .map(|path| {
                let known = own.iter().find(|file| file.path == *path);
                known.cloned().unwrap_or_else(|| PlannedFile {
                    path: path.clone(),
                    text: String::new(),
                    executable: false,
                })
            })
            .collect();
    }
    plan
}

fn own_files(project: &Project) -> Vec<PlannedFile> {
    let file = |name: &str, text: String| PlannedFile::new(&format!("{FOLDER}/{name}"), text);
    let mut files = Vec::new();
    match project.pattern {
        Pattern::Monolith => files.push(file("Dockerfile", dockerfile(project, Part::Whole))),
        Pattern::Microservices => {
            files.push(file("Dockerfile.api", dockerfile(project, Part::Api)));
            files.push(file("Dockerfile.worker", dockerfile(project, Part::Worker)));
        }
    }
    let has_compose = match project.surface {
        Surface::Unspecified | Surface::ApiVue => true,
        Surface::BackendOnly | Surface::Cli | Surface::Tui => {
            project.pattern == Pattern::Microservices
        }
    };
    if has_compose {
        files.push(file("docker-compose.yml", compose(project)));
    }
    files.push(PlannedFile {
        executable: true,
        ..file("run_local.sh", run_local(project))
    });
    files
}

/// Which part of the product an image holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Whole,
    Api,
    Worker,
}

impl Part {
    /// Its program, below the output folder, without ending.
    const fn program(self) -> &'static str {
        match self {
            Self::Whole => "main",
            Self::Api => "services/api/main",
            Self::Worker => "services/worker/main",
        }
    }
}

fn dockerfile(project: &Project, part: Part) -> String {
    let port = match part {
        Part::Whole | Part::Api if serves(project) => "EXPOSE 8000\n",
        Part::Whole | Part::Api | Part::Worker => "",
    };
    let program = part.program();
    let head = "# Built from the folder above this one.\n";
    match project.stack {
        Stack::Python | Stack::Polyglot => format!(
            "{head}FROM python:3.12-slim\nWORKDIR /app\n\
             COPY dependencies/requirements.txt dependencies/requirements.txt\n\
             RUN pip install --no-cache-dir -r dependencies/requirements.txt\n\
             COPY . .\n{port}USER nobody\nCMD [\"python\", \"{program}.py\"]\n"
        ),
        Stack::Node => format!(
            "{head}FROM node:22-slim\nWORKDIR /app\n\
             COPY dependencies/package.json package.json\n\
             RUN npm install --omit=dev\n\
             COPY . .\n{port}USER node\nCMD [\"node\", \"{program}.js\"]\n"
        ),
    }
}

fn compose(project: &Project) -> String {
    let service = |name: &str, dockerfile: &str, more: &str| {
        format!(
            "  {name}:\n    build:\n      context: ..\n      dockerfile: deployment/{dockerfile}\n    \
             env_file:\n      - path: ../.env\n        required: false\n    restart: unless-stopped\n{more}"
        )
    };
    let ports = "    ports:\n      - \"8000:8000\"\n";
    let services = match project.pattern {
        Pattern::Monolith => service(
            "app",
            "Dockerfile",
            if serves(project) { ports } else { "" },
        ),
        Pattern::Microservices => format!(
            "{}{}",
            service("api", "Dockerfile.api", ports),
            service(
                "worker",
                "Dockerfile.worker",
                "    depends_on:\n      - api\n"
            )
        ),
    };
    format!("services:\n{services}")
}

fn run_local(project: &Project) -> String {
    let (runner, ending) = match project.stack {
        Stack::Python | Stack::Polyglot => ("python3", "py"),
        Stack::Node => ("node", "js"),
    };
    let head = "#!/bin/sh\n# Starts the project on this machine, without a container.\nset -eu\n\
                cd \"$(dirname \"$0\")/..\"\n";
    match project.pattern {
        Pattern::Monolith => format!("{head}exec {runner} main.{ending} \"$@\"\n"),
        Pattern::Microservices => format!(
            "{head}{runner} services/worker/main.{ending} &\nworker=$!\n\
             trap 'kill \"$worker\"' EXIT INT TERM\n{runner} services/api/main.{ending} \"$@\"\n"
        ),
    }
}
