"""Values that the package gives out: frozen, equal by content, and made for `match`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Union

from ._words import (
    DaneState,
    NoPolicyReason,
    PolicySource,
    PolicyType,
    ResultType,
    SessionFault,
    Severity,
)

if TYPE_CHECKING:
    from ._core import CacheEntry, CacheUpdate, DnsName, MxVerdict, Policy, PolicyDomain


class MtaStsError(ValueError):
    """Something that the package refuses.

    `code` is a stable word, listed by `codes()`; `line` (from 1) and `offset` (in octets) say where,
    if there is a place. `result_type` is what TLSRPT counts, of an answer of a Policy Host.
    """

    code: str
    line: int | None
    offset: int | None
    result_type: ResultType | None

    def __init__(
        self,
        message: str,
        code: str,
        line: int | None = None,
        offset: int | None = None,
        result_type: ResultType | None = None,
        /,
    ) -> None:
        super().__init__(message, code, line, offset, result_type)
        self.code = code
        self.line = line
        self.offset = offset
        self.result_type = result_type

    def __str__(self) -> str:
        return str(self.args[0])

    def __repr__(self) -> str:
        place = "" if self.line is None else f", line={self.line}, offset={self.offset}"
        return f"MtaStsError({str(self)!r}, code={self.code!r}{place})"


@dataclass(frozen=True, slots=True)
class QueryTxt:
    """Ask DNS for the TXT records of this name, which is absolute."""

    name: str


@dataclass(frozen=True, slots=True)
class FetchPolicy:
    """Get this URL over HTTPS: certificate valid for `host`, no redirect, no HTTP cache.

    Everything within `timeout` seconds; after `max_body_len` octets the answer is the failure
    `body-too-large`.
    """

    url: str
    host: str
    timeout: float
    max_body_len: int


@dataclass(frozen=True, slots=True)
class Done:
    """Nothing more to ask."""

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
    """Why no policy applies. `cause` is the code of what went wrong, `until` when to fetch again.

    The mail goes out as if the domain had no MTA-STS; after `dns-failed` a careful sender waits, since an
    attacker may be the reason, and after `local-fault` it waits, since it has itself to blame.
    """

    reason: NoPolicyReason
    cause: str | None
    until: int | None
    message: str = field(compare=False)

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True, slots=True)
class PolicyFailure:
    """A failure of policy discovery, to be counted in TLSRPT under policy type `sts`."""

    result_type: ResultType
    reason_code: str
    received_lines: list[str] = field(hash=False)


@dataclass(frozen=True, slots=True)
class Alert:
    """A policy could not be fetched anew, `failures` times in a row; the cached one protects until `expires_at`."""

    fault: str
    failures: int
    expires_at: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a lookup came to."""

    applied: AppliedPolicy | NoPolicy
    """The policy to apply, or why there is none."""
    cache_update: CacheUpdate = field(hash=False)
    """What to remember: apply it to the entry that the store holds by now."""
    failure: PolicyFailure | None
    """What to count in TLSRPT (RFC 8461, 6)."""
    alert: Alert | None
    """What to tell the administrator."""

    @property
    def policy(self) -> Policy | None:
        """The policy to apply, if there is one. Its mode may be testing or none."""
        return self.applied.policy if isinstance(self.applied, AppliedPolicy) else None

    @property
    def no_policy(self) -> NoPolicy | None:
        """Why no policy applies."""
        return self.applied if isinstance(self.applied, NoPolicy) else None

    @property
    def is_known(self) -> bool:
        """Whether it is known if a policy applies; where it is not, the mail waits."""
        return self.no_policy is None or self.no_policy.reason not in (
            NoPolicyReason.DNS_FAILED,
            NoPolicyReason.LOCAL_FAULT,
        )


@dataclass(frozen=True, slots=True)
class Absence:
    """That a domain had no usable record, and until when that is believed."""

    reason: str
    until: int


@dataclass(frozen=True, slots=True)
class BackOff:
    """A record id that is not fetched again before `until`."""

    id: str
    until: int


@dataclass(frozen=True, slots=True)
class Evicted:
    """What a full cache let go."""

    domain: PolicyDomain
    entry: CacheEntry


@dataclass(frozen=True, slots=True)
class Finding:
    """What is to be said of a published text: `span` in octets, `line` from 1."""

    code: str
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
    """Send TLS reports by mail: `address` is ready for a header field."""

    address: str


@dataclass(frozen=True, slots=True)
class Https:
    """POST TLS reports to this URL. Its host is whatever a stranger wrote."""

    url: str


@dataclass(frozen=True, slots=True)
class MxHost:
    """A host of the MX list, with what DANE and DNSSEC say of it."""

    name: DnsName | str
    dane: DaneState | str = DaneState.NOT_APPLICABLE
    dnssec: bool = False


@dataclass(frozen=True, slots=True)
class Skip:
    """Do not connect; go on as if the host could not be reached."""

    fault: SessionFault


@dataclass(frozen=True, slots=True)
class Authenticate:
    """Connect. Only TLS with a certificate valid for this DNS-ID will do."""

    dns_id: str


@dataclass(frozen=True, slots=True)
class AuthenticateByDane:
    """Connect. Only TLS that the TLSA records of the host vouch for will do."""

    dns_id: str


@dataclass(frozen=True, slots=True)
class Encrypt:
    """Connect. Only TLS will do, with any certificate."""


@dataclass(frozen=True, slots=True)
class Opportunistic:
    """Connect, with TLS if it can be had. In mode testing check the certificate all the same."""


MxDecision = Union[Skip, Authenticate, AuthenticateByDane, Encrypt, Opportunistic]


@dataclass(frozen=True, slots=True)
class TlsrptRow:
    """One session as TLSRPT counts it; without `result_type`, a success."""

    policy_type: PolicyType
    result_type: ResultType | None
    reason: SessionFault | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do about each host of an MX list, in its order."""

    hosts: tuple[MxVerdict, ...]

    @property
    def permits_none(self) -> bool:
        """Whether there is nothing to connect to: go on to `Delivery.conclude`."""
        return all(isinstance(verdict.decision, Skip) for verdict in self.hosts)


@dataclass(frozen=True, slots=True)
class Defer:
    """Keep the message, and try again later."""


@dataclass(frozen=True, slots=True)
class RecheckPolicy:
    """Run a lookup for `Purpose.BEFORE_PERMANENT_FAILURE` first."""


@dataclass(frozen=True, slots=True)
class Bounce:
    """Return the message to its sender, with this enhanced status code."""

    status: str


Conclusion = Union[Defer, RecheckPolicy, Bounce]
