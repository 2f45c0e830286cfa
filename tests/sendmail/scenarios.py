"""Runs sendmail, which asks `mtasts serve`, against every scenario of the loopback world: what the map says, what is
delivered, by whom it is read, what waits.

    tests/in-world tests/sendmail/with-sendmail ROOT python3 tests/sendmail/scenarios.py MTASTS ROOT [SCENARIO...]

All messages of a run are sent side by side: each scenario has a domain and a queue of its own.
"""

import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from daemon import Daemon  # noqa: E402
from world import FOLDER as WORLD, arrived, control  # noqa: E402

MTASTS = os.path.abspath(sys.argv[1])
UNPACKED = pathlib.Path(sys.argv[2]) / "unpacked"
ONLY = sys.argv[3:]
SENDMAIL = UNPACKED / "usr/libexec/sendmail/sendmail"
MACROS = UNPACKED / "usr/share/sendmail/cf"
SOCKETMAP = "inet:8461@127.0.0.1"
DEADLINE = 60

# What sendmail does otherwise than the RFC has it; docs/sendmail.md says it too.
DIFFERENCES = {
    # It does not know TLS-Required: No (RFC 8689).
    "tls-required-no": {"result": "deferred"},
}


class Syslog:
    """What sendmail logs."""

    def __init__(self):
        self.text = ""
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("/dev/log")
        os.chmod("/dev/log", 0o666)
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        while True:
            self.text += self.socket.recv(65536).decode(errors="replace") + "\n"


