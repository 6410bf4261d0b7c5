//! Faults that the server can be told to have, so that whoever judges servers can be judged himself.
//!
//! Each has one effect and no other; `probability` is per opportunity, and the opportunities are named below.

mod sabotage;

use std::fmt;
use std::str::FromStr;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

pub(super) use sabotage::{miss_member, mistype};

macro_rules! defects {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal;)+) => {
        /// What can be wrong with the server.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum DefectKind {
            $($(#[doc = $doc])+ $name,)+
        }

        impl DefectKind {
            /// All of them, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The name on the command line.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }
        }
    };
}

defects! {
    /// One member of a successful response has another JSON type than documented. Opportunity: every such response.
    WrongType = "wrong-type";
    /// The response of a sent event lacks `event.timestamp`. Opportunity: every such response.
    MissingMember = "missing-member";
    /// An event gets the order of the one before in its thread, everywhere. Opportunity: every event that is not the first.
    DuplicateOrder = "duplicate-order";
    /// An `incoming_event` arrives after the next one of its thread. Opportunity: every such push on every connection.
    ReorderedDelivery = "reordered-delivery";
    /// A user other than the requester gets no `incoming_event`. Opportunity: every such push to every user.
    LostPush = "lost-push";
    /// An `incoming_event` arrives twice. Opportunity: every such push on every connection.
    DuplicatedPush = "duplicated-push";
    /// `send_event` is carried out but never answered. Opportunity: every `send_event`.
    NoAnswer = "no-answer";
    /// `send_event` is answered after 16 s. Opportunity: every `send_event`.
    LateAnswer = "late-answer";
    /// A response carries an id that belongs to no request. Opportunity: every response over RTM but that of `login`.
    WrongCorrelation = "wrong-correlation";
    /// An event for agents is pushed to the customer of the chat, too. Opportunity: every such event.
    AgentsOnlyLeak = "agents-only-leak";
}

/// A defect and how often it shows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Defect {
    /// Which.
    pub kind: DefectKind,
    /// In how many of its opportunities, from 0 to 1.
    pub probability: f64,
}

/// Text that is not `NAME[=probability]`.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum DefectError {
    /// There is no such defect.
    #[error("unknown defect `{wanted}`{}; allowed: {allowed}", .closest.map(|name| format!(", did you mean `{name}`?")).unwrap_or_default())]
    UnknownName {
        /// What was asked for.
        wanted: String,
        /// What may have been meant.
        closest: Option<&'static str>,
        /// Comma-separated list of all.
        allowed: String,
    },
    /// The part after `=` is not a probability.
    #[error("the probability of defect `{name}` is `{got}`; allowed: a number from 0 to 1")]
    BadProbability {
        /// Of which defect.
        name: &'static str,
        /// What stood there.
        got: String,
    },
}

impl fmt::Display for Defect {
    /// The text that reads back as this defect.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.name())?;
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
        let Some(kind) = DefectKind::ALL.iter().copied().find(|kind| kind.name() == name) else {
            let names = DefectKind::ALL.iter().map(|kind| kind.name());
            let closest = names
                .clone()
                .map(|known| (strsim::jaro_winkler(known, name), known))
                .filter(|(likeness, _)| *likeness > 0.75)
                .max_by(|(a, _), (b, _)| a.total_cmp(b))
                .map(|(_, known)| known);
            let allowed = names.collect::<Vec<_>>().join(", ");
            return Err(DefectError::UnknownName { wanted: name.to_owned(), closest, allowed });
        };
        let probability = match probability {
            None => 1.0,
            Some(text) => text
                .parse()
                .ok()
                .filter(|number| (0.0..=1.0).contains(number))
                .ok_or_else(|| DefectError::BadProbability { name: kind.name(), got: text.to_owned() })?,
        };
        Ok(Self { kind, probability })
    }
}

/// The defects of a running server, and its luck.
#[derive(Debug)]
pub(super) struct Defects {
    chances: Vec<Defect>,
    random: ChaCha8Rng,
}

impl Defects {
    pub(super) fn new(chances: Vec<Defect>, seed: u64) -> Self {
        Self { chances, random: ChaCha8Rng::seed_from_u64(seed) }
    }

    /// Whether the defect shows at this opportunity.
    pub(super) fn strikes(&mut self, kind: DefectKind) -> bool {
        // Nearly always empty, so that a clean server does not even draw a number.
        self.chances
            .iter()
            .find(|defect| defect.kind == kind)
            .is_some_and(|defect| self.random.random_bool(defect.probability.clamp(0.0, 1.0)))
    }

    /// The source of chance, for defects that choose.
    pub(super) fn random(&mut self) -> &mut ChaCha8Rng {
        &mut self.random
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back_with_and_without_a_probability() {
        for kind in DefectKind::ALL.iter().copied() {
            for (text, probability) in [(kind.name().to_owned(), 1.0), (format!("{}=0.25", kind.name()), 0.25)] {
                let defect = text.parse::<Defect>().unwrap();
                assert_eq!((defect, defect.to_string()), (Defect { kind, probability }, text));
            }
        }
    }

    #[test]
    fn an_unknown_name_is_answered_with_a_guess_and_the_list() {
        let error = "wrong-typ".parse::<Defect>().unwrap_err().to_string();
        assert!(error.starts_with(
            "unknown defect `wrong-typ`, did you mean `wrong-type`?; allowed: wrong-type, missing-member,"
        ));
        let error = "zzz".parse::<Defect>().unwrap_err();
        assert!(matches!(error, DefectError::UnknownName { closest: None, .. }));
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
    fn a_defect_strikes_as_often_as_it_should_and_the_same_way_for_a_seed() {
        let strikes = |seed| {
            let half = Defect { kind: DefectKind::LostPush, probability: 0.5 };
            let mut defects = Defects::new(vec![half], seed);
            assert!(!defects.strikes(DefectKind::NoAnswer));
            (0..1000).map(|_| defects.strikes(DefectKind::LostPush)).collect::<Vec<_>>()
        };
        let first = strikes(1);
        let count = first.iter().filter(|struck| **struck).count();
        assert!((400..600).contains(&count), "{count}");
        assert_eq!(first, strikes(1));
        assert_ne!(first, strikes(2));
    }
}
