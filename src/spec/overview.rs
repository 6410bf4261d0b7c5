//! How much there is of a dialect.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::protocol::{Dialect, DialectName, Kind, Level, Reason, Requirement};

/// How much there is of a dialect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Overview {
    /// Its name.
    pub dialect: DialectName,
    /// The document that it is taken from.
    pub document: String,
    /// How many actions.
    pub actions: usize,
    /// How many of them a document names without describing them.
    pub indexed_only: usize,
    /// How many pushes.
    pub pushes: usize,
    /// How many objects.
    pub objects: usize,
    /// How many error types.
    pub errors: usize,
    /// How many requirements.
    pub requirements: RequirementCounts,
    /// How many errata.
    pub errata: usize,
}

/// Requirements by what is done about them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RequirementCounts {
    /// All of them.
    pub total: usize,
    /// Those that something checks.
    pub checked: usize,
    /// Those that nothing can check.
    pub excluded: usize,
    /// By how binding they are.
    pub levels: BTreeMap<Level, LevelCounts>,
    /// The excluded ones by the reason.
    pub reasons: BTreeMap<Reason, usize>,
}

/// Requirements of one level.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct LevelCounts {
    /// All of them.
    pub total: usize,
    /// Those that something checks.
    pub checked: usize,
    /// Those that nothing can check.
    pub excluded: usize,
}

impl Overview {
    /// Counts what is there.
    pub fn of(dialect: &Dialect) -> Self {
        let catalog = &dialect.catalog;
        Self {
            dialect: dialect.name.clone(),
            document: catalog.document.clone(),
            actions: catalog.actions.len(),
            indexed_only: catalog.actions.values().filter(|action| action.indexed_only).count(),
            pushes: catalog.pushes.len(),
            objects: dialect.schemas.names(Kind::Object).len(),
            errors: catalog.errors.len(),
            requirements: RequirementCounts::of(dialect.requirements.values()),
            errata: dialect.errata.len(),
        }
    }
}

impl RequirementCounts {
    /// Counts requirements.
    pub fn of<'a>(requirements: impl IntoIterator<Item = &'a Requirement>) -> Self {
        let mut counts =
            Self { levels: Level::ALL.map(|level| (level, LevelCounts::default())).into(), ..Self::default() };
        for requirement in requirements {
            let level = counts.levels.entry(requirement.level).or_default();
            counts.total += 1;
            level.total += 1;
            match &requirement.excluded {
                None => {
                    counts.checked += 1;
                    level.checked += 1;
                }
                Some(exclusion) => {
                    counts.excluded += 1;
                    level.excluded += 1;
                    *counts.reasons.entry(exclusion.reason).or_default() += 1;
                }
            }
        }
        counts
    }
}
