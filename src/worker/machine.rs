//! What a worker does when the master says something, when time passes and when its test is over. No IO, no clock.
//!
//! The order of messages is that of Locust's own worker (`WorkerRunner` in its `runners.py`, 2.47). Different is only that
//! actors are people who may finish their talk: a test is over when they have, not at once.

use std::time::Duration;

use super::message::{Counts, Finish, Incoming, Outgoing, Spawn};

/// For an answer to «here I am», before it is said again.
const KNOCK_EVERY: Duration = Duration::from_secs(5);
/// How often it is said at most: five minutes.
const KNOCKS: u32 = 60;
/// A master that says nothing for so long is lost; it answers each heartbeat.
const MASTER_LOST: Duration = Duration::from_secs(60);
/// Ticks from one report of numbers to the next.
const REPORT_EVERY: u64 = 3;

/// What the machine is told.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The master said something.
    Told(Incoming),
    /// A second has passed.
    Tick,
    /// The connection to the master has been made anew.
    Connected,
    /// Everybody but the standing populations has come to the end.
    Gone,
    /// The test that was to end has ended.
    Ended,
    /// The person in front of the worker wants it to go.
    Interrupted,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Say something to the master.
    Send(Outgoing),
    /// Tell the master how this machine is.
    Heartbeat(&'static str),
    /// Tell the master what was counted, and how many actors walk.
    Report(Counts),
    /// Begin a test, as the worker with this number.
    Begin(u64),
    /// Have so many actors of each class walk.
    Want(Counts),
    /// Let the actors come to their end, but the standing populations. The machine is to be told when they have.
    End,
    /// Let the standing populations go as soon as the others are gone. The machine is to be told when the test has ended.
    Dismiss,
    /// End the test as fast as possible. The machine is to be told when it has ended.
    Abort,
    /// Hand over the tally of the test that has ended.
    Deliver(Finish),
    /// Make the connection to the master anew.
    Connect,
    /// Go.
    Leave(Leaving),
}

/// Why a worker goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaving {
    /// The master said so.
    Told,
    /// Somebody pressed Ctrl-C.
    Interrupted,
    /// There is no master.
    NoMaster,
}

#[derive(Debug, Clone, PartialEq)]
enum State {
    /// The master does not know it yet.
    Knocking { since: Duration, knocks: u32 },
    /// Nothing to do.
    Idle,
    /// Actors walk.
    Playing,
    /// Actors come to their end.
    Ending { then: Then },
    /// The test is over and its tally handed over; the master will say how it goes on.
    Delivered,
}

#[derive(Debug, Clone, PartialEq)]
enum Then {
    Deliver(Finish),
    Stop,
    Leave(Leaving),
    FindMaster,
}

/// A worker.
#[derive(Debug)]
pub struct Machine {
    state: State,
    index: u64,
    counts: Counts,
    /// When the master decided what was last done.
    decided: f64,
    heard: Duration,
    ticks: u64,
}

impl Machine {
    /// A worker that has no connection yet.
    pub fn new(now: Duration) -> Self {
        let state = State::Knocking { since: now, knocks: 0 };
        Self { state, index: 0, counts: Counts::new(), decided: 0.0, heard: now, ticks: 0 }
    }

    /// What is to be done now.
    pub fn on(&mut self, now: Duration, event: Event) -> Vec<Action> {
        match event {
            Event::Told(message) => {
                self.heard = now;
                self.told(now, message)
            }
            Event::Tick => self.tick(now),
            // A master that has just been started does not know us. One that knows us must not hear this while actors walk: it
            // would take us for a new worker.
            Event::Connected => match self.state {
                State::Knocking { .. } | State::Idle => self.knock(now),
                _ => Vec::new(),
            },
            Event::Gone => match self.state {
                State::Ending { then: Then::Deliver(_) } => vec![Action::Send(Outgoing::Done)],
                _ => Vec::new(),
            },
            Event::Ended => self.ended(now),
            Event::Interrupted => match self.state {
                State::Playing => self.end(vec![Action::Abort], Then::Leave(Leaving::Interrupted)),
                State::Ending { .. } => {
                    self.state = State::Ending { then: Then::Leave(Leaving::Interrupted) };
                    vec![Action::Abort]
                }
                _ => self.leave(Leaving::Interrupted),
            },
        }
    }

