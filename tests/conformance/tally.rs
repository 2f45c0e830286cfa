use std::collections::BTreeMap;

use mta_sts_core::tlsrpt::{
    Counted, Datagram, DueId, DueReport, ReportDelivery, ReportSender, Tally, TallyConfig,
};
use mta_sts_core::{PolicyDomain, UnixTime};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::files::{Octets, covers, understand};
use crate::report::shown_policy;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    #[serde(default)]
    config: Config,
    steps: Vec<Step>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    max_domains: Option<usize>,
    max_octets: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    at: u64,
    r#do: Operation,
    gives: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
enum Operation {
    Count(Sent),
    Merge(Vec<Sent>),
    NoteReportMail(String),
    PollReports(Nothing),
    PollTimeout(Nothing),
    Deliver(Delivery),
    Text(Nothing),
    Parse(Octets),
    SaveAndLoad(Nothing),
    Domains(Nothing),
    LostSessions(Nothing),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
    datagram: Octets,
    #[serde(default = "once")]
    times: usize,
}

fn once() -> usize {
    1
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Delivery {
    domain: String,
    end: End,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum End {
    Delivered,
    Failed,
    Refused,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// A tally, and what it has given out.
struct Run {
    tally: Tally,
    config: TallyConfig,
    due: BTreeMap<String, DueId>,
}

pub(crate) fn run(input: Value) -> Result<Value, String> {
    let Input { config: given, steps } = understand(input)?;
    let sender = ReportSender::new("tls@sender.test", "Sender Inc.").map_err(|error| error.to_string())?;
    let mut config = TallyConfig::new(0, sender);
    if let Some(domains) = given.max_domains {
        config = config.with_max_domains(domains);
    }
    if let Some(octets) = given.max_octets {
        config = config.with_max_octets(octets);
    }
    let mut run = Run { tally: Tally::new(config.clone()), config, due: BTreeMap::new() };
    for (number, Step { at, r#do, gives }) in steps.into_iter().enumerate() {
        let given = run.step(r#do, UnixTime::from_secs(at))?;
        if !agrees(&gives, &given) {
            return Err(format!("step {number} must give {gives}, and gives {given}"));
        }
    }
    Ok(json!({ "empty": run.tally.is_empty() }))
}

/// Whether a step gives what it must: bounds stand for a time between them.
fn agrees(expected: &Value, actual: &Value) -> bool {
    match (expected.get("from").and_then(Value::as_u64), expected.get("to").and_then(Value::as_u64)) {
        (Some(from), Some(to)) => actual.as_u64().is_some_and(|time| (from..=to).contains(&time)),
        _ => covers(expected, actual),
    }
}

impl Run {
    fn step(&mut self, operation: Operation, now: UnixTime) -> Result<Value, String> {
        Ok(match operation {
            Operation::Count(sent) => count(&mut self.tally, &sent, now)?,
            Operation::Merge(all) => {
                let mut other = Tally::new(self.config.clone().with_max_domains(usize::MAX));
                for sent in &all {
                    count(&mut other, sent, now)?;
                }
                self.tally.merge(&other);
                Value::Null
            }
            Operation::NoteReportMail(domain) => {
                let domain = PolicyDomain::parse(&domain).map_err(|error| error.to_string())?;
                self.tally.note_report_mail(&domain, now);
                Value::Null
            }
            Operation::PollReports(Nothing {}) => {
                let mut reports: Vec<DueReport> = Vec::new();
                while let Some(due) = self.tally.poll_report(now) {
                    reports.push(due);
                }
                reports.sort_by(|one, other| one.id.cmp(&other.id));
                for due in &reports {
                    self.due.insert(due.domain.as_str().to_owned(), due.id.clone());
                }
                reports.iter().map(shown).collect()
            }
            Operation::PollTimeout(Nothing {}) => json!(self.tally.poll_timeout().map(UnixTime::as_secs)),
            Operation::Deliver(Delivery { domain, end }) => {
                let id = self.due.get(&domain).ok_or_else(|| format!("nothing was given out of {domain}"))?;
                let end = match end {
                    End::Delivered => ReportDelivery::Delivered,
                    End::Failed => ReportDelivery::Failed,
                    End::Refused => ReportDelivery::Refused,
                };
                json!(self.tally.handle_delivery(id, end, now).map(UnixTime::as_secs))
            }
            Operation::Text(Nothing {}) => json!(self.tally.to_text()),
            Operation::Parse(text) => match Tally::parse(&text.to_vec(), self.config.clone()) {
                Ok(tally) => {
                    self.tally = tally;
                    Value::Null
                }
                Err(fault) => json!({ "code": fault.code(), "line": fault.line(), "offset": fault.offset() }),
            },
            Operation::SaveAndLoad(Nothing {}) => {
                let text = self.tally.to_text();
                let read = Tally::parse(text.as_bytes(), self.config.clone());
                self.tally = read.map_err(|error| error.to_string())?;
                if self.tally.to_text() != text {
                    return Err(format!("{text} is read otherwise"));
                }
                Value::Null
            }
            Operation::Domains(Nothing {}) => json!(self.tally.domains(now)),
            Operation::LostSessions(Nothing {}) => json!(self.tally.lost_sessions()),
        })
    }
}

/// Counts a datagram, so many times; gives what came of the last time.
fn count(tally: &mut Tally, sent: &Sent, now: UnixTime) -> Result<Value, String> {
    let datagram = Datagram::parse(&sent.datagram.to_vec()).map_err(|error| error.to_string())?;
    let mut given = Value::Null;
    for _ in 0..sent.times {
        let word = |counted| match counted {
            Counted::Whole => "whole",
            Counted::Folded => "folded",
            Counted::Not(reason) => reason.code(),
        };
        given = datagram.events().map(|event| word(tally.count(&event, now))).collect();
    }
    Ok(given)
}

fn shown(due: &DueReport) -> Value {
    json!({
        "domain": due.domain.as_str(),
        "record": due.record,
        "attempt": due.attempt,
        "organization": due.report.organization(),
        "contact": due.report.contact(),
        "period": due.report.period().map(|period| [period.start().as_secs(), period.end().as_secs()]),
        "policies": due.report.policies().iter().map(shown_policy).collect::<Vec<_>>(),
    })
}
