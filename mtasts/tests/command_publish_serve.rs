//! The command `mtasts publish serve`, as a program.
#![allow(clippy::unwrap_used, reason = "helpers of tests are not in test functions")]

mod daemon;
#[path = "../../mta-sts-publisher/tests/acme/pebble.rs"]
mod pebble;
#[path = "../../mta-sts-resolver/tests/pki/mod.rs"]
mod pki;

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::time::Duration;

use mta_sts_resolver::{PolicyFetcher, ReportPoster, TrustStore};
use tempfile::TempDir;

use self::daemon::Daemon;
use self::pebble::{Habits, KEY_ID, KEY_TEXT, Pebble, free_port, own_address};
use self::pki::Authority;

/// A folder with policies and certificates.
struct Site {
    authority: Authority,
    folder: TempDir,
}

fn policy_of(domain: &str) -> String {
    format!("version: STSv1\r\nmode: enforce\r\nmx: mx.{domain}\r\nmax_age: 604800\r\n")
}

impl Site {
    fn new(domains: &[&str]) -> Self {
        let site = Self { authority: Authority::new(), folder: tempfile::tempdir().unwrap() };
        for domain in domains {
            site.write(domain, &policy_of(domain));
            let certificates = site.folder.path().join("certificates").join(domain);
            fs::create_dir_all(&certificates).unwrap();
            let (chain, key) = site.authority.issue(&[&format!("mta-sts.{domain}")]);
            fs::write(certificates.join("fullchain.pem"), chain).unwrap();
            fs::write(certificates.join("privkey.pem"), key).unwrap();
        }
        site
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn write(&self, domain: &str, policy: &str) {
        let folder = self.folder.path().join("policies").join(domain);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("mta-sts.txt"), policy).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mtasts"));
        command.args(["publish", "serve", "--log-format", "json", "--policies", &self.path("policies")]);
        command.args(arguments);
        command
    }

    /// A Policy Host at a free port.
    fn start(&self, arguments: &[&str]) -> (Daemon, SocketAddr) {
        let certificates = self.path("certificates");
        let common = ["--certs", &certificates, "--listen", "127.0.0.1:0"];
        let mut daemon = Daemon::spawn(&mut self.command(&[&common[..], arguments].concat()));
        let address = daemon.listening().parse().unwrap();
        (daemon, address)
    }

    /// The policy that a sender gets.
    async fn fetch(&self, address: SocketAddr, domain: &str) -> Result<String, String> {
        self.fetch_with(self.authority.trusted(), address, domain).await
    }

    async fn fetch_with(
        &self,
        trusted: TrustStore,
        address: SocketAddr,
        domain: &str,
    ) -> Result<String, String> {
        let fetcher = PolicyFetcher::new(trusted).with_port(address.port());
        let got = fetcher.fetch(&format!("mta-sts.{domain}"), &[address.ip()]).await;
        let got = got.map_err(|error| error.to_string())?;
        if got.status == 200 { Ok(String::from_utf8(got.body).unwrap()) } else { Err(got.status.to_string()) }
    }
}

