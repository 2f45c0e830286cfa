//! Why a lookup is not made now.

/// Whom too many lookups wait for, so that another one is not made now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum BusyWith {
    /// DNS.
    #[error("Too many lookups wait for DNS.")]
    Dns,
    /// The address of the Policy Host, or Policy Hosts in all.
    #[error("Too many lookups wait for the Policy Host's address, or for Policy Hosts.")]
    PolicyHost,
    /// Lookups in all: see [`ServiceConfig::with_max_waiting`](crate::ServiceConfig::with_max_waiting).
    #[error("Too many lookups wait.")]
    Lookups,
}

impl BusyWith {
    /// The stable kebab-case word.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Dns => "busy-dns",
            Self::PolicyHost => "busy-policy-host",
            Self::Lookups => "busy-lookups",
        }
    }
}
