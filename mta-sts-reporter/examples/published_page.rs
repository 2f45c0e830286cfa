//! Pages of what a domain publishes, at a fixed time: `published_page change|testing|hostile|nothing [REPORTS]`. For the pictures of
//! docs/publish.md, and for tests/page/run.

use std::time::Duration;

use mta_sts_core::lint::Severity;
use mta_sts_core::publish::{Draft, Facts, History, Plan, Target};
use mta_sts_core::tlsrpt::{LiveFindings, LiveHost};
use mta_sts_core::{DnsName, Mode, Policy, PolicyDomain, UnixTime};
use mta_sts_reporter::{
    DomainStanding, Inbox, Overview, PublishedDomain, PublishedFinding, PublishedHost, PublishedPage,
};

/// 2026-11-27, noon.
const NOW: UnixTime = UnixTime::from_secs(1_795_780_800);

const fn days_ago(days: u64) -> UnixTime {
    UnixTime::from_secs(NOW.as_secs() - days * 86_400)
}

const fn days(days: u64) -> Duration {
    Duration::from_secs(days * 86_400)
}

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let (kind, reports) = (arguments.next().unwrap_or_default(), arguments.next());
    let mut page = PublishedPage::new(NOW);
    page = match kind.as_str() {
        "change" => page.with_domain(change()?),
        "testing" => page.with_domain(testing(reports.as_deref())?),
        "hostile" => hostile()?.into_iter().fold(page, PublishedPage::with_domain),
        _ => page,
    };
    print!("{}", page.to_html());
    Ok(())
}

fn names(names: &[&str]) -> Result<Vec<DnsName>, Failure> {
    Ok(names.iter().map(|name| DnsName::parse(name)).collect::<Result<_, _>>()?)
}

/// A history with the policies, each with the days ago in which it was first served.
fn history(policies: &[(u64, Mode, u64, &[&str])], hosts: &[&str]) -> Result<(History, String), Failure> {
    let mut history = History::new(PolicyDomain::parse("example.com")?);
    let mut text = String::new();
    for (ago, mode, max_age, mx) in policies {
        let draft = Draft::new(history.domain(), *mode, &names(mx)?, days(*max_age))?;
        draft.policy_text().clone_into(&mut text);
        history.note_policy(Some(&Policy::parse(text.as_bytes())?), days_ago(*ago));
        history.note_record(Some(draft.id()), days_ago(*ago));
        history.note_hosts(&names(hosts)?, days_ago(*ago));
    }
    Ok((history, text))
}

fn host(role: &str, name: &str, standing: DomainStanding, state: &str, left: u64) -> PublishedHost {
    PublishedHost {
        role: role.to_owned(),
        name: name.to_owned(),
        standing,
        state: state.to_owned(),
        expiry: Some(NOW.saturating_add(days(left))),
    }
}

/// In mode enforce, and another MX host is to take the place of one.
fn change() -> Result<PublishedDomain, Failure> {
    let mx = ["mx1.example.com", "mx2.example.com"];
    let (history, text) = history(
        &[
            (96, Mode::Testing, 1, &["mx1.example.com"]),
            (74, Mode::Testing, 1, &mx),
            (52, Mode::Enforce, 1, &mx),
            (44, Mode::Enforce, 7, &mx),
        ],
        &mx,
    )?;
    let target = Target::new(Mode::Enforce)
        .with_max_age(days(7))
        .with_hosts(names(&["mx1.example.com", "mx4.example.net"])?);
    let plan = Plan::between(&history, &target, &Facts::new(names(&mx)?), NOW)?;
    let record = history.record().map(|record| format!("v=STSv1; id={}", record.id()));
    let domain = PublishedDomain::new(history)
        .with_state(
            DomainStanding::Good,
            "protected",
            "Senders with MTA-STS deliver only over authenticated TLS, to mx1.example.com and mx2.example.com.",
        )
        .with_finding(PublishedFinding {
            severity: Severity::Warning,
            message: "mx2.example.com: The certificate of the MX host expires in 9 days.".to_owned(),
            owner: Some("the operator of the mail host".to_owned()),
            fix: "Renew it, and load it into the server.".to_owned(),
        })
        .with_host(host("Policy Host", "mta-sts.example.com", DomainStanding::Good, "the policy is served", 67))
        .with_host(host("MX 10", mx[0], DomainStanding::Good, "senders deliver", 58))
        .with_host(host("MX 20", mx[1], DomainStanding::Good, "senders deliver", 9))
        .with_text("_mta-sts.example.com TXT", record)
        .with_text("https://mta-sts.example.com/.well-known/mta-sts.txt", Some(text));
    Ok(domain.with_plan(plan))
}

