//! Arrivals as a pure function of the profile and the seed.

use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// How arrivals are spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spacing {
    /// Each after the same share of the rate: the n-th when the integral of the rate reaches n.
    Even,
    /// As independent people come: exponential distances in rate-weighted time.
    Poisson,
}

/// A piece of a rate that changes in a straight line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stage {
    /// Arrivals per second at its start.
    pub from: f64,
    /// Arrivals per second at its end.
    pub to: f64,
    /// How long it takes.
    pub over: Duration,
}

/// An open model: a rate over time. After the last stage its final rate holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// The rate over time.
    pub stages: Vec<Stage>,
    /// How arrivals are spread.
    pub spacing: Spacing,
}

/// A piece of a number of users that changes in a straight line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UserStage {
    /// Users at its start.
    pub from: usize,
    /// Users at its end.
    pub to: usize,
    /// How long it takes.
    pub over: Duration,
}

/// The offsets of all arrivals within `duration`, in order. The same profile and seed give the same offsets.
pub fn schedule(profile: &Profile, seed: u64, duration: Duration) -> impl Iterator<Item = Duration> + use<> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut stages = profile.stages.clone();
    let last = stages.last().map_or(0.0, |stage| stage.to);
    stages.push(Stage { from: last, to: last, over: duration });
    let spacing = profile.spacing;
    let mut reached = 0.0;
    let mut first = true;
    let end = duration.as_secs_f64();
    std::iter::from_fn(move || {
        reached += match spacing {
            // The first of evenly spaced arrivals comes at once.
            Spacing::Even if std::mem::take(&mut first) => 0.0,
            Spacing::Even => 1.0,
            Spacing::Poisson => -(1.0 - rng.random::<f64>()).ln(),
        };
        inverse(&stages, reached).filter(|seconds| *seconds < end)
    })
    .map(Duration::from_secs_f64)
}

/// The time, in seconds, at which the integral of the rate reaches `wanted`; `None` when it never does.
fn inverse(stages: &[Stage], wanted: f64) -> Option<f64> {
    let (mut passed, mut integral) = (0.0, 0.0);
    for stage in stages {
        let over = stage.over.as_secs_f64();
        let area = (stage.from + stage.to) / 2.0 * over;
        if area > 0.0 && integral + area >= wanted {
            let missing = wanted - integral;
            let slope = (stage.to - stage.from) / over;
            // Solves from·t + slope·t²/2 = missing, in the form that stays exact when the slope is small.
            let root = (stage.from * stage.from + 2.0 * slope * missing).max(0.0).sqrt();
            let denominator = stage.from + root;
            let within = if denominator > 0.0 { 2.0 * missing / denominator } else { 0.0 };
            return Some(passed + within.min(over));
        }
        passed += over;
        integral += area;
    }
    None
}

