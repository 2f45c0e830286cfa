//! A process that orders, killed again and again.

use std::env;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use mta_sts_publisher::{AcmeCertificates, AcmeConfig, Certificates, PolicyHostConfig, PolicyHostServer};
use mta_sts_resolver::TrustStore;
use tokio::net::TcpListener;

use crate::pebble::{Habits, Pebble, files_of, free_port, own_address};
use crate::stage::{ONE, Stage, TWO, policies};

#[tokio::test]
#[ignore = "the process that is killed"]
async fn orderer() {
    let Ok(folder) = env::var("ACME_FOLDER") else { return };
    let folder = Path::new(&folder);
    let trusted = TrustStore::from_pem_file(folder.join("ca.pem")).unwrap();
    let config = AcmeConfig::new(env::var("ACME_URL").unwrap(), trusted)
        .with_first_delay(Duration::from_secs(1))
        .with_check_interval(Duration::from_millis(50));
    let certificates = Arc::new(Certificates::new());
    let acme = AcmeCertificates::open(folder.join("state"), config, Arc::clone(&certificates)).unwrap();
    acme.set_names([ONE.to_owned(), TWO.to_owned()]);
    let listener = TcpListener::bind(env::var("ACME_LISTEN").unwrap()).await.unwrap();
    let server = PolicyHostServer::new(policies(), certificates, PolicyHostConfig::new());
    fs::write(folder.join("started"), "").unwrap();
    tokio::select! {
        () = acme.run_for_ever() => {}
        () = server.serve(vec![listener], Vec::new(), std::future::pending()) => {}
    }
}

fn start(folder: &Path, url: &str, listen: &str) -> Child {
    // Only of a process before.
    let _ = fs::remove_file(folder.join("started"));
    let process = Command::new(env::current_exe().unwrap())
        .args(["--ignored", "--exact", "kill::orderer"])
        .env("ACME_FOLDER", folder)
        .env("ACME_URL", url)
        .env("ACME_LISTEN", listen)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while !folder.join("started").exists() {
        std::thread::sleep(Duration::from_millis(5));
    }
    process
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_at_any_moment_leaves_what_can_be_gone_on_from() {
    let stage = Stage::new().await;
    let host = own_address();
    let port = free_port(host);
    let pebble = Pebble::start(port, Habits { host, is_slow: true, ..Habits::default() });
    fs::write(stage.path().join("ca.pem"), pebble.pem()).unwrap();
    let (url, listen) = (pebble.directory_url(), format!("{host}:{port}"));
    for wait in [0, 10, 30, 60, 120, 250, 500] {
        let mut process = start(stage.path(), &url, &listen);
        std::thread::sleep(Duration::from_millis(wait));
        process.kill().unwrap();
        process.wait().unwrap();
        // Whatever has its name is whole.
        for file in files_of(&stage.path().join("state")) {
            let text = fs::read_to_string(&file).unwrap();
            match file.extension().and_then(|extension| extension.to_str()) {
                Some("json") => drop(serde_json::from_str::<serde_json::Value>(&text).unwrap()),
                Some("pem") => assert!(text.ends_with("-----END CERTIFICATE-----\n"), "{text}"),
                _ => {}
            }
        }
    }
    let mut process = start(stage.path(), &url, &listen);
    let saved = |name: &str| {
        files_of(&stage.path().join("state"))
            .iter()
            .any(|file| file.ends_with(format!("certificates/{name}.pem")))
    };
    for _ in 0..3000 {
        if saved(ONE) && saved(TWO) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    process.kill().unwrap();
    process.wait().unwrap();
    let config = stage.config(&url, &pebble.pem());
    let acme =
        AcmeCertificates::open(stage.path().join("state"), config, Arc::clone(&stage.certificates)).unwrap();
    acme.set_names([ONE.to_owned(), TWO.to_owned()]);
    let trusted = pebble.trusted().await;
    assert!(stage.is_served(&trusted, ONE).await && stage.is_served(&trusted, TWO).await);
}