    fn told(&mut self, now: Duration, message: Incoming) -> Vec<Action> {
        match (message, &mut self.state) {
            (Incoming::Ack { index }, state) => {
                self.index = index.unwrap_or(self.index);
                if matches!(state, State::Knocking { .. }) {
                    self.state = State::Idle;
                    // Another master has another clock.
                    self.decided = 0.0;
                }
                Vec::new()
            }
            (Incoming::Spawn(spawn), State::Idle | State::Delivered | State::Playing) => self.spawn(spawn),
            // Customers of other workers may need the agents of this one.
            (Incoming::Finish(finish), State::Playing) => self.end(vec![Action::End], Then::Deliver(finish)),
            (Incoming::Dismiss, State::Ending { .. }) => vec![Action::Dismiss],
            // It came so late that nobody was left for it. Of what it did before it lost its master, the locustfile knows.
            (Incoming::Finish(finish), State::Idle) => {
                self.state = State::Delivered;
                vec![Action::Deliver(finish)]
            }
            (Incoming::Stop, State::Playing) => self.end(vec![Action::End, Action::Dismiss], Then::Stop),
            (Incoming::Stop, State::Ending { then }) => {
                // Who wanted the tally does not want it any more.
                *then = Then::Stop;
                vec![Action::Dismiss]
            }
            (Incoming::Stop, State::Idle | State::Delivered) => self.stop(now),
            (Incoming::Quit, State::Playing) => {
                self.end(vec![Action::End, Action::Dismiss], Then::Leave(Leaving::Told))
            }
            (Incoming::Quit, State::Ending { then }) => {
                *then = Then::Leave(Leaving::Told);
                vec![Action::Dismiss]
            }
            (Incoming::Quit, _) => vec![Action::Leave(Leaving::Told)],
            (Incoming::Reconnect, _) => vec![Action::Connect],
            (Incoming::Heartbeat | Incoming::Other, _)
            | (Incoming::Spawn(_) | Incoming::Finish(_) | Incoming::Dismiss | Incoming::Stop, _) => Vec::new(),
        }
    }

    fn spawn(&mut self, Spawn { timestamp, user_classes_count }: Spawn) -> Vec<Action> {
        let mut actions = vec![Action::Send(Outgoing::Spawning)];
        if timestamp <= self.decided {
            return actions;
        }
        self.decided = timestamp;
        if self.state != State::Playing {
            self.state = State::Playing;
            actions.push(Action::Begin(self.index));
        }
        self.counts.clone_from(&user_classes_count);
        actions.push(Action::Want(user_classes_count.clone()));
        actions.push(Action::Send(Outgoing::SpawningComplete(user_classes_count)));
        actions
    }

    fn tick(&mut self, now: Duration) -> Vec<Action> {
        self.ticks += 1;
        if let State::Knocking { since, knocks } = self.state {
            return if now.saturating_sub(since) < KNOCK_EVERY {
                Vec::new()
            } else if knocks >= KNOCKS {
                vec![Action::Leave(Leaving::NoMaster)]
            } else {
                self.state = State::Knocking { since: now, knocks: knocks + 1 };
                vec![Action::Send(Outgoing::ClientReady)]
            };
        }
        if now.saturating_sub(self.heard) > MASTER_LOST {
            // Nobody could stop the actors any more, and nobody would get their tally.
            return match &mut self.state {
                State::Ending { then } => {
                    if !matches!(then, Then::Leave(_)) {
                        *then = Then::FindMaster;
                    }
                    vec![Action::Abort]
                }
                State::Playing => self.end(vec![Action::Abort], Then::FindMaster),
                _ => self.find_master(now),
            };
        }
        let mut actions = vec![Action::Heartbeat(self.state.name())];
        if self.ticks.is_multiple_of(REPORT_EVERY) && matches!(self.state, State::Playing | State::Ending { .. }) {
            actions.push(Action::Report(self.counts.clone()));
        }
        actions
    }