/// In mode testing, with reports of two faults that have been mended lately.
fn testing(reports: Option<&str>) -> Result<PublishedDomain, Failure> {
    let mx = ["mx1.example.com", "mx2.example.com"];
    let (history, text) =
        history(&[(35, Mode::Testing, 7, &["mx1.example.com"]), (16, Mode::Testing, 7, &mx)], &mx)?;
    let plan = Plan::between(&history, &Target::new(Mode::Enforce), &Facts::new(names(&mx)?), NOW)?;
    let record = history.record().map(|record| format!("v=STSv1; id={}", record.id()));
    let mut domain = PublishedDomain::new(history)
        .with_state(
            DomainStanding::Waiting,
            "not protected yet: the policy has mode testing",
            "Senders deliver in any case. They would report no failures.",
        )
        .with_host(host(
            "Policy Host",
            "mta-sts.example.com",
            DomainStanding::Good,
            "the policy is served",
            67,
        ))
        .with_host(host("MX 10", mx[0], DomainStanding::Good, "senders deliver", 58))
        .with_host(host("MX 20", mx[1], DomainStanding::Good, "senders deliver", 86))
        .with_text("_mta-sts.example.com TXT", record)
        .with_text("https://mta-sts.example.com/.well-known/mta-sts.txt", Some(text));
    if let Some(source) = reports {
        let host = |name| LiveHost::new(name).expires_at(NOW.saturating_add(days(58)));
        // The third is one that reports name.
        let seen = [mx[0], mx[1], "mx3.example.com"];
        let live = names(&seen)?.into_iter().map(host).fold(LiveFindings::new(), LiveFindings::with_host);
        let mut overview = Overview::new();
        Inbox::new().with_source(source).read().for_each(|item| overview.add(item));
        domain = domain.with_reports(overview.domain("example.com", Some(&live), NOW));
    }
    Ok(domain.with_plan(plan))
}

/// Domains whose DNS, servers and files are somebody else's.
fn hostile() -> Result<Vec<PublishedDomain>, Failure> {
    let texts = [
        "<script>document.title='owned'</script>",
        "<img src=https://evil.example/x onerror=alert(1)>",
        "\u{202e}gnp.exe\u{2066} https://evil.example/",
        "</style></title></pre><iframe src=//evil.example>",
        "\u{1b}[31mred\u{7}\0",
        "{{ 7 * 7 }} {% raw %} ${7*7}",
        "&lt;b&gt; &amp;#x202e;",
        "`code` '\"><a href=javascript:alert(1)>click</a>",
    ];
    let one = |text: &&str| {
        let mut domain = change()?
            .with_state(DomainStanding::Bad, *text, *text)
            .with_text(*text, Some((*text).to_owned()));
        for severity in [Severity::Error, Severity::Warning] {
            domain = domain.with_finding(PublishedFinding {
                severity,
                message: (*text).to_owned(),
                owner: Some((*text).to_owned()),
                fix: (*text).to_owned(),
            });
        }
        let long = text.repeat(200);
        domain = domain
            .with_host(host(&long, &long, DomainStanding::Bad, &long, 0))
            .with_text(long.clone(), Some(long));
        Ok(if text.contains("img") { domain.with_unseen(*text) } else { domain })
    };
    texts.iter().map(one).collect()
}
