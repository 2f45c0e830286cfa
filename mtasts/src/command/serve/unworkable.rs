//! Values of the configuration that are valid but cannot work.

use std::net::SocketAddr;

use super::super::daemons::{MAX_SOCKET_PATH, TOO_LONG, Unworkable};
use super::configuration::Configuration;
use super::place::Place;
use super::report_keys::SocketPath;

impl Configuration {
    /// The first value that cannot work.
    pub(super) fn unworkable(&self) -> Option<Unworkable> {
        let fault = |key, message: &str| Some(Unworkable { key, message: message.to_owned() });
        if self.listen.is_empty() && std::env::var_os("LISTEN_FDS").is_none() {
            return fault(&["listen"], "there is no address to listen on");
        }
        for (number, place) in self.listen.iter().enumerate() {
            if let Some(other) = self.listen[..number].iter().find(|other| clash(other, place)) {
                return fault(&["listen"], &format!("{other} and {place} conflict: listen on one of them"));
            }
            if let Place::Unix(path) = place
                && path.as_os_str().len() > MAX_SOCKET_PATH
            {
                return fault(&["listen"], TOO_LONG);
            }
        }
        if let Some(metrics) = self.metrics.0
            && let Some(place) = self.listen.iter().find(|place| clash(place, &Place::Tcp(metrics)))
        {
            return fault(&["metrics"], &format!("{place} is already in `listen`"));
        }
        if let Some(control) = &self.control.0 {
            if control.len() > MAX_SOCKET_PATH {
                return fault(&["control"], TOO_LONG);
            }
            if self.listen.contains(&Place::Unix(control.into())) {
                return fault(&["control"], &format!("{control} is already in `listen`"));
            }
        }
        if let Some(fault) = self.unworkable_reports() {
            return Some(fault);
        }
        if self.https_port == 0 {
            return fault(&["https-port"], "port 0 is not valid for a host");
        }
        if self.https_proxy.0.is_some_and(|proxy| proxy.port() == 0) {
            return fault(&["https-proxy"], "port 0 is not valid for a proxy");
        }
        if self.dns_servers().any(|server| server.port() == 0) {
            return fault(&["dns"], "port 0 is not valid for a server");
        }
        let limits = &self.limits;
        if limits.dns_attempts.0.is_some_and(|attempts| attempts.get() > 5) {
            return fault(&["limits", "dns-attempts"], "the maximum is 5");
        }
        if limits.dns_timeout.0.is_some_and(|timeout| timeout.0 > limits.dns_deadline.0) {
            return fault(&["limits", "dns-timeout"], "one attempt must not take longer than `dns-deadline`");
        }
        if limits.fetches_from_one_address > limits.fetches_at_once {
            return fault(
                &["limits", "fetches-from-one-address"],
                "the maximum is that of `fetches-at-once`",
            );
        }
        None
    }

    fn unworkable_reports(&self) -> Option<Unworkable> {
        let fault = |key, message: &str| Some(Unworkable { key, message: message.to_owned() });
        for (key, path) in [(&["tlsrpt"], &self.tlsrpt.0), (&["tlsrpt-forward"], &self.tlsrpt_forward.0)] {
            if path.as_ref().is_some_and(|SocketPath(path)| path.as_os_str().len() > MAX_SOCKET_PATH) {
                return fault(key, TOO_LONG);
            }
        }
        if let Some(SocketPath(path)) = &self.tlsrpt.0 {
            if self.listen.contains(&Place::Unix(path.clone())) {
                return fault(&["tlsrpt"], &format!("unix:{} is already in `listen`", path.display()));
            }
            if self.tlsrpt == self.tlsrpt_forward {
                return fault(&["tlsrpt-forward"], "the daemon would forward datagrams to itself");
            }
        }
        if let Some(what) = self.report.dkim.fault() {
            return fault(&["report", "dkim"], what);
        }
        match self.report.sender() {
            Some(Err(what)) => fault(&["report", "from"], &what),
            None if self.tlsrpt.0.is_some() => fault(
                &["tlsrpt"],
                "reports need an address to come from: `from` in [report], or --report-from",
            ),
            _ => None,
        }
    }
}

