//! The examples of a task, carried out where an answer can do no harm: the sandbox of child processes,
//! without network, within a time limit.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use orket_actors::port::tool::Beat;
use orket_sweep::score::examples::{Order, Printed};
use tokio_util::sync::CancellationToken;

use crate::config::variable;
use crate::tools::child::limits::Limits;
use crate::tools::child::sandbox::SandboxOptions;
use crate::tools::child::sandbox::allowance::Allowance;
use crate::tools::child::workspace::Workspaces;
use crate::tools::child::{Children, Ending, Errand, How};

/// The most output that is kept.
const MOST_OUTPUT: usize = 4 << 20;
/// Between asking an example to end and killing it.
const GRACE: Duration = Duration::from_millis(100);

/// Carries out examples.
pub(super) struct Examples {
    children: Children,
    sandbox: SandboxOptions,
}

impl Examples {
    /// Starts the threads that watch over children.
    pub(super) fn start(id: &str, sandbox: SandboxOptions) -> std::io::Result<Self> {
        let workspaces = Arc::new(Workspaces::default());
        let children = Children::start(id, workspaces, variable::is_secret, GRACE, &sandbox)?;
        Ok(Self { children, sandbox })
    }

    /// Carries out an order in a workspace.
    pub(super) async fn carry_out(&self, order: &Order, workspace: &Path) -> Printed {
        let errand = Errand {
            workspace: workspace.to_owned(),
            working_directory: String::new(),
            command: order.command.clone(),
            pass: Vec::new(),
            set: Vec::new(),
            input: Some(order.input.clone().into_bytes()),
            limits: Limits {
                wall: Some(order.limit),
                output: MOST_OUTPUT,
                memory: None,
            },
            // Whatever the operator lets verify commands do.
            allowance: Allowance {
                network: false,
                ..self.sandbox.allowance.clone()
            },
            fence: 1,
        };
        let beat: Beat = Arc::new(|| {});
        let ending = self
            .children
            .run(errand, beat, CancellationToken::new())
            .await;
        Printed {
            stdout: ending.stdout.text(),
            trouble: trouble(&ending),
        }
    }
}

fn trouble(ending: &Ending) -> Option<String> {
    match &ending.how {
        How::Exit(0) => None,
        How::Exit(code) => Some(format!(
            "the driver ended with {code}: {}",
            ending.stderr.last(200)
        )),
        How::Signal(signal) => Some(format!("the driver was ended by signal {signal}")),
        How::TimedOut(limit) => Some(format!("took longer than {} s", limit.as_secs())),
        How::Stopped(stop) => Some(format!("was stopped: {stop}")),
        How::Cancelled => Some("was cancelled".to_owned()),
        How::NotStarted(trouble) => Some(format!("did not start: {trouble}")),
    }
}
