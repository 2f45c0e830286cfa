//! An HTML page of reports for the owner of a domain.

use std::collections::BTreeMap;

use askama::Template;
use mta_sts_core::UnixTime;
use mta_sts_core::tlsrpt::LiveFindings;

use super::reports_domain::DomainView;
use super::text::{counted, short, thousands};
use crate::overview::Overview;
use crate::{Date, DomainOverview};

/// Reports as one HTML page: first the answer whether to enforce, then the evidence.
///
/// ```
/// use mta_sts_core::UnixTime;
/// use mta_sts_reporter::{Inbox, Overview, Page};
///
/// let mut overview = Overview::new();
/// for item in Inbox::new().with_source("reports").read() {
///     overview.add(item);
/// }
/// let html = Page::new(&overview, UnixTime::from_secs(1_795_900_000)).to_html();
/// assert!(html.starts_with("<!doctype html>"));
/// ```
///
/// The page is one file that works without a network: no scripts, fonts or images, and a content security policy that
/// forbids the browser to fetch anything. It supports light and dark mode, phones and print, and each chart has a table. Text
/// from reports is untrusted: it is escaped, is never a link, and cannot hide anything (see [`Visible`](crate::Visible)). The length of the page is
/// bounded, whatever the reports contain.
#[derive(Clone, Debug)]
pub struct Page<'a> {
    overview: &'a Overview,
    now: UnixTime,
    domains: Vec<String>,
    live: BTreeMap<String, LiveFindings>,
}

impl<'a> Page<'a> {
    /// The maximum number of domains on a page; if there are more, those with most sessions are shown.
    pub const MAX_DOMAINS: usize = 25;

    /// Creates a page of all domains at this time.
    pub const fn new(overview: &'a Overview, now: UnixTime) -> Self {
        Self { overview, now, domains: Vec::new(), live: BTreeMap::new() }
    }

    /// Adds a domain after those added before. By default, the page has all domains.
    #[must_use]
    pub fn with_domain(mut self, name: &str) -> Self {
        self.domains.push(name.to_owned());
        self
    }

    /// Sets the result of a check of a domain. Without it, the answer rests on reports alone, and the page says so.
    #[must_use]
    pub fn with_live_findings(mut self, domain: &str, live: LiveFindings) -> Self {
        self.live.insert(domain.to_owned(), live);
        self
    }

    /// Returns the page as HTML in UTF-8.
    pub fn to_html(&self) -> String {
        let reported = self.overview.domains();
        let is_wanted = |name: &String| self.domains.is_empty() || self.domains.contains(name);
        let wanted: Vec<_> = reported.iter().filter(|domain| is_wanted(&domain.name)).collect();
        let shown: Vec<DomainOverview> = wanted
            .iter()
            .take(Self::MAX_DOMAINS)
            .filter_map(|domain| self.overview.domain(&domain.name, self.live.get(&domain.name), self.now))
            .collect();
        let view = PageView {
            title: match shown.as_slice() {
                [domain] => format!("TLS reports about {}", domain.name),
                _ => "TLS reports".to_owned(),
            },
            about: self.read(),
            domains: (1..).zip(&shown).map(|(number, domain)| DomainView::new(number, domain)).collect(),
            more_domains: wanted.len().saturating_sub(Self::MAX_DOMAINS),
            about_unreadable: self.about_unreadable(),
            unreadable: self.unreadable(),
            deviations: self.deviations(),
            about_raw: self.about_raw(),
            raw: self.raw(),
            made: format!("Made on {}.", Date::of(self.now)),
        };
        // Writing to a string does not fail, and no filter of the templates does.
        view.render().unwrap_or_default()
    }

    fn read(&self) -> String {
        let counts = self.overview.counts();
        let mut parts = vec![counted(counts.reports, "report", "reports")];
        for (count, what) in [
            (counts.doubles, "more that came twice"),
            (counts.differing, "that say something else under the same id"),
            (self.overview.unreadable_count(), "not read"),
        ] {
            if count > 0 {
                parts.push(format!("{} {what}", thousands(count)));
            }
        }
        parts.join(", ")
            + match counts.verified {
                0 => ". Who sent them was not verified.",
                verified if verified == counts.reports => ". The signature of each was found valid.",
                _ => ". The signature of some was found valid.",
            }
    }

    fn about_unreadable(&self) -> String {
        let (all, listed) = (self.overview.unreadable_count(), self.overview.unreadable().len() as u64);
        let rest = all.saturating_sub(listed.min(MOST_ROWS as u64));
        match rest {
            0 => "None of this counts above.".to_owned(),
            rest => format!("None of this counts above. {} more are not listed.", thousands(rest)),
        }
    }

    fn unreadable(&self) -> Vec<UnreadableView> {
        let lines = self.overview.unreadable().iter().take(MOST_ROWS);
        lines
            .map(|line| UnreadableView { origin: short(&line.origin), message: short(&line.message) })
            .collect()
    }

    fn deviations(&self) -> Vec<DeviationView> {
        let rows = self.overview.deviations().take(MOST_ROWS);
        rows.map(|row| DeviationView {
            organization: short(&row.organization),
            message: row.kind.message(),
            count: thousands(row.count),
            example: if row.path.is_empty() {
                short(&row.origin)
            } else {
                short(&format!("{} in {}", row.path, row.origin))
            },
        })
        .collect()
    }

    fn about_raw(&self) -> String {
        let shown = self.overview.raw().count() as u64;
        let counts = self.overview.counts();
        if shown == counts.reports + counts.differing {
            "As they came, unpacked.".to_owned()
        } else {
            format!("As they came, unpacked: the latest {}.", thousands(shown))
        }
    }

    fn raw(&self) -> Vec<RawView> {
        let view = |(origin, json): (&str, &[u8])| {
            let text = String::from_utf8_lossy(json).replace('\t', "    ");
            RawView { origin: origin.to_owned(), lines: text.lines().map(str::to_owned).collect() }
        };
        self.overview.raw().map(view).collect()
    }
}

/// The maximum number of rows of a table.
const MOST_ROWS: usize = 200;

#[derive(Template)]
#[template(path = "reports.html")]
struct PageView {
    title: String,
    about: String,
    domains: Vec<DomainView>,
    more_domains: usize,
    about_unreadable: String,
    unreadable: Vec<UnreadableView>,
    deviations: Vec<DeviationView>,
    about_raw: String,
    raw: Vec<RawView>,
    made: String,
}

struct UnreadableView {
    origin: String,
    message: String,
}

struct DeviationView {
    organization: String,
    message: &'static str,
    count: String,
    example: String,
}

struct RawView {
    origin: String,
    lines: Vec<String>,
}
