//! A thread as two connections were told it, side by side.

use maud::{Markup, html};

use crate::observe::ViolationKind;
use crate::record::{Sequence, SideBySide, Told};
use crate::report::format::one_line;

/// Both sequences from the first event on that both have, with the first difference marked.
pub(super) fn side_by_side(kind: ViolationKind, told: &SideBySide) -> Markup {
    let rows = aligned(&told.here.events, &told.there.events);
    let differs = first_difference(&rows);
    let place = differs.map_or_else(
        || "As far as both were told of it, they agree.".to_owned(),
        |number| format!("They differ first in line {}.", number + 1),
    );
    let caption = format!("{kind}: thread {} as two connections were told it. {place}", one_line(&told.thread));
    let head =
        |sequence: &Sequence| format!("connection {} ({})", sequence.connection.0, one_line(sequence.dialect.as_str()));
    html! {
        div.box tabindex="0" role="region" aria-label=(caption) {
            table {
                caption { (caption) }
                thead {
                    tr { th.n scope="col" { "line" } th scope="col" { (head(&told.here)) } th scope="col" { (head(&told.there)) } }
                }
                tbody {
                    @for (number, (here, there)) in rows.iter().enumerate() {
                        tr { td.n { (number + 1) } (cell(*here, differs == Some(number))) (cell(*there, differs == Some(number))) }
                    }
                }
            }
        }
    }
}

/// Of several, the first in which a difference shows; often one of the two was told of the thread too little yet.
pub(super) fn telling<'a>(all: impl Iterator<Item = &'a SideBySide> + Clone) -> Option<&'a SideBySide> {
    let differs = |told: &&SideBySide| first_difference(&aligned(&told.here.events, &told.there.events)).is_some();
    all.clone().find(differs).or_else(|| all.clone().next())
}

fn first_difference(rows: &[(Option<&Told>, Option<&Told>)]) -> Option<usize> {
    rows.iter().position(|row| matches!(row, (Some(here), Some(there)) if here != there))
}

fn cell(told: Option<&Told>, is_marked: bool) -> Markup {
    let Some(Told { event, order }) = told else { return html! { td {} } };
    let event = event.as_deref().map_or_else(|| html! { "an event" }, |event| html! { code { (one_line(event)) } });
    let text = html! { (event) @if let Some(order) = order { ", order " (order) } };
    html! { td { @if is_marked { mark { (text) } } @else { (text) } } }
}

/// The lines of both, beginning where they first have the same event: what is kept of them need not begin at the same one.
fn aligned<'a>(here: &'a [Told], there: &'a [Told]) -> Vec<(Option<&'a Told>, Option<&'a Told>)> {
    let place = |told: &Told| there.iter().position(|other| told.event.is_some() && other.event == told.event);
    let starts = here.iter().enumerate().filter_map(|(i, told)| Some((i, place(told)?)));
    let (i, j) = starts.min_by_key(|(i, j)| i + j).unwrap_or_default();
    let (here, there) = (&here[i..], &there[j..]);
    (0..here.len().max(there.len())).map(|line| (here.get(line), there.get(line))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::ConnectionId;

    fn told(events: &[(&str, i64)]) -> Vec<Told> {
        events.iter().map(|(event, order)| Told { event: Some((*event).to_owned()), order: Some(*order) }).collect()
    }

    fn both(here: &[(&str, i64)], there: &[(&str, i64)]) -> SideBySide {
        let sequence = |connection, events| Sequence {
            connection: ConnectionId(connection),
            dialect: "agent/v3.0".into(),
            events: told(events),
        };
        SideBySide { thread: "<T>".to_owned(), here: sequence(3, here), there: sequence(9, there) }
    }

    fn shown(here: &[(&str, i64)], there: &[(&str, i64)]) -> String {
        side_by_side(ViolationKind::ReorderedDelivery, &both(here, there)).into_string()
    }

    #[test]
    fn of_several_the_first_is_taken_in_which_a_difference_shows() {
        let alike = both(&[("a", 1), ("b", 2)], &[("a", 1)]);
        let differ = both(&[("a", 1), ("c", 3)], &[("a", 1), ("b", 2)]);
        assert_eq!(telling([&alike, &differ].into_iter()), Some(&differ));
        assert_eq!(telling([&alike, &alike].into_iter()), Some(&alike));
        assert_eq!(telling([].into_iter()), None);
    }

    #[test]
    fn two_sequences_stand_beside_each_other_and_the_first_difference_is_marked() {
        let text = shown(&[("a", 1), ("c", 3), ("b", 2)], &[("a", 1), ("b", 2), ("c", 3)]);
        let lines = "<tbody><tr><td class=\"n\">1</td><td><code>a</code>, order 1</td><td><code>a</code>, order 1</td></tr>\
             <tr><td class=\"n\">2</td><td><mark><code>c</code>, order 3</mark></td><td><mark><code>b</code>, order 2</mark></td></tr>\
             <tr><td class=\"n\">3</td><td><code>b</code>, order 2</td><td><code>c</code>, order 3</td></tr></tbody>";
        assert!(text.contains(lines), "{text}");
        let caption =
            "reordered_delivery: thread &lt;T&gt; as two connections were told it. They differ first in line 2.";
        assert!(text.contains(&format!("<caption>{caption}</caption>")), "{text}");
        assert!(text.contains(">connection 3 (agent/v3.0)<") && text.contains(">connection 9 (agent/v3.0)<"), "{text}");
    }

    #[test]
    fn what_only_one_was_told_yet_is_no_difference() {
        let text = shown(&[("a", 1), ("b", 2), ("c", 3)], &[("a", 1), ("b", 2)]);
        assert!(!text.contains("<mark>") && text.contains("they agree."), "{text}");
        assert!(text.contains("<td><code>c</code>, order 3</td><td></td>"), "{text}");
    }

    #[test]
    fn lines_begin_where_both_have_the_same_event() {
        let (here, there) = (told(&[("y", 8), ("a", 9), ("b", 10)]), told(&[("a", 9), ("b", 11)]));
        let rows = aligned(&here, &there);
        assert_eq!(rows, [(Some(&here[1]), Some(&there[0])), (Some(&here[2]), Some(&there[1]))]);
        assert_eq!(aligned(&here, &[]).len(), 3);
        assert_eq!(aligned(&[], &[]), []);
    }
}
