//! The order in which events arrived, and whether all did.

use maud::html;

use super::page::Section;
use super::table::{Cell, Column, table};
use super::violations;
use crate::report::RunReport;
use crate::report::format::{counted, grouped, percent};

/// Places back from which on the ledger does not tell them apart.
const FAR: u32 = 32;

const COLUMNS: [Column; 3] = [Column::numbers("places back"), Column::numbers("arrivals"), Column::numbers("of all")];

/// What the order ledger looked at, and how far arrivals were from their order.
pub(super) fn section(report: &RunReport<'_>) -> Option<Section> {
    let ordering = &report.tally.ordering;
    let share = |count: u64| percent(count, ordering.arrivals);
    let rows = ordering.extents.iter().map(|(back, count)| {
        let places = if *back >= FAR { format!("{back} or more") } else { back.to_string() };
        vec![
            Cell::number(places, back),
            Cell::count(*count),
            Cell::number(share(*count), *count as f64 / ordering.arrivals.max(1) as f64),
        ]
    });
    let rows: Vec<Vec<Cell>> = rows.collect();
    let body = html! {
        p.note {
            "The documents promise an order within a thread by each event's " code { "order" } ", not by arrival. That arrivals are reordered is "
            "therefore a number, not a violation; a duplicate, contradicting or lost event is one."
        }
        dl {
            dt { "looked at" }
            dd { (counted(ordering.events, "event")) " in " (counted(ordering.threads, "thread")) ", " (counted(ordering.arrivals, "arrival")) }
            dt { "reordered" }
            dd { (counted(ordering.reordered, "arrival")) ", " (share(ordering.reordered)) " of all" }
            dt { "acknowledged events" }
            dd {
                (counted(ordering.expected, "arrival")) " expected; " (grouped(ordering.lost)) " lost, "
                (grouped(ordering.indeterminate)) " impossible to judge"
            }
            @if ordering.evicted > 0 {
                dt { "forgotten" }
                dd { (counted(ordering.evicted, "thread")) " to save memory; what came later in them was judged without their past" }
            }
        }
        @if !rows.is_empty() {
            (table("extents-table", "Reordered arrivals, by how many arrivals back the first larger order came", &COLUMNS, &rows))
        }
        @if let Some(examples) = violations::of_order(report) { (examples) }
    };
    (ordering.events > 0).then(|| Section { id: "ordering", title: "Ordering".to_owned(), body })
}
