//! The error for a lookup that is rejected because too many are waiting.

/// The resource for which too many lookups are waiting, so that another one is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum BusyWith {
    /// DNS.
    #[error("Too many lookups are waiting for DNS.")]
    Dns,
    /// One address of Policy Hosts, or all Policy Hosts together.
    #[error("Too many lookups are waiting for the Policy Host's address, or for Policy Hosts.")]
    PolicyHost,
    /// All lookups together: see [`ServiceConfig::with_max_waiting`](crate::ServiceConfig::with_max_waiting).
    #[error("Too many lookups are waiting.")]
    Lookups,
}

impl BusyWith {
    /// The stable code: a kebab-case word.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Dns => "busy-dns",
            Self::PolicyHost => "busy-policy-host",
            Self::Lookups => "busy-lookups",
        }
    }
}
