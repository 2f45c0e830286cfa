//! Delivery of reports to the domains that request them.

mod body;
mod counts;
#[cfg(feature = "dkim")]
mod dkim;
mod due;
mod error;
mod fleet;
mod mail;
mod mailer;
mod queue;
mod trial;
mod troubles;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mta_sts_core::tlsrpt::{DueReport, ReportUri, TlsrptRecord};
use mta_sts_core::{PolicyDomain, UnixTime};
use mta_sts_resolver::{Clock, DnsClient, DnsError, ReportPostError, ReportPoster, SystemClock};
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::sleep;

use self::body::ReportBody;
pub use self::counts::OutboxCounts;
#[cfg(feature = "dkim")]
pub use self::dkim::{DkimKeyError, DkimSigning};
pub use self::due::{DueReports, DueReportsError};
pub use self::error::{OutboxError, OutboxErrorKind};
pub use self::fleet::ReportFleet;
use self::mail::ReportMail;
pub use self::mailer::ReportMailer;
pub use self::queue::{DeliveryState, QueuedDelivery, ReportQueue};
use self::queue::{Due, End, MOST_OF_A_HOST, Unaddressed};
pub use self::trial::{TrialFile, write_trial};
use self::troubles::Troubles;

/// Sends due reports to the domains that request them.
///
/// ```no_run
/// use std::sync::Arc;
///
/// use mta_sts_reporter::{DueReports, Outbox, ReportMailer, ReportQueue};
/// use mta_sts_resolver::{DnsClient, ReportPoster, TrustStore};
///
/// # async fn send(reports: Arc<dyn DueReports>) -> Result<(), Box<dyn std::error::Error>> {
/// let queue = ReportQueue::open("/var/lib/mtasts/outbox.sqlite")?;
/// let mailer = ReportMailer::sendmail("/usr/sbin/sendmail");
/// let poster = ReportPoster::new(TrustStore::platform()?);
/// let outbox = Outbox::new(queue, DnsClient::from_system()?, poster, mailer);
/// outbox.run(&reports, std::future::pending()).await;
/// # Ok(())
/// # }
/// ```
///
/// What is due goes into the queue, and the TLSRPT record of its domain is asked for anew. Where that is gone, so is the report; where
/// DNS cannot tell, the record counts that was seen last. The report goes to every `rua` of the record, each of which is tried until it
/// has the report, refuses it for good, or all tries have failed: 5, 15 and 45 minutes, 2, 5 and 15 hours after the one before
/// (RFC 8460, 3 and 5.5).
///
/// | response | meaning |
/// |---|---|
/// | 2yz of SMTP, status 0 of a command, 2xx of HTTP | it is sent |
/// | 5yz of SMTP to the recipient or the mail; 4xx of HTTP but 408 and 429; an address or URL that cannot be used, or leads to a private address | it is refused |
/// | any other, a redirect among them, or none | it failed: again later |
///
/// **Once each.** That a report is sent is written to disk before anything else is done. A process that is killed between the answer and
/// that, sends it again, later and with the same `report-id`, by which receivers tell.
///
/// **Faults.** As long as the queue cannot be written, nothing is sent; what was sent meanwhile is kept in memory. The log is told once
/// of a fault, and once of its end.
///
/// **The clock** may jump: tries are counted, not hours. One that is ahead makes them early; what was to be tried when it was ahead is
/// tried once it is set right.
///
/// Clones share everything.
// Meets R11, R13, R14, R67, R78, R79, R81, R82.
#[derive(Clone, Debug)]
pub struct Outbox {
    shared: Arc<Shared>,
}

struct Shared {
    queue: Arc<ReportQueue>,
    dns: DnsClient,
    poster: ReportPoster,
    mailer: ReportMailer,
    clock: Arc<dyn Clock>,
    fleet: Option<ReportFleet>,
    state: Mutex<State>,
    troubles: Troubles,
}

#[derive(Debug, Default)]
struct State {
    counts: OutboxCounts,
    /// What came of tries, and could not be written down.
    unwritten: Vec<(Due, End)>,
    /// How many deliveries connect to a host now.
    busy: BTreeMap<String, usize>,
}

impl Outbox {
    /// The most deliveries that are made at once.
    pub const MAX_AT_ONCE: usize = 32;

