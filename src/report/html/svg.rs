//! Scales of charts, and what all charts have: a frame, lines at round values, their labels.

use std::fmt::Write as _;

use maud::{Markup, html};

use crate::report::format::significant;

/// A scale from values to places on the paper.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::report) struct Scale {
    from: f64,
    to: f64,
    start: f64,
    end: f64,
    logarithmic: bool,
}

impl Scale {
    /// Equal differences are equally wide.
    pub fn linear((from, to): (f64, f64), (start, end): (f64, f64)) -> Self {
        let to = if to > from { to } else { from + 1.0 };
        Self { from, to, start, end, logarithmic: false }
    }

    /// Equal ratios are equally wide. It begins and ends at a power of ten, or at twice or five times one.
    pub fn logarithmic((least, most): (f64, f64), (start, end): (f64, f64)) -> Self {
        let least = least.max(f64::MIN_POSITIVE);
        let (from, to) = (round_down(least), round_up(most.max(least)));
        let to = if to > from { to } else { from * 10.0 };
        Self { from, to, start, end, logarithmic: true }
    }

    /// Where a value is; what is beyond an end is there.
    pub fn at(&self, value: f64) -> f64 {
        let value = value.clamp(self.from, self.to);
        let share = if self.logarithmic {
            (value / self.from).ln() / (self.to / self.from).ln()
        } else {
            (value - self.from) / (self.to - self.from)
        };
        self.start + share * (self.end - self.start)
    }

    /// Where the scale begins and ends.
    pub fn ends(&self) -> (f64, f64) {
        (self.from, self.to)
    }

    /// Round values of the scale: not more than `most` if that can be, which it can for up to ten powers of ten and from five on.
    pub fn ticks(&self, most: usize) -> Vec<f64> {
        if self.logarithmic {
            let fine = self.powers(&[1.0, 2.0, 5.0]);
            let coarse = self.powers(&[1.0]);
            return if fine.len() <= most || coarse.len() < 2 { fine } else { coarse };
        }
        let rough = (self.to - self.from) / most as f64;
        let step = round_up(rough);
        let first = (self.from / step).ceil();
        let count = ((self.to / step - first) + 1e-9).floor() as usize + 1;
        (0..count).map(|n| (first + n as f64) * step).collect()
    }

    /// Ticks with their labels.
    pub fn labels(&self, most: usize, label: impl Fn(f64) -> String) -> Vec<(f64, String)> {
        self.ticks(most).into_iter().map(|value| (value, label(value))).collect()
    }

    /// Ticks of a scale of seconds, where those of a clock are round.
    pub fn clock_labels(&self, most: usize) -> Vec<(f64, String)> {
        let rough = (self.to - self.from) / most as f64;
        let days = (1..100_000u32).map(|days| f64::from(days) * 86_400.0);
        let step = STEPS.into_iter().chain(days).find(|step| *step >= rough).unwrap_or(rough);
        let count = (self.to / step).floor() as usize;
        (0..=count).map(|n| n as f64 * step).map(|second| (second, clock(second))).collect()
    }

    fn powers(&self, leading: &[f64]) -> Vec<f64> {
        let (low, high) = (self.from.log10().floor() as i32, self.to.log10().ceil() as i32);
        let all = (low..=high).flat_map(|power| leading.iter().map(move |digit| digit * 10f64.powi(power)));
        all.filter(|value| *value >= self.from * 0.999_999 && *value <= self.to * 1.000_001).collect()
    }
}

/// The largest of 1, 2, 5 and their tenfolds that is not larger.
fn round_down(value: f64) -> f64 {
    let power = 10f64.powf(value.log10().floor());
    [5.0, 2.0, 1.0].map(|digit| digit * power).into_iter().find(|round| *round <= value * 1.000_001).unwrap_or(power)
}

/// The smallest of 1, 2, 5 and their tenfolds that is not smaller.
fn round_up(value: f64) -> f64 {
    let power = 10f64.powf(value.log10().floor());
    [1.0, 2.0, 5.0]
        .map(|digit| digit * power)
        .into_iter()
        .find(|round| *round >= value * 0.999_999)
        .unwrap_or(10.0 * power)
}

