//! The options of the command line, and the configuration from them and from the file.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::super::super::Exit;
use super::super::super::daemons::value::Maybe;
use super::super::super::daemons::{Fault, LogFormat, LogLevel};
use super::configuration::{Configuration, PlainPlace, unreadable};

/// Options that count more than those of the file.
#[derive(Args, Debug)]
pub(super) struct Options {
    /// Read options from this file [default: `publish.toml` in `$CONFIGURATION_DIRECTORY`, if it exists]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Serve the policies of this folder, DIR/example.com/mta-sts.txt
    #[arg(long, value_name = "DIR")]
    policies: Option<String>,
    /// Serve HTTPS here; may be given several times [default: `[::]:443` and 0.0.0.0:443]
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Vec<SocketAddr>,
    /// Serve HTTP to a reverse proxy here
    #[arg(long, value_name = "ADDR:PORT|unix:PATH")]
    plain: Option<PlainPlace>,
    /// Use the certificate of this file, with its chain, for all names in it
    #[arg(long, value_name = "PEM")]
    cert: Option<String>,
    /// The key of --cert [default: in the same file]
    #[arg(long, value_name = "PEM")]
    key: Option<String>,
    /// Use the certificates of this folder, NAME/fullchain.pem and NAME/privkey.pem, as in /etc/letsencrypt/live
    #[arg(long, value_name = "DIR")]
    certs: Option<String>,
    /// Order a certificate for each domain from a CA (ACME), whose terms of service you have read and agree to
    #[arg(long)]
    acme_agree_to_terms: bool,
    /// The ACME directory of the CA [default: Let's Encrypt]
    #[arg(long, value_name = "URL")]
    acme_directory: Option<String>,
    /// Where the CA may write to
    #[arg(long, value_name = "mailto:ADDRESS")]
    acme_contact: Option<String>,
    /// Trust only the certificates in this file when asking the CA
    #[arg(long, value_name = "PEM")]
    acme_ca_file: Option<String>,
    /// Bind the account at the CA to one that was made there before (EAB), by this identifier
    #[arg(long, value_name = "ID")]
    acme_eab_key_id: Option<String>,
    /// The key that the CA has given for --acme-eab-key-id, in base64url
    #[arg(long, value_name = "FILE")]
    acme_eab_key_file: Option<String>,
    /// Keep the account at the CA, and its certificates, in this folder [default: `acme` in `$STATE_DIRECTORY`]
    #[arg(long, value_name = "DIR")]
    state: Option<String>,
    /// Receive TLS reports (POST /tlsrpt) into this folder, for `mtasts report`
    #[arg(long, value_name = "DIR")]
    reports: Option<String>,
    /// The name that reports are sent to, with a certificate of its own [default: the Policy Hosts alone]
    #[arg(long, value_name = "HOST")]
    reports_host: Option<String>,
    /// Serve /metrics and /healthz here [default: nowhere]
    #[arg(long, value_name = "ADDR:PORT")]
    metrics: Option<SocketAddr>,
    /// Log events of at least this level [default: info]
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<LogLevel>,
    /// Format of log lines [default: text]
    #[arg(long, value_enum, value_name = "FORMAT")]
    log_format: Option<LogFormat>,
}

impl Options {
    /// The configuration, read again; or the exit status and what is wrong.
    pub(super) fn read(&self) -> Result<Configuration, (Exit, String)> {
        let Some(file) = self.config_file() else {
            let configuration = self.overrule(Configuration::default());
            return match configuration.unworkable() {
                Some(unworkable) => Err((Exit::Usage, unworkable.message)),
                None => Ok(configuration),
            };
        };
        let octets = std::fs::read(&file).map_err(|error| unreadable(&file, &error))?;
        let faulty = |fault: Fault| (Exit::Configuration, format!("{fault:#}"));
        let text = Fault::text(&file, octets).map_err(faulty)?;
        let mut in_file = Configuration::parse(&file, &text).map_err(faulty)?;
        in_file.source = Some((file.clone(), text.clone()));
        let configuration = self.overrule(in_file.clone());
        let Some(unworkable) = configuration.unworkable() else { return Ok(configuration) };
        // The command line may have set another value.
        let span = unworkable.span(&text).filter(|_| in_file.unworkable().as_ref() == Some(&unworkable));
        Err(match span {
            Some(span) => faulty(Fault::at(&file, &text, span, unworkable.message)),
            None => (Exit::Usage, format!("`{}`: {}", unworkable.key.join("."), unworkable.message)),
        })
    }

    pub(super) fn config_file(&self) -> Option<PathBuf> {
        self.config.clone().or_else(|| {
            let folder = PathBuf::from(std::env::var_os("CONFIGURATION_DIRECTORY")?);
            Some(folder.join("publish.toml")).filter(|file| file.exists())
        })
    }

    fn overrule(&self, mut configuration: Configuration) -> Configuration {
        let replace = |value: &mut String, given: &Option<String>| {
            if let Some(given) = given {
                value.clone_from(given);
            }
        };
        replace(&mut configuration.policies, &self.policies);
        replace(&mut configuration.certificate, &self.cert);
        replace(&mut configuration.key, &self.key);
        replace(&mut configuration.certificates, &self.certs);
        replace(&mut configuration.acme.directory, &self.acme_directory);
        replace(&mut configuration.acme.contact, &self.acme_contact);
        replace(&mut configuration.acme.ca_file, &self.acme_ca_file);
        replace(&mut configuration.acme.eab_key_id, &self.acme_eab_key_id);
        replace(&mut configuration.acme.eab_key_file, &self.acme_eab_key_file);
        replace(&mut configuration.acme.state, &self.state);
        configuration.acme.terms_of_service_agreed |= self.acme_agree_to_terms;
        replace(&mut configuration.reports, &self.reports);
        replace(&mut configuration.reports_host, &self.reports_host);
        if !self.listen.is_empty() {
            configuration.listen.clone_from(&self.listen);
        }
        if self.plain.is_some() {
            configuration.plain = Maybe(self.plain.clone());
        }
        if self.metrics.is_some() {
            configuration.metrics = Maybe(self.metrics);
        }
        if let Some(level) = self.log_level {
            configuration.log.level = level;
        }
        if let Some(format) = self.log_format {
            configuration.log.format = format;
        }
        configuration
    }
}
