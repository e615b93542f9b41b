//! Cards of epics: a new one, another epic, another seat, another team.

use orket_core::asset::{Epic, name};
use serde_json::{Map, Value, json};

use super::desk::{Desk, Opened, Place};

/// The longest summary, in characters.
const LONGEST: usize = 500;

/// A card to be.
pub(super) struct NewCard<'a> {
    pub seat: &'a str,
    pub priority: f64,
    pub summary: &'a str,
    pub note: Option<&'a str>,
}

/// Appends a card with an id of its own, so that it keeps it.
pub(super) fn add(desk: &mut Desk<'_>, epic: &str, card: &NewCard<'_>) -> Result<(), String> {
    let mut opened = desk.epic(epic)?;
    let summary = card
        .summary
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    if summary.is_empty() || summary.chars().count() > LONGEST {
        return Err(format!("a summary has 1 to {LONGEST} characters"));
    }
    let id = free_id(desk, &opened)?;
    let seat = name::sanitise(card.seat);
    let mut fields = Map::new();
    fields.insert("id".to_owned(), json!(id));
    fields.insert("summary".to_owned(), json!(summary));
    fields.insert("seat".to_owned(), json!(seat));
    fields.insert("priority".to_owned(), json!(card.priority));
    if let Some(note) = card.note.map(str::trim).filter(|note| !note.is_empty()) {
        fields.insert("note".to_owned(), json!(note));
    }
    opened.cards()?.push(Value::Object(fields));
    desk.say(format!(
        "add card {id} ({seat}, priority {}): {summary}",
        card.priority
    ));
    desk.say(format!("to epic `{}` in {}", opened.name, opened.file));
    warn_of_builds(desk, &opened);
    desk.put(&opened)
}

/// Takes a card into another epic: first written there, then removed here, so that it is never lost.
pub(super) fn move_to(desk: &mut Desk<'_>, card: &str, epic: &str) -> Result<(), String> {
    let mut target = desk.epic(epic)?;
    let Some(place) = desk.card(card)? else {
        return adopt(desk, card, target);
    };
    let Place {
        epic: mut source,
        at,
        id,
    } = place;
    if source.file == target.file {
        return Err(format!("{id} is a card of epic `{}` already", source.name));
    }
    source.pin_ids()?;
    let moved = taken(&mut source, at)?;
    target.cards()?.push(moved);
    desk.say(format!(
        "move card {id} from epic `{}` to epic `{}`",
        source.name, target.name
    ));
    desk.say(format!("in {} and {}", source.file, target.file));
    warn_of_builds(desk, &source);
    desk.put(&target)?;
    desk.put(&source)
}

/// A card with a file of its own becomes one of an epic.
fn adopt(desk: &mut Desk<'_>, card: &str, mut target: Opened) -> Result<(), String> {
    let Some((mut stray, issue)) = desk.stray(card) else {
        return Err(unknown(desk, card));
    };
    let mut fields = stray.fields().clone();
    fields.shift_insert(0, "id".to_owned(), json!(issue.id.as_str()));
    target.cards()?.push(Value::Object(fields));
    desk.say(format!(
        "take card {} into epic `{}` in {}",
        issue.id, target.name, target.file
    ));
    desk.put(&target)?;
    if desk.is_shipped(&stray.file) {
        desk.warn(format!("{} comes with the program and stays", stray.file));
    } else {
        desk.say(format!("remove {}", stray.file));
        desk.put_text(&stray.file, None);
    }
    Ok(())
}

/// Gives a card to another seat.
pub(super) fn assign(desk: &mut Desk<'_>, card: &str, seat: &str) -> Result<(), String> {
    let Some(Place { mut epic, at, id }) = desk.card(card)? else {
        return Err(unknown(desk, card));
    };
    let seat = name::sanitise(seat);
    let Some(Value::Object(fields)) = epic.cards()?.get_mut(at) else {
        return Err(format!("{}: card {id} is no object", epic.file));
    };
    let before = fields.insert("seat".to_owned(), json!(seat));
    let before = before
        .as_ref()
        .and_then(Value::as_str)
        .unwrap_or("standard")
        .to_owned();
    desk.say(format!(
        "assign card {id} of epic `{}` to seat `{seat}` (now `{before}`) in {}",
        epic.name, epic.file
    ));
    warn_of_builds(desk, &epic);
    desk.put(&epic)
}

/// Gives an epic to another team.
pub(super) fn assign_team(desk: &mut Desk<'_>, team: &str, epic: &str) -> Result<(), String> {
    let team = desk.library().spelt("teams", team, &desk.department);
    let mut opened = desk.epic(epic)?;
    let before = opened.fields().insert("team".to_owned(), json!(team));
    let before = before
        .as_ref()
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    desk.say(format!(
        "assign team `{team}` (now `{before}`) to epic `{}` in {}",
        opened.name, opened.file
    ));
    warn_of_builds(desk, &opened);
    desk.put(&opened)
}

/// Takes a card out of an epic's list.
pub(super) fn taken(epic: &mut Opened, at: usize) -> Result<Value, String> {
    let file = epic.file.clone();
    let cards = epic.cards()?;
    if at >= cards.len() {
        return Err(format!("{file} was changed meanwhile; ask again"));
    }
    Ok(cards.remove(at))
}

/// A run works with the epic as it was when it began.
pub(super) fn warn_of_builds(desk: &mut Desk<'_>, epic: &Opened) {
    desk.warn(format!(
        "runs of `{}` that have begun keep the cards that they began with",
        epic.name
    ));
}

/// That no card of this name is there, with those that are near.
pub(super) fn unknown(desk: &Desk<'_>, card: &str) -> String {
    let library = desk.library();
    let mut ids = Vec::new();
    for epic in library.list("epics", &desk.department) {
        if let Ok(loaded) = library.load::<Epic>(&epic, &desk.department) {
            ids.extend(loaded.asset.issues.iter().map(|issue| issue.id.to_string()));
        }
    }
    let near = name::suggestion(card, ids.iter().map(String::as_str));
    format!(
        "there is no card `{card}` in the epics of department `{}`; {near}",
        desk.department
    )
}

/// The next id of the kind that cards without one get, which no card of the epic has.
fn free_id(desk: &Desk<'_>, epic: &Opened) -> Result<String, String> {
    let loaded = desk
        .library()
        .load::<Epic>(&epic.name, &desk.department)
        .map_err(|error| error.to_string())?;
    let taken: Vec<&str> = loaded
        .asset
        .issues
        .iter()
        .map(|issue| issue.id.as_str())
        .collect();
    // Of one more number than there are cards, one is free.
    (taken.len() + 1..=2 * taken.len() + 1)
        .map(|place| orket_core::asset::derived_id(&epic.name.replace(' ', "_"), Some(place)))
        .find(|id| !taken.contains(&id.as_str()))
        .ok_or_else(|| "no id is free".to_owned())
}
