//! Distinguishes faults of this machine and its network from those of a remote host.
//!
//! Only errors that the system reports without receiving a packet count as local. An error from a router, or silence,
//! may concern only the one address, and cannot be classified from here.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Returns whether the system has run out of a resource that every connection needs.
pub(crate) fn is_exhausted(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM))
        || error.kind() == io::ErrorKind::OutOfMemory
}

/// Classifies connection errors as faults of this machine or of the peer. Clones share their observations.
///
/// A Policy Host with only IPv6 is permanently unreachable from a machine with only IPv4, and mail to its domain must
/// not wait forever (RFC 8461, 3.3: no policy can be fetched "for any reason"). When the network is down, everything is
/// unreachable temporarily. The system reports "network is unreachable" in both cases. So its routes are checked: if
/// the other family has a route to the Internet, and this one has never carried a connection, then this machine does
/// not use this family.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reach {
    /// Whether IPv4, and IPv6, have ever carried a connection to another machine.
    spoken: Arc<[AtomicBool; 2]>,
}

impl Reach {
    /// Records a successful connection to this peer.
    pub(crate) fn has_spoken_with(&self, peer: IpAddr) {
        if !peer.to_canonical().is_loopback() {
            self.spoken[family_of(peer)].store(true, Ordering::Relaxed);
        }
    }

    /// Returns whether a failed connection to this peer is the fault of this machine.
    pub(crate) fn is_local(&self, error: &io::Error, peer: IpAddr) -> bool {
        self.is_local_by(&way_to, error, peer)
    }

    fn is_local_by(&self, way_to: &WayTo<'_>, error: &io::Error, peer: IpAddr) -> bool {
        let Some(number) = error.raw_os_error() else { return false };
        match number {
            _ if is_exhausted(error) => true,
            // The interface is down, or a firewall rule of this machine forbids it.
            libc::ENETDOWN | libc::EACCES | libc::EPERM => true,
            libc::ENETUNREACH | libc::EHOSTUNREACH | libc::EADDRNOTAVAIL | libc::EAFNOSUPPORT => {
                match way_to(peer) {
                    // If there is a route, all ports are in use; other errors come from a router or the link.
                    Ok(()) => number == libc::EADDRNOTAVAIL,
                    Err(error) if is_exhausted(&error) => true,
                    Err(_) => self.lacks_its_family(way_to, peer),
                }
            }
            _ => false,
        }
    }

    /// Returns whether the family of this address has no route at all, and that is a fault.
    fn lacks_its_family(&self, way_to: &WayTo<'_>, address: IpAddr) -> bool {
        let family = family_of(address);
        if way_to(WORLD[family]).is_ok() {
            // Otherwise only this address has no route, such as a multicast one.
            return false;
        }
        self.spoken[family].load(Ordering::Relaxed) || way_to(WORLD[1 - family]).is_err()
    }
}

/// Asks the system for a route to an address.
type WayTo<'a> = dyn Fn(IpAddr) -> io::Result<()> + 'a;

/// Asks the system whether it has a route to this address, without sending anything.
fn way_to(address: IpAddr) -> io::Result<()> {
    let any = match address {
        IpAddr::V4(_) => IpAddr::from(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::from(Ipv6Addr::UNSPECIFIED),
    };
    UdpSocket::bind((any, 0))?.connect((address, 443))
}

fn family_of(address: IpAddr) -> usize {
    usize::from(address.is_ipv6())
}

/// One address of each family that only a route to the Internet leads to: those of `a.root-servers.net`. They are never
/// contacted.
const WORLD: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(198, 41, 0, 4)),
    IpAddr::V6(Ipv6Addr::new(0x2001, 0x503, 0xba3e, 0, 0, 0, 2, 0x30)),
];

/// Logs faults of this machine, at most one a minute: each of them fails many lookups. Clones share the rate limit.
#[derive(Clone, Debug, Default)]
pub(crate) struct LocalFaultLog {
    told: Arc<Mutex<Told>>,
    /// All of them, logged or not.
    count: Arc<AtomicU64>,
}

