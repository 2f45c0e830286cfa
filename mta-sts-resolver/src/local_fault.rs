//! Faults of this machine and its network, told from those of whoever was asked.
//!
//! Only what the system itself decides, without a packet of anybody, counts as its own. What a router, or silence, says of
//! an address may be true of that address alone, and nobody here can tell.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Whether the system has no more of something that every connection takes.
pub(crate) fn is_exhausted(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM))
        || error.kind() == io::ErrorKind::OutOfMemory
}

/// Tells why a connection could not be made: for a fault of this machine, or of its peer. Clones share what was seen.
///
/// A Policy Host with IPv6 alone is out of reach for good on a machine with IPv4 alone, and mail to it must not wait for
/// ever (RFC 8461, 3.3: no policy can be fetched "for any reason"). With the network down everything is out of reach, which
/// passes. The system says "network is unreachable" of both. So its routes are asked: where the other family has a way to
/// the world, and this one has never carried a connection, this machine does not speak it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reach {
    /// Whether IPv4, and IPv6, has ever carried a connection to another machine.
    spoken: Arc<[AtomicBool; 2]>,
}

impl Reach {
    /// A connection with this peer was made.
    pub(crate) fn has_spoken_with(&self, peer: IpAddr) {
        if !peer.to_canonical().is_loopback() {
            self.spoken[family_of(peer)].store(true, Ordering::Relaxed);
        }
    }

    /// Whether this machine is to blame that this peer could not be connected to.
    pub(crate) fn is_local(&self, error: &io::Error, peer: IpAddr) -> bool {
        self.is_local_by(&way_to, error, peer)
    }

    fn is_local_by(&self, way_to: &WayTo<'_>, error: &io::Error, peer: IpAddr) -> bool {
        let Some(number) = error.raw_os_error() else { return false };
        match number {
            _ if is_exhausted(error) => true,
            // The interface, or a rule of this machine's own.
            libc::ENETDOWN | libc::EACCES | libc::EPERM => true,
            libc::ENETUNREACH | libc::EHOSTUNREACH | libc::EADDRNOTAVAIL | libc::EAFNOSUPPORT => {
                match way_to(peer) {
                    // All ports are taken; of the others, a router or the link has said so.
                    Ok(()) => number == libc::EADDRNOTAVAIL,
                    Err(error) if is_exhausted(&error) => true,
                    Err(_) => self.lacks_its_family(way_to, peer),
                }
            }
            _ => false,
        }
    }

    /// Whether no address of the family of this one can be reached, and that is a fault.
    fn lacks_its_family(&self, way_to: &WayTo<'_>, address: IpAddr) -> bool {
        let family = family_of(address);
        if way_to(WORLD[family]).is_ok() {
            // Then it is this address that leads nowhere, such as a multicast one.
            return false;
        }
        self.spoken[family].load(Ordering::Relaxed) || way_to(WORLD[1 - family]).is_err()
    }
}

/// How the system answers whether it knows a way to an address.
type WayTo<'a> = dyn Fn(IpAddr) -> io::Result<()> + 'a;

/// Whether the system knows a way to this address. Nothing is sent for it.
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

/// An address of each family that only a way to the world leads to: those of `a.root-servers.net`. They are not spoken with.
const WORLD: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(198, 41, 0, 4)),
    IpAddr::V6(Ipv6Addr::new(0x2001, 0x503, 0xba3e, 0, 0, 0, 2, 0x30)),
];

/// Logs faults of this machine, one a minute: each of them stops many lookups. Clones share the minute.
#[derive(Clone, Debug, Default)]
pub(crate) struct LocalFaultLog {
    told: Arc<Mutex<Told>>,
    /// All of them, told or not.
    count: Arc<AtomicU64>,
}

#[derive(Debug, Default)]
struct Told {
    at: Option<Instant>,
    others: u64,
}

impl LocalFaultLog {
    /// How many there were.
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
            "a lookup failed for a fault of this machine, its network or its proxy: mail waits where no policy is remembered"
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
        // There is a way to this address, so the ports are used up.
        for number in [libc::ENETDOWN, libc::EACCES, libc::EPERM, libc::EADDRNOTAVAIL] {
            assert!(!is_exhausted(&error(number)) && reach.is_local(&error(number), peer), "{number}");
        }
        // And here a router has said so.
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
        // This address leads nowhere, and the world is there.
        let but_multicast = |address: IpAddr| if address.is_multicast() { down(address) } else { Ok(()) };
        assert!(!is_local(&reach, &but_multicast, "224.0.0.1".parse().unwrap()));
        // IPv6 was there, and is gone.
        reach.has_spoken_with("::1".parse().unwrap());
        assert!(!is_local(&reach, &ipv4_alone, ipv6));
        reach.has_spoken_with(ipv6);
        assert!(is_local(&reach.clone(), &ipv4_alone, ipv6));
        // Nobody can look, since there are no files.
        assert!(reach.is_local_by(&|_| Err(error(libc::EMFILE)), &error(libc::ENETUNREACH), ipv4));
    }
}
