//! A transaction from what was typed to what came of it, in this order: git, clean, scope, parse,
//! verify profile, touch set, barrier, plan, advisories, preflight, dry run or confirmation, scratch
//! copy, verification, swap.

use std::path::{Path, PathBuf};
use std::time::Duration;

use orket_edits::Edited;
use serde_json::{Value, json};

use crate::aftermath::About;
use crate::barrier::Barrier;
use crate::carry::{Carrier, Unwritten};
use crate::change::Change;
use crate::git::{Listing, Repository};
use crate::journal::Store;
use crate::lessons::{self, Situation, preflight};
use crate::lock::Lock;
use crate::operation::{Operation, Proposal};
use crate::outcome::Outcome;
use crate::plan::Shown;
use crate::profile::Profile;
use crate::recovery;
use crate::refusal::{Code, Refusal};
use crate::replay;
use crate::scope::Scope;
use crate::tree::Tree;
use crate::verify::Verifier;

/// What was typed.
#[derive(Debug, Clone)]
pub struct Request {
    /// Where the operator stands.
    pub folder: PathBuf,
    /// What is asked for.
    pub operation: Operation,
    /// Where may be written.
    pub scope: Vec<String>,
    /// The verify profile's name.
    pub profile: String,
    /// How long each command may take.
    pub timeout: Option<Duration>,
    /// Only the plan.
    pub dry_run: bool,
    /// Whether `--yes` was there.
    pub yes: bool,
}

/// What is set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// Whether replay artifacts are written.
    pub replay_artifacts: bool,
    /// Whether lessons are recorded and told.
    pub failure_lessons: bool,
    /// Whether what lessons say is missing stops a transaction.
    pub strict_preflight: bool,
}

/// What somebody says to a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Do it.
    Yes,
    /// Do not.
    No,
    /// There was nobody to ask.
    Nobody,
}

/// Whoever is shown the plan and says yes.
pub trait Operator {
    /// Shows the plan and what lessons say of it, and asks.
    fn confirm(&mut self, beforehand: &str) -> Answer;
}

/// A repository that a transaction works on.
pub(crate) struct Ground {
    pub repository: Repository,
    pub tree: Tree,
    pub listing: Listing,
    pub scope: Scope,
    pub profile: Profile,
    pub head: Option<String>,
}

/// Carries a request out, or says why not.
pub fn run(
    request: &Request,
    options: Options,
    verifier: &dyn Verifier,
    operator: &mut dyn Operator,
) -> Outcome {
    let mut outcome = Outcome::default();
    let found = Repository::find(&request.folder);
    let root = found
        .as_ref()
        .map_or_else(|_| request.folder.clone(), |it| it.root().to_owned());
    let done = found.and_then(|repository| {
        let mut attempt = Attempt {
            request,
            options,
            verifier,
            operator,
            outcome: &mut outcome,
        };
        attempt.run(repository)
    });
    let mut outcome = match done {
        Ok(message) => outcome.done(message),
        Err(refusal) => outcome.refused(refusal),
    };
    if options.replay_artifacts {
        record(&root, request, &mut outcome);
    }
    outcome
}

fn record(root: &Path, request: &Request, outcome: &mut Outcome) {
    let mut asked = request.operation.request();
    asked.insert("scope".to_owned(), json!(request.scope));
    asked.insert("verify_profile".to_owned(), json!(request.profile));
    asked.insert("dry_run".to_owned(), json!(request.dry_run));
    asked.insert("yes".to_owned(), json!(request.yes));
    let result = json!({"ok": outcome.ok, "code": outcome.code, "message": outcome.message});
    let at = jiff::Timestamp::now().to_string();
    let name = request.operation.name();
    if let Err(error) = replay::record(root, name, &Value::Object(asked), &result, &at) {
        outcome.message = format!(
            "{} (its replay artifact could not be written: {error})",
            outcome.message
        );
    }
}

struct Attempt<'a> {
    request: &'a Request,
    options: Options,
    verifier: &'a dyn Verifier,
    operator: &'a mut dyn Operator,
    outcome: &'a mut Outcome,
}

