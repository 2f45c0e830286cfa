//! The configuration of the Policy Host: from defaults, from its file, and from its command line.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use data_encoding::BASE64URL_NOPAD;
use mta_sts_core::DnsName;
use mta_sts_publisher::{
    AcmeConfig, CertificateSource, PolicyHostConfig, PolicySource, ReportReceiverConfig,
};
use mta_sts_resolver::TrustStore;
use serde::{Deserialize, Serialize};

use super::super::super::Exit;
use super::super::super::daemons::value::{Maybe, Size, Span, text, texts};
use super::super::super::daemons::{Fault, Log, MAX_SOCKET_PATH, TOO_LONG, Unworkable, span_of_text};

/// Every option of `mtasts publish serve`, under its key in the file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Configuration {
    #[serde(with = "texts")]
    pub(super) listen: Vec<SocketAddr>,
    #[serde(with = "text")]
    pub(super) plain: Maybe<PlainPlace>,
    pub(super) policies: String,
    pub(super) certificate: String,
    pub(super) key: String,
    pub(super) certificates: String,
    #[serde(with = "text")]
    pub(super) metrics: Maybe<SocketAddr>,
    pub(super) reports: String,
    pub(super) reports_host: String,
    pub(super) reports_path: String,
    #[serde(with = "text")]
    reports_quota: Size,
    pub(super) log: Log,
    limits: Limits,
    pub(super) acme: Acme,
    pub(super) domains: BTreeMap<String, String>,
    /// The file that it is from, and its text.
    #[serde(skip)]
    pub(super) source: Option<(PathBuf, String)>,
}

/// The table `[acme]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Acme {
    pub(super) terms_of_service_agreed: bool,
    pub(super) directory: String,
    pub(super) contact: String,
    pub(super) ca_file: String,
    pub(super) eab_key_id: String,
    pub(super) eab_key_file: String,
    pub(super) state: String,
}

/// The limits: numbers, and times.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Limits {
    max_connections: NonZeroUsize,
    max_connections_per_client: NonZeroUsize,
    #[serde(with = "text")]
    handshake_timeout: Span,
    #[serde(with = "text")]
    head_timeout: Span,
    #[serde(with = "text")]
    request_timeout: Span,
    #[serde(with = "text")]
    connection_timeout: Span,
    #[serde(with = "text")]
    stop_within: Span,
}

/// Where a reverse proxy connects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PlainPlace {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

impl Configuration {
    pub(super) fn parse(file: &Path, text: &str) -> Result<Self, Fault> {
        toml::from_str::<Self>(text).map_err(|error| Fault::toml(file, text, &error))
    }

    /// The configuration as a complete file.
    pub(super) fn to_toml(&self) -> String {
        // TOML supports every type in it.
        toml::to_string(self).unwrap_or_default()
    }

    /// What is wrong with a file, or with the name of a domain; shown where the configuration has it, if it is from there.
    pub(super) fn at_its_place(&self, named: &Path, message: String) -> String {
        let place = self.source.as_ref().and_then(|(file, text)| {
            let span = span_of_text(text, named.to_str()?)?;
            Some(Fault::at(file, text, span, message.clone()))
        });
        place.map_or(message, |fault| format!("{fault:#}"))
    }

    /// Returns whether it has certificates, and so serves HTTPS itself.
    pub(super) fn has_certificates(&self) -> bool {
        self.certificate_source().is_some() || self.acme.terms_of_service_agreed
    }

    /// How certificates are ordered, if they are.
    pub(super) fn acme_config(&self) -> Result<Option<AcmeConfig>, (Exit, String)> {
        let Acme { terms_of_service_agreed, directory, contact, ca_file, eab_key_id, eab_key_file, .. } =
            &self.acme;
        if !terms_of_service_agreed {
            return Ok(None);
        }
        let trusted =
            if ca_file.is_empty() { TrustStore::platform() } else { TrustStore::from_pem_file(ca_file) };
        let trusted = trusted.map_err(|error| {
            (Exit::Configuration, self.at_its_place(Path::new(ca_file), error.to_string()))
        })?;
        let mut config = AcmeConfig::new(directory, trusted);
        if !contact.is_empty() {
            config = config.with_contact(contact);
        }
        if !eab_key_id.is_empty() {
            let file = Path::new(eab_key_file);
            let key = external_key(file).map_err(|(exit, what)| (exit, self.at_its_place(file, what)))?;
            config = config.with_external_account(eab_key_id, key);
        }
        Ok(Some(config))
    }

