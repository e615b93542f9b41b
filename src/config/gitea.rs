//! Where Gitea is, and where runs are exported to.

use std::path::PathBuf;

use orket_gitea::{Credentials, Secret};

use super::settings::Reader;

/// The user of a password that comes without one.
const DEFAULT_USER: &str = "Orket";

/// Gitea, and the export of runs.
#[derive(Debug, Clone)]
pub struct GiteaSettings {
    /// Its address.
    pub url: Option<String>,
    /// Who asks: the token, else user and password.
    pub credentials: Option<Credentials>,
    /// The user, where one is named.
    pub user: Option<String>,
    /// Whose repositories the products are.
    pub product_owner: Option<String>,
    /// Where runs are exported to.
    pub export: ExportSettings,
}

/// Where runs are exported to.
#[derive(Debug, Clone)]
pub struct ExportSettings {
    /// Whether each run that ends is exported.
    pub enabled: bool,
    /// Whose repository, where it is not the product owner's or the user's.
    pub owner: Option<String>,
    /// The repository.
    pub repo: String,
    /// The branch.
    pub branch: String,
    /// The folder in it.
    pub path_prefix: String,
    /// Whether a repository that is made is private.
    pub private: bool,
    /// Where clones are kept, absolute; `None` for the data folder.
    pub cache_root: Option<PathBuf>,
    /// Name in the commits.
    pub author_name: String,
    /// Address in the commits.
    pub author_email: String,
}

/// Where Gitea is when nobody says it, as in the Python Orket.
const DEFAULT_URL: &str = "http://localhost:3000";

impl GiteaSettings {
    /// Its address, or where it is when nobody says it.
    #[must_use]
    pub fn url_or_default(&self) -> String {
        self.url.clone().unwrap_or_else(|| DEFAULT_URL.to_owned())
    }
}

impl Reader<'_> {
    pub(super) fn gitea(&mut self) -> GiteaSettings {
        let token = self.text("GITEA_TOKEN");
        let user = self.text("GITEA_ADMIN_USER");
        let password = self.text("GITEA_ADMIN_PASSWORD");
        let credentials = match (token, &user, password) {
            (Some(token), _, _) => Some(Credentials::Token(Secret::new(token))),
            (None, user, Some(password)) => Some(Credentials::Basic {
                user: user.clone().unwrap_or_else(|| DEFAULT_USER.to_owned()),
                password: Secret::new(password),
            }),
            (None, _, None) => None,
        };
        GiteaSettings {
            url: self.text("GITEA_URL"),
            credentials,
            user,
            product_owner: self.text("GITEA_PRODUCT_OWNER"),
            export: self.export(),
        }
    }

    fn export(&mut self) -> ExportSettings {
        let cache_root = self.text("ORKET_GITEA_ARTIFACT_CACHE_ROOT");
        let cache_root = cache_root.map(|folder| self.below_root(&folder));
        let mut text = |name| self.text(name).unwrap_or_default();
        ExportSettings {
            enabled: text("ORKET_GITEA_ARTIFACT_EXPORT") == "true",
            repo: text("ORKET_GITEA_ARTIFACT_REPO"),
            branch: text("ORKET_GITEA_ARTIFACT_BRANCH"),
            path_prefix: text("ORKET_GITEA_ARTIFACT_PATH_PREFIX"),
            private: text("ORKET_GITEA_ARTIFACT_PRIVATE") == "true",
            author_name: text("ORKET_GITEA_ARTIFACT_AUTHOR_NAME"),
            author_email: text("ORKET_GITEA_ARTIFACT_AUTHOR_EMAIL"),
            owner: self.text("ORKET_GITEA_ARTIFACT_OWNER"),
            cache_root,
        }
    }
}
