"""Runs Postfix, which asks `mtasts serve`, against every scenario of the loopback world: what is delivered, by whom it is
read, what waits.

    tests/in-world tests/postfix/with-postfix ROOT python3 tests/postfix/scenarios.py MTASTS [SCENARIO...]

All messages of a run are sent side by side: each scenario has a domain of its own. POSTFIX_VERSION tells what can be expected
of it; PROFILES has the names of the profiles to run, if not all that it understands. Another server than `mtasts serve` is
tried if MTASTS_SOCKETMAP has its command line: it listens on 127.0.0.1:8461, says "ready", answers with the patterns, and
has the time of a SIGTERM to end.
"""

import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import smtplib
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from daemon import Daemon  # noqa: E402
from world import FOLDER as WORLD, arrived, control  # noqa: E402

HERE = pathlib.Path(__file__).parent
PAGE = (HERE.parents[1] / "docs" / "postfix.md").read_text()
MTASTS = os.path.abspath(sys.argv[1])
ONLY = sys.argv[2:]
DEADLINE = 90

VERSION = tuple(int(number) for number in os.environ.get("POSTFIX_VERSION", "3.7.11").split("."))

# How the daemon is asked and answers: its options, where it listens, what main.cf has.
INET = ("127.0.0.1:8461", "socketmap:inet:127.0.0.1:8461")
UNIX = ("unix:@DIR@/mtasts.sock", "proxy:socketmap:unix:@DIR@/mtasts.sock")
PROFILES = {
    "patterns": (["--match", "patterns"], *INET),
    "mx-hosts": (["--match", "mx-hosts"], *UNIX),
    "extended": (["--form", "extended"], *INET),
    "extended-with-testing": (["--form", "extended-with-testing", "--match", "mx-hosts"], *UNIX),
}

# What a Postfix does otherwise than the RFC has it, and why. docs/postfix.md says it too.
DELIVERS, DEFERS = "delivered", "deferred"
DIFFERENCES = {profile: {} for profile in PROFILES}
# Postfix compares the certificate with the patterns, not the MX host; `.example.test` covers names at any depth.
DIFFERENCES["patterns"] |= {"unlisted-mx-listed-certificate": DELIVERS, "wildcard-too-deep": DELIVERS}
if VERSION < (3, 10):
    # TLS-Required: No (RFC 8689) is not known.
    for differences in DIFFERENCES.values():
        differences["tls-required-no"] = DEFERS


def until(what, condition):
    """Waits for a condition, and gives its value."""
    for _ in range(DEADLINE * 20):
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise SystemExit(f"in vain: {what}")


class OtherServer:
    """The server that MTASTS_SOCKETMAP names."""

    def __init__(self, folder):
        self.log = folder / "server.log"
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(shlex.split(os.environ["MTASTS_SOCKETMAP"]), stdout=log, stderr=log)
        until("the server is ready", lambda: "ready" in self.log.read_text())

    def stop(self):
        self.process.terminate()
        status = self.process.wait(DEADLINE)
        return 0 if status == -signal.SIGTERM else status


class Postfix:
    """A Postfix of its own: configuration, with these lines at its end, queue, log."""

    def __init__(self, folder, socketmap, lines=""):
        self.folder = folder
        self.etc = folder / "etc"
        self.etc.mkdir()
        names = {"@DIR@": str(folder), "@CA@": str(WORLD / "ca.pem"), "socketmap:@SOCKETMAP@": socketmap}
        text = (HERE / "main.cf").read_text()
        for name, value in names.items():
            text = text.replace(name, value)
        (self.etc / "main.cf").write_text(text + lines)
        shutil.copy(HERE / "master.cf", self.etc)
        (folder / "queue").mkdir()
        for name in ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private",
                     "saved", "trace"):
            (folder / "queue" / name).mkdir(mode=0o700)
            shutil.chown(folder / "queue" / name, "postfix")
        for name, mode in (("maildrop", 0o1730), ("public", 0o2710)):
            (folder / "queue" / name).mkdir()
            shutil.chown(folder / "queue" / name, "postfix", "postdrop")
            (folder / "queue" / name).chmod(mode)
        (folder / "queue" / "pid").mkdir()
        (folder / "data").mkdir()
        shutil.chown(folder / "data", "postfix")
        # The leader of a group, to which it passes the signal on that ends it.
        master = ["/usr/lib/postfix/sbin/master", "-d", "-c", str(self.etc)]
        self.master = subprocess.Popen(master, start_new_session=True)
        until("Postfix listens", self.listens)

    def listens(self):
        try:
            smtplib.SMTP("127.0.0.1", 2525, timeout=DEADLINE).quit()
            return True
        except OSError:
            return False

    def send(self, recipient, headers=""):
        with smtplib.SMTP("127.0.0.1", 2525, timeout=DEADLINE) as client:
            client.sendmail("alice@sender.test", [recipient], f"Subject: a test\r\n{headers}\r\nhello\r\n")

    def lines(self, recipient):
        """What the log says of the deliveries to a recipient."""
        log = self.folder / "mail.log"
        text = log.read_text(errors="replace") if log.exists() else ""
        return [line for line in text.splitlines() if f"to=<{recipient}>" in line and "status=" in line]

    def wait_for(self, recipient, count=1):
        """The last of so many results: sent, deferred, bounced."""
        lines = until(f"a result for {recipient}", lambda: (found := self.lines(recipient))[count - 1:] and found)
        return re.search(r"status=(\w+)", lines[-1])[1]

    def flush(self):
        """Tries everything in the queue again, as `postqueue -f` does."""
        with socket.socket(socket.AF_UNIX) as manager:
            manager.connect(str(self.folder / "queue" / "public" / "qmgr"))
            # Flush the dead, scan all that is deferred, whatever its time: as postqueue does.
            manager.sendall(b"FDAI")

    def verified(self, host):
        log = (self.folder / "mail.log").read_text(errors="replace")
        return f"Verified TLS connection established to {host}" in log

    def misunderstood(self):
        """What the log says of answers that Postfix cannot make use of."""
        log = (self.folder / "mail.log").read_text(errors="replace")
        return [line for line in log.splitlines() if "invalid attribute" in line or "invalid TLS policy" in line]

    def stop(self):
        self.master.terminate()
        self.master.wait(DEADLINE)
        # The master does not wait for the others, which write into the queue until they end.
        try:
            until("Postfix has ended", lambda: not self.processes())
        except SystemExit:
            raise SystemExit(f"Postfix has not ended: {self.processes()}") from None

    def processes(self):
        """What is left of this Postfix: each of its processes works in the queue directory."""
        names = []
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                if (process / "cwd").samefile(self.folder / "queue"):
                    names.append((process / "comm").read_text().strip())
            except OSError:
                # It has ended meanwhile.
                pass
        return names


