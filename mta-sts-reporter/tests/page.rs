//! What many reports say together, and the page that shows it.
#![allow(clippy::unwrap_used, reason = "helpers of tests are not in test functions")]

use mta_sts_core::tlsrpt::{
    FailureDetails, LiveFindings, LiveHost, Report, ReportPeriod, ReportPolicy, ResultType,
};
use mta_sts_core::{DnsName, PolicyType, UnixTime};
use mta_sts_reporter::{Date, DomainOverview, DomainStanding, Enforcement, Inbox, Overview, Page, Validates};

/// 2026-11-27, noon.
const NOW: UnixTime = UnixTime::from_secs(1_795_780_800);
const TESTING: [&str; 4] = ["version: STSv1", "mode: testing", "mx: mx.example.com", "max_age: 604800"];
const DAY: u64 = 86_400;

fn days_ago(days: u64) -> ReportPeriod {
    ReportPeriod::of_day(UnixTime::from_secs(NOW.as_secs() - days * DAY))
}

fn report(who: &str, days: u64, policy: ReportPolicy) -> Report {
    let id = format!("{days}.{}@sender.example", who.len());
    Report::new(who, "tls@sender.example", id, days_ago(days)).with_policy(policy)
}

fn testing() -> ReportPolicy {
    ReportPolicy::new(PolicyType::Sts, "example.com").with_lines(TESTING)
}

fn expired(host: &str, count: u64) -> FailureDetails {
    FailureDetails::new(ResultType::CertificateExpired, count).with_receiving_mx_hostname(host)
}

fn overview(reports: impl IntoIterator<Item = Report>) -> Overview {
    let mut overview = Overview::new();
    for report in reports {
        add(&mut overview, &report.to_json().unwrap());
    }
    overview
}

fn add(overview: &mut Overview, json: &str) {
    let message = format!("Content-Type: application/tlsrpt+json\n\n{json}");
    Inbox::new().read_message(message.as_bytes()).into_iter().for_each(|item| overview.add(item));
}

fn of(reports: impl IntoIterator<Item = Report>) -> DomainOverview {
    overview(reports).domain("example.com", None, NOW).unwrap()
}

fn html(overview: &Overview) -> String {
    Page::new(overview, NOW).to_html()
}

/// Three weeks of two senders without a failure.
fn quiet() -> Vec<Report> {
    let of_day = |day| ["Google", "Microsoft"].map(|who| report(who, day, testing().with_sessions(20, 0)));
    (1..=21).flat_map(of_day).collect()
}

#[test]
fn a_failure_that_two_see_is_yours_and_that_of_one_is_not() {
    let two = [
        report("Google", 1, testing().with_sessions(90, 3).with_details(expired("mx.example.com", 3))),
        report("Microsoft", 2, testing().with_sessions(10, 2).with_details(expired("mx.example.com", 2))),
        report("Google", 3, testing().with_sessions(10, 4).with_details(expired("mx2.example.com", 4))),
    ];
    let domain = of(two);
    let causes: Vec<_> = domain
        .causes
        .iter()
        .map(|cause| (cause.host.as_deref(), cause.hint.code(), cause.sessions, cause.is_yours))
        .collect();
    assert_eq!(
        causes,
        [
            (Some("mx.example.com"), "certificate-expired", 5, true),
            (Some("mx2.example.com"), "certificate-expired", 4, false),
        ]
    );
    let day = |ago: usize| &domain.days[domain.days.len() - 1 - ago];
    assert_eq!((day(1).successes, day(1).yours, day(1).theirs), (90, 3, 0));
    assert_eq!((day(3).successes, day(3).yours, day(3).theirs), (10, 0, 4));
    assert_eq!((domain.days.len(), day(0).date), (30, Date::of(NOW)));

    // Nobody else can fetch the policy of the domain, or list its hosts.
    let fetch = FailureDetails::new(ResultType::StsPolicyFetchError, 1);
    let mismatch =
        FailureDetails::new(ResultType::ValidationFailure, 1).with_failure_reason_code("mx-mismatch");
    let one =
        of([report("Google", 1, testing().with_sessions(1, 2).with_details(fetch).with_details(mismatch))]);
    assert!(one.causes.iter().all(|cause| cause.is_yours), "{:?}", one.causes);
    // What nobody explains is somebody's.
    let json = report("Google", 1, testing().with_sessions(1, 0)).to_json().unwrap();
    let mut overview = Overview::new();
    add(&mut overview, &json.replace("failure-session-count\":0", "failure-session-count\":7"));
    let unexplained = overview.domain("example.com", None, NOW).unwrap();
    assert_eq!((unexplained.causes[0].sessions, unexplained.causes[0].is_yours), (7, false));
}

