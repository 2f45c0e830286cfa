//! Certificates by ACME (RFC 8555), with TLS-ALPN-01 challenges (RFC 8737).

mod client;
mod fault;
mod order;
mod schedule;
mod state;

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use instant_acme::{Account, AccountCredentials, ExternalAccountKey, NewAccount};
use mta_sts_core::{DnsName, UnixTime};
use mta_sts_resolver::{Clock, SystemClock, TrustStore};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::sleep;

use self::client::BoundedClient;
use self::fault::{Fault, FaultKind, Stage};
use self::order::{Issued, order};
use self::schedule::Attempts;
use self::state::State;
use crate::certificates::Certificates;
use crate::counts::Count;

/// Which CA issues certificates, and how they are asked for.
#[derive(Clone, Debug)]
pub struct AcmeConfig {
    directory_url: String,
    contacts: Vec<String>,
    external_account: Option<ExternalAccount>,
    trust_store: TrustStore,
    clock: Arc<dyn Clock>,
    orders_at_once: usize,
    first_delay: Duration,
    check_interval: Duration,
}

impl AcmeConfig {
    /// The CA with this directory, such as `https://acme-v02.api.letsencrypt.org/directory`, whose own certificate is of one of
    /// these roots. Whoever uses it has to have agreed to the CA's terms of service.
    pub fn new(directory_url: impl Into<String>, trust_store: TrustStore) -> Self {
        Self {
            directory_url: directory_url.into(),
            contacts: Vec::new(),
            external_account: None,
            trust_store,
            clock: Arc::new(SystemClock),
            orders_at_once: 4,
            first_delay: Duration::from_secs(60),
            check_interval: Duration::from_secs(600),
        }
    }

    /// Adds where the CA may write to, such as `mailto:postmaster@example.com`. Default: nowhere.
    #[must_use]
    pub fn with_contact(mut self, contact: impl Into<String>) -> Self {
        self.contacts.push(contact.into());
        self
    }

    /// Binds the account to one that the operator has at the CA already (RFC 8555, 7.3.4), as some CAs want it: by the identifier
    /// and the key that the CA gave for this, the key decoded from its base64url. They are used when the account is made, and never after. Default:
    /// none.
    #[must_use]
    pub fn with_external_account(mut self, key_id: impl Into<String>, key: impl Into<Vec<u8>>) -> Self {
        self.external_account = Some(ExternalAccount { key_id: key_id.into(), key: key.into() });
        self
    }

    /// Sets the clock. Default: that of the system.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Sets the number of orders that are made at once. Default: 4; it is at least 1.
    #[must_use]
    pub fn with_orders_at_once(mut self, orders: usize) -> Self {
        self.orders_at_once = orders.max(1);
        self
    }

    /// Sets the delay after the first failure for a name; after each further one it doubles, up to a day. Default: one minute.
    #[must_use]
    pub const fn with_first_delay(mut self, delay: Duration) -> Self {
        self.first_delay = delay;
        self
    }

    /// Sets how often the clock is looked at, which may have jumped. Default: every ten minutes.
    #[must_use]
    pub const fn with_check_interval(mut self, interval: Duration) -> Self {
        self.check_interval = interval;
        self
    }
}

/// An account that was made at the CA by other means.
#[derive(Clone)]
struct ExternalAccount {
    key_id: String,
    key: Vec<u8>,
}

impl fmt::Debug for ExternalAccount {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the key.
        formatter.debug_tuple("ExternalAccount").field(&self.key_id).finish()
    }
}

/// Keeps a certificate for each of many names: orders it, saves it, and renews it when a third of its life is left.
///
/// ```no_run
/// use std::sync::Arc;
///
/// use mta_sts_publisher::{AcmeCertificates, AcmeConfig, Certificates};
/// use mta_sts_resolver::TrustStore;
///
/// # async fn keep() -> Result<(), Box<dyn std::error::Error>> {
/// let certificates = Arc::new(Certificates::new());
/// let url = "https://acme-v02.api.letsencrypt.org/directory";
/// let config = AcmeConfig::new(url, TrustStore::platform()?);
/// let acme = AcmeCertificates::open("/var/lib/mtasts-publish/acme", config, Arc::clone(&certificates))?;
/// acme.set_names(["mta-sts.example.com".to_owned()]);
/// // Beside a `PolicyHostServer` with the same certificates, which shows the CA what it wants to see on port 443.
/// acme.run_for_ever().await;
/// # Ok(())
/// # }
/// ```
///
/// Each name has an order and a certificate of its own, so one that fails holds up no other. No name is ordered that was not
/// given. After a failure the next order for the name waits for a minute, then twice as long each time, up to a day; the old
/// certificate stays in use. What concerns all names, such as a CA that is down, holds up all orders. It is logged once, with what the
/// operator can do, and once when it is over.
///
/// Everything goes by the wall clock, which is looked at every ten minutes: a step of it, or a suspended machine, delays or
/// hastens an order by as much, and no more.
///
/// In the folder, which only its owner may read, are the account, a file for each name with its key and its certificates,
/// and what is known of failed attempts. Each file is replaced as a whole, and an attempt is noted before it is made: a process that is killed at any
/// moment leaves what it can go on from.
#[derive(Clone, Debug)]
pub struct AcmeCertificates(Arc<Acme>);

