//! What needs no model: greetings, thanks, what this is. The words are Orket's own.

use super::arithmetic;

/// A message of so few characters is never an order.
const SHORT: usize = 3;

/// An answer that needs no model; `None` when it needs one.
#[must_use]
pub fn answer(message: &str) -> Option<String> {
    if let Some(sum) = arithmetic::answer(message) {
        return Some(sum);
    }
    let plain = plain(message);
    let text = match plain.as_str() {
        "" => "I am listening. `help` lists what I can do.",
        "hi" | "hello" | "hey" | "yo" | "hi there" | "hello there" | "hey there"
        | "good morning" | "good afternoon" | "good evening" | "good day" | "moin" | "hallo"
        | "greetings" => {
            "Hello. This is Orket's operator desk: ask how things stand, or say what is to be done. `help` lists the commands."
        }
        "thanks"
        | "thank you"
        | "thx"
        | "ty"
        | "many thanks"
        | "thanks a lot"
        | "thank you very much"
        | "cheers" => "You are welcome.",
        "bye" | "goodbye" | "see you" | "good night" => {
            "Goodbye. Runs that are under way go on without us."
        }
        "how are you" | "how are you doing" | "how is it going" | "what's up" | "whats up"
        | "sup" => "I am well, thank you. `status` tells how the runs are.",
        "can you chat" | "can we chat" | "can we talk" | "do you chat" | "can you talk" => {
            "Yes. Ask me anything; I answer with the model that is set for the role operations_lead."
        }
        "what is this"
        | "what is this app"
        | "about this app"
        | "tell me about this app"
        | "what is orket"
        | "who are you"
        | "what are you" => {
            "This is Orket. It runs cards of work with language models: a rock holds epics, an epic holds cards, and each card is worked on by a seat of a team and reviewed by its guard. Everything is journaled, so that nothing that was paid for is lost. I am its driver: I show how things stand, and change something only after you have seen the plan and said yes."
        }
        _ => return None,
    };
    Some(text.to_owned())
}

/// Whether a message asks what can be done here.
#[must_use]
pub fn asks_for_help(message: &str) -> bool {
    matches!(
        plain(message).as_str(),
        "help me"
            | "what can you do"
            | "what can i do"
            | "what can i do here"
            | "what can you do for me"
            | "what do you do"
            | "what are your capabilities"
            | "show capabilities"
            | "list commands"
            | "what commands are there"
            | "which commands are there"
            | "what commands do you know"
    )
}

/// Whether a message is too short to mean anything but talk.
#[must_use]
pub fn is_short(message: &str) -> bool {
    message.trim().chars().count() <= SHORT
}

/// What a message says about the plan that was just shown.
#[must_use]
pub fn verdict(message: &str) -> Option<bool> {
    match plain(message).as_str() {
        "y" | "yes" | "yes please" | "ok" | "okay" | "do it" | "go" | "go ahead" | "apply"
        | "apply it" | "sure" | "carry it out" | "confirmed" => Some(true),
        "n" | "no" | "nope" | "no thanks" | "stop" | "never mind" | "nevermind" | "don't"
        | "forget it" => Some(false),
        _ => None,
    }
}

/// Lower case, one space between words, no marks around it.
fn plain(message: &str) -> String {
    let words: Vec<String> = message
        .to_lowercase()
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    let text = words.join(" ").replace('’', "'");
    text.trim_matches(|c: char| !c.is_alphanumeric()).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pleasantries_need_no_model() {
        for message in [
            "Hi!",
            "  hello ",
            "Thank you.",
            "",
            "?!",
            "What is Orket?",
            "how are you?",
            "2+2",
        ] {
            assert!(answer(message).is_some(), "{message}");
        }
        for message in [
            "hi, why did GF-3 fail?",
            "what is the capital of France?",
            "abc",
        ] {
            assert_eq!(answer(message), None, "{message}");
        }
    }

    #[test]
    fn yes_and_no_are_whole_messages() {
        assert_eq!(verdict(" Yes. "), Some(true));
        assert_eq!(verdict("no"), Some(false));
        assert_eq!(verdict("yes, but with another seat"), None);
        assert_eq!(verdict("do it tomorrow"), None);
    }
}
