//! Receivers of TLS reports (RFC 8460): the record that requests them, mail hosts, HTTPS hosts, and their faults.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A replacement for the DNS response about the TLSRPT record of a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsrptAnswer {
    /// One TXT RR with this text.
    Record(String),
    /// The name does not exist.
    NoRecord,
    /// SERVFAIL.
    Failure,
    /// No response is sent.
    Silence,
}

/// The response of an HTTPS host to the POST of a TLS report (RFC 8460, 5.4), for any path.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReportHostBehaviour {
    /// 201: the report is accepted.
    Taken,
    /// 201 after this delay.
    Slow(Duration),
    /// This status, and a short body.
    Status(u16),
    /// 307 to the same path at another host of this world.
    Redirect(String),
    /// The request is read, and no response is sent.
    Hang,
}

/// The response of an MX host to mail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum MailReception {
    /// The mail is accepted.
    #[default]
    Taken,
    /// 451 to the first RCPT with a given sender and recipient; the next one is accepted.
    Greylisting,
    /// 451 to RCPT.
    Deferred,
    /// 550 to RCPT.
    Refused,
    /// The message is read, and no reply is sent.
    Hang,
    /// The message is accepted, and the connection is closed instead of a reply.
    ReplyLost,
}

/// A default value that a test can replace until the next reset.
#[derive(Debug, Default)]
pub(crate) struct Replaceable<T> {
    usual: T,
    instead: Mutex<Option<T>>,
}

impl<T: Clone> Replaceable<T> {
    pub(crate) fn new(usual: T) -> Self {
        Self { usual, instead: Mutex::new(None) }
    }

    pub(crate) fn now(&self) -> T {
        lock(&self.instead).clone().unwrap_or_else(|| self.usual.clone())
    }

    pub(crate) fn replace(&self, instead: T) {
        *lock(&self.instead) = Some(instead);
    }

    pub(crate) fn reset(&self) {
        *lock(&self.instead) = None;
    }
}

/// The response of an MX host to mail, and the senders that it has deferred.
#[derive(Debug)]
pub(crate) struct Reception {
    pub(crate) behaviour: Replaceable<MailReception>,
    greylisted: Mutex<BTreeSet<String>>,
}

impl Reception {
    pub(crate) fn new(usual: MailReception) -> Self {
        Self { behaviour: Replaceable::new(usual), greylisted: Mutex::default() }
    }

    /// The reply that rejects a recipient, if any.
    pub(crate) fn refusal(&self, mail_from: &str, mailbox: &str) -> Option<&'static str> {
        match self.behaviour.now() {
            MailReception::Greylisting => {
                let mut greylisted = lock(&self.greylisted);
                let is_new =
                    greylisted.len() < MAX_GREYLISTED && greylisted.insert(format!("{mail_from} {mailbox}"));
                is_new.then_some("451 4.7.1 greylisted, come again")
            }
            MailReception::Deferred => Some("451 4.3.0 not now"),
            MailReception::Refused => Some("550 5.7.1 not wanted"),
            MailReception::Taken | MailReception::Hang | MailReception::ReplyLost => None,
        }
    }

    pub(crate) fn reset(&self) {
        self.behaviour.reset();
        lock(&self.greylisted).clear();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each change is one assignment, so a panic elsewhere leaves nothing half done.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

const MAX_GREYLISTED: usize = 4096;
