"""The keywords of the RFCs and of the core, as enums that are strings, and the exception of the package.

Every function that takes one of them also accepts its plain string. The exception is here because the enums raise it, and it has one.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from . import _literals as literal


class MtaStsError(ValueError):
    """The exception of the package, for input that it rejects.

    `code` is a stable word, listed by `codes()`. `line` (from 1) and `offset` (in octets) are the position, if there is one.
    `result_type` is what TLSRPT counts if a Policy Host gave no valid policy. `path` is the member of a TLS report, such as
    `policies[0].summary`, or empty for the whole report. `name` is the MX host or the wildcard that a policy to be published
    must not name.
    """

    code: literal.ErrorCode
    line: int | None
    offset: int | None
    result_type: ResultType | None
    path: str | None
    name: str | None

    def __init__(
        self,
        message: str,
        code: literal.ErrorCode,
        line: int | None = None,
        offset: int | None = None,
        result_type: ResultType | None = None,
        path: str | None = None,
        name: str | None = None,
        /,
    ) -> None:
        super().__init__(message, code, line, offset, result_type, path, name)
        self.code = code
        self.line = line
        self.offset = offset
        self.result_type = result_type
        self.path = path
        self.name = name

    def __str__(self) -> str:
        return str(self.args[0])

    def __repr__(self) -> str:
        place = {"line": self.line, "path": self.path, "offset": self.offset, "name": self.name}
        where = "".join(f", {name}={value!r}" for name, value in place.items() if value is not None)
        return f"MtaStsError({str(self)!r}, code={self.code!r}{where})"


class _Word(str, Enum):
    """A member equals its string: `Mode.ENFORCE == "enforce"`, and `str()` and formatting return the string."""

    @classmethod
    def _missing_(cls, value: object) -> NoReturn:
        raise MtaStsError(f"{value!r} is not a {cls.__name__}", "unknown-word")

    def __str__(self) -> str:
        return str(self.value)

    def __format__(self, spec: str) -> str:
        return format(str(self.value), spec)


class _Fault(_Word):
    """A keyword that is also a code, and that TLSRPT may count."""

    @property
    def number(self) -> int:
        """The number of the code."""
        from . import _core

        return _core.codes()[self.value][0]

    @property
    def result_type(self) -> ResultType | None:
        """The result type under which TLSRPT counts it."""
        from . import _core

        return _core.result_type_of(self.value)


class Mode(_Word):
    """The mode of a policy (RFC 8461, 3.2 and 5)."""

    ENFORCE = "enforce"
    """Mail is delivered according to the policy, or not at all."""
    TESTING = "testing"
    """Mail is delivered in any case; failures are reported."""
    NONE = "none"
    """The domain has no policy any more."""


class Purpose(_Word):
    """The purpose of a lookup."""

    DELIVER = "deliver"
    """Delivering a message."""
    REFRESH = "refresh"
    """Fetching a cached policy again before it expires."""
    BEFORE_PERMANENT_FAILURE = "before-permanent-failure"
    """Checking for a newer policy before a message is returned."""


class PolicySource(_Word):
    """The origin of a policy."""

    CACHED = "cached"
    FETCHED = "fetched"


class RecordCheck(_Word):
    """Whether a lookup has queried the domain for a newer policy than the cached one."""

    NOT_MADE = "not-made"
    """It was not queried: the cached entry was enough."""
    CURRENT = "current"
    """DNS answered, and the domain has no newer policy than that of the outcome."""
    FAILED = "failed"
    """DNS did not answer, or there is a newer policy that was not fetched."""


class MessageTls(_Word):
    """What the sender of a message asks about TLS (RFC 8689)."""

    UNSPECIFIED = "unspecified"
    """Nothing."""
    REQUIRETLS = "requiretls"
    """REQUIRETLS: send only over authenticated TLS, to hosts that support REQUIRETLS."""
    TLS_REQUIRED_NO = "tls-required-no"
    """`TLS-Required: No`: deliver even if the recipient's MTA-STS or DANE forbids it."""

    @staticmethod
    def of(
        *, requiretls: bool = False, tls_required_no: bool = False, null_reverse_path: bool = False
    ) -> MessageTls:
        """Determines what a message asks: whether the MAIL command had REQUIRETLS, whether its header has
        `TLS-Required: No`, whether its reverse path is null.

        REQUIRETLS takes precedence over the header field, and does not apply to a message with a null reverse path.
        """
        from . import _core

        return _core.message_tls(
            requiretls=requiretls, tls_required_no=tls_required_no, null_reverse_path=null_reverse_path
        )


