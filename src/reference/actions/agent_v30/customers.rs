//! The customers of the licence.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::read;
use super::paging::{Order, Page, put_page_ids};
use crate::reference::refusal::Refusal;
use crate::reference::render::agent_v30 as render;
use crate::reference::world::{Customer, CustomerDetails, UserId, World};

#[derive(Deserialize)]
struct GetCustomers {
    page_id: Option<String>,
    limit: Option<usize>,
    order: Option<Order>,
    filters: Option<Filters>,
}

#[derive(Deserialize, Default)]
struct Filters {
    country: Option<Texts>,
    email: Option<Texts>,
    name: Option<Texts>,
    customer_id: Option<Texts>,
    chats_count: Option<Range<i64>>,
    threads_count: Option<Range<i64>>,
    visits_count: Option<Range<i64>>,
    created_at: Option<Range<Timestamp>>,
    agent_last_event_created_at: Option<Range<Timestamp>>,
    customer_last_event_created_at: Option<Range<Timestamp>>,
}

/// One of the two is set (751).
#[derive(Deserialize)]
struct Texts {
    values: Option<Vec<String>>,
    exclude_values: Option<Vec<String>>,
}

impl Texts {
    fn admit(&self, text: Option<&str>) -> bool {
        let among = |list: &Vec<String>| text.is_some_and(|text| list.iter().any(|item| item == text));
        self.values.as_ref().is_none_or(among) && !self.exclude_values.as_ref().is_some_and(among)
    }
}

/// Bounds that hold together (A30-Q19).
#[derive(Deserialize)]
struct Range<T> {
    lte: Option<T>,
    lt: Option<T>,
    gte: Option<T>,
    gt: Option<T>,
    eq: Option<T>,
}

impl<T: PartialOrd + Copy> Range<T> {
    fn admits(&self, value: Option<T>) -> bool {
        let Some(value) = value else { return false };
        self.lte.is_none_or(|bound| value <= bound)
            && self.lt.is_none_or(|bound| value < bound)
            && self.gte.is_none_or(|bound| value >= bound)
            && self.gt.is_none_or(|bound| value > bound)
            && self.eq.is_none_or(|bound| value == bound)
    }
}

impl Filters {
    fn admit(&self, world: &World, customer: &Customer) -> bool {
        let threads = || customer.chats.iter().filter_map(|id| world.chat(id)).map(|chat| chat.threads.len()).sum();
        let count = |number: usize| i64::try_from(number).ok();
        let visits = i64::try_from(customer.visits).ok();
        self.country.as_ref().is_none_or(|filter| filter.admit(customer.country.as_deref()))
            && self.email.as_ref().is_none_or(|filter| filter.admit(customer.email.as_deref()))
            && self.name.as_ref().is_none_or(|filter| filter.admit(customer.name.as_deref()))
            && self.customer_id.as_ref().is_none_or(|filter| filter.admit(Some(customer.id.as_ref())))
            && self.chats_count.as_ref().is_none_or(|filter| filter.admits(count(customer.chats.len())))
            && self.threads_count.as_ref().is_none_or(|filter| filter.admits(count(threads())))
            && self.visits_count.as_ref().is_none_or(|filter| filter.admits(visits))
            && self.created_at.as_ref().is_none_or(|filter| filter.admits(shown(Some(customer.created))))
            && self.agent_last_event_created_at.as_ref().is_none_or(|it| it.admits(shown(customer.last_agent_event)))
            && self.customer_last_event_created_at.as_ref().is_none_or(|it| it.admits(shown(customer.last_event)))
    }
}

/// A moment as it is shown, in whole microseconds: who asks for what he was shown has to find it (777).
fn shown(at: Option<Timestamp>) -> Option<Timestamp> {
    at.map(|at| Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at))
}

/// `get_customers` (667).
pub fn get_customers(world: &World, payload: Value) -> Result<Value, Refusal> {
    let GetCustomers { page_id, limit, order, filters } = read(payload)?;
    let filters = filters.unwrap_or_default();
    let page = Page::new(page_id, limit)?;
    let mut found: Vec<&Customer> = world.customers().filter(|customer| filters.admit(world, customer)).collect();
    found.sort_unstable_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
    if order.unwrap_or_default() == Order::Desc {
        found.reverse();
    }
    let customers: Vec<Value> = page.of(&found).map(|customer| render::customer(world, customer)).collect();
    let mut response = json!({ "customers": customers, "total_customers": found.len() });
    put_page_ids(&mut response, &page, found.len());
    Ok(response)
}

/// `create_customer` (627): everything is optional (A30-Q50); the response is the customer himself.
pub fn create_customer(world: &mut World, user: &UserId, payload: Value) -> Result<Value, Refusal> {
    let details: CustomerDetails = read(payload)?;
    let id = world.create_customer(user, details)?;
    Ok(render::customer(world, world.known_customer(&id)?))
}

#[derive(Deserialize)]
struct UpdateCustomer {
    customer_id: UserId,
    #[serde(flatten)]
    details: CustomerDetails,
}

/// `update_customer` (782): the response is the customer himself.
pub fn update_customer(world: &mut World, user: &UserId, payload: Value) -> Result<Value, Refusal> {
    let UpdateCustomer { customer_id, details } = read(payload)?;
    world.update_customer(user, &customer_id, details)?;
    Ok(render::customer(world, world.known_customer(&customer_id)?))
}

#[derive(Deserialize)]
struct BanCustomer {
    customer_id: UserId,
    ban: Ban,
}

#[derive(Deserialize)]
struct Ban {
    days: i64,
}

/// `ban_customer` (588; agent-v0.2-methods 615).
pub fn ban_customer(world: &mut World, user: &UserId, payload: Value) -> Result<Value, Refusal> {
    let BanCustomer { customer_id, ban } = read(payload)?;
    world.ban(Some(user), &customer_id, ban.days)?;
    Ok(Value::Null)
}
