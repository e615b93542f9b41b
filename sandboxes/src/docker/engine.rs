//! Which docker the commands reach. Another one knows nothing of a sandbox, which does not mean that its
//! containers are gone.

use std::ffi::OsString;
use std::path::PathBuf;

use serde::Deserialize;

/// The host or the context, as docker itself finds it; without the user's name in a host. Blocks for one
/// small file.
#[must_use]
pub(crate) fn current() -> String {
    found(|name| std::env::var_os(name))
}

fn found(variable: impl Fn(&str) -> Option<OsString>) -> String {
    let text = |name: &str| {
        let value = variable(name)?.into_string().ok()?;
        (!value.is_empty()).then_some(value)
    };
    if let Some(host) = text("DOCKER_HOST") {
        return format!("host {}", without_user(&host));
    }
    let context = text("DOCKER_CONTEXT").or_else(|| {
        let folder = variable("DOCKER_CONFIG").map(PathBuf::from);
        let folder = folder.or_else(|| Some(PathBuf::from(variable("HOME")?).join(".docker")))?;
        chosen(&std::fs::read(folder.join("config.json")).ok()?)
    });
    format!("context {}", context.as_deref().unwrap_or("default"))
}

/// The context that a configuration of docker chooses.
fn chosen(config: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Config {
        current_context: Option<String>,
    }
    let config: Config = serde_json::from_slice(config).ok()?;
    config.current_context.filter(|name| !name.is_empty())
}

fn without_user(host: &str) -> String {
    match (host.split_once("://"), host.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://{rest}"),
        (None, Some((_, rest))) => rest.to_owned(),
        (_, None) => host.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_comes_before_the_context_and_the_context_before_the_file() {
        let place = tempfile::tempdir().unwrap();
        let config = place.path().join("config.json");
        let engine = |set: &[(&str, &str)]| {
            found(|name| {
                if name == "DOCKER_CONFIG" {
                    return Some(place.path().into());
                }
                let (_, value) = set.iter().find(|(it, _)| *it == name)?;
                Some(value.into())
            })
        };
        assert_eq!(engine(&[]), "context default");
        std::fs::write(config, r#"{"auths": {}, "currentContext": "far"}"#).unwrap();
        assert_eq!(engine(&[]), "context far");
        assert_eq!(engine(&[("DOCKER_CONTEXT", "near")]), "context near");
        let host = ("DOCKER_HOST", "ssh://me:secret@far");
        assert_eq!(
            engine(&[host, ("DOCKER_CONTEXT", "near")]),
            "host ssh://far"
        );
    }
}
