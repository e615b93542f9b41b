//! How builds are called: `build-<epic>`, and `<rock's build>.<epic>` for the epics of a rock.

/// A name as a part of a build's id, where spaces are `._`.
#[must_use]
pub fn slug(name: &str) -> String {
    name.replace(' ', "._")
}

/// Where an epic of a rock is built.
#[must_use]
pub fn epic_build(rock_build: &str, epic: &str) -> String {
    format!("{rock_build}.{}", slug(epic))
}

/// The rock's build that a build of this epic is below; `None` when it is below none.
#[must_use]
pub fn rock_build<'a>(build: &'a str, epic: &str) -> Option<&'a str> {
    build.strip_suffix(&slug(epic))?.strip_suffix('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epic_s_build_leads_back_to_its_rock_s() {
        for epic in ["demo", "my epic", "a.b"] {
            let build = epic_build("rock-r-2", epic);
            assert_eq!(rock_build(&build, epic), Some("rock-r-2"), "{build}");
        }
        assert_eq!(epic_build("rock-r", "my epic"), "rock-r.my._epic");
        assert_eq!(rock_build("build-demo", "demo"), None);
        assert_eq!(rock_build("rock-r.other", "demo"), None);
    }
}
