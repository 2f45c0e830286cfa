"""Runs Exim against every scenario of the loopback world: what is delivered, by whom it is read, what waits.

    tests/in-world python3 tests/exim/scenarios.py exim-mtasts.so receive [SCENARIO...]

`receive` is tests/exim/receive.c, which takes the datagrams for TLS reports.

Each scenario has a spool and a folder of entries of its own: what Exim remembers of hosts that failed would hold up
the next one's mail.
"""

import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from world import FOLDER as WORLD, arrived, control  # noqa: E402

CONFIGURATION = pathlib.Path(__file__).with_name("exim.conf").read_text()
EXIM = shutil.which("exim4") or "/usr/sbin/exim4"
MODULE = os.path.abspath(sys.argv[1])
RECEIVE = os.path.abspath(sys.argv[2])
DEADLINE = 90


class Exim:
    """An Exim of its own: spool, log, entries."""

    def __init__(self, name, counter=""):
        self.folder = pathlib.Path("/tmp") / f"exim-mtasts.{os.getpid()}" / name
        for part in ("spool", "log", "mta-sts"):
            (self.folder / part).mkdir(parents=True)
        for folder in [self.folder.parent, self.folder, *self.folder.iterdir()]:
            shutil.chown(folder, "Debian-exim", "Debian-exim")
        text = CONFIGURATION.replace("@DIR@", str(self.folder)).replace("@SO@", MODULE)
        text = text.replace("@SOCKET@", counter.format(folder=self.folder))
        (self.folder / "exim.conf").write_text(text.replace("@CA@", str(WORLD / "ca.pem")))

    def run(self, *arguments, text=""):
        command = [EXIM, "-C", str(self.folder / "exim.conf"), *arguments]
        return subprocess.run(command, input=text, capture_output=True, text=True, timeout=DEADLINE, check=False)

    def send(self, recipient, headers=""):
        """One message, tried once, at once."""
        mail = f"From: alice@sender.test\nTo: {recipient}\nSubject: a test\n{headers}\nhello\n"
        return self.run("-odf", "-oi", "-f", "alice@sender.test", recipient, text=mail)

    def log(self):
        file = self.folder / "log" / "mainlog"
        return file.read_text(errors="replace") if file.exists() else ""

    def waiting(self):
        return list((self.folder / "spool" / "input").rglob("*-H"))

    def entry(self, domain):
        file = self.folder / "mta-sts" / domain
        return file.read_text() if file.exists() else None


failures = []


def check(name, what, good, exim):
    print(f"{'ok' if good else 'FAILED'}: {name}: {what}")
    if not good:
        failures.append(name)
        print(exim.log(), (exim.folder / "log" / "paniclog").read_text() if (exim.folder / "log" / "paniclog").exists() else "")


def run_scenario(scenario):
    name, domain = scenario["name"], scenario["domain"]
    expected = scenario["expected"]["mta_sts"]["delivery"]
    control({"command": "reset"})
    exim = Exim(name)
    if scenario["needs_cached_policy"]:
        control({"command": "switch", "scenario": name, "state": "calm"})
        exim.send(f"first@{domain}")
        check(name, "in calm the policy is cached", exim.entry(domain) is not None, exim)
    control({"command": "switch", "scenario": name, "state": "attack"})
    before = len(arrived(domain))
    if scenario["needs_cached_policy"]:
        expire_check(exim, domain)
    exim.send(scenario["recipient"], "TLS-Required: No\n" if scenario["tls_required_no"] else "")
    mails = arrived(domain)[before:]
    if expected["result"] == "delivered":
        wanted = {key: expected[key] for key in ("mx", "read_by")} | {"encrypted": expected["channel"] != "clear"}
        check(name, f"delivered to {expected['mx']}, read by the {expected['read_by']}", mails == [wanted], exim)
        if expected["channel"] == "authenticated":
            check(name, "over verified TLS", " CV=yes " in exim.log(), exim)
    else:
        check(name, "waits in the queue, nothing was sent, nothing returned",
              not mails and len(exim.waiting()) == 1 and "** " not in exim.log(), exim)
    return exim


