//! What a check says of the question whether a policy can be enforced, against the loopback world.
#![allow(clippy::unwrap_used, reason = "helpers of tests are not in test functions")]

use std::time::UNIX_EPOCH;

use mta_sts_core::tlsrpt::{Hint, LiveFindings, Readiness, ReadyRule, ReadyRules, Served, Shortfall};
use mta_sts_core::{PolicyDomain, UnixTime};
use mta_sts_resolver::{DnsClient, DomainChecker, PolicyFetcher, Resolver, SmtpClient, TrustStore};
use mta_sts_world::{World, WorldConfig};

#[tokio::test(flavor = "multi_thread")]
async fn faults_that_a_check_sees_keep_a_policy_from_being_enforced() {
    let world = World::start(WorldConfig::default()).await.unwrap();
    let trust_store = TrustStore::from_pem(world.ca_pem().as_bytes()).unwrap();
    let fetcher = PolicyFetcher::new(trust_store.clone()).with_port(world.https_port());
    let resolver = Resolver::new(DnsClient::of_server(world.dns_addr()), fetcher);
    let smtp = SmtpClient::new("sender.test", trust_store);
    let checker = DomainChecker::new(resolver, smtp).with_smtp_port(world.smtp_port()).without_probes();
    let now = UnixTime::from_secs(UNIX_EPOCH.elapsed().unwrap().as_secs());
    let check = async |domain: &str| checker.check(PolicyDomain::parse(domain).unwrap(), now).await;

    for (domain, policy_fault, hosts) in [
        ("healthy-enforce.test", None, &[("mx.healthy-enforce.test", None)][..]),
        (
            "certificate-expired.test",
            None,
            &[("mx.certificate-expired.test", Some(Hint::CERTIFICATE_EXPIRED))],
        ),
        (
            "certificate-other-name.test",
            None,
            &[("mx.certificate-other-name.test", Some(Hint::CERTIFICATE_HOST_MISMATCH))],
        ),
        ("starttls-stripped.test", None, &[("mx.starttls-stripped.test", Some(Hint::STARTTLS_NOT_OFFERED))]),
        (
            "second-mx.test",
            None,
            &[("mx1.second-mx.test", Some(Hint::CERTIFICATE_EXPIRED)), ("mx2.second-mx.test", None)],
        ),
        ("policy-host-down.test", Some(Hint::POLICY_HOST_UNREACHABLE), &[("mx.policy-host-down.test", None)]),
        (
            "policy-host-untrusted.test",
            Some(Hint::POLICY_HOST_CERTIFICATE_NOT_TRUSTED),
            &[("mx.policy-host-untrusted.test", None)],
        ),
        // A fault of DANE is none of the policy.
        ("dane-mismatch.test", None, &[("mx.dane-mismatch.test", None)]),
    ] {
        let live = check(domain).await.live_findings();
        assert_eq!(live.policy_fault(), policy_fault, "{domain}");
        let shown: Vec<_> = live.hosts().iter().map(|host| (host.name().as_str(), host.fault())).collect();
        assert_eq!(shown, hosts, "{domain}");
    }

    // What is demanded of certificates does not exceed a third of their life: of six days three are left, of 35 five.
    for (domain, codes) in
        [("short-lived.test", &[][..]), ("expires-soon.test", &["certificate-expires-soon"][..])]
    {
        let seen = check(domain).await;
        let served = Served::new(&seen.domain, seen.discovery.outcome.policy().unwrap());
        let live = seen.live_findings();
        let readiness = Readiness::assess(&[], Some(&live), &served, now, &ReadyRules::new());
        let found: Vec<_> = readiness
            .shortfalls()
            .filter(|shortfall| shortfall.rule() == ReadyRule::HostsPass)
            .map(Shortfall::code)
            .collect();
        assert_eq!(found, codes, "{domain}");
    }

    let seen = check("second-mx.test").await;
    let policy = seen.discovery.outcome.policy().unwrap();
    let live: LiveFindings = seen.live_findings();
    let served = Served::new(&seen.domain, policy);
    let readiness = Readiness::assess(&[], Some(&live), &served, now, &ReadyRules::new());
    let hosts =
        readiness.conditions().iter().find(|condition| condition.rule() == ReadyRule::HostsPass).unwrap();
    let faulty: Vec<_> =
        hosts.shortfalls().iter().map(|shortfall| shortfall.host().unwrap().as_str()).collect();
    assert_eq!(faulty, ["mx1.second-mx.test"]);
    world.shutdown().await;
}
