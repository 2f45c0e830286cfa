"""Reads a folder of TLS reports, says what failed and what mends it, and shows the sessions as data frames of pandas.

    pip install mta-sts pandas
    python examples/reports.py FOLDER

A file is a report as it came by mail or HTTPS, JSON or gzip. One that cannot be read is told, and makes the exit status 1.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from mta_sts import MtaStsError
from mta_sts.tlsrpt import Report, ReportFileName, explain

LONGEST_FILE = 10 * 1024 * 1024


def read_folder(folder: Path) -> Iterator[Report | str]:
    """The reports, each once, and for each file that is none a sentence."""
    seen = set()
    for path in sorted(path for path in folder.iterdir() if path.is_file()):
        # The name of a file is a stranger's too.
        shown = ascii(path.name)
        if path.stat().st_size > LONGEST_FILE:
            yield f"{shown}: longer than {LONGEST_FILE} octets"
            continue
        try:
            report = Report.parse(path.read_bytes())
        except (MtaStsError, OSError) as error:
            yield f"{shown}: {error}"
            continue
        if (name := ReportFileName.parse(path.name)) is not None:
            report = report.with_missing_domains(name.domain)
        # What came twice counts once (RFC 8460, 5.3).
        identity = (report.organization, report.id, report.period)
        if identity not in seen or report.id is None:
            seen.add(identity)
            yield report


def sessions_frame(reports: list[Report]) -> pd.DataFrame:
    """A row for each policy of each report."""
    frame = pd.json_normalize([dict(report.to_dict()) for report in reports], "policies", ["organization", "start"])
    frame["day"] = pd.to_datetime(frame["start"], unit="s", utc=True)
    return frame[["day", "organization", "kind", "domain", "successes", "failures"]]


def failures_frame(reports: list[Report]) -> pd.DataFrame:
    """A row for each kind of failure that a report tells of, with its cause and what mends it."""
    meta: list[str | list[str]] = ["organization", "start", ["policies", "kind"], ["policies", "domain"]]
    frame = pd.json_normalize([dict(report.to_dict()) for report in reports], ["policies", "details"], meta)
    frame["day"] = pd.to_datetime(frame["start"], unit="s", utc=True)
    # What is missing in a frame may be NaN, and no text.
    reasons = [reason if isinstance(reason, str) else None for reason in frame["failure_reason_code"]]
    hints = [explain(*row) for row in zip(frame["policies.kind"], frame["result"], reasons)]
    frame["whose"] = [hint.whose.value for hint in hints]
    frame["cause"] = [hint.cause for hint in hints]
    frame["fix"] = [hint.fix for hint in hints]
    return frame


def main() -> int:
    reports, status = [], 0
    for found in read_folder(Path(sys.argv[1])):
        if isinstance(found, str):
            print(found, file=sys.stderr)
            status = 1
        else:
            reports.append(found)
    if not reports:
        print("no reports")
        return status
    sessions = sessions_frame(reports)
    print(sessions.groupby(["domain", "kind", "organization"])[["successes", "failures"]].sum())
    if any(policy.details for report in reports for policy in report.policies):
        failures = failures_frame(reports)
        alike = failures.groupby(["whose", "cause", "fix", "receiving_mx_hostname"], dropna=False)["failed_sessions"].sum()
        for row in alike.sort_values(ascending=False).reset_index().to_dict("records"):
            host = row["receiving_mx_hostname"]
            where = f", {ascii(host)}" if isinstance(host, str) else ""
            print(f"\n{row['failed_sessions']} sessions{where}, {row['whose']}: {row['cause']}\n  {row['fix']}")
    return status


if __name__ == "__main__":
    sys.exit(main())
