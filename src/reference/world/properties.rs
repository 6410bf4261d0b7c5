//! Properties, tags and the buttons of rich messages.

use serde_json::Value;

use super::remarks::Deed;
use super::{Body, Chat, ChatId, EventId, Place, Properties, PropertyNames, Push, Recipients, ThreadId, UserId, World};
use crate::reference::defects::Flag;
use crate::reference::refusal::Refusal;

impl World {
    /// Sets properties, one by one beside those that are there (C03-A62), and tells which changed, if any did.
    ///
    /// # Errors
    /// When the place does not exist.
    pub fn set_properties(&mut self, by: &UserId, place: Place, properties: Properties) -> Result<(), Refusal> {
        let (broken, rates) = (self.broken, self.rates(by, &place));
        let stored = self.properties_at(&place)?;
        if broken.has(Flag::PropertiesReplaced) {
            stored.retain(|namespace, _| properties.contains_key(namespace));
            for (namespace, known) in stored.iter_mut() {
                known.retain(|name, _| properties.get(namespace).is_some_and(|values| values.contains_key(name)));
            }
        }
        let (mut changed, mut deeds) = (Properties::new(), Vec::new());
        for (namespace, values) in properties {
            for (name, value) in values {
                let known = stored.entry(namespace.clone()).or_default();
                let is_news = known.get(&name) != Some(&value);
                if is_news && rates {
                    deeds.extend(rating(&namespace, &name, &value));
                }
                if is_news || broken.has(Flag::UnchangedPropertiesTold) {
                    known.insert(name.clone(), value.clone());
                    changed.entry(namespace.clone()).or_default().insert(name, value);
                }
            }
        }
        if !changed.is_empty() && broken.has(Flag::PropertiesToldWhole) {
            changed = stored.clone();
        }
        if !changed.is_empty() {
            let to = self.chat_mut(&place.chat)?.listeners(Recipients::All);
            let chat = place.chat.clone();
            self.push(by, to, Push::PropertiesUpdated { place, properties: changed });
            for deed in deeds {
                self.remark(Some(by), &chat, &deed);
            }
        }
        Ok(())
    }

    /// Deletes properties, and tells which were there, if any.
    ///
    /// # Errors
    /// When the place does not exist.
    pub fn delete_properties(&mut self, by: &UserId, place: Place, names: PropertyNames) -> Result<(), Refusal> {
        let stored = self.properties_at(&place)?;
        let mut gone = PropertyNames::new();
        for (namespace, names) in names {
            let Some(known) = stored.get_mut(&namespace) else { continue };
            let there: Vec<String> = names.into_iter().filter(|name| known.remove(name).is_some()).collect();
            if known.is_empty() {
                stored.remove(&namespace);
            }
            if !there.is_empty() {
                gone.insert(namespace, there);
            }
        }
        if !gone.is_empty() {
            let to = self.chat_mut(&place.chat)?.listeners(Recipients::All);
            self.push(by, to, Push::PropertiesDeleted { place, names: gone });
        }
        Ok(())
    }

    /// Whether what this user says of this place is said of a running chat by its customer.
    fn rates(&self, by: &UserId, place: &Place) -> bool {
        let running = || self.chats.get(&place.chat).and_then(Chat::active_thread).map(|thread| &thread.id);
        let here = place.thread.is_none() || place.thread.as_ref() == running();
        here && place.event.is_none() && !self.agents.contains_key(by)
    }

    fn properties_at(&mut self, place: &Place) -> Result<&mut Properties, Refusal> {
        let chat = self.chat_mut(&place.chat)?;
        let Some(id) = &place.thread else { return Ok(&mut chat.properties) };
        let thread = chat.thread_mut(id).ok_or_else(|| Refusal::no_thread(id))?;
        let Some(id) = &place.event else { return Ok(&mut thread.properties) };
        Ok(&mut thread.event_mut(id).ok_or_else(|| no_event(id))?.properties)
    }

