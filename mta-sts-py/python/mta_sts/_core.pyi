from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from email.message import EmailMessage
from ipaddress import IPv4Address, IPv6Address
from typing import ClassVar, Final, TypeAlias, final, overload

from typing_extensions import Never

from . import _literals as literal
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
    "DueId",
    "Event",
    "FailureDetails",
    "Findings",
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
    "lint_policy",
    "lint_record",
    "lint_response",
    "lint_rrset",
    "lint_tlsrpt_record",
    "lint_tlsrpt_rrset",
    "message_tls",
    "policy_type_number",
    "postfix_tls_policy",
    "result_type_number",
    "result_type_of",
    "tls_required_no",
]

__version__: Final[str]

def codes() -> dict[literal.Code, tuple[int, str]]:
    """Every code that an error, a finding, a fault or a reason can have, with its number and its sentence.

    >>> import mta_sts
    >>> mta_sts.codes()["bad-id"]
    (205, 'The `id` is not 1 to 32 letters and digits.')

    Later versions have more; none changes its number.
    """

def dns_id_matches(dns_id: str, host: DnsName | str, /) -> bool:
    """Whether a DNS-ID of a certificate covers this host (RFC 8461, 4.2; RFC 9525, 6.3).

    >>> from mta_sts import dns_id_matches
    >>> dns_id_matches("*.example.com", "mx.example.com"), dns_id_matches("mx*.example.com", "mx1.example.com")
    (True, False)

    It is for TLS libraries that do not compare names. What is no host name is not covered.
    """

def lint_policy(
    body: _Octets,
    /,
    *,
    strict: bool = False,
    mx_hosts: Iterable[DnsName | str] | None = None,
) -> Findings:
    r"""What is to be said of the body of a policy (RFC 8461, 3.2).

    >>> import mta_sts
    >>> body = b"version: STSv1\nmode: enforce\nmx: mx.a.test\nmax_age: 604800\n"
    >>> [finding.code for finding in mta_sts.lint_policy(body, mx_hosts=["mx.a.test", "mx.b.test"])]
    ['mx-not-covered']

    `strict`: what `Policy.parse` tolerates is an error, and no warning. `mx_hosts`: the MX hosts of the domain; those that no
    pattern covers are told.

    Raises MtaStsError for a host that is no host name.
    """

def lint_record(txt: _Octets, /) -> Findings:
    """What is to be said of one TXT record, its character-strings joined with nothing between (RFC 8461, 3.1).

    >>> import mta_sts
    >>> [finding.code for finding in mta_sts.lint_record("v=STSv1; id=2026-11-24")]
    ['bad-id']
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
    """What is to be said of what a Policy Host answered: status, media type, size, and the policy in it (RFC 8461, 3.3).

    Options are those of `Policy.from_response` and of `lint_policy`. The body of an answer with another status than 200 is not
    looked at.

    Raises MtaStsError for a host that is no host name.
    """

def lint_rrset(rrset: Iterable[_Octets], /) -> Findings:
    """What is to be said of all TXT records of `_mta-sts` (RFC 8461, 3.1).

    The line of a finding is the number of its record, from 1; spans count through the records, one after the other.
    """

def lint_tlsrpt_record(txt: _Octets, /) -> Findings:
    """What is to be said of one TXT record that asks for TLS reports (RFC 8460, 3).

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
    """What is to be said of all TXT records of `_smtp._tls` (RFC 8460, 3). Lines and spans are those of `lint_rrset`.

    What is known besides is told too: the domain, the TTL of the records in the zone, in seconds, and whether the domain
    has an MTA-STS record.

    Raises MtaStsError for a domain that is none.
    """

def message_tls(*, requiretls: bool, tls_required_no: bool, null_reverse_path: bool) -> MessageTls:
    """What a message asks about TLS, as `MessageTls.of` has it (RFC 8689, 4.1 and 4.2.1)."""

def policy_type_number(word: literal.PolicyType, /) -> int:
    """The number that libtlsrpt gives a `PolicyType`.

    Raises MtaStsError, `unknown-word`, if it is none.
    """

def postfix_tls_policy(
    policy: Policy,
    domain: PolicyDomain | str,
    /,
    *,
    form: PostfixForm | literal.PostfixForm = "basic",
    mx_hosts: Iterable[DnsName | str] | None = None,
) -> str | None:
    r"""A policy as the answer to Postfix's, or sendmail's, TLS policy lookup; `None` for NOTFOUND.

    >>> from mta_sts import Policy, postfix_tls_policy
    >>> policy = Policy.parse(b"version: STSv1\nmode: enforce\nmx: *.example.com\nmax_age: 604800\n")
    >>> postfix_tls_policy(policy, "example.com")
    'secure match=.example.com servername=hostname'

    `form`: how much the answer tells, a `PostfixForm`. `mx_hosts`: those of them that the policy covers stand for its
    patterns. There is no answer in mode none, and in mode testing only with `extended-with-testing`.

    Raises MtaStsError when the policy cannot be told to Postfix: answer TEMP, so that the mail waits.
    """

def result_type_number(word: literal.ResultType, /) -> int:
    """The number that libtlsrpt gives a `ResultType`.

    Raises MtaStsError, `unknown-word`, if it is none.
    """

def result_type_of(code: literal.FetchFailure | literal.SessionFault, /) -> ResultType | None:
    """What TLSRPT counts a `FetchFailure` or a `SessionFault` as, a `ResultType`; `None` for what it does not count."""

def tls_required_no(values: Iterable[_Octets], /) -> bool:
    r"""Whether a message says `TLS-Required: No` (RFC 8689, 3). `values` are those of all header fields of that name.

    >>> from mta_sts import tls_required_no
    >>> tls_required_no([" no\r\n"]), tls_required_no([" No", " No"])
    (True, False)

    The field must stand once, and nothing may follow the word. Anything else counts as no field, since that protects the
    message.
    """

def explain(policy_type: PolicyType | str, result_type: ResultType | str, reason: str | None = None, /) -> Hint:
    """What a failure of a report means: its cause, whose it is, and what mends it, a `Hint`.

    >>> from mta_sts.tlsrpt import explain
    >>> hint = explain("sts", "validation-failure", "unable_to_get_local_issuer_certificate")
    >>> hint.code, str(hint.whose)
    ('issuer-unknown', 'owner')
    >>> hint.fix
    'Install the whole chain, of certbot `fullchain.pem` and not `cert.pem`, of a certificate from a public CA.'

    It takes the `kind` of a `ReportPolicy`, and the `result` and the `failure_reason_code` of its `FailureDetails`, which may be any
    text or `None`. A reason is in words of the sender's own: known are those of this package, Postfix, OpenSSL, Microsoft, mox,
    Stalwart and of programs in Go. One that is not known is passed over.
    """

def hints() -> list[Hint]:
    """Every `Hint` but those of faults that `lint` finds, whose codes and sentences are the same there."""

