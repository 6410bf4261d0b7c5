//! A file that says what was certified, with what, and what came of it.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Certification, Profile};
use crate::protocol::{Fingerprints, Protocol, Transport, sha256};
use crate::verdict::Judgement;

/// What was certified, with what, and what came of it.
#[derive(Debug, Serialize)]
pub struct Attestation {
    /// Version of this format.
    pub format: u32,
    /// Version of chatproof.
    pub version: String,
    /// Who was certified.
    pub target: String,
    /// When, in UTC.
    pub started: String,
    /// How the documents were read.
    pub profile: Profile,
    /// Over which real-time transport.
    pub transport: Transport,
    /// Whether slow cases were left out.
    pub quick: bool,
    /// Seed of all choices.
    pub seed: u64,
    /// By dialect: the certified verdict, which ignores waivers, and the data that it rests on.
    pub dialects: BTreeMap<String, Attested>,
    /// SHA-256 of the certification scenarios.
    pub cases: String,
    /// SHA-256 of the certificate file.
    pub certificate: String,
    /// SHA-256 of the history file.
    pub history: String,
}

/// What is attested of one dialect.
#[derive(Debug, Serialize)]
pub struct Attested {
    /// The certified verdict.
    pub judgement: Judgement,
    /// Hashes of the data it rests on.
    pub data: Fingerprints,
}

impl Attestation {
    /// Attests a certification. `certificate` and `history` are the files as they were written, `cases` is the hash of the
    /// scenarios.
    pub fn new(
        certification: &Certification,
        protocol: &Protocol,
        (target, started): (&str, &str),
        cases: &str,
        (certificate, history): (&[u8], &[u8]),
    ) -> Self {
        let attested = certification.certificates.iter().filter_map(|certificate| {
            let data = protocol.dialect(certificate.dialect.as_str()).ok()?.fingerprints.clone();
            Some((certificate.dialect.to_string(), Attested { judgement: certificate.judgement, data }))
        });
        Self {
            format: 1,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            target: target.to_owned(),
            started: started.to_owned(),
            profile: certification.profile,
            transport: certification.transport,
            quick: certification.quick,
            seed: certification.seed,
            dialects: attested.collect(),
            cases: cases.to_owned(),
            certificate: sha256(certificate),
            history: sha256(history),
        }
    }
}
