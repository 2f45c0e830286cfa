//! The findings of a check, with their texts for the owner of a domain.
//!
//! Where a TLS report can contain the same fault, the fix is that of the core's hints.

use mta_sts_core::lint::Severity;
use mta_sts_core::tlsrpt::Hint;

/// A finding: something that the owner of a domain should know.
///
/// ```no_run
/// # fn show(check: &mta_sts_resolver::DomainCheck) {
/// for finding in check.findings() {
///     println!("{}: {} {}", finding.place(), finding.message(), finding.fix());
/// }
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckFinding {
    kind: CheckFindingKind,
    severity: Severity,
    place: String,
    message: String,
    owner: &'static str,
    effect: &'static str,
    fix: &'static str,
}

impl CheckFinding {
    /// The kind of the finding.
    pub fn kind(&self) -> CheckFindingKind {
        self.kind
    }

    /// The stable code: a kebab-case word.
    pub fn code(&self) -> &'static str {
        self.kind.code()
    }

    /// The severity. What is an error under a policy is a warning without one.
    pub fn severity(&self) -> Severity {
        self.severity
    }

    /// The host, the name, or the URL that it is about.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// What was observed, in a sentence or two.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The consequence.
    pub fn effect(&self) -> &'static str {
        self.effect
    }

    /// Who has to act.
    pub fn owner(&self) -> &'static str {
        self.owner
    }

    /// How to fix it.
    pub fn fix(&self) -> &'static str {
        self.fix
    }

    pub(super) fn new(kind: CheckFindingKind, place: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            kind,
            severity: kind.severity(),
            place: place.into(),
            message: message.into(),
            owner: kind.owner(),
            effect: kind.effect(),
            fix: kind.fix(),
        }
    }

    /// Changes the finding from a mail host to the policy host.
    pub(super) fn of_policy_host(mut self) -> Self {
        self.owner = POLICY_HOST;
        self.effect = match self.severity {
            Severity::Error => {
                "Senders cannot fetch the policy; those that have cached one keep it until it expires."
            }
            _ if self.kind == CheckFindingKind::CertificateExpiresSoon => {
                "From then on senders cannot fetch the policy."
            }
            _ => self.effect,
        };
        if self.kind == CheckFindingKind::CertificateHostMismatch {
            self.fix = Hint::POLICY_HOST_CERTIFICATE_HOST_MISMATCH.fix();
        }
        self
    }

    /// Limits the severity to a warning.
    pub(super) fn milder(mut self) -> Self {
        self.severity = self.severity.min(Severity::Warning);
        self
    }
}

macro_rules! kinds {
    ($($(#[$doc:meta])+ $name:ident = $code:literal, $severity:ident, $owner:expr, $effect:literal, $fix:expr;)+) => {
        /// The kind of a [`CheckFinding`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum CheckFindingKind {
            $($(#[$doc])+ $name,)+
        }

        impl CheckFindingKind {
            #[cfg(test)]
            const ALL: &[Self] = &[$(Self::$name,)+];

            /// The stable code: a kebab-case word.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)+ }
            }

            /// The severity if a policy applies.
            pub const fn severity(self) -> Severity {
                match self { $(Self::$name => Severity::$severity,)+ }
            }

            /// Who has to act.
            const fn owner(self) -> &'static str {
                match self { $(Self::$name => $owner,)+ }
            }

            /// The consequence.
            const fn effect(self) -> &'static str {
                match self { $(Self::$name => $effect,)+ }
            }

            /// How to fix it.
            const fn fix(self) -> &'static str {
                match self { $(Self::$name => $fix,)+ }
            }
        }
    };
}

const DNS: &str = "the operator of the domain's DNS";
const POLICY_HOST: &str = "the operator of the policy host";
const POLICY: &str = "the author of the policy";
const THIS_MACHINE: &str = "the operator of this machine";
const MAIL_HOST: &str = "the operator of the mail host";
const MAIL_DNS: &str = "the operator of the mail host's DNS";

