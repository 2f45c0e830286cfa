//! An outbox in the loopback world, a clock that stands until it is moved, and a tally.

use std::collections::BTreeSet;
use std::io::Read;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use flate2::read::GzDecoder;
use mta_sts_core::tlsrpt::{
    Datagram, DueId, DueReport, Report, ReportDelivery, ReportSender, Tally, TallyConfig,
};
use mta_sts_core::{PolicyDomain, UnixTime};
use mta_sts_reporter::{
    DeliveryState, DueReports, DueReportsError, Outbox, QueuedDelivery, ReportMailer, ReportQueue,
};
use mta_sts_resolver::{Clock, DnsClient, DnsConfig, ReportPoster, TrustStore};
use mta_sts_world::{World, WorldConfig};

/// Noon of 2027-01-15.
pub(crate) const NOON: u64 = 1_800_014_400;
pub(crate) const HOUR: u64 = 3600;

#[derive(Debug)]
pub(crate) struct TestClock(AtomicU64);

impl TestClock {
    pub(crate) fn new(seconds: u64) -> Self {
        Self(AtomicU64::new(seconds))
    }

    pub(crate) fn set(&self, seconds: u64) {
        self.0.store(seconds, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> UnixTime {
        UnixTime::from_secs(self.0.load(Ordering::SeqCst))
    }
}

/// A tally without a disk.
pub(crate) struct Counted {
    tally: Mutex<Tally>,
    /// Whether it forgets what was taken, as one would whose process was killed just before it was written down.
    is_forgetful: bool,
    /// The domains that mails with reports went to.
    pub(crate) mails: Mutex<Vec<String>>,
}

impl Counted {
    pub(crate) fn new(is_forgetful: bool) -> Self {
        let sender = ReportSender::new("tls@sender.test", "Sender Inc.").unwrap();
        let tally = Mutex::new(Tally::new(TallyConfig::new(7, sender)));
        Self { tally, is_forgetful, mails: Mutex::default() }
    }

    /// Counts a session with a domain, good or not, at this time.
    pub(crate) fn session(&self, domain: &str, record: &str, is_good: bool, now: u64) {
        let failure = if is_good { "" } else { r#","failure-details":[{"c":202}]"# };
        let datagram = format!(
            r#"{{"d":"{domain}","pr":"{record}","policies":[{{"policy-type":2,"policy-domain":"{domain}","t":{},"f":{}
            ,"policy-string":["version: STSv1","mode: testing"],"mx-host":["mx.{domain}"]{failure}}}]}}"#,
            u8::from(!is_good),
            u8::from(!is_good),
        );
        let datagram = Datagram::parse(datagram.as_bytes()).unwrap();
        for event in datagram.events() {
            self.tally.lock().unwrap().count(&event, UnixTime::from_secs(now));
        }
    }

    /// What is due, to look at.
    pub(crate) fn peek(&self, now: u64) -> Vec<DueReport> {
        let mut tally = self.tally.lock().unwrap();
        std::iter::from_fn(|| tally.poll_report(UnixTime::from_secs(now))).collect()
    }
}

impl DueReports for Counted {
    fn due(&self, now: UnixTime) -> Result<Vec<DueReport>, DueReportsError> {
        let mut tally = self.tally.lock().unwrap();
        Ok(std::iter::from_fn(|| tally.poll_report(now)).collect())
    }

    fn taken(&self, reports: &[DueId], now: UnixTime) -> Result<(), DueReportsError> {
        let mut tally = self.tally.lock().unwrap();
        for id in reports.iter().filter(|_| !self.is_forgetful) {
            tally.handle_delivery(id, ReportDelivery::Delivered, now);
        }
        Ok(())
    }

    fn note_report_mail(&self, domain: &PolicyDomain, now: UnixTime) {
        self.mails.lock().unwrap().push(domain.to_string());
        self.tally.lock().unwrap().note_report_mail(domain, now);
    }
}

pub(crate) struct Stage {
    pub(crate) world: World,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) counted: Arc<Counted>,
    pub(crate) outbox: Outbox,
}

impl Stage {
    /// With a mail server that takes everything.
    pub(crate) async fn new() -> Self {
        Self::with(|world| relay(world, "mx.tlsrpt-mail.test"), |poster| poster.with_private_addresses(true))
            .await
    }

