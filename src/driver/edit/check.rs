//! What is wrong with a library: each asset for itself, and what assets say of each other.

use std::collections::BTreeMap;

use orket_core::asset::{
    AssetSource, Environment, Epic, Issue, Library, Problem, Rock, Team, check,
};

use crate::assets::DiskThenEmbedded;

/// The files that there are, with some changed.
pub(super) struct Overlay<'a> {
    below: &'a DiskThenEmbedded,
    changed: BTreeMap<&'a str, Option<&'a str>>,
}

impl<'a> Overlay<'a> {
    pub fn new(below: &'a DiskThenEmbedded, changed: &'a [(String, Option<String>)]) -> Self {
        let changed = changed
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_deref()))
            .collect();
        Self { below, changed }
    }
}

impl AssetSource for Overlay<'_> {
    fn read(&self, path: &str) -> Option<Result<String, String>> {
        match self.changed.get(path) {
            Some(Some(text)) => Some(Ok((*text).to_owned())),
            Some(None) => crate::assets::embedded(path).map(|text| Ok(text.to_owned())),
            None => self.below.read(path),
        }
    }

    fn list(&self, dir: &str) -> Vec<String> {
        let mut names = self.below.list(dir);
        for (path, text) in &self.changed {
            let Some((folder, name)) = path.rsplit_once('/') else {
                continue;
            };
            if folder != dir {
                continue;
            }
            match text {
                Some(_) if !names.iter().any(|known| known == name) => names.push(name.to_owned()),
                None if crate::assets::embedded(path).is_none() => {
                    names.retain(|known| known != name)
                }
                Some(_) | None => {}
            }
        }
        names
    }

    fn folders(&self, dir: &str) -> Vec<String> {
        self.below.folders(dir)
    }
}

/// Everything that is wrong, by a key that does not change when cards change their places. An epic
/// without cards and a rock without epics are not wrong yet: they are being made.
pub(super) fn problems<S: AssetSource>(library: &Library<S>) -> BTreeMap<String, String> {
    let mut found = Found {
        problems: BTreeMap::new(),
    };
    for department in library.departments() {
        for name in library.list("epics", &department) {
            epic(library, &name, &department, &mut found);
        }
        for name in library.list("rocks", &department) {
            rock(library, &name, &department, &mut found);
        }
        for name in library.list("teams", &department) {
            team(library, &name, &department, &mut found);
        }
        for name in library.list("environments", &department) {
            if let Err(error) = library.load::<Environment>(&name, &department) {
                found.add_all(error.into_problems(&name, "environment"));
            }
        }
        for name in library.list("issues", &department) {
            if let Err(error) = library.load::<Issue>(&name, &department) {
                found.add_all(error.into_problems(&name, "issue"));
            }
        }
    }
    found.problems
}

struct Found {
    problems: BTreeMap<String, String>,
}

impl Found {
    fn add(&mut self, problem: &Problem) {
        let field: String = problem
            .field
            .split('[')
            .map(|part| part.split_once(']').map_or(part, |(_, rest)| rest))
            .collect();
        let key = format!("{}: {field}: {}", problem.file, problem.message);
        self.problems.insert(key, problem.to_string());
    }

    fn add_all(&mut self, problems: impl IntoIterator<Item = Problem>) {
        for problem in problems {
            self.add(&problem);
        }
    }
}

fn epic<S: AssetSource>(library: &Library<S>, name: &str, department: &str, found: &mut Found) {
    let loaded = match library.load::<Epic>(name, department) {
        Ok(loaded) => loaded,
        Err(error) => return found.add_all(error.into_problems(name, "epic")),
    };
    let (epic, file) = (loaded.asset, loaded.file);
    if !epic.issues.is_empty() {
        found.add_all(check::epic(&epic, &file));
    }
    if let Err(error) = library.find("environment", "environments", &epic.environment, department) {
        found.add_all(error.into_problems(&file, "environment"));
    }
    match library.load::<Team>(&epic.team, department) {
        Ok(team) => {
            for (place, issue) in epic.issues.iter().enumerate() {
                if team.asset.seat(&issue.seat).is_none() {
                    let seats = team.asset.seats.iter().map(|seat| seat.key.as_str());
                    let near = orket_core::asset::name::suggestion(&issue.seat, seats);
                    let message =
                        format!("team `{}` has no seat `{}`; {near}", epic.team, issue.seat);
                    found.add(&Problem::new(
                        &file,
                        format!("{}[{place}].seat", epic.issues_key),
                        message,
                    ));
                }
            }
        }
        Err(error) => found.add_all(error.into_problems(&file, "team")),
    }
}

fn rock<S: AssetSource>(library: &Library<S>, name: &str, department: &str, found: &mut Found) {
    let loaded = match library.load::<Rock>(name, department) {
        Ok(loaded) => loaded,
        Err(error) => return found.add_all(error.into_problems(name, "rock")),
    };
    let (rock, file) = (loaded.asset, loaded.file);
    if !rock.epics.is_empty() {
        found.add_all(check::rock(&rock, &file));
    }
    for (place, entry) in rock.epics.iter().enumerate() {
        if let Err(error) = library.find("epic", "epics", &entry.epic, &entry.department) {
            found.add_all(error.into_problems(&file, &format!("epics[{place}].epic")));
        }
    }
}

fn team<S: AssetSource>(library: &Library<S>, name: &str, department: &str, found: &mut Found) {
    let loaded = match library.load::<Team>(name, department) {
        Ok(loaded) => loaded,
        Err(error) => return found.add_all(error.into_problems(name, "team")),
    };
    for seat in &loaded.asset.seats {
        for role in &seat.roles {
            if let Err(error) = library.find("role", "roles", role, department) {
                found.add_all(
                    error.into_problems(&loaded.file, &format!("seats.{}.roles", seat.written)),
                );
            }
        }
    }
}
