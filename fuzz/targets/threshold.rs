//! Thresholds, durations and rates. A threshold that was understood is the same when it is written and read again.

#![no_main]

use chatproof::scenario::{parse_duration, parse_rate};
use chatproof::verdict::Threshold;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match text.parse::<Threshold>() {
        Ok(threshold) => assert_eq!(threshold.to_string().parse::<Threshold>().unwrap(), threshold),
        Err(error) => assert!(text.get(error.at).is_some()),
    }
    let _ = parse_duration(text);
    let _ = parse_rate(text);
});
