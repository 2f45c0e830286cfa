"""What tests/postfix/fresh needs of docs/reports.md, of the journal and of the world.

    python3 tests/postfix/fresh_reports.py --prepare      makes the domains of the world want reports
    python3 tests/postfix/fresh_reports.py --commands     the commands of the page, and what tries them
    python3 tests/postfix/fresh_reports.py JOURNAL        whether that ended in reports that arrived
"""

import email
import os
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from fresh import HEALTHY, blocks, installed, page, section  # noqa: E402

# What the report about it says, besides the domain.
DOMAINS = {
    HEALTHY: ["1 session succeeded", "mode: enforce"],
    "no-mta-sts.test": ["No MTA-STS policy seen"],
    "certificate-expired.test": ["The certificate of the MX host has expired. 1 session (Example Ltd.)"],
    "policy-host-down.test": ["Senders cannot get the policy"],
}
CLOCK = """
cat >/etc/systemd/system/mtasts.service.d/clock.conf <<END
[Service]
Environment=LD_PRELOAD=$(echo /usr/lib/*/faketime/libfaketime.so.1) FAKETIME_TIMESTAMP_FILE=/etc/mtasts/clock
Environment=FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1
END
set_clock() { echo "+$1" >/etc/mtasts/clock.new && chmod 644 /etc/mtasts/clock.new && mv /etc/mtasts/clock.new /etc/mtasts/clock; }
morning=$(((36000 + 86400 - $(date +%s) % 86400) % 86400))
set_clock $morning
"""
# What is run by hand sees the clock of the daemon.
BY_HAND = """
export LD_PRELOAD=$(echo /usr/lib/*/faketime/libfaketime.so.1) FAKETIME_TIMESTAMP_FILE=/etc/mtasts/clock FAKETIME_NO_CACHE=1
set -x
"""


def into(file, text):
    return f"mkdir -p $(dirname {file})\ncat >>{file} <<'END'\n{text}\nEND"


def until(condition):
    """A wait of a minute and a half."""
    return f"set +x; for _ in $(seq 90); do {condition} && break; sleep 1; done; {condition}; set -x"


def commands():
    text, toml = page("reports.md"), "/etc/mtasts/mtasts.toml"
    lines, _ = installed()
    socket, report, zone, postfix, start, _ = blocks(section(text, "Postfix"))
    # The hosts of the world are at private addresses.
    lines += [socket, into(toml, report + "\nallow-private = true\n\n" + zone)]
    lines += [f"postconf -e '{line}'" for line in postfix.splitlines()]
    lines += ["mkdir -p /etc/systemd/system/mtasts.service.d", CLOCK, "systemctl daemon-reload", start]
    key, credential, dkim, restart, record = blocks(section(text, "DKIM"))
    lines += [key, into("/etc/systemd/system/mtasts.service.d/override.conf", credential), into(toml, dkim), restart]
    assert "._domainkey.example.com. TXT " in record, record
    lines += ["systemctl is-active mtasts mtasts-tlsrpt.socket"]
    for domain in DOMAINS:
        lines.append(f"printf 'Subject: a test\\n\\nhello\\n' | sendmail -f alice@sender.test user@{domain}")
    for domain in DOMAINS:
        lines.append(f"waits_for 'to=<user@{domain}>.*status='")
    [try_it] = blocks(section(text, "Before the first report"))
    # Counts are saved every two seconds.
    count = 2 * len(DOMAINS)
    lines += [BY_HAND, until(f"{{ {try_it}; [ $(ls /tmp/reports | wc -l) -eq {count} ]; }}"), "mtasts report show /tmp/reports"]
    lines += ["set_clock $((morning + 19 * 3600))"]
    queue = next(block for block in blocks(section(text, "Delivery")) if block.startswith("$ mtasts report queue")).split("\n")[0][2:]
    lines += [until(f"[ $({queue} | grep -c '^  sent, 1 attempt$') -eq {count} ]"), queue]
    lines += [f"waits_for 'to=<{domain.removesuffix('.test')}@tlsrpt-mail.test>.*status=sent'" for domain in DOMAINS]
    return "\n".join(lines) + "\n"


def prepare():
    from world import RECORD, control

    for domain in DOMAINS:
        control({"command": "tlsrpt", "domain": domain, "record": RECORD.format(name=domain.removesuffix(".test"))})


def judge():
    from world import received_reports

    names = sorted(domain.removesuffix(".test") for domain in DOMAINS)
    mails, posts = received_reports()
    for kind, came in ("mail", mails), ("POST", posts):
        if sorted(name for name, _ in came) != names:
            raise SystemExit(f"FAILED: by {kind} came reports about {[name for name, _ in came]}")
    for name, mail in mails:
        signature = email.message_from_bytes(mail)["DKIM-Signature"] or ""
        if "d=example.com" not in signature or "s=tlsrpt" not in signature:
            raise SystemExit(f"FAILED: {name}: the signature is {signature!r}")
    for name in names:
        for _, octets in [came for came in mails + posts if came[0] == name]:
            with tempfile.NamedTemporaryFile() as file:
                file.write(octets)
                file.flush()
                shown = subprocess.run([os.environ["MTASTS"], "report", "show", file.name], capture_output=True, text=True)
            said = " ".join(shown.stdout.split())
            missing = [text for text in [f"{name}.test", *DOMAINS[f"{name}.test"]] if text not in said]
            if shown.returncode != 0 or missing:
                raise SystemExit(f"FAILED: {name}: {missing} is not in {shown.stdout}{shown.stderr}")
        print(f"ok: {name}.test: its report has come by mail, signed, and by POST")


def main():
    if sys.argv[1] == "--commands":
        print(commands(), end="")
    elif sys.argv[1] == "--prepare":
        prepare()
    else:
        judge()


if __name__ == "__main__":
    main()
