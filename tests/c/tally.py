#!/usr/bin/env python3
"""tally.py PROGRAM STATE: the example tally.c counts over a restart, and the mail of the report that is due says what it counted."""

import email
import email.policy
import gzip
import json
import os
import subprocess
import sys

DAY = 86400
RECORD = "v=TLSRPTv1; rua=https://reports.test/tls,mailto:tls@reports.test"
AUTHENTICATED, NOT_OFFERED = 10, 1


def run(ahead, *sessions):
    """Runs the example; what it prints, and what it says."""
    found = subprocess.run([sys.argv[1], sys.argv[2], str(ahead)], input="\n".join(sessions), capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
    return found.stdout, found.stderr


def main():
    good = f"a.test mx.a.test {AUTHENTICATED} {RECORD}"
    mail, said = run(0, good, good, f"b.test mx.b.test {AUTHENTICATED} v=TLSRPTv1; rua=https://reports.test/tls")
    assert mail == "" and said.split("\n") == ["a.test: whole", "a.test: whole", "b.test: whole", ""], said
    assert os.path.exists(sys.argv[2])
    # Another process goes on with it; a domain without a record is not counted.
    mail, said = run(0, f"a.test mx.a.test {NOT_OFFERED} {RECORD}", f"c.test mx.c.test {AUTHENTICATED} v=spf1 -all")
    assert mail == "" and said == "a.test: whole\nc.test: no-tlsrpt-record\n", said

    mail, said = run(2 * DAY)
    assert said == "", said
    # b.test has no address: its report is given up.
    message = email.message_from_string(mail, policy=email.policy.default)
    assert message.get_content_type() == "multipart/report" and message.get_param("report-type") == "tlsrpt", message.as_string()
    assert message["To"] == "tls@reports.test" and message["From"] == "tls-reports@sender.test"
    assert message["TLS-Report-Domain"] == "a.test" and message["TLS-Report-Submitter"] == "sender.test"
    assert message["TLS-Required"] == "No" and message["Auto-Submitted"] == "auto-generated"
    text, attached = message.iter_parts()
    assert "Sessions that succeeded: 2\nSessions that failed:    1" in text.get_content(), text.get_content()
    assert attached.get_content_type() == "application/tlsrpt+gzip"
    assert attached.get_filename().startswith("sender.test!a.test!") and attached.get_filename().endswith(".json.gz")
    report = json.loads(gzip.decompress(attached.get_content()))
    assert f"<{report['report-id']}>" in message["Subject"], message["Subject"]
    [policy] = report["policies"]
    assert policy["summary"] == {"total-successful-session-count": 2, "total-failure-session-count": 1}, policy
    [failure] = policy["failure-details"]
    assert failure["result-type"] == "starttls-not-supported" and failure["receiving-mx-hostname"] == "mx.a.test", failure

    assert run(2 * DAY) == ("", ""), "a report came twice"
    with open(sys.argv[2], "ab") as state:
        state.write(b"x")
    broken = subprocess.run([sys.argv[1], sys.argv[2], "0"], input="", capture_output=True, text=True)
    assert broken.returncode == 1 and "tally: " in broken.stderr, broken
    print("tally: ok")


main()
