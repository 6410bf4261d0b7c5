//! The world without sockets: whatever people do to it, what must always hold does.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::Map;

use super::*;

/// What a test person does next. The numbers pick people and chats.
#[derive(Debug, Clone)]
enum Deed {
    Arrive(u8),
    Leave(u8),
    Accept(u8, bool),
    Start(u8),
    Say(u8, u8, bool),
    Annotate(u8),
    Close(u8, u8),
    Activate(u8, u8),
    Add(u8, u8),
    Remove(u8, u8),
    Transfer(u8, u8, bool),
    Follow(u8, u8, bool),
    Join(u8, u8),
    Supervise(u8, u8),
    LeaveChat(u8, u8, bool),
    Scope(u8, u8, bool),
    Ban(u8),
}

fn deed() -> impl Strategy<Value = Deed> {
    let (a, b) = (any::<u8>(), any::<u8>());
    prop_oneof![
        a.prop_map(Deed::Arrive),
        a.prop_map(Deed::Leave),
        (a, any::<bool>()).prop_map(|(a, b)| Deed::Accept(a, b)),
        a.prop_map(Deed::Start),
        (a, b, any::<bool>()).prop_map(|(a, b, c)| Deed::Say(a, b, c)),
        (a, b, any::<bool>()).prop_map(|(a, b, c)| Deed::Say(a, b, c)),
        a.prop_map(Deed::Annotate),
        (a, b).prop_map(|(a, b)| Deed::Close(a, b)),
        (a, b).prop_map(|(a, b)| Deed::Activate(a, b)),
        (a, b).prop_map(|(a, b)| Deed::Add(a, b)),
        (a, b).prop_map(|(a, b)| Deed::Remove(a, b)),
        (a, b, any::<bool>()).prop_map(|(a, b, c)| Deed::Transfer(a, b, c)),
        (a, b, any::<bool>()).prop_map(|(a, b, c)| Deed::Follow(a, b, c)),
        (a, b).prop_map(|(a, b)| Deed::Join(a, b)),
        (a, b).prop_map(|(a, b)| Deed::Supervise(a, b)),
        (a, b, any::<bool>()).prop_map(|(a, b, c)| Deed::LeaveChat(a, b, c)),
        (a, b, any::<bool>()).prop_map(|(a, b, c)| Deed::Scope(a, b, c)),
        any::<u8>().prop_map(|a| Deed::Ban(a % 16)),
    ]
}

fn agent(n: u8) -> UserId {
    UserId::from(format!("agent-{}", n % 4))
}

fn customer(n: u8) -> UserId {
    UserId::from(format!("customer-{}", n % 4))
}

fn event(kind: &'static str, recipients: Recipients) -> NewEvent {
    let body = Body::Plain { kind, members: Map::new() };
    NewEvent { custom_id: None, recipients, properties: Properties::new(), body }
}

/// A world with some people in it and the chats they have started.
struct Stage {
    world: World,
    chats: Vec<ChatId>,
    here: BTreeSet<UserId>,
}

impl Stage {
    fn new() -> Self {
        let mut world = World::new(7);
        for n in 0..4 {
            world.meet_agent(&agent(n));
            world.meet_customer(&customer(n)).unwrap();
        }
        Self { world, chats: Vec::new(), here: BTreeSet::new() }
    }