/// When one of the users of a closed model is there: spans of offsets. User `number` is there while the number of users
/// is larger than it. After the last stage its final number holds until `duration`.
pub fn presence(stages: &[UserStage], number: usize, duration: Duration) -> Vec<(Duration, Duration)> {
    let threshold = number as f64;
    let mut spans: Vec<(Duration, Duration)> = Vec::new();
    let mut add = |from: Duration, to: Duration| {
        let (from, to) = (from.min(duration), to.min(duration));
        match spans.last_mut() {
            Some(last) if last.1 == from => last.1 = to,
            _ if from < to => spans.push((from, to)),
            _ => {}
        }
    };
    let mut passed = Duration::ZERO;
    for stage in stages {
        let (from, to) = (stage.from as f64, stage.to as f64);
        let crossing = passed + stage.over.mul_f64(((threshold - from) / (to - from)).clamp(0.0, 1.0).max(0.0));
        let end = passed + stage.over;
        match (from > threshold, to > threshold) {
            (true, true) => add(passed, end),
            (false, true) => add(crossing, end),
            (true, false) => add(passed, crossing),
            (false, false) => {}
        }
        passed = end;
    }
    if stages.last().is_some_and(|stage| stage.to > number) {
        add(passed, duration.max(passed));
    }
    spans
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn constant(rate: f64, spacing: Spacing) -> Profile {
        Profile { stages: vec![Stage { from: rate, to: rate, over: seconds(1) }], spacing }
    }

    fn stages() -> impl Strategy<Value = Vec<Stage>> {
        let stage = (0.0..200.0, 0.0..200.0, 0u64..8);
        let stage = stage.prop_map(|(from, to, over)| Stage { from, to, over: seconds(over) });
        proptest::collection::vec(stage, 1..5)
    }

    fn rate_at(stages: &[Stage], at: f64) -> f64 {
        let mut passed = 0.0;
        for stage in stages {
            let over = stage.over.as_secs_f64();
            if at < passed + over {
                return stage.from + (stage.to - stage.from) * (at - passed) / over;
            }
            passed += over;
        }
        stages.last().map_or(0.0, |stage| stage.to)
    }

    /// By small steps: another way than the code under test.
    fn integral(stages: &[Stage], end: f64) -> f64 {
        let steps = 20_000;
        let width = end / f64::from(steps);
        (0..steps).map(|n| rate_at(stages, (f64::from(n) + 0.5) * width) * width).sum()
    }

    proptest! {
        #[test]
        fn even_arrivals_are_sorted_and_as_many_as_the_rate_says(stages in stages(), end in 1u64..20) {
            let profile = Profile { stages: stages.clone(), spacing: Spacing::Even };
            let offsets: Vec<_> = schedule(&profile, 1, seconds(end)).collect();
            prop_assert!(offsets.is_sorted());
            prop_assert!(offsets.iter().all(|offset| *offset < seconds(end)));
            let expected = integral(&stages, end as f64);
            prop_assert!((offsets.len() as f64 - expected).abs() <= 2.0, "{} against {expected}", offsets.len());
        }

        #[test]
        fn the_same_seed_gives_the_same_schedule(stages in stages(), seed: u64) {
            let profile = Profile { stages, spacing: Spacing::Poisson };
            let draw = || schedule(&profile, seed, seconds(10)).collect::<Vec<_>>();
            prop_assert_eq!(draw(), draw());
        }

        #[test]
        fn as_many_users_are_present_as_the_stages_say(
            stages in proptest::collection::vec((0usize..20, 0usize..20, 1u64..6), 1..4),
            at in 0.0..20.0,
        ) {
            let stages: Vec<_> =
                stages.into_iter().map(|(from, to, over)| UserStage { from, to, over: seconds(over) }).collect();
            let present = (0..20).filter(|user| {
                presence(&stages, *user, seconds(20)).iter().any(|(from, to)| {
                    (from.as_secs_f64()..to.as_secs_f64()).contains(&at)
                })
            });
            let rates: Vec<_> = stages.iter().map(|s| Stage { from: s.from as f64, to: s.to as f64, over: s.over }).collect();
            let wanted = rate_at(&rates, at);
            let present = present.count() as f64;
            // Where stages meet in a jump both numbers are right.
            let near = stages.iter().scan(0.0, |sum, s| { *sum += s.over.as_secs_f64(); Some(*sum) }).any(|edge| (edge - at).abs() < 0.01);
            prop_assert!(near || (present - wanted).abs() <= 1.1, "{present} present, {wanted} wanted at {at}");
        }
    }

    #[test]
    fn a_constant_rate_is_kept_exactly() {
        let offsets: Vec<_> = schedule(&constant(4.0, Spacing::Even), 1, seconds(2)).map(|o| o.as_millis()).collect();
        assert_eq!(offsets, [0, 250, 500, 750, 1000, 1250, 1500, 1750]);
    }

    #[test]
    fn a_ramp_from_nothing_follows_the_square_root() {
        let profile =
            Profile { stages: vec![Stage { from: 0.0, to: 10.0, over: seconds(10) }], spacing: Spacing::Even };
        let offsets: Vec<_> = schedule(&profile, 1, seconds(10)).map(|offset| offset.as_secs_f64()).collect();
        for (n, offset) in offsets.iter().enumerate() {
            assert!((offset - (2.0 * n as f64).sqrt()).abs() < 1e-6);
        }
        assert_eq!(offsets.len(), 50);
    }

    #[test]
    fn poisson_arrivals_have_the_mean_and_the_spread_of_their_rate() {
        let counts: Vec<f64> =
            (0..400).map(|seed| schedule(&constant(20.0, Spacing::Poisson), seed, seconds(5)).count() as f64).collect();
        let mean = counts.iter().sum::<f64>() / 400.0;
        let variance = counts.iter().map(|count| (count - mean).powi(2)).sum::<f64>() / 400.0;
        assert!((mean - 100.0).abs() < 2.5, "{mean}");
        assert!((60.0..150.0).contains(&variance), "{variance}");
    }

    #[test]
    fn a_rate_of_nothing_never_comes_to_an_arrival() {
        assert_eq!(schedule(&constant(0.0, Spacing::Poisson), 1, seconds(5)).count(), 0);
    }
}
