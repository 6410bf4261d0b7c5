//! Think times and data sources.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use super::Compiler;
use crate::scenario::file::{Data, Distribution, Part, Think};
use crate::scenario::plan::{BUILT_IN, DataSource, Draw, Each, Pause, RowOrder, Shape};
use crate::scenario::units::parse_duration;
use crate::yaml::Problem;
use crate::yaml::join;

impl Compiler<'_> {
    pub(super) fn think_times(
        &mut self,
        think_times: Option<&Part<BTreeMap<String, Part<Distribution>>>>,
    ) -> BTreeMap<String, Option<Pause>> {
        let mut named = BTreeMap::new();
        for (name, part) in think_times.and_then(|part| self.piece(part, "/think_times")).into_iter().flatten() {
            let pointer = join("/think_times", name);
            self.name(name, "a think time", &pointer);
            let pause = self.piece(part, &pointer).map(|distribution| self.pause(distribution, &pointer));
            named.insert(name.clone(), pause);
        }
        named
    }

    /// The waiting time of a `think` step.
    pub(super) fn think(
        &mut self,
        think: &Think,
        pointer: &str,
        named: &BTreeMap<String, Option<Pause>>,
    ) -> Option<Pause> {
        let text = match think {
            Think::Inline(distribution) => return Some(self.pause(distribution, pointer)),
            Think::Text(text) => text,
        };
        if let Some(pause) = named.get(text) {
            return pause.clone();
        }
        match parse_duration(text) {
            Ok(duration) => Some(Pause { shape: Shape::Constant(duration), at_most: None }),
            Err(error) => {
                let range = self.places.value(pointer);
                let is_number = text.starts_with(|c: char| c.is_ascii_digit());
                let problem = match is_number {
                    true => Problem::new(range, error.to_string()),
                    false => Problem::new(range, format!("no think time is called `{text}`")),
                };
                let problem = problem.allowed(text, named.keys().map(String::as_str));
                self.problems.push(match named.is_empty() {
                    true if !is_number => problem.help("there are no `think_times`; write a duration such as `2s`"),
                    _ => problem,
                });
                None
            }
        }
    }

    fn pause(&mut self, distribution: &Distribution, pointer: &str) -> Pause {
        let mut positive = |time: Duration, kind: &str, member: &str| {
            if time.is_zero() {
                let pointer = join(&join(pointer, kind), member);
                self.problem(&pointer, format!("`{member}` has to be longer than nothing"));
            }
            time
        };
        let (shape, at_most) = match distribution {
            Distribution::Constant(time) => (Shape::Constant(time.0), None),
            Distribution::Uniform { from, to } => {
                if from.0 > to.0 {
                    self.problem(&join(&join(pointer, "uniform"), "to"), "`to` is shorter than `from`");
                }
                (Shape::Uniform { from: from.0, to: to.0.max(from.0) }, None)
            }
            Distribution::Normal { mean, deviation, at_most } => {
                (Shape::Normal { mean: mean.0, deviation: deviation.0 }, *at_most)
            }
            Distribution::Lognormal { median, sigma, at_most } => {
                (Shape::Lognormal { median: positive(median.0, "lognormal", "median"), sigma: *sigma }, *at_most)
            }
            Distribution::Exponential { mean, at_most } => {
                (Shape::Exponential { mean: positive(mean.0, "exponential", "mean") }, *at_most)
            }
        };
        Pause { shape, at_most: at_most.map(|time| time.0) }
    }

    pub(super) fn data(
        &mut self,
        data: Option<&Part<BTreeMap<String, Part<Data>>>>,
    ) -> BTreeMap<String, Option<DataSource>> {
        let mut sources = BTreeMap::new();
        for (name, part) in data.and_then(|part| self.piece(part, "/data")).into_iter().flatten() {
            let pointer = join("/data", name);
            self.name(name, "a data source", &pointer);
            if name == "push" || BUILT_IN.contains(&name.as_str()) {
                let range = self.places.key(&pointer);
                self.problems.push(Problem::new(range, format!("`{name}` is taken: it has a meaning of its own")));
            }
            let source = self.piece(part, &pointer).and_then(|data| self.source(data, &pointer));
            sources.insert(name.clone(), source);
        }
        sources
    }

    fn source(&mut self, data: &Data, pointer: &str) -> Option<DataSource> {
        let (draw, each) = match data {
            Data::Pick(data) => (Draw::Pick(data.pick.clone()), data.each),
            Data::Fake(data) => (Draw::Fake(data.fake), data.each),
            Data::Rows(data) => {
                let rows = Arc::new(self.rows(&data.csv, &join(pointer, "csv"))?);
                (Draw::Rows { rows, order: data.order.unwrap_or(RowOrder::Sequential) }, data.each)
            }
        };
        Some(DataSource { draw, each: each.unwrap_or(Each::Actor) })
    }

    /// The rows of a CSV file, each as an object of its columns.
    fn rows(&mut self, file: &str, pointer: &str) -> Option<Vec<Value>> {
        let path = self.folder.join(file);
        let read = || -> Result<Vec<Value>, csv::Error> {
            let mut reader = csv::Reader::from_path(&path)?;
            let columns = reader.headers()?.clone();
            let row = |record: csv::StringRecord| {
                let members = columns.iter().zip(&record).map(|(column, value)| (column.to_owned(), value.into()));
                Value::Object(members.collect::<Map<_, _>>())
            };
            reader.records().map(|record| record.map(row)).collect()
        };
        match read() {
            Ok(rows) if rows.is_empty() => {
                self.problem(pointer, format!("`{file}` has no rows after the line with the columns"));
                None
            }
            Ok(rows) => Some(rows),
            Err(error) => {
                let problem = Problem::new(self.places.value(pointer), format!("cannot read `{file}`: {error}"));
                self.problems.push(match error.is_io_error() {
                    true => problem.help("the path counts from the folder of the scenario file"),
                    false => problem,
                });
                None
            }
        }
    }
}
