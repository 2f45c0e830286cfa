//! The faults of ordering a certificate, and what is to be done about them.

use std::fmt;

use instant_acme::Error;

/// The reason why an order failed.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    pub(super) kind: FaultKind,
    detail: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum FaultKind {
    /// The CA cannot be reached, or does not speak ACME.
    Unreachable,
    /// The CA says that it cannot work now.
    CaFailure,
    /// The CA refuses a nonce again and again.
    Nonce,
    RateLimited,
    /// The CA does not know the account.
    AccountUnknown,
    /// The CA refuses the account.
    AccountRefused,
    TermsOfService,
    /// The CA wants an account that was made elsewhere, or refuses the one that was given.
    ExternalAccount,
    /// The state folder cannot be written.
    State,
    /// What the CA issues has nearly ended by the clock of this machine.
    Clock,
    /// The CA could not see that this server answers for the name.
    Challenge,
    /// The CA does not issue for the name.
    Name,
    /// The certificate from the CA cannot be used.
    Certificate,
}

/// What an order was doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Opening or making the account.
    Account,
    /// Making an account that belongs to one that was made elsewhere (RFC 8555, 7.3.4).
    Binding,
    /// Making the order.
    Order,
    /// All that comes after.
    Name,
}

impl Fault {
    pub(super) fn new(kind: FaultKind, detail: impl fmt::Display) -> Self {
        Self {
            kind,
            detail: detail.to_string().chars().filter(|letter| !letter.is_control()).take(500).collect(),
        }
    }

    pub(super) fn of(error: &Error, stage: Stage) -> Self {
        let kind = match error {
            Error::Api(problem) => {
                let code = problem.r#type.as_deref().unwrap_or_default();
                match code.rsplit(':').next().unwrap_or_default() {
                    "badNonce" => FaultKind::Nonce,
                    "rateLimited" => FaultKind::RateLimited,
                    "accountDoesNotExist" => FaultKind::AccountUnknown,
                    "externalAccountRequired" => FaultKind::ExternalAccount,
                    "userActionRequired" => FaultKind::TermsOfService,
                    "serverInternal" => FaultKind::CaFailure,
                    _ if problem.status.is_some_and(|status| status >= 500) => FaultKind::CaFailure,
                    "unauthorized" | "malformed" | "badPublicKey" | "badSignatureAlgorithm"
                        if stage == Stage::Binding =>
                    {
                        FaultKind::ExternalAccount
                    }
                    "unauthorized" if stage != Stage::Name => FaultKind::AccountRefused,
                    _ if matches!(stage, Stage::Account | Stage::Binding) => FaultKind::AccountRefused,
                    "malformed" if stage == Stage::Order => FaultKind::Name,
                    "rejectedIdentifier" | "caa" | "unsupportedIdentifier" => FaultKind::Name,
                    _ => FaultKind::Challenge,
                }
            }
            Error::Timeout(_) => FaultKind::CaFailure,
            Error::Str("invalid order state") => FaultKind::Challenge,
            _ => FaultKind::Unreachable,
        };
        Self::new(kind, error)
    }
}

impl FaultKind {
    /// Whether it concerns all names, so that no other order is made now.
    pub(super) const fn concerns_all(self) -> bool {
        !matches!(self, Self::Challenge | Self::Name | Self::Certificate)
    }

    /// Whether the order was never made, so that the name has nothing to wait for.
    pub(super) const fn is_before_the_order(self) -> bool {
        matches!(self, Self::Unreachable | Self::State)
    }

