//! Tokens `customer:NAME` and `agent:EMAIL`, with or without `Bearer ` in front (C03-A11; A30-Q08): nobody issues them, and where they are
//! good at all, whoever shows one is taken for that user, who is made at first use.

use super::world::{UserId, uuid};

/// A token without its scheme.
pub fn bare(token: &str) -> &str {
    let token = token.trim();
    match token.split_at_checked(7) {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("bearer ") => rest.trim_start(),
        _ => token,
    }
}

/// The id of the customer of that name.
pub fn customer_id(name: &str) -> UserId {
    UserId::from(uuid(hash(name)))
}

/// FNV-1a of 128 bits: the same on every machine and in every release, which the standard library's hashers do not promise.
fn hash(name: &str) -> u128 {
    const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    name.bytes().fold(BASIS, |hash, byte| (hash ^ u128::from(byte)).wrapping_mul(PRIME))
}