def expire_check(exim, domain):
    """Takes away that the record was checked a moment ago, so that DNS is asked again."""
    file = exim.folder / "mta-sts" / domain
    text, changed = re.subn(rb"(?m)^checked-until: \d+", b"checked-until: 1", file.read_bytes())
    if changed != 1:
        raise SystemExit(f"an entry without the time of its check: {text}")
    file.write_bytes(text)


def test_tls_required(name="tls-required"):
    """`TLS-Required: No` asks that the message arrive; whatever else the field says is no such field (RFC 8689, 3)."""
    for header, is_no in (("TLS-Required: No\n", True), ("tls-required:NO\n", True), ("TLS-Required: No \n", False),
                          ("TLS-Required: No (please)\n", False), ("TLS-Required: Yes\n", False),
                          ("TLS-Required: No\nTLS-Required: No\n", False)):
        control({"command": "reset"})
        exim = Exim(f"{name}-{len(failures)}-{abs(hash(header))}")
        control({"command": "switch", "scenario": "untrusted-ca", "state": "attack"})
        exim.send("user@untrusted-ca.test", header)
        check(name, f"{header!r} {'delivers' if is_no else 'waits'}", bool(arrived("untrusted-ca.test")) == is_no, exim)


def test_queue_runner(name="queue-runner"):
    """What waited is delivered by the next queue run, once the attack is over."""
    control({"command": "reset"})
    control({"command": "switch", "scenario": "txt-suppressed", "state": "calm"})
    exim = Exim(name)
    exim.send("first@txt-suppressed.test")
    control({"command": "switch", "scenario": "txt-suppressed", "state": "attack"})
    exim.send("second@txt-suppressed.test")
    check(name, "waits during the attack", len(exim.waiting()) == 1, exim)
    control({"command": "switch", "scenario": "txt-suppressed", "state": "calm"})
    exim.run("-qff")
    readers = [mail["read_by"] for mail in arrived("txt-suppressed.test")]
    check(name, "the queue runner delivers it afterwards", readers == ["recipient"] * 2 and not exim.waiting(), exim)


def test_daemon(name="daemon"):
    """A daemon takes mail over SMTP, and its children look the policy up: all at once, and ask once."""
    control({"command": "reset"})
    exim = Exim(name)
    daemon = subprocess.Popen([EXIM, "-C", str(exim.folder / "exim.conf"), "-bdf", "-q30m"])
    try:
        senders = [subprocess.Popen([sys.executable, __file__, "--submit", f"user{number}@healthy-enforce.test"])
                   for number in range(8)]
        good = all(sender.wait(DEADLINE) == 0 for sender in senders)
        for _ in range(DEADLINE * 10):
            if len(arrived("healthy-enforce.test")) == len(senders):
                break
            time.sleep(0.1)
        mails = arrived("healthy-enforce.test")
        check(name, "eight messages at once are delivered", good and len(mails) == 8, exim)
        asked = [request for request in control({"command": "seen"})["seen"]["https"]
                 if request["host"] == "mta-sts.healthy-enforce.test"]
        check(name, "the Policy Host was asked once", len(asked) == 1, exim)
    finally:
        daemon.terminate()
        daemon.wait(DEADLINE)


def test_no_such_domain(name="no-such-domain"):
    """A domain that does not exist has no policy: the mail is returned, and does not wait for one."""
    control({"command": "reset"})
    exim = Exim(name)
    exim.send("user@does-not-exist.test")
    check(name, "the mail is returned", "** user@does-not-exist.test" in exim.log(), exim)
    exim.send("user@[192.0.2.1]")
    check(name, "so is mail to an address literal", "** user@[192.0.2.1]" in exim.log(), exim)


def test_broken_store(name="broken-store"):
    """Without a folder to remember in, mail waits: a cache that forgets protects nobody."""
    control({"command": "reset"})
    exim = Exim(name)
    (exim.folder / "mta-sts").rmdir()
    exim.send("user@healthy-enforce.test")
    check(name, "mail waits", len(exim.waiting()) == 1 and not arrived("healthy-enforce.test"), exim)
    (exim.folder / "mta-sts").mkdir()
    shutil.chown(exim.folder / "mta-sts", "Debian-exim", "Debian-exim")
    (exim.folder / "mta-sts" / "healthy-enforce.test").write_text("not an entry\n")
    exim.run("-qff")
    check(name, "a broken entry is told of, and made anew",
          "is not used" in exim.log() and len(arrived("healthy-enforce.test")) == 1, exim)


