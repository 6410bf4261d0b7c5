//! Frames of one connection → observations. No IO and no clock: whoever feeds a [`Conversation`] says what time it is,
//! so the same code judges a live session, a relayed one and a recording.

mod conversation;
mod input;
mod moment;
mod observation;
mod transcript;
mod violation;

#[cfg(test)]
mod tests;

pub use conversation::{ClientCall, ClientRequest, ClientSent, Conversation, Delivered, Sending};
pub use input::{Event, Input};
pub use moment::{Clock, Moment};
pub use observation::{Answer, Closing, ConnectionId, Fact, Observation, Observer, Pushed, Sent};
pub use transcript::{Direction, Transcript, TranscriptFrame};
pub use violation::{Grade, Side, Violation, ViolationKind};
