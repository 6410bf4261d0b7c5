//! The metrics as Prometheus reads them: the OpenMetrics text format.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use super::metrics::{BOUNDS, Buckets, Metric, Points};

/// The type of the text, as Prometheus asks for it.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The text.
///
/// # Errors
/// Writing to a string fails for no reason that we know of.
pub fn exposition(metrics: Vec<Metric>) -> Result<String, std::fmt::Error> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Finished(metrics)));
    let mut written = String::new();
    text::encode(&mut written, &registry)?;
    Ok(written)
}

/// Metrics that are complete already: the library's own count for themselves.
#[derive(Debug)]
struct Finished(Vec<Metric>);

impl Collector for Finished {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        self.0.iter().try_for_each(|metric| encode(metric, &mut encoder))
    }
}

fn encode(metric: &Metric, encoder: &mut DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
    let kind = match metric.points {
        Points::Counter(_) => MetricType::Counter,
        Points::Gauge(_) => MetricType::Gauge,
        Points::Histogram(_) => MetricType::Histogram,
    };
    let mut encoder = encoder.encode_descriptor(metric.name, metric.help, None, kind)?;
    match &metric.points {
        Points::Counter(points) => points.iter().try_for_each(|(labels, number)| {
            encoder.encode_family(labels)?.encode_counter::<NoLabelSet, f64, u64>(number, None)
        }),
        Points::Gauge(points) => {
            points.iter().try_for_each(|(labels, number)| encoder.encode_family(labels)?.encode_gauge(number))
        }
        Points::Histogram(points) => {
            points.iter().try_for_each(|(labels, buckets)| histogram(buckets, encoder.encode_family(labels)?))
        }
    }
}

fn histogram(buckets: &Buckets, mut encoder: MetricEncoder<'_>) -> Result<(), std::fmt::Error> {
    let bounds = BOUNDS.into_iter().chain([f64::INFINITY]);
    let pairs: Vec<(f64, u64)> = bounds.zip(buckets.counts).collect();
    encoder.encode_histogram::<NoLabelSet>(buckets.sum, buckets.count(), &pairs, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_what_the_format_asks_for() {
        let mut buckets = Buckets { sum: 0.5, ..Buckets::default() };
        buckets.counts[0] = 2;
        buckets.counts[BOUNDS.len()] = 1;
        let labels = vec![("action", "say \"hi\"\n".to_owned())];
        let text = exposition(vec![
            Metric { name: "a_b", help: "Counts.", points: Points::Counter(vec![(labels.clone(), 3.0)]) },
            Metric { name: "c", help: "Gauges.", points: Points::Gauge(vec![(Vec::new(), 1.5)]) },
            Metric { name: "d_seconds", help: "Times.", points: Points::Histogram(vec![(labels, buckets)]) },
        ])
        .unwrap();
        let lines: Vec<_> = text.lines().filter(|line| !line.contains("le=\"0.") && !line.contains("le=\"1")).collect();
        let expected = [
            "# HELP a_b Counts.",
            "# TYPE a_b counter",
            r#"a_b_total{action="say \"hi\"\n"} 3.0"#,
            "# HELP c Gauges.",
            "# TYPE c gauge",
            "c 1.5",
            "# HELP d_seconds Times.",
            "# TYPE d_seconds histogram",
            r#"d_seconds_sum{action="say \"hi\"\n"} 0.5"#,
            r#"d_seconds_count{action="say \"hi\"\n"} 3"#,
            r#"d_seconds_bucket{le="2.5",action="say \"hi\"\n"} 2"#,
            r#"d_seconds_bucket{le="5.0",action="say \"hi\"\n"} 2"#,
            r#"d_seconds_bucket{le="30.0",action="say \"hi\"\n"} 2"#,
            r#"d_seconds_bucket{le="60.0",action="say \"hi\"\n"} 2"#,
            r#"d_seconds_bucket{le="+Inf",action="say \"hi\"\n"} 3"#,
            "# EOF",
        ];
        assert_eq!(lines, expected);
        assert_eq!(text.matches("le=\"0.0001\"").count(), 1);
    }
}
