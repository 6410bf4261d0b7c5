//! chatproof tells whether a chat API keeps its documented promises, and how much it can carry.
//!
//! Everything that crosses a wire becomes a timed frame; frames of one connection become observations; one recorder,
//! one judge and one set of reports work on observations. `ARCHITECTURE.md` is the map.

pub mod message;
pub mod observe;
pub mod protocol;
pub mod session;