    /// The parts that reports depend on: the queue; the tally, [`DueReports`]; the store that a [`ReportFleet`] shares; the mail server; the key that mails
    /// are signed with.
    pub const PARTS: [&str; 5] = [QUEUE, TALLY, FLEET, MAIL, DKIM];

    /// Creates an outbox with this queue, using the system's clock.
    pub fn new(queue: ReportQueue, dns: DnsClient, poster: ReportPoster, mailer: ReportMailer) -> Self {
        Self {
            shared: Arc::new(Shared {
                queue: Arc::new(queue),
                dns,
                poster,
                mailer,
                clock: Arc::new(SystemClock),
                fleet: None,
                state: Mutex::default(),
                troubles: Troubles::default(),
            }),
        }
    }

    /// Sets another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        if let Some(shared) = Arc::get_mut(&mut self.shared) {
            shared.clock = clock;
        }
        self
    }

    /// Joins machines of which one sends the reports. Each machine delivers what is in its queue.
    ///
    /// The reports given to [`Outbox::run`] must be the counts of the fleet.
    #[must_use]
    pub fn with_fleet(mut self, fleet: ReportFleet) -> Self {
        if let Some(shared) = Arc::get_mut(&mut self.shared) {
            shared.fleet = Some(fleet);
        }
        self
    }

    /// The machines that it has joined.
    pub fn fleet(&self) -> Option<&ReportFleet> {
        self.shared.fleet.as_ref()
    }

    /// The queue.
    pub fn queue(&self) -> &ReportQueue {
        &self.shared.queue
    }

    /// Counts since its start.
    pub fn counts(&self) -> OutboxCounts {
        self.shared.state().counts
    }

    /// Returns the parts that do not work now, of [`Outbox::PARTS`].
    pub fn faults(&self) -> Vec<&'static str> {
        self.shared.troubles.parts()
    }

    /// Sends reports until `stop` completes, then waits for the deliveries in progress.
    ///
    /// Dropping the future stops it at once: deliveries in progress are tried again later, and may come twice.
    pub async fn run(&self, reports: &Arc<dyn DueReports>, stop: impl Future<Output = ()>) {
        let mut deliveries = JoinSet::new();
        let work = async {
            self.shared.check_key().await;
            loop {
                if self.begin(reports, &mut deliveries).await.unwrap_or(false) {
                    continue;
                }
                tokio::select! {
                    Some(_) = deliveries.join_next() => {}
                    () = sleep(ATTENTION) => self.shared.check_key().await,
                }
            }
        };
        tokio::select! {
            () = work => {}
            () = stop => {}
        }
        if let Some(fleet) = &self.shared.fleet {
            fleet.leave().await;
        }
        while deliveries.join_next().await.is_some() {}
        let written = self.shared.write_down().await;
        self.shared.troubles.note(QUEUE, written.as_ref().err());
    }

    /// Sends everything that is due now, then returns.
    ///
    /// # Errors
    ///
    /// The queue cannot be read or written.
    pub async fn send_due(&self, reports: &Arc<dyn DueReports>) -> Result<(), OutboxError> {
        let mut deliveries = JoinSet::new();
        loop {
            let has_begun = self.begin(reports, &mut deliveries).await?;
            if !has_begun && deliveries.join_next().await.is_none() {
                return self.shared.write_down().await;
            }
        }
    }

    /// Begins with what is due, as far as there are places; whether there was anything.
    async fn begin(
        &self,
        reports: &Arc<dyn DueReports>,
        deliveries: &mut JoinSet<()>,
    ) -> Result<bool, OutboxError> {
        while deliveries.try_join_next().is_some() {}
        let begun = async {
            self.shared.write_down().await?;
            let taken = self.shared.take(reports).await?;
            let addressed = self.shared.address_some().await?;
            let due = self.shared.due(Self::MAX_AT_ONCE.saturating_sub(deliveries.len())).await?;
            let waiting = self.shared.blocking(ReportQueue::waiting).await?;
            self.shared.state().counts.waiting = waiting;
            let has_begun = taken || addressed || !due.is_empty();
            for delivery in due {
                let place = Place::take(&self.shared, &delivery.host);
                let reports = Arc::clone(reports);
                deliveries.spawn(async move {
                    place.shared.deliver(delivery, reports).await;
                });
            }
            Ok(has_begun)
        };
        let begun: Result<_, OutboxError> = begun.await;
        self.shared.troubles.note(QUEUE, begun.as_ref().err());
        begun
    }
}

