use std::borrow::Borrow;
use std::collections::HashMap;
use std::fs;
use std::hash::Hash;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use mail_auth::common::parse::TxtRecordParser;
use mail_auth::common::verify::DomainKey;
use mail_auth::{AuthenticatedMessage, DkimResult, MessageAuthenticator, Parameters, ResolverCache, Txt};
use mta_sts_reporter::DeliveryState::{Sent, Waiting};
use mta_sts_reporter::DkimSigning;

use crate::stage::{NEXT_DAY, Stage, relay};

/// DNS with one TXT record.
struct Dns(HashMap<Box<str>, Txt>);

impl ResolverCache<Box<str>, Txt> for Dns {
    fn get<Q: Hash + Eq + ?Sized>(&self, name: &Q) -> Option<Txt>
    where
        Box<str>: Borrow<Q>,
    {
        self.0.get(name).cloned()
    }

    fn remove<Q: Hash + Eq + ?Sized>(&self, _: &Q) -> Option<Txt>
    where
        Box<str>: Borrow<Q>,
    {
        None
    }

    fn insert(&self, _: Box<str>, _: Txt, _: Instant) {}
}

fn openssl(arguments: &[&str]) -> Vec<u8> {
    let output = Command::new("openssl").args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// A new key in a file, and what stands in DNS of it.
fn key(folder: &Path, kind: &str) -> (PathBuf, String) {
    let path = folder.join(format!("{kind}.pem"));
    let file = path.to_str().unwrap();
    match kind {
        "rsa" => openssl(&["genrsa", "-traditional", "-out", file, "2048"]),
        "rsa-pkcs8" => {
            openssl(&["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", file])
        }
        _ => openssl(&["genpkey", "-algorithm", "ED25519", "-out", file]),
    };
    let public = openssl(&["pkey", "-in", file, "-pubout", "-outform", "DER"]);
    // Of Ed25519 the key itself stands there (RFC 8463, 4), behind 12 octets of its type.
    let (kind, public) = if kind == "ed25519" { ("ed25519", &public[12..]) } else { ("rsa", &public[..]) };
    (path, format!("v=DKIM1; k={kind}; p={}", data_encoding::BASE64.encode(public)))
}

async fn verdict(mail: &str, selector: &str, record: &str) -> Vec<DkimResult> {
    let key = Txt::DomainKey(Arc::new(DomainKey::parse(record.as_bytes()).unwrap()));
    let dns = Dns(HashMap::from([(format!("{selector}._domainkey.sender.test.").into(), key)]));
    let message = AuthenticatedMessage::parse(mail.as_bytes()).unwrap();
    let authenticator = MessageAuthenticator::new_cloudflare().unwrap();
    let outputs = authenticator.verify_dkim(Parameters::new(&message).with_txt_cache(&dns)).await;
    outputs.iter().map(|output| output.result().clone()).collect()
}

// Proves R19, R21, R75.
#[tokio::test]
async fn a_mail_carries_a_signature_that_holds() {
    let folder = tempfile::tempdir().unwrap();
    for kind in ["rsa", "rsa-pkcs8", "ed25519"] {
        let (key_file, record) = key(folder.path(), kind);
        let signing = DkimSigning::new("reports", key_file);
        signing.check().unwrap();
        let stage =
            Stage::with(|world| relay(world, "mx.tlsrpt-mail.test").with_dkim(signing), |poster| poster)
                .await;
        stage.count(&["tlsrpt-mail.test"]);
        stage.send_at(NEXT_DAY).await;
        let mail = &stage.mailed()[0];
        assert_eq!(verdict(mail, "reports", &record).await, [DkimResult::Pass], "{kind}\n{mail}");

        let (header, _) = mail.split_once("\r\n\r\n").unwrap();
        let field = header.split("\r\nSubject:").next().unwrap().replace("\r\n\t", "").replace("\r\n ", "");
        assert!(field.starts_with("DKIM-Signature: ") && field.contains("d=sender.test;"), "{field}");
        let signed = field.split("h=").nth(1).unwrap().split(';').next().unwrap().to_ascii_lowercase();
        for name in ["from", "subject", "tls-report-domain", "tls-report-submitter"] {
            assert!(signed.split(':').any(|other| other.trim() == name), "{name} in {signed}");
        }
        assert!(!field.contains(" l=") && !field.contains(";l="), "{field}");
        // What it protects.
        for (from, to) in [
            ("TLS-Report-Domain: tlsrpt-mail.test", "TLS-Report-Domain: other.test"),
            ("A TLS report", "A tls report"),
        ] {
            let changed = mail.replace(from, to);
            assert_ne!(changed, *mail);
            assert_ne!(verdict(&changed, "reports", &record).await, [DkimResult::Pass], "{from}");
        }
    }
}

#[tokio::test]
async fn a_key_that_cannot_be_read_holds_mails_up_until_it_can() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key.pem");
    let signing = DkimSigning::new("reports", &path);
    assert!(signing.check().unwrap_err().to_string().contains("key.pem"));
    let stage =
        Stage::with(|world| relay(world, "mx.tlsrpt-mail.test").with_dkim(signing), |poster| poster).await;
    stage.count(&["tlsrpt-mail.test"]);
    for (hours, text) in [(NEXT_DAY, None), (NEXT_DAY + 0.1, Some("no key"))] {
        if let Some(text) = text {
            fs::write(&path, text).unwrap();
        }
        stage.send_at(hours).await;
        let states = stage.states();
        assert_eq!((states[0].1, states[0].3.as_deref()), (Waiting, Some("dkim-key-unusable")));
        assert!(stage.world.seen().smtp.is_empty());
    }
    let (key_file, record) = key(folder.path(), "rsa");
    fs::rename(key_file, &path).unwrap();
    stage.send_at(NEXT_DAY + 1.0).await;
    assert_eq!(stage.states()[0].1, Sent);
    assert_eq!(verdict(&stage.mailed()[0], "reports", &record).await, [DkimResult::Pass]);
}
