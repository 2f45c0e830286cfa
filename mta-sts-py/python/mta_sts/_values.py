"""Values returned by the package: frozen, compared by content, and usable with `match`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Union

from . import _literals as literal
from ._words import (
    DaneState,
    Mode,
    NoPolicyReason,
    PolicySource,
    PolicyType,
    RecordCheck,
    ResultType,
    SessionFault,
    Severity,
)

if TYPE_CHECKING:
    from ._core import CacheEntry, CacheUpdate, DnsName, MxVerdict, Policy, PolicyDomain


@dataclass(frozen=True, slots=True)
class QueryTxt:
    """Query DNS for the TXT records of this name, which is absolute."""

    name: str


@dataclass(frozen=True, slots=True)
class FetchPolicy:
    """Fetch this URL over HTTPS, with a certificate valid for `host`, and without redirects and HTTP caches.

    The time limit for everything is `timeout` seconds; for a body longer than `max_body_len` octets, answer with the
    failure `body-too-large`.
    """

    url: str
    host: str
    timeout: float
    max_body_len: int


@dataclass(frozen=True, slots=True)
class Done:
    """No further query is needed."""

    outcome: Outcome


Output = Union[QueryTxt, FetchPolicy, Done]


@dataclass(frozen=True, slots=True)
class AppliedPolicy:
    """The policy that applies; `expires_at` is the last second in which it is in force."""

    policy: Policy
    source: PolicySource
    id: str
    expires_at: int


@dataclass(frozen=True, slots=True)
class NoPolicy:
    """The reason why no policy applies. `cause` is the code of the error, `until` the time of the next fetch.

    The mail is sent as if the domain had no MTA-STS. It waits after `dns-failed`, since an attacker may be the
    cause, and after `local-fault`, since the sender is at fault: see `Outcome.is_known`.
    """

    reason: NoPolicyReason
    cause: literal.CauseCode | None
    until: int | None
    message: str = field(compare=False)

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True, slots=True)
class PolicyFailure:
    """A failure of policy discovery, which TLSRPT counts under policy type `sts`."""

    result_type: ResultType
    reason_code: literal.FailureCode
    received_lines: list[str] = field(hash=False)


@dataclass(frozen=True, slots=True)
class Alert:
    """A policy could not be refreshed, `failures` times in a row; the cached one protects mail until `expires_at`."""

    fault: literal.FetchFaultCode
    failures: int
    expires_at: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a lookup."""

    applied: AppliedPolicy | NoPolicy
    """The policy to apply, or the reason why there is none."""
    cache_update: CacheUpdate = field(hash=False)
    """The change to the cache: apply it to the entry that the store holds by now."""
    failure: PolicyFailure | None
    """The failure to count in TLSRPT (RFC 8461, 6)."""
    alert: Alert | None
    """The alert for the administrator."""
    record_check: RecordCheck = RecordCheck.NOT_MADE
    """Whether the domain was queried for a newer policy: for `Delivery.recheck`."""

    @property
    def policy(self) -> Policy | None:
        """The policy to apply, if there is one. Its mode may be testing or none."""
        return self.applied.policy if isinstance(self.applied, AppliedPolicy) else None

    @property
    def mode(self) -> Mode | None:
        """The mode of the policy that applies; `None` if none does."""
        return self.applied.policy.mode if isinstance(self.applied, AppliedPolicy) else None

    @property
    def id(self) -> str | None:
        """The id of the record of the policy that applies; `None` if none does."""
        return self.applied.id if isinstance(self.applied, AppliedPolicy) else None

    @property
    def source(self) -> PolicySource | None:
        """The origin of the policy that applies; `None` if none does."""
        return self.applied.source if isinstance(self.applied, AppliedPolicy) else None

    @property
    def no_policy(self) -> NoPolicy | None:
        """The reason why no policy applies."""
        return self.applied if isinstance(self.applied, NoPolicy) else None

    @property
    def is_known(self) -> bool:
        """Whether it is known if a policy applies; if not, the mail waits."""
        return self.no_policy is None or self.no_policy.reason not in (
            NoPolicyReason.DNS_FAILED,
            NoPolicyReason.LOCAL_FAULT,
        )


