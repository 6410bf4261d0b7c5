//! The order in which events of one thread arrive at one connection.

use std::collections::VecDeque;

/// Arrivals that were the largest at their time, kept to tell how far a reordered one came late. Reordering further
/// back than this is told as this far.
const KEPT: usize = 32;

/// RFC 4737's view of a sequence: an arrival is reordered when a larger one came before; its extent is how many
/// arrivals back the first larger one came. That one was the largest at its time, so only such are kept.
#[derive(Debug, Default)]
pub(super) struct Arrivals {
    count: u64,
    /// Number of the arrival and its `order`, both rising.
    largest: VecDeque<(u64, i64)>,
}

/// An arrival behind a larger one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reordered {
    /// How many arrivals back the first larger one came.
    pub(super) extent: u32,
    /// The largest `order` that came before.
    pub(super) largest: i64,
}

impl Arrivals {
    /// The largest `order` that arrived.
    pub(super) fn largest(&self) -> Option<i64> {
        self.largest.back().map(|&(_, order)| order)
    }

    pub(super) fn add(&mut self, order: i64) -> Option<Reordered> {
        self.count += 1;
        if let Some(&(_, largest)) = self.largest.back()
            && order < largest
        {
            let place = self.largest.partition_point(|&(_, kept)| kept <= order);
            let first_larger = self.largest.get(place).map_or(self.count, |&(number, _)| number);
            let extent = u32::try_from(self.count - first_larger).unwrap_or(u32::MAX);
            return Some(Reordered { extent: extent.min(KEPT as u32), largest });
        }
        if self.largest.len() == KEPT {
            self.largest.pop_front();
        }
        self.largest.push_back((self.count, order));
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn reordering_is_told_as_rfc_4737_defines_it(orders in proptest::collection::vec(0..30i64, 1..30)) {
            let mut arrivals = Arrivals::default();
            for (i, &order) in orders.iter().enumerate() {
                let first_larger = orders[..i].iter().position(|&before| before > order);
                let expected = first_larger.map(|j| Reordered {
                    extent: (i - j) as u32,
                    largest: *orders[..i].iter().max().unwrap(),
                });
                prop_assert_eq!(arrivals.add(order), expected);
            }
        }
    }

    #[test]
    fn memory_is_bounded() {
        let mut arrivals = Arrivals::default();
        for order in 1..=1000 {
            arrivals.add(order);
        }
        assert_eq!(arrivals.largest.len(), KEPT);
        assert_eq!(arrivals.add(0).unwrap().extent, KEPT as u32);
    }
}
