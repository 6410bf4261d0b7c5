//! Reads a threshold from text: a metric, a comparison, a value with its unit.

use std::ops::Range;
use std::str::FromStr;
use std::time::Duration;

use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error as PlainError, StrDeserializer};

use super::threshold::{Amount, Comparison, Limit, Measure, Metric, Only, Statistic, Threshold};
use crate::observe::{Side, ViolationKind};
use crate::protocol::Transport;

/// Metrics that belong to no action.
const NAMES: [&str; 11] = [
    "delivery",
    "connect",
    "lag",
    "errors",
    "timeouts",
    "late",
    "violations",
    "non_strict",
    "reordered",
    "dropped",
    "failed_steps",
];
/// What can be said of an action.
const MEASURES: [&str; 7] = ["response", "service", "errors", "timeouts", "late", "count", "rate"];
const STATISTICS: &str = "`max`, `mean` or a percentile such as `p99` or `p99.9`";

/// A text is not a threshold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("found {found}, allowed: {allowed}{}", suggestion(did_you_mean))]
pub struct ThresholdError {
    /// Where in the text, in bytes.
    pub at: Range<usize>,
    /// What is there.
    pub found: String,
    /// What may be there.
    pub allowed: String,
    /// The allowed word that looks most like it.
    pub did_you_mean: Option<String>,
}

fn suggestion(word: &Option<String>) -> String {
    word.as_ref().map(|word| format!("; did you mean `{word}`?")).unwrap_or_default()
}

impl FromStr for Threshold {
    type Err = ThresholdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut cursor = Cursor { text, at: 0 };
        let (metric, unit) = metric(&mut cursor)?;
        let comparison = comparison(&mut cursor)?;
        let (limit, is_percent) = limit(&mut cursor, unit)?;
        cursor.skip_spaces();
        if !cursor.rest().is_empty() {
            return Err(cursor.wrong(cursor.at..text.len(), "nothing more", None));
        }
        Ok(Self { metric: if is_percent { as_share(metric) } else { metric }, comparison, limit })
    }
}

/// The units that go with a metric.
#[derive(Clone, Copy, PartialEq)]
enum Unit {
    Time,
    Count,
    CountOrPercent,
    PerSecond,
}

struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn skip_spaces(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    /// Takes what fits, and where it was.
    fn take(&mut self, fits: impl Fn(char) -> bool) -> (&'a str, Range<usize>) {
        let rest = self.rest();
        let length = rest.find(|c| !fits(c)).unwrap_or(rest.len());
        let range = self.at..self.at + length;
        self.at = range.end;
        (&rest[..length], range)
    }

    fn word(&mut self) -> (&'a str, Range<usize>) {
        self.take(|c| c.is_ascii_alphanumeric() || c == '_')
    }

    fn accept(&mut self, sign: &str) -> bool {
        let found = self.rest().starts_with(sign);
        self.at += if found { sign.len() } else { 0 };
        found
    }

    fn expect(&mut self, sign: &str, allowed: &str) -> Result<(), ThresholdError> {
        if self.accept(sign) { Ok(()) } else { Err(self.wrong(self.at..self.at, allowed, None)) }
    }

    /// An empty range is stretched over the next character.
    fn wrong(&self, at: Range<usize>, allowed: &str, did_you_mean: Option<&str>) -> ThresholdError {
        let next = self.text[at.start..].chars().next().map_or(0, char::len_utf8);
        let at = if at.is_empty() { at.start..at.start + next } else { at };
        let found = match &self.text[at.clone()] {
            "" => "the end".to_owned(),
            found => format!("`{found}`"),
        };
        ThresholdError { at, found, allowed: allowed.to_owned(), did_you_mean: did_you_mean.map(str::to_owned) }
    }

    fn unknown(&self, at: Range<usize>, what: &str, names: &[&str]) -> ThresholdError {
        let allowed = format!("{what} {}", list(names));
        let closest = closest(&self.text[at.clone()], names);
        self.wrong(at, &allowed, closest)
    }
}

fn list(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn closest<'a>(word: &str, names: &[&'a str]) -> Option<&'a str> {
    let scored = names.iter().map(|name| (strsim::damerau_levenshtein(word, name), *name));
    scored.min().filter(|(distance, name)| *distance <= name.len() / 3).map(|(_, name)| name)
}

