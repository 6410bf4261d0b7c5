//! The report for people: what was found, the curve, every load that was tried.

use std::io::{self, Write};

use super::{CapacityReport, load, outcome};
use crate::capacity::{Finding, Outcome, Point};
use crate::report::Style;
use crate::report::format::{duration, grouped, one_line, percent, significant};
use crate::report::terminal::{Cell, Column, Line, Page, Table};

/// Columns of the longest bar.
const BAR: usize = 50;

/// Writes the report as text.
///
/// # Errors
/// When the writer fails.
pub fn terminal(report: &CapacityReport<'_>, out: &mut impl Write, style: Style) -> io::Result<()> {
    let mut page = Page::new(out, style.color, style.width.clamp(60, 100));
    let (meta, course) = (report.meta, report.course);
    page.heading("Capacity", &format!("of {} for `{}`", one_line(&meta.target), one_line(&course.population)))?;
    page.labelled("scenario", &format!("{}, seed {}", one_line(&meta.file), meta.seed))?;
    page.labelled("wanted", &good_enough(report))?;
    page.labelled("took", &format!("{} for {} runs", duration(meta.duration), course.points.len()))?;
    for note in &meta.notes {
        page.labelled("note", &one_line(note))?;
    }
    curve(&mut page, report)?;
    table(&mut page, report)?;
    page.heading("Result", "")?;
    let color = match course.finding {
        Finding::Between { .. } | Finding::AtLeast { .. } => page.palette.good,
        Finding::Generator { .. } | Finding::Open { .. } => page.palette.doubtful,
        Finding::BelowLowest { .. } => page.palette.bad,
    };
    page.paragraph(2, &format!("{color}{}{color:#}", report.sentence()))?;
    if let Some(knee) = report.knee() {
        page.labelled("knee", &format!("after {} the 99th percentile explodes", load(course.unit, knee)))?;
    }
    page.labelled("law", &report.law_in_words())
}

fn good_enough(report: &CapacityReport<'_>) -> String {
    let own = report.thresholds.iter().map(|text| one_line(text));
    own.chain(["no violation, timeout or failed step".to_owned()]).collect::<Vec<_>>().join("; ")
}

/// The 99th percentile over the load, as bars of its logarithm.
fn curve(page: &mut Page<'_, impl Write>, report: &CapacityReport<'_>) -> io::Result<()> {
    let points = report.course.of_target();
    let measured = points.iter().filter_map(|point| Some((*point, point.response?.p99)));
    let measured: Vec<_> = measured.collect();
    let logarithm = |time: std::time::Duration| time.as_secs_f64().max(1e-6).ln();
    let logarithms = measured.iter().map(|(_, p99)| logarithm(*p99));
    let (least, most) = logarithms.fold((f64::MAX, f64::MIN), |(least, most), at| (least.min(at), most.max(at)));
    if measured.is_empty() {
        return Ok(());
    }
    let of = report.course.action.as_deref().unwrap_or("all requests");
    page.heading("99th percentile by load", &format!("response time of {}, logarithmic", one_line(of)))?;
    let width = measured.iter().map(|(point, _)| load(report.course.unit, point.load).len()).max().unwrap_or_default();
    // The time behind the longest bar needs its place too.
    let room = page.width.saturating_sub(width + 14).min(BAR);
    for (point, p99) in measured {
        let share = if most > least { (logarithm(p99) - least) / (most - least) } else { 0.0 };
        let bar = "█".repeat(1 + (share * room as f64).round() as usize);
        let color = if point.outcome == Outcome::Met { page.palette.good } else { page.palette.bad };
        let load = load(report.course.unit, point.load);
        writeln!(page.out, "  {load:>width$}  {color}{bar}{color:#} {}", duration(p99))?;
    }
    Ok(())
}

const COLUMNS: [Column; 8] = [
    Column { title: "load", gives_way: 0 },
    Column { title: "outcome", gives_way: 0 },
    Column { title: "p50", gives_way: 0 },
    Column { title: "p90", gives_way: 3 },
    Column { title: "p99", gives_way: 0 },
    Column { title: "errors", gives_way: 0 },
    Column { title: "answers/s", gives_way: 2 },
    Column { title: "for", gives_way: 1 },
];