    pub(crate) async fn with(
        mailer: impl FnOnce(&World) -> ReportMailer,
        poster: impl FnOnce(ReportPoster) -> ReportPoster,
    ) -> Self {
        let world = World::start(WorldConfig::default()).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(TestClock::new(NOON));
        let queue = ReportQueue::open(folder.path().join("outbox.sqlite")).unwrap();
        let poster = poster(poster_of(world.ca_pem()));
        let outbox = Outbox::new(queue, dns_of(world.dns_addr()), poster, mailer(&world))
            .with_clock(Arc::clone(&clock) as Arc<dyn Clock>);
        Self { world, folder, clock, counted: Arc::new(Counted::new(false)), outbox }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("outbox.sqlite")
    }

    /// A failed session with each of these domains at noon.
    pub(crate) fn count(&self, domains: &[&str]) {
        for domain in domains {
            self.counted.session(domain, &format!("v=TLSRPTv1; rua=mailto:old@{domain}"), false, NOON);
        }
    }

    /// Moves the clock to so many hours after noon of the first day, and sends what is due then.
    pub(crate) async fn send_at(&self, hours: f64) {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        self.clock.set(NOON + Duration::from_secs_f64(hours * 3600.0).as_secs());
        self.send().await;
    }

    pub(crate) async fn send(&self) {
        let reports: Arc<dyn DueReports> = self.counted.clone();
        self.outbox.send_due(&reports).await.unwrap();
    }

    pub(crate) fn deliveries(&self) -> Vec<QueuedDelivery> {
        self.outbox.queue().deliveries().unwrap()
    }

    /// State, tries, and the code of the last error of each delivery.
    pub(crate) fn states(&self) -> Vec<(String, DeliveryState, u32, Option<String>)> {
        let row = |delivery: QueuedDelivery| {
            let code =
                delivery.last_error.as_deref().and_then(|error| error.split(':').next()).map(str::to_owned);
            (delivery.domain, delivery.state, delivery.tries, code)
        };
        let mut states: Vec<_> = self.deliveries().into_iter().map(row).collect();
        states.sort_by(|one, other| (&one.0, one.2, &one.3).cmp(&(&other.0, other.2, &other.3)));
        states
    }

    /// The reports that came by POST, in order.
    pub(crate) fn posted(&self) -> Vec<Report> {
        self.world.seen().https.iter().map(|request| report_of(&request.body)).collect()
    }

    /// The mails that came, in order.
    pub(crate) fn mailed(&self) -> Vec<String> {
        mails_of(&self.world)
    }
}

/// After midnight and all delays: hours after noon.
pub(crate) const NEXT_DAY: f64 = 12.0 + 4.5;

pub(crate) fn relay(world: &World, host: &str) -> ReportMailer {
    let server = world.mail_host(host).unwrap();
    let trust_store = TrustStore::from_pem(world.ca_pem().as_bytes()).unwrap();
    ReportMailer::smtp(server.to_string(), trust_store).with_timeout(Duration::from_secs(5))
}

pub(crate) fn poster_of(ca_pem: &str) -> ReportPoster {
    ReportPoster::new(TrustStore::from_pem(ca_pem.as_bytes()).unwrap()).with_timeout(Duration::from_secs(5))
}

pub(crate) fn dns_of(server: SocketAddr) -> DnsClient {
    DnsClient::new(DnsConfig::new(server).with_timeout(Duration::from_secs(1)).with_attempts(1))
}

pub(crate) fn mails_of(world: &World) -> Vec<String> {
    let sessions = world.seen().smtp;
    let transactions = sessions.into_iter().flat_map(|session| session.transactions);
    transactions.filter_map(|transaction| transaction.message).collect()
}

pub(crate) fn report_of(json_gz: &[u8]) -> Report {
    let mut json = Vec::new();
    GzDecoder::new(json_gz).read_to_end(&mut json).unwrap();
    Report::parse(&json).unwrap().into_strict().unwrap()
}

/// Each `report-id` that came by POST, and how often.
pub(crate) fn posted_ids(world: &World) -> Vec<String> {
    let requests = world.seen().https;
    requests.iter().map(|request| report_of(&request.body).id().unwrap().to_owned()).collect()
}

pub(crate) fn distinct(ids: &[String]) -> usize {
    ids.iter().collect::<BTreeSet<_>>().len()
}
