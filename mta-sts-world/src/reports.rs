//! What takes TLS reports (RFC 8460): the record that asks for them, hosts for mail, hosts for POSTs; and their faults.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What DNS says of the TLSRPT record of a domain, in place of what it says usually.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsrptAnswer {
    /// One TXT RR with this text.
    Record(String),
    /// The name does not exist.
    NoRecord,
    /// SERVFAIL.
    Failure,
    /// The question is never answered.
    Silence,
}

/// How an HTTPS host answers the POST of a TLS report (RFC 8460, 5.4), whatever the path.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReportHostBehaviour {
    /// 201: it has the report.
    Taken,
    /// The same, after this time.
    Slow(Duration),
    /// This status, and a short body.
    Status(u16),
    /// 307 to the same path at another host of this world.
    Redirect(String),
    /// The request is read and never answered.
    Hang,
}

/// What an MX host says to mail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum MailReception {
    /// It takes it.
    #[default]
    Taken,
    /// 451 to the first RCPT with this sender and this recipient; the next one is taken.
    Greylisting,
    /// 451 to RCPT.
    Deferred,
    /// 550 to RCPT.
    Refused,
    /// The message is read and never answered.
    Hang,
    /// The message is taken, and the connection is closed in place of the reply.
    ReplyLost,
}

/// What is so usually, unless a test has put something in its place until the next reset.
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

/// What an MX host says to mail, and whom it has told to come again.
#[derive(Debug)]
pub(crate) struct Reception {
    pub(crate) behaviour: Replaceable<MailReception>,
    greylisted: Mutex<BTreeSet<String>>,
}

impl Reception {
    pub(crate) fn new(usual: MailReception) -> Self {
        Self { behaviour: Replaceable::new(usual), greylisted: Mutex::default() }
    }

    /// The reply by which a recipient is refused, if it is.
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
