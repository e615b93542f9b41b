//! What becomes of the four files: each is made when it is not there, and otherwise gets just what it
//! lacks, so that nothing a person wrote in it is lost.

use super::{Existing, Route, RouteError, RoutePlan, controller, index, module, touch_set, types};
use crate::Edited;

/// How the project's modules give and take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// `require` and `module.exports`
    CommonJs,
    /// `import` and `export`
    EsModule,
}

/// The words of one route in one style.
pub(super) struct Words<'a> {
    pub route: &'a Route,
    pub style: Style,
    /// `registerUsersRoute`
    pub register: String,
    /// `getUsers`
    pub handler: String,
}

/// Plans a route: nothing to change when all of it is there.
///
/// # Errors
///
/// [`RouteError`]; nothing is to be changed then.
pub fn plan(route: &Route, existing: &Existing<'_>) -> Result<RoutePlan, RouteError> {
    let [route_path, controller_path, types_path, index_path] = touch_set(route);
    let old_index = text_of(existing, &index_path)?.ok_or_else(|| RouteError::Style {
        path: index_path.clone(),
        why: "is not there, and routes are added to no other list".to_owned(),
    })?;
    let (style, list) = index::read(&index_path, old_index)?;
    let pascal = route.pascal();
    let words = Words {
        route,
        style,
        register: format!("register{pascal}Route"),
        handler: format!("{}{pascal}", route.method),
    };
    let mut notes = Vec::new();

    let old_module = text_of(existing, &route_path)?;
    let new_module = match old_module {
        None => module::written(&words),
        Some(text) => module::with_method(&words, &route_path, text)?,
    };
    let methods = module::methods(&words, &route_path, &new_module)?;

    let old_controller = text_of(existing, &controller_path)?;
    let new_controller = match old_controller {
        None => controller::written(&words),
        Some(text) => controller::with_handler(&words, &controller_path, text, &mut notes)?,
    };

    let old_types = text_of(existing, &types_path)?;
    let new_types = types::with_schema(route, &methods, &types_path, old_types)?;
    let new_index = list.with_route(&words, &index_path, old_index)?;

    // New files end their lines as the list of routes does.
    let crlf = old_index.contains("\r\n");
    let mut files = Vec::new();
    let all = [
        (route_path, old_module, new_module),
        (controller_path, old_controller, new_controller),
        (types_path, old_types, new_types),
        (index_path, Some(old_index), new_index),
    ];
    for (path, before, after) in all {
        let after = match before {
            Some(_) => after,
            None if crlf => after.replace('\n', "\r\n"),
            None => after,
        };
        if before != Some(after.as_str()) {
            files.push(Edited {
                path,
                before: before.map(|text| text.as_bytes().to_vec()),
                after: after.into_bytes(),
            });
        }
    }
    Ok(RoutePlan {
        idempotent: files.is_empty(),
        files,
        notes,
    })
}

fn text_of<'a>(existing: &Existing<'a>, path: &str) -> Result<Option<&'a str>, RouteError> {
    let Some(contents) = existing.get(path) else {
        return Ok(None);
    };
    match std::str::from_utf8(contents) {
        Ok(text) => Ok(Some(text)),
        Err(_) => Err(RouteError::Conflict {
            path: path.to_owned(),
            why: "is not UTF-8".to_owned(),
        }),
    }
}
