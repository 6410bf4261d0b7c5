//! The page of a search for the highest load.

use std::io::{self, Write};
use std::time::Duration;

use maud::{Markup, html};

use super::{CapacityReport, load, outcome, purpose};
use crate::capacity::{Finding, Outcome, Peak, Point, Unit};
use crate::report::format::{counted, duration, one_line, percent, significant};
use crate::report::html::{
    Axis, Badge, Cause, Cell, Column, Edge, Frame, Head, Scale, Section, Tone, page, path, table, time,
};

const CHART: Frame = Frame { width: 720.0, height: 320.0 };

/// Writes the report as a page.
///
/// # Errors
/// When the writer fails.
pub fn html(report: &CapacityReport<'_>, out: &mut impl Write) -> io::Result<()> {
    out.write_all(page(&head(report), &sections(report)).into_string().as_bytes())
}

pub(super) fn sections(report: &CapacityReport<'_>) -> Vec<Section> {
    let sections = [curve(report), scalability(report), runs(report), searched(report)];
    sections.into_iter().flatten().collect()
}

pub(super) fn head(report: &CapacityReport<'_>) -> Head {
    let (meta, course) = (report.meta, report.course);
    let (word, tone) = match course.finding {
        Finding::Between { .. } => ("found", Tone::Good),
        Finding::AtLeast { .. } => ("good enough", Tone::Good),
        Finding::BelowLowest { .. } => ("too much", Tone::Bad),
        Finding::Generator { .. } => ("generator's limit", Tone::Doubtful),
        Finding::Open { .. } => ("unfinished", Tone::Doubtful),
    };
    Head {
        kind: "Capacity",
        title: one_line(&meta.scenario),
        about: one_line(&meta.about),
        badge: Badge { word: word.to_owned(), tone },
        meaning: format!("{}.", report.sentence().trim_end_matches('.')),
        causes: limit(report).into_iter().collect(),
        facts: vec![
            one_line(&meta.target),
            format!("load of {}", one_line(&course.population)),
            format!("{} in {}", counted(course.points.len() as u64, "run"), duration(meta.duration)),
            one_line(&meta.started),
            format!("chatproof {}", one_line(&meta.version)),
        ],
    }
}

/// What was wrong at the lowest load that was too much.
fn limit(report: &CapacityReport<'_>) -> Option<Cause> {
    let missed = report.course.points.iter().filter(|point| point.outcome != Outcome::Met);
    let lowest = missed.min_by(|a, b| a.load.total_cmp(&b.load))?;
    let tone = if lowest.outcome == Outcome::Missed { Tone::Bad } else { Tone::Doubtful };
    let reason = lowest.reasons.first()?;
    let text = format!("{}: {}", load(report.course.unit, lowest.load), one_line(reason));
    Some(Cause { text, more: Some("runs".to_owned()), tone })
}

/// The percentiles by load, with what was found.
fn curve(report: &CapacityReport<'_>) -> Option<Section> {
    let course = report.course;
    let points: Vec<(&Point, [Duration; 3])> = course
        .of_target()
        .into_iter()
        .filter_map(|point| point.response.map(|times| (point, [times.p50, times.p90, times.p99])))
        .collect();
    let micros = |time: Duration| (time.as_micros() as f64).max(1.0);
    let times = points.iter().flat_map(|(_, times)| times.iter().copied().map(micros));
    let (least, longest) = times.map(|time| (time, time)).reduce(|(a, b), (c, d)| (a.min(c), b.max(d)))?;
    let loads = points.iter().map(|(point, _)| point.load);
    let loads = Scale::linear((0.0, loads.fold(0.0, f64::max) * 1.05), CHART.across());
    let times = Scale::logarithmic((least, longest), CHART.upward());
    let unit = match course.unit {
        Unit::PerSecond => "arrivals per second",
        Unit::People => "people at a time",
    };
    let axes = [
        Axis { edge: Edge::Bottom, scale: &loads, ticks: loads.labels(8, significant_or_whole), title: unit },
        Axis { edge: Edge::Left, scale: &times, ticks: times.labels(6, time), title: "" },
    ];
    let names = [("p50", "p50"), ("p90", "p90"), ("p99", "p99")];
    let inside = html! {
        @for (place, (_, class)) in names.iter().enumerate() {
            path class={ "line " (class) } d=(path(lines(&points, place).map(|(at, us)| (loads.at(at), times.at(us))))) {}
        }
        @for (point, [.., p99]) in &points {
            @let (x, y) = (loads.at(point.load), times.at(micros(*p99)));
            @if point.outcome == Outcome::Met {
                circle.mark.good cx=(format!("{x:.1}")) cy=(format!("{y:.1}")) r="3.5" {}
            } @else {
                // A cross, so that the outcome is seen without colours.
                path.mark.bad d=(format!("M{:.1} {:.1}l7 7m0 -7l-7 7", x - 3.5, y - 3.5)) {}
            }
        }
        @for (number, (value, label)) in marks(report).into_iter().enumerate() {
            @let x = format!("{:.1}", loads.at(value));
            line.limit x1=(x) x2=(x) y1=(CHART.upward().1) y2=(CHART.upward().0) {}
            text x=(x) y=(CHART.upward().1 + 10.0 + 14.0 * number as f64) dx="-4" text-anchor="end" { (label) }
        }
    };
    let of = course.action.as_deref().map_or_else(|| "all requests".to_owned(), one_line);
    let title = format!("Response time of {of} by load");
    let body = html! {
        figure {
            (CHART.chart(&title, &format!("{}; the table of runs has the numbers", report.sentence()), &axes, &inside))
            figcaption {
                @for (name, class) in names { span class={ "key " (class) } { (name) } " " }
                "Each mark on the 99th percentile is a run: a dot was good, a cross too much. Response times of " (of) "."
            }
        }
    };
    Some(Section { id: "curve", title: "Response time by load".to_owned(), body })
}

