//! The percentile curve: which share of all requests took how long, with as much room for the last percent as for the others.

use maud::{Markup, html};

use crate::record::Latency;
use crate::report::html::svg::{Axis, Edge, Frame, Scale, path, time};

/// Vertices of a line at most; more cannot be seen.
const VERTICES: f64 = 150.0;

/// A curve's name, its class, and what it tells of.
pub(in crate::report) type Line<'a> = (&'static str, &'static str, &'a Latency);

/// Draws curves into one chart; nothing when there is nothing to draw.
pub(in crate::report) fn curves(frame: Frame, title: &str, lines: &[Line<'_>]) -> Option<Markup> {
    let lines: Vec<&Line<'_>> = lines.iter().filter(|(_, _, latency)| !latency.is_empty()).collect();
    let most = lines.iter().map(|(_, _, latency)| latency.count()).max()?;
    let nines = Scale::linear((0.0, (most as f64).log10().max(1.0)), frame.across());
    let ends = lines.iter().filter_map(|(_, _, latency)| Some((latency.counts().next()?.0, latency.max()?)));
    let (least, longest) = ends.reduce(|(a, b), (c, d)| (a.min(c), b.max(d)))?;
    let micros = |duration: std::time::Duration| (duration.as_micros() as f64).max(1.0);
    let times = Scale::logarithmic((micros(least), micros(longest)), frame.upward());
    let bottom = Axis {
        edge: Edge::Bottom,
        scale: &nines,
        ticks: percentiles(nines.ends().1),
        title: "share of requests that took no longer",
    };
    let left = Axis { edge: Edge::Left, scale: &times, ticks: times.labels(6, time), title: "" };
    let inside = html! {
        @for (_, class, latency) in &lines {
            path class={ "line " (class) } d=(path(vertices(latency).into_iter().map(|(n, us)| (nines.at(n), times.at(us))))) {}
        }
    };
    let told: Vec<String> = lines.iter().map(|(name, _, latency)| described(name, latency)).collect();
    let chart = frame.chart(title, &told.join("; "), &[bottom, left], &inside);
    Some(html! {
        figure {
            (chart)
            figcaption { @for (name, class, _) in &lines { span class={ "key " (class) } { (name) } " " } }
        }
    })
}

fn described(name: &str, latency: &Latency) -> String {
    let at = |percent| latency.percentile(percent).map(crate::report::format::duration).unwrap_or_default();
    format!("{name}: half within {}, 99% within {}, all within {}", at(50.0), at(99.0), at(100.0))
}

/// A share as the number of its nines: 0.9 is 1, 0.99 is 2.
fn nines(share: f64) -> f64 {
    -(1.0 - share).log10()
}

/// The share of all that took no longer, as nines, and how many microseconds that was. The longest stands where one of all is left.
fn vertices(latency: &Latency) -> Vec<(f64, f64)> {
    let total = latency.count() as f64;
    let end = total.log10().max(1.0);
    let mut vertices: Vec<(f64, f64)> = Vec::new();
    let mut sum = 0.0;
    for (time, count) in latency.counts() {
        let micros = (time.as_micros() as f64).max(1.0);
        if vertices.is_empty() {
            vertices.push((0.0, micros));
        }
        sum += count as f64;
        let place = if sum >= total { end } else { nines(sum / total).min(end) };
        let near = vertices.last().is_some_and(|(last, _)| place - last < end / VERTICES);
        match vertices.last_mut() {
            // The longest of those that cannot be told apart stands for them.
            Some(last) if near && last.0 > 0.0 => last.1 = micros,
            _ => vertices.push((place, micros)),
        }
    }
    if let Some(last) = vertices.last_mut() {
        last.0 = end;
    }
    vertices
}

fn percentiles(end: f64) -> Vec<(f64, String)> {
    let named = [("0", 0.0), ("50%", 0.5), ("90%", 0.9), ("99%", 0.99), ("99.9%", 0.999), ("99.99%", 0.9999)];
    let named = named.into_iter().chain([("99.999%", 0.99999), ("99.9999%", 0.999_999)]);
    named.map(|(label, share)| (nines(share), label.to_owned())).filter(|(at, _)| *at <= end + 1e-9).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn of(micros: impl IntoIterator<Item = u64>) -> Latency {
        let mut latency = Latency::default();
        micros.into_iter().for_each(|us| latency.record(Duration::from_micros(us)));
        latency
    }

    #[test]
    fn a_curve_begins_with_the_shortest_and_ends_with_the_longest() {
        let vertices = vertices(&of(1..=1000));
        assert_eq!(vertices.first(), Some(&(0.0, 1.0)));
        assert_eq!(vertices.last(), Some(&(3.0, 1000.0)));
        // Where 99 of 100 took no longer.
        let (_, p99) = vertices.iter().min_by(|a, b| (a.0 - 2.0).abs().total_cmp(&(b.0 - 2.0).abs())).unwrap();
        assert!((*p99 - 990.0).abs() < 3.0, "{p99}");
        assert!(vertices.windows(2).all(|pair| pair[0].0 <= pair[1].0 && pair[0].1 <= pair[1].1));
    }

    #[test]
    fn a_curve_of_very_many_has_few_vertices() {
        let many = vertices(&of((0..100_000).map(|n| 1_000 + n * 7_919 % 99_000)));
        assert!(many.len() <= 152, "{}", many.len());
        assert_eq!(vertices(&of([7, 7, 7])), [(0.0, 7.0), (1.0, 7.0)]);
        assert_eq!(vertices(&Latency::default()), []);
    }

    #[test]
    fn the_axis_names_shares_as_far_as_there_are_requests() {
        let named = |count: f64| percentiles(count.log10()).into_iter().map(|(_, label)| label).collect::<Vec<_>>();
        assert_eq!(named(10.0), ["0", "50%", "90%"]);
        assert_eq!(named(5_000.0), ["0", "50%", "90%", "99%", "99.9%"]);
    }

    #[test]
    fn who_cannot_see_the_chart_is_told_what_it_shows() {
        let frame = Frame { width: 400.0, height: 200.0 };
        let text = curves(frame, "Requests", &[("response time", "response", &of(1..=1000))]).unwrap().into_string();
        assert!(text.contains("<title>Requests</title>"), "{text}");
        assert!(text.contains("<desc>response time: half within 500µs, 99% within 990µs, all within 1.00ms</desc>"));
        assert!(curves(frame, "Requests", &[("response time", "response", &Latency::default())]).is_none());
    }
}