/// Returns whether the system would let only one of both listen.
fn clash(one: &Place, other: &Place) -> bool {
    match (one, other) {
        (Place::Tcp(one), Place::Tcp(other)) => {
            one.port() == other.port() && one.port() != 0 && overlap(one, other)
        }
        (Place::Unix(one), Place::Unix(other)) => one == other,
        _ => false,
    }
}

fn overlap(one: &SocketAddr, other: &SocketAddr) -> bool {
    let (one, other) = (one.ip(), other.ip());
    // `[::]` accepts IPv4 too.
    let covers =
        |any: std::net::IpAddr| any.is_unspecified() && (any.is_ipv6() || one.is_ipv4() == other.is_ipv4());
    one == other || covers(one) || covers(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_work_is_told_with_its_place() {
        for (text, marked, expected) in [
            ("listen = []", "[]", "no address"),
            (
                "listen = ['127.0.0.1:1', '127.0.0.1:1']",
                "['127.0.0.1:1', '127.0.0.1:1']",
                "conflict: listen on one of them",
            ),
            (
                "listen = ['127.0.0.1:1', '0.0.0.0:1']",
                "['127.0.0.1:1', '0.0.0.0:1']",
                "conflict: listen on one of them",
            ),
            ("listen = ['unix:/a', 'unix:/a']", "['unix:/a', 'unix:/a']", "conflict: listen on one of them"),
            ("listen = ['[::]:1']\nmetrics = '127.0.0.1:1'", "'127.0.0.1:1'", "already in `listen`"),
            ("listen = ['unix:/a']\ncontrol = '/a'", "'/a'", "already in `listen`"),
            ("tlsrpt = '/a'", "'/a'", "from"),
            ("tlsrpt = '/a'\n[report]\nfrom = 'nobody'", "'nobody'", "mail address"),
            (
                "listen = ['unix:/a']\ntlsrpt = '/a'\n[report]\nfrom = 'a@b.test'",
                "'/a'",
                "already in `listen`",
            ),
            ("tlsrpt = 'unix:/a'\ntlsrpt-forward = '/a'\n[report]\nfrom = 'a@b.test'", "'/a'", "to itself"),
            ("[report.dkim]\nselector = 's'", "[report.dkim]", "requires `key-file`"),
            ("[report.dkim]\nkey-file = '/k'", "[report.dkim]", "requires `selector`"),
            ("https-port = 0", "0", "port 0"),
            ("https-proxy = '192.0.2.1:0'", "'192.0.2.1:0'", "port 0"),
            ("dns = ['192.0.2.1:0']", "['192.0.2.1:0']", "port 0"),
            ("[limits]\ndns-attempts = '9'", "'9'", "maximum is 5"),
            ("[limits]\ndns-timeout = '20s'", "'20s'", "dns-deadline"),
            ("[limits]\nfetches-from-one-address = 300", "300", "fetches-at-once"),
        ] {
            let told = toml::from_str::<Configuration>(text).unwrap().unworkable().unwrap();
            assert!(told.message.contains(expected), "{text}: {told:?}");
            assert_eq!(told.span(text).map(|span| &text[span]), Some(marked), "{text}");
            assert_eq!(told.span(""), None);
        }
        for text in [
            "",
            "listen = ['127.0.0.1:0', '127.0.0.1:0']",
            "listen = ['127.0.0.1:1', '127.0.0.2:1', '[::1]:1', 'unix:/a', 'unix:/b']\nmetrics = '127.0.0.3:1'",
            "[limits]\nanswer-within = '85s'\ndns-attempts = '5'",
            "tlsrpt = '/a'\ntlsrpt-forward = '/b'\n[report]\nfrom = 'a@b.test'",
            "[report]\nfrom = 'a@b.test'",
        ] {
            assert_eq!(toml::from_str::<Configuration>(text).unwrap().unworkable(), None, "{text}");
        }
    }
}
