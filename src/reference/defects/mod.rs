//! Faults that the server can be told to have, so that whoever judges servers can be judged himself.
//!
//! They are rows of a table (`table.yaml`): each has one effect and no other. Most change messages and requests on their way (`edit`,
//! `striking`); where that cannot say it, a rule of the world is broken (`flag`).

mod edit;
mod flag;
mod row;
mod sabotage;
mod striking;

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

pub use row::DefectRow;

pub(super) use edit::Edit;
pub(super) use flag::{Flag, Flags};
pub(super) use row::{Audience, Copies, Point};
pub(super) use striking::{Defects, Delivery, Fate, Occasion, Pace};

static TABLE: LazyLock<Result<Vec<DefectRow>, DefectError>> = LazyLock::new(|| read(include_str!("table.yaml")));

fn read(text: &str) -> Result<Vec<DefectRow>, DefectError> {
    let broken = |reason: String| DefectError::BrokenTable { reason };
    let rows: Vec<DefectRow> = serde_saphyr::from_str(text).map_err(|error| broken(error.to_string()))?;
    for (n, row) in rows.iter().enumerate() {
        if let Some(fault) = row.fault() {
            return Err(broken(format!("`{}`: {fault}", row.name)));
        }
        if rows[..n].iter().any(|other| other.name == row.name) {
            return Err(broken(format!("`{}` is there twice", row.name)));
        }
    }
    Ok(rows)
}

impl DefectRow {
    /// All defects, in the order of the table.
    ///
    /// # Errors
    /// Only when the built-in table is broken, which the tests rule out.
    pub fn all() -> Result<&'static [Self], DefectError> {
        TABLE.as_deref().map_err(Clone::clone)
    }
}

/// A defect and how often it shows.
#[derive(Debug, Clone, Copy)]
pub struct Defect {
    /// Which.
    pub row: &'static DefectRow,
    /// In how many of its opportunities, from 0 to 1.
    pub probability: f64,
}

/// Text that is not `NAME[=probability]`.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum DefectError {
    /// There is no such defect.
    #[error("unknown defect `{wanted}`{}; `chatproof serve --list-defects` lists all {count}", .closest.map(|name| format!(", did you mean `{name}`?")).unwrap_or_default())]
    UnknownName {
        /// What was asked for.
        wanted: String,
        /// What may have been meant.
        closest: Option<&'static str>,
        /// How many there are.
        count: usize,
    },
    /// The part after `=` is not a probability.
    #[error("the probability of defect `{name}` is `{got}`; allowed: a number from 0 to 1")]
    BadProbability {
        /// Of which defect.
        name: &'static str,
        /// What stood there.
        got: String,
    },
    /// The built-in table of defects cannot be read.
    #[error("the table of defects: {reason}")]
    BrokenTable {
        /// What is wrong with it.
        reason: String,
    },
}

impl fmt::Display for Defect {
    /// The text that reads back as this defect.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.row.name)?;
        if self.probability < 1.0 { write!(f, "={}", self.probability) } else { Ok(()) }
    }
}

impl FromStr for Defect {
    type Err = DefectError;

    fn from_str(text: &str) -> Result<Self, DefectError> {
        let (name, probability) = match text.split_once('=') {
            Some((name, probability)) => (name.trim(), Some(probability.trim())),
            None => (text.trim(), None),
        };
        let rows = DefectRow::all()?;
        let Some(row) = rows.iter().find(|row| row.name == name) else {
            let closest = rows
                .iter()
                .map(|row| (strsim::jaro_winkler(&row.name, name), row.name.as_str()))
                .filter(|(likeness, _)| *likeness > 0.75)
                .max_by(|(a, _), (b, _)| a.total_cmp(b))
                .map(|(_, known)| known);
            return Err(DefectError::UnknownName { wanted: name.to_owned(), closest, count: rows.len() });
        };
        let probability = match probability {
            None => 1.0,
            Some(text) => text
                .parse()
                .ok()
                .filter(|number| (0.0..=1.0).contains(number))
                .ok_or_else(|| DefectError::BadProbability { name: &row.name, got: text.to_owned() })?,
        };
        Ok(Self { row, probability })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back_with_and_without_a_probability() {
        for row in DefectRow::all().unwrap() {
            for (text, probability) in [(row.name.clone(), 1.0), (format!("{}=0.25", row.name), 0.25)] {
                let defect = text.parse::<Defect>().unwrap();
                assert_eq!((&defect.row.name, defect.probability), (&row.name, probability));
                assert_eq!(defect.to_string(), text);
            }
        }
    }

    #[test]
    fn an_unknown_name_is_answered_with_a_guess_and_where_the_list_is() {
        let error = "wrong-typ".parse::<Defect>().unwrap_err().to_string();
        let start =
            "unknown defect `wrong-typ`, did you mean `wrong-type`?; `chatproof serve --list-defects` lists all ";
        assert!(error.starts_with(start), "{error}");
        assert!(matches!("zzz".parse::<Defect>(), Err(DefectError::UnknownName { closest: None, .. })));
    }

    #[test]
    fn a_probability_lies_between_0_and_1() {
        for bad in ["lost-push=", "lost-push=2", "lost-push=-1", "lost-push=NaN", "lost-push=often"] {
            assert!(
                matches!(bad.parse::<Defect>(), Err(DefectError::BadProbability { name: "lost-push", .. })),
                "{bad}"
            );
        }
    }

    #[test]
    fn a_row_that_makes_no_sense_is_refused() {
        let row = |rest: &str| read(&format!("- {{ name: a, about: b, {rest} }}"));
        assert!(row("at: { push: incoming_event }, do: withhold").is_ok());
        for bad in [
            "do: withhold",
            "do: nonsense",
            "at: { push: a, response: b }, do: { remove: /a }",
            "at: { push: a }, do: { remove: a }",
            "at: { push: a }, do: { flag: no_such_flag }",
            "at: { push: a }, do: { flag: order_reused }",
            "at: { response: a }, do: { refuse: validation }",
            "at: { response: a }, do: { to: agents }",
            "at: { response: a, copy: others }, do: withhold",
            "at: { response: a, sideways: true }, do: withhold",
            "at: { request: a }, do: { frame: { remove: /type } }",
            "at: { request: a, member: /b }, do: ignore",
        ] {
            assert!(matches!(row(bad), Err(DefectError::BrokenTable { .. })), "{bad}");
        }
        let twice = read(
            "[{ name: a, about: b, do: { flag: order_reused } }, { name: a, about: c, do: { flag: order_reused } }]",
        );
        assert_eq!(twice.unwrap_err().to_string(), "the table of defects: `a` is there twice");
    }
}
