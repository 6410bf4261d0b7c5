//! A scenario file → a scenario: every name is looked up, every payload checked, and all that is wrong is collected.

mod arrivals;
mod exchange;
mod identity;
mod names;
mod payload;
mod proof;
mod steps;
#[cfg(test)]
mod tests;
mod values;
mod web;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value};

use self::identity::Actors;
use self::names::{Group, Known};
use self::steps::Scope;
use super::file::{self, File, Part};
use super::plan::{Actor, AskedThreshold, DataSource, Draw, Pause, Scenario};
use super::template::Template;
use crate::protocol::{Dialect, Protocol, Transport, sha256};
use crate::session::{PING, PingStyle};
use crate::yaml::{self, FileErrors, Places, Problem, join};

/// Seed of a scenario that names none.
const SEED: u64 = 1;

/// Why a text is not a threshold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThresholdProblem {
    /// Where in the text, in bytes.
    pub range: Range<usize>,
    /// What was found.
    pub message: String,
    /// What is allowed.
    pub help: Option<String>,
}

/// Says whether this can be judged, and which action it is about, if any.
pub type ThresholdCheck<'a> = dyn Fn(&AskedThreshold) -> Result<Option<String>, ThresholdProblem> + 'a;

/// Reads a scenario file.
///
/// # Errors
/// Everything that is wrong with it at once, each with its place in the file.
pub fn load(path: &Path, protocol: &Protocol, check: &ThresholdCheck<'_>) -> Result<Scenario, FileErrors> {
    let text = yaml::text(path)?;
    load_text(path, text, protocol, check)
}

/// Reads a scenario whose text is at hand; `path` is what messages call it, and where its data files are.
///
/// # Errors
/// Everything that is wrong with it at once, each with its place in the text.
pub fn load_text(
    path: &Path,
    text: String,
    protocol: &Protocol,
    check: &ThresholdCheck<'_>,
) -> Result<Scenario, FileErrors> {
    match compile(path, &text, protocol, check) {
        Ok(scenario) => Ok(scenario),
        Err(problems) => Err(FileErrors::new(path, text, problems)),
    }
}

fn compile(path: &Path, text: &str, protocol: &Protocol, check: &ThresholdCheck<'_>) -> Result<Scenario, Vec<Problem>> {
    let document = yaml::read(text).map_err(|problem| vec![problem])?;
    let problems = yaml::check(&document, &file::editor_schema());
    let Ok(file) = File::deserialize(&document.value) else { return Err(problems) };
    let folder = path.parent().unwrap_or(Path::new(""));
    let has_shape = problems.is_empty();
    let mut compiler = Compiler {
        text,
        places: &document.places,
        protocol,
        folder,
        problems,
        broken: Vec::new(),
        step_names: BTreeMap::new(),
    };
    let mut scenario = compiler.scenario(&file, check);
    if has_shape {
        // Parts that only their types refuse, such as a duration that is too long for us.
        for (pointer, reason) in std::mem::take(&mut compiler.broken) {
            compiler.problem(&pointer, reason);
        }
    }
    if !compiler.problems.is_empty() {
        return Err(compiler.problems);
    }
    if scenario.name.is_empty() {
        scenario.name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    }
    scenario.fingerprint = fingerprint(text, &scenario.data);
    scenario.path = path.to_owned();
    Ok(scenario)
}

/// SHA-256 over what the file says, and over the rows of the files that it names.
fn fingerprint(text: &str, data: &BTreeMap<String, DataSource>) -> String {
    let mut whole = text.to_owned();
    for (name, source) in data {
        if let Draw::Rows { rows, .. } = &source.draw {
            // A NUL cannot stand in a YAML file, so nothing of one part looks like a piece of another.
            whole.push('\0');
            whole.push_str(name);
            rows.iter().for_each(|row| whole.push_str(&row.to_string()));
        }
    }
    sha256(whole.as_bytes())
}

/// Collects what is wrong while it turns the file into a scenario.
struct Compiler<'a> {
    text: &'a str,
    places: &'a Places,
    protocol: &'a Protocol,
    folder: &'a Path,
    problems: Vec<Problem>,
    /// Parts that could not be read, with the reason.
    broken: Vec<(String, String)>,
    /// Names of steps, and where each stands.
    step_names: BTreeMap<String, Range<usize>>,
}

/// The named things outside of actors.
struct Surroundings {
    think_times: BTreeMap<String, Option<Pause>>,
    data: BTreeMap<String, Option<DataSource>>,
    groups: Vec<Group>,
}

