//! Actors that are one user: `as`.

use std::collections::BTreeMap;

use super::{Compiler, Surroundings};
use crate::protocol::{Dialect, Role};
use crate::scenario::file::{self, Part};
use crate::yaml::Problem;
use crate::yaml::join;

/// All actors of a file.
pub(super) type Actors = BTreeMap<String, Part<file::Actor>>;

impl Compiler<'_> {
    /// The pool of an actor's token, and the actor whose token it is when several are one user.
    pub(super) fn identity(
        &mut self,
        (name, actor): (&str, &file::Actor),
        pointer: &str,
        dialect: &Dialect,
        actors: &Actors,
        surroundings: &Surroundings,
    ) -> Option<(String, Option<String>)> {
        let at = |member: &str| join(pointer, member);
        let Some(part) = &actor.r#as else {
            let pool = match &actor.credentials {
                Some(pool) => self.piece(pool, &at("credentials"))?.clone(),
                None => usual_pool(dialect.catalog.role()).to_owned(),
            };
            let is_shared = actors.values().filter_map(Part::good).any(|other| other_self(other) == Some(name));
            return Some((pool, is_shared.then(|| name.to_owned())));
        };
        let owner = self.piece(part, &at("as"))?;
        let place = self.places.value(&at("as"));
        if actor.credentials.is_some() {
            let problem =
                Problem::new(self.places.key(&at("credentials")), "`as` and `credentials` do not go together");
            self.problems.push(problem.help(format!("the token is that of `{owner}`")));
        }
        if owner == name {
            self.problems.push(Problem::new(place, format!("`{name}` is itself anyway")));
            return None;
        }
        let Some(found) = actors.get(owner) else {
            let problem = Problem::new(place, format!("unknown actor `{owner}`"));
            self.problems.push(problem.allowed(owner, actors.keys().map(String::as_str)));
            return None;
        };
        let found = found.good()?;
        if let Some(other) = other_self(found) {
            let problem = Problem::new(place, format!("`{owner}` is somebody else, too"));
            self.problems.push(problem.help(format!("write `as: {other}`")));
            return None;
        }
        let role = found.dialect.good().and_then(|name| self.protocol.dialect(name).ok());
        let role = role.map(|dialect| dialect.catalog.role())?;
        if role != dialect.catalog.role() {
            let message = format!("one user cannot be {} and {role}", dialect.catalog.role());
            self.problems.push(Problem::new(place, message));
            return None;
        }
        for group in surroundings.groups.iter().filter(|group| group.members.iter().any(|member| member == name)) {
            let message = match group.members.iter().filter(|member| *member == owner).count() {
                1 => continue,
                0 => format!("nobody is `{owner}` {}", group.label),
                _ => format!("several are `{owner}` {}", group.label),
            };
            self.problems.push(Problem::new(place.clone(), message).help("members of one cast can be the same user"));
        }
        let pool = match &found.credentials {
            Some(pool) => pool.good()?.clone(),
            None => usual_pool(role).to_owned(),
        };
        Some((pool, Some(owner.clone())))
    }
}

/// Who an actor is besides itself.
fn other_self(actor: &file::Actor) -> Option<&str> {
    actor.r#as.as_ref().and_then(Part::good).map(String::as_str)
}

fn usual_pool(role: Role) -> &'static str {
    match role {
        Role::Agent => "agents",
        Role::Customer => "customers",
    }
}
