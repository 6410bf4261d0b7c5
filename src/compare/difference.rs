//! One number of both runs: how far apart they are, how sure that is, and whether it matters.

use super::bootstrap::Redrawn;
use super::figure::Figure;

/// Times that are closer than this are the same, whatever the tolerance: people do not notice, and machines differ by it. In seconds.
pub const FLOOR: f64 = 0.001;
/// The normal distribution has 95 % within so many standard deviations.
const Z: f64 = 1.959_964;

/// One number of both runs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Difference {
    /// Which number.
    pub figure: Figure,
    /// What it was.
    pub base: f64,
    /// What it is.
    pub new: f64,
    /// Where the true difference lies, with a confidence of 95 %. Of times and rates it is a part of the base (0.1 is 10 % more), of errors
    /// and timeouts the difference of both parts of the whole.
    pub interval: Result<(f64, f64), Unknown>,
    /// What that comes to.
    pub change: Change,
}

/// Why nothing is said of how sure a difference is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    /// A run has too few intervals in which something was answered.
    FewIntervals {
        /// How many it has.
        found: usize,
    },
    /// A run has too few answers for this number.
    FewSamples {
        /// How many it has.
        found: u64,
        /// How many it takes.
        wanted: u64,
    },
    /// One of the numbers is zero, and nothing is a part of that.
    Zero,
}

/// What a difference comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Within what chance or the tolerance explains.
    Same,
    /// The new one is higher.
    Up,
    /// The new one is lower.
    Down,
    /// Too little was measured to tell.
    Unknown,
}

impl Difference {
    pub(super) fn new(
        figure: Figure,
        (base, new): (f64, f64),
        interval: Result<(f64, f64), Unknown>,
        tolerance: f64,
    ) -> Self {
        let floor = if matches!(figure, Figure::Time(_)) { FLOOR } else { 0.0 };
        let matters = (new - base).abs() > (base * tolerance).max(floor);
        let change = match interval {
            Err(_) => Change::Unknown,
            Ok((low, _)) if matters && low > 0.0 => Change::Up,
            Ok((_, high)) if matters && high < 0.0 => Change::Down,
            Ok(_) => Change::Same,
        };
        Self { figure, base, new, interval, change }
    }

    /// The difference as the interval has it: of times and rates a part of the base, of errors and timeouts in parts of the whole.
    pub fn difference(&self) -> f64 {
        match self.figure {
            Figure::Errors | Figure::Timeouts => self.new - self.base,
            Figure::Time(_) | Figure::Rate => self.new / self.base - 1.0,
        }
    }

    /// Whether the new run is worse. A rate is what the scenario asked for, so neither way is.
    pub fn is_worse(&self) -> bool {
        self.change == Change::Up && self.figure != Figure::Rate
    }

    /// Whether the new run is better.
    pub fn is_better(&self) -> bool {
        self.change == Change::Down && self.figure != Figure::Rate
    }
}

/// The interval around the quotient of two runs, from what both would have been if drawn again; `place` is that of the figure in
/// [`Figure::OF_INTERVALS`].
pub(super) fn of_quotient(
    (base, new): (f64, f64),
    (of_base, of_new): (&Redrawn, &Redrawn),
    place: usize,
) -> Result<(f64, f64), Unknown> {
    if base <= 0.0 || new <= 0.0 {
        return Err(Unknown::Zero);
    }
    let pairs = of_base.deviations.iter().zip(&of_new.deviations);
    let mut deviations: Vec<f64> = pairs.map(|(base, new)| new[place] - base[place]).collect();
    deviations.sort_unstable_by(f64::total_cmp);
    let beyond = deviations.len() / 40;
    let (Some(low), Some(high)) = (deviations.get(beyond), deviations.iter().rev().nth(beyond)) else {
        return Err(Unknown::FewIntervals { found: 0 });
    };
    let wider = widening(of_base.blocks.min(of_new.blocks));
    let quotient = (new / base).ln();
    // The draws are around the number that the intervals give, which are rougher than the histogram of the whole; so only their spread is taken.
    Ok(((quotient + low.min(0.0) * wider).exp_m1(), (quotient + high.max(0.0) * wider).exp_m1()))
}

/// A run of few blocks, drawn again, varies less than runs do: by the factor with which a variance of a few is estimated, and as Student's
/// distribution is wider than the normal one.
fn widening(blocks: f64) -> f64 {
    student(blocks - 1.0) / Z * (blocks / (blocks - 1.0)).sqrt()
}

/// Within so many standard deviations Student's distribution has 95 % (Cornish and Fisher's expansion around the normal one).
fn student(freedom: f64) -> f64 {
    let z = |power| Z.powi(power);
    let first = (z(3) + z(1)) / 4.0;
    let second = (5.0 * z(5) + 16.0 * z(3) + 3.0 * z(1)) / 96.0;
    let third = (3.0 * z(7) + 19.0 * z(5) + 17.0 * z(3) - 15.0 * z(1)) / 384.0;
    Z + first / freedom + second / freedom.powi(2) + third / freedom.powi(3)
}

