//! Every defect shows, in each dialect of which it breaks a requirement: a tour through everything that the server does (`tour.yaml`) goes
//! another way with it than without. The tour takes no sockets, so what shows only there is in `defects`.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::*;
use crate::protocol::{Channel, Role};
use crate::reference::DefectRow;
use crate::reference::desk::Desk;
use crate::reference::files::Files;
use crate::reference::hub::{Attached, Outgoing};
use crate::reference::render::Spoken;
use crate::reference::rtm::{Reading, check, find, read_request};
use crate::reference::web;

/// Defects of connections and handshakes.
const OF_SOCKETS: [&str; 6] = [
    "license-id-not-needed",
    "idle-kept",
    "ping-frames-ignored",
    "ping-actions-ignored",
    "login-not-demanded",
    "pings-delay-login",
];

/// Defects that break what agents are promised, and show to customers.
const SHOWS_TO_CUSTOMERS: [&str; 3] = ["agents-only-leak", "ban-not-enforced", "ban-keeps-connections"];

/// A part of the tour.
#[derive(Deserialize)]
#[serde(untagged)]
enum Stop {
    /// Who asks for what, with which payload; and what is taken from the answer.
    Call(String, String, Value, BTreeMap<String, String>),
    Several {
        times: usize,
        stops: Vec<Stop>,
    },
}

struct Visitor {
    dialect: Arc<Dialect>,
    spoken: Spoken,
    line: Attached,
}

/// What somebody got to read.
struct Entry {
    /// Who, and how.
    about: String,
    text: String,
}

/// What the speakers of each dialect got to read, in order.
type Diary = BTreeMap<String, Vec<Entry>>;

struct Tour {
    desk: Desk,
    visitors: BTreeMap<String, Visitor>,
    taken: BTreeMap<String, Value>,
    asked: usize,
    diary: Diary,
}

fn stops() -> Vec<Stop> {
    serde_saphyr::from_str(include_str!("tour.yaml")).unwrap()
}

impl Entry {
    /// Whether it says the same, whatever the clocks said.
    fn is_like(&self, other: &Self) -> bool {
        let still = |entry: &Self| serde_json::from_str(&entry.text).map(|value| still(&value)).ok();
        let alike = || still(self).is_some_and(|value| Some(value) == still(other));
        self.about == other.about && (self.text == other.text || alike())
    }
}

/// JSON in which no clock is read.
fn still(value: &Value) -> Value {
    match value {
        Value::Number(number) if number.as_i64().is_some_and(|n| (1_600_000_000..2_500_000_000).contains(&n)) => {
            "now".into()
        }
        Value::String(text) if text.len() == 27 && text.ends_with('Z') => "now".into(),
        Value::Array(items) => items.iter().map(still).collect(),
        Value::Object(members) => members.iter().map(|(name, member)| (name.clone(), still(member))).collect(),
        _ => value.clone(),
    }
}

impl Tour {
    fn new(defects: &[&str]) -> Self {
        let chances = defects.iter().map(|text| text.parse().unwrap()).collect();
        let desk = Desk::new(&protocol(), 1, (chances, Vec::new()), Duration::from_secs(16));
        let taken = BTreeMap::from([("long".to_owned(), "x".repeat(20_000).into())]);
        Self { desk, visitors: BTreeMap::new(), taken, asked: 0, diary: Diary::new() }
    }

    /// Walks on until the reader of the diary has seen enough. Says whether he has.
    fn walk(&mut self, stops: &[Stop], seen_enough: &mut dyn FnMut(&Diary) -> bool) -> bool {
        stops.iter().any(|stop| match stop {
            Stop::Several { times, stops } => (0..*times).any(|_| self.walk(stops, seen_enough)),
            Stop::Call(who, action, payload, take) => {
                let payload = self.filled(payload);
                let answer = match who.strip_prefix("web ") {
                    Some(who) => self.web(who, action, payload),
                    None => self.rtm(who, action, payload),
                };
                for (name, place) in take {
                    let found = answer.pointer(place).cloned();
                    self.taken.insert(name.clone(), found.unwrap_or_else(|| "NOTHING".into()));
                }
                for who in self.visitors.keys().cloned().collect::<Vec<_>>() {
                    self.note(&who);
                }
                seen_enough(&self.diary)
            }
        })
    }