class TlsMinimum(_Word):
    """The minimum that the sender's operator requires of every session."""

    OPPORTUNISTIC = "opportunistic"
    """TLS if it is available."""
    ENCRYPTED = "encrypted"
    """TLS, with any certificate."""
    AUTHENTICATED = "authenticated"
    """TLS with a certificate that is valid for the MX host, or authenticated by DANE."""


class DanePrecedence(_Word):
    """The precedence for a host that has both DANE and a policy."""

    BOTH = "both"
    """Both must pass."""
    DANE_DECIDES = "dane-decides"
    """If DANE passes, MTA-STS is not checked."""


class DaneState(_Word):
    """What DNS says about DANE for an MX host, before a connection (RFC 7672)."""

    NOT_APPLICABLE = "not-applicable"
    """The host provably has no usable TLSA records, or this sender does not use DANE."""
    USABLE = "usable"
    """The host has usable TLSA records: it receives the message only over TLS that matches them."""
    LOOKUP_FAILED = "lookup-failed"
    """DNS failed, or its answer was bogus: the host does not receive the message now."""


class DaneResult(_Word):
    """The result of comparing the certificate of an MX host with its TLSA records (RFC 7672)."""

    PASSED = "passed"
    """A TLSA record matches."""
    FAILED = "failed"
    """No TLSA record matches."""
    NOT_CHECKED = "not-checked"
    """It was not checked. If the host has usable TLSA records, the message is not sent over the session."""


class TlsResult(_Word):
    """The result of a TLS attempt with an MX host."""

    NOT_OFFERED = "not-offered"
    REFUSED = "refused"
    HANDSHAKE_FAILED = "handshake-failed"
    VERSION_TOO_OLD = "version-too-old"
    """Older than TLS 1.2 (RFC 8461, 7.2)."""
    CERTIFICATE_EXPIRED = "certificate-expired"
    CERTIFICATE_NOT_YET_VALID = "certificate-not-yet-valid"
    CERTIFICATE_HOST_MISMATCH = "certificate-host-mismatch"
    CERTIFICATE_NOT_TRUSTED = "certificate-not-trusted"
    CERTIFICATE_NOT_CHECKED = "certificate-not-checked"
    AUTHENTICATED = "authenticated"
    """A certificate that is trusted and valid for the host."""


class SessionDecision(_Word):
    """The decision about a session before the MAIL command."""

    DELIVER = "deliver"
    TRY_NEXT_MX = "try-next-mx"


class QueueLifetime(_Word):
    """Whether a message may remain in the queue."""

    RUNNING = "running"
    """It may wait longer."""
    OVER = "over"
    """It has reached its limit, and would now be returned to its sender."""


class Recheck(_Word):
    """The result of the check for a newer policy that precedes a permanent failure (RFC 8461, 5.1)."""

    UNCHANGED = "unchanged"
    """The policy is still in force, and the domain has no newer one."""
    CHANGED = "changed"
    """Another policy is in force now."""
    NO_LONGER_BOUND = "no-longer-bound"
    """No policy is in force any more: the domain has removed it."""
    NOT_CHECKED = "not-checked"
    """The domain could not be queried, or has a newer policy that could not be fetched."""