    /// Does it; refusals are as good as successes.
    fn act(&mut self, deed: Deed) {
        let chat = |n: u8| self.chats.get(usize::from(n) % self.chats.len().max(1)).cloned();
        let world = &mut self.world;
        let _ = match deed {
            Deed::Arrive(n) => {
                if self.here.insert(agent(n)) {
                    world.agent_arrives(&agent(n), false);
                }
                Ok(())
            }
            Deed::Leave(n) => {
                if self.here.remove(&agent(n)) {
                    world.leaves(&agent(n));
                }
                Ok(())
            }
            Deed::Accept(n, yes) => {
                let status = if yes { RoutingStatus::AcceptingChats } else { RoutingStatus::NotAcceptingChats };
                world.update_agent(&agent(n), &agent(n), Some(status))
            }
            Deed::Start(n) => {
                let by = customer(n);
                let new = NewChat { customer: Some(by.clone()), ..NewChat::default() };
                world.start_chat(&by, new).map(|(id, _)| self.chats.push(id))
            }
            Deed::Say(who, n, private) => chat(n).map_or(Ok(()), |id| {
                let recipients = if private { Recipients::Agents } else { Recipients::All };
                world.send_event(&agent(who), &id, event("message", recipients), Attach::OpenThread).map(drop)
            }),
            Deed::Annotate(n) => chat(n).map_or(Ok(()), |id| {
                let Some(by) = world.chat(&id).unwrap().customer.clone() else { return Ok(()) };
                world.send_event(&by, &id, event("annotation", Recipients::All), Attach::OpenThread).map(drop)
            }),
            Deed::Close(who, n) => chat(n).map_or(Ok(()), |id| world.close_thread(&agent(who), &id, None)),
            Deed::Activate(who, n) => {
                chat(n).map_or(Ok(()), |id| world.activate_chat(&agent(who), &id, NewChat::default()).map(drop))
            }
            Deed::Add(who, n) => chat(n).map_or(Ok(()), |id| world.add_user(&agent(who), &id, &agent(who / 4))),
            Deed::Remove(who, n) => chat(n).map_or(Ok(()), |id| world.remove_user(&agent(who), &id, &agent(who / 4))),
            Deed::Transfer(who, n, force) => chat(n).map_or(Ok(()), |id| {
                let target = (who % 2 == 0).then(|| Target::Agents(vec![agent(who / 2)]));
                world.transfer(&agent(who), &id, target, force)
            }),
            Deed::Follow(who, n, on) => chat(n).map_or(Ok(()), |id| {
                if on { world.follow(&agent(who), &id) } else { world.unfollow(&agent(who), &id) }
            }),
            Deed::Join(who, n) => {
                chat(n).map_or(Ok(()), |id| world.join(&agent(who), &id, &[agent(who / 4), agent(who / 16)]))
            }
            Deed::Supervise(who, n) => {
                chat(n).map_or(Ok(()), |id| world.supervise(&agent(who), &id, &[agent(who / 4), agent(who / 16)]))
            }
            Deed::LeaveChat(who, n, customer) => chat(n).map_or(Ok(()), |id| {
                let customer = world.chat(&id).unwrap().customer.clone().filter(|_| customer);
                world.remove(&agent(who), &id, customer.as_slice(), &[])
            }),
            Deed::Scope(who, n, on) => chat(n).map_or(Ok(()), |id| {
                let scopes = Scopes { groups: vec![7], agents: vec![agent(who / 4)] };
                let (add, remove) = if on { (scopes, Scopes::default()) } else { (Scopes::default(), scopes) };
                world.change_scopes(&agent(who), &id, &add, &remove)
            }),
            Deed::Ban(n) if n < 4 => world.ban(Some(&agent(0)), &customer(n), 1),
            Deed::Ban(_) => Ok(()),
        };
    }

    fn check(&mut self) {
        for effect in self.world.take_effects() {
            self.check_effect(&effect);
        }
        let world = &self.world;
        for chat in world.chats() {
            let open: Vec<bool> = chat.threads.iter().map(|thread| thread.active).collect();
            assert!(open.iter().rev().skip(1).all(|active| !active), "only the last thread can be open: {open:?}");
            assert!(chat.threads.is_sorted_by_key(|thread| thread.order));
            for thread in &chat.threads {
                assert!(thread.events.iter().is_sorted_by(|a, b| a.order < b.order));
                let listed = |event: &Event| event.author.as_ref().is_none_or(|author| thread.users.contains(author));
                assert!(thread.events.iter().all(|event| listed(event) || event.recipients == Recipients::Agents));
            }
            assert!(chat.agents.iter().all(|agent| !chat.followers.contains_key(agent)), "members need not follow");
            let all = || chat.users().chain(&chat.supervisors);
            let unique: BTreeSet<&UserId> = all().collect();
            assert_eq!(unique.len(), all().count(), "nobody is two things in a chat");
            assert!(!chat.groups.is_empty() || !chat.scoped_agents.is_empty(), "without scopes it is open");
        }
        for agent in world.agents.values() {
            let mut active: Vec<&ChatId> =
                world.chats().filter(|c| c.is_active() && c.agents.contains(&agent.id)).map(|c| &c.id).collect();
            let mut counted: Vec<&ChatId> = agent.active.iter().collect();
            active.sort_unstable();
            counted.sort_unstable();
            assert_eq!(active, counted, "{}", agent.id);
            let place = (agent.active.len(), agent.last_routed, agent.id.clone());
            assert_eq!(world.ready.contains(&place), agent.is_ready());
        }
        assert!(world.ready.len() <= world.agents.len());
        let active = world.chats.values().filter_map(|chat| Some((chat.active_thread()?.order, &chat.id)));
        assert_eq!(world.open.iter().map(|(order, id)| (*order, id)).collect::<BTreeSet<_>>(), active.collect());
        for (order, id) in &world.waiting {
            assert_eq!(world.chats[id].active_thread().map(|thread| thread.order), Some(*order), "no stale waiting");
        }
    }

