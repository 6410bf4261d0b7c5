//! A scenario's populations as Locust's user classes.

use std::collections::BTreeMap;

use super::message::{Counts, Exception};
use crate::engine::WEB_PLACES;
use crate::protocol::Transport;
use crate::scenario::{Arrivals, Population, Scenario};

/// A user class, which is a population: an actor, or a cast, which counts as one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Class {
    /// Its name, which is a Python identifier.
    pub name: String,
    /// The name of the population.
    pub population: String,
    /// How many of them Locust lets come, unless somebody changes it.
    pub part: Part,
    /// Whether any of its actors uses the Web API.
    pub web: bool,
}

/// How Locust divides its users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// So many, and before all others.
    Fixed(u64),
    /// By weight.
    Weight(u64),
}

/// A scenario's populations cannot be told apart as user classes.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClassError {
    /// Two names become one.
    #[error("the populations `{one}` and `{other}` would both be the user class `{class}`; rename one of them")]
    Twice {
        /// A population.
        one: String,
        /// Another one.
        other: String,
        /// What both would be called.
        class: String,
    },
    /// A class cannot be called so.
    #[error("no user class can be called after the population `{0}`; give it a name that begins with a letter")]
    Nameless(String),
}

/// The user classes of a scenario, in its order. Populations of one actor are one class, which comes as the first of them.
///
/// # Errors
/// When their names do not do as names of classes.
pub fn classes(scenario: &Scenario) -> Result<Vec<Class>, ClassError> {
    let mut classes = Vec::new();
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    for Population { name: population, members, arrivals } in &scenario.load.populations {
        let name = class_name(population).ok_or_else(|| ClassError::Nameless(population.clone()))?;
        match seen.insert(name.clone(), population) {
            None => {
                let web = members.iter().any(|actor| actor.transport == Transport::Web);
                classes.push(Class { name, population: population.clone(), part: part(arrivals), web });
            }
            Some(one) if one == population => {}
            Some(one) => {
                return Err(ClassError::Twice { one: one.to_owned(), other: population.clone(), class: name });
            }
        }
    }
    Ok(classes)
}

/// How many of each population walk, when the master wants so many of each class; and what keeps that from being what it wants.
pub(super) fn wanted(classes: &[Class], counts: &Counts) -> (BTreeMap<String, u64>, Vec<Exception>) {
    let (mut wanted, mut complaints) = (BTreeMap::new(), Vec::new());
    for (name, count) in counts {
        let class = classes.iter().find(|class| class.name == *name);
        let trouble = match class {
            Some(class) if class.web && *count > WEB_PLACES => Some((
                format!("a worker has at most {WEB_PLACES} of `{name}`, which use the Web API; start more workers"),
                "too few workers",
            )),
            None if *count > 0 => Some((
                format!(
                    "this worker's scenario has no user class `{name}`; print the locustfile anew, with `chatproof worker --locustfile`"
                ),
                "the locustfile of another scenario",
            )),
            _ => None,
        };
        complaints.extend(trouble.map(|(msg, kind)| Exception { msg, traceback: kind.to_owned() }));
        wanted.extend(class.map(|class| (class.population.clone(), *count)));
    }
    (wanted, complaints)
}

/// `web-form` becomes `WebForm`.
fn class_name(population: &str) -> Option<String> {
    let words = population.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let name: String = words
        .map(|word| {
            let (first, rest) = word.split_at(1);
            first.to_ascii_uppercase() + rest
        })
        .collect();
    name.starts_with(|c: char| c.is_ascii_alphabetic()).then_some(name)
}

