//! The defects of a running server: when they strike, and what becomes of requests and messages then.

use std::sync::Arc;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

use super::edit::Edit;
use super::flag::{Flag, Flags};
use super::row::{Audience, Change, Copies, Point};
use super::{Defect, sabotage};
use crate::message::ApiError;
use crate::protocol::{Channel, Dialect, Kind, Mismatch, Protocol};
use crate::reference::refusal::Refusal;
use crate::reference::render::Spoken;

/// The defects of a running server, and its luck.
#[derive(Debug)]
pub struct Defects {
    chances: Vec<Defect>,
    random: ChaCha8Rng,
    dialects: Vec<(Spoken, Arc<Dialect>)>,
}

/// Something at which a defect may strike.
#[derive(Debug, Clone, Copy)]
pub struct Occasion<'a> {
    /// What kind of thing it is.
    pub point: Point,
    /// The action or push; the error type of a refusal.
    pub name: &'a str,
    /// The action; the push once more.
    pub action: &'a str,
    /// Whether the dialect does not have the action.
    pub is_unknown: bool,
    /// What is spoken.
    pub spoken: Spoken,
    /// Over which transports; of a push, where its cause came.
    pub channel: Channel,
    /// Whose copy of a push it is.
    pub copies: Option<Copies>,
    /// The payload.
    pub payload: &'a Value,
    /// The payload of the request that an answer is for.
    pub asked: &'a Value,
    /// What is wrong with an invalid request.
    pub mismatches: &'a [Mismatch],
}

impl<'a> Occasion<'a> {
    /// The payload of an action's request or response, or of a push.
    pub fn new(point: Point, name: &'a str, spoken: Spoken, channel: Channel, payload: &'a Value) -> Self {
        let (is_unknown, copies, asked, mismatches) = (false, None, &Value::Null, &[][..]);
        Self { point, name, action: name, is_unknown, spoken, channel, copies, payload, asked, mismatches }
    }
}

/// What becomes of a request.
#[derive(Debug, PartialEq)]
pub enum Fate {
    /// It is carried out.
    CarriedOut,
    /// It is carried out, and then undone.
    Undone,
    /// It is not carried out.
    Settled(Result<Value, Refusal>),
}

/// A message as it leaves.
#[derive(Debug)]
pub struct Delivery {
    /// The frame, with the payload in it.
    pub frame: Value,
    /// What is sent after it.
    pub also: Option<&'static str>,
    /// How often; 0 is never.
    pub copies: usize,
    /// When.
    pub pace: Pace,
    /// Whether the connection is closed in its place.
    pub closes: bool,
}

/// When a message leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// At once.
    Now,
    /// After the documented limit.
    Late,
    /// After the next event of its thread.
    HeldBack,
}

impl Defects {
    pub fn new(chances: Vec<Defect>, seed: u64, protocol: &Protocol) -> Self {
        let spoken = |dialect: &Arc<Dialect>| Some((Spoken::named(dialect.name.as_str())?, Arc::clone(dialect)));
        let dialects = protocol.dialects().filter_map(spoken).collect();
        Self { chances, random: ChaCha8Rng::seed_from_u64(seed), dialects }
    }

    /// Whether the server is as it should be, which it nearly always is. All else may be slow.
    pub fn none(&self) -> bool {
        self.chances.is_empty()
    }

    /// What strikes on this occasion, of the changes that are `meant`.
    fn strike(&mut self, occasion: &Occasion<'_>, meant: impl Fn(&Change) -> bool) -> Vec<&'static Change> {
        self.draw(|defect| meant(&defect.row.change) && defect.row.at.meets(occasion))
    }

    fn draw(&mut self, possible: impl Fn(&Defect) -> bool) -> Vec<&'static Change> {
        let mut struck = Vec::new();
        for defect in self.chances.iter().filter(|defect| possible(defect)) {
            if self.random.random_bool(defect.probability.clamp(0.0, 1.0)) {
                struck.push(&defect.row.change);
            }
        }
        struck
    }

