//! What the daemon tells of itself over HTTP.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpStream, UdpSocket};

use crate::daemon::{Daemon, LONG, Lab, ask};

fn http(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    response
}

pub(crate) fn get(address: &str, path: &str) -> (u16, String) {
    let response = http(address, &format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n"));
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), body.to_owned())
}

/// Reads what Prometheus would: whole values by name and labels, each of a family that was declared.
pub(crate) fn scrape(address: &str) -> BTreeMap<String, u64> {
    let (status, text) = get(address, "/metrics");
    assert_eq!(status, 200);
    let mut lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.pop(), Some("# EOF"));
    let mut values = BTreeMap::new();
    let (mut family, mut kind) = ("", "");
    for line in lines {
        if let Some(declared) = line.strip_prefix("# TYPE ") {
            (family, kind) = declared.split_once(' ').unwrap();
        } else if !line.starts_with("# HELP ") {
            let (series, value) = line.rsplit_once(' ').unwrap();
            let suffixes = match kind {
                "counter" => &["_total"][..],
                "info" => &["_info"],
                "gauge" => &[""],
                "histogram" => &["_bucket", "_count", "_sum"],
                _ => panic!("{line}"),
            };
            let suffix = series.split('{').next().unwrap().strip_prefix(family);
            assert!(suffixes.contains(&suffix.unwrap()), "{line}");
            let value: f64 = value.parse().unwrap();
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "seconds, at most")]
            let before = values.insert(series.to_owned(), value as u64);
            assert_eq!(before, None, "{series} is there twice");
        }
    }
    values
}

