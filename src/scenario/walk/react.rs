//! Reacting to pushes while other steps go on.

use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use super::inbox::Arrived;
use super::proof::Stopped;
use super::strand::{Strand, Walked};
use crate::scenario::plan::{Reaction, Step};

impl Strand<'_> {
    /// Walks `during`; every matching push meanwhile starts the steps of its reaction, beside everything else. What has
    /// been started is finished before the block ends. A reaction that fails ends alone: it is counted, and the
    /// actor goes on.
    pub(super) async fn react(&mut self, reactions: &[Arc<Reaction>], during: &[Step]) -> Walked {
        let walker = self.walker;
        let mailbox = walker.inbox.subscribe();
        let mut running = FuturesUnordered::new();
        let walked = {
            let script = self.steps(during);
            tokio::pin!(script);
            loop {
                tokio::select! {
                    walked = &mut script => break walked,
                    Some(()) = running.next() => {}
                    arrived = mailbox.next() => {
                        for reaction in reactions.iter().filter(|reaction| hears(reaction, &arrived)) {
                            running.push(one_reaction(Strand::reaction(walker, arrived.clone()), reaction.clone()));
                        }
                    }
                }
            }
        };
        drop(mailbox);
        while running.next().await.is_some() {}
        self.intended = walker.stage.clock.now();
        walked
    }
}

fn hears(reaction: &Reaction, arrived: &Arrived) -> bool {
    reaction.on.iter().any(|push| **push == *arrived.message.action)
}

async fn one_reaction(mut strand: Strand<'_>, reaction: Arc<Reaction>) {
    if let Err(stopped) = walk_reaction(&mut strand, &reaction).await {
        strand.report(stopped);
    }
}

async fn walk_reaction(strand: &mut Strand<'_>, reaction: &Reaction) -> Result<(), Stopped> {
    let Some(first) = reaction.steps.first() else { return Ok(()) };
    let Some(push) = strand.push() else { return Ok(()) };
    let matches = strand.filled(first, &reaction.matches)?;
    let unless = strand.filled(first, &reaction.unless)?;
    let at = |(pointer, value): &(String, serde_json::Value)| push.message.payload.pointer(pointer) == Some(value);
    if !matches.iter().all(at) || (!unless.is_empty() && unless.iter().all(at)) {
        return Ok(());
    }
    strand.take(first, &push.message.payload, &reaction.capture, &[], &push.message.action)?;
    strand.steps(&reaction.steps).await
}