    fn ended(&mut self, now: Duration) -> Vec<Action> {
        let State::Ending { then } = &self.state else { return Vec::new() };
        let then = then.clone();
        self.counts.values_mut().for_each(|count| *count = 0);
        let mut actions = vec![Action::Report(self.counts.clone())];
        match then {
            Then::Deliver(finish) => {
                self.state = State::Delivered;
                actions.push(Action::Deliver(finish));
            }
            Then::Stop => actions.extend(self.stop(now)),
            Then::Leave(leaving) => actions.extend(self.leave(leaving)),
            Then::FindMaster => return self.find_master(now),
        }
        actions
    }

    fn end(&mut self, how: Vec<Action>, then: Then) -> Vec<Action> {
        self.state = State::Ending { then };
        how
    }

    fn stop(&mut self, now: Duration) -> Vec<Action> {
        let mut actions = vec![Action::Send(Outgoing::ClientStopped)];
        actions.extend(self.knock(now));
        actions
    }

    fn leave(&self, leaving: Leaving) -> Vec<Action> {
        // A master that ends need not be told.
        let bye = (leaving == Leaving::Interrupted).then_some(Action::Send(Outgoing::Quit));
        bye.into_iter().chain([Action::Leave(leaving)]).collect()
    }

    fn knock(&mut self, now: Duration) -> Vec<Action> {
        self.state = State::Knocking { since: now, knocks: 1 };
        vec![Action::Send(Outgoing::ClientReady)]
    }

    fn find_master(&mut self, now: Duration) -> Vec<Action> {
        self.heard = now;
        let mut actions = vec![Action::Connect];
        actions.extend(self.knock(now));
        actions
    }
}