    /// The folder of the account and of ordered certificates.
    pub(super) fn acme_state(&self) -> Option<PathBuf> {
        if !self.acme.state.is_empty() {
            return Some((&self.acme.state).into());
        }
        let folders = std::env::var("STATE_DIRECTORY").ok()?;
        folders
            .split(':')
            .next()
            .filter(|folder| !folder.is_empty())
            .map(|folder| Path::new(folder).join("acme"))
    }

    /// Where policies are read from: the folder, and the files of single domains.
    pub(super) fn policy_sources(&self) -> Vec<PolicySource> {
        let folder = (!self.policies.is_empty()).then(|| PolicySource::Folder(self.policies.clone().into()));
        let files = self.domains.iter().map(|(domain, file)| (domain.clone(), PathBuf::from(file)));
        let files = (!self.domains.is_empty()).then(|| PolicySource::Files(files.collect()));
        folder.into_iter().chain(files).collect()
    }

    /// The host that receives reports and has no policy.
    pub(super) fn reports_host(&self) -> Option<&str> {
        Some(self.reports_host.as_str()).filter(|host| !host.is_empty())
    }

    pub(super) fn certificate_source(&self) -> Option<CertificateSource> {
        if !self.certificates.is_empty() {
            return Some(CertificateSource::Folder(self.certificates.clone().into()));
        }
        (!self.certificate.is_empty()).then(|| {
            let key = if self.key.is_empty() { &self.certificate } else { &self.key };
            CertificateSource::Files { certificate: self.certificate.clone().into(), key: key.into() }
        })
    }

    pub(super) fn host_config(&self) -> PolicyHostConfig {
        let limits = &self.limits;
        PolicyHostConfig::new()
            .with_max_connections(limits.max_connections.get())
            .with_max_connections_per_client(limits.max_connections_per_client.get())
            .with_handshake_timeout(limits.handshake_timeout.0)
            .with_head_timeout(limits.head_timeout.0)
            .with_request_timeout(limits.request_timeout.0)
            .with_connection_timeout(limits.connection_timeout.0)
            .with_stop_within(limits.stop_within.0)
    }

    pub(super) fn receiver_config(&self) -> ReportReceiverConfig {
        ReportReceiverConfig::new()
            .with_quota(self.reports_quota.0)
            .with_timeout(self.limits.request_timeout.0)
    }

    /// The first value that cannot work.
    pub(super) fn unworkable(&self) -> Option<Unworkable> {
        let fault = |key, message: &str| Some(Unworkable { key, message: message.to_owned() });
        if self.policies.is_empty() && self.domains.is_empty() {
            return fault(
                &["policies"],
                "there are no policies to serve: --policies DIR, with DIR/example.com/mta-sts.txt",
            );
        }
        if !self.certificate.is_empty() && !self.certificates.is_empty() {
            return fault(&["certificate"], "use either this or `certificates`");
        }
        if !self.key.is_empty() && self.certificate.is_empty() {
            return fault(&["key"], "the certificate of this key is missing: `certificate`");
        }
        if !self.has_certificates() && self.plain.0.is_none() && std::env::var_os("LISTEN_FDS").is_none() {
            return fault(
                &["certificates"],
                "there are no certificates: order them with --acme-agree-to-terms, give them with --certs or --cert, or let a reverse proxy have them with --plain",
            );
        }
        if let Some(fault) = self.unworkable_acme() {
            return Some(fault);
        }
        if self.has_certificates() && self.listen.is_empty() && std::env::var_os("LISTEN_FDS").is_none() {
            return fault(&["listen"], "there is no address to listen on");
        }
        match &self.plain.0 {
            Some(PlainPlace::Tcp(address)) if !address.ip().to_canonical().is_loopback() => {
                return fault(
                    &["plain"],
                    "plain HTTP is for a reverse proxy on this machine: use an address of loopback, or unix:PATH",
                );
            }
            Some(PlainPlace::Unix(path)) if path.as_os_str().len() > MAX_SOCKET_PATH => {
                return fault(&["plain"], TOO_LONG);
            }
            _ => {}
        }
        if !self.reports_host.is_empty() {
            if self.reports.is_empty() {
                return fault(
                    &["reports-host"],
                    "the folder for the reports to this host is missing: `reports`",
                );
            }
            if !DnsName::parse(&self.reports_host).is_ok_and(|name| name.as_str() == self.reports_host) {
                return fault(
                    &["reports-host"],
                    "expected the name of a host in lower case, such as tlsrpt.example.com",
                );
            }
        }
        if !self.reports_path.starts_with('/') || self.reports_path.contains(['?', '#', ' ']) {
            return fault(&["reports-path"], "expected the path of a URL, such as /tlsrpt");
        }
        None
    }
}

