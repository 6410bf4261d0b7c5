//! The heat map: how many requests took how long, over time.

use std::fmt::Write as _;

use maud::{Markup, html};

use crate::record::{Stretch, Timeline};
use crate::report::format::counted;
use crate::report::html::svg::{Axis, Edge, Frame, Scale, clock, short, time};

/// Shades. One path a shade keeps the page small.
const SHADES: usize = 8;

/// The cells of a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Grid {
    width_s: u64,
    columns: usize,
    rows: usize,
}

impl Grid {
    /// A grid for so many intervals that are so wide, with as few columns as are asked for.
    pub fn new((mut width_s, mut intervals): (u64, usize), columns: usize, rows: usize) -> Self {
        while intervals > columns {
            (width_s, intervals) = (width_s * 2, intervals.div_ceil(2));
        }
        Self { width_s, columns: intervals, rows }
    }
}

/// Draws the map; nothing when there is nothing to draw.
pub(super) fn map(frame: Frame, title: &str, timeline: &Timeline<Stretch>, grid: Grid) -> Option<Markup> {
    let timeline = timeline.widened(grid.width_s);
    let steps =
        || timeline.intervals().flat_map(|(number, stretch)| stretch.response.steps().map(move |s| (number, s)));
    let micros = |duration: std::time::Duration| (duration.as_micros() as f64).max(1.0);
    let ends = steps().map(|(_, (step, _))| (micros(step.start), micros(step.start)));
    let (least, longest) = ends.reduce(|(a, b), (c, d)| (a.min(c), b.max(d)))?;
    let times = Scale::logarithmic((least, longest), frame.upward());
    let seconds = Scale::linear((0.0, (grid.width_s * grid.columns as u64) as f64), frame.across());
    let (bottom, top) = frame.upward();
    let rows = grid.rows as f64;
    let mut cells = vec![vec![0u64; grid.rows]; grid.columns];
    for (number, (step, count)) in steps() {
        let row = ((bottom - times.at(micros(step.start))) / (bottom - top) * rows).min(rows - 1.0) as usize;
        let cell = usize::try_from(number).ok().and_then(|number| cells.get_mut(number)?.get_mut(row));
        cell.into_iter().for_each(|cell| *cell = cell.saturating_add(count));
    }
    let most = cells.iter().flatten().copied().max().unwrap_or_default();
    let (wide, high) = (seconds.at(grid.width_s as f64) - seconds.at(0.0), (bottom - top) / rows);
    let mut shades = vec![String::new(); SHADES];
    for (number, column) in cells.iter().enumerate() {
        for (row, count) in column.iter().enumerate().filter(|(_, count)| **count > 0) {
            let (x, y) = (seconds.at(0.0) + wide * number as f64, bottom - high * (row as f64 + 1.0));
            let (wide, high) = (short(wide), short(high));
            // Writing to a string does not fail.
            let _ = write!(shades[shade(*count, most)], "M{} {}h{wide}v{high}h-{wide}z", short(x), short(y));
        }
    }
    let axes = [
        Axis { edge: Edge::Bottom, scale: &seconds, ticks: seconds.clock_labels(8), title: "since the run's start" },
        Axis { edge: Edge::Left, scale: &times, ticks: times.labels(6, time), title: "" },
    ];
    let inside = html! {
        @for (shade, cells) in shades.iter().enumerate().filter(|(_, cells)| !cells.is_empty()) {
            path.heat fill-opacity=((shade + 1) as f64 / SHADES as f64) d=(cells) {}
        }
    };
    let darkest = format!(
        "How many requests took how long, in intervals of {}. The darkest cells hold {}, the lightest one or a few.",
        counted(grid.width_s, "second"),
        counted(most, "request")
    );
    let told =
        format!("{darkest} All took from {} to {}, until {}.", time(least), time(longest), clock(seconds.ends().1));
    Some(html! { figure { (frame.chart(title, &told, &axes, &inside)) figcaption { (darkest) } } })
}

/// By the logarithm, so that one late answer in thousands is seen.
fn shade(count: u64, most: u64) -> usize {
    let share = (1.0 + count as f64).ln() / (1.0 + most as f64).ln();
    ((share * SHADES as f64).ceil() as usize).clamp(1, SHADES) - 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::Moment;
    use crate::report::sample;

    const FRAME: Frame = Frame { width: 276.0, height: 114.0 };

    fn mapped(answers: &[(u64, u64)], grid: Grid) -> Option<String> {
        let tally = sample::answered(answers, Moment(0));
        let timeline = Timeline::sum(tally.actions().map(|(_, _, _, action)| &action.over_time));
        map(FRAME, "All requests", &timeline, grid).map(Markup::into_string)
    }

    #[test]
    fn a_cell_is_as_dark_as_it_is_full() {
        assert_eq!([1, 10, 100, 1000].map(|count| shade(count, 1000)), [0, 2, 5, 7]);
        assert_eq!((shade(1, 1), shade(1, u64::MAX)), (7, 0));
    }

    #[test]
    fn cells_are_where_time_and_duration_say() {
        let grid = Grid::new((1, 10), 10, 10);
        // Two short ones in the first second, one a hundred times longer in the last.
        let text = mapped(&[(0, 100), (0, 100), (9, 10_000)], grid).unwrap();
        // 200 px for 10 s, 70 px for two powers of ten in 10 rows.
        assert!(text.contains(r#"fill-opacity="1" d="M62 71h20v7h-20z""#), "{text}");
        assert!(text.contains(r#"fill-opacity="0.75" d="M242 8h20v7h-20z""#), "{text}");
        assert!(text.contains("The darkest cells hold 2 requests"), "{text}");
    }

    #[test]
    fn a_grid_has_no_more_columns_than_there_is_room_for() {
        assert_eq!(Grid::new((2, 60), 60, 5), Grid { width_s: 2, columns: 60, rows: 5 });
        assert_eq!(Grid::new((2, 113), 60, 5), Grid { width_s: 4, columns: 57, rows: 5 });
        assert_eq!(Grid::new((1, 0), 60, 5).columns, 0);
    }

    #[test]
    fn without_an_answer_there_is_no_map() {
        assert_eq!(mapped(&[], Grid::new((1, 10), 10, 10)), None);
    }
}
