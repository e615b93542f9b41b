//! What it means when git fails.

/// How much of git's own words goes into an error, in characters.
const MAX_SAID: usize = 300;

/// A git command that did not do what it should. Without secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{doing}: {}{}{said}", kind.words(), if said.is_empty() { "" } else { ": " })]
pub struct GitError {
    /// What it means.
    pub kind: GitErrorKind,
    doing: String,
    said: String,
}

/// What a failure of git means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GitErrorKind {
    /// The program is not there.
    Missing,
    /// It was stopped at its time limit.
    TooLong,
    /// The credentials are wrong or may not do this.
    Unauthorized,
    /// No such repository, branch or commit.
    NotFound,
    /// Somebody pushed meanwhile.
    Outrun,
    /// A hook or a rule of the branch refused what was pushed.
    Refused,
    /// The server answered that it cannot just now.
    Unavailable,
    /// There was no answer, or it broke off.
    Unreachable,
    /// The arguments or the folder cannot be used; git was not asked.
    Unusable,
    /// Anything else.
    Failed,
}

impl GitErrorKind {
    fn words(self) -> &'static str {
        match self {
            Self::Missing => "the program git is not installed",
            Self::TooLong => "git took too long and was stopped",
            Self::Unauthorized => "the credentials do not allow it",
            Self::NotFound => "there is no such repository, branch or commit",
            Self::Outrun => "somebody else pushed meanwhile",
            Self::Refused => "the server refused the push",
            Self::Unavailable => "the server cannot do it just now",
            Self::Unreachable => "the server did not answer to the end",
            Self::Unusable => "it cannot be asked so",
            Self::Failed => "git failed",
        }
    }

    /// By git's words in the C locale; the output of `push --porcelain` counts among them.
    pub(super) fn of_words(words: &str) -> Self {
        let has = |some: &[&str]| some.iter().any(|some| words.contains(some));
        if has(&[
            "Authentication failed",
            "could not read Username",
            "could not read Password",
            "requested URL returned error: 401",
            "requested URL returned error: 403",
        ]) {
            return Self::Unauthorized;
        }
        if has(&[
            "couldn't find remote ref",
            "not our ref",
            "requested URL returned error: 404",
            "fatal: repository '",
        ]) {
            return Self::NotFound;
        }
        if has(&[
            "[rejected]",
            "(fetch first)",
            "(non-fast-forward)",
            "cannot lock ref",
            "failed to update ref",
            "incorrect old value provided",
        ]) {
            return Self::Outrun;
        }
        if has(&["[remote rejected]", "hook declined"]) {
            return Self::Refused;
        }
        if has(&[
            "requested URL returned error: 5",
            "requested URL returned error: 429",
            "RPC failed; HTTP 5",
            "RPC failed; HTTP 429",
        ]) {
            return Self::Unavailable;
        }
        if has(&[
            "fatal: unable to access '",
            "RPC failed; curl",
            "the remote end hung up",
            "unexpected disconnect",
            "early EOF",
        ]) {
            return Self::Unreachable;
        }
        Self::Failed
    }
}

impl GitError {
    pub(crate) fn new(kind: GitErrorKind, doing: &str, said: &str) -> Self {
        let line = said.split_whitespace().collect::<Vec<_>>().join(" ");
        let said = match line.char_indices().nth(MAX_SAID) {
            Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
            None => line,
        };
        Self {
            kind,
            doing: doing.to_owned(),
            said,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_git_say_what_a_failure_means() {
        let access = "fatal: unable to access 'http://g/a/b.git/':";
        let words = [
            (
                format!("{access} The requested URL returned error: 503"),
                GitErrorKind::Unavailable,
            ),
            (
                format!("{access} The requested URL returned error: 403"),
                GitErrorKind::Unauthorized,
            ),
            (
                format!("{access} Could not resolve host: g"),
                GitErrorKind::Unreachable,
            ),
            (
                "error: RPC failed; HTTP 502 curl 22 fatal: the remote end hung up".to_owned(),
                GitErrorKind::Unavailable,
            ),
            (
                "error: RPC failed; curl 56 Recv failure: Connection reset by peer".to_owned(),
                GitErrorKind::Unreachable,
            ),
            (
                "!\ta:b\t[remote rejected] (pre-receive hook declined)".to_owned(),
                GitErrorKind::Refused,
            ),
            (
                "!\ta:b\t[remote rejected] (failed to update ref)".to_owned(),
                GitErrorKind::Outrun,
            ),
            (
                "fatal: loose object 1 is corrupt".to_owned(),
                GitErrorKind::Failed,
            ),
        ];
        for (words, kind) in words {
            assert_eq!(GitErrorKind::of_words(&words), kind, "{words}");
        }
    }
}
