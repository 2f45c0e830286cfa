//! What the daemon is told, and told again.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};

use toml::Table;

use crate::daemon::{Daemon, Lab, ask};
use crate::pki::Authority;

const HEALTHY: &str = "OK secure match=mx.healthy-enforce.test servername=hostname";

#[tokio::test(flavor = "multi_thread")]
async fn certificate_authorities_are_read_again_on_a_signal_and_when_they_change() {
    let lab = Lab::start().await;
    let right = std::fs::read_to_string(lab.path("ca.pem")).unwrap();
    let wrong = Authority::new().pem().to_owned();
    lab.write("ca.pem", &wrong);
    let mut daemon = Daemon::start(&lab.arguments(&[]));
    let address = daemon.listening();
    assert!(ask(&address, "postfix healthy-enforce.test").contains("NOTFOUND"), "the authority is unknown");

    // Of no use: the old one stays.
    lab.write("ca.pem", "");
    daemon.signal("-HUP");
    assert_eq!(
        daemon.event_of("the certificate authorities are not usable: the old ones remain trusted")["level"],
        "ERROR"
    );
    lab.write("ca.pem", &right);
    daemon.signal("-HUP");
    assert_eq!(daemon.event_of("the certificate authorities were read again")["roots"], 1);
    assert!(ask(&address, "postfix wildcard.test").contains("OK secure"));

    // Without a signal, within a second or so.
    lab.write("ca.pem", &(right + &wrong));
    std::thread::sleep(std::time::Duration::from_millis(1100));
    assert!(ask(&address, "postfix cname.test").contains("OK secure"));
    assert_eq!(daemon.event_of("the certificate authorities have changed, and")["roots"], 2);
    lab.world.shutdown().await;
}

fn check(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mtasts"));
    command.args(["serve", "--check-config"]).args(arguments).output().unwrap()
}

fn told(output: &Output) -> (Option<i32>, String) {
    (output.status.code(), String::from_utf8(output.stderr.clone()).unwrap())
}

fn effective(arguments: &[&str]) -> Table {
    let output = check(arguments);
    assert_eq!(told(&output), (Some(0), String::new()));
    String::from_utf8(output.stdout).unwrap().parse().unwrap()
}

fn repository_file(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// Prose has a space after its sign; what can be said has none.
fn without_comment_signs(example: &str) -> String {
    let line = |line: &'_ str| match line.strip_prefix('#') {
        Some(said) if !said.is_empty() && !said.starts_with(' ') => said.to_owned() + "\n",
        _ => line.to_owned() + "\n",
    };
    example.lines().map(line).collect()
}

fn keys(prefix: &str, table: &Table, keys: &mut BTreeMap<String, String>) {
    for (key, value) in table {
        match value {
            toml::Value::Table(table) => self::keys(&format!("{prefix}{key}."), table, keys),
            _ => drop(keys.insert(format!("{prefix}{key}"), key.clone())),
        }
    }
}

#[test]
fn the_example_says_every_option_with_its_default() {
    let folder = tempfile::tempdir().unwrap();
    let example = without_comment_signs(&repository_file("packaging/mtasts.toml"));
    let file = folder.path().join("mtasts.toml");
    std::fs::write(&file, &example).unwrap();
    let defaults = effective(&[]);
    assert_eq!(effective(&["--config", file.to_str().unwrap()]), defaults);
    assert_eq!(effective(&["--config", "/dev/null"]), defaults);

    let (mut ours, mut shown) = (BTreeMap::new(), BTreeMap::new());
    keys("", &defaults, &mut ours);
    keys("", &example.parse().unwrap(), &mut shown);
    assert_eq!(shown, ours);
    // The reference has a row of each key.
    let reference = repository_file("../docs/serve.md");
    for key in ours.values() {
        assert!(reference.contains(&format!("\n| `{key}` |")), "docs/serve.md says nothing of {key}");
    }
}

#[test]
fn every_flag_and_every_metric_stands_in_the_reference() {
    let reference = repository_file("../docs/serve.md");
    let help = Command::new(env!("CARGO_BIN_EXE_mtasts")).args(["serve", "--help"]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let flags: Vec<_> = help.split_whitespace().filter(|word| word.starts_with("--")).collect();
    assert!(flags.len() > 15, "{help}");
    for flag in flags {
        let flag = flag.trim_matches(|character: char| !character.is_ascii_alphanumeric());
        assert!(reference.contains(&format!("`--{flag}")), "docs/serve.md says nothing of --{flag}");
    }
}

#[test]
fn the_example_of_overrides_is_right() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("overrides.toml");
    std::fs::write(&file, without_comment_signs(&repository_file("packaging/overrides.toml"))).unwrap();
    effective(&["--overrides", file.to_str().unwrap()]);
}

