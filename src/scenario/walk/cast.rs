//! What the members of one cast share: values, and meetings.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio::sync::watch;

use crate::session::Token;

/// One starting group of actors that belong together. An actor on its own is a cast of one.
#[derive(Debug)]
pub struct Cast {
    state: Mutex<State>,
    changed: watch::Sender<u64>,
}

#[derive(Debug)]
struct State {
    /// Members that are still walking.
    members: usize,
    shared: HashMap<String, Value>,
    /// How many have come to each meeting.
    meetings: HashMap<String, usize>,
    /// Tokens of members that are one user, with their pools, by the name of the actor whose they are.
    tokens: HashMap<String, (String, Token)>,
    /// Whether our machine had no socket for one of them.
    short: bool,
}

impl Cast {
    /// A cast with so many members.
    pub fn new(members: usize) -> Self {
        let state =
            State { members, shared: HashMap::new(), meetings: HashMap::new(), tokens: HashMap::new(), short: false };
        Self { state: Mutex::new(state), changed: watch::Sender::new(0) }
    }

    pub(super) fn share(&self, name: &str, value: Value) {
        self.lock().shared.insert(name.to_owned(), value);
        self.changed.send_modify(|version| *version += 1);
    }

    pub(super) fn shared(&self, name: &str) -> Option<Value> {
        self.lock().shared.get(name).cloned()
    }

    /// Waits until somebody has shared this name.
    pub(super) async fn wait_for(&self, name: &str) {
        self.until(|state| state.shared.contains_key(name)).await;
    }

    /// Comes to a meeting and waits until everybody who is still walking has come.
    pub(super) async fn meet(&self, name: &str) {
        *self.lock().meetings.entry(name.to_owned()).or_default() += 1;
        self.changed.send_modify(|version| *version += 1);
        self.until(|state| state.meetings.get(name).is_some_and(|come| *come >= state.members)).await;
    }

    /// The token of the members that are one user. Whoever comes first takes it from its pool.
    pub(super) fn token(
        &self,
        identity: &str,
        pool: &str,
        take: impl FnOnce() -> Result<Token, String>,
    ) -> Result<Token, String> {
        let mut state = self.lock();
        if let Some((_, token)) = state.tokens.get(identity) {
            return Ok(token.clone());
        }
        let token = take()?;
        state.tokens.insert(identity.to_owned(), (pool.to_owned(), token.clone()));
        Ok(token)
    }

    /// A member has come to its end, or failed: the others do not wait for it. The last one is handed the common tokens,
    /// each with its pool: somebody who has not come yet would need them until then.
    pub(super) fn leave(&self) -> Vec<(String, Token)> {
        let mut state = self.lock();
        state.members = state.members.saturating_sub(1);
        let done = if state.members == 0 { std::mem::take(&mut state.tokens) } else { HashMap::new() };
        drop(state);
        self.changed.send_modify(|version| *version += 1);
        done.into_values().collect()
    }

    /// Our machine has no socket for a member.
    pub(super) fn falls_short(&self) {
        self.lock().short = true;
    }

    /// Whether our machine had no socket for a member.
    pub(super) fn is_short(&self) -> bool {
        self.lock().short
    }

    async fn until(&self, done: impl Fn(&State) -> bool) {
        let mut changes = self.changed.subscribe();
        while !done(&self.lock()) {
            // The sender lives as long as `self`.
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn members_meet_and_pass_values() {
        let cast = Arc::new(Cast::new(2));
        let other = cast.clone();
        let task = tokio::spawn(async move {
            other.share("chat", json!("c"));
            other.meet("ready").await;
        });
        cast.wait_for("chat").await;
        assert_eq!(cast.shared("chat"), Some(json!("c")));
        cast.meet("ready").await;
        task.await.unwrap();
    }

    #[tokio::test]
    async fn nobody_waits_for_a_member_that_left() {
        let cast = Cast::new(2);
        assert!(cast.leave().is_empty());
        cast.meet("ready").await;
        assert_eq!(cast.lock().meetings["ready"], 1);
    }

    #[test]
    fn a_common_token_is_taken_once_and_handed_out_by_the_last() {
        let cast = Cast::new(2);
        let taken = std::cell::Cell::new(0);
        let token = || {
            cast.token("ann", "customers", || {
                taken.set(taken.get() + 1);
                Ok(Token::new("t"))
            })
        };
        assert_eq!((token(), token(), taken.get()), (Ok(Token::new("t")), Ok(Token::new("t")), 1));
        assert!(cast.leave().is_empty());
        assert_eq!(cast.leave(), [("customers".to_owned(), Token::new("t"))]);
        assert_eq!(cast.token("bob", "nobody", || Err("none".to_owned())), Err("none".to_owned()));
    }
}
