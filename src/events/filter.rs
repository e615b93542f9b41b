//! Which events somebody wants: of these sessions, of these names, said by these roles.

use super::chunk::{Chunk, Frame, hash};

/// See the file's head. What is not restricted is wanted whatever it is.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Sessions.
    pub sessions: Wanted,
    /// Names.
    pub events: Wanted,
    /// Roles.
    pub roles: Wanted,
}

/// One of these texts; anything when none is named.
#[derive(Debug, Clone, Default)]
pub struct Wanted(Vec<(u64, Box<str>)>);

impl Wanted {
    /// The texts of a list that commas separate.
    #[must_use]
    pub fn list(text: Option<&str>) -> Self {
        Self(
            text.into_iter()
                .flat_map(|text| text.split(','))
                .map(str::trim)
                .filter(|text| !text.is_empty())
                .map(|text| (hash(text), text.into()))
                .collect(),
        )
    }

    /// Exactly this text.
    #[must_use]
    pub fn one(text: Option<&str>) -> Self {
        Self(
            text.map(|text| (hash(text), text.into()))
                .into_iter()
                .collect(),
        )
    }

    /// The texts; none when anything is wanted.
    pub fn texts(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.iter().map(|(_, text)| text.as_ref())
    }

    fn is_anything(&self) -> bool {
        self.0.is_empty()
    }
}

/// What of one chunk is wanted: the places of wanted names; `None` where anything is.
#[derive(Debug)]
pub struct Chosen {
    sessions: Option<Vec<usize>>,
    events: Option<Vec<usize>>,
    roles: Option<Vec<usize>>,
}

impl Filter {
    /// Whether everything is wanted.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.sessions.is_anything() && self.events.is_anything() && self.roles.is_anything()
    }

    /// What is wanted of a chunk; `None` when nothing of it is.
    #[must_use]
    pub fn of(&self, chunk: &Chunk) -> Option<Chosen> {
        Some(Chosen {
            sessions: chosen(&self.sessions, &chunk.sessions)?,
            events: chosen(&self.events, &chunk.events)?,
            roles: chosen(&self.roles, &chunk.roles)?,
        })
    }

    /// Whether a frame of a chunk is wanted.
    #[must_use]
    pub fn wants_some(&self, chunk: &Chunk) -> bool {
        self.is_open()
            || self
                .of(chunk)
                .is_some_and(|chosen| chunk.frames.iter().any(|frame| chosen.has(frame)))
    }
}

/// `None`: none of the names is wanted. `Some(None)`: all are.
fn chosen(wanted: &Wanted, names: &super::chunk::Names) -> Option<Option<Vec<usize>>> {
    if wanted.is_anything() {
        return Some(None);
    }
    let places: Vec<usize> = (wanted.0.iter())
        .filter_map(|(hash, text)| names.find(*hash, text))
        .collect();
    (!places.is_empty()).then_some(Some(places))
}

impl Chosen {
    /// Whether this frame is.
    #[must_use]
    pub fn has(&self, frame: &Frame) -> bool {
        let among = |places: &Option<Vec<usize>>, place: usize| {
            places.as_ref().is_none_or(|places| places.contains(&place))
        };
        (match frame.session() {
            Some(session) => among(&self.sessions, session),
            None => self.sessions.is_none(),
        }) && among(&self.events, frame.event())
            && among(&self.roles, frame.role())
    }
}
