//! Puts the parts of a run together: what one process leaves of its share is a tally file, and any number of them that
//! belong together become one without loss. `reports/tally.schema.json` is the contract of the file.

mod file;
mod shares;
#[cfg(test)]
mod tests;

pub use file::{TallyFile, TallyFileError};
pub use shares::{MergeError, merge};
