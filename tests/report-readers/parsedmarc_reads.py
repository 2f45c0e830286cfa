"""Every report that the vectors have the core write is read by parsedmarc, with the same words and counts."""

import json
import sys
from pathlib import Path

from parsedmarc import parse_smtp_tls_report_json


def main(vectors: str) -> None:
    read = 0
    for case in json.loads(Path(vectors).read_text("utf-8"))["cases"]:
        if "json" not in case["expected"]:
            continue
        text = case["expected"]["json"]
        written = json.loads(text)
        report = parse_smtp_tls_report_json(text)
        seen = [report[name] for name in ("organization_name", "contact_info", "report_id", "begin_date", "end_date")]
        dates = written["date-range"]
        names = ("organization-name", "contact-info", "report-id")
        assert seen == [written[name] for name in names] + [dates["start-datetime"], dates["end-datetime"]], case["id"]
        assert len(report["policies"]) == len(written["policies"]), case["id"]
        for policy, element in zip(report["policies"], written["policies"]):
            assert policy["policy_type"] == element["policy"]["policy-type"], case["id"]
            assert policy["policy_domain"] == element["policy"]["policy-domain"], case["id"]
            assert policy.get("policy_strings", []) == element["policy"]["policy-string"], case["id"]
            summary = element["summary"]
            assert policy["successful_session_count"] == summary["total-successful-session-count"], case["id"]
            assert policy["failed_session_count"] == summary["total-failure-session-count"], case["id"]
            shown = [
                {name.replace("additional-information", "additional-info-uri").replace("-", "_"): value
                 for name, value in details.items()}
                for details in element.get("failure-details", [])
            ]
            assert policy.get("failure_details", []) == shown, case["id"]
        read += 1
    assert read > 15, f"only {read} reports"
    print(f"parsedmarc: {read} reports read")


main(sys.argv[1])
