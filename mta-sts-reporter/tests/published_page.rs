//! The page of what domains publish: what it says is to be done, and what it never does.
#![allow(clippy::unwrap_used, reason = "helpers of tests are not in test functions")]

use std::time::Duration;

use mta_sts_core::lint::Severity;
use mta_sts_core::publish::{Draft, Facts, History, Plan, Target};
use mta_sts_core::tlsrpt::{
    FailureDetails, LiveFindings, LiveHost, Report, ReportPeriod, ReportPolicy, ResultType,
};
use mta_sts_core::{DnsName, Mode, Policy, PolicyDomain, PolicyType, UnixTime};
use mta_sts_reporter::{
    DomainOverview, DomainStanding, Inbox, Overview, PublishedDomain, PublishedFinding, PublishedHost,
    PublishedPage,
};

/// 2026-11-27, noon.
const NOW: UnixTime = UnixTime::from_secs(1_795_780_800);
const DAY: u64 = 86_400;

fn ago(days: u64) -> UnixTime {
    UnixTime::from_secs(NOW.as_secs() - days * DAY)
}

fn names(names: &[&str]) -> Vec<DnsName> {
    names.iter().map(|name| DnsName::parse(name).unwrap()).collect()
}

/// A domain that has served a policy for so many days.
fn history(name: &str, mode: Mode, days: u64) -> History {
    let mut history = History::new(PolicyDomain::parse(name).unwrap());
    let draft =
        Draft::new(history.domain(), mode, &names(&["mx.example.com"]), Duration::from_secs(DAY)).unwrap();
    history.note_policy(Some(&Policy::parse(draft.policy_text().as_bytes()).unwrap()), ago(days));
    history.note_record(Some(draft.id()), ago(days));
    history.note_hosts(&names(&["mx.example.com"]), ago(days));
    history
}

fn enforced() -> Target {
    Target::new(Mode::Enforce)
}

fn planned(history: History, target: &Target) -> PublishedDomain {
    let plan = Plan::between(&history, target, &Facts::new(names(&["mx.example.com"])), NOW).unwrap();
    PublishedDomain::new(history).with_plan(plan)
}

fn finding(severity: Severity, message: &str) -> PublishedFinding {
    PublishedFinding { severity, message: message.to_owned(), owner: None, fix: format!("Mend {message}.") }
}

fn html(domains: impl IntoIterator<Item = PublishedDomain>) -> String {
    domains.into_iter().fold(PublishedPage::new(NOW), PublishedPage::with_domain).to_html()
}

/// What is between two texts, for the first time.
fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    text.split_once(start).unwrap_or_else(|| panic!("no {start} in {text}")).1.split_once(end).unwrap().0
}

/// The first answer of a page, and what it lists.
fn answer(domain: PublishedDomain) -> (String, Vec<String>) {
    let page = html([domain]);
    let answer = between(&page, "<section class=\"answer ", "</section>");
    let verdict = format!("{}: {}", answer.split('"').next().unwrap(), between(answer, "verdict\">", "</p>"));
    let todo = answer.split("<li>").skip(1).map(|item| item.split('<').next().unwrap().to_owned());
    (verdict, todo.collect())
}

fn verdict(domain: PublishedDomain) -> String {
    answer(domain).0
}

/// Two senders who have seen the policy for so many days, with a failure each so many days ago.
fn reports(days: u64, failed: Option<u64>) -> DomainOverview {
    let mut overview = Overview::new();
    for (who, day) in
        ["Google", "Microsoft"].into_iter().flat_map(|who| (1..=days).map(move |day| (who, day)))
    {
        let lines = ["version: STSv1", "mode: testing", "mx: mx.example.com", "max_age: 86400"];
        let mut policy =
            ReportPolicy::new(PolicyType::Sts, "example.com").with_lines(lines).with_sessions(20, 0);
        if failed == Some(day) {
            let details = FailureDetails::new(ResultType::CertificateExpired, 3)
                .with_receiving_mx_hostname("mx.example.com");
            policy = policy.with_sessions(20, 3).with_details(details);
        }
        let report = Report::new(
            who,
            "tls@sender.example",
            format!("{day}.{who}@sender.example"),
            ReportPeriod::of_day(ago(day)),
        );
        let json = report.with_policy(policy).to_json().unwrap();
        let message = format!("Content-Type: application/tlsrpt+json\n\n{json}");
        Inbox::new().read_message(message.as_bytes()).into_iter().for_each(|item| overview.add(item));
    }
    let host = LiveHost::new(DnsName::parse("mx.example.com").unwrap())
        .expires_at(NOW.saturating_add(Duration::from_secs(60 * DAY)));
    overview.domain("example.com", Some(&LiveFindings::new().with_host(host)), NOW).unwrap()
}