failures = []


def check(profile, name, what, good, *details):
    print(f"{'ok' if good else 'FAILED'}: {profile}: {name}: {what}")
    if not good:
        failures.append(f"{profile}: {name}")
        for detail in details:
            print("   ", detail)


def run_profile(profile):
    arguments, listen, socketmap = PROFILES[profile]
    folder = pathlib.Path(tempfile.mkdtemp(prefix="postfix-mtasts."))
    folder.chmod(0o755)
    listen, socketmap = (text.replace("@DIR@", str(folder)) for text in (listen, socketmap))
    control({"command": "reset"})
    scenarios = [scenario for scenario in json.loads((WORLD / "world.json").read_text())["scenarios"]
                 if not ONLY or scenario["name"] in ONLY]
    other = "MTASTS_SOCKETMAP" in os.environ
    store = f"sqlite:{folder}/cache.sqlite"
    arguments = [*arguments, "--store", store]
    daemon = OtherServer(folder) if other else Daemon(MTASTS, folder, "--listen", listen, *arguments)
    postfix = Postfix(folder, socketmap)
    try:
        first = [scenario for scenario in scenarios if scenario["needs_cached_policy"]]
        for scenario in first:
            control({"command": "switch", "scenario": scenario["name"], "state": "calm"})
            postfix.send(f"first@{scenario['domain']}")
        for scenario in first:
            result = postfix.wait_for(f"first@{scenario['domain']}")
            check(profile, scenario["name"], "in calm it is delivered", result == "sent")
        if not other:
            daemon.stop()
            expire_checks(store, len(first))
            daemon = Daemon(MTASTS, folder, "--listen", listen, *arguments)
        for scenario in scenarios:
            control({"command": "switch", "scenario": scenario["name"], "state": "attack"})
            scenario["before"] = len(arrived(scenario["domain"]))
            headers = "TLS-Required: No\r\n" if scenario["tls_required_no"] else ""
            postfix.send(scenario["recipient"], headers)
        for scenario in scenarios:
            judge(profile, scenario, postfix)
        if not ONLY:
            afterwards(profile, postfix)
        if not ONLY and not other:
            dane(profile, postfix)
    finally:
        postfix.stop()
        check(profile, "the server", "ends well", daemon.stop() == 0, daemon.log.read_text()[-2000:])
        check(profile, "the answers", "Postfix understands them", not postfix.misunderstood(), postfix.misunderstood())
    if failures:
        print((folder / "mail.log").read_text(errors="replace"))
    shutil.rmtree(folder)


def expire_checks(store, count):
    """Takes away that the records were checked a moment ago, so that DNS is asked again."""
    def cache(*arguments, text=None):
        command = [MTASTS, "cache", "--store", store, *arguments]
        return subprocess.run(command, input=text, capture_output=True, text=True, timeout=DEADLINE, check=True).stdout

    text, changed = re.subn(r"checked-until: \d+", "checked-until: 1", cache("export"))
    if changed != count:
        raise SystemExit(f"{changed} entries with the time of their check, instead of {count}: {text}")
    cache("purge", "--all")
    cache("import", text=text)