def hint_of_code(code: str, /) -> Hint:
    """The `Hint` that has this code.

    Raises MtaStsError, `unknown-word`, if none has.
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
    r"""Whether a policy in mode testing can be enforced, and what is missing: a `Readiness`.

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

    `reports` may be of any domain: policies of others are passed over, and so are reports without a period, or with one that ends
    after tomorrow. Of two with the same organisation, `report-id` and period the worst of both counts. `policy`: the policy that is
    served. `live`: what a check sees of the domain now; without one the answer is never "ready". `since`: since when the policy has
    this list of `mx`; without it reports must tell. `mended_at`: when a fault of the domain was mended last; failures of that day
    count as from before. `rules`: the numbers of the conditions, those of `ReadyRules()` if none are given.

    It asks nobody. Anybody can write a report: hand in those only that you believe. Other threads run meanwhile.

    Raises MtaStsError for a domain, a host or the code of a hint that is none.
    """

@final
class DnsName:
    r"""A name in DNS: lower case, A-labels, no trailing dot; 253 octets at most.

    >>> from mta_sts import DnsName
    >>> str(DnsName.parse("MX1.B\u00fccher.Example."))
    'mx1.xn--bcher-kva.example'

    Equal to another name, and to its text in this form, whose hash it has.
    """

    @staticmethod
    def parse(name: str, /) -> DnsName:
        """Reads a name: any case, A-labels or U-labels, one trailing dot at most, brackets around the whole.

        Raises MtaStsError, whose `.offset` is the octet at fault; an address, with brackets or without, is `address-literal`.
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
    """A domain that mail goes to, and whose policy is asked for (RFC 8461, 3.1).

    >>> from mta_sts import PolicyDomain
    >>> domain = PolicyDomain.of_recipient("alice@Example.com")
    >>> domain.txt_name, domain.policy_url
    ('_mta-sts.example.com', 'https://mta-sts.example.com/.well-known/mta-sts.txt')

    It is the domain of the recipient, or the name of a smart host (RFC 8461, 3.4). Equal to another domain, and to its text in
    lower case with A-labels and no trailing dot, whose hash it has.
    """

    @staticmethod
    def parse(domain: str, /) -> PolicyDomain:
        """Reads a domain, as `DnsName.parse` reads a name.

        Raises MtaStsError, whose `.offset` is the octet at fault. An address has no policy (RFC 8461, 3.4), and neither has a
        domain so long that `_mta-sts.` cannot stand before it.
        """

    @staticmethod
    def of_recipient(address: str, /) -> PolicyDomain:
        """The domain of a mail address, with the angle brackets of a path or without (RFC 5321, 4.1.2).

        Raises MtaStsError: `missing-domain` for a local part alone, and else as `parse`; `.offset` counts from the start of the
        address.
        """

    @property
    def txt_name(self) -> str:
        """Where the record is: `_mta-sts.` and the domain (RFC 8461, 3.1)."""

    @property
    def tlsrpt_txt_name(self) -> str | None:
        """Where the record that asks for TLS reports is: `_smtp._tls.` and the domain (RFC 8460, 3).

        `None` for a domain so long that it would be no name.
        """

    @property
    def policy_host(self) -> str:
        """The Policy Host: `mta-sts.` and the domain. Its certificate must be valid for this name (RFC 8461, 3.3)."""

    @property
    def policy_url(self) -> str:
        """Where the policy is: one URL, without a port or a query (RFC 8461, 3.2)."""

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
        """Reads one TXT record, its character-strings joined with nothing between.

        Raises MtaStsError, whose `.offset` is the octet at fault. To a sender such a record is none (RFC 8461, 3.1).
        """

    @staticmethod
    def select(rrset: Iterable[_Octets], /) -> Record:
        """Picks the record out of all TXT records of the name; those that do not begin as one do not count.

        Raises MtaStsError: `no-record`, `several-records`, or what is wrong with the one there is. To a sender the domain has no
        policy then (RFC 8461, 3.1).
        """

    @property
    def id(self) -> str:
        """The id of the policy: 1 to 32 letters and digits. It changes whenever the policy does; ids have no order."""

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __ne__(self, other: object, /) -> bool: ...

@final
class TlsrptRecord:
    """The TXT record of a domain that wants TLS reports (RFC 8460, 3).

    >>> from mta_sts import TlsrptRecord
    >>> TlsrptRecord.parse("v=TLSRPTv1; rua=mailto:tls@example.com,https://r.example/v1").uris
    (Mailto(address='tls@example.com'), Https(url='https://r.example/v1'))
    """

    __match_args__: Final = ("uris",)

    @staticmethod
    def parse(txt: _Octets, /) -> TlsrptRecord:
        """Reads one TXT record, its character-strings joined with nothing between.

        Raises MtaStsError, whose `.offset` is the octet at fault: such a domain gets no report.
        """

    @staticmethod
    def select(rrset: Iterable[_Octets], /) -> TlsrptRecord:
        """Picks the record out of all TXT records of the name; those that do not begin as one do not count.

        Raises MtaStsError: `no-tlsrpt-record`, `several-tlsrpt-records`, or what is wrong with the one there is.
        """

    @property
    def uris(self) -> tuple[Mailto | Https, ...]:
        """Where reports go: one to eight `Mailto` and `Https`, in the order of the record."""

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __ne__(self, other: object, /) -> bool: ...

@final
class MxPattern:
    """A pattern of MX hosts: a host, or a wildcard that covers exactly one label more (RFC 8461, 4.1).

    >>> from mta_sts import MxPattern
    >>> MxPattern.parse("*.example.com").matches("mx1.example.com")
    True

    Equal to another pattern, and to its text in lower case with no trailing dot, whose hash it has.
    """

    @staticmethod
    def parse(pattern: str, /) -> MxPattern:
        """Reads a pattern: any case, A-labels alone, one trailing dot at most.

        Raises MtaStsError, whose `.offset` is the octet at fault, for a text that can never cover a host.
        """

    def matches(self, host: DnsName | str, /) -> bool:
        """Whether the pattern covers this MX host.

        Raises MtaStsError if it is no host name.
        """

    @property
    def is_wildcard(self) -> bool:
        """Whether the pattern begins with `*.`, and so covers each name that has one label in place of the star."""

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __ne__(self, other: object, /) -> bool: ...

@final
class MxPatterns(Sequence[MxPattern]):
    r"""The patterns of a policy: a sequence that makes each one when it is asked for.

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
        """Where this pattern, or its text, stands first.

        Raises ValueError if it does not.
        """

    def count(self, pattern: MxPattern | str, /) -> int:
        """How often this pattern, or its text, stands here."""

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __ne__(self, other: object, /) -> bool: ...

@final
class Policy:
    r"""A policy: what a domain asks of those who send to it (RFC 8461, 3.2).

    >>> from mta_sts import Policy
    >>> policy = Policy.parse(b"version: STSv1\nmode: enforce\nmx: *.example.com\nmax_age: 604800\n")
    >>> str(policy.mode), policy.max_age, [str(pattern) for pattern in policy.mx]
    ('enforce', 604800, ['*.example.com'])
    >>> policy.matches_mx("MX1.example.com.")
    True

    Equal if the texts are. `str()` gives the policy as the grammar writes it; `text` as it was received.
    """

    __match_args__: Final = ("mode", "max_age", "mx")

    @staticmethod
    def parse(body: _Octets, /, *, strict: bool = False) -> Policy:
        """Reads the body of a policy (RFC 8461, 3.2).

        Four departures from the grammar that are seen in practice pass: blank lines, a byte order mark in front, a dot at the
        end of an `mx`, underscores in it. With `strict` they do not.

        Raises MtaStsError, whose `.line` and `.offset` are the place.
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
        """Reads the policy out of what the Policy Host answered, its certificate verified (RFC 8461, 3.3).

        `max_body_len`: the longest body, in octets. `strict`: as for `parse`. `accept_missing_content_type`: take an answer
        without the field for `text/plain`.

        Raises MtaStsError, whose `.result_type` is what TLSRPT counts: the status is not 200, the media type not `text/plain`,
        the body too long or no policy.
        """

    @property
    def mode(self) -> Mode:
        """What the domain asks: a `Mode` (RFC 8461, 5)."""

    @property
    def max_age(self) -> int:
        """How long the policy is in force after it was fetched, in seconds: a year, 31,557,600, at most."""

    @property
    def mx(self) -> MxPatterns:
        """The patterns of the MX hosts, in their order, duplicates kept. In mode none there may be none."""

    @property
    def text(self) -> str:
        """The text as it was received."""

    @property
    def lines(self) -> list[str]:
        """The lines as they were received, without blank ones: the `policy-string` of TLSRPT (RFC 8460, 4.4)."""

    def matches_mx(self, host: DnsName | str, /) -> bool:
        """Whether a pattern covers this MX host, given as its MX record has it (RFC 8461, 4.1).

        What is no host name is not covered. In mode testing and none a host that is not covered gets the mail all the same:
        `Delivery` knows.
        """

    def matching_pattern(self, host: DnsName | str, /) -> MxPattern | None:
        """The first pattern that covers this MX host, or `None`.

        Raises MtaStsError if it is no host name.
        """

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __ne__(self, other: object, /) -> bool: ...

