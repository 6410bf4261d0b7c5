//! What customers do on the website, as far as their clients tell (customer-v0.3 947). Who tells of no page is not known to visit.

use jiff::Timestamp;
use serde::Deserialize;

use super::{Push, UserId, World};

/// `monitoring` of a login or an update.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Monitoring {
    page: Option<Page>,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct Page {
    url: Option<String>,
    title: Option<String>,
    referrer: Option<String>,
}

/// A visit, and the page that was opened last.
#[derive(Debug, Clone)]
pub struct Visit {
    /// Its number on the licence.
    pub id: i64,
    /// When the first page was told of.
    pub started: Timestamp,
    /// When the last page was told of.
    pub opened: Timestamp,
    /// Address of the last page.
    pub url: String,
    /// Its title.
    pub title: Option<String>,
    /// The page before it.
    pub referrer: Option<String>,
}

impl World {
    /// A customer has opened a page, if there is one in what his client tells; all agents hear of it (agent-v3.0 rtm/pushes:348,402).
    pub(super) fn opens(&mut self, id: &UserId, monitoring: Option<Monitoring>) {
        let Some(Page { url: Some(url), title, referrer }) = monitoring.and_then(|told| told.page) else { return };
        let now = self.now;
        let Some(customer) = self.customers.get_mut(id) else { return };
        let is_first = customer.visit.is_none();
        if is_first {
            self.visits += 1;
        }
        let (number, started) = customer.visit.as_ref().map_or((self.visits, now), |visit| (visit.id, visit.started));
        customer.visit = Some(Visit { id: number, started, opened: now, url, title, referrer });
        let to = self.online_agents();
        if is_first {
            self.push_consequence(to.clone(), Push::VisitStarted { customer: id.clone() });
        }
        self.push_consequence(to, Push::PageOpened { customer: id.clone() });
    }

    /// A customer has left the website.
    pub(super) fn ends_visit(&mut self, id: &UserId) {
        let Some(visit) = self.customers.get_mut(id).and_then(|customer| customer.visit.take()) else { return };
        let (to, at) = (self.online_agents(), self.now);
        self.push_consequence(to, Push::VisitEnded { customer: id.clone(), visit: visit.id, at });
    }
}
