//! The certification scenarios: those of the binary, or of a folder.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use include_dir::{Dir, include_dir};

use crate::protocol::{Check, Dialect, DialectName, Protocol, Transport, sha256};
use crate::scenario::{self, Actor, Arrivals, Scenario, ScenarioErrors, StepAction, visit};

static EMBEDDED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/scenarios/certify");

/// Cases in a folder of this name take longer than a few seconds.
const SLOW: &str = "slow/";

/// One certification scenario.
#[derive(Debug, Clone)]
pub struct Case {
    /// Its file below the dialect's folder, such as `chats.yaml`.
    pub name: String,
    /// Whether it takes longer than a few seconds.
    pub slow: bool,
    /// What to do.
    pub scenario: Arc<Scenario>,
}

/// The certification scenarios of all dialects.
#[derive(Debug, Default)]
pub struct Cases {
    dialects: BTreeMap<DialectName, Vec<Case>>,
    /// Hash of all files.
    hash: String,
}

/// Why the certification scenarios cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CaseError {
    /// The folder or one of its files cannot be read.
    #[error("cannot read {path}: {reason}")]
    Unreadable {
        /// Which.
        path: String,
        /// What the system said.
        reason: String,
    },
    /// A file is wrong as a scenario.
    #[error("{0}")]
    Scenario(Box<ScenarioErrors>),
    /// A file is a good scenario, but no certification case.
    #[error("{path}: {reason}")]
    NoCase {
        /// Which.
        path: String,
        /// Why.
        reason: String,
    },
}

impl Cases {
    /// Those of the binary.
    ///
    /// # Errors
    /// Only when the built-in files are broken, which the tests rule out.
    pub fn embedded(protocol: &Protocol) -> Result<Self, CaseError> {
        let mut files = BTreeMap::new();
        collect(&EMBEDDED, &mut files);
        Self::compile(files, protocol)
    }

    /// Those of a folder that is laid out as `scenarios/certify` is.
    ///
    /// # Errors
    /// When a file cannot be read, or is no certification case.
    pub fn from_dir(folder: &Path, protocol: &Protocol) -> Result<Self, CaseError> {
        let mut files = BTreeMap::new();
        read(folder, "", &mut files)?;
        Self::compile(files, protocol)
    }

    fn compile(files: BTreeMap<String, String>, protocol: &Protocol) -> Result<Self, CaseError> {
        let mut cases = Self::default();
        let mut text = String::new();
        for dialect in protocol.dialects() {
            let prefix = format!("{}/", dialect.name);
            for (path, content) in files.iter().filter(|(path, _)| path.starts_with(&prefix)) {
                let name = path[prefix.len()..].to_owned();
                let read = scenario::load_text(Path::new(path), content.clone(), protocol, &|_| Ok(None))
                    .map_err(|errors| CaseError::Scenario(Box::new(errors)))?;
                let wrong = |reason: String| CaseError::NoCase { path: path.clone(), reason };
                check(dialect, &read).map_err(wrong)?;
                text.push_str(path);
                text.push_str(content);
                let slow = name.starts_with(SLOW);
                cases.dialects.entry(dialect.name.clone()).or_default().push(Case {
                    name,
                    slow,
                    scenario: Arc::new(read),
                });
            }
        }
        cases.hash = sha256(text.as_bytes());
        Ok(cases)
    }

    /// The cases of a dialect.
    pub fn of(&self, dialect: &DialectName) -> &[Case] {
        self.dialects.get(dialect).map_or(&[], Vec::as_slice)
    }

    /// Hash of all files, in hexadecimal.
    pub fn hash(&self) -> &str {
        &self.hash
    }
}

impl Case {
    /// How many tokens of each pool it uses at the same time.
    pub fn tokens(&self) -> BTreeMap<String, usize> {
        let mut tokens = BTreeMap::new();
        for population in &self.scenario.load.populations {
            let Arrivals::Together { count, .. } = population.arrivals else { continue };
            for actor in
                population.members.iter().filter(|actor| actor.identity.as_ref().is_none_or(|who| *who == actor.name))
            {
                *tokens.entry(actor.credentials.clone()).or_default() += count;
            }
        }
        tokens
    }

