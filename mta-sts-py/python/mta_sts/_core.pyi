from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from email.message import EmailMessage
from ipaddress import IPv4Address, IPv6Address
from typing import ClassVar, Final, TypeAlias, final, overload

from typing_extensions import Never

from . import _literals as literal
from ._publishing import Facts, SeenHost, SeenRecord, ServedPolicy, Target, ZoneRecord
from ._publishing import Plan as PublishPlan
from ._values import (
    Absence,
    BackOff,
    Conclusion,
    Deviation,
    DueReport,
    Evicted,
    Finding,
    Hint,
    Https,
    LiveFindings,
    MailParts,
    Mailto,
    MxHost,
    MxDecision,
    Outcome,
    Output,
    Plan,
    Readiness,
    ReportDict,
    TlsrptRow,
)
from ._words import (
    Counted,
    DanePrecedence,
    DaneResult,
    DaneState,
    FetchFailure,
    MessageTls,
    Mode,
    PolicyType,
    PostfixForm,
    Purpose,
    QueueLifetime,
    Recheck,
    ReportDelivery,
    ResultType,
    SessionDecision,
    SessionFault,
    TlsMinimum,
    TlsResult,
    TxtFailure,
    Wait,
)

_Octets: TypeAlias = bytes | bytearray | memoryview | str
_Time: TypeAlias = float | datetime
_Span: TypeAlias = float | timedelta
_Address: TypeAlias = str | IPv4Address | IPv6Address

__all__ = [
    "CacheEntry",
    "CacheUpdate",
    "CachedPolicy",
    "Datagram",
    "Delivery",
    "DnsName",
    "Draft",
    "DueId",
    "Event",
    "FailureDetails",
    "Findings",
    "History",
    "Lookup",
    "LookupConfig",
    "MxPattern",
    "MxPatterns",
    "MxVerdict",
    "Policy",
    "PolicyCache",
    "PolicyDomain",
    "ReadyRules",
    "Record",
    "Report",
    "ReportFileName",
    "ReportPeriod",
    "ReportPolicy",
    "ReportSender",
    "ReportSubject",
    "SessionVerdict",
    "Tally",
    "TlsrptRecord",
    "__version__",
    "assess",
    "codes",
    "dns_id_matches",
    "explain",
    "hint_of_code",
    "hints",
    "id_of",
    "lint_policy",
    "lint_record",
    "lint_report",
    "lint_response",
    "lint_rrset",
    "lint_tlsrpt_record",
    "lint_tlsrpt_rrset",
    "message_tls",
    "plan_between",
    "policy_type_number",
    "postfix_tls_policy",
    "result_type_number",
    "result_type_of",
    "tls_required_no",
    "wait_reason",
    "zone_record",
]

__version__: Final[str]

def codes() -> dict[literal.Code, tuple[int, str]]:
    """Every code that an error, a finding, a fault or a reason can have, with its number and its message.

    >>> import mta_sts
    >>> mta_sts.codes()["bad-id"]
    (205, 'The `id` is not 1 to 32 letters and digits.')

    Later versions may add codes; no code ever changes its number.
    """

def dns_id_matches(dns_id: str, host: DnsName | str, /) -> bool:
    """Returns whether a DNS-ID of a certificate matches this host (RFC 8461, 4.2; RFC 9525, 6.3).

    >>> from mta_sts import dns_id_matches
    >>> dns_id_matches("*.example.com", "mx.example.com"), dns_id_matches("mx*.example.com", "mx1.example.com")
    (True, False)

    For TLS libraries that do not compare names. A text that is not a host name never matches.
    """

def lint_policy(
    body: _Octets,
    /,
    *,
    strict: bool = False,
    mx_hosts: Iterable[DnsName | str] | None = None,
) -> Findings:
    r"""The findings about the body of a policy (RFC 8461, 3.2).

    >>> import mta_sts
    >>> body = b"version: STSv1\nmode: enforce\nmx: mx.a.test\nmax_age: 604800\n"
    >>> [finding.code for finding in mta_sts.lint_policy(body, mx_hosts=["mx.a.test", "mx.b.test"])]
    ['mx-not-covered']

    `strict`: what `Policy.parse` tolerates is an error instead of a warning. `mx_hosts`: the MX hosts of the domain;
    those that no pattern covers are reported.

    Raises MtaStsError for an invalid host name.
    """

def lint_record(txt: _Octets, /) -> Findings:
    """The findings about one TXT record, its character-strings concatenated without separators (RFC 8461, 3.1).

    >>> import mta_sts
    >>> [finding.code for finding in mta_sts.lint_record("v=STSv1; id=2026-11-24")]
    ['bad-id']
    """

def lint_report(data: _Octets, /, *, strict: bool = False) -> Findings:
    """The findings about a TLS report (RFC 8460, 4.4).

    >>> import mta_sts
    >>> [finding.code for finding in mta_sts.lint_report('{"policies": [], "x-build": 1}')]
    ['no-policies', 'unknown-member', 'missing-member', 'missing-member', 'missing-member', 'missing-member']

    `data`: JSON, or the same in gzip format, which is decompressed as by `Report.parse`; spans and lines are those of the JSON.
    Each deviation is a finding, and so are errors that are not deviations. `strict`: a deviation is an error instead of a
    warning. For a long report, other threads can run meanwhile.
    """

def lint_response(
    *,
    status: int,
    content_type: _Octets | None,
    body: _Octets,
    max_body_len: int = 65536,
    strict: bool = False,
    accept_missing_content_type: bool = False,
    mx_hosts: Iterable[DnsName | str] | None = None,
) -> Findings:
    """The findings about the response of a Policy Host: status, media type, size, and the policy in it (RFC 8461, 3.3).

    The options are those of `Policy.from_response` and of `lint_policy`. The body of a response with a status other
    than 200 is not examined.

    Raises MtaStsError for an invalid host name.
    """

def lint_rrset(rrset: Iterable[_Octets], /) -> Findings:
    """The findings about all TXT records at `_mta-sts` (RFC 8461, 3.1).

    The line of a finding is the number of its record, from 1; spans count through the records, one after the other.
    """

def lint_tlsrpt_record(txt: _Octets, /) -> Findings:
    """The findings about one TXT record that asks for TLS reports (RFC 8460, 3).

    >>> import mta_sts
    >>> [finding.code for finding in mta_sts.lint_tlsrpt_record("v=TLSRPTv1; rua=tls@example.com")]
    ['no-usable-rua', 'rua-without-scheme']
    """

def lint_tlsrpt_rrset(
    rrset: Iterable[_Octets],
    /,
    *,
    domain: PolicyDomain | str | None = None,
    ttl: int | None = None,
    has_mta_sts: bool = False,
) -> Findings:
    """The findings about all TXT records at `_smtp._tls` (RFC 8460, 3). Lines and spans are those of `lint_rrset`.

    Pass what else is known: the domain, the TTL of the records in the zone, in seconds, and whether the domain has an
    MTA-STS record.

    Raises MtaStsError for an invalid domain.
    """

def message_tls(*, requiretls: bool, tls_required_no: bool, null_reverse_path: bool) -> MessageTls:
    """What a message asks about TLS, for `MessageTls.of` (RFC 8689, 4.1 and 4.2.1)."""

def policy_type_number(word: literal.PolicyType, /) -> int:
    """The number of a `PolicyType` in libtlsrpt.

    Raises MtaStsError, `unknown-word`, for an unknown keyword.
    """

def postfix_tls_policy(
    policy: Policy,
    domain: PolicyDomain | str,
    /,
    *,
    form: PostfixForm | literal.PostfixForm = "basic",
    mx_hosts: Iterable[DnsName | str] | None = None,
) -> str | None:
    r"""A policy as the answer to a TLS policy lookup of Postfix or sendmail; `None` for NOTFOUND.

    >>> from mta_sts import Policy, postfix_tls_policy
    >>> policy = Policy.parse(b"version: STSv1\nmode: enforce\nmx: *.example.com\nmax_age: 604800\n")
    >>> postfix_tls_policy(policy, "example.com")
    'secure match=.example.com servername=hostname'

    `form`: the form of the answer, a `PostfixForm`. `mx_hosts`: those of them that the policy covers are used instead
    of its patterns. There is no answer in mode none, and in mode testing only with `extended-with-testing`.

    Raises MtaStsError if the policy cannot be expressed to Postfix: answer TEMP, so that the mail waits.
    """

def result_type_number(word: literal.ResultType, /) -> int:
    """The number of a `ResultType` in libtlsrpt.

    Raises MtaStsError, `unknown-word`, for an unknown keyword.
    """

def result_type_of(code: literal.FetchFailure | literal.SessionFault, /) -> ResultType | None:
    """The `ResultType` under which TLSRPT counts a `FetchFailure` or a `SessionFault`; `None` if it is not counted."""

def tls_required_no(values: Iterable[_Octets], /) -> bool:
    r"""Returns whether a message says `TLS-Required: No` (RFC 8689, 3). `values` are those of all header fields of that
    name.

    >>> from mta_sts import tls_required_no
    >>> tls_required_no([" no\r\n"]), tls_required_no([" No", " No"])
    (True, False)

    There must be exactly one such field, with nothing after the word. Anything else counts as no field, since that
    protects the message.
    """

def id_of(body: _Octets, /) -> str:
    r"""Returns the id that a draft with this body has.

    >>> from mta_sts.publish import id_of
    >>> id_of(b"version: STSv1\r\nmode: none\r\nmax_age: 86400\r\n")
    '94815eb6141fb6e55268'

    A body that is served under another id may have been changed without its record; it may also be from another program.
    """

def zone_record(kind: str, name: str, value: str, ttl: _Span, /) -> ZoneRecord:
    """Returns a record of a zone, for `ZoneRecord`."""

def plan_between(history: History, target: Target, facts: Facts, /, *, now: _Time) -> PublishPlan:
    """Returns the plan from what is published to a target, for `Plan.between`."""

def wait_reason(wait: Wait | literal.Wait, /) -> tuple[str, str]:
    """Returns the reason to wait, and the section of the RFC that it comes from, for `Wait`."""

def explain(policy_type: PolicyType | str, result_type: ResultType | str, reason: str | None = None, /) -> Hint:
    """Explains a failure in a report: its cause, who is responsible, and how to fix it, a `Hint`.

    >>> from mta_sts.tlsrpt import explain
    >>> hint = explain("sts", "validation-failure", "unable_to_get_local_issuer_certificate")
    >>> hint.code, str(hint.whose)
    ('issuer-unknown', 'owner')
    >>> hint.fix
    'Install the whole chain of a certificate from a public CA: with certbot, `fullchain.pem` instead of `cert.pem`.'

    It takes the `kind` of a `ReportPolicy`, and the `result` and the `failure_reason_code` of its `FailureDetails`, which
    may be any text or `None`. Reasons are not standardised: those of this package, Postfix, OpenSSL, Microsoft, mox,
    Stalwart and of Go programs are known. An unknown reason is ignored.
    """

