//! A worker of a Locust master: Locust decides how many actors walk, and shows what they do; the actors, and the verdict, are
//! ours.

mod classes;
mod exceptions;
mod health;
mod link;
mod locustfile;
mod machine;
mod message;
mod serve;
mod stats;

pub use classes::{Class, ClassError, Part, classes};
pub use link::LinkError;
pub use locustfile::locustfile;
pub use machine::Leaving;
pub use message::{Counts, Finish, Incoming, MessageError, Spawn};
pub use serve::{Troupe, WorkerError, serve};

use exceptions::Alarm;
use machine::{Action, Event, Machine};
use stats::Account;
