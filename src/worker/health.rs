//! How this process is, as Locust shows it for each worker.

use std::time::Duration;

/// Measures the processor time from one look to the next.
#[derive(Debug, Default)]
pub struct Health {
    before: Option<(Duration, Duration)>,
}

impl Health {
    /// Percent of all cores used since the last look, at this moment. Locust warns from 90 on, as its own workers have one core
    /// each; ours use all.
    pub fn cpu(&mut self, now: Duration, cores: usize) -> f64 {
        let used = used();
        let Some((then, before)) = self.before.replace((now, used)) else { return 0.0 };
        let passed = now.saturating_sub(then).as_secs_f64() * cores.max(1) as f64;
        if passed > 0.0 { 100.0 * used.saturating_sub(before).as_secs_f64() / passed } else { 0.0 }
    }
}

#[cfg(unix)]
fn used() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

#[cfg(not(unix))]
fn used() -> Duration {
    Duration::ZERO
}

/// Resident memory in bytes; 0 where the system does not tell it in Linux's way (proc(5), `statm`: pages, the second number).
pub fn memory() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|text| text.split_whitespace().nth(1)?.parse::<u64>().ok());
    pages.unwrap_or_default() * page()
}

#[cfg(unix)]
fn page() -> u64 {
    rustix::param::page_size() as u64
}

#[cfg(not(unix))]
fn page() -> u64 {
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_shows_and_idleness_does_not() {
        let mut health = Health::default();
        assert_eq!(health.cpu(Duration::from_secs(1), 1), 0.0, "there is nothing to compare with yet");
        let before = used();
        let mut sum = 0u64;
        while used().saturating_sub(before) < Duration::from_millis(20) {
            sum = std::hint::black_box(sum + 1);
        }
        // As if a tenth of a second had passed: at least 20 of 100 ms of one core, at least 20 of 200 of two.
        assert!(health.cpu(Duration::from_millis(1100), 1) >= 20.0);
        assert_eq!(health.cpu(Duration::from_millis(1100), 1), 0.0, "no time has passed");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn memory_is_told_in_bytes() {
        assert!(memory() > 1 << 20);
    }
}
