//! A run that can be watched while it goes on, by people and by their systems.
//!
//! Nothing here is on the way of a message: whoever watches empties the recorders about once a second and does the rest on its own.

mod phase;
mod view;

pub use phase::Phase;
pub use view::{View, Watch};