#[test]
fn the_answer_is_the_next_step_at_its_time() {
    let fresh = || PublishedDomain::new(history("example.com", Mode::Enforce, 90));
    assert_eq!(
        verdict(fresh().with_state(DomainStanding::Good, "protected", "It is.")),
        "good: Nothing to do",
    );
    // Tested for two days of fourteen.
    let testing = history("example.com", Mode::Testing, 2);
    assert_eq!(verdict(planned(testing, &enforced())), "wait: Nothing to do until 2026-12-09 12:00");
    let unpublished = History::new(PolicyDomain::parse("example.com").unwrap());
    let (verdict, todo) = answer(planned(unpublished, &enforced()));
    assert_eq!((verdict.as_str(), todo.len()), ("wait: Now: serve a policy in mode testing", 1));
}

#[test]
fn what_is_wrong_comes_before_what_is_stricter() {
    let tested = || planned(history("example.com", Mode::Testing, 20), &enforced());
    assert_eq!(verdict(tested()), "wait: Now: serve the policy in mode enforce");
    let (said, todo) = answer(
        tested()
            .with_finding(finding(Severity::Warning, "ending"))
            .with_finding(finding(Severity::Error, "expired")),
    );
    assert_eq!(
        (said.as_str(), todo),
        ("bad: One thing to mend", vec!["expired".to_owned(), "ending".to_owned()])
    );
    let page = html([tested().with_finding(finding(Severity::Error, "expired"))]);
    assert!(page.contains("Until then, do not yet serve the policy in mode enforce."), "{page}");
    // Nor is a policy that cannot be fetched just now a new one.
    let mut gone = history("example.com", Mode::Enforce, 90);
    gone.note_policy(None, ago(1));
    let (said, todo) = answer(
        planned(gone, &Target::new(Mode::Enforce).with_max_age(Duration::from_secs(DAY)))
            .with_finding(finding(Severity::Error, "no answer")),
    );
    assert_eq!((said.as_str(), todo.len()), ("bad: One thing to mend", 2));
    // A host that the policy does not name is mended by the step itself.
    let target = Target::new(Mode::Enforce).with_hosts(names(&["mx.example.com", "mx2.example.com"]));
    let history = history("example.com", Mode::Enforce, 90);
    let facts = Facts::new(names(&["mx.example.com", "mx2.example.com"]));
    let plan = Plan::between(&history, &target, &facts, NOW).unwrap();
    let domain =
        PublishedDomain::new(history).with_plan(plan).with_finding(finding(Severity::Error, "not covered"));
    assert!(verdict(domain).starts_with("bad: Now: serve the policy with "));
}

#[test]
fn reports_hold_up_mode_enforce_and_all_that_follows() {
    let tested = || planned(history("example.com", Mode::Testing, 20), &enforced());
    assert!(html([tested()]).contains("Reports were not looked at"));
    assert_eq!(verdict(tested().with_reports(None)), "wait: Stay in mode testing for now");
    assert!(html([tested().with_reports(None)]).contains("when reports allow it"));
    assert_eq!(
        verdict(tested().with_reports(Some(reports(20, None)))),
        "wait: Now: serve the policy in mode enforce"
    );
    let held = tested().with_reports(Some(reports(20, Some(3))));
    let (said, todo) = answer(held.clone());
    assert_eq!(said, "wait: Stay in mode testing for now");
    assert!(
        todo.iter().any(|item| item.contains("mx.example.com: The certificate of the MX host has expired.")),
        "{todo:?}"
    );
    let page = html([held]);
    // Seven days without a failure, then a week until the next step: nothing is shown as safe now.
    let plan = between(&page, "<ol class=\"bars\">", "</ol>");
    let times: Vec<_> =
        plan.split("<span class=\"soft\">").skip(1).map(|row| row.split('<').next().unwrap()).collect();
    assert_eq!(times[0], "2026-12-02 00:00");
    assert_eq!(times[2], "2026-12-09 00:00");
    assert!(times.iter().all(|time| *time != "now"), "{times:?}");
    assert!(page.contains("Reports speak against it before 2026-12-02"));
}

#[test]
fn a_picture_has_both_times_of_a_step() {
    let history = history("example.com", Mode::Enforce, 90);
    let hosts = names(&["mx.example.com", "mx4.example.net"]);
    let target = Target::new(Mode::Enforce).with_max_age(Duration::from_secs(DAY)).with_hosts(hosts);
    let page = html([planned(history, &target)]);
    let row = between(&page, "Change the MX records: add mx4.example.net", "</li>");
    assert!(row.contains("2026-11-27 13:01, safe 2026-11-28 12:01"), "{row}");
    assert!(row.contains("<rect class=\"t\"") && row.contains("<rect class=\"s\""), "{row}");
    assert!(page.contains("+ mx4.example.net"));
}