class Sendmail:
    """A sendmail of its own: configuration, queue."""

    def __init__(self, folder, more=""):
        self.folder = folder
        folder.mkdir()
        for part in ("queue", "aliases", "local-host-names"):
            (folder / part).mkdir(mode=0o700) if part == "queue" else (folder / part).touch()
        text = (HERE / "sendmail.mc").read_text().replace("@SOCKETMAP@", SOCKETMAP)
        text = text.replace("@DIR@", str(folder)).replace("@CA@", str(WORLD / "ca.pem"))
        text = text.replace("MAILER(`local')", f"{more.replace('@DIR@', str(folder))}\nMAILER(`local')")
        (folder / "sendmail.mc").write_text(text)
        self.cf = folder / "sendmail.cf"
        made = subprocess.run(["m4", f"-D_CF_DIR_={MACROS}/", MACROS / "m4/cf.m4", "sendmail.mc"],
                              cwd=folder, capture_output=True, text=True, check=True)
        self.cf.write_text(made.stdout)
        self.told = ""

    def start(self, *arguments):
        return subprocess.Popen([SENDMAIL, "-C", self.cf, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True, errors="replace")

    def run(self, *arguments, text=""):
        self.told, _ = self.start(*arguments).communicate(text, timeout=DEADLINE)
        return self.told

    def send(self, *recipients, headers=""):
        """One message, tried once, at once; gives the process."""
        process = self.start("-v", "-oi", "-odi", "-f", "alice@sender.test", *recipients)
        process.stdin.write(f"From: alice@sender.test\nSubject: a test\n{headers}\nhello\n")
        process.stdin.close()
        process.stdin = None
        return process

    def finish(self, process):
        self.told, _ = process.communicate(timeout=DEADLINE)
        return self.told

    def waiting(self):
        """The recipients of what is in the queue."""
        files = (self.folder / "queue").glob("qf*")
        return re.findall(r"(?m)^R\w*:<?([^<>]*)>?$", "".join(file.read_text(errors="replace") for file in files))

    def lookup(self, key):
        """What the map says, as the rules of sendmail see it."""
        self.run("-bt", text=f"/map sts {key}\n")
        [answer] = re.findall(r"map_lookup: sts \(.*?\) (.*)", self.told) or [self.told]
        return answer


failures = []


def check(name, what, good, *details):
    print(f"{'ok' if good else 'FAILED'}: {name}: {what}")
    if not good:
        failures.append(name)
        for detail in details:
            print("   ", detail)


def expire_checks(store):
    """Takes away that the records were checked a moment ago, so that DNS is asked again."""
    def cache(*arguments, text=None):
        command = [MTASTS, "cache", "--store", store, *arguments]
        return subprocess.run(command, input=text, capture_output=True, text=True, timeout=DEADLINE, check=True).stdout

    text = re.sub(r"checked-until: \d+", "checked-until: 1", cache("export"))
    cache("purge", "--all")
    cache("import", text=text)


def test_map(sendmail):
    """The protocol: what the rules of FEATURE(`sts') are told of a key."""
    policy = "mx.healthy-enforce.test servername=hostname"
    for key, expected in [
        ("healthy-enforce.test", f"returns secure match={policy}"),
        ("HEALTHY-Enforce.test", f"returns secure match={policy}"),
        ("[mx.healthy-enforce.test]", "no match (68)"),
        ("no-mta-sts.test", "no match (68)"),
        ("testing-fault.test", "no match (68)"),
        ("does-not-exist.test", "no match (68)"),
        ("[192.0.2.1]", "no match (68)"),
        # EX_TEMPFAIL, which the rules see as <TMPF>; 68 is EX_NOHOST, which they see as "none".
        ("txt-servfail.test", "no match (75)"),
    ]:
        answer = sendmail.lookup(key)
        check("map", f"{key}: {expected}", answer.startswith(expected), answer)


def zone_of_page():
    """What docs/sendmail.md shows of our configuration."""
    page = (HERE.parents[1] / "docs/sendmail.md").read_text()
    return re.sub(r"(?m)^    ", "", re.search(r"(?m)^    \[zones\.sts\]\n(?:    .*\n)+", page)[0])


def run_scenarios(folder, scenarios, syslog):
    store = f"sqlite:{folder}/cache.sqlite"
    (folder / "mtasts.toml").write_text(f'store = "{store}"\n{zone_of_page()}')
    daemon = Daemon(MTASTS, folder, "--config", folder / "mtasts.toml")
    try:
        if not ONLY:
            control({"command": "switch", "scenario": "txt-servfail", "state": "attack"})
            test_map(Sendmail(folder / "map"))
        first = [scenario for scenario in scenarios if scenario["needs_cached_policy"]]
        sendmails = {scenario["name"]: Sendmail(folder / scenario["name"]) for scenario in scenarios}
        for scenario in first:
            control({"command": "switch", "scenario": scenario["name"], "state": "calm"})
        calm = [(scenario, sendmails[scenario["name"]].send(f"first@{scenario['domain']}")) for scenario in first]
        for scenario, process in calm:
            sendmail = sendmails[scenario["name"]]
            sendmail.finish(process)
            check(scenario["name"], "in calm it is delivered",
                  not sendmail.waiting() and len(arrived(scenario["domain"])) == 1, sendmail.told)
        daemon.stop()
        expire_checks(store)
        daemon = Daemon(MTASTS, folder, "--config", folder / "mtasts.toml")
        for scenario in scenarios:
            control({"command": "switch", "scenario": scenario["name"], "state": "attack"})
            scenario["before"] = len(arrived(scenario["domain"]))
        attacked = [(scenario, sendmails[scenario["name"]].send(
            scenario["recipient"], headers="TLS-Required: No\n" if scenario["tls_required_no"] else ""))
            for scenario in scenarios]
        for scenario, process in attacked:
            sendmails[scenario["name"]].finish(process)
        for scenario in scenarios:
            judge(scenario, sendmails[scenario["name"]], syslog)
        if not ONLY:
            test_queue_run(sendmails["txt-suppressed"])
            test_several_domains(Sendmail(folder / "several"))
            test_second_host(Sendmail(folder / "second"))
            test_smart_host(Sendmail(folder / "smart-host", "define(`SMART_HOST', `mx.no-mta-sts.test')"))
            # Nobody vouches for the certificate of dane.test but its TLSA record; that of dane-mismatch.test is valid, but not
            # the one of the record.
            without = Sendmail(folder / "without-dane")
            test_dane(without, {"dane.test": False})
            if "DANE" in without.run("-d0.1", "-bt"):
                test_dane(Sendmail(folder / "dane", "define(`confDANE', `true')"),
                          {"dane.test": True, "dane-mismatch.test": False})
    finally:
        check("mtasts serve", "ends well", daemon.stop() == 0, daemon.log.read_text()[-2000:])
    test_no_daemon(Sendmail(folder / "no-daemon"))


def judge(scenario, sendmail, syslog):
    name, recipient = scenario["name"], scenario["recipient"]
    expected = dict(scenario["expected"]["mta_sts"]["delivery"])
    if name in DIFFERENCES:
        expected = DIFFERENCES[name]
    mails = arrived(scenario["domain"])[scenario["before"]:]
    if expected["result"] == "delivered":
        wanted = {key: expected[key] for key in ("mx", "read_by")} | {"encrypted": expected["channel"] != "clear"}
        check(name, f"delivered to {expected['mx']}, read by the {expected['read_by']}",
              mails == [wanted] and not sendmail.waiting(), mails, sendmail.told)
        if expected["channel"] == "authenticated":
            verified = re.search(rf"STARTTLS=client, relay={re.escape(expected['mx'])}\.?, version=\S+ verify=OK", syslog.text)
            check(name, "over verified TLS", verified, sendmail.told)
    else:
        check(name, "waits in the queue, nothing was sent, nothing returned",
              not mails and sendmail.waiting() == [recipient], mails, sendmail.waiting(), sendmail.told)


def test_queue_run(sendmail):
    """What waited is delivered by the next queue run, once the attack is over."""
    control({"command": "switch", "scenario": "txt-suppressed", "state": "calm"})
    sendmail.run("-q", "-v")
    check("queue run", "what waited is delivered once the attack is over", not sendmail.waiting(), sendmail.told)


def test_several_domains(sendmail):
    """Three recipients in one message: each domain's policy counts for its own."""
    domains = ("healthy-enforce.test", "mx-spoofed.test", "no-mta-sts.test")
    before = [len(arrived(domain)) for domain in domains]
    sendmail.finish(sendmail.send(*(f"several@{domain}" for domain in domains)))
    delivered = [len(arrived(domain)) - count for domain, count in zip(domains, before)]
    check("several domains", "each policy counts for its own domain",
          delivered == [1, 0, 1] and sendmail.waiting() == ["several@mx-spoofed.test"], delivered, sendmail.told)


def test_second_host(sendmail):
    """The preferred MX host is none of the policy's, and the second one is."""
    sendmail.finish(sendmail.send("user@first-unlisted.test"))
    hosts = [mail["mx"] for mail in arrived("first-unlisted.test")]
    check("first-unlisted", "the second MX host takes the mail", hosts == ["mx.first-unlisted.test"], hosts, sendmail.told)


def test_smart_host(sendmail):
    """The policy of the recipient's domain is held against the smart host, which it does not cover."""
    before = len(arrived("healthy-enforce.test"))
    sendmail.finish(sendmail.send("user@healthy-enforce.test"))
    check("smart host", "mail to a domain in mode enforce waits",
          len(sendmail.waiting()) == 1 and len(arrived("healthy-enforce.test")) == before, sendmail.told)
    sendmail.finish(sendmail.send("user@mode-none.test"))
    check("smart host", "other mail is delivered", [mail["mx"] for mail in arrived("mode-none.test")][-1:] ==
          ["mx.no-mta-sts.test"], sendmail.told)


def test_dane(sendmail, domains):
    """Where sendmail does DANE, a policy does not override it; where it does not, the policy counts."""
    for domain, delivered in domains.items():
        before = len(arrived(domain))
        sendmail.finish(sendmail.send(f"user@{domain}"))
        count, waits = len(arrived(domain)) - before, f"user@{domain}" in sendmail.waiting()
        check(sendmail.folder.name, f"{domain}: {'is delivered' if delivered else 'waits'}",
              (count, waits) == ((1, False) if delivered else (0, True)), sendmail.told)


def test_no_daemon(sendmail):
    """While the daemon does not run, mail waits."""
    before = len(arrived("no-mta-sts.test"))
    sendmail.finish(sendmail.send("user@no-mta-sts.test"))
    check("no daemon", "mail waits", len(sendmail.waiting()) == 1 and len(arrived("no-mta-sts.test")) == before, sendmail.told)


def main():
    control({"command": "reset"})
    folder = pathlib.Path(tempfile.mkdtemp(prefix="sendmail-mtasts."))
    folder.chmod(0o755)
    scenarios = [scenario for scenario in json.loads((WORLD / "world.json").read_text())["scenarios"]
                 if not ONLY or scenario["name"] in ONLY]
    syslog = Syslog()
    start = time.monotonic()
    run_scenarios(folder, scenarios, syslog)
    print(f"{time.monotonic() - start:.0f} s")
    if failures:
        print(syslog.text)
    shutil.rmtree(folder)
    if failures:
        raise SystemExit(f"failed: {', '.join(sorted(set(failures)))}")


if __name__ == "__main__":
    main()
