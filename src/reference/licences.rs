//! The licences of the server: who is whose, and whose tokens are good.
//!
//! Everybody belongs to just one licence, and ids are unique over all of them; so people of different licences never meet.

use std::collections::{HashMap, HashSet};
use std::ops::{Index, IndexMut};

use jiff::{SignedDuration, Timestamp};

use super::hardships::Habits;
use super::identity::{bare, customer_id};
use super::refusal::Refusal;
use super::render::Spoken;
use super::world::{ChatId, UserId, World};
use crate::protocol::Role;

/// The licence of a server that was told of none.
const USUAL_NUMBER: u64 = 1;
/// A year in seconds.
const YEAR: i64 = 365 * 24 * 3600;

/// Where a licence stands in the list of all; none is ever taken out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LicenceId(usize);

impl LicenceId {
    /// The first licence, which every server has.
    pub const FIRST: Self = Self(0);
}

/// How it is with a licence.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Standing {
    /// As it should be.
    #[default]
    Good,
    /// It has expired (agent-v3.0 rtm/errors:29).
    Expired,
    /// There is no such licence any more (rtm/errors:34).
    Gone,
    /// It was moved to another region (rtm/errors:31).
    Moved(String),
    /// It is on the older product (rtm/errors:33), where only the dialect that asks for the newer one refuses it.
    OlderProduct,
}

/// A licence and all that it knows.
pub struct Licence {
    /// The number in the URLs of its customers.
    pub number: u64,
    /// People and chats.
    pub world: World,
    /// How it is with it.
    pub standing: Standing,
}

impl Licence {
    /// A licence that nobody has used yet.
    pub fn new(number: u64, world: World) -> Self {
        Self { number, world, standing: Standing::Good }
    }

    /// Why nobody is let in who speaks this dialect, if that is so.
    pub fn refusal(&self, spoken: Spoken) -> Option<Refusal> {
        match &self.standing {
            Standing::Good => None,
            Standing::Expired => Some(Refusal::licence_expired()),
            Standing::Gone => Some(Refusal::no_licence()),
            Standing::Moved(region) => Some(Refusal::misdirected(region)),
            Standing::OlderProduct => (spoken == Spoken::AgentV30).then(Refusal::wrong_product),
        }
    }

    /// When it was created and when it ends, in Unix seconds, as agents are told.
    pub fn span(world: &World) -> (i64, i64) {
        let now = world.now.as_second();
        (now - YEAR, now + YEAR)
    }
}

/// Somebody, and whose he is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The licence.
    pub licence: LicenceId,
    /// Who.
    pub user: UserId,
}

/// All licences.
pub struct Licences {
    list: Vec<Licence>,
    /// Whether any number in a URL stands for the first licence.
    any_number: bool,
    /// Whether tokens that nobody issued name their users.
    open: bool,
    issued: HashMap<String, (Role, Member)>,
    revoked: HashSet<String>,
    deleted: HashSet<UserId>,
    /// How far the worlds' clock is ahead of ours.
    pub ahead: SignedDuration,
}

impl Licences {
    /// One licence for every number, on which every token is good.
    pub fn usual(seed: u64, habits: Habits) -> Self {
        let mut licences = Self::of(vec![Licence::new(USUAL_NUMBER, World::new(seed).with(habits))], true);
        licences.any_number = true;
        licences
    }

    /// These licences; with none, the usual one. `open` says whether tokens that were not issued are good as well.
    pub fn of(mut list: Vec<Licence>, open: bool) -> Self {
        if list.is_empty() {
            list.push(Licence::new(USUAL_NUMBER, World::new(0)));
        }
        let (issued, revoked, deleted) = (HashMap::new(), HashSet::new(), HashSet::new());
        Self { list, any_number: false, open, issued, revoked, deleted, ahead: SignedDuration::ZERO }
    }

    /// Makes a token good for somebody.
    pub fn issue(&mut self, token: String, role: Role, member: Member) {
        self.issued.insert(token, (role, member));
    }

    /// Makes a token good for nobody. Returns whose it could be: one that nobody issued is a customer's on every licence.
    pub fn revoke(&mut self, token: &str) -> Vec<Member> {
        let token = bare(token);
        let agent = self.holder(Role::Agent, token, None).ok();
        let customers =
            self.all().filter_map(|(_, licence)| self.holder(Role::Customer, token, Some(licence.number)).ok());
        let holders: Vec<Member> = agent.into_iter().chain(customers).collect();
        if !holders.is_empty() {
            self.revoked.insert(token.to_owned());
        }
        holders
    }

    /// Lets an agent never come in again.
    pub fn delete(&mut self, agent: &UserId) {
        self.deleted.insert(agent.clone());
    }

