//! Work that blocks, off the arbiter.
//!
//! Everything goes through one boxed type: a `spawn_blocking` of its own for each closure costs the
//! compiler some sixty functions a call.

use std::any::Any;
use std::fmt;

type Answer = Box<dyn Any + Send>;
type Work = Box<dyn FnOnce() -> Answer + Send>;

/// The work broke off: it panicked, or the runtime is going down.
#[derive(Debug)]
pub struct BrokeOff(String);

impl fmt::Display for BrokeOff {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for BrokeOff {}

/// Runs blocking work on a thread of the runtime that is there for it. Needs a tokio runtime, which
/// actix brings. Work that has begun goes on when the future is dropped.
///
/// # Errors
///
/// [`BrokeOff`] with the reason.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, BrokeOff> {
    let answer = boxed(Box::new(move || Box::new(work()) as Answer)).await?;
    match answer.downcast() {
        Ok(answer) => Ok(*answer),
        Err(_) => Err(BrokeOff("the answer is of another type".to_owned())),
    }
}

async fn boxed(work: Work) -> Result<Answer, BrokeOff> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| BrokeOff(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::blocking;

    #[tokio::test]
    async fn work_is_answered_and_a_panic_is_an_error() {
        assert_eq!(blocking(|| 6 * 7).await.unwrap(), 42);
        let broken = blocking(|| -> u8 { panic!("no") }).await.unwrap_err();
        assert!(broken.to_string().contains("panic"), "{broken}");
    }
}
