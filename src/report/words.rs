//! What reports for people call things.

use super::format::grouped;
use crate::observe::Closing;
use crate::record::Actors;
use crate::verdict::{Judgement, Verdict};

/// What a judgement means, in a sentence.
pub fn meaning(verdict: &Verdict) -> &'static str {
    match verdict.judgement {
        Judgement::Passed => "Everything that was checked held.",
        Judgement::NonStrict if verdict.sides.is_some() => "Everything held, but some of it is not good practice.",
        Judgement::NonStrict => "Everything held, but some of it no good server does.",
        Judgement::Failed => "Not everything held.",
        Judgement::Inconclusive => "Too little was seen to judge.",
    }
}

/// How something was judged, after its name.
pub fn judged(judgement: Judgement) -> &'static str {
    match judgement {
        Judgement::Passed => "passed",
        Judgement::NonStrict => "passed, not strictly",
        Judgement::Failed => "failed",
        Judgement::Inconclusive => "is inconclusive",
    }
}

/// What a reader of a run that was ended by its user has to know.
pub const INTERRUPTED: &str = "interrupted: the numbers cover only the time until then";

/// How a connection ended.
pub fn closed(closing: Closing) -> &'static str {
    match closing {
        Closing::ByUs => "closed by us",
        Closing::ByClient => "closed by the client",
        Closing::ByServer => "closed by the server",
        Closing::DroppedByClient => "dropped by the client",
        Closing::Broken => "broken",
        Closing::ServerSilent => "ended after unanswered pings",
    }
}

/// How the actors fared.
pub fn fates(actors: &Actors) -> String {
    format!(
        "{} started; {} finished, {} gave up, {} stopped by the end of the run",
        grouped(actors.started),
        grouped(actors.finished),
        grouped(actors.failed),
        grouped(actors.interrupted),
    )
}
