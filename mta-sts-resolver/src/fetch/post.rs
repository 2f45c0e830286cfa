//! The HTTPS POST of a TLS report (RFC 8460, 3 and 5.4).

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{Request, Uri, header};
use hyper_util::rt::TokioIo;
use rustls::pki_types::DnsName;
use tokio::time::{Instant, timeout_at};

use super::{
    Attempt, OnCertificateFault, PolicyFetchError, PolicyFetchErrorKind, PolicyFetcher, Stream, TrustStore,
    USER_AGENT, WAITING, deadline_after, drive, http1_client, share_of, timed_out,
};

/// Posts TLS reports over HTTPS.
///
/// ```no_run
/// use mta_sts_resolver::{ReportPoster, TrustStore};
///
/// # async fn post(report: Vec<u8>) -> Result<(), Box<dyn std::error::Error>> {
/// let poster = ReportPoster::new(TrustStore::platform()?);
/// let addresses = ["192.0.2.1".parse()?];
/// let status = poster.post("https://r.recipient.test/v1", &addresses, "application/tlsrpt+gzip", report).await?;
/// println!("{}", if (200..300).contains(&status) { "taken" } else { "refused" });
/// # Ok(())
/// # }
/// ```
///
/// It follows no redirect, sends neither credentials nor cookies, and reads no body. The environment's proxies are not used. Since
/// a stranger's record names the URL, it connects to no private address unless that is permitted.
#[derive(Clone, Debug)]
pub struct ReportPoster {
    connecting: PolicyFetcher,
    on_fault: OnCertificateFault,
}

impl ReportPoster {
    /// A poster that trusts these roots, takes 60 s at most for a report, and connects to public addresses alone.
    pub fn new(trust_store: TrustStore) -> Self {
        Self {
            connecting: PolicyFetcher::new(trust_store).with_private_addresses_refused(true),
            on_fault: OnCertificateFault::Abort,
        }
    }

    /// The time for everything, from the first connection to the answer: 60 s by default.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.connecting = self.connecting.with_timeout(timeout);
        self
    }

    /// An HTTP proxy to go through, as [`PolicyFetcher::with_proxy`].
    #[must_use]
    pub fn with_proxy(mut self, proxy: SocketAddr) -> Self {
        self.connecting = self.connecting.with_proxy(proxy);
        self
    }

    /// Connects to private addresses too, those that [`PolicyFetcher::with_private_addresses_refused`] lists. Whoever has a
    /// TLSRPT record can have a POST sent to any of them then.
    #[must_use]
    pub fn with_private_addresses(mut self, permit: bool) -> Self {
        self.connecting = self.connecting.with_private_addresses_refused(!permit);
        self
    }

    /// Posts to hosts whose certificates are not valid too (RFC 8460, 3 permits it). Off by default: whoever is on the way can
    /// then read and drop reports.
    #[must_use]
    pub fn with_danger_certificates_ignored(mut self, ignore: bool) -> Self {
        self.on_fault =
            if ignore { OnCertificateFault::RecordAndContinue } else { OnCertificateFault::Abort };
        self
    }

    /// Whether a URL is of the kind that can be posted to: `https`, with the name of a host. Nobody is asked.
    pub fn can_post_to(url: &str) -> bool {
        Target::parse(url).is_some()
    }

    /// Posts a body to an `https` URL whose host has these addresses, and gives the status of the answer.
    ///
    /// At most 8 addresses are tried, until one takes the connection. Whatever happens after that is the end: what was sent to one
    /// address may have been taken there, so it is sent to no other.
    ///
    /// # Errors
    ///
    /// [`ReportPostError`], where there is no answer.
    // Meets R14, R15, R67, R78.
    pub async fn post(
        &self,
        url: &str,
        addresses: &[IpAddr],
        media_type: &str,
        body: impl Into<Vec<u8>>,
    ) -> Result<u16, ReportPostError> {
        let target = Target::parse(url).ok_or(ReportPostError::InvalidUrl)?;
        let connecting = self.connecting.clone().with_port(target.port);
        let deadline = deadline_after(connecting.timeout);
        let (peers, mut failure) = connecting.peers(addresses);
        for (tried, peer) in peers.iter().enumerate() {
            let attempt = Attempt {
                fetcher: &connecting,
                host: &target.host,
                peer: *peer,
                connect_by: share_of(deadline, peers.len() - tried),
                deadline,
                on_fault: self.on_fault,
            };
            match attempt.open().await {
                Ok((stream, _)) => {
                    let exchange = target.exchange(stream, media_type, body.into());
                    let answer = timeout_at(deadline, exchange).await;
                    let answer = answer.unwrap_or_else(|_| Err(timed_out(WAITING)));
                    return answer.map_err(|error| ReportPostError::NoAnswer(error.at(*peer)));
                }
                Err(next) => {
                    let next = next.at(*peer);
                    if tried == 0 || next.kind().weight() > failure.kind().weight() {
                        failure = next;
                    }
                    if Instant::now() >= deadline {
                        break;
                    }
                }
            }
        }
        match failure.kind() {
            PolicyFetchErrorKind::AddressRefused => Err(ReportPostError::PrivateAddress),
            _ => Err(ReportPostError::NotConnected(failure)),
        }
    }
}