    /// Puts a tag on a thread, or takes it off. Nothing is said when nothing changes.
    ///
    /// # Errors
    /// When the thread does not exist.
    pub fn tag(&mut self, by: &UserId, id: &ChatId, thread: &ThreadId, tag: &str, on: bool) -> Result<(), Refusal> {
        let chat = self.chat_mut(id)?;
        let found = chat.thread_mut(thread).ok_or_else(|| Refusal::no_thread(thread))?;
        let changed = if on { found.tags.insert(tag.to_owned()) } else { found.tags.remove(tag) };
        if changed {
            let to = chat.listeners(Recipients::Agents);
            let (chat, thread, tag) = (id.clone(), thread.clone(), tag.to_owned());
            let what = if on { Push::Tagged { chat, thread, tag } } else { Push::Untagged { chat, thread, tag } };
            self.push(by, to, what);
        }
        Ok(())
    }

    /// Clicks a button of a rich message: the user joins or leaves the `user_ids` of every button with that postback
    /// id (A30-B82). It is told only while the thread is active (A30-B105).
    ///
    /// # Errors
    /// When the event does not exist.
    pub fn postback(
        &mut self,
        user: &UserId,
        id: &ChatId,
        (thread_id, event_id): (&ThreadId, &EventId),
        postback: String,
        toggled: bool,
    ) -> Result<(), Refusal> {
        let broken = self.broken;
        let chat = self.chat_mut(id)?;
        let to = chat.listeners(Recipients::All);
        let thread = chat.thread_mut(thread_id).ok_or_else(|| Refusal::no_thread(thread_id))?;
        let active = thread.active || broken.has(Flag::PostbackAlwaysTold);
        let event = thread.event_mut(event_id).ok_or_else(|| no_event(event_id))?;
        let clicked = match &mut event.body {
            Body::Plain { members, .. } => {
                let most = if broken.has(Flag::PostbackMarksOne) { 1 } else { usize::MAX };
                click(members.get_mut("elements"), (user, &postback, toggled), most)
            }
            Body::Form(_) => false,
        };
        if !active {
            return Ok(());
        }
        let (chat, thread, event) = (id.clone(), thread_id.clone(), event_id.clone());
        let updated = Push::EventUpdated { chat: chat.clone(), thread: thread.clone(), event: event.clone() };
        self.push(user, to.clone(), Push::Postback { chat, thread, event, user: user.clone(), postback, toggled });
        if clicked {
            self.push_consequence(to, updated);
        }
        Ok(())
    }
}

/// What a customer does who sets this property: `rating` has a `score` and a `comment` (customer-v0.3 1006, 1037).
fn rating(namespace: &str, name: &str, value: &Value) -> Option<Deed<'static>> {
    let said = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    match (namespace, name) {
        ("rating", "score") => Some(Deed::Rated(said)),
        ("rating", "comment") => Some(Deed::Commented(said)),
        _ => None,
    }
}

pub(super) fn no_event(id: &EventId) -> Refusal {
    Refusal::validation(format!("`event_id`: the thread has no event `{id}`"))
}

/// Marks the buttons, so many at most; says whether any changed.
fn click(elements: Option<&mut Value>, (user, postback, toggled): (&UserId, &str, bool), most: usize) -> bool {
    let elements = elements.and_then(Value::as_array_mut).into_iter().flatten();
    let buttons = elements.filter_map(|element| element.get_mut("buttons")?.as_array_mut()).flatten();
    let mut changed = false;
    for button in buttons.filter(|button| button["postback_id"] == postback).take(most) {
        let Some(button) = button.as_object_mut() else { continue };
        let ids = button.entry("user_ids").or_insert_with(|| Value::Array(Vec::new()));
        let Some(ids) = ids.as_array_mut() else { continue };
        let at = ids.iter().position(|id| id.as_str() == Some(user.as_ref()));
        match (at, toggled) {
            (None, true) => ids.push(user.as_ref().into()),
            (Some(at), false) => drop(ids.remove(at)),
            _ => continue,
        }
        changed = true;
    }
    changed
}
