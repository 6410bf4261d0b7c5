//! What is written about the documents, without their schemas: enough to explain what somebody did wrong.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::{Erratum, ErratumId, Requirement, RequirementId, SchemaFiles, errata, requirements};

/// The requirements and errata of a dialect.
#[derive(Debug)]
pub struct Sentences {
    /// The sentences of its documents that can be checked.
    pub requirements: BTreeMap<RequirementId, Requirement>,
    /// The contradictions and gaps of its documents.
    pub errata: BTreeMap<ErratumId, Erratum>,
}

impl Sentences {
    /// Those that are built into the binary. Reports explain with them what a run found, which may be long over: whatever schemas it
    /// was made with, ids keep their meaning.
    pub fn embedded(dialect: &str) -> Option<&'static Self> {
        /// Reading takes a while, and a live report wants them each second.
        static READ: LazyLock<BTreeMap<String, Sentences>> = LazyLock::new(|| {
            let files = SchemaFiles::embedded();
            let read = |folder: String| {
                // What is built in is whole; the tests rule the opposite out.
                let requirements = requirements::read(&files, &folder).unwrap_or_default();
                let errata = errata::read(&files, &folder).unwrap_or_default();
                (folder, Sentences { requirements, errata })
            };
            files.dialect_folders().into_iter().map(read).collect()
        });
        READ.get(dialect)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Protocol;

    #[test]
    fn they_are_those_of_the_dialects() {
        let protocol = Protocol::embedded().unwrap();
        for dialect in protocol.dialects() {
            let sentences = Sentences::embedded(dialect.name.as_str()).unwrap();
            assert!(sentences.requirements.len() > 10 && sentences.errata.len() > 5, "{}", dialect.name);
            assert!(sentences.requirements.keys().eq(dialect.requirements.keys()));
            assert!(sentences.errata.keys().eq(dialect.errata.keys()));
        }
        assert!(Sentences::embedded("customer/v9").is_none());
    }
}