fn table(page: &mut Page<'_, impl Write>, report: &CapacityReport<'_>) -> io::Result<()> {
    let course = report.course;
    let rows: Vec<Line> = course.points.iter().map(|point| Line::Cells(cells(page, report, point))).collect();
    page.heading("Runs", "in the order in which they were made")?;
    Table::new(&COLUMNS, &rows, page.width).write(page)?;
    let thin = course.points.iter().filter(|point| point.samples < course.wanted).count();
    if let (1.., Some(wanted)) = (thin, course.wanted) {
        let wanted = grouped(wanted);
        page.paragraph(
            2,
            &format!(
                "* rests on fewer than the {wanted} samples that the strictest threshold needs; a longer --step helps"
            ),
        )?;
    }
    let mut told: Vec<&str> = Vec::new();
    for point in &course.points {
        // Mostly it is the same reason again and again, with other numbers.
        let Some(reason) = point.reasons.first().filter(|_| told.len() < 5) else { continue };
        let kind = reason.split(':').next().unwrap_or(reason);
        if !told.contains(&kind) {
            told.push(kind);
            page.paragraph(2, &format!("{}: {}", load(course.unit, point.load), one_line(reason)))?;
        }
    }
    Ok(())
}

fn cells<W>(page: &Page<'_, W>, report: &CapacityReport<'_>, point: &Point) -> Vec<Cell> {
    let style = match point.outcome {
        Outcome::Met => page.palette.good,
        Outcome::Missed => page.palette.bad,
        Outcome::Strained | Outcome::Unmeasured => page.palette.doubtful,
    };
    let thin = if point.samples < report.course.wanted { "*" } else { "" };
    let time = |pick: fn(&crate::capacity::Percentiles) -> std::time::Duration| {
        Cell::from(point.response.as_ref().map(|times| duration(pick(times))).unwrap_or_default())
    };
    vec![
        load(report.course.unit, point.load).into(),
        Cell { text: format!("{}{thin}", outcome(point.outcome)), style },
        time(|times| times.p50),
        time(|times| times.p90),
        time(|times| times.p99),
        percent(point.errors, point.answered).into(),
        significant(point.throughput).into(),
        duration(point.times.counted).into(),
    ]
}

#[cfg(test)]
pub mod samples {
    //! Made-up searches.

    use std::sync::LazyLock;
    use std::time::Duration;

    use crate::capacity::{Course, Finding, Outcome, Percentiles, Point, Purpose, Times, Unit};
    use crate::report::{CapacityReport, Meta};

    static META: LazyLock<Meta> = LazyLock::new(|| Meta {
        version: "0.0.0".to_owned(),
        scenario: "support-desk".to_owned(),
        file: "scenarios/support-desk.yaml".to_owned(),
        target: "the embedded reference server".to_owned(),
        seed: 7,
        started: "2026-01-02T03:04:05Z".to_owned(),
        duration: Duration::from_secs(130),
        ..Meta::default()
    });
    static THRESHOLDS: LazyLock<Vec<String>> = LazyLock::new(|| vec!["send_event.response.p99 < 250ms".to_owned()]);