@final
class CachedPolicy:
    r"""A policy that was fetched, with the id that its record had before the fetch, and the time at which it was asked for.

    >>> from mta_sts import CachedPolicy, Policy
    >>> policy = Policy.parse("version: STSv1\nmode: none\nmax_age: 86400\n")
    >>> cached = CachedPolicy(policy, "1", 1_700_000_000)
    >>> cached.expires_at, cached.is_valid(1_700_086_400), cached.is_valid(1_700_086_401)
    (1700086400, True, False)

    Times are Unix seconds or aware datetimes. Raises MtaStsError, `bad-id`, for an id that is none.
    """

    __match_args__: Final = ("policy", "id", "fetched_at")

    def __new__(cls, policy: Policy, id: str, fetched_at: _Time, /) -> CachedPolicy: ...
    @property
    def policy(self) -> Policy:
        """The policy."""

    @property
    def id(self) -> str:
        """The id of its record, as it was before the fetch."""

    @property
    def fetched_at(self) -> int:
        """When it was asked for, in Unix seconds: its answer may have been held back."""

    @property
    def expires_at(self) -> int:
        """The last second in which the policy is in force, in Unix seconds: `max_age` after the fetch."""

    def is_valid(self, now: _Time, /) -> bool:
        """Whether the policy is in force at this time."""

    def refresh_at(self, spread: int, /, *, now: _Time) -> int | None:
        r"""When the policy should be asked for again, while it still protects mail (RFC 8461, 3.3 and 10.2), in Unix seconds.

        >>> from mta_sts import CachedPolicy, Policy
        >>> policy = Policy.parse("version: STSv1\nmode: none\nmax_age: 604800\n")
        >>> cached = CachedPolicy(policy, "1", 1_700_000_000)
        >>> cached.refresh_at(0, now=1_700_000_000)
        1700086400
        >>> cached.refresh_at(hash("example.com"), now=1_700_000_000) >= 1_700_064_800
        True

        For a store of your own: then run a lookup for `Purpose.REFRESH`. A `PolicyCache` and the stores of this package go by it.

        That is a day after it was asked for, or half its `max_age` if that is shorter, and up to a quarter of this earlier: `spread`,
        any number of the domain's own, says how much, 0 not at all, so that not all are due at the same time. `None` where `max_age` is
        less than an hour or the policy has lapsed: it is fetched when there is mail for its domain.

        A fetch that lies in the future was made before the clock stepped back, and counts as one of `now`: so a time that you have
        kept, and that is more than a day ahead, comes from before that; take it for due. While refreshes fail the policy stays due:
        let half an hour pass before the next.
        """

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __ne__(self, other: object, /) -> bool: ...

@final
class CacheEntry:
    """What is remembered of a domain: its policy, that it has none, which fetches have failed of late.

    >>> from mta_sts import CacheEntry, CacheUpdate
    >>> failed = CacheUpdate.back_off("1", requested_at=1_700_000_000, until=1_700_000_300)
    >>> entry = failed.apply_to(None, now=1_700_000_000)
    >>> CacheEntry.parse(entry.to_text("example.com"), "example.com") == entry
    True

    A value for any store: `to_text()` is for a file or a database, and every language reads the same text. A policy in it may
    have expired; `valid_policy()` says.
    """

    @staticmethod
    def parse(text: _Octets, domain: PolicyDomain | str, /) -> CacheEntry:
        """Reads what `to_text()` wrote of this domain. A text of version 1 names no domain, and is read for any.

        Raises MtaStsError with `.line` and `.offset`: nothing of a broken text, or of that of another domain, is used.
        """

    def to_text(self, domain: PolicyDomain | str, /) -> str:
        """The entry of this domain as text, the same in all languages. It names the domain, and is read for no other."""

    def valid_policy(self, now: _Time, /) -> CachedPolicy | None:
        """The policy, if one is in force at this time, or `None`."""

    @property
    def policy(self) -> CachedPolicy | None:
        """The policy, in force or expired; `None` if there is none."""

    @property
    def checked_until(self) -> int:
        """Until when a delivery need not ask for the record again, in Unix seconds; 0 without a policy."""

    @property
    def absence(self) -> Absence | None:
        """That the domain had no usable record, and until when that is believed: an `Absence`, or `None`."""

    @property
    def back_offs(self) -> list[BackOff]:
        """The record ids that are not fetched for a while (RFC 8461, 3.3): four `BackOff` at most."""

    @property
    def fetch_failures(self) -> int:
        """How many fetches have failed since the policy was fetched."""

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __ne__(self, other: object, /) -> bool: ...

@final
class CacheUpdate:
    """What to remember after a lookup. Apply it to whatever the store holds by then.

    Times are Unix seconds or aware datetimes.
    """

    @staticmethod
    def keep() -> CacheUpdate:
        """Nothing new: a store has nothing to write."""

    @staticmethod
    def checked(id: str, /, *, checked_at: _Time, until: _Time) -> CacheUpdate:
        """The record was looked at, at `checked_at`, and the policy of this id stays as it is: deliver without asking DNS until then.

        It vouches for no policy that was asked for later. Raises MtaStsError, `bad-id`, if it is no id.
        """

    @staticmethod
    def absent(reason: literal.RecordCode, /, *, until: _Time) -> CacheUpdate:
        """The domain has no usable record; that is believed until then. `reason` is the code of the record's fault.

        Raises MtaStsError, `unknown-word`, if it is no such code.
        """

    @staticmethod
    def back_off(id: str, /, *, requested_at: _Time, until: _Time) -> CacheUpdate:
        """The policy of this record id, asked for at `requested_at`, could not be fetched: leave it alone until then (RFC 8461, 3.3).

        A policy of this id that was asked for as late, or later, is not left alone. Raises MtaStsError, `bad-id`, if it is no id.
        """

    @staticmethod
    def store(policy: CachedPolicy, /, *, checked_until: _Time) -> CacheUpdate:
        """A policy was fetched: deliver without asking DNS until `checked_until`."""

    def apply_to(self, entry: CacheEntry | None, /, *, now: _Time) -> CacheEntry | None:
        """The entry after this update; `None` when nothing is left worth remembering.

        `entry` is what the store holds by now, or `None`. An older fetch never replaces a newer one, and an absence never hides a
        policy that is in force.
        """

    @property
    def kind(self) -> literal.UpdateKind:
        """What the update does: `keep`, `checked`, `absent`, `back-off` or `store`."""

    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    __hash__: None  # type: ignore[assignment]

