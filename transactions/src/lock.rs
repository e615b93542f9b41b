//! One transaction at a time in a repository.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use crate::refusal::{Code, Refusal};

/// The lock's file in the folder of transactions.
pub const NAME: &str = "lock";

/// Whoever has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Its process.
    pub pid: u32,
    /// What it does.
    pub command: String,
    /// Since when.
    pub since: String,
}

/// The lock, held until it is dropped or the process ends, however it does.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

impl Drop for Lock {
    fn drop(&mut self) {
        // In so many words: a process that another thread is just starting has the file open too,
        // until it becomes its program.
        let _ = flock(&self.file, FlockOperation::Unlock);
    }
}

impl Lock {
    /// Takes the lock in this folder, which is there.
    ///
    /// # Errors
    ///
    /// `E_TRANSACTION_BUSY` when somebody has it.
    pub fn take(folder: &Path, command: &str) -> Result<Self, Refusal> {
        let path = folder.join(NAME);
        let failed = |error: std::io::Error| Refusal::of_io(path.display(), &error);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        // A repository could bring a link to anywhere.
        options.custom_flags(libc::O_NOFOLLOW);
        let mut file = options.open(&path).map_err(failed)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => return Err(busy(&mut file)),
            Err(error) => return Err(failed(error.into())),
        }
        let holder = Holder {
            pid: std::process::id(),
            command: command.to_owned(),
            since: jiff::Timestamp::now().to_string(),
        };
        // Words for those who find it taken; the lock holds without them.
        if let Ok(text) = serde_json::to_string(&holder) {
            let _ = file.set_len(0);
            let _ = file.rewind();
            let _ = writeln!(file, "{text}");
        }
        Ok(Self { file })
    }
}

fn busy(file: &mut File) -> Refusal {
    let mut text = String::new();
    // It may be half written.
    let _ = file.read_to_string(&mut text);
    let message = match serde_json::from_str::<Holder>(&text) {
        Ok(Holder {
            pid,
            command,
            since,
        }) => format!(
            "another transaction is under way in this repository: `{command}`, process {pid}, since {since}"
        ),
        Err(_) => "another transaction is under way in this repository".to_owned(),
    };
    Refusal::new(Code::TransactionBusy, message)
        .hint("wait until it is over, then give the same command again")
}
