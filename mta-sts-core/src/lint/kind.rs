use core::fmt;

use crate::error::{
    DeviationKind, FetchErrorKind, LintKind, PolicyErrorKind, RecordErrorKind, ReportErrorKind,
    TlsrptRecordErrorKind,
};

/// What a [`Finding`](super::Finding) is about: a fault that stops a parser, or what only `lint`
/// says.
///
/// ```
/// use mta_sts_core::PolicyErrorKind;
/// use mta_sts_core::lint::{self, FindingKind, LintKind};
///
/// let findings = lint::policy(b"version: STSv1\nmode: enforce\nmx: mx.recipient.test\nmax_age: 1 year\n");
/// assert_eq!(findings[0].kind(), FindingKind::Policy(PolicyErrorKind::BadMaxAge));
/// // To switch a finding off by its code:
/// assert_eq!(FindingKind::from_code("short-max-age"), Some(LintKind::ShortMaxAge.into()));
/// ```
///
/// A fault has the code and the number that it has as an error, so both can be looked up alike.
///
/// Kinds that a caller does not know have code, number and message all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(untagged))]
#[non_exhaustive]
pub enum FindingKind {
    /// A fault of a record, or of an `RRset`.
    Record(RecordErrorKind),
    /// A fault of a policy, or one of the departures that [`Strictness`](crate::Strictness) names.
    Policy(PolicyErrorKind),
    /// A fault of the answer of a Policy Host.
    Fetch(FetchErrorKind),
    /// What stops no parser, or explains why it stopped.
    Lint(LintKind),
    /// A fault of a TLSRPT record, or of an `RRset` of them.
    Tlsrpt(TlsrptRecordErrorKind),
    /// A fault for which a TLS report is not read.
    Report(ReportErrorKind),
    /// Where a TLS report that is read departs from RFC 8460.
    Deviation(DeviationKind),
}

impl FindingKind {
    /// The stable kebab-case word of this kind.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Record(kind) => kind.code(),
            Self::Policy(kind) => kind.code(),
            Self::Fetch(kind) => kind.code(),
            Self::Lint(kind) => kind.code(),
            Self::Tlsrpt(kind) => kind.code(),
            Self::Report(kind) => kind.code(),
            Self::Deviation(kind) => kind.code(),
        }
    }

    /// The stable number of this kind, unique over all kinds of this crate.
    pub const fn number(self) -> u16 {
        match self {
            Self::Record(kind) => kind.number(),
            Self::Policy(kind) => kind.number(),
            Self::Fetch(kind) => kind.number(),
            Self::Lint(kind) => kind.number(),
            Self::Tlsrpt(kind) => kind.number(),
            Self::Report(kind) => kind.number(),
            Self::Deviation(kind) => kind.number(),
        }
    }

    /// What is wrong, as one English sentence.
    pub const fn message(self) -> &'static str {
        match self {
            Self::Record(kind) => kind.message(),
            Self::Policy(kind) => kind.message(),
            Self::Fetch(kind) => kind.message(),
            Self::Lint(kind) => kind.message(),
            Self::Tlsrpt(kind) => kind.message(),
            Self::Report(kind) => kind.message(),
            Self::Deviation(kind) => kind.message(),
        }
    }

    /// Every kind that a finding can have, in the order of the numbers.
    pub fn all() -> impl Iterator<Item = Self> {
        let records = RecordErrorKind::ALL.iter().copied().map(Self::Record);
        let policies = PolicyErrorKind::ALL.iter().copied().map(Self::Policy);
        let answers = FetchErrorKind::ALL.iter().copied().map(Self::Fetch);
        let lint = LintKind::ALL.iter().copied().map(Self::Lint);
        let tlsrpt = TlsrptRecordErrorKind::ALL.iter().copied().map(Self::Tlsrpt);
        let reports = ReportErrorKind::ALL.iter().copied().filter(|kind| kind.is_of_reading());
        let deviations = DeviationKind::ALL.iter().copied().map(Self::Deviation);
        // The numbers of what lint says stand around those of TLSRPT records, and around the deviations of reports.
        let among = |from: u16, to: u16| lint.clone().filter(move |kind| (from..to).contains(&kind.number()));
        let of_records = TlsrptRecordErrorKind::NoRecord.number();
        let of_deviations = DeviationKind::MoreDeviations.number();
        records
            .chain(policies)
            .chain(answers)
            .chain(among(0, of_records))
            .chain(tlsrpt)
            .chain(reports.map(Self::Report))
            .chain(among(of_records, of_deviations))
            .chain(deviations)
            .chain(among(of_deviations, u16::MAX))
    }

    /// Whether it is about a TLS report, and so about its sender.
    pub(crate) fn is_of_report(self) -> bool {
        let after_deviations = |kind: LintKind| kind.number() > DeviationKind::MoreDeviations.number();
        match self {
            Self::Report(_) | Self::Deviation(_) => true,
            Self::Lint(kind) => after_deviations(kind),
            _ => false,
        }
    }

    /// The kind that has this code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::all().find(|kind| kind.code() == code)
    }
}

impl fmt::Display for FindingKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.message())
    }
}

impl From<RecordErrorKind> for FindingKind {
    fn from(kind: RecordErrorKind) -> Self {
        Self::Record(kind)
    }
}

impl From<PolicyErrorKind> for FindingKind {
    fn from(kind: PolicyErrorKind) -> Self {
        Self::Policy(kind)
    }
}

impl From<FetchErrorKind> for FindingKind {
    fn from(kind: FetchErrorKind) -> Self {
        Self::Fetch(kind)
    }
}

impl From<TlsrptRecordErrorKind> for FindingKind {
    fn from(kind: TlsrptRecordErrorKind) -> Self {
        Self::Tlsrpt(kind)
    }
}

impl From<ReportErrorKind> for FindingKind {
    fn from(kind: ReportErrorKind) -> Self {
        Self::Report(kind)
    }
}

impl From<DeviationKind> for FindingKind {
    fn from(kind: DeviationKind) -> Self {
        Self::Deviation(kind)
    }
}

impl From<LintKind> for FindingKind {
    fn from(kind: LintKind) -> Self {
        Self::Lint(kind)
    }
}
