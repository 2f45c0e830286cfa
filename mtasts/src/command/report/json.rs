//! Reports for programs. Keys and codes are stable.

use mta_sts_core::tlsrpt::Readiness;
use mta_sts_reporter::{Answer, Date, DomainOverview, Enforcement, Overview, Validates};
use serde_json::{Value, json};

/// The value of `format`: raised when a key changes its meaning or is removed.
const FORMAT: u32 = 1;

pub(super) fn of(overview: &Overview, domains: impl Iterator<Item = DomainOverview>) -> Value {
    let counts = overview.counts();
    let deviations = overview.deviations().map(|row| {
        json!({
            "organization": row.organization,
            "code": row.kind.code(),
            "message": row.kind.message(),
            "count": row.count,
            "path": row.path,
            "origin": row.origin,
        })
    });
    json!({
        "format": FORMAT,
        "counts": {
            "reports": counts.reports,
            "verified": counts.verified,
            "doubles": counts.doubles,
            "differing": counts.differing,
            "others": counts.others,
            "unreadable": overview.unreadable_count(),
        },
        "domains": domains.map(|domain| domain_json(&domain)).collect::<Vec<_>>(),
        "deviations": deviations.collect::<Vec<_>>(),
        "unreadable": unreadable(overview),
    })
}

pub(super) fn unreadable(overview: &Overview) -> Value {
    let lines = overview.unreadable().iter();
    lines.map(|line| json!({ "origin": line.origin, "code": line.code, "message": line.message })).collect()
}

fn domain_json(domain: &DomainOverview) -> Value {
    let days = domain.days.iter().map(|day| {
        json!({
            "date": day.date.to_string(),
            "successes": day.successes,
            "yours": day.yours,
            "theirs": day.theirs,
            "reports": day.reports,
            "has_new_policy": day.has_new_policy,
        })
    });
    let submitters = domain.submitters.iter().map(|row| {
        json!({
            "organization": row.name,
            "reports": row.reports,
            "successes": row.successes,
            "failures": row.failures,
            "last_day": row.last_day.map(|day| day.to_string()),
            "silent_days": row.silent_days,
            "validates": match row.validates {
                Validates::Yes => "yes",
                Validates::EnforceOnly => "enforce-only",
                Validates::NoPolicySeen => "no-policy-seen",
            },
        })
    });
    let causes = domain.causes.iter().map(|cause| {
        json!({
            "mx_host": cause.host,
            "code": cause.hint.code(),
            "cause": cause.hint.cause(),
            "fix": cause.hint.fix(),
            "whose": cause.hint.whose().as_str(),
            "is_yours": cause.is_yours,
            "sessions": cause.sessions,
            "organizations": cause.organizations,
            "days": span(cause.days),
            "receiving_ips": cause.receiving_ips,
            "sending_ips": cause.sending_ips,
            "reasons": cause.reasons,
        })
    });
    let policies = domain.policies.iter().map(|policy| {
        json!({
            "lines": policy.lines,
            "days": span(policy.days),
            "organizations": policy.organizations,
            "still_used_by": policy.still_used_by,
            "successes": policy.successes,
            "failures": policy.failures,
        })
    });
    let tlsa = domain.tlsa.iter().map(|tlsa| {
        json!({
            "lines": tlsa.lines,
            "hosts": tlsa.hosts,
            "days": span(tlsa.days),
            "organizations": tlsa.organizations,
            "successes": tlsa.successes,
            "failures": tlsa.failures,
        })
    });
    json!({
        "domain": domain.name,
        "answer": answer_json(&domain.answer),
        "days": days.collect::<Vec<_>>(),
        "submitters": submitters.collect::<Vec<_>>(),
        "causes": causes.collect::<Vec<_>>(),
        "policies": policies.collect::<Vec<_>>(),
        "tlsa": tlsa.collect::<Vec<_>>(),
    })
}

fn answer_json(answer: &Answer) -> Value {
    let (enforcement, earliest) = match answer.enforcement {
        Enforcement::NoPolicy => ("no-policy", None),
        Enforcement::Off => ("off", None),
        Enforcement::Enforced => ("enforced", None),
        Enforcement::Ready => ("ready", None),
        Enforcement::NotYet(earliest) => ("not-yet", Some(earliest)),
        Enforcement::Blocked => ("blocked", None),
    };
    json!({
        "enforcement": enforcement,
        "earliest": earliest.map(|day| day.to_string()),
        "is_checked": answer.is_checked,
        "conditions": answer.readiness.as_ref().map(conditions),
    })
}

/// The eight conditions, each with its shortfalls.
pub(super) fn conditions(readiness: &Readiness) -> Value {
    let condition = |condition: &mta_sts_core::tlsrpt::Condition| {
        let shortfalls = condition.shortfalls().iter().map(|shortfall| {
            json!({
                "code": shortfall.code(),
                "message": shortfall.message(),
                "fix": shortfall.fix(),
                "host": shortfall.host().map(ToString::to_string),
                "hint": shortfall.hint().map(|hint| hint.code()),
                "earliest": shortfall.earliest().map(|time| Date::of(time).to_string()),
            })
        });
        json!({
            "rule": condition.rule().code(),
            "message": condition.rule().message(),
            "is_met": condition.is_met(),
            "shortfalls": shortfalls.collect::<Vec<_>>(),
        })
    };
    readiness.conditions().iter().map(condition).collect()
}

fn span(days: Option<(Date, Date)>) -> Value {
    days.map_or(Value::Null, |(first, last)| json!({ "first": first.to_string(), "last": last.to_string() }))
}
