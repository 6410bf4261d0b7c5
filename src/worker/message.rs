//! What a Locust master and its workers say to each other.
//!
//! A message is a msgpack array of its type, its data and the worker's id. Facts about the protocol are from Locust 2.47:
//! `rpc/protocol.py`, and `handle_message` of both runners in `runners.py`. The types that begin with `chatproof_` are ours; the
//! locustfile that `--locustfile` prints knows them.

use std::collections::BTreeMap;

use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};

use super::stats::Stats;

/// How many actors of each user class.
pub type Counts = BTreeMap<String, u64>;

/// What the master says.
#[derive(Debug, Clone, PartialEq)]
pub enum Incoming {
    /// It knows the worker, and counts it from 0.
    Ack {
        /// The worker's number. Masters before 2.10.2 tell none.
        index: Option<u64>,
    },
    /// So many actors are to walk.
    Spawn(Spawn),
    /// The test is over; another one may come.
    Stop,
    /// The master ends.
    Quit,
    /// It could not read something and wants the connection to be made anew.
    Reconnect,
    /// It is alive.
    Heartbeat,
    /// The locustfile wants the actors to come to their end, and then the tally, as this part of so many.
    Finish(Finish),
    /// On no worker anybody is left but the standing populations, which may go.
    Dismiss,
    /// Something else, which does not concern us.
    Other,
}

/// So many actors are to walk on this worker. What else Locust sends with it, a host above all, is not for us: whom we talk
/// to, and with which tokens, is said where the worker is started.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Spawn {
    /// When the master decided so, in seconds since 1970. An older order does not undo a newer one.
    pub timestamp: f64,
    /// All of them, not only new ones.
    pub user_classes_count: Counts,
}

/// As which part of which test the tally is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Finish {
    /// Identifies the test.
    pub test: String,
    /// The worker's number among those that took part, from 1.
    pub part: u64,
    /// How many took part.
    pub of: u64,
}

/// What the worker says.
#[derive(Debug, Clone, PartialEq)]
pub enum Outgoing {
    /// It is there.
    ClientReady,
    /// It begins to do what it was told.
    Spawning,
    /// It has done so.
    SpawningComplete(Counts),
    /// It is alive, and this is how it is.
    Heartbeat(Heartbeat),
    /// What it counted since the last time.
    Stats(Box<Stats>),
    /// Something that should not be.
    Exception(Exception),
    /// Its test is over.
    ClientStopped,
    /// It goes.
    Quit,
    /// Nobody is left here but the standing populations.
    Done,
    /// Its tally, as a part of the whole.
    Tally(Delivery),
}

/// How a worker is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Heartbeat {
    /// `ready`, `spawning` or `running`.
    pub state: &'static str,
    /// In percent of all cores.
    pub current_cpu_usage: f64,
    /// In bytes.
    pub current_memory_usage: u64,
}

/// Something that should not be. Locust counts those with the same `traceback` as one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Exception {
    /// What happened.
    pub msg: String,
    /// What kind of thing it is, and where.
    pub traceback: String,
}

/// A tally on its way to the locustfile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Delivery {
    /// Which part.
    pub part: u64,
    /// Of which test.
    pub test: String,
    /// The tally file, as JSON.
    pub tally: String,
}

#[derive(Serialize)]
struct Counted<'a> {
    user_classes_count: &'a Counts,
    user_count: u64,
}

/// Locust compares a worker's version with its own, and this number, which stands for none, is taken without remark.
const NO_VERSION: i32 = -1;