impl Shared {
    /// Writes down what came of tries and could not be written down at its time.
    async fn write_down(self: &Arc<Self>) -> Result<(), OutboxError> {
        loop {
            let Some((due, end)) = self.state().unwritten.last().cloned() else { return Ok(()) };
            self.end(&due, &end).await?;
            self.state().unwritten.pop();
        }
    }

    /// Takes what is due into the queue.
    async fn take(self: &Arc<Self>, reports: &Arc<dyn DueReports>) -> Result<bool, OutboxError> {
        let now = self.clock.now();
        if !self.meet_fleet(now).await {
            return Ok(false);
        }
        let (shared, reports) = (Arc::clone(self), Arc::clone(reports));
        self.blocking(move |queue| {
            let due = reports.due(now);
            shared.troubles.note(TALLY, due.as_ref().err());
            let due = due.unwrap_or_default();
            if due.is_empty() {
                return Ok(false);
            }
            let ids: Vec<_> = due.iter().map(|due| due.id.clone()).collect();
            let taken = queue.take(&due.into_iter().filter_map(with_body).collect::<Vec<_>>(), now)?;
            // What is not noted is handed over again, and known by its id.
            let noted = reports.taken(&ids, now);
            shared.troubles.note(TALLY, noted.as_ref().err());
            shared.state().counts.taken += taken;
            queue.forget(now)?;
            Ok(true)
        })
        .await
    }

    /// Whether mails can be signed is known before there is one.
    async fn check_key(self: &Arc<Self>) {
        let shared = Arc::clone(self);
        let checked = spawn_blocking(move || {
            let checked = shared.mailer.check_key();
            shared.troubles.note(DKIM, checked.as_ref().err());
        });
        // It ends with the process at most.
        let _ = checked.await;
    }

    /// Passes counts on between the machines of a fleet; whether what is due here is to be sent from here.
    async fn meet_fleet(&self, now: UnixTime) -> bool {
        let Some(fleet) = &self.fleet else { return true };
        let met = fleet.meet(now).await;
        self.troubles.note(FLEET, met.as_ref().err());
        met.is_ok()
    }

    /// Asks where some reports go; whether there were any.
    async fn address_some(self: &Arc<Self>) -> Result<bool, OutboxError> {
        let now = self.clock.now();
        let reports = self.blocking(move |queue| queue.begin_addressing(now, ADDRESSED_AT_ONCE)).await?;
        let mut lookups = JoinSet::new();
        for report in reports {
            let shared = Arc::clone(self);
            lookups.spawn(async move { shared.address(report).await });
        }
        let mut has_any = false;
        while let Some(addressed) = lookups.join_next().await {
            has_any = true;
            // One that panicked is tried again later.
            addressed.unwrap_or(Ok(()))?;
        }
        Ok(has_any)
    }

    /// Asks where a report goes.
    async fn address(self: &Arc<Self>, report: Unaddressed) -> Result<(), OutboxError> {
        let now = self.clock.now();
        let wanted = where_to(&self.dns, &report.domain, report.record.as_deref()).await;
        match wanted {
            Ok(uris) => self.blocking(move |queue| queue.address(report.number, &uris, now)).await,
            Err(end) => {
                let domain = report.domain.clone();
                let (state, end) =
                    self.blocking(move |queue| Ok((queue.end_addressing(&report, &end, now)?, end))).await?;
                let mut state_of_all = self.state();
                match (state, &end) {
                    (DeliveryState::Refused, End::Refused(error)) => {
                        state_of_all.counts.unwanted += 1;
                        tracing::info!(domain, error, "a report is not wanted any more");
                    }
                    (DeliveryState::GivenUp, End::Failed(error)) => {
                        state_of_all.counts.given_up += 1;
                        tracing::warn!(
                            domain,
                            error,
                            "a report was given up: nobody could say where it goes"
                        );
                    }
                    _ => state_of_all.counts.failed_tries += 1,
                }
                Ok(())
            }
        }
    }

