//! The certificate that people open in a browser: what does not pass with its evidence, then every requirement, what was seen of the
//! schemas, and what is wrong with the documents.

mod broken;
mod coverage;
mod documents;
mod matrix;
mod summary;
#[cfg(test)]
mod tests;

use std::io::{self, Write};

use super::CertifyMeta;
use crate::certify::{Certificate, Certification, Objection, RowVerdict};
use crate::protocol::{RequirementId, Transport};
use crate::report::format::{duration, one_line};
use crate::report::html::{Badge, Cause, Head, Section, Tone, page};
use crate::verdict::Judgement;

/// Writes the certification as a page.
///
/// # Errors
/// When the writer fails.
pub fn html(certification: &Certification, meta: &CertifyMeta, out: &mut impl Write) -> io::Result<()> {
    let sections = [
        Some(summary::section(certification)),
        broken::section(certification),
        matrix::sections_of_documents(certification),
        matrix::not_tested(certification),
        matrix::waived(certification),
        matrix::requirements(certification),
        coverage::section(certification),
        documents::findings(certification),
        documents::differences(certification),
    ];
    let sections: Vec<Section> = sections.into_iter().flatten().collect();
    out.write_all(page(&head(certification, meta), &sections).into_string().as_bytes())
}

fn head(certification: &Certification, meta: &CertifyMeta) -> Head {
    let several = certification.certificates.len() > 1;
    let causes = certification.certificates.iter().flat_map(|certificate| {
        let dialect = if several { format!("{}: ", certificate.dialect) } else { String::new() };
        certificate.reasons.iter().map(move |reason| cause(certificate, &dialect, reason))
    });
    let mut facts = vec![
        format!("profile {}", certification.profile),
        format!("seed {}", certification.seed),
        format!("{} from {}", duration(meta.duration), one_line(&meta.started)),
        format!("chatproof {}", one_line(&meta.version)),
    ];
    facts.extend((certification.transport == Transport::Socketio).then(|| "over socket.io".to_owned()));
    facts.extend(certification.quick.then(|| "slow cases left out".to_owned()));
    Head {
        kind: "Certification",
        title: one_line(&meta.target),
        about: certification.certificates.iter().map(|one| one.dialect.as_str()).collect::<Vec<_>>().join(", "),
        badge: Badge::of(certification.judgement),
        meaning: meaning(certification),
        causes: causes.collect(),
        facts,
    }
}

/// A reason leads to the requirement that it is about, or to whatever there is to see.
fn cause(certificate: &Certificate, dialect: &str, reason: &Objection) -> Cause {
    let row = reason.requirement.as_ref().and_then(|id| certificate.rows.iter().find(|row| row.id == *id));
    let tone = match row.map(|row| row.verdict) {
        Some(RowVerdict::Fail) => Tone::Bad,
        Some(_) => Tone::Doubtful,
        None => Tone::of(certificate.judgement),
    };
    let beside = !certificate.unattributed.is_empty() || !certificate.prerequisites.is_empty();
    let more = row.map_or_else(|| if beside { "broken" } else { "summary" }.to_owned(), |row| anchor(&row.id));
    Cause { text: one_line(&format!("{dialect}{}", reason.text)), more: Some(more), tone }
}

fn meaning(certification: &Certification) -> String {
    let meaning = match certification.judgement {
        Judgement::Passed => "Every requirement that was checked holds.",
        Judgement::NonStrict => "Every requirement that was checked holds, some of them only by the letter.",
        Judgement::Failed => "Not every requirement holds.",
        Judgement::Inconclusive => "Not every requirement could be checked.",
    };
    if certification.accepted == certification.judgement {
        return meaning.to_owned();
    }
    format!("{meaning} With the waivers: {}.", Badge::of(certification.accepted).word)
}

/// Where links find what came of a requirement.
fn anchor(id: &RequirementId) -> String {
    format!("requirement-{id}")
}

/// What came of a requirement, as a badge.
fn badge(verdict: RowVerdict) -> Badge {
    let tone = match verdict {
        RowVerdict::Pass => Tone::Good,
        RowVerdict::Excluded | RowVerdict::Info | RowVerdict::NotExercised => Tone::Plain,
        RowVerdict::NonStrict | RowVerdict::Inconclusive => Tone::Doubtful,
        RowVerdict::Fail => Tone::Bad,
    };
    Badge { word: verdict.name().to_owned(), tone }
}

/// Whether the page shows evidence of it.
fn has_evidence(verdict: RowVerdict) -> bool {
    matches!(verdict, RowVerdict::Fail | RowVerdict::Inconclusive | RowVerdict::NonStrict | RowVerdict::Info)
}
