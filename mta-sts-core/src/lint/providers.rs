//! The MX hosts of large mail providers, for hints.
//!
//! As of November 2026; the sources are in docs/providers.md. A provider may change its hosts at any time, so
//! this is only good for hints.

/// A provider, and the MX hosts of its customers.
pub(super) struct Provider {
    pub(super) name: &'static str,
    /// The domains that belong to the provider.
    domains: &'static [&'static str],
    /// The sets of hosts that one customer uses together. A `*` stands for the part that differs by customer or
    /// region: a label, or a part of one.
    pub(super) sets: &'static [&'static [&'static str]],
    /// The MX hosts of the provider's own mail domains.
    own: &'static [&'static str],
}

/// The provider to which a name belongs.
pub(super) fn provider_of(name: &str) -> Option<&'static Provider> {
    PROVIDERS.iter().find(|provider| provider.domains.iter().any(|domain| is_within(name, domain)))
}

impl Provider {
    /// Returns whether a name looks like an MX host of this provider.
    pub(super) fn has(&self, name: &str) -> bool {
        self.sets.iter().copied().flatten().chain(self.own).any(|shape| fits(shape, name))
    }
}

/// Returns whether a name is the domain, or is below it.
pub(super) fn is_within(name: &str, domain: &str) -> bool {
    name.strip_suffix(domain).is_some_and(|front| front.is_empty() || front.ends_with('.'))
}

fn fits(shape: &str, name: &str) -> bool {
    shape.split('.').count() == name.split('.').count()
        && shape.split('.').zip(name.split('.')).all(|(shape, label)| label_fits(shape, label))
}

/// Returns whether a label has this shape: each `*` matches one character or more.
fn label_fits(shape: &str, label: &str) -> bool {
    match shape.split_once('*') {
        None => shape == label,
        Some((front, rest)) => label.strip_prefix(front).is_some_and(|after| {
            (1..=after.len()).any(|at| after.get(at..).is_some_and(|tail| label_fits(rest, tail)))
        }),
    }
}

const PROVIDERS: &[Provider] = &[
    Provider {
        name: "Google",
        domains: &["google.com", "googlemail.com", "gmail.com"],
        sets: &[
            &["smtp.google.com"],
            &[
                "aspmx.l.google.com",
                "alt1.aspmx.l.google.com",
                "alt2.aspmx.l.google.com",
                "alt3.aspmx.l.google.com",
                "alt4.aspmx.l.google.com",
            ],
            &[
                "aspmx.l.google.com",
                "alt1.aspmx.l.google.com",
                "alt2.aspmx.l.google.com",
                "aspmx2.googlemail.com",
                "aspmx3.googlemail.com",
            ],
            &[
                "aspmx.l.google.com",
                "alt1.aspmx.l.google.com",
                "alt2.aspmx.l.google.com",
                "aspmx2.googlemail.com",
                "aspmx3.googlemail.com",
                "aspmx4.googlemail.com",
                "aspmx5.googlemail.com",
            ],
        ],
        own: &["gmail-smtp-in.l.google.com", "*.gmail-smtp-in.l.google.com"],
    },
    Provider {
        name: "Microsoft",
        domains: &["outlook.com", "office365.com", "onmicrosoft.com", "mx.microsoft"],
        sets: &[&["*.mail.protection.outlook.com"], &["*.*.mx.microsoft"]],
        own: &["*.olc.protection.outlook.com"],
    },
    Provider {
        name: "Proton",
        domains: &["protonmail.ch", "protonmail.com", "proton.me"],
        sets: &[&["mail.protonmail.ch", "mailsec.protonmail.ch"]],
        own: &[],
    },
    Provider {
        name: "Fastmail",
        domains: &["messagingengine.com", "fastmail.com"],
        sets: &[
            &["in1-smtp.messagingengine.com", "in2-smtp.messagingengine.com"],
            &["eu1-smtp.messagingengine.com", "eu2-smtp.messagingengine.com"],
        ],
        own: &[],
    },
    Provider {
        name: "Zoho",
        domains: &["zoho.com", "zoho.eu", "zoho.in", "zoho.com.au"],
        sets: &[
            &["mx.zoho.com", "mx2.zoho.com", "mx3.zoho.com"],
            &["mx.zoho.eu", "mx2.zoho.eu", "mx3.zoho.eu"],
            &["mx.zoho.in", "mx2.zoho.in", "mx3.zoho.in"],
            &["mx.zoho.com.au", "mx2.zoho.com.au", "mx3.zoho.com.au"],
        ],
        own: &[],
    },
    Provider {
        name: "iCloud",
        domains: &["icloud.com"],
        sets: &[&["mx01.mail.icloud.com", "mx02.mail.icloud.com"]],
        own: &[],
    },
    Provider {
        name: "Yahoo",
        domains: &["am0.yahoodns.net", "yahoo.com"],
        sets: &[
            &["mta5.am0.yahoodns.net", "mta6.am0.yahoodns.net", "mta7.am0.yahoodns.net"],
            &["*.mail.am0.yahoodns.net"],
        ],
        own: &[],
    },
    Provider {
        name: "Mimecast",
        domains: &["mimecast.com"],
        sets: &[&["*-smtp-inbound-*.mimecast.com"]],
        own: &[],
    },
    Provider {
        name: "Proofpoint",
        domains: &["pphosted.com"],
        sets: &[
            &["mx0a-*.pphosted.com", "mx0b-*.pphosted.com"],
            &["mxa-*.gslb.pphosted.com", "mxb-*.gslb.pphosted.com"],
        ],
        own: &[],
    },
    Provider {
        name: "Proofpoint Essentials",
        domains: &["ppe-hosted.com"],
        sets: &[&["mx1-*.ppe-hosted.com", "mx2-*.ppe-hosted.com"]],
        own: &[],
    },
    Provider { name: "Tuta", domains: &["tutanota.de"], sets: &[&["mail.tutanota.de"]], own: &[] },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_known_by_its_shape() {
        for (name, is_mx) in [
            ("smtp.google.com", true),
            ("alt4.aspmx.l.google.com", true),
            ("alt5.aspmx.l.google.com", false),
            ("smtp.gmail.com", false),
            ("google.com", false),
            ("north-test.mail.protection.outlook.com", true),
            ("north-test.j-v1.mx.microsoft", true),
            ("north-test.mx.microsoft", false),
            ("smtp.office365.com", false),
            ("us-smtp-inbound-1.mimecast.com", true),
            ("us-smtp-outbound-1.mimecast.com", false),
            ("-smtp-inbound-1.mimecast.com", false),
            ("mx1-eu1.ppe-hosted.com", true),
            ("mx1-.ppe-hosted.com", false),
            ("dispatch1-us1.ppe-hosted.com", false),
            ("mxa-00190b01.gslb.pphosted.com", true),
        ] {
            assert_eq!(provider_of(name).map(|provider| provider.has(name)), Some(is_mx), "{name}");
        }
        assert!(provider_of("mygoogle.com").is_none() && provider_of("north.test").is_none());
    }

    #[test]
    fn every_shape_is_within_its_provider() {
        for provider in PROVIDERS {
            for shape in provider.sets.iter().copied().flatten() {
                let name = shape.replace('*', "x9");
                assert!(provider.has(&name), "{shape}");
                assert_eq!(provider_of(&name).map(|found| found.name), Some(provider.name), "{shape}");
            }
        }
    }
}
