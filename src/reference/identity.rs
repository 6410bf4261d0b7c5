//! Tokens: `customer:NAME` and `agent:EMAIL`, with or without `Bearer ` in front (C03-A11; A30-Q08).
//!
//! Nobody issues them; whoever shows one is taken for that user, who is made at first use.

use super::refusal::Refusal;
use super::world::{UserId, uuid};
use crate::protocol::Role;

/// Who shows this token.
///
/// # Errors
/// authentication, for text that is no token and for a token of the other role.
pub fn identify(token: &str, role: Role) -> Result<UserId, Refusal> {
    let token = token.trim();
    let bare = match token.split_at_checked(7) {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("bearer ") => rest.trim_start(),
        _ => token,
    };
    match (role, bare.split_once(':')) {
        (Role::Customer, Some(("customer", name))) if !name.is_empty() => Ok(UserId::from(uuid(hash(name)))),
        (Role::Agent, Some(("agent", email))) if !email.is_empty() => Ok(UserId::from(email)),
        _ => Err(Refusal::authentication()),
    }
}

/// FNV-1a of 128 bits: the same on every machine and in every release, which the standard library's hashers do not promise.
fn hash(name: &str) -> u128 {
    const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    name.bytes().fold(BASIS, |hash, byte| (hash ^ u128::from(byte)).wrapping_mul(PRIME))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_name_their_users_with_and_without_the_scheme() {
        let ann = identify("customer:ann", Role::Customer).unwrap();
        assert_eq!(identify("Bearer customer:ann", Role::Customer).unwrap(), ann);
        assert_eq!(identify("bearer  customer:ann", Role::Customer).unwrap(), ann);
        assert_ne!(identify("customer:bob", Role::Customer).unwrap(), ann);
        assert_eq!(identify("agent:a@example.com", Role::Agent).unwrap(), UserId::from("a@example.com"));
    }

    #[test]
    fn what_is_no_token_of_the_role_is_refused() {
        for (token, role) in [
            ("", Role::Customer),
            ("customer:", Role::Customer),
            ("Bearer ", Role::Customer),
            ("agent:a@example.com", Role::Customer),
            ("customer:ann", Role::Agent),
            ("ann", Role::Agent),
            ("äöüäöü:x", Role::Agent),
        ] {
            assert_eq!(identify(token, role), Err(Refusal::authentication()), "{token}");
        }
    }
}