    /// The licence of that number.
    pub fn numbered(&self, number: u64) -> Option<LicenceId> {
        let place = self.list.iter().position(|licence| licence.number == number);
        place.map(LicenceId).or(self.any_number.then_some(LicenceId::FIRST))
    }

    /// Who shows this token, over a URL with this licence number if its dialect has one there.
    ///
    /// # Errors
    /// For a licence that does not exist, and for a token that is not good on it.
    pub fn identify(&self, spoken: Spoken, token: &str, number: Option<u64>) -> Result<Member, Refusal> {
        let member = self.holder(spoken.role(), bare(token), number)?;
        match self[member.licence].refusal(spoken) {
            Some(refusal) => Err(refusal),
            None => Ok(member),
        }
    }

    fn holder(&self, role: Role, token: &str, number: Option<u64>) -> Result<Member, Refusal> {
        let licence = match number {
            Some(number) => Some(self.numbered(number).ok_or_else(Refusal::no_licence)?),
            None => None,
        };
        if self.revoked.contains(token) {
            return Err(Refusal::authentication());
        }
        let member = match self.issued.get(token) {
            Some((of, member)) if *of == role => member.clone(),
            Some(_) => return Err(Refusal::authentication()),
            None if self.open => self.named(role, token, licence)?,
            None => return Err(Refusal::authentication()),
        };
        let elsewhere = licence.is_some_and(|licence| licence != member.licence);
        if elsewhere || self.deleted.contains(&member.user) { Err(Refusal::authentication()) } else { Ok(member) }
    }

    /// Whom a token names that nobody issued.
    fn named(&self, role: Role, token: &str, licence: Option<LicenceId>) -> Result<Member, Refusal> {
        match (role, token.split_once(':')) {
            (Role::Customer, Some(("customer", name))) if !name.is_empty() => {
                let licence = licence.unwrap_or(LicenceId::FIRST);
                Ok(Member { licence, user: self.customer_named(licence, name) })
            }
            (Role::Agent, Some(("agent", email))) if !email.is_empty() => {
                let user = UserId::from(email);
                let licence = self.of_user(&user).unwrap_or(LicenceId::FIRST);
                Ok(Member { licence, user })
            }
            _ => Err(Refusal::authentication()),
        }
    }

    /// The id of the customer of that name; other licences' customers of the same name have others.
    pub fn customer_named(&self, licence: LicenceId, name: &str) -> UserId {
        if licence == LicenceId::FIRST {
            customer_id(name)
        } else {
            customer_id(&format!("{}/{name}", self[licence].number))
        }
    }

    /// All licences, with their places.
    pub fn all(&self) -> impl Iterator<Item = (LicenceId, &Licence)> {
        self.list.iter().enumerate().map(|(place, licence)| (LicenceId(place), licence))
    }

    /// The licence that knows somebody.
    pub fn of_user(&self, user: &UserId) -> Option<LicenceId> {
        self.all().find(|(_, licence)| licence.world.knows(user)).map(|(id, _)| id)
    }

    /// The licence that has a chat.
    pub fn of_chat(&self, chat: &ChatId) -> Option<LicenceId> {
        self.all().find(|(_, licence)| licence.world.chat(chat).is_some()).map(|(id, _)| id)
    }

    /// The moment that the worlds think it is.
    pub fn now(&self) -> Timestamp {
        Timestamp::now().saturating_add(self.ahead).unwrap_or(Timestamp::MAX)
    }

    /// Moves the worlds' clock ahead.
    pub fn advance(&mut self, by: SignedDuration) {
        self.ahead = self.ahead.saturating_add(by);
    }

    /// How many chats each licence keeps at most.
    pub fn retain(&mut self, chats: usize) {
        for licence in &mut self.list {
            licence.world.retain_chats(chats);
        }
    }
}

impl Index<LicenceId> for Licences {
    type Output = Licence;

    fn index(&self, id: LicenceId) -> &Licence {
        // Only this file makes such ids, and only of licences that are in the list.
        &self.list[id.0]
    }
}

