//! Sees everything that a case's connections tell, and keeps what the judge needs.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use super::Profile;
use crate::message::ApiError;
use crate::observe::{ConnectionId, Fact, Grade, Moment, Observation, Observer, TranscriptFrame};
use crate::protocol::{ActionSpec, Cap, Channel, Dialect, DialectName, Kind, Mismatch, Place, Schemas, Seen};
use crate::record::Recorder;

/// Distinct schema findings kept of a case.
const FINDINGS: usize = 500;
/// Distinct errors kept of an action.
const REFUSALS: usize = 50;
/// Lines of the history kept of a case.
const HISTORY: usize = 200_000;

/// Something that a schema says about a message.
#[derive(Debug, Clone, PartialEq)]
pub struct SchemaFinding {
    /// What kind of message.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// Path to the member in the message, array indices left out.
    pub path: String,
    /// JSON pointer to the member in the message's payload.
    pub pointer: String,
    /// The member of a schema file whose constraint failed.
    pub place: Option<Place>,
    /// How bad it is.
    pub grade: Grade,
    /// What the documents ask for.
    pub expected: String,
    /// What came instead.
    pub got: String,
    /// Document and line.
    pub source: Option<String>,
    /// When.
    pub at: Moment,
    /// The connection's last frames.
    pub frames: Vec<TranscriptFrame>,
}

/// A message on which our reading and the documents' own words disagree.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReadingDifference {
    /// What kind of message.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// Path to the member.
    pub path: String,
    /// What the words ask for, or our reading does.
    pub expected: String,
    /// Whether it is the documents' words that the message breaks, and not our reading.
    pub breaks_the_words: bool,
    /// Document and line.
    pub source: Option<String>,
}

/// What came of the requests for one action.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// How often it was carried out.
    pub successes: u64,
    /// The errors, each once, with `…` for the action's name.
    pub refusals: BTreeSet<String>,
}

/// What was seen of one dialect.
#[derive(Debug, Clone, Default)]
pub struct Sight {
    /// Members and values of schemas.
    pub seen: Seen,
    /// Answers that say success.
    pub successes: u64,
    /// Answers that say failure.
    pub refusals: u64,
    /// Of all answers, those over RTM.
    pub rtm_answers: u64,
    /// Pushes.
    pub pushes: u64,
    /// Messages that carried events.
    pub events: u64,
    /// Pushes that announced a thread.
    pub thread_starts: u64,
    /// What came of the actions that were asked for, whether they exist or not.
    pub asked: BTreeMap<String, Asked>,
    /// What schemas said.
    pub findings: Vec<SchemaFinding>,
    /// Where the readings differ, and how often.
    pub differences: BTreeMap<ReadingDifference, u64>,
}

/// The observer of a case.
pub(super) struct Witness {
    recorder: Arc<Recorder>,
    profile: Profile,
    /// The documents' own words.
    literal: Arc<HashMap<DialectName, Schemas>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    sights: BTreeMap<DialectName, Sight>,
    frames: HashMap<ConnectionId, Vec<TranscriptFrame>>,
    found: BTreeSet<(DialectName, Kind, String, String, String)>,
    history: Vec<String>,
}

impl Witness {
    pub fn new(recorder: Arc<Recorder>, profile: Profile, literal: Arc<HashMap<DialectName, Schemas>>) -> Self {
        Self { recorder, profile, literal, state: Mutex::default() }
    }

    /// The last frames of a connection.
    pub fn frames(&self, connection: ConnectionId) -> Vec<TranscriptFrame> {
        self.state().frames.get(&connection).cloned().unwrap_or_default()
    }

