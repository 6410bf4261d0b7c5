//! From evidence to a certificate.

use std::collections::{BTreeMap, BTreeSet};

use super::certificate::{
    Blame, Certificate, CheckOutcome, CheckState, Counts, Coverage, Difference, DocumentFinding, Objection, Row,
    RowVerdict, Unattributed,
};
use super::evidence::{Evidence, Given, is_of_schema};
use super::witness::SchemaFinding;
use super::{Options, Profile};
use crate::observe::{Grade, ViolationKind};
use crate::protocol::{Cap, Check, Dialect, Kind, Level, Requirement, Spot};
use crate::scenario::ProofOutcome;
use crate::verdict::Judgement;

/// Reasons told of a certificate.
const REASONS: usize = 20;

/// Judges one dialect.
pub(super) fn judge(
    dialect: &Dialect,
    options: &Options,
    evidence: &Evidence,
    left_out: &BTreeSet<Check>,
) -> Certificate {
    let bench = Bench { dialect, options, evidence, left_out };
    let chosen = |row: &&Requirement| options.only.as_ref().is_none_or(|only| only.contains(&row.id));
    let rows: Vec<Row> = dialect.requirements.values().filter(chosen).map(|row| bench.row(row)).collect();
    let unattributed = bench.unattributed();
    let counts = counts(&rows);
    let (judgement, reasons) = judgement(rows.iter(), &unattributed, &evidence.prerequisites, options.allow_missing);
    Certificate {
        dialect: dialect.name.clone(),
        document: dialect.catalog.document.clone(),
        judgement,
        accepted: judgement,
        reasons,
        rows,
        unattributed,
        prerequisites: evidence.prerequisites.clone(),
        not_offered: evidence.not_offered.iter().cloned().collect(),
        counts,
        coverage: bench.coverage(),
        differences: bench.differences(),
        documents: documents(dialect),
    }
}

struct Bench<'a> {
    dialect: &'a Dialect,
    options: &'a Options,
    evidence: &'a Evidence,
    left_out: &'a BTreeSet<Check>,
}

