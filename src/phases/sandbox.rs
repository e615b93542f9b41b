//! Takes the sandboxes of a rock down whose phase is over.

use orket_core::phase::Moment;
use orket_sandboxes::{Sandbox, SandboxError, Sandboxes};

/// Takes those down that were made before the phase ended, or says in words why not. One that was made
/// later is not this phase's: it stays.
pub(super) async fn remove(
    sandboxes: &dyn Sandboxes,
    rock: &str,
    ended: Option<Moment>,
) -> Result<(), String> {
    let all = sandboxes.list().await.map_err(|error| error.to_string())?;
    let mut problems = Vec::new();
    for sandbox in all.iter().filter(|sandbox| sandbox.rock_id == rock) {
        match was_made_before(sandbox, ended) {
            Some(true) => {}
            Some(false) => continue,
            None => {
                problems.push(format!(
                    "sandbox `{}` does not say when it was made; stop it by hand",
                    sandbox.id
                ));
                continue;
            }
        }
        match sandboxes.stop(&sandbox.id).await {
            // It is gone, which is what was wished.
            Ok(()) | Err(SandboxError::Unknown(_)) => {}
            Err(error) => problems.push(error.to_string()),
        }
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(problems.join("; "))
    }
}

/// Sandboxes say the second in which they were made: one of the very second of the end is left alone,
/// for what is removed does not come back. `None` when it does not say.
fn was_made_before(sandbox: &Sandbox, ended: Option<Moment>) -> Option<bool> {
    let second = |moment: Moment| moment.0.div_euclid(1_000);
    let made = Moment::parse(&sandbox.created_at)?;
    Some(ended.is_none_or(|ended| second(made) < second(ended)))
}
