//! What a certification comes to, as data for reports.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Options, Profile};
use crate::observe::TranscriptFrame;
use crate::protocol::{
    Basis, DialectName, ErratumId, ErratumKind, Exclusion, Level, Line, Reason, RequirementId, Transport,
};
use crate::verdict::Judgement;

/// All certificates of a run.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Certification {
    /// The worst of the certificates.
    pub judgement: Judgement,
    /// The same with waivers, which the certified judgement ignores.
    pub accepted: Judgement,
    /// How the documents were read.
    pub profile: Profile,
    /// Over which real-time transport.
    pub transport: Transport,
    /// Whether slow cases were left out.
    pub quick: bool,
    /// Whether requirements that were not exercised do not matter.
    pub allow_missing: bool,
    /// Seed of all choices.
    pub seed: u64,
    /// One for each dialect.
    pub certificates: Vec<Certificate>,
    /// What happened on all connections, one JSON object a line.
    #[serde(skip)]
    pub history: Vec<String>,
}

/// What a certification says about one dialect.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Certificate {
    /// The dialect.
    pub dialect: DialectName,
    /// The file name of its document.
    pub document: String,
    /// In a word.
    pub judgement: Judgement,
    /// The same with waivers, which the certified judgement ignores.
    pub accepted: Judgement,
    /// Why it is not better, the most important first.
    #[schemars(with = "Vec<String>")]
    pub reasons: Vec<Objection>,
    /// The requirements, by id.
    pub rows: Vec<Row>,
    /// Violations that belong to no requirement.
    pub unattributed: Vec<Unattributed>,
    /// Steps that should have prepared something, and did not.
    pub prerequisites: Vec<String>,
    /// Actions that the target does not have.
    pub not_offered: Vec<String>,
    /// How many requirements there are, of which kind.
    pub counts: Counts,
    /// What of the schemas was seen.
    pub coverage: Coverage,
    /// Where the documents' own words and our reading of them judge a message differently.
    pub differences: Vec<Difference>,
    /// What is wrong with the documents, for their owner.
    pub documents: Vec<DocumentFinding>,
}

/// Something to be said against a target. As JSON it is its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Objection {
    /// In a sentence.
    pub text: String,
    /// The requirement that it is about, for those who want to see more of it.
    pub requirement: Option<RequirementId>,
}

impl From<String> for Objection {
    fn from(text: String) -> Self {
        Self { text, requirement: None }
    }
}

impl Serialize for Objection {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

/// A requirement and what came of it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Row {
    /// Its id.
    pub id: RequirementId,
    /// How binding it is.
    pub level: Level,
    /// Where the sentence comes from.
    pub basis: Basis,
    /// Heading of the document under which it stands.
    pub section: String,
    /// In our words.
    pub statement: String,
    /// Where it stands.
    pub lines: Vec<Line>,
    /// What came of it.
    pub verdict: RowVerdict,
    /// Whose fault it is that it is not a pass.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blame: Option<Blame>,
    /// What its checks said.
    pub checks: Vec<CheckOutcome>,
    /// Why nothing checks it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub excluded: Option<Exclusion>,
    /// The reason of the waiver that covers it. It changes nothing in the verdict.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waived: Option<String>,
}

/// What came of a requirement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RowVerdict {
    /// All of its checks were carried out, and held.
    Pass,
    /// Nothing checks it, for a written reason.
    Excluded,
    /// Broken, and only worth knowing.
    Info,
    /// Nothing that would show it happened.
    NotExercised,
    /// Broken in a way that is legal by the letter.
    NonStrict,
    /// A check could not be carried out.
    Inconclusive,
    /// Broken.
    Fail,
}

impl RowVerdict {
    /// All of them, from good to bad.
    pub const ALL: [Self; 7] =
        [Self::Pass, Self::Excluded, Self::Info, Self::NotExercised, Self::NonStrict, Self::Inconclusive, Self::Fail];

    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Excluded => "excluded",
            Self::Info => "info",
            Self::NotExercised => "not exercised",
            Self::NonStrict => "non-strict",
            Self::Inconclusive => "inconclusive",
            Self::Fail => "fail",
        }
    }
}

/// Whose fault something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Blame {
    /// The server broke a promise.
    Server,
    /// The client did.
    Client,
    /// Our own run could not show it.
    Harness,
    /// The documents leave it in dispute.
    Document,
}

