//! The row of a summary that an artifact is about.

use crate::row::QuantRow;
use crate::summary::{Session, Summary};

/// The session of the model that is named, else the first; in it the quantization that is named, else the
/// smallest that will do, else the one of the highest rank. What is named and not there is `None`.
#[must_use]
pub fn row<'a>(
    summary: &'a Summary,
    model_id: Option<&str>,
    quant_tag: Option<&str>,
) -> Option<(&'a Session, &'a QuantRow)> {
    let session = match model_id {
        Some(model) => summary.sessions.iter().find(|it| it.model_id == model)?,
        None => summary.sessions.first()?,
    };
    let named = |tag: &str| session.per_quant.iter().find(|row| row.quant_tag == tag);
    let row = match quant_tag {
        Some(tag) => named(tag)?,
        None => session
            .efficiency_frontier
            .minimum_viable_quant_tag
            .as_deref()
            .and_then(named)
            .or_else(|| named(crate::session::baseline(&session.per_quant)))?,
    };
    Some((session, row))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::EfficiencyFrontier;

    #[test]
    fn a_name_is_taken_at_its_word() {
        let row_of = |tag: &str| QuantRow {
            quant_tag: tag.to_owned(),
            quant_rank: crate::rank::of(tag),
            ..QuantRow::default()
        };
        let session = |model: &str, minimum: Option<&str>| Session {
            model_id: model.to_owned(),
            per_quant: vec![row_of("Q4_0"), row_of("Q8_0")],
            efficiency_frontier: EfficiencyFrontier {
                minimum_viable_quant_tag: minimum.map(str::to_owned),
                ..EfficiencyFrontier::default()
            },
            ..Session::default()
        };
        let summary = Summary {
            sessions: vec![session("a", None), session("b", Some("Q4_0"))],
            ..Summary::default()
        };
        let picked = |model, quant| {
            row(&summary, model, quant)
                .map(|(session, row)| format!("{} {}", session.model_id, row.quant_tag))
        };
        assert_eq!(picked(None, None).as_deref(), Some("a Q8_0"));
        assert_eq!(picked(Some("b"), None).as_deref(), Some("b Q4_0"));
        assert_eq!(picked(Some("b"), Some("Q8_0")).as_deref(), Some("b Q8_0"));
        assert_eq!(picked(Some("c"), None), None);
        assert_eq!(picked(None, Some("Q2_K")), None);
    }
}
