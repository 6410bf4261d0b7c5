//! The Universal Scalability Law (Gunther, 1993): the throughput of a system over how many requests are under way,
//! `X(N) = λN / (1 + σ(N − 1) + κN(N − 1))`.
//!
//! `N / X` is a polynomial `a + bN + cN²` with `a = (1 − σ)/λ`, `b = (σ − κ)/λ`, `c = κ/λ`, so the fit is a weighted linear one. The weights turn
//! errors of `N / X` into those of `X`. None of the three may be negative, so that the law makes sense for less than one request under way too
//! (a lightly loaded server); every choice of those that are zero is tried.

/// Points that a fit needs at least, at different concurrencies: one more than parameters.
const FEWEST: usize = 4;
/// Beyond so many times the largest measured concurrency nothing is said.
const REACH: f64 = 2.0;

/// A fitted law.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fit {
    /// Throughput of one request at a time (λ), per second.
    pub lambda: f64,
    /// The share of the work that cannot be done side by side (σ).
    pub sigma: f64,
    /// What agreeing with each other costs (κ).
    pub kappa: f64,
    /// How much of the variation of the measured throughputs it explains; 1 is all.
    pub r_squared: f64,
    /// The largest concurrency that was measured.
    pub measured: f64,
}

/// Where a law has its highest throughput.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Peak {
    /// Within what was measured, or not far beyond.
    At {
        /// Requests under way.
        concurrency: f64,
        /// Answers per second.
        throughput: f64,
    },
    /// Too far beyond what was measured to be claimed, or nowhere.
    Beyond {
        /// The concurrency up to which something is claimed.
        concurrency: f64,
        /// What the law says for it.
        throughput: f64,
    },
}

impl Fit {
    /// The throughput that the law says for a concurrency.
    pub fn throughput(&self, concurrency: f64) -> f64 {
        let n = concurrency;
        self.lambda * n / (1.0 + self.sigma * (n - 1.0) + self.kappa * n * (n - 1.0))
    }

    /// The highest throughput, as far as it may be claimed.
    pub fn peak(&self) -> Peak {
        let reach = self.measured * REACH;
        // Where the derivative is zero; without κ there is no such place, and the quotient is infinite. Where nothing is done side by side, one
        // request at a time is the best.
        let concurrency = ((1.0 - self.sigma).max(0.0) / self.kappa).sqrt().max(1.0);
        if concurrency.is_finite() && concurrency <= reach {
            Peak::At { concurrency, throughput: self.throughput(concurrency) }
        } else {
            Peak::Beyond { concurrency: reach, throughput: self.throughput(reach) }
        }
    }
}

/// Fits the law to measured pairs of concurrency and throughput; none where there are too few, or they follow no such law.
pub fn fit(points: &[(f64, f64)]) -> Option<Fit> {
    let usable = |value: f64| value.is_finite() && value > 0.0;
    let points: Vec<(f64, f64)> = points.iter().copied().filter(|(n, x)| usable(*n) && usable(*x)).collect();
    let mut distinct: Vec<f64> = points.iter().map(|(n, _)| *n).collect();
    distinct.sort_by(f64::total_cmp);
    let measured = *distinct.last()?;
    distinct.dedup_by(|a, b| (*a - *b).abs() < *b * 1e-6);
    if distinct.len() < FEWEST {
        return None;
    }
    let mean = points.iter().map(|(_, x)| x).sum::<f64>() / points.len() as f64;
    let spread: f64 = points.iter().map(|(_, x)| (x - mean).powi(2)).sum();
    let fits = (1..8u8).filter_map(|used| {
        let [a, b, c] = solve(&points, [used & 1 > 0, used & 2 > 0, used & 4 > 0])?;
        let lambda = 1.0 / (a + b + c);
        let fit = Fit { lambda, sigma: (b + c) * lambda, kappa: c * lambda, r_squared: 0.0, measured };
        let missed: f64 = points.iter().map(|(n, x)| (x - fit.throughput(*n)).powi(2)).sum();
        (usable(lambda) && missed.is_finite()).then(|| (missed, Fit { r_squared: 1.0 - missed / spread, ..fit }))
    });
    let (_, best) = fits.min_by(|(a, _), (b, _)| a.total_cmp(b))?;
    best.r_squared.is_finite().then_some(best)
}

/// The weighted least squares of `N/X = a + bN + cN²` in the parameters that are used, the others being zero; none where there
/// is no single solution, or one of them comes out negative.
fn solve(points: &[(f64, f64)], used: [bool; 3]) -> Option<[f64; 3]> {
    let chosen: Vec<usize> = (0..3).filter(|place| used[*place]).collect();
    let size = chosen.len();
    // The normal equations, with their right side as the last column.
    let mut rows = vec![vec![0.0; size + 1]; size];
    for &(n, x) in points {
        let terms = [1.0, n, n * n];
        let weight = (x * x / n).powi(2);
        for (row, &left) in rows.iter_mut().zip(&chosen) {
            for (cell, &right) in row.iter_mut().zip(&chosen) {
                *cell += weight * terms[left] * terms[right];
            }
            row[size] += weight * terms[left] * n / x;
        }
    }
    let solution = eliminate(rows)?;
    let mut parameters = [0.0; 3];
    for (&place, value) in chosen.iter().zip(solution) {
        parameters[place] = value;
    }
    parameters.iter().all(|value| *value >= 0.0).then_some(parameters)
}

