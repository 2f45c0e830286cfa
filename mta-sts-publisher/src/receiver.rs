//! Receives TLS reports by POST (RFC 8460, 5.4).

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use hyper::header::CONTENT_TYPE;
use hyper::{HeaderMap, Request, StatusCode};
use ring::digest::{Context, SHA256};
use tokio::io::AsyncWriteExt;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use crate::counts::Count;

/// The limits of a [`ReportReceiver`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportReceiverConfig {
    quota: u64,
    max_len: usize,
    max_at_once: usize,
    timeout: Duration,
}

impl ReportReceiverConfig {
    /// The defaults.
    pub const fn new() -> Self {
        Self { quota: 1 << 30, max_len: 10 << 20, max_at_once: 64, timeout: Duration::from_secs(30) }
    }

    /// Sets the maximum size of all reports in the folder, in octets. Default: 1 GiB. Each counts as at least 4 KiB.
    #[must_use]
    pub const fn with_quota(mut self, octets: u64) -> Self {
        self.quota = octets;
        self
    }

    /// Sets the maximum length of a report as it is sent, in octets. Default: 10 MiB (RFC 8460, 5.2).
    #[must_use]
    pub const fn with_max_len(mut self, octets: usize) -> Self {
        self.max_len = octets;
        self
    }

    /// Sets the number of reports that are received at once. Default: 64.
    #[must_use]
    pub const fn with_max_at_once(mut self, reports: usize) -> Self {
        self.max_at_once = reports;
        self
    }

    /// Sets the time limit for receiving one. Default: 30 s.
    #[must_use]
    pub const fn with_timeout(mut self, time: Duration) -> Self {
        self.timeout = time;
        self
    }
}

impl Default for ReportReceiverConfig {
    fn default() -> Self {
        Self::new()
    }
}

/// Keeps the TLS reports that senders POST (RFC 8460, 5.4) in a folder.
///
/// The folder is a maildir: what is being received is in `tmp`, and what has been received in `new`, under the hash of its octets; a
/// report that is sent again is kept once. `mtasts report show FOLDER`, or [`Inbox`], reads it.
///
/// A sender is answered 201 once the report and its name are on the disk (`fsync`), so a crash loses none that was
/// acknowledged. It is answered 413 for a report that is too long, 415 for another media type than `application/tlsrpt+gzip` and
/// `application/tlsrpt+json`, 503 while too many are received, and 507 while there is no room. What the report says is
/// not looked at.
///
/// [`Inbox`]: https://docs.rs/mta-sts-reporter
// Meets R79, R80.
#[derive(Clone, Debug)]
pub struct ReportReceiver(Arc<Receiver>);

#[derive(Debug)]
struct Receiver {
    folder: PathBuf,
    config: ReportReceiverConfig,
    places: Semaphore,
    used: AtomicU64,
    recounted: Mutex<Instant>,
    started: AtomicU64,
    received: Count,
    refused: Count,
    failing: Mutex<Option<&'static str>>,
}

/// The reason why a report is not received.
#[derive(Debug)]
enum Refusal {
    Status(StatusCode, &'static str),
    Disk(io::Error),
}

impl ReportReceiver {
    /// Receives into this folder, which is made if it is not there.
    ///
    /// # Errors
    ///
    /// Returns the error of the system if the folder cannot be made, read or written.
    pub fn open(folder: impl Into<PathBuf>, config: ReportReceiverConfig) -> io::Result<Self> {
        let folder = folder.into();
        for part in ["", "cur", "new", "tmp"] {
            fs::DirBuilder::new().recursive(true).mode(0o750).create(folder.join(part))?;
        }
        remove_abandoned(&folder.join("tmp"))?;
        // Writing is tried once: later, senders would hear of it first.
        let trial = folder.join("tmp").join(format!("trial-{}", std::process::id()));
        match File::create(&trial) {
            Ok(_) => fs::remove_file(&trial)?,
            // Policies are served all the same, and senders of reports try again.
            Err(error) if is_full(&error) => {}
            Err(error) => return Err(error),
        }
        let used = AtomicU64::new(size_of(&folder)?);
        Ok(Self(Arc::new(Receiver {
            places: Semaphore::new(config.max_at_once.min(Semaphore::MAX_PERMITS)),
            folder,
            config,
            used,
            recounted: Mutex::new(Instant::now()),
            started: AtomicU64::new(0),
            received: Count::default(),
            refused: Count::default(),
            failing: Mutex::default(),
        })))
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.0.folder
    }

