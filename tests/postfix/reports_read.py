"""Reads the reports that tests/postfix/reports.py has received, and compares them with those of `mtasts demo`.

    PYTHON -I tests/postfix/reports_read.py MTASTS FOLDER

PYTHON is that of tests/report-readers, with parsedmarc and dkimpy. FOLDER also has `dkim.pem`, `demo.json` and `demo/`.
"""

import base64
import collections
import email
import email.policy
import gzip
import json
import pathlib
import subprocess
import sys
import time

import dkim
import parsedmarc

MTASTS, FOLDER = sys.argv[1], pathlib.Path(sys.argv[2])
SELECTOR = b"tlsrpt._domainkey.sender.test."

# Where the report cannot say what the demo says, since Postfix does not know it.
DIFFERENCES = {
    # Postfix checks no certificate in mode testing, and calls the session a success. Nobody has checked it, so it counts as one
    # without policy.
    "testing-fault": [("no-policy-found", [], [], 1, 0, [])],
    # Postfix tells nobody of the session of such a message.
    "tls-required-no": None,
}
# What Postfix says of a failure is its result type, at most with words of OpenSSL. The demo has the code of the core.
REASONS_OF_POSTFIX = {
    "starttls-not-supported": None,
    "certificate-expired": None,
    "certificate-host-mismatch": None,
    "certificate-not-trusted": "unable_to_get_local_issuer_certificate",
}


def check(is_so, what, *details):
    if not is_so:
        raise SystemExit("\n  ".join(["tests/postfix/reports: " + what, *map(str, details)]))


def policies_of(report, is_of_demo):
    """The policies with all that both know: type, lines, patterns, successes, failures, and each detail."""
    policies = []
    for element in report["policies"]:
        policy, summary, details = element["policy"], element["summary"], []
        for detail in element.get("failure-details", []):
            result, host = detail["result-type"], detail.get("receiving-mx-hostname")
            reason = detail.get("failure-reason-code")
            if is_of_demo:
                reason = REASONS_OF_POSTFIX.get(result, reason)
            details.append((result, host, detail.get("receiving-ip"), reason, detail["failed-session-count"]))
        policies.append((
            policy["policy-type"], policy["policy-string"], policy["mx-host"], summary["total-successful-session-count"],
            summary["total-failure-session-count"], sorted(details, key=str),
        ))
    return sorted(policies, key=str)


def only(scenario, folder, end):
    found = list((FOLDER / folder).glob(f"{scenario}.*.{end}"))
    check(len(found) <= 1, f"{scenario}: {len(found)} reports in {folder}")
    return found[0].read_bytes() if found else None


def attachment(message):
    parsed = email.message_from_bytes(message, policy=email.policy.default)
    [part] = [part for part in parsed.walk() if part.get_content_type() == "application/tlsrpt+gzip"]
    return part.get_content()


def judge_mail(scenario, message, report, key):
    """A mail as RFC 8460, 5.3 has it, whose signature holds after Postfix and the MX host."""
    asked = []

    def record(name, timeout=5):
        asked.append(name)
        return b"v=DKIM1; k=rsa; p=" + key

    check(dkim.verify(message, dnsfunc=record), f"{scenario}: dkimpy does not accept the signature", message)
    check(asked == [SELECTOR], f"{scenario}: the signature is of {asked}")
    broken = message.replace(b"TLS-Report-Domain: ", b"TLS-Report-Domain: x", 1)
    check(broken != message and not dkim.verify(broken, dnsfunc=record), f"{scenario}: TLS-Report-Domain is not signed")
    fields = email.message_from_bytes(message, policy=email.policy.default)
    for name, value in [("TLS-Report-Domain", f"{scenario}.test"), ("TLS-Report-Submitter", "sender.test"),
                        ("TLS-Required", "No"), ("To", f"{scenario}@tlsrpt-mail.test")]:
        check(fields[name] == value, f"{scenario}: {name} is {fields[name]}")

    read = parsedmarc.parse_report_email(message, offline=True)
    check(read["report_type"] == "smtp_tls", f"{scenario}: parsedmarc has read {read['report_type']}")
    read = read["report"]
    check([read["organization_name"], read["report_id"]] == [report["organization-name"], report["report-id"]],
          f"{scenario}: parsedmarc has read {read}")
    counts = [(policy["policy_type"], policy["successful_session_count"], policy["failed_session_count"],
               [detail["result_type"] for detail in policy.get("failure_details", [])]) for policy in read["policies"]]
    written = [(element["policy"]["policy-type"], element["summary"]["total-successful-session-count"],
                element["summary"]["total-failure-session-count"],
                [detail["result-type"] for detail in element.get("failure-details", [])]) for element in report["policies"]]
    check(counts == written, f"{scenario}: parsedmarc has read {counts}", written)