    /// A payload with what was taken from answers in the place of `$name`.
    fn filled(&self, payload: &Value) -> Value {
        match payload {
            Value::String(text) => match text.strip_prefix('$') {
                Some(name) => self.taken.get(name).cloned().unwrap_or_else(|| panic!("nobody took {name}")),
                None => payload.clone(),
            },
            Value::Array(items) => items.iter().map(|item| self.filled(item)).collect(),
            Value::Object(members) => {
                members.iter().map(|(name, member)| (name.clone(), self.filled(member))).collect()
            }
            _ => payload.clone(),
        }
    }

    fn rtm(&mut self, who: &str, action: &str, payload: Value) -> Value {
        if action == "connect" {
            let dialect = Arc::clone(protocol().dialect(payload.as_str().unwrap()).unwrap());
            let spoken = Spoken::named(dialect.name.as_str()).unwrap();
            let line = self.desk.come(spoken, None);
            self.visitors.insert(who.to_owned(), Visitor { dialect, spoken, line });
            return Value::Null;
        }
        let Visitor { dialect, spoken, line } = &self.visitors[who];
        let (dialect, spoken, id) = (Arc::clone(dialect), *spoken, line.id);
        match action {
            "disconnect" => self.desk.gone(id),
            "be_idle" => self.desk.announce(id, spoken, "agent_disconnected", &json!({"reason": "ping_timeout"})),
            _ => {
                self.asked += 1;
                let request = json!({"request_id": self.asked.to_string(), "action": action, "payload": payload});
                match read_request(&dialect, &request.to_string()) {
                    Reading::Request(request, wrong) => self.desk.rtm(&dialect, spoken, id, request, wrong),
                    Reading::NoRequest | Reading::NotJson => panic!("{request}"),
                }
            }
        }
        self.note(who)
    }

    /// A Web call; a `token` or `size` in the payload stands for a bad one.
    fn web(&mut self, who: &str, action: &str, mut payload: Value) -> Value {
        let Visitor { dialect, spoken, .. } = &self.visitors[who];
        let (dialect, spoken) = (Arc::clone(dialect), *spoken);
        let token = match dialect.catalog.role() {
            _ if payload.get("token").is_some() => String::new(),
            Role::Customer => format!("customer:{who}"),
            Role::Agent => format!("agent:{who}@example.com"),
        };
        let too_large = payload.get("size").is_some();
        let read = find(&dialect, Channel::Web, action).and_then(|_| self.desk.licences.identify(spoken, &token, None));
        let read = read.and_then(|user| if too_large { Err(web::too_large(spoken, 10 << 20)) } else { Ok(user) });
        let reply = match read {
            Err(refusal) => self.desk.reply(spoken, (action, &Value::Null), Err(refusal)),
            Ok(user) => {
                let wrong = check(&dialect, Channel::Web, action, &mut payload).err();
                let uploads = payload.get("file").or(payload.get("image")).is_some();
                let keep = |files: &mut Files| {
                    uploads.then(|| files.keep("http://here", "a.txt".into(), "text/plain".into(), "a".into()))
                };
                self.desk.web(&dialect, spoken, &user, action, (payload, keep), wrong)
            }
        };
        let about = format!("{who} web {action} {} {:?} {:?}", reply.status, reply.also, reply.promptness);
        let entry = Entry { about, text: reply.payload.to_string() };
        self.diary.entry(dialect.name.to_string()).or_default().push(entry);
        reply.payload
    }

