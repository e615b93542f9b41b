//! What is never packed: secrets, databases, histories, and what a machine makes again. Names are
//! compared without regard to capitals.

use serde::Serialize;

/// Why something is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// A key, a password, an environment file.
    Secret,
    /// The history or the state of a tool.
    History,
    /// A database, or a part of one.
    Database,
    /// Made from something else.
    Derived,
    /// A packed bundle.
    Archive,
    /// A link that leads out of the folder.
    LinkOutside,
    /// A link to a folder, or to nothing.
    Link,
    /// A socket, a pipe, a device.
    NoFile,
}

impl Reason {
    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Secret => "may hold secrets",
            Self::History => "history or state",
            Self::Database => "database",
            Self::Derived => "made from something else",
            Self::Archive => "packed bundle",
            Self::LinkOutside => "link that leads out of the bundle",
            Self::Link => "link to a folder or to nothing",
            Self::NoFile => "no regular file",
        }
    }
}

/// Folders that are left out whole.
const FOLDERS: [(&str, Reason); 24] = [
    (".git", Reason::History),
    (".hg", Reason::History),
    (".svn", Reason::History),
    (".jj", Reason::History),
    (".orket", Reason::History),
    (".ssh", Reason::Secret),
    (".gnupg", Reason::Secret),
    (".aws", Reason::Secret),
    (".azure", Reason::Secret),
    (".kube", Reason::Secret),
    (".docker", Reason::Secret),
    // Of a home folder: gcloud, gh and others keep their tokens there.
    (".config", Reason::Secret),
    (".password-store", Reason::Secret),
    ("node_modules", Reason::Derived),
    ("target", Reason::Derived),
    ("__pycache__", Reason::Derived),
    (".venv", Reason::Derived),
    ("venv", Reason::Derived),
    (".tox", Reason::Derived),
    (".nox", Reason::Derived),
    (".mypy_cache", Reason::Derived),
    (".pytest_cache", Reason::Derived),
    (".ruff_cache", Reason::Derived),
    (".terraform", Reason::Secret),
];

/// Files that are left out by their name.
const FILES: [(&str, Reason); 16] = [
    // That of a worktree or a submodule is a file.
    (".git", Reason::History),
    (".git-credentials", Reason::Secret),
    (".gitconfig", Reason::Secret),
    (".netrc", Reason::Secret),
    ("_netrc", Reason::Secret),
    (".npmrc", Reason::Secret),
    (".pypirc", Reason::Secret),
    (".pgpass", Reason::Secret),
    (".my.cnf", Reason::Secret),
    (".htpasswd", Reason::Secret),
    (".dockercfg", Reason::Secret),
    (".dockerconfigjson", Reason::Secret),
    (".vault-token", Reason::Secret),
    ("kubeconfig", Reason::Secret),
    ("env", Reason::Secret),
    (".ds_store", Reason::Derived),
];

/// Files that are left out by the end of their name.
const ENDS: [(&str, Reason); 23] = [
    (".env", Reason::Secret),
    (".pem", Reason::Secret),
    (".key", Reason::Secret),
    (".p12", Reason::Secret),
    (".pfx", Reason::Secret),
    (".p8", Reason::Secret),
    (".der", Reason::Secret),
    (".jks", Reason::Secret),
    (".keystore", Reason::Secret),
    (".ppk", Reason::Secret),
    (".kdbx", Reason::Secret),
    (".asc", Reason::Secret),
    (".gpg", Reason::Secret),
    (".tfstate", Reason::Secret),
    (".db", Reason::Database),
    (".db3", Reason::Database),
    (".mdb", Reason::Database),
    ("-wal", Reason::Database),
    ("-shm", Reason::Database),
    ("-journal", Reason::Database),
    (".duckdb", Reason::Database),
    (".pyc", Reason::Derived),
    (".orket", Reason::Archive),
];

/// Why a folder of this name is left out.
#[must_use]
pub fn folder(name: &str) -> Option<Reason> {
    let name = name.to_lowercase();
    if name.starts_with(".env") {
        return Some(Reason::Secret);
    }
    FOLDERS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, reason)| *reason)
}