/// The interval around the difference of two parts, by Newcombe (1998, method 10) out of Wilson's for each. It holds for zero of some, too.
pub(super) fn of_parts(base: (u64, u64), new: (u64, u64)) -> (f64, f64) {
    let ((b, b_low, b_high), (n, n_low, n_high)) = (wilson(base), wilson(new));
    let difference = n - b;
    (difference - (n - n_low).hypot(b_high - b), difference + (n_high - n).hypot(b - b_low))
}

/// A part, and its interval.
fn wilson((part, whole): (u64, u64)) -> (f64, f64, f64) {
    // A damaged file may say that more than all failed.
    let (part, whole) = (part.min(whole) as f64, whole as f64);
    let p = part / whole;
    let middle = (p + Z * Z / (2.0 * whole)) / (1.0 + Z * Z / whole);
    let half = Z / (1.0 + Z * Z / whole) * (p * (1.0 - p) / whole + Z * Z / (4.0 * whole * whole)).sqrt();
    (p, (middle - half).max(0.0), (middle + half).min(1.0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::verdict::Statistic;

    const P99: Figure = Figure::Time(Statistic::Percentile(99.0));

    fn close(found: f64, expected: f64) -> bool {
        (found - expected).abs() < 0.005 * expected.abs().max(0.01)
    }

    #[test]
    fn students_distribution_is_that_of_the_tables() {
        // 97.5 % quantiles as tables have them.
        for (freedom, expected) in [(3.0, 3.182), (5.0, 2.571), (10.0, 2.228), (30.0, 2.042), (120.0, 1.980)] {
            assert!((student(freedom) - expected).abs() < 0.03, "{freedom}: {}", student(freedom));
        }
        assert!(widening(4.0) > widening(10.0) && widening(1e6) < 1.001);
    }

    #[test]
    fn the_difference_of_parts_is_that_of_the_literature() {
        // Newcombe (1998), table II, (a) 56/70 - 48/80 and (c) 9/10 - 3/10, method 10.
        let (low, high) = of_parts((48, 80), (56, 70));
        assert!(close(low, 0.0524) && close(high, 0.3339), "{low} {high}");
        let (low, high) = of_parts((3, 10), (9, 10));
        assert!(close(low, 0.1705) && close(high, 0.8090), "{low} {high}");
    }

    #[test]
    fn only_what_is_sure_and_large_enough_is_a_change() {
        let change = |values, interval, tolerance| Difference::new(P99, values, interval, tolerance).change;
        assert_eq!(change((0.100, 0.120), Ok((0.1, 0.3)), 0.05), Change::Up);
        assert_eq!(change((0.100, 0.120), Ok((-0.1, 0.5)), 0.05), Change::Same, "chance may explain it");
        assert_eq!(change((0.100, 0.120), Ok((0.1, 0.3)), 0.25), Change::Same, "it is within the tolerance");
        assert_eq!(change((0.002, 0.0029), Ok((0.4, 0.5)), 0.05), Change::Same, "it is less than a millisecond");
        assert_eq!(change((0.002, 0.0031), Ok((0.5, 0.6)), 0.05), Change::Up);
        assert_eq!(change((0.120, 0.100), Ok((-0.2, -0.1)), 0.05), Change::Down);
        assert_eq!(change((0.100, 9.0), Err(Unknown::FewIntervals { found: 3 }), 0.05), Change::Unknown);
    }

    #[test]
    fn more_errors_are_worse_and_another_rate_is_only_another_one() {
        let of = |figure, values, interval| Difference::new(figure, values, Ok(interval), 0.05);
        let errors = of(Figure::Errors, (0.0, 0.01), (0.005, 0.02));
        assert!(errors.is_worse() && !errors.is_better());
        let fewer = of(Figure::Timeouts, (0.01, 0.0), (-0.02, -0.005));
        assert!(fewer.is_better() && !fewer.is_worse());
        for (new, interval) in [(20.0, (0.9, 1.1)), (5.0, (-0.6, -0.4))] {
            let rate = of(Figure::Rate, (10.0, new), interval);
            assert!(rate.change != Change::Same && !rate.is_worse() && !rate.is_better());
        }
    }

    proptest! {
        #[test]
        fn the_interval_of_parts_holds_the_difference_and_turns_with_it(
            base in (0..1_000u64, 1..1_000u64), new in (0..1_000u64, 1..1_000u64),
        ) {
            let [base, new] = [base, new].map(|(part, more)| (part, part + more));
            let ((low, high), (back_low, back_high)) = (of_parts(base, new), of_parts(new, base));
            let difference = new.0 as f64 / new.1 as f64 - base.0 as f64 / base.1 as f64;
            prop_assert!(-1.0 <= low && low <= difference && difference <= high && high <= 1.0);
            prop_assert!((low + back_high).abs() < 1e-9 && (high + back_low).abs() < 1e-9);
        }
    }
}
