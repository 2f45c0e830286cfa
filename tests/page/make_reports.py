#!/usr/bin/env python3
"""Writes a folder of TLS reports: `make_reports.py KIND FOLDER [COUNT]`.

`story`    five weeks of example.com, in mode testing, as four senders see them: a certificate that expired, a backup
           host that no `mx` covers, a new policy, DANE, a sender that falls silent; some of it as mail, some twice.
`hostile`  reports of somebody who wants to do more than report.
`many`     COUNT reports of a year, half of them as mail.
"""

import base64
import datetime
import gzip
import json
import pathlib
import random
import sys

LAST = datetime.date(2026, 11, 26)
OLD = ["version: STSv1", "mode: testing", "mx: mx1.example.com", "max_age: 604800"]
NEW = ["version: STSv1", "mode: testing", "mx: mx1.example.com", "mx: mx2.example.com", "max_age: 604800"]
TLSA = ["3 1 1 6007EEE553E85D8DF007A845D19EC343283D4E416E9A33F9EF3040C8B7C285BC"]


def report(who, contact, day, policies, identity=None):
    return {
        "organization-name": who,
        "date-range": {"start-datetime": f"{day}T00:00:00Z", "end-datetime": f"{day}T23:59:59Z"},
        "contact-info": contact,
        "report-id": identity or f"{day}.example.com@{contact.split('@')[1]}",
        "policies": policies,
    }


def policy(kind, domain, lines, successes, details=(), mx=()):
    described = {"policy-type": kind, "policy-domain": domain}
    if lines:
        described["policy-string"] = lines
    if mx:
        described["mx-host"] = list(mx)
    element = {
        "policy": described,
        "summary": {
            "total-successful-session-count": successes,
            "total-failure-session-count": sum(detail["failed-session-count"] for detail in details),
        },
    }
    if details:
        element["failure-details"] = list(details)
    return element


def failure(result, count, host=None, reason=None, ip=None, sender=None):
    detail = {"result-type": result, "failed-session-count": count}
    if sender:
        detail["sending-mta-ip"] = sender
    if host:
        detail["receiving-mx-hostname"] = host
    if ip:
        detail["receiving-ip"] = ip
    if reason:
        detail["failure-reason-code"] = reason
    return detail


def mail(text, packed=True):
    body = base64.encodebytes(gzip.compress(text, mtime=0) if packed else text).decode()
    kind = "application/tlsrpt+gzip" if packed else "application/tlsrpt+json"
    return (
        "From: tls-reports@sender.example\r\nSubject: Report Domain: example.com Submitter: sender.example "
        "Report-ID: <1@sender.example>\r\nTLS-Report-Domain: example.com\r\nTLS-Report-Submitter: sender.example\r\n"
        'MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type="tlsrpt"; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nA TLS report is attached.\r\n"
        f"--b\r\nContent-Type: {kind}\r\nContent-Transfer-Encoding: base64\r\n\r\n{body}\r\n--b--\r\n"
    ).encode()


