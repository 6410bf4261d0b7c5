//! What a run costs the machine that it runs on.

use std::time::{Duration, Instant};

use crate::record::Effort;

/// Measures from its start on.
#[derive(Debug)]
pub(super) struct Meter {
    started: Instant,
    used: Duration,
    machine: Option<Ticks>,
}

/// What the processors of a machine did since it was started, in a unit that does not matter.
#[derive(Debug, Clone, Copy)]
struct Ticks {
    busy: u64,
    all: u64,
}

impl Meter {
    pub fn start() -> Self {
        Self { started: Instant::now(), used: used(), machine: machine() }
    }

    /// What was needed since.
    pub fn read(&self) -> Effort {
        let elapsed = self.started.elapsed();
        let busy = self.machine.zip(machine()).map_or(0.0, |(before, now)| {
            let all = now.all.saturating_sub(before.all).max(1);
            now.busy.saturating_sub(before.busy) as f64 / all as f64
        });
        Effort {
            elapsed_us: micros(elapsed),
            cpu_us: micros(used().saturating_sub(self.used)),
            machine_us: micros(elapsed.mul_f64(busy.min(1.0))),
        }
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// Processor time of this process so far.
#[cfg(unix)]
fn used() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or_default(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

#[cfg(not(unix))]
fn used() -> Duration {
    Duration::ZERO
}

/// From the first line of Linux' `/proc/stat`: user, nice, system, idle, waiting for IO, interrupts (two), stolen, and guests, which are
/// in user already.
fn machine() -> Option<Ticks> {
    let text = std::fs::read_to_string("/proc/stat").ok()?;
    ticks(text.lines().next()?)
}

fn ticks(line: &str) -> Option<Ticks> {
    let numbers = line.strip_prefix("cpu ")?.split_ascii_whitespace();
    let numbers: Vec<u64> = numbers.take(8).map(str::parse).collect::<Result<_, _>>().ok()?;
    let idle = numbers.get(3)? + numbers.get(4)?;
    let all: u64 = numbers.iter().sum();
    Some(Ticks { busy: all - idle, all })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_and_waiting_processors_are_not_busy() {
        let read = ticks("cpu  10 1 5 60 20 2 1 1 0 0").unwrap();
        assert_eq!((read.busy, read.all), (20, 100));
        assert!(ticks("intr 1 2 3 4 5").is_none() && ticks("cpu 1 2 x 4 5").is_none());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn work_is_measured_and_waiting_is_not() {
        let meter = Meter::start();
        std::thread::sleep(Duration::from_millis(50));
        let waited = meter.read();
        let began = used();
        while used() - began < Duration::from_millis(50) {
            std::hint::spin_loop();
        }
        let worked = meter.read();
        // Other tests run in this process, so there may be more.
        assert!(worked.cpu_us >= waited.cpu_us + 50_000, "{waited:?} {worked:?}");
        assert!(waited.elapsed_us >= 50_000 && worked.elapsed_us > waited.elapsed_us);
        assert!(worked.machine_us > 0 && worked.machine_us <= worked.elapsed_us);
    }
}
