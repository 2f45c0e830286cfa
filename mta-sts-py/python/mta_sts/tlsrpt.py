"""TLSRPT (RFC 8460): parses, writes and explains TLS reports, and counts sessions for them.

>>> from mta_sts.tlsrpt import Report
>>> report = Report.parse(b'{"organization-name": "Sender Inc.", "policies": []}')
>>> report.organization, report.deviations[-1].code
('Sender Inc.', 'missing-member')

The record that asks for reports is `mta_sts.TlsrptRecord`.
"""

from ._core import (
    Datagram,
    DueId,
    Event,
    FailureDetails,
    ReadyRules,
    Report,
    ReportFileName,
    ReportPeriod,
    ReportPolicy,
    ReportSender,
    ReportSubject,
    Tally,
    assess,
    explain,
    hints,
)
from ._values import (
    Condition,
    Deviation,
    DueReport,
    Evidence,
    FailureDetailsDict,
    Hint,
    LiveFindings,
    LiveHost,
    MailParts,
    Readiness,
    ReportDict,
    ReportPolicyDict,
    Shortfall,
)
from ._words import (
    Counted,
    ReadyRule,
    ReportDelivery,
    Verdict,
    Whose,
)

__all__ = [
    "Condition",
    "Counted",
    "Datagram",
    "Deviation",
    "DueId",
    "DueReport",
    "Event",
    "Evidence",
    "FailureDetails",
    "FailureDetailsDict",
    "Hint",
    "LiveFindings",
    "LiveHost",
    "MailParts",
    "Readiness",
    "ReadyRule",
    "ReadyRules",
    "Report",
    "ReportDelivery",
    "ReportDict",
    "ReportFileName",
    "ReportPeriod",
    "ReportPolicy",
    "ReportPolicyDict",
    "ReportSender",
    "ReportSubject",
    "Shortfall",
    "Tally",
    "Verdict",
    "Whose",
    "assess",
    "explain",
    "hints",
]
