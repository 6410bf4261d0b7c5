//! What is good enough, as a type. The text form is in `parse`.

use std::fmt;
use std::time::Duration;

use crate::observe::ViolationKind;
use crate::protocol::Transport;

/// One sentence of what is good enough, such as `send_event.response.p99 < 250ms`.
#[derive(Debug, Clone, PartialEq)]
pub struct Threshold {
    /// What is measured.
    pub metric: Metric,
    /// How it is compared.
    pub comparison: Comparison,
    /// With what.
    pub limit: Limit,
}

/// What can be measured.
#[derive(Debug, Clone, PartialEq)]
pub enum Metric {
    /// Something about the requests of one action.
    Action {
        /// Its name.
        action: String,
        /// Which of them.
        only: Only,
        /// What about them.
        measure: Measure,
    },
    /// From the sender's send to a receiver's push.
    Delivery(Only, Statistic),
    /// From the attempt to connect to the finished handshake.
    Connect(Only, Statistic),
    /// From the due moment of an arrival to its start.
    Lag(Statistic),
    /// Answers that say failure.
    Errors(Only, Amount),
    /// Requests without an answer within the documented limit.
    Timeouts(Only),
    /// Answers after the documented limit.
    Late(Only),
    /// Violations of the server of the grade that fails; or all of one kind.
    Violations(Option<ViolationKind>),
    /// Violations of the client of the grade that fails. Scenarios cannot ask for it: their client is ours and is not judged.
    ClientViolations,
    /// Violations of the grade that is legal by the letter.
    NonStrict,
    /// Arrivals of events behind a later one.
    Reordered,
    /// Arrivals of actors that could not start when due.
    Dropped,
    /// Steps that did not do what the scenario expects.
    FailedSteps,
}

/// Which requests, connections or receivers count; all, when nothing is said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Only {
    /// Those of one dialect.
    pub dialect: Option<String>,
    /// Those over one transport.
    pub transport: Option<Transport>,
}

/// What can be measured about the requests of an action.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Measure {
    /// From the intended moment to the answer.
    Response(Statistic),
    /// From the actual send to the answer.
    Service(Statistic),
    /// Answers that say failure.
    Errors(Amount),
    /// Requests without an answer within the documented limit.
    Timeouts,
    /// Answers after the documented limit.
    Late,
    /// Requests sent.
    Count,
    /// Requests sent in a second, on average over the run.
    Rate,
}

/// A number, or a part of all answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amount {
    /// How many.
    Count,
    /// How many of a hundred answers.
    Percent,
}

/// One number out of a distribution.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Statistic {
    /// What this percentage do not exceed.
    Percentile(f64),
    /// The mean.
    Mean,
    /// The largest.
    Max,
}

/// How a measured value is compared with the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `<`
    Below,
    /// `<=`
    AtMost,
    /// `>`
    Above,
    /// `>=`
    AtLeast,
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
}

/// A value with its unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Limit {
    /// A duration in whole microseconds.
    Time(Duration),
    /// A number of things.
    Count(u64),
    /// A part of a hundred.
    Percent(f64),
    /// So many in a second.
    PerSecond(f64),
}

impl Threshold {
    /// The action that it is about, so that a scenario that never calls it can be refused.
    pub fn action(&self) -> Option<&str> {
        match &self.metric {
            Metric::Action { action, .. } => Some(action),
            _ => None,
        }
    }

    /// To which requests, connections or receivers it restricts itself.
    pub fn only(&self) -> Option<&Only> {
        match &self.metric {
            Metric::Action { only, .. }
            | Metric::Delivery(only, _)
            | Metric::Connect(only, _)
            | Metric::Errors(only, _)
            | Metric::Timeouts(only)
            | Metric::Late(only) => Some(only),
            _ => None,
        }
    }
}

impl Comparison {
    /// All, longer signs first, so that the first that matches is meant.
    pub(super) const ALL: [Self; 6] =
        [Self::AtMost, Self::AtLeast, Self::Equal, Self::NotEqual, Self::Below, Self::Above];

    /// How it is written.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Below => "<",
            Self::AtMost => "<=",
            Self::Above => ">",
            Self::AtLeast => ">=",
            Self::Equal => "==",
            Self::NotEqual => "!=",
        }
    }

    /// Whether a measured value passes.
    pub fn holds<T: PartialOrd>(self, measured: &T, limit: &T) -> bool {
        match self {
            Self::Below => measured < limit,
            Self::AtMost => measured <= limit,
            Self::Above => measured > limit,
            Self::AtLeast => measured >= limit,
            Self::Equal => measured == limit,
            Self::NotEqual => measured != limit,
        }
    }
}

impl Only {
    /// Whether a dialect and transport are meant.
    pub fn includes(&self, dialect: &str, transport: Transport) -> bool {
        self.includes_dialect(dialect) && self.transport.is_none_or(|only| only == transport)
    }

    /// Whether a dialect is meant.
    pub fn includes_dialect(&self, dialect: &str) -> bool {
        self.dialect.as_deref().is_none_or(|only| only == dialect)
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.metric, self.comparison.sign(), self.limit)
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Action { action, only, measure } => write!(f, "{action}{only}.{measure}"),
            Self::Delivery(only, statistic) => write!(f, "delivery{only}.{statistic}"),
            Self::Connect(only, statistic) => write!(f, "connect{only}.{statistic}"),
            Self::Lag(statistic) => write!(f, "lag.{statistic}"),
            Self::Errors(only, _) => write!(f, "errors{only}"),
            Self::Timeouts(only) => write!(f, "timeouts{only}"),
            Self::Late(only) => write!(f, "late{only}"),
            Self::Violations(None) => f.write_str("violations"),
            Self::Violations(Some(kind)) => write!(f, "violations.{kind}"),
            Self::ClientViolations => f.write_str("client_violations"),
            Self::NonStrict => f.write_str("non_strict"),
            Self::Reordered => f.write_str("reordered"),
            Self::Dropped => f.write_str("dropped"),
            Self::FailedSteps => f.write_str("failed_steps"),
        }
    }
}

impl fmt::Display for Only {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dialect = self.dialect.as_ref().map(|dialect| format!("dialect:{dialect}"));
        let transport = self.transport.map(|transport| format!("transport:{transport}"));
        let parts: Vec<String> = dialect.into_iter().chain(transport).collect();
        if parts.is_empty() { Ok(()) } else { write!(f, "{{{}}}", parts.join(",")) }
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Response(statistic) => write!(f, "response.{statistic}"),
            Self::Service(statistic) => write!(f, "service.{statistic}"),
            Self::Errors(_) => f.write_str("errors"),
            Self::Timeouts => f.write_str("timeouts"),
            Self::Late => f.write_str("late"),
            Self::Count => f.write_str("count"),
            Self::Rate => f.write_str("rate"),
        }
    }
}

impl fmt::Display for Statistic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Percentile(percent) => write!(f, "p{percent}"),
            Self::Mean => f.write_str("mean"),
            Self::Max => f.write_str("max"),
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time(time) => match time.as_micros() {
                0 => f.write_str("0ms"),
                us if us.is_multiple_of(1_000_000) => write!(f, "{}s", us / 1_000_000),
                us if us.is_multiple_of(1_000) => write!(f, "{}ms", us / 1_000),
                us => write!(f, "{us}us"),
            },
            Self::Count(count) => write!(f, "{count}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
            Self::PerSecond(rate) => write!(f, "{rate}/s"),
        }
    }
}
