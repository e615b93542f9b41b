//! What interpreters say of their versions, each asked once.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use orket_actors::port::tool::{Beat, ToolScope};
use orket_core::plan::CommandTool;
use orket_core::skill::{Breach, version_told};
use tokio_util::sync::CancellationToken;

use super::child::limits::Limits;
use super::child::sandbox::allowance::Allowance;
use super::child::{Children, Errand, How};

/// The longest that a program may take to say it.
const LONGEST: Duration = Duration::from_secs(10);
/// The most bytes of its words that are kept.
const KEPT: usize = 4_096;

/// Those that are known, by program.
#[derive(Debug, Default)]
pub struct Versions {
    known: Mutex<HashMap<String, Option<String>>>,
}

impl Versions {
    /// What keeps a skill from running because its interpreter is not of the version that its
    /// manifest pins.
    pub async fn breach(
        &self,
        command: &CommandTool,
        scope: &ToolScope,
        children: &Children,
        allowance: &Allowance,
        cancel: &CancellationToken,
    ) -> Option<Breach> {
        let skill = command.skill.as_ref()?;
        let program = skill.versioned(&command.command)?;
        let known = self.lock().get(program).cloned();
        let told = match known {
            Some(told) => told,
            None => {
                let errand = errand(program, scope, allowance);
                let silent: Beat = std::sync::Arc::new(|| {});
                let ending = children.run(errand, silent, cancel.clone()).await;
                match ending.how {
                    How::Exit(_) | How::Signal(_) => {}
                    // The call itself will say why.
                    How::NotStarted(_) | How::Cancelled => return None,
                    How::TimedOut(_) | How::Stopped(_) => {}
                }
                let words = [ending.stdout.text(), ending.stderr.text()];
                let told = words.iter().find_map(|text| version_told(text));
                let told = told.map(str::to_owned);
                self.lock().insert(program.to_owned(), told.clone());
                told
            }
        };
        skill.other_version(program, told.as_deref())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Option<String>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn errand(program: &str, scope: &ToolScope, allowance: &Allowance) -> Errand {
    let mut allowance = allowance.clone();
    (allowance.network, allowance.workspace) = (false, false);
    Errand {
        workspace: scope.workspace.clone(),
        working_directory: String::new(),
        command: vec![program.to_owned(), "--version".to_owned()],
        pass: Vec::new(),
        set: Vec::new(),
        input: None,
        limits: Limits {
            wall: Some(LONGEST),
            output: KEPT,
            memory: None,
        },
        allowance,
        fence: scope.fence,
    }
}