class Severity(_Word):
    """The severity of a finding."""

    INFO = "info"
    WARNING = "warning"
    """Some senders refuse it, or it does not do what it seems to."""
    ERROR = "error"
    """Senders refuse it; receivers cannot read the report."""


class PostfixForm(_Word):
    """The form of an answer to Postfix."""

    BASIC = "basic"
    """For every Postfix, and for sendmail's `FEATURE(sts)`."""
    EXTENDED = "extended"
    """For Postfix 3.10.5 and later."""
    EXTENDED_WITH_TESTING = "extended-with-testing"
    """The same as `extended`, and mode testing is answered with `may`."""


class TxtFailure(_Word):
    """The reason why DNS gave no usable answer."""

    DNS_TIMEOUT = "dns-timeout"
    """DNS did not answer in time."""
    DNS_SERVFAIL = "dns-servfail"
    """DNS answered SERVFAIL."""
    DNS_BOGUS = "dns-bogus"
    """The DNS answer failed DNSSEC validation."""
    DNS_UNUSABLE = "dns-unusable"
    """DNS gave no usable answer."""
    DNS_LOCAL_FAULT = "dns-local-fault"
    """The sender could not query DNS, because of a local fault."""


class FetchFailure(_Fault):
    """The reason why the Policy Host gave no response, or none that could be trusted."""

    POLICY_HOST_NOT_FOUND = "policy-host-not-found"
    """The Policy Host has no address."""
    POLICY_HOST_DNS_FAILED = "policy-host-dns-failed"
    """The address lookup of the Policy Host failed."""
    CONNECT_FAILED = "connect-failed"
    """No connection to the Policy Host could be made."""
    TIMEOUT = "timeout"
    """The Policy Host did not answer in time."""
    POLICY_HOST_CERTIFICATE_EXPIRED = "policy-host-certificate-expired"
    """The certificate of the Policy Host has expired."""
    POLICY_HOST_CERTIFICATE_HOST_MISMATCH = "policy-host-certificate-host-mismatch"
    """The certificate of the Policy Host is for other names."""
    POLICY_HOST_CERTIFICATE_NOT_TRUSTED = "policy-host-certificate-not-trusted"
    """The certificate of the Policy Host is not trusted."""
    POLICY_HOST_TLS_FAILED = "policy-host-tls-failed"
    """The TLS handshake with the Policy Host failed."""
    POLICY_HOST_BODY_TOO_LARGE = "policy-host-body-too-large"
    """The Policy Host sent a body longer than the limit."""
    HTTP_PROTOCOL = "http-protocol"
    """The response of the Policy Host is not valid HTTP."""
    LOCAL_FAULT = "local-fault"
    """The sender could not contact the Policy Host, because of a local fault: without a cached policy it tries again later."""
    POLICY_HOST_ADDRESS_REFUSED = "policy-host-address-refused"
    """The Policy Host has only private addresses, which this sender refuses."""


class SessionFault(_Fault):
    """The fault of an MX host or a session."""

    MX_MISMATCH = "mx-mismatch"
    """The MX host is not covered by the policy."""
    STARTTLS_NOT_OFFERED = "starttls-not-offered"
    """The MX host did not offer STARTTLS."""
    STARTTLS_REFUSED = "starttls-refused"
    """The MX host offered STARTTLS but rejected the command."""
    TLS_HANDSHAKE_FAILED = "tls-handshake-failed"
    """The TLS handshake with the MX host failed."""
    TLS_VERSION_TOO_OLD = "tls-version-too-old"
    """The TLS version is older than 1.2."""
    CERTIFICATE_EXPIRED = "certificate-expired"
    """The certificate of the MX host has expired."""
    CERTIFICATE_NOT_YET_VALID = "certificate-not-yet-valid"
    """The certificate of the MX host is not valid yet."""
    CERTIFICATE_HOST_MISMATCH = "certificate-host-mismatch"
    """The certificate of the MX host is for other names."""
    CERTIFICATE_NOT_TRUSTED = "certificate-not-trusted"
    """The certificate of the MX host is not trusted."""
    CERTIFICATE_NOT_CHECKED = "certificate-not-checked"
    """The certificate of the MX host was not checked."""
    DANE_FAILED = "dane-failed"
    """The certificate of the MX host does not match its TLSA records."""
    DANE_LOOKUP_FAILED = "dane-lookup-failed"
    """The TLSA records of the MX host could not be looked up."""
    MX_NOT_AUTHENTICATED = "mx-not-authenticated"
    """The MX host is authenticated neither by DNSSEC nor by an MTA-STS policy."""
    REQUIRETLS_NOT_OFFERED = "requiretls-not-offered"
    """The MX host did not offer REQUIRETLS."""
    POLICY_UNKNOWN = "policy-unknown"
    """Whether the domain has a policy could not be determined: the message waits."""
    DANE_NOT_CHECKED = "dane-not-checked"
    """The certificate of the MX host was not compared with its TLSA records."""