/// Why a file of this name is left out.
#[must_use]
pub fn file(name: &str) -> Option<Reason> {
    let name = name.to_lowercase();
    if name.starts_with(".env") || is_key(&name) || is_said_to_be_secret(&name) {
        return Some(Reason::Secret);
    }
    // `app.db.bak`, `app.sqlite3`, `app.db-wal`: wherever it stands.
    let is_database = |part: &str| {
        part == "db" || part.starts_with("sqlite") || part.starts_with("db-") || part == "db3"
    };
    if name.split('.').skip(1).any(is_database) {
        return Some(Reason::Database);
    }
    let by_name = FILES.iter().find(|(known, _)| *known == name);
    let by_end = || ENDS.iter().find(|(end, _)| name.ends_with(end));
    by_name.or_else(by_end).map(|(_, reason)| *reason)
}

/// `secrets.yaml`, `.token`, `service-account-prod.json`, `.bash_history`, `server.pem.bak`: what its name
/// says. Not `secrets.md`, which is a text of somebody's.
fn is_said_to_be_secret(name: &str) -> bool {
    let bare = name.trim_start_matches('.');
    let (stem, end) = bare.split_once('.').unwrap_or((bare, ""));
    let known = [
        "secret",
        "secrets",
        "token",
        "tokens",
        "credential",
        "credentials",
        "password",
        "passwords",
    ];
    let is_text = matches!(end, "md" | "rst" | "html");
    (known.contains(&stem) && !is_text)
        || ((stem.starts_with("service-account") || stem.starts_with("service_account"))
            && end == "json")
        || (name.starts_with('.') && name.ends_with("_history"))
        || end.split('.').any(|part| part == "pem" || part == "key")
}

/// Private keys as ssh names them: `id_ed25519`, `id_rsa.pub`, `id_rsa.bak`, `id_work`; not
/// `id_checker.json`, which is an agent's.
fn is_key(name: &str) -> bool {
    let Some(rest) = name.strip_prefix("id_") else {
        return false;
    };
    let kinds = ["rsa", "dsa", "ecdsa", "ed25519"];
    !rest.contains('.') || rest.ends_with(".pub") || kinds.iter().any(|kind| rest.starts_with(kind))
}

/// Why something at this path, with `/`, is left out: by a folder on the way, or by its own name.
#[must_use]
pub fn path(path: &str) -> Option<Reason> {
    let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
    let of_folder = folders
        .split('/')
        .filter(|it| !it.is_empty())
        .find_map(folder);
    of_folder.or_else(|| file(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_databases_and_histories_stay_here() {
        let left_out = [
            (".env", Reason::Secret),
            (".env.production", Reason::Secret),
            ("deploy/PROD.ENV", Reason::Secret),
            ("certs/server.PEM", Reason::Secret),
            ("id_ed25519", Reason::Secret),
            ("id_work", Reason::Secret),
            ("id_rsa.bak", Reason::Secret),
            (".ssh/config", Reason::Secret),
            ("server.pem.bak", Reason::Secret),
            ("deploy/secrets.yaml", Reason::Secret),
            (".token", Reason::Secret),
            ("Credentials.json", Reason::Secret),
            ("service-account-prod.json", Reason::Secret),
            (".bash_history", Reason::Secret),
            (".config/gh/hosts.yml", Reason::Secret),
            (".git/config", Reason::History),
            ("sub/.git", Reason::History),
            (".orket/durable/x", Reason::History),
            ("a.db", Reason::Database),
            ("a.db-wal", Reason::Database),
            ("a.sqlite", Reason::Database),
            ("a.sqlite3-shm", Reason::Database),
            ("a.db.bak", Reason::Database),
            ("node_modules/x/index.js", Reason::Derived),
            ("__pycache__/a.pyc", Reason::Derived),
            ("old-0.1.0.orket", Reason::Archive),
        ];
        for (name, reason) in left_out {
            assert_eq!(path(name), Some(reason), "{name}");
        }
        let packed = [
            "orket.yaml",
            "agents/id_checker.json",
            "prompts/environment.md",
            "docs/keys.md",
            "docs/secrets.md",
            "src/token_count.js",
            "agents/secretary.json",
            "data/history",
            ".gitignore",
            ".editorconfig",
            "data/target.json",
            "src/dbms.md",
            "guards/safety.json",
        ];
        for name in packed {
            assert_eq!(path(name), None, "{name}");
        }
    }
}