impl Bench<'_> {
    fn row(&self, requirement: &Requirement) -> Row {
        let checks: Vec<CheckOutcome> =
            requirement.check.iter().map(|check| self.outcome(requirement, check)).collect();
        let verdict = verdict(requirement, &checks);
        let blame = match verdict {
            RowVerdict::Pass | RowVerdict::Excluded => None,
            RowVerdict::NotExercised | RowVerdict::Inconclusive => Some(Blame::Harness),
            RowVerdict::Info | RowVerdict::NonStrict if !requirement.errata.is_empty() => Some(Blame::Document),
            RowVerdict::Info | RowVerdict::NonStrict | RowVerdict::Fail => Some(Blame::Server),
        };
        Row {
            id: requirement.id.clone(),
            level: requirement.level,
            basis: requirement.basis,
            section: requirement.section.clone(),
            statement: requirement.statement.clone(),
            lines: requirement.lines.clone(),
            verdict,
            blame,
            checks,
            excluded: requirement.excluded.clone(),
            waived: None,
        }
    }

    fn outcome(&self, requirement: &Requirement, check: &Check) -> CheckOutcome {
        let ceiling = ceiling(self.dialect, requirement);
        let over = self.options.transport;
        if let Some(transport) = requirement.transport.filter(|transport| *transport != over) {
            let reason = format!("it speaks of {transport}, and this certification is over {over}");
            return self.silent(check, CheckState::LeftOut, &reason);
        }
        match check {
            Check::Oracle(kind) => self.oracle(check, kind, ceiling),
            Check::Schema { kind, name, member } => self.schema(check, (*kind, name, member), ceiling),
            Check::Step(_) => {
                let given = self.evidence.proofs.get(check).map(Vec::as_slice).unwrap_or_default();
                self.proof(check, &given.iter().collect::<Vec<_>>(), ceiling)
            }
            Check::Negatives { action: wanted, class: of } => {
                let all = self.evidence.proofs.iter().filter(|(given, _)| match given {
                    Check::Negatives { action, class } => class == of && (wanted.is_none() || wanted == action),
                    _ => false,
                });
                let given: Vec<&Given> = all.flat_map(|(_, given)| given).collect();
                self.proof(check, &given, ceiling)
            }
        }
    }

    fn oracle(&self, check: &Check, kind: &str, ceiling: Grade) -> CheckOutcome {
        let Some(kind) = ViolationKind::ALL.iter().copied().find(|known| known.name() == kind) else {
            return self.silent(check, CheckState::Unfit, "there is no such oracle");
        };
        let of_schema = |finding: &&SchemaFinding| is_of_schema(kind) && finding.grade == kind.grade();
        if let Some(sample) = self.evidence.violations.get(&kind).and_then(|samples| samples.first()) {
            let violation = &sample.violation;
            return CheckOutcome {
                detail: format!("expected {}, got {}", violation.expected, violation.got),
                pointer: violation.pointer.clone(),
                frames: sample.transcript.clone(),
                ..self.silent(check, broken(kind.grade().min(ceiling)), "")
            };
        }
        if let Some(finding) = self.evidence.sight.findings.iter().find(of_schema) {
            return self.found(check, finding, ceiling);
        }
        match self.evidence.exercised(kind) {
            true => self.silent(check, CheckState::Held, ""),
            false => self.silent(check, CheckState::NotRun, "nothing happened that it could look at"),
        }
    }

    fn schema(&self, check: &Check, (kind, name, member): (Kind, &str, &str), ceiling: Grade) -> CheckOutcome {
        let findings = self.evidence.sight.findings.iter().filter(|finding| concerns(finding, check));
        if let Some(finding) = findings.max_by_key(|finding| finding.grade) {
            return self.found(check, finding, ceiling);
        }
        let seen = &self.evidence.sight.seen;
        let file = format!("{}/{name}", kind.folder());
        let below = |path: &str| path == member || path.strip_prefix(member).is_some_and(|rest| rest.starts_with('/'));
        let shown = seen.paths.iter().any(|(of, named, path)| *of == kind && named == name && below(path))
            || seen.spots.iter().any(|spot| spot.place.file == file && below(&spot.place.member));
        // The cases that wait for what comes with time are the slow ones.
        let comes_with_time = kind == Kind::Push && self.dialect.catalog.comes_with_time(name);
        match shown {
            true => self.silent(check, CheckState::Held, ""),
            false if self.options.quick && comes_with_time => {
                self.silent(check, CheckState::LeftOut, "left out by --quick: no action causes this push")
            }
            false => self.silent(check, CheckState::NotRun, "no such message or member was seen"),
        }
    }

    fn found(&self, check: &Check, finding: &SchemaFinding, ceiling: Grade) -> CheckOutcome {
        let (name, path) = (&finding.name, &finding.path);
        let source = finding.source.as_deref().map(|source| format!(" ({source})")).unwrap_or_default();
        CheckOutcome {
            detail: format!("`{name}`, {path}: expected {}, got {}{source}", finding.expected, finding.got),
            pointer: Some(finding.pointer.clone()),
            frames: finding.frames.clone(),
            ..self.silent(check, broken(finding.grade.min(ceiling)), "")
        }
    }

    fn proof(&self, check: &Check, given: &[&Given], ceiling: Grade) -> CheckOutcome {
        let broken_one = given.iter().find(|given| matches!(given.proof.outcome, ProofOutcome::Broken { .. }));
        let unfit_one = given.iter().find(|given| matches!(given.proof.outcome, ProofOutcome::Unfit { .. }));
        let missing = given.iter().find(|given| given.is_missing);
        if let (Some(missing), None) = (missing, broken_one) {
            let detail = match &missing.proof.outcome {
                ProofOutcome::Unfit { reason } => reason.as_str(),
                _ => "",
            };
            return self.silent(check, CheckState::NotRun, detail);
        }
        let Some(given) = broken_one.or(unfit_one).or(given.first()) else {
            return match self.is_left_out(check) {
                true => self.silent(check, CheckState::LeftOut, "left out by --quick"),
                false => self.silent(check, CheckState::NotRun, "no step got so far"),
            };
        };
        let (state, detail) = match &given.proof.outcome {
            ProofOutcome::Held => (CheckState::Held, String::new()),
            ProofOutcome::Broken { reason } => (broken(ceiling), reason.clone()),
            ProofOutcome::Unfit { reason } => (CheckState::Unfit, reason.clone()),
        };
        let frames = if state == CheckState::Held { Vec::new() } else { given.frames.clone() };
        CheckOutcome {
            check: check.to_string(),
            state,
            detail,
            case: Some(given.case.clone()),
            step: Some(format!("{}, {}", given.proof.actor, given.proof.step)),
            pointer: None,
            frames,
        }
    }

    fn is_left_out(&self, check: &Check) -> bool {
        self.left_out.iter().any(|left| match (check, left) {
            (Check::Negatives { action: None, class }, Check::Negatives { class: of, .. }) => class == of,
            _ => check == left,
        })
    }

    fn silent(&self, check: &Check, state: CheckState, detail: &str) -> CheckOutcome {
        let (check, detail) = (check.to_string(), detail.to_owned());
        CheckOutcome { check, state, detail, case: None, step: None, pointer: None, frames: Vec::new() }
    }

    /// What is wrong and belongs to no requirement, so that it is not lost.
    fn unattributed(&self) -> Vec<Unattributed> {
        let checks = || self.dialect.requirements.values().flat_map(|row| &row.check);
        let mut found = Vec::new();
        for (kind, samples) in &self.evidence.violations {
            let claimed = checks().any(|check| matches!(check, Check::Oracle(name) if name == kind.name()));
            if let (false, Some(sample)) = (claimed, samples.first()) {
                let violation = &sample.violation;
                found.push(Unattributed {
                    kind: kind.name().to_owned(),
                    fails: kind.grade() == Grade::Fail,
                    detail: format!("expected {}, got {}", violation.expected, violation.got),
                    source: violation.source.clone(),
                    pointer: violation.pointer.clone(),
                    frames: sample.transcript.clone(),
                });
            }
        }
        for finding in &self.evidence.sight.findings {
            if !checks().any(|check| concerns(finding, check)) {
                let (name, path) = (&finding.name, &finding.path);
                found.push(Unattributed {
                    kind: format!("{}/{name}#{path}", finding.kind.folder()),
                    fails: finding.grade == Grade::Fail,
                    detail: format!("expected {}, got {}", finding.expected, finding.got),
                    source: finding.source.clone(),
                    pointer: Some(finding.pointer.clone()),
                    frames: finding.frames.clone(),
                });
            }
        }
        if self.options.profile == Profile::Strict {
            for ((kind, name, path), count) in &self.evidence.sight.seen.unknown {
                found.push(Unattributed {
                    kind: format!("{}/{name}#{path}", kind.folder()),
                    fails: false,
                    detail: format!("expected only what is documented, got it {count} times"),
                    source: None,
                    pointer: None,
                    frames: Vec::new(),
                });
            }
        }
        found
    }

    fn coverage(&self) -> Coverage {
        let (schemas, catalog) = (&self.dialect.schemas, &self.dialect.catalog);
        let seen = &self.evidence.sight.seen;
        let spots = schemas.spots();
        let part = |wanted: &dyn Fn(&&Spot) -> bool| {
            let all = spots.iter().filter(|spot| wanted(spot)).count();
            (all, spots.iter().filter(|spot| wanted(spot) && seen.spots.contains(spot)).count())
        };
        let messages = |kind: Kind| {
            let names = schemas.names(kind);
            let shown = |name: &&&str| seen.paths.iter().any(|(of, named, _)| *of == kind && named == **name);
            let count = names.iter().filter(shown).count();
            let unseen: Vec<String> =
                names.iter().filter(|name| !shown(name)).map(|name| format!("{}/{name}", kind.folder())).collect();
            ((names.len(), count), unseen)
        };
        let (responses, mut unseen) = messages(Kind::Response);
        let (pushes, unseen_pushes) = messages(Kind::Push);
        unseen.extend(unseen_pushes);
        let errors = catalog.errors.keys().filter(|name| self.evidence.errors.contains(*name)).count();
        unseen.extend(
            catalog
                .errors
                .keys()
                .filter(|name| !self.evidence.errors.contains(*name))
                .map(|name| format!("error {name}")),
        );
        unseen.extend(spots.iter().filter(|spot| !seen.spots.contains(spot)).map(|spot| match &spot.value {
            Some(value) => format!("{}#{}={value}", spot.place.file, spot.place.member),
            None => format!("{}#{}", spot.place.file, spot.place.member),
        }));
        Coverage {
            members: part(&|spot| spot.value.is_none()),
            values: part(&|spot| spot.value.is_some()),
            responses,
            pushes,
            errors: (catalog.errors.len(), errors),
            unseen,
            unknown: seen
                .unknown
                .iter()
                .map(|((kind, name, path), count)| (format!("{}/{name}#{path}", kind.folder()), *count))
                .collect(),
        }
    }

    fn differences(&self) -> Vec<Difference> {
        let differences = self.evidence.sight.differences.iter();
        differences
            .map(|(difference, count)| Difference {
                at: format!("{}/{}#{}", difference.kind.folder(), difference.name, difference.path),
                expected: difference.expected.clone(),
                breaks_the_words: difference.breaks_the_words,
                erratum: difference
                    .source
                    .as_deref()
                    .and_then(|comment| self.dialect.erratum(comment))
                    .map(|erratum| erratum.id.clone()),
                source: difference.source.clone(),
                count: *count,
            })
            .collect()
    }
}