/// Seconds that are round on a clock.
const STEPS: [f64; 14] =
    [1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_800.0, 3_600.0, 7_200.0, 21_600.0];

/// A time since the run's start: `90 s`, `5:00`, `1:30:00`.
pub(in crate::report) fn clock(seconds: f64) -> String {
    match seconds.round() as u64 {
        short @ 0..=120 => format!("{short} s"),
        long @ 121..3600 => format!("{}:{:02}", long / 60, long % 60),
        long => format!("{}:{:02}:{:02}", long / 3600, long / 60 % 60, long % 60),
    }
}

/// A duration on an axis, given in microseconds: `5 ms`.
pub(in crate::report) fn time(micros: f64) -> String {
    let (value, unit) = match micros {
        short if short < 999.5 => (short, "µs"),
        middle if middle < 999_500.0 => (middle / 1e3, "ms"),
        long => (long / 1e6, "s"),
    };
    let text = significant(value);
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text} {unit}")
}

/// The size of a chart, and the room around what is drawn.
#[derive(Debug, Clone, Copy)]
pub(in crate::report) struct Frame {
    pub width: f64,
    pub height: f64,
}

/// Room for the labels on the left, and below.
const LEFT: f64 = 62.0;
const BELOW: f64 = 36.0;
const ABOVE: f64 = 8.0;
const RIGHT: f64 = 14.0;

impl Frame {
    /// From left to right.
    pub fn across(self) -> (f64, f64) {
        (LEFT, self.width - RIGHT)
    }

    /// From the bottom, where scales begin, to the top.
    pub fn upward(self) -> (f64, f64) {
        (self.height - BELOW, ABOVE)
    }

    /// A chart. Who cannot see it is told the title and the description.
    pub fn chart(self, title: &str, description: &str, axes: &[Axis<'_>], inside: &Markup) -> Markup {
        html! {
            svg.chart viewBox={ "0 0 " (self.width) " " (self.height) } role="img" aria-label={ (title) ". " (description) } {
                title { (title) }
                desc { (description) }
                @for axis in axes { (axis.markup(self)) }
                (inside)
            }
        }
    }
}

/// Where an axis is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::report) enum Edge {
    Bottom,
    Left,
}

/// A scale with labels.
pub(in crate::report) struct Axis<'a> {
    pub edge: Edge,
    pub scale: &'a Scale,
    /// Values and their labels.
    pub ticks: Vec<(f64, String)>,
    /// What the values are.
    pub title: &'a str,
}

impl Axis<'_> {
    fn markup(&self, frame: Frame) -> Markup {
        let ((left, right), (bottom, top)) = (frame.across(), frame.upward());
        html! {
            @for (value, label) in &self.ticks {
                @let place = short(self.scale.at(*value));
                @match self.edge {
                    Edge::Bottom => {
                        line.grid x1=(place) x2=(place) y1=(top) y2=(bottom) {}
                        text x=(place) y=(bottom + 14.0) text-anchor="middle" { (label) }
                    }
                    Edge::Left => {
                        line.grid x1=(left) x2=(right) y1=(place) y2=(place) {}
                        text x=(left - 6.0) y=(place) dy="0.32em" text-anchor="end" { (label) }
                    }
                }
            }
            @match self.edge {
                Edge::Bottom => {
                    line.axis x1=(left) x2=(right) y1=(bottom) y2=(bottom) {}
                    text x=(right) y=(bottom + 29.0) text-anchor="end" { (self.title) }
                }
                Edge::Left => { line.axis x1=(left) x2=(left) y1=(top) y2=(bottom) {} }
            }
        }
    }
}

/// A line through places on the paper, as an SVG path.
pub(in crate::report) fn path(places: impl IntoIterator<Item = (f64, f64)>) -> String {
    let mut path = String::new();
    for (x, y) in places {
        let command = if path.is_empty() { 'M' } else { 'L' };
        // Writing to a string does not fail.
        let _ = write!(path, "{command}{} {}", short(x), short(y));
    }
    path
}