    /// The rules that are broken this time.
    pub fn flags(&mut self) -> Flags {
        if self.none() {
            return Flags::default();
        }
        let struck = self.draw(|defect| matches!(defect.row.change, Change::Flag(_)));
        struck.into_iter().fold(Flags::default(), |flags, change| match change {
            Change::Flag(flag) => flags.and(*flag),
            _ => flags,
        })
    }

    /// Whether this rule is broken this time.
    pub fn breaks(&mut self, flag: Flag) -> bool {
        !self.none() && self.flags().has(flag)
    }

    fn dialect(&self, spoken: Spoken) -> Option<Arc<Dialect>> {
        self.dialects.iter().find(|(known, _)| *known == spoken).map(|(_, dialect)| Arc::clone(dialect))
    }

    /// Decides about a request that would be carried out unless something is `wrong` with it.
    pub fn request(
        &mut self,
        spoken: Spoken,
        channel: Channel,
        action: &str,
        payload: &mut Value,
        wrong: Option<Refusal>,
    ) -> Fate {
        let Some(refusal) = wrong else {
            let occasion = Occasion::new(Point::Request, action, spoken, channel, payload);
            let struck = self.strike(&occasion, |_| true);
            return meet(struck, payload);
        };
        let dialect = self.dialect(spoken).filter(|dialect| has(dialect, channel, action));
        let Some(dialect) = dialect else { return Fate::Settled(Err(refusal)) };
        let check = |payload: &Value| dialect.schemas.check(Kind::Request, action, payload);
        let mismatches = check(payload);
        if mismatches.is_empty() || refusal.kind != "validation" {
            return Fate::Settled(Err(refusal));
        }
        let occasion = Occasion::new(Point::Invalid, action, spoken, channel, payload);
        let struck = self.strike(&Occasion { mismatches: &mismatches, ..occasion }, |_| true);
        match meet(struck, payload) {
            Fate::CarriedOut if !check(payload).is_empty() => Fate::Settled(Err(refusal)),
            fate => fate,
        }
    }

    /// Decides whether a refusal is one after all.
    pub fn refusal(
        &mut self,
        spoken: Spoken,
        channel: Channel,
        (action, asked): (&str, &Value),
        result: Result<Value, Refusal>,
    ) -> Result<Value, Refusal> {
        let Err(refusal) = result else { return result };
        let payload = refusal.payload(spoken);
        let occasion = self.refused(spoken, channel, (action, asked), &payload);
        match self.strike(&occasion, |change| matches!(change, Change::Answer(_))).first() {
            Some(Change::Answer(payload)) => Ok(payload.clone()),
            _ => Err(refusal),
        }
    }

