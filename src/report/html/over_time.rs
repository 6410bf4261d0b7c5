//! What happened over time: all charts on one axis, drawn by the page's script, and the table that has the same numbers.

use maud::{Markup, PreEscaped, html};
use serde::Serialize;

use super::page::{Section, Tone};
use super::table::{Cell, Column, table};
use crate::report::format::{counted, grouped, significant};
use crate::report::{Interval, RunReport, Series};

/// Charts above each other that share their time axis.
#[derive(Serialize)]
struct Charts {
    /// Seconds since the run's start.
    x: Vec<u64>,
    panels: Vec<Panel>,
}

#[derive(Serialize)]
struct Panel {
    title: String,
    /// What stands behind a value.
    unit: &'static str,
    lines: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    name: &'static str,
    /// The colour, by its name in the style sheet.
    color: &'static str,
    /// Counts hold for a whole interval, so they are drawn as steps.
    steps: bool,
    values: Vec<Option<f64>>,
}

const COLUMNS: [Column; 11] = [
    Column::numbers("from"),
    Column::numbers("answers"),
    Column::numbers("answers/s"),
    Column::numbers("p50"),
    Column::numbers("p99"),
    Column::numbers("failed"),
    Column::numbers("timeouts"),
    Column::numbers("pushes"),
    Column::numbers("violations"),
    Column::numbers("connections"),
    Column::numbers("actors"),
];

/// Rates, times, faults and who is there in each interval.
pub(super) fn section(report: &RunReport<'_>) -> Option<Section> {
    let series = Series::of(report.tally);
    if series.requests.is_empty() {
        return None;
    }
    let interval = counted(series.width_s, "second");
    let rows: Vec<Vec<Cell>> = (0..series.requests.len()).map(|number| row(&series, number)).collect();
    let body = html! {
        p.note {
            "Each point stands for " (interval) ", beginning where it is drawn. Answers and timeouts count where they came, not where their "
            "requests went out. Connections and actors are those that are there when the interval ends."
        }
        div.plots { (data(&charts(&series))) }
        details {
            summary { "The numbers" }
            (table("over-time-table", &format!("What happened in each {interval}"), &COLUMNS, &rows))
        }
    };
    Some(Section { id: "over-time", title: "Over time".to_owned(), body })
}

fn row(series: &Series<'_>, number: usize) -> Vec<Cell> {
    let Interval { start_s, answered, per_second, p50, p99, failed, timeouts } = series.requests[number];
    let of = |counts: &[u64]| counts.get(number).copied().unwrap_or_default();
    let present =
        |counts: &Option<Vec<u64>>| counts.as_ref().map_or_else(Cell::nothing, |counts| Cell::count(of(counts)));
    vec![
        Cell::number(format!("{} s", grouped(start_s)), start_s),
        Cell::count(answered),
        Cell::number(significant(per_second), per_second),
        Cell::time(p50),
        Cell::time(p99),
        Cell::trouble(failed, Tone::Doubtful),
        Cell::trouble(timeouts, Tone::Bad),
        Cell::count(of(&series.pushes)),
        Cell::trouble(of(&series.violations), Tone::Bad),
        present(&series.connections),
        present(&series.actors),
    ]
}