kinds! {
    /// An alias leads to a name that does not exist.
    AliasDangling = "alias-dangling", Error, DNS,
        "Senders find no records there.",
        "Remove the CNAME record, or point it to a name that exists.";
    /// Aliases form a loop, or an overlong chain.
    AliasEndless = "alias-endless", Error, DNS,
        "Senders find no records there.",
        "Point the CNAME record to a name with records of its own.";
    /// The name servers of the domain give different answers.
    NameServersDisagree = "name-servers-disagree", Error, DNS,
        "What a sender sees depends on which name server it queries.",
        "Bring the zone on all name servers to the same state: look for a failed zone transfer, or an incomplete move from another provider.";
    /// A name server of the domain does not answer for it.
    NameServerFails = "name-server-fails", Warning, DNS,
        "Senders that query it are delayed, or find no records.",
        "Repair the name server, or remove it from the NS records.";
    /// DNSSEC validation of the domain fails.
    DnssecBogus = "dnssec-bogus", Warning, DNS,
        "Senders with a validating resolver get no records, and their mail waits.",
        Hint::DNSSEC_BOGUS.fix();
    /// There is no record at `_mta-sts`.
    NoRecord = "no-record", Error, DNS,
        "Senders know of no policy, so an attacker on the path can read the mail.",
        "Publish the policy first, then the TXT record `v=STSv1; id=1;` at `_mta-sts`.";
    /// The record could not be looked up.
    RecordLookupFailed = "record-lookup-failed", Warning, DNS,
        "Senders that have cached a policy keep it; others wait, or deliver without one.",
        Hint::RECORD_LOOKUP_FAILED.fix();
    /// The record has a long TTL.
    RecordTtlLong = "record-ttl-long", Info, DNS,
        "A new id, and so a new policy, reaches senders only after that time.",
        "Give the record a TTL of an hour to a day.";
    /// The policy host has no address.
    PolicyHostMissing = "policy-host-missing", Error, DNS,
        "Senders cannot fetch the policy, and deliver without one.",
        Hint::POLICY_HOST_NOT_FOUND.fix();
    /// The addresses of the policy host could not be looked up.
    PolicyHostLookupFailed = "policy-host-lookup-failed", Warning, DNS,
        "Senders cannot fetch the policy; those that have cached one keep it.",
        Hint::POLICY_HOST_LOOKUP_FAILED.fix();
    /// The policy host refuses connections, or cannot be reached.
    PolicyHostUnreachable = "policy-host-unreachable", Error, POLICY_HOST,
        "Senders cannot fetch the policy; those that have cached one keep it until it expires.",
        Hint::POLICY_HOST_UNREACHABLE.fix();
    /// The policy host did not respond in time.
    PolicyHostTimeout = "policy-host-timeout", Warning, POLICY_HOST,
        "Senders wait for up to a minute, and then deliver without a policy.",
        Hint::POLICY_HOST_TIMEOUT.fix();
    /// The TLS handshake with the policy host failed.
    PolicyHostTls = "policy-host-tls-failed", Error, POLICY_HOST,
        "Senders cannot fetch the policy; those that have cached one keep it until it expires.",
        Hint::POLICY_HOST_TLS_FAILED.fix();
    /// The policy host could not be contacted, because of a local fault.
    LocalFault = "local-fault", Warning, THIS_MACHINE,
        "This says nothing about the domain.",
        "Fix the network of this machine, or check from another machine.";
    /// The policy host does not respond with valid HTTP.
    PolicyHostProtocol = "policy-host-http-failed", Error, POLICY_HOST,
        "Senders cannot fetch the policy; those that have cached one keep it until it expires.",
        Hint::POLICY_HOST_PROTOCOL.fix();
    /// The body exceeds the limit of senders.
    PolicyTooLarge = "body-too-large", Error, POLICY,
        "Senders refuse it unread.",
        "Serve only the policy: a few lines of text.";
    /// The policy is served with a content coding.
    PolicyEncoded = "content-encoding", Error, POLICY_HOST,
        "Senders do not request a coding, and see an invalid policy.",
        "Switch compression off for this file.";
    /// The policy host responds with a redirect.
    PolicyRedirected = "http-redirect", Error, POLICY_HOST,
        "Senders must not follow it (RFC 8461, 3.3), and deliver without a policy.",
        "Serve the policy at its own URL; an alias (CNAME) of the host with a certificate for this name is fine.";
    /// One address of the policy host does not serve the policy.
    PolicyAddressFails = "policy-address-fails", Error, POLICY_HOST,
        "Senders that try this address first are delayed, or get no policy.",
        "Serve the policy there too, or remove the address from DNS.";
    /// The addresses of the policy host serve different policies.
    PolicyDiffers = "policy-differs", Error, POLICY_HOST,
        "Which policy a sender gets depends on the address to which it connects.",
        "Serve the same file at every address.";
    /// The policy has mode none.
    ModeNone = "mode-none", Warning, POLICY,
        "Senders deliver as if the domain had no MTA-STS. This is why the exit status is 1.",
        "This is correct while MTA-STS is being removed. Otherwise write `mode: testing`, later `mode: enforce`, and change the id.";
    /// The policy has mode testing.
    ModeTesting = "mode-testing", Info, POLICY,
        "Senders report failures, but deliver all the same.",
        "When the reports have shown no failures for some weeks, write `mode: enforce`, and change the id.";
    /// An `mx` line names a host that somebody else could register.
    PatternUnregistered = "mx-line-unregistered", Error, POLICY,
        "Anyone who registers that name can act as a mail host of the domain.",
        "Remove the line from the policy, and change the id of the record.";
    /// An `mx` line names a host without an address.
    PatternUnresolved = "mx-line-unresolved", Warning, POLICY,
        "No mail can be delivered there at present.",
        "Remove the line from the policy, or give the host an address.";
    /// An `mx` line covers no MX host.
    PatternIdle = "mx-line-without-mx", Info, POLICY,
        "It is harmless as long as the name belongs to you.",
        "Keep it for a future or a backup host; otherwise remove it.";
    /// The MX records could not be looked up.
    MxLookupFailed = "mx-lookup-failed", Warning, DNS,
        "Mail waits in the queues of the senders.",
        "Try again later; if it persists, contact the operator of the name servers.";
    /// A host appears in several MX records.
    MxDoubled = "mx-doubled", Info, DNS,
        "Senders may try it several times for nothing.",
        "Keep one MX record for the host.";
    /// An MX record names an alias.
    MxIsAlias = "mx-is-alias", Warning, DNS,
        "An MX record must name a host, not an alias (RFC 5321, 5.1): some senders refuse it.",
        "Name the host itself in the MX record, and include it in the policy and in its certificate.";
    /// The policy does not cover an MX host.
    MxMismatch = "mx-mismatch", Error, POLICY,
        "Senders with MTA-STS do not deliver to it in mode enforce.",
        Hint::MX_MISMATCH.fix();
    /// An MX record names something that is not a host name.
    MxInvalidName = "mx-invalid-name", Error, DNS,
        "No sender can use it.",
        "Name a host in the MX record, not an address.";
    /// An MX host has no address.
    MxWithoutAddress = "mx-without-address", Error, MAIL_DNS,
        "No mail can go there.",
        Hint::MX_WITHOUT_ADDRESS.fix();
    /// The addresses of an MX host could not be looked up.
    MxAddressLookupFailed = "mx-address-lookup-failed", Warning, MAIL_DNS,
        "Mail for it waits.",
        Hint::MX_ADDRESS_LOOKUP_FAILED.fix();
    /// An MX host cannot be reached.
    MxUnreachable = "mx-unreachable", Warning, MAIL_HOST,
        "Mail for it waits, or goes to another MX host.",
        Hint::MX_UNREACHABLE.fix();
    /// One address of an MX host cannot be reached.
    MxAddressUnreachable = "mx-address-unreachable", Warning, MAIL_HOST,
        "Senders that try this address first are delayed.",
        "Make the host listen there, or remove the address from DNS. From a machine without IPv6, no IPv6 address can be reached.";
    /// An MX host refuses the session.
    MxRefuses = "mx-refuses", Error, MAIL_HOST,
        "Its TLS could not be checked, and other senders may be refused too.",
        Hint::MX_REFUSES.fix();
    /// STARTTLS is not offered.
    StarttlsNotOffered = "starttls-not-offered", Error, MAIL_HOST,
        "Senders with MTA-STS do not deliver to it in mode enforce; all others send in clear text.",
        Hint::STARTTLS_NOT_OFFERED.fix();
    /// STARTTLS is offered and refused.
    StarttlsRefused = "starttls-refused", Error, MAIL_HOST,
        "Senders with MTA-STS do not deliver to it in mode enforce.",
        Hint::STARTTLS_REFUSED.fix();
    /// Clear text follows the response to STARTTLS.
    ClearTextAfterStarttls = "clear-text-after-starttls", Error, MAIL_HOST,
        "Careful senders end the session: an attacker can inject commands there.",
        Hint::CLEAR_TEXT_AFTER_STARTTLS.fix();
    /// The TLS handshake failed.
    TlsHandshakeFailed = "tls-handshake-failed", Error, MAIL_HOST,
        "Senders with MTA-STS do not deliver to it in mode enforce.",
        Hint::TLS_HANDSHAKE_FAILED.fix();
    /// TLS is older than 1.2.
    TlsTooOld = "tls-version-too-old", Error, MAIL_HOST,
        "Senders with MTA-STS do not deliver to it in mode enforce.",
        Hint::TLS_TOO_OLD.fix();
    /// The certificate cannot be parsed.
    CertificateMalformed = "certificate-malformed", Error, MAIL_HOST,
        "Senders with MTA-STS do not deliver to this host.",
        Hint::CERTIFICATE_MALFORMED.fix();
    /// The certificate has expired.
    CertificateExpired = "certificate-expired", Error, MAIL_HOST,
        "Senders with MTA-STS do not deliver to this host.",
        Hint::CERTIFICATE_EXPIRED.fix();
    /// The certificate is not valid yet.
    CertificateNotYetValid = "certificate-not-yet-valid", Error, MAIL_HOST,
        "Senders with MTA-STS do not deliver to this host.",
        Hint::CERTIFICATE_NOT_YET_VALID.fix();
    /// The certificate has been revoked.
    CertificateRevoked = "certificate-revoked", Error, MAIL_HOST,
        "Senders that check revocation refuse it.",
        Hint::CERTIFICATE_REVOKED.fix();
    /// The server does not send an intermediate certificate.
    ChainIncomplete = "chain-incomplete", Error, MAIL_HOST,
        "Web browsers fetch the missing certificate, mail servers do not: they do not trust the host.",
        Hint::CHAIN_INCOMPLETE.fix();
    /// The certificate is self-signed.
    CertificateSelfSigned = "certificate-self-signed", Error, MAIL_HOST,
        "Senders with MTA-STS only trust public CAs.",
        Hint::CERTIFICATE_SELF_SIGNED.fix();
    /// The certificate does not chain to a trusted root.
    CertificateNotTrusted = "certificate-not-trusted", Error, MAIL_HOST,
        "Senders with MTA-STS only trust public CAs.",
        Hint::CERTIFICATE_NOT_TRUSTED.fix();
    /// The certificate is for other names.
    CertificateHostMismatch = "certificate-host-mismatch", Error, MAIL_HOST,
        "Senders with MTA-STS do not deliver to this host.",
        Hint::CERTIFICATE_HOST_MISMATCH.fix();
    /// The certificate expires soon.
    CertificateExpiresSoon = "certificate-expires-soon", Warning, MAIL_HOST,
        "From then on senders with MTA-STS refuse the host.",
        Hint::CERTIFICATE_EXPIRES_SOON.fix();
    /// The certificates are sent in the wrong order.
    ChainDisordered = "chain-disordered", Info, MAIL_HOST,
        "Some old clients stumble over it.",
        "Put the server's own certificate first, then each issuer after what it issued.";
    /// A key or a signature is too weak.
    CertificateWeak = "certificate-weak", Warning, MAIL_HOST,
        "Newer TLS libraries refuse it.",
        Hint::CERTIFICATE_WEAK.fix();
    /// No TLSA record matches the certificate of the host.
    DaneMismatch = "dane-mismatch", Error, MAIL_DNS,
        "Senders with DANE do not deliver to it, whatever the policy says.",
        Hint::DANE_MISMATCH.fix();
    /// There are TLSA records, but no TLS.
    DaneWithoutTls = "dane-without-tls", Error, MAIL_HOST,
        "Senders with DANE do not deliver to it, whatever the policy says.",
        Hint::DANE_WITHOUT_TLS.fix();
    /// The DNSSEC validation of the TLSA records fails.
    DaneBogus = "dane-bogus", Error, MAIL_DNS,
        "Senders with DANE do not deliver to it, and wait.",
        Hint::DANE_BOGUS.fix();
    /// The TLSA records could not be looked up.
    DaneLookupFailed = "dane-lookup-failed", Warning, MAIL_DNS,
        "Senders with DANE wait until the lookup succeeds.",
        Hint::DANE_LOOKUP_FAILED.fix();
    /// None of the TLSA records is usable.
    DaneUnusable = "dane-unusable", Warning, MAIL_DNS,
        "Senders with DANE ignore them.",
        Hint::DANE_UNUSABLE.fix();
    /// There is no TLSRPT record.
    NoTlsrpt = "no-tlsrpt", Warning, DNS,
        "Nobody learns of TLS failures: senders have no address for reports.",
        "Publish the TXT record `v=TLSRPTv1; rua=mailto:ADDRESS` at `_smtp._tls`.";
    /// The TLSRPT record is unusable.
    TlsrptInvalid = "tlsrpt-invalid", Warning, DNS,
        "Senders have no address for reports, so nobody learns of failures.",
        "Publish one TXT record `v=TLSRPTv1; rua=mailto:ADDRESS` at `_smtp._tls`.";
    /// The TLSRPT record could not be looked up.
    TlsrptLookupFailed = "tlsrpt-lookup-failed", Info, DNS,
        "Reports are not sent until the lookup succeeds.",
        "Try again later; if it persists, contact the operator of the name servers.";
    /// Deprecated versions of TLS are accepted beside newer ones.
    DeprecatedTls = "deprecated-tls", Info, MAIL_HOST,
        "It does not affect senders with MTA-STS: they only offer TLS 1.2 or later. For a sender that supports nothing newer it is better \
         than clear text (RFC 7435), but weak and deprecated (RFC 8996), and internet.nl and testssl.sh count it against the host.",
        "Accept only TLS 1.2 and 1.3 (for Postfix: `smtpd_tls_protocols = >=TLSv1.2`), unless the log shows older clients whose mail would \
         then come in clear text.";
    /// The certificate of an MX host is not valid for clients without SNI.
    MxNeedsSni = "mx-certificate-needs-sni", Info, MAIL_HOST,
        "It does not affect senders with MTA-STS: they must send SNI, the name of the MX host (RFC 8461, 7.1). Old senders without SNI \
         that verify certificates refuse the host.",
        "Nothing needs fixing. To support old senders too, make the certificate for this name the default one of the mail server.";
    /// An MX host refuses clients without SNI.
    MxDemandsSni = "mx-demands-sni", Warning, MAIL_HOST,
        "A mail host must not demand SNI (RFC 8461, 7.1): senders with MTA-STS send it, but others without SNI deliver in clear text, \
         or not at all.",
        "Give the mail server a default certificate, for clients without SNI or with another name.";
    /// The certificate of the policy host is not valid for clients without SNI.
    PolicyHostNeedsSni = "policy-certificate-needs-sni", Info, POLICY_HOST,
        "It does not affect senders: they must send SNI, the name of the policy host (RFC 8461, 7.1), and a web server may rely on it.",
        "Nothing needs fixing. A tool that reports a wrong certificate here does not send SNI.";
    /// The record is at another name.
    RecordElsewhere = "record-elsewhere", Error, DNS,
        "Senders only look at `_mta-sts`, so they find no record, and deliver as if the domain had no MTA-STS.",
        "Move it to `_mta-sts`. In most DNS panels the name to enter is `_mta-sts` alone: the domain is appended.";
    /// The TLSRPT record is at another name.
    TlsrptElsewhere = "tlsrpt-elsewhere", Warning, DNS,
        "Senders only look at `_smtp._tls`, so nobody learns of TLS failures.",
        "Move it to `_smtp._tls`. In most DNS panels the name to enter is `_smtp._tls` alone: the domain is appended.";
    /// The record at `_mta-sts` is that of a wildcard.
    RecordWildcard = "record-wildcard", Warning, DNS,
        "Either the domain has no record of its own, or senders look for a policy of each of its subdomains too.",
        "Publish a TXT record at `_mta-sts` itself, and no `v=STSv1` at the wildcard.";
    /// The addresses of the policy host are those of a wildcard.
    PolicyHostWildcard = "policy-host-wildcard", Info, DNS,
        "The policy is requested from whatever server the wildcard names, often a web site with another certificate.",
        "Give `mta-sts` an address record, or an alias, of its own.";
    /// Either the record or the policy host is an alias of a name elsewhere, and the other is not.
    DelegatedInPart = "delegated-in-part", Info, POLICY,
        "The policy and its id are then changed in two places: senders that compare ids do not notice a change of the policy alone.",
        "Make both names aliases of names at the provider, or change the id whenever the provider changes the policy.";
    /// The MX records have a long TTL.
    MxTtlLong = "mx-ttl-long", Info, DNS,
        "Senders use the old MX hosts for that time after a change.",
        "Give the MX records a TTL of an hour to a day.";
}

