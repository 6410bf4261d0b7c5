//! What the reference server says to a customer and an agent who ask it for everything, one request after the other.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use chatproof::observe::{Fact, Observation, Observer};
use chatproof::protocol::{Channel, Dialect, Kind, Protocol, Role};
use chatproof::session::{CallOutcome, RtmSession, Session, SessionContext, Token, Variation, WebSession};
use serde_json::{Value, json};

use super::samples::samples;
use super::start;

/// Payloads by what they are.
pub type Heard = BTreeMap<(Kind, String), Vec<Value>>;

/// Requests sent of each action.
const REQUESTS: usize = 6;

/// Notes the payloads of responses and pushes, and the bodies of errors.
#[derive(Default)]
struct Ear(Mutex<Heard>);

impl Observer for Ear {
    fn observe(&self, observation: &Observation<'_>) {
        let (kind, name, payload) = match &observation.fact {
            Fact::Answered(answer) if answer.success => (Kind::Response, answer.action, answer.payload),
            Fact::Answered(answer) => (Kind::Envelope, "web-error", answer.payload),
            Fact::Pushed(push) => (Kind::Push, push.action, push.payload),
            _ => return,
        };
        self.0.lock().unwrap().entry((kind, name.to_owned())).or_default().push(payload.clone());
    }
}

/// Starts the reference server and asks it for everything that the dialect offers.
pub fn heard(protocol: &Arc<Protocol>, dialect: &str) -> Heard {
    let dialect = protocol.dialect(dialect).unwrap().clone();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let ear = Arc::new(Ear::default());
    runtime.block_on(converse(protocol.clone(), dialect, ear.clone()));
    drop(runtime);
    std::mem::take(&mut *ear.0.lock().unwrap())
}

async fn converse(protocol: Arc<Protocol>, dialect: Arc<Dialect>, ear: Arc<Ear>) {
    let (server, url) = start::server(protocol).await;
    tokio::spawn(server.run(std::future::pending()));
    let context = start::context(&url, &dialect, ear);
    // Somebody else sees what this one does.
    let _other = connect(&context, "other").await;
    let mut asker = Asker { session: connect(&context, "asker").await, context, ids: BTreeMap::new() };
    for _ in 0..2 {
        for name in dialect.catalog.actions.keys() {
            asker.ask(name).await;
        }
    }
}

fn token(dialect: &Dialect, name: &str) -> Token {
    Token::new(&match dialect.catalog.role() {
        Role::Agent => format!("agent:{name}@example.com"),
        Role::Customer => format!("customer:{name}"),
    })
}

async fn connect(context: &SessionContext, name: &str) -> Arc<RtmSession> {
    let session = start::connect(context, &token(&context.dialect, name)).await;
    let extra = match context.dialect.catalog.role() {
        Role::Agent => Value::Null,
        Role::Customer => json!({"customer": {"name": name}}),
    };
    session.login(&extra, context.clock.now()).await;
    session
}

struct Asker {
    session: Arc<RtmSession>,
    context: SessionContext,
    /// What the server called things, by the name of the member.
    ids: BTreeMap<String, Value>,
}

impl Asker {
    /// Sends an action's sample requests over all its transports, with ids that the server knows.
    async fn ask(&mut self, action: &str) {
        let dialect = self.context.dialect.clone();
        let Some(spec) = dialect.catalog.action(action) else { return };
        for request in samples(&dialect.schemas, Kind::Request, action).valid.iter().take(REQUESTS) {
            self.start().await;
            for channel in &spec.transports {
                let mut payload = request.clone();
                self.put_ids(&mut payload);
                match channel {
                    Channel::Rtm => drop(self.session.call(action, &payload, self.context.clock.now()).await),
                    Channel::Web => {
                        let session = Session::Web(WebSession::new(&self.context, &token(&dialect, "asker"), None));
                        session.call(action, &payload, &Variation::default(), self.context.clock.now()).await;
                    }
                }
            }
        }
    }

    /// A running chat to ask about, on a connection that is logged in.
    async fn start(&mut self) {
        if self.session.is_over() {
            self.session = connect(&self.context, "asker").await;
        }
        let payload = json!({"chat": {"thread": {"events": [{"type": "message", "text": "Hello"}]}}});
        let answer = self.session.call("start_chat", &payload, self.context.clock.now()).await;
        if let CallOutcome::Answered { success: true, payload } = answer {
            let spec = self.context.dialect.catalog.action("start_chat");
            let answers = spec.and_then(|spec| spec.answers.clone()).unwrap_or_default();
            let threads = answers.threads.into_iter().flat_map(|at| [format!("{at}/id"), format!("{at}/0/id")]);
            let places = answers.chat.map(|at| ("chat_id", at)).into_iter();
            for (name, at) in places.chain(answers.thread.into_iter().chain(threads).map(|at| ("thread_id", at))) {
                self.ids.extend(payload.pointer(&at).map(|id| (name.to_owned(), id.clone())));
            }
        }
        self.ids.insert("token".to_owned(), json!(token(&self.context.dialect, "asker").reveal()));
    }

    /// Replaces invented ids by those of things that exist.
    fn put_ids(&self, value: &mut Value) {
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    match self.ids.get(name.trim_end_matches('s')) {
                        Some(id) if member.is_array() => *member = json!([id]),
                        Some(id) if member.is_string() => *member = id.clone(),
                        _ => self.put_ids(member),
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.put_ids(item)),
            _ => {}
        }
    }
}