/// The answer to a request in the clear.
fn get(mut stream: impl Read + Write, host: &str, path: &str) -> String {
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_are_served_and_read_again_when_told() {
    let site = Site::new(&["one.example", "two.example"]);
    let (mut daemon, address) = site.start(&[]);
    assert_eq!(site.fetch(address, "one.example").await, Ok(policy_of("one.example")));

    site.write("one.example", "version: STSv1\nmode: enforced\n");
    let changed = policy_of("two.example").replace("enforce", "testing");
    site.write("two.example", &changed);
    daemon.signal("-HUP");
    let fault = daemon.event_of("a policy is broken: the old one is served");
    let told = fault["fault"].as_str().unwrap();
    assert!(told.contains("one.example/mta-sts.txt:2: The mode is none of"), "{told}");
    daemon.event_of("the policies were read again");
    assert_eq!(site.fetch(address, "one.example").await, Ok(policy_of("one.example")));
    assert_eq!(site.fetch(address, "two.example").await, Ok(changed));
    daemon.signal("-TERM");
    assert_eq!(daemon.end().0, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_ordered_for_each_domain_old_and_new() {
    let site = Site::new(&["one.example"]);
    let host = own_address();
    let listen = SocketAddr::from((host, free_port(host)));
    let pebble = Pebble::start(listen.port(), Habits { host, ..Habits::default() });
    fs::write(site.path("ca.pem"), pebble.pem()).unwrap();
    let arguments = [
        "--listen",
        &listen.to_string(),
        "--acme-agree-to-terms",
        "--acme-directory",
        &pebble.directory_url(),
        "--acme-ca-file",
        &site.path("ca.pem"),
        "--state",
        &site.path("state"),
        "--metrics",
        "127.0.0.1:0",
    ];
    let mut daemon = Daemon::spawn(&mut site.command(&arguments));
    let pages = daemon.event_of("serving /metrics")["address"].as_str().unwrap().to_owned();
    assert_eq!(daemon.event_of("a certificate was issued")["name"], "mta-sts.one.example");
    let trusted = pebble.trusted().await;
    assert_eq!(site.fetch_with(trusted.clone(), listen, "one.example").await, Ok(policy_of("one.example")));
    site.write("two.example", &policy_of("two.example"));
    daemon.signal("-HUP");
    assert_eq!(daemon.event_of("a certificate was issued")["name"], "mta-sts.two.example");
    assert_eq!(site.fetch_with(trusted, listen, "two.example").await, Ok(policy_of("two.example")));
    let metrics = get(TcpStream::connect(&pages).unwrap(), "x", "/metrics");
    let reference = repository_file("../docs/publish.md");
    for (metric, value) in [
        ("orders_total{result=\"issued\"}", 2),
        ("missing_certificates", 0),
        ("ending_certificates", 0),
        ("orders_up", 1),
    ] {
        assert!(metrics.contains(&format!("mtasts_publish_{metric} {value}\n")), "{metrics}");
        let name = metric.split('{').next().unwrap();
        assert!(
            reference.contains(&format!("`mtasts_publish_{name}`")),
            "docs/publish.md says nothing of {name}"
        );
    }
    let second = Daemon::spawn(&mut site.command(&[&arguments[2..], &["--listen", "127.0.0.1:0"]].concat()));
    let (status, told) = second.end();
    assert!(status == Some(75) && told.contains("another process"), "{told}");
    daemon.signal("-TERM");
    assert_eq!(daemon.end().0, Some(0));
}

/// With an account that belongs to an external one, too.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_told_with_what_to_do_and_what_is_served_goes_on() {
    let site = Site::new(&["one.example"]);
    let host = own_address();
    let listen = SocketAddr::from((host, free_port(host)));
    let pebble =
        Pebble::start(listen.port(), Habits { host, wants_external_account: true, ..Habits::default() });
    fs::write(site.path("ca.pem"), pebble.pem()).unwrap();
    fs::write(site.path("eab"), format!("{KEY_TEXT}\n")).unwrap();
    let disk = site.path("disk");
    fs::create_dir(&disk).unwrap();
    let served = site.command(&[
        "--listen",
        &listen.to_string(),
        "--acme-agree-to-terms",
        "--acme-directory",
        &pebble.directory_url(),
        "--acme-ca-file",
        &site.path("ca.pem"),
        "--acme-eab-key-id",
        KEY_ID,
        "--acme-eab-key-file",
        &site.path("eab"),
        "--state",
        &format!("{disk}/state"),
        "--reports",
        &format!("{disk}/reports"),
        "--reports-host",
        "tlsrpt.provider.example",
    ]);
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", r#"mount -t tmpfs -o size=256k tmpfs "$0" && exec "$@""#, &disk]);
    command.arg(served.get_program()).args(served.get_args());
    let mut daemon = Daemon::spawn(&mut command);
    for _ in 0..2 {
        daemon.event_of("a certificate was issued");
    }
    let trusted = pebble.trusted().await;
    // The name for reports has no policy.
    let fetcher = PolicyFetcher::new(trusted.clone()).with_port(listen.port());
    assert_eq!(fetcher.fetch("tlsrpt.provider.example", &[listen.ip()]).await.unwrap().status, 404);
    let poster = ReportPoster::new(trusted.clone()).with_private_addresses(true);
    let url = format!("https://tlsrpt.provider.example:{}/tlsrpt", listen.port());
    let addresses = [listen.ip()];
    let post = || poster.post(&url, &addresses, "application/tlsrpt+json", "{}");

    // The disk of the daemon, whose mounts nobody else sees.
    let filling = format!("/proc/{}/root{disk}/filling", daemon.process.id());
    let mut file = fs::File::create(&filling).unwrap();
    while file.write_all(&[0; 512]).is_ok() {}
    drop(file);
    site.write("two.example", &policy_of("two.example"));
    daemon.signal("-HUP");
    let told = daemon.event_of("no certificates can be ordered now");
    assert_eq!(told["code"], "state");
    assert!(told["remedy"].as_str().unwrap().starts_with("free some of the disk"), "{told}");
    assert_eq!(post().await.unwrap(), 507);
    let told = daemon.event_of("TLS reports are not received");
    assert!(told["fault"].as_str().unwrap().contains("free some of it"), "{told}");
    assert_eq!(site.fetch_with(trusted.clone(), listen, "one.example").await, Ok(policy_of("one.example")));

    fs::remove_file(&filling).unwrap();
    assert_eq!(post().await.unwrap(), 201);
    daemon.event_of("TLS reports are received again");
    daemon.signal("-TERM");
    assert_eq!(daemon.end().0, Some(0));
}

#[test]
fn what_is_wrong_is_shown_where_it_stands() {
    let site = Site::new(&["one.example"]);
    let certificates = site.path("certificates");
    let check = |arguments: &[&str]| {
        let output = site.command(arguments).arg("--check-config").output().unwrap();
        let text = |octets: Vec<u8>| String::from_utf8(octets).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let (status, out, told) = check(&["--certs", &certificates]);
    assert_eq!((status, told.as_str()), (Some(0), ""));
    assert!(out.contains("reports-path = \"/tlsrpt\"\n"), "{out}");

    site.write("one.example", "version: STSv1\r\nmode: enforced\r\nmx: mx.test\r\nmax_age: 604800\r\n");
    site.write("two.example", &policy_of("two.example"));
    let (status, _, told) = check(&["--certs", &certificates]);
    assert_eq!(status, Some(78));
    assert!(told.contains("one.example/mta-sts.txt:2:7: The mode is none of"), "{told}");
    assert!(told.contains("\n2 | mode: enforced\n  |       ^^^^^^^^\n"), "{told}");
    assert!(told.contains("there is no certificate for mta-sts.two.example"), "{told}");
    site.write("one.example", &policy_of("one.example"));
    let reports = ["--certs", &certificates, "--reports", "/r", "--reports-host", "r.example"];
    let (status, _, told) = check(&reports);
    assert!(status == Some(78) && told.contains("there is no certificate for r.example"), "{told}");

    let config = site.path("publish.toml");
    fs::write(&config, "plain = '192.0.2.1:80'\n").unwrap();
    let (status, _, told) = check(&["--config", &config]);
    assert_eq!(status, Some(2), "{told}");
    fs::write(&config, "policies = '/p'\nplain = '192.0.2.1:80'\n").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_mtasts"))
        .args(["publish", "serve", "--config", &config])
        .output()
        .unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(78));
    assert!(told.contains("publish.toml:2:9: ") && told.contains("\n2 | plain = '192.0.2.1:80'\n"), "{told}");
    assert_eq!(check(&[]).0, Some(2));
    assert_eq!(check(&["--certs", "/nonexistent"]).0, Some(66));
    assert_eq!(check(&["--certs", &certificates, "--policies", "/nonexistent"]).0, Some(2), "given twice");
}

/// The mistakes that only the files themselves show.
#[test]
fn each_kind_of_mistake_in_the_configuration_has_a_sentence_a_line_and_marks() {
    let site = Site::new(&["one.example"]);
    let (config, policies) = (site.path("publish.toml"), site.path("policies"));
    let acme = "[acme]\nterms-of-service-agreed = true\nstate = '/s'\n";
    for (text, line, marked, expected, exit) in [
        ("policies = 'x".to_owned(), 1, "", "invalid literal string", 78),
        ("listen = 'x'".to_owned(), 1, "'x'", "a list in [ ]", 78),
        ("policies = '/nope'\nplain = '127.0.0.1:1'".to_owned(), 1, "'/nope'", "No such file", 66),
        (
            "plain = '127.0.0.1:1'\n[domains]\n'a b' = '/x'".to_owned(),
            3,
            "'a b'",
            "not the name of a domain",
            78,
        ),
        ("plain = '127.0.0.1:1'\n[domains]\n'a.b' = '/nope'".to_owned(), 3, "'/nope'", "No such file", 78),
        (format!("policies = '{policies}'\ncertificate = '/nope'"), 2, "'/nope'", "No such file", 66),
        (format!("policies = '{policies}'\ncertificates = '/nope'"), 2, "'/nope'", "No such file", 66),
        (format!("policies = '{policies}'\n{acme}ca-file = '/nope'"), 5, "'/nope'", "cannot read", 78),
        (
            format!("policies = '{policies}'\n{acme}eab-key-id = 'k'\neab-key-file = '/nope'"),
            6,
            "'/nope'",
            "No such file",
            66,
        ),
        (
            format!(
                "policies = '{policies}'\n{acme}eab-key-id = 'k'\neab-key-file = '{policies}/one.example/mta-sts.txt'"
            ),
            6,
            "mta-sts.txt'",
            "in base64url, and nothing else",
            78,
        ),
    ] {
        fs::write(&config, &text).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_mtasts"))
            .args(["publish", "serve", "--check-config", "--config", &config])
            .output()
            .unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(exit), "{text}: {told}");
        let lines: Vec<_> = told.lines().collect();
        let [sentence, _, shown, marks] = lines[..] else { panic!("{text}: {told}") };
        assert!(sentence.contains(expected), "{text}: {told}");
        assert!(sentence.contains(&format!("publish.toml:{line}:")), "{text}: {told}");
        assert_eq!(shown, format!("{line} | {}", text.lines().nth(line - 1).unwrap()));
        let start = marks.find('^').unwrap();
        assert!(shown.get(start..marks.len()).unwrap_or_default().ends_with(marked), "{text}: {told}");
    }
    // The daemon itself says the same.
    fs::write(&config, "policies = '/nope'\nplain = '127.0.0.1:0'").unwrap();
    let output =
        Command::new(env!("CARGO_BIN_EXE_mtasts")).args(["publish", "serve", "--config", &config]).output();
    let told = String::from_utf8(output.unwrap().stderr).unwrap();
    assert!(told.contains("publish.toml:1:12: /nope: No such file") && told.contains("^^^^^^^"), "{told}");
}

#[test]
fn a_certificate_that_nobody_has_renewed_is_told_of() {
    let site = Site::new(&["one.example", "two.example"]);
    let (chain, key) = site.authority.issue_with(&["mta-sts.one.example"], pki::expired);
    fs::write(site.folder.path().join("certificates/one.example/fullchain.pem"), chain).unwrap();
    fs::write(site.folder.path().join("certificates/one.example/privkey.pem"), key).unwrap();
    // Three of six days are left, as always with such certificates.
    let (chain, key) = site.authority.issue_with(&["mta-sts.two.example"], pki::of_six_days);
    fs::write(site.folder.path().join("certificates/two.example/fullchain.pem"), chain).unwrap();
    fs::write(site.folder.path().join("certificates/two.example/privkey.pem"), key).unwrap();
    let certificates = site.path("certificates");
    let mut daemon = Daemon::spawn(&mut site.command(&["--certs", &certificates, "--listen", "127.0.0.1:0"]));
    let told = daemon.event_of("certificates end soon");
    assert_eq!(
        (&told["level"], &told["certificates"], &told["until"]),
        (&"ERROR".into(), &1.into(), &1_609_459_200.into())
    );
    daemon.listening();
}

#[test]
fn a_port_that_is_taken_is_told_with_what_to_do() {
    let site = Site::new(&["one.example"]);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let daemon =
        Daemon::spawn(&mut site.command(&["--certs", &site.path("certificates"), "--listen", &address]));
    let (status, told) = daemon.end();
    assert_eq!(status, Some(75));
    assert!(told.contains(&address) && told.contains("--plain 127.0.0.1:"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reverse_proxy_and_the_pages_have_sockets_of_their_own() {
    let site = Site::new(&["one.example"]);
    let socket = site.path("plain");
    let plain = format!("unix:{socket}");
    let mut daemon = Daemon::spawn(&mut site.command(&["--plain", &plain, "--metrics", "127.0.0.1:0"]));
    let pages = daemon.event_of("serving /metrics")["address"].as_str().unwrap().to_owned();
    assert_eq!(daemon.event_of("listening for a reverse proxy")["address"], plain.as_str());
    let ask = |host: &str| get(UnixStream::connect(&socket).unwrap(), host, "/.well-known/mta-sts.txt");
    let got = ask("mta-sts.one.example");
    assert!(got.starts_with("HTTP/1.1 200 ") && got.ends_with(&policy_of("one.example")), "{got}");
    assert!(ask("mta-sts.two.example").starts_with("HTTP/1.1 404 "));
    let page = |path: &str| get(TcpStream::connect(&pages).unwrap(), "localhost", path);
    let health = page("/healthz");
    assert!(
        health.starts_with("HTTP/1.1 200 ") && health.contains("\r\nserving\npolicies: 1 domains, 1 sent\n"),
        "{health}"
    );
    let metrics = page("/metrics");
    for line in [
        "mtasts_publish_domains 1\n",
        "mtasts_publish_requests_total{answer=\"policy\"} 1\n",
        "mtasts_publish_requests_total{answer=\"not-found\"} 1\n",
        "mtasts_reloads_total{result=\"done\"} 0\n",
        "# EOF\n",
    ] {
        assert!(metrics.contains(line), "{line} {metrics}");
    }
    daemon.signal("-TERM");
    assert_eq!(daemon.end().0, Some(0));
}

#[test]
fn sockets_that_were_handed_over_take_the_place_of_its_own() {
    let site = Site::new(&["one.example"]);
    let mut command = Command::new("python3");
    command.args(["-c", HAND_OVER, env!("CARGO_BIN_EXE_mtasts"), "publish", "serve", "--log-format", "json"]);
    command.args(["--policies", &site.path("policies"), "--certs", &site.path("certificates")]);
    // Nobody can listen on this one.
    command.args(["--listen", "192.0.2.1:1"]);
    let mut daemon = Daemon::spawn(&mut command);
    let pages = daemon.event_of("serving /metrics")["address"].as_str().unwrap().to_owned();
    let address: SocketAddr = daemon.listening().parse().unwrap();
    assert!(TcpStream::connect(address).is_ok());
    assert!(get(TcpStream::connect(pages).unwrap(), "x", "/healthz").starts_with("HTTP/1.1 200 "));
    daemon.signal("-TERM");
    assert_eq!(daemon.end().0, Some(0));
}

/// As systemd does: listens on 3 (for HTTPS) and 4 (for metrics), and becomes the daemon.
const HAND_OVER: &str = "
import os, socket, sys
sockets = [socket.create_server(('127.0.0.1', 0)), socket.create_server(('127.0.0.1', 0))]
for number, one in enumerate([os.dup(one.fileno()) for one in sockets], 13):
    os.dup2(one, number)
for number in range(3, 5):
    os.dup2(number + 10, number, inheritable=True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='2', LISTEN_FDNAMES='mtasts-publish.socket:metrics')
os.execv(sys.argv[1], sys.argv[1:])
";

/// Whatever was acknowledged is there after a kill, and what was not leaves nothing that is read as a report.
#[tokio::test(flavor = "multi_thread")]
async fn a_kill_loses_no_report_that_was_acknowledged() {
    let site = Site::new(&["one.example"]);
    let reports = site.path("reports");
    let plain = format!("unix:{}", site.path("plain"));
    for round in 0..3 {
        let (mut daemon, address) = site.start(&["--reports", &reports, "--plain", &plain]);
        daemon.event_of("listening for a reverse proxy");
        let mut half = UnixStream::connect(site.path("plain")).unwrap();
        write!(
            half,
            "POST /tlsrpt HTTP/1.1\r\nHost: mta-sts.one.example\r\nContent-Type: application/tlsrpt+json\r\nContent-Length: 9\r\n\r\n{{\"ha"
        )
        .unwrap();
        let poster = ReportPoster::new(site.authority.trusted()).with_private_addresses(true);
        let url = format!("https://mta-sts.one.example:{}/tlsrpt", address.port());
        let body = format!(
            "{{\"organization-name\":\"x\",\"date-range\":{{\"start-datetime\":\"2026-01-01T00:00:00Z\",\
             \"end-datetime\":\"2026-01-01T23:59:59Z\"}},\"contact-info\":\"x@x.example\",\"report-id\":\"{round}\",\
             \"policies\":[{{\"policy\":{{\"policy-type\":\"no-policy-found\",\"policy-domain\":\"one.example\"}},\
             \"summary\":{{\"total-successful-session-count\":1,\"total-failure-session-count\":0}}}}]}}"
        );
        let sent = poster.post(&url, &[address.ip()], "application/tlsrpt+json", body).await.unwrap();
        assert_eq!(sent, 201);
        while fs::read_dir(site.folder.path().join("reports/tmp")).unwrap().count() <= round {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        daemon.process.kill().unwrap();
        daemon.process.wait().unwrap();
        let shown = Command::new(env!("CARGO_BIN_EXE_mtasts"))
            .args(["report", "show", "--json", &reports])
            .output()
            .unwrap();
        let told = String::from_utf8(shown.stdout).unwrap();
        assert_eq!(shown.status.code(), Some(0), "{told}");
        assert_eq!(fs::read_dir(site.folder.path().join("reports/new")).unwrap().count(), round + 1);
    }
}

/// The lines of the example with a single `#`, and its tables.
fn without_comment_signs(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.starts_with("# ") && *line != "#");
    lines.map(|line| line.trim_start_matches('#')).collect::<Vec<_>>().join("\n")
}

fn repository_file(name: &str) -> String {
    fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

#[test]
fn the_example_and_the_reference_have_every_key_flag_and_metric() {
    let site = Site::new(&["one.example"]);
    let effective = |config: &str| {
        let file = site.path("publish.toml");
        fs::write(&file, config).unwrap();
        let certificates = site.path("certificates");
        let output =
            site.command(&["--check-config", "--certs", &certificates, "--config", &file]).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let example = without_comment_signs(&repository_file("packaging/publish.toml"));
    let defaults = effective("");
    assert_eq!(effective(&example), defaults);
    let reference = repository_file("../docs/publish.md");
    let key = |line: &str| line.split_once(" = ").map(|(key, _)| key.to_owned());
    for key in defaults.lines().filter_map(key) {
        assert!(example.contains(&format!("{key} = ")), "publish.toml says nothing of {key}");
        assert!(reference.contains(&format!("\n| `{key}` |")), "docs/publish.md says nothing of {key}");
    }
    let help =
        Command::new(env!("CARGO_BIN_EXE_mtasts")).args(["publish", "serve", "--help"]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    for flag in help.split_whitespace().filter(|word| word.starts_with("--")) {
        let flag = flag.trim_matches(|character: char| !character.is_ascii_alphanumeric());
        assert!(reference.contains(&format!("`--{flag}")), "docs/publish.md says nothing of --{flag}");
    }
    let mut daemon = Daemon::spawn(&mut site.command(&[
        "--plain",
        "127.0.0.1:0",
        "--reports",
        &site.path("reports"),
        "--metrics",
        "127.0.0.1:0",
    ]));
    let pages = daemon.event_of("serving /metrics")["address"].as_str().unwrap().to_owned();
    for line in get(TcpStream::connect(pages).unwrap(), "x", "/metrics").lines() {
        let Some(metric) =
            line.split(['{', ' ']).next().filter(|name| name.contains('_') && !line.starts_with('#'))
        else {
            continue;
        };
        assert!(reference.contains(&format!("`{metric}`")), "docs/publish.md says nothing of {metric}");
    }
}