impl State {
    /// How Locust calls it.
    fn name(&self) -> &'static str {
        match self {
            Self::Knocking { .. } | Self::Idle | Self::Delivered => "ready",
            Self::Playing | Self::Ending { .. } => "running",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// A worker whose time passes by the second.
    struct Worker {
        machine: Machine,
        now: Duration,
    }

    impl Worker {
        fn new() -> Self {
            let now = Duration::from_secs(100);
            let mut worker = Self { machine: Machine::new(now), now };
            assert_eq!(worker.on(Event::Connected), [Action::Send(Outgoing::ClientReady)]);
            worker
        }

        fn ready() -> Self {
            let mut worker = Self::new();
            assert_eq!(worker.told(Incoming::Ack { index: Some(2) }), []);
            worker
        }

        fn playing() -> Self {
            let mut worker = Self::ready();
            worker.told(spawn(1.0, 2));
            worker
        }

        fn told(&mut self, message: Incoming) -> Vec<Action> {
            self.on(Event::Told(message))
        }

        fn on(&mut self, event: Event) -> Vec<Action> {
            self.machine.on(self.now, event)
        }

        fn tick(&mut self) -> Vec<Action> {
            self.now += SECOND;
            self.on(Event::Tick)
        }

        /// Ticks until something else than heartbeats and reports is to be done.
        fn wait(&mut self) -> (u32, Vec<Action>) {
            for second in 1..1000 {
                let actions = self.tick();
                if !actions.iter().all(|action| matches!(action, Action::Heartbeat(_) | Action::Report(_))) {
                    return (second, actions);
                }
            }
            panic!("nothing ever happens")
        }
    }

    fn counts(customers: u64) -> Counts {
        Counts::from([("Agent".to_owned(), 1), ("Customer".to_owned(), customers)])
    }

    fn spawn(timestamp: f64, customers: u64) -> Incoming {
        Incoming::Spawn(Spawn { timestamp, user_classes_count: counts(customers) })
    }

    fn finish() -> Finish {
        Finish { test: "t".to_owned(), part: 3, of: 3 }
    }

    fn nobody() -> Counts {
        Counts::from([("Agent".to_owned(), 0), ("Customer".to_owned(), 0)])
    }

    #[test]
    fn a_test_begins_with_the_first_spawn_and_goes_on_with_the_next() {
        let mut worker = Worker::ready();
        let done = |customers| Action::Send(Outgoing::SpawningComplete(counts(customers)));
        assert_eq!(
            worker.told(spawn(1.0, 2)),
            [Action::Send(Outgoing::Spawning), Action::Begin(2), Action::Want(counts(2)), done(2)]
        );
        assert_eq!(worker.told(spawn(2.0, 5)), [Action::Send(Outgoing::Spawning), Action::Want(counts(5)), done(5)]);
        // What the master decided earlier does not count any more.
        assert_eq!(worker.told(spawn(2.0, 1)), [Action::Send(Outgoing::Spawning)]);
        assert_eq!(worker.told(spawn(1.5, 1)), [Action::Send(Outgoing::Spawning)]);
    }

    #[test]
    fn it_is_alive_each_second_and_reports_every_third() {
        let mut worker = Worker::ready();
        for _ in 0..4 {
            assert_eq!(worker.tick(), [Action::Heartbeat("ready")]);
        }
        worker.told(spawn(1.0, 2));
        let told: Vec<_> = (0..6).map(|_| worker.tick()).collect();
        let report = || vec![Action::Heartbeat("running"), Action::Report(counts(2))];
        let alive = || vec![Action::Heartbeat("running")];
        assert_eq!(told, [alive(), report(), alive(), alive(), report(), alive()]);
    }

    #[test]
    fn the_locustfile_gets_the_tally_when_all_have_come_to_their_end() {
        let mut worker = Worker::playing();
        assert_eq!(worker.told(Incoming::Finish(finish())), [Action::End]);
        assert_eq!(worker.tick(), [Action::Heartbeat("running")]);
        // Nobody else comes while they do.
        assert_eq!(worker.told(spawn(3.0, 9)), []);
        // Agents stay until nobody needs them on any worker.
        assert_eq!(worker.on(Event::Gone), [Action::Send(Outgoing::Done)]);
        assert_eq!(worker.told(Incoming::Dismiss), [Action::Dismiss]);
        assert_eq!(worker.on(Event::Ended), [Action::Report(nobody()), Action::Deliver(finish())]);
        assert_eq!(worker.tick(), [Action::Heartbeat("ready")]);
        assert_eq!(
            worker.told(Incoming::Stop),
            [Action::Send(Outgoing::ClientStopped), Action::Send(Outgoing::ClientReady)]
        );
        worker.told(Incoming::Ack { index: Some(2) });
        assert_eq!(worker.told(spawn(4.0, 1))[1], Action::Begin(2));
    }

    #[test]
    fn after_the_tally_the_master_may_end() {
        let mut worker = Worker::playing();
        worker.told(Incoming::Finish(finish()));
        worker.on(Event::Ended);
        assert_eq!(worker.told(Incoming::Quit), [Action::Leave(Leaving::Told)]);
    }

    #[test]
    fn without_our_locustfile_stop_and_quit_end_the_test() {
        let mut worker = Worker::playing();
        assert_eq!(worker.told(Incoming::Stop), [Action::End, Action::Dismiss]);
        assert_eq!(worker.on(Event::Gone), []);
        let stopped = [Action::Send(Outgoing::ClientStopped), Action::Send(Outgoing::ClientReady)];
        assert_eq!(worker.on(Event::Ended), [&[Action::Report(nobody())], stopped.as_slice()].concat());

        let mut worker = Worker::playing();
        assert_eq!(worker.told(Incoming::Quit), [Action::End, Action::Dismiss]);
        assert_eq!(worker.on(Event::Ended), [Action::Report(nobody()), Action::Leave(Leaving::Told)]);
    }

    #[test]
    fn a_master_that_cannot_wait_for_the_tally_gets_none() {
        let mut worker = Worker::playing();
        worker.told(Incoming::Finish(finish()));
        assert_eq!(worker.told(Incoming::Quit), [Action::Dismiss]);
        assert_eq!(worker.on(Event::Ended), [Action::Report(nobody()), Action::Leave(Leaving::Told)]);
    }

    #[test]
    fn it_knocks_until_it_is_heard_and_gives_up_some_day() {
        let mut worker = Worker::new();
        assert_eq!(worker.told(spawn(1.0, 1)), []);
        assert_eq!(worker.wait(), (5, vec![Action::Send(Outgoing::ClientReady)]));
        worker.told(Incoming::Ack { index: None });
        assert_eq!(worker.tick(), [Action::Heartbeat("ready")]);

        let mut worker = Worker::new();
        let mut knocks = 1;
        loop {
            match worker.wait() {
                (5, actions) if actions == [Action::Send(Outgoing::ClientReady)] => knocks += 1,
                (5, actions) => break assert_eq!(actions, [Action::Leave(Leaving::NoMaster)]),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(knocks, 60);
    }

    #[test]
    fn a_lost_master_is_looked_for_and_its_test_is_not_gone_on_with() {
        let mut worker = Worker::playing();
        worker.told(Incoming::Heartbeat);
        assert_eq!(worker.wait(), (61, vec![Action::Abort]));
        let knock = [Action::Connect, Action::Send(Outgoing::ClientReady)];
        assert_eq!(worker.on(Event::Ended), knock);
        worker.told(Incoming::Ack { index: Some(0) });
        // The new master's clock may be behind.
        assert_eq!(worker.told(spawn(0.5, 1))[1], Action::Begin(0));

        let mut worker = Worker::ready();
        assert_eq!(worker.wait(), (61, knock.to_vec()));
    }

    #[test]
    fn who_leaves_does_not_look_for_another_master() {
        let mut worker = Worker::playing();
        worker.told(Incoming::Quit);
        assert_eq!(worker.wait(), (61, vec![Action::Abort]));
        assert_eq!(worker.on(Event::Ended), [Action::Report(nobody()), Action::Leave(Leaving::Told)]);
    }

    #[test]
    fn who_had_nothing_to_do_has_a_tally_as_well() {
        assert_eq!(Worker::ready().told(Incoming::Finish(finish())), [Action::Deliver(finish())]);
        assert_eq!(Worker::new().told(Incoming::Finish(finish())), []);
    }

    #[test]
    fn a_heartbeat_in_time_is_enough() {
        let mut worker = Worker::playing();
        for _ in 0..200 {
            for _ in 0..60 {
                assert_eq!(worker.tick()[0], Action::Heartbeat("running"));
            }
            worker.told(Incoming::Heartbeat);
        }
    }

    #[test]
    fn on_a_new_connection_it_says_that_it_is_there_unless_actors_walk() {
        assert_eq!(Worker::new().on(Event::Connected), [Action::Send(Outgoing::ClientReady)]);
        assert_eq!(Worker::ready().on(Event::Connected), [Action::Send(Outgoing::ClientReady)]);
        assert_eq!(Worker::playing().on(Event::Connected), []);
        assert_eq!(Worker::playing().told(Incoming::Reconnect), [Action::Connect]);
    }

    #[test]
    fn who_is_interrupted_says_so() {
        let gone = [Action::Send(Outgoing::Quit), Action::Leave(Leaving::Interrupted)];
        assert_eq!(Worker::ready().on(Event::Interrupted), gone);
        let mut worker = Worker::playing();
        assert_eq!(worker.on(Event::Interrupted), [Action::Abort]);
        assert_eq!(worker.on(Event::Ended), [&[Action::Report(nobody())], gone.as_slice()].concat());
        let mut worker = Worker::playing();
        worker.told(Incoming::Finish(finish()));
        assert_eq!(worker.on(Event::Interrupted), [Action::Abort]);
    }
}