    fn refused<'a>(
        &self,
        spoken: Spoken,
        channel: Channel,
        (action, asked): (&'a str, &'a Value),
        payload: &'a Value,
    ) -> Occasion<'a> {
        let kind = ApiError::kind_of(payload).unwrap_or_default();
        let is_unknown = self.dialect(spoken).is_none_or(|dialect| dialect.catalog.action(action).is_none());
        Occasion { action, is_unknown, asked, ..Occasion::new(Point::Error, kind, spoken, channel, payload) }
    }

    /// Decides how the answer to what was `asked` leaves. Its payload is in the frame already.
    pub fn answer(
        &mut self,
        spoken: Spoken,
        channel: Channel,
        (action, asked): (&str, &Value),
        success: bool,
        frame: Value,
    ) -> Delivery {
        let payload = frame.get("payload").cloned().unwrap_or_default();
        let occasion = if success {
            Occasion { asked, ..Occasion::new(Point::Response, action, spoken, channel, &payload) }
        } else {
            self.refused(spoken, channel, (action, asked), &payload)
        };
        self.deliver(&occasion, frame)
    }

    /// Decides how a message leaves.
    pub fn deliver(&mut self, occasion: &Occasion<'_>, mut frame: Value) -> Delivery {
        let struck = self.strike(occasion, |change| !matches!(change, Change::To(_) | Change::Answer(_)));
        let mut delivery = Delivery { frame: Value::Null, also: None, copies: 1, pace: Pace::Now, closes: false };
        for change in struck {
            match change {
                Change::Edit(edit) => in_payload(&mut frame, |payload| edit.apply(payload)),
                Change::MistypeAny => {
                    if let Some(dialect) = self.dialect(occasion.spoken) {
                        in_payload(&mut frame, |payload| {
                            sabotage::mistype(&dialect, occasion.action, payload, &mut self.random);
                        });
                    }
                }
                Change::Frame(edit) => edit.apply(&mut frame),
                Change::Withhold => delivery.copies = 0,
                Change::Duplicate => delivery.copies *= 2,
                Change::Late => delivery.pace = Pace::Late,
                Change::HoldBack => delivery.pace = Pace::HeldBack,
                Change::Also(text) => delivery.also = Some(text),
                Change::Echo(members) => in_payload(&mut frame, |payload| {
                    for (place, source) in members {
                        if let Some(value) = source.find(occasion.asked).first() {
                            Edit::Set([(place.clone(), (*value).clone())].into()).apply(payload);
                        }
                    }
                }),
                Change::Close => delivery.closes = true,
                Change::Flag(_) | Change::Refuse(_) | Change::Ignore | Change::Answer(_) | Change::To(_) => {}
            }
        }
        Delivery { frame, ..delivery }
    }

    /// Who gets a push in place of those who should, and the payload in the words in which it was noticed. `render` puts it into a
    /// dialect's words. Each defect strikes once for each push, however many dialects hear it.
    pub fn audiences(&mut self, render: impl Fn(Spoken) -> Option<(&'static str, Value)>) -> Vec<(Audience, Value)> {
        let said: Vec<_> = self.dialects.iter().filter_map(|(spoken, _)| Some((*spoken, render(*spoken)?))).collect();
        let mut struck = Vec::new();
        for defect in &self.chances {
            let Change::To(audience) = defect.row.change else { continue };
            let met = said.iter().find(|(spoken, (name, payload))| {
                defect.row.at.meets(&Occasion::new(Point::Push, name, *spoken, Channel::Rtm, payload))
            });
            if let Some((_, (_, payload))) = met
                && self.random.random_bool(defect.probability.clamp(0.0, 1.0))
            {
                struck.push((audience, payload.clone()));
            }
        }
        struck
    }
}

fn meet(struck: Vec<&'static Change>, payload: &mut Value) -> Fate {
    let mut fate = Fate::CarriedOut;
    for change in struck {
        match change {
            Change::Edit(edit) => edit.apply(payload),
            Change::Ignore => fate = Fate::Undone,
            Change::Answer(answer) => return Fate::Settled(Ok(answer.clone())),
            Change::Refuse(kind) => return Fate::Settled(Err(Refusal::of_type(kind))),
            _ => {}
        }
    }
    fate
}

/// Changes the payload of a frame. An absent one counts as null.
fn in_payload(frame: &mut Value, change: impl FnOnce(&mut Value)) {
    let Some(members) = frame.as_object_mut() else { return };
    let mut payload = members.remove("payload").unwrap_or_default();
    change(&mut payload);
    if !payload.is_null() {
        members.insert("payload".to_owned(), payload);
    }
}

/// Whether the dialect has the action on the channel.
fn has(dialect: &Dialect, channel: Channel, action: &str) -> bool {
    dialect.catalog.action(action).is_some_and(|spec| spec.transports.contains(&channel))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_defect_strikes_as_often_as_it_should_and_the_same_way_for_a_seed() {
        let protocol = Protocol::embedded().unwrap();
        let strikes = |seed| {
            let mut defects = Defects::new(vec!["duplicate-order=0.5".parse().unwrap()], seed, &protocol);
            (0..1000).map(|_| defects.flags().has(Flag::OrderReused)).collect::<Vec<_>>()
        };
        let first = strikes(1);
        let count = first.iter().filter(|struck| **struck).count();
        assert!((400..600).contains(&count), "{count}");
        assert_eq!(first, strikes(1));
        assert_ne!(first, strikes(2));
    }
}