class NoPolicyReason(_Word):
    """The reason why no policy applies."""

    NO_RECORD = "no-record"
    """The domain has no MTA-STS record."""
    INVALID_RECORD = "invalid-record"
    """The MTA-STS record of the domain is not valid."""
    SEVERAL_RECORDS = "several-records"
    """The domain has more than one MTA-STS record."""
    DNS_FAILED = "dns-failed"
    """The DNS query for the policy of the domain failed."""
    FETCH_FAILED = "fetch-failed"
    """The domain has a policy, but it could not be fetched."""
    BACKING_OFF = "backing-off"
    """The last fetch of this policy failed recently."""
    LOCAL_FAULT = "local-fault"
    """The domain has a policy, but this sender could not fetch it, because of a local fault: it tries again later."""


class ResultType(_Word):
    """The `result-type` of TLSRPT (RFC 8460, 4.3)."""

    STARTTLS_NOT_SUPPORTED = "starttls-not-supported"
    CERTIFICATE_HOST_MISMATCH = "certificate-host-mismatch"
    CERTIFICATE_NOT_TRUSTED = "certificate-not-trusted"
    CERTIFICATE_EXPIRED = "certificate-expired"
    VALIDATION_FAILURE = "validation-failure"
    STS_POLICY_FETCH_ERROR = "sts-policy-fetch-error"
    STS_POLICY_INVALID = "sts-policy-invalid"
    STS_WEBPKI_INVALID = "sts-webpki-invalid"
    TLSA_INVALID = "tlsa-invalid"
    DNSSEC_INVALID = "dnssec-invalid"
    DANE_REQUIRED = "dane-required"

    @property
    def number(self) -> int:
        """Its number in libtlsrpt."""
        from . import _core

        return _core.result_type_number(self.value)


class PolicyType(_Word):
    """The `policy-type` of TLSRPT (RFC 8460, 4.4)."""

    TLSA = "tlsa"
    STS = "sts"
    NO_POLICY_FOUND = "no-policy-found"

    @property
    def number(self) -> int:
        """Its number in libtlsrpt."""
        from . import _core

        return _core.policy_type_number(self.value)


class Counted(_Word):
    """The result of giving an event to a `Tally`."""

    WHOLE = "whole"
    """It is counted with all details."""
    FOLDED = "folded"
    """It is counted as a session, but without some details, because a limit is reached."""
    TLSRPT_REPORT = "tlsrpt-report"
    """It is not counted: the message is itself a TLS report (RFC 8460, 3)."""
    NO_TLSRPT_RECORD = "no-tlsrpt-record"
    """It is not counted: the domain has no TLSRPT record that asks for reports."""
    TOO_MANY_DOMAINS = "too-many-domains"
    """It is not counted: the limit of domains per day is reached."""
    OUT_OF_MEMORY = "out-of-memory"
    """It is not counted: the memory limit of the tally is reached."""

    @property
    def is_counted(self) -> bool:
        """Whether the session is counted."""
        return self in (Counted.WHOLE, Counted.FOLDED)

    @property
    def is_lost(self) -> bool:
        """Whether it is not counted because a limit is reached. A daemon should export a metric of these."""
        return self in (Counted.TOO_MANY_DOMAINS, Counted.OUT_OF_MEMORY)


