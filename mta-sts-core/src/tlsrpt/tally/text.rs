//! The saved form: a first line with the version, then a line of JSON for each domain of a day.
//!
//! ```text
//! mta-sts-tally 1
//! {"day":1700006400,"domain":"example.com","record":"v=TLSRPTv1; rua=mailto:tls@example.com","counts":[
//!     {"policy_type":"sts","lines":["version: STSv1", ...],"mx_hosts":["mx.example.com"],"successes":120,"failures":3,
//!     "details":[{"result_type":"certificate-expired","mx_host":"mx.example.com","count":3}]}]}
//! ```
//!
//! Each line stands for itself, so that lines of several texts may be put together: what is of the same domain and day is
//! added. `day` is its first second. A line with `reported` has instead the domains that had reports of the day and are gone.
//! What is zero, empty or not known is left out.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::super::event::{self, EventPolicy, Failure, Texts};
use super::changes::TallyChange;
use super::details::Fold;
use super::policy_counts::PolicyCounts;
use super::{
    Addition, DAY, DomainDay, NotCounted, OCTETS_REPORTED, Place, Sealed, Tally, TallyConfig, longest_id,
    report_id, start_of,
};
use crate::error::{TallyError, TallyErrorKind};
use crate::name::{DnsName, PolicyDomain};
use crate::order;
use crate::time::UnixTime;

impl Tally {
    /// The first line of [`Tally::to_text`], with its line feed: what stands before the lines of a store.
    pub const FIRST_LINE: &str = "mta-sts-tally 1\n";

    /// All that is counted, as text: the same counts give the same octets.
    ///
    /// Reports that are in delivery are kept with what was tried; after [`Tally::parse`] they are tried again when it is
    /// time.
    pub fn to_text(&self) -> String {
        let mut text = String::from(Self::FIRST_LINE);
        for row in self.all_rows() {
            if let TallyChange::Upsert { line, .. } = self.change_of(&row) {
                text.push_str(&line);
            }
        }
        text
    }

    /// The line of a domain, if it is worth one.
    pub(super) fn line_of(&self, place: Place) -> Option<String> {
        let domain = self.domain(place).filter(|domain| domain.is_worth_keeping())?;
        Some(line(&domain.saved(place.day)))
    }

    /// The line of the domains that had reports of a day and are gone.
    pub(super) fn line_of_reported(&self, day: u32) -> Option<String> {
        let reported = self.days.get(&day)?.reported.iter();
        Some(line(&SavedReported::new(day, reported.map(|(hash, number)| (*hash, *number)))))
    }

    /// The line of one of them.
    pub(super) fn line_of_gone(&self, day: u32, name: &PolicyDomain) -> Option<String> {
        let hash = self.hasher.hash(name.as_str().as_bytes());
        let number = *self.days.get(&day)?.reported.get(&hash)?;
        Some(line(&SavedReported::new(day, [(hash, number)])))
    }

    /// Reads what [`Tally::to_text`] has written; texts may be put together, each but the first without its first line.
    ///
    /// What has no room under this configuration is lost ([`Tally::lost_sessions`]).
    ///
    /// # Errors
    ///
    /// Where the text is not what [`Tally::to_text`] writes: cut off, damaged, or of a version to come. Keep it, for
    /// whoever looks into it, and begin with an empty tally.
    pub fn parse(text: &[u8], config: TallyConfig) -> Result<Self, TallyError> {
        let mut lines = text.split_inclusive(|octet| *octet == b'\n');
        match lines.next().map(<[u8]>::trim_ascii_end) {
            Some(line) if line == Self::FIRST_LINE.trim_ascii_end().as_bytes() => {}
            Some(line) if line.starts_with(b"mta-sts-tally ") => {
                return Err(TallyError::at(TallyErrorKind::UnknownVersion, 1, 0));
            }
            _ => return Err(TallyError::at(TallyErrorKind::NotATally, 1, 0)),
        }
        if !text.ends_with(b"\n") {
            let line = u32::try_from(lines.count()).map_or(u32::MAX, |count| count.saturating_add(1));
            return Err(TallyError::at(TallyErrorKind::Truncated, line, text.len()));
        }
        let mut tally = Self::new(config);
        let mut offset = Self::FIRST_LINE.len();
        for (line, number) in lines.zip(2_u32..) {
            let bad = |column: usize| {
                TallyError::at(TallyErrorKind::BadLine, number, offset + column.min(line.len() - 1))
            };
            if let Ok(gone) = serde_json::from_slice(line) {
                tally.restore_reported(&gone).ok_or_else(|| bad(0))?;
            } else {
                let saved: SavedDomain<'_> =
                    serde_json::from_slice(line).map_err(|error| bad(error.column().saturating_sub(1)))?;
                tally.restore(&saved).ok_or_else(|| bad(0))?;
            }
            offset += line.len();
        }
        let latest =
            tally.days.iter().rev().find(|(_, day)| day.iter().any(|domain| !domain.counts.is_empty()));
        tally.open_day = latest.map_or(0, |(day, _)| *day);
        Ok(tally)
    }