impl Attempt<'_> {
    fn run(&mut self, repository: Repository) -> Result<String, Refusal> {
        let request = self.request;
        let display = request.operation.display();
        let root = repository.root().to_owned();
        let mut held = None;
        if let Some(store) = Store::existing(&root) {
            held = Some(Lock::take(store.path(), &display)?);
            self.outcome.recovered = recovery::recover(&root, &store)?;
        }
        check_clean(&repository)?;
        let scope = Scope::read(&root, &request.folder, &request.scope)?;
        let parsed = request.operation.parse()?;
        let profile = Profile::find(&root, &request.profile, request.timeout)?;
        let tree = Tree::open(&root).map_err(|error| Refusal::of_io(root.display(), &error))?;
        let ground = Ground {
            listing: repository.listing()?,
            head: repository.head()?,
            repository,
            tree,
            scope,
            profile,
        };
        let barrier = Barrier {
            repository: &ground.repository,
            tree: &ground.tree,
            listing: &ground.listing,
            scope: &ground.scope,
            code: request.operation.barrier_code(),
        };
        let proposal = parsed.propose(&barrier)?;
        let changes = changes_of(&ground.tree, &proposal.files)?;
        let touched: Vec<String> = changes.iter().map(|it| it.path.clone()).collect();
        self.show(&ground, &proposal, &changes, &touched);
        if proposal.idempotent || changes.is_empty() {
            self.outcome.idempotent = Some(true);
            return Ok("nothing to do: it is so already".to_owned());
        }
        self.advise(&ground, &touched)?;
        if request.dry_run {
            return Ok("dry run: nothing was written".to_owned());
        }
        self.ask()?;
        let store = Store::open(&root)?;
        if held.is_none() {
            held = Some(Lock::take(store.path(), &display)?);
        }
        let done = self.write(&ground, &store, &changes);
        drop(held);
        done
    }

    /// Makes the plan.
    fn show(
        &mut self,
        ground: &Ground,
        proposal: &Proposal,
        changes: &[Change],
        touched: &[String],
    ) {
        let mut notes = proposal.notes.clone();
        for change in changes {
            let links = change.before.as_ref().map_or(1, |before| before.links);
            if links > 1 {
                notes.push(format!(
                    "{} has {links} names (hard links); only this one gets the new content",
                    change.path
                ));
            }
        }
        if !self.verifier.is_closed() {
            notes.push(
                "files are not confined on this machine: verification could write elsewhere"
                    .to_owned(),
            );
        }
        let network = self.verifier.network();
        let shown = Shown {
            title: &self.request.operation.title(),
            scope: ground.scope.typed(),
            files: touched,
            profile: &ground.profile,
            network: &network,
            notes: &notes,
        };
        self.outcome.plan = Some(shown.text());
        self.outcome.network = Some(network);
        if matches!(self.request.operation, Operation::Refactor { .. }) {
            self.outcome.touch_count = Some(touched.len());
        }
    }

    /// Tells what earlier failures teach.
    fn advise(&mut self, ground: &Ground, touched: &[String]) -> Result<(), Refusal> {
        if !self.options.failure_lessons {
            return Ok(());
        }
        let root = ground.repository.root();
        let lessons = lessons::all(root);
        let advisories = lessons::applying(
            &lessons,
            &Situation {
                command: self.request.operation.name(),
                profile: &ground.profile.name,
                scope: &ground.scope.names(),
                touch_set: touched,
            },
        );
        let checks = advisories.iter().flat_map(|it| &it.checks);
        let warnings = preflight::warnings(root, checks);
        let told = warnings.join(", ");
        let is_refused = self.options.strict_preflight && !warnings.is_empty();
        self.outcome.advisories = Some(advisories);
        self.outcome.preflight_warnings = Some(warnings);
        if is_refused {
            return Err(Refusal::new(
                Code::PreflightFailed,
                format!("an earlier failure of this kind would come again: {told}"),
            )
            .hint("put that right, or set ORKET_FAILURE_LESSONS_STRICT_PREFLIGHT=0"));
        }
        Ok(())
    }

    fn ask(&mut self) -> Result<(), Refusal> {
        if self.request.yes {
            return Ok(());
        }
        let beforehand = self.outcome.beforehand();
        let refusal = |message: &str| {
            Err(Refusal::new(Code::ConfirmationRequired, message)
                .hint("give the same command with --yes to do it, with --dry-run to only look"))
        };
        match self.operator.confirm(&beforehand) {
            Answer::Yes => Ok(()),
            Answer::No => refusal("not confirmed; nothing was written"),
            Answer::Nobody => refusal("nobody confirmed the plan; nothing was written"),
        }
    }

    fn write(
        &mut self,
        ground: &Ground,
        store: &Store,
        changes: &[Change],
    ) -> Result<String, Refusal> {
        let carrier = Carrier {
            repository: &ground.repository,
            tree: &ground.tree,
            store,
            profile: &ground.profile,
            command: &self.request.operation.display(),
        };
        let about = About {
            request: self.request,
            options: self.options,
            ground,
            changes,
        };
        match carrier.carry(self.verifier, changes) {
            Ok(()) => {
                self.outcome.parity = about.parity(true);
                Ok(done_message(&self.request.operation, changes.len()))
            }
            Err(Unwritten::Refused(refusal)) => Err(refusal),
            Err(Unwritten::Failed {
                failure,
                tree,
                left_out,
            }) => Err(about.failed(&failure, &tree, &left_out, self.outcome)),
        }
    }
}

fn done_message(operation: &Operation, count: usize) -> String {
    let files = if count == 1 {
        "1 file"
    } else {
        &format!("{count} files")
    };
    match operation {
        Operation::ApiAdd { route, .. } => {
            format!("route {route} added and verified, {files} written")
        }
        Operation::Refactor { .. } => format!("refactoring done and verified, {files} written"),
    }
}

fn check_clean(repository: &Repository) -> Result<(), Refusal> {
    const SHOWN: usize = 3;
    let dirty = repository.dirty()?;
    if dirty.is_empty() {
        return Ok(());
    }
    let mut shown: Vec<String> = dirty
        .iter()
        .take(SHOWN)
        .map(|path| path.display().to_string())
        .collect();
    if dirty.len() > SHOWN {
        shown.push(format!("and {} more", dirty.len() - SHOWN));
    }
    Err(Refusal::new(
        Code::WorktreeDirty,
        format!("the work tree is not clean: {}", shown.join(", ")),
    )
    .hint("commit or put away what differs: git status; git stash --include-untracked"))
}

fn changes_of(tree: &Tree, files: &[Edited]) -> Result<Vec<Change>, Refusal> {
    let changed = files
        .iter()
        .filter(|file| file.before.as_ref() != Some(&file.after));
    changed
        .map(|file| Change::of(tree, &file.path, file.before.as_deref(), file.after.clone()))
        .collect()
}
