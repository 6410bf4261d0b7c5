//! Token pools: nobody shares a token while using it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::protocol::Role;
use crate::scenario::Scenario;
use crate::session::Token;

/// The tokens of all pools.
#[derive(Debug)]
pub struct Credentials {
    pools: BTreeMap<String, Mutex<Pool>>,
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
        Self { pools: pools.collect() }
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
        Self { pools: pools.collect() }
    }

    /// A token that nobody else uses now.
    ///
    /// # Errors
    /// In words, when the pool has none left.
    pub fn take(&self, pool: &str) -> Result<Token, String> {
        let Some(found) = self.pools.get(pool) else { return Err(format!("there is no token pool `{pool}`")) };
        match &mut *lock(found) {
            Pool::Listed(tokens) => {
                tokens.pop_front().ok_or_else(|| format!("all tokens of the pool `{pool}` are in use; it needs more"))
            }
            Pool::Invented { role, name, next } => {
                let number = *next;
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