/// What rows come to, and why it is not better.
pub(super) fn judgement<'a>(
    rows: impl Iterator<Item = &'a Row>,
    unattributed: &[Unattributed],
    prerequisites: &[String],
    allow_missing: bool,
) -> (Judgement, Vec<Objection>) {
    let rows: Vec<&Row> = rows.collect();
    let told = |row: &&Row| {
        let check = row.checks.iter().max_by_key(|check| check.state);
        let detail = check.map(|check| check.detail.as_str()).unwrap_or_default();
        let text = format!("{} {}: {} ({detail})", row.id, row.verdict.name(), row.statement);
        Objection { text, requirement: Some(row.id.clone()) }
    };
    let of = |verdict: RowVerdict| rows.iter().filter(move |row| row.verdict == verdict);
    let has = |row: &Row, state: CheckState| row.checks.iter().any(|check| check.state == state);
    // What is left out on purpose is said, and does not count against anybody.
    let missing = |row: &&&Row| !allow_missing && has(row, CheckState::NotRun);
    let unclear = |row: &&&Row| has(row, CheckState::Unfit);
    let beside = |fails: bool| {
        let found = unattributed.iter().filter(move |one| one.fails == fails);
        found.map(|one| Objection::from(format!("{}: {}", one.kind, one.detail)))
    };
    let mut reasons: Vec<Objection> = of(RowVerdict::Fail).map(told).chain(beside(true)).collect();
    reasons.extend(prerequisites.iter().map(|text| format!("a prerequisite is missing: {text}").into()));
    let failed = !reasons.is_empty();
    reasons.extend(of(RowVerdict::Inconclusive).map(told));
    reasons.extend(of(RowVerdict::NotExercised).filter(missing).map(told));
    // What is broken there passes, so it must not hide what was not seen.
    reasons.extend(of(RowVerdict::Info).filter(|row| missing(row) || unclear(row)).map(told));
    let examined = [RowVerdict::Pass, RowVerdict::NonStrict, RowVerdict::Info];
    if !failed && !rows.iter().any(|row| examined.contains(&row.verdict)) {
        reasons.push("nothing was shown to hold".to_owned().into());
    }
    let inconclusive = !reasons.is_empty();
    reasons.extend(of(RowVerdict::NonStrict).map(told).chain(beside(false)));
    let judgement = match (failed, inconclusive, reasons.is_empty()) {
        (true, ..) => Judgement::Failed,
        (false, true, _) => Judgement::Inconclusive,
        (false, false, false) => Judgement::NonStrict,
        (false, false, true) => Judgement::Passed,
    };
    let more = reasons.len().saturating_sub(REASONS);
    reasons.truncate(REASONS);
    if more > 0 {
        reasons.push(format!("and {more} more").into());
    }
    (judgement, reasons)
}