    /// The same case, whose real-time actors speak over this transport as far as their dialects document it.
    #[must_use]
    pub fn over(&self, transport: Transport) -> Self {
        let mut scenario = Scenario::clone(&self.scenario);
        for actor in scenario.actors.values_mut() {
            let has = transport != Transport::Socketio || !actor.dialect.catalog.rtm.socketio.is_empty();
            if has && actor.transport != transport && actor.transport.channel() == transport.channel() {
                *actor = Arc::new(Actor { transport, ..Actor::clone(actor) });
            }
        }
        for member in scenario.load.populations.iter_mut().flat_map(|population| &mut population.members) {
            if let Some(actor) = scenario.actors.get(&member.name) {
                *member = actor.clone();
            }
        }
        Self { scenario: Arc::new(scenario), ..self.clone() }
    }

    /// What its steps can prove in a dialect.
    pub fn checks(&self, dialect: &DialectName) -> Vec<Check> {
        let mut checks = Vec::new();
        for actor in self.scenario.actors.values() {
            visit(&actor.steps, &mut |step| {
                if let (Some(name), false) = (&step.name, step.proves.is_empty()) {
                    checks.push(Check::Step(name.clone()));
                }
                if let (StepAction::Refuses(refuses), true) = (&step.action, actor.dialect.name == *dialect) {
                    checks.extend(
                        refuses
                            .classes()
                            .into_iter()
                            .map(|class| Check::Negatives { action: Some(refuses.action.clone()), class }),
                    );
                }
            });
        }
        checks
    }
}

/// Everybody starts at once, and what a step proves is in the requirements, which name the step.
fn check(dialect: &Dialect, scenario: &Scenario) -> Result<(), String> {
    for population in &scenario.load.populations {
        if !matches!(population.arrivals, Arrivals::Together { .. }) {
            return Err(format!("population `{}` must come `together`", population.name));
        }
    }
    let mut wrong = None;
    for actor in scenario.actors.values() {
        visit(&actor.steps, &mut |step| {
            for id in &step.proves {
                let name = step.name.clone().unwrap_or_default();
                let known = dialect.requirements.get(id);
                let named = known.is_some_and(|row| row.check.contains(&Check::Step(name.clone())));
                if !named {
                    wrong.get_or_insert(match known {
                        None => format!("step `{name}` proves {id}, which is no requirement of {}", dialect.name),
                        Some(_) => format!("step `{name}` proves {id}, whose `check` does not name it"),
                    });
                }
            }
        });
    }
    wrong.map_or(Ok(()), Err)
}

fn collect(dir: &Dir<'_>, files: &mut BTreeMap<String, String>) {
    for file in dir.files() {
        if let (Some(text), true) = (file.contents_utf8(), is_case(file.path())) {
            files.insert(file.path().to_string_lossy().replace('\\', "/"), text.to_owned());
        }
    }
    for below in dir.dirs() {
        collect(below, files);
    }
}

fn read(dir: &Path, prefix: &str, files: &mut BTreeMap<String, String>) -> Result<(), CaseError> {
    let unreadable =
        |error: std::io::Error| CaseError::Unreadable { path: dir.display().to_string(), reason: error.to_string() };
    for entry in std::fs::read_dir(dir).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let name = format!("{prefix}{}", path.file_name().unwrap_or_default().to_string_lossy());
        if path.is_dir() {
            read(&path, &format!("{name}/"), files)?;
        } else if is_case(&path) {
            let text = std::fs::read_to_string(&path).map_err(|error| CaseError::Unreadable {
                path: path.display().to_string(),
                reason: error.to_string(),
            })?;
            files.insert(name, text);
        }
    }
    Ok(())
}

fn is_case(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yaml")
}
