//! How the file descriptors are divided up.

/// The number of concurrent operations that take a file descriptor each. None is 0.
///
/// Idle clients cost nothing else, so they could use up all file descriptors, and every lookup would fail for lack of
/// one. So what lookups need is reserved for them, or half of everything if there are few, and clients wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileBudget {
    pub(super) clients: usize,
    /// Fetches for domains without a policy; those for others have the same number on top.
    pub(super) fetches: usize,
    pub(super) dns_sockets: usize,
}

impl FileBudget {
    /// Divides up the free ones, with these maximum values.
    pub(super) fn new(free: usize, most: Self) -> Self {
        let for_lookups = most.dns_sockets.saturating_add(most.fetches.saturating_mul(2));
        let clients = most.clients.min(free - for_lookups.min(free / 2));
        let left = free - clients;
        let fetches = most.fetches.min(left / 4);
        let dns_sockets = most.dns_sockets.min(left - 2 * fetches);
        Self { clients: clients.max(1), fetches: fetches.max(1), dns_sockets: dns_sockets.max(2) }
    }

    /// The number of file descriptors that the system permits, less those in use, those that will be, and a reserve.
    pub(super) fn free_files(listeners: usize) -> usize {
        let permitted = rlimit::increase_nofile_limit(u64::MAX).unwrap_or_else(|error| {
            tracing::warn!(%error, "the limit of open files could not be raised");
            rlimit::Resource::NOFILE.get_soft().unwrap_or(1024)
        });
        tracing::debug!(files = permitted, "limit of open files");
        let open = ["/proc/self/fd", "/dev/fd"].iter().find_map(|folder| std::fs::read_dir(folder).ok());
        let open = open.map_or(OPEN_AT_START, Iterator::count);
        usize::try_from(permitted).unwrap_or(usize::MAX).saturating_sub(open + 2 * listeners + SPARE)
    }
}

/// Used if the number in use cannot be determined.
const OPEN_AT_START: usize = 32;

/// For files that are read again, connections to a store, and clients of the metrics. A waiting client is counted with
/// its listener.
const SPARE: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: FileBudget = FileBudget { clients: 16_384, fetches: 256, dns_sockets: 1024 };

    #[test]
    fn what_is_free_is_enough_for_all_or_half_of_it_is_kept_for_lookups() {
        assert_eq!(FileBudget::new(1_000_000, MOST), MOST);
        for free in [0, 1, 10, 40, 100, 1000, 2000, 10_000] {
            let budget = FileBudget::new(free, MOST);
            let FileBudget { clients, fetches, dns_sockets } = budget;
            let least = FileBudget { clients: 1, fetches: 1, dns_sockets: 2 };
            assert!(
                clients + 2 * fetches + dns_sockets <= free || budget == least || free <= 10,
                "{budget:?}"
            );
            assert!(clients <= free.div_ceil(2).max(1) || clients == free - 1024 - 512, "{budget:?}");
        }
        assert_eq!(FileBudget::new(40, MOST), FileBudget { clients: 20, fetches: 5, dns_sockets: 10 });
        // If few clients are wanted, the rest is for lookups.
        let few = FileBudget { clients: 10, ..MOST };
        assert_eq!(FileBudget::new(40, few), FileBudget { clients: 10, fetches: 7, dns_sockets: 16 });
    }
}
