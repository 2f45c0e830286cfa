//! Senders that no longer report.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use mta_sts_core::UnixTime;
use mta_sts_core::tlsrpt::Report;
use mta_sts_reporter::Date;

/// An organisation that sent a report for each of seven days, and none for the days since.
///
/// Then reports no longer arrive, or no mail of it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Silence {
    organization: String,
    last_day: Date,
    days: u64,
}

impl Silence {
    pub(super) const FIX: &'static str = "Check that the address in the record `_smtp._tls` takes mail, and what becomes of it; reports are \
                                          often lost to a spam filter, a full mailbox, or a change of the record.";

    /// Those of the reports of a domain.
    pub(super) fn all(reports: &[Report], now: UnixTime) -> Vec<Self> {
        let mut days: BTreeMap<&str, BTreeSet<Date>> = BTreeMap::new();
        for report in reports {
            let Some(period) = report.period() else { continue };
            let name = report.organization().or(report.submitter()).unwrap_or_default().trim();
            days.entry(name).or_default().insert(Date::of(period.last_day()));
        }
        // The report of a day comes on the next one; that of yesterday may not have come yet.
        let due = Date::of(now).minus(2);
        let silence = |(name, days): (&str, BTreeSet<Date>)| {
            let last_day = *days.last()?;
            let was_daily = (0..DAILY_DAYS).all(|back| days.contains(&last_day.minus(back)));
            let silent = due.days_since(last_day);
            (was_daily && (SILENT_DAYS..=FORGOTTEN_DAYS).contains(&silent)).then(|| Self {
                organization: if name.is_empty() {
                    "an organisation without a name".to_owned()
                } else {
                    name.to_owned()
                },
                last_day,
                days: silent,
            })
        };
        days.into_iter().filter_map(silence).collect()
    }
}

impl fmt::Display for Silence {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { organization, last_day, days } = self;
        write!(
            formatter,
            "{organization} reported daily until {last_day}, and not for the {days} days since."
        )
    }
}

const DAILY_DAYS: u64 = 7;
const SILENT_DAYS: u64 = 3;
/// Then it is the new custom.
const FORGOTTEN_DAYS: u64 = 30;

#[cfg(test)]
mod tests {
    use mta_sts_core::tlsrpt::ReportPeriod;

    use super::*;

    /// The tenth day is the first on which nothing is reported.
    fn at(day: u64) -> UnixTime {
        UnixTime::from_secs(1_700_006_400 + day * 86_400)
    }

    fn report(organization: &str, day: u64) -> Report {
        Report::new(
            organization,
            "tls@sender.test",
            format!("{day}@sender.test"),
            ReportPeriod::of_day(at(day)),
        )
    }

    fn silent(days: impl IntoIterator<Item = u64>, now: u64) -> Option<u64> {
        let reports: Vec<_> = days.into_iter().map(|day| report("Google", day)).collect();
        Silence::all(&reports, at(now)).into_iter().map(|silence| silence.days).next()
    }

    #[test]
    fn a_sender_that_reported_daily_is_missed_after_three_days() {
        // The report of day 9 comes on day 10; nothing comes on the days 11, 12 and 13.
        assert_eq!(silent(3..10, 13), None);
        assert_eq!(silent(3..10, 14), Some(3));
        assert_eq!(silent(0..10, 20), Some(9));
        assert_eq!(silent(3..10, 60), None);
    }

    #[test]
    fn a_sender_that_never_reported_daily_is_not_missed() {
        assert_eq!(silent([3, 4, 5, 7, 8, 9], 14), None);
        assert_eq!(silent(4..10, 14), None);
        assert_eq!(silent([], 14), None);
    }

    #[test]
    fn each_organisation_counts_by_itself() {
        let mut reports: Vec<_> = (3..10).map(|day| report("Google", day)).collect();
        reports.extend((3..13).map(|day| report("Microsoft", day)));
        let found = Silence::all(&reports, at(14));
        assert_eq!(found.len(), 1);
        let said = found[0].to_string();
        assert_eq!(said, "Google reported daily until 2023-11-24, and not for the 3 days since.");
    }
}
