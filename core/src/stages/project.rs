//! What the stages know of the project, and the words for it.

use crate::status::words;

words! {
    /// What the product shows of itself.
    Surface, "project surface profile" {
        /// Nobody knows yet: everything is laid out.
        Unspecified = "unspecified",
        /// A service without a face.
        BackendOnly = "backend_only",
        /// A command.
        Cli = "cli",
        /// A service and a frontend in the browser.
        ApiVue = "api_vue",
        /// A screen in the terminal.
        Tui = "tui",
    }
}

words! {
    /// Which framework a frontend is built with.
    Framework, "frontend framework mode" {
        /// Vue.
        Vue = "force_vue",
        /// React.
        React = "force_react",
        /// Angular.
        Angular = "force_angular",
        /// Whichever the architect names during the run.
        Undecided = "architect_decides",
    }
}

words! {
    /// Who builds a small project.
    Variant, "small-project builder variant" {
        /// The coder, unless there is a reason.
        Auto = "auto",
        /// The coder.
        Coder = "coder",
        /// The architect.
        Architect = "architect",
    }
}

words! {
    /// Whether the product is one piece or several services.
    Pattern, "architecture pattern" {
        /// One piece.
        Monolith = "monolith",
        /// Several services.
        Microservices = "microservices",
    }
}

words! {
    /// Which package managers the manifests are for.
    Stack, "stack profile" {
        /// Python's.
        Python = "python",
        /// Node's.
        Node = "node",
        /// Both.
        Polyglot = "polyglot",
    }
}

impl Surface {
    /// The stack that such a product has unless the rules say otherwise.
    #[must_use]
    pub const fn stack(self) -> Stack {
        match self {
            Self::BackendOnly | Self::Cli | Self::Tui => Stack::Python,
            Self::Unspecified | Self::ApiVue => Stack::Polyglot,
        }
    }
}

impl Stack {
    /// Whether there is a manifest for Python.
    #[must_use]
    pub const fn has_python(self) -> bool {
        matches!(self, Self::Python | Self::Polyglot)
    }

    /// Whether there is a manifest for Node.
    #[must_use]
    pub const fn has_node(self) -> bool {
        matches!(self, Self::Node | Self::Polyglot)
    }
}

/// What the stages know of the project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// The epic's title.
    pub title: String,
    /// A name for package managers: lower case, digits and dashes.
    pub package: String,
    /// What it shows of itself.
    pub surface: Surface,
    /// Which framework its frontend has.
    pub framework: Framework,
    /// One piece or several services.
    pub pattern: Pattern,
    /// Which package managers it uses.
    pub stack: Stack,
}

impl Project {
    /// A title made into a package's name; `project` when nothing is left of it.
    #[must_use]
    pub fn package_of(name: &str) -> String {
        let mut package = String::new();
        for letter in name.to_lowercase().chars() {
            if letter.is_ascii_alphanumeric() {
                package.push(letter);
            } else if !package.is_empty() && !package.ends_with('-') {
                package.push('-');
            }
        }
        let package = package.trim_end_matches('-');
        if package.is_empty() {
            "project".to_owned()
        } else {
            package.to_owned()
        }
    }
}
