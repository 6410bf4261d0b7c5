//! Seeded draws: waiting times, made-up values, choices.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use fake::Fake as _;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Exp, LogNormal, Normal};
use serde_json::{Value, json};

use crate::scenario::plan::{Draw, Fake, Pause, RowOrder, Shape};

/// A generator that depends on the run's seed and on what it is for, and on nothing else.
pub(super) fn generator(seed: u64, purpose: impl Hash) -> ChaCha8Rng {
    let mut hasher = DefaultHasher::new();
    purpose.hash(&mut hasher);
    ChaCha8Rng::seed_from_u64(seed ^ hasher.finish().rotate_left(17))
}

/// Draws a waiting time.
pub(super) fn pause(pause: &Pause, rng: &mut impl Rng) -> Duration {
    let seconds = match &pause.shape {
        Shape::Constant(duration) => duration.as_secs_f64(),
        Shape::Uniform { from, to } => {
            let (from, to) = (from.as_secs_f64(), to.as_secs_f64());
            from + (to - from) * rng.random::<f64>()
        }
        Shape::Normal { mean, deviation } => {
            Normal::new(mean.as_secs_f64(), deviation.as_secs_f64()).map_or(mean.as_secs_f64(), |d| d.sample(rng))
        }
        Shape::Lognormal { median, sigma } => {
            LogNormal::new(median.as_secs_f64().ln(), *sigma).map_or(median.as_secs_f64(), |d| d.sample(rng))
        }
        Shape::Exponential { mean } => Exp::new(1.0 / mean.as_secs_f64()).map_or(mean.as_secs_f64(), |d| d.sample(rng)),
    };
    let drawn = Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX);
    pause.at_most.map_or(drawn, |at_most| drawn.min(at_most))
}

/// Draws from a data source. `number` is the actor's, for rows in sequence.
pub(super) fn value(draw: &Draw, number: u64, rng: &mut impl Rng) -> Value {
    let pick = |items: &[Value], rng: &mut dyn FnMut(usize) -> usize| {
        if items.is_empty() { Value::Null } else { items[rng(items.len())].clone() }
    };
    match draw {
        Draw::Pick(items) => pick(items, &mut |len| rng.random_range(0..len)),
        Draw::Rows { rows, order: RowOrder::Random } => pick(rows, &mut |len| rng.random_range(0..len)),
        Draw::Rows { rows, order: RowOrder::Sequential } => pick(rows, &mut |len| (number % len as u64) as usize),
        Draw::Fake(kind) => fake(*kind, rng),
    }
}

fn fake(kind: Fake, rng: &mut impl Rng) -> Value {
    use fake::faker::{internet::en::SafeEmail, lorem::en, name::en::Name};
    match kind {
        Fake::Name => json!(Name().fake_with_rng::<String, _>(rng)),
        Fake::Email => json!(SafeEmail().fake_with_rng::<String, _>(rng)),
        Fake::Sentence => json!(en::Sentence(4..10).fake_with_rng::<String, _>(rng)),
        Fake::Paragraph => json!(en::Paragraph(2..5).fake_with_rng::<String, _>(rng)),
        Fake::Word => json!(en::Word().fake_with_rng::<String, _>(rng)),
        Fake::Number => json!(rng.random_range(0..1_000_000)),
        Fake::Uuid => {
            let mut bytes: [u8; 16] = rng.random();
            bytes[6] = (bytes[6] & 0x0f) | 0x40;
            bytes[8] = (bytes[8] & 0x3f) | 0x80;
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            json!(format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]))
        }
    }
}

/// The index that a weight picks; `None` when all weights are zero.
pub(super) fn choose(weights: impl Iterator<Item = f64> + Clone, rng: &mut impl Rng) -> Option<usize> {
    let total: f64 = weights.clone().sum();
    let mut point = rng.random::<f64>() * total;
    let mut last = None;
    for (index, weight) in weights.enumerate().filter(|(_, weight)| *weight > 0.0) {
        last = Some(index);
        point -= weight;
        if point < 0.0 {
            break;
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_and_purpose_draw_the_same() {
        let draw = |seed, purpose: &str| generator(seed, purpose).random::<u64>();
        assert_eq!(draw(7, "a"), draw(7, "a"));
        assert_ne!(draw(7, "a"), draw(7, "b"));
        assert_ne!(draw(7, "a"), draw(8, "a"));
    }

    #[test]
    fn weights_decide() {
        let mut rng = generator(1, "weights");
        let mut counts = [0; 3];
        for _ in 0..10_000 {
            counts[choose([3.0, 1.0, 0.0].into_iter(), &mut rng).unwrap()] += 1;
        }
        assert_eq!(counts[2], 0);
        assert!((7_200..7_800).contains(&counts[0]), "{counts:?}");
        assert_eq!(choose([0.0].into_iter(), &mut rng), None);
    }

    #[test]
    fn pauses_have_their_shape() {
        let mut rng = generator(1, "pauses");
        let mut median = |shape: Shape| {
            let pause_of = Pause { shape, at_most: Some(Duration::from_secs(60)) };
            let mut drawn: Vec<_> = (0..4001).map(|_| pause(&pause_of, &mut rng)).collect();
            drawn.sort();
            assert!(drawn[4000] <= Duration::from_secs(60));
            drawn[2000].as_secs_f64()
        };
        let second = Duration::from_secs(1);
        assert_eq!(median(Shape::Constant(second)), 1.0);
        assert!((median(Shape::Uniform { from: second, to: 3 * second }) - 2.0).abs() < 0.1);
        assert!((median(Shape::Normal { mean: 2 * second, deviation: second }) - 2.0).abs() < 0.1);
        assert!((median(Shape::Lognormal { median: 2 * second, sigma: 0.5 }) - 2.0).abs() < 0.1);
        assert!((median(Shape::Exponential { mean: 2 * second }) - 2.0 * 2f64.ln()).abs() < 0.1);
    }

    #[test]
    fn a_made_up_uuid_is_of_version_4() {
        let uuid = fake(Fake::Uuid, &mut generator(3, "uuid"));
        let uuid = uuid.as_str().unwrap();
        assert_eq!((uuid.len(), &uuid[14..15]), (36, "4"));
        assert!(matches!(&uuid[19..20], "8" | "9" | "a" | "b"));
    }
}
