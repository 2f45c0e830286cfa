//! TLS reports that senders POST.

use std::fs;
use std::time::Duration;

use hyper::Method;
use mta_sts_publisher::{PolicyHostConfig, ReportReceiverConfig};
use mta_sts_resolver::ReportPoster;

use crate::client::{connect, exchange, post, request};
use crate::stage::Stage;

const DOMAINS: &[&[&str]] = &[&["one.example"]];
const GZIP: &str = "application/tlsrpt+gzip";
const JSON: &str = "application/tlsrpt+json";

impl Stage {
    async fn receiving(config: ReportReceiverConfig) -> Self {
        Self::start_with(DOMAINS, PolicyHostConfig::new(), Some(config)).await
    }

    /// The names and the octets of what is in a part of the folder.
    fn kept(&self, part: &str) -> Vec<(String, Vec<u8>)> {
        let entries = fs::read_dir(self.folder.path().join("reports").join(part)).unwrap();
        let mut kept: Vec<_> = entries
            .map(|entry| entry.unwrap().path())
            .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(&path).unwrap()))
            .collect();
        kept.sort();
        kept
    }
}

// Proves R79, R80.
#[tokio::test(flavor = "multi_thread")]
async fn a_report_is_kept_under_its_hash_before_it_is_acknowledged() {
    let stage = Stage::receiving(ReportReceiverConfig::new()).await;
    for protocol in ["http/1.1", "h2"] {
        let body = format!("{{\"by\":\"{protocol}\"}}");
        let got = post(&stage, protocol, JSON, body.clone()).await;
        assert_eq!(got.status, 201);
        let kept = stage.kept("new");
        let (name, _) = kept.iter().find(|(_, octets)| *octets == body.as_bytes()).unwrap();
        assert!(name.strip_suffix(".json").is_some_and(|hash| hash.len() == 64), "{name}");
        // Sent again it is kept once.
        assert_eq!(post(&stage, protocol, JSON, body).await.status, 201);
        assert_eq!(stage.kept("new"), kept);
    }
    let got = post(&stage, "http/1.1", "Application/TLSRPT+gzip; x=y", &b"\x1f\x8bnot looked at"[..]).await;
    assert_eq!(got.status, 201);
    assert!(stage.kept("new").iter().any(|(name, _)| name.strip_suffix(".json.gz").is_some()));
    assert_eq!((stage.kept("new").len(), stage.kept("tmp").len(), stage.kept("cur").len()), (3, 0, 0));
    let counts = stage.server.counts();
    assert_eq!((counts.reports, counts.refused_reports), (5, 0));
    let before = stage.reports.as_ref().unwrap().used();
    stage.reports.as_ref().unwrap().recount().unwrap();
    assert_eq!(stage.reports.as_ref().unwrap().used(), before);
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_sender_is_content() {
    let stage = Stage::receiving(ReportReceiverConfig::new()).await;
    let poster = ReportPoster::new(stage.authority.trusted()).with_private_addresses(true);
    let url = format!("https://mta-sts.one.example:{}/tlsrpt", stage.address.port());
    let status = poster.post(&url, &[stage.address.ip()], GZIP, b"\x1f\x8b".to_vec()).await.unwrap();
    assert_eq!(status, 201);
    assert_eq!(stage.kept("new").len(), 1);
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_received_is_told_by_the_status() {
    let stage = Stage::receiving(ReportReceiverConfig::new().with_max_len(1000)).await;
    for protocol in ["http/1.1", "h2"] {
        for (media_type, body, status) in [
            ("application/json", "{}", 415),
            ("", "{}", 415),
            ("application/tlsrpt", "{}", 415),
            (GZIP, "", 400),
        ] {
            let got = post(&stage, protocol, media_type, body).await;
            assert_eq!(got.status, status, "{protocol} {media_type}");
        }
        assert_eq!(post(&stage, protocol, JSON, vec![b'x'; 1001]).await.status, 413);
        assert_eq!(post(&stage, protocol, JSON, vec![b'x'; 1000]).await.status, 201);
    }
    let host = ("mta-sts.one.example", "mta-sts.one.example");
    let got = request(&stage, "h2", host, (Method::GET, "/tlsrpt")).await;
    assert_eq!((got.status.as_u16(), got.header("allow")), (405, Some("POST")));

    let head = format!("POST /tlsrpt HTTP/1.1\r\nHost: mta-sts.one.example\r\nContent-Type: {JSON}\r\n");
    // Its length is told nowhere.
    let stream = connect(&stage, "mta-sts.one.example", &[]).await.unwrap();
    let chunks = "200\r\n".to_owned() + &"x".repeat(512) + "\r\n";
    let body = format!("{head}Transfer-Encoding: chunked\r\n\r\n{}0\r\n\r\n", chunks.repeat(3));
    let got = exchange(stream, body.as_bytes()).await;
    assert!(got.starts_with("HTTP/1.1 413 "), "{got}");
    // It breaks off.
    let mut stream = connect(&stage, "mta-sts.one.example", &[]).await.unwrap();
    let half = format!("{head}Content-Length: 100\r\n\r\nhalf");
    tokio::io::AsyncWriteExt::write_all(&mut stream, half.as_bytes()).await.unwrap();
    tokio::io::AsyncWriteExt::shutdown(&mut stream).await.unwrap();
    drop(stream);
    while stage.server.counts().connected > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!((stage.kept("new").len(), stage.kept("tmp").len()), (1, 0));
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_sends_slowly_is_left() {
    let stage = Stage::receiving(ReportReceiverConfig::new().with_timeout(Duration::from_millis(200))).await;
    let stream = connect(&stage, "mta-sts.one.example", &[]).await.unwrap();
    let half = format!(
        "POST /tlsrpt HTTP/1.1\r\nHost: mta-sts.one.example\r\nContent-Type: {JSON}\r\nContent-Length: 9\r\n\r\nhalf"
    );
    let got = exchange(stream, half.as_bytes()).await;
    assert!(got.starts_with("HTTP/1.1 408 "), "{got}");
    assert_eq!((stage.kept("new").len(), stage.kept("tmp").len()), (0, 0));
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_folder_has_a_quota() {
    let stage = Stage::receiving(ReportReceiverConfig::new().with_quota(3 * 5000)).await;
    for number in 0..3 {
        let got = post(&stage, "http/1.1", JSON, format!("{number:900}")).await;
        assert_eq!(got.status, 201, "{number}");
    }
    // What does not fit takes nothing from what does.
    for _ in 0..2 {
        assert_eq!(post(&stage, "h2", JSON, "x").await.status, 507);
    }
    assert_eq!((stage.kept("new").len(), stage.kept("tmp").len()), (3, 0));
    let (name, _) = &stage.kept("new")[0];
    fs::remove_file(stage.folder.path().join("reports/new").join(name)).unwrap();
    stage.reports.as_ref().unwrap().recount().unwrap();
    assert_eq!(post(&stage, "h2", JSON, "x").await.status, 201);
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_so_many_are_received_at_once() {
    let stage = Stage::receiving(ReportReceiverConfig::new().with_max_at_once(1)).await;
    let mut first = connect(&stage, "mta-sts.one.example", &[]).await.unwrap();
    let half = format!(
        "POST /tlsrpt HTTP/1.1\r\nHost: mta-sts.one.example\r\nConnection: close\r\nContent-Type: {JSON}\r\nContent-Length: 8\r\n\r\nhalf"
    );
    tokio::io::AsyncWriteExt::write_all(&mut first, half.as_bytes()).await.unwrap();
    while stage.kept("tmp").is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let got = post(&stage, "http/1.1", JSON, "{}").await;
    assert_eq!((got.status.as_u16(), got.header("retry-after")), (503, Some("60")));
    let got = exchange(first, b"half").await;
    assert!(got.starts_with("HTTP/1.1 201 "), "{got}");
    assert_eq!(post(&stage, "http/1.1", JSON, "{}").await.status, 201);
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_gone_fails_one_report_and_not_the_server() {
    let stage = Stage::receiving(ReportReceiverConfig::new()).await;
    let folder = stage.folder.path().join("reports");
    fs::rename(&folder, stage.folder.path().join("elsewhere")).unwrap();
    assert_eq!(post(&stage, "http/1.1", JSON, "{}").await.status, 500);
    fs::rename(stage.folder.path().join("elsewhere"), &folder).unwrap();
    assert_eq!(post(&stage, "http/1.1", JSON, "{}").await.status, 201);
    stage.stop().await;
}