    async fn due(self: &Arc<Self>, places: usize) -> Result<Vec<Due>, OutboxError> {
        if places == 0 {
            return Ok(Vec::new());
        }
        let now = self.clock.now();
        let shared = Arc::clone(self);
        self.blocking(move |queue| {
            let busy: Vec<_> = {
                let state = shared.state();
                let is_full = |(_, number): &(&String, &usize)| **number >= MOST_OF_A_HOST;
                state.busy.iter().filter(is_full).map(|(host, _)| host.clone()).collect()
            };
            queue.begin(now, places, &busy.iter().map(String::as_str).collect::<Vec<_>>())
        })
        .await
    }

    /// Makes one try, and writes down what came of it.
    async fn deliver(self: &Arc<Self>, due: Due, reports: Arc<dyn DueReports>) {
        let end = self.attempt(&due, reports).await;
        let written = self.end(&due, &end).await;
        self.troubles.note(QUEUE, written.as_ref().err());
        if written.is_err() {
            self.state().unwritten.push((due, end));
        }
    }

    async fn attempt(self: &Arc<Self>, due: &Due, reports: Arc<dyn DueReports>) -> End {
        let uri = read_uri(&due.rua);
        let (Some(uri), Ok(domain)) = (uri, PolicyDomain::parse(&due.domain)) else {
            return End::Refused("bad-uri: the queue has an address that cannot be read".to_owned());
        };
        match &uri {
            ReportUri::Mailto { address, .. } => {
                let now = self.clock.now();
                let (body, address, mailer) = (due.body.clone(), address.clone(), self.mailer.clone());
                let (shared, host) = (Arc::clone(self), PolicyDomain::parse(uri.host()));
                // A long report takes a while, and so does its signature.
                let composed = spawn_blocking(move || {
                    let Some(mail) = ReportMail::compose(&body, &domain, &address, now) else {
                        return Err(End::Refused(
                            "bad-report: the queue has a report that cannot be read".to_owned(),
                        ));
                    };
                    let signed = mailer.sign(mail);
                    shared.troubles.note(DKIM, signed.as_ref().err());
                    let mail = signed.map_err(End::Failed)?;
                    if let Ok(host) = host {
                        // Before the mail: its session may be told of at once.
                        reports.note_report_mail(&host, now);
                    }
                    Ok(mail)
                });
                match composed.await {
                    Ok(Ok(mail)) => {
                        let end = self.mailer.send(mail).await;
                        self.note_mailer(&end);
                        end
                    }
                    Ok(Err(end)) => end,
                    Err(error) => End::Failed(format!("internal: {error}")),
                }
            }
            ReportUri::Https { url, .. } => self.post(url, uri.host(), due.body.json_gz()).await,
            _ => End::Refused("bad-uri: neither mailto nor https".to_owned()),
        }
    }

    /// A mail server that does not work is this machine's own, and its owner wants to know.
    fn note_mailer(&self, end: &End) {
        let fault = match end {
            End::Failed(error) => Some(error),
            End::Sent | End::Refused(_) => None,
        };
        self.troubles.note(MAIL, fault);
    }

    async fn post(&self, url: &str, host: &str, body: &[u8]) -> End {
        if !ReportPoster::can_post_to(url) {
            return End::Refused(format!(
                "{}: {}",
                ReportPostError::InvalidUrl.code(),
                ReportPostError::InvalidUrl
            ));
        }
        let addresses = match self.dns.addresses(host).await {
            Ok(answer) => answer.addresses,
            Err(error) => return End::Failed(format!("{}: {error}", error.code())),
        };
        match self.poster.post(url, &addresses, MEDIA_TYPE, body).await {
            Ok(200..=299) => End::Sent,
            Ok(status @ (408 | 429)) => End::Failed(format!("http-status: {status}")),
            Ok(status @ 400..=499) => End::Refused(format!("http-status: {status}")),
            Ok(status) => End::Failed(format!("http-status: {status}")),
            Err(error @ (ReportPostError::InvalidUrl | ReportPostError::PrivateAddress)) => {
                End::Refused(format!("{}: {error}", error.code()))
            }
            Err(error) => End::Failed(format!("{}: {error}", error.code())),
        }
    }

