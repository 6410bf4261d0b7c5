//! A distribution of durations.

use std::fmt;
use std::io::Read as _;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use flate2::read::ZlibDecoder;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer as Reader, Serializer as _, V2DeflateSerializer};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::merge::Merge;
use super::sketch::Sketch;

/// Shortest duration told apart, in microseconds.
const LOWEST: u64 = 1;
/// Longest duration told apart, in microseconds; what is longer counts as this.
const HIGHEST: u64 = 60_000_000;
/// Significant digits.
const DIGITS: u8 = 3;

/// How HdrHistogram's "V2 + deflate" encoding begins; then come its length and, deflated, the "V2" encoding.
const COOKIE: u32 = 0x1c84_9314;
/// The head of the "V2" encoding: cookie, length of the counts, an offset, digits, bounds, a ratio.
const HEAD: usize = 40;
/// More than any histogram of these bounds takes inflated: it has 17,408 counts of at most 9 bytes.
const LONGEST: usize = 192 << 10;

/// A histogram of durations: 1 µs to 60 s with 3 significant digits; longer ones count as 60 s. An empty one costs
/// nothing, any other 68 KiB. In files it is the base64 of HdrHistogram's "V2 + deflate" encoding.
#[derive(Clone, Default, PartialEq, JsonSchema)]
pub struct Latency(#[schemars(with = "String")] Option<Histogram<u32>>);

/// A text is not a histogram of ours.
#[derive(Debug, thiserror::Error)]
pub enum LatencyError {
    /// Not base64.
    #[error("a histogram that is not base64: {0}")]
    NotBase64(#[from] base64::DecodeError),
    /// Not HdrHistogram's encoding.
    #[error("a histogram in an unknown encoding: {0}")]
    NotHistogram(String),
    /// Another range or precision, so that merging would lose something.
    #[error("a histogram of another range or precision")]
    OtherBounds,
}

impl Latency {
    /// Counts one duration.
    pub fn record(&mut self, duration: Duration) {
        self.record_times(duration, 1);
    }

    fn record_times(&mut self, duration: Duration, times: u32) {
        if self.0.is_none() {
            // Only bounds that make no sense are refused, and these are constants.
            self.0 = Histogram::new_with_bounds(LOWEST, HIGHEST, DIGITS).ok();
        }
        if let Some(histogram) = &mut self.0 {
            histogram.saturating_record_n(u64::try_from(duration.as_micros()).unwrap_or(HIGHEST), times);
        }
    }

    /// As HdrHistogram has it; none when nothing was counted.
    pub(crate) fn histogram(&self) -> Option<&Histogram<u32>> {
        self.filled()
    }

    /// How many durations were counted.
    pub fn count(&self) -> u64 {
        self.0.as_ref().map_or(0, Histogram::len)
    }

    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        self.count() == 0
    }

    /// The duration that `percent` (0 to 100) of all do not exceed; none when nothing was counted.
    pub fn percentile(&self, percent: f64) -> Option<Duration> {
        self.filled().map(|h| Duration::from_micros(h.value_at_percentile(percent.clamp(0.0, 100.0))))
    }

    /// The longest; none when nothing was counted.
    pub fn max(&self) -> Option<Duration> {
        self.filled().map(|h| Duration::from_micros(h.max()))
    }

    /// The mean; none when nothing was counted.
    pub fn mean(&self) -> Option<Duration> {
        self.filled().map(|h| Duration::from_nanos((h.mean() * 1_000.0) as u64))
    }

    /// Every duration that was counted, shortest first, as exactly as it is told apart, and how often.
    pub fn counts(&self) -> impl Iterator<Item = (Duration, u64)> {
        let values = self.0.iter().flat_map(Histogram::iter_recorded);
        values.map(|value| (Duration::from_micros(value.value_iterated_to()), value.count_at_value().into()))
    }

    /// What was counted since an earlier state of this same distribution.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let mut since = self.clone();
        if let (Some(all), Some(before)) = (&mut since.0, &earlier.0) {
            // It only fails for what is no earlier state: nothing ever leaves a distribution.
            let _ = all.subtract(before);
        }
        since
    }

    /// All of them in one.
    pub fn sum<'a>(parts: impl IntoIterator<Item = &'a Self>) -> Self {
        parts.into_iter().cloned().fold(Self::default(), |mut sum, part| {
            sum.absorb(part);
            sum
        })
    }

    fn filled(&self) -> Option<&Histogram<u32>> {
        self.0.as_ref().filter(|histogram| !histogram.is_empty())
    }

    fn encode(&self) -> Result<String, String> {
        let Some(histogram) = self.filled() else { return Ok(String::new()) };
        let mut bytes = Vec::new();
        V2DeflateSerializer::new().serialize(histogram, &mut bytes).map_err(|e| format!("{e:?}"))?;
        Ok(BASE64.encode(bytes))
    }

    fn decode(text: &str) -> Result<Self, LatencyError> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let plain = inflate(&BASE64.decode(text)?)?;
        let histogram: Histogram<u32> = Reader::new()
            .deserialize(&mut plain.as_slice())
            .map_err(|e| LatencyError::NotHistogram(format!("{e:?}")))?;
        Ok(Self(Some(histogram)))
    }
}

