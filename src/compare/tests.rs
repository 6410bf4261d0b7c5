//! Runs that were made up: alike, slower, failing.

use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, LogNormal};

use super::*;
use crate::observe::Moment;
use crate::record::ActionTally;
use crate::report::sample;
use crate::verdict::Statistic;

const TOLERANCE: f64 = 0.05;
/// Seconds and answers a second of a run that is long enough for each figure.
const LONG: (u64, u64) = (40, 30);

/// Response times with a long tail around `ms`, so many a second; and whole seconds are slower or faster, as they are on real machines.
fn tally(seed: u64, (seconds, a_second): (u64, u64), ms: f64) -> Tally {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let (of_second, of_answer) = (LogNormal::new(0.0, 0.1).unwrap(), LogNormal::new(ms.ln(), 0.4).unwrap());
    let mut answers = Vec::new();
    for second in 0..seconds {
        let factor = of_second.sample(&mut random);
        answers.extend((0..a_second).map(|_| (second, (of_answer.sample(&mut random) * factor * 1000.0) as u64)));
    }
    sample::answered(&answers, Moment(seconds * 1_000_000_000))
}

fn of(base: &Tally, new: &Tally) -> Differences {
    let run = |tally| Run { tally, duration: Duration::from_secs(40) };
    compare(run(base), run(new), TOLERANCE)
}

fn action(tally: &mut Tally) -> &mut ActionTally {
    let dialect = tally.dialects.values_mut().next().unwrap();
    dialect.transports.values_mut().next().unwrap().actions.values_mut().next().unwrap()
}

fn worse(differences: &Differences) -> Vec<String> {
    let all = differences.actions.iter().flat_map(|action| action.differences.iter().map(move |d| (action, d)));
    let worse = all.filter(|(_, difference)| difference.is_worse());
    worse.map(|(action, difference)| format!("{} {}", action.name.action, difference.figure)).collect()
}

/// How many of the trials have no change, and in how many the interval of each figure holds the truth, which is no difference.
fn alike(trials: u64, size: (u64, u64)) -> (usize, Vec<(String, usize)>) {
    let trials: Vec<Differences> =
        (0..trials).map(|n| of(&tally(2 * n, size, 20.0), &tally(2 * n + 1, size, 20.0))).collect();
    let is_same = |trial: &&Differences| {
        !trial.actions[0].differences.iter().any(|d| matches!(d.change, Change::Up | Change::Down))
    };
    let held = |place: usize| {
        let holds = |trial: &&Differences| {
            trial.actions[0].differences[place].interval.is_ok_and(|(low, high)| low <= 0.0 && 0.0 <= high)
        };
        (Figure::OF_INTERVALS[place].to_string(), trials.iter().filter(holds).count())
    };
    (trials.iter().filter(is_same).count(), (0..Figure::OF_INTERVALS.len()).map(held).collect())
}

#[test]
fn two_runs_of_the_same_are_the_same_in_nine_cases_of_ten() {
    let (same, mut held) = alike(100, (30, 8));
    assert!(same >= 90, "{same}");
    // 240 answers are too few for it.
    let p99 = held.remove(2);
    assert_eq!(p99, ("p99".to_owned(), 0));
    assert!(held.iter().all(|(_, held)| *held >= 90), "{held:?}");
}

#[test]
fn so_they_are_at_the_99th_percentile() {
    let (same, held) = alike(20, (40, 25));
    assert!(same >= 18 && held[2].1 >= 18, "{same} {held:?}");
}

#[test]
fn a_slower_run_is_worse_and_a_faster_one_is_not() {
    for seed in 0..3 {
        let (base, slower) = (tally(seed, LONG, 20.0), tally(seed + 100, LONG, 30.0));
        let differences = of(&base, &slower);
        assert_eq!(differences.outcome(), Outcome::Worse);
        let named = ["send_event p50", "send_event p90", "send_event p99", "send_event mean"];
        assert_eq!(worse(&differences), named);
        // It is 50 % slower, and the interval is somewhere there.
        let p50 = differences.actions[0].differences[0];
        let (low, high) = p50.interval.unwrap();
        assert!((0.3..0.55).contains(&low) && (0.45..0.7).contains(&high), "{p50:?}");
        let turned = of(&slower, &base);
        assert_eq!(turned.outcome(), Outcome::NotWorse);
        assert!(turned.actions[0].differences.iter().take(4).all(Difference::is_better));
    }
}