/// A tenth of a pixel is as exact as anybody sees.
pub(in crate::report) fn short(place: f64) -> f64 {
    (place * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_linear_scale_is_even_and_its_ticks_are_round() {
        let scale = Scale::linear((0.0, 130.0), (0.0, 260.0));
        assert_eq!([0.0, 65.0, 130.0, 999.0].map(|value| scale.at(value)), [0.0, 130.0, 260.0, 260.0]);
        assert_eq!(scale.ticks(7), [0.0, 20.0, 40.0, 60.0, 80.0, 100.0, 120.0]);
        assert_eq!(Scale::linear((0.0, 1.0), (0.0, 1.0)).ticks(5), [0.0, 0.2, 0.4, 0.6000000000000001, 0.8, 1.0][..6]);
        let upward = Scale::linear((0.0, 10.0), (100.0, 0.0));
        assert_eq!([0.0, 2.5, 10.0].map(|value| upward.at(value)), [100.0, 75.0, 0.0]);
    }

    #[test]
    fn a_logarithmic_scale_has_equal_ratios_and_round_ends() {
        let scale = Scale::logarithmic((1.3, 870.0), (0.0, 300.0));
        assert_eq!(scale.ends(), (1.0, 1000.0));
        let places = [1.0, 10.0, 100.0, 1000.0].map(|value| short(scale.at(value)));
        assert_eq!(places, [0.0, 100.0, 200.0, 300.0]);
        assert_eq!(scale.ticks(5), [1.0, 10.0, 100.0, 1000.0]);
        assert_eq!(scale.ticks(12), [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0]);
        assert_eq!(Scale::logarithmic((3.0, 3.0), (0.0, 1.0)).ends(), (2.0, 5.0));
        assert_eq!(Scale::logarithmic((2.0, 2.0), (0.0, 1.0)).ends(), (2.0, 20.0));
        assert_eq!(Scale::logarithmic((2.0, 4.0), (0.0, 1.0)).ticks(3), [2.0, 5.0]);
    }

    #[test]
    fn labels_are_as_people_say_them() {
        assert_eq!(
            [1.0, 200.0, 1_000.0, 2_500.0, 50_000.0, 1e6, 6e7].map(time),
            ["1 µs", "200 µs", "1 ms", "2.5 ms", "50 ms", "1 s", "60 s"]
        );
        assert_eq!([0.0, 90.0, 125.0, 3_600.0, 5_405.0].map(clock), ["0 s", "90 s", "2:05", "1:00:00", "1:30:05"]);
        let labels = |seconds: f64| {
            let labels = Scale::linear((0.0, seconds), (0.0, 1.0)).clock_labels(6);
            labels.into_iter().map(|(_, label)| label).collect::<Vec<_>>()
        };
        assert_eq!(labels(30.0), ["0 s", "5 s", "10 s", "15 s", "20 s", "25 s", "30 s"]);
        assert_eq!(labels(3_600.0), ["0 s", "10:00", "20:00", "30:00", "40:00", "50:00", "1:00:00"]);
        assert!(labels(1e9).len() <= 7);
    }

    #[test]
    fn a_path_goes_from_place_to_place() {
        assert_eq!(path([(0.0, 1.25), (10.04, 2.0)]), "M0 1.3L10 2");
        assert_eq!(path([]), "");
    }

    proptest! {
        #[test]
        fn nothing_is_drawn_beside_the_paper(from in 0.0..1e9f64, more in 0.0..1e9f64, value in any::<f64>()) {
            prop_assume!(!value.is_nan());
            for scale in [
                Scale::linear((from, from + more), (20.0, 200.0)),
                Scale::logarithmic((from, from + more), (20.0, 200.0)),
            ] {
                let place = scale.at(value);
                prop_assert!((19.999..=200.001).contains(&place), "{} at {}", value, place);
                let (first, last) = scale.ends();
                let ticks = scale.ticks(6);
                prop_assert!(ticks.iter().all(|tick| *tick >= first * 0.99999 && *tick <= last * 1.00001), "{:?}", ticks);
            }
        }
    }
}