impl CheckFindingKind {
    /// Returns whether it may disappear by itself at the next attempt.
    pub const fn may_pass(self) -> bool {
        matches!(
            self,
            Self::LocalFault
                | Self::RecordLookupFailed
                | Self::PolicyHostLookupFailed
                | Self::PolicyHostTimeout
                | Self::MxLookupFailed
                | Self::MxAddressLookupFailed
                | Self::MxUnreachable
                | Self::MxAddressUnreachable
                | Self::DaneLookupFailed
                | Self::TlsrptLookupFailed
        )
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use mta_sts_core::tlsrpt::Hint;

    use super::CheckFindingKind;

    #[test]
    fn what_reports_tell_of_too_is_mended_in_the_same_way() {
        for kind in CheckFindingKind::ALL {
            if let Some(hint) = Hint::ALL.iter().find(|hint| hint.code() == kind.code()) {
                assert_eq!(kind.fix(), hint.fix(), "{}", kind.code());
            }
        }
    }

    #[test]
    fn each_kind_has_a_code_of_its_own_and_sentences() {
        let codes: BTreeSet<_> = CheckFindingKind::ALL.iter().map(|kind| kind.code()).collect();
        assert_eq!(codes.len(), CheckFindingKind::ALL.len());
        for kind in CheckFindingKind::ALL {
            for sentence in [kind.effect(), kind.fix()] {
                assert!(sentence.ends_with('.'), "{sentence}");
            }
        }
    }
}
