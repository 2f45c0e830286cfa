"""TLSRPT (RFC 8460): reports about TLS, read, written, counted, explained.

>>> from mta_sts.tlsrpt import Report
>>> report = Report.parse(b'{"organization-name": "Sender Inc.", "policies": []}')
>>> report.organization, report.deviations[-1].code
('Sender Inc.', 'missing-member')

The record that asks for reports is `mta_sts.TlsrptRecord`.
"""

from ._core import (
    FailureDetails,
    Report,
    ReportPeriod,
    ReportPolicy,
)
from ._values import (
    Deviation,
    FailureDetailsDict,
    ReportDict,
    ReportPolicyDict,
)

__all__ = [
    "Deviation",
    "FailureDetails",
    "FailureDetailsDict",
    "Report",
    "ReportDict",
    "ReportPeriod",
    "ReportPolicy",
    "ReportPolicyDict",
]