    /// The size of all reports in the folder, in octets, as far as it is known.
    pub fn used(&self) -> u64 {
        self.0.used.load(Ordering::Relaxed)
    }

    /// Looks again how much is in the folder, since reports are taken away from it. Without it, that is noticed when the quota is
    /// used up.
    ///
    /// # Errors
    ///
    /// Returns the error of the system if the folder cannot be read.
    pub fn recount(&self) -> io::Result<()> {
        self.0.used.store(size_of(&self.0.folder)?, Ordering::Relaxed);
        Ok(())
    }

    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.0.received.get(), self.0.refused.get())
    }

    /// The status and the text of the answer to a POST.
    pub(crate) async fn receive(&self, request: Request<Incoming>) -> (StatusCode, &'static str) {
        match self.0.receive(request).await {
            Ok(()) => {
                self.0.received.increment();
                self.0.note(None);
                (StatusCode::CREATED, "thank you\n")
            }
            Err(refusal) => {
                self.0.refused.increment();
                self.0.answer(&refusal)
            }
        }
    }
}

impl Receiver {
    async fn receive(&self, request: Request<Incoming>) -> Result<(), Refusal> {
        let suffix = suffix(request.headers()).ok_or(Refusal::Status(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "application/tlsrpt+gzip or +json\n",
        ))?;
        if request.body().size_hint().lower() > self.config.max_len as u64 {
            return Err(TOO_LONG);
        }
        let busy = Refusal::Status(StatusCode::SERVICE_UNAVAILABLE, "busy: try again later\n");
        let _place = self.places.try_acquire().map_err(|_| busy)?;
        if self.used.load(Ordering::Relaxed) >= self.config.quota {
            self.recount().await?;
        }
        let number = self.started.fetch_add(1, Ordering::Relaxed);
        let path = self.folder.join("tmp").join(format!("{}-{number}", std::process::id()));
        let mut partial = Partial { receiver: self, path: Some(path), reserved: 0 };
        let name = self.keep(&mut partial, request.into_body(), suffix).await?;
        tracing::debug!(name, "a TLS report was received");
        Ok(())
    }

    /// Writes a report, and gives it its name.
    async fn keep(
        &self,
        partial: &mut Partial<'_>,
        mut body: Incoming,
        suffix: &str,
    ) -> Result<String, Refusal> {
        partial.reserve(OVERHEAD)?;
        let Some(path) = partial.path.clone() else { return Err(NO_ROOM) };
        let mut file = tokio::fs::OpenOptions::from({
            let mut options = fs::OpenOptions::new();
            options.write(true).create_new(true).mode(0o640);
            options
        })
        .open(&path)
        .await?;
        let mut hash = Context::new(&SHA256);
        let mut length = 0;
        let receiving = async {
            while let Some(frame) = body.frame().await {
                let left = Refusal::Status(StatusCode::BAD_REQUEST, "the report is not whole\n");
                let Ok(data) = frame.map_err(|_| left)?.into_data() else { continue };
                length += data.len();
                if length > self.config.max_len {
                    return Err(TOO_LONG);
                }
                partial.reserve(data.len() as u64)?;
                hash.update(&data);
                file.write_all(&data).await?;
            }
            Ok(())
        };
        let late = Refusal::Status(StatusCode::REQUEST_TIMEOUT, "too slow\n");
        timeout(self.config.timeout, receiving).await.unwrap_or(Err(late))?;
        if length == 0 {
            return Err(Refusal::Status(StatusCode::BAD_REQUEST, "the report is empty\n"));
        }
        file.flush().await?;
        file.sync_all().await?;
        let name = format!("{}.{suffix}", hex(hash.finish().as_ref()));
        let (new, named) = (self.folder.join("new"), self.folder.join("new").join(&name));
        let is_new = !tokio::fs::try_exists(&named).await?;
        tokio::fs::rename(&path, &named).await?;
        partial.path = None;
        if is_new {
            partial.reserved = 0;
        }
        // The name is on the disk too.
        tokio::task::spawn_blocking(move || File::open(new)?.sync_all())
            .await
            .map_err(io::Error::other)??;
        Ok(name)
    }

