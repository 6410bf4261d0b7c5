//! Tallies that somebody wrote: one that can be read can be merged, judged and written.

#![no_main]

use chatproof::record::Tally;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(mut tally) = serde_json::from_slice::<Tally>(bytes) else { return };
    let again = serde_json::to_vec(&tally).unwrap();
    tally.merge(serde_json::from_slice(&again).unwrap());
    serde_json::to_vec(&tally).unwrap();
});