/// Something that came is not a message.
#[derive(Debug, thiserror::Error)]
#[error("the master sent what is no message of Locust's: {0}")]
pub struct MessageError(#[from] rmp_serde::decode::Error);

impl Incoming {
    /// Reads a message.
    ///
    /// # Errors
    /// When it is none, or when its data are not what its type has.
    pub fn read(bytes: &[u8]) -> Result<Self, MessageError> {
        let (kind, ..): (String, IgnoredAny, IgnoredAny) = rmp_serde::from_slice(bytes)?;
        Ok(match kind.as_str() {
            "ack" => {
                let told: Option<AckData> = data(bytes)?;
                Self::Ack { index: told.and_then(|told| told.index) }
            }
            "spawn" => Self::Spawn(data(bytes)?),
            "stop" => Self::Stop,
            "quit" => Self::Quit,
            "reconnect" => Self::Reconnect,
            "heartbeat" => Self::Heartbeat,
            "chatproof_finish" => Self::Finish(data(bytes)?),
            "chatproof_dismiss" => Self::Dismiss,
            _ => Self::Other,
        })
    }
}

#[derive(Deserialize)]
struct AckData {
    index: Option<u64>,
}

fn data<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, MessageError> {
    let (_, data, _): (IgnoredAny, T, IgnoredAny) = rmp_serde::from_slice(bytes)?;
    Ok(data)
}

impl Outgoing {
    /// The bytes of the message, from the worker with this id.
    ///
    /// # Errors
    /// When it cannot be written: our bug.
    pub fn write(&self, id: &str) -> Result<Vec<u8>, rmp_serde::encode::Error> {
        let none: Option<()> = None;
        match self {
            Self::ClientReady => written("client_ready", NO_VERSION, id),
            Self::Spawning => written("spawning", none, id),
            Self::SpawningComplete(counts) => {
                let user_count = counts.values().sum();
                written("spawning_complete", Counted { user_classes_count: counts, user_count }, id)
            }
            Self::Heartbeat(heartbeat) => written("heartbeat", heartbeat, id),
            Self::Stats(stats) => written("stats", stats, id),
            Self::Exception(exception) => written("exception", exception, id),
            Self::ClientStopped => written("client_stopped", none, id),
            Self::Quit => written("quit", none, id),
            Self::Done => written("chatproof_done", none, id),
            Self::Tally(delivery) => written("chatproof_tally", delivery, id),
        }
    }
}

/// Locust reads maps by name, so structs must not become arrays.
fn written(kind: &str, data: impl Serialize, id: &str) -> Result<Vec<u8>, rmp_serde::encode::Error> {
    rmp_serde::to_vec_named(&(kind, data, id))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn packed(message: &Value) -> Vec<u8> {
        rmp_serde::to_vec_named(message).unwrap()
    }

    fn unpacked(message: &Outgoing) -> Value {
        rmp_serde::from_slice(&message.write("me_1").unwrap()).unwrap()
    }

    #[test]
    fn what_the_master_says_is_understood() {
        for (message, expected) in [
            (json!(["ack", {"index": 2}, "me_1"]), Incoming::Ack { index: Some(2) }),
            (json!(["ack", null, "me_1"]), Incoming::Ack { index: None }),
            (json!(["stop", null, "me_1"]), Incoming::Stop),
            (json!(["quit", null, "me_1"]), Incoming::Quit),
            (json!(["reconnect", null, "me_1"]), Incoming::Reconnect),
            (json!(["heartbeat", null, "me_1"]), Incoming::Heartbeat),
            (json!(["chatproof_dismiss", null, "me_1"]), Incoming::Dismiss),
            (json!(["spawning_complete", {"user_count": 3}, "me_1"]), Incoming::Other),
            (
                json!(["chatproof_finish", {"test": "t", "part": 1, "of": 3}, "me_1"]),
                Incoming::Finish(Finish { test: "t".to_owned(), part: 1, of: 3 }),
            ),
        ] {
            assert_eq!(Incoming::read(&packed(&message)).unwrap(), expected, "{message}");
        }
    }

    #[test]
    fn of_a_spawn_only_the_counts_matter() {
        let message = json!(["spawn", {
            "timestamp": 1_700_000_000.5, "user_classes_count": {"Agent": 1, "Customer": 0}, "host": null, "stop_timeout": null,
            "parsed_options": {"expect_workers": 3, "tags": ["a", {"b": 1.5}], "host": null},
        }, "me_1"]);
        let Incoming::Spawn(spawn) = Incoming::read(&packed(&message)).unwrap() else { panic!("no spawn") };
        assert_eq!(spawn.timestamp, 1_700_000_000.5);
        assert_eq!(spawn.user_classes_count, Counts::from([("Agent".to_owned(), 1), ("Customer".to_owned(), 0)]));
    }

    #[test]
    fn what_is_no_message_is_refused() {
        for message in [
            json!("spawn"),
            json!([]),
            json!(["spawn", null, "me_1"]),
            json!(["spawn", {"timestamp": 1, "user_classes_count": {"Agent": -1}}, "me_1"]),
            json!(["ack", {"index": "first"}, "me_1"]),
            json!([1, null, "me_1"]),
        ] {
            assert!(Incoming::read(&packed(&message)).is_err(), "{message}");
        }
        assert!(Incoming::read(&[]).is_err());
        assert!(Incoming::read(&[0x93, 0xc1]).is_err());
    }

    proptest! {
        #[test]
        fn a_damaged_message_is_read_or_refused(damage in proptest::collection::vec((0usize..70, any::<u8>()), 0..4), cut in 0usize..70) {
            let data = json!({"timestamp": 1.5, "user_classes_count": {"Agent": 1}});
            let mut bytes = packed(&json!(["spawn", data, "me_1"]));
            for (at, byte) in damage {
                let at = at % bytes.len();
                bytes[at] = byte;
            }
            let whole = Incoming::read(&bytes);
            // A part of a message is none, but for what may follow the array.
            if let (Ok(whole), Ok(part)) = (whole, Incoming::read(&bytes[..cut.min(bytes.len())])) {
                // Not as values: a number that is none is not equal to itself.
                prop_assert_eq!(format!("{whole:?}"), format!("{part:?}"));
            }
        }
    }

    #[test]
    fn what_the_worker_says_is_as_locust_reads_it() {
        let counts = Counts::from([("Agent".to_owned(), 1), ("Customer".to_owned(), 4)]);
        let exception = Exception { msg: "m".to_owned(), traceback: "t".to_owned() };
        let heartbeat = Heartbeat { state: "ready", current_cpu_usage: 1.5, current_memory_usage: 7 };
        let delivery = Delivery { part: 2, test: "t".to_owned(), tally: "{}".to_owned() };
        for (message, expected) in [
            (Outgoing::ClientReady, json!(["client_ready", -1, "me_1"])),
            (Outgoing::Spawning, json!(["spawning", null, "me_1"])),
            (Outgoing::ClientStopped, json!(["client_stopped", null, "me_1"])),
            (Outgoing::Quit, json!(["quit", null, "me_1"])),
            (Outgoing::Done, json!(["chatproof_done", null, "me_1"])),
            (Outgoing::Exception(exception), json!(["exception", {"msg": "m", "traceback": "t"}, "me_1"])),
            (
                Outgoing::SpawningComplete(counts),
                json!(["spawning_complete", {"user_classes_count": {"Agent": 1, "Customer": 4}, "user_count": 5}, "me_1"]),
            ),
            (
                Outgoing::Heartbeat(heartbeat),
                json!(["heartbeat", {"state": "ready", "current_cpu_usage": 1.5, "current_memory_usage": 7}, "me_1"]),
            ),
            (Outgoing::Tally(delivery), json!(["chatproof_tally", {"part": 2, "test": "t", "tally": "{}"}, "me_1"])),
        ] {
            assert_eq!(unpacked(&message), expected);
        }
    }
}