impl IndexMut<LicenceId> for Licences {
    fn index_mut(&mut self, id: LicenceId) -> &mut Licence {
        &mut self.list[id.0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usual() -> Licences {
        Licences::usual(1, Habits::default())
    }

    fn two(open: bool) -> Licences {
        let mut licences = Licences::of(vec![Licence::new(7, World::new(1)), Licence::new(8, World::new(2))], open);
        let (seven, eight) = (licences.numbered(7).unwrap(), licences.numbered(8).unwrap());
        licences.issue("of-7".into(), Role::Customer, Member { licence: seven, user: "x".into() });
        licences.issue("of-8".into(), Role::Agent, Member { licence: eight, user: "a@example.com".into() });
        licences
    }

    #[test]
    fn tokens_name_their_users_with_and_without_the_scheme() {
        let identify = |token: &str| usual().identify(Spoken::CustomerV03, token, Some(1)).unwrap();
        let ann = identify("customer:ann");
        assert_eq!(identify("Bearer customer:ann"), ann);
        assert_eq!(identify("bearer  customer:ann"), ann);
        assert_ne!(identify("customer:bob"), ann);
        let agent = usual().identify(Spoken::AgentV30, "agent:a@example.com", None).unwrap();
        assert_eq!(agent.user, UserId::from("a@example.com"));
    }

    #[test]
    fn what_is_no_token_of_the_role_is_refused() {
        for (token, spoken) in [
            ("", Spoken::CustomerV03),
            ("customer:", Spoken::CustomerV03),
            ("Bearer ", Spoken::CustomerV03),
            ("agent:a@example.com", Spoken::CustomerV03),
            ("customer:ann", Spoken::AgentV30),
            ("ann", Spoken::AgentV02),
            ("äöüäöü:x", Spoken::AgentV30),
        ] {
            assert_eq!(usual().identify(spoken, token, None), Err(Refusal::authentication()), "{token}");
        }
    }

    #[test]
    fn issued_tokens_are_good_on_their_licence_alone() {
        let licences = two(false);
        let customer = |token: &str, number| licences.identify(Spoken::CustomerV03, token, Some(number));
        assert_eq!(customer("of-7", 7).unwrap().user, UserId::from("x"));
        assert_eq!(customer("of-7", 8), Err(Refusal::authentication()));
        assert_eq!(customer("of-7", 9), Err(Refusal::no_licence()));
        assert_eq!(customer("customer:ann", 7), Err(Refusal::authentication()), "nobody issued it");
        let agent = |token: &str| licences.identify(Spoken::AgentV30, token, None);
        assert_eq!(agent("of-8").unwrap().licence, licences.numbered(8).unwrap());
        assert_eq!(agent("of-7"), Err(Refusal::authentication()), "a customer's");
    }

    #[test]
    fn the_same_name_is_somebody_else_on_another_licence() {
        let licences = two(true);
        let ann = |number| licences.identify(Spoken::CustomerV03, "customer:ann", Some(number)).unwrap();
        assert_ne!(ann(7).licence, ann(8).licence);
        assert_ne!(ann(7).user, ann(8).user);
    }

    #[test]
    fn what_was_taken_away_is_good_no_more() {
        let mut licences = two(true);
        let agent = Member { licence: licences.numbered(8).unwrap(), user: "a@example.com".into() };
        assert_eq!(licences.revoke("Bearer of-8"), [agent]);
        assert!(licences.identify(Spoken::AgentV30, "of-8", None).is_err());
        assert!(licences.identify(Spoken::AgentV30, "agent:a@example.com", None).is_ok(), "another token of hers");
        licences.delete(&"a@example.com".into());
        assert!(licences.identify(Spoken::AgentV30, "agent:a@example.com", None).is_err());
        assert_eq!(licences.revoke("nobody's"), []);
        assert_eq!(licences.revoke("customer:ann").len(), 2, "one on each licence");
    }

    #[test]
    fn the_standing_of_a_licence_is_told_in_the_words_of_the_dialect() {
        let kinds = |standing: Standing| {
            let mut licences = usual();
            licences[LicenceId::FIRST].standing = standing;
            let kind = |spoken: Spoken, token: &str| match licences.identify(spoken, token, None) {
                Ok(_) => "let in".to_owned(),
                Err(refusal) => refusal.payload(spoken)["error"]["type"].as_str().unwrap().to_owned(),
            };
            [
                kind(Spoken::CustomerV02, "customer:a"),
                kind(Spoken::CustomerV03, "customer:a"),
                kind(Spoken::AgentV02, "agent:a"),
                kind(Spoken::AgentV30, "agent:a"),
            ]
        };
        assert_eq!(kinds(Standing::Good), ["let in"; 4]);
        assert_eq!(kinds(Standing::Expired), ["auth", "license_expired", "license_expired", "license_expired"]);
        assert_eq!(
            kinds(Standing::Gone),
            ["license_not_found", "validation", "license_not_found", "license_not_found"]
        );
        let moved = ["incorrect_region", "incorrect_region", "incorrect_region", "misdirected_request"];
        assert_eq!(kinds(Standing::Moved("fra".into())), moved);
        assert_eq!(kinds(Standing::OlderProduct), ["let in", "let in", "let in", "wrong_product_version"]);
    }
}
