//! A run that begins in the middle: some of its cards stand where those of another run stood.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use orket_core::card_life::CardLife;
use orket_core::ids::{CardId, RunId};
use orket_core::plan::RunPlan;
use serde_json::json;

use super::queue::Kept;
use super::{NewRun, Runtime, RuntimeError};
use crate::port::store::{CardRow, CommentRecord, FlushFolder, Op};

/// How a card stands as its run begins.
#[derive(Debug, Clone)]
pub struct BegunCard {
    /// Its life.
    pub life: CardLife,
    /// Its comments, oldest first.
    pub comments: Vec<CommentRecord>,
}

/// The cards of a fork that do not begin from nothing.
#[derive(Debug, Clone, Default)]
pub struct ForkStart {
    /// By id; cards that are not here begin from nothing.
    pub cards: HashMap<CardId, BegunCard>,
}

/// What a start writes besides the cards themselves.
pub(super) struct Begun {
    run_id: RunId,
    cards: HashMap<CardId, BegunCard>,
    pub(super) ops: Vec<Op>,
    pub(super) flush: Option<FlushFolder>,
}

impl Begun {
    pub(super) fn of(fork: Option<ForkStart>, plan: &RunPlan) -> Self {
        Self {
            run_id: plan.run_id.clone(),
            // Its files were laid out before; they are on disk before the run is there.
            flush: fork
                .is_some()
                .then(|| FlushFolder(Arc::new(PathBuf::from(&plan.workspace)))),
            cards: fork.unwrap_or_default().cards,
            ops: Vec::new(),
        }
    }

    /// The life that a card begins with.
    pub(super) fn life(&mut self, card: &CardId, row: CardRow, at_ms: i64) -> CardLife {
        let Some(begun) = self.cards.remove(card) else {
            return CardLife::default();
        };
        self.ops.push(Op::CardEvent {
            run_id: self.run_id.clone(),
            card: Some(row),
            kind: "card_forked".to_owned(),
            data: json!({
                "status": begun.life.status.as_str(), "turn": begun.life.turn,
                "attempts": begun.life.attempts, "comments": begun.comments.len(),
            }),
            at_ms,
        });
        let comments = begun.comments.into_iter().enumerate();
        self.ops
            .extend(comments.map(|(number, comment)| Op::Comment {
                card: row,
                author: comment.author,
                content: comment.content,
                key: format!("fork:{}:{card}:{number}", self.run_id),
                at_ms: comment.at_ms,
            }));
        begun.life
    }
}

impl Runtime {
    /// Starts a run whose cards stand where those of another stood; returns when it is durable, and
    /// with it the files of its workspace.
    ///
    /// # Errors
    ///
    /// [`RuntimeError`].
    pub async fn fork_run(&self, new: NewRun, fork: ForkStart) -> Result<RunId, RuntimeError> {
        self.begin_run(new, Kept::Nowhere, Some(fork), None).await
    }
}