/// The reference tells of each metric.
pub(crate) fn assert_documented(values: &BTreeMap<String, u64>) {
    let reference =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/serve.md")).unwrap();
    for series in values.keys() {
        let name = series.split('{').next().unwrap();
        let of_histogram = ["_bucket", "_count", "_sum"].iter().find_map(|end| name.strip_suffix(end));
        let name = of_histogram.unwrap_or(name);
        assert!(reference.contains(&format!("\n| `{name}`")), "docs/serve.md says nothing of {name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_counted_and_no_domain_is_named() {
    let lab = Lab::start().await;
    let config = lab.write("mtasts.toml", "metrics = '127.0.0.1:0'\n[zones.strict]\nmatch = 'mx-hosts'\n");
    let mut daemon = Daemon::start(&lab.arguments(&["--config", &config]));
    let pages = daemon.event_of("serving /metrics")["address"].as_str().unwrap().to_owned();
    let address = daemon.listening();

    let at_first = scrape(&pages);
    assert_eq!(at_first["mtasts_requests_total{zone=\"default\",answer=\"ok\"}"], 0);
    assert_eq!(at_first["mtasts_clients"], 0);
    assert_eq!(at_first["mtasts_max_clients"], 16_384);
    assert!(at_first["process_start_time_seconds"] > 1_700_000_000);
    assert_eq!(at_first[&format!("mtasts_build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION"))], 1);

    for request in [
        "postfix healthy-enforce.test",
        "postfix healthy-enforce.test",
        "strict healthy-enforce.test",
        "other no-mta-sts.test",
        "strict no-mta-sts.test",
        "nothing",
    ] {
        ask(&address, request);
    }
    let waiting = TcpStream::connect(&address).unwrap();
    let mut values = scrape(&pages);
    while values["mtasts_clients"] < 1 {
        values = scrape(&pages);
    }
    for (series, value) in [
        ("mtasts_requests_total{zone=\"default\",answer=\"ok\"}", 2),
        ("mtasts_requests_total{zone=\"default\",answer=\"notfound\"}", 1),
        ("mtasts_requests_total{zone=\"default\",answer=\"temp\"}", 0),
        ("mtasts_requests_total{zone=\"default\",answer=\"perm\"}", 1),
        ("mtasts_requests_total{zone=\"strict\",answer=\"ok\"}", 1),
        ("mtasts_requests_total{zone=\"strict\",answer=\"notfound\"}", 1),
        ("mtasts_connections_total", 7),
        ("mtasts_entries", 2),
        ("mtasts_lookups_total", 2),
        ("mtasts_cache_hits_total", 3),
        ("mtasts_fetches_total", 1),
        ("mtasts_fetch_failures_total{result=\"sts-policy-fetch-error\"}", 0),
        ("mtasts_dane_lookups_total{result=\"no-host\"}", 1),
        ("mtasts_dane_lookups_total{result=\"failed\"}", 0),
        ("mtasts_store_failures_total", 0),
        ("mtasts_reloads_total{result=\"done\"}", 0),
    ] {
        assert_eq!(values[series], value, "{series}");
    }
    // Each answer stands below a limit, and each limit has those below the one before it.
    let times: Vec<_> = values
        .iter()
        .filter(|(series, _)| {
            series.starts_with("mtasts_request_duration_seconds_bucket{") && series.contains("default")
        })
        .map(|(_, answers)| *answers)
        .collect();
    assert_eq!(times.len(), 11);
    assert!(times.iter().all(|answers| *answers <= 4), "{times:?}");
    for (series, value) in [
        ("mtasts_request_duration_seconds_bucket{le=\"+Inf\",zone=\"default\"}", 4),
        ("mtasts_request_duration_seconds_count{zone=\"default\"}", 4),
        ("mtasts_request_duration_seconds_count{zone=\"strict\"}", 2),
    ] {
        assert_eq!(values.get(series), Some(&value), "{series}: {values:#?}");
    }
    assert!(values["process_resident_memory_bytes"] > 1 << 20);
    assert!((5..1000).contains(&values["process_open_fds"]));
    assert!(values["process_max_fds"] > values["process_open_fds"]);
    assert!(values["process_cpu_seconds_total"] < 100);
    drop(waiting);
    assert!(values.keys().all(|series| !series.contains("other") && !series.contains(".test")));
    assert_documented(&values);

    daemon.signal("-HUP");
    daemon.event_of("the configuration was read again");
    lab.write("mtasts.toml", "[");
    daemon.signal("-HUP");
    daemon.event_of("the new configuration is not valid: the old one stays in force");
    let values = scrape(&pages);
    assert_eq!(values["mtasts_reloads_total{result=\"done\"}"], 1);
    assert_eq!(values["mtasts_reloads_total{result=\"failed\"}"], 1);
    assert_eq!(values["mtasts_requests_total{zone=\"strict\",answer=\"ok\"}"], 1, "a reload forgets nothing");
    lab.world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_are_counted_by_their_cause() {
    let lab = Lab::start().await;
    let config = lab.write("mtasts.toml", "[limits]\ndns-timeout = '1s'\ndns-attempts = '1'\n");
    let mut daemon = Daemon::start(&lab.arguments(&["--metrics", "127.0.0.1:0", "--config", &config]));
    let pages = daemon.event_of("serving /metrics")["address"].as_str().unwrap().to_owned();
    let address = daemon.listening();
    for domain in
        ["policy-redirect.test", "policy-invalid.test", "policy-host-untrusted.test", "dns-timeout.test"]
    {
        ask(&address, &format!("postfix {domain}"));
    }
    // One line each, with its cause and without the domain.
    for (message, cause) in [
        ("a policy could not be fetched, and none is cached", "HTTP status"),
        ("a policy could not be fetched, and none is cached", ""),
        ("a policy could not be fetched, and none is cached", "certificate"),
        ("temporary answer: mail waits", "timed out"),
    ] {
        let event = daemon.event_of(message);
        assert_eq!(event["level"], "INFO", "{event}");
        assert!(event["cause"].as_str().unwrap().contains(cause), "{event}");
        assert_eq!(event["domain"], serde_json::Value::Null, "{event}");
    }
    let values = scrape(&pages);
    let by_cause = |result: &str| values[&format!("mtasts_fetch_failures_total{{result=\"{result}\"}}")];
    assert_eq!(by_cause("sts-policy-fetch-error"), 1);
    assert_eq!(by_cause("sts-policy-invalid"), 1);
    assert_eq!(by_cause("sts-webpki-invalid"), 1);
    assert_eq!(values["mtasts_dns_failures_total"], 1);
    assert_eq!(values["mtasts_local_faults_total"], 0, "none of them is this machine's");
    assert_eq!(values["mtasts_requests_total{zone=\"default\",answer=\"temp\"}"], 1);
    lab.world.shutdown().await;
}

#[test]
fn only_what_is_there_is_served_and_only_read() {
    let mut daemon = Daemon::start(&[
        "--dns",
        "127.0.0.1:9",
        "--store",
        "memory",
        "--listen",
        "127.0.0.1:0",
        "--metrics",
        "127.0.0.1:0",
    ]);
    let pages = daemon.event_of("serving /metrics")["address"].as_str().unwrap().to_owned();
    daemon.listening();
    assert_eq!(
        get(&pages, "/healthz"),
        (200, "serving\nstore: memory, 0 unsaved, 0 failures\nlookups: 0 waiting, 0 rejected\n".to_owned())
    );
    for path in ["/", "/metrics/", "/metrics2", "/../etc/passwd"] {
        assert_eq!(get(&pages, path).0, 404, "{path}");
    }
    let head = http(&pages, "HEAD /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 200 ") && head.ends_with("\r\n\r\n"), "{head}");
    let post = http(&pages, "POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    assert!(post.starts_with("HTTP/1.1 405 ") && post.contains("allow: GET, HEAD\r\n"), "{post}");

    // Whoever sends too much, or nonsense, or nothing, is in nobody's way.
    let silent: Vec<_> = (0..8).map(|_| TcpStream::connect(&pages).unwrap()).collect();
    let mut long = TcpStream::connect(&pages).unwrap();
    let header = format!("GET /metrics HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(100_000));
    // It may be closed before all of it is written.
    let _ = long.write_all(header.as_bytes());
    let mut response = Vec::new();
    let _ = long.read_to_end(&mut response);
    assert!(!response.starts_with(b"HTTP/1.1 200"), "{}", response.escape_ascii());
    assert!(!http(&pages, "\x16\x03\x01\x02\r\n\r\n").starts_with("HTTP/1.1 200"));
    assert_eq!(get(&pages, "/healthz").0, 200);
    drop(silent);
}

#[test]
fn a_daemon_that_stops_is_not_healthy() {
    // Somebody waits for an answer, since DNS is silent.
    let dns = UdpSocket::bind("127.0.0.1:0").unwrap();
    let server = dns.local_addr().unwrap().to_string();
    let mut daemon = Daemon::start(&[
        "--dns",
        &server,
        "--store",
        "memory",
        "--listen",
        "127.0.0.1:0",
        "--metrics",
        "127.0.0.1:0",
    ]);
    let pages = daemon.event_of("serving /metrics")["address"].as_str().unwrap().to_owned();
    let address = daemon.listening();
    let mut waiting = TcpStream::connect(&address).unwrap();
    waiting.write_all(b"17:postfix slow.test,").unwrap();
    dns.set_read_timeout(Some(LONG)).unwrap();
    dns.recv(&mut [0; 512]).unwrap();
    daemon.signal("-TERM");
    daemon.event_of("stopping");
    let (status, text) = get(&pages, "/healthz");
    assert!(status == 503 && text.starts_with("stopping\n"), "{status} {text}");
}

#[test]
fn a_daemon_that_loads_is_not_healthy_yet() {
    // Its store takes the connection, and says nothing.
    let store = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("redis://user:secret@{}/0", store.local_addr().unwrap());
    let mut daemon = Daemon::start(&[
        "--dns",
        "127.0.0.1:9",
        "--store",
        &url,
        "--listen",
        "127.0.0.1:0",
        "--metrics",
        "127.0.0.1:0",
    ]);
    let pages = daemon.event_of("serving /metrics")["address"].as_str().unwrap().to_owned();
    let _asking = store.accept().unwrap();
    let (status, text) = get(&pages, "/healthz");
    assert!(status == 503 && text.starts_with("loading\nstore: redis://"), "{status} {text}");
    assert!(!text.contains("secret"), "{text}");
    // It may have its store later, and serves without it until then.
    daemon.listening();
    assert_eq!(get(&pages, "/healthz").0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_cannot_be_opened_is_told_until_it_can() {
    let lab = Lab::start().await;
    let folder = lab.path("not there yet");
    let store = format!("sqlite:{folder}/cache.sqlite");
    let mut daemon = Daemon::start(&lab.arguments(&["--store", &store, "--metrics", "127.0.0.1:0"]));
    assert_eq!(daemon.event_of("the store cannot be opened")["code"], "store-unavailable");
    let pages = daemon.event_of("serving /metrics")["address"].as_str().unwrap().to_owned();
    let address = daemon.listening();
    assert!(ask(&address, "postfix healthy-enforce.test").contains("OK secure"));
    let (status, text) = get(&pages, "/healthz");
    // It answers: nobody is to end it for that.
    assert_eq!(status, 200);
    assert!(text.starts_with(&format!("degraded\nstore: {store}, fails, 1 unsaved, ")), "{text}");
    let metrics = scrape(&pages);
    assert_eq!((metrics["mtasts_store_up"], metrics["mtasts_store_unsaved"]), (0, 1));

    std::fs::create_dir(&folder).unwrap();
    daemon.event_of("the store works again");
    // Both are asked for anew each time.
    while scrape(&pages)["mtasts_store_up"] == 0 || scrape(&pages)["mtasts_store_unsaved"] > 0 {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert!(get(&pages, "/healthz").1.starts_with("serving\n"));
    assert_eq!(scrape(&pages)["mtasts_store_unreadable{reason=\"newer\"}"], 0);
    lab.world.shutdown().await;
}
