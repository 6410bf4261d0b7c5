//! Hard things that the documents allow, so that whoever judges servers can be seen not to mind them.
//!
//! Each is on all the time, though not at every opportunity; chance, by the seed, says when. `dressing` changes what messages carry, the
//! desk when and in which order they leave, and the world keeps the [`Habits`].

mod dressing;

use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use dressing::Reading;

macro_rules! hardships {
    ($($name:ident = $text:literal, $about:literal;)+) => {
        /// A hard thing that the documents allow.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Hardship {
            $(#[doc = $about] $name,)+
        }

        impl Hardship {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The name on the command line.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }

            /// What the server does, as a sentence.
            pub fn about(self) -> &'static str {
                match self { $(Self::$name => $about),+ }
            }
        }
    };
}

hardships! {
    ShuffledPushes = "shuffled-pushes", "Pushes leave a connection in another order than they were caused.";
    PushBeforeResponse = "push-before-response", "What a request causes is pushed to its sender before the answer.";
    SlowAnswers = "slow-answers", "Some answers take up to 2 s, and others overtake them.";
    EqualTimestamps = "equal-timestamps", "All events of a thread have the same timestamp.";
    OrderGaps = "order-gaps", "The order of events, threads and chats grows by more than one.";
    OddIds = "odd-ids", "Ids of chats, threads and events are of any length and look.";
    EmptyPayloads = "empty-payloads", "Where there is no payload, it is missing, null or an empty object.";
    UnknownMembers = "unknown-members", "Messages, and objects in them, have members that no document names.";
    ErrorData = "error-data", "Errors come with further data.";
    ShuffledLists = "shuffled-lists", "Lists of users, groups and tags have no order.";
    OtherReadings = "other-readings", "What the documents describe in two ways, or leave out as they like, is in the one or the other.";
    SilentPings = "silent-pings", "The action ping is not answered where nothing says that it is.";
}

/// The longest that a slow answer takes.
const SLOWEST: Duration = Duration::from_secs(2);
/// One of so many answers is slow.
const SLOW: u32 = 20;
/// The longest that a push is held back, for others to overtake it.
const HELD: Duration = Duration::from_millis(60);

/// What the world does differently.
#[derive(Debug, Clone, Copy, Default)]
pub struct Habits {
    /// The events of a thread have one timestamp.
    pub equal_timestamps: bool,
    /// Orders grow by more than one.
    pub order_gaps: bool,
    /// Ids have any look.
    pub odd_ids: bool,
}

/// The hardships of a running server, and its luck.
#[derive(Debug)]
pub struct Hardships {
    chosen: Vec<Hardship>,
    random: ChaCha8Rng,
    readings: Vec<Reading>,
}

impl Hardships {
    /// These, with the luck of a seed.
    pub fn new(chosen: Vec<Hardship>, seed: u64) -> Self {
        let readings = if chosen.contains(&Hardship::OtherReadings) { dressing::readings() } else { Vec::new() };
        Self { chosen, random: ChaCha8Rng::seed_from_u64(seed), readings }
    }

    /// Whether there are none, as it nearly always is.
    pub fn none(&self) -> bool {
        self.chosen.is_empty()
    }

    fn has(&self, hardship: Hardship) -> bool {
        self.chosen.contains(&hardship)
    }

    /// What the world should do differently.
    pub fn habits(&self) -> Habits {
        Habits {
            equal_timestamps: self.has(Hardship::EqualTimestamps),
            order_gaps: self.has(Hardship::OrderGaps),
            odd_ids: self.has(Hardship::OddIds),
        }
    }

    /// Whether the pushes that a request causes leave before its answer this time.
    pub fn pushes_first(&mut self) -> bool {
        self.has(Hardship::PushBeforeResponse) && self.random.random_bool(0.75)
    }

    /// Whether a ping stays unanswered where it may.
    pub fn silent_pings(&self) -> bool {
        self.has(Hardship::SilentPings)
    }

    /// How long this push is held back, if it is.
    pub fn hold_push(&mut self) -> Option<Duration> {
        (self.has(Hardship::ShuffledPushes) && self.random.random_bool(0.75))
            .then(|| HELD.mul_f64(self.random.random_range(0.0..1.0)))
    }

    /// How long this answer takes, if it is a slow one. Most of the slow ones take far less than the longest.
    pub fn hold_answer(&mut self) -> Option<Duration> {
        (self.has(Hardship::SlowAnswers) && self.random.random_ratio(1, SLOW))
            .then(|| SLOWEST.mul_f64(self.random.random_range(0.0_f64..1.0).powi(3)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_is_the_same_for_a_seed_and_only_what_was_chosen_happens() {
        let luck = |seed| {
            let mut hardships = Hardships::new(vec![Hardship::SlowAnswers, Hardship::ShuffledPushes], seed);
            (0..400).map(|_| (hardships.hold_answer(), hardships.hold_push())).collect::<Vec<_>>()
        };
        assert_eq!(luck(1), luck(1));
        assert_ne!(luck(1), luck(2));
        let slow: Vec<Duration> = luck(1).into_iter().filter_map(|(answer, _)| answer).collect();
        assert!((5..60).contains(&slow.len()) && slow.iter().all(|time| *time <= SLOWEST), "{slow:?}");
        let mut one = Hardships::new(vec![Hardship::OrderGaps], 1);
        assert!(one.habits().order_gaps && !one.habits().odd_ids && !one.none());
        assert!((0..400).all(|_| one.hold_answer().or(one.hold_push()).is_none() && !one.pushes_first()));
    }
}
