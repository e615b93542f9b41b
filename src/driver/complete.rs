//! What a line may go on with, for whoever types it: verbs, kinds, names of assets, runs, gates,
//! departments. Names with blanks are offered in quotes.

use orket_core::asset::{AssetSource, Epic, Library, Team};

use super::kinds::RESOURCES;
use super::parse::{ONLY_COMMANDS, VERBS};
use crate::owner::ports::Records;

/// Runs that are offered.
const RUNS: u32 = 50;
/// What is offered at most.
const MOST: usize = 200;

/// What a line may go on with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// Where the word begins that is completed, in bytes.
    pub start: usize,
    /// The words that may stand there, in order.
    pub words: Vec<String>,
}

/// A kind of word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Verb,
    Asset(&'static str),
    Card,
    Seat,
    Run,
    Gate,
    Department,
    Word(&'static str),
}

use Kind::{Asset, Card, Department, Gate, Run, Seat, Verb, Word};

const EPIC: Kind = Asset("epics");
const ROCK: Kind = Asset("rocks");

/// The words for which a line that ends at the cursor may go on; nothing for plain words. Blocking.
pub fn complete<S: AssetSource>(
    line: &str,
    library: &Library<S>,
    department: &str,
    records: &dyn Records,
) -> Completion {
    let start = line
        .rfind(char::is_whitespace)
        .map_or(0, |at| at + line.get(at..).map_or(0, first_len));
    let begun = line.get(start..).unwrap_or_default();
    let before: Vec<&str> = line
        .get(..start)
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    let kinds = kinds(&before, begun);
    let slash = if before.is_empty() && begun.starts_with('/') {
        "/"
    } else {
        ""
    };
    let begun = begun.trim_start_matches(['/', '"']);
    let mut words = Vec::new();
    for kind in kinds {
        for word in of_kind(kind, library, department, records) {
            if word.starts_with(begun) && !words.contains(&word) {
                words.push(word);
            }
        }
    }
    words.truncate(MOST);
    let shown = words.into_iter().map(|word| {
        if word.contains(char::is_whitespace) {
            format!("\"{word}\"")
        } else {
            format!("{slash}{word}")
        }
    });
    Completion {
        start,
        words: shown.collect(),
    }
}

fn first_len(text: &str) -> usize {
    text.chars().next().map_or(0, char::len_utf8)
}

/// What may stand behind these words.
fn kinds(before: &[&str], begun: &str) -> Vec<Kind> {
    let Some((verb, rest)) = before.split_first() else {
        return vec![Verb, Word("exit")];
    };
    let verb = verb.trim_start_matches('/');
    if begun.starts_with('-') {
        return options(verb).iter().map(|option| Word(option)).collect();
    }
    match rest.last().copied() {
        Some("--department") => return vec![Department],
        Some("--rock") => return vec![ROCK],
        Some("--model" | "--reason" | "--note") => return Vec::new(),
        _ => {}
    }
    match (verb, rest) {
        ("help", []) => vec![Verb],
        ("board", []) => vec![Department],
        ("list", []) => ["departments", "runs", "gates", "cards"]
            .into_iter()
            .chain(RESOURCES.iter().map(|resource| resource.many))
            .map(Word)
            .collect(),
        ("list", ["cards"]) | ("list-cards", []) => vec![EPIC],
        ("list", ["cards", _] | [_])
        | ("list-cards", [_])
        | ("run", ["epic" | "rock" | "card", _]) => vec![Department],
        ("show", []) => ["run", "card", "gate"]
            .into_iter()
            .chain(RESOURCES.iter().map(|resource| resource.one))
            .map(Word)
            .chain([Run])
            .collect(),
        ("show", ["run"]) | ("status" | "watch" | "halt" | "resume", []) => {
            vec![Word("last"), Run]
        }
        ("show", ["gate"]) | ("approve" | "reject" | "expire", []) => vec![Gate],
        ("show" | "run" | "archive" | "unarchive" | "delete", ["card"])
        | ("move-card" | "assign-card", []) => vec![Card],
        ("run", ["epic"]) | ("move-card" | "assign-team", [_]) | ("add-card", []) => vec![EPIC],
        ("run", ["rock"]) => vec![ROCK],
        ("run", []) => vec![Word("epic"), Word("rock"), Word("card"), EPIC, ROCK, Card],
        ("show" | "delete", [kind]) => RESOURCES
            .iter()
            .filter(|resource| resource.one == *kind || resource.many == *kind)
            .map(|resource| Asset(resource.many))
            .collect(),
        ("show", [_, _]) | ("create" | "delete", [_, _]) => vec![Department],
        ("create", []) => ["epic", "rock", "team", "environment"].map(Word).to_vec(),
        ("delete", []) => ["card", "epic", "rock", "team", "environment"]
            .map(Word)
            .to_vec(),
        ("archive" | "unarchive", []) => ["card", "build", "related"].map(Word).to_vec(),
        ("assign-team", []) => vec![Asset("teams")],
        ("add-card" | "assign-card", [_]) => vec![Seat],
        ("add-card", [_, _]) => ["high", "medium", "low"].map(Word).to_vec(),
        ("replay", []) => vec![Word("last"), Run],
        _ => Vec::new(),
    }
}

fn options(verb: &str) -> &'static [&'static str] {
    match verb {
        "run" => &["--model", "--department"],
        "create" => &["--rock", "--department"],
        "add-card" => &["--note", "--department"],
        "archive" | "unarchive" => &["--reason"],
        _ => &[],
    }
}