    /// Remembers which domains had reports of a day, as far as there is room.
    fn restore_reported(&mut self, saved: &SavedReported) -> Option<()> {
        let day = day_of_saved(saved.day)?;
        for (hash, number) in &saved.reported {
            let hash = u64::from_str_radix(hash, 16).ok().filter(|_| hash.len() == 16)?;
            if *number == 0 {
                return None;
            }
            let is_present = self.days.get(&day).is_some_and(|day| day.has(hash, &self.hasher));
            if is_present || OCTETS_REPORTED > self.room() {
                continue;
            }
            let known = &mut self.days.entry(day).or_default().reported;
            self.octets += if known.contains_key(&hash) { 0 } else { OCTETS_REPORTED };
            let known = known.entry(hash).or_default();
            *known = (*number).max(*known);
        }
        Some(())
    }

    /// Counts what was saved of a domain; nothing, where it is not what is written.
    fn restore(&mut self, saved: &SavedDomain<'_>) -> Option<()> {
        let day = day_of_saved(saved.day)?;
        let name = PolicyDomain::parse(&saved.domain).ok()?;
        let place = match self.place(day, &name, saved.record.as_deref()) {
            Ok(place) => place,
            Err(NotCounted::NoRecord) => return None,
            Err(_) => {
                let sealed = saved.sealed.iter().flat_map(|sealed| &sealed.counts);
                for counts in saved.counts.iter().chain(sealed) {
                    self.lose(counts);
                }
                return Some(());
            }
        };
        let config = self.config.clone();
        let domain = self.domain_mut(place)?;
        domain.report_mails = domain.report_mails.saturating_add(saved.report_mails);
        domain.next_number = domain.next_number.max(saved.next_number);
        if let Some(sealed) = &saved.sealed {
            let is_first = domain.sealed.is_none();
            let open = if is_first { core::mem::take(&mut domain.counts) } else { Vec::new() };
            for counts in &sealed.counts {
                self.restore_counts(place, counts)?;
            }
            let domain = self.domain_mut(place)?;
            if is_first {
                let counts = core::mem::replace(&mut domain.counts, open);
                let longest = longest_id(&name, config.sender.submitter());
                let id = if sealed.id.len() <= longest {
                    sealed.id.as_ref().into()
                } else {
                    // The sender has another name now.
                    report_id(&config, day, &name, sealed.number, &counts)
                };
                domain.sealed = Some(Box::new(Sealed {
                    number: sealed.number,
                    id,
                    attempts: sealed.attempts,
                    due_at: UnixTime::from_secs(sealed.due_at),
                    counts,
                }));
            }
        }
        for counts in &saved.counts {
            self.restore_counts(place, counts)?;
        }
        self.set_due(place);
        Some(())
    }

    fn restore_counts(&mut self, place: Place, saved: &SavedCounts<'_>) -> Option<()> {
        let domain = saved.domain.as_deref().map(DnsName::parse).transpose().ok()?;
        let (lines, mx_hosts) = (saved.lines.join("\n"), saved.mx_hosts.join("\n"));
        let failures = saved
            .details
            .iter()
            .map(|detail| Some((detail.as_failure()?, detail.count)))
            .collect::<Option<Vec<_>>>()?;
        let addition = Addition {
            policy: EventPolicy {
                policy_type: saved.policy_type.parse().ok()?,
                domain: domain.as_ref(),
                lines: Texts::Joined(&lines),
                mx_hosts: Texts::Joined(&mx_hosts),
            },
            successes: saved.successes,
            failures: saved.failures,
            fold: *Fold::ALL.get(usize::from(saved.fold))?,
        };
        if self.add(place, &addition, failures.into_iter()).is_err() {
            self.lose(saved);
        }
        Some(())
    }

    fn lose(&mut self, saved: &SavedCounts<'_>) {
        self.lost_sessions =
            self.lost_sessions.saturating_add(saved.successes).saturating_add(saved.failures);
    }
}

impl DomainDay {
    pub(super) fn is_worth_keeping(&self) -> bool {
        self.is_waiting() || self.report_mails > 0 || self.next_number > 0
    }

