//! Policy discovery against the loopback world: every stage of a lookup over real sockets.
// A test that cannot go on fails where it stands.
#![allow(clippy::unwrap_used)]

use mta_sts_core::{CacheEntry, Mode, PolicyDomain, PolicySource, Purpose, UnixTime};
use mta_sts_resolver::{Discovery, DnsClient, PolicyFetcher, Resolver, TrustStore};
use mta_sts_world::{State, World, WorldConfig};

const NOW: UnixTime = UnixTime::from_secs(1_700_000_000);
/// Past every TTL of the world.
const LATER: UnixTime = UnixTime::from_secs(1_700_003_600);

async fn world() -> (World, Resolver) {
    let world = World::start(WorldConfig::default()).await.unwrap();
    let trust_store = TrustStore::from_pem(world.ca_pem().as_bytes()).unwrap();
    let fetcher = PolicyFetcher::new(trust_store).with_port(world.https_port());
    let resolver = Resolver::new(DnsClient::of_server(world.dns_addr()), fetcher);
    (world, resolver)
}

async fn discover(
    resolver: &Resolver,
    domain: &str,
    cached: Option<&CacheEntry>,
    now: UnixTime,
) -> Discovery {
    resolver.discover(PolicyDomain::parse(domain).unwrap(), Purpose::Deliver, cached, now).await
}

// Proves C2.
#[tokio::test]
async fn a_policy_is_found_once_and_then_remembered() {
    let (world, resolver) = world().await;
    let first = discover(&resolver, "healthy-enforce.test", None, NOW).await;
    let applied = first.outcome.applied.as_ref().unwrap();
    assert_eq!((applied.source, applied.policy.mode()), (PolicySource::Fetched, Mode::Enforce));
    let entry = first.outcome.cache_update.apply_to(None, NOW);

    world.reset().unwrap();
    let second = discover(&resolver, "healthy-enforce.test", entry.as_ref(), NOW).await;
    assert_eq!(second.outcome.applied.unwrap().source, PolicySource::Cached);
    assert!(world.seen().dns.is_empty(), "the record was checked a moment ago");
    world.shutdown().await;
}

// Proves S57, E6.
#[tokio::test]
async fn a_suppressed_record_does_not_hide_a_cached_policy() {
    let (world, resolver) = world().await;
    let first = discover(&resolver, "txt-suppressed.test", None, NOW).await;
    let entry = first.outcome.cache_update.apply_to(None, NOW);
    world.switch("txt-suppressed", State::Attack).unwrap();
    let second = discover(&resolver, "txt-suppressed.test", entry.as_ref(), LATER).await;
    assert_eq!(second.outcome.applied.as_ref().unwrap().source, PolicySource::Cached);
    assert_eq!(second.outcome.failure.as_ref().unwrap().result_type.as_str(), "sts-policy-fetch-error");
    world.shutdown().await;
}

// Proves S18, S25, S49, S50, S85.
#[tokio::test]
async fn why_there_is_no_policy_is_told_apart() {
    let (world, resolver) = world().await;
    for (domain, code, reason) in [
        ("no-mta-sts.test", "no-record", None),
        ("no-such-domain.test", "no-record", None),
        ("several-records.test", "several-records", None),
        ("bogus.test", "dns-failed", None),
        ("policy-host-down.test", "fetch-failed", Some("connect-failed")),
        ("policy-redirect.test", "fetch-failed", Some("http-redirect")),
        ("policy-host-untrusted.test", "fetch-failed", Some("policy-host-certificate-not-trusted")),
        ("https-not-found.test", "fetch-failed", Some("http-status")),
        ("https-media-type.test", "fetch-failed", Some("media-type")),
        ("https-two-media-types.test", "fetch-failed", Some("media-type")),
        ("https-too-large.test", "fetch-failed", Some("policy-host-body-too-large")),
        ("https-gzip.test", "fetch-failed", Some("not-utf8")),
    ] {
        let outcome = discover(&resolver, domain, None, NOW).await.outcome;
        assert_eq!(outcome.no_policy().map(mta_sts_core::NoPolicy::code), Some(code), "{domain}");
        assert_eq!(outcome.failure.map(|failure| failure.reason_code), reason, "{domain}");
    }
    world.shutdown().await;
}

// Proves S22, S90, S91.
#[tokio::test]
async fn a_domain_may_leave_record_and_policy_host_to_a_provider() {
    let (world, resolver) = world().await;
    // Both names are CNAMEs; the certificate is for the domain's own Policy Host.
    let outcome = discover(&resolver, "cname.test", None, NOW).await.outcome;
    assert_eq!(outcome.applied.unwrap().source, PolicySource::Fetched);
    assert_eq!(outcome.failure, None);
    world.shutdown().await;
}

#[tokio::test]
async fn a_policy_host_that_never_ends_its_answer_times_out() {
    let (world, resolver) = world().await;
    let config = mta_sts_core::LookupConfig::new().with_fetch_limits(
        mta_sts_core::FetchLimits::new().with_timeout(std::time::Duration::from_millis(500)),
    );
    let resolver = resolver.with_config(config);
    for domain in ["https-hang.test", "https-drip.test"] {
        let outcome = discover(&resolver, domain, None, NOW).await.outcome;
        assert_eq!(outcome.failure.unwrap().reason_code, "timeout", "{domain}");
    }
    world.shutdown().await;
}
