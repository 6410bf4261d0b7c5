//! How late sleepers wake: the pacer against tokio's own timer, on an idle runtime and on one that is half busy.

#![expect(clippy::print_stdout, reason = "its result is what it prints")]

use std::time::{Duration, Instant};

use chatproof::load::Pacer;
use chatproof::observe::{Clock, Moment};
use hdrhistogram::Histogram;
use tokio::runtime::Builder;

const SLEEPS: u64 = 2_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for (name, busy) in [("idle", false), ("half busy", true)] {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let clock = Clock::start();
            if busy {
                tokio::spawn(work());
            }
            let pacer = Pacer::new(clock)?;
            let lateness = measure(clock, |due| pacer.until(due)).await?;
            show("pacer", name, &lateness);
            let lateness = measure(clock, |due| tokio::time::sleep_until(clock.instant(due).into())).await?;
            show("tokio", name, &lateness);
            Ok::<_, Box<dyn std::error::Error>>(())
        })?;
    }
    Ok(())
}

/// Lateness in microseconds of sleeps that end at odd moments.
async fn measure<F: Future<Output = ()>>(
    clock: Clock,
    sleep: impl Fn(Moment) -> F,
) -> Result<Histogram<u64>, hdrhistogram::CreationError> {
    let mut lateness = Histogram::new(3)?;
    for n in 0..SLEEPS {
        let due = clock.now() + Duration::from_micros(300 + n * 37 % 1_500);
        sleep(due).await;
        let late = clock.now().since(due).as_nanos() / 1_000;
        lateness.saturating_record(u64::try_from(late).unwrap_or(u64::MAX));
    }
    Ok(lateness)
}

/// Keeps the thread busy for half of the time, in pieces as long as the handling of a message.
async fn work() {
    loop {
        let began = Instant::now();
        while began.elapsed() < Duration::from_micros(10) {
            std::hint::spin_loop();
        }
        let rested = Instant::now();
        while rested.elapsed() < Duration::from_micros(10) {
            tokio::task::yield_now().await;
        }
    }
}

fn show(timer: &str, runtime: &str, lateness: &Histogram<u64>) {
    let at = |quantile| lateness.value_at_quantile(quantile);
    println!("{timer}, {runtime} runtime: p50 {} µs, p99 {} µs, max {} µs", at(0.5), at(0.99), lateness.max());
}
