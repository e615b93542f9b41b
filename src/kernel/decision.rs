//! What was decided about a turn's tool call, as its result says it.

use serde::Serialize;
use utoipa::ToSchema;

use super::words::{Code, Stage};

/// Whether a tool call may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schema(as = KernelGrant)]
pub enum Grant {
    /// It may.
    Grant,
    /// It may not.
    Deny,
}

/// How a decision came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = KernelDecisionOutcome)]
pub enum DecisionOutcome {
    /// It may be made.
    Allowed,
    /// It may not.
    Denied,
    /// Nothing was decided, since capabilities are not enforced.
    Skipped,
    /// It may not, since nobody knows what it needs.
    Unresolved,
}

/// What a decision rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = KernelEvidence)]
pub struct Evidence {
    /// The policy's file.
    pub policy_ref: &'static str,
    /// What gave the permissions: `policy:role_task`, `policy:default`, or, from a key with the
    /// scope admin, `request:permissions` and `request:allow_tool_call`.
    pub capability_source: &'static str,
    /// The policy's version.
    pub capability_version: String,
}

/// A decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = KernelDecision)]
pub struct Decision {
    /// `kernel_api/v1`.
    pub contract_version: &'static str,
    /// Who.
    pub subject: String,
    /// Does what.
    pub action: String,
    /// To what.
    pub resource: String,
    /// And whether that may be.
    pub result: Grant,
    /// Why, as a code.
    pub reason_code: Code,
    /// What it rests on.
    pub evidence: Evidence,
}

/// The record of a decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = KernelDecisionRecord)]
pub struct DecisionRecord {
    /// The digest of the twelve other fields; those that are absent count as null.
    pub decision_id: String,
    /// `kernel_api/v1`.
    pub contract_version: &'static str,
    /// The run.
    pub run_id: String,
    /// The turn.
    pub turn_id: String,
    /// The tool.
    pub tool_name: String,
    /// What is to be done.
    pub action: String,
    /// Its place among the decisions of the turn: 0.
    pub ordinal: u64,
    /// How it came out.
    pub outcome: DecisionOutcome,
    /// Where it was made.
    pub stage: Stage,
    /// Why it may not be made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deny_code: Option<Code>,
    /// Why nothing was decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub info_code: Option<Code>,
    /// In words.
    pub reason: &'static str,
    /// What allows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provenance: Option<Evidence>,
}

/// Whether capabilities are enforced.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = KernelCapabilityMode)]
pub enum Mode {
    /// They are.
    #[default]
    Enabled,
    /// An admin has this turn do without.
    Disabled,
}

/// What was decided in a turn.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = KernelCapabilities)]
pub struct Capabilities {
    /// Whether they are enforced.
    pub mode: Mode,
    /// The decisions: none, or one.
    pub decisions: Vec<Decision>,
    /// Their records, and that of a skipped one.
    pub decisions_v1_2_1: Vec<DecisionRecord>,
    /// How many were denied.
    pub denied_count: u64,
    /// How many were granted.
    pub granted_count: u64,
}
