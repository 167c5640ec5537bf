//! Waiting for something, never for a time.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

/// How often a condition is looked at that nothing announces.
pub(crate) const PACE: Duration = Duration::from_millis(15);

/// What `future` gives; panics where it takes longer than `deadline`.
pub async fn within<T>(deadline: Duration, what: &str, future: impl Future<Output = T>) -> T {
    match timeout(deadline, future).await {
        Ok(value) => value,
        Err(_) => panic!("{what}: not within {deadline:?}"),
    }
}

/// Looks until there is something to see; panics with the last reason where that takes longer than
/// `deadline`.
pub async fn until<T, F, L>(deadline: Duration, what: &str, mut look: L) -> T
where
    F: Future<Output = Result<T, String>>,
    L: FnMut() -> F,
{
    let end = Instant::now() + deadline;
    let mut last = "nothing was seen in time".to_owned();
    while Instant::now() < end {
        match timeout(end - Instant::now(), look()).await {
            Ok(Ok(value)) => return value,
            Ok(Err(reason)) => last = reason,
            Err(_) => break,
        }
        sleep(PACE).await;
    }
    panic!("{what}: not within {deadline:?}: {last}")
}
