//! How many fetches go on at once.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Lets a few fetches through for each address, and more in all. Clones share the count.
///
/// Providers serve the policies of thousands of domains from one address; after a restart all of them are asked at once.
#[derive(Clone, Debug)]
pub(crate) struct Turnstile {
    for_each_address: usize,
    in_all: Arc<Semaphore>,
    by_address: Arc<Mutex<HashMap<IpAddr, Arc<Semaphore>>>>,
}

/// Leave to fetch, until it is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    address: IpAddr,
    turnstile: Turnstile,
    permits: Option<(OwnedSemaphorePermit, OwnedSemaphorePermit)>,
}

impl Turnstile {
    /// Neither number is 0.
    pub(crate) fn new(for_each_address: usize, in_all: usize) -> Self {
        Self {
            for_each_address: for_each_address.clamp(1, Semaphore::MAX_PERMITS),
            in_all: Arc::new(Semaphore::new(in_all.clamp(1, Semaphore::MAX_PERMITS))),
            by_address: Arc::default(),
        }
    }

    /// Waits for a turn. Whoever waits for a busy address takes no turn from others.
    pub(crate) async fn enter(&self, address: IpAddr) -> Turn {
        let mut turn = Turn { address, turnstile: self.clone(), permits: None };
        let of_address = Arc::clone(
            self.lock().entry(address).or_insert_with(|| Arc::new(Semaphore::new(self.for_each_address))),
        );
        // Neither semaphore is ever closed.
        if let Ok(own) = of_address.acquire_owned().await
            && let Ok(common) = Arc::clone(&self.in_all).acquire_owned().await
        {
            turn.permits = Some((own, common));
        }
        turn
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<IpAddr, Arc<Semaphore>>> {
        self.by_address.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    /// The last to leave an address takes its semaphore away.
    fn drop(&mut self) {
        drop(self.permits.take());
        let mut by_address = self.turnstile.lock();
        // Those who wait hold the semaphore too.
        if by_address.get(&self.address).is_some_and(|semaphore| Arc::strong_count(semaphore) == 1) {
            by_address.remove(&self.address);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_busy_address_holds_up_no_other() {
        let turnstile = Turnstile::new(2, 3);
        let address = |last| IpAddr::from([127, 83, 0, last]);
        let enter = |last| timeout(Duration::from_secs(1), turnstile.enter(address(last)));
        let first = enter(1).await.unwrap();
        let second = enter(1).await.unwrap();
        assert!(enter(1).await.is_err(), "two for an address");
        let third = enter(2).await.unwrap();
        assert!(enter(3).await.is_err(), "three in all");
        drop(first);
        let fourth = enter(3).await.unwrap();
        drop((second, third, fourth));
        assert!(turnstile.lock().is_empty(), "nothing is kept of addresses that nobody asks");
    }
}