@final
class LookupConfig:
    """How lookups go: the limits of RFC 8461, 3.3, unless said otherwise. Spans of time are seconds or timedeltas.

    `back_off`: how long a record id whose fetch failed is left alone: 300 s by default and at least, a day at most. `timeout`:
    of one fetch, 60 s by default. `max_body_len`: of a policy, 65,536 octets by default, 1,048,576 at most. `strict`: read
    policies by the grammar alone. `accept_missing_content_type`: take an answer without the field for `text/plain`.

    Raises TypeError or ValueError for an option that cannot be.
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
        """How long a record id whose fetch failed is left alone, in seconds."""

    @property
    def timeout(self) -> float:
        """How long a fetch may take, from the address of the Policy Host to the end of the body, in seconds."""

    @property
    def max_body_len(self) -> int:
        """How long the body of a policy may be, in octets."""

    def __getnewargs_ex__(self, /) -> tuple[tuple[()], dict[str, float | bool]]: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    __hash__: None  # type: ignore[assignment]

@final
class Lookup:
    r"""One policy discovery, without I/O: says what to ask, is told the answers, ends with an `Outcome`.

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

    `cached`: what the store holds of the domain, or `None`. `purpose`: what the lookup is for, a `Purpose`. `config`: the
    limits, those of RFC 8461, 3.3 by default. Times are Unix seconds or aware datetimes. `drive()` and `drive_async()` run a
    lookup to its end over your DNS and HTTPS functions.

    Lookups know nothing of each other: while one goes on, another of the same domain asks the same questions. `resolver.Resolver`
    and `aio.Resolver` look a domain up once for all who ask at a time.

    Raises MtaStsError for a domain or a purpose that is none. An answer that was not asked for raises MtaStsError,
    `unexpected-input` or `already-done`, and leaves the lookup as it was.
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
        """The domain that is looked up."""

    def poll_output(self) -> Output:
        """What to do next: `QueryTxt`, `FetchPolicy` or `Done`. It says the same until the next answer."""

    def handle_txt(self, rrset: Iterable[_Octets], /, *, ttl: _Span, now: _Time) -> None:
        """Takes the TXT records of the name, each one's character-strings joined with nothing between.

        `ttl`: the shortest on the way to them, in seconds; it counts as 30 s at least and an hour at most.
        """

    def handle_txt_not_found(self, *, now: _Time, ttl: _Span | None = None) -> None:
        """Takes the answer of DNS that there is no such name or type.

        `ttl`: how long that may be kept, in seconds (RFC 2308); it counts as 30 s at least and an hour at most.
        """

    def handle_txt_failed(self, failure: TxtFailure | literal.TxtFailure, /, *, now: _Time) -> None:
        """Takes it that DNS said nothing usable, and why: a `TxtFailure`.

        Raises MtaStsError, `unknown-word`, if it is none.
        """

    def handle_response(
        self, *, status: int, content_type: _Octets | None, body: _Octets, now: _Time
    ) -> None:
        """Takes what the Policy Host answered, its certificate verified for its name; another status than 200 is an answer too."""

    def handle_fetch_failed(self, failure: FetchFailure | literal.FetchFailure, /, *, now: _Time) -> None:
        """Takes it that no answer came from the Policy Host, or none that could be trusted, and why: a `FetchFailure`.

        Raises MtaStsError, `unknown-word`, if it is none.
        """

@final
class MxVerdict:
    """What to do about an MX host, and what TLSRPT counts already: of a host that is skipped there will be no session."""

    __match_args__: Final = ("decision", "rows")

    def __new__(cls, decision: MxDecision, rows: Iterable[TlsrptRow]) -> MxVerdict: ...
    @property
    def decision(self) -> MxDecision:
        """What to do: `Skip`, `Authenticate`, `AuthenticateByDane`, `AuthenticateByBoth`, `Encrypt` or `Opportunistic`."""

    @property
    def rows(self) -> tuple[TlsrptRow, ...]:
        """What TLSRPT counts (RFC 8460, 4.3), each a `TlsrptRow`; none for a host that is connected to."""

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __ne__(self, other: object, /) -> bool: ...

@final
class SessionVerdict:
    """Whether to send the message over this session, why not, and what TLSRPT counts."""

    __match_args__: Final = ("decision", "fault", "rows")

    def __new__(
        cls,
        decision: SessionDecision | literal.SessionDecision,
        fault: SessionFault | literal.SessionFault | None,
        rows: Iterable[TlsrptRow],
    ) -> SessionVerdict: ...
    @property
    def decision(self) -> SessionDecision:
        """Whether to send the message: a `SessionDecision`."""

    @property
    def fault(self) -> SessionFault | None:
        """Why the message may not go: a `SessionFault` for `Delivery.conclude`; `None` where it may."""

    @property
    def rows(self) -> tuple[TlsrptRow, ...]:
        """What TLSRPT counts (RFC 8460, 4.3), each a `TlsrptRow`."""

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __ne__(self, other: object, /) -> bool: ...

