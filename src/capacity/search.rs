//! Which load to try next.
//!
//! Every run at a load is a vote for what the load is, and the majority counts, so a single unlucky (or lucky) run decides nothing. What
//! comes next depends on the votes alone: first the load is doubled until one is too much, then the gap between the highest good and the
//! lowest bad load is halved (in the logarithm) until it is narrow, then both of its ends are confirmed by further runs.

/// A load grows by this until it is too much.
const GROWTH: f64 = 2.0;
/// Votes that agree, of either end of the final gap.
const CONFIRMED: usize = 2;
/// Runs in all, so that a target whose answers have no pattern does not keep us for ever.
const MOST_RUNS: usize = 60;

/// Where to look.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    /// The lowest load.
    pub from: f64,
    /// The highest; none leaves it to the target and the generator.
    pub to: Option<f64>,
    /// How wide the final gap may be, as a share of its lower end.
    pub precision: f64,
    /// Whether only whole loads make sense, as of people.
    pub whole: bool,
}

/// How a run at some load went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Everything that was asked for held.
    Met,
    /// Something did not hold.
    Missed,
    /// The generator could not make that load, so the run says nothing of the target.
    Strained,
    /// Something that was asked for could not be measured.
    Unmeasured,
}

/// Why a load is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// To see whether more is possible.
    Raise,
    /// To narrow the gap.
    Narrow,
    /// To be sure of an end of the gap.
    Confirm,
}

/// What comes next.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// A run at this load.
    Run(f64, Purpose),
    /// Nothing: this is the result.
    Done(Finding),
}

/// What a search comes to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Finding {
    /// The capacity lies between these: both were confirmed.
    Between {
        /// The highest load that was good enough.
        met: f64,
        /// The lowest that was not.
        missed: f64,
    },
    /// Even the highest load that was allowed was good enough.
    AtLeast {
        /// That load.
        met: f64,
    },
    /// Even the lowest load was too much.
    BelowLowest {
        /// That load.
        missed: f64,
    },
    /// The generator came to its own limit first.
    Generator {
        /// The highest load that was good enough, if one was.
        met: Option<f64>,
        /// The lowest that could not be made.
        strained: f64,
    },
    /// The search was broken off before it came to a result.
    Open {
        /// The highest load that was good enough, if one was.
        met: Option<f64>,
        /// The lowest that was not, if one was.
        missed: Option<f64>,
    },
}

impl Finding {
    /// The highest load that was good enough.
    pub fn met(&self) -> Option<f64> {
        match *self {
            Self::Between { met, .. } | Self::AtLeast { met } => Some(met),
            Self::BelowLowest { .. } => None,
            Self::Generator { met, .. } | Self::Open { met, .. } => met,
        }
    }
}

/// A search. It remembers how every run went.
#[derive(Debug, Clone)]
pub struct Search {
    range: Range,
    /// By load, the lowest first.
    tried: Vec<Votes>,
    runs: usize,
    unmeasured: bool,
}

#[derive(Debug, Clone)]
struct Votes {
    load: f64,
    met: usize,
    missed: usize,
    strained: usize,
}

impl Votes {
    /// What most runs say; none while they are undecided.
    fn standing(&self) -> Option<Outcome> {
        let against = self.missed + self.strained;
        match self.met.cmp(&against) {
            std::cmp::Ordering::Greater => Some(Outcome::Met),
            std::cmp::Ordering::Equal => None,
            std::cmp::Ordering::Less if self.strained > self.missed => Some(Outcome::Strained),
            std::cmp::Ordering::Less => Some(Outcome::Missed),
        }
    }

    fn is_confirmed(&self) -> bool {
        self.met.max(self.missed + self.strained) >= CONFIRMED
    }
}

impl Search {
    /// A search that has tried nothing yet.
    pub fn new(range: Range) -> Self {
        let Range { from, to, precision, whole } = range;
        let from = if whole { from.round().max(1.0) } else { from };
        let to = to.map(|to| if whole { to.floor() } else { to }.max(from));
        Self { range: Range { from, to, precision, whole }, tried: Vec::new(), runs: 0, unmeasured: false }
    }

    /// Takes note of a run.
    pub fn tell(&mut self, load: f64, outcome: Outcome) {
        self.runs += 1;
        let place = self.tried.partition_point(|votes| votes.load < load);
        if self.tried.get(place).is_none_or(|votes| votes.load > load) {
            self.tried.insert(place, Votes { load, met: 0, missed: 0, strained: 0 });
        }
        let votes = &mut self.tried[place];
        match outcome {
            Outcome::Met => votes.met += 1,
            Outcome::Missed => votes.missed += 1,
            Outcome::Strained => votes.strained += 1,
            Outcome::Unmeasured => self.unmeasured = true,
        }
    }

