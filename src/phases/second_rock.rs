//! Writes the rock of the bugs that a phase left open. The order is in the module's head.

use orket_actors::fault;
use orket_core::asset::{AssetSource, Epic, Library};
use orket_core::phase::{AssetFile, BugCard, EpicHouse, NamesOfTwo, Todo, second_rock};
use orket_webhook::phases as rows;
use orket_webhook::store::Store;

use super::{CarryError, Parts, seen};
use crate::assets::DiskThenEmbedded;
use crate::blocking::blocking;
use crate::driver::edit::FileEdit;
use crate::driver::edit::write::{WriteError, write as put};

/// Names that are tried.
const MOST_NAMES: u32 = 100;
/// Choices in one go: somebody may take a name between the choice and the writing.
const TRIES: u32 = 3;

/// Writes it, or says in words why not.
pub(super) async fn write(
    parts: &Parts,
    store: &Store,
    rock: &str,
    todo: Todo,
) -> Result<Result<(), String>, CarryError> {
    let mut chosen = match &todo {
        Todo::WriteRock { files, .. } => files.clone(),
        Todo::RemoveSandbox { .. } => return Ok(Ok(())),
    };
    for _ in 0..TRIES {
        let files = match chosen.take() {
            Some(files) => files,
            None => match choose(parts, store, rock, &todo).await? {
                Ok(files) => files,
                Err(problem) => return Ok(Err(problem)),
            },
        };
        let root = parts.root.clone();
        let texts = files.clone();
        match blocking(move || write_all(&root, &texts)).await? {
            Ok(()) => return Ok(Ok(())),
            Err(WriteError::Changed(_)) => settle(store, rock, &todo, None).await?,
            Err(error) => return Ok(Err(error.to_string())),
        };
    }
    Ok(Err("every name for the second rock is taken".to_owned()))
}

/// Chooses names that are free and keeps the files, durably; those that somebody else chose meanwhile
/// hold.
async fn choose(
    parts: &Parts,
    store: &Store,
    rock: &str,
    todo: &Todo,
) -> Result<Result<Vec<AssetFile>, String>, CarryError> {
    let Todo::WriteRock { cards, .. } = todo else {
        return Ok(Ok(Vec::new()));
    };
    let (root, name, cards) = (parts.root.clone(), rock.to_owned(), cards.clone());
    let free = blocking(move || {
        let library = Library::new(DiskThenEmbedded::new(root));
        free_names(&library, &name, &cards)
    });
    match free.await? {
        Ok((names, files)) => {
            let kept = settle(store, rock, todo, Some((names, files.clone()))).await?;
            fault::point("phases.chosen");
            Ok(Ok(kept.unwrap_or(files)))
        }
        Err(problem) => Ok(Err(problem)),
    }
}

/// The first names under which every file is free, or was written by an earlier try.
fn free_names(
    library: &Library<DiskThenEmbedded>,
    rock: &str,
    cards: &[BugCard],
) -> Result<(NamesOfTwo, Vec<AssetFile>), String> {
    let department = seen::department(library, rock);
    let house = |bug: &BugCard| {
        let loaded = library.load::<Epic>(&bug.epic, &bug.department).ok()?;
        Some(EpicHouse {
            team: loaded.asset.team,
            environment: loaded.asset.environment,
        })
    };
    let is_free = |file: &AssetFile| match library.source().read(&file.path) {
        None => true,
        Some(Ok(text)) => text == file.text,
        Some(Err(_)) => false,
    };
    // An asset below `config/` comes before one below `model/`.
    let is_hidden = |category: &str, name: &str| {
        let file = format!("config/{category}/{name}.json");
        library.source().read(&file).is_some()
    };
    for number in 1..=MOST_NAMES {
        let names = NamesOfTwo::of(rock, number);
        let files = second_rock(rock, &department, &names, cards, house)
            .map_err(|error| error.to_string())?;
        if files.iter().all(is_free)
            && !is_hidden("rocks", &names.rock)
            && !is_hidden("epics", &names.epic)
        {
            return Ok((names, files));
        }
    }
    Err(format!(
        "{MOST_NAMES} second rocks of `{rock}` are there already"
    ))
}

/// Keeps the chosen files with the phase, or forgets them. What holds afterwards.
async fn settle(
    store: &Store,
    rock: &str,
    todo: &Todo,
    chosen: Option<(NamesOfTwo, Vec<AssetFile>)>,
) -> Result<Option<Vec<AssetFile>>, CarryError> {
    let todo = todo.clone();
    let kept = rows::change(store, rock, move |phase| {
        let place = phase
            .orket
            .todo
            .iter_mut()
            .find(|known| known.is_same_as(&todo));
        let Some(Todo::WriteRock { files, .. }) = place else {
            return Ok(None);
        };
        match (&files, chosen) {
            (Some(known), Some(_)) => return Ok(Some(known.clone())),
            (_, None) => *files = None,
            (None, Some((names, chosen))) => {
                *files = Some(chosen);
                let kept = files.clone();
                if phase.phase2_rock_id.is_some() {
                    phase.phase2_rock_id = Some(names.rock);
                }
                return Ok(kept);
            }
        }
        Ok(None)
    });
    Ok(kept.await?)
}

/// Each file that is not there yet, in order.
fn write_all(root: &std::path::Path, files: &[AssetFile]) -> Result<(), WriteError> {
    for file in files {
        let there = std::fs::read_to_string(root.join(&file.path));
        if there.is_ok_and(|text| text == file.text) {
            continue;
        }
        let edit = FileEdit {
            path: file.path.clone(),
            before: None,
            after: Some(file.text.clone()),
        };
        put(root, &[edit])?;
        fault::point("phases.written");
    }
    Ok(())
}
