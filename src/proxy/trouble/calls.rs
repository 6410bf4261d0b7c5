//! The trouble of calls of the Web API: each has one answer, so what there is to do is to change it, or to let it wait or be lost.

use std::time::Duration;

use super::{BEYOND, Fault, Provoked, Trouble};
use crate::message::ApiError;

/// What becomes of the answer to a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// It leaves after this time, with this body.
    After(Duration, Vec<u8>),
    /// It does not come: the connection is dropped.
    Cut,
}

impl Trouble {
    /// A client calls an action. The error that it gets in place of an answer, if the call is not carried out.
    pub fn called(&mut self, action: &str) -> Option<ApiError> {
        self.times_out(action)
    }

    /// The server answers a call with this body.
    pub fn call_answered(&mut self, body: &[u8]) -> Reply {
        let body = match std::str::from_utf8(body) {
            Ok(text) => self.dressed(text).into_bytes(),
            Err(_) => body.to_vec(),
        };
        let after = self.slowness().unwrap_or_default();
        match self.chosen(&[]) {
            Some(Provoked::Fault(Fault::DroppedConnection)) => Reply::Cut,
            Some(Provoked::Fault(Fault::Silence)) => Reply::After(self.dialect.catalog.timeout + BEYOND, body),
            // An empty body would have no half that is wrong.
            Some(Provoked::Fault(_)) if body.len() < 2 => Reply::After(after, b"{".to_vec()),
            Some(Provoked::Fault(_)) => Reply::After(after, body[..body.len() / 2].to_vec()),
            _ => Reply::After(after, body),
        }
    }
}
