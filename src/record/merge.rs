//! Adding tallies up.

use std::collections::BTreeMap;

/// What can be added up in any grouping and order with the same result.
pub trait Merge {
    /// Adds another part.
    fn absorb(&mut self, other: Self);
}

impl Merge for u64 {
    fn absorb(&mut self, other: Self) {
        *self = self.saturating_add(other);
    }
}

impl<K: Ord, V: Merge + Default> Merge for BTreeMap<K, V> {
    fn absorb(&mut self, other: Self) {
        for (key, value) in other {
            self.entry(key).or_default().absorb(value);
        }
    }
}

/// Merges a struct member by member; a member that is forgotten does not compile.
macro_rules! merge_members {
    ($($name:ident { $($member:ident),+ $(,)? })+) => {$(
        impl $crate::record::merge::Merge for $name {
            fn absorb(&mut self, other: Self) {
                let Self { $($member),+ } = other;
                $($crate::record::merge::Merge::absorb(&mut self.$member, $member);)+
            }
        }
    )+};
}
pub(super) use merge_members;