impl Configuration {
    fn unworkable_acme(&self) -> Option<Unworkable> {
        let fault = |key, message: &str| Some(Unworkable { key, message: message.to_owned() });
        let acme = &self.acme;
        if !acme.terms_of_service_agreed {
            return None;
        }
        if self.certificate_source().is_some() {
            return fault(&["acme", "terms-of-service-agreed"], "certificates are either ordered or given");
        }
        if !acme.directory.starts_with("https://") {
            return fault(&["acme", "directory"], "expected the https URL of a CA's ACME directory");
        }
        if !acme.contact.is_empty() && !acme.contact.starts_with("mailto:") {
            return fault(
                &["acme", "contact"],
                "expected an address such as \"mailto:postmaster@example.com\"",
            );
        }
        match (acme.eab_key_id.is_empty(), acme.eab_key_file.is_empty()) {
            (true, false) => {
                return fault(
                    &["acme", "eab-key-file"],
                    "the identifier of this key is missing: `eab-key-id`",
                );
            }
            (false, true) => {
                return fault(&["acme", "eab-key-id"], "the file with this key is missing: `eab-key-file`");
            }
            _ => {}
        }
        if self.acme_state().is_none() {
            return fault(
                &["acme", "state"],
                "there is no folder for the account and the certificates: --state DIR",
            );
        }
        None
    }
}

impl Default for Acme {
    fn default() -> Self {
        Self {
            terms_of_service_agreed: false,
            directory: "https://acme-v02.api.letsencrypt.org/directory".to_owned(),
            contact: String::new(),
            ca_file: String::new(),
            eab_key_id: String::new(),
            eab_key_file: String::new(),
            state: String::new(),
        }
    }
}

impl Default for Configuration {
    fn default() -> Self {
        Self {
            listen: vec![(Ipv6Addr::UNSPECIFIED, 443).into(), (Ipv4Addr::UNSPECIFIED, 443).into()],
            plain: Maybe(None),
            policies: String::new(),
            certificate: String::new(),
            key: String::new(),
            certificates: String::new(),
            metrics: Maybe(None),
            reports: String::new(),
            reports_host: String::new(),
            reports_path: "/tlsrpt".to_owned(),
            reports_quota: Size(1 << 30),
            log: Log::default(),
            limits: Limits::default(),
            acme: Acme::default(),
            domains: BTreeMap::new(),
            source: None,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        const fn count(number: usize) -> NonZeroUsize {
            NonZeroUsize::new(number).expect("the number must not be 0")
        }
        Self {
            max_connections: const { count(1024) },
            max_connections_per_client: const { count(32) },
            handshake_timeout: Span::from_secs(10),
            head_timeout: Span::from_secs(10),
            request_timeout: Span::from_secs(30),
            connection_timeout: Span::from_secs(60),
            stop_within: Span::from_secs(10),
        }
    }
}

impl FromStr for PlainPlace {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.strip_prefix("unix:") {
            Some("") => Err("expected a path after unix:"),
            Some(path) => Ok(Self::Unix(path.into())),
            None => text
                .parse()
                .map(Self::Tcp)
                .map_err(|_| "expected an address and a port, 127.0.0.1:8463, or unix:PATH"),
        }
    }
}

impl fmt::Display for PlainPlace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(formatter),
            Self::Unix(path) => write!(formatter, "unix:{}", path.display()),
        }
    }
}

/// The key of an external account, in base64url as CAs give it (RFC 8555, 7.3.4).
fn external_key(file: &Path) -> Result<Vec<u8>, (Exit, String)> {
    let text = std::fs::read_to_string(file).map_err(|error| unreadable(file, &error))?;
    // Some CAs show it in the other alphabet.
    let text = text.trim().trim_end_matches('=').replace('+', "-").replace('/', "_");
    match BASE64URL_NOPAD.decode(text.as_bytes()) {
        Ok(key) if !key.is_empty() => Ok(key),
        // What is in the file is a secret.
        _ => {
            let what =
                "expected one line, the HMAC key of the external account in base64url, and nothing else";
            Err((Exit::Configuration, format!("{}: {what}", file.display())))
        }
    }
}

