//! The router's remarks on what is done in chats: system messages, of the types and with the variables that the documents name
//! (agent-v3.0 rtm/events:250-306,326,351,386; agent-v0.2 C-EV:215, C-ROUT:34-58).

use serde_json::{Map, Value};

use super::{Chat, ChatId, Target, UserId, World};

/// Something done in a chat that the router remarks on.
#[derive(Debug)]
pub(super) enum Deed<'a> {
    /// An agent or the customer was added, or came himself.
    Added(&'a UserId),
    /// An agent or the customer was taken out, or left.
    Removed(&'a UserId),
    /// The chat was handed over.
    Transferred(&'a Target),
    /// The thread is about to be closed.
    Closing,
    /// The thread is about to be closed because the customer is banned for so many days.
    Banning(i64),
    /// The customer gave the chat this score.
    Rated(String),
    /// The customer said this of the chat.
    Commented(String),
    /// The thread is about to be closed because nobody has said anything for so many minutes.
    Idle(i64),
    /// The chat was taken from an agent who is no more, and given to another.
    Reassigned { from: &'a UserId, to: &'a UserId },
    /// The chat was taken from an agent who is no more, and waits for another.
    Unassigned(&'a UserId),
}

impl World {
    /// Has the router keep what it thinks of what is done in chats to itself.
    pub fn silence_the_router(&mut self) {
        self.remarks = false;
    }

    /// Has the router remark on what somebody did in an active chat, if it remarks on things here.
    pub(super) fn remark(&mut self, by: Option<&UserId>, id: &ChatId, deed: &Deed<'_>) {
        if !self.remarks || !self.chats.get(id).is_some_and(Chat::is_active) {
            return;
        }
        let Some((kind, text, vars)) = self.words(by, id, deed) else { return };
        let vars: Map<String, Value> = vars.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
        // The chat is there, so there is nothing that could go wrong.
        let _ = self.router_says(id, kind, text, vars);
    }

    /// Type, text and variables of a remark; none where the documents have none.
    #[allow(clippy::type_complexity, reason = "it is taken apart where it is returned to")]
    fn words(
        &self,
        by: Option<&UserId>,
        id: &ChatId,
        deed: &Deed<'_>,
    ) -> Option<(&'static str, String, Vec<(&'static str, String)>)> {
        let initiator = by.map(|by| self.called(by));
        Some(match deed {
            Deed::Added(who) => {
                let name = self.called(who);
                if !self.agents.contains_key(*who) {
                    let initiator = initiator?;
                    let text = format!("{initiator} added {name} to the chat");
                    ("customer_added", text, vec![("initiator", initiator), ("customer", name)])
                } else if self.chats.get(id)?.agents.len() < 2 {
                    // Nobody remarks on the first agent (rtm/events:250,255).
                    return None;
                } else if by == Some(*who) {
                    ("agent_joined", format!("{name} joined the chat"), vec![("agent", name)])
                } else {
                    let initiator = initiator?;
                    let text = format!("{initiator} added {name} to the chat");
                    ("agent_added", text, vec![("initiator", initiator), ("agent", name)])
                }
            }
            Deed::Removed(who) => {
                let (name, initiator) = (self.called(who), initiator?);
                let text = format!("{initiator} removed {name} from the chat");
                if self.agents.contains_key(*who) {
                    ("agent_removed", text, vec![("initiator", initiator), ("agent", name)])
                } else {
                    ("customer_removed", text, vec![("initiator", initiator), ("customer", name)])
                }
            }
            Deed::Transferred(target) => {
                let targets = match target {
                    Target::Groups(groups) => groups.iter().map(i64::to_string).collect::<Vec<_>>().join(", "),
                    Target::Agents(agents) => agents.iter().map(|id| self.called(id)).collect::<Vec<_>>().join(", "),
                };
                let initiator = initiator?;
                let text = format!("{initiator} transferred the chat to {targets}");
                ("chat_transferred", text, vec![("initiator", initiator), ("targets", targets)])
            }
            Deed::Closing => {
                let (name, is_agent) = (initiator?, self.agents.contains_key(by?));
                let text = format!("{name} archived the chat");
                if is_agent {
                    ("manual_archived_agent", text, vec![("agent", name)])
                } else {
                    ("manual_archived_customer", text, vec![("customer", name)])
                }
            }
            Deed::Banning(days) => {
                let (agent, duration) = (initiator?, days.to_string());
                let text = format!("{agent} banned the customer for {duration} days");
                ("customer_banned", text, vec![("agent", agent), ("duration", duration)])
            }
            Deed::Rated(score) => {
                let customer = initiator?;
                let text = format!("{customer} rated the chat: {score}");
                ("rating.chat_rated", text, vec![("customer", customer), ("score", score.clone())])
            }
            Deed::Commented(comment) => {
                let customer = initiator?;
                let text = format!("{customer} said about the chat: {comment}");
                ("rating.chat_commented", text, vec![("customer", customer), ("comment", comment.clone())])
            }
            Deed::Idle(minutes) => {
                let text = format!("The chat was archived: nobody wrote for {minutes} minutes");
                ("routing.archived_inactive", text, vec![("duration", minutes.to_string())])
            }
            // Here the variables are in camel case (rtm/events:351; A30-Q41).
            Deed::Reassigned { from, to } => {
                let (from, to) = (self.called(from), self.called(to));
                let text = format!("The chat was given to {to}, because {from} is no longer here");
                ("routing.assigned_deleted", text, vec![("addedAgent", to), ("removedAgent", from)])
            }
            Deed::Unassigned(agent) => {
                let agent = self.called(agent);
                let text = format!("The chat waits for an agent, because {agent} is no longer here");
                ("routing.unassigned_deleted", text, vec![("agent", agent)])
            }
        })
    }

    /// What people call somebody.
    fn called(&self, id: &UserId) -> String {
        let agent = self.agents.get(id).map(|agent| agent.name().to_owned());
        let customer = || self.customers.get(id).and_then(|customer| customer.name.clone());
        agent.or_else(customer).unwrap_or_else(|| "The customer".to_owned())
    }
}