class ReportDelivery(_Word):
    """The result of delivering a report."""

    DELIVERED = "delivered"
    """One endpoint has accepted it (RFC 8460, 3)."""
    FAILED = "failed"
    """No endpoint has accepted it: try again later."""
    REFUSED = "refused"
    """No endpoint will accept it: the record is gone, or every endpoint has rejected it permanently."""


class Whose(_Word):
    """Who can fix a failure."""

    OWNER = "owner"
    """The operator of the domain, its mail hosts, its Policy Host or their DNS."""
    SENDER = "sender"
    """The sender of the report."""
    UNCLEAR = "unclear"
    """Unknown from the report: the owner, the sender, or something between them."""


class Verdict(_Word):
    """Whether to enforce a policy."""

    READY = "ready"
    """All conditions are met."""
    NOT_YET = "not-yet"
    """Some conditions are not met yet: they need more time, more mail, or a fix."""
    BLOCKED = "blocked"
    """The owner has to decide about a host first."""


class ReadyRule(_Word):
    """A condition for enforcing a policy."""

    HOSTS_PASS = "hosts-pass"
    """Every MX host in DNS passes a check now, and its certificate does not expire soon."""
    POLICY_SERVED = "policy-served"
    """The policy can be fetched now, and no sender has failed to fetch it recently."""
    ENOUGH_DAYS = "enough-days"
    """The same list of MX hosts has been served for long enough."""
    ENOUGH_SESSIONS = "enough-sessions"
    """Enough senders have reported enough sessions under the policy."""
    NO_FAILURE_OF_YOURS = "no-failure-of-yours"
    """There has been no failure of the domain's own for some days."""
    FEW_OTHER_FAILURES = "few-other-failures"
    """Failures reported by single senders are few, and on few days."""
    SENDERS_VERIFY = "senders-verify"
    """The sessions are from senders that verify in mode testing."""
    HOSTS_KNOWN = "hosts-known"
    """Every host named in a report is in DNS, or accepted."""


class Wait(_Word):
    """What has to be waited for before a step of a plan."""

    NOTHING = "nothing"
    """Nothing."""
    PREVIOUS_STEP = "previous-step"
    """The step before."""
    POLICY_CACHE = "policy-cache"
    """Caches between the Policy Host and senders, or the addresses of the former Policy Host in DNS."""
    RECORD_TTL = "record-ttl"
    """The TTL of the old record."""
    RETRY = "retry"
    """The time after which senders ask a Policy Host again that did not respond."""
    OLD_POLICIES = "old-policies"
    """The `max_age` of an older policy."""
    UNKNOWN_POLICIES = "unknown-policies"
    """Policies from before the history."""
    QUEUED_MAIL = "queued-mail"
    """The TTL of the old MX records, and the queues of senders."""
    TESTING_PERIOD = "testing-period"
    """The time for which a policy is tested before it is enforced."""
    MAX_AGE_GROWTH = "max-age-growth"
    """The time for which an enforced policy has a short `max_age`."""
    OPT_OUT = "opt-out"
    """The `max_age` of all policies from before the removal."""

    @property
    def message(self) -> str:
        """The reason, in one sentence."""
        from . import _core

        return _core.wait_reason(self.value)[0]

    @property
    def section(self) -> str:
        """The section of the RFC that it comes from; empty for nothing."""
        from . import _core

        return _core.wait_reason(self.value)[1]


MEMBERS = {
    kind.__name__: {member.value: member for member in kind}
    for kind in (*_Word.__subclasses__(), *_Fault.__subclasses__())
}
