//! What the process says when it ends.

use serde::{Deserialize, Serialize};

use super::Judgement;

/// The documented exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExitCode {
    /// Everything that was asked for was checked and held.
    Passed,
    /// The peer failed: a violation, a broken threshold, a timeout, a failed step.
    PeerFailed,
    /// The command line makes no sense.
    Usage,
    /// A file that was given cannot be used: a scenario, a token file, schemas.
    Input,
    /// The target cannot be reached, or lets nobody log in.
    Unreachable,
    /// Nothing was checked, or something that was asked for could not be measured.
    Inconclusive,
    /// The generator, not the target, was the bottleneck, so that the numbers say nothing about the target.
    Saturated,
    /// A bug of ours.
    Internal,
    /// Interrupted from outside; the report was still written.
    Interrupted,
}

impl ExitCode {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Passed,
        Self::PeerFailed,
        Self::Usage,
        Self::Input,
        Self::Unreachable,
        Self::Inconclusive,
        Self::Saturated,
        Self::Internal,
        Self::Interrupted,
    ];

    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Self::Passed => 0,
            Self::PeerFailed => 1,
            Self::Usage => 2,
            Self::Input => 3,
            Self::Unreachable => 4,
            Self::Inconclusive => 5,
            Self::Saturated => 6,
            Self::Internal => 70,
            Self::Interrupted => 130,
        }
    }
}

impl From<Judgement> for ExitCode {
    /// What is merely not strict does not fail a run; a threshold on `non_strict` makes it.
    fn from(judgement: Judgement) -> Self {
        match judgement {
            Judgement::Passed | Judgement::NonStrict => Self::Passed,
            Judgement::Failed => Self::PeerFailed,
            Judgement::Inconclusive => Self::Inconclusive,
        }
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        code.code().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_are_the_documented_ones() {
        assert_eq!(ExitCode::ALL.map(ExitCode::code), [0, 1, 2, 3, 4, 5, 6, 70, 130]);
    }

    #[test]
    fn silence_is_not_success() {
        assert_eq!(ExitCode::from(Judgement::Inconclusive).code(), 5);
        assert_eq!(ExitCode::from(Judgement::NonStrict).code(), 0);
    }
}
