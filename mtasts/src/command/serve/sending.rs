//! The configuration of sending TLS reports.

use std::fmt;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use mta_sts_reporter::{DkimSigning, ReportFleet, ReportMailer, ReportStore};
use mta_sts_resolver::{EntryStore, ReportPoster, TrustStore};
use serde::{Deserialize, Serialize};

use super::super::daemons::value::{Maybe, text};
use super::super::store::state_folder;
use super::report_keys::ReportKeys;

/// The table `[report.dkim]`: the key that mails are signed with, if any.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Dkim {
    #[serde(with = "text")]
    selector: Maybe<String>,
    #[serde(with = "text")]
    key_file: Maybe<String>,
}

/// The mail server for reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum MailServer {
    Sendmail(PathBuf),
    Smtp(String),
}

impl ReportKeys {
    /// The file of the queue: by default beside the counts.
    pub(super) fn queue(&self) -> PathBuf {
        let default = || match self.store.path().and_then(Path::parent) {
            Some(folder) => folder.join(QUEUE),
            None => state_folder().join(QUEUE),
        };
        self.queue.0.as_ref().map_or_else(default, PathBuf::from)
    }

    /// The reason why reports could not leave this machine now.
    pub(super) fn sending_fault(&self) -> Option<String> {
        if !self.send || self.from.0.is_none() {
            return None;
        }
        if let Some(Err(error)) = self.signing().map(|signing| signing.check()) {
            return Some(format!("mails with TLS reports cannot be signed: {error}"));
        }
        match &self.mail {
            MailServer::Sendmail(program) if !is_executable(program) => {
                Some(format!("{}: not a program, so TLS reports cannot be mailed", program.display()))
            }
            _ => None,
        }
    }

    pub(super) fn mailer(&self, trust_store: &TrustStore) -> ReportMailer {
        let mailer = match &self.mail {
            MailServer::Sendmail(program) => ReportMailer::sendmail(program),
            MailServer::Smtp(server) => ReportMailer::smtp(server, trust_store.clone()),
        };
        match self.signing() {
            Some(signing) => mailer.with_dkim(signing),
            None => mailer,
        }
    }

    /// The signing of mails, if there is a key.
    pub(super) fn signing(&self) -> Option<DkimSigning> {
        let (selector, key_file) = (self.dkim.selector.0.as_ref()?, self.dkim.key_file.0.as_ref()?);
        Some(DkimSigning::new(selector, key_file))
    }

    /// The machines that share this store, if it is one that can be shared.
    pub(super) fn fleet(
        &self,
        store: Option<Arc<dyn EntryStore>>,
        counts: &ReportStore,
    ) -> Option<ReportFleet> {
        let store = store.filter(|store| store.parcels().is_some())?;
        let sender = self.sender()?.ok()?;
        Some(ReportFleet::new(store, counts.clone(), sender.submitter()))
    }

    pub(super) fn poster(&self, trust_store: TrustStore) -> ReportPoster {
        ReportPoster::new(trust_store)
            .with_private_addresses(self.allow_private)
            .with_danger_certificates_ignored(self.insecure_https)
    }
}

fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

impl Dkim {
    /// The reason why it cannot work.
    pub(super) fn fault(&self) -> Option<&'static str> {
        match (&self.selector.0, &self.key_file.0) {
            (Some(_), None) => Some("`selector` requires `key-file`"),
            (None, Some(_)) => Some("`key-file` requires `selector`"),
            _ => None,
        }
    }
}

impl Default for MailServer {
    fn default() -> Self {
        Self::Smtp(LOCAL_SERVER.to_owned())
    }
}

impl FromStr for MailServer {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.starts_with('/') {
            return Ok(Self::Sendmail(text.into()));
        }
        let server = text.strip_prefix("smtp:").ok_or(EXPECTED)?;
        match server.rsplit_once(':') {
            Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => {
                Ok(Self::Smtp(server.to_owned()))
            }
            _ => Err(EXPECTED),
        }
    }
}

impl fmt::Display for MailServer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sendmail(program) => program.display().fmt(formatter),
            Self::Smtp(server) => write!(formatter, "smtp:{server}"),
        }
    }
}

const QUEUE: &str = "outbox.sqlite";
const LOCAL_SERVER: &str = "localhost:25";
const EXPECTED: &str = "expected \"smtp:HOST:PORT\", or the path of a program such as \"/usr/sbin/sendmail\"";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_server_is_a_program_or_a_host() {
        for (text, is_right) in [
            ("/usr/sbin/sendmail", true),
            ("/opt/a:b/sendmail", true),
            ("smtp:localhost:25", true),
            ("smtp:[::1]:2525", true),
            ("smtp:localhost", false),
            ("smtp::25", false),
            ("smtp:localhost:99999", false),
            ("sendmail", false),
            ("", false),
        ] {
            let server = text.parse::<MailServer>();
            assert_eq!(server.is_ok(), is_right, "{text}");
            if let Ok(server) = server {
                assert_eq!(server.to_string(), text);
            }
        }
    }
}