/// One percentile by load; of several runs at a load, the middle one.
fn lines(points: &[(&Point, [Duration; 3])], place: usize) -> impl Iterator<Item = (f64, f64)> {
    let mut loads: Vec<f64> = points.iter().map(|(point, _)| point.load).collect();
    loads.dedup();
    loads.into_iter().map(move |load| {
        let same = points.iter().filter(|(point, _)| point.load.total_cmp(&load).is_eq());
        let mut times: Vec<f64> = same.map(|(_, times)| times[place].as_micros() as f64).collect();
        times.sort_by(f64::total_cmp);
        (load, times[times.len() / 2])
    })
}

fn marks(report: &CapacityReport<'_>) -> Vec<(f64, &'static str)> {
    let met = report.course.finding.met().map(|met| (met, "good enough"));
    met.into_iter().chain(report.knee().map(|knee| (knee, "knee"))).collect()
}

fn significant_or_whole(value: f64) -> String {
    let text = significant(value);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// Throughput by concurrency, and the law that fits.
fn scalability(report: &CapacityReport<'_>) -> Option<Section> {
    let points: Vec<(f64, f64)> = report
        .course
        .of_target()
        .into_iter()
        .filter_map(|point| Some((point.concurrency()?, point.throughput)))
        .collect();
    let most = points.iter().fold((0.0f64, 0.0f64), |(n, x), (m, y)| (n.max(*m), x.max(*y)));
    if points.is_empty() || most.0 <= 0.0 {
        return None;
    }
    let fit = report.law();
    let peak = fit.map(|fit| fit.peak());
    let (wide, high) = match peak {
        Some(Peak::At { concurrency, throughput } | Peak::Beyond { concurrency, throughput }) => {
            (most.0.max(concurrency), most.1.max(throughput))
        }
        None => most,
    };
    let under_way = Scale::linear((0.0, wide * 1.05), CHART.across());
    let throughput = Scale::linear((0.0, high * 1.05), CHART.upward());
    let axes = [
        Axis {
            edge: Edge::Bottom,
            scale: &under_way,
            ticks: under_way.labels(8, significant_or_whole),
            title: "requests under way",
        },
        Axis {
            edge: Edge::Left,
            scale: &throughput,
            ticks: throughput.labels(6, |rate| format!("{}/s", significant_or_whole(rate))),
            title: "",
        },
    ];
    let inside = html! {
        @if let Some(fit) = fit {
            // Near zero the law bends most.
            @let steps = (1..=80).map(|n| wide * 1.05 * (f64::from(n) / 80.0).powi(2));
            path.line.p99 d=(path(steps.map(|n| (under_way.at(n), throughput.at(fit.throughput(n)))))) {}
        }
        @for (n, x) in &points {
            circle.mark.plain cx=(format!("{:.1}", under_way.at(*n))) cy=(format!("{:.1}", throughput.at(*x))) r="3.5" {}
        }
    };
    let law = report.law_in_words();
    let body = html! {
        figure {
            (CHART.chart("Answers per second by requests under way", &law, &axes, &inside))
            figcaption { "Dots are runs; the line is the Universal Scalability Law that fits them best. " (law) "." }
        }
    };
    Some(Section { id: "scalability", title: "Throughput by concurrency".to_owned(), body })
}

const COLUMNS: [Column; 11] = [
    Column::numbers("run"),
    Column::numbers("load"),
    Column::words("tried to"),
    Column::words("outcome"),
    Column::numbers("p50"),
    Column::numbers("p90"),
    Column::numbers("p99"),
    Column::numbers("errors"),
    Column::numbers("answers/s"),
    Column::numbers("counted for"),
    Column::words("why"),
];

fn runs(report: &CapacityReport<'_>) -> Option<Section> {
    let rows: Vec<Vec<Cell>> =
        report.course.points.iter().enumerate().map(|(number, point)| row(report, number, point)).collect();
    let caption = "All runs, in the order in which they were made";
    let body = table("runs-table", caption, &COLUMNS, &rows);
    (!rows.is_empty()).then(|| Section { id: "runs", title: "Runs".to_owned(), body })
}

fn row(report: &CapacityReport<'_>, number: usize, point: &Point) -> Vec<Cell> {
    let tone = match point.outcome {
        Outcome::Met => Tone::Good,
        Outcome::Missed => Tone::Bad,
        Outcome::Strained | Outcome::Unmeasured => Tone::Doubtful,
    };
    let thin = if point.samples < report.course.wanted { ", on few samples" } else { "" };
    let at = |pick: fn(&crate::capacity::Percentiles) -> Duration| Cell::time(point.response.as_ref().map(pick));
    vec![
        Cell::count(number as u64 + 1),
        Cell::number(load(report.course.unit, point.load), point.load),
        Cell::text(purpose(point.purpose)),
        Cell::text(format!("{}{thin}", outcome(point.outcome))).with_tone(tone),
        at(|times| times.p50),
        at(|times| times.p90),
        at(|times| times.p99),
        Cell::number(percent(point.errors, point.answered), point.errors as f64 / point.answered.max(1) as f64),
        Cell::number(significant(point.throughput), point.throughput),
        Cell::time(Some(point.times.counted)),
        Cell::text(point.reasons.join("; ")),
    ]
}

/// What was asked for.
fn searched(report: &CapacityReport<'_>) -> Option<Section> {
    let (meta, course) = (report.meta, report.course);
    let wanted = report.thresholds.iter().map(|text| html! { code { (one_line(text)) } });
    let wanted: Vec<Markup> = wanted.chain([html! { "no violation, timeout or failed step" }]).collect();
    let body = html! {
        dl {
            dt { "good enough" } dd { @for (n, one) in wanted.iter().enumerate() { @if n > 0 { "; " } (one) } }
            dt { "scenario" } dd { (one_line(&meta.file)) }
            dt { "target" } dd { (one_line(&meta.target)) }
            dt { "varied" } dd { (one_line(&course.population)) }
            dt { "seed" } dd { (meta.seed) }
            @for note in &meta.notes { dt { "note" } dd { (one_line(note)) } }
        }
    };
    Some(Section { id: "search", title: "What was searched".to_owned(), body })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::capacity::terminal::samples;

    fn written(course: &crate::capacity::Course) -> String {
        let mut bytes = Vec::new();
        html(&samples::report(course), &mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_page_tells_what_was_found_and_what_was_wrong_beyond() {
        let text = written(&samples::found());
        assert!(
            text.contains("120/s is good enough and 123/s is too much, 2.50% more; both were confirmed."),
            "{text}"
        );
        let cause = "123/s: `send_event.response.p99 &lt; 250ms` does not hold: it was 400.0ms";
        let place = |part: &str| text.find(part).unwrap_or_else(|| panic!("{part} is missing"));
        assert!(place(cause) < place("<section"));
        // Eight different loads, of which two were tried twice.
        assert_eq!(
            (text.matches("<circle class=\"mark good\"").count(), text.matches("class=\"mark bad\"").count()),
            (6, 4)
        );
        assert!(place("id=\"scalability\"") < place("id=\"runs\""));
    }

    #[test]
    fn every_finding_has_a_page() {
        for course in samples::all() {
            let text = written(&course);
            let sentence = samples::report(&course).sentence();
            assert!(text.contains(sentence.trim_end_matches('.')), "{sentence}");
        }
        assert!(!written(&samples::all()[6]).contains("<svg"), "nothing was measured");
    }

    #[test]
    fn of_several_runs_at_a_load_the_middle_one_is_drawn() {
        let course = samples::found();
        let mut runs: Vec<&Point> = course.points.iter().collect();
        runs.sort_by(|a, b| a.load.total_cmp(&b.load));
        let points: Vec<_> = runs
            .iter()
            .map(|point| (*point, point.response.map(|times| [times.p50, times.p90, times.p99]).unwrap()))
            .collect();
        let medians: Vec<(f64, f64)> = lines(&points, 0).collect();
        // 200 ms and 180 ms at most, at 120/s.
        assert!(medians.contains(&(120.0, 100_000.0)) && medians.contains(&(20.0, 4_000.0)), "{medians:?}");
        assert_eq!(medians.len(), 8);
    }
}