@final
class Delivery:
    r"""What a message to a domain may be sent over: asked before a connection, after TLS, at the end.

    >>> from mta_sts import Delivery, Policy
    >>> policy = Policy.parse(b"version: STSv1\nmode: enforce\nmx: mx.example.com\nmax_age: 604800\n")
    >>> delivery = Delivery.under(policy)
    >>> delivery.check_mx("mx.example.com").decision
    Authenticate(dns_id='mx.example.com')
    >>> delivery.check_session("mx.example.com", "certificate-expired").decision
    <SessionDecision.TRY_NEXT_MX: 'try-next-mx'>

    A delivery is made by `Delivery.of(outcome)`, `under(policy)`, `without_policy()` or `undetermined()`. All take `message`:
    what the message asks, a `MessageTls`; `minimum`: what the operator demands of every session, a `TlsMinimum`;
    `dane_precedence`: what counts where a host has DANE and a policy, a `DanePrecedence`; `tlsrpt_report`: whether the
    message is a TLSRPT report, which goes out despite MTA-STS and DANE (RFC 8460, 3). Each raises MtaStsError,
    `unknown-word`, for a word that is none.
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
        """A delivery under what a lookup came to: its policy, none, or that it could not tell.

        >>> from mta_sts import Delivery, TxtFailed, drive
        >>> outcome = drive("example.com", query_txt=lambda _: TxtFailed("dns-servfail"), fetch_policy=None)
        >>> Delivery.of(outcome).check_mx("mx.example.com").decision
        Skip(fault=<SessionFault.POLICY_UNKNOWN: 'policy-unknown'>)

        Where DNS could not tell whether there is a policy the message waits: to send it would be what an attacker
        wants who suppresses the record (RFC 8461, 10.2).
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
        """A delivery to a domain that provably has no policy. Where that is not known, it is `undetermined()`."""

    @staticmethod
    def undetermined(
        *,
        message: MessageTls | literal.MessageTls = "unspecified",
        minimum: TlsMinimum | literal.TlsMinimum = "opportunistic",
        dane_precedence: DanePrecedence | literal.DanePrecedence = "both",
        tlsrpt_report: bool = False,
    ) -> Delivery:
        """A delivery to a domain of which it is not known whether it has a policy: no host is connected to, and the message waits."""

    def check_mx(
        self,
        host: DnsName | str,
        /,
        *,
        dane: DaneState | literal.DaneState = "not-applicable",
        dnssec: bool = False,
    ) -> MxVerdict:
        """What to do about one MX host, before a connection: an `MxVerdict`.

        `host` is the name in the MX record, as it came. What is no host name, such as an address, is skipped
        where a policy is enforced or a certificate asked for, and gets the message otherwise. `dane` is a
        `DaneState`; `dnssec`, whether DNSSEC vouches for the MX record.

        Raises MtaStsError, `unknown-word`, for a word that is none.
        """

    def plan(self, hosts: Iterable[DnsName | str | MxHost], /) -> Plan:
        """What to do about each host of the MX list, in its order and none left out: a `Plan`.

        `hosts` are names as the MX records have them, or `MxHost` with what DANE and DNSSEC say of them.

        Raises MtaStsError, `unknown-word`, for a word that is none.
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
        """Whether the message may go over this session, after TLS or without: a `SessionVerdict`.

        >>> from mta_sts import Delivery
        >>> delivery = Delivery.without_policy()
        >>> # Trusted by no issuer, and one of the TLSA records matches.
        >>> session = "certificate-not-trusted"
        >>> delivery.check_session("mx.example.com", session, dane="usable", dane_result="passed").decision
        <SessionDecision.DELIVER: 'deliver'>

        `tls` is a `TlsResult`. `dane` and `dnssec` are what `check_mx` was told of the host. `dane_result`: what the
        TLSA records say of the certificate, a `DaneResult`. `offers_requiretls`: whether the last EHLO offers REQUIRETLS.

        Raises ValueError if DANE has a result and the session has no certificate that it could be of: TLS was not
        established, or is older than 1.2. Raises MtaStsError, `unknown-word`, for a word that is none.
        """

    def recheck(self, outcome: Outcome, /) -> Recheck:
        """Compares what a lookup before a permanent failure came to with the policy of this delivery: a `Recheck`.

        The lookup is one for `Purpose.BEFORE_PERMANENT_FAILURE`, and the answer is for `conclude()` (RFC 8461, 5.1).
        """

    def conclude(
        self,
        hosts: Iterable[SessionFault | literal.SessionFault | None],
        /,
        *,
        lifetime: QueueLifetime | literal.QueueLifetime = "running",
        recheck: Recheck | literal.Recheck | None = None,
    ) -> Conclusion:
        r"""What becomes of a message that no host took: `Defer`, `RecheckPolicy`, `TryAgain` or `Bounce`.

        >>> from mta_sts import Delivery, Policy
        >>> policy = Policy.parse(b"version: STSv1\nmode: enforce\nmx: mx.example.com\nmax_age: 604800\n")
        >>> delivery = Delivery.under(policy)
        >>> delivery.conclude(["mx-mismatch"], lifetime="over")
        RecheckPolicy()
        >>> delivery.conclude(["mx-mismatch"], lifetime="over", recheck="unchanged")
        Bounce(status='5.4.7')

        `hosts` says for each one a `SessionFault`, or `None` if it could not be reached or failed temporarily.
        `lifetime`: the age of the message in its queue, a `QueueLifetime`. `recheck`: what came of a `RecheckPolicy`,
        as `recheck()` gives it.

        Raises MtaStsError, `unknown-word`, for a word that is none.
        """

@final
class Findings(Sequence[Finding]):
    """What a `lint_` function found, in the order of the text: a sequence that makes each `Finding` when it is asked for.

    A text has a finding of severity error exactly when the parser refuses it. 100 findings come at most, and then one that counts
    the others.
    """

    @overload
    def __getitem__(self, key: int, /) -> Finding: ...
    @overload
    def __getitem__(self, key: slice, /) -> list[Finding]: ...
    def __len__(self) -> int: ...
    def index(self, finding: Finding, /) -> int:  # type: ignore[override]
        """Where this finding stands first.

        Raises ValueError if it does not.
        """

    def count(self, finding: Finding, /) -> int:
        """How often this finding stands here."""

    def __copy__(self, /) -> Findings: ...
    def __deepcopy__(self, memo: object, /) -> Findings: ...

@final
class PolicyCache:
    """Entries in memory: bounded, and refreshed before they lapse. Any thread may use it.

    >>> from mta_sts import Lookup, PolicyCache
    >>> cache = PolicyCache(max_entries=1000)
    >>> lookup = Lookup("example.com", now=1_700_000_000, cached=cache.get("example.com", now=1_700_000_000))
    >>> lookup.handle_txt_not_found(ttl=300, now=1_700_000_000)
    >>> cache.apply("example.com", lookup.poll_output().outcome.cache_update, now=1_700_000_000)
    []
    >>> len(cache)
    1

    `max_entries`: how many domains it holds, 65,536 by default. When it is full, what is worth least goes; a policy of mode
    enforce goes last. `max_octets`: how much memory the policies may take, 256 MiB by default, each counted once however
    many domains share it. `unused_for`: after what time without a use a domain is refreshed no more, in seconds or as a
    timedelta; 180 days by default.

    It holds what lookups came to, and nothing of those that still go on: several of one domain at once each ask, unless a
    `Resolver` runs them.

    Times are Unix seconds or aware datetimes. Raises MtaStsError for a domain that is none.
    """

    def __new__(
        cls, *, max_entries: int = 65536, max_octets: int = 268435456, unused_for: _Span | None = None
    ) -> PolicyCache: ...
    def get(self, domain: PolicyDomain | str, /, *, now: _Time) -> CacheEntry | None:
        """What is remembered of a domain, or `None` when nothing of it counts any more. It counts as a use."""

    def peek(self, domain: PolicyDomain | str, /, *, now: _Time) -> CacheEntry | None:
        """What is remembered of a domain, as `get` has it. It is no use: for a refresh."""

    def apply(
        self, domain: PolicyDomain | str, update: CacheUpdate, /, *, now: _Time
    ) -> list[Evicted]:
        """Remembers what a lookup came to; gives what had to go for it, each an `Evicted`. It is no use of a domain that is there."""

    def insert(
        self, domain: PolicyDomain | str, entry: CacheEntry, /, *, now: _Time
    ) -> list[Evicted]:
        """Puts in an entry that was saved; gives what had to go for it, each an `Evicted`. It counts as a use."""

    def remove(self, domain: PolicyDomain | str, /) -> CacheEntry | None:
        """Forgets a domain; gives its entry, or `None`."""

    def remove_expired(self, *, now: _Time) -> Evicted | None:
        """Removes one entry in which nothing counts any more; gives it, an `Evicted`, or `None`.

        There is no need to call it: such entries are the first to go.
        """

    def purge(self, *, now: _Time) -> int:
        """Removes all entries in which nothing counts any more; gives how many."""

    def poll_refresh(self, *, now: _Time) -> PolicyDomain | None:
        """A domain whose policy is due for a refresh (RFC 8461, 10.2), the longest due first, or `None`.

        Run a lookup for `Purpose.REFRESH` on what `peek` gives, and `apply` what comes of it. If nothing comes of it, the domain
        is named again after half an hour.
        """

    def poll_timeout(self) -> int | None:
        """When `poll_refresh` next has something to do, in Unix seconds, or `None`. A time that is past means now."""

    def entries(self) -> list[tuple[PolicyDomain, CacheEntry]]:
        """All that is remembered, to save it: domains and entries, in the order in which they would go."""

    @property
    def max_entries(self) -> int:
        """How many domains it holds at most."""

    @property
    def max_octets(self) -> int:
        """How much memory the policies may take at most, in octets."""

    @property
    def octets(self) -> int:
        """How much memory the policies take, in octets."""

    def __len__(self) -> int: ...
    def __contains__(self, domain: PolicyDomain | str, /) -> bool: ...

@final
class Report:
    """A report of one organisation about TLS with a domain, usually for a day (RFC 8460, 4.4).

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

    What a sender left out is `None`. Everything in a report that was received is a stranger's text: it may hold any character,
    and may be untrue. Two reports are equal that say the same, whatever their deviations are.

    Raises TypeError or ValueError for a value that cannot be. What may not stand in a report `to_json` tells.
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
        """Reads a report: JSON, compressed with gzip or not, which its first octets tell.

        >>> import gzip
        >>> from mta_sts.tlsrpt import Report
        >>> report = Report.parse(gzip.compress(b'{"contact-info": null, "policies": []}'))
        >>> [(deviation.code, deviation.path) for deviation in report.deviations][:2]
        [('null-member', 'contact-info'), ('no-policies', 'policies')]

        Senders depart from RFC 8460 in many ways, and a report that is not read tells nobody of their trouble. So whatever can
        be understood is read, and what was odd stands in `deviations`. `strict`: the first deviation is an error.

        `max_octets`: how long the report may be, unpacked, 10 MiB by default. `max_policies`, `max_details`: how many policies
        it may have, and how many failure details all of them together. It takes time and memory linear in `max_octets`,
        whatever a compressed report would unpack to; other threads run meanwhile where it is long.

        Raises MtaStsError: it is no JSON, or compressed and damaged; it is no object, has no `policies`, or is beyond a limit.
        `.path` and `.offset` are the place in the JSON.
        """

    @property
    def organization(self) -> str | None:
        """The organisation that reports: `organization-name`."""

    @property
    def contact(self) -> str | None:
        """The mail address of the organisation: `contact-info`."""

    @property
    def submitter(self) -> str | None:
        """The domain of `contact`, which must be that of `TLS-Report-Submitter` (RFC 8460, 5.3)."""

    @property
    def id(self) -> str | None:
        """The `report-id`. With the organisation and the period it tells a report that came twice."""

    @property
    def period(self) -> ReportPeriod | None:
        """The time that is reported on: `date-range`."""

    @property
    def policies(self) -> tuple[ReportPolicy, ...]:
        """What is reported, a `ReportPolicy` each."""

    @property
    def successes(self) -> int:
        """How many sessions succeeded, under all policies together. A session may count under DANE and under MTA-STS."""

    @property
    def failures(self) -> int:
        """How many sessions failed, under all policies together."""

    @property
    def deviations(self) -> tuple[Deviation, ...]:
        """Where the report that was read departs from RFC 8460 or from I-JSON, a `Deviation` each, in the order in which it was
        noticed.

        At most 256; of more, the last is `more-deviations`.
        """

    def with_missing_domains(self, domain: PolicyDomain | str, /) -> Report:
        """The report with this domain for the policies that have none: the file name tells it (`ReportFileName`).

        What the body says prevails (RFC 8460, 5.6). Raises MtaStsError for a domain that is none.
        """

    def to_json(self) -> str:
        """Writes the report: I-JSON (RFC 7493) on one line, members in the order of RFC 8460, 4.4.

        The same report always gives the same text, and `parse` gives the same report without a deviation. What is `None` is left
        out. To send it, see `mail_parts`.

        Raises MtaStsError with `.path`, for what its receiver would misread or refuse: a member that RFC 8460 demands is missing;
        the period is not one day of UTC; the contact has no domain; a name is not in A-labels or has a last dot; a type is
        unknown, an address is none; a text is empty, too long, or has characters that do not belong there; fewer sessions are
        detailed than failed.
        """

    def mail_parts(self, domain: PolicyDomain | str, sender: ReportSender, /) -> MailParts:
        """What the mail that brings the report to this domain has of its own, a `MailParts`; `mail` makes the whole mail.

        Raises MtaStsError, for a report that no receiver would take for one of this sender: `other-report-submitter`, if the domain of
        its `contact` is another; `bad-report-id`, if its `id` can stand in no subject; `missing-report-period`. What a `Tally` has
        made has none of that.
        """

    def mail(
        self,
        domain: PolicyDomain | str,
        /,
        *,
        to: Mailto | str,
        date: _Time | None = None,
    ) -> EmailMessage:
        """The mail that brings the report to this domain: an `email.message.EmailMessage`, whose `as_bytes()` are its octets.

        It is from the `contact` of the report. `to`: one address of the `rua`, a `Mailto` or its text; each gets a mail of its own.
        `date`: in Unix seconds or an aware datetime, now by default. Where it is signed with DKIM, both fields that begin with
        `TLS-Report` belong into the signature (RFC 8460, 5.3).

        Raises MtaStsError, as `to_json` and `mail_parts` do, and for a contact that is no plain address.
        """

    def to_dict(self) -> ReportDict:
        """What the report says, in dicts, lists, texts and numbers: for `json`, `pandas.json_normalize` and the like.

        The keys are the names of the attributes, and each of them is there. `start` and `end` are those of the period, in Unix
        seconds. What a stranger wrote comes as it is, deviations and all.
        """

    def _with_deviations(self, deviations: tuple[Deviation, ...]) -> Report: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __ne__(self, other: object, /) -> bool: ...

