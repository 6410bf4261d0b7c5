//! Durations and rates as people write them.

use std::time::Duration;

/// What a duration looks like; the same as [`parse_duration`] takes.
pub(super) const DURATION_PATTERN: &str = concat!(
    r"^(?=[0-9])([0-9]{1,6}(\.[0-9]{1,9})?h)?([0-9]{1,6}(\.[0-9]{1,9})?m)?",
    r"([0-9]{1,6}(\.[0-9]{1,9})?s)?([0-9]{1,6}(\.[0-9]{1,9})?ms)?$"
);

/// Units of a duration in seconds, in the order in which they are written.
const UNITS: [(&str, f64); 4] = [("h", 3600.0), ("m", 60.0), ("s", 1.0), ("ms", 0.001)];

/// What a rate looks like; the same as [`parse_rate`] takes.
pub(super) const RATE_PATTERN: &str = r"^[0-9]{1,6}(\.[0-9]{1,9})?/(s|min|h)$";

/// Why a text is no duration or rate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    /// Not a duration.
    #[error("`{0}` is not a duration; write for example `250ms`, `2s` or `1m30s`")]
    Duration(String),
    /// Not a rate.
    #[error("`{0}` is not a rate; write for example `5/s`, `300/min` or `20/h`")]
    Rate(String),
}

/// Parses a duration: numbers with the units `h`, `m`, `s` and `ms` in this order, added up (`250ms`, `2s`, `1m30s`).
///
/// # Errors
/// When the text is anything else, or a number has more than six digits before its point.
pub fn parse_duration(text: &str) -> Result<Duration, UnitError> {
    let wrong = || UnitError::Duration(text.to_owned());
    let mut total = Duration::ZERO;
    let mut rest = text;
    let mut units = UNITS.iter();
    while !rest.is_empty() {
        let (number, after) = number(rest).ok_or_else(wrong)?;
        let letters = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let (_, seconds) = units.find(|(unit, _)| *unit == &after[..letters]).ok_or_else(wrong)?;
        total += Duration::try_from_secs_f64(number * seconds).map_err(|_| wrong())?;
        rest = &after[letters..];
    }
    if text.is_empty() { Err(wrong()) } else { Ok(total) }
}

/// Parses a rate (`5/s`, `300/min`, `20/h`) into arrivals per second.
///
/// # Errors
/// When the text is anything else.
pub fn parse_rate(text: &str) -> Result<f64, UnitError> {
    let wrong = || UnitError::Rate(text.to_owned());
    let (number, unit) = number(text).ok_or_else(wrong)?;
    match unit {
        "/s" => Ok(number),
        "/min" => Ok(number / 60.0),
        "/h" => Ok(number / 3600.0),
        _ => Err(wrong()),
    }
}

/// The number at the beginning, with at most six digits before its point, and what follows it.
fn number(text: &str) -> Option<(f64, &str)> {
    let digits = |text: &str| text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let whole = digits(text);
    let mut end = whole;
    if !(1..=6).contains(&whole) {
        return None;
    }
    if let Some(after) = text[whole..].strip_prefix('.') {
        let fraction = digits(after);
        if !(1..=9).contains(&fraction) {
            return None;
        }
        end = whole + 1 + fraction;
    }
    Some((text[..end].parse().ok()?, &text[end..]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_add_up() {
        assert_eq!(parse_duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(parse_duration("1m30s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_duration("0.5h"), Ok(Duration::from_secs(1800)));
        assert_eq!(parse_duration("0s"), Ok(Duration::ZERO));
    }

    #[test]
    fn rates_are_per_second() {
        assert_eq!(parse_rate("5/s"), Ok(5.0));
        assert_eq!(parse_rate("300/min"), Ok(5.0));
        assert_eq!(parse_rate("7200/h"), Ok(2.0));
    }

    #[test]
    fn anything_else_is_told() {
        for text in ["", "5", "s", "5 s", "5sec", "-5s", "1s2", "1.s", "1e3s", "1234567s", "30s1m", "1s1s"] {
            assert_eq!(parse_duration(text), Err(UnitError::Duration(text.to_owned())));
        }
        for text in ["", "5", "/s", "5 /s", "5/sec", "-5/s", "5/s/s"] {
            assert_eq!(parse_rate(text), Err(UnitError::Rate(text.to_owned())));
        }
    }

    proptest! {
        #[test]
        fn the_patterns_of_the_editor_schema_take_what_the_parsers_take(
            text in r"[0-9]{0,7}\.?[0-9]{0,2}(ms|s|m|h|/s|/min|/h|x)?([0-9]{1,2}(h|s|m))?",
        ) {
            let matches = |pattern: &str| {
                let schema = serde_json::json!({ "pattern": pattern });
                jsonschema::is_valid(&schema, &serde_json::json!(text))
            };
            prop_assert_eq!(parse_duration(&text).is_ok(), matches(DURATION_PATTERN));
            prop_assert_eq!(parse_rate(&text).is_ok(), matches(RATE_PATTERN));
        }
    }
}
