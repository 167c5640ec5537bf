//! When to come back: said with a refusal.

use std::time::Duration;

use tonic::Status;
use tonic::metadata::MetadataValue;

/// The name that gRPC has for it, in milliseconds.
const KEY: &str = "grpc-retry-pushback-ms";

/// The same refusal, with how long its caller should stay away.
#[must_use]
pub fn come_back_after(mut status: Status, wait: Duration) -> Status {
    let milliseconds = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
    status.metadata_mut().insert(KEY, MetadataValue::from(milliseconds));
    status
}

/// How long a caller that was refused should stay away, where it was told.
#[must_use]
pub fn pushback(status: &Status) -> Option<Duration> {
    let text = status.metadata().get(KEY)?.to_str().ok()?;
    text.parse().ok().map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_when_to_come_back_or_does_not() {
        let status = Status::unavailable("too many");
        assert_eq!(pushback(&status), None);
        let status = come_back_after(status, Duration::from_millis(12_345));
        assert_eq!(pushback(&status), Some(Duration::from_millis(12_345)));
        for (text, expected) in [("-1", None), ("soon", None), ("7", Some(7))] {
            let mut other = Status::unavailable("too many");
            other.metadata_mut().insert(KEY, text.parse().unwrap());
            assert_eq!(pushback(&other), expected.map(Duration::from_millis), "{text}");
        }
    }
}
