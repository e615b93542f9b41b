//! What is written into comments and issues. Text of others is quoted, so that it is told apart, and
//! names nobody who would be called by it.

/// The longest reason that is quoted, in characters.
const LONGEST: usize = 2_000;

/// Text of others as a Markdown quotation. `@` is taken apart: quoting must not call anybody.
#[must_use]
pub fn quoted(text: &str) -> String {
    let mut shown: String = text.chars().take(LONGEST).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    let lines = shown.lines().map(|line| {
        let line = line.replace('@', "@\u{200b}");
        let line: String = line.chars().filter(|letter| !letter.is_control()).collect();
        format!("> {line}")
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The message of an automatic merge.
#[must_use]
pub fn merge_message(number: u64, approvers: &[String]) -> String {
    format!(
        "Merge pull request #{number}\n\nApproved by {}; merged by Orket.",
        approvers.join(", ")
    )
}

/// Calls somebody in before the last cycle.
#[must_use]
pub fn escalation(cycle: u32, most: u32) -> String {
    format!(
        "@lead_architect: changes were requested here for the {} time.\n\n\
         Please look at the approach rather than at details: is the task understood alike by everybody, \
         and is it small enough? At cycle {most} this pull request is closed and its requirements are \
         looked at again.",
        ordinal(cycle)
    )
}

/// Says why a pull request is closed.
#[must_use]
pub fn rejection(cycle: u32) -> String {
    format!(
        "Closed by Orket: changes were requested {cycle} times. An issue about the requirements is \
         opened; a new pull request can begin when they are clear. Whoever sees it otherwise may open \
         this one again."
    )
}

/// The title of the issue about requirements.
#[must_use]
pub fn requirements_title(number: u64, cycles: u32) -> String {
    format!("Requirements Review: PR #{number} failed after {cycles} cycles")
}

/// One review that asked for changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Which cycle, from 1.
    pub cycle: u32,
    /// Who.
    pub reviewer: String,
    /// Why, when that was said.
    pub reason: Option<String>,
    /// The day, as `2026-01-31`.
    pub day: String,
}

/// The text of the issue about requirements.
#[must_use]
pub fn requirements(number: u64, failures: &[Failure]) -> String {
    let mut text =
        format!("Pull request #{number} was sent back again and again.\n\n## What was said\n");
    for failure in failures {
        text += &format!(
            "\n### Cycle {}, {}, {}\n\n{}\n",
            failure.cycle,
            failure.day,
            failure.reviewer,
            failure
                .reason
                .as_deref()
                .map_or_else(|| "No reason was given.".to_owned(), quoted)
        );
    }
    text += "\n## Where it may come from\n\n\
             - [ ] The task says what is wanted, and how one sees that it is done\n\
             - [ ] The task is small enough for one pull request\n\
             - [ ] Reviewers and author mean the same by it\n\
             - [ ] Nothing it depends on is missing\n\n\
             ## What comes next\n\n\
             - [ ] Write the requirements anew\n\
             - [ ] Cut the task into cards\n\
             - [ ] Begin again with a new pull request\n";
    text
}

fn ordinal(number: u32) -> String {
    let suffix = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        (0 | 4..=u32::MAX, _) => "th",
    };
    format!("{number}{suffix}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_is_quoted_and_calls_nobody() {
        assert_eq!(quoted("a @ada\n# b\u{7}"), "> a @\u{200b}ada\n> # b");
        assert_eq!(quoted(&"x".repeat(3_000)).chars().count(), 2 + 2_000 + 1);
        assert_eq!(
            [1, 2, 3, 4, 11, 12, 13, 21].map(ordinal),
            ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st"]
        );
    }
}
