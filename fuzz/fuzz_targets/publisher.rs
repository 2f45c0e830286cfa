//! Requests to a Policy Host: whatever they are, a policy goes only to who has verified its domain, and reports are kept whole or not at all.
//!
//! The input is the name in the handshake, a line feed, and the octets of the connection.
#![no_main]

use std::cell::LazyCell;
use std::fs;
use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use mta_sts_core::{Policy, PolicyDomain};
use mta_sts_publisher::{
    Certificates, HostedPolicies, PolicyHostConfig, PolicyHostServer, ReportReceiver, ReportReceiverConfig,
};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::{Builder, Runtime};

const DOMAINS: [&str; 2] = ["a.example", "b.example"];
const MAX_LEN: usize = 1024;
const QUOTA: u64 = 64 * 1024;

struct Stage {
    runtime: Runtime,
    folder: TempDir,
    server: PolicyHostServer,
    receiver: ReportReceiver,
}

fn policy_of(domain: &str) -> String {
    format!("version: STSv1\nmode: enforce\nmx: mx.{domain}\nmax_age: 604800\n")
}

fn stage() -> Stage {
    let mut policies = HostedPolicies::default();
    for domain in DOMAINS {
        let policy = Policy::parse(policy_of(domain).as_bytes()).expect("the policy is valid");
        policies.insert(&PolicyDomain::parse(domain).expect("the domain is valid"), &policy);
    }
    let folder = tempfile::tempdir().expect("a folder can be made");
    let config = ReportReceiverConfig::new().with_max_len(MAX_LEN).with_quota(QUOTA);
    let receiver = ReportReceiver::open(folder.path(), config).expect("the folder can be written");
    let server = PolicyHostServer::new(policies, Arc::new(Certificates::new()), PolicyHostConfig::new())
        .with_receiver(receiver.clone(), "/tlsrpt");
    // Nobody waits for time limits: the clock goes to the next one when there is nothing else to do.
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
    let stage = Stage { runtime: runtime.expect("there is a runtime"), folder, server, receiver };
    // Without these two, the target would see nothing of what it is for.
    assert!(exchange(&stage, Some(HOST.to_owned()), POLICY).contains(&policy_of("a.example")));
    let answered = exchange(&stage, Some(HOST.to_owned()), REPORT);
    assert!(answered.starts_with("HTTP/1.1 201 "), "{answered}");
    check_kept(&stage, &answered);
    stage
}

const HOST: &str = "mta-sts.a.example";
const POLICY: &[u8] = b"GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: mta-sts.a.example\r\n\r\n";
const REPORT: &[u8] =
    b"POST /tlsrpt HTTP/1.1\r\nHost: mta-sts.a.example\r\nContent-Type: application/tlsrpt+json\r\n\
    Content-Length: 2\r\n\r\n{}";

fuzz_target!(|input: &[u8]| {
    thread_local! { static STAGE: LazyCell<Stage> = const { LazyCell::new(stage) }; }
    STAGE.with(|stage| answer(stage, input));
});

fn answer(stage: &Stage, input: &[u8]) {
    let (name, octets) = input.split_at(input.iter().position(|octet| *octet == b'\n').unwrap_or(0));
    let sni = std::str::from_utf8(name).ok().filter(|name| !name.is_empty()).map(str::to_ascii_lowercase);
    let answered = exchange(stage, sni.clone(), octets.get(1..).unwrap_or_default());

    // A policy goes to who has verified its domain in the handshake, and to nobody else.
    for domain in DOMAINS {
        if answered.contains(&policy_of(domain)) {
            assert_eq!(sni, Some(format!("mta-sts.{domain}")), "{answered}");
        }
    }
    for status in statuses(&answered) {
        assert!([100, 200, 201].contains(&status) || (400..600).contains(&status), "{answered}");
    }
    check_kept(stage, &answered);
}

/// What the server answers on a connection, up to its end.
fn exchange(stage: &Stage, sni: Option<String>, octets: &[u8]) -> String {
    stage.runtime.block_on(async {
        let (mut client, server) = tokio::io::duplex(1 << 20);
        client.write_all(octets).await.expect("there is room");
        stage.server.answer_stream(server, sni).await;
        let mut answered = Vec::new();
        client.read_to_end(&mut answered).await.expect("it was closed");
        String::from_utf8(answered).expect("each answer is text")
    })
}

/// A client of HTTP/1.0 is answered in that version.
fn statuses(answered: &str) -> impl Iterator<Item = u16> {
    let lines = answered
        .lines()
        .filter_map(|line| line.strip_prefix("HTTP/1.1 ").or_else(|| line.strip_prefix("HTTP/1.0 ")));
    lines.map(|status| status[..3].parse().expect("a status is a number"))
}

fn check_kept(stage: &Stage, answered: &str) {
    // What is kept has the name of its octets, and its length; nothing is left half.
    let part = |part: &str| fs::read_dir(stage.folder.path().join(part)).expect("the folder is there");
    assert_eq!(part("tmp").count(), 0);
    let taken = statuses(answered).filter(|status| *status == 201).count();
    assert!(part("new").count() <= taken);
    assert_eq!(part("new").count() == 0, taken == 0, "{answered}");
    for entry in part("new") {
        let path = entry.expect("it can be read").path();
        let name = path.file_name().and_then(|name| name.to_str()).expect("its name is text");
        let hash = name.strip_suffix(".json.gz").or_else(|| name.strip_suffix(".json"));
        let is_hash = |hash: &str| hash.len() == 64 && hash.bytes().all(|octet| octet.is_ascii_hexdigit());
        assert!(hash.is_some_and(is_hash), "{name}");
        let octets = fs::read(&path).expect("it can be read");
        assert!(!octets.is_empty() && octets.len() <= MAX_LEN, "{}", octets.len());
        fs::remove_file(path).expect("it can be taken away");
    }
    assert!(stage.receiver.used() <= QUOTA);
    stage.receiver.recount().expect("the folder can be read");
    assert_eq!(stage.receiver.used(), 0);
}
