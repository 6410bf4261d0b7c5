//! A scenario as the engine uses it: everything parsed, named and checked. What the file looks like is in `file/`,
//! how one becomes the other in `compile/`.

mod assertion;
mod load;
mod value;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use assertion::*;
pub use load::*;
pub use value::*;

use super::template::{Hole, Template};
use crate::protocol::{Dialect, NegativeClass, RequirementId, Transport};
use crate::session::{PingStyle, Upload};

/// A whole scenario.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// Its name, by default the file's.
    pub name: String,
    /// One sentence for people.
    pub about: Option<String>,
    /// SHA-256 of the file's text and of the rows of its data files, to tell whether two tallies belong together.
    pub fingerprint: String,
    /// Where the file is; relative data files are looked for beside it.
    pub path: PathBuf,
    /// Seed of all choices, unless overridden.
    pub seed: u64,
    /// Where values come from.
    pub data: BTreeMap<String, DataSource>,
    /// Who there is, by name.
    pub actors: BTreeMap<String, Arc<Actor>>,
    /// How they come.
    pub load: Load,
    /// What is good enough.
    pub thresholds: Vec<AskedThreshold>,
}

/// The text of a threshold, which the judge parses, and what else the file says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedThreshold {
    /// The text.
    pub text: String,
    /// Whether the run ends early when it is broken for good.
    pub abort: bool,
    /// JSON pointer of its place in the file.
    pub pointer: String,
    /// Its line in the file, from 1.
    pub line: usize,
}

/// One kind of simulated user.
#[derive(Debug, Clone)]
pub struct Actor {
    /// Its name in the file.
    pub name: String,
    /// What it speaks.
    pub dialect: Arc<Dialect>,
    /// Over what.
    pub transport: Transport,
    /// The pool that its token is taken from.
    pub credentials: String,
    /// Whether it logs in by itself when it connects, and what it says besides the token.
    pub login: Option<Template>,
    /// The actor whose token it uses, when several members of a cast are one user: itself, or another one.
    pub identity: Option<String>,
    /// How its connection is kept alive; as the run says, if it does not.
    pub keep_alive: Option<PingStyle>,
    /// What it does.
    pub steps: Vec<Step>,
}

/// One step, with the pointer of its place in the file.
#[derive(Debug, Clone)]
pub struct Step {
    /// JSON pointer of its place in the file, such as `/actors/customer/steps/2`.
    pub pointer: String,
    /// What to do.
    pub action: StepAction,
    /// The requirements that it proves. With any, the step is an examination: what came of it is told as the outcome of its
    /// name.
    pub proves: Vec<RequirementId>,
    /// What it is called.
    pub name: Option<String>,
}

/// What a step does.
#[derive(Debug, Clone)]
pub enum StepAction {
    /// Call an action and look at the answer.
    Call(Call),
    /// Wait for a push.
    Await(Await),
    /// Make sure that a push does not come.
    Never(Never),
    /// Send what the server must refuse.
    Refuses(Refuses),
    /// Compare values that are known.
    Check(Vec<Assertion>),
    /// Wait for a while.
    Think(Pause),
    /// Wait for a moment of the run, counted from its start.
    At(Duration),
    /// Stay until the run winds down, or at most this long.
    Stay(Option<Duration>),
    /// Do steps several times.
    Repeat {
        /// How often; `None` until the run winds down.
        times: Option<u64>,
        /// What.
        steps: Vec<Step>,
    },
    /// Do one of several things, by weight.
    Choose(Vec<(f64, Vec<Step>)>),
    /// Do something only when a condition holds.
    If {
        /// The condition.
        condition: Condition,
        /// Steps when it holds.
        then: Vec<Step>,
        /// Steps when not.
        otherwise: Vec<Step>,
    },
    /// Steps under a name.
    Group {
        /// The name, shown in failures.
        name: String,
        /// The steps.
        steps: Vec<Step>,
    },
    /// Several lists of steps at the same time; done when all are.
    Parallel(Vec<Vec<Step>>),
    /// React to pushes while other steps go on.
    React {
        /// What to react to, and how.
        reactions: Vec<Arc<Reaction>>,
        /// The steps during which the reactions live.
        during: Vec<Step>,
    },
    /// Wait until every member of the cast has come to the meeting of this name.
    Meet(String),
    /// Wait until a member of the cast has shared this name.
    WaitFor {
        /// The shared name.
        name: String,
        /// How long at most.
        within: Duration,
    },
    /// Close the connection.
    Disconnect,
    /// Close the connection if it is open, connect and log in again.
    Reconnect(Reconnect),
    /// Wait until the server ends the connection, or see that it does not.
    Closes {
        /// How long at most; if nothing is said, it need not end.
        within: Option<Duration>,
        /// How long it has to stay open.
        not_before: Duration,
    },
    /// Set names to values.
    Set(Vec<(String, Template)>),
}

/// Close the connection if it is open and connect again.
#[derive(Debug, Default, Clone)]
pub struct Reconnect {
    /// Changes of the URL's query: values, and null to leave a member out.
    pub query: Vec<(String, Template)>,
    /// Whether the server should refuse: by its answer to the handshake, or by ending the connection soon. Nobody logs in
    /// then.
    pub refused: bool,
}

