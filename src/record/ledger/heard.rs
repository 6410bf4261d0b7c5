//! What a connection was told of a thread, kept to lay it beside what another one was told.

use std::collections::VecDeque;

use super::Key;

/// Pushes remembered of a connection in a thread.
const KEPT: usize = 12;

/// The last events that came, each with the `order` that it came with.
#[derive(Debug, Default)]
pub(super) struct Heard(VecDeque<(Key, Option<i64>)>);

impl Heard {
    pub(super) fn add(&mut self, event: Key, order: Option<i64>) {
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back((event, order));
    }

    /// The oldest first.
    pub(super) fn events(&self) -> impl Iterator<Item = (Key, Option<i64>)> {
        self.0.iter().copied()
    }

    /// How many of these events came there as well.
    pub(super) fn in_common(&self, other: &Self) -> usize {
        self.events().filter(|(event, _)| other.events().any(|(known, _)| known == *event)).count()
    }
}
