//! Numbers, durations and foreign texts as people read them.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::Duration;

use textwrap::core::display_width;

use crate::observe::Moment;

/// Whole microseconds.
pub fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// Three significant digits: `1.23`, `12.3`, `123`, and all digits of what is larger.
pub fn significant(number: f64) -> String {
    // The bounds are those at which rounding adds a digit.
    match number {
        n if n < 9.995 => format!("{n:.2}"),
        n if n < 99.95 => format!("{n:.1}"),
        n => grouped(n.round() as u64),
    }
}

/// With a comma between groups of three digits.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of things: `1 event`, `2 events`.
pub fn counted(number: u64, thing: &str) -> String {
    format!("{} {thing}{}", grouped(number), if number == 1 { "" } else { "s" })
}

/// `17µs`, `1.23ms`, `12.3s`, and from two minutes on `2m 05s` or `1h 02m`.
pub fn duration(duration: Duration) -> String {
    let nanos = duration.as_nanos() as f64;
    for (unit, name) in [(1e3, "µs"), (1e6, "ms")] {
        // What would round to 1000 belongs to the next unit.
        if nanos / unit < 999.5 {
            let whole = unit == 1e3 && duration.subsec_nanos().is_multiple_of(1000);
            return if whole {
                format!("{:.0}µs", nanos / unit)
            } else {
                format!("{}{name}", significant(nanos / unit))
            };
        }
    }
    match duration.as_secs() {
        0..120 => format!("{}s", significant(nanos / 1e9)),
        seconds @ 120..3600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        seconds => format!("{}h {:02}m", seconds / 3600, seconds / 60 % 60),
    }
}

/// A moment of the run: `+1.234s`.
pub fn moment(at: Moment) -> String {
    format!("+{:.3}s", at.since(Moment::default()).as_secs_f64())
}

/// How many a second; nothing when no time passed.
pub fn per_second(number: u64, span: Duration) -> Option<f64> {
    (!span.is_zero()).then(|| number as f64 / span.as_secs_f64())
}

/// A share in percent, such as `0.31%`; nothing of nothing is 0.
pub fn percent(part: u64, whole: u64) -> String {
    match (part, whole) {
        (0, _) | (_, 0) => "0%".to_owned(),
        _ => format!("{}%", significant(100.0 * part as f64 / whole as f64)),
    }
}

/// Whether a character does something to a terminal, a line or the reading direction rather than being seen.
pub fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}'
            | '\u{e0000}'..='\u{e007f}')
}

/// A foreign text in which every character is seen: the others are written like `\u{1b}`.
pub fn seen(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unseen) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_unseen(c) {
            // Writing to a string does not fail.
            let _ = write!(clean, "\\u{{{:x}}}", u32::from(c));
        } else {
            clean.push(c);
        }
    }
    Cow::Owned(clean)
}

/// A foreign text of perhaps several lines, indented JSON for instance, in one.
pub fn one_line(text: &str) -> String {
    seen(&text.lines().map(str::trim).collect::<Vec<_>>().join(" ")).into_owned()
}

/// At most `columns` wide; what is cut is replaced by `…`.
pub fn shortened(text: &str, columns: usize) -> Cow<'_, str> {
    if display_width(text) <= columns {
        return Cow::Borrowed(text);
    }
    let mut short = String::new();
    let mut room = columns.saturating_sub(1);
    for c in text.chars() {
        let width = display_width(c.encode_utf8(&mut [0; 4]));
        if width > room {
            break;
        }
        room -= width;
        short.push(c);
    }
    short.push('…');
    Cow::Owned(short)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_have_three_digits_and_a_unit() {
        let shown = |nanos| duration(Duration::from_nanos(nanos));
        assert_eq!(shown(0), "0µs");
        assert_eq!(shown(17_000), "17µs");
        assert_eq!(shown(17_250), "17.2µs");
        assert_eq!(shown(999_499), "999µs");
        assert_eq!(shown(999_500), "1.00ms");
        assert_eq!(shown(9_994_000), "9.99ms");
        assert_eq!(shown(9_996_000), "10.0ms");
        assert_eq!(shown(250_000_000), "250ms");
        assert_eq!(shown(999_700_000), "1.00s");
        assert_eq!(shown(30_210_000_000), "30.2s");
        assert_eq!(shown(125_000_000_000), "2m 05s");
        assert_eq!(shown(3_725_000_000_000), "1h 02m");
    }

    #[test]
    fn numbers_are_grouped_and_rounded() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([0.0, 9.996, 99.96, 1234.5].map(significant), ["0.00", "10.0", "100", "1,235"]);
        assert_eq!([percent(0, 7), percent(1, 0), percent(1, 3)], ["0%", "0%", "33.3%"]);
        assert_eq!([counted(1, "event"), counted(2, "event")], ["1 event", "2 events"]);
        assert_eq!(per_second(3, Duration::ZERO), None);
    }

    #[test]
    fn what_a_terminal_would_obey_is_spelled_out() {
        assert_eq!(seen("a\u{1b}[31m\u{9b}2J\u{202e}ü"), "a\\u{1b}[31m\\u{9b}2J\\u{202e}ü");
        assert_eq!(one_line("{\n  \"a\": \"b\tc\"\r\n}"), "{ \"a\": \"b\\u{9}c\" }");
    }

    proptest! {
        #[test]
        fn no_unseen_character_survives(text in any::<String>()) {
            prop_assert!(!one_line(&text).contains(is_unseen));
            prop_assert!(!seen(&text).contains(is_unseen));
        }

        #[test]
        fn a_shortened_text_fits_and_a_short_one_is_untouched(text in any::<String>(), columns in 1..40usize) {
            let short = shortened(&text, columns);
            prop_assert!(display_width(&short) <= columns);
            if display_width(&text) <= columns {
                prop_assert_eq!(&short, &text);
            }
        }

        #[test]
        fn a_duration_never_needs_more_than_seven_columns(micros in 0..=60_000_000u64) {
            prop_assert!(display_width(&duration(Duration::from_micros(micros))) <= 7);
        }
    }
}
