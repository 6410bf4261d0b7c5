//! A collector of OpenTelemetry's kind, as far as a test needs one: it takes metrics and keeps them.

use std::io::{BufRead, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::{metric, number_data_point};
use prost::Message as _;

/// Where to push to, and what came.
pub struct Collector {
    pub url: String,
    told: Receiver<Told>,
}

/// What came at once.
pub struct Told(ExportMetricsServiceRequest);

impl Collector {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (tell, told) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().take(20).flatten() {
                stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
                let mut reader = BufReader::new(stream);
                // One connection may be used again and again.
                while let Some(told) = take(&mut reader) {
                    // Before the answer: who got it may end, and the test with it.
                    if tell.send(told).is_err() {
                        return;
                    }
                    reader.get_mut().write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
                }
            }
        });
        Self { url, told }
    }

    /// Everything that came, once nobody pushes any more.
    pub fn end(self) -> Vec<Told> {
        self.told.try_iter().collect()
    }
}

fn take(reader: &mut impl BufRead) -> Option<Told> {
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line.trim().is_empty() {
            break;
        }
        head.push(line.trim().to_ascii_lowercase());
    }
    assert_eq!(head[0], "post /v1/metrics http/1.1");
    assert!(head.contains(&"content-type: application/x-protobuf".to_owned()), "{head:?}");
    let length = head.iter().find_map(|line| line.strip_prefix("content-length: ")).unwrap().parse::<usize>().unwrap();
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    Some(Told(ExportMetricsServiceRequest::decode(body.as_slice()).unwrap()))
}

impl Told {
    fn metrics(&self) -> impl Iterator<Item = &opentelemetry_proto::tonic::metrics::v1::Metric> {
        self.0.resource_metrics.iter().flat_map(|resource| &resource.scope_metrics).flat_map(|scope| &scope.metrics)
    }

    /// The names of all metrics.
    pub fn names(&self) -> Vec<String> {
        self.metrics().map(|metric| metric.name.clone()).collect()
    }

    /// All numbers of a counter together.
    pub fn counter(&self, name: &str) -> Option<f64> {
        let Some(metric::Data::Sum(sum)) = &self.metrics().find(|metric| metric.name == name)?.data else {
            return None;
        };
        let number = |value: &Option<number_data_point::Value>| match value {
            Some(number_data_point::Value::AsDouble(number)) => *number,
            other => panic!("{other:?}"),
        };
        Some(sum.data_points.iter().map(|point| number(&point.value)).sum())
    }
}