fn metric(cursor: &mut Cursor<'_>) -> Result<(Metric, Unit), ThresholdError> {
    cursor.skip_spaces();
    let (name, at) = cursor.word();
    if name.is_empty() {
        return Err(cursor.wrong(at, &format!("an action or one of {}", list(&NAMES)), None));
    }
    Ok(match name {
        "delivery" => {
            let selector = cursor.at;
            let only = only(cursor)?;
            if only.transport.is_some() {
                return Err(cursor.wrong(
                    selector..cursor.at,
                    "a `dialect` alone: pushes come over one transport",
                    None,
                ));
            }
            (Metric::Delivery(only, dotted_statistic(cursor)?), Unit::Time)
        }
        "connect" => (Metric::Connect(only(cursor)?, dotted_statistic(cursor)?), Unit::Time),
        "lag" => (Metric::Lag(dotted_statistic(cursor)?), Unit::Time),
        "errors" => (Metric::Errors(only(cursor)?, Amount::Count), Unit::CountOrPercent),
        "timeouts" => (Metric::Timeouts(only(cursor)?), Unit::Count),
        "late" => (Metric::Late(only(cursor)?), Unit::Count),
        "violations" => (Metric::Violations(violation_kind(cursor)?), Unit::Count),
        "non_strict" => (Metric::NonStrict, Unit::Count),
        "reordered" => (Metric::Reordered, Unit::Count),
        "dropped" => (Metric::Dropped, Unit::Count),
        "failed_steps" => (Metric::FailedSteps, Unit::Count),
        action => return of_action(cursor, action, at),
    })
}

fn of_action(cursor: &mut Cursor<'_>, action: &str, at: Range<usize>) -> Result<(Metric, Unit), ThresholdError> {
    let only = only(cursor)?;
    if !cursor.accept(".") {
        let allowed =
            format!("an action with what is measured, such as `{action}.response.p99`, or one of {}", list(&NAMES));
        return Err(cursor.wrong(at, &allowed, closest(action, &NAMES)));
    }
    let (measure, measure_at) = cursor.word();
    let (measure, unit) = match measure {
        "response" => (Measure::Response(dotted_statistic(cursor)?), Unit::Time),
        "service" => (Measure::Service(dotted_statistic(cursor)?), Unit::Time),
        "errors" => (Measure::Errors(Amount::Count), Unit::CountOrPercent),
        "timeouts" => (Measure::Timeouts, Unit::Count),
        "late" => (Measure::Late, Unit::Count),
        "count" => (Measure::Count, Unit::Count),
        "rate" => (Measure::Rate, Unit::PerSecond),
        _ => {
            // A misspelt `delivery.p99` looks like an action.
            cursor.at = measure_at.start;
            let of_all = ["delivery", "connect", "lag"];
            return Err(match (statistic(cursor), closest(action, &of_all)) {
                (Ok(_), Some(_)) => cursor.unknown(at, "before a statistic alone", &of_all),
                _ => cursor.unknown(measure_at, "one of", &MEASURES),
            });
        }
    };
    Ok((Metric::Action { action: action.to_owned(), only, measure }, unit))
}

