//! The team: seats, and the roles that sit on them.

use serde::Serialize;

use super::reader::Reader;
use super::{Asset, name};

/// A set of seats.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Team {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Its seats, in the order of the file.
    pub seats: Vec<Seat>,
}

/// One seat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Seat {
    /// Its key as cards name it, made uniform.
    pub key: String,
    /// Its key as the file has it.
    #[serde(skip)]
    pub written: String,
    /// Its name for people.
    pub name: String,
    /// The names of its role assets, made uniform; the first one speaks.
    pub roles: Vec<String>,
}

impl Team {
    /// The seat that a card means by `text`.
    #[must_use]
    pub fn seat(&self, text: &str) -> Option<&Seat> {
        let key = name::sanitise(text);
        self.seats.iter().find(|seat| seat.key == key)
    }
}

impl Asset for Team {
    const KIND: &'static str = "team";
    const CATEGORY: &'static str = "teams";

    fn read(reader: &Reader<'_>, stem: &str) -> Self {
        // A team's own `roles` map is known and has never had a meaning: roles are assets.
        let _ = reader.value("roles");
        let seats = reader.named("seats", |key, seat| Seat {
            key: name::sanitise(key),
            written: key.to_owned(),
            name: seat.text_or("name", key),
            roles: seat
                .texts("roles")
                .iter()
                .map(|role| name::sanitise(role))
                .collect(),
        });
        if reader.value("seats").is_none() {
            reader.problem("seats", "is missing; give an object of seats by key");
        }
        for (place, seat) in seats.iter().enumerate() {
            let twin = seats.iter().take(place).find(|other| other.key == seat.key);
            if let Some(twin) = twin {
                let field = format!("seats.{}", seat.written);
                let message = format!("is the same seat as `{}`; rename one", twin.written);
                reader.problem(&field, message);
            }
        }
        Self {
            name: reader.text_or("name", stem),
            description: reader.lines("description"),
            seats,
        }
    }
}
