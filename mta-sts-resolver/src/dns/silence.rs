//! Detects DNS servers that do not respond at all.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hickory_proto::op::Query;
use hickory_proto::rr::{Name, RecordType};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, timeout};

use super::NO_SOCKET;
use super::exchange::{Queries, SentQuery};
use super::failure::DnsFailure;

/// Tracks which servers do not respond at present, so that lookups do not wait for them. Clones share it.
///
/// An unanswered query may have been lost, or be the fault of another server that this server queries. So after two of
/// them the server is queried for the name servers of the root, which it knows without asking: once a second, until it
/// responds. Any response to another query in the meantime also counts.
#[derive(Clone, Default)]
pub(super) struct Silence {
    suspects: Arc<Mutex<HashMap<SocketAddr, Suspect>>>,
}

struct Suspect {
    /// Whether it is being probed.
    is_watched: bool,
    has_answered: bool,
    is_silent: bool,
    /// The time at which a lookup last wanted to use it.
    wanted_at: Instant,
}

impl Silence {
    /// Returns whether a server is known not to respond.
    pub(super) fn is_silent(&self, server: SocketAddr) -> bool {
        let mut suspects = self.suspects();
        let Some(suspect) = suspects.get_mut(&server) else { return false };
        suspect.wanted_at = Instant::now();
        suspect.is_silent
    }

    /// Records that a server has responded.
    pub(super) fn answered(&self, server: SocketAddr) {
        if let Entry::Occupied(mut entry) = self.suspects().entry(server) {
            if entry.get().is_watched {
                entry.get_mut().has_answered = true;
            } else {
                entry.remove();
            }
        }
    }

    /// Records that a server has not responded in time: starts to probe it, with the time limit `within` for each
    /// probe.
    pub(super) fn suspect(&self, server: SocketAddr, sockets: &Arc<Semaphore>, within: Duration) {
        match self.suspects().entry(server) {
            Entry::Vacant(entry) => {
                entry.insert(Suspect {
                    is_watched: false,
                    has_answered: false,
                    is_silent: false,
                    wanted_at: Instant::now(),
                });
                return;
            }
            Entry::Occupied(mut entry) => {
                if std::mem::replace(&mut entry.get_mut().is_watched, true) {
                    return;
                }
            }
        }
        let (silence, sockets) = (self.clone(), Arc::clone(sockets));
        tokio::spawn(async move { silence.watch(server, &sockets, within).await });
    }

    /// Probes the server until it responds, or until no lookup wants to use it any more.
    async fn watch(&self, server: SocketAddr, sockets: &Arc<Semaphore>, within: Duration) {
        loop {
            let asked = match Arc::clone(sockets).try_acquire_owned() {
                Ok(permit) => timeout(within, ask(server, permit)).await,
                Err(_) => Ok(Err(NO_SOCKET)),
            };
            {
                let mut suspects = self.suspects();
                let Some(suspect) = suspects.get_mut(&server) else { return };
                match asked {
                    Ok(Err(failure)) if failure.is_local() && !suspect.has_answered => {}
                    // Any response to any query counts.
                    _ if suspect.has_answered || asked.is_ok() => {
                        if suspect.is_silent {
                            tracing::info!(%server, "a DNS server responds again");
                        }
                        suspects.remove(&server);
                        return;
                    }
                    _ => {
                        if !std::mem::replace(&mut suspect.is_silent, true) {
                            tracing::error!(%server, "a DNS server does not respond, and is not used until it does");
                        }
                        if suspect.wanted_at.elapsed() > UNWANTED {
                            suspects.remove(&server);
                            return;
                        }
                    }
                }
            }
            sleep(INTERVAL).await;
        }
    }

    fn suspects(&self) -> MutexGuard<'_, HashMap<SocketAddr, Suspect>> {
        self.suspects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends a query without EDNS, which every server supports.
async fn ask(server: SocketAddr, permit: OwnedSemaphorePermit) -> Result<(), DnsFailure> {
    let query = Query::query(Name::root(), RecordType::NS);
    let mut queries = Queries::default();
    queries.send(SentQuery::new(server, &query, false, permit)?).await?;
    queries.receive().await.1.map(|_| ())
}

const INTERVAL: Duration = Duration::from_secs(1);
/// A server that no lookup has wanted for this long is no longer probed.
const UNWANTED: Duration = Duration::from_secs(60);
