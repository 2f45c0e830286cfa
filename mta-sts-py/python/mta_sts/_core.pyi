from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final, Literal, TypeAlias, final, overload

from typing_extensions import Never

from ._values import (
    Absence,
    BackOff,
    Conclusion,
    Evicted,
    Finding,
    Https,
    Mailto,
    MxHost,
    MxDecision,
    Outcome,
    Output,
    Plan,
    TlsrptRow,
)
from ._words import (
    DanePrecedence,
    DaneResult,
    DaneState,
    FetchFailure,
    MessageTls,
    Mode,
    PostfixForm,
    Purpose,
    QueueLifetime,
    Recheck,
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

__all__ = [
    "CacheEntry",
    "CacheUpdate",
    "CachedPolicy",
    "Delivery",
    "DnsName",
    "Findings",
    "Lookup",
    "LookupConfig",
    "MxPattern",
    "MxPatterns",
    "MxVerdict",
    "Policy",
    "PolicyCache",
    "PolicyDomain",
    "Record",
    "SessionVerdict",
    "TlsrptRecord",
    "__version__",
    "codes",
    "dns_id_matches",
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

def codes() -> dict[str, tuple[int, str]]: ...
def dns_id_matches(dns_id: str, host: DnsName | str, /) -> bool: ...
def lint_policy(
    body: _Octets,
    /,
    *,
    strict: bool = False,
    mx_hosts: Iterable[DnsName | str] | None = None,
) -> Findings: ...
def lint_record(txt: _Octets, /) -> Findings: ...
def lint_response(
    *,
    status: int,
    content_type: _Octets | None,
    body: _Octets,
    max_body_len: int = 65536,
    strict: bool = False,
    accept_missing_content_type: bool = False,
    mx_hosts: Iterable[DnsName | str] | None = None,
) -> Findings: ...
def lint_rrset(rrset: Iterable[_Octets], /) -> Findings: ...
def lint_tlsrpt_record(txt: _Octets, /) -> Findings: ...
def lint_tlsrpt_rrset(
    rrset: Iterable[_Octets],
    /,
    *,
    domain: PolicyDomain | str | None = None,
    ttl: int | None = None,
    has_mta_sts: bool = False,
) -> Findings: ...
def message_tls(*, requiretls: bool, tls_required_no: bool, null_reverse_path: bool) -> MessageTls: ...
def policy_type_number(word: str, /) -> int: ...
def postfix_tls_policy(
    policy: Policy,
    domain: PolicyDomain | str,
    /,
    *,
    form: PostfixForm | str = "basic",
    mx_hosts: Iterable[DnsName | str] | None = None,
) -> str | None: ...
def result_type_number(word: str, /) -> int: ...
def result_type_of(code: str, /) -> ResultType | None: ...
def tls_required_no(values: Iterable[_Octets], /) -> bool: ...

@final
class DnsName:
    @staticmethod
    def parse(name: str, /) -> DnsName: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ge__(self, other: DnsName, /) -> bool: ...
    def __gt__(self, other: DnsName, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __le__(self, other: DnsName, /) -> bool: ...
    def __lt__(self, other: DnsName, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...

@final
class PolicyDomain:
    @staticmethod
    def parse(domain: str, /) -> PolicyDomain: ...
    @staticmethod
    def of_recipient(address: str, /) -> PolicyDomain: ...
    @property
    def txt_name(self) -> str: ...
    @property
    def tlsrpt_txt_name(self) -> str | None: ...
    @property
    def policy_host(self) -> str: ...
    @property
    def policy_url(self) -> str: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ge__(self, other: PolicyDomain, /) -> bool: ...
    def __gt__(self, other: PolicyDomain, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __le__(self, other: PolicyDomain, /) -> bool: ...
    def __lt__(self, other: PolicyDomain, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...

@final
class Record:
    __match_args__: Final = ("id",)
    @staticmethod
    def parse(txt: _Octets, /) -> Record: ...
    @staticmethod
    def select(rrset: Iterable[_Octets], /) -> Record: ...
    @property
    def id(self) -> str: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __ne__(self, other: object, /) -> bool: ...

@final
class TlsrptRecord:
    __match_args__: Final = ("uris",)
    @staticmethod
    def parse(txt: _Octets, /) -> TlsrptRecord: ...
    @staticmethod
    def select(rrset: Iterable[_Octets], /) -> TlsrptRecord: ...
    @property
    def uris(self) -> tuple[Mailto | Https, ...]: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __ne__(self, other: object, /) -> bool: ...

@final
class MxPattern:
    @staticmethod
    def parse(pattern: str, /) -> MxPattern: ...
    def matches(self, host: DnsName | str, /) -> bool: ...
    @property
    def is_wildcard(self) -> bool: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __ne__(self, other: object, /) -> bool: ...

@final
class MxPatterns(Sequence[MxPattern]):
    @overload
    def __getitem__(self, key: int, /) -> MxPattern: ...
    @overload
    def __getitem__(self, key: slice, /) -> list[MxPattern]: ...
    def __len__(self) -> int: ...
    def index(self, pattern: MxPattern, /) -> int: ...  # type: ignore[override]
    def count(self, pattern: MxPattern, /) -> int: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __ne__(self, other: object, /) -> bool: ...

@final
class Policy:
    __match_args__: Final = ("mode", "max_age", "mx")
    @staticmethod
    def parse(body: _Octets, /, *, strict: bool = False) -> Policy: ...
    @staticmethod
    def from_response(
        *,
        status: int,
        content_type: _Octets | None,
        body: _Octets,
        max_body_len: int = 65536,
        strict: bool = False,
        accept_missing_content_type: bool = False,
    ) -> Policy: ...
    @property
    def mode(self) -> Mode: ...
    @property
    def max_age(self) -> int: ...
    @property
    def mx(self) -> MxPatterns: ...
    @property
    def text(self) -> str: ...
    @property
    def lines(self) -> list[str]: ...
    def matches_mx(self, host: DnsName | str, /) -> bool: ...
    def matching_pattern(self, host: DnsName | str, /) -> MxPattern | None: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __ne__(self, other: object, /) -> bool: ...

@final
class CachedPolicy:
    __match_args__: Final = ("policy", "id", "fetched_at")
    def __new__(cls, policy: Policy, id: str, fetched_at: _Time, /) -> CachedPolicy: ...
    @property
    def policy(self) -> Policy: ...
    @property
    def id(self) -> str: ...
    @property
    def fetched_at(self) -> int: ...
    @property
    def expires_at(self) -> int: ...
    def is_valid(self, now: _Time, /) -> bool: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __ne__(self, other: object, /) -> bool: ...

@final
class CacheEntry:
    @staticmethod
    def parse(text: _Octets, domain: PolicyDomain | str, /) -> CacheEntry: ...
    def to_text(self, domain: PolicyDomain | str, /) -> str: ...
    def valid_policy(self, now: _Time, /) -> CachedPolicy | None: ...
    @property
    def policy(self) -> CachedPolicy | None: ...
    @property
    def checked_until(self) -> int: ...
    @property
    def absence(self) -> Absence | None: ...
    @property
    def back_offs(self) -> list[BackOff]: ...
    @property
    def fetch_failures(self) -> int: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __ne__(self, other: object, /) -> bool: ...

@final
class CacheUpdate:
    @staticmethod
    def keep() -> CacheUpdate: ...
    @staticmethod
    def checked(id: str, /, *, checked_at: _Time, until: _Time) -> CacheUpdate: ...
    @staticmethod
    def absent(reason: str, /, *, until: _Time) -> CacheUpdate: ...
    @staticmethod
    def back_off(id: str, /, *, requested_at: _Time, until: _Time) -> CacheUpdate: ...
    @staticmethod
    def store(policy: CachedPolicy, /, *, checked_until: _Time) -> CacheUpdate: ...
    def apply_to(self, entry: CacheEntry | None, /, *, now: _Time) -> CacheEntry | None: ...
    @property
    def kind(self) -> Literal["keep", "checked", "absent", "back-off", "store"]: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    __hash__: None  # type: ignore[assignment]

@final
class LookupConfig:
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
    def back_off(self) -> float: ...
    @property
    def timeout(self) -> float: ...
    @property
    def max_body_len(self) -> int: ...
    def __getnewargs_ex__(self, /) -> tuple[tuple[()], dict[str, float | bool]]: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    __hash__: None  # type: ignore[assignment]

@final
class Lookup:
    def __new__(
        cls,
        domain: PolicyDomain | str,
        /,
        *,
        now: _Time,
        cached: CacheEntry | None = None,
        purpose: Purpose | str = "deliver",
        config: LookupConfig | None = None,
    ) -> Lookup: ...
    @property
    def domain(self) -> PolicyDomain: ...
    def poll_output(self) -> Output: ...
    def handle_txt(self, rrset: Iterable[_Octets], /, *, ttl: _Span, now: _Time) -> None: ...
    def handle_txt_not_found(self, *, now: _Time, ttl: _Span | None = None) -> None: ...
    def handle_txt_failed(self, failure: TxtFailure | str, /, *, now: _Time) -> None: ...
    def handle_response(
        self, *, status: int, content_type: _Octets | None, body: _Octets, now: _Time
    ) -> None: ...
    def handle_fetch_failed(self, failure: FetchFailure | str, /, *, now: _Time) -> None: ...

@final
class MxVerdict:
    __match_args__: Final = ("decision", "rows")
    def __new__(cls, decision: MxDecision, rows: Iterable[TlsrptRow]) -> MxVerdict: ...
    @property
    def decision(self) -> MxDecision: ...
    @property
    def rows(self) -> tuple[TlsrptRow, ...]: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __ne__(self, other: object, /) -> bool: ...

@final
class SessionVerdict:
    __match_args__: Final = ("decision", "fault", "rows")
    def __new__(
        cls, decision: SessionDecision | str, fault: SessionFault | str | None, rows: Iterable[TlsrptRow]
    ) -> SessionVerdict: ...
    @property
    def decision(self) -> SessionDecision: ...
    @property
    def fault(self) -> SessionFault | None: ...
    @property
    def rows(self) -> tuple[TlsrptRow, ...]: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __ne__(self, other: object, /) -> bool: ...

_MessageTls: TypeAlias = Literal["unspecified", "requiretls", "tls-required-no"]
_TlsMinimum: TypeAlias = Literal["opportunistic", "encrypted", "authenticated"]
_DanePrecedence: TypeAlias = Literal["both", "dane-decides"]
_DaneState: TypeAlias = Literal["not-applicable", "usable", "lookup-failed"]
_DaneResult: TypeAlias = Literal["passed", "failed", "not-checked"]
_TlsResult: TypeAlias = Literal[
    "not-offered",
    "refused",
    "handshake-failed",
    "version-too-old",
    "certificate-expired",
    "certificate-not-yet-valid",
    "certificate-host-mismatch",
    "certificate-not-trusted",
    "certificate-not-checked",
    "authenticated",
]
_SessionFault: TypeAlias = Literal[
    "mx-mismatch",
    "starttls-not-offered",
    "starttls-refused",
    "tls-handshake-failed",
    "tls-version-too-old",
    "certificate-expired",
    "certificate-not-yet-valid",
    "certificate-host-mismatch",
    "certificate-not-trusted",
    "certificate-not-checked",
    "dane-failed",
    "dane-lookup-failed",
    "mx-not-authenticated",
    "requiretls-not-offered",
    "policy-unknown",
    "dane-not-checked",
]
_QueueLifetime: TypeAlias = Literal["running", "over"]
_Recheck: TypeAlias = Literal["unchanged", "changed", "no-longer-bound", "not-checked"]

@final
class Delivery:
    """What a message to a domain may be sent over: asked before a connection, after TLS, at the end."""

    def __new__(cls, *_arguments: Never, **_options: Never) -> Delivery: ...
    @staticmethod
    def of(
        outcome: Outcome,
        /,
        *,
        message: MessageTls | _MessageTls = "unspecified",
        minimum: TlsMinimum | _TlsMinimum = "opportunistic",
        dane_precedence: DanePrecedence | _DanePrecedence = "both",
        tlsrpt_report: bool = False,
    ) -> Delivery:
        """A delivery under what a lookup came to: its policy, none, or that it could not tell."""
    @staticmethod
    def under(
        policy: Policy,
        /,
        *,
        message: MessageTls | _MessageTls = "unspecified",
        minimum: TlsMinimum | _TlsMinimum = "opportunistic",
        dane_precedence: DanePrecedence | _DanePrecedence = "both",
        tlsrpt_report: bool = False,
    ) -> Delivery:
        """A delivery under this policy."""
    @staticmethod
    def without_policy(
        *,
        message: MessageTls | _MessageTls = "unspecified",
        minimum: TlsMinimum | _TlsMinimum = "opportunistic",
        dane_precedence: DanePrecedence | _DanePrecedence = "both",
        tlsrpt_report: bool = False,
    ) -> Delivery:
        """A delivery to a domain that provably has no policy. Where that is not known, it is `undetermined()`."""
    @staticmethod
    def undetermined(
        *,
        message: MessageTls | _MessageTls = "unspecified",
        minimum: TlsMinimum | _TlsMinimum = "opportunistic",
        dane_precedence: DanePrecedence | _DanePrecedence = "both",
        tlsrpt_report: bool = False,
    ) -> Delivery:
        """A delivery to a domain of which it is not known whether it has a policy: it waits."""
    def check_mx(
        self,
        host: DnsName | str,
        /,
        *,
        dane: DaneState | _DaneState = "not-applicable",
        dnssec: bool = False,
    ) -> MxVerdict:
        """What to do about one MX host, before a connection."""
    def plan(self, hosts: Iterable[DnsName | str | MxHost], /) -> Plan:
        """What to do about each host of the MX list, in its order."""
    def check_session(
        self,
        host: DnsName | str,
        tls: TlsResult | _TlsResult,
        /,
        *,
        dane: DaneState | _DaneState = "not-applicable",
        dnssec: bool = False,
        dane_result: DaneResult | _DaneResult = "not-checked",
        offers_requiretls: bool = False,
    ) -> SessionVerdict:
        """Whether the message may go over this session, after TLS or without."""
    def recheck(self, outcome: Outcome, /) -> Recheck:
        """Compares what a lookup for `before-permanent-failure` came to with the policy of this delivery."""
    def conclude(
        self,
        hosts: Iterable[SessionFault | _SessionFault | None],
        /,
        *,
        lifetime: QueueLifetime | _QueueLifetime = "running",
        recheck: Recheck | _Recheck | None = None,
    ) -> Conclusion:
        """What becomes of a message that no host took."""

@final
class Findings(Sequence[Finding]):
    @overload
    def __getitem__(self, key: int, /) -> Finding: ...
    @overload
    def __getitem__(self, key: slice, /) -> list[Finding]: ...
    def __len__(self) -> int: ...
    def index(self, finding: Finding, /) -> int: ...  # type: ignore[override]
    def count(self, finding: Finding, /) -> int: ...
    def __copy__(self, /) -> Findings: ...
    def __deepcopy__(self, memo: object, /) -> Findings: ...

@final
class PolicyCache:
    def __new__(
        cls, *, max_entries: int = 65536, max_octets: int = 268435456, unused_for: _Span | None = None
    ) -> PolicyCache: ...
    def get(self, domain: PolicyDomain | str, /, *, now: _Time) -> CacheEntry | None: ...
    def peek(self, domain: PolicyDomain | str, /, *, now: _Time) -> CacheEntry | None: ...
    def apply(
        self, domain: PolicyDomain | str, update: CacheUpdate, /, *, now: _Time
    ) -> list[Evicted]: ...
    def insert(
        self, domain: PolicyDomain | str, entry: CacheEntry, /, *, now: _Time
    ) -> list[Evicted]: ...
    def remove(self, domain: PolicyDomain | str, /) -> CacheEntry | None: ...
    def remove_expired(self, *, now: _Time) -> Evicted | None: ...
    def purge(self, *, now: _Time) -> int: ...
    def poll_refresh(self, *, now: _Time) -> PolicyDomain | None: ...
    def poll_timeout(self) -> int | None: ...
    def entries(self) -> list[tuple[PolicyDomain, CacheEntry]]: ...
    @property
    def max_entries(self) -> int: ...
    @property
    def max_octets(self) -> int: ...
    @property
    def octets(self) -> int: ...
    def __len__(self) -> int: ...
    def __contains__(self, domain: PolicyDomain | str, /) -> bool: ...