#[test]
fn the_command_line_counts_more_than_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mtasts.toml");
    let text = "listen = ['unix:/a', 'unix:/b']\nhttps-port = 1\n[log]\nlevel = 'debug'\n[zone]\nform = 'extended'\n\
                [zones.x]\nmatch = 'mx-hosts'\n";
    std::fs::write(&file, text).unwrap();
    let file = file.to_str().unwrap();
    let table = effective(&["--config", file, "--listen", "127.0.0.1:1", "--form", "extended-with-testing"]);
    assert_eq!(table["listen"], ["127.0.0.1:1"].to_vec().into());
    assert_eq!(table["https-port"], 1.into());
    assert_eq!(table["log"]["level"], "debug".into());
    assert_eq!(table["zone"]["form"], "extended-with-testing".into());
    assert_eq!(table["zones"]["x"]["form"], "extended-with-testing".into());
    assert_eq!(table["zones"]["x"]["match"], "mx-hosts".into());

    // Where systemd says, without --config.
    let found = Command::new(env!("CARGO_BIN_EXE_mtasts"))
        .args(["serve", "--check-config"])
        .env("CONFIGURATION_DIRECTORY", folder.path())
        .output()
        .unwrap();
    assert!(String::from_utf8(found.stdout).unwrap().contains("listen = [\"unix:/a\", \"unix:/b\"]"));
}