/// The worst that breaking a requirement may count: by its level, and no worse than the errata that its checks rest on allow.
fn ceiling(dialect: &Dialect, requirement: &Requirement) -> Grade {
    let by_level = match requirement.level {
        Level::Must => Grade::Fail,
        Level::Should => Grade::NonStrict,
        Level::May | Level::Info => Grade::Info,
    };
    let caps = requirement.errata.iter().filter_map(|id| dialect.errata.get(id)?.cap).map(|cap| match cap {
        Cap::Info => Grade::Info,
        Cap::NonStrict => Grade::NonStrict,
        Cap::Fail => Grade::Fail,
    });
    caps.max().map_or(by_level, |cap| cap.min(by_level))
}

fn broken(grade: Grade) -> CheckState {
    match grade {
        Grade::Info => CheckState::BrokenInfo,
        Grade::NonStrict => CheckState::BrokenNonStrict,
        Grade::Fail => CheckState::Broken,
    }
}

/// Whether a finding is about what a check of schemas looks at.
fn concerns(finding: &SchemaFinding, check: &Check) -> bool {
    check.looks_at((finding.kind, &finding.name, &finding.path), finding.place.as_ref())
}

fn verdict(requirement: &Requirement, checks: &[CheckOutcome]) -> RowVerdict {
    if requirement.excluded.is_some() {
        return RowVerdict::Excluded;
    }
    match checks.iter().map(|check| check.state).max() {
        Some(CheckState::Held) => RowVerdict::Pass,
        Some(CheckState::NotRun | CheckState::LeftOut) => RowVerdict::NotExercised,
        Some(CheckState::BrokenInfo) => RowVerdict::Info,
        Some(CheckState::BrokenNonStrict) => RowVerdict::NonStrict,
        Some(CheckState::Broken) => RowVerdict::Fail,
        Some(CheckState::Unfit) | None => RowVerdict::Inconclusive,
    }
}

fn counts(rows: &[Row]) -> Counts {
    let mut counts = Counts::default();
    let mut sections: BTreeMap<&str, usize> = BTreeMap::new();
    for row in rows {
        let level = counts.levels.entry(row.level).or_default();
        level.0 += 1;
        level.1 += usize::from(row.excluded.is_none());
        if let Some(exclusion) = &row.excluded {
            *counts.excluded.entry(exclusion.reason).or_default() += 1;
        }
        *counts.verdicts.entry(row.verdict).or_default() += 1;
        let section = *sections.entry(&row.section).or_insert_with(|| {
            counts.sections.push((row.section.clone(), BTreeMap::new()));
            counts.sections.len() - 1
        });
        *counts.sections[section].1.entry(row.verdict).or_default() += 1;
    }
    counts
}

fn documents(dialect: &Dialect) -> Vec<DocumentFinding> {
    dialect
        .errata
        .values()
        .map(|erratum| DocumentFinding {
            id: erratum.id.clone(),
            kind: erratum.kind,
            about: erratum.about.clone(),
            lines: erratum.readings.iter().flat_map(|reading| reading.lines.clone()).collect(),
            taken: erratum.taken.clone(),
        })
        .collect()
}
