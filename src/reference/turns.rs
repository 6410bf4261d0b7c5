//! A known limit: requests are worked on one after the other, so many in a second, like behind a single worker.
//!
//! What comes faster waits in line, so answers come later and later, as with a real server that is beyond its capacity.

use std::time::Duration;

use tokio::time::Instant;

use super::refusal::Refusal;

/// Who would wait for longer is refused. It is within the 15 s in which an answer is promised (customer-v0.3 15), and bounds the line.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// The line in front of the worker.
#[derive(Debug, Default)]
pub struct Turns {
    /// When the next one in line gets a turn.
    next: Option<Instant>,
}

impl Turns {
    /// The moment at which a request that has just come is worked on.
    ///
    /// # Errors
    /// A refusal when the line is too long.
    pub fn take(&mut self, per_second: usize, now: Instant) -> Result<Instant, Refusal> {
        let turn = self.next.map_or(now, |next| next.max(now));
        if turn > now + LONGEST_WAIT {
            return Err(Refusal::timed_out());
        }
        self.next = Some(turn + Duration::from_secs(1).div_f64(per_second as f64));
        Ok(turn)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn who_comes_too_fast_waits_in_line_and_who_comes_later_does_not() {
        let (mut turns, start) = (Turns::default(), Instant::now());
        let after = |ms| start + Duration::from_millis(ms);
        let mut taken = |ms| turns.take(10, after(ms)).unwrap().duration_since(start).as_millis();
        assert_eq!([taken(0), taken(0), taken(50), taken(1000), taken(1050)], [0, 100, 200, 1000, 1100]);
    }

    #[test]
    fn a_line_that_is_too_long_is_closed_until_it_is_shorter() {
        let (mut turns, start) = (Turns::default(), Instant::now());
        let let_in = (0..1000).filter(|_| turns.take(10, start).is_ok()).count();
        // Those of the ten seconds, and the one who has his turn at once.
        assert_eq!(let_in, 101);
        assert_eq!(turns.take(10, start), Err(Refusal::timed_out()));
        assert!(turns.take(10, start + Duration::from_millis(100)).is_ok());
    }

    proptest! {
        #[test]
        fn in_no_second_there_are_more_turns_than_the_limit(
            per_second in 1usize..200, gaps in proptest::collection::vec(0u64..40, 1..400)
        ) {
            let (mut turns, mut now) = (Turns::default(), Instant::now());
            let mut taken = Vec::new();
            for gap in gaps {
                now += Duration::from_millis(gap);
                taken.extend(turns.take(per_second, now));
            }
            prop_assert!(taken.is_sorted());
            for (place, first) in taken.iter().enumerate() {
                let within = taken[place..].iter().take_while(|turn| **turn < *first + Duration::from_micros(999_000));
                prop_assert!(within.count() <= per_second);
            }
        }
    }
}
