//! Waiting for what other processes do: looked for again and again, with a deadline.

use std::time::Duration;

use anyhow::anyhow;
use ripieno_terminal::{Exit, Failure};
use tokio::time::{Instant, MissedTickBehavior, interval};

/// Between two looks.
const TICK: Duration = Duration::from_millis(10);
/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Looks until there is something. `what` is said where there is nothing in time.
pub(super) async fn until<T>(
    what: &str,
    mut look: impl AsyncFnMut() -> Result<Option<T>, Failure>,
) -> Result<T, Failure> {
    let deadline = Instant::now() + PATIENCE;
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Some(found) = look().await? {
            return Ok(found);
        }
        if Instant::now() >= deadline {
            let error = anyhow!("waited {} s in vain: {what}", PATIENCE.as_secs());
            return Err(Failure::new(Exit::Internal, error));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_looks_until_it_finds_or_the_time_is_over() {
        let mut looks = 0;
        let found = until("the third look", async || {
            looks += 1;
            Ok((looks == 3).then_some(looks))
        });
        assert_eq!(found.await.unwrap(), 3);
        let never = until("nothing", async || Ok(None::<()>)).await.unwrap_err();
        assert!(never.text().contains("in vain: nothing"), "{}", never.text());
    }
}