#[test]
fn a_tail_alone_makes_a_run_worse() {
    let base = tally(1, LONG, 20.0);
    let mut slower = base.clone();
    // One answer a second takes very long.
    let tail: Vec<(u64, u64)> = (0..40).map(|second| (second, 1_000_000)).collect();
    slower.merge(sample::answered(&tail, Moment(0)));
    assert_eq!(worse(&of(&base, &slower)), ["send_event p99", "send_event mean"]);
}

#[test]
fn differences_below_a_millisecond_are_none() {
    let (base, slower) = (tally(1, LONG, 0.4), tally(2, LONG, 0.6));
    let differences = of(&base, &slower);
    assert_eq!(differences.outcome(), Outcome::NotWorse);
    assert!(differences.actions[0].differences[0].interval.is_ok_and(|(low, _)| low > 0.3), "it is sure all the same");
}

#[test]
fn what_is_too_short_is_not_known() {
    let (base, short) = (tally(1, LONG, 20.0), tally(2, (7, 30), 900.0));
    let differences = of(&base, &short);
    assert_eq!(differences.outcome(), Outcome::Unknown);
    let interval = |place: usize| differences.actions[0].differences[place].interval;
    assert_eq!(interval(0), Err(Unknown::FewIntervals { found: 7 }));
    assert_eq!(interval(2), Err(Unknown::FewSamples { found: 210, wanted: 1000 }));
    // One more second, and it is known, if not all of it.
    let enough = of(&base, &tally(2, (8, 30), 900.0));
    assert_eq!(worse(&enough), ["send_event p50", "send_event p90", "send_event mean"]);
    assert_eq!(of(&Tally::default(), &Tally::default()).outcome(), Outcome::Unknown);
}

#[test]
fn more_errors_or_timeouts_are_worse_even_in_a_short_run() {
    let base = tally(1, (3, 30), 20.0);
    for (errors, timeouts, found) in
        [(0, 0, &[][..]), (1, 1, &[]), (9, 0, &["send_event errors"]), (0, 9, &["send_event timeouts"])]
    {
        let mut new = base.clone();
        let failing = action(&mut new);
        failing.errors = [("internal".to_owned(), errors)].into_iter().filter(|(_, count)| *count > 0).collect();
        failing.timeouts = timeouts;
        let differences = of(&base, &new);
        assert_eq!(worse(&differences), found);
        assert_eq!(differences.outcome() == Outcome::Worse, !found.is_empty());
        assert_eq!(differences.actions[0].errors.iter().any(Counts::is_new), errors > 0);
    }
}

#[test]
fn a_new_kind_of_violation_is_worse_if_it_fails_a_run() {
    let base = tally(1, LONG, 20.0);
    let with = |kinds: &[ViolationKind]| {
        let mut tally = base.clone();
        kinds.iter().for_each(|kind| tally.violations.add(sample::violation(*kind, "an integer", "a text"), Vec::new));
        tally
    };
    use ViolationKind::{ReorderedDelivery, WrongType};
    let outcome = |base: &[ViolationKind], new: &[ViolationKind]| of(&with(base), &with(new)).outcome();
    assert_eq!(outcome(&[], &[WrongType]), Outcome::Worse);
    assert_eq!(outcome(&[], &[ReorderedDelivery]), Outcome::NotWorse, "it is legal");
    assert_eq!(outcome(&[WrongType], &[WrongType, WrongType]), Outcome::NotWorse, "it was there before");
    let gone = of(&with(&[WrongType]), &with(&[]));
    assert_eq!(gone.violations, [Counts { of: WrongType, base: 1, new: 0 }]);
    assert!(gone.violations[0].is_gone() && gone.outcome() == Outcome::NotWorse);
}