@dataclass(frozen=True, slots=True)
class Absence:
    """A remembered absence: the domain had no usable record, and is not queried again before `until`."""

    reason: literal.RecordCode
    until: int


@dataclass(frozen=True, slots=True)
class BackOff:
    """A back-off: the policy of this record id is not fetched again before `until`."""

    id: str
    until: int


@dataclass(frozen=True, slots=True)
class Evicted:
    """An entry that was evicted from a full cache."""

    domain: PolicyDomain
    entry: CacheEntry


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding about a published text: `span` in octets, `line` from 1."""

    code: literal.FindingCode
    number: int
    severity: Severity
    span: tuple[int, int]
    line: int
    message: str
    senders: str
    help: str

    def __str__(self) -> str:
        return f"{self.severity}[{self.code}]: {self.message}"


@dataclass(frozen=True, slots=True)
class Mailto:
    """Send TLS reports by mail: `address` can be used in a header field."""

    address: str


@dataclass(frozen=True, slots=True)
class Https:
    """POST TLS reports to this URL. Its host is untrusted."""

    url: str


@dataclass(frozen=True, slots=True)
class MxHost:
    """A host of the MX list, with what DNS says about DANE for it, and whether DNSSEC authenticates its MX record."""

    name: DnsName | str
    dane: DaneState | literal.DaneState = DaneState.NOT_APPLICABLE
    dnssec: bool = False


@dataclass(frozen=True, slots=True)
class Skip:
    """Do not connect; continue as if the host were unreachable."""

    fault: SessionFault


@dataclass(frozen=True, slots=True)
class Authenticate:
    """Connect. TLS with a certificate valid for this DNS-ID is required."""

    dns_id: str


@dataclass(frozen=True, slots=True)
class AuthenticateByDane:
    """Connect. TLS that matches the TLSA records of the host is required."""

    dns_id: str


@dataclass(frozen=True, slots=True)
class AuthenticateByBoth:
    """Connect. TLS with a certificate that is valid for this DNS-ID and matches the TLSA records is required."""

    dns_id: str


@dataclass(frozen=True, slots=True)
class Encrypt:
    """Connect. TLS is required, with any certificate."""


@dataclass(frozen=True, slots=True)
class Opportunistic:
    """Connect, with TLS if it is available. In mode testing check the certificate all the same."""


MxDecision = Union[Skip, Authenticate, AuthenticateByDane, AuthenticateByBoth, Encrypt, Opportunistic]


@dataclass(frozen=True, slots=True)
class TlsrptRow:
    """One session as counted in TLSRPT; without `result_type`, a success."""

    policy_type: PolicyType
    result_type: ResultType | None
    reason: SessionFault | None


@dataclass(frozen=True, slots=True)
class Plan:
    """The verdicts on each host of an MX list, in order."""

    hosts: tuple[MxVerdict, ...]

    @property
    def permits_none(self) -> bool:
        """Whether no host may receive the message: continue with `Delivery.conclude`."""
        return all(isinstance(verdict.decision, Skip) for verdict in self.hosts)


@dataclass(frozen=True, slots=True)
class Defer:
    """Keep the message, and try again later.

    As long as a domain cannot be queried for a newer policy, this is the conclusion. A queue with a hard limit of its own
    returns the message with `5.4.7`.
    """


@dataclass(frozen=True, slots=True)
class RecheckPolicy:
    """Run a lookup with `Purpose.BEFORE_PERMANENT_FAILURE`, and conclude again with `Delivery.recheck` of its outcome."""


@dataclass(frozen=True, slots=True)
class TryAgain:
    """Try the MX hosts again immediately, under `Delivery.of` the outcome of the recheck: another policy applies, or none."""


@dataclass(frozen=True, slots=True)
class Bounce:
    """Return the message to its sender, with this enhanced status code."""

    status: literal.EnhancedStatus


Conclusion = Union[Defer, RecheckPolicy, TryAgain, Bounce]