/// The reason why the POST of a report has no response.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReportPostError {
    /// It is no `https` URL, or its host is an address: no certificate is for that. Nothing was sent.
    #[error("not an https URL with the name of a host")]
    InvalidUrl,
    /// The host has only private addresses. Nothing was sent.
    #[error("every address of the host is private, and those are refused")]
    PrivateAddress,
    /// No address took the connection, or none with a valid certificate. Nothing was sent.
    #[error(transparent)]
    NotConnected(PolicyFetchError),
    /// The report was sent, in part at least, and nobody knows whether it was taken.
    #[error(transparent)]
    NoAnswer(PolicyFetchError),
}

impl ReportPostError {
    /// The stable code: a kebab-case word.
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidUrl => "invalid-url",
            Self::PrivateAddress => "private-address",
            Self::NotConnected(error) | Self::NoAnswer(error) => error.code(),
        }
    }
}

/// What a URL says.
struct Target {
    host: DnsName<'static>,
    port: u16,
    authority: String,
    path: String,
}

impl Target {
    fn parse(url: &str) -> Option<Self> {
        let uri: Uri = url.parse().ok().filter(|uri: &Uri| uri.scheme_str() == Some("https"))?;
        let host = uri.host()?.trim_end_matches('.');
        if host.parse::<IpAddr>().is_ok() {
            return None;
        }
        let port = uri.port_u16();
        Some(Self {
            host: DnsName::try_from(host.to_ascii_lowercase()).ok()?,
            port: port.unwrap_or(HTTPS_PORT),
            authority: port.map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")),
            path: match uri.path_and_query().map_or("/", |path| path.as_str()) {
                query if query.starts_with('?') => format!("/{query}"),
                path => path.to_owned(),
            },
        })
    }

    async fn exchange(
        &self,
        stream: Box<dyn Stream>,
        media_type: &str,
        body: Vec<u8>,
    ) -> Result<u16, PolicyFetchError> {
        let request = Request::post(&self.path)
            .header(header::HOST, &self.authority)
            .header(header::USER_AGENT, USER_AGENT)
            .header(header::CONTENT_TYPE, media_type)
            .header(header::CONNECTION, "close")
            .body(Full::new(Bytes::from(body)))
            .map_err(PolicyFetchError::http)?;
        let (mut sender, connection) =
            http1_client().handshake(TokioIo::new(stream)).await.map_err(PolicyFetchError::http)?;
        let exchange = async {
            let response = sender.send_request(request).await.map_err(PolicyFetchError::http)?;
            Ok(response.status().as_u16())
        };
        drive(connection, exchange).await
    }
}

const HTTPS_PORT: u16 = 443;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_where_to() {
        for (url, seen) in [
            ("https://r.test", Some(("r.test", 443, "r.test", "/"))),
            ("https://R.test.:8443/v1?a=b", Some(("r.test", 8443, "R.test:8443", "/v1?a=b"))),
            ("https://r.test?a=b", Some(("r.test", 443, "r.test", "/?a=b"))),
            ("https://192.0.2.1/", None),
            ("https://[2001:db8::1]/", None),
            ("http://r.test/", None),
            ("r.test", None),
            ("https:///x", None),
            ("https://a b/", None),
        ] {
            let target = Target::parse(url);
            let found = target.as_ref().map(|target| {
                (target.host.as_ref(), target.port, target.authority.as_str(), target.path.as_str())
            });
            assert_eq!(found, seen, "{url}");
            assert_eq!(ReportPoster::can_post_to(url), seen.is_some(), "{url}");
        }
    }
}
