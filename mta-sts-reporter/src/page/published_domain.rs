//! What is known of a domain that publishes a policy.

use mta_sts_core::UnixTime;
use mta_sts_core::lint::Severity;
use mta_sts_core::publish::{History, Plan};

use crate::{DomainOverview, DomainStanding};

/// A domain on a [`PublishedPage`](crate::PublishedPage): what is known of it, and what is planned.
///
/// ```
/// use mta_sts_core::PolicyDomain;
/// use mta_sts_core::publish::History;
/// use mta_sts_reporter::{DomainStanding, PublishedDomain};
///
/// let history = History::new(PolicyDomain::parse("example.com")?);
/// let domain = PublishedDomain::new(history).with_state(DomainStanding::Waiting, "not protected yet", "It has mode testing.");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct PublishedDomain {
    pub(super) history: History,
    pub(super) state: Option<State>,
    pub(super) unseen: Option<String>,
    pub(super) plan: Option<Plan>,
    pub(super) findings: Vec<PublishedFinding>,
    pub(super) hosts: Vec<PublishedHost>,
    pub(super) texts: Vec<(String, Option<String>)>,
    pub(super) reports: Reports,
}

#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) standing: DomainStanding,
    pub(super) headline: String,
    pub(super) sentence: String,
}

#[derive(Clone, Debug)]
pub(super) enum Reports {
    Unread,
    Absent,
    Read(Box<DomainOverview>),
}

impl Reports {
    pub(super) fn read(&self) -> Option<&DomainOverview> {
        match self {
            Self::Read(reports) => Some(reports),
            Self::Unread | Self::Absent => None,
        }
    }
}

/// Something to mend, or to know.
///
/// ```
/// use mta_sts_core::lint::Severity;
/// use mta_sts_reporter::PublishedFinding;
///
/// let finding = PublishedFinding {
///     severity: Severity::Error,
///     message: "mx1.example.com: The certificate has expired.".to_owned(),
///     owner: Some("the operator of the mail host".to_owned()),
///     fix: "Renew it.".to_owned(),
/// };
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedFinding {
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, and where.
    pub message: String,
    /// Who has to act.
    pub owner: Option<String>,
    /// What mends it. What is between backticks is shown as code.
    pub fix: String,
}

/// An MX host or the Policy Host, as it was seen.
///
/// ```
/// use mta_sts_reporter::{DomainStanding, PublishedHost};
///
/// let host = PublishedHost {
///     role: "MX 10".to_owned(),
///     name: "mx1.example.com".to_owned(),
///     standing: DomainStanding::Good,
///     state: "senders deliver".to_owned(),
///     expiry: None,
/// };
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedHost {
    /// What it is to the domain.
    pub role: String,
    /// Its name.
    pub name: String,
    /// How it is.
    pub standing: DomainStanding,
    /// The same in a few words.
    pub state: String,
    /// The end of its certificate, or of one in its chain; `None` if none was seen.
    pub expiry: Option<UnixTime>,
}

impl PublishedDomain {
    /// Creates a domain of which only the history is known.
    pub const fn new(history: History) -> Self {
        Self {
            history,
            state: None,
            unseen: None,
            plan: None,
            findings: Vec::new(),
            hosts: Vec::new(),
            texts: Vec::new(),
            reports: Reports::Unread,
        }
    }

    /// Sets the reason why the domain could not be looked at, so that nothing can be said of what to do.
    #[must_use]
    pub fn with_unseen(mut self, reason: impl Into<String>) -> Self {
        self.unseen = Some(reason.into());
        self
    }

    /// Sets how the domain is: a few words that go on after its name, and a sentence.
    #[must_use]
    pub fn with_state(
        mut self,
        standing: DomainStanding,
        headline: impl Into<String>,
        sentence: impl Into<String>,
    ) -> Self {
        self.state = Some(State { standing, headline: headline.into(), sentence: sentence.into() });
        self
    }

    /// Sets what is planned.
    #[must_use]
    pub fn with_plan(mut self, plan: Plan) -> Self {
        self.plan = Some(plan);
        self
    }

    /// Adds something to mend, or to know.
    #[must_use]
    pub fn with_finding(mut self, finding: PublishedFinding) -> Self {
        self.findings.push(finding);
        self
    }

    /// Adds an MX host, or the Policy Host.
    #[must_use]
    pub fn with_host(mut self, host: PublishedHost) -> Self {
        self.hosts.push(host);
        self
    }

    /// Adds a text that is published at a place: a name in DNS, or a URL. `None` if there is none.
    #[must_use]
    pub fn with_text(mut self, place: impl Into<String>, text: Option<String>) -> Self {
        self.texts.push((place.into(), text));
        self
    }

    /// Sets what reports say of the domain, or that none is about it. A policy that reports speak against is not enforced on the
    /// page's advice.
    #[must_use]
    pub fn with_reports(mut self, reports: Option<DomainOverview>) -> Self {
        self.reports = reports.map_or(Reports::Absent, |reports| Reports::Read(Box::new(reports)));
        self
    }
}
