//! The metrics as OpenTelemetry's collectors take them: OTLP over HTTP, in protobuf.

use std::time::{Duration, SystemTime};

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric as Sent, NumberDataPoint, ResourceMetrics,
    ScopeMetrics, Sum, metric, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message as _;
use reqwest::header::CONTENT_TYPE;
use url::Url;

use super::metrics::{BOUNDS, Buckets, Labels, Metric, Points};
use crate::report::Meta;

/// How long a collector may take; the run does not wait for it.
const WITHIN: Duration = Duration::from_secs(5);

/// Sends metrics to a collector.
#[derive(Debug)]
pub struct Push {
    http: reqwest::Client,
    url: Url,
    /// Whose numbers they are.
    resource: Resource,
    /// Since when they are counted.
    since: SystemTime,
}

/// The collector did not take the metrics.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// It cannot be asked.
    #[error(transparent)]
    Http(#[from] reqwest::Error),
    /// It refuses them.
    #[error("the collector answered {0}")]
    Refused(u16),
}

impl Push {
    /// To the collector at this address, as other exporters are told it: without the path of metrics.
    ///
    /// # Errors
    /// When the HTTP client cannot be made.
    pub fn new(base: &Url, meta: &Meta) -> Result<Self, PushError> {
        let mut url = base.clone();
        url.set_path(&format!("{}/v1/metrics", base.path().trim_end_matches('/')));
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).timeout(WITHIN).build()?;
        let resource = Resource {
            attributes: attributes(&vec![
                ("service.name", "chatproof".to_owned()),
                ("service.version", meta.version.clone()),
                ("chatproof.scenario", meta.scenario.clone()),
                ("chatproof.started", meta.started.clone()),
            ]),
            ..Resource::default()
        };
        Ok(Self { http, url, resource, since: SystemTime::now() })
    }

    /// Sends the numbers of this moment.
    ///
    /// # Errors
    /// When the collector is not there or refuses them.
    pub async fn send(&self, metrics: &[Metric]) -> Result<(), PushError> {
        let body = self.message(metrics, SystemTime::now()).encode_to_vec();
        let request = self.http.post(self.url.clone()).header(CONTENT_TYPE, "application/x-protobuf").body(body);
        // The address may have a password in it.
        let answer = request.send().await.map_err(reqwest::Error::without_url)?;
        match answer.status() {
            status if status.is_success() => Ok(()),
            status => Err(PushError::Refused(status.as_u16())),
        }
    }

    fn message(&self, metrics: &[Metric], now: SystemTime) -> ExportMetricsServiceRequest {
        let times = Times { since: nanos(self.since), now: nanos(now) };
        let scope = ScopeMetrics {
            scope: Some(InstrumentationScope { name: "chatproof".to_owned(), ..InstrumentationScope::default() }),
            metrics: metrics.iter().map(|metric| times.metric(metric)).collect(),
            ..ScopeMetrics::default()
        };
        let resource = Some(self.resource.clone());
        ExportMetricsServiceRequest {
            resource_metrics: vec![ResourceMetrics {
                resource,
                scope_metrics: vec![scope],
                ..ResourceMetrics::default()
            }],
        }
    }
}

/// Nanoseconds since 1970.
struct Times {
    since: u64,
    now: u64,
}

impl Times {
    fn metric(&self, metric: &Metric) -> Sent {
        let cumulative = AggregationTemporality::Cumulative.into();
        let data = match &metric.points {
            Points::Counter(points) => metric::Data::Sum(Sum {
                data_points: self.numbers(points),
                aggregation_temporality: cumulative,
                is_monotonic: true,
            }),
            Points::Gauge(points) => metric::Data::Gauge(Gauge { data_points: self.numbers(points) }),
            Points::Histogram(points) => metric::Data::Histogram(Histogram {
                data_points: points.iter().map(|(labels, buckets)| self.histogram(labels, buckets)).collect(),
                aggregation_temporality: cumulative,
            }),
        };
        let unit = if metric.name.ends_with("_seconds") { "s" } else { "1" };
        Sent {
            name: metric.name.to_owned(),
            description: metric.help.to_owned(),
            unit: unit.to_owned(),
            data: Some(data),
            ..Sent::default()
        }
    }

