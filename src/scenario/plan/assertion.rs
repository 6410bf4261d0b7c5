//! What should hold of a value.

use serde_json::Value;

use crate::scenario::template::{Lookup, Template};

/// Something that should hold of a payload or of a value. `T` is [`Template`] in a plan, and a value once its holes are
/// filled.
#[derive(Debug, Clone, PartialEq)]
pub struct Assertion<T = Template> {
    /// What it is about.
    pub subject: Subject<T>,
    /// What should hold of it.
    pub claim: Claim<T>,
}

/// What an assertion is about.
#[derive(Debug, Clone, PartialEq)]
pub enum Subject<T = Template> {
    /// A place in the payload: a JSON pointer in which `*` stands for every element or member.
    At(String),
    /// A value that is known already.
    Value {
        /// How the file writes it, such as `${chat}`.
        written: String,
        /// The value.
        value: T,
    },
}

/// What should hold.
#[derive(Debug, Clone, PartialEq)]
pub enum Claim<T = Template> {
    /// It is this.
    Equals(T),
    /// It is anything but this.
    Not(T),
    /// Something is there, or nothing is.
    Present(bool),
    /// An array has so many elements, an object so many members, a text so many characters.
    Size(u64),
    /// An array has this element; a text contains this text.
    Includes(T),
    /// The contrary of `Includes`.
    Excludes(T),
    /// A number compares with this one.
    Compared(Comparison, T),
    /// It is of this type.
    Type(JsonType),
    /// An array of numbers of which none is smaller than the one before.
    Ascending,
}

/// How a number should compare with another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// Larger.
    Above,
    /// Smaller.
    Below,
    /// Larger or equal.
    AtLeast,
    /// Smaller or equal.
    AtMost,
}

/// The types that an assertion can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonType {
    /// A text.
    String,
    /// A whole number.
    Integer,
    /// `true` or `false`.
    Boolean,
    /// An object.
    Object,
    /// An array.
    Array,
    /// Null.
    Null,
}

impl Assertion {
    /// Fills the holes.
    ///
    /// # Errors
    /// In words, when a hole has no value, or a bound is no number.
    pub fn fill(&self, lookup: &mut impl Lookup) -> Result<Assertion<Value>, String> {
        let mut fill = |template: &Template| template.fill(lookup).map_err(|hole| format!("{hole} has no value"));
        let subject = match &self.subject {
            Subject::At(pointer) => Subject::At(pointer.clone()),
            Subject::Value { written, value } => Subject::Value { written: written.clone(), value: fill(value)? },
        };
        let claim = match &self.claim {
            Claim::Equals(value) => Claim::Equals(fill(value)?),
            Claim::Not(value) => Claim::Not(fill(value)?),
            Claim::Present(present) => Claim::Present(*present),
            Claim::Size(size) => Claim::Size(*size),
            Claim::Includes(value) => Claim::Includes(fill(value)?),
            Claim::Excludes(value) => Claim::Excludes(fill(value)?),
            Claim::Compared(comparison, bound) => match fill(bound)? {
                bound if bound.is_number() => Claim::Compared(*comparison, bound),
                _ => return Err(format!("`{}` needs a number", comparison.key())),
            },
            Claim::Type(kind) => Claim::Type(*kind),
            Claim::Ascending => Claim::Ascending,
        };
        Ok(Assertion { subject, claim })
    }
}

impl Comparison {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Above, Self::Below, Self::AtLeast, Self::AtMost];

    /// The key in a scenario file.
    pub fn key(self) -> &'static str {
        match self {
            Self::Above => "above",
            Self::Below => "below",
            Self::AtLeast => "at_least",
            Self::AtMost => "at_most",
        }
    }
}