#[test]
fn a_mistake_is_told_with_its_place_and_nothing_is_started() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mtasts.toml");
    let overrides = folder.path().join("overrides.toml");
    std::fs::write(&file, format!("overrides = '{}'\n[zone]\nform = 'bsic'\n", overrides.display())).unwrap();
    let config = ["--config", file.to_str().unwrap()];
    let (status, text) = told(&check(&config));
    assert_eq!(status, Some(78));
    assert!(text.contains("mtasts.toml:3:8: unknown variant `bsic`, expected one of `basic`"), "{text}");
    assert!(text.contains("\n3 | form = 'bsic'\n  |        ^^^^^^"), "{text}");
    assert_eq!(Daemon::start(&config).end().0, Some(78));

    std::fs::write(&file, format!("overrides = '{}'\n", overrides.display())).unwrap();
    let (status, text) = told(&check(&config));
    assert!(status == Some(66) && text.contains("overrides.toml: No such file"), "{text}");
    std::fs::write(&overrides, "['.example.test']\nexempt = true\n").unwrap();
    let (status, text) = told(&check(&config));
    assert!(status == Some(78) && text.contains("overrides.toml:1:2: Subdomains are not included"), "{text}");
    assert_eq!(Daemon::start(&["--config", "/nonexistent.toml"]).end().0, Some(66));

    // What can be read and cannot work, in the file and on the command line.
    std::fs::write(&file, "listen = ['127.0.0.1:0']\nhttps-port = 0\n").unwrap();
    let (status, text) = told(&check(&config));
    assert!(status == Some(78) && text.contains("mtasts.toml:2:14: port 0"), "{text}");
    assert!(text.contains("\n2 | https-port = 0\n  |              ^"), "{text}");
    assert_eq!(Daemon::start(&config).end().0, Some(78));
    let (status, text) = told(&check(&["--https-port", "0"]));
    assert!(status == Some(2) && text.contains("`https-port`: port 0"), "{text}");
    // Certificate authorities that are not there, and a file without any.
    let ca_file = folder.path().join("ca.pem");
    let authorities = ["--ca-file", ca_file.to_str().unwrap()];
    assert_eq!(told(&check(&authorities)).0, Some(66));
    assert_eq!(Daemon::start(&authorities).end().0, Some(66));
    std::fs::write(&ca_file, "").unwrap();
    assert_eq!(told(&check(&authorities)).0, Some(78));
    assert_eq!(Daemon::start(&authorities).end().0, Some(78));
    // A store in no folder, and one that is none; nothing is made by the look.
    let store = |name: &str| format!("sqlite:{}", folder.path().join(name).display());
    let (status, text) = told(&check(&["--store", &store("none/cache.sqlite")]));
    assert!(status == Some(78) && text.contains("none does not exist"), "{text}");
    assert_eq!(told(&check(&["--store", &store("mtasts.toml")])).0, Some(66));
    assert_eq!(told(&check(&["--store", &store("cache.sqlite")])).0, Some(0));
    assert!(!folder.path().join("cache.sqlite").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_change_changes_on_a_reload() {
    let lab = Lab::start().await;
    let config = lab.write("mtasts.toml", "[zones.testing]\nform = 'extended-with-testing'\n");
    let mut daemon = Daemon::start(&lab.arguments(&["--config", &config]));
    let address = daemon.listening();
    let testing = |map: &str| ask(&address, &format!("{map} testing-fault.test"));
    assert!(testing("testing").contains("OK may "), "{}", testing("testing"));
    assert_eq!(testing("postfix"), "9:NOTFOUND ,");
    assert_eq!(testing("unknown"), "9:NOTFOUND ,");
    assert!(ask(&address, "postfix healthy-enforce.test").contains(HEALTHY));

    // Zones, overrides and the level of the log change at once; the rest is named.
    let overrides = lab.write("overrides.toml", "['healthy-enforce.test']\nexempt = true\n");
    let text = format!(
        "overrides = '{overrides}'\n[log]\nlevel = 'debug'\n[limits]\nmax-clients = 9\n[zone]\nform = 'extended-with-testing'\n"
    );
    lab.write("mtasts.toml", &text);
    daemon.signal("-HUP");
    daemon.event_of("the configuration was read again");
    assert_eq!(daemon.event_of("a changed setting needs a restart")["key"], "limits.max-clients");
    assert!(testing("postfix").contains("OK may "));
    assert_eq!(ask(&address, "postfix healthy-enforce.test"), "9:NOTFOUND ,");
    assert!(ask(&address, "postfix wildcard.test").contains("OK secure"));
    daemon.event_of("looked up");

    // A broken file changes nothing.
    lab.write("mtasts.toml", "[zone]\nform = 'basic'\nfrom = 1\n");
    daemon.signal("-HUP");
    let event = daemon.event_of("the new configuration is not valid: the old one stays in force");
    assert_eq!(event["level"], "ERROR");
    assert!(event["error"].as_str().unwrap().contains("mtasts.toml:3:1: unknown key `from`"), "{event}");
    assert!(testing("postfix").contains("OK may "));
    daemon.signal("-TERM");
    assert_eq!(daemon.end().0, Some(0));
    lab.world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operators_word_counts_without_a_lookup() {
    let lab = Lab::start().await;
    let overrides = lab.write(
        "overrides.toml",
        r#"
        ["no-mta-sts.test"]
        policy = { mode = "enforce", mx = ["mx.no-mta-sts.test", "*.example.test"] }
        ["testing-fault.test"]
        policy = { mode = "testing", mx = ["mx.testing-fault.test"] }
        ["Healthy-Enforce.test"]
        exempt = true
        ["[relay.test]:587"]
        smart-host = ["relay.test", "*.relay.test"]
        ["[192.0.2.1]"]
        smart-host = ["relay.test"]
        "#,
    );
    let mut daemon = Daemon::start(&lab.arguments(&["--overrides", &overrides]));
    let address = daemon.listening();
    for (asked, expected) in [
        ("no-mta-sts.test", "OK secure match=mx.no-mta-sts.test:.example.test servername=hostname"),
        ("NO-MTA-STS.test.:25", "OK secure match=mx.no-mta-sts.test:.example.test servername=hostname"),
        ("sub.no-mta-sts.test", "NOTFOUND "),
        ("testing-fault.test", "NOTFOUND "),
        ("healthy-enforce.test", "NOTFOUND "),
        ("[relay.test]:587", "OK secure match=relay.test:.relay.test servername=hostname"),
        ("[relay.test]:25", "NOTFOUND "),
        ("[192.0.2.1]:587", "OK secure match=relay.test servername=hostname"),
    ] {
        let answer = ask(&address, &format!("postfix {asked}"));
        assert_eq!(answer, format!("{}:{expected},", expected.len()), "{asked}");
    }
    let hosts = lab.world.seen().https.len();
    assert_eq!(hosts, 0, "no Policy Host was asked");
    daemon.signal("-TERM");
    assert_eq!(daemon.end().0, Some(0));
    lab.world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn domains_are_named_where_they_were_asked_for() {
    let lab = Lab::start().await;
    for (arguments, is_named) in [(&[][..], false), (&["--log-level", "debug"], true)] {
        let mut daemon = Daemon::start(&lab.arguments(arguments));
        let address = daemon.listening();
        for domain in
            ["healthy-enforce.test", "testing-fault.test", "no-mta-sts.test", "healthy-enforce.test"]
        {
            ask(&address, &format!("postfix {domain}"));
        }
        daemon.signal("-TERM");
        let (_, log) = daemon.end();
        assert!(log.contains("stopped"));
        for domain in ["healthy-enforce", "testing-fault", "no-mta-sts"] {
            assert_eq!(log.contains(domain), is_named, "{arguments:?}: {log}");
        }
    }
    lab.world.shutdown().await;
}
