//! Who takes part in a chat, who follows it, who may see it.

use serde::Deserialize;
use serde_json::Value;

use super::super::{OfChat, read};
use crate::reference::refusal::Refusal;
use crate::reference::world::{AccessChange, ChatId, Resource, Target, UserId, World};

/// `follow_chat` (120).
pub fn follow_chat(world: &mut World, user: &UserId, payload: Value) -> Result<Value, Refusal> {
    world.follow(user, &read::<OfChat>(payload)?.chat_id)?;
    Ok(Value::Null)
}

/// `unfollow_chat` (292).
pub fn unfollow_chat(world: &mut World, user: &UserId, payload: Value) -> Result<Value, Refusal> {
    world.unfollow(user, &read::<OfChat>(payload)?.chat_id)?;
    Ok(Value::Null)
}

#[derive(Deserialize)]
struct UserOfChat {
    chat_id: ChatId,
    user_id: UserId,
    user_type: UserType,
}

#[derive(PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum UserType {
    Agent,
    Customer,
}

/// `add_user_to_chat` (445).
pub fn add_user_to_chat(world: &mut World, user: &UserId, payload: Value) -> Result<Value, Refusal> {
    let UserOfChat { chat_id, user_id, user_type } = read(payload)?;
    let is_agent = world.agent(&user_id).is_some();
    if is_agent != (user_type == UserType::Agent) {
        return Err(Refusal::validation("`user_id`: there is no such user of this `user_type`"));
    }
    world.add_user(user, &chat_id, &user_id)?;
    Ok(Value::Null)
}

/// `remove_user_from_chat` (515): agents only (517).
pub fn remove_user_from_chat(world: &mut World, user: &UserId, payload: Value) -> Result<Value, Refusal> {
    let UserOfChat { chat_id, user_id, user_type } = read(payload)?;
    if user_type == UserType::Customer {
        return Err(Refusal::validation("`user_type`: customers cannot be removed"));
    }
    world.remove_user(user, &chat_id, &user_id)?;
    Ok(Value::Null)
}

#[derive(Deserialize)]
struct TransferChat {
    chat_id: ChatId,
    target: Option<TargetSent>,
    force: Option<bool>,
}

#[derive(Deserialize)]
#[serde(tag = "type", content = "ids", rename_all = "lowercase")]
enum TargetSent {
    Group(Vec<i64>),
    Agent(Vec<UserId>),
}

/// `transfer_chat` (253).
pub fn transfer_chat(world: &mut World, user: &UserId, payload: Value) -> Result<Value, Refusal> {
    let TransferChat { chat_id, target, force } = read(payload)?;
    let target = target.map(|target| match target {
        TargetSent::Group(groups) => Target::Groups(groups),
        TargetSent::Agent(agents) => Target::Agents(agents),
    });
    world.transfer(user, &chat_id, target, force.unwrap_or(false))?;
    Ok(Value::Null)
}

#[derive(Deserialize)]
struct ChangeAccess {
    resource: ResourceKind,
    id: String,
    access: Subject,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum ResourceKind {
    Chat,
    Customer,
}

#[derive(Deserialize)]
struct Subject {
    #[serde(rename = "type")]
    kind: String,
    id: Value,
}

/// `grant_access` (327), `revoke_access` (364), `set_access` (403): groups only, since lists of access know no agents (A30-Q05).
pub fn change_access(world: &mut World, user: &UserId, change: AccessChange, payload: Value) -> Result<Value, Refusal> {
    let ChangeAccess { resource, id, access } = read(payload)?;
    let Some(group) = access.id.as_i64().filter(|_| access.kind == "group") else {
        return Err(Refusal::validation("`access.type`: only groups can be given access here"));
    };
    let resource = match resource {
        ResourceKind::Chat => Resource::Chat(id.into()),
        ResourceKind::Customer => Resource::Customer(id.into()),
    };
    world.change_access(user, change, resource, group)?;
    Ok(Value::Null)
}