def test_several_domains(name="two-domains-one-host"):
    """Two recipients in one message: each domain's policy counts for its own."""
    control({"command": "reset"})
    exim = Exim(name)
    mail = "From: alice@sender.test\nSubject: a test\n\nhello\n"
    exim.run("-odf", "-oi", "-f", "alice@sender.test", "a@healthy-enforce.test", "b@mx-spoofed.test",
             "c@no-mta-sts.test", text=mail)
    delivered = [len(arrived(domain)) for domain in ("healthy-enforce.test", "mx-spoofed.test", "no-mta-sts.test")]
    check(name, "each policy counts for its own domain", delivered == [1, 0, 1] and len(exim.waiting()) == 1, exim)


def test_second_host(name="first-unlisted"):
    """The preferred MX host is none of the policy's, and the second one is."""
    control({"command": "reset"})
    exim = Exim(name)
    exim.send("user@first-unlisted.test")
    hosts = [mail["mx"] for mail in arrived("first-unlisted.test")]
    check(name, "the second MX host takes the mail", hosts == ["mx.first-unlisted.test"], exim)


class Counter:
    """The program that counts for TLS reports."""

    def __init__(self, exim):
        self.process = subprocess.Popen([RECEIVE, str(exim.folder / "tlsrpt")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n"

    def told(self):
        """What has come, datagram by datagram."""
        said, _ = self.process.communicate(timeout=DEADLINE)
        return [json.loads(line) for line in said.splitlines()]


STS, NO_POLICY = 2, 9
NOT_OFFERED, MISMATCH, EXPIRED, NOT_TRUSTED, FAILED = 201, 202, 204, 203, 205
FETCH_FAILED, POLICY_HOST_NOT_TRUSTED = 301, 303


def test_tlsrpt(name="tlsrpt"):
    """What libtlsrpt would tell of each session, and of each policy that could not be had."""
    # The scenario; the policy type, whether the session failed, the result types.
    for scenario, kind, failed, results in (
        ("healthy-enforce", STS, 0, []),
        ("no-mta-sts", NO_POLICY, 0, []),
        ("starttls-stripped", STS, 1, [NOT_OFFERED]),
        ("untrusted-ca", STS, 1, [NOT_TRUSTED]),
        ("certificate-expired", STS, 1, [EXPIRED]),
        ("certificate-other-name", STS, 1, [MISMATCH]),
        ("testing-fault", STS, 1, [MISMATCH]),
        ("mx-spoofed", STS, 1, [FAILED]),
        ("policy-host-untrusted", STS, 1, [POLICY_HOST_NOT_TRUSTED]),
    ):
        domain = f"{scenario}.test"
        control({"command": "reset"})
        control({"command": "switch", "scenario": scenario, "state": "attack"})
        record = f"v=TLSRPTv1; rua=mailto:tls@{domain}"
        control({"command": "tlsrpt", "domain": domain, "record": record})
        exim = Exim(f"{name}-{scenario}", "{folder}/tlsrpt")
        counter = Counter(exim)
        exim.send(f"user@{domain}")
        told = counter.told()
        found = [(policy["policy-type"], policy["f"], [failure["c"] for failure in policy.get("failure-details", [])])
                 for datagram in told for policy in datagram["policies"]]
        check(name, f"{scenario} is told: {found}", found[:1] == [(kind, failed, results)], exim)
        check(name, f"{scenario}: of the domain, with its record", all((one["d"], one["pr"]) == (domain, record) for one in told), exim)
        if scenario == "policy-host-untrusted":
            check(name, "so is the session that follows", found[1:] == [(NO_POLICY, 0, [])], exim)
        elif scenario == "untrusted-ca":
            [failure] = told[0]["policies"][0]["failure-details"]
            check(name, "with both addresses and the name that the host gives itself",
                  failure["n"] == failure["h"] == "mx.untrusted-ca.test" and failure["r"].startswith("127.83.")
                  and failure["s"].startswith("127."), exim)
            check(name, "with the policy and its patterns", told[0]["policies"][0]["policy-string"][0] == "version: STSv1"
                  and told[0]["policies"][0]["mx-host"] == ["mx.untrusted-ca.test"], exim)
        else:
            check(name, f"{scenario}: nothing else", len(found) == 1, exim)


def test_tlsrpt_lost(name="tlsrpt-lost"):
    """Mail does not wait for whoever counts, and goes out without; what is lost is told once."""
    control({"command": "reset"})
    control({"command": "tlsrpt", "domain": "healthy-enforce.test", "record": "v=TLSRPTv1; rua=mailto:tls@healthy-enforce.test"})
    exim = Exim(name, "{folder}/nobody")
    control({"command": "tlsrpt", "domain": "first-unlisted.test", "record": "v=TLSRPTv1; rua=mailto:tls@first-unlisted.test"})
    exim.run("-bt", "user@first-unlisted.test")
    check(name, "an address that is only tried is not told of", not (exim.folder / "mta-sts" / ".tlsrpt-lost").exists(), exim)
    for number in range(3):
        exim.send(f"user{number}@healthy-enforce.test")
    check(name, "the mail is delivered", len(arrived("healthy-enforce.test")) == 3, exim)
    check(name, "a loss is told once", exim.log().count("TLSRPT:") == 1 and "No such file" in exim.log(), exim)
    lost = (exim.folder / "mta-sts" / ".tlsrpt-lost").read_text().split()
    check(name, f"all are counted: {lost}", lost[0] == "3", exim)
    # A socket that is full, since nobody reads: its queue has room for a few.
    full = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    full.bind(str(exim.folder / "nobody"))
    os.chmod(exim.folder / "nobody", 0o666)
    filler = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    filler.setblocking(False)
    try:
        while True:
            filler.sendto(b"x", str(exim.folder / "nobody"))
    except BlockingIOError:
        pass
    start = time.monotonic()
    exim.send("last@healthy-enforce.test")
    check(name, "a full socket is not waited for", len(arrived("healthy-enforce.test")) == 4 and time.monotonic() - start < 30, exim)
    check(name, "and counts as lost", (exim.folder / "mta-sts" / ".tlsrpt-lost").read_text().split()[0] == "4", exim)
    # Nobody is told of reports: that would go on for ever.
    (exim.folder / "nobody").unlink()
    exim.send("report@healthy-enforce.test", "TLS-Report-Domain: healthy-enforce.test\n")
    check(name, "a TLS report is not told of", len(arrived("healthy-enforce.test")) == 5
          and (exim.folder / "mta-sts" / ".tlsrpt-lost").read_text().split()[0] == "4", exim)
    # A domain that wants no reports is told nothing of.
    control({"command": "reset"})
    quiet = Exim(f"{name}-quiet", "{folder}/tlsrpt")
    counter = Counter(quiet)
    quiet.send("user@healthy-enforce.test")
    check(name, "a domain without a record is not told of", counter.told() == [] and len(arrived("healthy-enforce.test")) == 1, quiet)


def submit(recipient):
    import smtplib
    for _ in range(100):
        try:
            with smtplib.SMTP("127.0.0.2", 2525, timeout=DEADLINE) as client:
                client.sendmail("alice@sender.test", [recipient], "Subject: a test\r\n\r\nhello\r\n")
            return
        except ConnectionRefusedError:
            time.sleep(0.1)
    raise SystemExit("the daemon does not listen")


def main():
    if "--submit" in sys.argv:
        return submit(sys.argv[2])
    scenarios = json.loads((WORLD / "world.json").read_text())["scenarios"]
    only = sys.argv[3:]
    for scenario in scenarios:
        if not only or scenario["name"] in only:
            start = time.monotonic()
            run_scenario(scenario)
            print(f"   {scenario['name']}: {time.monotonic() - start:.1f} s")
    if not only:
        for test in (test_tls_required, test_queue_runner, test_daemon, test_no_such_domain, test_broken_store, test_several_domains,
                     test_second_host, test_tlsrpt, test_tlsrpt_lost):
            test()
    shutil.rmtree(f"/tmp/exim-mtasts.{os.getpid()}")
    if failures:
        raise SystemExit(f"failed: {', '.join(sorted(set(failures)))}")


if __name__ == "__main__":
    main()
