//! How commands are written.

use std::fmt::Write as _;

use orket_core::asset::name;

/// Each command with its form and what it does.
pub const FORMS: [(&str, &str); 25] = [
    (
        "help [VERB]",
        "the list of commands; with a verb, how it is written",
    ),
    ("board [DEPARTMENT]", "rocks and epics with their status"),
    (
        "status [RUN]",
        "how a run stands; without one, what is under way",
    ),
    ("runs", "the newest runs; also list runs"),
    ("gates", "what waits for a person; also list gates"),
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
    (
        "watch [RUN]",
        "follows a run, the newest when none is named",
    ),
    ("replay RUN:CARD:TURN[:ROLE]", "a recorded turn, once more"),
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
        "run [epic|rock|card] NAME [DEPARTMENT] [--model PROVIDER:MODEL]",
        "starts it, or goes on with it",
    ),
    ("halt [RUN]", "stops a run, the newest when none is named"),
    (
        "resume [RUN]",
        "goes on with a run, the newest when none is named",
    ),
    (
        "approve|reject|expire GATE [REASON…]",
        "decides what waits for a person",
    ),
    (
        "archive card|build|related TEXT [--reason R]",
        "puts cards away",
    ),
    (
        "unarchive card|build|related TEXT [--reason R]",
        "gives archived cards the status back that they had",
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

/// The same on one screen: 24 rows of 80 columns, with the line that it was asked in.
const SCREEN: [(&str, &str); 15] = [
    ("board [DEPARTMENT]", "rocks, epics, cards and their status"),
    (
        "status [RUN], runs, gates",
        "how runs stand; what waits for you",
    ),
    (
        "list KIND [DEPARTMENT]",
        "departments, epics, cards EPIC, teams",
    ),
    ("show KIND NAME, show run|card|gate ID", "one of them"),
    ("watch [RUN]", "follows a run"),
    ("replay RUN:CARD:TURN", "a recorded turn, once more"),
    (
        "run [epic|rock|card] NAME [--model M]",
        "starts it, or goes on with it",
    ),
    ("halt [RUN], resume [RUN]", "stops a run, goes on with it"),
    (
        "approve|reject|expire GATE [REASON]",
        "decides what waits for you",
    ),
    (
        "archive|unarchive card|build|related X",
        "puts cards away, and back",
    ),
    (
        "create epic|rock|team|environment NAME",
        "a new asset from a template",
    ),
    (
        "add-card EPIC SEAT PRIORITY SUMMARY",
        "one more card for an epic",
    ),
    (
        "move-card, assign-card, assign-team",
        "where a card or an epic belongs",
    ),
    (
        "delete card|epic|rock|team NAME",
        "removes it from the files",
    ),
    ("confirm [PLAN], cancel", "carries out a plan, or drops it"),
];

/// The list of commands.
pub(super) fn help(departments: &[String]) -> String {
    let mut text = "Ask in plain words, or give a command, with or without a slash:\n".to_owned();
    for (form, what) in SCREEN {
        let _ = writeln!(text, "  {form:<38}  {what}");
    }
    let _ = write!(
        text,
        "`help VERB` tells more. What changes something is shown first and done after\nyour yes. Departments: {}",
        departments.join(", ")
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::parse::{ONLY_COMMANDS, VERBS};

    #[test]
    fn the_list_fits_a_screen_and_names_every_verb() {
        let text = help(&["core".to_owned()]);
        assert!(text.lines().count() <= 20, "{text}");
        for line in text.lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
        for verb in VERBS.into_iter().chain(ONLY_COMMANDS) {
            // Other words for what is there.
            let is_other = ["list-cards", "capabilities"].contains(&verb);
            assert!(is_other || text.contains(verb), "{verb}");
            assert!(is_other || usage(verb).starts_with("write it"), "{verb}");
        }
        insta::assert_snapshot!(text);
    }
}