#[test]
fn a_session_with_two_faults_fails_once() {
    let both = testing()
        .with_sessions(0, 5)
        .with_details(FailureDetails::new(ResultType::StsPolicyFetchError, 5))
        .with_details(expired("mx.example.com", 5));
    let domain = of([report("Google", 1, both)]);
    let day = &domain.days[domain.days.len() - 2];
    assert_eq!((day.successes, day.yours, day.theirs), (0, 5, 0));
    // Under TLSA records and a policy a session stands twice, and is one.
    let dane =
        ReportPolicy::new(PolicyType::Tlsa, "mx.example.com").with_lines(["3 1 1 00"]).with_sessions(9, 0);
    let twice = report("Google", 1, testing().with_sessions(9, 0)).with_policy(dane.clone());
    let overview = overview([twice]);
    assert_eq!(overview.domains().len(), 1);
    assert_eq!(overview.domains()[0].sessions, 9);
    let domain = overview.domain("example.com", None, NOW).unwrap();
    assert_eq!((domain.tlsa.len(), domain.tlsa[0].successes), (1, 9));
    // Alone they count.
    let alone = of_dane_alone(dane);
    assert_eq!(alone.submitters[0].successes, 9);
}

fn of_dane_alone(dane: ReportPolicy) -> DomainOverview {
    overview([report("Google", 1, dane)]).domain("mx.example.com", None, NOW).unwrap()
}

#[test]
fn the_answer_is_that_of_the_conditions() {
    assert_eq!(of(quiet()).answer.enforcement, Enforcement::Ready);
    let mut failing = quiet();
    for who in ["Google Inc.", "Microsoft"] {
        failing.push(report(
            who,
            2,
            testing().with_sessions(0, 1).with_details(expired("mx.example.com", 1)),
        ));
    }
    let domain = of(failing.clone());
    // Seven full days behind the last failure, of the day before yesterday.
    assert_eq!(domain.answer.enforcement, Enforcement::NotYet(Date::of(NOW).plus(6)));
    assert_eq!(
        domain.answer.shortfalls().map(mta_sts_core::tlsrpt::Shortfall::code).collect::<Vec<_>>(),
        ["failure-of-yours"]
    );
    let page = html(&overview(failing));
    assert!(page.contains("Enforce: not yet") && page.contains("2026-12-03"), "{page}");

    let with_mode = |mode: &str| {
        let lines = TESTING.map(|line| line.replace("testing", mode));
        let policy = ReportPolicy::new(PolicyType::Sts, "example.com").with_lines(lines).with_sessions(1, 0);
        of([report("Google", 1, policy)]).answer.enforcement
    };
    assert_eq!(with_mode("enforce"), Enforcement::Enforced);
    assert_eq!(with_mode("none"), Enforcement::Off);
    assert_eq!(with_mode("testing\nmx: [bad"), Enforcement::NoPolicy);
    let none = ReportPolicy::new(PolicyType::NoPolicyFound, "example.com").with_sessions(1, 0);
    assert_eq!(of([report("Google", 1, none)]).answer.enforcement, Enforcement::NoPolicy);

    // A check has the last word.
    let host = |name| LiveHost::new(DnsName::parse(name).unwrap());
    let (good, other) = (LiveFindings::new().with_host(host("mx.example.com")), host("mx9.example.com"));
    let quiet = overview(quiet());
    let checked = |live| quiet.domain("example.com", Some(&live), NOW).unwrap().answer;
    assert_eq!(checked(good.clone()).enforcement, Enforcement::Ready);
    assert!(matches!(checked(good.with_host(other)).enforcement, Enforcement::NotYet(_)));
}

