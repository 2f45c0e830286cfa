//! The commands `mtasts check` and `mtasts match`, as programs, against the loopback world.
#![allow(clippy::unwrap_used, reason = "helpers of tests are not in test functions")]

use std::io::Write;
use std::process::{Command, Output, Stdio};

use mta_sts_world::{World, WorldConfig};
use serde_json::Value;
use tempfile::{NamedTempFile, TempDir};

/// The world and the file with its root certificate.
struct Stage {
    world: World,
    files: TempDir,
}

impl Stage {
    async fn start() -> Self {
        let world = World::start(WorldConfig::default()).await.unwrap();
        let files = TempDir::new().unwrap();
        std::fs::write(files.path().join("ca.pem"), world.ca_pem()).unwrap();
        Self { world, files }
    }

    async fn check(&self, arguments: &[&str]) -> Answer {
        run(self.command(self.world.smtp_port(), arguments)).await
    }

    fn command(&self, smtp_port: u16, arguments: &[&str]) -> Command {
        let mut command = mtasts();
        command
            .args(["check", "--ehlo", "sender.test", "--dns", &self.world.dns_addr().to_string()])
            .args(["--https-port", &self.world.https_port().to_string()])
            .args(["--smtp-port", &smtp_port.to_string()])
            .arg("--ca-file")
            .arg(self.files.path().join("ca.pem"))
            .args(arguments);
        command
    }

    /// The only domain of the answer in JSON.
    async fn json(&self, domain: &str) -> (Option<i32>, Value) {
        self.json_with(&[], domain).await
    }

    async fn json_with(&self, arguments: &[&str], domain: &str) -> (Option<i32>, Value) {
        let answer = self.check(&[arguments, &["--json", domain]].concat()).await;
        let value: Value = serde_json::from_str(&answer.stdout).unwrap();
        assert_eq!((&value["format"], value["domains"].as_array().unwrap().len()), (&1.into(), 1));
        (answer.status, value["domains"][0].clone())
    }
}

struct Answer {
    status: Option<i32>,
    stdout: String,
    stderr: String,
}

