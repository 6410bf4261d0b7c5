//! Values of the command line, as people write them.

use std::time::Duration;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use crate::reference::Hardship;
use crate::scenario::{parse_duration, parse_rate};

pub fn at_least_one() -> impl TypedValueParser<Value = usize> {
    clap::value_parser!(u64).range(1..).map(|number| usize::try_from(number).unwrap_or(usize::MAX))
}

/// One hardship, or all of them.
#[derive(Debug, Clone, Copy)]
pub struct Hardships(&'static [Hardship]);

impl Hardships {
    /// Those that were asked for.
    pub fn of(asked: &[Self]) -> Vec<Hardship> {
        asked.iter().flat_map(|hardships| hardships.0).copied().collect()
    }
}

pub fn hardships() -> impl TypedValueParser<Value = Hardships> {
    let values = Hardship::ALL.iter().map(|hardship| PossibleValue::new(hardship.name()).help(hardship.about()));
    let all = PossibleValue::new("all").help("All of these.");
    PossibleValuesParser::new(values.chain([all])).map(|name| {
        let place = Hardship::ALL.iter().position(|hardship| hardship.name() == name);
        Hardships(place.map_or(Hardship::ALL, |place| &Hardship::ALL[place..=place]))
    })
}

/// A load: of a population that arrives at a rate, or of one with a number of users.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Amount {
    Rate(f64),
    Users(usize),
}

pub fn amount(text: &str) -> Result<Amount, String> {
    let rate = || parse_rate(text).ok().filter(|rate| *rate > 0.0).map(Amount::Rate);
    let users = || text.parse().ok().filter(|users| *users > 0).map(Amount::Users);
    rate().or_else(users).ok_or_else(|| format!("`{text}` is neither a rate such as `20/s` nor a number of users"))
}

/// A value for one population, or for the only one that it fits.
#[derive(Debug, Clone, PartialEq)]
pub struct Named<T> {
    pub name: Option<String>,
    pub value: T,
}

pub fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).map_err(|error| error.to_string())
}

pub fn named_rate(text: &str) -> Result<Named<f64>, String> {
    named(text, |rate| parse_rate(rate).map_err(|error| error.to_string()))
}

pub fn named_count(text: &str) -> Result<Named<usize>, String> {
    named(text, |count| count.parse().map_err(|_| format!("`{count}` is not a number of users")))
}

fn named<T>(text: &str, parse: impl Fn(&str) -> Result<T, String>) -> Result<Named<T>, String> {
    match text.split_once('=') {
        Some((name, value)) => Ok(Named { name: Some(name.to_owned()), value: parse(value)? }),
        None => Ok(Named { name: None, value: parse(text)? }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_is_a_rate_or_a_number_of_users_and_never_nothing() {
        assert_eq!((amount("90/min"), amount("12")), (Ok(Amount::Rate(1.5)), Ok(Amount::Users(12))));
        for text in ["0", "0/s", "-1", "many", "5 /s"] {
            let expected = format!("`{text}` is neither a rate such as `20/s` nor a number of users");
            assert_eq!(amount(text), Err(expected));
        }
    }

    #[test]
    fn a_value_may_name_its_population() {
        assert_eq!(named_count("desk=4"), Ok(Named { name: Some("desk".into()), value: 4 }));
        assert_eq!(named_count("4"), Ok(Named { name: None, value: 4 }));
        assert!(named_count("desk=many").unwrap_err().contains("many"));
    }
}
