//! Where a curve of times over loads bends upward.
//!
//! "Finding a 'Kneedle' in a Haystack" (Satopää, Albrecht, Irwin, Raghavan; 2011), for a rising convex curve: both axes are scaled to one, and
//! the knee is where the curve is furthest below the straight line between its ends. The curve is taken as it is, without the smoothing
//! of the paper, since a search measures few points.

/// Loads that a curve must have at least.
const FEWEST: usize = 5;
/// How far below the straight line the knee must be: a line that wavers is no bend.
const DEPTH: f64 = 0.3;

/// The load at which the times begin to grow steeply; none where too little was measured, or they do not. Of several times at one load
/// the middle one counts.
pub fn knee(points: &[(f64, f64)]) -> Option<f64> {
    let curve = middles(points);
    let (first, last) = (*curve.first()?, *curve.last()?);
    if curve.len() < FEWEST {
        return None;
    }
    let (least, most) =
        curve.iter().fold((f64::MAX, f64::MIN), |(least, most), (_, time)| (least.min(*time), most.max(*time)));
    // Times that stay within a factor of two have no knee worth the name, however they are scaled.
    if most < least * 2.0 {
        return None;
    }
    let below = |(load, time): (f64, f64)| (load - first.0) / (last.0 - first.0) - (time - least) / (most - least);
    let deepest = curve.into_iter().max_by(|a, b| below(*a).total_cmp(&below(*b)))?;
    (below(deepest) >= DEPTH).then_some(deepest.0)
}

/// The median time of each load, by load.
fn middles(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut points = points.to_vec();
    points.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    points.chunk_by(|a, b| a.0.total_cmp(&b.0).is_eq()).map(|same| same[same.len() / 2]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_that_explode_have_their_knee_before_it() {
        let served =
            |limit: f64| move |load: f64| (load, if load <= limit { 0.01 } else { 0.01 + 3.0 * (load / limit - 1.0) });
        let curve: Vec<_> = (1..=10).map(|n| f64::from(n) * 10.0).map(served(70.0)).collect();
        assert_eq!(knee(&curve), Some(70.0));
    }

    #[test]
    fn the_knee_of_a_known_function_is_where_its_slope_is_one() {
        // With both axes scaled to one, x⁴ is furthest below the diagonal where 4x³ = 1.
        let curve: Vec<_> =
            (0..=1000).map(|n| f64::from(n) / 1000.0).map(|x| (100.0 * x, 1.0 + 7.0 * x.powi(4))).collect();
        let found = knee(&curve).unwrap();
        assert!((found - 100.0 * 0.25f64.cbrt()).abs() <= 0.1, "{found}");
    }

    #[test]
    fn flat_straight_and_short_curves_have_none() {
        let line = |slope: f64| (1..=10).map(move |n| (f64::from(n), 1.0 + slope * f64::from(n))).collect::<Vec<_>>();
        for curve in [line(0.0), line(0.01), line(5.0), vec![], vec![(1.0, 1.0), (2.0, 1.0), (3.0, 50.0)]] {
            assert_eq!(knee(&curve), None, "{curve:?}");
        }
    }

    #[test]
    fn of_several_runs_at_a_load_the_middle_one_counts() {
        let mut curve: Vec<_> = (1..=8).map(|n| (f64::from(n), 0.01)).collect();
        curve.push((9.0, 1.0));
        // A single unlucky run in the flat part.
        curve.extend([(3.0, 0.9), (3.0, 0.01)]);
        assert_eq!(knee(&curve), Some(8.0));
    }
}
