//! An HTML page of what domains publish, for their owner.

use askama::Template;
use mta_sts_core::UnixTime;

use super::published_domain::PublishedDomain;
use super::published_view::PublishedView;
use super::text::{counted, minute};
use crate::Date;

/// What domains publish as one HTML page: first what to do now, then the plan as a picture of time, and the evidence.
///
/// ```
/// use mta_sts_core::publish::{Facts, History, Plan, Target};
/// use mta_sts_core::{DnsName, Mode, PolicyDomain, UnixTime};
/// use mta_sts_reporter::{PublishedDomain, PublishedPage};
///
/// let now = UnixTime::from_secs(1_795_780_800);
/// let history = History::new(PolicyDomain::parse("example.com")?);
/// let target = Target::new(Mode::Enforce);
/// let plan = Plan::between(&history, &target, &Facts::new(vec![DnsName::parse("mx.example.com")?]), now)?;
/// let html = PublishedPage::new(now).with_domain(PublishedDomain::new(history).with_plan(plan)).to_html();
/// assert!(html.starts_with("<!doctype html>"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// The rules are those of [`Page`](crate::Page): one file without scripts that fetches nothing, in light and dark, for phones and
/// paper; all text is escaped; the length is bounded. The domains come in the order of urgency.
#[derive(Clone, Debug)]
pub struct PublishedPage {
    now: UnixTime,
    domains: Vec<PublishedDomain>,
}

impl PublishedPage {
    /// The maximum number of domains that are shown in full.
    pub const MAX_DOMAINS: usize = 100;

    /// Creates a page without domains at this time.
    pub const fn new(now: UnixTime) -> Self {
        Self { now, domains: Vec::new() }
    }

    /// Adds a domain.
    #[must_use]
    pub fn with_domain(mut self, domain: PublishedDomain) -> Self {
        self.domains.push(domain);
        self
    }

    /// Returns the page as HTML in UTF-8.
    pub fn to_html(&self) -> String {
        let mut domains: Vec<_> =
            self.domains.iter().map(|domain| PublishedView::new(domain, self.now)).collect();
        domains.sort_by(|one, other| one.urgency().cmp(&other.urgency()));
        let more = domains.len().saturating_sub(Self::MAX_DOMAINS);
        domains.truncate(Self::MAX_DOMAINS);
        for (number, domain) in (1..).zip(&mut domains) {
            domain.anchor = format!("d{number}");
        }
        let view = PublishedPageView {
            title: match domains.as_slice() {
                [domain] => format!("MTA-STS of {}", domain.name),
                _ => "MTA-STS".to_owned(),
            },
            about: self.about(),
            domains,
            more,
            made: format!("Made on {}.", minute(self.now)),
        };
        // Writing to a string does not fail, and no filter of the templates does.
        view.render().unwrap_or_default()
    }

    fn about(&self) -> String {
        let count = self.domains.len() as u64;
        format!(
            "What to do and when, for {}, as seen on {}.",
            counted(count, "domain", "domains"),
            Date::of(self.now)
        )
    }
}

#[derive(Template)]
#[template(path = "published.html")]
struct PublishedPageView {
    title: String,
    about: String,
    domains: Vec<PublishedView>,
    more: usize,
    made: String,
}
