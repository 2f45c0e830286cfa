"""Values returned by the package: frozen, compared by content, and usable with `match`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, TypedDict, Union

from . import _literals as literal
from ._words import (
    DaneState,
    Mode,
    NoPolicyReason,
    PolicySource,
    PolicyType,
    ReadyRule,
    RecordCheck,
    ResultType,
    SessionFault,
    Severity,
    Verdict,
    Whose,
)

if TYPE_CHECKING:
    from email.message import EmailMessage

    from ._core import CacheEntry, CacheUpdate, DnsName, DueId, MxVerdict, Policy, PolicyDomain, Report


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
    """A finding about a published text or a TLS report: `span` in octets, `line` from 1.

    `senders` says what senders do about it, or what receivers do about a report.
    """

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


@dataclass(frozen=True, slots=True)
class Deviation:
    """A departure of a TLS report from RFC 8460 or I-JSON that did not prevent its parsing.

    `path` is the member, such as `policies[0].summary`, or empty for the whole report; for an unknown member it is the
    object that contains it. `offset` is in octets of the JSON: the start of a value, or the end of an object that lacks a
    member.
    """

    code: literal.DeviationCode
    number: int
    path: str
    offset: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class FailureDetailsDict(TypedDict):
    """One kind of failure, as returned by `Report.to_dict`."""

    result: str
    failed_sessions: int
    sending_mta_ip: str | None
    receiving_mx_hostname: str | None
    receiving_mx_helo: str | None
    receiving_ip: str | None
    additional_information: str | None
    failure_reason_code: str | None


class ReportPolicyDict(TypedDict):
    """The results under one policy, as returned by `Report.to_dict`."""

    kind: str
    domain: str | None
    lines: list[str]
    mx_hosts: list[str]
    successes: int
    failures: int
    details: list[FailureDetailsDict]


class ReportDict(TypedDict):
    """A report, as returned by `Report.to_dict`; `start` and `end` are Unix seconds."""

    organization: str | None
    contact: str | None
    submitter: str | None
    id: str | None
    start: int | None
    end: int | None
    successes: int
    failures: int
    policies: list[ReportPolicyDict]


@dataclass(frozen=True, slots=True)
class MailParts:
    """The specific parts of the mail that carries a TLS report (RFC 8460, 5.3); `Report.mail` makes the whole mail.

    The mail has the type `content_type`, comes from `contact`, and has `subject` and `headers`. It contains `text`, as
    `text/plain` in UTF-8, and the JSON of the report, compressed with gzip, as `media_type` with `file_name`.
    """

    subject: str
    headers: tuple[tuple[str, str], ...]
    content_type: str
    text: str
    file_name: str
    media_type: str
    contact: str


@dataclass(frozen=True, slots=True)
class DueReport:
    """A report that is due for delivery.

    `id` identifies it for `Tally.handle_delivery`. `domain` is the domain that the report is about and goes to, `record`
    the last TLSRPT record seen for it, if any: query it again. If the record no longer exists, the domain wants no report
    ("refused"); if DNS fails, use `record`. `attempt` is the number of the attempt, from 1.
    """

    id: DueId
    domain: PolicyDomain
    record: str | None
    report: Report
    attempt: int

    def mail(self, *, to: Mailto | str, date: float | datetime | None = None) -> EmailMessage:
        """Returns the mail that carries the report, as `Report.mail` does."""
        return self.report.mail(self.domain, to=to, date=date)


@dataclass(frozen=True, slots=True)
class Hint:
    """The explanation of a failure in a TLS report. Hints are equal if their codes are: the same fault, whatever the sender
    calls it.

    `cause` says what happened, and `fix` how to fix it, in one English sentence each; `fix` is addressed to the owner of
    the domain.
    """

    code: literal.HintCode
    whose: Whose = field(compare=False)
    cause: str = field(compare=False)
    fix: str = field(compare=False)

    @staticmethod
    def of(code: literal.HintCode, /) -> Hint:
        """Returns the hint with this code, which may be one of `explain`, `hints` or `lint`.

        >>> from mta_sts.tlsrpt import Hint
        >>> Hint.of("certificate-expired").cause
        'The certificate of the MX host has expired.'
        """
        from . import _core

        return _core.hint_of_code(code)

    def __str__(self) -> str:
        return f"{self.cause} {self.fix}"


@dataclass(frozen=True, slots=True)
class LiveHost:
    """The current state of an MX host, as seen by a check.

    `fault` is the reason why senders that apply the policy cannot use the host, a `Hint` or its code; `expires_at`, the
    time when its certificate expires, in Unix seconds or as an aware datetime, and `None` if a third of its life is left, so
    that one of six days is not held to 14; `renewal_seen`, whether an earlier check saw
    another certificate, which shows that it is renewed in time.
    """

    name: DnsName | str
    fault: Hint | literal.HintCode | None = None
    expires_at: float | datetime | None = None
    renewal_seen: bool = False


@dataclass(frozen=True, slots=True)
class LiveFindings:
    """The findings of a current check of a domain, for `assess`.

    `hosts` must contain every name in the MX records or, without MX records, the domain itself. `policy_fault` is the
    reason why the policy cannot be fetched, a `Hint` or its code.
    """

    hosts: Sequence[LiveHost]
    policy_fault: Hint | literal.HintCode | None = None


@dataclass(frozen=True, slots=True)
class Shortfall:
    """A reason why a condition is not met.

    `host` and `hint` are the MX host and the fault concerned; `earliest` is the first day on which the shortfall may be
    resolved if it is fixed now, in Unix seconds, or `None` if the owner has to decide. `message` says what is missing, and
    `fix` what to do.
    """

    rule: ReadyRule
    code: literal.ShortfallCode
    host: DnsName | None
    hint: Hint | None
    earliest: int | None
    message: str = field(compare=False)
    fix: str = field(compare=False)

    def __str__(self) -> str:
        return f"{self.message} {self.fix}"


@dataclass(frozen=True, slots=True)
class Condition:
    """One of the eight conditions for enforcing: what it requires (`message`), why (`reason`), and what is missing."""

    rule: ReadyRule
    shortfalls: tuple[Shortfall, ...]
    message: str = field(compare=False)
    reason: str = field(compare=False)

    @property
    def is_met(self) -> bool:
        """Whether nothing is missing."""
        return not self.shortfalls


@dataclass(frozen=True, slots=True)
class Evidence:
    """The evidence for a result of `assess`.

    `days`: the number of full days for which the list of MX hosts has been served. `submitters`: the number of
    organisations that reported successes under the policy. `sessions`: the number of these successes. `clean_sessions`: the
    number of them on days after the last failure caused by the domain itself, and after its fix. `unverified_sessions`: the
    number of further sessions, reported by senders that do not verify in mode testing. `unusable_reports`: the number of
    reports that were ignored because they have no plausible period. `failure_share`: the upper bound of the share of
    failing sessions, from 0 to 1, at 95 % confidence.
    """

    days: int
    submitters: int
    sessions: int
    clean_sessions: int
    unverified_sessions: int
    unusable_reports: int
    failure_share: float
    message: str = field(compare=False)

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether a policy in mode testing can be enforced.

    `earliest`, with the verdict "not-yet", is the first day on which all conditions may be met if all faults are fixed now
    and no new one occurs, in Unix seconds.
    """

    verdict: Verdict
    earliest: int | None
    conditions: tuple[Condition, ...]
    evidence: Evidence

    @property
    def shortfalls(self) -> tuple[Shortfall, ...]:
        """The shortfalls of all conditions, in the order of the conditions."""
        return tuple(shortfall for condition in self.conditions for shortfall in condition.shortfalls)
