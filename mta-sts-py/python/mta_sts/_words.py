"""The words of the RFCs and of the core, as enums that are strings, and the exception of the package.

Wherever a function takes one of them, its plain string will do. The exception is here since it refuses words, and has one.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from . import _literals as literal


class MtaStsError(ValueError):
    """Something that the package refuses.

    `code` is a stable word, listed by `codes()`; `line` (from 1) and `offset` (in octets) say where,
    if there is a place. `result_type` is what TLSRPT counts, of an answer of a Policy Host. `path` is the
    member of a TLS report, `policies[0].summary`, empty for the report as a whole.
    """

    code: literal.ErrorCode
    line: int | None
    offset: int | None
    result_type: ResultType | None
    path: str | None

    def __init__(
        self,
        message: str,
        code: literal.ErrorCode,
        line: int | None = None,
        offset: int | None = None,
        result_type: ResultType | None = None,
        path: str | None = None,
        /,
    ) -> None:
        super().__init__(message, code, line, offset, result_type, path)
        self.code = code
        self.line = line
        self.offset = offset
        self.result_type = result_type
        self.path = path

    def __str__(self) -> str:
        return str(self.args[0])

    def __repr__(self) -> str:
        place = {"line": self.line, "path": self.path, "offset": self.offset}
        where = "".join(f", {name}={value!r}" for name, value in place.items() if value is not None)
        return f"MtaStsError({str(self)!r}, code={self.code!r}{where})"


class _Word(str, Enum):
    """A member is its word: `Mode.ENFORCE == "enforce"`, and `str()` and formats give the word."""

    @classmethod
    def _missing_(cls, value: object) -> NoReturn:
        raise MtaStsError(f"{value!r} is no {cls.__name__}", "unknown-word")

    def __str__(self) -> str:
        return str(self.value)

    def __format__(self, spec: str) -> str:
        return format(str(self.value), spec)


class _Fault(_Word):
    """A word that is a code too, and that TLSRPT may count."""

    @property
    def number(self) -> int:
        """The number of the code."""
        from . import _core

        return _core.codes()[self.value][0]

    @property
    def result_type(self) -> ResultType | None:
        """What TLSRPT counts it as."""
        from . import _core

        return _core.result_type_of(self.value)


class Mode(_Word):
    """What a policy asks (RFC 8461, 3.2 and 5)."""

    ENFORCE = "enforce"
    """Mail goes out as the policy says, or not at all."""
    TESTING = "testing"
    """Mail goes out anyway; what fails is reported."""
    NONE = "none"
    """The domain has no policy any more."""


class Purpose(_Word):
    """What a lookup is for."""

    DELIVER = "deliver"
    """A message is to be delivered."""
    REFRESH = "refresh"
    """A cached policy is to be fetched anew before it expires."""
    BEFORE_PERMANENT_FAILURE = "before-permanent-failure"
    """A message is to be returned: has the owner published another policy meanwhile?"""


class PolicySource(_Word):
    """Where a policy came from."""

    CACHED = "cached"
    FETCHED = "fetched"


class RecordCheck(_Word):
    """Whether a lookup has asked the domain for a newer policy than the cached one."""

    NOT_MADE = "not-made"
    """It has not asked: what was remembered was enough."""
    CURRENT = "current"
    """DNS has answered, and the domain has no newer policy than the one of the outcome."""
    FAILED = "failed"
    """DNS has not answered, or there is a newer policy that was not fetched."""


class MessageTls(_Word):
    """What the sender of a message asks about TLS (RFC 8689)."""

    UNSPECIFIED = "unspecified"
    """Nothing."""
    REQUIRETLS = "requiretls"
    """REQUIRETLS: over authenticated TLS to hosts that promise the same, or not at all."""
    TLS_REQUIRED_NO = "tls-required-no"
    """`TLS-Required: No`: deliver even where the recipient's MTA-STS or DANE forbids it."""

    @staticmethod
    def of(
        *, requiretls: bool = False, tls_required_no: bool = False, null_reverse_path: bool = False
    ) -> MessageTls:
        """What a message asks: whether MAIL had REQUIRETLS, whether its header says `TLS-Required: No`, whether
        its reverse path is null.

        REQUIRETLS beats the header field, and does not bind a message with a null reverse path.
        """
        from . import _core

        return _core.message_tls(
            requiretls=requiretls, tls_required_no=tls_required_no, null_reverse_path=null_reverse_path
        )


class TlsMinimum(_Word):
    """What the operator of the sender demands of every session."""

    OPPORTUNISTIC = "opportunistic"
    """TLS where it can be had."""
    ENCRYPTED = "encrypted"
    """TLS, with any certificate."""
    AUTHENTICATED = "authenticated"
    """TLS with a certificate valid for the MX host, or that DANE vouches for."""


