//! chatproof tells whether a chat API keeps its documented promises, and how much it can carry.
//!
//! Everything that crosses a wire becomes a timed frame; frames of one connection become observations; one recorder,
//! one judge and one set of reports work on observations. `ARCHITECTURE.md` is the map.

pub mod capacity;
pub mod certify;
pub mod cli;
pub mod compare;
pub mod engine;
pub mod live;
pub mod load;
pub mod local;
pub mod merge;
pub mod message;
pub mod observe;
pub mod protocol;
pub mod proxy;
pub mod record;
pub mod reference;
pub mod report;
pub mod scenario;
pub mod session;
pub mod spec;
pub mod traffic;
pub mod verdict;
pub mod worker;
pub mod yaml;
