//! Where something was seen, and telling that it was wrong there.

use std::sync::Arc;

use crate::observe::{ConnectionId, Moment, Observation, Violation, ViolationKind};
use crate::protocol::{Dialect, Role, Transport};

/// One connection.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) connection: ConnectionId,
    pub(super) dialect: Arc<Dialect>,
    pub(super) transport: Transport,
}

impl Place {
    pub(super) fn of(observation: &Observation<'_>) -> Self {
        Self {
            connection: observation.connection,
            dialect: Arc::clone(observation.dialect),
            transport: observation.transport,
        }
    }

    pub(super) fn is_customer(&self) -> bool {
        self.dialect.catalog.role() == Role::Customer
    }

    pub(super) fn violation(
        &self,
        kind: ViolationKind,
        at: Moment,
        action: Option<&str>,
        expected: String,
        got: String,
    ) -> Violation {
        let place = (self.connection, &*self.dialect, self.transport);
        Violation::new(kind, at, place, action, expected, got)
    }
}
