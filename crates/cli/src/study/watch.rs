//! Events of a study as they come, over as many connections as it takes.

use std::time::Duration;

use rand::RngExt as _;
use ripieno_study::Digest;
use ripieno_terminal::{Exit, Failure};

use super::course::Course;
use super::event::{Names, Told};
use crate::researcher::{Remote, of_status};

/// The pause before the second attempt; it doubles up to [`LONGEST`].
const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(30);

/// Pauses between attempts: each between half and all of what doubles.
#[derive(Debug)]
struct BackOff(Duration);

impl BackOff {
    fn next(&mut self) -> Duration {
        let pause = self.0.mul_f64(rand::rng().random_range(0.5..=1.0));
        self.0 = self.0.saturating_mul(2).min(LONGEST);
        pause
    }
}

/// What a watcher hears.
pub(crate) enum Heard<'a> {
    /// An event, and where the study stands after it.
    Event(&'a Told, &'a Course),
    /// The connection broke: what was said, and when it is tried again.
    Broken(&'a str, Duration),
}

/// Follows a study until it ends. The first connection must come about; later ones may break, and
/// nothing is missed.
pub(crate) async fn follow(
    remote: &mut Remote,
    study: Digest,
    names: &Names,
    hear: &mut (dyn FnMut(Heard<'_>) -> Result<(), Failure> + '_),
) -> Result<Course, Failure> {
    let mut course = Course::default();
    let (mut after, mut back_off, mut heard_once) = (0, BackOff(FIRST), false);
    loop {
        let status = match remote.watch(study, after).await {
            Err(status) => Some(status),
            Ok(mut events) => {
                heard_once = true;
                loop {
                    match events.message().await {
                        Ok(Some(event)) if event.number > after => {
                            after = event.number;
                            back_off = BackOff(FIRST);
                            if let Some(told) = Told::new(event, names) {
                                course.note(&told);
                                hear(Heard::Event(&told, &course))?;
                            }
                            if course.ended.is_some() {
                                return Ok(course);
                            }
                        }
                        // An old one again: there is nothing new in it.
                        Ok(Some(_)) => {}
                        Ok(None) => break None,
                        Err(status) => break Some(status),
                    }
                }
            }
        };
        let said = match status.as_ref().map(of_status) {
            Some(failure) if !heard_once || failure.exit() != Exit::Unreachable => {
                return Err(failure);
            }
            Some(_) => status.map(|status| status.message().to_owned()).unwrap_or_default(),
            None => "the coordinator ended it".into(),
        };
        let pause = back_off.next();
        hear(Heard::Broken(&said, pause))?;
        tokio::time::sleep(pause).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_with_jitter_up_to_half_a_minute() {
        let mut back_off = BackOff(FIRST);
        let pauses: Vec<_> = (0..12).map(|_| back_off.next()).collect();
        assert!((FIRST / 2..=FIRST).contains(&pauses[0]), "{pauses:?}");
        assert!(pauses[5] >= FIRST * 16 && pauses[5] <= FIRST * 32, "{pauses:?}");
        assert!(pauses[11] >= LONGEST / 2 && pauses[11] <= LONGEST, "{pauses:?}");
    }
}
