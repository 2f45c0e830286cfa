use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};

/// One recipient domain, its fault, and the outcome of delivery with and without MTA-STS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Scenario {
    /// A kebab-case word, also the first label of the domain.
    pub name: String,
    /// A few words.
    pub title: String,
    /// One sentence.
    pub story: String,
    /// The Policy Domain, used by this scenario alone.
    pub domain: String,
    /// A mailbox in that domain.
    pub recipient: String,
    /// Whether the sender must have fetched the policy in state [`State::Calm`] before the switch to [`State::Attack`].
    pub needs_cached_policy: bool,
    /// The state after the start and after a reset: calm where a policy must be cached first.
    pub initial: State,
    /// Whether the message has the header field `TLS-Required: No` (RFC 8689, 5).
    pub tls_required_no: bool,
    /// The outcome of delivery in state [`State::Attack`].
    pub expected: Expected,
}

/// Whether the fault of a scenario is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Everything is as the owner of the domain intended.
    Calm,
    /// The fault or the attack is in force.
    Attack,
}

/// The outcomes for two senders.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Expected {
    /// A sender with opportunistic STARTTLS (RFC 7435), which verifies no certificate.
    pub opportunistic: Delivery,
    /// A sender that honours MTA-STS.
    pub mta_sts: MtaStsOutcome,
}

/// The behaviour of a sender that honours MTA-STS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MtaStsOutcome {
    /// The destination of the message.
    pub delivery: Delivery,
    /// The source of the policy.
    pub policy: PolicySource,
    /// The mode of that policy.
    pub mode: Option<Mode>,
    /// The failures in the TLSRPT report (RFC 8460), provided that the sender queries the TXT record again
    /// after a switch; a sender within the TTL of its last answer does not count `sts-policy-fetch-error`.
    pub reports: Vec<Report>,
}

/// The final destination of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "result", rename_all = "kebab-case")]
pub enum Delivery {
    /// At an MX host.
    Delivered {
        /// The name in the MX record.
        mx: String,
        /// The transport of the message.
        channel: Channel,
        /// The parties that could read it.
        read_by: Reader,
    },
    /// In the sender's queue.
    Deferred,
}

/// The protection of a message in transit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Channel {
    /// Without TLS.
    Clear,
    /// With TLS to an unauthenticated host.
    Encrypted,
    /// With TLS to the host whose certificate was validated.
    Authenticated,
}

/// The parties that could read a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reader {
    /// The recipient only.
    Recipient,
    /// The attacker, and possibly the recipient.
    Attacker,
}

/// The source of the applied policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "source", rename_all = "kebab-case")]
pub enum PolicySource {
    /// There is no policy.
    None {
        /// The reason.
        why: WhyNone,
    },
    /// From the sender's cache.
    Cached,
    /// From the Policy Host, for this message.
    Fetched,
}

/// The reason why there is no policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum WhyNone {
    NoRecord,
    InvalidRecord,
    SeveralRecords,
    DnsFailed,
    FetchFailed,
    BackingOff,
    LocalFault,
}

/// The mode of a policy (RFC 8461, 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum Mode {
    Enforce,
    Testing,
    None,
}

/// One failure in a TLSRPT report (RFC 8460, 4.4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The policy under which it is counted.
    pub policy_type: PolicyType,
    /// The result type.
    pub result_type: ResultType,
    /// `failure-reason-code`, if this world expects a specific one.
    pub reason_code: Option<String>,
    /// The MX host, for failures of a session.
    pub mx: Option<String>,
}

/// RFC 8460, 4.4: `policy-type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum PolicyType {
    Sts,
    NoPolicyFound,
}

/// RFC 8460, 4.3: `result-type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum ResultType {
    StarttlsNotSupported,
    CertificateHostMismatch,
    CertificateExpired,
    CertificateNotTrusted,
    ValidationFailure,
    StsPolicyFetchError,
    StsPolicyInvalid,
    StsWebpkiInvalid,
}

/// The current state of every scenario, by its number.
#[derive(Debug)]
pub(crate) struct States {
    attack: Vec<AtomicBool>,
}

impl States {
    pub(crate) fn new(scenarios: &[Scenario]) -> Self {
        let states = Self { attack: scenarios.iter().map(|_| AtomicBool::new(false)).collect() };
        states.reset(scenarios);
        states
    }

    pub(crate) fn get(&self, scenario: usize) -> State {
        if self.attack[scenario].load(Ordering::SeqCst) { State::Attack } else { State::Calm }
    }

    pub(crate) fn set(&self, scenario: usize, state: State) {
        self.attack[scenario].store(state == State::Attack, Ordering::SeqCst);
    }

    pub(crate) fn reset(&self, scenarios: &[Scenario]) {
        for (number, scenario) in scenarios.iter().enumerate() {
            self.set(number, scenario.initial);
        }
    }
}

/// The states in which a record or a behaviour is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    Always,
    During(usize, State),
}

impl When {
    pub(crate) fn holds(self, states: &States) -> bool {
        match self {
            Self::Always => true,
            Self::During(scenario, state) => states.get(scenario) == state,
        }
    }
}

/// A value that depends on the state of its scenario.
#[derive(Clone, Debug)]
pub(crate) struct Staged<T> {
    pub(crate) scenario: Option<usize>,
    pub(crate) calm: T,
    pub(crate) attack: T,
}

impl<T> Staged<T> {
    pub(crate) fn now(&self, states: &States) -> &T {
        match self.scenario.map(|scenario| states.get(scenario)) {
            Some(State::Attack) => &self.attack,
            Some(State::Calm) | None => &self.calm,
        }
    }

    pub(crate) fn map<U>(&self, make: impl Fn(&T) -> U) -> Staged<U> {
        Staged { scenario: self.scenario, calm: make(&self.calm), attack: make(&self.attack) }
    }

    pub(crate) fn try_map<U, E>(&self, mut make: impl FnMut(&T) -> Result<U, E>) -> Result<Staged<U>, E> {
        Ok(Staged { scenario: self.scenario, calm: make(&self.calm)?, attack: make(&self.attack)? })
    }
}