    /// The stable kebab-case word.
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::Unreachable => "ca-unreachable",
            Self::CaFailure => "ca-failure",
            Self::Nonce => "nonce",
            Self::RateLimited => "rate-limited",
            Self::AccountUnknown => "account-unknown",
            Self::AccountRefused => "account-refused",
            Self::TermsOfService => "terms-of-service",
            Self::ExternalAccount => "external-account",
            Self::State => "state",
            Self::Clock => "clock",
            Self::Challenge => "challenge",
            Self::Name => "name",
            Self::Certificate => "certificate",
        }
    }

    /// What the operator can do.
    pub(super) const fn remedy(self) -> &'static str {
        match self {
            Self::Unreachable => {
                "check `directory`, DNS, and that a firewall lets HTTPS out; orders are tried again"
            }
            Self::CaFailure | Self::Nonce => "nothing: it is the CA's fault, and orders are tried again",
            Self::RateLimited => {
                "nothing: orders wait, and are tried again; the CA can raise the limit of an account"
            }
            Self::AccountUnknown => "nothing: a new account is made",
            Self::AccountRefused => {
                "ask the CA whether the account is locked; or remove account.json in the state folder, and a new account is made at the next attempt"
            }
            Self::TermsOfService => "the terms of the CA have changed: read and accept them as it says",
            Self::ExternalAccount => {
                "set `eab-key-id` and `eab-key-file` to what the CA gives for its external account binding; it may have to be a new key for each account"
            }
            Self::State => "free some of the disk, and check the owner of the state folder",
            Self::Clock => "set the clock of this machine",
            Self::Challenge => {
                "the name has to lead to this server, with every address it has, and port 443 has to be reachable from everywhere"
            }
            Self::Name => "the CA refuses this name: look at its CAA records",
            Self::Certificate => "ask the CA",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(code: &str, status: u16, stage: Stage) -> FaultKind {
        let problem = serde_json::json!({
            "type": format!("urn:ietf:params:acme:error:{code}"),
            "status": status,
            "detail": "line\r\nline",
        });
        let fault = Fault::of(&Error::Api(serde_json::from_value(problem).unwrap()), stage);
        assert!(!fault.to_string().contains('\n'), "{fault}");
        fault.kind
    }

    #[test]
    fn what_the_ca_says_is_told_with_whom_it_concerns() {
        use Stage::{Account, Binding, Name, Order};
        for (code, status, stage, expected) in [
            ("badNonce", 400, Name, FaultKind::Nonce),
            ("rateLimited", 429, Order, FaultKind::RateLimited),
            ("accountDoesNotExist", 400, Order, FaultKind::AccountUnknown),
            ("unauthorized", 403, Order, FaultKind::AccountRefused),
            ("unauthorized", 403, Name, FaultKind::Challenge),
            ("unauthorized", 403, Account, FaultKind::AccountRefused),
            ("invalidContact", 400, Account, FaultKind::AccountRefused),
            ("userActionRequired", 403, Order, FaultKind::TermsOfService),
            ("externalAccountRequired", 403, Account, FaultKind::ExternalAccount),
            ("unauthorized", 403, Binding, FaultKind::ExternalAccount),
            ("malformed", 400, Binding, FaultKind::ExternalAccount),
            ("invalidContact", 400, Binding, FaultKind::AccountRefused),
            ("rateLimited", 429, Binding, FaultKind::RateLimited),
            ("serverInternal", 500, Name, FaultKind::CaFailure),
            ("other", 503, Account, FaultKind::CaFailure),
            ("rejectedIdentifier", 400, Order, FaultKind::Name),
            ("malformed", 400, Order, FaultKind::Name),
            ("caa", 403, Name, FaultKind::Name),
            ("connection", 400, Name, FaultKind::Challenge),
            ("dns", 400, Name, FaultKind::Challenge),
        ] {
            assert_eq!(kind(code, status, stage), expected, "{code} {stage:?}");
            assert!(!expected.remedy().is_empty() && !expected.code().is_empty());
        }
        let names_alone = [FaultKind::Challenge, FaultKind::Name, FaultKind::Certificate];
        assert!(names_alone.iter().all(|kind| !kind.concerns_all()));
        assert!(FaultKind::RateLimited.concerns_all() && !FaultKind::RateLimited.is_before_the_order());
        assert_eq!(Fault::of(&Error::Timeout(None), Name).kind, FaultKind::CaFailure);
    }
}