impl From<Output> for Answer {
    fn from(output: Output) -> Self {
        Self {
            status: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

fn mtasts() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mtasts"));
    command.stdin(Stdio::null()).env_remove("CLICOLOR_FORCE").env_remove("NO_COLOR");
    command
}

async fn run(mut command: Command) -> Answer {
    tokio::task::spawn_blocking(move || command.output().unwrap().into()).await.unwrap()
}

/// Looks for words in the output, however it was broken into lines; a line's end is looked for as it is.
fn assert_has(answer: &Answer, words: &[&str]) {
    let unbroken = answer.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    for word in words {
        let text = if word.contains('\n') { &answer.stdout } else { &unbroken };
        assert!(text.contains(word), "no {word:?} in:\n{}{}", answer.stdout, answer.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_stage_of_a_sound_domain_is_shown() {
    let stage = Stage::start().await;
    let answer = stage.check(&["healthy-enforce.test"]).await;
    assert_has(
        &answer,
        &[
            "_mta-sts.healthy-enforce.test",
            "\"v=STSv1; id=20260101T000000;\"",
            "https://mta-sts.healthy-enforce.test/.well-known/mta-sts.txt: HTTP 200, text/plain",
            "mode enforce, max_age 604800 (7 days)",
            "mx 10",
            "mx.healthy-enforce.test: covered by mx.healthy-enforce.test",
            "STARTTLS, TLS 1.",
            "certificate valid",
            "days left",
            "senders use this record (id 20260101T000000)",
        ],
    );
    assert!(answer.stdout.starts_with("healthy-enforce.test: protected\n"), "{}", answer.stdout);
    assert!(!answer.stdout.contains('\u{1b}'), "no colours where there is no terminal");
    assert_eq!((answer.status, answer.stderr.as_str()), (Some(0), ""));
    stage.world.shutdown().await;
}

// Proves S94.
#[tokio::test(flavor = "multi_thread")]
async fn each_domain_has_its_verdict_and_its_status() {
    let stage = Stage::start().await;
    for (domain, status, verdict, mx_decision, failure) in [
        ("healthy-enforce.test", 0, "delivered", "deliver", None),
        ("wildcard.test", 0, "delivered", "deliver", None),
        ("implicit-mx.test", 0, "delivered", "deliver", None),
        ("second-mx.test", 1, "delivered-with-faults", "try-next-mx", Some("certificate-expired")),
        ("backup-unlisted.test", 1, "delivered-with-faults", "deliver", Some("validation-failure")),
        ("starttls-stripped.test", 1, "deferred", "try-next-mx", Some("starttls-not-supported")),
        ("mx-spoofed.test", 1, "deferred", "try-next-mx", Some("validation-failure")),
        ("certificate-expired.test", 1, "deferred", "try-next-mx", Some("certificate-expired")),
        ("testing-fault.test", 1, "testing-with-faults", "deliver", Some("certificate-host-mismatch")),
        ("mode-none.test", 1, "mode-none", "deliver", None),
        ("no-mta-sts.test", 1, "no-mta-sts", "deliver", None),
        ("several-records.test", 1, "no-mta-sts", "deliver", None),
        ("policy-redirect.test", 1, "no-mta-sts", "deliver", Some("sts-policy-fetch-error")),
        ("policy-invalid.test", 1, "no-mta-sts", "deliver", Some("sts-policy-invalid")),
        ("policy-host-untrusted.test", 1, "no-mta-sts", "deliver", Some("sts-webpki-invalid")),
    ] {
        let (given, json) = stage.json(domain).await;
        assert_eq!((given, json["verdict"].as_str()), (Some(status), Some(verdict)), "{domain} {json:#}");
        assert_eq!(json["mx"]["hosts"][0]["decision"], mx_decision, "{domain}");
        assert_eq!(json["tlsrpt_failures"][0]["result_type"].as_str(), failure, "{domain}");
    }
    for (domain, status, verdict) in [
        ("null-mx.test", 1, "null-mx"),
        ("no-such-domain.test", 1, "no-such-domain"),
        ("bogus.test", 75, "dns-failed"),
    ] {
        let (given, json) = stage.json(domain).await;
        assert_eq!((given, json["verdict"].as_str()), (Some(status), Some(verdict)), "{domain} {json:#}");
        assert_eq!(json["mx"]["hosts"].as_array().unwrap().len(), 0, "{domain}");
    }
    stage.world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_are_shown_with_their_place_and_their_word() {
    let stage = Stage::start().await;
    for (domain, words) in [
        ("starttls-stripped.test", &["STARTTLS is not offered", "mail is being refused: "][..]),
        ("mx-spoofed.test", &["mx.attacker.test: not covered [mx-mismatch]", "certificate valid"]),
        (
            "certificate-expired.test",
            &["Its certificate expired a day ago.", "Fix (the operator of the mail host): Renew"],
        ),
        ("policy-redirect.test", &["HTTP 302", "[http-redirect]", "https://weaker.policy-redirect.test"]),
        ("policy-invalid.test", &["line 1, byte ", "[line-without-colon]", "<!DOCTYPE html>"]),
        (
            "policy-host-untrusted.test",
            &[
                "[certificate-not-trusted]",
                "for mta-sts.policy-host-untrusted.test",
                "the operator of the policy host",
            ],
        ),
        ("several-records.test", &["id=20260101T000000", "id=20260102T000000", "[several-records]"]),
        ("unrelated-txt.test", &["v=spf1 -all", "not an MTA-STS record"]),
        (
            "testing-fault.test",
            &[
                "mode testing, and there are faults to fix first",
                "could report: certificate-host-mismatch for",
            ],
        ),
        ("no-mta-sts.test", &["no-mta-sts.test: not protected: "]),
        ("null-mx.test", &["null MX", "null-mx.test: accepts no mail\n"]),
        ("implicit-mx.test", &["no MX record: the domain is its own MX host"]),
        ("no-such-domain.test", &["no-such-domain.test: does not exist\n"]),
        ("bogus.test", &["[bogus]", "Try again later."]),
        ("policy-host-down.test", &["[connect-failed]", "not protected: the policy cannot be fetched"]),
        ("loop.test", &["[cname-loop]"]),
    ] {
        assert_has(&stage.check(&[domain]).await, words);
    }
    stage.world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn domains_are_answered_in_the_order_given() {
    let stage = Stage::start().await;
    let domains = ["second-mx.test", "no-such-domain.test", "healthy-enforce.test", "null-mx.test"];
    let answer = stage.check(&domains).await;
    let is_title = |line: &&str| domains.iter().any(|domain| line.starts_with(&format!("{domain}: ")));
    let titles: Vec<_> = answer.stdout.lines().filter(is_title).collect();
    assert_eq!(
        titles,
        [
            "second-mx.test: protected, but not every MX host complies with the policy",
            "no-such-domain.test: does not exist",
            "healthy-enforce.test: protected",
            "null-mx.test: accepts no mail",
        ]
    );
    // Once more, one line each.
    let (_, summary) = answer.stdout.split_once("\nSummary\n").unwrap();
    assert!(summary.contains("  ok      healthy-enforce.test: protected\n"), "{summary}");
    assert!(summary.contains("exit 1: "), "{summary}");
    assert_eq!(answer.status, Some(1));

    // One domain at fault counts for more than one that could not be seen.
    assert_eq!(stage.check(&["bogus.test", "healthy-enforce.test"]).await.status, Some(75));
    assert_eq!(stage.check(&["bogus.test", "no-mta-sts.test"]).await.status, Some(1));
    stage.world.shutdown().await;
}

// Proves S66, A31.
#[tokio::test(flavor = "multi_thread")]
async fn a_domain_may_be_written_in_many_ways() {
    let stage = Stage::start().await;
    for given in ["Healthy-Enforce.TEST.", "alice@healthy-enforce.test"] {
        let (status, json) = stage.json(given).await;
        assert_eq!((status, json["domain"].as_str()), (Some(0), Some("healthy-enforce.test")), "{given}");
    }
    let answer = stage.check(&["bücher.test"]).await;
    assert_has(&answer, &["bücher.test (xn--bcher-kva.test)"]);
    for given in [
        "[192.0.2.1]",
        "192.0.2.1",
        "2001:db8::1",
        "alice@[192.0.2.1]",
        "two..dots.test",
        "a@b@healthy-enforce.test",
        "",
    ] {
        let answer = stage.check(&[given, "healthy-enforce.test"]).await;
        assert_eq!((answer.status, answer.stdout.as_str()), (Some(2), ""), "{given}");
        assert!(answer.stderr.contains("invalid value"), "{}", answer.stderr);
    }
    assert!(stage.check(&["192.0.2.1"]).await.stderr.contains("address"));
    assert_eq!(stage.check(&[]).await.status, Some(2));
    stage.world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_dns_the_answer_is_to_try_later() {
    let stage = Stage::start().await;
    let mut command = mtasts();
    // Nothing listens where a socket was a moment ago.
    let gone = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    command
        .args(["check", "healthy-enforce.test", "--dns", &gone.to_string(), "--ca-file"])
        .arg(stage.files.path().join("ca.pem"));
    let answer = run(command).await;
    assert_has(&answer, &["Try again later."]);
    assert_eq!(answer.status, Some(75));
    stage.world.shutdown().await;
}

// Proves T6.
#[tokio::test(flavor = "multi_thread")]
async fn an_mx_host_that_is_down_is_no_fault_of_the_policy() {
    let stage = Stage::start().await;
    // Nothing listens where a socket was a moment ago.
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let answer = run(stage.command(gone, &["healthy-enforce.test"])).await;
    assert_has(
        &answer,
        &["[connect-failed]", "senders cannot deliver", "no MX host can be reached from here", "exit 75: "],
    );
    assert_eq!(answer.status, Some(75));
    // Without a policy there is more to mend than the MX host.
    assert_eq!(run(stage.command(gone, &["no-mta-sts.test"])).await.status, Some(1));
    stage.world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn colours_are_the_choice_of_the_user() {
    let stage = Stage::start().await;
    for (variable, has_colours) in [("CLICOLOR_FORCE", true), ("NO_COLOR", false)] {
        let mut command = stage.command(stage.world.smtp_port(), &["healthy-enforce.test"]);
        command.env(variable, "1");
        assert_eq!(run(command).await.stdout.contains('\u{1b}'), has_colours, "{variable}");
    }
    stage.world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn json_tells_of_each_stage() {
    let stage = Stage::start().await;
    let (_, json) = stage.json("healthy-enforce.test").await;
    assert_eq!(json["status"], "fine");
    assert_eq!(json["record"]["records"][0]["id"], "20260101T000000");
    assert_eq!(json["record"]["records"][0]["counts"], true);
    assert_eq!(json["policy"]["http_status"], 200);
    assert_eq!(json["policy"]["max_age"], 604_800);
    assert_eq!(json["policy"]["mx_patterns"][0], "mx.healthy-enforce.test");
    let host = &json["mx"]["hosts"][0];
    assert_eq!((&host["preference"], &host["covered_by"]), (&10.into(), &"mx.healthy-enforce.test".into()));
    assert_eq!(host["session"]["starttls"], "tls-established");
    assert_eq!(host["session"]["certificate"]["valid"], true);
    let certificate = &json["policy"]["certificate"];
    assert_eq!((&certificate["valid"], &certificate["key"]), (&true.into(), &"EC 256".into()));
    assert!((28..=30).contains(&certificate["days_left"].as_i64().unwrap()), "{certificate:#}");
    let (_, json) = stage.json("chain-incomplete.test").await;
    let missing = &json["mx"]["hosts"][0]["session"]["certificate"]["missing_issuer"];
    assert_eq!(missing["name"], "CN=Throw-away CA between");

    let (_, json) = stage.json("policy-invalid.test").await;
    assert_eq!(
        (&json["policy"]["error"]["code"], &json["policy"]["error"]["line"]),
        (&"fetch-failed".into(), &1.into())
    );
    assert_eq!(json["policy"]["error"]["detail"], "line-without-colon");

    let (_, json) = stage.json("certificate-expired.test").await;
    let host = &json["mx"]["hosts"][0];
    assert_eq!(host["fault"], "certificate-expired");
    assert_eq!(host["session"]["certificate"]["faults"][0], "certificate-expired");
    stage.world.shutdown().await;
}

/// The text without what changes from day to day.
fn undated(text: &str) -> String {
    let undated = |line: &str| match line.split_once(" valid until ") {
        Some((before, _)) => format!("{before} valid until DAY, N days left"),
        None => line.to_owned(),
    };
    text.lines().map(undated).collect::<Vec<_>>().join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_domain_without_fault_is_told_on_a_screen() {
    let stage = Stage::start().await;
    let port = stage.world.dns_addr().port().to_string();
    let answer = stage.check(&["spotless.test", "--authoritative", "--ns-port", &port]).await;
    let expected = "\
spotless.test: protected
  =>      Senders with MTA-STS deliver only over authenticated TLS, to
          mx.spotless.test.

  record  _mta-sts.spotless.test TXT, TTL 1 minute, signed (DNSSEC)
          \"v=STSv1; id=20260101T000000;\"
          senders use this record (id 20260101T000000)
  policy  https://mta-sts.spotless.test/.well-known/mta-sts.txt: HTTP 200,
          text/plain, TLS 1.3
          certificate valid until DAY, N days left
          for mta-sts.spotless.test
          issued by CN=Throw-away CA of a loopback world, key EC 256, sent alone
          address 127.83.50.1
          mode enforce, max_age 604800 (7 days)
          mx mx.spotless.test
  mx      spotless.test MX, TTL 1 minute, signed (DNSSEC)
  mx 10   mx.spotless.test: covered by mx.spotless.test
          address 127.83.50.2
          STARTTLS, TLS 1.3, TLS_AES_128_GCM_SHA256, REQUIRETLS
          certificate valid until DAY, N days left
          for mx.spotless.test
          issued by CN=Throw-away CA of a loopback world, key EC 256, sent alone
          DANE: a TLSA record matches: senders with DANE deliver
          senders deliver
  tlsrpt  _smtp._tls.spotless.test TXT, TTL 1 minute, signed (DNSSEC)
          \"v=TLSRPTv1; rua=mailto:tls@spotless.test\"
          reports go to mailto:tls@spotless.test
          senders would report: success only
  ns      ns1.spotless.test 127.83.0.53: responds
          ns2.spotless.test 127.83.0.54: responds
          all responding servers agree";
    assert_eq!(undated(&answer.stdout), expected);
    assert_eq!(answer.status, Some(0));
    stage.world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_to_be_done_comes_before_the_stages_and_once() {
    let stage = Stage::start().await;
    let answer = stage.check(&["second-mx.test"]).await;
    let expected = "\
second-mx.test: protected, but not every MX host complies with the policy
  =>      Senders with MTA-STS deliver only over authenticated TLS, to
          mx2.second-mx.test. They do not deliver to mx1.second-mx.test.

  error   mx1.second-mx.test: Its certificate expired a day ago. Senders with
          MTA-STS do not deliver to this host. [certificate-expired]
          Fix (the operator of the mail host): Renew it, load it into the
          server, and find out why it was not renewed automatically.
  warning _smtp._tls.second-mx.test: There is no TLSRPT record. Nobody learns of
          TLS failures: senders have no address for reports. [no-tlsrpt]
          Fix (the operator of the domain's DNS): Publish the TXT record
          `v=TLSRPTv1; rua=mailto:ADDRESS` at `_smtp._tls`.

  record  _mta-sts.second-mx.test TXT, TTL 1 minute
";
    assert!(answer.stdout.starts_with(expected), "{}", answer.stdout);
    assert!(answer.stdout.ends_with("\nexit 1: A domain above is not protected, or has an error to fix.\n"));
    assert_has(&stage.check(&["mode-none.test"]).await, &["This is why the exit status is 1."]);
    stage.world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_has_its_finding_where_it_is() {
    let stage = Stage::start().await;
    for (domain, status, verdict, code, severity, place) in [
        ("alias-dangling.test", 1, "no-mta-sts", "alias-dangling", "error", "mta-sts.alias-dangling.test"),
        ("alias-dangling.test", 1, "no-mta-sts", "alias-dangling", "error", "_smtp._tls.alias-dangling.test"),
        ("mx-alias-dangling.test", 1, "unavailable", "alias-dangling", "error", "mx.mx-alias-dangling.test"),
        ("cname.test", 0, "delivered", "mx-is-alias", "warning", "mx.cname.test"),
        ("chain-incomplete.test", 1, "deferred", "chain-incomplete", "error", "mx.chain-incomplete.test"),
        ("self-signed.test", 1, "deferred", "certificate-self-signed", "error", "mx.self-signed.test"),
        ("untrusted-ca.test", 1, "deferred", "certificate-not-trusted", "error", "mx.untrusted-ca.test"),
        (
            "expires-soon.test",
            0,
            "delivered",
            "certificate-expires-soon",
            "warning",
            "mta-sts.expires-soon.test",
        ),
        ("expires-soon.test", 0, "delivered", "certificate-expires-soon", "warning", "mx.expires-soon.test"),
        ("policy-differs.test", 1, "delivered", "policy-differs", "error", "mta-sts.policy-differs.test"),
        (
            "policy-differs.test",
            1,
            "delivered",
            "policy-address-fails",
            "error",
            "mta-sts.policy-differs.test",
        ),
        ("old-lines.test", 1, "delivered", "mx-line-unregistered", "error", "mx: mx.provider.gone.test"),
        ("old-lines.test", 1, "delivered", "mx-line-unresolved", "warning", "mx: old.old-lines.test"),
        ("old-lines.test", 1, "delivered", "mx-line-without-mx", "info", "mx: spare.old-lines.test"),
        ("mx-doubled.test", 0, "delivered", "mx-doubled", "info", "mx.mx-doubled.test"),
        ("tls-too-old.test", 1, "deferred", "tls-version-too-old", "error", "mx.tls-too-old.test"),
        ("https-gzip.test", 1, "no-mta-sts", "content-encoding", "error", "mta-sts.https-gzip.test"),
        ("policy-redirect.test", 1, "no-mta-sts", "http-redirect", "error", "mta-sts.policy-redirect.test"),
        ("healthy-enforce.test", 0, "delivered", "no-tlsrpt", "warning", "_smtp._tls.healthy-enforce.test"),
        ("dane-mismatch.test", 1, "dane-refused", "dane-mismatch", "error", "mx.dane-mismatch.test"),
        ("dane-bogus.test", 1, "dane-refused", "dane-bogus", "error", "mx.dane-bogus.test"),
        ("bogus.test", 75, "dns-failed", "dnssec-bogus", "warning", "_mta-sts.bogus.test"),
        ("no-mta-sts.test", 1, "no-mta-sts", "no-record", "error", "_mta-sts.no-mta-sts.test"),
    ] {
        let (given, json) = stage.json(domain).await;
        assert_eq!((given, json["verdict"].as_str()), (Some(status), Some(verdict)), "{domain} {json:#}");
        let findings = json["findings"].as_array().unwrap();
        let is_it = |it: &&Value| it["code"] == code && it["severity"] == severity && it["place"] == place;
        assert!(findings.iter().any(|it| is_it(&it)), "{domain}: no {code} at {place}: {findings:#?}");
        for finding in findings {
            for member in ["message", "effect", "owner", "fix"] {
                assert!(finding[member].as_str().is_some_and(|text| !text.is_empty()), "{finding:#}");
            }
        }
    }
    stage.world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_fault_is_one_error() {
    let stage = Stage::start().await;
    for domain in ["https-gzip.test", "policy-redirect.test", "chain-incomplete.test", "dane-mismatch.test"] {
        let answer = stage.check(&[domain]).await;
        assert_eq!(answer.stdout.matches("\n  error ").count(), 1, "{}", answer.stdout);
    }
    let (_, json) = stage.json("https-gzip.test").await;
    assert_eq!(json["policy"]["content_encoding"], "gzip");
    assert_eq!(json["policy"]["findings"].as_array().unwrap().len(), 0);
    // Three MX records of one host are one host.
    let (_, json) = stage.json("mx-doubled.test").await;
    assert_eq!(json["mx"]["hosts"].as_array().unwrap().len(), 1);
    stage.world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tlsrpt_record_is_read_and_linted() {
    let stage = Stage::start().await;
    let (_, json) = stage.json("spotless.test").await;
    assert_eq!(json["tlsrpt"]["uris"][0], "mailto:tls@spotless.test");
    assert_eq!(json["tlsrpt"]["findings"].as_array().unwrap().len(), 0, "{:#}", json["tlsrpt"]);
    let (status, json) = stage.json("tlsrpt-broken.test").await;
    let codes: Vec<_> = json["tlsrpt"]["findings"].as_array().unwrap().iter().map(|it| &it["code"]).collect();
    assert!(!codes.is_empty() && json["tlsrpt"]["uris"].is_null(), "{:#}", json["tlsrpt"]);
    assert_eq!(status, Some(0), "mail arrives");
    let answer = stage.check(&["tlsrpt-broken.test"]).await;
    for code in codes {
        assert_has(&answer, &[&format!("[{}]", code.as_str().unwrap())]);
    }
    assert!(!answer.stdout.contains("\n  error "), "{}", answer.stdout);
    let (_, json) = stage.json("healthy-enforce.test").await;
    assert_eq!(json["tlsrpt"]["error"]["code"], "no-such-name");
    stage.world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn aliases_are_told_with_who_may_take_their_place() {
    let stage = Stage::start().await;
    assert_has(
        &stage.check(&["alias-dangling.test"]).await,
        &[
            "an alias of policy.hosting.gone.test, which does not exist",
            "whoever registers gone.test, or is given it by a provider, can serve the policy",
        ],
    );
    let (_, json) = stage.json("alias-dangling.test").await;
    let chain = &json["aliases"][0];
    assert_eq!((&chain["name"], &chain["end"]), (&"mta-sts.alias-dangling.test".into(), &"missing".into()));
    assert_eq!(chain["targets"][0], "policy.hosting.gone.test");
    assert_eq!(chain["unregistered"], "gone.test");
    let (_, json) = stage.json("cname.test").await;
    let names: Vec<_> = json["aliases"].as_array().unwrap().iter().map(|chain| &chain["name"]).collect();
    assert_eq!(names, ["_mta-sts.cname.test", "mta-sts.cname.test"]);
    assert_eq!(json["mx"]["hosts"][0]["alias"]["targets"][0], "mail.provider.test");
    let (_, json) = stage.json("loop.test").await;
    assert_eq!(json["aliases"][0]["end"], "endless");
    stage.world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dane_is_decided_for_each_host() {
    let stage = Stage::start().await;
    for (domain, dane) in [
        ("spotless.test", &["passed"][..]),
        ("dane.test", &["passed"]),
        ("dane-mismatch.test", &["mismatch"]),
        ("dane-bogus.test", &["dane-lookup-failed"]),
        ("dane-second.test", &["not-applicable", "passed"]),
        // The record of port 25 would match.
        ("dane-ports.test", &["mismatch"]),
        ("healthy-enforce.test", &["not-applicable"]),
    ] {
        let (_, json) = stage.json(domain).await;
        let hosts = json["mx"]["hosts"].as_array().unwrap();
        let given: Vec<_> = hosts.iter().map(|host| host["dane"].as_str().unwrap()).collect();
        assert_eq!(given, dane, "{domain}");
    }
    // Senders with DANE deliver where those with MTA-STS alone do not.
    assert_has(&stage.check(&["dane.test"]).await, &["Senders with DANE deliver: the TLSA records match."]);
    let (_, json) = stage.json("dane-mismatch.test").await;
    let failure = &json["tlsrpt_failures"][0];
    assert_eq!((&failure["policy_type"], &failure["mx"]), (&"tlsa".into(), &"mx.dane-mismatch.test".into()));
    stage.world.shutdown().await;
}

/// The findings of one place, by code and severity.
fn findings_at(json: &Value, place: &str) -> Vec<(String, String)> {
    let findings = json["findings"].as_array().unwrap().iter().filter(|it| it["place"] == place);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    findings.map(|it| (text(&it["code"]), text(&it["severity"]))).collect()
}

fn codes(json: &Value) -> Vec<&str> {
    json["findings"].as_array().unwrap().iter().map(|it| it["code"].as_str().unwrap()).collect()
}

/// How often an MX host was connected to.
fn sessions_with(stage: &Stage, host: &str) -> usize {
    stage.world.seen().smtp.iter().filter(|session| session.host == host).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_at_another_name_is_told_with_its_place() {
    let stage = Stage::start().await;
    let finding = |code: &str, severity: &str| [(code.to_owned(), severity.to_owned())];
    let (status, json) = stage.json("record-elsewhere.test").await;
    assert_eq!((status, &json["verdict"]), (Some(1), &"no-mta-sts".into()));
    let place = "_mta-sts.record-elsewhere.test";
    assert_eq!(findings_at(&json, place), finding("record-elsewhere", "error"));
    assert_eq!(
        findings_at(&json, "_smtp._tls.record-elsewhere.test"),
        finding("tlsrpt-elsewhere", "warning")
    );
    let stray = &json["stray_records"][0];
    assert_eq!(
        (&stray["belongs_to"], &stray["txt"]),
        (&place.into(), &"v=STSv1; id=20260101T000000;".into())
    );
    assert_has(
        &stage.check(&["record-elsewhere.test"]).await,
        &[
            "one at _mta-sts.record-elsewhere.test.record-elsewhere.test.",
            "one at _smtp-tlsrpt.record-elsewhere.test.",
            "Move it to `_mta-sts`.",
        ],
    );
    let (_, json) = stage.json("record-at-apex.test").await;
    assert_eq!(findings_at(&json, "_mta-sts.record-at-apex.test"), finding("record-elsewhere", "error"));
    assert_eq!(json["stray_records"].as_array().unwrap().len(), 1);
    assert_eq!(json["stray_records"][0]["name"], "record-at-apex.test");
    // Who has a record is not searched for others, and who has none at all is told so.
    let before = stage.world.seen().dns.len();
    let (_, json) = stage.json("spotless.test").await;
    assert_eq!(json["stray_records"].as_array().unwrap().len(), 0);
    let is_searched = |name: &str| name == "_mta_sts.spotless.test" || name == "_smtp-tlsrpt.spotless.test";
    assert!(!stage.world.seen().dns[before..].iter().any(|question| is_searched(&question.name)));
    let (_, json) = stage.json("no-mta-sts.test").await;
    assert_eq!(findings_at(&json, "_mta-sts.no-mta-sts.test"), finding("no-record", "error"));
    stage.world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deprecated_versions_of_tls_are_told_where_newer_ones_are_offered_too() {
    let stage = Stage::start().await;
    let (status, json) = stage.json("tls-deprecated.test").await;
    assert_eq!((status, &json["verdict"]), (Some(0), &"delivered".into()), "{json:#}");
    // One connection finds that nothing old is taken, two of which versions; one is a sender's, one is without SNI.
    for (number, taken, sessions) in
        [(0, &["TLS 1.1", "TLS 1.0"][..], 4), (1, &["TLS 1.0"], 3), (2, &["TLS 1.1"], 4)]
    {
        let host = &json["mx"]["hosts"][number];
        assert_eq!(host["deprecated_tls"], Value::from(taken), "{host:#}");
        assert_eq!(host["session"]["tls_version"], "TLS 1.3");
        let name = host["name"].as_str().unwrap();
        assert_eq!(findings_at(&json, name), [("deprecated-tls".to_owned(), "info".to_owned())]);
        assert_eq!(sessions_with(&stage, name), sessions, "{name}");
    }
    let answer = stage.check(&["tls-deprecated.test"]).await;
    assert_has(
        &answer,
        &[
            "tls-deprecated.test: protected\n",
            "mx1.tls-deprecated.test: Besides newer versions it accepts TLS 1.0 and",
            "mx2.tls-deprecated.test: Besides newer versions it accepts TLS 1.0.",
            "[deprecated-tls]",
            "Fix (the operator of the mail host): Accept only TLS 1.2 and 1.3",
            "accepts TLS 1.0 and TLS 1.1 too",
        ],
    );

    let (_, json) = stage.json("healthy-enforce.test").await;
    assert_eq!(json["mx"]["hosts"][0]["deprecated_tls"], Value::Array(Vec::new()));
    assert_eq!(sessions_with(&stage, "mx.healthy-enforce.test"), 3);
    // Where there is nothing newer, the old ones are told as what they are.
    let (_, json) = stage.json("tls-too-old.test").await;
    let place = "mx.tls-too-old.test";
    assert_eq!(findings_at(&json, place), [("tls-version-too-old".to_owned(), "error".to_owned())]);
    assert_eq!((&json["mx"]["hosts"][0]["deprecated_tls"], sessions_with(&stage, place)), (&Value::Null, 1));
    stage.world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_clients_without_sni_are_shown_is_told_where_it_is_no_good() {
    let stage = Stage::start().await;
    let (status, json) = stage.json("sni-needed.test").await;
    assert_eq!((status, &json["verdict"]), (Some(0), &"delivered".into()), "{json:#}");
    for (place, code, severity) in [
        ("mta-sts.sni-needed.test", "policy-certificate-needs-sni", "info"),
        ("mx1.sni-needed.test", "mx-certificate-needs-sni", "info"),
        ("mx2.sni-needed.test", "mx-demands-sni", "warning"),
    ] {
        assert_eq!(findings_at(&json, place), [(code.to_owned(), severity.to_owned())], "{json:#}");
    }
    let [policy_host, first, second] =
        [&json["policy"], &json["mx"]["hosts"][0], &json["mx"]["hosts"][1]].map(|it| &it["without_sni"]);
    assert_eq!(policy_host["certificate"]["dns_names"][0], "www.sni-needed.test");
    assert_eq!(first["certificate"]["dns_names"][0], "mail.sni-needed.test");
    assert_eq!(first["certificate"]["faults"][0], "certificate-host-mismatch");
    assert_eq!(
        (&second["certificate"], &second["error"]["code"]),
        (&Value::Null, &"tls-handshake-failed".into())
    );
    assert_has(
        &stage.check(&["sni-needed.test"]).await,
        &[
            "mx1.sni-needed.test: To a client without SNI it presents a certificate",
            "they must send SNI, the name of the MX host (RFC 8461, 7.1)",
            "A mail host must not demand SNI (RFC 8461, 7.1)",
            "without SNI: certificate for www.sni-needed.test [certificate-host-mismatch]",
        ],
    );

    // A policy host may refuse such clients, and most hosts show everybody the same.
    let (_, json) = stage.json("sni-refused.test").await;
    assert_eq!(findings_at(&json, "mta-sts.sni-refused.test"), []);
    assert_eq!(json["policy"]["without_sni"]["error"]["code"], "tls-handshake-failed");
    let certificate = &json["mx"]["hosts"][0]["without_sni"]["certificate"];
    assert_eq!(*certificate, json["mx"]["hosts"][0]["session"]["certificate"]);
    // What is wrong for everybody is told once.
    let (_, json) = stage.json("certificate-expired.test").await;
    let codes = [("certificate-expired".to_owned(), "error".to_owned())];
    assert_eq!(findings_at(&json, "mx.certificate-expired.test"), codes);
    stage.world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_connection_is_made_but_a_senders_where_probes_are_not_wanted() {
    let stage = Stage::start().await;
    for domain in ["tls-deprecated.test", "sni-needed.test"] {
        let (status, json) = stage.json_with(&["--no-probes"], domain).await;
        assert_eq!((status, &json["verdict"]), (Some(0), &"delivered".into()));
        assert_eq!(json["policy"]["without_sni"], Value::Null);
        for host in json["mx"]["hosts"].as_array().unwrap() {
            assert_eq!((&host["deprecated_tls"], &host["without_sni"]), (&Value::Null, &Value::Null));
            assert_eq!(sessions_with(&stage, host["name"].as_str().unwrap()), 1);
        }
        assert_eq!(codes(&json), ["no-tlsrpt"]);
    }
    stage.world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_silent_to_old_clients_hides_nothing_else() {
    let stage = Stage::start().await;
    let (status, json) = stage.json_with(&["--timeout", "6s"], "tls-deprecated-silent.test").await;
    assert_eq!((status, &json["verdict"]), (Some(0), &"delivered".into()), "{json:#}");
    assert_eq!(json["mx"]["hosts"][0]["deprecated_tls"], Value::Null, "it is not known");
    assert_eq!(json["policy"]["other_addresses"][0]["same"], true, "there is time left for it");
    assert_eq!(codes(&json), ["no-tlsrpt"]);
    stage.world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn name_servers_are_asked_one_by_one() {
    let stage = Stage::start().await;
    let port = stage.world.dns_addr().port().to_string();
    let answer = stage.check(&["name-servers-disagree.test"]).await;
    assert_eq!(answer.status, Some(0), "nobody asked for it: {}", answer.stdout);
    let arguments = ["--authoritative", "--ns-port", &port];
    let answer = stage.check(&[&["name-servers-disagree.test"][..], &arguments].concat()).await;
    assert_has(
        &answer,
        &[
            "name-servers-disagree.test: protected, with faults",
            "ns2.name-servers-disagree.test says \"v=STSv1; id=20260102T000000;\"",
            "[name-servers-disagree]",
        ],
    );
    assert_eq!(answer.status, Some(1));
    let answer = stage.check(&[&["--json", "spotless.test"][..], &arguments].concat()).await;
    let json: Value = serde_json::from_str(&answer.stdout).unwrap();
    let servers = &json["domains"][0]["name_servers"];
    assert_eq!(
        (&servers["zone"], servers["servers"].as_array().unwrap().len()),
        (&"spotless.test".into(), 2)
    );
    assert_eq!(servers["disagreements"].as_array().unwrap().len(), 0);
    stage.world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_ends_when_its_time_is_up() {
    let stage = Stage::start().await;
    // A busy machine is given ten times as long.
    let within = std::time::Duration::from_secs(20);
    let look = stage.check(&["https-hang.test", "--timeout", "2s"]);
    let answer = tokio::time::timeout(within, look).await.unwrap();
    assert_has(&answer, &["[policy-host-timeout]", "exit 75: "]);
    let answer = stage.check(&["dns-timeout.test", "--timeout", "4s"]).await;
    assert_has(&answer, &["unknown: the lookup of the record _mta-sts.dns-timeout.test"]);
    assert_eq!(answer.status, Some(75));
    for given in ["0s", "1h", "soon"] {
        assert_eq!(
            stage.check(&["healthy-enforce.test", "--timeout", given]).await.status,
            Some(2),
            "{given}"
        );
    }
    stage.world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_line_is_wider_than_a_terminal() {
    let stage = Stage::start().await;
    let slow = ["dns-timeout.test", "https-drip.test", "https-hang.test"];
    let scenarios = stage.world.scenarios().iter().map(|scenario| scenario.domain.as_str());
    let others =
        ["old-lines.test", "policy-differs.test", "alias-dangling.test", "dane-bogus.test", "bogus.test"];
    let domains: Vec<_> = scenarios.chain(others).filter(|domain| !slow.contains(domain)).collect();
    let answer = stage.check(&domains).await;
    assert!(answer.stdout.lines().count() > 20 * domains.len(), "{}", answer.stdout);
    for line in answer.stdout.lines().filter(|line| line.chars().count() > 80) {
        // A word that no line can hold stands alone, behind its label at most.
        assert_eq!(line.get(10..).unwrap().split_whitespace().count(), 1, "{line}");
    }
    stage.world.shutdown().await;
}

async fn matched(arguments: &[&str]) -> Answer {
    let mut command = mtasts();
    command.arg("match").args(arguments);
    run(command).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pattern_covers_hosts_or_does_not() {
    let answer = matched(&["*.recipient.test", "MX1.recipient.test."]).await;
    assert_has(&answer, &["covered by *.recipient.test"]);
    assert_eq!(answer.status, Some(0));

    let answer =
        matched(&["*.recipient.test", "mx1.recipient.test", "deep.mx1.recipient.test", "no host"]).await;
    assert_has(&answer, &["not covered", "[bad-character]"]);
    assert_eq!(answer.status, Some(1));

    let answer = matched(&["mx*.recipient.test", "mx1.recipient.test"]).await;
    assert!(
        answer.stderr.contains("at byte 2") && answer.stderr.contains("[bad-wildcard]"),
        "{}",
        answer.stderr
    );
    assert_eq!(answer.status, Some(1));
    assert_eq!(matched(&["*.recipient.test"]).await.status, Some(2));
    assert_eq!(matched(&[]).await.status, Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_covers_hosts_or_does_not() {
    let mut file = NamedTempFile::new().unwrap();
    let policy =
        "version: STSv1\nmode: enforce\nmx: mx1.recipient.test\nmx: *.provider.test\nmax_age: 86400\n";
    file.write_all(policy.as_bytes()).unwrap();
    let path = file.path().to_str().unwrap();

    let answer = matched(&["--json", "--policy", path, "mx1.recipient.test", "mx.attacker.test"]).await;
    let json: Value = serde_json::from_str(&answer.stdout).unwrap();
    assert_eq!(answer.status, Some(1));
    assert_eq!(json["hosts"][0]["pattern"], "mx1.recipient.test");
    assert_eq!(json["hosts"][1]["covered"], false);
    assert_eq!(json["patterns"][1], "*.provider.test");

    let mut command = mtasts();
    command.args(["match", "--policy", "-", "a.provider.test"]).stdin(file.reopen().unwrap());
    let answer = run(command).await;
    assert_has(&answer, &["a.provider.test covered by *.provider.test"]);
    assert_eq!(answer.status, Some(0));

    std::fs::write(path, policy.replace("enforce", "strict")).unwrap();
    let answer = matched(&["--json", "--policy", path, "mx1.recipient.test"]).await;
    let json: Value = serde_json::from_str(&answer.stdout).unwrap();
    assert_eq!((&json["error"]["code"], &json["error"]["line"]), (&"bad-mode".into(), &2.into()));
    assert_eq!(answer.status, Some(1));
    assert_eq!(matched(&["--policy", "/nonexistent", "mx.test"]).await.status, Some(66));
    // A file is not taken for a pattern, and neither is a path to none.
    for given in [path, "./mta-sts.txt"] {
        let answer = matched(&[given, "mx1.recipient.test"]).await;
        assert!(answer.stderr.contains("match --policy "), "{}", answer.stderr);
        assert_eq!(answer.status, Some(2));
    }
}
