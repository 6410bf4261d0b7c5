//! What a client can be shown to cope with.

use serde::{Deserialize, Serialize};

use crate::observe::{ConnectionId, Moment, TranscriptFrame};

/// Something that was done to a client on purpose, which its frames alone do not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Provocation {
    /// Pushes came in another order than they were sent.
    ReorderedPushes,
    /// A push came twice.
    DuplicatePush,
    /// What a request caused was pushed before its answer.
    PushBeforeResponse,
    /// A push came that no document names.
    UnknownPush,
    /// A message had members that no document names.
    UnknownMember,
    /// An answer took nearly as long as the documents allow, or longer.
    SlowAnswer,
    /// A frame came that is no message.
    MalformedFrame,
    /// The connection was ended.
    Disconnect,
}

macro_rules! items {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal, $about:literal;)+) => {
        /// What a client can be shown to cope with. Each is defined by what is visible on the wire.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Item {
            $($(#[doc = $doc])+ #[serde(rename = $text)] $name,)+
        }

        impl Item {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The name in reports.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }

            /// What is looked at, in a sentence.
            pub fn about(self) -> &'static str {
                match self { $(Self::$name => $about),+ }
            }
        }
    };
}

items! {
    /// After a disconnect.
    Reconnects = "reconnects", "After its connection was ended, the same user logs in again on a new one.";
    /// Keeps a silent connection.
    PingsInTime = "pings_in_time", "Logged in for longer than a server bears silence, it was never silent for so long.";
    /// Sorting itself is not visible.
    TakesReorderedPushes = "takes_reordered_pushes", "It goes on sending after pushes out of order; whether it shows events sorted by `order` is not on the wire.";
    /// A push that comes twice.
    TakesDuplicatePushes = "takes_duplicate_pushes", "It goes on sending after a push that came twice.";
    /// A push that overtakes the response.
    TakesPushBeforeResponse = "takes_push_before_response", "It goes on sending after a push that came before the response it belongs to.";
    /// Forward compatibility.
    TakesUnknownPushes = "takes_unknown_pushes", "It goes on sending after a push that no document names.";
    /// Forward compatibility.
    TakesUnknownMembers = "takes_unknown_members", "It goes on sending after a message with members that no document names.";
    /// Answers near the documented limit.
    TakesSlowAnswers = "takes_slow_answers", "It goes on sending after an answer that took as long as the documents allow, or longer.";
    /// What is no message.
    TakesMalformedFrames = "takes_malformed_frames", "It goes on sending after a frame that is no message, or logs in again on a new connection.";
    /// Nobody can tell whether such a send was carried out.
    RepeatsNoUncertainSend = "repeats_no_uncertain_send", "After a send that timed out, it sends the same again only under the same custom_id.";
    /// RFC 6455 7.1.2.
    ClosesCleanly = "closes_cleanly", "It ends connections with a closing frame and sends nothing after it.";
}

/// What became of an item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ItemOutcome {
    /// The item.
    pub item: Item,
    /// Shown, broken or not exercised.
    pub state: ItemState,
    /// How often it was shown.
    pub shown: u64,
    /// How often it was broken.
    pub broken: u64,
    /// The first times that it was broken.
    pub findings: Vec<Finding>,
}

/// Whether a client coped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemState {
    /// It did, every time.
    Shown,
    /// It did not, at least once.
    Broken,
    /// It never had to, or nobody can tell.
    NotExercised,
}

/// One time that a client did not cope.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// When it was noticed.
    pub at: Moment,
    /// On which connection.
    pub connection: ConnectionId,
    /// What happened, in a sentence.
    pub what: String,
    /// The connection's last frames, oldest first.
    pub frames: Vec<TranscriptFrame>,
}