class DanePrecedence(_Word):
    """What counts where a host has both DANE and a policy."""

    BOTH = "both"
    """Both must pass."""
    DANE_DECIDES = "dane-decides"
    """Where DANE passes, MTA-STS is not looked at."""


class DaneState(_Word):
    """What DNS says of DANE for an MX host, before a connection (RFC 7672)."""

    NOT_APPLICABLE = "not-applicable"
    """The host provably has no usable TLSA records, or this sender does no DANE."""
    USABLE = "usable"
    """The host has usable TLSA records: TLS that they vouch for, or none of the message."""
    LOOKUP_FAILED = "lookup-failed"
    """DNS could not tell, or its answer was bogus: the host does not get the message now."""


class DaneResult(_Word):
    """What the TLSA records of an MX host say of the certificate that it showed (RFC 7672)."""

    PASSED = "passed"
    """A TLSA record matches."""
    FAILED = "failed"
    """No TLSA record matches."""
    NOT_CHECKED = "not-checked"
    """Nobody looked. Where the host has usable TLSA records the session does not get the message."""


class TlsResult(_Word):
    """How the TLS attempt with an MX host ended."""

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
    """What to do with a session before MAIL."""

    DELIVER = "deliver"
    TRY_NEXT_MX = "try-next-mx"


class QueueLifetime(_Word):
    """The age of a message in its queue."""

    RUNNING = "running"
    """It may wait longer."""
    OVER = "over"
    """It would now be returned to its sender."""


class Recheck(_Word):
    """The answer of the check for a newer policy that comes before a permanent failure (RFC 8461, 5.1)."""

    UNCHANGED = "unchanged"
    """The policy is still in force, and the domain has no newer one."""
    CHANGED = "changed"
    """Another policy is in force by now."""
    NO_LONGER_BOUND = "no-longer-bound"
    """No policy is in force any more: the domain has none."""
    NOT_CHECKED = "not-checked"
    """The domain could not be asked, or has a newer policy that could not be fetched."""


class Severity(_Word):
    """How bad a finding is."""

    INFO = "info"
    WARNING = "warning"
    """Some senders refuse it, or it does not do what it seems to."""
    ERROR = "error"
    """Senders refuse it."""


class PostfixForm(_Word):
    """How much an answer to Postfix tells."""

    BASIC = "basic"
    """For every Postfix, and for sendmail's `FEATURE(sts)`."""
    EXTENDED = "extended"
    """For Postfix 3.10.5 and later."""
    EXTENDED_WITH_TESTING = "extended-with-testing"
    """As `extended`, and mode testing is answered with `may`."""


class TxtFailure(_Word):
    """Why DNS said nothing usable."""

    DNS_TIMEOUT = "dns-timeout"
    """DNS did not answer in time."""
    DNS_SERVFAIL = "dns-servfail"
    """DNS answered SERVFAIL."""
    DNS_BOGUS = "dns-bogus"
    """The DNS answer failed DNSSEC validation."""
    DNS_UNUSABLE = "dns-unusable"
    """DNS gave no usable answer."""
    DNS_LOCAL_FAULT = "dns-local-fault"
    """The sender could not ask DNS, for a fault of its own."""


class FetchFailure(_Fault):
    """Why no answer came from the Policy Host, or none that could be trusted."""

    POLICY_HOST_NOT_FOUND = "policy-host-not-found"
    """The Policy Host has no address."""
    POLICY_HOST_DNS_FAILED = "policy-host-dns-failed"
    """The address of the Policy Host could not be looked up."""
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
    """The answer of the Policy Host is not proper HTTP."""
    LOCAL_FAULT = "local-fault"
    """The sender could not ask the Policy Host, for a fault of its own: without a cached policy it tries again later."""
    POLICY_HOST_ADDRESS_REFUSED = "policy-host-address-refused"
    """The Policy Host has only private addresses, which this sender refuses."""


class SessionFault(_Fault):
    """What is wrong with an MX host or a session."""

    MX_MISMATCH = "mx-mismatch"
    """The MX host is not covered by the policy."""
    STARTTLS_NOT_OFFERED = "starttls-not-offered"
    """The MX host did not offer STARTTLS."""
    STARTTLS_REFUSED = "starttls-refused"
    """The MX host offered STARTTLS and refused the command."""
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
    """Neither DNSSEC nor an MTA-STS policy vouches for the MX host."""
    REQUIRETLS_NOT_OFFERED = "requiretls-not-offered"
    """The MX host did not offer REQUIRETLS."""
    POLICY_UNKNOWN = "policy-unknown"
    """It is not known whether the domain has a policy: the message waits."""
    DANE_NOT_CHECKED = "dane-not-checked"
    """The certificate of the MX host was not compared with its TLSA records."""