    fn check_effect(&self, effect: &Effect) {
        let Effect::Push { to, what, .. } = effect else { return };
        let unique: BTreeSet<&UserId> = to.iter().collect();
        assert_eq!(unique.len(), to.len(), "nobody is told twice: {what:?}");
        if let Push::EventSent { chat, thread, event } = what {
            let event = self.world.chat(chat).unwrap().thread(thread).unwrap().event(event).unwrap();
            let told = to.iter().any(|user| self.world.customer(user).is_some());
            assert!(
                !told
                    || event.recipients == Recipients::All
                    || event.author.as_ref().is_some_and(|a| to == std::slice::from_ref(a))
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn whatever_people_do_the_world_stays_in_order(deeds in prop::collection::vec(deed(), 1..80)) {
        let mut stage = Stage::new();
        for deed in deeds {
            stage.act(deed);
            stage.check();
        }
    }
}

/// Two agents and the chats that they get.
#[test]
fn a_chat_goes_to_whoever_has_the_fewest_and_then_to_whoever_waited_longest() {
    let mut stage = Stage::new();
    stage.act(Deed::Arrive(0));
    stage.act(Deed::Arrive(1));
    let mut order = Vec::new();
    for n in 0..4 {
        stage.act(Deed::Start(n));
        order.push(stage.world.chat(&stage.chats[usize::from(n)]).unwrap().agents[0].clone());
    }
    assert_eq!(order, [agent(0), agent(1), agent(0), agent(1)]);
    for n in [1, 3] {
        stage.world.close_thread(&agent(1), &stage.chats[n], None).unwrap();
    }
    for n in 4..6 {
        stage.act(Deed::Start(0));
        assert_eq!(stage.world.chat(&stage.chats[n]).unwrap().agents, [agent(1)]);
    }
}

#[test]
fn a_refused_request_changes_nothing() {
    let mut stage = Stage::new();
    stage.act(Deed::Arrive(0));
    stage.act(Deed::Start(0));
    stage.world.take_effects();
    let chat = stage.chats[0].clone();
    let before = format!("{:?}", stage.world);
    let (world, amy) = (&mut stage.world, agent(0));
    assert!(world.add_user(&amy, &chat, &UserId::from("nobody")).is_err());
    assert!(world.add_user(&amy, &chat, &customer(1)).is_err());
    assert!(world.transfer(&amy, &chat, Some(Target::Groups(vec![9])), false).is_err());
    assert!(world.activate_chat(&amy, &chat, NewChat::default()).is_err());
    let stranger = NewChat { customer: Some(UserId::from("nobody")), ..NewChat::default() };
    assert!(world.start_chat(&amy, stranger).is_err());
    assert!(world.ban(Some(&amy), &UserId::from("nobody"), 1).is_err());
    assert!(world.close_thread(&amy, &chat, Some(&ThreadId::from("other"))).is_err());
    let nobody = UserId::from("nobody");
    assert!(world.join(&amy, &chat, &[agent(1), nobody.clone()]).is_err());
    assert!(world.supervise(&amy, &chat, &[agent(1), nobody.clone()]).is_err());
    assert!(world.remove(&amy, &chat, &[customer(0)], std::slice::from_ref(&nobody)).is_err());
    assert!(world.mark_as_seen(&amy, &chat, &EventId::from("none")).is_err());
    assert!(world.unban(Some(&amy), &nobody).is_err());
    assert_eq!(format!("{:?}", stage.world), before);
}

#[test]
fn a_ban_ends() {
    let mut world = World::new(1);
    let (amy, carl) = (agent(0), customer(0));
    world.meet_agent(&amy);
    world.meet_customer(&carl).unwrap();
    world.ban(Some(&amy), &carl, 2).unwrap();
    assert!(world.meet_customer(&carl).is_err());
    world.now += jiff::SignedDuration::from_hours(48);
    assert!(world.meet_customer(&carl).is_ok());
    world.ban(Some(&amy), &carl, i64::MAX).unwrap();
    world.now += jiff::SignedDuration::from_hours(24 * 365 * 50);
    assert!(world.meet_customer(&carl).is_err());
}

#[test]
fn the_oldest_closed_chats_are_forgotten_and_their_customers_with_them() {
    const KEPT: usize = 100;
    let mut world = World::new(1);
    world.retain_chats(KEPT);
    let mut chats = Vec::new();
    let mut start = |world: &mut World, name: String| {
        let carl = UserId::from(name);
        world.meet_customer(&carl).unwrap();
        let chat = world.start_chat(&carl, NewChat { customer: Some(carl.clone()), ..NewChat::default() }).unwrap().0;
        chats.push(chat.clone());
        world.close_thread(&carl, &chat, None).unwrap();
        world.make_room();
        (carl, chat)
    };
    let (carl, reopened) = start(&mut world, "carl".into());
    start(&mut world, "dora".into());
    world.send_event(&carl, &reopened, event("message", Recipients::All), Attach::OpenThread).unwrap();
    for n in 0..KEPT {
        start(&mut world, format!("c{n}"));
        world.take_effects();
    }
    assert_eq!(world.chats().count(), KEPT);
    assert!(world.chat(&chats[0]).is_some() && world.customer(&carl).is_some(), "it is active");
    assert!(world.chat(&chats[1]).is_none() && world.customer(&UserId::from("dora")).is_none());
}

#[test]
fn a_thread_keeps_its_newest_events_and_goes_on_counting() {
    let mut world = World::new(1);
    let carl = customer(0);
    world.meet_customer(&carl).unwrap();
    let new = NewChat { customer: Some(carl.clone()), ..NewChat::default() };
    let (chat, thread) = world.start_chat(&carl, new).unwrap();
    let count = retention::RETAINED_EVENTS + 5;
    for _ in 0..count {
        world.send_event(&carl, &chat, event("message", Recipients::All), Attach::OpenThread).unwrap();
        world.take_effects();
    }
    let events = &world.chat(&chat).unwrap().thread(&thread).unwrap().events;
    assert_eq!((events.len(), events[0].order), (retention::RETAINED_EVENTS, 6));
    assert_eq!(usize::try_from(events.back().unwrap().order).unwrap(), count);
}

#[test]
fn a_flood_of_chats_threads_and_people_leaves_no_more_than_may_be_kept() {
    const KEPT: usize = 10;
    let mut world = World::new(1);
    world.retain_chats(KEPT);
    for n in 0..5 * KEPT {
        let flooder = UserId::from(format!("c{n}"));
        world.customer_arrives(&flooder, CustomerDetails::default()).unwrap();
        let new = || NewChat { customer: Some(flooder.clone()), ..NewChat::default() };
        let (chat, _) = world.start_chat(&flooder, new()).unwrap();
        if n == 0 {
            for _ in 0..retention::RETAINED_THREADS + 5 {
                world.close_thread(&flooder, &chat, None).unwrap();
                world.send_event(&flooder, &chat, event("message", Recipients::All), Attach::OpenThread).unwrap();
            }
            assert_eq!(world.chat(&chat).unwrap().threads.len(), retention::RETAINED_THREADS);
        }
        world.start_chat(&flooder, new()).unwrap();
        world.leaves(&flooder);
        // The second time for the chats that the router had to close.
        world.make_room();
        world.make_room();
        world.take_effects();
        assert!(world.chats.len() <= KEPT && world.open.len() <= KEPT && world.closed.len() <= KEPT);
        assert!(world.waiting.len() <= KEPT);
    }
    // Some never come over RTM, and so never leave.
    for n in 0..retention::RETAINED_DEPARTURES + 50 {
        world.meet_customer(&UserId::from(format!("w{n}"))).unwrap();
    }
    assert!(world.customers.len() <= retention::RETAINED_DEPARTURES + KEPT);
    assert!(world.departed.len() <= retention::RETAINED_DEPARTURES);
    let phone = || Phone { platform: "ios".into(), enabled: true };
    (0..100).for_each(|n| world.remember_phone(&agent(0), format!("p{n}"), phone()));
    assert_eq!(world.agent(&agent(0)).unwrap().phones.len(), retention::RETAINED_PHONES);
}

#[test]
fn habits_make_timestamps_equal_and_orders_jump() {
    for habits in [Habits::default(), Habits { equal_timestamps: true, order_gaps: true, ..Habits::default() }] {
        let mut world = World::new(1).with(habits);
        let carl = customer(0);
        world.meet_customer(&carl).unwrap();
        let new = NewChat { customer: Some(carl.clone()), ..NewChat::default() };
        let (chat, thread) = world.start_chat(&carl, new).unwrap();
        for _ in 0..10 {
            world.now += jiff::SignedDuration::from_mins(1);
            world.send_event(&carl, &chat, event("message", Recipients::All), Attach::OpenThread).unwrap();
        }
        let events = &world.chat(&chat).unwrap().thread(&thread).unwrap().events;
        let stamps: BTreeSet<_> = events.iter().map(|event| event.at).collect();
        assert_eq!(stamps.len(), if habits.equal_timestamps { 1 } else { 10 });
        let orders: Vec<i64> = events.iter().map(|event| event.order).collect();
        assert!(orders.is_sorted() && orders.windows(2).all(|two| two[0] < two[1]), "{orders:?}");
        assert_eq!(orders.windows(2).any(|two| two[0] + 1 < two[1]), habits.order_gaps, "{orders:?}");
    }
}
