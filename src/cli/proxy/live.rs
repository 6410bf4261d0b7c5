//! Violations while they happen, a line each.

use std::collections::BTreeMap;

use crate::observe::{Violation, ViolationKind};
use crate::record::Violations;

/// Lines of one kind; after that only the reports tell.
const LINES: u64 = 20;

/// What was shown so far.
#[derive(Default)]
pub(super) struct Live {
    shown: BTreeMap<ViolationKind, u64>,
}

impl Live {
    /// The lines for what is new.
    pub fn lines(&mut self, new: &Violations) -> Vec<String> {
        let mut lines = Vec::new();
        for (kind, tally) in new.iter() {
            let shown = self.shown.entry(kind).or_default();
            if *shown >= LINES {
                continue;
            }
            lines.extend(tally.samples.iter().map(|sample| (sample.violation.at, line(&sample.violation))));
            let kept = tally.samples.len() as u64;
            let latest = tally.samples.last().map(|sample| sample.violation.at).unwrap_or_default();
            *shown += kept;
            if tally.count > kept {
                lines.push((latest, format!("           … and {} more {kind} in this second", tally.count - kept)));
            }
            if *shown >= LINES {
                lines.push((latest, format!("           … further {kind} are counted and told in the reports")));
            }
        }
        lines.sort_by_key(|(at, _)| *at);
        lines.into_iter().map(|(_, line)| line).collect()
    }
}

/// When, who, what, where, what it should be and is, and which line of the documents says so.
fn line(violation: &Violation) -> String {
    let Violation { kind, dialect, connection, expected, got, .. } = violation;
    let at = violation.at.0 as f64 / 1e9;
    let action = violation.action.as_deref().map(|action| format!(" {action}")).unwrap_or_default();
    let pointer = violation.pointer.as_deref().filter(|pointer| !pointer.is_empty());
    let pointer = pointer.map(|pointer| format!(" at `{pointer}`")).unwrap_or_default();
    let source = violation.source.as_deref().map(|source| format!(" ({source})")).unwrap_or_default();
    let side = kind.side();
    let text = format!(
        "{at:9.3} s {side}: {kind}{action}{pointer}: expected {expected}, got {got}{source} [{dialect} #{}]",
        connection.0
    );
    // What a peer sent must not write on the terminal.
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;
    use crate::observe::{ConnectionId, Moment};
    use crate::protocol::{Protocol, Transport};

    static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::embedded().unwrap());

    fn violation(n: u64) -> Violation {
        let dialect = PROTOCOL.dialect("agent/v3.0").unwrap();
        let place = (ConnectionId(7), &**dialect, Transport::Websocket);
        let (expected, got) = ("an answer within 15 s".to_owned(), "none\u{1b}[2J".to_owned());
        Violation::new(ViolationKind::NoAnswer, Moment(n * 1_500_000_000), place, Some("ping"), expected, got)
    }

    fn seen(numbers: std::ops::Range<u64>) -> Violations {
        let mut violations = Violations::default();
        numbers.for_each(|n| violations.add(violation(n), Vec::new));
        violations
    }

    #[test]
    fn a_line_tells_everything_and_holds_no_control_characters() {
        let lines = Live::default().lines(&seen(1..2));
        assert_eq!(
            lines,
            ["    1.500 s server: no_answer ping: expected an answer within 15 s, got none\u{fffd}[2J \
              (agent-v3.0-methods rtm/intro:13) [agent/v3.0 #7]"]
        );
    }

    #[test]
    fn a_flood_is_cut_short_and_said_to_be() {
        let mut live = Live::default();
        let lines = live.lines(&seen(0..30));
        assert!(lines.len() == 6 && lines[5].contains("25 more"), "{lines:?}");
        let rest: Vec<String> = (0..20).flat_map(|_| live.lines(&seen(0..5))).collect();
        assert!(rest.len() == 16 && rest[15].contains("further no_answer"), "{rest:?}");
    }
}
