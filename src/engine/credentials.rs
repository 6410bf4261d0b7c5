//! Token pools: nobody shares a token while using it, and no two shares of a run have one in common.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::load::Share;
use crate::protocol::Role;
use crate::scenario::Scenario;
use crate::session::Token;

/// The tokens of all pools.
#[derive(Debug)]
pub struct Credentials {
    pools: BTreeMap<String, Mutex<Pool>>,
    share: Share,
}

#[derive(Debug)]
enum Pool {
    /// Tokens from a file.
    Listed(VecDeque<Token>),
    /// Users that the embedded reference server makes up when it first hears of them.
    Invented { role: Role, name: String, next: u64 },
}

/// The scenario asks for a pool that there is not.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the scenario takes tokens from the pool `{pool}`, which is not in the token file; it has {known}")]
pub struct PoolError {
    /// The pool.
    pub pool: String,
    /// What there is.
    pub known: String,
}

impl Credentials {
    /// Tokens for the embedded reference server, as many as anybody wants.
    pub fn invented(scenario: &Scenario, seed: u64) -> Self {
        let pools = scenario.actors.values().map(|actor| {
            let role = actor.dialect.catalog.role();
            let name = format!("{}-{seed}", actor.credentials);
            (actor.credentials.clone(), Mutex::new(Pool::Invented { role, name, next: 0 }))
        });
        Self { pools: pools.collect(), share: Share::WHOLE }
    }

    /// Tokens from a file.
    ///
    /// # Errors
    /// When the scenario uses a pool that is not there.
    pub fn listed(scenario: &Scenario, pools: BTreeMap<String, Vec<Token>>) -> Result<Self, PoolError> {
        if let Some(actor) = scenario.actors.values().find(|actor| !pools.contains_key(&actor.credentials)) {
            let known = pools.keys().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            return Err(PoolError { pool: actor.credentials.clone(), known });
        }
        Ok(Self::of_pools(pools))
    }

    /// Tokens of these pools, whoever asks for them.
    pub fn of_pools(pools: BTreeMap<String, Vec<Token>>) -> Self {
        let pools = pools.into_iter().map(|(name, tokens)| (name, Mutex::new(Pool::Listed(tokens.into()))));
        Self { pools: pools.collect(), share: Share::WHOLE }
    }

    /// Only those of a share: each n-th of what is listed, and users with names of their own.
    #[must_use]
    pub fn of_share(self, share: Share) -> Self {
        for pool in self.pools.values() {
            if let Pool::Listed(tokens) = &mut *lock(pool) {
                let mut numbers = 0..;
                tokens.retain(|_| numbers.next().is_some_and(|number| share.has(number)));
            }
        }
        Self { share, ..self }
    }

    /// A token that nobody else uses now.
    ///
    /// # Errors
    /// In words, when the pool has none left.
    pub fn take(&self, pool: &str) -> Result<Token, String> {
        let Some(found) = self.pools.get(pool) else { return Err(format!("there is no token pool `{pool}`")) };
        match &mut *lock(found) {
            Pool::Listed(tokens) => {
                let share =
                    if self.share == Share::WHOLE { String::new() } else { format!(" for share {}", self.share) };
                tokens
                    .pop_front()
                    .ok_or_else(|| format!("all tokens of the pool `{pool}`{share} are in use; it needs more"))
            }
            Pool::Invented { role, name, next } => {
                let number = self.share.global(*next);
                *next += 1;
                Ok(Token::new(&match role {
                    Role::Agent => format!("agent:{name}-{number}@example.com"),
                    Role::Customer => format!("customer:{name}-{number}"),
                }))
            }
        }
    }

    /// Somebody is done with a token.
    pub fn give_back(&self, pool: &str, token: Token) {
        if let Some(Pool::Listed(tokens)) = self.pools.get(pool).map(lock).as_deref_mut() {
            tokens.push_back(token);
        }
    }
}

fn lock(pool: &Mutex<Pool>) -> MutexGuard<'_, Pool> {
    pool.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;
    use crate::protocol::Protocol;

    fn scenario() -> Scenario {
        let text = "actors: { customer: { dialect: customer/v0.3, transport: websocket, steps: [{ stay: 1s }] } }\n\
                    load: { for: 1s, populations: [{ actor: customer, standing: 1 }] }\n";
        crate::scenario::load_text(Path::new("test.yaml"), text.to_owned(), &Protocol::embedded().unwrap(), &|_| {
            Ok(None)
        })
        .unwrap()
    }

    fn shares(of: u64) -> impl Iterator<Item = Share> {
        (1..=of).filter_map(move |number| Share::new(number, of))
    }

    #[test]
    fn no_two_shares_make_up_the_same_user() {
        let scenario = scenario();
        let mut seen = BTreeSet::new();
        for share in shares(3) {
            let credentials = Credentials::invented(&scenario, 1).of_share(share);
            for _ in 0..10 {
                assert!(seen.insert(credentials.take("customers").unwrap().reveal().to_owned()));
            }
        }
        assert_eq!(seen.len(), 30);
    }

    #[test]
    fn each_listed_token_belongs_to_one_share() {
        let scenario = scenario();
        let list: Vec<_> = (0..7).map(|number| Token::new(&format!("t{number}"))).collect();
        let mut seen = BTreeSet::new();
        for share in shares(3) {
            let pools = BTreeMap::from([("customers".to_owned(), list.clone())]);
            let credentials = Credentials::listed(&scenario, pools).unwrap().of_share(share);
            while let Ok(token) = credentials.take("customers") {
                assert!(seen.insert(token.reveal().to_owned()));
            }
            let told = credentials.take("customers").unwrap_err();
            assert_eq!(told, format!("all tokens of the pool `customers` for share {share} are in use; it needs more"));
        }
        assert_eq!(seen.len(), 7);
    }
}
