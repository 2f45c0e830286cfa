"""What tests/postfix/fresh needs of docs/postfix.md and of the journal.

    python3 tests/postfix/fresh.py --commands       the commands of the page, and what tries them
    python3 tests/postfix/fresh.py JOURNAL          whether that ended in a Postfix that enforces
    python3 tests/postfix/fresh.py --package        the commands of the page for the Debian package
    python3 tests/postfix/fresh.py --send           sends mail from this machine, in the loopback world, and looks what became of it
"""

import pathlib
import re
import subprocess
import sys
import time

HEALTHY = "healthy-enforce.test"
ATTACKED = ["starttls-stripped.test", "mx-spoofed.test", "certificate-expired.test", "certificate-other-name.test",
            "untrusted-ca.test"]
# With a policy in mode none or no policy: as before.
OTHERS = ["no-mta-sts.test", "mode-none.test"]


def page(name):
    return (pathlib.Path(__file__).resolve().parents[2] / "docs" / name).read_text(encoding="utf-8")


def section(text, title):
    """The text below a heading, until the next one."""
    return re.search(rf"^#+ {re.escape(title)}\n(.*?)(?=^#+ |\Z)", text, re.S | re.M)[1]


def blocks(text):
    """The indented blocks."""
    return [re.sub(r"(?m)^    ", "", block).strip() for block in re.findall(r"(?m)(?:^    .*\n)+", text)]


def installed():
    """The commands of docs/postfix.md, until Postfix asks the daemon; and the last of them, which tries that."""
    text = page("postfix.md")
    install, _ = blocks(section(text, "Install"))
    configuration, reload, try_domain = blocks(section(text, "Configure"))
    lines = ["cd /root/libmtasts", "# Not built in this network, which has no crates."]
    lines += [line for line in install.splitlines() if not line.startswith("cargo build")]
    lines += ["systemctl is-active mtasts postfix"]
    lines += [f"postconf -e '{line}'" for line in configuration.splitlines()]
    lines += [reload, try_domain.replace("example.com", HEALTHY) + " | tee /root/answer",
              "grep -qx 'secure match=mx.healthy-enforce.test servername=hostname' /root/answer"]
    # A wait of 90 s for each result, in the journal.
    lines += ["waits_for() {", "    set +x", "    for _ in $(seq 900); do", "        journalctl --no-pager | grep -q \"$1\" && set -x && return",
              "        sleep 0.1", "    done", "    return 1", "}"]
    return lines, try_domain


def commands():
    lines, try_domain = installed()
    for domain in [HEALTHY, *ATTACKED, *OTHERS]:
        lines.append(f"printf 'Subject: a test\\n\\nhello\\n' | sendmail -f alice@sender.test user@{domain}")
    for domain in [HEALTHY, *ATTACKED, *OTHERS]:
        lines.append(f"waits_for 'to=<user@{domain}>.*status='")
    # It comes back from a kill, and knows what it knew; a reload is taken.
    lines += ["systemctl kill --signal KILL mtasts", "waits_for 'Scheduled restart job'",
              "systemctl start mtasts", "mtasts cache --store sqlite:/var/lib/mtasts/cache.sqlite show " + HEALTHY,
              "systemctl reload mtasts", try_domain.replace("example.com", HEALTHY)]
    return "\n".join(lines) + "\n"


def package_commands():
    _, package = blocks(section(page("postfix.md"), "Install"))
    return package.replace("example.com", HEALTHY) + "\n"


def send():
    domains = [HEALTHY, *ATTACKED, *OTHERS]
    for domain in domains:
        subprocess.run(["sendmail", "-f", "alice@sender.test", f"user@{domain}"], input=b"Subject: a test\n\nhello\n", check=True)
    journal, end = "", time.monotonic() + 90
    while not all(re.search(rf"to=<user@{domain}>.*status=", journal) for domain in domains) and time.monotonic() < end:
        time.sleep(1)
        journal = subprocess.run(["journalctl", "--no-pager"], capture_output=True, text=True, check=True).stdout
    judge(journal)


def judge(journal):
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
    from world import arrived

    failures = 0

    def check(what, good, domain):
        nonlocal failures
        print(f"{'ok' if good else 'FAILED'}: {domain}: {what}")
        if not good:
            failures += 1
            print("\n".join(line for line in journal.splitlines() if domain in line))

    def status(domain):
        found = re.search(rf"to=<user@{domain}>.*status=(\w+)", journal)
        return found and found[1]

    check("over verified TLS", f"Verified TLS connection established to mx.{HEALTHY}" in journal, HEALTHY)
    for domain in [HEALTHY, *OTHERS]:
        check("delivered", status(domain) == "sent" and len(arrived(domain)) == 1, domain)
    for domain in ATTACKED:
        check("waits in the queue, nothing was sent", status(domain) == "deferred" and not arrived(domain), domain)
    if failures:
        raise SystemExit(f"{failures} failed")


def main():
    if sys.argv[1] == "--commands":
        print(commands(), end="")
    elif sys.argv[1] == "--package":
        print(package_commands(), end="")
    elif sys.argv[1] == "--send":
        send()
    else:
        judge(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8", errors="replace"))


if __name__ == "__main__":
    main()
