//! Response times over time in HdrHistogram's log format, for its own tools and for whatever else reads it.

use std::io::{self, Write};
use std::time::{Duration, SystemTime};

use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, IntervalLogWriterError, Tag};
use jiff::Timestamp;

use super::RunReport;
use crate::record::Latency;

/// What a reader cannot see from the lines themselves. The format's own readers skip comments.
const COMMENTS: [&str; 3] = [
    "response times in microseconds, with the maximum of an interval in milliseconds",
    "a tag is dialect/transport/action; intervals are counted from the run's start, by the moment of the answer",
    "times are rounded down to steps of less than 1 %, and 60 s is the longest",
];

/// Microseconds in the unit in which the format tells the maximum of an interval.
const MILLISECOND: f64 = 1_000.0;

/// Writes a histogram of each action in each interval.
///
/// # Errors
/// When the writer fails.
pub fn hlog(report: &RunReport<'_>, out: &mut impl Write) -> io::Result<()> {
    let mut rows: Vec<(Duration, Duration, String, Latency)> = Vec::new();
    for (dialect, transport, action, tally) in report.tally.actions() {
        let width = Duration::from_secs(tally.over_time.width_s());
        for (number, stretch) in tally.over_time.intervals().filter(|(_, stretch)| stretch.response.count() > 0) {
            let start = width.saturating_mul(u32::try_from(number).unwrap_or(u32::MAX));
            rows.push((
                start,
                width,
                tag(&format!("{dialect}/{transport}/{action}")),
                Latency::from(&stretch.response),
            ));
        }
    }
    rows.sort_by(|a, b| (a.0, &a.2).cmp(&(b.0, &b.2)));
    let mut builder = IntervalLogWriterBuilder::new();
    COMMENTS.iter().for_each(|comment| {
        builder.add_comment(comment);
    });
    if let Ok(started) = report.meta.started.parse::<Timestamp>() {
        builder.with_start_time(SystemTime::from(started)).with_base_time(SystemTime::from(started));
    }
    builder.with_max_value_divisor(MILLISECOND);
    let mut serializer = V2DeflateSerializer::new();
    let mut log = builder.begin_log_with(out, &mut serializer)?;
    for (start, width, tag, latency) in &rows {
        let Some(histogram) = latency.histogram() else { continue };
        log.write_histogram(histogram, *start, *width, Tag::new(tag)).map_err(|error| match error {
            IntervalLogWriterError::IoError(error) => error,
            IntervalLogWriterError::SerializeError(error) => io::Error::other(format!("{error:?}")),
        })?;
    }
    Ok(())
}

/// Without what would end a tag.
fn tag(name: &str) -> String {
    name.chars().map(|c| if c == ',' || c.is_whitespace() || c.is_control() { '_' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD as BASE64;
    use hdrhistogram::Histogram;
    use hdrhistogram::serialization::Deserializer;
    use hdrhistogram::serialization::interval_log::{IntervalLogHistogram, IntervalLogIterator, LogEntry};

    use super::*;
    use crate::report::sample;

    fn written(sample: &sample::Run) -> String {
        let mut bytes = Vec::new();
        hlog(&sample.report(), &mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    fn decoded(row: &IntervalLogHistogram<'_>) -> Histogram<u64> {
        let bytes = BASE64.decode(row.encoded_histogram()).unwrap();
        Deserializer::new().deserialize(&mut bytes.as_slice()).unwrap()
    }

    #[test]
    fn what_is_written_reads_back_with_times_and_tags() {
        let sample = sample::passing();
        let text = written(&sample);
        let mut read = std::collections::BTreeMap::<String, u64>::new();
        let mut starts = Vec::new();
        for entry in IntervalLogIterator::new(text.as_bytes()) {
            match entry.unwrap() {
                LogEntry::Interval(row) => {
                    let histogram = decoded(&row);
                    assert!((histogram.max() as f64 / MILLISECOND - row.max()).abs() < 0.001);
                    *read.entry(row.tag().unwrap().as_str().to_owned()).or_default() += histogram.len();
                    starts.push(row.start_timestamp());
                }
                LogEntry::StartTime(at) | LogEntry::BaseTime(at) => {
                    let started: Timestamp = sample.report().meta.started.parse().unwrap();
                    assert_eq!(i64::try_from(at.as_secs()).unwrap(), started.as_second());
                }
            }
        }
        let report = sample.report();
        let expected = report.tally.actions().map(|(dialect, transport, action, tally)| {
            let count = tally.over_time.intervals().map(|(_, stretch)| stretch.response.count()).sum::<u64>();
            (format!("{dialect}/{transport}/{action}"), count)
        });
        let expected: std::collections::BTreeMap<_, _> = expected.filter(|(_, count)| *count > 0).collect();
        assert!(!expected.is_empty() && starts.is_sorted());
        assert_eq!(read, expected);
    }

    #[test]
    fn nothing_measured_is_a_log_without_intervals() {
        let text = written(&sample::empty());
        assert!(text.starts_with("#response times in microseconds"), "{text}");
        let intervals = IntervalLogIterator::new(text.as_bytes()).filter(|e| matches!(e, Ok(LogEntry::Interval(_))));
        assert_eq!(intervals.count(), 0);
    }

    #[test]
    fn no_name_ends_its_tag() {
        assert_eq!(tag("a/b, c\nd\u{0}"), "a/b__c_d_");
    }
}
