//! New assets from templates. What is there already is never written over.

use serde_json::{Map, Value, json};

use super::desk::{Desk, Opened};
use crate::driver::kinds::{Template, slug};

/// Writes a new asset.
pub(super) fn asset(
    desk: &mut Desk<'_>,
    kind: Template,
    name: &str,
    title: Option<&str>,
    rock: Option<&str>,
) -> Result<(), String> {
    // Names also come from a model.
    let name = &slug(name);
    let word = kind.word();
    if name.is_empty() {
        return Err(format!("the {word} needs a name of letters and digits"));
    }
    if let Ok((file, _)) = desk
        .library()
        .find(word, kind.category(), name, &desk.department)
    {
        let article = if word.starts_with('e') { "an" } else { "a" };
        return Err(format!(
            "there is {article} {word} `{name}` already: {file}"
        ));
    }
    let title = title.unwrap_or(name);
    let inner = match kind {
        Template::Team => team(desk, title)?,
        Template::Environment => environment(desk, title),
        Template::Epic => epic(desk, title)?,
        Template::Rock => {
            json!({"name": title, "type": "rock", "status": "ready", "description": "", "epics": []})
        }
    };
    let file = format!("model/{}/{}/{name}.json", desk.department, kind.category());
    desk.say(format!("create {word} `{name}` in {file}"));
    desk.put_text(&file, Some(pretty(&json!({ word: inner }))?));
    if let Some(rock) = rock {
        add_to_rock(desk, name, rock)?;
    }
    match kind {
        Template::Epic => desk.warn(format!(
            "it has no cards yet: /add-card {name} SEAT PRIORITY SUMMARY…"
        )),
        Template::Rock => desk.warn(format!(
            "it has no epics yet: /create epic NAME --rock {name}"
        )),
        Template::Team | Template::Environment => {}
    }
    Ok(())
}

fn pretty(value: &Value) -> Result<String, String> {
    let text = serde_json::to_string_pretty(value).map_err(|error| error.to_string())?;
    Ok(text + "\n")
}

/// The seats of the standard team where there is one: a seat without its roles could not work.
fn team(desk: &Desk<'_>, title: &str) -> Result<Value, String> {
    let mut standard = desk.open("team", "teams", "standard")?;
    let seats = standard
        .fields()
        .get("seats")
        .cloned()
        .unwrap_or_else(|| json!({}));
    Ok(json!({"name": title, "description": "", "seats": seats}))
}

fn environment(desk: &Desk<'_>, title: &str) -> Value {
    let standard = desk.open("environment", "environments", "standard");
    let model = standard
        .ok()
        .and_then(|mut it| it.fields().get("model").cloned());
    let mut fields = Map::new();
    fields.insert("schema_version".to_owned(), json!("1.0.0"));
    fields.insert("name".to_owned(), json!(title));
    fields.extend(model.map(|model| ("model".to_owned(), model)));
    fields.insert("temperature".to_owned(), json!(0.2));
    fields.insert("seed".to_owned(), json!(42));
    fields.insert("timeout".to_owned(), json!(1800));
    fields.insert("params".to_owned(), json!({}));
    Value::Object(fields)
}

fn epic(desk: &mut Desk<'_>, title: &str) -> Result<Value, String> {
    let pick = |kind, category: &str| {
        let names = desk.library().list(category, &desk.department);
        let standard = names
            .iter()
            .find(|name| *name == "standard")
            .or(names.first());
        standard
            .cloned()
            .ok_or_else(|| format!("there is no {kind} yet: /create {kind} NAME"))
    };
    let (team, environment) = (pick("team", "teams")?, pick("environment", "environments")?);
    desk.say(format!(
        "its team is `{team}`, its environment `{environment}`"
    ));
    Ok(json!({
        "name": title,
        "type": "epic",
        "description": "",
        "team": team,
        "environment": environment,
        "issues": [],
    }))
}

/// Adds an epic to a rock; a rock that is not there is made.
fn add_to_rock(desk: &mut Desk<'_>, epic: &str, rock: &str) -> Result<(), String> {
    let entry = json!({"epic": epic, "department": desk.department.clone()});
    let found = desk.library().find("rock", "rocks", rock, &desk.department);
    if found.is_err() {
        let name = slug(rock);
        if name.is_empty() {
            return Err(format!(
                "`{rock}` gives no name for a rock: use letters and digits"
            ));
        }
        let file = format!("model/{}/rocks/{name}.json", desk.department);
        desk.say(format!("create rock `{name}` with it in {file}"));
        let inner = json!({"name": rock, "type": "rock", "status": "ready", "description": "", "epics": [entry]});
        desk.put_text(&file, Some(pretty(&json!({"rock": inner}))?));
        return Ok(());
    }
    let mut opened: Opened = desk.open("rock", "rocks", rock)?;
    let list = opened.fields().entry("epics").or_insert_with(|| json!([]));
    let Value::Array(list) = list else {
        return Err(format!("{}: epics must be a list", opened.file));
    };
    list.push(entry);
    desk.say(format!(
        "add it to rock `{}` in {}",
        opened.name, opened.file
    ));
    desk.put(&opened)
}
