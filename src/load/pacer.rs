//! Wakes at a moment, as exactly as the system can.
//!
//! tokio's timer works in milliseconds and is one late at the median, which would be in every response time that is
//! counted from the intended moment. On Linux a timerfd does it in tens of microseconds.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use crate::observe::{Clock, Moment};

/// A worker's alarm clock. Clones share it. Belongs to the runtime that it was made in; whoever waits drives it.
#[derive(Clone)]
pub struct Pacer {
    clock: Clock,
    state: Arc<State>,
}

struct State {
    waiting: Mutex<Waiting>,
    timer: system::Timer,
}

#[derive(Default)]
struct Waiting {
    /// Whom to wake, earliest first.
    alarms: BTreeMap<(Moment, u64), Waker>,
    count: u64,
    /// What the timer is set to.
    armed: Option<Moment>,
}

/// A sleeper's place among the alarms, given up when it is dropped: waits that are cut short must not pile up.
struct Place<'a> {
    state: &'a State,
    due: Moment,
    /// Its number, and whom it wakes.
    taken: Option<(u64, Waker)>,
}

impl Pacer {
    /// An alarm clock for the present runtime.
    ///
    /// # Errors
    /// When the system gives us no timer.
    pub fn new(clock: Clock) -> io::Result<Self> {
        let state = Arc::new(State { waiting: Mutex::default(), timer: system::Timer::new()? });
        let ringing = state.clone();
        // Ends with the runtime, as everybody does who could wait.
        tokio::spawn(async move {
            loop {
                ringing.timer.rings().await;
                ringing.ring(&clock);
            }
        });
        Ok(Self { clock, state })
    }

    /// Resolves at the moment, or at once if it has passed.
    pub async fn until(&self, moment: Moment) {
        let mut place = Place { state: &self.state, due: moment, taken: None };
        poll_fn(|context| {
            if self.clock.now() >= moment {
                return Poll::Ready(());
            }
            place.take(context.waker(), &self.clock);
            Poll::Pending
        })
        .await;
    }
}

impl Place<'_> {
    /// A task is polled for many reasons, so this costs nothing when the place is already right.
    fn take(&mut self, waker: &Waker, clock: &Clock) {
        let number = match &self.taken {
            Some((_, known)) if known.will_wake(waker) => return,
            Some((number, _)) => Some(*number),
            None => None,
        };
        let mut waiting = self.state.lock();
        let number = number.unwrap_or_else(|| {
            waiting.count += 1;
            waiting.count
        });
        waiting.alarms.insert((self.due, number), waker.clone());
        self.taken = Some((number, waker.clone()));
        self.state.arm(&mut waiting, clock);
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if let Some((number, _)) = self.taken {
            self.state.lock().alarms.remove(&(self.due, number));
        }
    }
}

impl State {
    /// Wakes everybody who is due.
    fn ring(&self, clock: &Clock) {
        let now = clock.now();
        let mut due = Vec::new();
        let mut waiting = self.lock();
        waiting.armed = None;
        while let Some(first) = waiting.alarms.first_entry().filter(|first| first.key().0 <= now) {
            due.push(first.remove());
        }
        self.arm(&mut waiting, clock);
        // Not under the lock: whoever is woken may wait again at once.
        drop(waiting);
        due.into_iter().for_each(Waker::wake);
    }

    fn arm(&self, waiting: &mut Waiting, clock: &Clock) {
        let Some((&(first, _), _)) = waiting.alarms.first_key_value() else { return };
        if waiting.armed.is_none_or(|armed| first < armed) {
            waiting.armed = Some(first);
            self.timer.set(first.since(clock.now()));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(target_os = "linux")]
mod system {
    use std::io;
    use std::os::fd::OwnedFd;
    use std::time::Duration;

    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
    };
    use tokio::io::Interest;
    use tokio::io::unix::AsyncFd;

    /// One timerfd.
    pub struct Timer(AsyncFd<OwnedFd>);

    impl Timer {
        #[expect(
            deprecated,
            reason = "its successor is unsafe for types that lie about their descriptor; `OwnedFd` does not"
        )]
        pub fn new() -> io::Result<Self> {
            let descriptor = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
            AsyncFd::with_interest(descriptor, Interest::READABLE).map(Self)
        }