/// Gauss and Jordan, with the largest pivot of each column.
fn eliminate(mut rows: Vec<Vec<f64>>) -> Option<Vec<f64>> {
    let size = rows.len();
    for column in 0..size {
        let pivot = (column..size).max_by(|a, b| rows[*a][column].abs().total_cmp(&rows[*b][column].abs()))?;
        rows.swap(column, pivot);
        let leading = rows[column][column];
        if leading.abs() < f64::MIN_POSITIVE {
            return None;
        }
        rows[column].iter_mut().for_each(|cell| *cell /= leading);
        let pivot = rows[column].clone();
        for (_, row) in rows.iter_mut().enumerate().filter(|(number, _)| *number != column) {
            let factor = row[column];
            row.iter_mut().zip(&pivot).for_each(|(cell, above)| *cell -= factor * above);
        }
    }
    Some(rows.into_iter().filter_map(|row| row.last().copied()).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn law(lambda: f64, sigma: f64, kappa: f64) -> Fit {
        Fit { lambda, sigma, kappa, r_squared: 1.0, measured: 0.0 }
    }

    fn curve(law: Fit, concurrencies: &[f64]) -> Vec<(f64, f64)> {
        concurrencies.iter().map(|n| (*n, law.throughput(*n))).collect()
    }

    const SPREAD: [f64; 8] = [0.2, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0];

    #[test]
    fn the_law_itself_is_as_it_is_written() {
        // One at a time is λ; σ = 1 never gets beyond it; without losses it is linear.
        assert!((law(1000.0, 0.05, 0.001).throughput(1.0) - 1000.0).abs() < 1e-9);
        assert!((law(1000.0, 1.0, 0.0).throughput(50.0) - 1000.0).abs() < 1e-9);
        assert!((law(1000.0, 0.0, 0.0).throughput(50.0) - 50_000.0).abs() < 1e-6);
        // By hand: 20 / (1 + 0.1·19 + 0.01·20·19) = 20 / 6.7.
        assert!((law(1.0, 0.1, 0.01).throughput(20.0) - 20.0 / 6.7).abs() < 1e-9);
    }

    #[test]
    fn the_peak_is_where_the_derivative_is_zero_and_no_further_than_twice_what_was_measured() {
        // √((1 − 0.19)/0.01) = 9.
        let peaked = Fit { measured: 8.0, ..law(100.0, 0.19, 0.01) };
        let Peak::At { concurrency, throughput } = peaked.peak() else { panic!("{:?}", peaked.peak()) };
        assert!((concurrency - 9.0).abs() < 1e-9);
        assert!(throughput > peaked.throughput(8.9) && throughput > peaked.throughput(9.1));
        for fit in [Fit { measured: 4.0, ..peaked }, Fit { measured: 4.0, kappa: 0.0, ..peaked }] {
            assert_eq!(fit.peak(), Peak::Beyond { concurrency: 8.0, throughput: fit.throughput(8.0) });
        }
    }

    #[test]
    fn too_few_points_and_nonsense_give_no_fit() {
        let good = curve(law(1000.0, 0.05, 0.001), &SPREAD);
        assert!(fit(&good).is_some());
        assert_eq!(fit(&good[..3]), None);
        assert_eq!(fit(&[good[0]; 9]), None);
        assert_eq!(fit(&[(f64::NAN, 1.0), (0.0, 1.0), (1.0, -2.0), (2.0, 0.0), (3.0, f64::INFINITY)]), None);
    }

    #[test]
    fn a_wavering_curve_is_fitted_with_less_than_all_of_its_variation() {
        let mut wavering = curve(law(1000.0, 0.05, 0.001), &SPREAD);
        for (place, (_, throughput)) in wavering.iter_mut().enumerate() {
            *throughput *= if place % 2 == 0 { 1.03 } else { 0.97 };
        }
        let found = fit(&wavering).unwrap();
        assert!(found.r_squared > 0.95 && found.r_squared < 0.9999, "{found:?}");
        assert!((found.lambda / 1000.0 - 1.0).abs() < 0.1 && (found.sigma - 0.05).abs() < 0.03, "{found:?}");
    }

    proptest! {
        #[test]
        fn an_exact_curve_gives_its_law_back(
            lambda in 1.0..100_000.0f64, sigma in 0.0..1.0f64, kappa in prop_oneof![Just(0.0), 0.001..0.3f64]
        ) {
            let kappa = sigma * kappa;
            let law = law(lambda, sigma, kappa);
            let found = fit(&curve(law, &SPREAD)).unwrap();
            prop_assert!((found.lambda / lambda - 1.0).abs() < 1e-4, "{found:?}");
            prop_assert!((found.sigma - sigma).abs() < 1e-4 && (found.kappa - kappa).abs() < 1e-5, "{found:?}");
            prop_assert!(found.r_squared > 0.9999 && found.measured == 64.0);
        }

        #[test]
        fn whatever_is_measured_no_parameter_is_negative_and_the_law_is_finite(
            points in proptest::collection::vec((0.01..1000.0f64, 0.1..10_000.0f64), 4..20)
        ) {
            if let Some(found) = fit(&points) {
                prop_assert!(found.lambda > 0.0 && found.sigma >= 0.0 && found.kappa >= 0.0 && found.r_squared <= 1.0);
                let (Peak::At { throughput, .. } | Peak::Beyond { throughput, .. }) = found.peak();
                prop_assert!(throughput.is_finite() && throughput >= 0.0, "{found:?}");
            }
        }
    }
}
