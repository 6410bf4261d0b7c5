//! Ids, told apart by the compiler. All are opaque text on the wire (C03-A20; A30-Q48).

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

macro_rules! ids {
    ($($(#[doc = $doc:literal])+ $name:ident;)+) => {$(
        $(#[doc = $doc])+
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(id: &str) -> Self {
                Self(id.into())
            }
        }

        impl From<String> for $name {
            fn from(id: String) -> Self {
                Self(id.into())
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}

ids! {
    /// A customer (a UUID) or an agent (an e-mail address).
    UserId;
    /// A chat, such as `PJ0MRSHTDG`.
    ChatId;
    /// A thread, such as `K600PKZON8`.
    ThreadId;
    /// An event: its thread's id and a number.
    EventId;
}

/// Ten upper-case letters and digits, the look that the documents' samples have.
pub(super) fn short_code(random: &mut ChaCha8Rng) -> String {
    const ALPHABET: &[u8; 36] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    (0..10).map(|_| char::from(ALPHABET[random.random_range(0..ALPHABET.len())])).collect()
}

/// An id such as nobody expects, though it is a text as any other: the documents' ids have several looks (C03-A20; A30-Q48).
pub(super) fn odd_id(random: &mut ChaCha8Rng) -> String {
    let code = short_code(random);
    match random.random_range(0..5) {
        0 => random.random_range(1..u64::MAX).to_string(),
        1 => uuid(random.random()),
        2 => format!("{code} /~1\"\\\u{e9}\u{1f4ac}"),
        3 => format!("{code}{}", "-long".repeat(50)),
        _ => code.to_lowercase(),
    }
}

/// A UUID of version 4 with these bits; `update_customer` of agent/v3.0 asks for just that (agent-v3.0 810).
pub fn uuid(bits: u128) -> String {
    let bits = bits & !(0xf << 76) | 0x4 << 76;
    let bits = bits & !(0x3 << 62) | 0x2 << 62;
    let part = |from: u32, digits: u32| (bits >> from) & ((1 << (digits * 4)) - 1);
    let (a, b, c, d, e) = (part(96, 8), part(80, 4), part(64, 4), part(48, 4), part(0, 12));
    format!("{a:08x}-{b:04x}-{c:04x}-{d:04x}-{e:012x}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn uuids_have_version_4_and_keep_all_other_bits(bits: u128) {
            let text = uuid(bits);
            let places: Vec<usize> = text.match_indices('-').map(|(at, _)| at).collect();
            prop_assert_eq!((text.len(), places), (36, vec![8, 13, 18, 23]));
            prop_assert!(text[14..].starts_with('4') && "89ab".contains(&text[19..20]));
            let back = u128::from_str_radix(&text.replace('-', ""), 16).unwrap();
            let fixed = (0xf << 76) | (0x3 << 62);
            prop_assert_eq!(back & !fixed, bits & !fixed);
        }
    }
}
