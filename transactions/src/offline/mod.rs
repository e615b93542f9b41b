//! Offline mode: which commands work without a network, and whether that is so.
//!
//! # Layout
//!
//! - this file: the matrix, and what a check of it finds.
//! - [`probe`]: tries it out: a confined child that wants to get out, and this program without a
//!   socket.

pub mod probe;

use serde::Serialize;

use crate::network::NetworkMode;
use crate::refusal::{Code, Refusal};

/// A command's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The command.
    pub command: &'static str,
    /// Whether it works offline.
    pub offline_supported: bool,
    /// Whether it needs a network.
    pub requires_network: bool,
    /// What is lost offline.
    pub degradation: &'static str,
    /// In words.
    pub notes: &'static str,
}

/// The matrix.
pub const MATRIX: [Row; 3] = [
    row("init", "blueprints are part of the program"),
    row("api_add", "works on files of the repository"),
    row("refactor", "works on files of the repository"),
];

const fn row(command: &'static str, notes: &'static str) -> Row {
    Row {
        command,
        offline_supported: true,
        requires_network: false,
        degradation: "none",
        notes,
    }
}

/// The row of a command that is to run under `mode`.
///
/// # Errors
///
/// `E_OFFLINE_COMMAND_UNKNOWN`, `E_OFFLINE_UNSUPPORTED_COMMAND`.
pub fn require(matrix: &[Row], command: &str, mode: NetworkMode) -> Result<Row, Refusal> {
    let Some(row) = matrix.iter().find(|row| row.command == command) else {
        return Err(Refusal::new(
            Code::OfflineCommandUnknown,
            format!("`{command}` is not in the offline matrix"),
        )
        .hint("orket check offline-matrix --json names those that are"));
    };
    if mode == NetworkMode::Offline && !row.offline_supported {
        return Err(Refusal::new(
            Code::OfflineUnsupportedCommand,
            format!("`{command}` does not work offline: {}", row.notes),
        )
        .hint("ORKET_NETWORK_MODE=online_opt_in lets it use the network"));
    }
    Ok(*row)
}

/// What a check is about.
#[derive(Debug, Clone, Copy)]
pub struct Check<'a> {
    /// The rows.
    pub matrix: &'a [Row],
    /// The document and its name; `None` when it is not there.
    pub doc: (&'a str, Option<&'a str>),
    /// The mode that holds when nobody says anything.
    pub default_mode: Result<NetworkMode, &'a Refusal>,
    /// `--require-default-offline`.
    pub require_default_offline: bool,
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whether all is well.
    pub ok: bool,
    /// `PASS` or `FAIL`.
    pub status: &'static str,
    /// `OK`, or the code of the first failure.
    pub code: &'static str,
    /// The document.
    pub matrix_doc: String,
    /// The mode; empty when it is none.
    pub default_network_mode: &'static str,
    /// The commands.
    pub required_commands: Vec<&'static str>,
    /// The rows.
    pub matrix: Vec<Row>,
    /// What was tried out.
    pub probes: Vec<probe::Probe>,
    /// How many failures.
    pub failure_count: usize,
    /// Them.
    pub failures: Vec<String>,
}

/// What must be in the matrix.
const REQUIRED: [&str; 3] = ["init", "api_add", "refactor"];

