//! Errors that somebody ordered at the control endpoint, for requests to come.

use super::refusal::Refusal;
use super::render::Spoken;
use super::world::UserId;

/// Orders that are kept; the oldest go first.
const KEPT: usize = 1000;

/// An order: the next requests that fit it are refused.
#[derive(Debug, Clone)]
pub struct Order {
    /// In this dialect.
    pub spoken: Spoken,
    /// Only requests of this action.
    pub action: Option<String>,
    /// Only requests of this user.
    pub user: Option<UserId>,
    /// How many.
    pub times: u64,
    /// With this.
    pub refusal: Refusal,
}

/// The orders that still stand.
#[derive(Debug, Default)]
pub struct Provoked(Vec<Order>);

impl Provoked {
    /// Takes an order.
    pub fn order(&mut self, order: Order) {
        if self.0.len() == KEPT {
            self.0.remove(0);
        }
        self.0.push(order);
    }

    /// What a request is to be refused with, by the oldest order that fits it.
    pub fn take(&mut self, spoken: Spoken, action: &str, user: Option<&UserId>) -> Option<Refusal> {
        let fits = |order: &Order| {
            order.spoken == spoken
                && order.action.as_deref().is_none_or(|wanted| wanted == action)
                && order.user.as_ref().is_none_or(|wanted| user == Some(wanted))
        };
        let place = self.0.iter().position(fits)?;
        let order = &mut self.0[place];
        order.times = order.times.saturating_sub(1);
        let refusal = order.refusal.clone();
        if order.times == 0 {
            self.0.remove(place);
        }
        Some(refusal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(action: Option<&str>, user: Option<&str>, times: u64) -> Order {
        let (action, user) = (action.map(str::to_owned), user.map(UserId::from));
        Order { spoken: Spoken::AgentV30, action, user, times, refusal: Refusal::offline() }
    }

    #[test]
    fn an_order_is_for_what_fits_it_and_for_so_many() {
        let mut provoked = Provoked::default();
        provoked.order(order(Some("ping"), Some("ann"), 2));
        let ann = UserId::from("ann");
        assert_eq!(provoked.take(Spoken::AgentV02, "ping", Some(&ann)), None, "another dialect");
        assert_eq!(provoked.take(Spoken::AgentV30, "login", Some(&ann)), None, "another action");
        assert_eq!(provoked.take(Spoken::AgentV30, "ping", None), None, "another user");
        assert_eq!(provoked.take(Spoken::AgentV30, "ping", Some(&ann)), Some(Refusal::offline()));
        assert_eq!(provoked.take(Spoken::AgentV30, "ping", Some(&ann)), Some(Refusal::offline()));
        assert_eq!(provoked.take(Spoken::AgentV30, "ping", Some(&ann)), None, "they are used up");
    }

    #[test]
    fn only_so_many_orders_are_kept() {
        let mut provoked = Provoked::default();
        for _ in 0..2 * KEPT {
            provoked.order(order(None, None, 1));
        }
        assert_eq!(provoked.0.len(), KEPT);
    }
}