/// What one check of a requirement said.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct CheckOutcome {
    /// The check, as the requirement names it.
    pub check: String,
    /// What it said.
    pub state: CheckState,
    /// What was expected, or why there is nothing to say.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// In which case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub case: Option<String>,
    /// Which actor, and the place of the step in the case's file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// JSON pointer into the payload of the last frame, when it is about a member of that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// The connection's last frames.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub frames: Vec<TranscriptFrame>,
}

/// What a check said, the most telling last: what is known to be broken is so, whatever else could not be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckState {
    /// It was carried out, and held.
    Held,
    /// Nothing happened that it could look at.
    NotRun,
    /// Left out because it is slow.
    LeftOut,
    /// It could not be carried out.
    Unfit,
    /// It did not hold, but that is only worth knowing.
    BrokenInfo,
    /// It did not hold, which is legal by the letter.
    BrokenNonStrict,
    /// It did not hold.
    Broken,
}

/// A violation that belongs to no requirement of the dialect.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Unattributed {
    /// Its kind, or the schema that was broken.
    pub kind: String,
    /// Whether it fails.
    pub fails: bool,
    /// Expected and got.
    pub detail: String,
    /// Document and line, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// JSON pointer into the payload of the last frame, when it is about a member of that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// The connection's last frames.
    pub frames: Vec<TranscriptFrame>,
}

/// How many requirements there are, of which kind.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub struct Counts {
    /// By level: all, and those with a check.
    pub levels: BTreeMap<Level, (usize, usize)>,
    /// Excluded ones, by reason.
    pub excluded: BTreeMap<Reason, usize>,
    /// By verdict.
    pub verdicts: BTreeMap<RowVerdict, usize>,
    /// By section of the document and verdict.
    pub sections: Vec<(String, BTreeMap<RowVerdict, usize>)>,
}

/// What of the schemas was seen.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub struct Coverage {
    /// Members that a server can show, and those that were seen.
    pub members: (usize, usize),
    /// Listed values, and those that were seen.
    pub values: (usize, usize),
    /// Responses, and those that were seen.
    pub responses: (usize, usize),
    /// Pushes, and those that were seen.
    pub pushes: (usize, usize),
    /// Error types, and those that were seen.
    pub errors: (usize, usize),
    /// What was not seen.
    pub unseen: Vec<String>,
    /// What was seen and no schema knows, with how often.
    pub unknown: Vec<(String, u64)>,
}

/// A message that the documents' own words and our reading of them judge differently.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Difference {
    /// The message and the path in it.
    pub at: String,
    /// What is asked for there.
    pub expected: String,
    /// Whether the documents' words are broken (and our reading is kept), or the other way round.
    pub breaks_the_words: bool,
    /// The erratum behind it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub erratum: Option<ErratumId>,
    /// Document and line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// How often.
    pub count: u64,
}

/// Something that the owner of the documents should mend.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct DocumentFinding {
    /// Its id.
    pub id: ErratumId,
    /// What is the matter.
    pub kind: ErratumKind,
    /// In a sentence.
    pub about: String,
    /// Where.
    pub lines: Vec<Line>,
    /// The reading we took.
    pub taken: String,
}

impl Certification {
    pub(super) fn new(certificates: Vec<Certificate>, options: &Options, history: Vec<String>) -> Self {
        let mut certification = Self {
            // Nothing certified is nothing shown.
            judgement: Judgement::Inconclusive,
            accepted: Judgement::Inconclusive,
            profile: options.profile,
            transport: options.transport,
            quick: options.quick,
            allow_missing: options.allow_missing,
            seed: options.seed,
            certificates,
            history,
        };
        certification.conclude();
        certification
    }

    /// The worst of the certificates is what the whole comes to.
    pub(super) fn conclude(&mut self) {
        let rank = |judgement: &Judgement| match judgement {
            Judgement::Failed => 3,
            Judgement::Inconclusive => 2,
            Judgement::NonStrict => 1,
            Judgement::Passed => 0,
        };
        let worst = |judgements: Vec<Judgement>| judgements.into_iter().max_by_key(rank);
        let certificates = &self.certificates;
        self.judgement = worst(certificates.iter().map(|one| one.judgement).collect()).unwrap_or(self.judgement);
        self.accepted = worst(certificates.iter().map(|one| one.accepted).collect()).unwrap_or(self.accepted);
    }
}