    /// What comes next.
    pub fn next(&self) -> Next {
        let (low, high) = self.gap();
        if self.unmeasured || self.runs >= MOST_RUNS {
            return Next::Done(self.so_far());
        }
        if let Some(undecided) = self.tried.iter().find(|votes| votes.standing().is_none()) {
            return Next::Run(undecided.load, Purpose::Confirm);
        }
        let Range { from, to, .. } = self.range;
        match (low, high) {
            (None, None) => Next::Run(from, Purpose::Raise),
            (Some(low), None) if to.is_some_and(|to| low.load >= to) => match low.is_confirmed() {
                true => Next::Done(Finding::AtLeast { met: low.load }),
                false => Next::Run(low.load, Purpose::Confirm),
            },
            (Some(low), None) => {
                let more = low.load * GROWTH;
                Next::Run(to.map_or(more, |to| more.min(to)), Purpose::Raise)
            }
            (low, Some(high)) => {
                if let Some(between) = low.and_then(|low| self.between(low.load, high.load)) {
                    return Next::Run(between, Purpose::Narrow);
                }
                // The higher end last: if it turns out to be good, there is another gap above it.
                match low.into_iter().chain([high]).find(|end| !end.is_confirmed()) {
                    Some(end) => Next::Run(end.load, Purpose::Confirm),
                    None => Next::Done(found(low, high)),
                }
            }
        }
    }

    /// What is known if nothing comes next.
    pub fn so_far(&self) -> Finding {
        let (low, high) = self.gap();
        Finding::Open { met: low.map(|votes| votes.load), missed: high.map(|votes| votes.load) }
    }

    /// The highest good load below every bad one, and the lowest bad one.
    fn gap(&self) -> (Option<&Votes>, Option<&Votes>) {
        let is = |votes: &&Votes, met: bool| votes.standing().is_some_and(|standing| (standing == Outcome::Met) == met);
        let high = self.tried.iter().find(|votes| is(votes, false));
        let below = |votes: &&Votes| high.is_none_or(|high| votes.load < high.load);
        let low = self.tried.iter().rfind(|votes| below(votes) && is(votes, true));
        (low, high)
    }

    /// The load that halves a gap; none when it is narrow enough.
    fn between(&self, low: f64, high: f64) -> Option<f64> {
        let middle = (low * high).sqrt();
        let middle = if self.range.whole { middle.round() } else { middle };
        (high > low * (1.0 + self.range.precision) && middle > low && middle < high).then_some(middle)
    }
}