#[test]
fn the_most_urgent_domain_comes_first() {
    let domains = [
        PublishedDomain::new(history("fine.example", Mode::Enforce, 90)).with_state(
            DomainStanding::Good,
            "protected",
            "",
        ),
        PublishedDomain::new(history("unseen.example", Mode::Enforce, 90)).with_unseen("DNS is silent."),
        planned(history("later.example", Mode::Testing, 2), &enforced()),
        planned(history("due.example", Mode::Testing, 20), &enforced()),
        PublishedDomain::new(history("broken.example", Mode::Enforce, 90))
            .with_finding(finding(Severity::Error, "x")),
    ];
    let page = html(domains);
    let names: Vec<_> = page.split("<a href=\"#d").skip(1).map(|link| between(link, ">", "<")).collect();
    assert_eq!(names, ["broken.example", "unseen.example", "due.example", "later.example", "fine.example"]);
}

#[test]
fn a_certificate_has_the_days_that_are_left() {
    let host = |left: i64| PublishedHost {
        role: "MX 10".to_owned(),
        name: "mx.example.com".to_owned(),
        standing: DomainStanding::Good,
        state: "senders deliver".to_owned(),
        expiry: Some(UnixTime::from_secs(NOW.as_secs().saturating_add_signed(left))),
    };
    for (left, said) in [
        (-1, "tag bad\">expired"),
        (0, "tag bad\">expired"),
        (3_600, "tag wait\">today"),
        (DAY.cast_signed(), "tag wait\">1 day left"),
        (13 * DAY.cast_signed() + 1, "tag wait\">13 days left"),
        (90 * DAY.cast_signed(), "tag good\">90 days left"),
    ] {
        let page =
            html([PublishedDomain::new(history("example.com", Mode::Enforce, 9)).with_host(host(left))]);
        assert!(page.contains(said), "{left}: {said}");
    }
}

#[test]
fn what_strangers_write_is_text_and_the_page_stays_small() {
    let hostile = "<script>x</script>\u{202e}</style>`<img src=x onerror=x>".repeat(400);
    let mut many = History::new(PolicyDomain::parse("example.com").unwrap());
    let hosts: Vec<_> = (0..History::MAX_HOSTS).map(|number| format!("mx{number}.example.com")).collect();
    for (number, host) in (0_u64..).zip(&hosts).take(100) {
        let draft =
            Draft::new(many.domain(), Mode::Testing, &names(&[host]), Duration::from_secs(DAY)).unwrap();
        many.note_policy(Some(&Policy::parse(draft.policy_text().as_bytes()).unwrap()), ago(200 - number));
        many.note_record(Some(draft.id()), ago(200 - number));
    }
    many.note_hosts(&names(&hosts.iter().map(String::as_str).collect::<Vec<_>>()), ago(1));
    let mut domain = planned(many, &enforced()).with_state(DomainStanding::Bad, &*hostile, &*hostile);
    for _ in 0..300 {
        let owner = Some(hostile.clone());
        domain = domain
            .with_finding(PublishedFinding {
                severity: Severity::Error,
                message: hostile.clone(),
                owner,
                fix: hostile.clone(),
            })
            .with_host(PublishedHost {
                role: hostile.clone(),
                name: hostile.clone(),
                standing: DomainStanding::Bad,
                state: hostile.clone(),
                expiry: Some(UnixTime::from_secs(u64::MAX)),
            });
    }
    domain = domain.with_text(hostile.clone(), Some(format!("{hostile}\n").repeat(500)));
    let one = html([domain.clone()]);
    assert!(one.len() < 256 * 1024, "{}", one.len());
    let body = one.split_once("</style>").unwrap().1;
    for forbidden in ["<script", "<img", "\u{202e}", "</style", "src=\"", "href=\"h"] {
        assert!(!body.contains(forbidden), "{forbidden}");
    }
    assert!(body.contains("&#60;script&#62;x") && body.contains("&#60;U+202E&#62;"));
    assert!(one.contains("default-src 'none'; style-src 'unsafe-inline'"));

    let all = html(
        (0..PublishedPage::MAX_DOMAINS + 7)
            .map(|number| PublishedDomain::new(history(&format!("d{number}.example"), Mode::Enforce, 90))),
    );
    assert!(all.contains("7 domains more") && all.matches("<article").count() == PublishedPage::MAX_DOMAINS);
    assert!(html([]).contains("No domain has a history"));
}
