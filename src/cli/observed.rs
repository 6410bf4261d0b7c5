//! The end of all work on traffic that chatproof did not make: verdicts, reports, exit code.

use std::path::Path;
use std::time::Duration;

use super::github::Github;
use super::{Failure, results};
use crate::record::{ItemOutcome, Tally};
use crate::report::{self, Meta, RunReport};
use crate::traffic::Client;
use crate::verdict::{ExitCode as Code, judge, judge_observed};

/// Finished traffic, and what is known of it beside its tally.
#[derive(Debug)]
pub(super) struct Observed {
    /// What it is called in the reports, such as `proxy` or the recording's file name.
    pub name: String,
    /// In a sentence, what it is.
    pub about: String,
    /// The recording, or the address that was listened on.
    pub source: String,
    /// Whom the clients talked to, as far as that is known.
    pub target: String,
    /// The dialects that were spoken.
    pub dialects: Vec<String>,
    /// Seed of what chance did to it, if it did anything.
    pub seed: u64,
    /// When it began, as RFC 3339 text.
    pub started: String,
    /// How long it went on.
    pub duration: Duration,
    /// Whose client it was.
    pub client: Client,
    /// What was seen.
    pub tally: Tally,
    /// What the client was shown to cope with, if that was asked for. It does not change the verdict: no document demands it.
    pub checklist: Option<Vec<ItemOutcome>>,
    /// What a reader should know besides, a sentence each.
    pub notes: Vec<String>,
}

/// Judges, writes the reports into the folder and shows the one for people. The exit code is 1 when either side failed, and 5 when
/// nothing was checked of one that should have been.
pub(super) fn conclude(observed: Observed, folder: &Path, github: &Github) -> Result<Code, Failure> {
    let verdict = match observed.client {
        Client::Ours => judge(&observed.tally, &[], observed.duration),
        Client::Observed => judge_observed(&observed.tally, observed.duration),
    };
    let meta = Meta {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        scenario: observed.name,
        about: observed.about,
        file: observed.source,
        target: observed.target,
        dialects: observed.dialects,
        seed: observed.seed,
        started: observed.started,
        duration: observed.duration,
        load: Vec::new(),
        cores: results::cores(),
        workers: 0,
        interrupted: false,
        notes: observed.notes,
    };
    let checklist = observed.checklist.as_deref();
    let report = RunReport { meta: &meta, tally: &observed.tally, verdict: &verdict, checklist };
    results::hand_over(folder, &report)?;
    github.tell(|| report::github::run(&report, &|_| None));
    Ok(verdict.judgement.into())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::*;
    use crate::observe::{ConnectionId, Conversation, Moment};
    use crate::protocol::{Protocol, Transport};
    use crate::record::{Ledger, Recorder};

    /// A login and one more frame of a client, with their answers; what the folder's report says of it, and the exit code.
    fn concluded(client: Client, frames: &[(&str, &str)]) -> (Value, Code) {
        let recorder = Arc::new(Recorder::new(Arc::new(Ledger::default())));
        let protocol = Protocol::embedded().unwrap();
        let dialect = protocol.dialect("customer/v0.3").unwrap().clone();
        let mut conversation = Conversation::new(dialect, ConnectionId(1), Transport::Websocket, recorder.clone());
        for (at, (sent, answered)) in frames.iter().enumerate() {
            conversation.client_sent(Moment(at as u64), sent);
            conversation.received(Moment(at as u64), answered);
        }
        let folder = tempfile::tempdir().unwrap();
        let observed = Observed {
            name: "a capture".into(),
            about: String::new(),
            source: "capture.ndjson".into(),
            target: "wss://example.com".into(),
            dialects: vec!["customer/v0.3".into()],
            seed: 0,
            started: "2026-01-02T03:04:05Z".into(),
            duration: Duration::from_secs(1),
            client,
            tally: recorder.take(),
            checklist: None,
            notes: Vec::new(),
        };
        let code = conclude(observed, folder.path(), &Github::default()).unwrap();
        let report = std::fs::read(folder.path().join("report.json")).unwrap();
        assert!(folder.path().join("junit.xml").exists());
        (serde_json::from_slice(&report).unwrap(), code)
    }

    const LOGIN: (&str, &str) = (
        r#"{"request_id":"1","action":"login","payload":{"token":"t"}}"#,
        r#"{"request_id":"1","action":"login","type":"response","success":true,"payload":{"customer_id":"c","static_config_path":"p"}}"#,
    );
    const PING: (&str, &str) = (
        r#"{"request_id":"2","action":"ping"}"#,
        r#"{"request_id":"2","action":"ping","type":"response","success":true}"#,
    );

    #[test]
    fn either_side_makes_it_fail_and_nothing_is_no_success() {
        let (report, code) = concluded(Client::Observed, &[LOGIN, PING]);
        assert_eq!(
            (&report["verdict"]["sides"], code),
            (&json!({"server": "passed", "client": "passed"}), Code::Passed)
        );
        let unknown = (
            r#"{"request_id":"2","action":"fly"}"#,
            r#"{"request_id":"2","action":"fly","type":"response","success":true}"#,
        );
        let (report, code) = concluded(Client::Observed, &[LOGIN, unknown]);
        assert_eq!((&report["verdict"]["sides"]["client"], code), (&json!("failed"), Code::PeerFailed));
        assert_eq!(report["violations"][0]["side"], "client");
        let (report, code) = concluded(Client::Observed, &[LOGIN, (PING.0, "<html>")]);
        assert_eq!(report["verdict"]["sides"], json!({"server": "failed", "client": "passed"}));
        assert_eq!(code, Code::PeerFailed);
        assert_eq!(concluded(Client::Observed, &[]).1, Code::Inconclusive);
        let (report, code) = concluded(Client::Ours, &[LOGIN, unknown]);
        assert_eq!((&report["verdict"]["sides"], code), (&Value::Null, Code::Passed));
    }
}
