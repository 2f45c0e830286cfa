//! The daemon's end of its control socket.

use std::io;
use std::time::Duration;

use mta_sts_core::{Policy, PolicyDomain};
use mta_sts_resolver::{DaneCoverage, DomainEvent, PolicyAnswer, PolicyService, Purge, RefreshError};
use mtasts_socketmap::{Explanation, SocketmapServer};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::timeout;

use super::super::control::{
    Envelope, Explained, ExplainedEvent, MAX_REQUEST_LINE, Refreshed, Refusal, Request, VERSION, Which,
};
use super::super::daemons::serve_for_ever;
use super::super::remembered::Remembered;

/// Handles the requests of operators.
#[derive(Clone, Debug)]
pub(super) struct Control {
    server: SocketmapServer,
    service: PolicyService,
}

impl Control {
    pub(super) fn new(server: SocketmapServer, service: PolicyService) -> Self {
        Self { server, service }
    }

    /// Serves for as long as the future is polled, with a few concurrent clients.
    pub(super) async fn serve_for_ever(self, listener: UnixListener) {
        let accept = async || listener.accept().await.map(|(stream, _)| stream);
        let converse = |stream| {
            let control = self.clone();
            async move {
                if let Err(error) = control.converse(stream).await {
                    tracing::debug!(%error, "a client of the control socket was disconnected");
                }
            }
        };
        serve_for_ever("the control socket", MAX_CLIENTS, accept, converse).await;
    }

    /// Serves until the client disconnects, or is idle for too long.
    async fn converse(&self, stream: UnixStream) -> io::Result<()> {
        let (requests, mut answers) = stream.into_split();
        let mut requests = BufReader::new(requests);
        loop {
            let mut line = Vec::new();
            let mut limited = (&mut requests).take(MAX_REQUEST_LINE);
            let read = timeout(IDLE_TIMEOUT, limited.read_until(b'\n', &mut line)).await;
            if read.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))? == 0 {
                return Ok(());
            }
            let is_whole = line.ends_with(b"\n");
            let request = if is_whole {
                request(&line)
            } else {
                Err(unreadable("The line is incomplete, or too long."))
            };
            match request {
                Ok(Request::Dump) => self.dump(&mut answers).await?,
                Ok(request) => {
                    let answer = self.answer(request).await;
                    send(&mut answers, &answer.unwrap_or_else(|refusal| refused(&refusal))).await?;
                }
                Err(refusal) => send(&mut answers, &refused(&refusal)).await?,
            }
            if !is_whole {
                return Ok(());
            }
        }
    }

    async fn answer(&self, request: Request) -> Result<Value, Refusal> {
        Ok(match request {
            Request::Explain { key, zone } => {
                let explanation = self.server.explain(&zone, &key).await;
                json!({ "version": VERSION, "explanation": explained(key, zone, explanation) })
            }
            Request::Purge { which } => {
                let purge = match which {
                    Which::Domain(domain) => Purge::Domain(parsed(&domain)?),
                    Which::Expired => Purge::Expired,
                    Which::All => Purge::All,
                };
                let purged = self.service.purge(purge).await.map_err(|error| {
                    refusal(
                        error.code(),
                        &format!("The store: {error}. The entries are gone from memory, but may still be in the store."),
                    )
                })?;
                tracing::info!(domains = purged, "purged at the request of an operator");
                json!({ "version": VERSION, "purged": purged })
            }
            Request::Refresh { domain } => {
                let domain = parsed(&domain)?;
                let refreshed = self.service.refresh(&domain).await;
                json!({ "version": VERSION, "refreshed": told(&domain, refreshed) })
            }
            // It has many lines.
            Request::Dump => Value::Null,
        })
    }

    async fn dump(&self, answers: &mut (impl AsyncWriteExt + Unpin)) -> io::Result<()> {
        let mut entries: u64 = 0;
        for domain in self.service.domains() {
            // The entry may be gone by now.
            let Some(entry) = self.service.entry(&domain).await else { continue };
            send(answers, &json!({ "domain": domain.as_str(), "entry": entry.to_text(&domain) })).await?;
            entries += 1;
        }
        send(answers, &json!({ "version": VERSION, "entries": entries })).await
    }
}

