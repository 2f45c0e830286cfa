//! What survives a restart: the account, the certificates with their keys, and failed attempts.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;

use super::schedule::Attempts;
use crate::certificates::Certificate;

/// A folder for one CA. Only its owner may read what is in it, and one process at a time uses it.
#[derive(Debug)]
pub(super) struct State {
    folder: PathBuf,
    _lock: Flock<File>,
}

impl State {
    /// Takes the folder of a CA in this one.
    pub(super) fn open(folder: &Path, directory_url: &str) -> io::Result<Self> {
        // A certificate of one CA, such as its staging environment, is not taken for one of another.
        let ca = directory_url.trim_start_matches("https://").trim_end_matches('/');
        let ca: String = ca.chars().map(|letter| if is_plain(letter) { letter } else { '_' }).collect();
        let folder = folder.join(ca.trim_start_matches('.'));
        for part in ["certificates", "attempts"] {
            DirBuilder::new().recursive(true).mode(0o700).create(folder.join(part))?;
        }
        let lock = options().create(true).truncate(false).write(true).open(folder.join("lock"))?;
        let lock = Flock::lock(lock, FlockArg::LockExclusiveNonblock)
            .map_err(|(_, error)| io::Error::from(error))?;
        Ok(Self { folder, _lock: lock })
    }

    pub(super) fn account_path(&self) -> PathBuf {
        self.folder.join("account.json")
    }

    /// The saved account; `None` if there is none.
    pub(super) fn account(&self) -> io::Result<Option<Vec<u8>>> {
        match fs::read(self.account_path()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            read => read.map(Some),
        }
    }

    pub(super) fn save_account(&self, account: &[u8]) -> io::Result<()> {
        write(&self.account_path(), account)
    }

    /// Puts the account aside, which the CA no longer knows.
    pub(super) fn forget_account(&self) -> io::Result<()> {
        fs::rename(self.account_path(), self.folder.join("account.json.unknown"))
    }

    fn certificate_path(&self, name: &str) -> PathBuf {
        self.folder.join("certificates").join(format!("{name}.pem"))
    }

    /// The saved certificate of a name; `None` if there is none.
    pub(super) fn certificate(&self, name: &str) -> Result<Option<Certificate>, String> {
        let path = self.certificate_path(name);
        let told = |what: String| format!("{}: {what}", path.display());
        let pem = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            read => read.map_err(|error| told(error.to_string()))?,
        };
        certificate(&pem, name).map(Some).map_err(told)
    }

    /// Saves a key and its chain in one file, so that they cannot part.
    pub(super) fn save_certificate(&self, name: &str, pem: &str) -> io::Result<()> {
        write(&self.certificate_path(name), pem.as_bytes())
    }

    fn attempts_path(&self, name: &str) -> PathBuf {
        self.folder.join("attempts").join(format!("{name}.json"))
    }

    /// The failed attempts for a name. What cannot be read is none: then an order is made too early.
    pub(super) fn attempts(&self, name: &str) -> Attempts {
        let text = fs::read(self.attempts_path(name)).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    pub(super) fn save_attempts(&self, name: &str, attempts: Attempts) -> io::Result<()> {
        if attempts == Attempts::default() {
            return match fs::remove_file(self.attempts_path(name)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            };
        }
        write(&self.attempts_path(name), &serde_json::to_vec(&attempts)?)
    }
}

/// Reads a certificate of a name, with its key, from one text.
pub(super) fn certificate(pem: &[u8], name: &str) -> Result<Certificate, String> {
    let key = PrivateKeyDer::from_pem_slice(pem).map_err(|error| format!("the key is not valid: {error}"))?;
    let certificate = Certificate::of_pem(pem, key, PathBuf::new())?;
    if certificate.is_for(name) { Ok(certificate) } else { Err(format!("the certificate is not for {name}")) }
}

/// Replaces a file as a whole: after a crash it is the old one or the new one.
fn write(path: &Path, octets: &[u8]) -> io::Result<()> {
    let partial = path.with_extension("new");
    let mut file = options().create(true).truncate(true).write(true).open(&partial)?;
    file.write_all(octets)?;
    file.sync_all()?;
    fs::rename(&partial, path)?;
    let Some(folder) = path.parent() else { return Ok(()) };
    File::open(folder)?.sync_all()
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

fn is_plain(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '.' || letter == '-'
}
