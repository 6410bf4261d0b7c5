//! Which part of a run somebody carries out: computed from numbers, never negotiated.

use std::borrow::Cow;
use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Part k of n: of everything that is numbered from 0 (arrivals, places, tokens), each n-th, from the k-th on. The n parts
/// have nothing in common, and together they are the whole. People count k from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share {
    of: NonZeroU64,
    index: u64,
}

/// A text is no share.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a share; write K/N with K from 1 to N, such as 2/5")]
pub struct ShareError(String);

impl Share {
    /// Everything.
    pub const WHOLE: Self = Self { of: NonZeroU64::MIN, index: 0 };

    /// Part `number`, counted from 1, of so many; none when there is no such part.
    pub fn new(number: u64, of: u64) -> Option<Self> {
        let of = NonZeroU64::new(of)?;
        let index = number.checked_sub(1)?;
        (index < of.get()).then_some(Self { of, index })
    }

    /// Which part it is, counted from 1.
    pub fn number(self) -> u64 {
        self.index + 1
    }

    /// How many parts there are.
    pub fn of(self) -> u64 {
        self.of.get()
    }

    /// Whether something of this number, counted from 0, belongs to it.
    pub fn has(self, number: u64) -> bool {
        number % self.of == self.index
    }

    /// The number in the whole of what is the `nth` (from 0) in this part.
    pub fn global(self, nth: u64) -> u64 {
        nth.saturating_mul(self.of()).saturating_add(self.index)
    }

    /// The numbers below `total` that belong to it.
    pub fn below(self, total: u64) -> impl Iterator<Item = u64> {
        (0..).map(move |nth| self.global(nth)).take_while(move |number| *number < total)
    }

    /// How many of `total` belong to it. Over all parts these numbers add up to `total`.
    pub fn count(self, total: u64) -> u64 {
        total.saturating_sub(self.index).div_ceil(self.of())
    }

    /// This part divided again: it has of this part's things those that `part` has of all.
    #[must_use]
    pub fn divided(self, part: Self) -> Self {
        Self { of: self.of.saturating_mul(part.of), index: self.global(part.index) }
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number(), self.of)
    }
}

impl FromStr for Share {
    type Err = ShareError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let share = text.split_once('/').and_then(|(number, of)| Self::new(number.parse().ok()?, of.parse().ok()?));
        share.ok_or_else(|| ShareError(text.to_owned()))
    }
}

impl Serialize for Share {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<str>::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Share {
    fn schema_name() -> Cow<'static, str> {
        "Share".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[1-9][0-9]*/[1-9][0-9]*$" })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parts(of: u64) -> Vec<Share> {
        (1..=of).map(|number| Share::new(number, of).unwrap()).collect()
    }

    proptest! {
        #[test]
        fn each_number_belongs_to_one_part(of in 1u64..40, number: u64) {
            prop_assert_eq!(parts(of).into_iter().filter(|part| part.has(number)).count(), 1);
        }

        #[test]
        fn what_is_below_a_total_is_what_a_part_has_of_it(of in 1u64..40, total in 0u64..200) {
            for part in parts(of) {
                let below: Vec<_> = part.below(total).collect();
                prop_assert_eq!(&below, &(0..total).filter(|number| part.has(*number)).collect::<Vec<_>>());
                prop_assert_eq!(part.count(total), below.len() as u64);
            }
        }

        #[test]
        fn parts_of_parts_are_parts_of_the_whole(of in 1u64..20, again in 1u64..20, total in 0u64..500) {
            for part in parts(of) {
                let mine: Vec<_> = part.below(total).collect();
                let mut divided = Vec::new();
                for inner in parts(again) {
                    let both: Vec<_> = part.divided(inner).below(total).collect();
                    let expected: Vec<_> = inner.below(mine.len() as u64).map(|nth| mine[nth as usize]).collect();
                    prop_assert_eq!(&both, &expected);
                    divided.extend(both);
                }
                divided.sort_unstable();
                prop_assert_eq!(divided, mine);
            }
        }

        #[test]
        fn a_written_share_reads_back(of in 1u64..1000, number in 1u64..1000) {
            let share = Share::new(number, of);
            prop_assert_eq!(share.is_some(), number <= of);
            if let Some(share) = share {
                prop_assert_eq!(share.to_string().parse(), Ok(share));
            }
        }
    }

    #[test]
    fn what_is_no_share_is_refused() {
        for text in ["0/3", "4/3", "1/0", "1", "1/", "/2", "-1/2", "a/b", ""] {
            let told = text.parse::<Share>().unwrap_err().to_string();
            assert_eq!(told, format!("`{text}` is not a share; write K/N with K from 1 to N, such as 2/5"));
        }
    }
}
