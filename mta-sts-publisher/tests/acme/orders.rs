//! Certificates that are issued and renewed.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use mta_sts_publisher::{AcmeCertificates, Certificates};

use crate::pebble::{Habits, Pebble, files_of};
use crate::stage::{ONE, Stage, TWO};

#[tokio::test(flavor = "multi_thread")]
async fn each_name_gets_a_certificate_and_keeps_it_after_a_restart() {
    let mut stage = Stage::new().await;
    let mut pebble = Pebble::start(stage.address.port(), Habits::default());
    let config = stage.config(&pebble.directory_url(), &pebble.pem());
    // What is no name of a host is not ordered.
    stage.keep(config.clone(), &[ONE, TWO, "no host", "../x", ""]).await;
    let counts = stage.until(|counts| counts.without_certificate == 0).await;
    assert_eq!((counts.names, counts.issued, counts.failed, counts.faults.len()), (2, 2, 0, 0));
    let trusted = pebble.trusted().await;
    assert!(stage.is_served(&trusted, ONE).await && stage.is_served(&trusted, TWO).await);

    let files = files_of(stage.path());
    assert_eq!(files.len(), 4, "{files:?}");
    for file in &files {
        assert_eq!(std::fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600, "{file:?}");
    }
    let names: Vec<_> = files.iter().map(|file| file.file_name().unwrap().to_str().unwrap()).collect();
    assert!(names.contains(&"mta-sts.one.example.pem") && names.contains(&"account.json"), "{names:?}");

    let second = AcmeCertificates::open(stage.path(), config.clone(), Arc::new(Certificates::new()));
    assert_eq!(second.unwrap_err().kind(), io::ErrorKind::WouldBlock);
    pebble.stop();
    stage.end().await;
    stage.keep(config, &[TWO]).await;
    let counts = stage.until(|counts| counts.without_certificate == 0).await;
    assert_eq!((counts.names, counts.issued), (1, 0));
    assert!(!stage.is_served(&trusted, ONE).await && stage.is_served(&trusted, TWO).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_renewed_before_it_ends() {
    let mut stage = Stage::new().await;
    let pebble = Pebble::start(stage.address.port(), Habits { life: 6, ..Habits::default() });
    stage.keep(stage.config(&pebble.directory_url(), &pebble.pem()), &[ONE]).await;
    stage.until(|counts| counts.issued == 1).await;
    let first = stage.certificates.life(ONE).unwrap();
    stage.until(|counts| counts.issued == 2).await;
    let second = stage.certificates.life(ONE).unwrap();
    assert!(second.not_after > first.not_after && second.not_before <= first.not_after, "{first} {second}");
    assert!(stage.is_served(&pebble.trusted().await, ONE).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_nonces_are_tried_again() {
    let mut stage = Stage::new().await;
    let pebble = Pebble::start(stage.address.port(), Habits { refused_nonces: 40, ..Habits::default() });
    stage.keep(stage.config(&pebble.directory_url(), &pebble.pem()), &[ONE, TWO]).await;
    stage.until(|counts| counts.without_certificate == 0).await;
    assert!(stage.is_served(&pebble.trusted().await, TWO).await);
}