        /// Goes off after so long. Setting it anew forgets what it was set to.
        pub fn set(&self, after: Duration) {
            // Zero would switch it off.
            let after = after.max(Duration::from_nanos(1));
            let value = Timespec {
                tv_sec: i64::try_from(after.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: i64::from(after.subsec_nanos()),
            };
            let once = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: value };
            // It can only fail for a bad descriptor or an impossible time, and ours is neither.
            let _ = timerfd_settime(self.0.get_ref(), TimerfdTimerFlags::empty(), &once);
        }

        /// Resolves when it goes off.
        pub async fn rings(&self) {
            loop {
                let Ok(mut ready) = self.0.readable().await else { return std::future::pending().await };
                let mut expirations = [0; 8];
                let read = ready.try_io(|fd| rustix::io::read(fd.get_ref(), &mut expirations).map_err(Into::into));
                if matches!(read, Ok(Ok(_))) {
                    return;
                }
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::io;
    use std::sync::{Mutex, PoisonError};
    use std::time::Duration;

    use tokio::sync::Notify;
    use tokio::time::Instant;

    /// tokio's own timer.
    pub struct Timer {
        due: Mutex<Option<Instant>>,
        changed: Notify,
    }

    impl Timer {
        #[expect(clippy::unnecessary_wraps, reason = "the same shape as where a timer can fail")]
        pub fn new() -> io::Result<Self> {
            Ok(Self { due: Mutex::default(), changed: Notify::new() })
        }

        /// Goes off after so long.
        pub fn set(&self, after: Duration) {
            *self.due.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + after);
            self.changed.notify_one();
        }

        /// Resolves when it goes off.
        pub async fn rings(&self) {
            loop {
                let due = *self.due.lock().unwrap_or_else(PoisonError::into_inner);
                match due {
                    None => self.changed.notified().await,
                    Some(due) => tokio::select! {
                        () = tokio::time::sleep_until(due) => {
                            *self.due.lock().unwrap_or_else(PoisonError::into_inner) = None;
                            return;
                        }
                        () = self.changed.notified() => {}
                    },
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::Context;
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn nobody_is_woken_early_and_everybody_is_woken() {
        let clock = Clock::start();
        let pacer = Pacer::new(clock).unwrap();
        let sleepers = (0..200u64).rev().map(|n| {
            let (pacer, due) = (pacer.clone(), clock.now() + Duration::from_micros(n * 250));
            tokio::spawn(async move {
                pacer.until(due).await;
                clock.now() >= due
            })
        });
        for sleeper in sleepers.collect::<Vec<_>>() {
            assert!(sleeper.await.unwrap());
        }
    }

    #[tokio::test]
    async fn a_sleeper_that_gives_up_leaves_nothing_behind_and_keeps_nobody_from_waking() {
        let clock = Clock::start();
        let pacer = Pacer::new(clock).unwrap();
        let soon = clock.now() + Duration::from_millis(20);
        for after in [5, 3_600_000] {
            let given_up = pacer.until(clock.now() + Duration::from_millis(after));
            assert!(pin!(given_up).poll(&mut Context::from_waker(Waker::noop())).is_pending());
        }
        assert!(pacer.state.lock().alarms.is_empty());
        pacer.until(soon).await;
        assert!(clock.now() >= soon);
    }

    #[tokio::test]
    async fn a_sleeper_that_moves_to_another_task_is_woken_there() {
        let clock = Clock::start();
        let pacer = Pacer::new(clock).unwrap();
        let due = clock.now() + Duration::from_millis(20);
        let mut sleeping = Box::pin(async move { pacer.until(due).await });
        assert!(sleeping.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        tokio::spawn(sleeping).await.unwrap();
        assert!(clock.now() >= due);
    }

    #[tokio::test]
    async fn the_past_is_at_once() {
        let clock = Clock::start();
        let pacer = Pacer::new(clock).unwrap();
        tokio::time::timeout(Duration::from_secs(5), pacer.until(Moment(0))).await.unwrap();
        assert!(pacer.state.lock().alarms.is_empty());
    }
}