/// Parses a line.
fn request(line: &[u8]) -> Result<Request, Refusal> {
    let value: Value = serde_json::from_slice(line).map_err(|error| unreadable(&error.to_string()))?;
    match value["version"].as_u64() {
        Some(version) if version == u64::from(VERSION) => {}
        _ => return Err(refusal("unknown-version", &format!("This daemon speaks version {VERSION}."))),
    }
    let envelope: Envelope = serde_json::from_value(value).map_err(|error| unreadable(&error.to_string()))?;
    Ok(envelope.request)
}

fn parsed(domain: &str) -> Result<PolicyDomain, Refusal> {
    PolicyDomain::parse(domain).map_err(|error| refusal(error.code(), error.kind().message()))
}

fn explained(key: String, zone: String, explanation: Explanation) -> Explained {
    let (mode, no_policy) = match &explanation.policy {
        Some(PolicyAnswer::Policy(policy)) => (Some(policy.mode().to_string()), None),
        Some(PolicyAnswer::None(why)) => (None, Some(why.code().to_owned())),
        Some(PolicyAnswer::Temporary(why)) => (None, Some(why.code().to_owned())),
        None => (None, None),
    };
    let dane = explanation.dane.as_ref().map(|dane| match dane {
        Ok(DaneCoverage::EveryHost) => "every-host",
        Ok(DaneCoverage::SomeHosts) => "some-hosts",
        Ok(DaneCoverage::NoHost) => "no-host",
        Err(error) => error.code(),
    });
    Explained {
        at: explanation.at.as_secs(),
        key,
        zone,
        default_zone: explanation.is_default_zone,
        reason: explanation.to_string(),
        overridden: explanation.is_overridden,
        mode,
        no_policy,
        dane: dane.map(str::to_owned),
        entry: explanation.entry.as_ref().map(|entry| Remembered::of(entry, explanation.at)),
        events: explanation.events.iter().take(MAX_EVENTS).map(event).collect(),
        domain: explanation.domain.map(|domain| domain.to_string()),
        answer: explanation.answer,
    }
}

fn event(event: &DomainEvent) -> ExplainedEvent {
    ExplainedEvent {
        at: event.at.as_secs(),
        kind: event.kind.code().to_owned(),
        code: event.code.to_owned(),
        cause: event.cause.clone(),
    }
}

fn told(domain: &PolicyDomain, refreshed: Result<Policy, RefreshError>) -> Refreshed {
    let (policy, cause) = match refreshed {
        Ok(policy) => (Some(policy), None),
        Err(RefreshError { answer: PolicyAnswer::Policy(policy), cause, .. }) => (Some(policy), Some(cause)),
        Err(RefreshError { cause, .. }) => (None, Some(cause)),
    };
    Refreshed {
        domain: domain.to_string(),
        fetched: cause.is_none(),
        cause,
        mode: policy.map(|policy| policy.mode().to_string()),
    }
}

fn refusal(code: &str, message: &str) -> Refusal {
    Refusal { code: code.to_owned(), message: message.to_owned() }
}

fn unreadable(message: &str) -> Refusal {
    refusal("unreadable-request", message)
}

fn refused(refusal: &Refusal) -> Value {
    json!({ "version": VERSION, "error": refusal })
}

async fn send(answers: &mut (impl AsyncWriteExt + Unpin), answer: &Value) -> io::Result<()> {
    let line = format!("{answer}\n");
    let written = timeout(WRITE_TIMEOUT, answers.write_all(line.as_bytes())).await;
    written.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

const MAX_CLIENTS: usize = 8;
const MAX_EVENTS: usize = 16;
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
