//! How commands are written.

use std::fmt::Write as _;

use orket_core::asset::name;

/// Each command with its form and what it does.
pub const FORMS: [(&str, &str); 22] = [
    ("help", "this list"),
    ("board [DEPARTMENT]", "rocks and epics with their status"),
    (
        "status [RUN]",
        "how a run stands; without one, what is under way",
    ),
    ("list departments|runs|gates", "what there is of them"),
    (
        "list teams|environments|epics|rocks|roles|dialects|skills|contracts|artifacts [DEPARTMENT]",
        "the names of these assets",
    ),
    (
        "list cards EPIC [DEPARTMENT]",
        "the cards of an epic; also list-cards",
    ),
    (
        "show KIND NAME [DEPARTMENT]",
        "an asset's file; also show run ID, show card ID, show gate N",
    ),
    ("watch RUN", "how to follow a run"),
    ("replay RUN:CARD:TURN[:ROLE]", "how to look at it again"),
    (
        "create team|environment|epic|rock NAME [DEPARTMENT] [--rock ROCK]",
        "a new asset from a template",
    ),
    (
        "add-card EPIC SEAT PRIORITY SUMMARY… [--department D] [--note TEXT]",
        "one more card for an epic; also create issue",
    ),
    (
        "move-card CARD EPIC [DEPARTMENT]",
        "takes a card into another epic",
    ),
    (
        "assign-card CARD SEAT [DEPARTMENT]",
        "gives a card to another seat",
    ),
    (
        "assign-team TEAM EPIC [DEPARTMENT]",
        "gives an epic to another team",
    ),
    (
        "delete card CARD | delete KIND NAME [DEPARTMENT]",
        "removes it from the files",
    ),
    (
        "run [epic|rock|card] NAME [DEPARTMENT]",
        "starts it, or goes on with it",
    ),
    ("halt RUN", "stops a run"),
    ("resume RUN", "goes on with a run"),
    (
        "approve|reject|expire GATE [REASON…]",
        "decides what waits for a person",
    ),
    (
        "archive card|build|related TEXT [--reason R]",
        "puts cards away",
    ),
    (
        "confirm [PLAN]",
        "carries out the plan that was shown; yes does, too",
    ),
    ("cancel", "drops it; no does, too"),
];

/// How a command is written.
pub(super) fn usage(verb: &str) -> String {
    let forms: Vec<String> = FORMS
        .iter()
        .filter(|(form, _)| {
            let head = form.split_whitespace().next().unwrap_or_default();
            head.split('|').any(|it| it == verb)
        })
        .map(|(form, what)| format!("  /{form}\n      {what}"))
        .collect();
    if forms.is_empty() {
        let verbs: Vec<&str> = FORMS
            .iter()
            .filter_map(|(form, _)| form.split_whitespace().next())
            .collect();
        let near = name::suggestion(verb, verbs.iter().flat_map(|it| it.split('|')));
        return format!("there is no command `{verb}`; {near}\n`/help` lists all of them");
    }
    format!("write it like this:\n{}", forms.join("\n"))
}

/// The list of commands.
pub(super) fn help(departments: &[String]) -> String {
    let mut text =
        "Orket's driver. Ask in plain words, or give a command, with or without the slash:\n"
            .to_owned();
    for (form, what) in FORMS {
        let _ = write!(text, "\n/{form}\n    {what}");
    }
    let _ = write!(
        text,
        "\n\nWhat changes something is shown first and done after your yes.\nDepartments: {}",
        departments.join(", ")
    );
    text
}