impl Compiler<'_> {
    fn scenario(&mut self, file: &File, check: &ThresholdCheck<'_>) -> Scenario {
        let think_times = self.think_times(file.think_times.as_ref());
        let data = self.data(file.data.as_ref());
        let empty = BTreeMap::new();
        let actors = self.piece(&file.actors, "/actors").unwrap_or(&empty);
        let known: BTreeMap<&str, Known> =
            actors.iter().map(|(name, actor)| (name.as_str(), Known::of(actor))).collect();
        let groups = self.groups(file, &known);
        let surroundings = Surroundings { think_times, data, groups };
        let mut compiled = BTreeMap::new();
        for (name, part) in actors {
            let pointer = join("/actors", name);
            self.name(name, "actor", &pointer);
            if let Some(actor) = self.piece(part, &pointer)
                && let Some(actor) = self.actor((name, actor), &pointer, actors, &surroundings, &known[name.as_str()])
            {
                compiled.insert(name.clone(), Arc::new(actor));
            }
        }
        let load = self.load(file, actors, &compiled, &known);
        let measured: Vec<Arc<Actor>> =
            load.populations.iter().flat_map(|population| population.members.clone()).collect();
        let thresholds = self.thresholds(file.thresholds.as_ref(), check, &measured);
        let optional = |part: &Option<Part<String>>| part.as_ref().and_then(Part::good).cloned();
        let seed = file.seed.as_ref().and_then(|seed| self.piece(seed, "/seed")).copied();
        Scenario {
            name: optional(&file.name).unwrap_or_default(),
            about: optional(&file.about).map(|about| about.trim_end().to_owned()),
            fingerprint: String::new(),
            path: Default::default(),
            seed: seed.unwrap_or(SEED),
            data: surroundings.data.into_iter().filter_map(|(name, source)| Some((name, source?))).collect(),
            actors: compiled,
            load,
            thresholds,
        }
    }

    fn actor(
        &mut self,
        (name, actor): (&str, &file::Actor),
        pointer: &str,
        actors: &Actors,
        surroundings: &Surroundings,
        known: &Known,
    ) -> Option<Actor> {
        let at = |member: &str| join(pointer, member);
        let dialect = self.piece(&actor.dialect, &at("dialect")).and_then(|name| self.dialect(name, &at("dialect")));
        let transport = self.piece(&actor.transport, &at("transport")).map(|transport| match transport {
            file::Transport::Websocket => Transport::Websocket,
            file::Transport::Socketio => Transport::Socketio,
            file::Transport::Web => Transport::Web,
        });
        if let (Some(Transport::Socketio), Some(dialect)) = (transport, &dialect)
            && dialect.catalog.rtm.socketio.is_empty()
        {
            let has = self.protocol.dialects().filter(|dialect| !dialect.catalog.rtm.socketio.is_empty());
            let has = has.map(|dialect| format!("`{}`", dialect.name)).collect::<Vec<_>>().join(", ");
            let range = self.places.value(&at("transport"));
            let problem =
                Problem::new(range, format!("the documents of `{}` have no path for socket.io", dialect.name));
            let has = if has.is_empty() { String::new() } else { format!("; socket.io is documented for {has}") };
            self.problems.push(problem.help(format!("use `websocket`{has}")));
        }
        let scope = Scope { actor: name, dialect: dialect.as_deref(), transport, surroundings, known, reaction: None };
        let login = self.login(actor.login.as_ref(), &at("login"), &scope);
        let steps = self.piece(&actor.steps, &at("steps"));
        let steps = steps.map(|steps| self.steps(steps, &at("steps"), &scope)).unwrap_or_default();
        let keep_alive = self.keep_alive(actor.keep_alive.as_ref(), &at("keep_alive"), &scope);
        let dialect = dialect?;
        let (credentials, identity) = self.identity((name, actor), pointer, &dialect, actors, surroundings)?;
        let name = name.to_owned();
        Some(Actor { name, dialect, transport: transport?, credentials, login, identity, keep_alive, steps })
    }

    fn keep_alive(
        &mut self,
        keep_alive: Option<&Part<file::KeepAlive>>,
        pointer: &str,
        scope: &Scope<'_>,
    ) -> Option<PingStyle> {
        let keep_alive = self.piece(keep_alive?, pointer)?;
        if scope.transport == Some(Transport::Web) {
            let range = self.places.key(pointer);
            self.problems.push(Problem::new(range, "the Web API has no connection to keep alive"));
        }
        Some(match keep_alive {
            file::KeepAlive::Frames => PingStyle::Frame,
            file::KeepAlive::Never => PingStyle::Off,
            file::KeepAlive::Action => {
                if let Some(dialect) = scope.dialect.filter(|dialect| dialect.catalog.action(PING).is_none()) {
                    self.problem(pointer, format!("`{}` has no action `{PING}`", dialect.name));
                }
                PingStyle::Action
            }
        })
    }

    fn dialect(&mut self, name: &str, pointer: &str) -> Option<Arc<Dialect>> {
        if let Ok(dialect) = self.protocol.dialect(name) {
            return Some(dialect.clone());
        }
        let known: Vec<&str> = self.protocol.dialects().map(|dialect| dialect.name.as_str()).collect();
        let problem = Problem::new(self.places.value(pointer), format!("unknown dialect `{name}`"));
        self.problems.push(problem.allowed(name, known));
        None
    }

    fn login(&mut self, login: Option<&Part<file::Login>>, pointer: &str, scope: &Scope<'_>) -> Option<Template> {
        let over_web = scope.transport == Some(Transport::Web);
        let members = match login {
            None if over_web => return None,
            None => Map::new(),
            Some(part) => match self.piece(part, pointer)? {
                file::Login::Whether(false) => return None,
                _ if over_web => {
                    self.problem(pointer, "the Web API has no login: every request carries its token");
                    return None;
                }
                file::Login::Whether(true) => Map::new(),
                file::Login::With(members) => members.clone(),
            },
        };
        let before = Scope { known: &Known::nothing(), ..*scope };
        let template = self.template(&Value::Object(members), pointer, &before)?;
        if let Some(dialect) = scope.dialect {
            self.check_login(dialect, &template, pointer);
        }
        Some(template)
    }

    fn thresholds(
        &mut self,
        thresholds: Option<&Part<Vec<Part<file::Threshold>>>>,
        check: &ThresholdCheck<'_>,
        actors: &[Arc<Actor>],
    ) -> Vec<AskedThreshold> {
        let measured: BTreeSet<&str> = actors.iter().flat_map(|actor| actor.actions()).collect();
        let complete = self.broken.is_empty();
        let Some(thresholds) = thresholds.and_then(|part| self.piece(part, "/thresholds")) else { return Vec::new() };
        let mut placed = Vec::new();
        for (index, part) in thresholds.iter().enumerate() {
            let pointer = join("/thresholds", index);
            let Some(threshold) = self.piece(part, &pointer) else { continue };
            let (text, abort, pointer) = match threshold {
                file::Threshold::Plain(text) => (text, false, pointer),
                file::Threshold::Detailed(file::DetailedThreshold { that, abort }) => {
                    (that, *abort, join(&pointer, "that"))
                }
            };
            let before = self.text.get(..self.places.value(&pointer).start).unwrap_or_default();
            let line = 1 + before.matches('\n').count();
            let asked = AskedThreshold { text: text.clone(), abort, pointer: pointer.clone(), line };
            match check(&asked) {
                Ok(Some(action)) if complete && !measured.contains(action.as_str()) => {
                    let range = self.inside(&pointer, &action);
                    let problem =
                        Problem::new(range, format!("`{action}` is never measured: no actor that comes calls it"));
                    self.problems.push(problem.allowed(&action, measured.iter().copied()));
                }
                Ok(_) => placed.push(asked),
                Err(ThresholdProblem { range, message, help }) => {
                    let part = text.get(range.clone()).filter(|part| !part.is_empty());
                    let range = match part {
                        Some(part) => self.inside_from(&pointer, part, range.start),
                        None => self.places.value(&pointer),
                    };
                    let problem = Problem::new(range, message);
                    self.problems.push(match help {
                        Some(help) => problem.help(help),
                        None => problem,
                    });
                }
            }
        }
        placed
    }

    /// A part of the file, or a note that it could not be read.
    fn piece<'p, T>(&mut self, part: &'p Part<T>, pointer: &str) -> Option<&'p T> {
        match part {
            Part::Good(piece) => Some(piece),
            Part::Broken(reason) => {
                self.broken.push((pointer.to_owned(), reason.clone()));
                None
            }
        }
    }

    fn problem(&mut self, pointer: &str, message: impl Into<String>) {
        self.problems.push(Problem::new(self.places.value(pointer), message));
    }

    /// A name of the user's: letters, digits, `_` and `-`.
    fn name(&mut self, name: &str, of: &str, pointer: &str) {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        if name.is_empty() || !name.chars().all(allowed) {
            let problem = Problem::new(self.places.key(pointer), format!("`{name}` cannot be the name of {of}"));
            self.problems.push(problem.help("names are made of letters, digits, `_` and `-`"));
        }
    }

    /// Where a word stands in the text at a pointer; the whole text when it is written in another way.
    fn inside(&self, pointer: &str, word: &str) -> Range<usize> {
        self.inside_from(pointer, word, 0)
    }

    fn inside_from(&self, pointer: &str, word: &str, from: usize) -> Range<usize> {
        let whole = self.places.value(pointer);
        let found = self.text.get(whole.clone()).and_then(|written| Some(from + written.get(from..)?.find(word)?));
        found.map_or(whole.clone(), |start| whole.start + start..whole.start + start + word.len())
    }
}