fn only(cursor: &mut Cursor<'_>) -> Result<Only, ThresholdError> {
    let mut only = Only::default();
    if !cursor.accept("{") {
        return Ok(only);
    }
    loop {
        cursor.skip_spaces();
        let (key, at) = cursor.word();
        cursor.expect(":", "`:` and a value")?;
        cursor.skip_spaces();
        let (value, value_at) = cursor.take(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
        match key {
            "dialect" if value.is_empty() => {
                return Err(cursor.wrong(value_at, "a dialect such as `agent/v3.0`", None));
            }
            "dialect" => only.dialect = Some(value.to_owned()),
            "transport" => only.transport = Some(transport(cursor, value, value_at)?),
            _ => return Err(cursor.unknown(at, "one of", &["dialect", "transport"])),
        }
        cursor.skip_spaces();
        if cursor.accept("}") {
            return Ok(only);
        }
        cursor.expect(",", "`,` or `}`")?;
    }
}

/// Asks the type itself, so that a new transport is known here at once.
fn transport(cursor: &Cursor<'_>, value: &str, at: Range<usize>) -> Result<Transport, ThresholdError> {
    let deserializer: StrDeserializer<'_, PlainError> = value.into_deserializer();
    Transport::deserialize(deserializer).map_err(|error| {
        let text = error.to_string();
        let allowed = text.split_once("expected ").map_or("a transport", |(_, allowed)| allowed);
        let names: Vec<&str> = allowed.split('`').skip(1).step_by(2).collect();
        cursor.wrong(at, allowed, closest(value, &names))
    })
}

fn violation_kind(cursor: &mut Cursor<'_>) -> Result<Option<ViolationKind>, ThresholdError> {
    if !cursor.accept(".") {
        return Ok(None);
    }
    let (name, at) = cursor.word();
    let mut of_servers = ViolationKind::ALL.iter().filter(|kind| kind.side() == Side::Server);
    let names: Vec<&str> = of_servers.clone().map(|kind| kind.name()).collect();
    let known = of_servers.find(|kind| kind.name() == name);
    known.map(|kind| Some(*kind)).ok_or_else(|| cursor.unknown(at, "one of", &names))
}

fn dotted_statistic(cursor: &mut Cursor<'_>) -> Result<Statistic, ThresholdError> {
    cursor.expect(".", &format!("`.` and {STATISTICS}"))?;
    statistic(cursor)
}

fn statistic(cursor: &mut Cursor<'_>) -> Result<Statistic, ThresholdError> {
    let (word, at) = cursor.take(|c| c.is_ascii_alphanumeric() || c == '.');
    match word {
        "max" => return Ok(Statistic::Max),
        "mean" => return Ok(Statistic::Mean),
        _ => {}
    }
    let percent = word.strip_prefix('p').and_then(decimal).filter(|percent| (0.0..=100.0).contains(percent));
    percent.map(Statistic::Percentile).ok_or_else(|| cursor.wrong(at, STATISTICS, closest(word, &["max", "mean"])))
}

fn comparison(cursor: &mut Cursor<'_>) -> Result<Comparison, ThresholdError> {
    cursor.skip_spaces();
    let found = Comparison::ALL.into_iter().find(|comparison| cursor.accept(comparison.sign()));
    found.ok_or_else(|| {
        let signs = ["<", "<=", ">", ">=", "==", "!="];
        let did_you_mean = cursor.rest().starts_with('=').then_some("==");
        cursor.wrong(cursor.at..cursor.at, &format!("one of {}", list(&signs)), did_you_mean)
    })
}

/// The value; and whether it is a percentage.
fn limit(cursor: &mut Cursor<'_>, unit: Unit) -> Result<(Limit, bool), ThresholdError> {
    cursor.skip_spaces();
    let (number, number_at) = cursor.take(|c| c.is_ascii_digit() || c == '.');
    let (suffix, suffix_at) = cursor.take(|c| c.is_ascii_alphabetic() || "%/µ".contains(c));
    let whole = number_at.start..suffix_at.end;
    let allowed = match unit {
        Unit::Time => "a duration such as `250ms`, `1.5s` or `800us`",
        Unit::Count => "a whole number",
        Unit::CountOrPercent => "a whole number, or a percentage of the answers such as `1%`",
        Unit::PerSecond => "a rate such as `10/s`",
    };
    let value = decimal(number);
    let limit = match (unit, suffix, value) {
        (Unit::Time, "us", Some(value)) => time(value),
        (Unit::Time, "ms", Some(value)) => time(value * 1e3),
        (Unit::Time, "s", Some(value)) => time(value * 1e6),
        (Unit::Count | Unit::CountOrPercent, "", _) => number.parse().ok().map(Limit::Count),
        (Unit::CountOrPercent, "%", Some(value)) => (value <= 100.0).then_some(Limit::Percent(value)),
        (Unit::PerSecond, "/s", Some(value)) => Some(Limit::PerSecond(value)),
        _ => None,
    };
    match limit {
        Some(limit) => Ok((limit, suffix == "%")),
        None => Err(cursor.wrong(whole, allowed, None)),
    }
}

/// Whole microseconds of at most an hour: more than anybody waits.
fn time(micros: f64) -> Option<Limit> {
    let rounded = micros.round();
    let plausible = (0.0..=3.6e9).contains(&rounded) && (micros - rounded).abs() < 1e-3;
    plausible.then(|| Limit::Time(Duration::from_micros(rounded as u64)))
}

/// Digits, and perhaps a point with further digits.
fn decimal(text: &str) -> Option<f64> {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    (digits(whole) && digits(fraction)).then(|| text.parse().ok()).flatten().filter(|value: &f64| value.is_finite())
}

fn as_share(metric: Metric) -> Metric {
    match metric {
        Metric::Errors(only, _) => Metric::Errors(only, Amount::Percent),
        Metric::Action { action, only, .. } => {
            Metric::Action { action, only, measure: Measure::Errors(Amount::Percent) }
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn wrong(text: &str) -> String {
        let error = text.parse::<Threshold>().unwrap_err();
        format!("{}^{} {error}", " ".repeat(error.at.start), "~".repeat(error.at.len().saturating_sub(1)))
    }

    #[test]
    fn the_documented_thresholds_are_understood() {
        for text in [
            "send_event.response.p99 < 250ms",
            "send_event{transport:web}.service.p50 <= 10ms",
            "send_event{dialect:agent/v3.0}.errors == 0",
            "send_event{dialect:agent/v3.0,transport:websocket}.late != 1",
            "delivery.p99 < 500ms",
            "delivery{dialect:customer/v0.3}.max < 2s",
            "connect.p95 < 1s",
            "timeouts == 0",
            "violations == 0",
            "violations.lost_event == 0",
            "non_strict == 0",
            "reordered == 0",
            "errors == 0",
            "errors < 1%",
            "dropped == 0",
            "late == 0",
            "failed_steps == 0",
            "lag.p99.9 < 1ms",
            "login.response.mean < 150us",
            "send_event.rate > 10/s",
            "send_event.count >= 100",
        ] {
            assert_eq!(text.parse::<Threshold>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn spaces_and_decimals_are_free() {
        let spaced = " send_event{ transport: web , dialect: agent/v3.0 }.response.p99<1.5s ";
        let canonical = "send_event{dialect:agent/v3.0,transport:web}.response.p99 < 1500ms";
        assert_eq!(spaced.parse::<Threshold>().unwrap().to_string(), canonical);
    }

    #[test]
    fn an_error_shows_the_place_and_what_is_allowed() {
        let told = |text: &str| format!("{text}\n{}", wrong(text));
        assert_eq!(
            told("timeout == 0"),
            "timeout == 0\n^~~~~~~ found `timeout`, allowed: an action with what is measured, such as \
            `timeout.response.p99`, or one of `delivery`, `connect`, `lag`, `errors`, `timeouts`, `late`, `violations`, \
            `non_strict`, `reordered`, `dropped`, `failed_steps`; did you mean `timeouts`?"
        );
        assert!(wrong("send_event.respone.p99 < 1ms").starts_with("           ^~~~~~~ found `respone`"));
        assert!(wrong("send_event.respone.p99 < 1ms").ends_with("did you mean `response`?"));
        assert!(wrong("delivry.p99 < 1ms").ends_with("`delivery`, `connect`, `lag`; did you mean `delivery`?"));
        assert!(wrong("violations.lost_events == 0").ends_with("did you mean `lost_event`?"));
        assert!(
            wrong("send_event{transport:wbe}.count > 1")
                .contains("found `wbe`, allowed: one of `websocket`, `socketio`, `web`; did you mean `web`?")
        );
        assert!(wrong("send_event{trnsport:web}.count > 1").ends_with("did you mean `transport`?"));
        assert_eq!(
            wrong("lag.p99 = 1ms"),
            "        ^ found `=`, allowed: one of `<`, `<=`, `>`, `>=`, `==`, `!=`; did you mean `==`?"
        );
        assert_eq!(
            wrong("lag.p99 < 1"),
            "          ^ found `1`, allowed: a duration such as `250ms`, `1.5s` or `800us`"
        );
        assert_eq!(wrong("lag.p101 < 1ms").split(',').next().unwrap(), "    ^~~~ found `p101`");
        assert_eq!(wrong("timeouts == 0.5"), "            ^~~ found `0.5`, allowed: a whole number");
        assert_eq!(wrong("timeouts == 0 please"), "              ^~~~~~ found `please`, allowed: nothing more");
        assert_eq!(wrong("timeouts =="), "           ^ found the end, allowed: a whole number");
        assert!(wrong("").starts_with("^ found the end, allowed: an action or one of"));
        assert!(wrong("errors < 101%").contains("found `101%`"));
        assert!(wrong("delivery{transport:web}.p99 < 1s").contains("a `dialect` alone"));
    }

    fn only() -> impl Strategy<Value = Only> {
        let transports = prop_oneof![Just(Transport::Websocket), Just(Transport::Socketio), Just(Transport::Web)];
        (proptest::option::of("[a-z]{1,8}/v[0-9]\\.[0-9]"), proptest::option::of(transports))
            .prop_map(|(dialect, transport)| Only { dialect, transport })
    }

    fn statistic() -> impl Strategy<Value = Statistic> {
        prop_oneof![
            (0..=100_000u32).prop_map(|n| Statistic::Percentile(f64::from(n) / 1000.0)),
            Just(Statistic::Mean),
            Just(Statistic::Max)
        ]
    }

    fn metric_and_limit() -> impl Strategy<Value = (Metric, Limit)> {
        let action = "[a-z]{2,6}_[a-z]{2,6}".prop_filter("a name of ours", |name| !NAMES.contains(&name.as_str()));
        let time = || (0..=3_600_000_000u64).prop_map(|us| Limit::Time(Duration::from_micros(us)));
        let count = || any::<u64>().prop_map(Limit::Count);
        let percent = || (0..=10_000u32).prop_map(|n| Limit::Percent(f64::from(n) / 100.0));
        let rate = || (0.0..1e9f64).prop_map(Limit::PerSecond);
        let of_servers: Vec<ViolationKind> =
            ViolationKind::ALL.iter().copied().filter(|kind| kind.side() == Side::Server).collect();
        let counted = prop_oneof![
            only().prop_map(Metric::Timeouts),
            only().prop_map(Metric::Late),
            only().prop_map(|only| Metric::Errors(only, Amount::Count)),
            proptest::option::of(proptest::sample::select(of_servers)).prop_map(Metric::Violations),
            Just(Metric::NonStrict),
            Just(Metric::Reordered),
            Just(Metric::Dropped),
            Just(Metric::FailedSteps),
        ];
        let measured = prop_oneof![
            (statistic().prop_map(Measure::Response), time()),
            (statistic().prop_map(Measure::Service), time()),
            (Just(Measure::Errors(Amount::Count)), count()),
            (Just(Measure::Errors(Amount::Percent)), percent()),
            (prop_oneof![Just(Measure::Timeouts), Just(Measure::Late), Just(Measure::Count)], count()),
            (Just(Measure::Rate), rate()),
        ];
        let timed = prop_oneof![
            (only(), statistic()).prop_map(|(only, s)| Metric::Delivery(Only { transport: None, ..only }, s)),
            (only(), statistic()).prop_map(|(only, s)| Metric::Connect(only, s)),
            statistic().prop_map(Metric::Lag),
        ];
        prop_oneof![
            (timed, time()),
            (counted, count()),
            (only().prop_map(|only| Metric::Errors(only, Amount::Percent)), percent()),
            (action, only(), measured)
                .prop_map(|(action, only, (measure, limit))| (Metric::Action { action, only, measure }, limit)),
        ]
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(
            (metric, limit) in metric_and_limit(),
            comparison in proptest::sample::select(&Comparison::ALL[..]),
        ) {
            let threshold = Threshold { metric, comparison, limit };
            prop_assert_eq!(threshold.to_string().parse::<Threshold>().unwrap(), threshold);
        }

        #[test]
        fn any_text_is_read_or_refused_at_a_place_within_it(text in "\\PC*|[a-z_.{}:<=> 0-9%/µ]{0,30}") {
            if let Err(error) = text.parse::<Threshold>() {
                prop_assert!(text.get(error.at.clone()).is_some(), "{:?}", error);
            }
        }
    }
}
