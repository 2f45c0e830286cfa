"""Pickling of reports: as report JSON if that is lossless, and otherwise by their constructors.

A parsed value may lack arguments that its constructor requires, and a constructed one may be invalid in a report; never
both.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timezone
from functools import partial
from typing import Any, TypeAlias

from ._core import Datagram, FailureDetails, Report, ReportPolicy
from ._values import Deviation

_Reduced: TypeAlias = tuple[Callable[..., object], tuple[Any, ...]]


def report(value: Report) -> _Reduced:
    text = _text(value, list(map(_policy, value.policies)))
    if text is not None and _read(text) == value:
        return _report_of, (text, value.deviations)
    assert value.organization is not None and value.contact is not None and value.id is not None
    assert value.period is not None
    named = {name: getattr(value, name) for name in ("organization", "contact", "id", "period", "policies")}
    return partial(Report, **named), ()


def report_policy(value: ReportPolicy) -> _Reduced:
    text = _text(None, [_policy(value)])
    if text is not None and _read(text).policies == (value,):
        return _policy_of, (text,)
    assert value.domain is not None
    named = {name: getattr(value, name) for name in ("lines", "mx_hosts", "successes", "failures", "details")}
    return partial(ReportPolicy, value.kind, value.domain, **named), ()


def failure_details(value: FailureDetails) -> _Reduced:
    text = _text(None, [{"failure-details": [_details(value)]}])
    if text is not None and [policy.details for policy in _read(text).policies] == [(value,)]:
        return _details_of, (text,)
    named = {name.replace("-", "_"): text for name, text in _optional(value).items()}
    return partial(FailureDetails, value.result, value.failed_sessions, **named), ()


def datagram(value: Datagram) -> _Reduced:
    if not value.events:
        return Datagram, (str(value.domain), value.record)
    return Datagram.parse, (value.to_json(),)


def _report_of(text: str, deviations: tuple[Deviation, ...]) -> Report:
    return _read(text)._with_deviations(deviations)


def _policy_of(text: str) -> ReportPolicy:
    return _read(text).policies[0]


def _details_of(text: str) -> FailureDetails:
    return _read(text).policies[0].details[0]


def _read(text: str) -> Report:
    return Report.parse(text, max_octets=2**63, max_policies=2**32 - 1, max_details=2**32 - 1)


def _text(header: Report | None, policies: list[dict[str, Any]]) -> str | None:
    members: dict[str, Any] = {"policies": policies}
    if header is not None:
        members |= {"organization-name": header.organization, "contact-info": header.contact, "report-id": header.id}
        if header.period is not None:
            times = {"start-datetime": header.period.start, "end-datetime": header.period.end}
            try:
                members["date-range"] = {name: _datetime(time) for name, time in times.items()}
            except (OverflowError, ValueError, OSError):
                return None
    return json.dumps(members)


def _datetime(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat()


def _policy(policy: ReportPolicy) -> dict[str, Any]:
    return {
        "policy": {
            "policy-type": policy.kind,
            "policy-domain": policy.domain,
            "policy-string": policy.lines,
            "mx-host": policy.mx_hosts,
        },
        "summary": {
            "total-successful-session-count": policy.successes,
            "total-failure-session-count": policy.failures,
        },
        "failure-details": list(map(_details, policy.details)),
    }


def _details(details: FailureDetails) -> dict[str, Any]:
    return {"result-type": details.result, "failed-session-count": details.failed_sessions, **_optional(details)}


def _optional(details: FailureDetails) -> dict[str, str | None]:
    return {
        "sending-mta-ip": details.sending_mta_ip,
        "receiving-mx-hostname": details.receiving_mx_hostname,
        "receiving-mx-helo": details.receiving_mx_helo,
        "receiving-ip": details.receiving_ip,
        "additional-information": details.additional_information,
        "failure-reason-code": details.failure_reason_code,
    }