    /// Looks whether there is room now, since others take reports away.
    async fn recount(&self) -> Result<(), Refusal> {
        {
            let mut recounted = self.recounted.lock().unwrap_or_else(PoisonError::into_inner);
            if recounted.elapsed() < RECOUNT_INTERVAL {
                return Err(NO_ROOM);
            }
            *recounted = Instant::now();
        }
        let folder = self.folder.clone();
        let used =
            tokio::task::spawn_blocking(move || size_of(&folder)).await.map_err(io::Error::other)??;
        self.used.store(used, Ordering::Relaxed);
        if used >= self.config.quota { Err(NO_ROOM) } else { Ok(()) }
    }

    fn answer(&self, refusal: &Refusal) -> (StatusCode, &'static str) {
        match refusal {
            Refusal::Status(status, text) => {
                if *status == StatusCode::INSUFFICIENT_STORAGE {
                    self.note(Some("the quota is used up: take reports away, or raise it"));
                }
                (*status, text)
            }
            Refusal::Disk(error) => {
                tracing::debug!(%error, "a TLS report could not be written");
                if is_full(error) {
                    self.note(Some("the disk is full: free some of it"));
                    return (StatusCode::INSUFFICIENT_STORAGE, "no room: try again later\n");
                }
                self.note(Some("the folder cannot be written: check that it is there, and its owner"));
                (StatusCode::INTERNAL_SERVER_ERROR, "not kept: try again later\n")
            }
        }
    }

    /// Tells of a fault once, and when it has passed.
    fn note(&self, fault: Option<&'static str>) {
        let before =
            std::mem::replace(&mut *self.failing.lock().unwrap_or_else(PoisonError::into_inner), fault);
        match (before, fault) {
            (before, Some(fault)) if before != Some(fault) => {
                tracing::error!(folder = %self.folder.display(), fault, "TLS reports are not received; their senders try again for a day");
            }
            (Some(_), None) => tracing::info!("TLS reports are received again"),
            _ => {}
        }
    }
}

/// A report that is being received. Without a name at its end it is removed.
struct Partial<'a> {
    receiver: &'a Receiver,
    path: Option<PathBuf>,
    reserved: u64,
}

impl Partial<'_> {
    fn reserve(&mut self, octets: u64) -> Result<(), Refusal> {
        let used = self.receiver.used.fetch_add(octets, Ordering::Relaxed);
        self.reserved += octets;
        if used.saturating_add(octets) > self.receiver.config.quota { Err(NO_ROOM) } else { Ok(()) }
    }
}

impl Drop for Partial<'_> {
    fn drop(&mut self) {
        self.receiver.used.fetch_sub(self.reserved, Ordering::Relaxed);
        if let Some(path) = &self.path {
            // It may not have come to be.
            let _ = fs::remove_file(path);
        }
    }
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Self::Disk(error)
    }
}

/// The end of a file's name by the media type; `None` for another type.
fn suffix(headers: &HeaderMap) -> Option<&'static str> {
    let media_type = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    [("application/tlsrpt+gzip", "json.gz"), ("application/tlsrpt+json", "json")]
        .into_iter()
        .find_map(|(name, suffix)| essence.eq_ignore_ascii_case(name).then_some(suffix))
}

/// Removes what was being received when another process ended. What is younger may be another process's.
fn remove_abandoned(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let modified = entry.metadata().and_then(|file| file.modified());
        if modified.is_ok_and(|at| SystemTime::now().duration_since(at).is_ok_and(|age| age > ABANDONED)) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    )
}

/// The size of all reports.
fn size_of(folder: &Path) -> io::Result<u64> {
    let mut size = 0;
    for part in ["cur", "new", "tmp"] {
        for entry in fs::read_dir(folder.join(part))? {
            // It may have been taken away meanwhile.
            size += entry?.metadata().map_or(0, |file| file.size() + OVERHEAD);
        }
    }
    Ok(size)
}

fn hex(octets: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(octets)
}

const TOO_LONG: Refusal = Refusal::Status(StatusCode::PAYLOAD_TOO_LARGE, "the report is too long\n");
const NO_ROOM: Refusal = Refusal::Status(StatusCode::INSUFFICIENT_STORAGE, "no room: try again later\n");
/// What a file takes beside its octets, rounded up: many small ones fill a disk too.
const OVERHEAD: u64 = 4096;
const RECOUNT_INTERVAL: Duration = Duration::from_secs(10);
const ABANDONED: Duration = Duration::from_secs(3600);