def judge(profile, scenario, postfix):
    name, recipient = scenario["name"], scenario["recipient"]
    expected = dict(scenario["expected"]["mta_sts"]["delivery"])
    if name in DIFFERENCES[profile]:
        other = scenario["expected"]["opportunistic"]
        expected = dict(other) if DIFFERENCES[profile][name] == DELIVERS else {"result": DEFERS}
    result = postfix.wait_for(recipient)
    mails = arrived(scenario["domain"])[scenario["before"]:]
    told = postfix.lines(recipient)
    if expected["result"] == DELIVERS:
        wanted = {key: expected[key] for key in ("mx", "read_by")} | {"encrypted": expected["channel"] != "clear"}
        good = result == "sent" and mails == [wanted]
        check(profile, name, f"delivered to {expected['mx']}, read by the {expected['read_by']}", good, mails, told)
        if expected["channel"] == "authenticated":
            check(profile, name, "over verified TLS", postfix.verified(expected["mx"]), told)
    else:
        check(profile, name, "waits in the queue, nothing was sent, nothing returned",
              result == "deferred" and not mails, mails, told)
        reason = re.search(r"status=deferred \((.*?)( by host .*)?\)$", told[-1])[1]
        check(profile, name, "docs/postfix.md has the reason that Postfix gives", f"`{reason}`" in PAGE, told)


def afterwards(profile, postfix):
    """What waited is delivered by the next queue run, once the attack is over; a first MX host outside the policy is skipped."""
    [scenario] = [scenario for scenario in json.loads((WORLD / "world.json").read_text())["scenarios"]
                  if scenario["name"] == "txt-suppressed"]
    control({"command": "switch", "scenario": scenario["name"], "state": "calm"})
    before = len(postfix.lines(scenario["recipient"]))
    postfix.flush()
    result = postfix.wait_for(scenario["recipient"], before + 1)
    check(profile, "queue run", "what waited is delivered once the attack is over", result == "sent",
          postfix.lines(scenario["recipient"]))
    postfix.send("user@first-unlisted.test")
    postfix.wait_for("user@first-unlisted.test")
    hosts = [mail["mx"] for mail in arrived("first-unlisted.test")]
    check(profile, "first-unlisted", "the second MX host takes the mail", hosts == ["mx.first-unlisted.test"], hosts)


def too_new():
    """What an older Postfix makes of the extended form, as docs/postfix.md warns: all mail to the domain waits, and the log
    says why."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="postfix-mtasts."))
    folder.chmod(0o755)
    control({"command": "reset"})
    listen, socketmap = INET
    daemon = Daemon(MTASTS, folder, "--listen", listen, "--form", "extended", "--store", "memory")
    postfix = Postfix(folder, socketmap)
    try:
        postfix.send("user@healthy-enforce.test")
        result = postfix.wait_for("user@healthy-enforce.test")
        told = [line for line in postfix.misunderstood() if "policy_type" in line]
        check("extended", "an older Postfix", "mail waits, and the log says why", result == "deferred" and told,
              result, postfix.misunderstood())
    finally:
        postfix.stop()
        daemon.stop()
    shutil.rmtree(folder)


# Domains of the world with DANE: the MX host that gets the mail, or none.
DANE = {
    # Nobody trusts the certificate, but it is the one of the TLSA record.
    "dane.test": "mx.dane.test",
    "dane-testing.test": "mx.dane-testing.test",
    # Only the second MX host has DANE.
    "dane-second.test": "mx2.dane-second.test",
    # All is as the policy says, but not as the TLSA record says, or that cannot be looked up.
    "dane-mismatch.test": None,
    "dane-bogus.test": None,
}


# Proves S3.
def dane(profile, postfix):
    """DANE comes first, and no policy overrides it."""
    for domain in DANE:
        postfix.send(f"user@{domain}")
    for domain, host in DANE.items():
        result, mails = postfix.wait_for(f"user@{domain}"), arrived(domain)
        told = postfix.lines(f"user@{domain}")
        if host:
            wanted = [{"mx": host, "encrypted": True, "read_by": "recipient"}]
            good = result == "sent" and mails == wanted and postfix.verified(host)
            check(profile, domain, f"delivered to {host} over TLS that DANE verifies", good, mails, told)
        else:
            check(profile, domain, "waits in the queue, nothing was sent, nothing returned",
                  result == "deferred" and not mails, mails, told)


def main():
    if "MTASTS_SOCKETMAP" in os.environ:
        run_profile("patterns")
    else:
        known = ["patterns", "mx-hosts", *(["extended", "extended-with-testing"] if VERSION >= (3, 10) else [])]
        for profile in os.environ.get("PROFILES", " ".join(known)).split():
            run_profile(profile)
        if VERSION < (3, 10) and not ONLY:
            too_new()
    if failures:
        raise SystemExit(f"failed: {', '.join(failures)}")


if __name__ == "__main__":
    main()