/// Whoever stands by comes first and is a fixed number; all others are divided as the scenario's largest numbers are. How many
/// of an open population are present at the same time depends on the server, so its rate has to do.
fn part(arrivals: &Arrivals) -> Part {
    let weight = match arrivals {
        Arrivals::Standing { count, .. } => return Part::Fixed(*count as u64),
        Arrivals::Together { count, .. } => *count as u64,
        Arrivals::Closed { stages } => stages.iter().map(|stage| stage.from.max(stage.to)).max().unwrap_or(0) as u64,
        Arrivals::Open { stages, .. } => {
            stages.iter().map(|stage| stage.from.max(stage.to)).fold(0.0, f64::max).ceil() as u64
        }
    };
    Part::Weight(weight.max(1))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::protocol::Protocol;

    fn of(actors: &[&str], populations: &str) -> Result<Vec<Class>, ClassError> {
        let actor = |name: &&str| {
            format!("\"{name}\": {{ dialect: customer/v0.3, transport: websocket, steps: [{{ stay: 1s }}] }}")
        };
        let actors: Vec<_> = actors.iter().map(actor).collect();
        let text = format!("actors: {{ {} }}\nload: {{ for: 1s, populations: [{populations}] }}\n", actors.join(", "));
        let protocol = Protocol::embedded().unwrap();
        let scenario = crate::scenario::load_text(Path::new("test.yaml"), text, &protocol, &|_| Ok(None));
        classes(&scenario.unwrap_or_else(|errors| panic!("{}", errors.render(false))))
    }

    fn class(name: &str, population: &str, part: Part) -> Class {
        Class { name: name.to_owned(), population: population.to_owned(), part, web: false }
    }

    #[test]
    fn each_population_is_a_class() {
        let found = of(
            &["agent", "web-form", "customer", "crowd_2"],
            "{ actor: agent, standing: 6 }, { actor: web-form, concurrent: 9 }, { actor: customer, arrive: { rate: 2.5/s } }, \
             { actor: crowd_2, together: 40 }, { actor: customer, arrive: { rate: 9/s } }",
        );
        assert_eq!(
            found,
            Ok(vec![
                class("Agent", "agent", Part::Fixed(6)),
                class("WebForm", "web-form", Part::Weight(9)),
                class("Customer", "customer", Part::Weight(3)),
                class("Crowd2", "crowd_2", Part::Weight(40)),
            ])
        );
    }

    #[test]
    fn what_a_worker_cannot_do_is_told() {
        let form = Class { web: true, ..class("WebForm", "web-form", Part::Weight(1)) };
        let classes = [class("Agent", "agent", Part::Fixed(1)), form];
        let of = |counts: &[(&str, u64)]| {
            let counts = counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
            let (wanted, complaints) = wanted(&classes, &counts);
            (wanted.into_iter().collect::<Vec<_>>(), complaints.into_iter().map(|told| told.msg).collect::<Vec<_>>())
        };
        let wanted = |agents, forms| vec![("agent".to_owned(), agents), ("web-form".to_owned(), forms)];
        assert_eq!(of(&[("Agent", 5000), ("WebForm", 1024), ("Other", 0)]), (wanted(5000, 1024), Vec::new()));
        assert_eq!(
            of(&[("Agent", 1), ("WebForm", 1025)]),
            (
                wanted(1, 1025),
                vec!["a worker has at most 1024 of `WebForm`, which use the Web API; start more workers".to_owned()]
            )
        );
        assert_eq!(
            of(&[("Visitor", 1)]),
            (
                Vec::new(),
                vec![
                    "this worker's scenario has no user class `Visitor`; print the locustfile anew, with `chatproof worker --locustfile`"
                        .to_owned()
                ]
            )
        );
    }

    #[test]
    fn names_that_do_not_do_are_told() {
        let told = of(&["a-b", "a_b"], "{ actor: a-b, standing: 1 }, { actor: a_b, standing: 1 }").unwrap_err();
        let expected = "the populations `a-b` and `a_b` would both be the user class `AB`; rename one of them";
        assert_eq!(told.to_string(), expected);
        let told = of(&["2nd"], "{ actor: 2nd, standing: 1 }").unwrap_err().to_string();
        let expected =
            "no user class can be called after the population `2nd`; give it a name that begins with a letter";
        assert_eq!(told, expected);
    }
}
