//! What a domain takes in memory.
#![allow(clippy::unwrap_used, reason = "helpers of tests are not in test functions")]

#[path = "../../mta-sts-resolver/tests/pki/mod.rs"]
mod pki;

use std::fs;

use mta_sts_publisher::{CertificateFiles, CertificateSource, Certificates, HostedPolicies, PolicySource};
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

const DOMAINS: usize = 1000;

/// Ten thousand domains with a policy and a certificate each then take less than 60 MiB.
#[test]
fn a_domain_with_its_certificate_takes_few_octets() {
    let (authority, folder) = (pki::Authority::new(), tempfile::tempdir().unwrap());
    let folder = folder.path();
    for number in 0..DOMAINS {
        let domain = format!("domain{number}.example");
        let policy = folder.join("policies").join(&domain);
        fs::create_dir_all(&policy).unwrap();
        let text = format!(
            "version: STSv1\r\nmode: enforce\r\nmx: mx1.{domain}\r\nmx: mx2.{domain}\r\nmax_age: 2592000\r\n"
        );
        fs::write(policy.join("mta-sts.txt"), text).unwrap();
        let certificate = folder.join("certificates").join(&domain);
        fs::create_dir_all(&certificate).unwrap();
        let (chain, key) = authority.issue(&[&format!("mta-sts.{domain}")]);
        // A chain has an intermediate certificate, about as long.
        fs::write(certificate.join("fullchain.pem"), format!("{chain}{}", authority.pem())).unwrap();
        fs::write(certificate.join("privkey.pem"), key).unwrap();
    }
    let before = ALLOCATOR.current_usage();
    let source = PolicySource::Folder(folder.join("policies"));
    let (policies, _) = HostedPolicies::read(&source, &HostedPolicies::default()).unwrap();
    let for_policies = (ALLOCATOR.current_usage() - before) / DOMAINS;
    assert_eq!(policies.len(), DOMAINS);
    assert!(for_policies < 500, "{for_policies} octets for a policy");

    let certificates = Certificates::new();
    let before = ALLOCATOR.current_usage();
    let files = CertificateFiles::new(CertificateSource::Folder(folder.join("certificates")));
    assert_eq!(files.load(&certificates), []);
    let for_certificates = (ALLOCATOR.current_usage() - before) / DOMAINS;
    assert_eq!(certificates.lives().len(), DOMAINS);
    assert!(for_certificates < 4000, "{for_certificates} octets for a certificate");
    println!("{for_policies} octets for a policy, {for_certificates} for a certificate");
}
