//! When a run starts: at once, or at a moment that the shares of one run have agreed on.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::Failure;
use crate::observe::Clock;
use crate::verdict::ExitCode as Code;

/// Parses RFC 3339, or seconds since 1970.
pub(super) fn parse(text: &str) -> Result<Timestamp, String> {
    let seconds = text.parse::<f64>().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let since = seconds.and_then(|seconds| Timestamp::from_duration(seconds.try_into().ok()?).ok());
    since
        .or_else(|| text.parse().ok())
        .ok_or_else(|| format!("`{text}` is no moment; write it like 2026-05-01T12:00:00Z, or as seconds since 1970"))
}

/// Says when a moment is past already.
pub(super) fn in_future(start: Option<Timestamp>) -> Result<(), Failure> {
    match start.filter(|start| *start <= Timestamp::now()) {
        None => Ok(()),
        Some(start) => Err(Failure::new(
            Code::Usage,
            format!("--start-at: {start} is past; name a moment at which all machines will be ready"),
        )),
    }
}

/// Waits for the start, or for an interruption. The run's clock begins at that very moment.
pub(super) async fn wait(start: Option<Timestamp>, interrupt: &CancellationToken) -> Result<Clock, Failure> {
    let Some(start) = start else { return Ok(Clock::start()) };
    in_future(Some(start))?;
    let instant = Instant::now() + Duration::try_from(start.duration_since(Timestamp::now())).unwrap_or_default();
    tokio::select! {
        () = tokio::time::sleep_until(instant.into()) => {}
        () = interrupt.cancelled() => {}
    }
    Ok(Clock::starting(instant))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_rfc_3339_or_seconds() {
        let expected: Timestamp = "2026-05-01T12:00:00Z".parse().unwrap();
        for text in ["2026-05-01T12:00:00Z", "2026-05-01T14:00:00+02:00", "1777636800", "1777636800.0"] {
            assert_eq!(parse(text), Ok(expected), "{text}");
        }
        assert_eq!(parse("1777636800.25").unwrap().as_millisecond(), 1_777_636_800_250);
        for text in ["soon", "-5", "1e300", "NaN", "2026-05-01", ""] {
            let told = format!("`{text}` is no moment; write it like 2026-05-01T12:00:00Z, or as seconds since 1970");
            assert_eq!(parse(text), Err(told));
        }
    }

    #[tokio::test]
    async fn the_clock_begins_at_the_start_and_not_before() {
        let start = Timestamp::now() + Duration::from_millis(60);
        let clock = wait(Some(start), &CancellationToken::new()).await.unwrap();
        assert!(Timestamp::now() >= start);
        assert!(clock.now().0 > 0);
        let told = wait(Some(start), &CancellationToken::new()).await.unwrap_err();
        assert_eq!(told.code, Code::Usage);
        assert_eq!(
            told.text,
            format!("--start-at: {start} is past; name a moment at which all machines will be ready")
        );
    }

    #[tokio::test]
    async fn an_interruption_ends_the_waiting() {
        let interrupt = CancellationToken::new();
        interrupt.cancel();
        let start = Timestamp::now() + Duration::from_secs(3600);
        let clock = wait(Some(start), &interrupt).await.unwrap();
        assert_eq!(clock.now().0, 0);
    }
}