@final
class ReportPeriod:
    """The time that a report is about, in Unix seconds: `start` and `end`, the first and the last second that count (RFC 8460, 4.4).

    >>> from mta_sts.tlsrpt import ReportPeriod
    >>> day = ReportPeriod.of_day(1_700_000_000)
    >>> day, day.is_one_day
    (ReportPeriod(1699920000, 1700006399), True)

    Times are Unix seconds or aware datetimes. Raises ValueError for an end that is before the start.
    """

    __match_args__: Final = ("start", "end")

    def __new__(cls, start: _Time, end: _Time, /) -> ReportPeriod: ...
    @staticmethod
    def of_day(time: _Time, /) -> ReportPeriod:
        """The day of UTC that has this time, from 00:00:00 to 23:59:59 (RFC 8460, 4.1)."""

    @property
    def start(self) -> int:
        """The first second that counts."""

    @property
    def end(self) -> int:
        """The last second that counts."""

    @property
    def is_one_day(self) -> bool:
        """Whether it is one whole day of UTC, as it should be (RFC 8460, 4.1)."""

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __lt__(self, other: ReportPeriod, /) -> bool: ...
    def __le__(self, other: ReportPeriod, /) -> bool: ...
    def __gt__(self, other: ReportPeriod, /) -> bool: ...
    def __ge__(self, other: ReportPeriod, /) -> bool: ...

@final
class ReportPolicy:
    """What a report says of one policy: an element of `policies` (RFC 8460, 4.4).

    >>> from mta_sts.tlsrpt import ReportPolicy
    >>> policy = ReportPolicy("no-policy-found", "example.com", successes=12)
    >>> policy.kind, policy.domain, policy.successes, policy.failures
    (<PolicyType.NO_POLICY_FOUND: 'no-policy-found'>, 'example.com', 12, 0)

    `kind` is a `PolicyType`, or another text. `domain` is the recipient's, or for `tlsa` the name that the TLSA records belong to
    (RFC 8460, 1.1), in A-labels. `lines`: of an MTA-STS policy as they were received, errors included, or one for each TLSA
    record; of a line 4,096 octets count, of all 65,536. `mx_hosts`: the patterns of the policy, in A-labels. `successes`,
    `failures`: how many sessions, 2**53 - 1 at most. `details`: a `FailureDetails` for each kind of failure.
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
        """The kind of the policy, a `PolicyType`; a `str` that is none, where RFC 8460 does not register it: `policy-type`."""

    @property
    def domain(self) -> str | None:
        """The domain that the policy is of: `policy-domain`."""

    @property
    def lines(self) -> list[str]:
        """The lines of the policy, or its TLSA records: `policy-string`."""

    @property
    def mx_hosts(self) -> list[str]:
        """The `mx` patterns of the policy: `mx-host`."""

    @property
    def successes(self) -> int:
        """How many sessions kept the policy: `total-successful-session-count`."""

    @property
    def failures(self) -> int:
        """How many sessions failed: `total-failure-session-count`."""

    @property
    def details(self) -> tuple[FailureDetails, ...]:
        """What went wrong, a `FailureDetails` for each kind of failure: `failure-details`.

        A session may count in several, so their sum may be more than `failures` (RFC 8460, 4).
        """

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __ne__(self, other: object, /) -> bool: ...

@final
class FailureDetails:
    """One kind of failure under a policy, and how many sessions had it: an element of `failure-details` (RFC 8460, 4.4).

    >>> from mta_sts.tlsrpt import FailureDetails
    >>> details = FailureDetails("validation-failure", 3, receiving_mx_hostname="mx.example.com", failure_reason_code="mx-mismatch")
    >>> details.result, details.failed_sessions, details.receiving_ip
    (<ResultType.VALIDATION_FAILURE: 'validation-failure'>, 3, None)

    `result` is a `ResultType`, or another text; `failed_sessions` is 2**53 - 1 at most. Addresses are texts, or those of
    `ipaddress`. `receiving_mx_helo`: the name in the greeting of the MX host or in its answer to EHLO, of which the first word
    counts, 255 octets at most. `failure_reason_code`: an error code of the sender, or its message, of which 128 octets count, since
    a report need not tell much of the sender (RFC 8460, 8). `?` stands in both for what is not printable ASCII.
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
        """What went wrong, a `ResultType`; a `str` that is none, where RFC 8460 does not register it: `result-type`."""

    @property
    def failed_sessions(self) -> int:
        """How many sessions had it: `failed-session-count`."""

    @property
    def sending_mta_ip(self) -> str | None:
        """The address of the sending mail server: `sending-mta-ip`. What is no address comes as it was written."""

    @property
    def receiving_mx_hostname(self) -> str | None:
        """The name of the MX host, as in its MX record: `receiving-mx-hostname`."""

    @property
    def receiving_mx_helo(self) -> str | None:
        """The name that the MX host calls itself: `receiving-mx-helo`."""

    @property
    def receiving_ip(self) -> str | None:
        """The address of the MX host: `receiving-ip`. What is no address comes as it was written."""

    @property
    def additional_information(self) -> str | None:
        """The URI of a page that tells more: `additional-information`."""

    @property
    def failure_reason_code(self) -> str | None:
        """The reason, in words of the sender that nobody agreed on: `failure-reason-code`. `explain` knows many."""

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __ne__(self, other: object, /) -> bool: ...