def judge_inbox(reports):
    """`mtasts report` reads all of it, by mail and by POST, without a complaint; what came both ways counts once."""
    command = [MTASTS, "report", "show", "--json", str(FOLDER / "mail"), str(FOLDER / "post")]
    shown = subprocess.run(command, capture_output=True, text=True)
    check(shown.returncode == 0, f"mtasts report show: {shown.returncode}", shown.stderr, shown.stdout)
    shown = json.loads(shown.stdout)
    counts = {name: shown["counts"][name] for name in ("reports", "doubles", "differing")}
    check(counts == {"reports": len(reports), "doubles": len(reports), "differing": 0}, f"mtasts report has read {counts}")
    check(not shown["unreadable"] and not shown["deviations"], "mtasts report complains", shown["unreadable"], shown["deviations"])
    read = collections.Counter()
    for domain in shown["domains"]:
        for cause in domain["causes"]:
            read[domain["domain"]] += cause["sessions"]
    wanted = {f"{scenario}.test": sum(detail["failed-session-count"] for element in report["policies"]
                                      for detail in element.get("failure-details", []))
              for scenario, report in reports.items()}
    check({name: count for name, count in wanted.items() if count} == read, f"mtasts report shows {read}", wanted)


def main():
    # The mails were signed at that time, which is tomorrow.
    time.time = lambda now=float((FOLDER / "time").read_text()): now
    key = subprocess.run(["openssl", "pkey", "-in", FOLDER / "dkim.pem", "-pubout", "-outform", "DER"], capture_output=True, check=True)
    key = base64.b64encode(key.stdout)
    demo = json.loads((FOLDER / "demo.json").read_text())
    expected = {}
    for file in demo["reports"]["files"]:
        report = json.loads(gzip.decompress(pathlib.Path(file).read_bytes()))
        expected[report["policies"][0]["policy"]["policy-domain"].removesuffix(".test")] = report
    reports, days = {}, set()
    for scenario in [scenario["name"] for scenario in demo["scenarios"]]:
        wanted = policies_of(expected[scenario], True) if scenario in expected else None
        wanted = DIFFERENCES.get(scenario, wanted)
        mail, post = only(scenario, "mail", "eml"), only(scenario, "post", "json.gz")
        if wanted is None:
            check(mail is None and post is None, f"{scenario}: there is a report", mail)
            continue
        check(mail is not None and post is not None, f"{scenario}: there is no report")
        check(attachment(mail) == post, f"{scenario}: mail and POST differ")
        report = reports[scenario] = json.loads(gzip.decompress(post))
        found = policies_of(report, False)
        check(found == wanted, f"{scenario}: not what the demo says", wanted, found)
        days.add(report["date-range"]["start-datetime"])
        judge_mail(scenario, mail, report, key)
    check(len(days) == 1, f"reports of several days: {days}")
    check(len(reports) == 22, f"{len(reports)} reports")
    judge_inbox(reports)
    queue = json.loads((FOLDER / "queue.json").read_text())
    states = collections.Counter((delivery["state"], delivery["tries"]) for delivery in queue)
    check(states == {("sent", 1): 2 * len(reports)}, f"the queue says {states}")
    print(f"{len(reports)} reports of {days.pop()} are what the demo says, by mail and by POST")


if __name__ == "__main__":
    main()