def hints() -> list[Hint]:
    """Returns every `Hint`, except those for faults that `lint` finds, which have the codes and sentences of `lint`."""

def hint_of_code(code: str, /) -> Hint:
    """Returns the `Hint` with this code.

    Raises MtaStsError, `unknown-word`, for an unknown code.
    """

def assess(
    reports: Iterable[Report],
    /,
    *,
    domain: PolicyDomain | str,
    policy: Policy,
    now: _Time,
    live: LiveFindings | None = None,
    since: _Time | None = None,
    mended_at: _Time | None = None,
    rules: ReadyRules | None = None,
) -> Readiness:
    r"""Assesses whether a policy in mode testing can be enforced, and what is missing: a `Readiness`.

    >>> from mta_sts import Policy
    >>> from mta_sts.tlsrpt import LiveFindings, LiveHost, Report, ReportPeriod, ReportPolicy, assess
    >>> now = 1_700_000_000
    >>> policy = Policy.parse("version: STSv1\nmode: testing\nmx: mx.example.com\nmax_age: 86400\n")
    >>> sessions = ReportPolicy("sts", "example.com", mx_hosts=["mx.example.com"], successes=40)
    >>> reports = [
    ...     Report(
    ...         organization="Sender",
    ...         contact="tls@sender.example",
    ...         id=f"{day}@sender.example",
    ...         period=ReportPeriod.of_day(now - day * 86_400),
    ...         policies=[sessions],
    ...     )
    ...     for day in range(1, 8)
    ... ]
    >>> readiness = assess(
    ...     reports,
    ...     domain="example.com",
    ...     policy=policy,
    ...     now=now,
    ...     live=LiveFindings(hosts=[LiveHost("mx.example.com")]),
    ...     since=now - 20 * 86_400,
    ... )
    >>> str(readiness.verdict), [shortfall.code for shortfall in readiness.shortfalls]
    ('not-yet', ['few-submitters'])
    >>> str(readiness.evidence)
    'no failure of yours in 280 sessions: fewer than 1.08 % fail, at 95 % confidence'

    `reports` may include other domains: their policies are ignored, and so are reports without a period, or with one that
    ends after tomorrow. Of two reports with the same organisation, `report-id` and period, the worse values are used.
    `policy`: the policy that is served. `live`: the findings of a current check of the domain; without them the verdict is
    never "ready". `since`: the time since which the policy has had its current list of `mx`; without it, the time is
    derived from the reports. `mended_at`: the time when a fault of the domain was last fixed; failures of that day are
    attributed to the time before. `rules`: the thresholds of the conditions, by default those of `ReadyRules()`.

    The function makes no network queries. Anybody can write a report: pass only reports that you trust. Other threads can
    run meanwhile.

    Raises MtaStsError for an invalid domain or host, or an unknown hint code.
    """