    /// Writes down what came of a try.
    async fn end(self: &Arc<Self>, due: &Due, end: &End) -> Result<(), OutboxError> {
        let now = self.clock.now();
        let (number, is_last_try, what) = (due.number, due.is_last_try, end.clone());
        let state = self.blocking(move |queue| queue.end(number, is_last_try, &what, now)).await?;
        let Due { domain, rua, .. } = due;
        let counts = &mut self.state().counts;
        match (state, end) {
            (DeliveryState::Sent, _) => {
                let by_mail = rua.starts_with("mailto:");
                let sent = if by_mail { &mut counts.sent_by_mail } else { &mut counts.sent_by_post };
                *sent += 1;
                tracing::info!(domain, rua, "a report was sent");
            }
            (DeliveryState::Refused, End::Refused(error)) => {
                counts.refused += 1;
                tracing::info!(domain, rua, error, "a report is refused");
            }
            (DeliveryState::GivenUp, End::Failed(error)) => {
                counts.failed_tries += 1;
                counts.given_up += 1;
                tracing::warn!(domain, rua, error, "a report was given up: no try of a day came through");
            }
            (_, End::Failed(error)) => {
                counts.failed_tries += 1;
                tracing::debug!(domain, rua, error, "a report is tried again later");
            }
            _ => {}
        }
        Ok(())
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&ReportQueue) -> Result<T, OutboxError> + Send + 'static,
    ) -> Result<T, OutboxError> {
        let queue = Arc::clone(&self.queue);
        let done = spawn_blocking(move || work(&queue)).await;
        done.unwrap_or_else(|error| Err(OutboxError::new(OutboxErrorKind::Unavailable, error.to_string())))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection to a host, counted until its end.
struct Place {
    shared: Arc<Shared>,
    host: String,
}

impl Place {
    fn take(shared: &Arc<Shared>, host: &str) -> Self {
        *shared.state().busy.entry(host.to_owned()).or_default() += 1;
        Self { shared: Arc::clone(shared), host: host.to_owned() }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        if let Some(number) = state.busy.get_mut(&self.host) {
            *number -= 1;
            if *number == 0 {
                state.busy.remove(&self.host);
            }
        }
    }
}

/// Where the reports about a domain go, by its record of now, or the one that was seen last where DNS cannot tell.
async fn where_to(dns: &DnsClient, domain: &str, seen_last: Option<&str>) -> Result<Vec<ReportUri>, End> {
    let name = PolicyDomain::parse(domain).ok().and_then(|domain| domain.tlsrpt_txt_name());
    let Some(name) = name else {
        return Err(End::Refused(
            "no-tlsrpt-record: the name of the domain is too long to have one".to_owned(),
        ));
    };
    match dns.txt(&name).await {
        Ok(answer) => match TlsrptRecord::select(&answer.records) {
            Ok(record) => Ok(record.uris().to_vec()),
            Err(error) => Err(End::Refused(format!("{}: {error}", error.code()))),
        },
        Err(DnsError::NotFound(_)) => Err(End::Refused("no-tlsrpt-record: the record is gone".to_owned())),
        Err(error) => match seen_last.map(|record| TlsrptRecord::parse(record.as_bytes())) {
            Some(Ok(record)) => Ok(record.uris().to_vec()),
            _ => Err(End::Failed(format!("{}: {error}", error.code()))),
        },
    }
}

/// Reads what was written of a URI.
fn read_uri(uri: &str) -> Option<ReportUri> {
    let record = TlsrptRecord::parse(format!("v=TLSRPTv1; rua={uri}").as_bytes()).ok()?;
    record.uris().first().cloned()
}

/// A report with what is sent of it. One that breaks the rules of reports, which no tally makes, is passed over.
fn with_body(due: DueReport) -> Option<(DueReport, ReportBody)> {
    match ReportBody::of(&due.report) {
        Ok(body) => Some((due, body)),
        Err(error) => {
            tracing::error!(domain = %due.domain, %error, "a report cannot be written, and is not sent");
            None
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Outbox").field("queue", &self.queue.path()).finish_non_exhaustive()
    }
}

const MEDIA_TYPE: &str = "application/tlsrpt+gzip";
const ADDRESSED_AT_ONCE: usize = 32;
/// How long after it became due something may be begun, also when the clock is set.
const ATTENTION: Duration = Duration::from_secs(5);
const QUEUE: &str = "queue";
const TALLY: &str = "tally";
const FLEET: &str = "fleet";
const MAIL: &str = "mail";
const DKIM: &str = "dkim";
