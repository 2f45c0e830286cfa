use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mta_sts_core::{PolicyDomain, UnixTime};
use mta_sts_resolver::{EntryStore, LeaseHolder, ParcelClaim, ParcelState, StoreError};
use tokio::task::spawn_blocking;

use crate::report_store::{ReportStore, ReportStoreError};

/// Machines that count for the same reports, and of which one sends them.
///
/// ```no_run
/// use std::sync::Arc;
///
/// use mta_sts_core::PolicyDomain;
/// use mta_sts_reporter::{Outbox, ReportFleet, ReportStore};
/// use mta_sts_resolver::RedisStore;
///
/// # fn join(outbox: Outbox, counts: ReportStore) -> Result<Outbox, Box<dyn std::error::Error>> {
/// let shared = RedisStore::open(&"redis://cache.test".parse()?)?;
/// let submitter = PolicyDomain::parse("sender.example")?;
/// let outbox = outbox.with_fleet(ReportFleet::new(Arc::new(shared), counts, &submitter));
/// # Ok(outbox)
/// # }
/// ```
///
/// Each machine counts in a database of its own. The machine that sends has a lease in the shared store ([`Leases`](mta_sts_resolver::Leases)). After
/// midnight, each of the others moves what it has counted of the days before into parcels ([`Parcels`](mta_sts_resolver::Parcels)), which that
/// machine adds to its own counts. So a domain receives one report for all of them, and each session is in one report only:
///
/// | what happens | and then |
/// |---|---|
/// | a machine is killed | its counts, its parcels, and the parcels that it has claimed are in its database or in the shared store; it goes on with them when it is back |
/// | the machine that sends is killed | another one takes its lease within 20 seconds, and what it has not claimed |
/// | a parcel comes after the report of its domain | there is a second report for that day |
/// | the shared store cannot be reached | every machine keeps its counts, and no report is taken from them until it can be; reports that are in the queue are delivered |
/// | the shared store loses its contents | the owners leave their parcels there once more; parcels that were added already are recognized by their ids |
/// | the disk of a machine is lost | and so is what it has counted or claimed, and not sent |
///
/// A parcel can count twice in one case: between its arrival and the moment, seconds later, when its owner hears of that, the shared store
/// loses its contents, and another machine takes the lease.
///
/// Without [`Leases`](mta_sts_resolver::Leases) or [`Parcels`](mta_sts_resolver::Parcels) in the store, the machine is alone, and sends what it has counted.
pub struct ReportFleet {
    store: Arc<dyn EntryStore>,
    counts: ReportStore,
    submitter: PolicyDomain,
    lease: Option<PolicyDomain>,
    holder: LeaseHolder,
    is_sender: AtomicBool,
}

/// The reason why a machine could not meet the others.
#[derive(Debug, thiserror::Error)]
pub(super) enum FleetError {
    #[error(transparent)]
    Shared(#[from] StoreError),
    #[error(transparent)]
    Counts(#[from] ReportStoreError),
    #[error("the counts of this machine cannot be read yet")]
    Unread,
    #[error("a thread has failed: {0}")]
    Thread(String),
}

impl ReportFleet {
    /// Joins the machines that use this shared store, with the counts of this one. The submitter is the domain that the reports come from.
    pub fn new(store: Arc<dyn EntryStore>, counts: ReportStore, submitter: &PolicyDomain) -> Self {
        Self {
            store,
            counts,
            submitter: submitter.clone(),
            // No domain has a policy under a name like this, so the lease is nobody else's.
            lease: PolicyDomain::parse(&format!("tlsrpt-sender.{submitter}")).ok(),
            holder: LeaseHolder::unique(),
            is_sender: AtomicBool::new(false),
        }
    }

    /// Returns whether this machine sends the reports.
    pub fn is_sender(&self) -> bool {
        self.is_sender.load(Ordering::Relaxed)
    }

    /// Takes or renews the lease, and passes counts on: to this machine if it sends, else from it.
    ///
    /// When it returns, what is due on this machine is its own to send.
    pub(super) async fn meet(&self, now: UnixTime) -> Result<(), FleetError> {
        let (Some(leases), Some(parcels), Some(lease)) =
            (self.store.leases(), self.store.parcels(), &self.lease)
        else {
            self.set_sender(true);
            return Ok(());
        };
        let machine = self.counts.machine().ok_or(FleetError::Unread)?;
        let is_sender = leases.take(lease, self.holder, LEASE_TIME).await?;
        self.set_sender(is_sender);
        // What it claimed before it was killed, or lost the lease, is nobody else's.
        let which = if is_sender { ParcelClaim::Any } else { ParcelClaim::Earlier };
        for parcel in parcels.claim(&self.submitter, &machine, which, CLAIMED_AT_ONCE).await? {
            let id = parcel.id.clone();
            self.blocking(move |counts| counts.unpack(&parcel, now)).await?;
            parcels.settle(&self.submitter, &id).await?;
        }
        if !is_sender {
            self.blocking(move |counts| counts.pack(now)).await?;
        }
        for id in self.counts.parcels() {
            match parcels.state(&self.submitter, &id).await? {
                ParcelState::Arrived => self.counts.forget_parcel(&id),
                ParcelState::Waiting => {}
                ParcelState::Unknown => {
                    let Some(parcel) = self.counts.parcel(&id) else { continue };
                    parcels.leave(&self.submitter, &parcel).await?;
                }
            }
        }
        Ok(())
    }

    /// Leaves the lease to another machine, at the end of the process.
    pub(super) async fn leave(&self) {
        if let (Some(leases), Some(lease), true) = (self.store.leases(), &self.lease, self.is_sender()) {
            // Otherwise it expires.
            let _ = leases.give_back(lease, self.holder).await;
        }
    }

    fn set_sender(&self, is_sender: bool) {
        if self.is_sender.swap(is_sender, Ordering::Relaxed) != is_sender && self.store.leases().is_some() {
            if is_sender {
                tracing::info!("this machine sends the TLS reports of all that share the store");
            } else {
                tracing::info!("another machine sends the TLS reports");
            }
        }
    }

    async fn blocking(
        &self,
        work: impl FnOnce(&ReportStore) -> Result<(), ReportStoreError> + Send + 'static,
    ) -> Result<(), FleetError> {
        let counts = self.counts.clone();
        let done = spawn_blocking(move || work(&counts)).await;
        Ok(done.map_err(|error| FleetError::Thread(error.to_string()))??)
    }
}

impl fmt::Debug for ReportFleet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ReportFleet")
            .field("store", &self.store)
            .field("submitter", &self.submitter)
            .finish_non_exhaustive()
    }
}

/// The time after which the lease of a machine that was killed expires. Longer than a round of the outbox usually takes; when a longer one
/// loses the lease, another machine sends from then on, and nothing is sent twice.
const LEASE_TIME: Duration = Duration::from_secs(20);
const CLAIMED_AT_ONCE: usize = 8;