@final
class DnsName:
    r"""A name in DNS: lower case, A-labels, no trailing dot; at most 253 octets.

    >>> from mta_sts import DnsName
    >>> str(DnsName.parse("MX1.B\u00fccher.Example."))
    'mx1.xn--bcher-kva.example'

    It equals another name, and its text in this form, with the same hash.
    """

    @staticmethod
    def parse(name: str, /) -> DnsName:
        """Parses a name in any case, in A-labels or U-labels, with at most one trailing dot, optionally enclosed in
        brackets.

        Raises MtaStsError, whose `.offset` is the octet at fault; an IP address, with or without brackets, is
        `address-literal`.
        """

    def __eq__(self, other: object, /) -> bool: ...
    def __ge__(self, other: DnsName, /) -> bool: ...
    def __gt__(self, other: DnsName, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __le__(self, other: DnsName, /) -> bool: ...
    def __lt__(self, other: DnsName, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...

@final
class PolicyDomain:
    """A domain that receives mail, and whose policy is looked up (RFC 8461, 3.1).

    >>> from mta_sts import PolicyDomain
    >>> domain = PolicyDomain.of_recipient("alice@Example.com")
    >>> domain.txt_name, domain.policy_url
    ('_mta-sts.example.com', 'https://mta-sts.example.com/.well-known/mta-sts.txt')

    It is the domain of the recipient, or the name of a smart host (RFC 8461, 3.4). It equals another domain, and its
    text in lower case with A-labels and no trailing dot, with the same hash.
    """

    @staticmethod
    def parse(domain: str, /) -> PolicyDomain:
        """Parses a domain in the same way as `DnsName.parse`.

        Raises MtaStsError, whose `.offset` is the octet at fault. An IP address has no policy (RFC 8461, 3.4), nor has
        a domain so long that `_mta-sts.` does not fit in front of it.
        """

    @staticmethod
    def of_recipient(address: str, /) -> PolicyDomain:
        """The domain of a mail address, with or without the angle brackets of a path (RFC 5321, 4.1.2).

        Raises MtaStsError: `missing-domain` for a local part alone, otherwise the same as `parse`; `.offset` counts
        from the start of the address.
        """

    @property
    def txt_name(self) -> str:
        """The name of the MTA-STS record: `_mta-sts.` and the domain (RFC 8461, 3.1)."""

    @property
    def tlsrpt_txt_name(self) -> str | None:
        """The name of the TLSRPT record: `_smtp._tls.` and the domain (RFC 8460, 3).

        `None` for a domain so long that this would not be a valid name.
        """

    @property
    def policy_host(self) -> str:
        """The Policy Host: `mta-sts.` and the domain. Its certificate must be valid for this name (RFC 8461, 3.3)."""

    @property
    def policy_url(self) -> str:
        """The URL of the policy, without a port or a query (RFC 8461, 3.2)."""

    def __eq__(self, other: object, /) -> bool: ...
    def __ge__(self, other: PolicyDomain, /) -> bool: ...
    def __gt__(self, other: PolicyDomain, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __le__(self, other: PolicyDomain, /) -> bool: ...
    def __lt__(self, other: PolicyDomain, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...

@final
class Record:
    """The TXT record of a domain that has a policy (RFC 8461, 3.1).

    >>> from mta_sts import Record
    >>> Record.parse(b"v=STSv1; id=20261124T000000;").id
    '20261124T000000'
    """

    __match_args__: Final = ("id",)

    @staticmethod
    def parse(txt: _Octets, /) -> Record:
        """Parses one TXT record, its character-strings concatenated without separators.

        Raises MtaStsError, whose `.offset` is the octet at fault. A sender treats such a record as absent (RFC 8461,
        3.1).
        """

    @staticmethod
    def select(rrset: Iterable[_Octets], /) -> Record:
        """Selects the record from all TXT records of the name; those that do not begin as one are ignored.

        Raises MtaStsError: `no-record`, `several-records`, or the error of the only one. To a sender the domain then
        has no policy (RFC 8461, 3.1).
        """

    @property
    def id(self) -> str:
        """The id of the policy: 1 to 32 letters and digits. It changes with every new policy; ids have no order."""

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __ne__(self, other: object, /) -> bool: ...

@final
class TlsrptRecord:
    """The TXT record of a domain that asks for TLS reports (RFC 8460, 3).

    >>> from mta_sts import TlsrptRecord
    >>> TlsrptRecord.parse("v=TLSRPTv1; rua=mailto:tls@example.com,https://r.example/v1").uris
    (Mailto(address='tls@example.com'), Https(url='https://r.example/v1'))
    """

    __match_args__: Final = ("uris",)

    @staticmethod
    def parse(txt: _Octets, /) -> TlsrptRecord:
        """Parses one TXT record, its character-strings concatenated without separators.

        Raises MtaStsError, whose `.offset` is the octet at fault: such a domain gets no reports.
        """

    @staticmethod
    def select(rrset: Iterable[_Octets], /) -> TlsrptRecord:
        """Selects the record from all TXT records of the name; those that do not begin as one are ignored.

        Raises MtaStsError: `no-tlsrpt-record`, `several-tlsrpt-records`, or the error of the only one.
        """

    @property
    def uris(self) -> tuple[Mailto | Https, ...]:
        """The destinations of reports: one to eight `Mailto` and `Https`, in the order of the record."""

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __ne__(self, other: object, /) -> bool: ...

@final
class MxPattern:
    """An `mx` pattern: a host, or a wildcard that covers exactly one more label (RFC 8461, 4.1).

    >>> from mta_sts import MxPattern
    >>> MxPattern.parse("*.example.com").matches("mx1.example.com")
    True

    It equals another pattern, and its text in lower case with no trailing dot, with the same hash.
    """

    @staticmethod
    def parse(pattern: str, /) -> MxPattern:
        """Parses a pattern in any case, with only A-labels and at most one trailing dot.

        Raises MtaStsError, whose `.offset` is the octet at fault, for a text that can never match a host.
        """

    def matches(self, host: DnsName | str, /) -> bool:
        """Returns whether the pattern covers this MX host.

        Raises MtaStsError if it is not a host name.
        """

    @property
    def is_wildcard(self) -> bool:
        """Whether the pattern begins with `*.`, and so covers each name with one label in place of the star."""

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __ne__(self, other: object, /) -> bool: ...

@final
class MxPatterns(Sequence[MxPattern]):
    r"""The patterns of a policy: a sequence that creates each one on access.

    >>> from mta_sts import Policy
    >>> policy = Policy.parse(b"version: STSv1\nmode: enforce\nmx: *.Example.com\nmax_age: 604800\n")
    >>> "*.example.com" in policy.mx, "mx.example.com" in policy.mx, policy.matches_mx("mx.example.com")
    (True, False, True)
    """

    @overload
    def __getitem__(self, key: int, /) -> MxPattern: ...
    @overload
    def __getitem__(self, key: slice, /) -> list[MxPattern]: ...
    def __len__(self) -> int: ...
    def __contains__(self, pattern: object, /) -> bool: ...
    def index(self, pattern: MxPattern | str, /) -> int:  # type: ignore[override]
        """The index of the first occurrence of this pattern, or of its text.

        Raises ValueError if there is none.
        """

    def count(self, pattern: MxPattern | str, /) -> int:
        """The number of occurrences of this pattern, or of its text."""

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __ne__(self, other: object, /) -> bool: ...

@final
class Policy:
    r"""A policy: what a domain asks of those that send mail to it (RFC 8461, 3.2).

    >>> from mta_sts import Policy
    >>> policy = Policy.parse(b"version: STSv1\nmode: enforce\nmx: *.example.com\nmax_age: 604800\n")
    >>> str(policy.mode), policy.max_age, [str(pattern) for pattern in policy.mx]
    ('enforce', 604800, ['*.example.com'])
    >>> policy.matches_mx("MX1.example.com.")
    True

    Policies are equal if their texts are. `str()` returns the policy in its canonical form; `text` as received.
    """

    __match_args__: Final = ("mode", "max_age", "mx")

    @staticmethod
    def parse(body: _Octets, /, *, strict: bool = False) -> Policy:
        """Parses the body of a policy (RFC 8461, 3.2).

        Four departures from the grammar that are seen in practice are tolerated: blank lines, a byte order mark at the
        start, a trailing dot of an `mx`, underscores in an `mx`. With `strict` they are errors.

        Raises MtaStsError with the position in `.line` and `.offset`.
        """

    @staticmethod
    def from_response(
        *,
        status: int,
        content_type: _Octets | None,
        body: _Octets,
        max_body_len: int = 65536,
        strict: bool = False,
        accept_missing_content_type: bool = False,
    ) -> Policy:
        """Parses the policy in the response of the Policy Host, after its certificate was verified (RFC 8461, 3.3).

        `max_body_len`: the maximum length of the body, in octets. `strict`: as for `parse`.
        `accept_missing_content_type`: treat a response without the field as `text/plain`.

        Raises MtaStsError, whose `.result_type` is what TLSRPT counts: the status is not 200, the media type is not
        `text/plain`, the body is too long or not a policy.
        """

    @property
    def mode(self) -> Mode:
        """The mode, a `Mode` (RFC 8461, 5)."""

    @property
    def max_age(self) -> int:
        """The time for which the policy is in force after its fetch, in seconds: at most a year, 31,557,600."""

    @property
    def mx(self) -> MxPatterns:
        """The patterns of the MX hosts in order, with duplicates. In mode none there may be none."""

    @property
    def text(self) -> str:
        """The text as received."""

    @property
    def lines(self) -> list[str]:
        """The lines as received, without blank ones: the `policy-string` of TLSRPT (RFC 8460, 4.4)."""

    def matches_mx(self, host: DnsName | str, /) -> bool:
        """Returns whether a pattern covers this MX host, given as in its MX record (RFC 8461, 4.1).

        A text that is not a host name is never covered. In modes testing and none a host that is not covered gets the
        mail all the same: `Delivery` applies the modes.
        """

    def matching_pattern(self, host: DnsName | str, /) -> MxPattern | None:
        """The first pattern that covers this MX host, or `None`.

        Raises MtaStsError if it is not a host name.
        """

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __ne__(self, other: object, /) -> bool: ...

@final
class CachedPolicy:
    r"""A cached policy, with the id that the record had before the fetch, and the time of the request.

    >>> from mta_sts import CachedPolicy, Policy
    >>> policy = Policy.parse("version: STSv1\nmode: none\nmax_age: 86400\n")
    >>> cached = CachedPolicy(policy, "1", 1_700_000_000)
    >>> cached.expires_at, cached.is_valid(1_700_086_400), cached.is_valid(1_700_086_401)
    (1700086400, True, False)

    Times are Unix seconds or aware datetimes. Raises MtaStsError, `bad-id`, for an invalid id.
    """

    __match_args__: Final = ("policy", "id", "fetched_at")

    def __new__(cls, policy: Policy, id: str, fetched_at: _Time, /) -> CachedPolicy: ...
    @property
    def policy(self) -> Policy:
        """The policy."""

    @property
    def id(self) -> str:
        """The id of the record, as it was before the fetch."""

    @property
    def fetched_at(self) -> int:
        """The time at which it was requested, in Unix seconds: the response may have been delayed."""

    @property
    def expires_at(self) -> int:
        """The last second in which the policy is in force, in Unix seconds: `max_age` after the fetch."""

    def is_valid(self, now: _Time, /) -> bool:
        """Returns whether the policy is in force at this time."""

    def refresh_at(self, spread: int, /, *, now: _Time) -> int | None:
        r"""The time at which the policy should be fetched again, while it still protects mail (RFC 8461, 3.3 and
        10.2), in Unix seconds.

        >>> from mta_sts import CachedPolicy, Policy
        >>> policy = Policy.parse("version: STSv1\nmode: none\nmax_age: 604800\n")
        >>> cached = CachedPolicy(policy, "1", 1_700_000_000)
        >>> cached.refresh_at(0, now=1_700_000_000)
        1700086400
        >>> cached.refresh_at(hash("example.com"), now=1_700_000_000) >= 1_700_064_800
        True

        For users of a store of their own: run a lookup with `Purpose.REFRESH` then. A `PolicyCache` and the stores of
        this package use the same schedule.

        This is a day after the request, or half of `max_age` if that is shorter, and up to a quarter of that earlier:
        `spread`, any fixed number for the domain, says how much earlier, with 0 for not at all, so that not all domains
        are due at the same time. `None` if `max_age` is less than an hour or the policy has expired: it is then fetched
        when there is mail for its domain.

        A fetch time in the future is from before the clock stepped back, and counts as `now`: so if a time that you
        stored is more than a day ahead, it is also from before that, and the policy is due. While refreshes fail, the
        policy stays due: wait for half an hour before the next one.
        """

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __ne__(self, other: object, /) -> bool: ...

@final
class CacheEntry:
    """The cache entry of a domain: its policy or the absence of one, and recent fetch failures.

    >>> from mta_sts import CacheEntry, CacheUpdate
    >>> failed = CacheUpdate.back_off("1", requested_at=1_700_000_000, until=1_700_000_300)
    >>> entry = failed.apply_to(None, now=1_700_000_000)
    >>> CacheEntry.parse(entry.to_text("example.com"), "example.com") == entry
    True

    A plain value for any store: `to_text()` is for a file or a database, and every language reads the same text. A
    policy in it may have expired; see `valid_policy()`.
    """

    @staticmethod
    def parse(text: _Octets, domain: PolicyDomain | str, /) -> CacheEntry:
        """Parses what `to_text()` wrote for this domain. A text of version 1 has no domain, and is accepted for any.

        Raises MtaStsError with `.line` and `.offset`: nothing of a damaged text, or of that of another domain, is used.
        """

    def to_text(self, domain: PolicyDomain | str, /) -> str:
        """The entry of this domain as text, the same in all languages. It contains the domain, and is rejected for any
        other."""

    def valid_policy(self, now: _Time, /) -> CachedPolicy | None:
        """The policy, if one is in force at this time, or `None`."""

    @property
    def policy(self) -> CachedPolicy | None:
        """The policy, in force or expired; `None` if there is none."""

    @property
    def checked_until(self) -> int:
        """The time until which a delivery need not query the record again, in Unix seconds; 0 without a policy."""

    @property
    def absence(self) -> Absence | None:
        """The remembered absence of a usable record: an `Absence`, or `None`."""

    @property
    def back_offs(self) -> list[BackOff]:
        """The record ids in back-off (RFC 8461, 3.3): at most four `BackOff`."""

    @property
    def fetch_failures(self) -> int:
        """The number of fetches that have failed since the policy was fetched."""

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __ne__(self, other: object, /) -> bool: ...

@final
class CacheUpdate:
    """The change that a lookup makes to the cache. Apply it to the entry that the store holds by then.

    Times are Unix seconds or aware datetimes.
    """

    @staticmethod
    def keep() -> CacheUpdate:
        """Nothing changes: a store has nothing to write."""

    @staticmethod
    def checked(id: str, /, *, checked_at: _Time, until: _Time) -> CacheUpdate:
        """The record was checked, at `checked_at`, and the policy of this id stays as it is: deliver without
        querying DNS until then.

        It does not confirm a policy that was requested later. Raises MtaStsError, `bad-id`, for an invalid id.
        """

    @staticmethod
    def absent(reason: literal.RecordCode, /, *, until: _Time) -> CacheUpdate:
        """The domain has no usable record; this is remembered until then. `reason` is the code of the record's error.

        Raises MtaStsError, `unknown-word`, for an unknown code.
        """

    @staticmethod
    def back_off(id: str, /, *, requested_at: _Time, until: _Time) -> CacheUpdate:
        """The policy of this record id, requested at `requested_at`, could not be fetched: back off until then
        (RFC 8461, 3.3).

        There is no back-off for a policy of this id that was requested at the same time or later. Raises MtaStsError,
        `bad-id`, for an invalid id.
        """

    @staticmethod
    def store(policy: CachedPolicy, /, *, checked_until: _Time) -> CacheUpdate:
        """A policy was fetched: deliver without querying DNS until `checked_until`."""

    def apply_to(self, entry: CacheEntry | None, /, *, now: _Time) -> CacheEntry | None:
        """The entry after this update; `None` if there is nothing left to remember.

        `entry` is what the store holds by now, or `None`. An older fetch never replaces a newer one, and an absence
        never hides a policy that is in force.
        """

    @property
    def kind(self) -> literal.UpdateKind:
        """The kind of the update: `keep`, `checked`, `absent`, `back-off` or `store`."""

    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    __hash__: None  # type: ignore[assignment]

@final
class LookupConfig:
    """The configuration of lookups, by default with the limits of RFC 8461, 3.3. Spans of time are seconds or
    timedeltas.

    `back_off`: the back-off of a record id after a failed fetch: 300 s by default and at least, at most a day.
    `timeout`: of one fetch, 60 s by default. `max_body_len`: of a policy, 65,536 octets by default, at most 1,048,576.
    `strict`: parse policies by the grammar alone. `accept_missing_content_type`: treat a response without the field as
    `text/plain`.

    Raises TypeError or ValueError for an invalid option.
    """

    def __new__(
        cls,
        *,
        back_off: _Span | None = None,
        timeout: _Span | None = None,
        max_body_len: int | None = None,
        strict: bool = False,
        accept_missing_content_type: bool = False,
    ) -> LookupConfig: ...
    @property
    def back_off(self) -> float:
        """The back-off of a record id after a failed fetch, in seconds."""

    @property
    def timeout(self) -> float:
        """The time limit of a fetch, from the address lookup to the end of the body, in seconds."""

    @property
    def max_body_len(self) -> int:
        """The maximum length of the body of a policy, in octets."""

    def __getnewargs_ex__(self, /) -> tuple[tuple[()], dict[str, float | bool]]: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    __hash__: None  # type: ignore[assignment]

@final
class Lookup:
    r"""A policy discovery without I/O: it says what to query, takes the answers, and ends with an `Outcome`.

    >>> from mta_sts import Done, FetchPolicy, Lookup, QueryTxt
    >>> lookup = Lookup("example.com", now=1_700_000_000)
    >>> lookup.poll_output()
    QueryTxt(name='_mta-sts.example.com')
    >>> lookup.handle_txt([b"v=STSv1; id=1;"], ttl=300, now=1_700_000_000)
    >>> lookup.poll_output().url
    'https://mta-sts.example.com/.well-known/mta-sts.txt'
    >>> body = b"version: STSv1\nmode: enforce\nmx: mx.example.com\nmax_age: 604800\n"
    >>> lookup.handle_response(status=200, content_type="text/plain", body=body, now=1_700_000_001)
    >>> lookup.poll_output().outcome.policy.matches_mx("mx.example.com")
    True

    `cached`: the entry of the domain in your store, or `None`. `purpose`: the purpose of the lookup, a `Purpose`.
    `config`: the limits, by default those of RFC 8461, 3.3. Times are Unix seconds or aware datetimes. `drive()` and
    `drive_async()` run a lookup to completion with your DNS and HTTPS functions.

    Lookups are independent: two concurrent lookups of one domain make the same queries. `resolver.Resolver` and
    `aio.Resolver` share one lookup among concurrent requests for a domain.

    Raises MtaStsError for an invalid domain or an unknown purpose. An answer to another query raises MtaStsError,
    `unexpected-input` or `already-done`, and leaves the lookup unchanged.
    """

    def __new__(
        cls,
        domain: PolicyDomain | str,
        /,
        *,
        now: _Time,
        cached: CacheEntry | None = None,
        purpose: Purpose | literal.Purpose = "deliver",
        config: LookupConfig | None = None,
    ) -> Lookup: ...
    @property
    def domain(self) -> PolicyDomain:
        """The domain of the lookup."""

    def poll_output(self) -> Output:
        """What to do next: `QueryTxt`, `FetchPolicy` or `Done`. The result is the same until the next answer."""

    def handle_txt(self, rrset: Iterable[_Octets], /, *, ttl: _Span, now: _Time) -> None:
        """Takes the TXT records of the name, each with its character-strings concatenated without separators.

        `ttl`: the shortest along the chain to them, in seconds; it is clamped to between 30 s and an hour.
        """

    def handle_txt_not_found(self, *, now: _Time, ttl: _Span | None = None) -> None:
        """Takes the answer of DNS that the name or type does not exist.

        `ttl`: the time for which this may be cached, in seconds (RFC 2308); it is clamped to between 30 s and an hour.
        """

    def handle_txt_failed(self, failure: TxtFailure | literal.TxtFailure, /, *, now: _Time) -> None:
        """Takes the reason why DNS gave no usable answer: a `TxtFailure`.

        Raises MtaStsError, `unknown-word`, for an unknown keyword.
        """

    def handle_response(
        self, *, status: int, content_type: _Octets | None, body: _Octets, now: _Time
    ) -> None:
        """Takes the response of the Policy Host, after its certificate was verified for its name; a status other
        than 200 is a response too."""

    def handle_fetch_failed(self, failure: FetchFailure | literal.FetchFailure, /, *, now: _Time) -> None:
        """Takes the reason why the Policy Host gave no response, or none that could be trusted: a `FetchFailure`.

        Raises MtaStsError, `unknown-word`, for an unknown keyword.
        """

@final
class MxVerdict:
    """The verdict on an MX host: the decision, and the rows to count in TLSRPT now if the host is skipped, since it has
    no session."""

    __match_args__: Final = ("decision", "rows")

    def __new__(cls, decision: MxDecision, rows: Iterable[TlsrptRow]) -> MxVerdict: ...
    @property
    def decision(self) -> MxDecision:
        """The decision: `Skip`, `Authenticate`, `AuthenticateByDane`, `AuthenticateByBoth`, `Encrypt` or
        `Opportunistic`."""

    @property
    def rows(self) -> tuple[TlsrptRow, ...]:
        """The rows to count in TLSRPT (RFC 8460, 4.3), each a `TlsrptRow`; empty unless the host is skipped."""

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __ne__(self, other: object, /) -> bool: ...

@final
class SessionVerdict:
    """The verdict on a session: whether to send the message, the reason if not, and the rows to count in TLSRPT."""

    __match_args__: Final = ("decision", "fault", "rows")

    def __new__(
        cls,
        decision: SessionDecision | literal.SessionDecision,
        fault: SessionFault | literal.SessionFault | None,
        rows: Iterable[TlsrptRow],
    ) -> SessionVerdict: ...
    @property
    def decision(self) -> SessionDecision:
        """The decision whether to send the message: a `SessionDecision`."""

    @property
    def fault(self) -> SessionFault | None:
        """The reason for not sending it: a `SessionFault` for `Delivery.conclude`; `None` if it may be sent."""

    @property
    def rows(self) -> tuple[TlsrptRow, ...]:
        """The rows to count in TLSRPT (RFC 8460, 4.3), each a `TlsrptRow`."""

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __ne__(self, other: object, /) -> bool: ...

@final
class Delivery:
    r"""Decides how a message to a domain may be sent: before a connection, after TLS, and at the end.

    >>> from mta_sts import Delivery, Policy
    >>> policy = Policy.parse(b"version: STSv1\nmode: enforce\nmx: mx.example.com\nmax_age: 604800\n")
    >>> delivery = Delivery.under(policy)
    >>> delivery.check_mx("mx.example.com").decision
    Authenticate(dns_id='mx.example.com')
    >>> delivery.check_session("mx.example.com", "certificate-expired").decision
    <SessionDecision.TRY_NEXT_MX: 'try-next-mx'>

    A delivery is made by `Delivery.of(outcome)`, `under(policy)`, `without_policy()` or `undetermined()`. All take
    `message`: what the message asks about TLS, a `MessageTls`; `minimum`: what the operator requires of every session,
    a `TlsMinimum`; `dane_precedence`: the precedence for a host that has DANE and a policy, a `DanePrecedence`;
    `tlsrpt_report`: whether the message is a TLSRPT report, which is sent despite failures of MTA-STS and DANE (RFC
    8460, 3). Each raises MtaStsError, `unknown-word`, for an unknown keyword.
    """

    def __new__(cls, *_arguments: Never, **_options: Never) -> Delivery: ...
    @staticmethod
    def of(
        outcome: Outcome,
        /,
        *,
        message: MessageTls | literal.MessageTls = "unspecified",
        minimum: TlsMinimum | literal.TlsMinimum = "opportunistic",
        dane_precedence: DanePrecedence | literal.DanePrecedence = "both",
        tlsrpt_report: bool = False,
    ) -> Delivery:
        """A delivery under the outcome of a lookup: its policy, none, or that this could not be determined.

        >>> from mta_sts import Delivery, TxtFailed, drive
        >>> outcome = drive("example.com", query_txt=lambda _: TxtFailed("dns-servfail"), fetch_policy=None)
        >>> Delivery.of(outcome).check_mx("mx.example.com").decision
        Skip(fault=<SessionFault.POLICY_UNKNOWN: 'policy-unknown'>)

        If DNS did not tell whether there is a policy, the message waits: sending it is the goal of an attacker who
        suppresses the record (RFC 8461, 10.2).
        """

    @staticmethod
    def under(
        policy: Policy,
        /,
        *,
        message: MessageTls | literal.MessageTls = "unspecified",
        minimum: TlsMinimum | literal.TlsMinimum = "opportunistic",
        dane_precedence: DanePrecedence | literal.DanePrecedence = "both",
        tlsrpt_report: bool = False,
    ) -> Delivery:
        """A delivery under this policy, of any mode."""

    @staticmethod
    def without_policy(
        *,
        message: MessageTls | literal.MessageTls = "unspecified",
        minimum: TlsMinimum | literal.TlsMinimum = "opportunistic",
        dane_precedence: DanePrecedence | literal.DanePrecedence = "both",
        tlsrpt_report: bool = False,
    ) -> Delivery:
        """A delivery to a domain that provably has no policy. If that is not known, use `undetermined()`."""

    @staticmethod
    def undetermined(
        *,
        message: MessageTls | literal.MessageTls = "unspecified",
        minimum: TlsMinimum | literal.TlsMinimum = "opportunistic",
        dane_precedence: DanePrecedence | literal.DanePrecedence = "both",
        tlsrpt_report: bool = False,
    ) -> Delivery:
        """A delivery to a domain whose policy could not be determined: no host is contacted, and the message waits."""

    def check_mx(
        self,
        host: DnsName | str,
        /,
        *,
        dane: DaneState | literal.DaneState = "not-applicable",
        dnssec: bool = False,
    ) -> MxVerdict:
        """Decides about one MX host, before a connection: returns an `MxVerdict`.

        `host` is the name as given in the MX record. A text that is not a host name, such as an IP address, is skipped
        if a policy is enforced or a certificate required, and receives the message otherwise. `dane` is a `DaneState`;
        `dnssec`, whether DNSSEC authenticates the MX record.

        Raises MtaStsError, `unknown-word`, for an unknown keyword.
        """

    def plan(self, hosts: Iterable[DnsName | str | MxHost], /) -> Plan:
        """Decides about each host of the MX list, in order, leaving none out: returns a `Plan`.

        `hosts` are names as given in the MX records, or `MxHost` with what DANE and DNSSEC say about them.

        Raises MtaStsError, `unknown-word`, for an unknown keyword.
        """

    def check_session(
        self,
        host: DnsName | str,
        tls: TlsResult | literal.TlsResult,
        /,
        *,
        dane: DaneState | literal.DaneState = "not-applicable",
        dnssec: bool = False,
        dane_result: DaneResult | literal.DaneResult = "not-checked",
        offers_requiretls: bool = False,
    ) -> SessionVerdict:
        """Decides whether the message may be sent over this session, with or without TLS: returns a `SessionVerdict`.

        >>> from mta_sts import Delivery
        >>> delivery = Delivery.without_policy()
        >>> # Trusted by no issuer, and one of the TLSA records matches.
        >>> session = "certificate-not-trusted"
        >>> delivery.check_session("mx.example.com", session, dane="usable", dane_result="passed").decision
        <SessionDecision.DELIVER: 'deliver'>

        `tls` is a `TlsResult`. `dane` and `dnssec` are the same as for `check_mx`. `dane_result`: the result of
        comparing the certificate with the TLSA records, a `DaneResult`. `offers_requiretls`: whether the last EHLO
        response offers REQUIRETLS.

        Raises ValueError for a DANE result in a session without a certificate: TLS was not established, or is older
        than 1.2. Raises MtaStsError, `unknown-word`, for an unknown keyword.
        """

    def recheck(self, outcome: Outcome, /) -> Recheck:
        """Compares the outcome of a lookup before a permanent failure with the policy of this delivery: returns a
        `Recheck`.

        The lookup must have `Purpose.BEFORE_PERMANENT_FAILURE`, and the result is for `conclude()` (RFC 8461, 5.1).
        """

    def conclude(
        self,
        hosts: Iterable[SessionFault | literal.SessionFault | None],
        /,
        *,
        lifetime: QueueLifetime | literal.QueueLifetime = "running",
        recheck: Recheck | literal.Recheck | None = None,
    ) -> Conclusion:
        r"""Decides what to do with a message that no host accepted: returns `Defer`, `RecheckPolicy`, `TryAgain` or
        `Bounce`.

        >>> from mta_sts import Delivery, Policy
        >>> policy = Policy.parse(b"version: STSv1\nmode: enforce\nmx: mx.example.com\nmax_age: 604800\n")
        >>> delivery = Delivery.under(policy)
        >>> delivery.conclude(["mx-mismatch"], lifetime="over")
        RecheckPolicy()
        >>> delivery.conclude(["mx-mismatch"], lifetime="over", recheck="unchanged")
        Bounce(status='5.4.7')

        `hosts` has for each one a `SessionFault`, or `None` if it was unreachable or failed temporarily. `lifetime`:
        whether the message may remain in the queue, a `QueueLifetime`. `recheck`: the result of `recheck()` after a
        `RecheckPolicy`.

        Raises MtaStsError, `unknown-word`, for an unknown keyword.
        """

@final
class Findings(Sequence[Finding]):
    """The findings of a `lint_` function, in the order of the text: a sequence that creates each `Finding` on access.

    A text has a finding of severity error exactly if the parser refuses it. At most 100 findings are returned, and then
    one that counts the others.
    """

    @overload
    def __getitem__(self, key: int, /) -> Finding: ...
    @overload
    def __getitem__(self, key: slice, /) -> list[Finding]: ...
    def __len__(self) -> int: ...
    def index(self, finding: Finding, /) -> int:  # type: ignore[override]
        """The index of the first occurrence of this finding.

        Raises ValueError if there is none.
        """

    def count(self, finding: Finding, /) -> int:
        """The number of occurrences of this finding."""

    def __copy__(self, /) -> Findings: ...
    def __deepcopy__(self, memo: object, /) -> Findings: ...

@final
class PolicyCache:
    """A bounded in-memory cache of entries, with a schedule for refreshes. Any thread may use it.

    >>> from mta_sts import Lookup, PolicyCache
    >>> cache = PolicyCache(max_entries=1000)
    >>> lookup = Lookup("example.com", now=1_700_000_000, cached=cache.get("example.com", now=1_700_000_000))
    >>> lookup.handle_txt_not_found(ttl=300, now=1_700_000_000)
    >>> cache.apply("example.com", lookup.poll_output().outcome.cache_update, now=1_700_000_000)
    []
    >>> len(cache)
    1

    `max_entries`: the maximum number of domains, 65,536 by default. When it is reached, the entry with the lowest rank
    is evicted; a policy of mode enforce last. `max_octets`: the maximum memory for policies, 256 MiB by default, each
    counted once however many domains share it. `unused_for`: the time without use after which a domain is no longer
    refreshed, in seconds or as a timedelta; 180 days by default.

    It holds the results of finished lookups, and nothing about running ones: concurrent lookups of one domain each make
    queries, unless a `Resolver` runs them.

    Times are Unix seconds or aware datetimes. Raises MtaStsError for an invalid domain.
    """

    def __new__(
        cls, *, max_entries: int = 65536, max_octets: int = 268435456, unused_for: _Span | None = None
    ) -> PolicyCache: ...
    def get(self, domain: PolicyDomain | str, /, *, now: _Time) -> CacheEntry | None:
        """The entry of a domain, or `None` if nothing in it is current. It counts as a use."""

    def peek(self, domain: PolicyDomain | str, /, *, now: _Time) -> CacheEntry | None:
        """The same entry as `get`, without counting as a use: for a refresh."""

    def apply(
        self, domain: PolicyDomain | str, update: CacheUpdate, /, *, now: _Time
    ) -> list[Evicted]:
        """Applies the update of a lookup; returns the evicted entries, each an `Evicted`. It does not count as a
        use of a cached domain."""

    def insert(
        self, domain: PolicyDomain | str, entry: CacheEntry, /, *, now: _Time
    ) -> list[Evicted]:
        """Inserts a saved entry; returns the evicted entries, each an `Evicted`. It counts as a use."""

    def remove(self, domain: PolicyDomain | str, /) -> CacheEntry | None:
        """Removes a domain; returns its entry, or `None`."""

    def remove_expired(self, *, now: _Time) -> Evicted | None:
        """Removes one entry in which nothing is current; returns it as an `Evicted`, or `None`.

        There is no need to call it: such entries are evicted first.
        """

    def purge(self, *, now: _Time) -> int:
        """Removes all entries in which nothing is current; returns their number."""

    def poll_refresh(self, *, now: _Time) -> PolicyDomain | None:
        """A domain whose policy is due for a refresh (RFC 8461, 10.2), the longest overdue first, or `None`.

        Run a lookup with `Purpose.REFRESH` on the entry from `peek`, and `apply` its update. If no update is applied,
        the domain is returned again after half an hour.
        """

    def poll_timeout(self) -> int | None:
        """The time at which `poll_refresh` next has something to do, in Unix seconds, or `None`. A time in the
        past means now."""

    def entries(self) -> list[tuple[PolicyDomain, CacheEntry]]:
        """All domains and entries, in order to save them, in the order in which they would be evicted."""

    @property
    def max_entries(self) -> int:
        """The maximum number of domains."""

    @property
    def max_octets(self) -> int:
        """The maximum memory for policies, in octets."""

    @property
    def octets(self) -> int:
        """The memory that policies take, in octets."""

    def __len__(self) -> int: ...
    def __contains__(self, domain: PolicyDomain | str, /) -> bool: ...

@final
class Report:
    """A report of one organisation about its TLS sessions with a domain, usually for one day (RFC 8460, 4.4).

    >>> from mta_sts.tlsrpt import FailureDetails, Report, ReportPeriod, ReportPolicy
    >>> report = Report(
    ...     organization="Sender Inc.",
    ...     contact="tls@sender.example",
    ...     id="2023-11-14.7f3a@sender.example",
    ...     period=ReportPeriod.of_day(1_700_000_000),
    ...     policies=[
    ...         ReportPolicy(
    ...             "sts",
    ...             "example.com",
    ...             mx_hosts=["mx.example.com"],
    ...             successes=4_212,
    ...             failures=61,
    ...             details=[FailureDetails("certificate-expired", 61, receiving_mx_hostname="mx.example.com")],
    ...         )
    ...     ],
    ... )
    >>> Report.parse(report.to_json(), strict=True) == report
    True

    A member that the sender left out is `None`. A received report is untrusted input: its texts may contain any character,
    and its content may be untrue. Two reports are equal if their content is equal, regardless of their deviations.

    Raises TypeError or ValueError for a value of a wrong type or range. `to_json` checks whether the report is valid.
    """

    __match_args__: Final = ("organization", "period", "policies")

    def __new__(
        cls,
        *,
        organization: str,
        contact: str,
        id: str,
        period: ReportPeriod,
        policies: Iterable[ReportPolicy] | None = None,
    ) -> Report: ...
    @staticmethod
    def parse(
        data: _Octets,
        /,
        *,
        strict: bool = False,
        max_octets: int = 10485760,
        max_policies: int = 1000,
        max_details: int = 20000,
    ) -> Report:
        """Parses a report: JSON, either plain or compressed with gzip, as detected from its first octets.

        >>> import gzip
        >>> from mta_sts.tlsrpt import Report
        >>> report = Report.parse(gzip.compress(b'{"contact-info": null, "policies": []}'))
        >>> [(deviation.code, deviation.path) for deviation in report.deviations][:2]
        [('null-member', 'contact-info'), ('no-policies', 'policies')]

        Many senders deviate from RFC 8460, and a rejected report would hide the failures that it describes. Therefore
        everything that can be understood is accepted, and `deviations` lists the departures. `strict`: the first deviation is
        an error.

        `max_octets`: the maximum length of the decompressed report, 10 MiB by default. `max_policies`, `max_details`: the
        maximum number of policies, and of failure details in all policies together. Time and memory are linear in `max_octets`,
        regardless of the decompressed size of the input. For a long report, other threads can run meanwhile.

        Raises MtaStsError if the report is not valid JSON, is damaged gzip, is not an object, has no `policies`, or exceeds a
        limit. `.path` and `.offset` are the place in the JSON.
        """

    @property
    def organization(self) -> str | None:
        """The reporting organisation: `organization-name`."""

    @property
    def contact(self) -> str | None:
        """The mail address of the organisation: `contact-info`."""

    @property
    def submitter(self) -> str | None:
        """The domain of `contact`, which must be that of `TLS-Report-Submitter` (RFC 8460, 5.3)."""

    @property
    def id(self) -> str | None:
        """The `report-id`. Together with the organisation and the period it identifies duplicates."""

    @property
    def period(self) -> ReportPeriod | None:
        """The period of the report: `date-range`."""

    @property
    def policies(self) -> tuple[ReportPolicy, ...]:
        """The policies of the report, each a `ReportPolicy`."""

    @property
    def successes(self) -> int:
        """The number of successful sessions, summed over all policies. A session may be counted under both DANE and MTA-STS."""

    @property
    def failures(self) -> int:
        """The number of failed sessions, summed over all policies."""

    @property
    def deviations(self) -> tuple[Deviation, ...]:
        """The departures of the parsed report from RFC 8460 or I-JSON, each a `Deviation`, in the order of their detection.

        At most 256; if there are more, the last one is `more-deviations`.
        """

    def with_missing_domains(self, domain: PolicyDomain | str, /) -> Report:
        """Returns the report with this domain, usually from the file name (`ReportFileName`), in the policies that have none.

        A domain in the body takes precedence (RFC 8460, 5.6). Raises MtaStsError for an invalid domain.
        """

    def to_json(self) -> str:
        """Writes the report: I-JSON (RFC 7493) on one line, members in the order of RFC 8460, 4.4.

        The same report always gives the same text, and `parse` reads it back without a deviation. Members that are `None` are
        omitted. To send it, see `mail_parts`.

        Raises MtaStsError with `.path` if a receiver would misread or reject the report: a member that RFC 8460 requires is
        missing; the period is not one UTC day; the contact has no domain; a name is not in A-labels or has a trailing dot; a
        type is unknown, or an address is invalid; a text is empty, too long, or has invalid characters; the details cover fewer
        sessions than failed.
        """

    def mail_parts(self, domain: PolicyDomain | str, sender: ReportSender, /) -> MailParts:
        """Returns the specific parts of the mail that carries the report to this domain, a `MailParts`; `mail` makes the whole
        mail.

        Raises MtaStsError for a report that no receiver would accept from this sender: `other-report-submitter`, if the domain
        of its `contact` differs; `bad-report-id`, if its `id` cannot be used in a subject; `missing-report-period`. The reports
        of a `Tally` have none of these faults.
        """

    def mail(
        self,
        domain: PolicyDomain | str,
        /,
        *,
        to: Mailto | str,
        date: _Time | None = None,
    ) -> EmailMessage:
        """Returns the mail that carries the report to this domain: an `email.message.EmailMessage`, whose `as_bytes()` are its
        octets.

        The mail is from the `contact` of the report. `to`: one address of the `rua`, a `Mailto` or its text; each address gets
        its own mail. `date`: in Unix seconds or an aware datetime, now by default. A DKIM signature must cover both header
        fields that begin with `TLS-Report` (RFC 8460, 5.3).

        Raises MtaStsError in the cases of `to_json` and `mail_parts`, and if the contact is not a plain address.
        """

    def to_dict(self) -> ReportDict:
        """Returns the report as dicts, lists, strings and numbers, for `json`, `pandas.json_normalize` and similar functions.

        The keys are the names of the attributes; all are present. `start` and `end` are those of the period, in Unix seconds.
        Texts of the sender are unchanged, including deviations.
        """

    def _with_deviations(self, deviations: tuple[Deviation, ...]) -> Report: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __ne__(self, other: object, /) -> bool: ...

@final
class ReportPeriod:
    """The period of a report, in Unix seconds: `start` and `end` are its first and last second (RFC 8460, 4.4).

    >>> from mta_sts.tlsrpt import ReportPeriod
    >>> day = ReportPeriod.of_day(1_700_000_000)
    >>> day, day.is_one_day
    (ReportPeriod(1699920000, 1700006399), True)

    Times are Unix seconds or aware datetimes. Raises ValueError if the end is before the start.
    """

    __match_args__: Final = ("start", "end")

    def __new__(cls, start: _Time, end: _Time, /) -> ReportPeriod: ...
    @staticmethod
    def of_day(time: _Time, /) -> ReportPeriod:
        """Returns the UTC day that contains this time, from 00:00:00 to 23:59:59 (RFC 8460, 4.1)."""

    @property
    def start(self) -> int:
        """The first second of the period."""

    @property
    def end(self) -> int:
        """The last second of the period."""

    @property
    def is_one_day(self) -> bool:
        """Whether it is one whole UTC day, as it should be (RFC 8460, 4.1)."""

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __lt__(self, other: ReportPeriod, /) -> bool: ...
    def __le__(self, other: ReportPeriod, /) -> bool: ...
    def __gt__(self, other: ReportPeriod, /) -> bool: ...
    def __ge__(self, other: ReportPeriod, /) -> bool: ...

@final
class ReportPolicy:
    """The results under one policy: an element of `policies` (RFC 8460, 4.4).

    >>> from mta_sts.tlsrpt import ReportPolicy
    >>> policy = ReportPolicy("no-policy-found", "example.com", successes=12)
    >>> policy.kind, policy.domain, policy.successes, policy.failures
    (<PolicyType.NO_POLICY_FOUND: 'no-policy-found'>, 'example.com', 12, 0)

    `kind` is a `PolicyType`, or another string. `domain` is the recipient domain, or for `tlsa` the name of the TLSA
    records (RFC 8460, 1.1), in A-labels. `lines`: the lines of an MTA-STS policy as received, including errors, or one line
    for each TLSA record; at most 4,096 octets of a line and 65,536 of all lines are kept. `mx_hosts`: the patterns of the
    policy, in A-labels. `successes`, `failures`: the numbers of sessions, 2**53 - 1 at most. `details`: a `FailureDetails`
    for each kind of failure.
    """

    __match_args__: Final = ("kind", "domain")

    def __new__(
        cls,
        kind: PolicyType | str,
        domain: str,
        /,
        *,
        lines: Iterable[str] | None = None,
        mx_hosts: Iterable[str] | None = None,
        successes: int = 0,
        failures: int = 0,
        details: Iterable[FailureDetails] | None = None,
    ) -> ReportPolicy: ...
    @property
    def kind(self) -> PolicyType | str:
        """The kind of the policy, a `PolicyType`, or a plain `str` if RFC 8460 does not register it: `policy-type`."""

    @property
    def domain(self) -> str | None:
        """The domain of the policy: `policy-domain`."""

    @property
    def lines(self) -> list[str]:
        """The lines of the policy, or its TLSA records: `policy-string`."""

    @property
    def mx_hosts(self) -> list[str]:
        """The `mx` patterns of the policy: `mx-host`."""

    @property
    def successes(self) -> int:
        """The number of sessions that satisfied the policy: `total-successful-session-count`."""

    @property
    def failures(self) -> int:
        """The number of failed sessions: `total-failure-session-count`."""

    @property
    def details(self) -> tuple[FailureDetails, ...]:
        """The failures, a `FailureDetails` for each kind: `failure-details`.

        A session may be counted in several, so their sum may exceed `failures` (RFC 8460, 4).
        """

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __ne__(self, other: object, /) -> bool: ...

@final
class FailureDetails:
    """One kind of failure under a policy, with its number of sessions: an element of `failure-details` (RFC 8460, 4.4).

    >>> from mta_sts.tlsrpt import FailureDetails
    >>> details = FailureDetails("validation-failure", 3, receiving_mx_hostname="mx.example.com", failure_reason_code="mx-mismatch")
    >>> details.result, details.failed_sessions, details.receiving_ip
    (<ResultType.VALIDATION_FAILURE: 'validation-failure'>, 3, None)

    `result` is a `ResultType`, or another string; `failed_sessions` is 2**53 - 1 at most. Addresses are strings, or objects
    of `ipaddress`. `receiving_mx_helo`: the name in the greeting of the MX host or in its answer to EHLO; only the first
    word is kept, 255 octets at most. `failure_reason_code`: an error code or message of the sender, truncated to 128
    octets, since a report should disclose little about the sender (RFC 8460, 8). In both, `?` replaces characters that are
    not printable ASCII.
    """

    __match_args__: Final = ("result", "failed_sessions")

    def __new__(
        cls,
        result: ResultType | str,
        failed_sessions: int,
        /,
        *,
        sending_mta_ip: _Address | None = None,
        receiving_mx_hostname: str | None = None,
        receiving_mx_helo: str | None = None,
        receiving_ip: _Address | None = None,
        additional_information: str | None = None,
        failure_reason_code: str | None = None,
    ) -> FailureDetails: ...
    @property
    def result(self) -> ResultType | str:
        """The kind of failure, a `ResultType`, or a plain `str` if RFC 8460 does not register it: `result-type`."""

    @property
    def failed_sessions(self) -> int:
        """The number of sessions with this failure: `failed-session-count`."""

    @property
    def sending_mta_ip(self) -> str | None:
        """The address of the sending mail server: `sending-mta-ip`. An invalid address is returned as written."""

    @property
    def receiving_mx_hostname(self) -> str | None:
        """The name of the MX host, as in its MX record: `receiving-mx-hostname`."""

    @property
    def receiving_mx_helo(self) -> str | None:
        """The name that the MX host uses for itself: `receiving-mx-helo`."""

    @property
    def receiving_ip(self) -> str | None:
        """The address of the MX host: `receiving-ip`. An invalid address is returned as written."""

    @property
    def additional_information(self) -> str | None:
        """The URI of a page with more information: `additional-information`."""

    @property
    def failure_reason_code(self) -> str | None:
        """The reason, in the sender's own, non-standard words: `failure-reason-code`. `explain` knows many of them."""

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __ne__(self, other: object, /) -> bool: ...

@final
class ReportSender:
    """The sender of reports: a mail address (`contact-info`) and the name of the organisation (`organization-name`).

    >>> from mta_sts.tlsrpt import ReportSender
    >>> str(ReportSender("tls-reports@sender.example", "Sender Inc.").submitter)
    'sender.example'

    The submitter is always the domain of the address: `TLS-Report-Submitter` must equal it (RFC 8460, 5.3).

    Raises MtaStsError, `bad-sender-contact` or `bad-sender-organization`, which is a configuration error.
    """

    __match_args__: Final = ("contact", "organization")

    def __new__(cls, contact: str, organization: str, /) -> ReportSender: ...
    @property
    def submitter(self) -> PolicyDomain:
        """The domain that reports come from."""

    @property
    def contact(self) -> str:
        """The contact address, with its domain in lower case and A-labels."""

    @property
    def organization(self) -> str:
        """The name of the organisation."""

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __ne__(self, other: object, /) -> bool: ...

@final
class ReportSubject:
    """The parsed subject of a mail with a report (RFC 8460, 5.3).

    >>> from mta_sts.tlsrpt import ReportSubject
    >>> subject = ReportSubject.parse("Report Domain: example.com Submitter: mail.sender.example Report-ID: <735ff.e317@sender.example>")
    >>> str(subject.domain), str(subject.submitter), subject.report_id
    ('example.com', 'mail.sender.example', '735ff.e317@sender.example')

    It suggests which report a mail carries; the report itself takes precedence (RFC 8460, 5.6).
    """

    __match_args__: Final = ("domain", "submitter", "report_id")

    @staticmethod
    def parse(subject: str, /) -> ReportSubject | None:
        """Parses the value of `Subject`, folded or not, with encoded words decoded; `None` if it is not the subject of a report.

        Angle brackets around the Report-ID may be missing, and it need not be a msg-id: large senders write it so.
        """

    @property
    def domain(self) -> PolicyDomain:
        """The domain that the report is about."""

    @property
    def submitter(self) -> PolicyDomain:
        """The domain of the sender of the report."""

    @property
    def report_id(self) -> str:
        """The Report-ID, without angle brackets. Some senders use a different one in the report."""

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __ne__(self, other: object, /) -> bool: ...

@final
class ReportFileName:
    """The name of a file with a report (RFC 8460, 5.1).

    >>> from mta_sts.tlsrpt import ReportFileName
    >>> name = ReportFileName.parse("mail.sender.example!example.com!1470013207!1470186007!001.json.gz")
    >>> str(name.submitter), str(name.domain), name.period, name.unique_id, name.is_compressed
    ('mail.sender.example', 'example.com', ReportPeriod(1470013207, 1470186007), '001', True)

    It gives the domain of a report that lacks one (`Report.with_missing_domains`); the report itself takes precedence (RFC
    8460, 5.6). Never use a received file name as a path: use the `str()` of this value, which is safe.
    """

    __match_args__: Final = ("submitter", "domain", "period")

    @staticmethod
    def parse(name: str, /) -> ReportFileName | None:
        """Parses a file name without directories; `None` if it is not the name of a report.

        The first octets of a file show more reliably than its name whether it is compressed.
        """

    @property
    def submitter(self) -> PolicyDomain:
        """The domain of the sender of the report."""

    @property
    def domain(self) -> PolicyDomain:
        """The domain that the report is about."""

    @property
    def period(self) -> ReportPeriod:
        """The period of the report."""

    @property
    def unique_id(self) -> str | None:
        """The identifier that distinguishes reports about the same period: letters and digits, or `None`."""

    @property
    def is_compressed(self) -> bool:
        """Whether the name ends in `.json.gz` instead of `.json`."""

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __ne__(self, other: object, /) -> bool: ...

@final
class Event:
    """An event for a report: a session with an MX host, or a failed policy discovery.

    >>> from mta_sts import Delivery
    >>> from mta_sts.tlsrpt import Event
    >>> verdict = Delivery.without_policy().check_session("mx.example.com", "not-offered")
    >>> [event] = [Event.session("example.com", row, mx_host="mx.example.com") for row in verdict.rows]
    >>> event.policy_type, event.has_failed
    (<PolicyType.NO_POLICY_FOUND: 'no-policy-found'>, True)

    `Tally.count` counts it, and a `Datagram` sends it to another program. It is made by `Event.session` or
    `Event.discovery`, or comes from a datagram. A connection that failed before the greeting of the host has no row, and is
    not an event (RFC 8460, 4.3.4).
    """

    def __new__(cls, *_arguments: Never, **_options: Never) -> Event: ...
    @staticmethod
    def session(
        domain: PolicyDomain | str,
        row: TlsrptRow,
        /,
        *,
        mx_host: DnsName | str | None = None,
        policy: Policy | None = None,
        tlsa_records: Iterable[str] | None = None,
        helo: str | None = None,
        sending_ip: _Address | None = None,
        receiving_ip: _Address | None = None,
        reason: str | None = None,
        record: TlsrptRecord | str | None = None,
        tlsrpt_report: bool = False,
    ) -> Event:
        """Makes the event of a session with an MX host of `domain`, or of one that its policy forbade: one for each `TlsrptRow` of
        a verdict.

        `mx_host`: the host as in its MX record; an invalid host name is omitted. `policy`: the MTA-STS policy of the domain,
        reported with sessions that are counted under MTA-STS. `tlsa_records`: the TLSA records of the host, reported with
        sessions that are counted under DANE; each is its usage, selector, matching type and data in hexadecimal, separated by
        spaces. `helo`: the name that the host uses for itself, its greeting, or its answer to EHLO; only the first word is
        used. `sending_ip`, `receiving_ip`: the addresses. `reason`: the `failure-reason-code`, if you know more than the code
        of the row, such as the error of your TLS library; 128 octets at most.

        `record`: the TLSRPT record of the domain, a `TlsrptRecord` or its text; with an invalid text the event is not counted,
        and without a record it is counted, and the record is queried when the report is due. `tlsrpt_report`: whether the
        message is itself a TLS report, whose sessions are not counted (RFC 8460, 3).

        Raises MtaStsError for an invalid domain.
        """

    @staticmethod
    def discovery(
        domain: PolicyDomain | str,
        outcome: Outcome,
        /,
        *,
        record: TlsrptRecord | str | None = None,
        tlsrpt_report: bool = False,
    ) -> Event | None:
        """Makes the event of a failed policy discovery of `domain` from its `Outcome`; `None` if there is nothing to report.

        Without a policy it is a failed session under MTA-STS. If a cached policy applies, the session that follows is counted
        separately, and the failure is an additional detail (RFC 8460, 4). `record`, `tlsrpt_report`: as in `session`.

        Raises MtaStsError for an invalid domain.
        """

    def with_sending_ip(self, address: _Address, /) -> Event:
        """Returns the event with another sending address: the public one of a host behind a NAT."""

    @property
    def domain(self) -> PolicyDomain:
        """The recipient domain, to which the report goes."""

    @property
    def policy_type(self) -> PolicyType:
        """The policy type under which the event is counted, a `PolicyType`."""

    @property
    def has_failed(self) -> bool:
        """Whether it is counted as a failed session."""

    def __copy__(self) -> Event: ...
    def __deepcopy__(self, _memo: object, /) -> Event: ...

@final
class Datagram:
    """A datagram of libtlsrpt about one delivery: the TLS results with an MX host, under each policy that was looked up.

    >>> from mta_sts.tlsrpt import Datagram
    >>> datagram = Datagram.parse(
    ...     b'{"d": "example.com", "pr": "v=TLSRPTv1; rua=mailto:tls@example.com", "policies": ['
    ...     b'{"policy-type": 9, "policy-domain": "example.com", "t": 0, "f": 0}]}'
    ... )
    >>> str(datagram.domain), [event.has_failed for event in datagram.events]
    ('example.com', [False])

    Your own mail server can send the same to the program that counts: make a `Datagram` from the domain and its TLSRPT
    record, a `TlsrptRecord` or its text, `add` each `Event`, and send `to_json()` to the socket.

    Raises MtaStsError for an invalid domain.
    """

    __hash__: ClassVar[None]  # type: ignore[assignment]

    def __new__(cls, domain: PolicyDomain | str, record: TlsrptRecord | str, /) -> Datagram: ...
    @staticmethod
    def parse(datagram: _Octets, /) -> Datagram:
        """Parses a datagram, 64 KiB at most.

        The version may be missing or `1`. Invalid UTF-8 is replaced, and unknown members are ignored. An unknown result type is
        counted as `validation-failure`. If the reason is an OpenSSL error for a wrong name, date or issuer,
        `validation-failure` becomes the specific result type (RFC 8460, 4.3).

        Raises MtaStsError with `.line` and `.offset` for an invalid datagram. Count the error and continue: any local program
        may write to the socket.
        """

    @property
    def domain(self) -> PolicyDomain:
        """The recipient domain."""

    @property
    def record(self) -> str:
        """The TLSRPT record of the recipient domain, as seen by the sender."""

    @property
    def events(self) -> tuple[Event, ...]:
        """The events to count, each an `Event` with the record."""

    def add(self, event: Event, /) -> bool:
        """Adds an event of the same recipient domain; the event's own record is ignored.

        Returns whether it could be added. A datagram cannot express a failed policy discovery while a cached policy applies,
        since each of its policies stands for a session; nor a session of a TLS report, which is not counted; nor an event of
        another domain.
        """

    def to_json(self) -> str:
        """Writes the datagram in the format of libtlsrpt, version 1.

        Raises MtaStsError, `datagram-without-policy` or `datagram-too-long`: no program would count such a datagram, so do not
        send one.
        """

    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...

@final
class Tally:
    """Counts TLS sessions with other domains, and makes the reports about them (RFC 8460). It is thread-safe.

    >>> from mta_sts.tlsrpt import Datagram, ReportSender, Tally
    >>> tally = Tally(ReportSender("tls-reports@sender.example", "Sender Inc."), seed=7)
    >>> datagram = Datagram.parse(
    ...     b'{"d": "example.com", "pr": "v=TLSRPTv1; rua=mailto:tls@example.com", "policies": ['
    ...     b'{"policy-type": 9, "policy-domain": "example.com", "t": 0, "f": 0}]}'
    ... )
    >>> [str(counted) for counted in tally.count_datagram(datagram, now=1_700_000_000)]
    ['whole']
    >>> now = tally.poll_timeout()
    >>> due = tally.poll_report(now=now)
    >>> str(due.domain), due.report.successes, due.attempt
    ('example.com', 1, 1)
    >>> message = due.mail(to="tls@example.com")
    >>> tally.handle_delivery(due.id, "delivered", now=now)
    >>> tally.is_empty
    True

    `sender`: the sender of the reports. `seed`: a random number, kept secret and the same across restarts: it keys the hash
    of untrusted names, and determines when the report of a domain is due. `max_domains`: the maximum number of recipient
    domains per day, 65,536 by default. `max_octets`: the maximum memory of all counts, 64 MiB by default.

    The reports of a UTC day are due between ten minutes and about four hours after its end. To deliver one, query the
    TLSRPT record of the domain again, and try all of its URIs; the report is delivered when one of them has accepted it
    (RFC 8460, 3).

    Times are Unix seconds or aware datetimes. Raises MtaStsError for an invalid domain.
    """

    def __new__(
        cls,
        sender: ReportSender,
        /,
        *,
        seed: int,
        max_domains: int = 65536,
        max_octets: int = 67108864,
    ) -> Tally: ...
    @staticmethod
    def parse(
        text: _Octets,
        sender: ReportSender,
        /,
        *,
        seed: int,
        max_domains: int = 65536,
        max_octets: int = 67108864,
    ) -> Tally:
        """Parses the output of `to_text`; several outputs may be concatenated, each but the first without its first line.

        The other arguments are those of `Tally`. Sessions beyond their limits are lost (`lost_sessions`).

        Raises MtaStsError with `.line` and `.offset` if the text is truncated, damaged, or of a later version. Keep it for
        inspection, and start with an empty tally.
        """

    def count(self, event: Event, /, *, now: _Time) -> Counted:
        """Counts an event, and returns the result, a `Counted`."""

    def count_datagram(self, datagram: Datagram, /, *, now: _Time) -> list[Counted]:
        """Counts the events of a datagram, and returns a `Counted` for each."""

    def merge(self, other: Tally, /) -> None:
        """Adds the counts of another tally that are not delivered yet, day by day.

        The other tally may come from another machine, or hold the counts made while this one was loaded. A tally that is merged
        twice is counted twice. Sessions beyond the limits are lost (`lost_sessions`). Raises ValueError for the tally itself.
        """

    def note_report_mail(self, domain: PolicyDomain | str, /, *, now: _Time) -> None:
        """Notes that a report was mailed to this domain, which is that of the address, not the one that the report is about. Call
        it at each attempt.

        Another program may count the session without knowing that it carried a report. A domain gets no report if all of its
        sessions succeeded and they are no more than the reports mailed to it that day; otherwise two domains would send each
        other reports forever.
        """

    def poll_report(self, *, now: _Time) -> DueReport | None:
        """Returns the next report that is due, a `DueReport`, or `None`.

        Unless `handle_delivery` is given the result, the report is due again later, as if the delivery had failed.
        """

    def poll_timeout(self) -> int | None:
        """Returns the time when `poll_report` should be called next, in Unix seconds, or `None`. A time in the past means now."""

    def handle_delivery(
        self, id: DueId, end: ReportDelivery | literal.ReportDelivery, /, *, now: _Time
    ) -> int | None:
        """Handles the result of a delivery, a `ReportDelivery`; returns the time of the next attempt, when `poll_report` returns
        the report again.

        The delays between attempts are 5, 15 and 45 minutes, then 2, 5 and 15 hours; `None` means no further attempt. The
        result of a report that is no longer known is ignored. Raises MtaStsError, `unknown-word`, for an unknown keyword.
        """

    def to_text(self) -> str:
        """Returns all counts as text: the same counts give the same text, in all languages.

        Reports in delivery are included, with their attempts; after `parse` they are due again at the time of their next
        attempt.
        """

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to report."""

    def domains(self, day: _Time, /) -> int:
        """Returns the number of domains that are counted on the day of this time."""

    @property
    def octets(self) -> int:
        """The memory that all counts use, in octets; never more than `max_octets`."""

    @property
    def lost_sessions(self) -> int:
        """The number of sessions that were lost because a merge, a parsed text, or a clock correction exceeded a limit."""

@final
class DueId:
    """The identity of a due report, for `Tally.handle_delivery`, also across restarts: the domain, the day of UTC that contains
    `day`, and the number among the reports about both, from 0.

    >>> from mta_sts.tlsrpt import DueId
    >>> DueId("example.com", day=1_700_000_000, number=0)
    DueId('example.com', day=1699920000, number=0)

    Raises MtaStsError for an invalid domain.
    """

    def __new__(cls, domain: PolicyDomain | str, /, *, day: _Time, number: int) -> DueId: ...
    @property
    def domain(self) -> PolicyDomain:
        """The domain that the report is about."""

    @property
    def day(self) -> int:
        """The first second of the day, in Unix seconds."""

    @property
    def number(self) -> int:
        """The number of the report among those about the domain and the day, from 0."""

    def __copy__(self) -> DueId: ...
    def __deepcopy__(self, _memo: object, /) -> DueId: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __lt__(self, other: DueId, /) -> bool: ...
    def __le__(self, other: DueId, /) -> bool: ...
    def __gt__(self, other: DueId, /) -> bool: ...
    def __ge__(self, other: DueId, /) -> bool: ...

@final
class ReadyRules:
    """The thresholds of the conditions for enforcing a policy, for `assess`.

    >>> from mta_sts.tlsrpt import ReadyRules
    >>> ReadyRules().days, ReadyRules(days=28, accepted=["old-mx.example.com"]).days
    (14, 28)

    `certificate_days`: the number of days for which the certificate of each MX host must remain valid if no renewal has
    been observed, 14 by default. `served_days`: the number of full days without a failed fetch of the policy, 7. `days`:
    the number of full days for which the same list of MX hosts must have been served, 14. `submitters`: the number of
    organisations that must have reported successes, 2. `sessions`: the number of sessions that must have succeeded, 100.
    `few_sessions`: the number of sessions that is enough for a domain with little mail, and the number of days after which
    it is, `(10, 28)`. `silent_days`: the maximum number of days without a reported success, 7. `clean_days`: the number of
    days without a failure caused by the domain itself, 7. `witnesses`: the number of organisations that must report a
    failure before it is attributed to the domain, 2. `other_failures`: the number of sessions per thousand of one
    organisation that may fail for other causes, and the number of days on which they may, `(5, 2)`. `accepted`: hosts that
    reports may name although they are not in DNS.

    Raises MtaStsError for an invalid host.
    """

    __hash__: ClassVar[None]  # type: ignore[assignment]

    def __new__(
        cls,
        *,
        certificate_days: int | None = None,
        served_days: int | None = None,
        days: int | None = None,
        submitters: int | None = None,
        sessions: int | None = None,
        few_sessions: tuple[int, int] | None = None,
        silent_days: int | None = None,
        clean_days: int | None = None,
        witnesses: int | None = None,
        other_failures: tuple[int, int] | None = None,
        accepted: Iterable[DnsName | str] | None = None,
    ) -> ReadyRules: ...
    @property
    def certificate_days(self) -> int:
        """The number of days for which a certificate must remain valid."""

    @property
    def served_days(self) -> int:
        """The number of full days without a failed fetch of the policy."""

    @property
    def days(self) -> int:
        """The number of full days for which the same list of MX hosts must have been served."""

    @property
    def submitters(self) -> int:
        """The number of organisations that must have reported successes."""

    @property
    def sessions(self) -> int:
        """The number of sessions that must have succeeded."""

    @property
    def few_sessions(self) -> tuple[int, int]:
        """The number of sessions that is enough for a domain with little mail, and the number of days after which it is."""

    @property
    def silent_days(self) -> int:
        """The maximum number of full days without a reported success."""

    @property
    def clean_days(self) -> int:
        """The number of full days without a failure caused by the domain itself."""

    @property
    def witnesses(self) -> int:
        """The number of organisations that must report a failure before it is attributed to the domain."""

    @property
    def other_failures(self) -> tuple[int, int]:
        """The number of sessions per thousand that may fail for other causes, and the number of days on which they may."""

    @property
    def accepted(self) -> tuple[DnsName, ...]:
        """The accepted hosts."""

    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...

@final
class Draft:
    r"""A policy to be published, and the record that announces it (RFC 8461, 3).

    >>> from mta_sts.publish import Draft
    >>> draft = Draft("example.com", "testing", ["mx1.example.com", "mx2.example.com"], max_age=86_400)
    >>> draft.text
    'version: STSv1\r\nmode: testing\r\nmx: mx1.example.com\r\nmx: mx2.example.com\r\nmax_age: 86400\r\n'
    >>> draft.record
    'v=STSv1; id=30c0b8f46936bb03b5e2'

    `hosts`: every host in the MX records or, without MX records, the domain itself; mode none names none of them. `max_age`:
    seconds or a `timedelta`, from a day to a year. `wildcards`: patterns that stand for the hosts they cover; any host below
    could then receive the mail, so exact names are better (RFC 8461, 10.4).

    A draft is always a policy that senders accept. The order of the hosts makes no difference, and the same policy has the
    same id.

    Raises MtaStsError for what would stop mail, or what senders would refuse; `.name` is the host or the wildcard at fault.
    """

    def __new__(
        cls,
        domain: PolicyDomain | str,
        mode: Mode | literal.Mode,
        hosts: Iterable[DnsName | str],
        /,
        *,
        max_age: _Span,
        wildcards: Iterable[MxPattern | str] | None = None,
    ) -> Draft: ...
    @property
    def domain(self) -> PolicyDomain:
        """The domain."""

    @property
    def policy(self) -> Policy:
        """The policy."""

    @property
    def text(self) -> str:
        """The body of the policy, each line ended by CRLF: serve it at `domain.policy_url` as `text/plain`."""

    @property
    def id(self) -> str:
        """The id of the policy: the first 20 hexadecimal digits of the SHA-256 of its body."""

    @property
    def record(self) -> str:
        """The TXT record to publish at `domain.txt_name`, as one character-string."""

    def zone_record(self, *, ttl: _Span = 3600) -> ZoneRecord:
        """Returns the TXT record with its name and a TTL, in seconds, as a `ZoneRecord`."""

    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class History:
    r"""What a domain has published, and when: its policies, the ids of its record, and its MX hosts. It is thread-safe.

    >>> from mta_sts import Policy
    >>> from mta_sts.publish import History
    >>> day = 86_400
    >>> history = History("example.com")
    >>> week = Policy.parse("version: STSv1\nmode: enforce\nmx: mx.example.com\nmax_age: 604800\n")
    >>> history.note_policy(week, now=0)
    >>> history.note_policy(Policy.parse("version: STSv1\nmode: none\nmax_age: 86400\n"), now=30 * day)
    >>> policy, until = history.longest_cached(now=31 * day)
    >>> policy.max_age, until // day
    (604800, 37)

    `unknown_until`: the time until which senders may hold a policy that is not in this history, for a domain that had policies
    before its history was kept: now and the longest `max_age` that it ever served.

    Note what is published whenever it changes, or whenever it was looked at: what has not changed is no change. Keep `to_text()`
    after each change: it says what senders may still hold. At most 64 policies, 64 ids and 1024 hosts are held; of a policy that
    is forgotten, `unknown_until` remains.

    Times are Unix seconds or aware datetimes. Raises MtaStsError for an invalid domain.
    """

    __hash__: ClassVar[None]  # type: ignore[assignment]

    def __new__(cls, domain: PolicyDomain | str, /, *, unknown_until: _Time | None = None) -> History: ...
    @staticmethod
    def parse(text: _Octets, /) -> History:
        """Parses the output of `to_text`.

        Raises MtaStsError with `.line` and `.offset` if the text is truncated, damaged, or of a later version. Do not plan
        without the history: what senders may hold is then not known.
        """

    def to_text(self) -> str:
        """Returns the history as text: the same history has the same text, in all languages."""

    def note_policy(self, policy: Policy | None, /, *, now: _Time) -> None:
        """Notes the policy that the Policy Host serves at this time; `None` if there is none that senders could fetch."""

    def note_record(self, id: str | None, /, *, now: _Time) -> None:
        """Notes the id of the record at this time; `None` if there is no record that senders would use.

        Raises MtaStsError, `bad-id`, if it is no id.
        """

    def note_hosts(self, hosts: Iterable[DnsName | str], /, *, now: _Time) -> None:
        """Notes the hosts in the MX records at this time; without MX records, the domain itself.

        Raises MtaStsError for an invalid host.
        """

    @property
    def domain(self) -> PolicyDomain:
        """The domain."""

    @property
    def unknown_until(self) -> int:
        """The time until which senders may hold a policy that is not in this history, in Unix seconds; 0 if there is none."""

    @property
    def policy(self) -> ServedPolicy | None:
        """The policy that is served, a `ServedPolicy`, or `None`."""

    @property
    def record(self) -> SeenRecord | None:
        """The id that the record has, a `SeenRecord`, or `None`."""

    @property
    def policies(self) -> tuple[ServedPolicy, ...]:
        """Every policy, in the order in which they were last begun to be served."""

    @property
    def records(self) -> tuple[SeenRecord, ...]:
        """Every id of the record, in the order in which they were last published."""

    @property
    def hosts(self) -> tuple[SeenHost, ...]:
        """Every MX host."""

    def longest_cached(self, *, now: _Time) -> tuple[ServedPolicy, int] | None:
        """Returns the policy that some sender may hold the longest, and until when, if nobody fetched one from now on; `None` if
        nobody may hold one.
        """

    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
