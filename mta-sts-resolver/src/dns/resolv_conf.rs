//! The contents of `/etc/resolv.conf`.

use std::io;
use std::net::{Ipv6Addr, SocketAddr, SocketAddrV6, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use resolv_conf::ScopedIp;

use super::failure::DnsFailure;
use crate::file_watch::FileWatch;

/// A `resolv.conf` that was read, and is watched for changes.
#[derive(Clone, Debug)]
pub(super) struct ResolvConf {
    path: PathBuf,
    watch: Arc<FileWatch>,
    pub(super) servers: Vec<SocketAddr>,
    pub(super) timeout: Duration,
    pub(super) attempts: u32,
    pub(super) trusts_ad: bool,
}

impl ResolvConf {
    /// A missing file is treated as empty, as described in resolv.conf(5).
    pub(super) fn read(path: &Path) -> Result<Self, DnsFailure> {
        Self::read_watched(path, Arc::new(FileWatch::new(vec![path.to_owned()])))
    }

    /// Reads the same file again.
    pub(super) fn read_again(&self) -> Result<Self, DnsFailure> {
        self.watch.look();
        let new = Self::read_watched(&self.path, Arc::clone(&self.watch))?;
        if new.servers.is_empty() && !self.servers.is_empty() {
            // Without servers, the system would use the local host. A file that is just being written does not mean
            // that.
            return Err(DnsFailure::SystemConfiguration(io::ErrorKind::InvalidData));
        }
        Ok(new)
    }

    pub(super) fn has_changed(&self) -> bool {
        self.watch.has_changed()
    }

    fn read_watched(path: &Path, watch: Arc<FileWatch>) -> Result<Self, DnsFailure> {
        let text = match std::fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(DnsFailure::SystemConfiguration(error.kind())),
        };
        Ok(Self::parse(path, watch, &text))
    }

    /// Unknown lines are ignored, as by the system's own resolver.
    fn parse(path: &Path, watch: Arc<FileWatch>, text: &[u8]) -> Self {
        let (mut file, _unknown_lines) = resolv_conf::Config::parse_with_errors(text);
        file.glibc_normalize();
        let mut servers = Vec::new();
        for server in &file.nameservers {
            servers.push(match server {
                ScopedIp::V4(address) => SocketAddr::from((*address, DNS_PORT)),
                ScopedIp::V6(address, None) => SocketAddr::from((*address, DNS_PORT)),
                ScopedIp::V6(address, Some(scope)) => {
                    scoped(*address, scope).unwrap_or_else(|| {
                        // The interface may come up later.
                        watch.look_again();
                        SocketAddrV6::new(*address, DNS_PORT, 0, 0).into()
                    })
                }
            });
        }
        Self {
            path: path.to_owned(),
            watch,
            servers,
            timeout: Duration::from_secs(file.timeout.into()),
            attempts: file.attempts,
            trusts_ad: file.trust_ad,
        }
    }
}

/// A link-local address with the interface that it refers to, by name or number (RFC 4007, 11). The system resolves
/// interface names; for a numeric address it makes no query.
fn scoped(address: Ipv6Addr, scope: &str) -> Option<SocketAddr> {
    (format!("{address}%{scope}"), DNS_PORT).to_socket_addrs().ok()?.next()
}

pub(super) const DNS_PORT: u16 = 53;

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &[u8]) -> ResolvConf {
        ResolvConf::parse(Path::new(""), Arc::new(FileWatch::new(Vec::new())), text)
    }

    #[test]
    fn resolv_conf_is_read_as_the_system_reads_it() {
        let file = parse(
            b"# comment\nsearch corp.test\nnameserver 192.0.2.1\nnameserver 2001:db8::1\nnonsense here\n\
              options ndots:3 timeout:4 attempts:900 trust-ad\n",
        );
        let servers: Vec<_> = file.servers.iter().map(ToString::to_string).collect();
        assert_eq!(servers, ["192.0.2.1:53", "[2001:db8::1]:53"]);
        assert_eq!(file.timeout, Duration::from_secs(4));
        assert!(file.trusts_ad);
    }

    #[test]
    fn a_link_local_server_keeps_its_interface() {
        // The loopback interface has number 1 on every system with interface numbers.
        for scope in ["lo", "1"] {
            let file = parse(format!("nameserver fe80::1%{scope}\n").as_bytes());
            assert_eq!(file.servers, ["[fe80::1%1]:53".parse().unwrap()], "{scope}");
        }
        // An interface that does not exist yet is looked for again.
        let file = parse(b"nameserver fe80::1%nowhere0\nnameserver 192.0.2.1\n");
        assert_eq!(file.servers, ["[fe80::1]:53".parse().unwrap(), "192.0.2.1:53".parse().unwrap()]);
    }

    #[test]
    fn a_file_of_no_use_changes_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("resolv.conf");
        let absent = ResolvConf::read(&path).unwrap();
        assert!(absent.servers.is_empty() && absent.read_again().unwrap().servers.is_empty());
        std::fs::write(&path, "nameserver 192.0.2.1\n").unwrap();
        let read = absent.read_again().unwrap();
        for text in ["", "# empty\n", "nameserver nobody\n"] {
            std::fs::write(&path, text).unwrap();
            let failure = read.read_again().unwrap_err();
            assert_eq!(failure, DnsFailure::SystemConfiguration(io::ErrorKind::InvalidData), "{text:?}");
        }
        std::fs::write(&path, "nameserver 192.0.2.2\n").unwrap();
        assert_eq!(read.read_again().unwrap().servers, ["192.0.2.2:53".parse().unwrap()]);
    }
}
