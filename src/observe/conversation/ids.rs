//! The correlation ids that a client used.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// Correlation ids of a client that are remembered.
const IDS: usize = 1024;

/// The correlation ids that a client used, as hashes: its ids may be long.
#[derive(Debug, Default)]
pub(super) struct Ids {
    last: VecDeque<u64>,
    forgotten: bool,
}

impl Ids {
    pub(super) fn has(&self, id: &str) -> bool {
        self.last.contains(&hash(id))
    }

    /// Whether there were more than are remembered.
    pub(super) fn has_forgotten(&self) -> bool {
        self.forgotten
    }

    /// One of them is given up.
    pub(super) fn forget(&mut self) {
        self.forgotten = true;
    }

    pub(super) fn add(&mut self, id: &str) {
        if self.last.len() == IDS {
            self.last.pop_front();
            self.forgotten = true;
        }
        self.last.push_back(hash(id));
    }
}

pub(super) fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}