fn charts(series: &Series<'_>) -> Charts {
    let requests = &series.requests;
    let values = |value: &dyn Fn(&Interval) -> Option<f64>| requests.iter().map(value).collect::<Vec<_>>();
    let counts = |counts: &[u64]| counts.iter().map(|count| Some(*count as f64)).collect::<Vec<_>>();
    let ms = |time: Option<std::time::Duration>| time.map(|time| time.as_micros() as f64 / 1e3);
    let per_second = |pushes: &[u64]| {
        let spans = requests.iter().map(|interval| match interval.per_second {
            rate if rate > 0.0 => interval.answered as f64 / rate,
            _ => series.width_s as f64,
        });
        pushes.iter().zip(spans).map(|(count, span)| Some(*count as f64 / span)).collect::<Vec<_>>()
    };
    let line = |name, color, values| Line { name, color, steps: false, values };
    let steps = |name, color, values| Line { name, color, steps: true, values };
    let sessions = [("connections", "accent", &series.connections), ("actors", "soft", &series.actors)];
    let sessions =
        sessions.into_iter().filter_map(|(name, color, numbers)| Some(line(name, color, counts(numbers.as_ref()?))));
    let sessions = Panel { title: "Open connections and actors".to_owned(), unit: "", lines: sessions.collect() };
    let panels = vec![
        Panel {
            title: "Answers and pushes per second".to_owned(),
            unit: "/s",
            lines: vec![
                line("answers", "accent", values(&|interval| Some(interval.per_second))),
                line("pushes", "soft", per_second(&series.pushes)),
            ],
        },
        Panel {
            title: "Response time".to_owned(),
            unit: " ms",
            lines: vec![
                line("p50", "soft", values(&|interval| ms(interval.p50))),
                line("p99", "accent", values(&|interval| ms(interval.p99))),
            ],
        },
        Panel {
            title: "Faults".to_owned(),
            unit: "",
            lines: vec![
                steps("failed", "doubtful", values(&|interval| Some(interval.failed as f64))),
                steps("timeouts", "bad", values(&|interval| Some(interval.timeouts as f64))),
                steps("violations", "ink", counts(&series.violations)),
            ],
        },
        sessions,
    ];
    Charts {
        x: requests.iter().map(|interval| interval.start_s).collect(),
        // Nothing is known of sessions over the Web API alone, or in tallies of earlier versions.
        panels: panels.into_iter().filter(|panel| !panel.lines.is_empty()).collect(),
    }
}

/// Data for the script. No text in it can end the element that it is in.
fn data(charts: &Charts) -> Markup {
    // Numbers and texts always become JSON.
    let text = serde_json::to_string(charts).unwrap_or_default().replace('<', "\\u003c");
    html! { script type="application/json" data-chart { (PreEscaped(text)) } }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::observe::Moment;
    use crate::protocol::Transport;
    use crate::report::sample;

    #[test]
    fn the_charts_have_the_series_and_gaps_where_nothing_was_measured() {
        let tally = sample::answered(&[(0, 2_000), (0, 4_000), (2, 8_000)], Moment(2_900_000_000));
        let charts: Value = serde_json::to_value(charts(&Series::of(&tally))).unwrap();
        assert_eq!(charts["x"], json!([0, 1, 2]));
        let values = |panel: usize, line: usize| charts["panels"][panel]["lines"][line]["values"].clone();
        assert_eq!(values(0, 0), json!([2.0, 0.0, 1.0]));
        assert_eq!(values(1, 1), json!([4.0, null, 8.0]), "in milliseconds");
        assert_eq!(values(2, 1), json!([0.0, 0.0, 0.0]));
        assert_eq!(charts["panels"].as_array().unwrap().len(), 3, "nothing is known of sessions");
    }

    #[test]
    fn sessions_have_a_chart_as_far_as_something_is_known_of_them() {
        let mut tally = sample::answered(&[(0, 2_000), (2, 8_000)], Moment(2_900_000_000));
        let names = |tally: &crate::record::Tally| {
            let charts = serde_json::to_value(charts(&Series::of(tally))).unwrap();
            let lines = charts["panels"][3]["lines"].as_array().cloned().unwrap_or_default();
            lines.iter().map(|line| (line["name"].clone(), line["values"].clone())).collect::<Vec<_>>()
        };
        tally.actors.over_time.at(Moment(100)).came += 2;
        tally.actors.over_time.at(Moment(1_500_000_000)).went += 1;
        let actors = (json!("actors"), json!([2.0, 1.0, 1.0]));
        assert_eq!(names(&tally), std::slice::from_ref(&actors));
        let transports = &mut tally.dialects.get_mut("customer/v0.3").unwrap().transports;
        transports.get_mut(&Transport::Websocket).unwrap().over_time.at(Moment(1_000_000_000)).came += 3;
        assert_eq!(names(&tally), [(json!("connections"), json!([0.0, 3.0, 3.0])), actors]);
    }

    #[test]
    fn no_text_ends_the_element_that_the_data_are_in() {
        let panel = Panel { title: "</script><script>alert(1)".to_owned(), unit: "", lines: Vec::new() };
        let text = data(&Charts { x: Vec::new(), panels: vec![panel] }).into_string();
        assert_eq!((text.matches("</script").count(), text.matches("<script").count()), (1, 1));
    }

    #[test]
    fn a_run_of_which_nothing_is_known_over_time_has_no_charts() {
        assert!(section(&sample::empty().report()).is_none());
        assert!(section(&sample::failing().report()).is_some());
    }
}