#[test]
fn a_domain_that_enforces_is_told_when_mail_is_held_up() {
    let enforced = |successes, failures| {
        let lines = TESTING.map(|line| line.replace("testing", "enforce"));
        let policy = ReportPolicy::new(PolicyType::Sts, "example.com").with_lines(lines);
        let policy = policy.with_sessions(successes, failures);
        if failures == 0 { policy } else { policy.with_details(expired("mx.example.com", failures)) }
    };
    let headline = |reports: Vec<Report>| {
        let headline = of(reports).headline();
        (headline.standing, headline.reason)
    };
    let (standing, reason) = headline(vec![report("Google", 1, enforced(9, 0))]);
    assert!(standing == DomainStanding::Good && reason.contains("no failure of yours"), "{reason}");
    // One sender among those that deliver.
    let (standing, reason) =
        headline(vec![report("Google", 1, enforced(9, 0)), report("Other", 1, enforced(0, 1))]);
    assert!(
        standing == DomainStanding::Good && reason.contains("1 session failed as one sender sees it"),
        "{reason}"
    );
    // Nobody else has tried, so nobody else has seen it.
    let (standing, reason) = headline(vec![report("Google", 1, enforced(0, 3))]);
    assert!(
        standing == DomainStanding::Bad && reason.contains("3 sessions failed and 0 succeeded"),
        "{reason}"
    );
    let both = vec![report("Google", 1, enforced(9, 1)), report("Other", 1, enforced(9, 1))];
    let (standing, reason) = headline(both);
    assert!(
        standing == DomainStanding::Bad && reason.contains("2 sessions failed for causes of yours"),
        "{reason}"
    );
    // Long ago.
    let (standing, _) =
        headline(vec![report("Google", 20, enforced(0, 3)), report("Google", 1, enforced(1, 0))]);
    assert_eq!(standing, DomainStanding::Good);
}

#[test]
fn a_policy_that_senders_cannot_get_is_no_reason_to_publish_one() {
    let without = |details: FailureDetails| {
        let policy =
            ReportPolicy::new(PolicyType::Sts, "example.com").with_sessions(0, 1).with_details(details);
        of([report("Google", 1, policy)])
    };
    let failure =
        FailureDetails::new(ResultType::StsPolicyFetchError, 1).with_failure_reason_code("http-status");
    let domain = without(failure);
    assert_eq!(domain.answer.enforcement, Enforcement::NoPolicy);
    assert_eq!((domain.headline().verdict, domain.causes.len()), ("Senders cannot get the policy", 1));
    assert!(domain.causes[0].is_of_discovery && domain.causes[0].is_yours);
    let domain = without(FailureDetails::new(ResultType::StarttlsNotSupported, 1));
    assert_eq!(domain.headline().verdict, "No MTA-STS policy seen");
}

#[test]
fn who_reports_and_what_they_still_use_is_told() {
    let old = ["version: STSv1", "mode: testing", "mx: old.example.com", "max_age: 604800"];
    let old = || ReportPolicy::new(PolicyType::Sts, "example.com").with_lines(old);
    let postfix =
        Report::new("Small", "tls@small.example", "2026-11-26T00:00:00Z_idx1_example.com", days_ago(1));
    let domain = of([
        report("Google", 9, old().with_sessions(7, 0)),
        report("Google", 1, testing().with_sessions(5, 1).with_details(expired("mx.example.com", 1))),
        report("google", 2, testing().with_sessions(1, 0)),
        report("Mail.ru", 8, old().with_sessions(3, 0)),
        postfix.with_policy(testing().with_sessions(2, 0)),
        report("Blind", 1, ReportPolicy::new(PolicyType::NoPolicyFound, "example.com").with_sessions(1, 0)),
    ]);
    let senders: Vec<_> = domain
        .submitters
        .iter()
        .map(|row| (row.name.as_str(), row.successes, row.failures, row.validates, row.silent_days))
        .collect();
    assert_eq!(
        senders,
        [
            ("Google", 13, 1, Validates::Yes, None),
            ("Mail.ru", 3, 0, Validates::Yes, Some(7)),
            ("Small", 2, 0, Validates::EnforceOnly, None),
            ("Blind", 1, 0, Validates::NoPolicySeen, None),
        ]
    );
    let policies: Vec<_> =
        domain.policies.iter().map(|policy| (policy.lines[2].as_str(), policy.still_used_by.len())).collect();
    assert_eq!(policies, [("mx: mx.example.com", 3), ("mx: old.example.com", 1)]);
    assert_eq!(domain.days.iter().filter(|day| day.has_new_policy).count(), 1);
}

#[test]
fn days_reach_back_as_far_as_reports_and_no_further_than_ninety() {
    let days = |ages: &[u64]| {
        let reports = ages.iter().map(|age| report("Google", *age, testing().with_sessions(1, 0)));
        of(reports.collect::<Vec<_>>()).days
    };
    assert_eq!(days(&[1]).len(), 30);
    assert_eq!(days(&[1, 44]).len(), 45);
    assert_eq!(days(&[1, 4_000]).len(), 90);
    // Old ones are shown as they were.
    let old = days(&[1_000, 1_003]);
    assert_eq!((old.len(), old.last().unwrap().date), (30, Date::of(NOW).minus(1_000)));
    // A clock in the future moves nothing.
    let future = Report::new(
        "F",
        "f@f.example",
        "1@f.example",
        ReportPeriod::of_day(UnixTime::from_secs(9_999_999_999)),
    );
    let domain = of([future.with_policy(testing().with_sessions(1, 0))]);
    assert_eq!(domain.days.len(), 0);
}

