//! A sandbox whose record, or whose secrets, this Orket cannot read.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::{COMPOSE, RECORD};
use crate::error::SandboxError;
use crate::ports::MOST;

/// What is still known of it. Its files stay as they are: a newer Orket may read them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Damaged {
    pub(crate) id: String,
    /// The rock it is of, when that can be told.
    pub(crate) rock_id: Option<String>,
    /// Where its ports are counted from, when it may hold any and that can be told.
    pub(crate) offset: Option<u16>,
    /// Whether containers of it may be there.
    pub(crate) may_live: bool,
    /// What is wrong, without what is in the files.
    pub(crate) reason: String,
}

impl Damaged {
    /// Looks at what can be made out of a folder. Blocks.
    pub(super) fn of(folder: &Path, id: &str, reason: String) -> Self {
        let text = fs::read(folder.join(RECORD)).unwrap_or_default();
        let record: Value = serde_json::from_slice(&text).unwrap_or_default();
        let text_of = |name: &str| record.get(name).and_then(Value::as_str);
        let may_live = !matches!(text_of("status"), Some("stopped" | "deleted"));
        let noted = record.get("offset").and_then(Value::as_u64);
        let noted = noted.and_then(|offset| u16::try_from(offset).ok());
        let offset = noted.or_else(|| published(folder));
        Self {
            id: id.to_owned(),
            rock_id: text_of("rock_id").map(str::to_owned),
            offset: offset.filter(|offset| may_live && (1..=MOST).contains(offset)),
            may_live,
            reason,
        }
    }

    /// What whoever wants something of it is told.
    pub(crate) fn refused(&self) -> SandboxError {
        SandboxError::Damaged {
            id: self.id.clone(),
            reason: self.reason.clone(),
        }
    }
}

/// The offset by the ports in the file for docker: those of the API are 8001 to 8079.
fn published(folder: &Path) -> Option<u16> {
    let text = fs::read_to_string(folder.join(COMPOSE)).ok()?;
    let mut ports = text.split("127.0.0.1:").skip(1).filter_map(|rest| {
        let port = rest.split(':').next()?;
        port.parse::<u16>().ok()
    });
    ports.find_map(|port| port.checked_sub(8_000).filter(|it| (1..=MOST).contains(it)))
}