#[derive(Debug, Default)]
struct Told {
    at: Option<Instant>,
    others: u64,
}

impl LocalFaultLog {
    /// The number of faults.
    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    pub(crate) fn tell(&self, fault: &impl fmt::Display, peer: Option<SocketAddr>) {
        self.count.fetch_add(1, Ordering::Relaxed);
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.at.is_some_and(|at| at.elapsed() < INTERVAL) {
            told.others += 1;
            return;
        }
        let others = std::mem::take(&mut told.others);
        told.at = Some(Instant::now());
        drop(told);
        tracing::error!(
            %fault,
            peer = peer.map(tracing::field::display),
            others,
            "a lookup failed because of this machine, its network or its proxy: mail waits unless a policy is cached"
        );
    }
}

const INTERVAL: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    fn error(number: i32) -> io::Error {
        io::Error::from_raw_os_error(number)
    }

    #[test]
    fn what_the_system_has_no_more_of_is_its_own_fault_and_what_a_peer_does_is_not() {
        let (reach, peer) = (Reach::default(), IpAddr::from([127, 0, 0, 1]));
        for number in [libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::ENOMEM] {
            assert!(is_exhausted(&error(number)) && reach.is_local(&error(number), peer), "{number}");
        }
        // There is a route to this address, so the ports are used up.
        for number in [libc::ENETDOWN, libc::EACCES, libc::EPERM, libc::EADDRNOTAVAIL] {
            assert!(!is_exhausted(&error(number)) && reach.is_local(&error(number), peer), "{number}");
        }
        // Here a router reported the error.
        for number in
            [libc::ECONNREFUSED, libc::ECONNRESET, libc::ETIMEDOUT, libc::EHOSTUNREACH, libc::ENETUNREACH]
        {
            assert!(!reach.is_local(&error(number), peer), "{number}");
        }
        assert!(!reach.is_local(&io::ErrorKind::UnexpectedEof.into(), peer));
    }

    #[test]
    fn a_family_that_is_not_spoken_here_is_no_fault_and_a_network_that_is_down_is() {
        let [ipv4, ipv6] = ["203.0.113.1", "2001:db8::1"].map(|text| text.parse::<IpAddr>().unwrap());
        let down = |_| Err(error(libc::ENETUNREACH));
        let ipv4_alone =
            |address: IpAddr| if address.is_ipv4() { Ok(()) } else { Err(error(libc::EADDRNOTAVAIL)) };
        let numbers = [libc::ENETUNREACH, libc::EHOSTUNREACH, libc::EADDRNOTAVAIL, libc::EAFNOSUPPORT];
        let is_local = |reach: &Reach, way_to: &WayTo<'_>, peer| {
            let found = numbers.map(|number| reach.is_local_by(way_to, &error(number), peer));
            assert!(found.iter().all(|is_local| *is_local == found[0]), "{found:?}");
            found[0]
        };
        let reach = Reach::default();
        assert!(is_local(&reach, &down, ipv4) && is_local(&reach, &down, ipv6));
        assert!(!is_local(&reach, &ipv4_alone, ipv6));
        // This address has no route, but the Internet has.
        let but_multicast = |address: IpAddr| if address.is_multicast() { down(address) } else { Ok(()) };
        assert!(!is_local(&reach, &but_multicast, "224.0.0.1".parse().unwrap()));
        // IPv6 worked before, and is gone.
        reach.has_spoken_with("::1".parse().unwrap());
        assert!(!is_local(&reach, &ipv4_alone, ipv6));
        reach.has_spoken_with(ipv6);
        assert!(is_local(&reach.clone(), &ipv4_alone, ipv6));
        // The route cannot be checked without file descriptors.
        assert!(reach.is_local_by(&|_| Err(error(libc::EMFILE)), &error(libc::ENETUNREACH), ipv4));
    }
}