/// Takes the encoding apart as far as the reader believes what it is told: it makes room for whatever length and bounds the heads name, 4 GiB of
/// it for 20 bytes, and overflows over the smallest number.
fn inflate(bytes: &[u8]) -> Result<Vec<u8>, LatencyError> {
    let wrong = |what: &str| LatencyError::NotHistogram(what.to_owned());
    let (cookie, rest) = bytes.split_first_chunk().ok_or_else(|| wrong("it is too short"))?;
    let (_, deflated) = rest.split_first_chunk::<4>().ok_or_else(|| wrong("it is too short"))?;
    if u32::from_be_bytes(*cookie) != COOKIE {
        return Err(wrong("it is not deflated"));
    }
    let mut plain = Vec::new();
    let inflated = ZlibDecoder::new(deflated).take(LONGEST as u64).read_to_end(&mut plain);
    inflated.map_err(|error| LatencyError::NotHistogram(error.to_string()))?;
    let Some((head, counts)) = plain.split_at_checked(HEAD).filter(|_| plain.len() < LONGEST) else {
        return Err(wrong("its length is not that of a histogram"));
    };
    let bounds = [&u32::from(DIGITS).to_be_bytes()[..], &LOWEST.to_be_bytes(), &HIGHEST.to_be_bytes()].concat();
    if head[12..32] != bounds {
        return Err(LatencyError::OtherBounds);
    }
    if head[4..8] != (counts.len() as u32).to_be_bytes() || counts.windows(9).any(|run| run == [0xff; 9]) {
        return Err(wrong("its counts are damaged"));
    }
    Ok(plain)
}

impl From<&Sketch> for Latency {
    /// Each duration as the least of its step.
    fn from(sketch: &Sketch) -> Self {
        let mut latency = Self::default();
        sketch.steps().for_each(|(step, count)| {
            latency.record_times(step.start, u32::try_from(count).unwrap_or(u32::MAX));
        });
        latency
    }
}

impl Merge for Latency {
    fn absorb(&mut self, other: Self) {
        match (&mut self.0, other.0) {
            (_, None) => {}
            (mine @ None, theirs) => *mine = theirs,
            // The bounds are the same, so nothing can be out of range.
            (Some(mine), Some(theirs)) => drop(mine.add(&theirs)),
        }
    }
}

impl fmt::Debug for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Latency").field("count", &self.count()).field("max", &self.max()).finish()
    }
}

impl Serialize for Latency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.encode().map_err(serde::ser::Error::custom)?)
    }
}