/// What [`AcmeCertificates`] has done since its start, and how it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AcmeCounts {
    /// Names that certificates are kept for.
    pub names: u64,
    /// Names without a certificate that is valid now.
    pub without_certificate: u64,
    /// Names whose certificate ends soon, and should have been renewed.
    pub ending: u64,
    /// Certificates that were issued.
    pub issued: u64,
    /// Orders that failed.
    pub failed: u64,
    /// What holds up all orders now, by its code.
    pub faults: Vec<&'static str>,
}

struct Acme {
    config: AcmeConfig,
    state: State,
    certificates: Arc<Certificates>,
    client: BoundedClient,
    known: Mutex<Known>,
    account: tokio::sync::Mutex<Option<Account>>,
    changed: Notify,
    issued: Count,
    failed: Count,
    alarmed_on: AtomicU64,
}

#[derive(Default)]
struct Known {
    names: HashMap<Arc<str>, Name>,
    /// What concerns all names, by its code.
    faults: BTreeSet<FaultKind>,
    pause: Attempts,
    /// The keys and chains that are in use and could not be saved.
    unsaved: HashMap<Arc<str>, String>,
}

#[derive(Clone, Copy, Default)]
struct Name {
    attempts: Attempts,
    is_ordered: bool,
}

impl AcmeCertificates {
    /// Opens the state folder, which is made if it is not there.
    ///
    /// # Errors
    ///
    /// Returns the error of the system if the folder cannot be made or written;
    /// [`io::ErrorKind::WouldBlock`] if another process uses it.
    pub fn open(
        folder: impl AsRef<Path>,
        config: AcmeConfig,
        certificates: Arc<Certificates>,
    ) -> io::Result<Self> {
        let state = State::open(folder.as_ref(), &config.directory_url)?;
        let client = BoundedClient::new(&config.trust_store);
        Ok(Self(Arc::new(Acme {
            config,
            state,
            certificates,
            client,
            known: Mutex::default(),
            account: tokio::sync::Mutex::default(),
            changed: Notify::new(),
            issued: Count::default(),
            failed: Count::default(),
            alarmed_on: AtomicU64::new(0),
        })))
    }

    /// Sets the names, and reads their saved certificates. What is not the name of a host is left out. The certificates of other
    /// names are no longer used; their files stay.
    pub fn set_names(&self, names: impl IntoIterator<Item = String>) {
        let acme = &self.0;
        let names: Vec<Arc<str>> = names
            .into_iter()
            .filter(|name| DnsName::parse(name).is_ok_and(|parsed| parsed.as_str() == name))
            .map(Into::into)
            .collect();
        let is_known = |name: &Arc<str>| acme.known().names.contains_key(name);
        // Files are read without holding up orders.
        let mut kept: HashMap<_, _> = names
            .into_iter()
            .map(|name| {
                let known = if is_known(&name) { Name::default() } else { acme.read(&name) };
                (name, known)
            })
            .collect();
        acme.certificates.retain(|name| kept.contains_key(name));
        let mut known = acme.known();
        for (name, of) in &mut kept {
            if let Some(before) = known.names.get(name) {
                *of = *before;
            }
        }
        known.names = kept;
        drop(known);
        acme.changed.notify_one();
    }

    /// What has been done, and how it stands.
    pub fn counts(&self) -> AcmeCounts {
        let acme = &self.0;
        let now = acme.config.clock.now();
        let known = acme.known();
        let lives = || known.names.keys().map(|name| acme.certificates.life(name));
        let valid =
            lives().flatten().filter(|life| (life.not_before..=life.not_after).contains(&now)).count();
        AcmeCounts {
            names: known.names.len() as u64,
            without_certificate: (known.names.len() - valid) as u64,
            ending: lives().flatten().filter(|life| now >= life.overdue_at()).count() as u64,
            issued: acme.issued.get(),
            failed: acme.failed.get(),
            faults: known.faults.iter().map(|kind| kind.code()).collect(),
        }
    }