/// Looks at the document, the matrix, the default, and what was tried out.
#[must_use]
pub fn check(check: Check<'_>, probes: Vec<probe::Probe>) -> Report {
    let mut failures = Vec::new();
    let mut code = None;
    let mut fail = |failure: String, because: Code| {
        code.get_or_insert(because.as_str());
        failures.push(failure);
    };
    let (name, doc) = check.doc;
    match doc {
        None => fail(
            format!("missing_matrix_doc:{name}"),
            Code::OfflineCommandUnknown,
        ),
        Some(text) => {
            for command in REQUIRED {
                if !text.contains(&format!("`{command}`")) {
                    fail(
                        format!("doc_missing_command:{command}"),
                        Code::OfflineCommandUnknown,
                    );
                }
            }
        }
    }
    for command in REQUIRED {
        match require(check.matrix, command, NetworkMode::Offline) {
            Ok(row) if !row.requires_network || !check.require_default_offline => {}
            Ok(_) => fail(
                format!("default_offline_surface_failed:{command}"),
                Code::OfflineDefaultNetworkRequired,
            ),
            Err(refusal) if refusal.code == Code::OfflineCommandUnknown => {
                fail(format!("matrix_missing_command:{command}"), refusal.code);
            }
            Err(_) if !check.require_default_offline => {}
            Err(refusal) => fail(
                format!("default_offline_surface_failed:{command}"),
                refusal.code,
            ),
        }
    }
    let mode = match check.default_mode {
        Ok(mode) => {
            if mode != NetworkMode::Offline {
                fail(
                    format!("default_network_mode_not_offline:{mode}"),
                    Code::OfflineDefaultNetworkRequired,
                );
            }
            mode.as_str()
        }
        Err(refusal) => {
            fail(
                format!("default_network_mode_error:{}", refusal.message),
                refusal.code,
            );
            ""
        }
    };
    for probe in &probes {
        if probe.verdict == probe::Verdict::Leaks {
            fail(
                format!("network_probe_failed:{}: {}", probe.name, probe.detail),
                Code::OfflineDefaultNetworkRequired,
            );
        }
    }
    Report {
        ok: failures.is_empty(),
        status: if failures.is_empty() { "PASS" } else { "FAIL" },
        code: code.unwrap_or("OK"),
        matrix_doc: name.to_owned(),
        default_network_mode: mode,
        required_commands: REQUIRED.to_vec(),
        matrix: check.matrix.to_vec(),
        probes,
        failure_count: failures.len(),
        failures,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOC: &str = "`init` `api_add` `refactor`";

    fn found(matrix: &[Row], doc: Option<&str>, mode: &str, strict: bool) -> (String, Vec<String>) {
        let mode = NetworkMode::resolve([mode]);
        let report = check(
            Check {
                matrix,
                doc: ("doc.md", doc),
                default_mode: mode.as_ref().copied(),
                require_default_offline: strict,
            },
            Vec::new(),
        );
        assert_eq!(report.ok, report.failures.is_empty());
        assert_eq!(report.failure_count, report.failures.len());
        (report.code.to_owned(), report.failures)
    }

    #[test]
    fn a_check_names_what_does_not_hold() {
        let fails = |code: &str, failures: &[&str]| {
            let failures = failures.iter().map(|it| (*it).to_owned()).collect();
            (code.to_owned(), failures)
        };
        assert_eq!(found(&MATRIX, Some(DOC), "", true), fails("OK", &[]));
        assert_eq!(
            found(&MATRIX, None, "", false),
            fails("E_OFFLINE_COMMAND_UNKNOWN", &["missing_matrix_doc:doc.md"])
        );
        assert_eq!(
            found(&MATRIX, Some("`init` refactor `api_add`"), "", false),
            fails(
                "E_OFFLINE_COMMAND_UNKNOWN",
                &["doc_missing_command:refactor"]
            )
        );
        assert_eq!(
            found(&MATRIX[..2], Some(DOC), "", false),
            fails(
                "E_OFFLINE_COMMAND_UNKNOWN",
                &["matrix_missing_command:refactor"]
            )
        );
        assert_eq!(
            found(&MATRIX, Some(DOC), "online_opt_in", false),
            fails(
                "E_OFFLINE_DEFAULT_NETWORK_REQUIRED",
                &["default_network_mode_not_offline:online_opt_in"]
            )
        );
        let (code, failures) = found(&MATRIX, Some(DOC), "sometimes", false);
        assert_eq!(code, "E_NETWORK_MODE_INVALID");
        assert!(failures[0].starts_with("default_network_mode_error:`sometimes`"));
        let mut online = MATRIX;
        online[0].requires_network = true;
        online[1].offline_supported = false;
        assert_eq!(found(&online, Some(DOC), "", false), fails("OK", &[]));
        assert_eq!(
            found(&online, Some(DOC), "", true),
            fails(
                "E_OFFLINE_DEFAULT_NETWORK_REQUIRED",
                &[
                    "default_offline_surface_failed:init",
                    "default_offline_surface_failed:api_add"
                ]
            )
        );
    }

    #[test]
    fn a_command_is_known_and_works_or_is_refused() {
        let mut matrix = MATRIX;
        matrix[0].offline_supported = false;
        let code = |command: &str, mode| require(&matrix, command, mode).map_err(|it| it.code);
        assert_eq!(
            code("init", NetworkMode::Offline),
            Err(Code::OfflineUnsupportedCommand)
        );
        assert!(code("init", NetworkMode::OnlineOptIn).is_ok());
        assert_eq!(
            code("swap", NetworkMode::Offline),
            Err(Code::OfflineCommandUnknown)
        );
    }
}