class NoPolicyReason(_Word):
    """Why no policy applies."""

    NO_RECORD = "no-record"
    """The domain has no MTA-STS record."""
    INVALID_RECORD = "invalid-record"
    """The MTA-STS record of the domain is not valid."""
    SEVERAL_RECORDS = "several-records"
    """The domain has more than one MTA-STS record."""
    DNS_FAILED = "dns-failed"
    """DNS could not tell whether the domain has a policy."""
    FETCH_FAILED = "fetch-failed"
    """The domain has a policy, and it could not be fetched."""
    BACKING_OFF = "backing-off"
    """The last fetch of this policy failed a short while ago."""
    LOCAL_FAULT = "local-fault"
    """The domain has a policy, and this sender could not fetch it, for a fault of its own: it tries again later."""


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
        """The number that libtlsrpt gives it."""
        from . import _core

        return _core.result_type_number(self.value)


class PolicyType(_Word):
    """The `policy-type` of TLSRPT (RFC 8460, 4.4)."""

    TLSA = "tlsa"
    STS = "sts"
    NO_POLICY_FOUND = "no-policy-found"

    @property
    def number(self) -> int:
        """The number that libtlsrpt gives it."""
        from . import _core

        return _core.policy_type_number(self.value)


class Counted(_Word):
    """What became of an event that a `Tally` was given."""

    WHOLE = "whole"
    """It is counted with all that it tells."""
    FOLDED = "folded"
    """It is counted as a session; the rest is told with less, for want of room."""
    TLSRPT_REPORT = "tlsrpt-report"
    """It is not counted: the message is itself a TLS report (RFC 8460, 3)."""
    NO_TLSRPT_RECORD = "no-tlsrpt-record"
    """It is not counted: the domain has no TLSRPT record that asks for reports."""
    TOO_MANY_DOMAINS = "too-many-domains"
    """It is not counted: the day has as many domains as may be."""
    OUT_OF_MEMORY = "out-of-memory"
    """It is not counted: the tally takes as much memory as it may."""

    @property
    def is_counted(self) -> bool:
        """Whether the session is counted."""
        return self in (Counted.WHOLE, Counted.FOLDED)

    @property
    def is_lost(self) -> bool:
        """Whether it is not counted for want of room: worth a metric."""
        return self in (Counted.TOO_MANY_DOMAINS, Counted.OUT_OF_MEMORY)


class ReportDelivery(_Word):
    """What came of the delivery of a report."""

    DELIVERED = "delivered"
    """One endpoint has taken it (RFC 8460, 3)."""
    FAILED = "failed"
    """None has: try again later."""
    REFUSED = "refused"
    """None will: the record is gone, or every endpoint said so for good."""


class Whose(_Word):
    """Who can mend a failure."""

    OWNER = "owner"
    """Whoever runs the domain, its mail hosts, its policy host or their DNS."""
    SENDER = "sender"
    """Whoever sent the report."""
    UNCLEAR = "unclear"
    """The report does not tell: the owner, the sender, or something between them."""


class Verdict(_Word):
    """Whether to enforce a policy."""

    READY = "ready"
    """All conditions are met."""
    NOT_YET = "not-yet"
    """Something is missing that time, mail or mending brings."""
    BLOCKED = "blocked"
    """The owner has to decide about a host, whatever else is missing."""


class ReadyRule(_Word):
    """A condition for enforcing a policy."""

    HOSTS_PASS = "hosts-pass"
    """Every MX host in DNS passes a check now, and its certificate lasts."""
    POLICY_SERVED = "policy-served"
    """The policy is served now, and no sender failed to fetch it lately."""
    ENOUGH_DAYS = "enough-days"
    """The same list of MX hosts has been served for long enough."""
    ENOUGH_SESSIONS = "enough-sessions"
    """Enough senders have reported enough sessions under the policy."""
    NO_FAILURE_OF_YOURS = "no-failure-of-yours"
    """Of the failures none is the domain's own, for some days."""
    FEW_OTHER_FAILURES = "few-other-failures"
    """What single senders report is little, and on few days."""
    SENDERS_VERIFY = "senders-verify"
    """The sessions are those of senders that verify in mode testing."""
    HOSTS_KNOWN = "hosts-known"
    """Every host that a report names is in DNS, or accepted."""


MEMBERS = {
    kind.__name__: {member.value: member for member in kind}
    for kind in (*_Word.__subclasses__(), *_Fault.__subclasses__())
}
