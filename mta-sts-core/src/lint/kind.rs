use core::fmt;

use crate::error::{
    DeviationKind, FetchErrorKind, LintKind, PolicyErrorKind, RecordErrorKind, ReportErrorKind,
    TlsrptRecordErrorKind,
};

/// The kind of a [`Finding`](super::Finding): an error of a parser, or something that only `lint` reports.
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
/// An error has the same code and number as in its own type, so both can be looked up alike.
///
/// Kinds unknown to the caller have a code, number, and message all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(untagged))]
#[non_exhaustive]
pub enum FindingKind {
    /// An error in a record, or in an `RRset`.
    Record(RecordErrorKind),
    /// An error in a policy, or one of the departures listed at [`Strictness`](crate::Strictness).
    Policy(PolicyErrorKind),
    /// An error in the response of a Policy Host.
    Fetch(FetchErrorKind),
    /// Something that stops no parser, or the cause of an error.
    Lint(LintKind),
    /// An error in a TLSRPT record, or in an `RRset` of them.
    Tlsrpt(TlsrptRecordErrorKind),
    /// A fault for which a TLS report is not read.
    Report(ReportErrorKind),
    /// Where a TLS report that is read departs from RFC 8460.
    Deviation(DeviationKind),
}

impl FindingKind {
    /// The stable code of this kind: a kebab-case word.
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

    /// The stable number of this kind, unique among all kinds of this crate.
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

    /// A one-sentence description of what is wrong.
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

    /// Every kind that a finding can have, in the order of their numbers.
    pub fn all() -> impl Iterator<Item = Self> {
        let records = RecordErrorKind::ALL.iter().copied().map(Self::Record);
        let policies = PolicyErrorKind::ALL.iter().copied().map(Self::Policy);
        let answers = FetchErrorKind::ALL.iter().copied().map(Self::Fetch);
        let lint = LintKind::ALL.iter().copied().map(Self::Lint);
        let tlsrpt = TlsrptRecordErrorKind::ALL.iter().copied().map(Self::Tlsrpt);
        let reports = ReportErrorKind::ALL.iter().copied().filter(|kind| kind.is_of_reading());
        let deviations = DeviationKind::ALL.iter().copied().map(Self::Deviation);
        // The numbers of lint findings are around those of TLSRPT records, and around those of deviations.
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

    /// The kind with this code.
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
