//! A map that forgets what was not touched for longest.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::Key;
use crate::observe::Moment;

/// What was not touched for this long is forgotten, so that memory stays flat in a steady run, whose chats come and go.
const SILENT: Duration = Duration::from_secs(600);
/// How often that is looked at: it costs a walk over all values.
const EVERY: Duration = Duration::from_secs(60);

/// At most `limit` values by key. When it is full an eighth is forgotten at once, so that looking for the oldest is
/// paid once for many insertions.
#[derive(Debug)]
pub(super) struct Recent<V> {
    values: HashMap<Key, (u64, V)>,
    limit: usize,
    ticks: u64,
    /// Until when ticks were how many, oldest first: [`EVERY`] so often, for as long as [`SILENT`].
    marks: VecDeque<(Moment, u64)>,
}

impl<V> Recent<V> {
    pub(super) fn new(limit: usize) -> Self {
        Self { values: HashMap::new(), limit, ticks: 0, marks: VecDeque::new() }
    }

    /// The value of that key, made when there is none; and whether it was.
    pub(super) fn touch(&mut self, key: Key, make: impl FnOnce() -> V) -> (&mut V, bool) {
        self.ticks += 1;
        let mut made = false;
        let entry = self.values.entry(key).or_insert_with(|| {
            made = true;
            (0, make())
        });
        entry.0 = self.ticks;
        (&mut entry.1, made)
    }

    /// The value of that key, which counts as touched.
    pub(super) fn get(&mut self, key: Key) -> Option<&mut V> {
        let (tick, value) = self.values.get_mut(&key)?;
        self.ticks += 1;
        *tick = self.ticks;
        Some(value)
    }

    /// Takes out the value of that key.
    pub(super) fn remove(&mut self, key: Key) -> Option<V> {
        self.values.remove(&key).map(|(_, value)| value)
    }

    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.values.values_mut().map(|(_, value)| value)
    }

    /// Takes out what has been silent for too long.
    pub(super) fn silent(&mut self, now: Moment) -> Vec<V> {
        if self.marks.back().is_some_and(|(marked, _)| now < *marked + EVERY) {
            return Vec::new();
        }
        self.marks.push_back((now, self.ticks));
        let mut last = None;
        while let Some((_, ticks)) = self.marks.front().filter(|(marked, _)| *marked + SILENT <= now) {
            last = Some(*ticks);
            self.marks.pop_front();
        }
        let Some(last) = last else { return Vec::new() };
        self.values.extract_if(|_, (tick, _)| *tick <= last).map(|(_, (_, value))| value).collect()
    }

    /// Takes out what is too much: nothing, or the least recently touched eighth.
    pub(super) fn overflow(&mut self) -> Vec<V> {
        if self.values.len() <= self.limit {
            return Vec::new();
        }
        let mut ticks: Vec<u64> = self.values.values().map(|(tick, _)| *tick).collect();
        let (_, &mut last, _) = ticks.select_nth_unstable(self.limit / 8);
        self.values.extract_if(|_, (tick, _)| *tick <= last).map(|(_, (_, value))| value).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_silent_for_ten_minutes_is_forgotten_within_one_more() {
        let mut recent = Recent::new(1_000);
        let mut forgotten = Vec::new();
        for second in 0..3_600 {
            recent.touch(Key(second), || second);
            assert_eq!(recent.get(Key(0)), Some(&mut 0), "what is asked for is not silent");
            let now = Moment::default() + Duration::from_secs(second);
            forgotten.extend(recent.silent(now));
            assert!(!forgotten.iter().any(|last| second - last < SILENT.as_secs()), "{forgotten:?}");
            assert!(recent.values.len() as u64 <= 1 + SILENT.as_secs() + EVERY.as_secs());
        }
        assert_eq!(forgotten.len() + recent.values.len(), 3_600);
    }

    #[test]
    fn the_least_recently_touched_are_forgotten() {
        let mut recent = Recent::new(16);
        let mut forgotten = Vec::new();
        for n in 0..100u64 {
            recent.touch(Key(1000), || 1000);
            recent.touch(Key(n), || n);
            forgotten.extend(recent.overflow());
            assert!(recent.values.len() <= 16);
        }
        assert!(recent.get(Key(1000)).is_some() && recent.get(Key(99)).is_some() && recent.get(Key(50)).is_none());
        assert_eq!(forgotten.len() + recent.values.len(), 101);
        assert!(forgotten.is_sorted_by_key(|n| n / 3), "oldest first, batch by batch");
    }
}