/// The exit status and the message of a file that cannot be read.
pub(super) fn unreadable(file: &Path, error: &std::io::Error) -> (Exit, String) {
    (Exit::NoInput, format!("{}: {error}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORKS: &str = "policies = '/p'\ncertificates = '/c'\n";

    fn parse(text: &str) -> Result<Configuration, String> {
        Configuration::parse(Path::new("publish.toml"), text).map_err(|fault| fault.to_string())
    }

    #[test]
    fn the_defaults_are_those_of_the_library() {
        let ours = Configuration::default();
        assert_eq!(ours.host_config(), PolicyHostConfig::new());
        assert_eq!(ours.receiver_config(), ReportReceiverConfig::new());
    }

    #[test]
    fn what_is_written_is_read() {
        let text = format!(
            "{WORKS}plain = 'unix:/run/p'\nmetrics = '127.0.0.1:1'\n[domains]\n'a.example' = '/a.txt'\n"
        );
        let configuration = parse(&text).unwrap();
        assert_eq!(configuration.unworkable(), None);
        assert_eq!(configuration.policy_sources().len(), 2);
        assert_eq!(parse(&configuration.to_toml()).unwrap(), configuration);
    }

    #[test]
    fn a_mistake_is_told_with_its_place_and_what_is_expected() {
        for (text, place, expected) in [
            ("polices = ''", "1:1", "expected one of `listen`"),
            ("listen = ['localhost:443']", "1:10", "such as \"127.0.0.1:443\""),
            ("plain = '8080'", "1:9", "expected an address and a port"),
            ("\n[limits]\nmax-connections = 0", "3:19", "a whole number above 0"),
            ("[limits]\nhead-timeout = '0s'", "2:16", "longer than 0"),
            ("reports-quota = '1 GB'", "1:17", "such as \"256 MiB\""),
        ] {
            let told = parse(text).unwrap_err();
            assert!(
                told.starts_with(&format!("publish.toml:{place}: ")) && told.contains(expected),
                "{told}"
            );
        }
    }

    #[test]
    fn what_cannot_work_is_told_with_its_place() {
        for (text, marked, expected) in [
            ("policies = ''", Some("''"), "--policies DIR"),
            ("policies = '/p'", None, "--certs"),
            ("policies = '/p'\ncertificates = '/c'\ncertificate = '/d'", Some("'/d'"), "either"),
            ("policies = '/p'\nkey = '/k'", Some("'/k'"), "`certificate`"),
            (
                "certificates = '/c'\npolicies = '/p'\n[acme]\nterms-of-service-agreed = true",
                Some("true"),
                "either",
            ),
            (
                "policies = '/p'\n[acme]\nterms-of-service-agreed = true\ndirectory = 'http://a'",
                Some("'http://a'"),
                "https",
            ),
            (
                "policies = '/p'\n[acme]\nterms-of-service-agreed = true\ncontact = 'a@b'",
                Some("'a@b'"),
                "mailto:",
            ),
            ("policies = '/p'\n[acme]\nterms-of-service-agreed = true", None, "--state"),
            (
                "policies = '/p'\n[acme]\nterms-of-service-agreed = true\neab-key-id = 'k'",
                Some("'k'"),
                "`eab-key-file`",
            ),
            (
                "policies = '/p'\n[acme]\nterms-of-service-agreed = true\neab-key-file = '/k'",
                Some("'/k'"),
                "`eab-key-id`",
            ),
            ("policies = '/p'\nplain = '192.0.2.1:80'", Some("'192.0.2.1:80'"), "loopback"),
            ("policies = '/p'\ncertificates = '/c'\nlisten = []", Some("[]"), "no address"),
            (
                "policies = '/p'\ncertificates = '/c'\nreports-host = 'r.example'",
                Some("'r.example'"),
                "`reports`",
            ),
            (
                "policies = '/p'\ncertificates = '/c'\nreports = '/r'\nreports-host = 'https://r.example'",
                Some("'https://r.example'"),
                "tlsrpt.example.com",
            ),
            ("policies = '/p'\ncertificates = '/c'\nreports-path = 'tlsrpt'", Some("'tlsrpt'"), "/tlsrpt"),
        ] {
            let told = parse(text).unwrap().unworkable().unwrap();
            assert!(told.message.contains(expected), "{text}: {told:?}");
            assert_eq!(told.span(text).map(|span| &text[span]), marked, "{text}");
        }
        for text in [WORKS, "policies = '/p'\nplain = '[::1]:80'", "[domains]\n'a.b' = '/c'\n[log]\n"] {
            let found = parse(text).unwrap().unworkable();
            assert_eq!(found.is_some(), text.starts_with("[domains]"), "{found:?}");
        }
    }
}
