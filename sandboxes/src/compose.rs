//! The file that docker compose is given.

use crate::options::ContainerLimits;
use crate::sandbox::{Ports, TechStack};
use crate::secret::Secrets;
use crate::stack::{Check, Service, Source};
use crate::yaml::Yaml;

/// The label with the sandbox's id.
pub(crate) const LABEL: &str = "orket.sandbox";
/// The label with the digest of the registry's folder: whose sandbox it is.
pub(crate) const HOME_LABEL: &str = "orket.home";

/// What the file is made from.
pub(crate) struct Plan<'a> {
    pub(crate) id: &'a str,
    pub(crate) rock_id: &'a str,
    pub(crate) project_name: &'a str,
    pub(crate) home: &'a str,
    pub(crate) stack: TechStack,
    pub(crate) ports: Ports,
    pub(crate) limits: ContainerLimits,
    pub(crate) secrets: &'a Secrets,
}

/// The text of the file. It holds the secrets.
pub(crate) fn file(plan: &Plan<'_>) -> String {
    let parts = plan.stack.parts(&plan.ports, plan.secrets);
    let volumes = parts.iter().filter_map(|part| part.volume);
    let volumes = volumes.map(|(name, _)| (name, Yaml::map([("labels", labels(plan))])));
    let mut fields = vec![(
        "services",
        Yaml::map(parts.iter().map(|part| (part.name, service(part, plan)))),
    )];
    fields.push(("volumes", Yaml::map(volumes.collect::<Vec<_>>())));
    format!(
        "# Made by orket; holds passwords, so it is for its user only.\n{}",
        Yaml::map(fields).document()
    )
}

fn service(part: &Service, plan: &Plan<'_>) -> Yaml {
    let limits = plan.limits;
    let mut fields = vec![match part.source {
        Source::Build(folder) => ("build", Yaml::text(format!("./{folder}"))),
        Source::Image(image) => ("image", Yaml::text(image)),
    }];
    if !part.environment.is_empty() {
        let pairs = part.environment.iter();
        let pairs = pairs.map(|(name, value)| (*name, Yaml::text(value)));
        fields.push(("environment", Yaml::map(pairs)));
    }
    let ports = part.ports.iter();
    let ports = ports.map(|(host, inside)| Yaml::text(format!("127.0.0.1:{host}:{inside}")));
    fields.push(("ports", Yaml::List(ports.collect())));
    if let Some((name, at)) = part.volume {
        fields.push((
            "volumes",
            Yaml::List(vec![Yaml::text(format!("{name}:{at}"))]),
        ));
    }
    if let Some(after) = part.after {
        // An agent's own API may never listen, and its frontend is worth a look all the same.
        let condition = if after == "api" {
            "service_started"
        } else {
            "service_healthy"
        };
        let condition = Yaml::map([("condition", Yaml::text(condition))]);
        fields.push(("depends_on", Yaml::map([(after, condition)])));
    }
    fields.push(("restart", Yaml::text("unless-stopped")));
    fields.push(("healthcheck", healthcheck(part.check)));
    if let Some(cpus) = limits.cpus {
        fields.push(("cpus", Yaml::plain(cpus)));
    }
    if let Some(memory) = limits.memory_mb {
        let memory = memory.max(part.least_memory_mb);
        fields.push(("mem_limit", Yaml::text(format!("{memory}m"))));
    }
    if let Some(pids) = limits.pids {
        fields.push(("pids_limit", Yaml::plain(pids)));
    }
    fields.push((
        "security_opt",
        Yaml::List(vec![Yaml::text("no-new-privileges:true")]),
    ));
    fields.push(("labels", labels(plan)));
    fields.push(("logging", logging()));
    Yaml::map(fields)
}

fn labels(plan: &Plan<'_>) -> Yaml {
    Yaml::map([
        (LABEL, Yaml::text(plan.id)),
        (HOME_LABEL, Yaml::text(plan.home)),
        ("orket.rock", Yaml::text(plan.rock_id)),
        ("orket.project", Yaml::text(plan.project_name)),
    ])
}

/// Docker keeps logs for ever otherwise.
fn logging() -> Yaml {
    Yaml::map([
        ("driver", Yaml::text("json-file")),
        (
            "options",
            Yaml::map([
                ("max-size", Yaml::text("10m")),
                ("max-file", Yaml::text("3")),
            ]),
        ),
    ])
}

fn healthcheck(check: Check) -> Yaml {
    let command = match check {
        Check::Listens(port) => listens(port),
        Check::Shell(command) => command.to_owned(),
    };
    Yaml::map([
        (
            "test",
            Yaml::List(vec![Yaml::text("CMD-SHELL"), Yaml::text(command)]),
        ),
        ("interval", Yaml::text("10s")),
        ("timeout", Yaml::text("5s")),
        ("retries", Yaml::plain(12)),
        ("start_period", Yaml::text("30s")),
    ])
}

/// Nobody knows what an image that an agent wrote has in it: the first of the usual programs connects.
fn listens(port: u16) -> String {
    format!(
        "if command -v python3 >/dev/null; then python3 -c \"import socket; socket.create_connection(('127.0.0.1', {port}), 3)\"; \
         elif command -v node >/dev/null; then node -e \"require('net').connect({port}, '127.0.0.1').on('connect', () => process.exit(0)).on('error', () => process.exit(1))\"; \
         elif command -v bash >/dev/null; then bash -c 'exec 3<>/dev/tcp/127.0.0.1/{port}'; \
         else nc -z 127.0.0.1 {port} || wget -q -O /dev/null http://127.0.0.1:{port}/; fi"
    )
}

#[cfg(test)]
#[path = "compose_tests.rs"]
mod tests;
