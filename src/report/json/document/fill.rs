//! From tally and verdict to the JSON report.

use super::*;
use crate::observe::{Moment, TranscriptFrame};
use crate::report::format::{micros, per_second};
use crate::report::{RunReport, Series};
use crate::verdict::ThresholdOutcome;

impl<'a> Document<'a> {
    /// The report of a run.
    pub(in crate::report::json) fn of(report: &RunReport<'a>) -> Self {
        let RunReport { meta, tally, verdict, checklist } = *report;
        Self {
            format: FORMAT,
            meta,
            verdict: Verdict {
                judgement: verdict.judgement,
                reasons: verdict.reasons.iter().map(|reason| reason.text.as_str()).collect(),
                thresholds: verdict.thresholds.iter().map(Threshold::of).collect(),
                sides: verdict.sides.map(|sides| Sides { server: sides.server, client: sides.client }),
            },
            requests: requests(meta, tally),
            connections: connections(tally),
            pushes: pushes(tally),
            delivery: delivery(tally),
            ordering: Ordering::of(&tally.ordering),
            generator: Generator {
                due: tally.schedule.due,
                started: tally.schedule.started,
                dropped: tally.schedule.dropped,
                lag: Latency::of(&tally.schedule.lag),
                delay: Latency::of(&tally.schedule.delay),
                cores: tally.effort.cores(),
                machine: tally.effort.machine(),
            },
            actors: Actors {
                started: tally.actors.started,
                finished: tally.actors.finished,
                failed: tally.actors.failed,
                interrupted: tally.actors.interrupted,
            },
            steps: Steps {
                failed: tally.steps.failed,
                failures: tally.steps.failures.iter().map(StepFailure::of).collect(),
            },
            violations: tally.violations.iter().map(|(kind, tally)| Violations::of(kind, tally)).collect(),
            intervals: Intervals::of(&Series::of(tally)),
            checklist: checklist.map(|items| items.iter().map(Item::of).collect()),
        }
    }
}

fn us(at: Moment) -> u64 {
    at.0 / 1000
}

fn requests<'a>(meta: &Meta, tally: &'a record::Tally) -> Vec<Requests<'a>> {
    tally
        .actions()
        .map(|(dialect, transport, action, tally)| Requests {
            dialect: dialect.as_str(),
            transport,
            action,
            sent: tally.sent,
            rate_per_s: per_second(tally.sent, meta.duration),
            answered: tally.answered,
            succeeded: tally.succeeded,
            failed: tally.failed(),
            errors: &tally.errors,
            timeouts: tally.timeouts,
            late: tally.late,
            bytes_out: tally.bytes_out,
            bytes_in: tally.bytes_in,
            response: Latency::of(&tally.response),
            service: Latency::of(&tally.service),
        })
        .collect()
}

fn connections(tally: &record::Tally) -> Vec<Connections<'_>> {
    tally
        .transports()
        .map(|(dialect, transport, tally)| Connections {
            dialect: dialect.as_str(),
            transport,
            opened: tally.opened,
            closed: &tally.closings,
            connect: Latency::of(&tally.connect),
        })
        .collect()
}

fn pushes(tally: &record::Tally) -> Vec<Pushes<'_>> {
    tally
        .dialects
        .iter()
        .flat_map(|(dialect, tally)| {
            tally.pushes.iter().map(|(push, tally)| Pushes {
                dialect: dialect.as_str(),
                push,
                count: tally.count,
                bytes: tally.bytes,
            })
        })
        .collect()
}

fn delivery(tally: &record::Tally) -> Vec<Delivery<'_>> {
    tally
        .dialects
        .iter()
        .filter_map(|(dialect, tally)| {
            Latency::of(&tally.delivery).map(|time| Delivery { dialect: dialect.as_str(), time })
        })
        .collect()
}

impl<'a> Latency<'a> {
    /// Nothing when nothing was counted.
    fn of(latency: &'a record::Latency) -> Option<Self> {
        let percentile = |percent| latency.percentile(percent).map(micros);
        Some(Self {
            count: latency.count(),
            mean_us: micros(latency.mean()?),
            p50_us: percentile(50.0)?,
            p90_us: percentile(90.0)?,
            p99_us: percentile(99.0)?,
            p999_us: percentile(99.9)?,
            max_us: micros(latency.max()?),
            histogram: latency,
        })
    }
}

impl<'a> Threshold<'a> {
    fn of(outcome: &'a ThresholdOutcome) -> Self {
        Self {
            text: &outcome.text,
            observed: outcome.observed.as_deref(),
            state: outcome.state,
            built_in: outcome.built_in,
        }
    }
}

impl Ordering {
    fn of(ordering: &record::Ordering) -> Self {
        let &record::Ordering { events, threads, arrivals, reordered, expected, lost, indeterminate, evicted, .. } =
            ordering;
        Self {
            events,
            threads,
            arrivals,
            reordered,
            reordered_ratio: reordered as f64 / arrivals.max(1) as f64,
            extents: ordering.extents.iter().map(|(&back, &count)| Extent { back, count }).collect(),
            expected,
            lost,
            indeterminate,
            evicted,
        }
    }
}

impl<'a> StepFailure<'a> {
    fn of(failure: &'a record::StepFailure) -> Self {
        Self { at_us: us(failure.at), actor: &failure.actor, step: &failure.step, reason: &failure.reason }
    }
}

impl<'a> Violations<'a> {
    fn of(kind: ViolationKind, tally: &'a record::ViolationTally) -> Self {
        let samples = tally.samples.iter().map(Sample::of).collect();
        Self { kind, side: kind.side(), grade: kind.grade(), count: tally.count, samples }
    }
}

impl<'a> Sample<'a> {
    fn of(sample: &'a record::Sample) -> Self {
        let violation = &sample.violation;
        Self {
            at_us: us(violation.at),
            connection: violation.connection.0,
            dialect: violation.dialect.as_str(),
            transport: violation.transport,
            action: violation.action.as_deref(),
            requirement: violation.requirement.as_ref().map(ToString::to_string),
            source: violation.source.as_deref(),
            pointer: violation.pointer.as_deref(),
            keyword: violation.keyword.as_deref(),
            expected: &violation.expected,
            got: &violation.got,
            transcript: sample.transcript.iter().map(Frame::of).collect(),
            observers: sample.observers.as_ref(),
        }
    }
}

impl<'a> Frame<'a> {
    fn of(frame: &'a TranscriptFrame) -> Self {
        Self { at_us: us(frame.at), direction: frame.direction, text: &frame.text }
    }
}

impl<'a> Item<'a> {
    fn of(outcome: &'a record::ItemOutcome) -> Self {
        let record::ItemOutcome { item, state, shown, broken, ref findings } = *outcome;
        Self { item, about: item.about(), state, shown, broken, findings: findings.iter().map(Finding::of).collect() }
    }
}

impl<'a> Finding<'a> {
    fn of(finding: &'a record::Finding) -> Self {
        Self {
            at_us: us(finding.at),
            connection: finding.connection.0,
            what: &finding.what,
            transcript: finding.frames.iter().map(Frame::of).collect(),
        }
    }
}