fn found(low: Option<&Votes>, high: &Votes) -> Finding {
    let met = low.map(|votes| votes.load);
    match (high.standing(), met) {
        (Some(Outcome::Strained), met) => Finding::Generator { met, strained: high.load },
        (_, Some(met)) => Finding::Between { met, missed: high.load },
        (_, None) => Finding::BelowLowest { missed: high.load },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A search over a target that answers like this; what was found and how many runs it took.
    fn searched(range: Range, mut target: impl FnMut(f64) -> Outcome) -> (Finding, usize) {
        let mut search = Search::new(range);
        loop {
            match search.next() {
                Next::Run(load, _) => search.tell(load, target(load)),
                Next::Done(finding) => return (finding, search.runs),
            }
        }
    }

    fn limited(limit: f64) -> impl FnMut(f64) -> Outcome {
        move |load| if load <= limit { Outcome::Met } else { Outcome::Missed }
    }

    const RATES: Range = Range { from: 5.0, to: None, precision: 0.03, whole: false };

    #[test]
    fn each_end_has_its_finding() {
        assert_eq!(searched(RATES, limited(4.0)), (Finding::BelowLowest { missed: 5.0 }, 2));
        let bounded = Range { to: Some(17.0), ..RATES };
        assert_eq!(searched(bounded, limited(100.0)).0, Finding::AtLeast { met: 17.0 });
        let people = Range { from: 1.0, whole: true, ..RATES };
        assert_eq!(searched(people, limited(6.5)).0, Finding::Between { met: 6.0, missed: 7.0 });
        assert_eq!(searched(RATES, |_| Outcome::Unmeasured), (Finding::Open { met: None, missed: None }, 1));
    }

    #[test]
    fn the_generators_limit_is_not_the_targets() {
        let weak = |load: f64| if load < 40.0 { Outcome::Met } else { Outcome::Strained };
        let (finding, _) = searched(RATES, weak);
        assert!(
            matches!(finding, Finding::Generator { met: Some(met), strained } if met < 40.0 && strained >= 40.0
                && strained / met <= 1.03),
            "{finding:?}"
        );
        assert_eq!(searched(RATES, |_| Outcome::Strained).0, Finding::Generator { met: None, strained: 5.0 });
        // A target that gives in before the generator does is found.
        let both = |load: f64| match load {
            load if load > 60.0 => Outcome::Strained,
            load if load > 30.0 => Outcome::Missed,
            _ => Outcome::Met,
        };
        assert!(matches!(searched(RATES, both).0, Finding::Between { met, missed } if met <= 30.0 && missed > 30.0));
    }

    #[test]
    fn one_bad_run_decides_nothing() {
        for unlucky in 0..12 {
            let mut run = 0;
            let (finding, _) = searched(RATES, |load| {
                run += 1;
                if run == unlucky + 1 || load > 100.0 { Outcome::Missed } else { Outcome::Met }
            });
            assert!(
                matches!(finding, Finding::Between { met, missed } if met <= 100.0 && missed > 100.0 && missed / met < 1.04),
                "run {unlucky} was unlucky: {finding:?}"
            );
        }
    }

    #[test]
    fn what_was_found_before_it_was_broken_off_is_kept() {
        let mut search = Search::new(RATES);
        for (load, outcome) in [(5.0, Outcome::Met), (10.0, Outcome::Met), (20.0, Outcome::Missed)] {
            assert_eq!(search.next(), Next::Run(load, Purpose::Raise));
            search.tell(load, outcome);
        }
        assert_eq!(search.so_far(), Finding::Open { met: Some(10.0), missed: Some(20.0) });
        assert!(matches!(search.next(), Next::Run(_, Purpose::Narrow)));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn a_sharp_limit_is_found_as_exactly_as_was_asked(limit in 6.0..50_000.0f64, precision in 0.005..0.2f64) {
            let (finding, runs) = searched(Range { precision, ..RATES }, limited(limit));
            let Finding::Between { met, missed } = finding else { panic!("{finding:?}") };
            prop_assert!(met <= limit && limit < missed);
            prop_assert!(missed / met <= 1.0 + precision);
            // Doublings, halvings, confirmations.
            let most = (limit / 5.0).log2().ceil() + 2.0 + (1.0 / (1.0 + precision).log2()).log2().ceil() + 2.0;
            prop_assert!(runs as f64 <= most, "{runs} runs, at most {most} expected");
        }

        #[test]
        fn whole_loads_are_found_exactly(limit in 1u32..2_000) {
            let people = Range { from: 1.0, to: None, precision: 0.0, whole: true };
            let (finding, _) = searched(people, limited(limit.into()));
            prop_assert_eq!(finding, Finding::Between { met: limit.into(), missed: f64::from(limit) + 1.0 });
        }

        /// Near the limit a run goes either way: within 4 % of it in this one. The result is off by no more than that and the precision.
        #[test]
        fn noise_near_the_limit_moves_the_result_by_no_more_than_the_noise(
            limit in 20.0..5_000.0f64,
            luck in proptest::collection::vec(-0.04..0.04f64, 80),
        ) {
            let mut luck = luck.into_iter().cycle();
            let noisy = |load| {
                let limit = limit * (1.0 + luck.next().unwrap_or_default());
                if load <= limit { Outcome::Met } else { Outcome::Missed }
            };
            let (finding, runs) = searched(RATES, noisy);
            let Finding::Between { met, missed } = finding else { panic!("{finding:?}") };
            prop_assert!(met <= limit * 1.04 && missed >= limit * 0.96, "{met} and {missed} for {limit}");
            prop_assert!(missed / met <= 1.03);
            prop_assert!(runs < MOST_RUNS);
        }

        /// Whatever a target does, the search comes to an end, and never claims a load that most of its runs speak against.
        #[test]
        fn any_target_is_searched_in_bounded_time(
            answers in proptest::collection::vec(prop_oneof![
                4 => Just(Outcome::Met), 4 => Just(Outcome::Missed), 1 => Just(Outcome::Strained)], 60),
            to in proptest::option::of(5.0..500.0f64),
        ) {
            let mut answers = answers.into_iter().cycle();
            let mut said: Vec<(f64, Outcome)> = Vec::new();
            let (finding, runs) = searched(Range { to, ..RATES }, |load| {
                let answer = answers.next().unwrap_or(Outcome::Met);
                said.push((load, answer));
                answer
            });
            prop_assert!(runs <= MOST_RUNS);
            if let Some(met) = finding.met() {
                let of = |wanted: bool| said.iter().filter(|(load, answer)| *load == met && (*answer == Outcome::Met) == wanted).count();
                prop_assert!(of(true) > of(false));
            }
            prop_assert!(said.iter().all(|(load, _)| *load >= 5.0 && to.is_none_or(|to| *load <= to.max(5.0))));
        }
    }
}
