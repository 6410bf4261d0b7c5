//! The certificate for build servers: a suite for each dialect, a case for each requirement.

use std::io::{self, Write};

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::CertifyMeta;
use crate::certify::{Certificate, Certification, CheckState, Row, RowVerdict};
use crate::report::format::one_line;

/// Writes the certification as JUnit XML. Waived requirements are skipped with the waiver's reason; those that are excluded,
/// or not strict, or only worth knowing, are skipped with theirs.
///
/// # Errors
/// When the writer fails.
pub fn junit(certification: &Certification, meta: &CertifyMeta, out: &mut impl Write) -> io::Result<()> {
    let mut document = Report::new(format!("chatproof certify {}", one_line(&meta.target)));
    document.set_time(meta.duration);
    document.timestamp = meta.started.parse().ok();
    for certificate in &certification.certificates {
        let mut suite = TestSuite::new(certificate.dialect.as_str());
        suite.add_test_cases(certificate.rows.iter().map(|row| requirement(certificate, row)));
        suite.add_test_cases(beside(certificate));
        document.add_test_suite(suite);
    }
    document.serialize(out).map_err(io::Error::other)
}

fn requirement(certificate: &Certificate, row: &Row) -> TestCase {
    let detail = row.checks.iter().max_by_key(|check| check.state).map(|check| check.detail.as_str());
    let detail = one_line(detail.unwrap_or_default());
    let non_success = |kind: NonSuccessKind| {
        let mut status = TestCaseStatus::non_success(kind);
        status.set_type(row.verdict.name()).set_message(detail.clone());
        status
    };
    let skipped = |reason: &str| {
        let mut status = TestCaseStatus::skipped();
        status.set_type(row.verdict.name()).set_message(one_line(reason));
        status
    };
    let left_out = row.checks.iter().all(|check| matches!(check.state, CheckState::LeftOut | CheckState::Held));
    let status = match (row.verdict, &row.waived, &row.excluded) {
        (RowVerdict::Pass, ..) => TestCaseStatus::success(),
        (_, Some(waived), _) => skipped(&format!("waived: {waived}")),
        (_, _, Some(excluded)) => skipped(&format!("{}: {}", excluded.reason, excluded.because)),
        (RowVerdict::Fail, ..) => non_success(NonSuccessKind::Failure),
        (RowVerdict::NotExercised, ..) if left_out => skipped(&detail),
        (RowVerdict::Inconclusive | RowVerdict::NotExercised, ..) => non_success(NonSuccessKind::Error),
        (RowVerdict::NonStrict | RowVerdict::Info | RowVerdict::Excluded, ..) => skipped(&detail),
    };
    let mut case = TestCase::new(format!("{} {}", row.id, one_line(&row.statement)), status);
    case.set_classname(format!("{}.{}", certificate.dialect, one_line(&row.section)));
    case
}

/// What is wrong besides the requirements.
fn beside(certificate: &Certificate) -> Vec<TestCase> {
    let failure = |name: &str, message: &str| {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        status.set_message(one_line(message));
        TestCase::new(one_line(name), status)
    };
    let failing = certificate.unattributed.iter().filter(|one| one.fails);
    let found = failing.map(|one| failure(&one.kind, &one.detail));
    found.chain(certificate.prerequisites.iter().map(|text| failure("prerequisite", text))).collect()
}