    /// Orders and renews for as long as the future is polled. Call it once.
    pub async fn run_for_ever(&self) {
        let acme = &self.0;
        let mut orders = JoinSet::new();
        loop {
            acme.save_unsaved();
            let wait = acme.start_orders(&mut orders);
            acme.alarm();
            tokio::select! {
                Some(ended) = orders.join_next() => if let Err(error) = ended {
                    tracing::error!(%error, "an order has ended by a mistake of this program");
                },
                () = acme.changed.notified() => {}
                () = sleep(wait) => {}
            }
        }
    }
}

impl Acme {
    /// Uses the saved certificate of a name, and returns what is remembered of it.
    fn read(&self, name: &str) -> Name {
        match self.state.certificate(name) {
            Ok(Some(certificate)) => self.certificates.set(name, certificate),
            Ok(None) => {}
            Err(error) => tracing::error!(error, "a saved certificate cannot be used: another is ordered"),
        }
        Name { attempts: self.state.attempts(name), is_ordered: false }
    }

    /// Starts what is due, and returns when something may be due next.
    fn start_orders(self: &Arc<Self>, orders: &mut JoinSet<()>) -> Duration {
        let now = self.config.clock.now();
        let mut known = self.known();
        let pause = known.pause.next(now);
        let mut next = None;
        let mut due = Vec::new();
        for (name, of) in &known.names {
            if of.is_ordered {
                continue;
            }
            let life = self.certificates.life(name);
            let renewal = life.map_or(UnixTime::from_secs(0), |life| schedule::renewal(life, name));
            let at = renewal.max(of.attempts.next(now)).max(pause);
            if at <= now {
                // Whoever has none comes first, then whose ends first.
                due.push((life.map(|life| life.not_after), Arc::clone(name)));
            } else if next.is_none_or(|next| at < next) {
                next = Some(at);
            }
        }
        due.sort_unstable();
        // A CA that was down is tried with one name.
        let most = if known.faults.is_empty() { self.config.orders_at_once } else { 1 };
        for (_, name) in due {
            if orders.len() >= most {
                break;
            }
            if let Some(of) = known.names.get_mut(&name) {
                of.is_ordered = true;
            }
            let acme = Arc::clone(self);
            orders.spawn(async move { acme.attempt(&name).await });
        }
        let until = next.map(|next| next.as_secs().saturating_sub(now.as_secs()).max(1));
        until.map_or(self.config.check_interval, Duration::from_secs).min(self.config.check_interval)
    }

    async fn attempt(&self, name: &Arc<str>) {
        let before = self.known().names.get(name).map(|of| of.attempts).unwrap_or_default();
        let noted = before.failed(name, self.config.clock.now(), self.config.first_delay);
        // Before it is made: a process that is killed each time must not try each time.
        let done = match self.state.save_attempts(name, noted) {
            Ok(()) => self.order(name).await,
            Err(error) => Err(Fault::new(FaultKind::State, error)),
        };
        let attempts = match done {
            Ok(issued) => {
                let is_current = schedule::renewal(issued.certificate.life(), name) > self.config.clock.now();
                self.take(name, issued);
                if is_current {
                    Attempts::default()
                } else {
                    // It would be renewed at once, again and again.
                    self.tell(name, &Fault::new(FaultKind::Clock, "a new certificate has nearly ended"));
                    noted
                }
            }
            Err(fault) => {
                self.failed.increment();
                self.tell(name, &fault);
                // Otherwise this name would be the first one again, and others would never come.
                if fault.kind.is_before_the_order() { before } else { noted }
            }
        };
        if attempts != noted
            && let Err(error) = self.state.save_attempts(name, attempts)
        {
            self.tell(name, &Fault::new(FaultKind::State, error));
        }
        if let Some(of) = self.known().names.get_mut(name) {
            *of = Name { attempts, is_ordered: false };
        }
    }

    async fn order(&self, name: &str) -> Result<Issued, Fault> {
        let account = self.account().await?;
        let done = order(&account, name, &self.certificates).await;
        match done.as_ref().map_err(|fault| fault.kind) {
            Err(FaultKind::AccountUnknown) => {
                *self.account.lock().await = None;
                if let Err(error) = self.state.forget_account() {
                    tracing::warn!(%error, "the account that the CA does not know could not be put aside");
                }
            }
            // Whoever has removed its file gets another one without a restart.
            Err(FaultKind::AccountRefused) => *self.account.lock().await = None,
            _ => {}
        }
        done
    }

