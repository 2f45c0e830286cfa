//! The commands `mtasts publish init`, `plan` and `remove`, as programs, against the loopback world.
#![allow(clippy::unwrap_used, reason = "helpers of tests are not in test functions")]

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use mta_sts_core::lint::{self, Severity};
use mta_sts_core::publish::{History, ServedPolicy};
use mta_sts_core::{Mode, Policy, Record};
use mta_sts_world::{World, WorldConfig};
use nix::fcntl::{Flock, FlockArg};
use serde_json::Value;
use tempfile::TempDir;

/// The world, and the folder in which the command works.
struct Stage {
    world: World,
    folder: TempDir,
}

struct Answer {
    status: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|_| panic!("{}{}", self.stdout, self.stderr))
    }

    /// What was done of each step, with what has to be waited for.
    fn steps(&self) -> Vec<(String, String, String)> {
        let steps = self.json()["domains"][0]["steps"].as_array().unwrap().clone();
        let word = |value: &Value| value.as_str().unwrap().to_owned();
        let waits = |step: &Value, time: &str| word(&step[time]["wait"]);
        steps
            .iter()
            .map(|step| (word(&step["action"]), waits(step, "earliest"), waits(step, "safe")))
            .collect()
    }
}

impl Stage {
    async fn start() -> Self {
        let world = World::start(WorldConfig::default()).await.unwrap();
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("ca.pem"), world.ca_pem()).unwrap();
        Self { world, folder }
    }

    async fn run(&self, arguments: &[&str]) -> Answer {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mtasts"));
        command
            .arg("publish")
            .args(arguments)
            .args(["--dns", &self.world.dns_addr().to_string(), "--ca-file", "ca.pem"])
            .args(["--https-port", &self.world.https_port().to_string()])
            .current_dir(self.folder.path())
            .env_remove("CLICOLOR_FORCE")
            .env_remove("NO_COLOR")
            .stdin(Stdio::null());
        tokio::task::spawn_blocking(move || {
            let output = command.output().unwrap();
            Answer {
                status: output.status.code(),
                stdout: String::from_utf8(output.stdout).unwrap(),
                stderr: String::from_utf8(output.stderr).unwrap(),
            }
        })
        .await
        .unwrap()
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.folder.path().join(file)).unwrap()
    }

    /// Changes the history of a domain, as time does.
    fn edit(&self, change: impl FnOnce(String) -> String) {
        let file = self.folder.path().join("published.toml");
        fs::write(&file, change(fs::read_to_string(&file).unwrap())).unwrap();
    }

    /// The only history in the file.
    fn history(&self) -> History {
        let text = self.read("published.toml");
        let history = text.split("'''\n").nth(1).unwrap();
        History::parse(history.as_bytes()).unwrap()
    }
}

fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_policy_is_written_for_the_mx_hosts_in_dns() {
    let stage = Stage::start().await;
    let answer = stage.run(&["init", "no-mta-sts.test", "--rua", "mailto:tls@no-mta-sts.test"]).await;
    assert_eq!((answer.status, answer.stderr.as_str()), (Some(0), ""), "{}", answer.stdout);
    let said = words(&answer.stdout);
    assert!(
        said.starts_with("no-mta-sts.test: mode testing, max_age 1 day, mx mx.no-mta-sts.test"),
        "{said}"
    );
    let body = stage.read("no-mta-sts.test/mta-sts.txt");
    let policy = Policy::parse(body.as_bytes()).unwrap();
    assert_eq!((policy.mode(), policy.max_age().as_secs()), (Mode::Testing, 86_400));
    assert!(policy.matches_mx("mx.no-mta-sts.test"));
    assert!(lint::policy(body.as_bytes()).iter().all(|finding| finding.severity() == Severity::Info));
    let zone = stage.read("no-mta-sts.test/zone.txt");
    let line = zone.lines().next().unwrap();
    let text =
        line.strip_prefix("_mta-sts.no-mta-sts.test. 3600 IN TXT \"").unwrap().strip_suffix('"').unwrap();
    assert!(Record::parse(text.as_bytes()).is_ok());
    assert!(zone.contains(
        "_smtp._tls.no-mta-sts.test. 3600 IN TXT \"v=TLSRPTv1; rua=mailto:tls@no-mta-sts.test\"\n"
    ));
    assert_eq!(stage.history().hosts().len(), 1);
    assert_eq!(stage.history().policy(), None);

    // A second time would make a second history.
    let again = stage.run(&["init", "no-mta-sts.test"]).await;
    assert_eq!(again.status, Some(1));
    assert!(
        again.stderr.contains("has a history already: go on with `mtasts publish plan"),
        "{}",
        again.stderr
    );

    // Nothing is served yet, so the policy comes first.
    let plan = stage.run(&["plan", "no-mta-sts.test", "--json", "--write"]).await;
    assert_eq!(plan.status, Some(0), "{}", plan.stderr);
    let expected = [("put-policy", "nothing", "nothing"), ("put-record", "previous-step", "previous-step")];
    let expected = expected.map(|(action, earliest, safe)| (action.into(), earliest.into(), safe.into()));
    assert_eq!(plan.steps(), expected);
    assert_eq!(plan.json()["domains"][0]["steps"][0]["policy"]["text"], body);
    assert_eq!(plan.json()["domains"][0]["steps"][1]["record"]["value"], text);
    assert!(plan.json()["domains"][0]["written"].as_str().unwrap().ends_with("no-mta-sts.test/mta-sts.txt"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_mx_hosts_has_two_times() {
    let stage = Stage::start().await;
    let answer = stage.run(&["init", "healthy-enforce.test"]).await;
    assert_eq!(answer.status, Some(0), "{}", answer.stderr);
    assert!(words(&answer.stdout).contains("has a policy, and now a history"), "{}", answer.stdout);
    assert_eq!(stage.history().policy().map(ServedPolicy::mode), Some(Mode::Enforce));

    let nothing = stage.run(&["plan", "healthy-enforce.test"]).await;
    assert_eq!(
        (nothing.status, nothing.stdout.as_str()),
        (Some(0), "healthy-enforce.test: there is nothing to do\n")
    );

    // Its `max_age` is a week. Whoever says `--mode enforce`, as in the steps before, is not at the end.
    let enforce = stage.run(&["plan", "healthy-enforce.test", "--mode", "enforce", "--json"]).await;
    let max_ages: Vec<_> = enforce.json()["domains"][0]["steps"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|step| step["policy"]["max_age"].as_u64())
        .collect();
    assert_eq!(max_ages, [2_592_000]);
    let short = ["plan", "healthy-enforce.test", "--mode", "enforce", "--max-age", "7d"];
    assert!(stage.run(&short).await.stdout.contains("nothing to do"));

    let change = ["plan", "healthy-enforce.test", "--replace-mx", "mx.healthy-enforce.test=mx4.example.net"];
    let answer = stage.run(&[&change[..], &["--json"]].concat()).await;
    let expected = [
        ("put-policy", "nothing", "nothing"),
        ("put-record", "policy-cache", "policy-cache"),
        ("change-mx", "record-ttl", "old-policies"),
        ("put-policy", "queued-mail", "queued-mail"),
        ("put-record", "policy-cache", "policy-cache"),
    ];
    let expected = expected.map(|(action, earliest, safe)| (action.into(), earliest.into(), safe.into()));
    assert_eq!(answer.steps(), expected);
    let steps = answer.json()["domains"][0]["steps"].clone();
    assert_eq!(steps[0]["policy"]["mx"], serde_json::json!(["mx.healthy-enforce.test", "mx4.example.net"]));
    assert_eq!(steps[2]["add"], serde_json::json!(["mx4.example.net"]));
    assert_eq!(steps[2]["remove"], serde_json::json!(["mx.healthy-enforce.test"]));
    assert_eq!(steps[3]["policy"]["mx"], serde_json::json!(["mx4.example.net"]));

    let said = words(&stage.run(&change).await.stdout);
    for told in [
        "healthy-enforce.test: 5 steps",
        "1 now: serve the policy: mode enforce,",
        "(RFC 8461, 8.1)",
        "change the MX records: add mx4.example.net, take out mx.healthy-enforce.test",
        "senders that compare ids go on with the old policy. (RFC 8461, 8.1)",
        "senders that do not compare ids may hold an older policy",
        "(RFC 5321, 4.5.4.1)",
    ] {
        assert!(said.contains(told), "no {told:?} in {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removal_waits_for_every_policy_that_was_served() {
    let stage = Stage::start().await;
    assert_eq!(stage.run(&["init", "healthy-enforce.test"]).await.status, Some(0));
    let answer = stage.run(&["remove", "healthy-enforce.test", "--json"]).await;
    let actions: Vec<_> =
        answer.steps().into_iter().map(|(action, earliest, _)| (action, earliest)).collect();
    let expected = [
        ("put-policy", "nothing"),
        ("put-record", "policy-cache"),
        ("delete-record", "opt-out"),
        ("delete-policy", "previous-step"),
    ];
    assert_eq!(actions, expected.map(|(action, wait)| (action.into(), wait.into())));
    assert_eq!(
        answer.json()["domains"][0]["steps"][0]["policy"]["text"],
        "version: STSv1\r\nmode: none\r\nmax_age: 86400\r\n"
    );
    let flag = stage.run(&["plan", "healthy-enforce.test", "--remove", "--json"]).await;
    assert_eq!(flag.steps(), answer.steps());
}

#[tokio::test(flavor = "multi_thread")]
async fn many_domains_have_one_file_and_what_cannot_be_is_told() {
    let stage = Stage::start().await;
    let answer = stage.run(&["init", "no-mta-sts.test", "healthy-enforce.test", "--json"]).await;
    assert_eq!(answer.status, Some(0), "{}", answer.stderr);
    let begun: Vec<_> =
        answer.json()["domains"].as_array().unwrap().iter().map(|one| one["begun"].clone()).collect();
    assert_eq!(begun, ["new", "published"]);
    let all = stage.run(&["plan", "--all", "--json"]).await;
    assert_eq!(all.json()["domains"].as_array().unwrap().len(), 2);

    let wide = stage.run(&["plan", "no-mta-sts.test", "--wildcard", "*.test"]).await;
    assert_eq!(wide.status, Some(1));
    assert!(
        wide.stderr.contains("*.test: Anybody may register names that the wildcard covers."),
        "{}",
        wide.stderr
    );
    let unknown = stage.run(&["plan", "wildcard.test"]).await;
    assert_eq!(unknown.status, Some(1));
    assert!(unknown.stderr.contains("begin with `mtasts publish init wildcard.test`"), "{}", unknown.stderr);
    let silent = stage.run(&["init", "dns-timeout.no-such-zone.test"]).await;
    assert_eq!(silent.status, Some(1));
    assert!(silent.stderr.contains("neither MX records nor addresses"), "{}", silent.stderr);

    stage.edit(|text| text.replace("healthy-enforce.test\"]", "healthy-enforce.example\"]"));
    let broken = stage.run(&["plan", "--all"]).await;
    assert_eq!(broken.status, Some(78));
    assert!(broken.stderr.contains("published.toml:"), "{}", broken.stderr);
    assert!(
        broken.stderr.contains('^') && broken.stderr.contains("this is the history of healthy-enforce.test"),
        "{}",
        broken.stderr
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_says_what_to_do_now() {
    let stage = Stage::start().await;
    let smtp_port = stage.world.smtp_port().to_string();
    let html = async |arguments: &[&str]| {
        stage.run(&[&["html", "--smtp-port", &smtp_port], arguments].concat()).await
    };
    assert_eq!(html(&["spotless.test"]).await.status, Some(1));
    let none = html(&["--all"]).await;
    assert_eq!((none.status, none.stdout.as_str()), (Some(1), ""));
    assert!(none.stderr.contains("has no domain") && !stage.folder.path().join("published.toml").exists());
    let domains = ["spotless.test", "testing-fault.test", "no-mta-sts.test", "expires-soon.test"];
    assert_eq!(stage.run(&[&["init"], &domains[..]].concat()).await.status, Some(0));

    // A folder that is not there is no folder without domains.
    for command in [["plan", "spotless.test"], ["check", "spotless.test"], ["html", "--all"]] {
        let answer = stage.run(&[&command[..], &["--dir", "nowhere"]].concat()).await;
        assert_eq!(answer.status, Some(66), "{command:?}: {}", answer.stderr);
        assert!(answer.stderr.contains("nowhere: there is no such folder"), "{}", answer.stderr);
    }

    let answer = html(&["--all", "-o", "page.html"]).await;
    assert_eq!((answer.status, answer.stdout.as_str(), answer.stderr.as_str()), (Some(0), "", ""));
    let page = stage.read("page.html");
    let links: Vec<_> =
        page.split("<a href=\"#d").skip(1).map(|link| link.split(['>', '<']).nth(1).unwrap()).collect();
    // What is urgent comes first.
    assert_eq!(links, ["testing-fault.test", "no-mta-sts.test", "expires-soon.test", "spotless.test"]);
    for told in [
        "Now: serve a policy in mode testing",
        "Not protected yet: mode testing, and there are faults to fix first",
        "mx.testing-fault.test",
        "By the operator of the mail host.",
        "v=STSv1; id=",
        "max_age: 604800",
    ] {
        assert!(page.contains(told), "no {told:?} in {page}");
    }
    // It ends in five days, of which a second may have passed.
    assert!([">5 days left<", ">4 days left<"].iter().any(|told| page.contains(told)));
    // What the plan does is not listed a second time.
    assert!(!page.contains("There is no TXT record for MTA-STS"));

    // From mode testing it goes on to mode enforce, unless it is told to stay.
    let answer = html(&["testing-fault.test"]).await;
    assert!(answer.stdout.contains("Serve the policy in mode enforce"), "{}", answer.stdout);
    let answer = html(&["testing-fault.test", "--mode", "testing"]).await;
    assert!(answer.stdout.contains("<!doctype") && !answer.stdout.contains("in mode enforce, with"));
    let answer = html(&["spotless.test", "--remove"]).await;
    assert!(answer.stdout.contains("Now: serve a policy in mode none"), "{}", answer.stdout);

    // Reports are heeded, and what of them is not read is in the exit status.
    fs::write(stage.folder.path().join("nothing.json"), "{").unwrap();
    let answer = html(&["testing-fault.test", "--reports", "nothing.json"]).await;
    assert_eq!(answer.status, Some(66), "{}", answer.stderr);
    for unused in [["--require-dkim", "mx.testing-fault.test"], ["--max-mib", "9"]] {
        let answer = html(&[&["testing-fault.test"], &unused[..]].concat()).await;
        assert_eq!(answer.status, Some(2), "{unused:?}");
        assert!(answer.stderr.contains("--reports"), "{}", answer.stderr);
    }
    assert!(answer.stdout.contains("</html>") && answer.stderr.contains("Not read"), "{}", answer.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_made_of_what_can_be_seen() {
    let stage = Stage::start().await;
    assert_eq!(stage.run(&["init", "spotless.test", "healthy-enforce.test"]).await.status, Some(0));
    // Of this domain DNS tells nothing now.
    stage.edit(|text| {
        let (head, tables) = text.split_once("\n[").unwrap();
        let (first, _) = tables.split_once("\n\n[").unwrap_or((tables, ""));
        let broken = first.replace(first.split('"').nth(1).unwrap(), "bogus.test");
        format!("{head}\n[{tables}\n[{broken}")
    });
    let smtp_port = stage.world.smtp_port().to_string();
    let answer = stage.run(&["html", "--all", "--smtp-port", &smtp_port]).await;
    assert_eq!(answer.status, Some(75), "{}", answer.stderr);
    assert!(answer.stderr.contains("bogus.test"), "{}", answer.stderr);
    assert!(answer.stdout.contains("Nothing can be said now") && answer.stdout.contains("spotless.test"));
}

impl Stage {
    /// `mtasts publish check`, in JSON: the exit status, and the domains.
    async fn check(&self, arguments: &[&str]) -> (Option<i32>, Vec<Value>) {
        let smtp_port = self.world.smtp_port().to_string();
        let answer = self.run(&[&["check", "--json", "--smtp-port", &smtp_port], arguments].concat()).await;
        let json = answer.json();
        (answer.status, json["domains"].as_array().unwrap().clone())
    }
}

/// The codes of what was found.
fn codes(domain: &Value) -> Vec<&str> {
    domain["findings"].as_array().unwrap().iter().map(|finding| finding["code"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_compares_with_what_was_noted() {
    let stage = Stage::start().await;
    let (status, domains) = stage.check(&["healthy-enforce.test"]).await;
    assert_eq!((status, codes(&domains[0])[0]), (Some(0), "no-tlsrpt"), "{domains:#?}");
    assert!(codes(&domains[0]).contains(&"no-history"));

    assert_eq!(stage.run(&["init", "healthy-enforce.test"]).await.status, Some(0));
    let (status, domains) = stage.check(&["healthy-enforce.test"]).await;
    assert_eq!((status, codes(&domains[0])), (Some(0), vec!["no-tlsrpt"]));

    // What was noted is another policy under the same id, another host, and shorter TTLs.
    let before = stage.read("published.toml");
    stage.edit(|text| {
        let text = text
            .replace(" enforce 604800 ", " testing 86400 ")
            .replace("record-ttl = 3600", "record-ttl = 5");
        text.replace("- mx.healthy-enforce.test\n'''", "- mx9.healthy-enforce.test\n'''")
    });
    stage.edit(|text| {
        let place = text.find("policy: ").unwrap();
        let id = text[place..].split(' ').nth(3).unwrap().to_owned();
        text.replacen(&id, "0123456789abcdef0123", 1)
    });
    let (status, domains) = stage.check(&["healthy-enforce.test"]).await;
    assert_eq!(status, Some(1));
    let expected = [
        "body-changed-id-not",
        "policy-not-as-noted",
        "mx-not-as-noted",
        "ttl-longer-than-noted",
        "no-tlsrpt",
    ];
    assert_eq!(codes(&domains[0]), expected, "{}", stage.read("published.toml"));
    let answer = stage
        .run(&["check", "healthy-enforce.test", "--smtp-port", &stage.world.smtp_port().to_string()])
        .await;
    let said = words(&answer.stdout);
    for told in [
        "healthy-enforce.test: protected, with faults",
        "The policy has changed, and the id has not: 20260101T000000 announced another policy, of mode testing",
        "Fix (the owner of the domain): Set the TXT record to `v=STSv1; id=",
        "new: mx.healthy-enforce.test; gone: mx9.healthy-enforce.test",
        "covered by mx.healthy-enforce.test",
    ] {
        assert!(said.contains(told), "no {told:?} in {said}");
    }
    // A check notes nothing.
    assert!(stage.read("published.toml").contains("0123456789abcdef0123"));

    stage.edit(|_| before);
    fs::create_dir_all(stage.folder.path().join("healthy-enforce.test")).unwrap();
    fs::write(stage.folder.path().join("healthy-enforce.test/mta-sts.txt"), "version: STSv1\n").unwrap();
    let (status, domains) = stage.check(&["healthy-enforce.test"]).await;
    assert_eq!((status, codes(&domains[0])), (Some(0), vec!["policy-not-as-written", "no-tlsrpt"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_of_all_shows_what_there_is_to_fix() {
    let stage = Stage::start().await;
    let port = stage.world.smtp_port().to_string();
    let none = stage.run(&["check", "--all"]).await;
    assert_eq!(none.status, Some(1));
    assert!(none.stderr.contains("published.toml has no domain"), "{}", none.stderr);

    let domains = [
        "dns-wildcard.test",
        "spotless.test",
        "certificate-expired.test",
        "mode-none.test",
        "implicit-mx.test",
        "delegated-in-part.test",
    ];
    assert_eq!(stage.run(&[&["init"][..], &domains].concat()).await.status, Some(0));
    let answer = stage.run(&["check", "--all", "--smtp-port", &port]).await;
    assert_eq!((answer.status, answer.stderr.as_str()), (Some(1), ""));
    let said = words(&answer.stdout);
    for told in [
        "certificate-expired.test: mail is being refused: ",
        "mx.certificate-expired.test: Its certificate expired",
        "_mta-sts.dns-wildcard.test: Its TXT records are those of any name below the domain: of a wildcard.",
        "Summary error certificate-expired.test: mail is being refused",
        "ok spotless.test: protected",
        "exit 1: ",
    ] {
        assert!(said.contains(told), "no {told:?} in {}", answer.stdout);
    }
    // A domain without faults has its line in the summary alone, and no domain all the stages.
    assert_eq!(said.matches("spotless.test").count(), 1, "{}", answer.stdout);
    assert!(!said.contains("covered by"), "{}", answer.stdout);

    let (status, found) = stage.check(&["--all"]).await;
    assert_eq!((status, found.len()), (Some(1), 6));
    let of = |domain: &str| found.iter().find(|one| one["domain"] == domain).unwrap();
    assert_eq!(codes(of("dns-wildcard.test")), ["record-wildcard", "policy-host-wildcard"]);
    assert_eq!(
        of("dns-wildcard.test")["wildcards"],
        serde_json::json!({"record": true, "policy_host": true})
    );
    assert_eq!(of("spotless.test")["wildcards"], serde_json::json!({"record": false, "policy_host": false}));
    assert_eq!(of("implicit-mx.test")["mx"]["implicit"], true);
    assert_eq!(codes(of("delegated-in-part.test")), ["no-tlsrpt", "delegated-in-part"]);

    // A domain that takes no mail, one in U-labels, and one whose Policy Host gives different answers.
    let (status, found) = stage.check(&["null-mx.test", "b\u{fc}cher.test", "policy-differs.test"]).await;
    let verdicts: Vec<_> = found.iter().map(|one| one["verdict"].as_str().unwrap()).collect();
    assert_eq!((status, verdicts), (Some(1), vec!["null-mx", "no-such-domain", "delivered"]));
    assert_eq!(found[1]["domain"], "xn--bcher-kva.test");
    assert!(codes(&found[2]).contains(&"policy-differs"), "{found:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_record_of_a_domain_that_opts_out_can_go_when_all_has_expired() {
    let stage = Stage::start().await;
    // What it published before is not known.
    let answer = stage.run(&["init", "mode-none.test"]).await;
    assert_eq!(answer.status, Some(0));
    assert!(answer.stdout.contains("unless --older-max-age says less"), "{}", answer.stdout);
    let (_, domains) = stage.check(&["mode-none.test"]).await;
    assert!(!codes(&domains[0]).contains(&"removal-ready"), "{domains:#?}");
    let plan = stage.run(&["remove", "mode-none.test"]).await;
    assert!(plan.stdout.contains("from before the history"), "{}", plan.stdout);
    fs::remove_file(stage.folder.path().join("published.toml")).unwrap();

    let answer = stage.run(&["init", "mode-none.test", "--older-max-age", "30d"]).await;
    assert_eq!(answer.status, Some(0));
    assert!(!answer.stdout.contains("--older-max-age"), "{}", answer.stdout);
    let (_, domains) = stage.check(&["mode-none.test"]).await;
    assert!(!codes(&domains[0]).contains(&"removal-ready"), "{domains:#?}");
    // The older policies of before the history have expired.
    stage.edit(|text| text.replace("unknown-until: 1", "unknown-until: "));
    let (_, domains) = stage.check(&["mode-none.test"]).await;
    assert!(codes(&domains[0]).contains(&"removal-ready"), "{domains:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_domain_without_a_plan_does_not_hide_the_plans_of_others() {
    let stage = Stage::start().await;
    assert_eq!(stage.run(&["init", "no-mta-sts.test", "healthy-enforce.test"]).await.status, Some(0));
    // In the meantime one domain has got a null MX: it is known under another name.
    stage.edit(|text| text.replace("no-mta-sts.test", "null-mx.test"));
    let answer = stage.run(&["plan", "--all", "--json"]).await;
    assert_eq!(answer.status, Some(1));
    assert!(answer.stderr.contains("null-mx.test receives no mail"), "{}", answer.stderr);
    let domains = answer.json()["domains"].clone();
    assert_eq!(
        (domains[0]["domain"].as_str(), domains[1]["domain"].as_str()),
        (Some("healthy-enforce.test"), Some("null-mx.test"))
    );
    assert!(domains[0]["steps"].is_array() && domains[1]["error"].is_string(), "{domains:#}");
}

/// Each of several processes reads the whole file and writes it anew.
#[tokio::test(flavor = "multi_thread")]
async fn processes_at_the_same_time_forget_nothing_of_each_other() {
    let stage = Stage::start().await;
    let domains = ["no-mta-sts.test", "healthy-enforce.test", "wildcard.test", "mode-none.test"];
    let running = domains.map(|domain| ["init", domain, "--dir", "new/folder"]);
    let [one, two, three, four] = &running;
    let ended = tokio::join!(stage.run(one), stage.run(two), stage.run(three), stage.run(four));
    for answer in [&ended.0, &ended.1, &ended.2, &ended.3] {
        assert_eq!(answer.status, Some(0), "{}", answer.stderr);
    }
    let text = stage.read("new/folder/published.toml");
    for domain in domains {
        assert!(text.contains(&format!("[domain.\"{domain}\"]")), "{domain}: {text}");
    }

    // Whoever waits says for whom.
    let lock = fs::File::open(stage.folder.path().join("new/folder/.published.lock")).unwrap();
    let lock = Flock::lock(lock, FlockArg::LockExclusive).unwrap();
    let planning = ["plan", "no-mta-sts.test", "--dir", "new/folder"];
    let releasing = async {
        tokio::time::sleep(Duration::from_millis(1500)).await;
        drop(lock);
    };
    let (answer, ()) = tokio::join!(stage.run(&planning), releasing);
    assert_eq!(answer.status, Some(0), "{}", answer.stderr);
    let said = "waiting for another `mtasts publish` that works on new/folder/published.toml\n";
    assert_eq!(answer.stderr, said);

    // A folder that is not there is not made by a question.
    assert_eq!(stage.run(&["plan", "no-mta-sts.test", "--dir", "other"]).await.status, Some(66));
    assert!(!stage.folder.path().join("other").exists());
}
