//! The saved form: a first line with the version, then a line of JSON for each domain of a day.
//!
//! ```text
//! mta-sts-tally 1
//! {"day":1700006400,"domain":"example.com","record":"v=TLSRPTv1; rua=mailto:tls@example.com","counts":[
//!     {"policy_type":"sts","lines":["version: STSv1", ...],"mx_hosts":["mx.example.com"],"successes":120,"failures":3,
//!     "details":[{"result_type":"certificate-expired","mx_host":"mx.example.com","count":3}]}]}
//! ```
//!
//! Each line is self-contained, so lines of several texts can be concatenated: counts of the same domain and day are
//! added. `day` is its first second. A line with `reported` instead lists the domains whose reports of the day are done
//! and that were removed. Zero, empty, and unknown values are omitted.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::IpAddr;

use super::super::event::{self, EventPolicy, Failure, Texts};
use super::super::json_writer::JsonWriter;
use super::super::strict_json::{Read, StrictFault, StrictJson, once};
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
    /// The first line of [`Tally::to_text`], with its line feed: prepend it to the lines of a store.
    pub const FIRST_LINE: &str = "mta-sts-tally 1\n";

    /// All counts as text: the same counts give the same octets.
    ///
    /// Reports in delivery are saved with their attempts; after [`Tally::parse`] they are retried when they are due.
    pub fn to_text(&self) -> String {
        let mut text = String::from(Self::FIRST_LINE);
        for row in self.all_rows() {
            if let TallyChange::Upsert { line, .. } = self.change_of(&row) {
                text.push_str(&line);
            }
        }
        text
    }

    /// The line of a domain, unless it is empty.
    pub(super) fn line_of(&self, place: Place) -> Option<String> {
        let domain = self.domain(place).filter(|domain| domain.is_worth_keeping())?;
        Some(line(|writer| domain.saved(place.day).write(writer)))
    }

    /// The line of the removed domains with reports for a day.
    pub(super) fn line_of_reported(&self, day: u32) -> Option<String> {
        let reported = self.days.get(&day)?.reported.iter();
        Some(line(|writer| {
            SavedReported::new(day, reported.map(|(hash, number)| (*hash, *number))).write(writer);
        }))
    }

    /// The line of one of them.
    pub(super) fn line_of_gone(&self, day: u32, name: &PolicyDomain) -> Option<String> {
        let hash = self.hasher.hash(name.as_str().as_bytes());
        let number = *self.days.get(&day)?.reported.get(&hash)?;
        Some(line(|writer| SavedReported::new(day, [(hash, number)]).write(writer)))
    }

    /// Parses the output of [`Tally::to_text`]; texts can be concatenated, each but the first without its first line.
    ///
    /// What does not fit under this configuration is lost ([`Tally::lost_sessions`]).
    ///
    /// # Errors
    ///
    /// Returns how the text differs from the output of [`Tally::to_text`]: it is truncated, damaged, or of a future
    /// version. Keep it for inspection, and start with an empty tally.
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
            let line = core::str::from_utf8(line).map_err(|error| bad(error.valid_up_to()))?;
            if let Ok(gone) = StrictJson::new(line).whole(SavedReported::read) {
                tally.restore_reported(&gone).ok_or_else(|| bad(0))?;
            } else {
                let mut json = StrictJson::new(line);
                let saved = json.whole(SavedDomain::read).map_err(|_| bad(json.offset()))?;
                tally.restore(&saved).ok_or_else(|| bad(0))?;
            }
            offset += line.len();
        }
        let latest =
            tally.days.iter().rev().find(|(_, day)| day.iter().any(|domain| !domain.counts.is_empty()));
        tally.open_day = latest.map_or(0, |(day, _)| *day);
        Ok(tally)
    }

    /// Restores which domains had reports for a day, as far as there is room.
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

    /// Restores the counts of a domain; `None` if the line is not valid.
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
                    // The name of the sender has changed.
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

fn line(write: impl FnOnce(&mut JsonWriter)) -> String {
    let mut writer = JsonWriter::new();
    write(&mut writer);
    writer.into_text() + "\n"
}

fn saved_counts(counts: &[PolicyCounts]) -> Vec<SavedCounts<'_>> {
    let mut counts: Vec<_> = counts.iter().map(PolicyCounts::saved).collect();
    order::sort(&mut counts);
    counts
}

impl PolicyCounts {
    fn saved(&self) -> SavedCounts<'_> {
        fn texts(joined: &str) -> Vec<Cow<'_, str>> {
            joined.split_terminator('\n').map(Into::into).collect()
        }
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
struct SavedDomain<'a> {
    day: u64,
    domain: Cow<'a, str>,
    record: Option<Cow<'a, str>>,
    report_mails: u64,
    next_number: u32,
    counts: Vec<SavedCounts<'a>>,
    sealed: Option<SavedSealed<'a>>,
}