def story():
    """Yields names and octets."""
    chance = random.Random(8460)
    for back in range(35):
        day = LAST - datetime.timedelta(days=back)
        is_weekend = day.weekday() > 4
        lines = NEW if back < 16 else OLD
        expired = [
            failure("certificate-expired", chance.randint(6, 14), "mx2.example.com", ip="192.0.2.26", sender="203.0.113.7")
        ] if 2 <= back <= 5 else []
        google = policy("sts", "example.com", lines, chance.randint(90, 140) // (3 if is_weekend else 1), expired)
        yield f"google!{day}.json.gz", report("Google Inc.", "smtp-tls-reporting@google.com", day, [google], f"{day}T00:00:00Z_example.com")
        passing = [failure("validation-failure", 1, "mx1.example.com", "connection timed out during handshake")] if back in (9, 17) else []
        also = [
            failure("certificate-expired", 5, "mx2.example.com", ip="2001:db8::26"),
            failure("validation-failure", 3, "mx3.example.com", "mx-mismatch"),
        ] if 3 <= back <= 4 else []
        microsoft = policy("sts", "example.com", lines, chance.randint(30, 60) // (2 if is_weekend else 1), passing + also)
        dane = policy("tlsa", "mx1.example.com", TLSA, chance.randint(10, 20), mx=["mx1.example.com"])
        yield f"microsoft!{day}.eml", report("Microsoft Corporation", "tlsrpt-noreply@microsoft.com", day, [microsoft, dane], f"{133925885310113267 + back}+example.com")
        if back >= 12:
            ru = policy("sts", "example.com", OLD, chance.randint(2, 9))
            yield f"mail.ru!{day}.json", report("Mail.ru", "tls_support@corp.mail.ru", day, [ru])
        if back % 7 == 3:
            fetch = [failure("sts-policy-fetch-error", 2, reason="unable to do http request: context deadline exceeded")] if back == 3 else []
            postfix = policy("sts", "example.com", lines, chance.randint(1, 5), fetch)
            yield f"postfix!{day}.json", report("A small provider", "postmaster@small.example", day, [postfix], f"{day}T00:00:00Z_idx1_example.com")


HOSTILE = [
    "<script>document.title='owned'</script>",
    "<img src=https://evil.example/x onerror=alert(1)>",
    "\u202egnp.exe\u2066 https://evil.example/",
    "'\"><a href=javascript:alert(1)>click</a>",
    "\x1b[31mred\x07\x00",
    "</style></title></pre><iframe src=//evil.example>",
    "{{ 7 * 7 }} {% raw %} ${7*7}",
    "x" * 4000,
    "&lt;b&gt; &amp;#x202e;",
    "<link rel=stylesheet href=https://evil.example/x.css><style>@import 'https://evil.example'</style>",
]


def hostile():
    for number, text in enumerate(HOSTILE):
        day = LAST - datetime.timedelta(days=number)
        details = [
            failure(text, 10 + number, text, text, text, text),
            failure("validation-failure", 3, f"{number}.example.com", text),
        ]
        lines = ["version: STSv1", "mode: testing", f"mx: {text}", "max_age: 86400", text]
        first = policy("sts", "example.com" if number % 2 else text, lines, 5, details, [text])
        second = policy("tlsa", text, [text], 1, [failure("dane-required", 1, text)], [text])
        yield f"{number}.json", report(text, f"{text}@evil.example", day, [first, second], text)
    yield "<script>alert(1)<\u202eEOF>.json", None


def many(count):
    chance = random.Random(8460)
    senders = [f"Sender {number}" for number in range(40)]
    for number in range(count):
        day = LAST - datetime.timedelta(days=number // 40 % 360)
        who = senders[number % 40]
        details = [
            failure("certificate-expired", chance.randint(1, 9), f"mx{chance.randint(1, 9)}.example.com", ip="192.0.2.1")
            for _ in range(chance.choice([0, 0, 0, 0, 1, 3]))
        ]
        element = policy("sts", "example.com", NEW if number < count // 2 else OLD, chance.randint(1, 400), details, ["mx1.example.com"])
        kind = "eml" if number % 2 else chance.choice(["json", "json.gz"])
        yield f"{number:06}.{kind}", report(who, f"tls@sender{number % 40}.example", day, [element], f"{number}@sender.example")


def main():
    kind, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    made = {"story": story, "hostile": hostile, "many": lambda: many(int(sys.argv[3]))}[kind]()
    for name, content in made:
        text = b"what is this?\x00" if content is None else json.dumps(content).encode()
        if name.endswith(".gz"):
            text = gzip.compress(text, mtime=0)
        elif name.endswith(".eml"):
            text = mail(text)
        (folder / name).write_bytes(text)
    if kind == "story":
        # It came twice, and something came that is no report.
        (folder / "again.json.gz").write_bytes((folder / f"google!{LAST}.json.gz").read_bytes())
        (folder / "report.zip").write_bytes(b"PK\x03\x04" + bytes(60))


if __name__ == "__main__":
    main()
