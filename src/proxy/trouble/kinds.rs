//! What a client can be put through.

macro_rules! kinds {
    ($(#[doc = $doc:literal])+ $enum:ident { $($name:ident = $text:literal, $about:literal;)+ }) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $enum {
            $(#[doc = $about] $name,)+
        }

        impl $enum {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The name on the command line.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }

            /// What happens, as a sentence.
            pub fn about(self) -> &'static str {
                match self { $(Self::$name => $about),+ }
            }
        }
    };
}

kinds! {
    /// Something hard that the documents allow a server to do.
    Hardship {
        ShuffledPushes = "shuffled-pushes", "Pushes arrive in another order than they were sent.";
        SlowAnswers = "slow-answers", "Some answers take nearly as long as the documents allow.";
        PushBeforeResponse = "push-before-response", "What a request causes is pushed to its sender before the answer.";
        DuplicatePushes = "duplicate-pushes", "Some pushes arrive twice.";
        UnknownPushes = "unknown-pushes", "Pushes arrive that no document names.";
        UnknownMembers = "unknown-members", "Messages have members that no document names.";
        Disconnects = "disconnects", "The server closes the connection now and then, with the documented push where there is one.";
    }
}

kinds! {
    /// Something that goes wrong, and that a client should survive.
    Fault {
        DroppedConnection = "dropped-connection", "The connection breaks without a goodbye.";
        RequestTimeout = "request-timeout", "A request is not carried out and answered with the error request_timeout.";
        Silence = "silence", "Nothing arrives for a little longer than the documented limit.";
        MalformedFrame = "malformed-frame", "A text frame arrives that is half of a message.";
    }
}
