use mta_sts_core::tlsrpt::{
    FailureDetails, MailParts, Report, ReportFileName, ReportPeriod, ReportPolicy, ReportSender,
    ReportSubject, Word,
};
use mta_sts_core::{PolicyDomain, PolicyType, ResultType, UnixTime};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::files::understand;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
enum Input {
    Mail(Mail),
    Sender(Sender),
    Subject(String),
    FileName(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Mail {
    report: Draft,
    domain: String,
    sender: Sender,
}

/// What the mail tells of a report.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Draft {
    contact: String,
    id: String,
    period: [u64; 2],
    policies: Vec<DraftPolicy>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DraftPolicy {
    r#type: String,
    domain: String,
    sessions: [u64; 2],
    #[serde(default)]
    details: Vec<DraftDetails>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DraftDetails {
    result: String,
    failed_sessions: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sender {
    contact: String,
    organization: String,
}

pub(crate) fn run(input: Value) -> Result<Value, String> {
    Ok(match understand(input)? {
        Input::Mail(Mail { report, domain, sender: Sender { contact, organization } }) => {
            let domain = PolicyDomain::parse(&domain).map_err(|error| error.to_string())?;
            let sender = ReportSender::new(&contact, &organization).map_err(|error| error.to_string())?;
            match MailParts::of(&drafted(&report)?, &domain, &sender) {
                Ok(parts) => json!({
                    "subject": parts.subject,
                    "headers": parts.headers.iter().map(|(name, value)| [name, &**value]).collect::<Vec<_>>(),
                    "content_type": MailParts::CONTENT_TYPE,
                    "text": parts.text,
                    "file_name": parts.file_name,
                    "media_type": parts.media_type,
                }),
                Err(fault) => json!({ "error": fault.code() }),
            }
        }
        Input::Sender(Sender { contact, organization }) => match ReportSender::new(&contact, &organization) {
            Ok(sender) => json!({
                "submitter": sender.submitter().as_str(),
                "contact": sender.contact(),
                "organization": sender.organization(),
            }),
            Err(fault) => json!({ "error": fault.code() }),
        },
        Input::Subject(subject) => json!({
            "read": ReportSubject::parse(&subject).map(|subject| json!({
                "domain": subject.domain.as_str(),
                "submitter": subject.submitter.as_str(),
                "report_id": subject.report_id,
            })),
        }),
        Input::FileName(name) => json!({
            "read": ReportFileName::parse(&name).map(|name| json!({
                "submitter": name.submitter.as_str(),
                "domain": name.domain.as_str(),
                "period": [name.period.start().as_secs(), name.period.end().as_secs()],
                "unique_id": name.unique_id,
                "compressed": name.is_compressed,
                "written": name.to_text(),
            })),
        }),
    })
}

fn drafted(draft: &Draft) -> Result<Report, String> {
    let [start, end] = draft.period.map(UnixTime::from_secs);
    let period = ReportPeriod::new(start, end).ok_or("the period is reversed")?;
    let report = Report::new("Sender Inc.", &*draft.contact, &*draft.id, period);
    Ok(draft.policies.iter().fold(report, |report, draft| {
        let policy = ReportPolicy::new(Word::<PolicyType>::from(&*draft.r#type), &*draft.domain)
            .with_sessions(draft.sessions[0], draft.sessions[1]);
        report.with_policy(draft.details.iter().fold(policy, |policy, details| {
            let result = Word::<ResultType>::from(&*details.result);
            policy.with_details(FailureDetails::new(result, details.failed_sessions))
        }))
    }))
}
