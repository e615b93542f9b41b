//! Issues, their labels and comments.

use serde_json::{Value, json};

use super::{Asked, Here, created, not_found, ok, page, refused, text, writable};
use crate::http::{Answer, Request};
use crate::shape::{Field, Kind, optional, required};
use crate::state::{Comment, Issue, Label, Repository, State};

pub(super) const COMMENT: &[Field] = &[
    required("body", Kind::Words),
    optional("updated_at", Kind::Text),
];

pub(super) const LABEL: &[Field] = &[
    required("name", Kind::Words),
    required("color", Kind::Color),
    optional("description", Kind::Text),
    optional("exclusive", Kind::Flag),
    optional("is_archived", Kind::Flag),
];

pub(super) const ISSUE: &[Field] = &[
    required("title", Kind::Words),
    optional("body", Kind::Text),
    optional("assignee", Kind::Text),
    optional("assignees", Kind::Texts),
    optional("closed", Kind::Flag),
    optional("due_date", Kind::Text),
    optional("labels", Kind::Numbers),
    optional("milestone", Kind::Number),
    optional("ref", Kind::Text),
];

impl Comment {
    fn described(&self) -> Value {
        json!({"id": self.id, "body": self.body, "user": {"login": self.author}})
    }
}

impl Label {
    fn described(&self) -> Value {
        json!({"id": self.id, "name": self.name, "color": self.color})
    }
}

impl Issue {
    fn described(&self, number: u64, repository: &Repository) -> Value {
        let labels = repository.labels.iter();
        let labels = labels.filter(|label| self.labels.contains(&label.id));
        json!({
            "number": number,
            "title": self.title,
            "body": self.body,
            "state": if self.open { "open" } else { "closed" },
            "labels": labels.map(Label::described).collect::<Vec<_>>(),
            "pull_request": null,
        })
    }
}

pub(super) fn comments(state: &State, asked: &Asked, request: &Request) -> Answer {
    let Some(repository) = state.repositories.get(&asked.repository) else {
        return not_found();
    };
    if !is_there(repository, asked.number) {
        return not_found();
    }
    let comments = repository.comments.iter();
    let comments = comments.filter(|comment| comment.on == asked.number);
    let all: Vec<Value> = comments.map(Comment::described).collect();
    if state.comments_in_pages {
        return page(request, &all);
    }
    let mut answer = ok(&json!(all));
    let total = ("X-Total-Count".to_owned(), all.len().to_string());
    answer.headers.push(total);
    answer
}

fn is_there(repository: &Repository, number: u64) -> bool {
    repository.pulls.contains_key(&number) || repository.issues.contains_key(&number)
}

pub(super) fn commented(state: &mut State, asked: &Asked, here: &Here<'_>) -> Answer {
    let id = state.next_id();
    let repository = match writable(state, &asked.repository) {
        Ok(repository) => repository,
        Err(refusal) => return refusal,
    };
    if !is_there(repository, asked.number) {
        return not_found();
    }
    let comment = Comment {
        id,
        on: asked.number,
        body: text(&asked.body, "body").unwrap_or_default(),
        author: here.user.to_owned(),
    };
    let answer = created(&comment.described());
    repository.comments.push(comment);
    answer
}

pub(super) fn labels(state: &State, asked: &Asked, request: &Request) -> Answer {
    match state.repositories.get(&asked.repository) {
        Some(repository) => {
            let all: Vec<Value> = repository.labels.iter().map(Label::described).collect();
            page(request, &all)
        }
        None => not_found(),
    }
}

pub(super) fn labelled(state: &mut State, asked: &Asked) -> Answer {
    let id = state.next_id();
    let repository = match writable(state, &asked.repository) {
        Ok(repository) => repository,
        Err(refusal) => return refusal,
    };
    let name = text(&asked.body, "name").unwrap_or_default();
    if repository.labels.iter().any(|label| label.name == name) {
        return refused(422, "label already exists");
    }
    let label = Label {
        id,
        name,
        color: text(&asked.body, "color").unwrap_or_default(),
    };
    let answer = created(&label.described());
    repository.labels.push(label);
    answer
}

pub(super) fn list(state: &State, asked: &Asked, request: &Request) -> Answer {
    let Some(repository) = state.repositories.get(&asked.repository) else {
        return not_found();
    };
    let wanted = request.parameter("state");
    let wanted = wanted.as_deref().unwrap_or("open");
    let issues = repository.issues.iter().rev();
    let issues = issues.filter(|(_, issue)| match wanted {
        "all" => true,
        "closed" => !issue.open,
        _ => issue.open,
    });
    let all: Vec<Value> = issues
        .map(|(number, issue)| issue.described(*number, repository))
        .collect();
    page(request, &all)
}

pub(super) fn opened(state: &mut State, asked: &Asked) -> Answer {
    let repository = match writable(state, &asked.repository) {
        Ok(repository) => repository,
        Err(refusal) => return refusal,
    };
    let labels = asked.body.get("labels").and_then(Value::as_array);
    let labels: Vec<u64> = labels
        .into_iter()
        .flatten()
        .filter_map(Value::as_u64)
        .collect();
    let known = |id: &u64| repository.labels.iter().any(|label| label.id == *id);
    if let Some(id) = labels.iter().find(|id| !known(id)) {
        let wrong = format!("label {id} does not exist in {}", asked.repository);
        let answer = refused(422, &wrong);
        state.violations.push(wrong);
        return answer;
    }
    let issue = Issue {
        title: text(&asked.body, "title").unwrap_or_default(),
        body: text(&asked.body, "body").unwrap_or_default(),
        open: !super::flag(&asked.body, "closed"),
        labels,
    };
    let number = repository.next_number();
    let answer = created(&issue.described(number, repository));
    repository.issues.insert(number, issue);
    answer
}
