//! The context window: a prompt that grows from round to round stays within it as far as it can. What
//! was quoted goes first, the oldest before the rest; then the answers to look-ups are cut, and at last
//! the answers of earlier rounds go. What was
//! decided here depends on the messages alone, so that a replay comes to the same.

use super::answer::ANSWERS;
use super::{QUOTED, add};
use crate::model::{Message, Speaker};

/// Bytes that count as a token: English prose has a little more, code a little less.
const BYTES_A_TOKEN: usize = 4;
/// What there is room for at least, in tokens: an answer that says nothing helps nobody.
const LEAST: usize = 100;

/// How many tokens a text counts as.
#[must_use]
pub const fn tokens(text: &str) -> usize {
    text.len().div_ceil(BYTES_A_TOKEN)
}

fn all(messages: &[Message]) -> usize {
    messages.iter().map(|it| tokens(&it.content)).sum()
}

fn is_quotation(message: &Message) -> bool {
    message.role == Speaker::User && message.content.starts_with(QUOTED)
}

/// The bytes that the next message may have after this reply, once the quotations are gone; `None`
/// where nothing is limited. `window` is in tokens, 0 for no limit.
#[must_use]
pub fn room(messages: &[Message], reply: &str, window: u32) -> Option<usize> {
    if window == 0 {
        return None;
    }
    let window = usize::try_from(window).unwrap_or(usize::MAX);
    let fixed: usize = messages
        .iter()
        .filter(|it| !is_quotation(it))
        .map(|it| tokens(&it.content))
        .sum();
    let left = window.saturating_sub(fixed + tokens(reply));
    Some(left.max(LEAST).saturating_mul(BYTES_A_TOKEN))
}

/// Takes the oldest quotations away until reply and `next` fit, then earlier answers, and says so.
pub fn make_room(messages: &mut Vec<Message>, reply: &str, next: &mut Message, window: u32) {
    if window == 0 {
        return;
    }
    let window_tokens = usize::try_from(window).unwrap_or(usize::MAX);
    let added = tokens(reply) + tokens(&next.content);
    let mut gone = 0_usize;
    while all(messages) + added > window_tokens
        && let Some(oldest) = messages.iter().position(is_quotation)
    {
        messages.remove(oldest);
        gone += 1;
    }
    let forgotten = format!(
        "{ANSWERS} were here; the context window of {window} tokens does not hold them any longer.\n"
    );
    while all(messages) + added > window_tokens
        && let Some(oldest) = messages
            .iter_mut()
            .find(|it| it.content.starts_with(ANSWERS) && it.content.len() > forgotten.len())
    {
        oldest.content.clone_from(&forgotten);
    }
    if gone > 0 {
        add(
            &mut next.content,
            format_args!(
                "\nThe {gone} oldest of the earlier replies are no longer shown: the context window of \
                 {window} tokens does not hold them beside this.\n"
            ),
        );
    }
}