/// Call an action.
#[derive(Debug, Clone)]
pub struct Call {
    /// Name of the action.
    pub action: String,
    /// Its payload; null for none.
    pub payload: Template,
    /// What the answer should be.
    pub expect: Expect,
    /// What should hold of the answer's payload.
    pub assertions: Vec<Assertion>,
    /// Whether the payload, or the action itself, is meant to be wrong.
    pub deliberately_invalid: bool,
    /// What is different about this call of the Web API.
    pub web: Option<Box<WebOptions>>,
    /// Values to take from the answer, for this actor.
    pub capture: Vec<Capture>,
    /// Values to take from the answer, for the whole cast.
    pub share: Vec<Capture>,
}

/// What is different about a call of the Web API.
#[derive(Debug, Clone)]
pub struct WebOptions {
    /// The `Authorization` header: another text than the token's, or `None` for no header.
    pub authorization: Option<Option<Template>>,
    /// Changes of the URL's query: values, and null to leave a member out.
    pub query: Vec<(String, Template)>,
    /// Media type of the body.
    pub content_type: Option<String>,
    /// The file that is sent.
    pub upload: Option<Upload>,
}

/// What an answer should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expect {
    /// `success: true`.
    Success,
    /// An error of one of these types.
    Error(Vec<String>),
    /// An error of any documented type.
    Refused,
    /// Anything that is an answer.
    Anything,
}

/// Take a value out of a payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capture {
    /// Under which name.
    pub name: String,
    /// From where: a JSON pointer into the payload.
    pub pointer: String,
}

/// Wait for a push.
#[derive(Debug, Clone)]
pub struct Await {
    /// Names of the pushes that will do.
    pub pushes: Vec<String>,
    /// What must be in the payload.
    pub matches: Match,
    /// Payloads that have all of this are passed over. Empty: none are.
    pub unless: Match,
    /// How long at most.
    pub within: Duration,
    /// What should hold of the push's payload.
    pub assertions: Vec<Assertion>,
    /// Values to take from the push, for this actor.
    pub capture: Vec<Capture>,
    /// Values to take from the push, for the whole cast.
    pub share: Vec<Capture>,
}

/// Make sure that a push does not come.
#[derive(Debug, Clone)]
pub struct Never {
    /// Names of the pushes that must not come; empty: of none at all.
    pub pushes: Vec<String>,
    /// What must be in the payload for it to count.
    pub matches: Match,
    /// Payloads that have all of this do not count. Empty: all do.
    pub unless: Match,
    /// How long to look out for it.
    pub within: Duration,
}

/// Pointers into a payload and the values that must be there.
#[derive(Debug, Default, Clone)]
pub struct Match(pub Vec<(String, Template)>);

/// What to do when a push comes.
#[derive(Debug, Clone)]
pub struct Reaction {
    /// Names of the pushes.
    pub on: Vec<String>,
    /// What must be in the payload.
    pub matches: Match,
    /// Payloads that have all of this are passed over. Empty: none are.
    pub unless: Match,
    /// Values to take from the push before the steps begin.
    pub capture: Vec<Capture>,
    /// What to do. `${push:/pointer}` reads the push.
    pub steps: Vec<Step>,
}

/// When `if` holds.
#[derive(Debug, Clone)]
pub enum Condition {
    /// The name is known, and its value, or the part of it that is meant, is neither null nor false.
    Known(Hole),
    /// Two values are equal.
    Equal(Template, Template),
    /// Drawn with this probability.
    Chance(f64),
}

/// Shown names of things that templates can use besides captures and data.
pub const BUILT_IN: &[&str] = &["actor.id", "actor.number", "actor.user", "actor.token", "unique", "now"];

impl Actor {
    /// All actions that the actor may call, in its steps and reactions.
    pub fn actions(&self) -> Vec<&str> {
        let mut actions = Vec::new();
        visit(&self.steps, &mut |step| {
            if let StepAction::Call(call) = &step.action {
                actions.push(call.action.as_str());
            }
        });
        if self.login.is_some() {
            actions.push(&self.dialect.catalog.login.action);
        }
        actions
    }
}

/// Calls `look` for every step, depth first.
pub fn visit<'a>(steps: &'a [Step], look: &mut impl FnMut(&'a Step)) {
    for step in steps {
        look(step);
        match &step.action {
            StepAction::Repeat { steps, .. } | StepAction::Group { steps, .. } => visit(steps, look),
            StepAction::Choose(branches) => branches.iter().for_each(|(_, steps)| visit(steps, look)),
            StepAction::If { then, otherwise, .. } => {
                visit(then, look);
                visit(otherwise, look);
            }
            StepAction::Parallel(lists) => lists.iter().for_each(|steps| visit(steps, look)),
            StepAction::React { reactions, during } => {
                reactions.iter().for_each(|reaction| visit(&reaction.steps, look));
                visit(during, look);
            }
            _ => {}
        }
    }
}

/// Requests that the server must refuse.
#[derive(Debug, Clone)]
pub struct Refuses {
    /// Name of the action.
    pub action: String,
    /// A valid payload.
    pub payload: Template,
    /// Send the payload as it is; without it, every mistake is generated.
    pub class: Option<NegativeClass>,
    /// A request whose answer must be the same before and after.
    pub unchanged: Option<(String, Template)>,
}

impl Refuses {
    /// What may be wrong with the requests.
    pub fn classes(&self) -> Vec<NegativeClass> {
        use NegativeClass as N;
        match self.class {
            Some(class) => vec![class],
            None => vec![
                N::MissingMember,
                N::WrongType,
                N::OutsideEnum,
                N::OutsideLimit,
                N::WrongTransport,
                N::BeforeLogin,
                N::BadToken,
            ],
        }
    }
}