    fn saved(&self, day: u32) -> SavedDomain<'_> {
        SavedDomain {
            day: start_of(day).as_secs(),
            domain: self.name.as_str().into(),
            record: self.record.as_deref().map(Into::into),
            report_mails: self.report_mails,
            next_number: self.next_number,
            counts: saved_counts(&self.counts),
            sealed: self.sealed.as_ref().map(|sealed| SavedSealed {
                number: sealed.number,
                id: (&*sealed.id).into(),
                attempts: sealed.attempts,
                due_at: sealed.due_at.as_secs(),
                counts: saved_counts(&sealed.counts),
            }),
        }
    }
}

/// Texts and numbers are written to memory, so that nothing can fail.
fn line(saved: &impl Serialize) -> String {
    serde_json::to_string(saved).unwrap_or_default() + "\n"
}

fn saved_counts(counts: &[PolicyCounts]) -> Vec<SavedCounts<'_>> {
    let mut counts: Vec<_> = counts.iter().map(PolicyCounts::saved).collect();
    order::sort(&mut counts);
    counts
}

impl PolicyCounts {
    fn saved(&self) -> SavedCounts<'_> {
        let texts =
            |joined: &'_ str| joined.split_terminator('\n').map(|text| String::from(text).into()).collect();
        let mut details: Vec<_> = self
            .details
            .iter()
            .map(|detail| {
                let failure = detail.as_failure();
                SavedDetail {
                    result_type: failure.result_type.as_str().into(),
                    sending_ip: failure.sending_ip,
                    mx_host: failure.mx_host.map(Into::into),
                    helo: failure.helo.map(Into::into),
                    receiving_ip: failure.receiving_ip,
                    reason: failure.reason.map(Into::into),
                    count: detail.count(),
                }
            })
            .collect();
        order::sort(&mut details);
        SavedCounts {
            policy_type: self.text.policy_type.as_str().into(),
            domain: self.domain.as_ref().map(|name| name.as_str().into()),
            lines: texts(&self.text.lines),
            mx_hosts: texts(&self.text.mx_hosts),
            successes: self.successes,
            failures: self.failures,
            fold: self.details.fold() as u8,
            details,
        }
    }
}

/// A line of the saved form.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedDomain<'a> {
    day: u64,
    domain: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    record: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "is_default")]
    report_mails: u64,
    #[serde(default, skip_serializing_if = "is_default")]
    next_number: u32,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    counts: Vec<SavedCounts<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sealed: Option<SavedSealed<'a>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedSealed<'a> {
    number: u32,
    id: Cow<'a, str>,
    attempts: u32,
    due_at: u64,
    counts: Vec<SavedCounts<'a>>,
}

#[derive(Serialize, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(deny_unknown_fields)]
struct SavedCounts<'a> {
    policy_type: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    domain: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    lines: Vec<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    mx_hosts: Vec<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "is_default")]
    successes: u64,
    #[serde(default, skip_serializing_if = "is_default")]
    failures: u64,
    // How far its details are folded: the place of a `Fold`.
    #[serde(default, skip_serializing_if = "is_default")]
    fold: u8,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    details: Vec<SavedDetail<'a>>,
}

#[derive(Serialize, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(deny_unknown_fields)]
struct SavedDetail<'a> {
    result_type: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sending_ip: Option<IpAddr>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mx_host: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    helo: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    receiving_ip: Option<IpAddr>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<Cow<'a, str>>,
    count: u64,
}

impl SavedDetail<'_> {
    fn as_failure(&self) -> Option<Failure<'_>> {
        Some(Failure {
            result_type: self.result_type.parse().ok()?,
            sending_ip: self.sending_ip,
            mx_host: self.mx_host.as_deref().and_then(event::unusual_host_name),
            helo: self.helo.as_deref().and_then(event::helo_name),
            receiving_ip: self.receiving_ip,
            reason: self.reason.as_deref().and_then(event::reason_code),
        })
    }
}

/// Which domains had reports of a day: the hashes of their names under the seed, and the numbers of their next reports.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedReported {
    day: u64,
    reported: Vec<(String, u32)>,
}

impl SavedReported {
    fn new(day: u32, reported: impl IntoIterator<Item = (u64, u32)>) -> Self {
        let reported = reported.into_iter().map(|(hash, number)| (format!("{hash:016x}"), number)).collect();
        Self { day: start_of(day).as_secs(), reported }
    }
}

fn day_of_saved(day: u64) -> Option<u32> {
    u32::try_from(day / DAY).ok().filter(|number| start_of(*number).as_secs() == day)
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