fn of_kind<S: AssetSource>(
    kind: Kind,
    library: &Library<S>,
    department: &str,
    records: &dyn Records,
) -> Vec<String> {
    match kind {
        Verb => VERBS
            .into_iter()
            .chain(ONLY_COMMANDS)
            .map(str::to_owned)
            .collect(),
        Word(word) => vec![word.to_owned()],
        Asset(many) => library.list(many, department),
        Department => library.departments(),
        Card => {
            let epics = library.list("epics", department).into_iter();
            let epics = epics.filter_map(|epic| library.load::<Epic>(&epic, department).ok());
            epics
                .flat_map(|epic| epic.asset.issues)
                .map(|issue| issue.id.as_str().to_owned())
                .collect()
        }
        Seat => {
            let teams = library.list("teams", department).into_iter();
            let teams = teams.filter_map(|team| library.load::<Team>(&team, department).ok());
            teams
                .flat_map(|team| team.asset.seats)
                .map(|seat| seat.key)
                .collect()
        }
        Run => {
            let runs = records.runs(RUNS).unwrap_or_default();
            runs.into_iter().map(|run| run.run_id).collect()
        }
        Gate => {
            let gates = records.gates(Some("pending")).unwrap_or_default();
            gates.into_iter().map(|gate| gate.id.to_string()).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assets::DiskThenEmbedded;
    use crate::owner::records::JournalRecords;

    fn words(line: &str) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        for (file, text) in [
            (
                "config/epics/check_out.json",
                r#"{"epic": {"name": "check_out", "team": "standard", "environment": "standard", "issues": [
                    {"id": "CO-1", "summary": "Pay", "seat": "coder"}]}}"#,
            ),
            (
                "model/sales/epics/pipeline.json",
                r#"{"epic": {"name": "pipeline", "team": "standard", "environment": "standard", "issues": []}}"#,
            ),
        ] {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let assets = DiskThenEmbedded::new(folder.path());
        let library = Library::new(&assets);
        let completion = complete(line, &library, "core", &JournalRecords::new(None));
        assert!(line.is_char_boundary(completion.start));
        completion.words
    }

    #[test]
    fn each_place_offers_what_may_stand_there() {
        assert_eq!(words("sho"), ["show"]);
        assert_eq!(words("/unar"), ["/unarchive"]);
        assert_eq!(words("run check"), ["check_out"]);
        assert_eq!(words("run epic che"), ["check_out"]);
        assert_eq!(words("run epic check_out sa"), ["sales"]);
        assert_eq!(words("run check_out --m"), ["--model"]);
        assert_eq!(words("archive card CO"), ["CO-1"]);
        assert_eq!(words("watch "), ["last"]);
        assert_eq!(words("help wat"), ["watch"]);
        assert_eq!(words("show ga"), ["gate"]);
        for nothing in [
            "tell me ",
            "run epic check_out --model ",
            "zzz",
            "wie geht’s ",
        ] {
            assert!(words(nothing).is_empty(), "{nothing}");
        }
    }
}