    fn numbers(&self, points: &[(Labels, f64)]) -> Vec<NumberDataPoint> {
        let number = |(labels, number): &(Labels, f64)| NumberDataPoint {
            attributes: attributes(labels),
            start_time_unix_nano: self.since,
            time_unix_nano: self.now,
            value: Some(number_data_point::Value::AsDouble(*number)),
            ..NumberDataPoint::default()
        };
        points.iter().map(number).collect()
    }

    fn histogram(&self, labels: &Labels, buckets: &Buckets) -> HistogramDataPoint {
        HistogramDataPoint {
            attributes: attributes(labels),
            start_time_unix_nano: self.since,
            time_unix_nano: self.now,
            count: buckets.count(),
            sum: Some(buckets.sum),
            bucket_counts: buckets.counts.to_vec(),
            explicit_bounds: BOUNDS.to_vec(),
            ..HistogramDataPoint::default()
        }
    }
}

fn attributes(labels: &Labels) -> Vec<KeyValue> {
    let attribute = |(name, value): &(&'static str, String)| KeyValue {
        key: (*name).to_owned(),
        value: Some(AnyValue { value: Some(Value::StringValue(value.clone())) }),
        ..KeyValue::default()
    };
    labels.iter().map(attribute).collect()
}

fn nanos(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_reads_back_by_name_with_all_numbers() {
        let meta = Meta { scenario: "support-desk".to_owned(), ..Meta::default() };
        let push = Push::new(&"http://user:word@127.0.0.1:4318/base/".parse().unwrap(), &meta).unwrap();
        assert_eq!(push.url.path(), "/base/v1/metrics");
        let mut buckets = Buckets { sum: 7.5, ..Buckets::default() };
        buckets.counts[3] = 2;
        buckets.counts[BOUNDS.len()] = 1;
        let labels: Labels = vec![("action", "ping".to_owned())];
        let metrics = [
            Metric { name: "a", help: "A.", points: Points::Counter(vec![(labels.clone(), 3.0)]) },
            Metric { name: "b", help: "B.", points: Points::Gauge(vec![(Vec::new(), 1.5)]) },
            Metric { name: "c_seconds", help: "C.", points: Points::Histogram(vec![(labels, buckets)]) },
        ];
        let bytes = push.message(&metrics, push.since + Duration::from_secs(1)).encode_to_vec();
        let read = ExportMetricsServiceRequest::decode(bytes.as_slice()).unwrap();
        let resource = &read.resource_metrics[0];
        let [a, b, c] = resource.scope_metrics[0].metrics.as_slice() else { panic!("three metrics") };
        let Some(metric::Data::Sum(sum)) = &a.data else { panic!("{a:?}") };
        assert!(sum.is_monotonic && sum.aggregation_temporality == 2);
        assert_eq!(sum.data_points[0].value, Some(number_data_point::Value::AsDouble(3.0)));
        assert_eq!(sum.data_points[0].time_unix_nano - sum.data_points[0].start_time_unix_nano, 1_000_000_000);
        let Some(metric::Data::Gauge(gauge)) = &b.data else { panic!("{b:?}") };
        assert_eq!((gauge.data_points.len(), b.unit.as_str()), (1, "1"));
        let Some(metric::Data::Histogram(times)) = &c.data else { panic!("{c:?}") };
        let point = &times.data_points[0];
        assert_eq!((point.count, point.sum, point.bucket_counts.len()), (3, Some(7.5), BOUNDS.len() + 1));
        assert_eq!((point.explicit_bounds.as_slice(), c.unit.as_str()), (BOUNDS.as_slice(), "s"));
        assert_eq!(point.attributes[0].key, "action");
        let named = &resource.resource.as_ref().unwrap().attributes[2];
        assert_eq!(named.key, "chatproof.scenario");
    }

    #[tokio::test]
    async fn a_collector_that_is_not_there_is_told_without_its_address() {
        let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let url = format!("http://user:s3cret@{gone}").parse().unwrap();
        let error = Push::new(&url, &Meta::default()).unwrap().send(&[]).await.unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(!text.contains("s3cret") && matches!(error, PushError::Http(_)), "{text}");
    }
}
