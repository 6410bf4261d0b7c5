//! A map that forgets what was not touched for longest.

use std::collections::HashMap;

use super::Key;

/// At most `limit` values by key. When it is full an eighth is forgotten at once, so that looking for the oldest is
/// paid once for many insertions.
#[derive(Debug)]
pub(super) struct Recent<V> {
    values: HashMap<Key, (u64, V)>,
    limit: usize,
    ticks: u64,
}

impl<V> Recent<V> {
    pub(super) fn new(limit: usize) -> Self {
        Self { values: HashMap::new(), limit, ticks: 0 }
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

    pub(super) fn get(&self, key: Key) -> Option<&V> {
        self.values.get(&key).map(|(_, value)| value)
    }

    pub(super) fn get_mut(&mut self, key: Key) -> Option<&mut V> {
        self.values.get_mut(&key).map(|(_, value)| value)
    }

    /// Takes out the value of that key.
    pub(super) fn remove(&mut self, key: Key) -> Option<V> {
        self.values.remove(&key).map(|(_, value)| value)
    }

    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.values.values_mut().map(|(_, value)| value)
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
