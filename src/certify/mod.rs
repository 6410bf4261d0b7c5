//! The conformance run: every requirement of a dialect, what proves it, and what came of it.
//!
//! Cases are scenario files; they run on the same interpreter as load does. What their steps prove, what the oracles and schemas
//! say and what was never seen becomes a [`Certificate`], row by row.

mod attest;
mod cases;
mod certificate;
mod evidence;
mod judge;
mod perform;
mod waivers;
mod witness;

#[cfg(test)]
mod tests;

pub use attest::{Attestation, Attested};
pub use cases::{Case, CaseError, Cases};
pub use certificate::{
    Blame, Certificate, Certification, CheckOutcome, CheckState, Counts, Coverage, Difference, DocumentFinding,
    Objection, Row, RowVerdict, Unattributed,
};
pub use perform::{CasesDone, CertifyError, Options, Place, Profile, Venue, certify};
pub use waivers::{WaiverError, Waivers};
