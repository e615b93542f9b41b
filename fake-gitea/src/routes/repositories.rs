//! Repositories: shown and created.

use serde_json::{Value, json};

use super::{Asked, Here, created, flag, not_found, ok, refused, text};
use crate::git;
use crate::http::Answer;
use crate::shape::{Field, Kind, optional, required};
use crate::state::{Repository, State};

pub(super) const REPOSITORY: &[Field] = &[
    required("name", Kind::Words),
    optional("auto_init", Kind::Flag),
    optional("default_branch", Kind::Words),
    optional("description", Kind::Text),
    optional("gitignores", Kind::Text),
    optional("issue_labels", Kind::Text),
    optional("license", Kind::Text),
    optional("object_format_name", Kind::OneOf(&["sha1", "sha256"])),
    optional("private", Kind::Flag),
    optional("readme", Kind::Text),
    optional("template", Kind::Flag),
    optional("trust_model", Kind::Text),
];

fn described(name: &str, repository: &Repository, here: &Here<'_>) -> Value {
    let url = here.url;
    json!({
        "full_name": name,
        "private": repository.private,
        "archived": repository.archived,
        "default_branch": repository.default_branch,
        "clone_url": format!("{url}/{name}.git"),
        "html_url": format!("{url}/{name}"),
    })
}

pub(super) fn shown(state: &State, asked: &Asked, here: &Here<'_>) -> Answer {
    match state.repositories.get(&asked.repository) {
        Some(repository) => ok(&described(&asked.repository, repository, here)),
        None => not_found(),
    }
}

pub(super) fn for_organization(state: &mut State, asked: &Asked, here: &Here<'_>) -> Answer {
    if !state.organizations.contains(&asked.repository) {
        return not_found();
    }
    made(state, asked, &asked.repository, here)
}

pub(super) fn for_user(state: &mut State, asked: &Asked, here: &Here<'_>) -> Answer {
    made(state, asked, here.user, here)
}

fn made(state: &mut State, asked: &Asked, owner: &str, here: &Here<'_>) -> Answer {
    let name = text(&asked.body, "name").unwrap_or_default();
    let name = format!("{owner}/{name}");
    if state.repositories.contains_key(&name) {
        return refused(409, "The repository with the same name already exists.");
    }
    let repository = Repository {
        private: flag(&asked.body, "private"),
        default_branch: text(&asked.body, "default_branch").unwrap_or_else(|| "main".to_owned()),
        ..Repository::default()
    };
    let answer = created(&described(&name, &repository, here));
    if let Some(root) = &state.git_root
        && let Err(error) = git::make(root, &name)
    {
        return refused(500, &error.to_string());
    }
    state.repositories.insert(name, repository);
    answer
}
