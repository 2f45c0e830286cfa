//! One client: requests in, answers out.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use mta_sts_core::{DnsName, Policy, postfix};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Instant, timeout_at};

use super::Shared;
use super::key::Destination;
use super::netstring::{self, Netstring};
use super::zone::{DnsFailureAnswer, MatchNames, Zone};
use crate::dns::DnsError;
use crate::service::PolicyAnswer;

/// A client while it is connected.
pub(super) struct Client {
    shared: Arc<Shared>,
    stopped: watch::Receiver<bool>,
    _place: OwnedSemaphorePermit,
}

impl Client {
    pub(super) fn new(
        shared: &Arc<Shared>,
        place: OwnedSemaphorePermit,
        stopped: watch::Receiver<bool>,
    ) -> Self {
        Self { shared: Arc::clone(shared), stopped, _place: place }
    }

    pub(super) fn start(self, stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) {
        tokio::spawn(async move {
            if let Err(error) = self.serve(stream).await {
                tracing::debug!(%error, "a client was given up");
            }
        });
    }

    /// Until the client leaves, is silent for too long, sends what is no request, or the server stops.
    async fn serve(mut self, mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
        let mut buffer = Vec::new();
        while let Some(request) = self.request(&mut stream, &mut buffer).await? {
            let (answer, is_last) = match request {
                Ok(request) => (self.answer(&request).await, false),
                Err(Broken) => ("PERM This is no netstring, or too long a one.".to_owned(), true),
            };
            self.shared.requests.fetch_add(1, Ordering::Relaxed);
            let deadline = Instant::now() + self.shared.config.request_timeout;
            timeout_at(deadline, stream.write_all(&netstring::write(&answer))).await??;
            if is_last {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The next request; none when the client has left, or should.
    async fn request(
        &mut self,
        stream: &mut (impl AsyncRead + Unpin),
        buffer: &mut Vec<u8>,
    ) -> io::Result<Option<Result<Vec<u8>, Broken>>> {
        let mut begun = !buffer.is_empty();
        let wait =
            |begun| if begun { self.shared.config.request_timeout } else { self.shared.idle_timeout() };
        let mut deadline = Instant::now() + wait(begun);
        loop {
            match netstring::read(buffer) {
                Netstring::Partial => {}
                Netstring::Broken => return Ok(Some(Err(Broken))),
                Netstring::Whole { octets, end } => {
                    let request = buffer[octets].to_vec();
                    buffer.drain(..end);
                    return Ok(Some(Ok(request)));
                }
            }
            if *self.stopped.borrow() && !begun {
                return Ok(None);
            }
            // No more than one request and the beginning of the next are kept.
            buffer.reserve(READ_LEN);
            let read = tokio::select! {
                read = timeout_at(deadline, stream.read_buf(buffer)) => read??,
                _ = self.stopped.changed(), if !begun => return Ok(None),
            };
            if read == 0 {
                return Ok(None);
            }
            if !begun {
                begun = true;
                deadline = Instant::now() + wait(begun);
            }
        }
    }

    async fn answer(&self, request: &[u8]) -> String {
        let Some((map, key)) = std::str::from_utf8(request).ok().and_then(|request| request.split_once(' '))
        else {
            // Octets that are not UTF-8 are no domain; a map without a key is a mistake of the client.
            let has_key = request.contains(&b' ');
            return if has_key {
                NOT_FOUND.to_owned()
            } else {
                "PERM Expected the name of a map, a space, and a key.".to_owned()
            };
        };
        let Some(destination) = Destination::parse(key) else { return NOT_FOUND.to_owned() };
        let zones = self.shared.zones();
        let zone = zones.zone(map);
        let answer = match self.shared.service.answer(&destination.domain).await {
            PolicyAnswer::Policy(policy) => self.tls_policy(&policy, &destination, zone).await,
            PolicyAnswer::None(_) => Ok(None),
            PolicyAnswer::Temporary(_) if zone.on_dns_failure == DnsFailureAnswer::NotFound => Ok(None),
            PolicyAnswer::Temporary(why) => Err((why.code(), why.to_string())),
        };
        match answer {
            Ok(Some(text)) => format!("OK {text}"),
            Ok(None) => NOT_FOUND.to_owned(),
            Err((code, text)) => {
                tracing::debug!(domain = %destination.domain, code, "answered that it is temporary");
                format!("TEMP {text} [{code}]")
            }
        }
    }

    async fn tls_policy(
        &self,
        policy: &Policy,
        destination: &Destination,
        zone: &Zone,
    ) -> Result<Option<String>, (&'static str, String)> {
        let Destination { domain, is_host } = destination;
        let told = if *is_host {
            postfix::tls_policy_for_hosts(policy, domain, &[domain.as_name().clone()], zone.form)
        } else if zone.match_names == MatchNames::MxHosts && policy.mode() == mta_sts_core::Mode::Enforce {
            let hosts = self
                .mx_hosts(domain.as_name())
                .await
                .map_err(|error| (error.code(), "The MX records could not be looked up.".to_owned()))?;
            postfix::tls_policy_for_hosts(policy, domain, &hosts, zone.form)
        } else {
            postfix::tls_policy(policy, domain, zone.form)
        };
        told.map_err(|error| (error.code(), error.to_string()))
    }

    /// The domain's MX hosts; the domain itself where it has no MX record (RFC 5321, 5.1).
    async fn mx_hosts(&self, domain: &DnsName) -> Result<Vec<DnsName>, DnsError> {
        match self.shared.service.resolver().dns().mx(domain.as_str()).await {
            Ok(answer) => {
                Ok(answer.hosts.iter().filter_map(|host| DnsName::parse(&host.exchange).ok()).collect())
            }
            Err(DnsError::NotFound(_)) => Ok(vec![domain.clone()]),
            Err(failed) => Err(failed),
        }
    }
}

/// What came was no netstring: what follows cannot be told from it.
struct Broken;

/// Postfix wants the space.
const NOT_FOUND: &str = "NOTFOUND ";
const READ_LEN: usize = 512;
