//! Which parts of a message can be orders at all: not what is quoted, asked, or said with a "not" before
//! it. When in doubt it is no order; whoever meant one is told to say so.

/// From one of these words on, a sentence orders nothing.
const DENIALS: [&str; 40] = [
    "not",
    "no",
    "none",
    "nothing",
    "neither",
    "nor",
    "nobody",
    "never",
    "without",
    "cannot",
    "don't",
    "dont",
    "doesn't",
    "didn't",
    "won't",
    "wouldn't",
    "can't",
    "cant",
    "couldn't",
    "shouldn't",
    "mustn't",
    "needn't",
    "isn't",
    "aren't",
    "how",
    "why",
    "if",
    "unless",
    "whether",
    "suppose",
    "imagine",
    "pretend",
    "avoid",
    "refuse",
    "refrain",
    "forget",
    "instead",
    "rather",
    "hypothetically",
    "example",
];

/// A sentence that begins so asks something.
const ASKING: [&str; 30] = [
    "what",
    "what's",
    "which",
    "who",
    "whom",
    "whose",
    "where",
    "when",
    "why",
    "how",
    "is",
    "are",
    "am",
    "was",
    "were",
    "did",
    "does",
    "has",
    "have",
    "had",
    "should",
    "shall",
    "may",
    "might",
    "must",
    "isn't",
    "aren't",
    "didn't",
    "shouldn't",
    "couldn't",
];

/// The same, unless "you" is behind it: "could you …" is an order with manners.
const MANNERS: [&str; 5] = ["can", "could", "would", "will", "do"];

/// Words before the first one that counts.
const FILLERS: [&str; 12] = [
    "and", "so", "then", "well", "ok", "okay", "hey", "hi", "hello", "yes", "orket", "now",
];

/// The parts of a message that can be orders, in lower case.
pub(super) fn orders(text: &str) -> Vec<String> {
    let lower: String = text.chars().map(lower).collect();
    sentences(&unquoted(&lower))
        .into_iter()
        .filter(|(sentence, is_asked)| !is_question(sentence, *is_asked))
        .map(|(sentence, _)| before_denial(&sentence).to_owned())
        .filter(|part| !part.trim().is_empty())
        .collect()
}

/// One character stays one, so that distances stay what they are.
fn lower(c: char) -> char {
    match c {
        '’' => '\'',
        c => c.to_lowercase().next().unwrap_or(c),
    }
}

/// The text with blanks in place of what is quoted: between quotes or backticks, and lines behind `>`.
fn unquoted(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let at = |place: usize| chars.get(place).copied();
    let is_word = |place: Option<usize>| place.and_then(at).is_some_and(char::is_alphanumeric);
    let mut out = String::with_capacity(text.len());
    let mut place = 0;
    let mut begins_line = true;
    while let Some(c) = at(place) {
        let end = match c {
            '>' if begins_line => find(&chars, place + 1, |_, c| c == '\n').or(Some(chars.len())),
            '"' | '`' => find(&chars, place + 1, |_, other| other == c).or(Some(chars.len())),
            '“' | '„' => {
                find(&chars, place + 1, |_, c| matches!(c, '”' | '“')).or(Some(chars.len()))
            }
            '«' => find(&chars, place + 1, |_, c| c == '»').or(Some(chars.len())),
            // An apostrophe is none; what is not closed is one.
            '\'' | '‘' if !is_word(place.checked_sub(1)) => find(&chars, place + 1, |end, c| {
                c == '\'' && !is_word(Some(end + 1))
            }),
            _ => None,
        };
        match end {
            Some(end) => {
                let last = end.min(chars.len().saturating_sub(1));
                for quoted in place..=last {
                    out.push(if at(quoted) == Some('\n') { '\n' } else { ' ' });
                }
                begins_line = at(last) == Some('\n');
                place = last + 1;
            }
            None => {
                out.push(c);
                begins_line = c == '\n' || (begins_line && c.is_whitespace());
                place += 1;
            }
        }
    }
    out
}

fn find(chars: &[char], from: usize, is_it: impl Fn(usize, char) -> bool) -> Option<usize> {
    chars
        .iter()
        .enumerate()
        .skip(from)
        .find(|(place, c)| is_it(*place, **c))
        .map(|(place, _)| place)
}

/// The sentences, and whether a question mark ends each; a "but" begins a new one.
fn sentences(text: &str) -> Vec<(String, bool)> {
    let mut sentences = Vec::new();
    let mut sentence = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let ends = match c {
            '!' | '?' | ';' | '\n' => true,
            '.' => chars.peek().is_none_or(|next| next.is_whitespace()),
            _ => false,
        };
        if ends {
            sentences.push((std::mem::take(&mut sentence), c == '?'));
        } else {
            sentence.push(c);
            if sentence.ends_with(" but ") {
                sentences.push((std::mem::take(&mut sentence), false));
            }
        }
    }
    sentences.push((sentence, false));
    sentences
}

fn words(sentence: &str) -> impl Iterator<Item = &str> {
    sentence
        .split(|c: char| !c.is_alphanumeric() && c != '\'')
        .filter(|word| !word.is_empty())
}

fn is_question(sentence: &str, is_asked: bool) -> bool {
    let mut behind = words(sentence).skip_while(|word| FILLERS.contains(word));
    let first = behind.next().unwrap_or_default();
    let second = behind.next().unwrap_or_default();
    if ASKING.contains(&first) {
        return true;
    }
    if MANNERS.contains(&first) {
        let is_order = match first {
            // "do create it" is one, too.
            "do" => !["you", "we", "i", "they"].contains(&second),
            _ => second == "you",
        };
        return !is_order;
    }
    is_asked && !words(sentence).any(|word| word == "please")
}

fn before_denial(sentence: &str) -> &str {
    let mut end = sentence.len();
    for word in words(sentence) {
        if DENIALS.contains(&word) {
            // Words are parts of the sentence: the first one of that text that stands alone.
            end = place_of(sentence, word);
            break;
        }
    }
    sentence.get(..end).unwrap_or(sentence)
}

/// Where a word begins that is in the sentence.
fn place_of(sentence: &str, word: &str) -> usize {
    sentence
        .match_indices(word)
        .find(|(at, _)| {
            let is_part = |c: char| c.is_alphanumeric() || c == '\'';
            let before = sentence
                .get(..*at)
                .and_then(|text| text.chars().next_back());
            let after = sentence
                .get(at + word.len()..)
                .and_then(|text| text.chars().next());
            !before.is_some_and(is_part) && !after.is_some_and(is_part)
        })
        .map_or(sentence.len(), |(at, _)| at)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_quoted_asked_or_denied_is_left_out() {
        let read = |text: &str| -> Vec<String> {
            let parts = orders(text);
            parts.iter().map(|part| part.trim().to_owned()).collect()
        };
        assert_eq!(
            read("Create an epic. Do not run it!"),
            ["create an epic", "do"]
        );
        assert_eq!(
            read("He said \"create an epic\" to me"),
            ["he said                  to me"]
        );
        assert_eq!(read("> create an epic\nNo."), [""; 0]);
        assert_eq!(
            read("should we run it? Could you halt it?"),
            ["could you halt it"]
        );
        assert_eq!(read("don't 'run' it, but halt x.y"), ["halt x.y"]);
    }

    proptest! {
        /// Orders are parts of the message, as long as they were.
        #[test]
        fn no_text_breaks_it(text in "\\PC{0,80}") {
            for part in orders(&text) {
                prop_assert!(part.chars().count() <= text.chars().count());
            }
        }
    }
}
