//! Policies and certificates that change while the server runs.

use std::fs;

use hyper::StatusCode;
use mta_sts_publisher::{CertificateFiles, CertificateSource, Certificates, PolicyHostConfig};

use crate::client::{connect, policy};
use crate::pki::Authority;
use crate::stage::{Stage, policy_of, write_certificate, write_policy};

#[tokio::test(flavor = "multi_thread")]
async fn policies_are_read_again_all_at_once() {
    let stage = Stage::start(&[&["one.example", "two.example"]], PolicyHostConfig::new()).await;
    let folder = stage.folder.path().join("policies");
    fs::write(folder.join("one.example/mta-sts.txt"), "version: STSv1\nmode: enforce\n").unwrap();
    let changed = policy_of("two.example").replace("enforce", "testing");
    fs::write(folder.join("two.example/mta-sts.txt"), &changed).unwrap();
    assert_eq!(policy(&stage, "two.example").await.body, policy_of("two.example"));
    let faults = stage.reload();
    assert!(faults.len() == 1 && faults[0].contains("one.example/mta-sts.txt:"), "{faults:?}");
    assert_eq!(policy(&stage, "one.example").await.body, policy_of("one.example"));
    assert_eq!(policy(&stage, "two.example").await.body, changed);
    fs::remove_dir_all(folder.join("two.example")).unwrap();
    stage.reload();
    assert_eq!(policy(&stage, "two.example").await.status, StatusCode::NOT_FOUND);
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_that_change_are_used_and_broken_ones_are_not() {
    let stage = Stage::start(&[&["one.example"], &["two.example"]], PolicyHostConfig::new()).await;
    let certificates = stage.server.certificates();
    let shown = async || {
        let stream = connect(&stage, "mta-sts.one.example", &[]).await.unwrap();
        stream.get_ref().1.peer_certificates().unwrap()[0].clone()
    };
    let first = shown().await;
    assert!(!stage.files.have_changed());
    write_certificate(&stage.authority, stage.folder.path(), "one.example", &["mta-sts.one.example"]);
    while !stage.files.have_changed() {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(stage.files.load(certificates), []);
    let second = shown().await;
    assert_ne!(first, second);

    // Half of it is written.
    let file = stage.folder.path().join("certificates/one.example/privkey.pem");
    fs::write(&file, "-----BEGIN PRIVATE KEY-----\n").unwrap();
    let errors = stage.files.load(certificates);
    assert!(errors.len() == 1 && errors[0].path() == file, "{errors:?}");
    assert_eq!(shown().await, second);
    assert!(connect(&stage, "mta-sts.two.example", &[]).await.is_ok());

    // The key of another.
    fs::copy(stage.folder.path().join("certificates/two.example/privkey.pem"), &file).unwrap();
    let errors = stage.files.load(certificates);
    assert!(errors[0].to_string().contains("the key is not that of the certificate"), "{errors:?}");
    assert_eq!(shown().await, second);

    // The folder of a domain that is new, and of one that is gone.
    fs::remove_dir_all(stage.folder.path().join("certificates/two.example")).unwrap();
    write_certificate(&stage.authority, stage.folder.path(), "all", &["*.three.example"]);
    write_policy(stage.folder.path(), "three.example");
    stage.reload();
    stage.files.load(certificates);
    assert!(connect(&stage, "mta-sts.two.example", &[]).await.is_err());
    assert_eq!(policy(&stage, "three.example").await.body, policy_of("three.example"));
    assert!(connect(&stage, "mta-sts.a.three.example", &[]).await.is_err());

    // The whole folder is gone for a moment.
    fs::rename(stage.folder.path().join("certificates"), stage.folder.path().join("elsewhere")).unwrap();
    let errors = stage.files.load(certificates);
    assert!(errors.len() == 1 && errors[0].is_missing(), "{errors:?}");
    assert_eq!(shown().await, second);
    stage.stop().await;
}

#[test]
fn of_two_certificates_for_a_name_the_longer_one_is_used() {
    let (authority, folder) = (Authority::new(), tempfile::tempdir().unwrap());
    let hosts = ["mta-sts.one.example", "MTA-STS.two.example"];
    write_certificate(&authority, folder.path(), "a", &hosts);
    let certificates = Certificates::new();
    let file = |name: &str| folder.path().join("certificates/a").join(name);
    let source = CertificateSource::Files { certificate: file("fullchain.pem"), key: file("privkey.pem") };
    assert_eq!(CertificateFiles::new(source).load(&certificates), []);
    assert_eq!(certificates.lives().len(), 1);
    assert_eq!(certificates.life("mta-sts.one.example"), certificates.life("mta-sts.two.example"));
    assert_eq!(certificates.life("one.example"), None);
    let life = certificates.life("mta-sts.one.example").unwrap();
    assert!(life.not_before < life.not_after);
}

#[test]
fn what_is_wrong_with_a_file_is_told() {
    let (authority, folder) = (Authority::new(), tempfile::tempdir().unwrap());
    write_certificate(&authority, folder.path(), "a", &["mta-sts.one.example"]);
    let file = |name: &str| folder.path().join("certificates/a").join(name);
    let load = |certificate: &str, key: &str| {
        let source = CertificateSource::Files { certificate: file(certificate), key: file(key) };
        let errors = CertificateFiles::new(source).load(&Certificates::new());
        errors[0].to_string()
    };
    assert!(load("none.pem", "privkey.pem").contains("none.pem: No such file"));
    assert!(load("privkey.pem", "privkey.pem").contains("the file has no certificate"));
    assert!(load("fullchain.pem", "fullchain.pem").contains("the file has no private key"));
}