impl<'de> Deserialize<'de> for Latency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::decode(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(micros: &[u64]) -> Latency {
        let mut latency = Latency::default();
        micros.iter().for_each(|&us| latency.record(Duration::from_micros(us)));
        latency
    }

    #[test]
    fn an_empty_one_tells_nothing() {
        let empty = Latency::default();
        assert_eq!((empty.count(), empty.max(), empty.mean(), empty.percentile(99.0)), (0, None, None, None));
        assert_eq!(serde_json::to_string(&empty).unwrap(), "\"\"");
    }

    #[test]
    fn percentiles_keep_three_digits_and_more_than_a_minute_counts_as_one() {
        let mut latency = of(&(1..=1000).map(|n| n * 1000).collect::<Vec<_>>());
        let p99 = latency.percentile(99.0).unwrap().as_secs_f64();
        assert!((p99 - 0.990).abs() < 0.001, "{p99}");
        latency.record(Duration::from_secs(3600));
        assert_eq!(latency.max().unwrap().as_secs(), 60);
        assert_eq!(latency.count(), 1001);
    }

    #[test]
    fn counts_are_told_in_order() {
        let counts: Vec<_> = of(&[900, 3, 3, 40]).counts().collect();
        assert_eq!(counts, [(3, 2), (40, 1), (900, 1)].map(|(us, count)| (Duration::from_micros(us), count)));
        assert_eq!(Latency::default().counts().count(), 0);
    }

    #[test]
    fn what_is_no_histogram_of_ours_is_refused() {
        assert!(matches!(Latency::decode("%"), Err(LatencyError::NotBase64(_))));
        assert!(matches!(Latency::decode("AAAA"), Err(LatencyError::NotHistogram(_))));
        let mut bytes = Vec::new();
        let other = Histogram::<u32>::new_with_bounds(1, 1000, 2).unwrap();
        V2DeflateSerializer::new().serialize(&other, &mut bytes).unwrap();
        assert!(matches!(Latency::decode(&BASE64.encode(bytes)), Err(LatencyError::OtherBounds)));
    }

    #[test]
    fn a_histogram_that_lies_about_its_size_is_refused_before_room_is_made_for_it() {
        let bytes = BASE64.decode(of(&[1, 2, 3]).encode().unwrap()).unwrap();
        let mut plain = Vec::new();
        ZlibDecoder::new(&bytes[8..]).read_to_end(&mut plain).unwrap();
        let deflated = |plain: &[u8]| {
            let mut writer = flate2::write::ZlibEncoder::new(bytes[..8].to_vec(), flate2::Compression::fast());
            std::io::Write::write_all(&mut writer, plain).unwrap();
            Latency::decode(&BASE64.encode(writer.finish().unwrap()))
        };
        let changed = |at: usize, with: &[u8]| {
            let mut plain = plain.clone();
            plain[at..at + with.len()].copy_from_slice(with);
            deflated(&plain)
        };
        assert_eq!(deflated(&plain).unwrap(), of(&[1, 2, 3]));
        assert!(matches!(changed(4, &[0xff; 4]), Err(LatencyError::NotHistogram(_))), "its length");
        assert!(matches!(changed(24, &[0x7f; 8]), Err(LatencyError::OtherBounds)), "its upper bound");
        let smallest = [&plain[..4], &9u32.to_be_bytes(), &plain[8..HEAD], &[0xff; 9]].concat();
        assert!(matches!(deflated(&smallest), Err(LatencyError::NotHistogram(_))), "a number that overflows");
        assert!(
            matches!(deflated(&vec![0; 64 << 20]), Err(LatencyError::NotHistogram(_))),
            "what unpacks to very much"
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn what_is_written_reads_back(micros in proptest::collection::vec(0..100_000_000u64, 0..50)) {
            let latency = of(&micros);
            let text = serde_json::to_string(&latency).unwrap();
            prop_assert_eq!(serde_json::from_str::<Latency>(&text).unwrap(), latency);
        }

        #[test]
        fn what_came_since_is_what_came_since(a in proptest::collection::vec(0..100_000_000u64, 0..50),
                                              b in proptest::collection::vec(0..100_000_000u64, 0..50)) {
            let since = of(&[a.clone(), b.clone()].concat()).since(&of(&a));
            prop_assert_eq!(since.counts().collect::<Vec<_>>(), of(&b).counts().collect::<Vec<_>>());
        }

        #[test]
        fn merging_equals_counting_all_in_one(a in proptest::collection::vec(0..100_000_000u64, 0..50),
                                              b in proptest::collection::vec(0..100_000_000u64, 0..50)) {
            let mut merged = of(&a);
            merged.absorb(of(&b));
            prop_assert_eq!(merged, of(&[a, b].concat()));
        }
    }
}