    /// The account, which is made if there is none.
    async fn account(&self) -> Result<Account, Fault> {
        let mut account = self.account.lock().await;
        if let Some(account) = &*account {
            return Ok(account.clone());
        }
        let state_fault = |error| Fault::new(FaultKind::State, error);
        let stage = if self.config.external_account.is_some() { Stage::Binding } else { Stage::Account };
        let builder = Account::builder_with_http(Box::new(self.client.clone()));
        let saved = self.state.account().map_err(state_fault)?;
        let saved = saved.and_then(|saved| match serde_json::from_slice::<AccountCredentials>(&saved) {
            Ok(credentials) => Some(credentials),
            Err(error) => {
                tracing::error!(%error, "the saved account cannot be read: another is made");
                None
            }
        });
        let opened = if let Some(credentials) = saved {
            builder.from_credentials(credentials).await.map_err(|error| Fault::of(&error, Stage::Account))?
        } else {
            let contacts: Vec<_> = self.config.contacts.iter().map(String::as_str).collect();
            let wanted =
                NewAccount { contact: &contacts, terms_of_service_agreed: true, only_return_existing: false };
            let external = self.config.external_account.as_ref();
            let external =
                external.map(|account| ExternalAccountKey::new(account.key_id.clone(), &account.key));
            let made = builder.create(&wanted, self.config.directory_url.clone(), external.as_ref()).await;
            let (made, credentials) = made.map_err(|error| Fault::of(&error, stage))?;
            let credentials = serde_json::to_vec(&credentials).map_err(|error| state_fault(error.into()))?;
            self.state.save_account(&credentials).map_err(state_fault)?;
            tracing::info!(account = made.id(), "an account was made at the CA");
            made
        };
        *account = Some(opened.clone());
        Ok(opened)
    }

    /// Uses a certificate, and saves it.
    fn take(&self, name: &Arc<str>, issued: Issued) {
        let life = issued.certificate.life();
        // Even if it cannot be saved, it is better than an older one.
        if self.known().names.contains_key(name) {
            self.certificates.set(name, issued.certificate);
        }
        self.issued.increment();
        match self.state.save_certificate(name, &issued.pem) {
            Ok(()) => {
                tracing::info!(name = &**name, until = life.not_after.as_secs(), "a certificate was issued");
                self.recover();
            }
            Err(error) => {
                self.tell(name, &Fault::new(FaultKind::State, error));
                self.known().unsaved.insert(Arc::clone(name), issued.pem);
            }
        }
    }

    /// Saves what could not be saved when it was issued: a restart would go back to an older certificate.
    fn save_unsaved(&self) {
        let unsaved: Vec<_> = self.known().unsaved.drain().collect();
        for (name, pem) in unsaved {
            if !self.known().names.contains_key(&name) {
                continue;
            }
            match self.state.save_certificate(&name, &pem) {
                Ok(()) => self.recover(),
                Err(error) => {
                    self.tell(&name, &Fault::new(FaultKind::State, error));
                    self.known().unsaved.insert(name, pem);
                }
            }
        }
    }

    /// Logs a fault: one of a name each time, one of all names once.
    fn tell(&self, name: &str, fault: &Fault) {
        let (code, remedy) = (fault.kind.code(), fault.kind.remedy());
        if !fault.kind.concerns_all() {
            tracing::warn!(name, code, %fault, remedy, "a certificate could not be ordered");
            return;
        }
        let now = self.config.clock.now();
        let mut known = self.known();
        // Several orders fail at once when a CA goes down: they are one failure.
        if known.faults.is_empty() || known.pause.next(now) <= now {
            known.pause = known.pause.failed("", now, self.config.first_delay);
        }
        if known.faults.insert(fault.kind) {
            tracing::error!(code, %fault, remedy, "no certificates can be ordered now; those in use stay in use");
        }
    }

    fn recover(&self) {
        let mut known = self.known();
        known.pause = Attempts::default();
        if !std::mem::take(&mut known.faults).is_empty() {
            tracing::info!("certificates can be ordered again");
        }
    }

    /// Logs once a day which certificates end soon.
    fn alarm(&self) {
        let now = self.config.clock.now();
        let mut ending: Vec<_> = {
            let known = self.known();
            let lives =
                known.names.keys().filter_map(|name| Some((self.certificates.life(name)?, Arc::clone(name))));
            lives.filter(|(life, _)| now >= life.overdue_at()).collect()
        };
        let today = now.as_secs() / DAY + 1;
        if ending.is_empty() || self.alarmed_on.swap(today, Ordering::Relaxed) == today {
            return;
        }
        ending.sort_unstable();
        if let Some((life, first)) = ending.first() {
            tracing::error!(
                names = ending.len(),
                first = &**first,
                until = life.not_after.as_secs(),
                "certificates end soon, and could not be renewed; after that no sender can fetch the policy"
            );
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Acme {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Acme")
            .field("config", &self.config)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

const DAY: u64 = 24 * 3600;
