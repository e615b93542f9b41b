use proptest::prelude::*;

use orket_actors::port::store::GateDecision;

use super::*;
use crate::driver::command::{Archived, AssetChange, AssetVerb, Change, Look, WorkChange};
use crate::driver::kinds::{Resource, Template};
use crate::owner::wire::WorkKind;

fn work(change: WorkChange) -> Command {
    Command::Change(Change::Work(change))
}

fn read(message: &str) -> Parsed {
    parse(message, &["core".to_owned(), "sales".to_owned()], "core")
}

fn command(message: &str) -> Command {
    match read(message) {
        Parsed::Command(command) => command,
        other => panic!("{message}: {other:?}"),
    }
}

fn asset(department: &str, what: AssetVerb) -> Command {
    Command::Change(Change::Asset(AssetChange {
        what,
        department: department.to_owned(),
    }))
}

#[test]
fn looking_has_a_word_for_everything() {
    let look = |look| Command::Look(look);
    let teams = Resource::of("teams").unwrap();
    for message in [
        "list teams",
        "/list teams",
        "/list team",
        " List teams  core ",
        "/list teams --department core",
    ] {
        assert_eq!(
            command(message),
            look(Look::List(teams, "core".to_owned())),
            "{message}"
        );
    }
    assert_eq!(
        command("list teams sales"),
        look(Look::List(teams, "sales".to_owned()))
    );
    assert_eq!(command("/list departments"), look(Look::Departments));
    let cards = look(Look::Cards {
        epic: "x".to_owned(),
        department: "core".to_owned(),
    });
    for message in ["list cards x", "list-cards x", "/list-cards x core"] {
        assert_eq!(command(message), cards, "{message}");
    }
    let shown = Look::Show {
        resource: Resource::of("epic").unwrap(),
        name: "golden_flow".to_owned(),
        department: "core".to_owned(),
    };
    assert_eq!(command("show epic golden_flow"), look(shown));
    assert_eq!(command("show gate 7"), look(Look::Gate(7)));
    assert_eq!(command("status"), look(Look::Status(None)));
    assert_eq!(
        command("show run last"),
        look(Look::Status(Some("last".to_owned())))
    );
    assert_eq!(command("capabilities"), Command::Help);
    assert_eq!(command("/help me"), Command::Help);
}

#[test]
fn what_changes_assets_is_read_whole() {
    let created = AssetVerb::Create {
        kind: Template::Epic,
        name: "check_out".to_owned(),
        title: Some("Check Out".to_owned()),
        rock: Some("launch".to_owned()),
    };
    assert_eq!(
        command("/create epic \"Check Out\" sales --rock=launch"),
        asset("sales", created)
    );
    let card = AssetVerb::AddCard {
        epic: "x".to_owned(),
        seat: "coder".to_owned(),
        priority: 2.5,
        summary: "Write the parser".to_owned(),
        note: Some("soon".to_owned()),
    };
    assert_eq!(
        command("add-card x coder 2.5 Write the --note soon parser --department sales"),
        asset("sales", card)
    );
    let issue = command("/create issue x coder high Write it");
    assert!(matches!(
        issue,
        Command::Change(Change::Asset(AssetChange {
            what: AssetVerb::AddCard { .. },
            ..
        }))
    ));
    let moved = AssetVerb::MoveCard {
        card: "a/A-01".to_owned(),
        epic: "b".to_owned(),
    };
    assert_eq!(command("move-card a/A-01 b"), asset("core", moved));
    let gone = AssetVerb::Delete {
        kind: Template::Rock,
        name: "r".to_owned(),
    };
    assert_eq!(command("delete rock r"), asset("core", gone));
}

#[test]
fn work_is_started_stopped_and_decided() {
    let run = |kind| {
        work(WorkChange::Run {
            kind,
            name: "x".to_owned(),
            department: "core".to_owned(),
            model: None,
        })
    };
    assert_eq!(command("run epic x"), run(WorkKind::Epic));
    assert_eq!(command("/run x"), run(WorkKind::Card));
    assert_eq!(read("run x"), Parsed::Maybe(run(WorkKind::Card)));
    assert_eq!(
        command("/halt last"),
        work(WorkChange::Halt("last".to_owned()))
    );
    let decided = WorkChange::Decide {
        gate: 3,
        decision: GateDecision::Approved,
        reason: "it is fine".to_owned(),
    };
    assert_eq!(command("approve 3 it is fine"), work(decided));
    let put_away = WorkChange::Archive {
        what: Archived::Related("spike".to_owned()),
        reason: "old".to_owned(),
    };
    assert_eq!(
        command("archive related spike --reason old"),
        work(put_away)
    );
    assert_eq!(
        command("confirm ab12"),
        Command::Confirm(Some("ab12".to_owned()))
    );
}

#[test]
fn sentences_that_begin_like_commands_are_talk() {
    for sentence in [
        "list the ways I love thee",
        "show me how you feel",
        "show run times of my program",
        "create a story about dragons",
        "create epic poems with me please",
        "create epic poetry together",
        "delete my browser history",
        "run around the block twice",
        "help me understand recursion",
        "approve of my haircut",
        "status of the weather?",
        "archive the mails of last year",
        "don't create epic x",
        "list teams in football",
        "resume writing tips",
        "",
    ] {
        assert_eq!(read(sentence), Parsed::Talk, "{sentence}");
    }
}

#[test]
fn a_mistake_is_answered_with_the_right_form() {
    let hints: Vec<String> = [
        "/list",
        "/lst epics",
        "/create epic",
        "/create epic ...",
        "/create rock r --rock s",
        "/list epics nowhere",
        "add-card x coder soon Write it",
        "add-card x coder 1",
        "add-card x coder 1 Don't",
        "/approve it",
    ]
    .map(|message| match read(message) {
        Parsed::Hint(hint) => format!("{message}\n{hint}"),
        other => panic!("{message}: {other:?}"),
    })
    .to_vec();
    insta::assert_snapshot!(hints.join("\n\n"));
}

proptest! {
    #[test]
    fn no_message_breaks_it(message in "/?(list|show|create|add-card|run|delete)?( \\PC{0,30}){0,6}") {
        let _ = read(&message);
    }
}
