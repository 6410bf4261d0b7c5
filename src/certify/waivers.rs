//! Failures that somebody has agreed to live with for a while.
//!
//! A waiver never changes the certified verdict; it changes what the exit code says of the run, and only as long as it is true.

use jiff::civil::Date;
use serde::Deserialize;

use super::certificate::{Certification, RowVerdict};
use super::judge::judgement;
use crate::protocol::{Protocol, RequirementId};

/// The waivers of a file.
#[derive(Debug, Clone, Default)]
pub struct Waivers(Vec<Waiver>);

/// One waiver.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Waiver {
    /// What may be broken.
    requirement: RequirementId,
    /// Why that is accepted.
    reason: String,
    /// Who answers for it.
    owner: String,
    /// The last day on which it holds.
    expires: Date,
}

/// Why waivers cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WaiverError {
    /// The file is not a list of waivers.
    #[error("not a list of waivers, each with `requirement`, `reason`, `owner` and `expires`: {0}")]
    Malformed(String),
    /// A waiver leaves something empty.
    #[error("the waiver for {0} needs a reason and an owner")]
    Empty(RequirementId),
    /// There is no such requirement.
    #[error("the waiver for {0}: there is no such requirement")]
    Unknown(RequirementId),
    /// There are two for one requirement.
    #[error("there are two waivers for {0}")]
    Twice(RequirementId),
    /// Its day is over.
    #[error("the waiver for {id} (owner: {owner}) expired on {date}; mend the server, or agree on a new one")]
    Expired {
        /// Of which requirement.
        id: RequirementId,
        /// Who answers for it.
        owner: String,
        /// When.
        date: Date,
    },
    /// What it waives holds.
    #[error("the waiver for {id} (owner: {owner}) is stale: the requirement is not broken; take the waiver out")]
    Stale {
        /// Of which requirement.
        id: RequirementId,
        /// Who answers for it.
        owner: String,
    },
}

impl Waivers {
    /// Reads a waivers file, and refuses waivers that are over on this day.
    ///
    /// # Errors
    /// What is wrong with the first waiver that cannot be used.
    pub fn parse(text: &str, protocol: &Protocol, today: Date) -> Result<Self, WaiverError> {
        let list: Vec<Waiver> =
            serde_saphyr::from_str(text).map_err(|error| WaiverError::Malformed(error.to_string()))?;
        for (number, waiver) in list.iter().enumerate() {
            let id = waiver.requirement.clone();
            if waiver.reason.trim().is_empty() || waiver.owner.trim().is_empty() {
                return Err(WaiverError::Empty(id));
            }
            if !protocol.dialects().any(|dialect| dialect.requirements.contains_key(&id)) {
                return Err(WaiverError::Unknown(id));
            }
            if list[..number].iter().any(|other| other.requirement == id) {
                return Err(WaiverError::Twice(id));
            }
            if waiver.expires < today {
                return Err(WaiverError::Expired { id, owner: waiver.owner.clone(), date: waiver.expires });
            }
        }
        Ok(Self(list))
    }

    /// Marks the rows that are waived, and says what the run comes to with them.
    ///
    /// # Errors
    /// When a waiver covers something that is not broken.
    pub fn apply(&self, certification: &mut Certification) -> Result<(), WaiverError> {
        for certificate in &mut certification.certificates {
            for row in &mut certificate.rows {
                let Some(waiver) = self.0.iter().find(|waiver| waiver.requirement == row.id) else { continue };
                if matches!(row.verdict, RowVerdict::Pass | RowVerdict::Excluded | RowVerdict::Info) {
                    return Err(WaiverError::Stale { id: row.id.clone(), owner: waiver.owner.clone() });
                }
                row.waived = Some(format!("{} ({}, until {})", waiver.reason, waiver.owner, waiver.expires));
            }
            let rows = certificate.rows.iter().filter(|row| row.waived.is_none());
            let (unattributed, prerequisites) = (&certificate.unattributed, &certificate.prerequisites);
            let allow_missing = certification.allow_missing;
            (certificate.accepted, _) = judgement(rows, unattributed, prerequisites, allow_missing);
        }
        certification.conclude();
        Ok(())
    }
}