@final
class ReportSender:
    """Who sends reports: a mail address (`contact-info`), and the name of the organisation (`organization-name`).

    >>> from mta_sts.tlsrpt import ReportSender
    >>> str(ReportSender("tls-reports@sender.example", "Sender Inc.").submitter)
    'sender.example'

    The submitter is the domain of the address, always: `TLS-Report-Submitter` must equal it (RFC 8460, 5.3).

    Raises MtaStsError, `bad-sender-contact` or `bad-sender-organization`: it is a mistake of the configuration.
    """

    __match_args__: Final = ("contact", "organization")

    def __new__(cls, contact: str, organization: str, /) -> ReportSender: ...
    @property
    def submitter(self) -> PolicyDomain:
        """The domain that reports come from."""

    @property
    def contact(self) -> str:
        """The mail address to ask, its domain in lower case and A-labels."""

    @property
    def organization(self) -> str:
        """The name of the organisation."""

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __ne__(self, other: object, /) -> bool: ...

@final
class ReportSubject:
    """What the subject of a mail with a report says (RFC 8460, 5.3).

    >>> from mta_sts.tlsrpt import ReportSubject
    >>> subject = ReportSubject.parse("Report Domain: example.com Submitter: mail.sender.example Report-ID: <735ff.e317@sender.example>")
    >>> str(subject.domain), str(subject.submitter), subject.report_id
    ('example.com', 'mail.sender.example', '735ff.e317@sender.example')

    It is a hint of which report a mail brings; what the report itself says prevails (RFC 8460, 5.6).
    """

    __match_args__: Final = ("domain", "submitter", "report_id")

    @staticmethod
    def parse(subject: str, /) -> ReportSubject | None:
        """Reads the value of `Subject`, folded or not, its words decoded; `None` for that of another mail.

        Angle brackets around the Report-ID may be missing, and it need not be a msg-id: large senders write it so.
        """

    @property
    def domain(self) -> PolicyDomain:
        """The domain that the report is about."""

    @property
    def submitter(self) -> PolicyDomain:
        """The domain that it comes from."""

    @property
    def report_id(self) -> str:
        """The Report-ID, without angle brackets. Some senders have another one in the report."""

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

    It tells the domain of a report that does not (`Report.with_missing_domains`); what the report itself says prevails (RFC 8460,
    5.6). Never make a path of what was received: `str()` of this is safe to use.
    """

    __match_args__: Final = ("submitter", "domain", "period")

    @staticmethod
    def parse(name: str, /) -> ReportFileName | None:
        """Reads the name of a file, without folders; `None` for that of another file.

        Whether a file is compressed its first octets say, more surely than its name.
        """

    @property
    def submitter(self) -> PolicyDomain:
        """The domain that the report comes from."""

    @property
    def domain(self) -> PolicyDomain:
        """The domain that it is about."""

    @property
    def period(self) -> ReportPeriod:
        """The time that is reported on."""

    @property
    def unique_id(self) -> str | None:
        """What tells two reports about the same time apart: letters and digits, or `None`."""

    @property
    def is_compressed(self) -> bool:
        """Whether it ends in `.json.gz`, not in `.json`."""

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __ne__(self, other: object, /) -> bool: ...

@final
class Event:
    """Something that a report tells of: a session with an MX host, or a policy that could not be had.

    >>> from mta_sts import Delivery
    >>> from mta_sts.tlsrpt import Event
    >>> verdict = Delivery.without_policy().check_session("mx.example.com", "not-offered")
    >>> [event] = [Event.session("example.com", row, mx_host="mx.example.com") for row in verdict.rows]
    >>> event.policy_type, event.has_failed
    (<PolicyType.NO_POLICY_FOUND: 'no-policy-found'>, True)

    `Tally.count` counts it, and a `Datagram` tells it to another program. It is made by `Event.session` and `Event.discovery`, or comes
    from a datagram. A connection that failed before the host greeted has no row, and is no event (RFC 8460, 4.3.4).
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
        """A session with an MX host of `domain`, or one that its policy forbade: an event for each `TlsrptRow` of a verdict.

        `mx_host`: the host as its MX record has it; what is no host name is left out. `policy`: the MTA-STS policy of the domain,
        told with what is counted under MTA-STS. `tlsa_records`: those of the host, told with what is counted under DANE; of
        each usage, selector, matching type and data in hexadecimal, a blank between two. `helo`: what the host calls itself, its
        greeting, or its answer to EHLO; the first word counts. `sending_ip`, `receiving_ip`: the addresses. `reason`: the
        `failure-reason-code`, where you know more than the code of the row: a word of your TLS library, 128 octets at most.

        `record`: the TLSRPT record of the domain, a `TlsrptRecord` or its text; with a text that is none nothing is counted, and
        without one it is counted and asked for when the report is due. `tlsrpt_report`: whether the message is itself a TLS
        report, whose sessions are not counted (RFC 8460, 3).

        Raises MtaStsError for a domain that is none.
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
        """A policy discovery of `domain` that failed, as its `Outcome` tells; `None` where there is nothing to report.

        Without a policy it is a failed session under MTA-STS. Where a cached policy applies, the session that follows is counted on
        its own, and the failure is a detail beside it (RFC 8460, 4). `record`, `tlsrpt_report`: as of `session`.

        Raises MtaStsError for a domain that is none.
        """

    def with_sending_ip(self, address: _Address, /) -> Event:
        """The event with another sending address: the one that the world sees of a host behind a NAT."""

    @property
    def domain(self) -> PolicyDomain:
        """The recipient domain, which the report goes to."""

    @property
    def policy_type(self) -> PolicyType:
        """What the event is counted under, a `PolicyType`."""

    @property
    def has_failed(self) -> bool:
        """Whether it is counted as a failed session."""

    def __copy__(self) -> Event: ...
    def __deepcopy__(self, _memo: object, /) -> Event: ...

@final
class Datagram:
    """What libtlsrpt sends of one delivery: how TLS with an MX host went, under each policy that was looked for.

    >>> from mta_sts.tlsrpt import Datagram
    >>> datagram = Datagram.parse(
    ...     b'{"d": "example.com", "pr": "v=TLSRPTv1; rua=mailto:tls@example.com", "policies": ['
    ...     b'{"policy-type": 9, "policy-domain": "example.com", "t": 0, "f": 0}]}'
    ... )
    >>> str(datagram.domain), [event.has_failed for event in datagram.events]
    ('example.com', [False])

    A mail server of your own sends the same to whichever program counts: make a `Datagram` of the domain and its TLSRPT record, a
    `TlsrptRecord` or its text, `add` each `Event`, and send `to_json` to the socket.

    Raises MtaStsError for a domain that is none.
    """

    __hash__: ClassVar[None]  # type: ignore[assignment]

    def __new__(cls, domain: PolicyDomain | str, record: TlsrptRecord | str, /) -> Datagram: ...
    @staticmethod
    def parse(datagram: _Octets, /) -> Datagram:
        """Reads a datagram, 64 KiB at most.

        A version may be missing or be `1`. What is not UTF-8 is replaced, what is not known passed over. A result type that is not
        known counts as `validation-failure`. Where the reason is OpenSSL's word for a name, a date or an issuer that is wrong,
        `validation-failure` becomes the result type that says so (RFC 8460, 4.3).

        Raises MtaStsError with `.line` and `.offset`: nothing is counted of it. Count it and go on: any local program may write to
        the socket.
        """

    @property
    def domain(self) -> PolicyDomain:
        """The recipient domain."""

    @property
    def record(self) -> str:
        """The TLSRPT record of the recipient domain, as the sender saw it."""

    @property
    def events(self) -> tuple[Event, ...]:
        """What is to be counted, an `Event` each, with the record."""

    def add(self, event: Event, /) -> bool:
        """Adds an event of the same recipient domain; its own record does not count.

        Gives whether it could be added: a datagram has no word for a policy discovery that failed beside a cached policy, since each
        of its policies stands for a session; nor for a session of a TLS report, which is not counted; nor for an event of another
        domain.
        """

    def to_json(self) -> str:
        """The datagram as libtlsrpt writes it, of version 1.

        Raises MtaStsError: `datagram-without-policy` and `datagram-too-long`, which no program would count. Send none.
        """

    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...

@final
class Tally:
    """What is counted of sessions with other domains, and the reports that come of it (RFC 8460). Any thread may use it.

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

    `sender`: who reports. `seed`: any number from a source of random numbers, kept secret and over restarts: it keys the hash of the
    names, which come from strangers, and sets when the report of a domain is due. `max_domains`: how many recipient domains are
    counted in a day, 65,536 by default. `max_octets`: how much memory all counts may take, 64 MiB by default.

    The reports of a day of UTC are due from ten minutes to some four hours after it. Whoever delivers one asks for the TLSRPT record
    of the domain anew, and tries all of its URIs; it is delivered once one has taken it (RFC 8460, 3).

    Times are Unix seconds or aware datetimes. Raises MtaStsError for a domain that is none.
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
        """Reads what `to_text` has written; texts may be put together, each but the first without its first line.

        The other arguments are those of `Tally`. What has no room under them is lost (`lost_sessions`).

        Raises MtaStsError with `.line` and `.offset`: the text is cut off, damaged, or of a version to come. Keep it, for whoever
        looks into it, and begin with an empty tally.
        """

    def count(self, event: Event, /, *, now: _Time) -> Counted:
        """Counts an event; gives what became of it, a `Counted`."""

    def count_datagram(self, datagram: Datagram, /, *, now: _Time) -> list[Counted]:
        """Counts what a datagram tells; gives what became of each event, a `Counted` each."""

    def merge(self, other: Tally, /) -> None:
        """Adds what another tally has counted and not yet delivered, day by day.

        It may come from another machine, or be what was counted while this one was loaded. One that is merged twice counts twice.
        What has no room is lost (`lost_sessions`). Raises ValueError for the tally itself.
        """

    def note_report_mail(self, domain: PolicyDomain | str, /, *, now: _Time) -> None:
        """Notes that a report was mailed to this domain: not the one that it is about, but that of the address. Call it at each try.

        Another program may count the session without knowing what it was. A domain that had nothing but good sessions, no more
        than reports were mailed to it that day, gets no report, or two domains would report to each other for ever.
        """

    def poll_report(self, *, now: _Time) -> DueReport | None:
        """The next report that is due, a `DueReport`, or `None`.

        It is due again, as if the delivery had failed, unless `handle_delivery` says what came of it.
        """

    def poll_timeout(self) -> int | None:
        """When `poll_report` next has something to do, in Unix seconds, or `None`. A time that is past means now."""

    def handle_delivery(
        self, id: DueId, end: ReportDelivery | literal.ReportDelivery, /, *, now: _Time
    ) -> int | None:
        """Takes note of what came of a delivery, a `ReportDelivery`; gives when it is to be tried again, which `poll_report` will say.

        It is tried again 5, 15 and 45 minutes, 2, 5 and 15 hours after the one before; `None`: never. A report that is not known
        any more changes nothing. Raises MtaStsError, `unknown-word`, for a word that is none.
        """

    def to_text(self) -> str:
        """All that is counted, as text: the same counts give the same text, in all languages.

        Reports that are in delivery are kept with what was tried; after `parse` they are tried again when it is time.
        """

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits to be reported."""

    def domains(self, day: _Time, /) -> int:
        """How many domains have been counted on the day of this time."""

    @property
    def octets(self) -> int:
        """The octets that all counts take in memory; never more than `max_octets`."""

    @property
    def lost_sessions(self) -> int:
        """How many sessions were lost because a merge, a text, or a clock that was set right, found no room for them."""

@final
class DueId:
    """Which report it is, for `Tally.handle_delivery`. It is of this process: in the next one `Tally.poll_report` gives it anew."""

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
    """The numbers of the conditions for enforcing, for `assess`.

    >>> from mta_sts.tlsrpt import ReadyRules
    >>> ReadyRules().days, ReadyRules(days=28, accepted=["old-mx.example.com"]).days
    (14, 28)

    `certificate_days`: how long the certificate of each MX host must still last, where nobody has seen that it renews by itself, 14
    days by default. `served_days`: for how many full days no sender must have failed to fetch the policy, 7. `days`: for how many
    the same list of MX hosts must have been served, 14. `submitters`: how many organisations must have reported successes, 2.
    `sessions`: how many must have succeeded, 100. `few_sessions`: how many are enough for a domain that gets little mail, and after
    how many days, `(10, 28)`. `silent_days`: for how many days there may be no report of a success, 7. `clean_days`: for how many
    there must have been no failure of the domain's own, 7. `witnesses`: how many organisations must have seen a failure until it is
    taken for the domain's own, 2. `other_failures`: how many of a thousand sessions of one organisation may fail for other causes,
    and on how many days, `(5, 2)`. `accepted`: hosts that reports name, and that need not be in DNS.

    Raises MtaStsError for a host that is none.
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
        """How many days a certificate must still last."""

    @property
    def served_days(self) -> int:
        """For how many full days no sender must have failed to fetch the policy."""

    @property
    def days(self) -> int:
        """For how many full days the same list must have been served."""

    @property
    def submitters(self) -> int:
        """How many organisations must have reported successes."""

    @property
    def sessions(self) -> int:
        """How many sessions must have succeeded."""

    @property
    def few_sessions(self) -> tuple[int, int]:
        """How many sessions are enough for a domain that gets little mail, and after how many days."""

    @property
    def silent_days(self) -> int:
        """For how many full days there may be no report of a success."""

    @property
    def clean_days(self) -> int:
        """For how many full days there must have been no failure of the domain's own."""

    @property
    def witnesses(self) -> int:
        """How many organisations make a failure the domain's own."""

    @property
    def other_failures(self) -> tuple[int, int]:
        """How many of a thousand sessions may fail for other causes, and on how many days."""

    @property
    def accepted(self) -> tuple[DnsName, ...]:
        """The hosts that are accepted."""

    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