#[test]
fn actions_of_only_one_run_are_named() {
    let base = tally(1, LONG, 20.0);
    let mut new = base.clone();
    let transport = new.dialects.values_mut().next().unwrap().transports.values_mut().next().unwrap();
    let moved = transport.actions.remove("send_event").unwrap();
    transport.actions.insert("send_rich_message".to_owned(), moved);
    let differences = of(&base, &new);
    let names = |names: &[ActionName]| names.iter().map(|name| name.action.clone()).collect::<Vec<_>>();
    assert_eq!(names(&differences.new), ["send_rich_message"]);
    assert_eq!(names(&differences.gone), ["send_event"]);
    assert_eq!((differences.actions.len(), differences.outcome()), (0, Outcome::Unknown));
}

/// Seconds and microseconds of answers, over more or less of a minute.
fn answers() -> impl Strategy<Value = Vec<(u64, u64)>> {
    proptest::collection::vec((0..60u64, 1..10_000_000u64), 20..200)
}

fn intervals(differences: &Differences) -> Vec<(Figure, f64, (f64, f64))> {
    let all = differences.actions.iter().flat_map(|action| &action.differences);
    all.filter_map(|difference| Some((difference.figure, difference.difference(), difference.interval.ok()?))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn an_interval_holds_its_difference_and_is_the_same_each_time(base in answers(), new in answers()) {
        let [base, new] = [base, new].map(|answers| sample::answered(&answers, Moment(60_000_000_000)));
        let differences = of(&base, &new);
        prop_assert_eq!(&differences, &of(&base, &new));
        for (figure, difference, (low, high)) in intervals(&differences) {
            prop_assert!(low.is_finite() && high.is_finite());
            prop_assert!(low <= difference + 1e-9 && difference <= high + 1e-9, "{}: {} {} {}", figure, low, difference, high);
        }
    }

    #[test]
    fn a_run_is_never_worse_than_itself(answers in answers()) {
        let tally = sample::answered(&answers, Moment(60_000_000_000));
        let differences = of(&tally, &tally);
        prop_assert_eq!(worse(&differences), Vec::<String>::new());
        prop_assert!(intervals(&differences).iter().all(|(_, difference, _)| difference.abs() < 1e-9));
    }

    #[test]
    fn seconds_that_are_all_alike_leave_no_doubt(micros in proptest::collection::vec(1..10_000_000u64, 4..20), factor in 2..6u64) {
        let steady = |factor: u64| {
            let answers: Vec<_> = (0..20).flat_map(|second| micros.iter().map(move |us| (second, us * factor))).collect();
            sample::answered(&answers, Moment(20_000_000_000))
        };
        let differences = of(&steady(1), &steady(factor));
        for (figure, difference, (low, high)) in intervals(&differences) {
            let doubt = matches!(figure, Figure::Errors | Figure::Timeouts);
            prop_assert!(doubt || high - low < 1e-9, "{}: {} {}", figure, low, high);
            let expected = if matches!(figure, Figure::Time(_)) { factor as f64 - 1.0 } else { 0.0 };
            prop_assert!((difference - expected).abs() < 0.01 * factor as f64 || micros.iter().any(|us| *us < 100), "{}: {}", figure, difference);
        }
    }

    #[test]
    fn which_second_comes_first_does_not_matter_to_a_steady_run(turn in 1..20u64) {
        // Blocks wrap around, so a run that is turned has the same draws in another order, and the same spread.
        let turned = |turn: u64| {
            let answers: Vec<_> = (0..20u64).flat_map(|second| (0..10).map(move |n| ((second + turn) % 20, 1_000 * (second % 4 + 1) + n))).collect();
            sample::answered(&answers, Moment(20_000_000_000))
        };
        let base = turned(0);
        let mean = |tally: &Tally| {
            let differences = of(&base, tally);
            let of_mean = Figure::Time(Statistic::Mean);
            intervals(&differences).into_iter().find(|(figure, _, _)| *figure == of_mean).unwrap().2
        };
        let ((low, high), (turned_low, turned_high)) = (mean(&base), mean(&turned(turn)));
        prop_assert!((low - turned_low).abs() < 0.05 && (high - turned_high).abs() < 0.05);
    }
}