    /// Somebody reads what has arrived; the payload of the first response.
    fn note(&mut self, who: &str) -> Value {
        let Visitor { dialect, line, .. } = self.visitors.get_mut(who).unwrap();
        let diary = self.diary.entry(dialect.name.to_string()).or_default();
        let mut answer = Value::Null;
        while let Ok(outgoing) = line.queue.try_recv() {
            let (how, text) = match &outgoing {
                Outgoing::Text(text, _) => ("now", text.as_str()),
                Outgoing::Later(text, ..) => ("later", text.as_str()),
                Outgoing::Close(_, reason) => ("closed", *reason),
                Outgoing::Forward => ("forward", ""),
            };
            if answer.is_null()
                && let Ok(mut frame) = serde_json::from_str::<Value>(text)
                && frame["type"] == "response"
            {
                answer = frame["payload"].take();
            }
            diary.push(Entry { about: format!("{who} {how}"), text: text.to_owned() });
        }
        answer
    }
}

/// The whole tour of a server without defects.
fn clean() -> Diary {
    let mut tour = Tour::new(&[]);
    tour.walk(&stops(), &mut |_| false);
    tour.diary
}

/// The dialects in which a server with a defect is another than a clean one: all that were wanted, if it is in all.
fn shows_in(row: &DefectRow, stops: &[Stop], clean: &Diary) -> BTreeSet<String> {
    let wanted: Vec<&str> = row.breaks.keys().map(|dialect| dialect.as_str()).collect();
    let (mut read, mut found) = (BTreeMap::<String, usize>::new(), BTreeSet::new());
    Tour::new(&[&row.name]).walk(stops, &mut |diary| {
        for (dialect, entries) in diary {
            let (from, proper) = (read.insert(dialect.clone(), entries.len()).unwrap_or(0), &clean[dialect]);
            let alike = |at: usize| proper.get(at).is_some_and(|entry| entry.is_like(&entries[at]));
            if !found.contains(dialect) && !(from..entries.len()).all(alike) {
                found.insert(dialect.clone());
            }
        }
        !found.is_empty() && wanted.iter().all(|dialect| found.contains(*dialect))
    });
    // What is left out at the end of the tour shows nowhere else.
    found.extend(read.into_iter().filter(|(dialect, read)| *read < clean[dialect].len()).map(|(dialect, _)| dialect));
    found
}

#[test]
fn the_tour_calls_everything_and_is_always_the_same_without_defects() {
    let (diary, again) = (clean(), clean());
    for dialect in protocol().dialects() {
        let (entries, again) = (&diary[dialect.name.as_str()], &again[dialect.name.as_str()]);
        assert_eq!(entries.len(), again.len());
        assert!(entries.iter().zip(again).all(|(entry, again)| entry.is_like(again)));
        for action in dialect.catalog.actions.iter().filter(|(_, spec)| !spec.indexed_only).map(|(action, _)| action) {
            let (frame, web) = (format!("\"action\":\"{action}\""), format!(" web {action} 200"));
            let answers = |entry: &Entry| {
                entry.about.contains(&web) || (entry.text.contains(&frame) && entry.text.contains("\"success\":true"))
            };
            assert!(entries.iter().any(answers), "{}: nobody is answered to {action}", dialect.name);
        }
    }
}

#[test]
fn every_defect_shows_in_each_dialect_of_which_it_breaks_something() {
    let (clean, stops) = (clean(), stops());
    let rows = DefectRow::all().unwrap().iter().filter(|row| !OF_SOCKETS.contains(&row.name.as_str()));
    let rows: Vec<&DefectRow> = rows.collect();
    let hidden = |rows: &[&DefectRow]| {
        let mut hidden = Vec::new();
        for row in rows {
            let found = shows_in(row, &stops, &clean);
            if found.is_empty() {
                hidden.push(row.name.clone());
            } else if !SHOWS_TO_CUSTOMERS.contains(&row.name.as_str()) {
                let dull = row.breaks.keys().filter(|dialect| !found.contains(dialect.as_str()));
                hidden.extend(dull.map(|dialect| format!("{} in {dialect}", row.name)));
            }
        }
        hidden
    };
    let (first, second) = rows.split_at(rows.len() / 2);
    let hidden = std::thread::scope(|scope| {
        let first = scope.spawn(|| hidden(first));
        let mut all = hidden(second);
        all.extend(first.join().unwrap());
        all
    });
    assert!(hidden.is_empty(), "\n{}", hidden.join("\n"));
}
