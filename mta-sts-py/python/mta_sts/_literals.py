"""The words as `Literal`s, so that a type checker refuses one that is misspelt.

Each has the name of its enum, whose words it has too. Those whose names end with `Code` are in no enum: the codes of errors,
of faults and of findings, as `codes()` lists them.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

Mode: TypeAlias = Literal["enforce", "testing", "none"]

Purpose: TypeAlias = Literal["deliver", "refresh", "before-permanent-failure"]

MessageTls: TypeAlias = Literal["unspecified", "requiretls", "tls-required-no"]

TlsMinimum: TypeAlias = Literal["opportunistic", "encrypted", "authenticated"]

DanePrecedence: TypeAlias = Literal["both", "dane-decides"]

DaneState: TypeAlias = Literal["not-applicable", "usable", "lookup-failed"]

DaneResult: TypeAlias = Literal["passed", "failed", "not-checked"]

TlsResult: TypeAlias = Literal[
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

SessionDecision: TypeAlias = Literal["deliver", "try-next-mx"]

QueueLifetime: TypeAlias = Literal["running", "over"]

Recheck: TypeAlias = Literal["unchanged", "changed", "no-longer-bound", "not-checked"]

PostfixForm: TypeAlias = Literal["basic", "extended", "extended-with-testing"]

TxtFailure: TypeAlias = Literal[
    "dns-timeout",
    "dns-servfail",
    "dns-bogus",
    "dns-unusable",
    "dns-local-fault",
]

FetchFailure: TypeAlias = Literal[
    "policy-host-not-found",
    "policy-host-dns-failed",
    "connect-failed",
    "timeout",
    "policy-host-certificate-expired",
    "policy-host-certificate-host-mismatch",
    "policy-host-certificate-not-trusted",
    "policy-host-tls-failed",
    "policy-host-body-too-large",
    "http-protocol",
    "local-fault",
    "policy-host-address-refused",
]

SessionFault: TypeAlias = Literal[
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

NoPolicyReason: TypeAlias = Literal[
    "no-record",
    "invalid-record",
    "several-records",
    "dns-failed",
    "fetch-failed",
    "backing-off",
    "local-fault",
]

ResultType: TypeAlias = Literal[
    "starttls-not-supported",
    "certificate-host-mismatch",
    "certificate-not-trusted",
    "certificate-expired",
    "validation-failure",
    "sts-policy-fetch-error",
    "sts-policy-invalid",
    "sts-webpki-invalid",
    "tlsa-invalid",
    "dnssec-invalid",
    "dane-required",
]

PolicyType: TypeAlias = Literal["tlsa", "sts", "no-policy-found"]

Counted: TypeAlias = Literal[
    "whole", "folded", "tlsrpt-report", "no-tlsrpt-record", "too-many-domains", "out-of-memory"
]

ReportDelivery: TypeAlias = Literal["delivered", "failed", "refused"]

Whose: TypeAlias = Literal["owner", "sender", "unclear"]

Verdict: TypeAlias = Literal["ready", "not-yet", "blocked"]

ReadyRule: TypeAlias = Literal[
    "hosts-pass",
    "policy-served",
    "enough-days",
    "enough-sessions",
    "no-failure-of-yours",
    "few-other-failures",
    "senders-verify",
    "hosts-known",
]

Wait: TypeAlias = Literal[
    "nothing",
    "previous-step",
    "policy-cache",
    "record-ttl",
    "retry",
    "old-policies",
    "unknown-policies",
    "queued-mail",
    "testing-period",
    "max-age-growth",
    "opt-out",
]

UpdateKind: TypeAlias = Literal["keep", "checked", "absent", "back-off", "store"]
"""What a `CacheUpdate` does."""

EnhancedStatus: TypeAlias = Literal["5.4.7", "5.7.10", "5.7.30"]
"""What a message is returned with (RFC 3463, RFC 8689)."""

NameCode: TypeAlias = Literal[
    "empty-name",
    "name-too-long",
    "empty-label",
    "label-too-long",
    "bad-character",
    "hyphen-at-edge",
    "address-literal",
    "u-label-unsupported",
    "bad-u-label",
    "u-label",
    "bad-wildcard",
    "missing-domain",
]
"""Of a name, a domain or a pattern."""

RecordCode: TypeAlias = Literal[
    "no-record",
    "several-records",
    "bad-version",
    "missing-id",
    "bad-id",
    "empty-field",
    "field-without-value",
    "space-around-equals",
    "bad-field-name",
    "bad-field-value",
    "trailing-space",
]
"""Of the TXT records of a domain."""

PolicyCode: TypeAlias = Literal[
    "policy-too-large",
    "not-utf8",
    "control-character",
    "line-without-colon",
    "space-before-name",
    "space-before-colon",
    "bad-policy-field-name",
    "empty-value",
    "bad-policy-version",
    "bad-mode",
    "bad-max-age",
    "bad-mx",
    "missing-version",
    "missing-mode",
    "missing-max-age",
    "missing-mx",
    "blank-line",
    "byte-order-mark",
    "mx-trailing-dot",
    "mx-underscore",
]
"""Of a policy."""

FetchCode: TypeAlias = Literal[
    "http-status",
    "http-redirect",
    "media-type",
    "missing-media-type",
    "body-too-large",
    "invalid-policy",
]
"""Of the answer of a Policy Host."""

EntryCode: TypeAlias = Literal[
    "not-an-entry",
    "unknown-entry-version",
    "bad-entry-header",
    "truncated-entry",
    "trailing-entry-bytes",
    "invalid-entry-policy",
    "incomplete-entry",
    "entry-of-other-domain",
    "duplicate-entry-header",
]
"""Of the text of a cache entry."""

LookupCode: TypeAlias = Literal["unexpected-input", "already-done"]
"""Of a call of a lookup."""

PostfixCode: TypeAlias = Literal[
    "no-usable-mx",
    "no-permitted-host",
    "answer-too-long",
    "numeric-domain",
]
"""Of a policy that cannot be told to Postfix."""

TlsrptRecordCode: TypeAlias = Literal[
    "no-tlsrpt-record",
    "several-tlsrpt-records",
    "bad-tlsrpt-version",
    "missing-rua",
    "no-usable-rua",
    "empty-tlsrpt-field",
    "tlsrpt-field-without-value",
    "space-around-tlsrpt-equals",
    "bad-tlsrpt-field-name",
    "bad-tlsrpt-field-value",
    "trailing-tlsrpt-space",
]
"""Of the TXT records that ask for TLS reports."""

UnreadableReportCode: TypeAlias = Literal[
    "report-too-large",
    "bad-json",
    "json-ends-early",
    "report-not-an-object",
    "missing-policies",
    "report-too-deep",
    "too-many-policies",
    "too-many-failure-details",
]
"""Of a TLS report that cannot be read."""

ReportCode: TypeAlias = Literal[
    UnreadableReportCode,
    "missing-report-member",
    "report-not-of-one-day",
    "bad-report-contact",
    "bad-report-name",
    "bad-report-pattern",
    "unknown-report-word",
    "bad-report-address",
    "bad-report-text",
    "unexpected-report-patterns",
    "report-details-below-total",
]
"""Of a TLS report that cannot be read, or that may not be written."""

DeviationCode: TypeAlias = Literal[
    "more-deviations",
    "report-byte-order-mark",
    "text-after-report",
    "broken-text",
    "report-control-character",
    "text-cut",
    "duplicate-member",
    "unknown-member",
    "missing-member",
    "null-member",
    "empty-text",
    "wrong-type",
    "string-for-array",
    "object-for-array",
    "array-in-string",
    "line-feed-in-line",
    "empty-element",
    "no-policies",
    "unknown-policy-type",
    "unknown-result-type",
    "mx-host-without-sts",
    "bad-contact-info",
    "bad-name-in-report",
    "bad-ip-address",
    "unusual-ip-address",
    "bad-datetime",
    "datetime-out-of-range",
    "datetime-without-zone",
    "unusual-datetime",
    "end-at-midnight",
    "not-one-day",
    "period-reversed",
    "count-as-string",
    "count-as-fraction",
    "count-too-large",
    "negative-count",
    "bad-count",
    "details-below-total",
]
"""Where a TLS report that can be read departs from RFC 8460. With `strict` it is an error."""

DatagramCode: TypeAlias = Literal[
    "datagram-too-long",
    "datagram-not-json",
    "bad-datagram-member",
    "unknown-datagram-version",
    "bad-datagram-domain",
    "unknown-datagram-policy-type",
    "datagram-without-policy",
]
"""Of a datagram of libtlsrpt."""

TallyCode: TypeAlias = Literal[
    "not-a-tally",
    "unknown-tally-version",
    "truncated-tally",
    "bad-tally-line",
]
"""Of the text of a tally."""

ReportSenderCode: TypeAlias = Literal[
    "bad-sender-contact",
    "bad-sender-organization",
]
"""Of who sends reports."""

MailCode: TypeAlias = Literal[
    "other-report-submitter",
    "bad-report-id",
    "missing-report-period",
]
"""Of a report that can go out in no mail."""

DraftCode: TypeAlias = Literal[
    "no-hosts-in-draft",
    "host-never-matches",
    "single-label-host",
    "underscore-in-host",
    "not-a-wildcard",
    "draft-wildcard-too-wide",
    "unused-wildcard",
    "draft-max-age",
    "draft-too-large",
]
"""Of a policy that must not be published."""

HistoryCode: TypeAlias = Literal[
    "not-a-history",
    "unknown-history-version",
    "truncated-history",
    "bad-history-line",
    "duplicate-history-line",
]
"""Of the text of a history."""

LintCode: TypeAlias = Literal[
    "more-findings",
    "html",
    "rtf",
    "json",
    "front-matter",
    "utf-16",
    "record-as-policy",
    "policy-as-record",
    "large-policy",
    "comment",
    "yaml-list",
    "equals-for-colon",
    "fields-on-one-line",
    "escaped-line-end",
    "bad-line-end",
    "unicode-line-end",
    "mixed-line-ends",
    "trailing-white-space",
    "unusual-delimiter",
    "invisible-character",
    "typographic-character",
    "non-ascii",
    "version-not-first",
    "duplicate-field",
    "unknown-field",
    "field-name-case",
    "misspelt-field",
    "misplaced-field",
    "old-draft",
    "value-case",
    "quoted-value",
    "bracketed-value",
    "trailing-punctuation",
    "placeholder",
    "testing-mode",
    "short-max-age",
    "zero-max-age",
    "long-max-age",
    "clamped-max-age",
    "mx-with-mode-none",
    "duplicate-mx",
    "upper-case-mx",
    "single-label-mx",
    "wildcard-mx",
    "wildcard-too-wide",
    "wildcard-misses-level",
    "misplaced-wildcard",
    "several-hosts-in-mx",
    "mx-preference",
    "mx-port",
    "mx-url",
    "mx-mail-address",
    "mx-address",
    "mx-u-label",
    "mx-leading-dot",
    "space-before-semicolon",
    "leading-white-space",
    "missing-semicolon",
    "escaped-semicolon",
    "misplaced-record",
    "near-record",
    "other-record",
    "other-charset",
    "colon-for-equals",
    "zone-line",
    "none-mode",
    "mx-not-covered",
    "provider-mx",
    "part-of-mx-set",
    "rua-without-scheme",
    "rua-scheme",
    "rua-exclamation-mark",
    "rua-white-space",
    "rua-character",
    "rua-address",
    "rua-url",
    "empty-rua",
    "duplicate-rua",
    "many-ruas",
    "rua-elsewhere",
    "short-tlsrpt-ttl",
    "mta-sts-without-tlsrpt",
]
"""What only `lint` says."""

ReportLintCode: TypeAlias = Literal[
    "compressed-report",
    "mx-host-differs",
    "result-of-other-policy",
    "no-failed-session",
    "policy-without-sessions",
    "several-policy-domains",
]
"""Findings about a TLS report that are not deviations."""

FetchFaultCode: TypeAlias = Literal[FetchFailure, FetchCode, PolicyCode]
"""Why a fetch gave no policy: no answer, or one without a policy."""

CauseCode: TypeAlias = Literal[RecordCode, TxtFailure, FetchFaultCode]
"""Why a domain has no policy, or none that is newer."""

FailureCode: TypeAlias = Literal[CauseCode, "backing-off"]
"""The `failure-reason-code` of a failure of policy discovery in TLSRPT."""

ReportFindingCode: TypeAlias = Literal[UnreadableReportCode, DeviationCode, ReportLintCode]
"""What a `Finding` about a TLS report is about. No hint has these codes."""

FindingCode: TypeAlias = Literal[RecordCode, PolicyCode, FetchCode, LintCode, TlsrptRecordCode, ReportFindingCode]
"""What a `Finding` is about."""

HintCode: TypeAlias = Literal[
    RecordCode,
    PolicyCode,
    FetchCode,
    LintCode,
    TlsrptRecordCode,
    "starttls-not-offered",
    "starttls-refused",
    "tls-handshake-failed",
    "handshake-interrupted",
    "tls-version-too-old",
    "certificate-expired",
    "certificate-expires-soon",
    "certificate-not-yet-valid",
    "certificate-host-mismatch",
    "certificate-not-trusted",
    "certificate-self-signed",
    "chain-incomplete",
    "issuer-unknown",
    "chain-invalid",
    "certificate-purpose",
    "certificate-malformed",
    "certificate-weak",
    "certificate-revoked",
    "revocation-unknown",
    "mx-without-address",
    "mx-address-lookup-failed",
    "mx-unreachable",
    "mx-refuses",
    "clear-text-after-starttls",
    "mx-mismatch",
    "mx-not-authenticated",
    "requiretls-not-offered",
    "dane-mismatch",
    "dane-unusable",
    "dane-without-tls",
    "dane-lookup-failed",
    "dane-bogus",
    "dane-required",
    "dnssec-bogus",
    "record-lookup-failed",
    "invalid-record",
    "policy-fetch-failed",
    "policy-host-missing",
    "policy-host-lookup-failed",
    "policy-host-address-private",
    "policy-host-unreachable",
    "policy-host-timeout",
    "policy-host-tls-failed",
    "policy-host-certificate-expired",
    "policy-host-certificate-host-mismatch",
    "policy-host-certificate-not-trusted",
    "policy-host-http-failed",
    "no-policy-served",
    "policy-invalid",
    "backing-off",
    "sender-fault",
    "validation-failure",
    "unknown-result",
]
"""What a `Hint` is about: a fault that a report tells of, or one that `lint` finds."""

ShortfallCode: TypeAlias = Literal[
    "no-mx-host",
    "host-fails",
    "certificate-expires-soon",
    "policy-not-served",
    "policy-fetch-failed",
    "few-days",
    "few-submitters",
    "few-sessions",
    "reports-silent",
    "mended-lately",
    "failure-of-yours",
    "other-failures",
    "senders-do-not-verify",
    "unknown-host",
    "not-checked",
]
"""What a `Shortfall` is about."""

ActionCode: TypeAlias = Literal[
    "put-policy", "move-policy-host", "put-record", "change-mx", "delete-record", "delete-policy"
]
"""What is done in a `Step`."""

ErrorCode: TypeAlias = Literal[
    NameCode,
    RecordCode,
    PolicyCode,
    FetchCode,
    EntryCode,
    LookupCode,
    PostfixCode,
    TlsrptRecordCode,
    ReportCode,
    DeviationCode,
    DatagramCode,
    TallyCode,
    ReportSenderCode,
    MailCode,
    DraftCode,
    HistoryCode,
    "unknown-word",
]
"""What a `MtaStsError` is about."""

Code: TypeAlias = Literal[ErrorCode, FindingCode, FailureCode, SessionFault, NoPolicyReason]
"""Every code."""