struct SavedSealed<'a> {
    number: u32,
    id: Cow<'a, str>,
    attempts: u32,
    due_at: u64,
    counts: Vec<SavedCounts<'a>>,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct SavedCounts<'a> {
    policy_type: Cow<'a, str>,
    domain: Option<Cow<'a, str>>,
    lines: Vec<Cow<'a, str>>,
    mx_hosts: Vec<Cow<'a, str>>,
    successes: u64,
    failures: u64,
    // How far its details are folded: the index of a `Fold`.
    fold: u8,
    details: Vec<SavedDetail<'a>>,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct SavedDetail<'a> {
    result_type: Cow<'a, str>,
    sending_ip: Option<IpAddr>,
    mx_host: Option<Cow<'a, str>>,
    helo: Option<Cow<'a, str>>,
    receiving_ip: Option<IpAddr>,
    reason: Option<Cow<'a, str>>,
    count: u64,
}

impl<'a> SavedDomain<'a> {
    fn write(&self, writer: &mut JsonWriter) {
        writer.bracket('{');
        writer.number("day", self.day);
        writer.text("domain", &self.domain);
        write_text(writer, "record", self.record.as_deref());
        write_number(writer, "report_mails", self.report_mails);
        write_number(writer, "next_number", self.next_number.into());
        write_counts(writer, &self.counts);
        if let Some(sealed) = &self.sealed {
            writer.name("sealed");
            sealed.write(writer);
        }
        writer.bracket('}');
    }

    fn read(json: &mut StrictJson<'a>) -> Read<Self> {
        let (mut day, mut domain, mut record, mut report_mails) = (None, None, None, None);
        let (mut next_number, mut counts, mut sealed) = (None, None, None);
        json.object(&mut |json, name| match name {
            "day" => once(&mut day, json.number()?),
            "domain" => once(&mut domain, json.text()?),
            "record" => once(&mut record, json.text()?),
            "report_mails" => once(&mut report_mails, json.number()?),
            "next_number" => once(&mut next_number, json.number()?),
            "counts" => once(&mut counts, json.elements(SavedCounts::read)?),
            "sealed" => once(&mut sealed, SavedSealed::read(json)?),
            _ => Err(StrictFault::Member),
        })?;
        Ok(Self {
            day: day.ok_or(StrictFault::Member)?,
            domain: domain.ok_or(StrictFault::Member)?,
            record,
            report_mails: report_mails.unwrap_or_default(),
            next_number: next_number.unwrap_or_default(),
            counts: counts.unwrap_or_default(),
            sealed,
        })
    }
}

impl<'a> SavedSealed<'a> {
    fn write(&self, writer: &mut JsonWriter) {
        writer.bracket('{');
        writer.number("number", self.number.into());
        writer.text("id", &self.id);
        writer.number("attempts", self.attempts.into());
        writer.number("due_at", self.due_at);
        writer.array("counts", &self.counts, SavedCounts::write);
        writer.bracket('}');
    }

    fn read(json: &mut StrictJson<'a>) -> Read<Self> {
        let (mut number, mut id, mut attempts, mut due_at, mut counts) = (None, None, None, None, None);
        json.object(&mut |json, name| match name {
            "number" => once(&mut number, json.number()?),
            "id" => once(&mut id, json.text()?),
            "attempts" => once(&mut attempts, json.number()?),
            "due_at" => once(&mut due_at, json.number()?),
            "counts" => once(&mut counts, json.elements(SavedCounts::read)?),
            _ => Err(StrictFault::Member),
        })?;
        Ok(Self {
            number: number.ok_or(StrictFault::Member)?,
            id: id.ok_or(StrictFault::Member)?,
            attempts: attempts.ok_or(StrictFault::Member)?,
            due_at: due_at.ok_or(StrictFault::Member)?,
            counts: counts.ok_or(StrictFault::Member)?,
        })
    }
}

impl<'a> SavedCounts<'a> {
    fn write(&self, writer: &mut JsonWriter) {
        writer.bracket('{');
        writer.text("policy_type", &self.policy_type);
        write_text(writer, "domain", self.domain.as_deref());
        for (name, texts) in [("lines", &self.lines), ("mx_hosts", &self.mx_hosts)] {
            if !texts.is_empty() {
                writer.texts(name, texts.iter().map(AsRef::as_ref));
            }
        }
        write_number(writer, "successes", self.successes);
        write_number(writer, "failures", self.failures);
        write_number(writer, "fold", self.fold.into());
        if !self.details.is_empty() {
            writer.array("details", &self.details, SavedDetail::write);
        }
        writer.bracket('}');
    }

    fn read(json: &mut StrictJson<'a>) -> Read<Self> {
        let (mut policy_type, mut domain, mut lines, mut mx_hosts) = (None, None, None, None);
        let (mut successes, mut failures, mut fold, mut details) = (None, None, None, None);
        json.object(&mut |json, name| match name {
            "policy_type" => once(&mut policy_type, json.text()?),
            "domain" => once(&mut domain, json.text()?),
            "lines" => once(&mut lines, json.elements(StrictJson::text)?),
            "mx_hosts" => once(&mut mx_hosts, json.elements(StrictJson::text)?),
            "successes" => once(&mut successes, json.number()?),
            "failures" => once(&mut failures, json.number()?),
            "fold" => once(&mut fold, json.number()?),
            "details" => once(&mut details, json.elements(SavedDetail::read)?),
            _ => Err(StrictFault::Member),
        })?;
        Ok(Self {
            policy_type: policy_type.ok_or(StrictFault::Member)?,
            domain,
            lines: lines.unwrap_or_default(),
            mx_hosts: mx_hosts.unwrap_or_default(),
            successes: successes.unwrap_or_default(),
            failures: failures.unwrap_or_default(),
            fold: fold.unwrap_or_default(),
            details: details.unwrap_or_default(),
        })
    }
}

impl<'a> SavedDetail<'a> {
    fn write(&self, writer: &mut JsonWriter) {
        writer.bracket('{');
        writer.text("result_type", &self.result_type);
        if let Some(address) = &self.sending_ip {
            writer.shown("sending_ip", address);
        }
        write_text(writer, "mx_host", self.mx_host.as_deref());
        write_text(writer, "helo", self.helo.as_deref());
        if let Some(address) = &self.receiving_ip {
            writer.shown("receiving_ip", address);
        }
        write_text(writer, "reason", self.reason.as_deref());
        writer.number("count", self.count);
        writer.bracket('}');
    }

    fn read(json: &mut StrictJson<'a>) -> Read<Self> {
        let (mut result_type, mut sending_ip, mut mx_host, mut helo) = (None, None, None, None);
        let (mut receiving_ip, mut reason, mut count) = (None, None, None);
        json.object(&mut |json, name| match name {
            "result_type" => once(&mut result_type, json.text()?),
            "sending_ip" => once(&mut sending_ip, read_address(json)?),
            "mx_host" => once(&mut mx_host, json.text()?),
            "helo" => once(&mut helo, json.text()?),
            "receiving_ip" => once(&mut receiving_ip, read_address(json)?),
            "reason" => once(&mut reason, json.text()?),
            "count" => once(&mut count, json.number()?),
            _ => Err(StrictFault::Member),
        })?;
        Ok(Self {
            result_type: result_type.ok_or(StrictFault::Member)?,
            sending_ip,
            mx_host,
            helo,
            receiving_ip,
            reason,
            count: count.ok_or(StrictFault::Member)?,
        })
    }
}

fn read_address(json: &mut StrictJson<'_>) -> Read<IpAddr> {
    json.text()?.parse().map_err(|_| StrictFault::Member)
}

fn write_text(writer: &mut JsonWriter, name: &str, text: Option<&str>) {
    if let Some(text) = text {
        writer.text(name, text);
    }
}

fn write_number(writer: &mut JsonWriter, name: &str, number: u64) {
    if number != 0 {
        writer.number(name, number);
    }
}

fn write_counts(writer: &mut JsonWriter, counts: &[SavedCounts<'_>]) {
    if !counts.is_empty() {
        writer.array("counts", counts, SavedCounts::write);
    }
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

/// The domains with reports for a day: the hashes of their names under the seed, and the numbers of their next reports.
struct SavedReported {
    day: u64,
    reported: Vec<(String, u32)>,
}

impl SavedReported {
    fn new(day: u32, reported: impl IntoIterator<Item = (u64, u32)>) -> Self {
        let reported = reported.into_iter().map(|(hash, number)| (format!("{hash:016x}"), number)).collect();
        Self { day: start_of(day).as_secs(), reported }
    }

    fn write(&self, writer: &mut JsonWriter) {
        writer.bracket('{');
        writer.number("day", self.day);
        writer.array("reported", &self.reported, |(hash, number), writer| {
            writer.bracket('[');
            writer.string(hash);
            writer.separate();
            writer.digits((*number).into());
            writer.bracket(']');
        });
        writer.bracket('}');
    }

    fn read(json: &mut StrictJson<'_>) -> Read<Self> {
        let (mut day, mut reported) = (None, None);
        json.object(&mut |json, name| match name {
            "day" => once(&mut day, json.number()?),
            "reported" => once(&mut reported, json.elements(read_reported)?),
            _ => Err(StrictFault::Member),
        })?;
        Ok(Self { day: day.ok_or(StrictFault::Member)?, reported: reported.ok_or(StrictFault::Member)? })
    }
}

/// A hash and a number, in an array of both.
fn read_reported(json: &mut StrictJson<'_>) -> Read<(String, u32)> {
    let (mut hash, mut number) = (None, None);
    json.array(&mut |json| {
        if hash.is_none() {
            hash = Some(json.text()?.into_owned());
        } else {
            once(&mut number, json.number()?)?;
        }
        Ok(())
    })?;
    hash.zip(number).ok_or(StrictFault::Member)
}

fn day_of_saved(day: u64) -> Option<u32> {
    u32::try_from(day / DAY).ok().filter(|number| start_of(*number).as_secs() == day)
}