    pub fn report(course: &Course) -> CapacityReport<'_> {
        CapacityReport { meta: &META, course, thresholds: &THRESHOLDS }
    }

    fn point(load: f64, purpose: Purpose, outcome: Outcome, ms: u64, throughput: f64) -> Point {
        let at = |part: u64| Duration::from_micros(ms * 10 * part);
        Point {
            load,
            purpose,
            outcome,
            reasons: match outcome {
                Outcome::Met => vec![],
                Outcome::Strained => vec!["arrivals started 71 ms late at the median".to_owned()],
                _ => vec![format!("`send_event.response.p99 < 250ms` does not hold: it was {ms}.0ms")],
            },
            times: Times { warm_up: Duration::from_secs(2), counted: Duration::from_secs(10) },
            throughput,
            mean: Some(at(50)),
            response: Some(Percentiles { p50: at(50), p90: at(90), p99: at(99), max: at(100) }),
            answered: (throughput * 10.0) as u64,
            errors: 0,
            violations: 0,
            samples: Some((throughput * 10.0) as u64),
            lag: Some(Duration::from_micros(40)),
            dropped: 0,
        }
    }

    fn course(points: Vec<Point>, finding: Finding) -> Course {
        let (population, action) = ("customer".to_owned(), Some("send_event".to_owned()));
        Course { population, unit: Unit::PerSecond, action, wanted: Some(1000), points, finding }
    }

    /// A search that came to its result.
    pub fn found() -> Course {
        use Outcome::{Met, Missed};
        use Purpose::{Confirm, Narrow, Raise};
        let points = vec![
            point(20.0, Raise, Met, 8, 20.0),
            point(40.0, Raise, Met, 10, 40.0),
            point(80.0, Raise, Met, 12, 80.0),
            point(160.0, Raise, Missed, 4000, 120.0),
            point(113.0, Narrow, Met, 30, 113.0),
            point(134.0, Narrow, Missed, 900, 120.0),
            point(120.0, Narrow, Met, 200, 119.5),
            point(123.0, Narrow, Missed, 400, 120.0),
            point(120.0, Confirm, Met, 180, 119.8),
            point(123.0, Confirm, Missed, 410, 120.0),
        ];
        course(points, Finding::Between { met: 120.0, missed: 123.0 })
    }

    /// One of each kind.
    pub fn all() -> Vec<Course> {
        let low = point(20.0, Purpose::Raise, Outcome::Met, 8, 20.0);
        let lowest = point(20.0, Purpose::Raise, Outcome::Missed, 800, 12.0);
        let weak = point(40.0, Purpose::Raise, Outcome::Strained, 300, 30.0);
        let mut people = course(vec![low.clone()], Finding::AtLeast { met: 20.0 });
        people.unit = Unit::People;
        vec![
            found(),
            people,
            course(vec![lowest], Finding::BelowLowest { missed: 20.0 }),
            course(vec![low.clone(), weak.clone()], Finding::Generator { met: Some(20.0), strained: 40.0 }),
            course(vec![weak], Finding::Generator { met: None, strained: 40.0 }),
            course(vec![low], Finding::Open { met: Some(20.0), missed: None }),
            course(vec![], Finding::Open { met: None, missed: None }),
        ]
    }
}

#[cfg(test)]
mod tests {
    use textwrap::core::display_width;

    use super::*;

    fn written(course: &crate::capacity::Course, width: usize) -> String {
        let mut bytes = Vec::new();
        terminal(&samples::report(course), &mut bytes, Style { color: false, width }).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_whole_report() {
        insta::assert_snapshot!(written(&samples::found(), 100));
    }

    #[test]
    fn every_finding_is_told_in_a_sentence() {
        let told: Vec<String> = samples::all().iter().map(|course| samples::report(course).sentence()).collect();
        assert_eq!(
            told,
            [
                "120/s is good enough and 123/s is too much, 2.50% more; both were confirmed",
                "20 at a time, the highest that was allowed, is good enough",
                "20.0/s, the lowest that was tried, is too much; try a lower one with --from",
                "at least 20.0/s: from 40.0/s on the generator, not the target, was the bottleneck. Use a bigger machine, or take the \
                 lower bound with --allow-saturated",
                "nothing is known of the target: the generator cannot even make 40.0/s",
                "unfinished; 20.0/s was good enough",
                "unfinished; no load is known to be good enough",
            ]
        );
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        for course in samples::all() {
            for width in [60, 80, 100] {
                let text = written(&course, width);
                let wide: Vec<&str> = text.lines().filter(|line| display_width(line) > width).collect();
                assert!(wide.is_empty(), "wider than {width}: {wide:#?}");
            }
        }
    }
}
