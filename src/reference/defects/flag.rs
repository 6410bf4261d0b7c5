//! The rules that the server can be told to break on purpose, where no change of a message would say it.

use serde::Deserialize;

macro_rules! flags {
    ($($(#[doc = $doc:literal])+ $name:ident;)+) => {
        /// A rule that is broken.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Flag {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Flag {
            /// All of them.
            #[cfg(test)]
            pub const ALL: &'static [Self] = &[$(Self::$name),+];
        }
    };
}

flags! {
    /// An event gets the `order` of the one before it in its thread.
    OrderReused;
    /// The `order` of events falls from one to the next.
    OrderFalls;
    /// A sent event is stored and pushed a second time, under another id.
    EventStoredTwice;
    /// An event that opens a thread is pushed as an event of a running one.
    ThreadStartAsEvent;
    /// An event that opens a thread is pushed as an event, too.
    ThreadStartTwice;
    /// An event opens the closed thread again rather than a new one.
    ThreadReopened;
    /// An annotation opens a thread as other events do.
    AnnotationStartsThread;
    /// Customers may start chats without having introduced themselves.
    DetailsNotNeeded;
    /// Banned customers may come in.
    BanNotEnforced;
    /// A ban leaves the customer's connections open.
    BanKeepsConnections;
    /// A new chat that nobody restricted is hidden from all agents.
    UnscopedIsHidden;
    /// Agents may work with all chats.
    AccessIgnored;
    /// Customers may work with chats of others.
    ForeignChatsOpen;
    /// Setting some properties deletes the others.
    PropertiesReplaced;
    /// All properties are told when some change.
    PropertiesToldWhole;
    /// Properties are told when none has changed.
    UnchangedPropertiesTold;
    /// A customer's news is told to him in his closed chats, too.
    NewsInClosedChats;
    /// A customer's news is told to him in one of his active chats only.
    NewsInOneChat;
    /// A click on a button is told when its thread is closed, too.
    PostbackAlwaysTold;
    /// A click marks only the first of the buttons with its id.
    PostbackMarksOne;
    /// Following goes on when a chat is activated anew.
    FollowingSurvives;
    /// Whoever follows a chat already, or is a member of it, is shown its thread when he asks to follow.
    FollowAlwaysTold;
    /// Whoever stops following a chat hears nothing more of it at all.
    UnfollowIsTotal;
    /// Members may stop following, and are then none any more.
    MembersUnfollow;
    /// Whoever wants to supervise a chat becomes a user of it.
    SupervisorsJoin;
    /// Addresses need no `license_id`.
    LicenseIdNotNeeded;
    /// Silent connections stay open.
    IdleKept;
    /// Ping frames are no sign of life.
    PingFramesIgnored;
    /// The action `ping` is no sign of life.
    PingActionsIgnored;
    /// Nobody has to log in.
    LoginNotDemanded;
    /// Pings lengthen the time to log in.
    PingsDelayLogin;
}

/// The rules that are broken while one request is carried out, or as long as one connection lasts. None, nearly always.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags(u64);

impl Flags {
    /// With one more.
    pub fn and(self, flag: Flag) -> Self {
        Self(self.0 | 1 << flag as u64)
    }

    /// Whether this rule is broken.
    pub fn has(self, flag: Flag) -> bool {
        self.0 & 1 << flag as u64 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_flag_is_its_own() {
        assert!(Flag::ALL.len() <= 64);
        for flag in Flag::ALL {
            let only = Flags::default().and(*flag);
            assert!(Flag::ALL.iter().all(|other| only.has(*other) == (other == flag)));
        }
    }
}
