//! Which clauses of a contract a reply is checked by at all.

use super::{
    ARCHITECTURE, CONSISTENCY, Contract, GUARD_PAYLOAD, HALLUCINATION, PROGRESS, READ_PATH,
    RULE_OUTPUT_FORMAT, SECURITY, WRITE_PATH,
};
use crate::plan::SeatPlan;

impl Contract {
    /// Their reason codes, in the order in which they are checked. That a tool must be offered and a
    /// path must stay inside always holds.
    #[must_use]
    pub fn clauses(&self, seat: &SeatPlan, missing_reads: &[String]) -> Vec<&'static str> {
        let in_words = self.words_suffice(seat);
        let calls_only = self.tool_calls_only || self.has_rule(RULE_OUTPUT_FORMAT);
        let of_calls = [
            (WRITE_PATH, !self.required_write_paths.is_empty()),
            (
                READ_PATH,
                self.demanded_reads(missing_reads).next().is_some(),
            ),
            (ARCHITECTURE, self.architecture_decision.is_some()),
            (GUARD_PAYLOAD, self.rejection_payload),
        ];
        let mut clauses = vec![PROGRESS];
        if !in_words {
            clauses.extend(
                of_calls
                    .iter()
                    .filter(|(_, due)| *due)
                    .map(|(code, _)| *code),
            );
        }
        if calls_only && !seat.tools.is_empty() {
            clauses.push(CONSISTENCY);
        }
        clauses.extend([HALLUCINATION, SECURITY]);
        clauses
    }
}