/// Texts that want to be more than text.
const HOSTILE: [&str; 6] = [
    "<script>alert(1)</script>",
    "'\"><img src=https://evil.example onerror=x>",
    "\u{202e}\u{2066}\u{200b}\u{1b}[31m",
    "</style></pre></title><a href=javascript:x>",
    "{{ 7 * 7 }}{% raw %}&lt;",
    "`code` <!-- -->",
];

#[test]
fn what_strangers_write_is_text_and_nothing_else() {
    let mut overview = Overview::new();
    for (number, text) in HOSTILE.iter().enumerate() {
        // The writer would refuse most of this.
        add(&mut overview, &json_of(number, text));
    }
    let page = html(&overview);
    let body = page.split_once("</style>").unwrap().1;
    for forbidden in [
        "<script",
        "<img",
        "<a href=j",
        "<!--",
        "<b>",
        "\u{202e}",
        "\u{2066}",
        "\u{200b}",
        "\u{1b}",
        "onerror=x>",
    ] {
        assert!(!body.contains(forbidden), "{forbidden}");
    }
    assert_eq!(page.matches("</style>").count(), 1);
    for shown in ["&#60;script&#62;alert(1)", "&#60;U+202E&#62;", "&#60;U+001B&#62;[31m", "&#38;lt;"] {
        assert!(body.contains(shown), "{shown}");
    }
    // No link leads away, and nothing is fetched.
    for link in body.split("href=\"").skip(1) {
        assert!(link.starts_with("#d"), "{}", &link[..20]);
    }
    assert!(!body.contains("src=\"") && !body.contains("url("), "{body}");
    assert!(page.contains("default-src 'none'; style-src 'unsafe-inline'"));
}

/// The text everywhere, in JSON.
fn json_of(days: usize, text: &str) -> String {
    let day = Date::of(NOW).minus(days as u64);
    let text: String = text
        .chars()
        .map(|char| {
            if char.is_ascii_alphanumeric() {
                char.to_string()
            } else {
                format!("\\u{:04x}", u32::from(char))
            }
        })
        .collect();
    format!(
        r#"{{"organization-name":"{text}","contact-info":"{text}","report-id":"{text}",
        "date-range":{{"start-datetime":"{day}T00:00:00Z","end-datetime":"{day}T23:59:59Z"}},
        "policies":[{{"policy":{{"policy-type":"sts","policy-domain":"{text}","policy-string":["{text}","mode: {text}"],"mx-host":["{text}"]}},
        "summary":{{"total-successful-session-count":1,"total-failure-session-count":1}},
        "failure-details":[{{"result-type":"{text}","failed-session-count":1,"receiving-mx-hostname":"{text}","receiving-ip":"{text}",
        "sending-mta-ip":"{text}","failure-reason-code":"{text}","{text}":1}}]}},
        {{"policy":{{"policy-type":"tlsa","policy-domain":"{text}","policy-string":["{text}"]}},
        "summary":{{"total-successful-session-count":1,"total-failure-session-count":0}}}}]}}"#
    )
}

#[test]
fn the_page_stays_small_whatever_reports_hold() {
    let mut overview = Overview::new();
    for number in 0..3 {
        let mut policy = testing().with_sessions(1, 6_000);
        for host in 0..6_000 {
            policy =
                policy.with_details(expired(&format!("{number}-{host}.{}.example.com", "x".repeat(60)), 1));
        }
        let mut report = report(&format!("Sender {number}"), 1, policy);
        for domain in 0..300 {
            report = report.with_policy(
                ReportPolicy::new(PolicyType::Sts, format!("{domain}.example")).with_sessions(1, 0),
            );
        }
        add(&mut overview, &report.to_json().unwrap());
    }
    for number in 0..3_000 {
        add(&mut overview, &format!("{{\"policies\": {number}}}"));
    }
    assert_eq!(overview.unreadable_count(), 3_000);
    let page = html(&overview);
    assert!(page.len() < 1024 * 1024, "{}", page.len());
    assert!(page.contains("276 domains more") && page.contains("2,800 more are not listed"));
}

#[test]
fn an_empty_inbox_has_a_page() {
    let page = html(&Overview::new());
    assert!(page.contains("No report was read") && page.contains("</html>"));
}
