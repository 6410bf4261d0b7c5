//! What goes into a conversation, word for word, for whoever keeps a recording.

use std::sync::Arc;
use std::time::Duration;

use super::{Closing, ConnectionId, Direction, Moment, Observer, Sending, Transcript};
use crate::message::WebAnswer;
use crate::protocol::{Channel, Dialect, Transport};

/// One thing that a conversation was told. Together, in order, they are enough to hold the same conversation again.
#[derive(Debug)]
pub struct Input<'a> {
    /// When it happened.
    pub at: Moment,
    /// Where.
    pub connection: ConnectionId,
    /// What is spoken there.
    pub dialect: &'a Arc<Dialect>,
    /// Over what.
    pub transport: Transport,
    /// Knows the connection's secrets. The texts below still hold them.
    pub transcript: &'a Transcript,
    /// What it was.
    pub event: Event<'a>,
}

/// What a conversation can be told.
#[derive(Debug)]
pub enum Event<'a> {
    /// The connection exists. Always the first one.
    Opened {
        /// From the attempt to the finished handshake; none over the Web API.
        took: Option<Duration>,
    },
    /// Who speaks on a connection that does not log in.
    User(&'a str),
    /// A text frame.
    Frame {
        /// Which way it went.
        direction: Direction,
        /// When it should have been sent, where the client is ours and it was not sent then.
        intended: Option<Moment>,
        /// Its text.
        text: &'a str,
    },
    /// A call of the Web API.
    Call {
        /// Its number on this connection, by which its answer is told.
        number: u64,
        /// Name of the action.
        action: &'a str,
        /// When it should have been sent, where the client is ours and it was not sent then.
        intended: Option<Moment>,
        /// Its body, or why it cannot be read.
        body: Result<&'a str, &'a str>,
    },
    /// The answer to a call.
    Answer {
        /// Number of the call.
        call: u64,
        /// What it says.
        answer: &'a WebAnswer,
        /// Its body.
        body: &'a [u8],
    },
    /// Something that is not a text frame; the text says what.
    Garbage(Direction, &'a str),
    /// A ping or pong of the client.
    Ping,
    /// A websocket pong of the server.
    Pong,
    /// The request with this number does not reach the server.
    Withheld(u64),
    /// The connection is over.
    Closed(Closing),
}

impl<'a> Event<'a> {
    /// A request of a client of ours.
    pub(super) fn request(transport: Transport, number: u64, sending: &Sending<'a>) -> Self {
        let &Sending { action, intended, at, text, .. } = sending;
        let intended = Some(intended).filter(|intended| *intended != at);
        match transport.channel() {
            Channel::Rtm => Self::Frame { direction: Direction::ToServer, intended, text },
            Channel::Web => Self::Call { number, action, intended, body: Ok(text) },
        }
    }
}

/// Tells an observer the inputs of one connection, if it wants to know them, and first of all what connection it is.
#[derive(Debug)]
pub(super) struct Recording {
    wanted: bool,
    opened: bool,
    latest: Moment,
    /// Somebody named the user since the last input.
    new_user: bool,
}

impl Recording {
    pub(super) fn of(observer: &dyn Observer) -> Self {
        Self { wanted: observer.wants_inputs(), opened: false, latest: Moment::default(), new_user: false }
    }

    pub(super) fn is_wanted(&self) -> bool {
        self.wanted
    }

    /// When the latest input came.
    pub(super) fn latest(&self) -> Moment {
        self.latest
    }

    pub(super) fn user_changed(&mut self) {
        self.new_user = true;
    }

    pub(super) fn tell(&mut self, observer: &dyn Observer, user: Option<&str>, input: Input<'_>) {
        if !self.wanted {
            return;
        }
        self.latest = input.at;
        let before = |event| observer.input(&Input { event, ..input });
        if !std::mem::replace(&mut self.opened, true) && !matches!(input.event, Event::Opened { .. }) {
            before(Event::Opened { took: None });
        }
        if let Some(user) = user.filter(|_| std::mem::take(&mut self.new_user)) {
            before(Event::User(user));
        }
        observer.input(&input);
    }
}