    /// Everything seen, by dialect, and the history line by line.
    pub fn take(&self) -> (BTreeMap<DialectName, Sight>, Vec<String>) {
        let state = &mut *self.state();
        (std::mem::take(&mut state.sights), std::mem::take(&mut state.history))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn examine(&self, state: &mut State, observation: &Observation<'_>, kind: Kind, name: &str, payload: &Value) {
        let dialect = observation.dialect;
        let ours = dialect.schemas.check(kind, name, payload);
        let words =
            self.literal.get(&dialect.name).map_or_else(|| ours.clone(), |words| words.check(kind, name, payload));
        let sight = state.sights.entry(dialect.name.clone()).or_default();
        if ours.is_empty() {
            dialect.schemas.look(kind, name, payload, &mut sight.seen);
        } else {
            sight.seen.paths.insert((kind, name.to_owned(), String::new()));
        }
        let path = |mismatch: &Mismatch| without_indices(&mismatch.pointer);
        let same = |a: &Mismatch, b: &Mismatch| a.pointer == b.pointer && a.kind == b.kind;
        for (found, others, breaks_the_words) in [(&words, &ours, true), (&ours, &words, false)] {
            for mismatch in found.iter().filter(|mismatch| !others.iter().any(|other| same(mismatch, other))) {
                let difference = ReadingDifference {
                    kind,
                    name: name.to_owned(),
                    path: path(mismatch),
                    expected: mismatch.expected.clone(),
                    breaks_the_words,
                    source: mismatch.source.clone(),
                };
                *sight.differences.entry(difference).or_default() += 1;
            }
        }
        let judged = if self.profile == Profile::Literal { &words } else { &ours };
        for mismatch in judged {
            let mut grade = grade(dialect, mismatch);
            // Never fail a documented reading.
            if self.profile != Profile::Literal && words.is_empty() {
                grade = grade.min(Grade::NonStrict);
            }
            let key = (dialect.name.clone(), kind, name.to_owned(), path(mismatch), mismatch.keyword.clone());
            if state.found.len() < FINDINGS && state.found.insert(key) {
                sight.findings.push(SchemaFinding {
                    kind,
                    name: name.to_owned(),
                    path: path(mismatch),
                    pointer: mismatch.pointer.clone(),
                    place: mismatch.place.clone(),
                    grade,
                    expected: mismatch.expected.clone(),
                    got: observation.transcript.redact(&mismatch.got),
                    source: mismatch.source.clone(),
                    at: observation.at,
                    frames: observation.transcript.frames(),
                });
            }
        }
    }

    fn note(state: &mut State, observation: &Observation<'_>, what: Value) {
        if state.history.len() == HISTORY {
            return;
        }
        let line = json!({
            "at": observation.at,
            "connection": observation.connection,
            "dialect": observation.dialect.name,
            "transport": observation.transport,
            "user": observation.user,
            "fact": what,
        });
        state.history.push(observation.transcript.redact(&line.to_string()));
    }
}

/// How bad a mismatch is: as its kind, but no worse than its erratum allows.
fn grade(dialect: &Dialect, mismatch: &Mismatch) -> Grade {
    let erratum = mismatch.source.as_deref().and_then(|comment| dialect.erratum(comment));
    match erratum.and_then(|erratum| erratum.cap) {
        Some(Cap::Info) => Grade::Info,
        Some(Cap::NonStrict) => Grade::NonStrict,
        Some(Cap::Fail) | None => Grade::Fail,
    }
}

/// A pointer without the steps that can only be array indices.
fn without_indices(pointer: &str) -> String {
    let steps = pointer.split('/').skip(1).filter(|step| step.is_empty() || !step.bytes().all(|b| b.is_ascii_digit()));
    steps.map(|step| format!("/{step}")).collect()
}

impl Observer for Witness {
    fn observe(&self, observation: &Observation<'_>) {
        self.recorder.observe(observation);
        let state = &mut *self.state();
        let catalog = &observation.dialect.catalog;
        match &observation.fact {
            Fact::Answered(answer) => {
                let carries = catalog.action(answer.action).and_then(|spec| spec.answers.as_ref());
                if answer.success {
                    self.examine(state, observation, Kind::Response, answer.action, answer.payload);
                } else if !answer.payload.is_null() {
                    self.examine(state, observation, Kind::Envelope, "web-error", answer.payload);
                }
                let sight = state.sights.entry(observation.dialect.name.clone()).or_default();
                // Where the documents do not offer it, and before login, its refusal says nothing about the action.
                let has = |spec: &ActionSpec, channel| spec.transports.contains(&channel);
                let tells = match observation.transport.channel() {
                    Channel::Rtm => {
                        observation.user.is_some()
                            && catalog.action(answer.action).is_none_or(|spec| has(spec, Channel::Rtm))
                    }
                    Channel::Web => catalog
                        .action(answer.action)
                        .is_some_and(|spec| answer.success || (has(spec, Channel::Web) && !has(spec, Channel::Rtm))),
                };
                if tells {
                    let asked = sight.asked.entry(answer.action.to_owned()).or_default();
                    if answer.success {
                        asked.successes += 1;
                    } else if asked.refusals.len() < REFUSALS {
                        let error = ApiError::from_payload(answer.payload);
                        let text = error.map(|error| format!("{}: {}", error.kind, error.message)).unwrap_or_default();
                        asked.refusals.insert(text.replace(answer.action, "…"));
                    }
                }
                if answer.success {
                    sight.successes += 1;
                    sight.events += u64::from(carries.is_some_and(|carries| carries.has_events()));
                } else {
                    sight.refusals += 1;
                }
                sight.rtm_answers += u64::from(observation.transport.channel() == Channel::Rtm);
                let what = json!({"answered": answer.action, "success": answer.success, "payload": answer.payload});
                Self::note(state, observation, what);
            }
            Fact::Pushed(push) => {
                self.examine(state, observation, Kind::Push, push.action, push.payload);
                let carries = catalog.pushes.get(push.action).and_then(|spec| spec.carries.as_ref());
                let sight = state.sights.entry(observation.dialect.name.clone()).or_default();
                sight.pushes += 1;
                sight.events += u64::from(carries.is_some_and(|carries| carries.has_events()));
                sight.thread_starts += u64::from(carries.is_some_and(|carries| carries.starts_thread));
                let what = json!({"pushed": push.action, "correlation": push.correlation, "payload": push.payload});
                Self::note(state, observation, what);
            }
            Fact::Sent(sent) => Self::note(state, observation, json!({"sent": sent.action})),
            Fact::Violated(violation) => Self::note(state, observation, json!({"violated": violation.kind})),
            Fact::TimedOut { action } => Self::note(state, observation, json!({"timed_out": action})),
            Fact::Connected { .. } => Self::note(state, observation, json!("connected")),
            Fact::Closed { how, .. } => Self::note(state, observation, json!({"closed": how})),
            Fact::Ponged | Fact::Pinged => return,
        }
        state.frames.insert(observation.connection, observation.transcript.frames());
    }
}
