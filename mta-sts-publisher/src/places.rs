//! How many connections there may be, in all and from one client.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

/// Counts the connections of each client. Clones count together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// The place of one connection; it is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    places: Places,
    client: IpAddr,
}

impl Places {
    /// Takes a place for a client that has less than this many.
    pub(crate) fn take(&self, address: IpAddr, max: usize) -> Option<Place> {
        let client = client_of(address);
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(client).or_default();
        if *count >= max {
            return None;
        }
        *count += 1;
        Some(Place { places: self.clone(), client })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.places.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.client) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.client);
            }
        }
    }
}

/// What counts as one client: an IPv4 address, or a /64 of IPv6, the smallest network that a customer is given.
fn client_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_has_so_many_places_and_another_has_its_own() {
        let places = Places::default();
        let take = |address: &str| places.take(address.parse().unwrap(), 2);
        let (one, two) = (take("2001:db8::1"), take("2001:db8::2:3"));
        assert!(one.is_some() && two.is_some() && take("2001:db8::4").is_none());
        let (other, mapped) = (take("2001:db8:0:1::1"), take("192.0.2.1"));
        let second = take("::ffff:192.0.2.1");
        assert!(other.is_some() && mapped.is_some() && second.is_some() && take("192.0.2.1").is_none());
        drop(one);
        assert!(take("2001:db8::9").is_some());
        drop((two, other, mapped, second));
        assert!(places.0.lock().unwrap().is_empty());
    }
}
