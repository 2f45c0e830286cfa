"""See `story`. The domain is example.com, with the MX hosts mx1.example.com and mx2.example.com, and later mx3.example.net."""

import json
import logging
import os
import pathlib
import re
import shlex
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.request

from aiosmtpd.controller import Controller

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from daemon import Daemon, lookup  # noqa: E402
from world import FOLDER as WORLD, control  # noqa: E402

MTASTS = os.environ["MTASTS"]
PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "publish.md"
SECTION = "From an empty domain to enforce"
DOMAIN = "example.com"
# Each server has an address of its own.
POLICY_HOST, CA, FIRST_MX_HOST = "127.84.0.1", "127.84.0.2", 11
DEADLINE = 60
MINUTE, HOUR, DAY = 60, 3600, 86_400


def until(what, condition):
    for _ in range(DEADLINE * 20):
        if found := condition():
            return found
        time.sleep(0.05)
    raise SystemExit(f"not within {DEADLINE} s: {what}")


class Page:
    """The section of the page: its commands, and its blocks of configuration."""

    def __init__(self):
        text = PAGE.read_text().split(f"\n## {SECTION}\n", 1)[1].split("\n## ", 1)[0]
        blocks = re.findall(r"(?:^    .*\n|^\n(?=    ))+", text, re.M)
        blocks = ["\n".join(line[4:] for line in block.strip("\n").split("\n")) for block in blocks]
        self.commands = [line[2:] for block in blocks for line in block.split("\n") if line.startswith("$ ")]
        [self.configuration] = [block for block in blocks if block.startswith("policies = ")]
        self.run = []

    def compare(self):
        # A plan is made again before each step.
        written, run = list(dict.fromkeys(self.commands)), list(dict.fromkeys(self.run))
        if run != written:
            raise SystemExit(f"docs/publish.md has other commands than those that were run:\n{written}\n{run}")


class Clock:
    """The clock of every program of the story but the CA."""

    def __init__(self, folder):
        self.file = folder / "clock"
        # Noon, so that a day has the time for its sessions.
        self.offset = (12 * HOUR - int(time.time())) % DAY
        self.move(0)
        [library] = pathlib.Path("/usr/lib").glob("*/faketime/libfaketime.so.1")
        self.environment = {
            "LD_PRELOAD": str(library), "FAKETIME_TIMESTAMP_FILE": str(self.file), "FAKETIME_NO_CACHE": "1",
            # What waits, waits as long as always.
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def now(self):
        return int(time.time()) + self.offset

    def move(self, seconds):
        self.offset += seconds
        new = self.file.with_suffix(".new")
        new.write_text(f"+{self.offset}\n")
        new.replace(self.file)

    def move_to(self, at):
        self.move(max(0, at - self.now()))


class Authority:
    """A CA for MX hosts and for pebble's own HTTPS."""

    def __init__(self, folder):
        self.folder = folder
        self.certificate = folder / "authority.pem"
        self.openssl("-x509", "-subj", "/CN=the story", "-addext", "basicConstraints=critical,CA:TRUE",
                     "-keyout", folder / "authority.key", "-out", self.certificate)

    def openssl(self, *arguments):
        subprocess.run(["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "900",
                        *arguments], check=True, capture_output=True)

    def issue(self, name, kind="DNS"):
        chain, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        self.openssl("-x509", "-subj", "/", "-addext", f"subjectAltName={kind}:{name}", "-addext", "basicConstraints=CA:FALSE",
                     "-CA", self.certificate, "-CAkey", self.folder / "authority.key", "-keyout", key, "-out", chain)
        return chain, key


class Pebble:
    """A CA for Policy Hosts."""

    def __init__(self, folder, authority):
        chain, key = authority.issue(CA, "IP")
        self.directory = f"https://{CA}:14000/dir"
        (folder / "pebble.json").write_text(json.dumps({"pebble": {
            "listenAddress": f"{CA}:14000", "managementListenAddress": f"{CA}:15000", "certificate": str(chain), "privateKey": str(key),
            "httpPort": 80, "tlsPort": 443, "ocspResponderURL": "", "externalAccountBindingRequired": False,
            "certificateValidityPeriod": 900 * DAY,
        }}))
        self.process = subprocess.Popen(
            ["pebble", "-strict", "-config", folder / "pebble.json", "-dnsserver", "127.83.0.53:53"],
            env=os.environ | {"PEBBLE_VA_NOSLEEP": "1"}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        trusting = ssl.create_default_context(cafile=authority.certificate)

        def root():
            try:
                with urllib.request.urlopen(f"https://{CA}:15000/roots/0", timeout=10, context=trusting) as answer:
                    return answer.read().decode()
            except OSError:
                return None

        self.root = until("pebble starts", root)


class Zone:
    """What the owner of the domain has in DNS."""

    def __init__(self):
        self.mx = []

    def set(self, name, kind, *records):
        control({"command": "records", "name": name, "type": kind, "records": list(records)})

    def set_mx(self, hosts):
        self.mx = list(hosts)
        self.answer_mx(hosts)

    def answer_mx(self, hosts):
        self.set(DOMAIN, "MX", *(f"10 {host}" for host in hosts))

    def add_file(self, file):
        """Publishes each line of `zone.txt`."""
        for line in file.read_text().splitlines():
            name, text = re.fullmatch(r'(\S+)\. \d+ IN TXT "([^"]*)"', line).groups()
            self.set(name, "TXT", text)


class MxHost:
    """An MX host with a valid certificate, which keeps what it gets."""

    addresses = {}

    def __init__(self, name, authority, zone):
        self.mails = []
        address = f"127.84.0.{FIRST_MX_HOST + len(self.addresses)}"
        self.addresses[name] = address
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*authority.issue(name))
        self.controller = Controller(self, hostname=address, port=25, server_hostname=name, tls_context=context)
        self.controller.start()
        zone.set(name, "A", address)

    async def handle_DATA(self, server, session, envelope):
        self.mails.append(envelope)
        return "250 taken"


class Sender:
    """A mail server that asks `mtasts serve`, obeys it, verifies in mode testing too, and tells it of its sessions."""

    def __init__(self, number, folder, clock, bundle, zone):
        self.zone, self.trusting = zone, ssl.create_default_context(cafile=bundle)
        self.port, self.socket, self.metrics = 8461 + number, folder / "tlsrpt", f"127.0.0.1:{9461 + number}"
        folder.mkdir()
        (folder / "mtasts.toml").write_text(f"""
listen = ["127.0.0.1:{self.port}"]
metrics = "{self.metrics}"
store = "sqlite:{folder}/cache.sqlite"
tlsrpt = "{self.socket}"
[zone]
form = "extended-with-testing"
match = "mx-hosts"
[report]
from = "tls-reports@sender{number}.test"
organization = "Sender {number}"
store = "sqlite:{folder}/tally.sqlite"
mail = "smtp:127.0.0.1:2525"
allow-private = true
testing-is-checked = true
""")
        self.daemon = Daemon(MTASTS, folder, "--config", str(folder / "mtasts.toml"),
                             environment=os.environ | clock.environment | {"SSL_CERT_FILE": str(bundle)})

    def ask(self):
        """What the daemon answers of the domain."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=DEADLINE) as connection:
            return lookup(connection, f"sts {DOMAIN}")

    def send(self, hosts, addresses):
        """Tries one MX host after the other; the host that took the mail, or `None` where it waits."""
        answer = self.ask()
        if answer.startswith("TEMP"):
            return None
        policy = re.findall(r"\{ policy_string = ([^}]*) \}", answer)
        enforced = answer.startswith("OK secure ")
        matches = re.search(r" match=(\S+)", answer)
        for host in hosts:
            if enforced and host not in matches[1].split(":"):
                continue
            verified = enforced or bool(policy)
            context = self.trusting if verified else ssl._create_unverified_context()
            try:
                with smtplib.SMTP(timeout=DEADLINE) as connection:
                    connection._host = host
                    connection.connect(addresses[host], 25)
                    connection.starttls(context=context)
                    connection.sendmail("alice@sender.test", f"bob@{DOMAIN}", "Subject: a test\r\n\r\nhello\r\n")
            except ssl.SSLCertVerificationError:
                if enforced:
                    continue
                raise SystemExit(f"{host} is not valid in mode testing") from None
            self.tell(policy, host)
            return host
        return None

    def counted(self):
        """How many sessions the daemon was told of."""
        with urllib.request.urlopen(f"http://{self.metrics}/metrics", timeout=DEADLINE) as answer:
            lines = answer.read().decode().splitlines()
        return sum(int(line.rsplit(" ", 1)[1]) for line in lines if line.startswith("mtasts_tlsrpt_events_total"))

    def tell(self, policy, host):
        kind = {"policy-type": 2, "policy-string": policy, "mx-host": [host]} if policy else {"policy-type": 9}
        rua = f"v=TLSRPTv1; rua=https://mta-sts.{DOMAIN}/tlsrpt"
        datagram = {"d": DOMAIN, "pr": rua, "policies": [{**kind, "policy-domain": DOMAIN, "t": 0, "f": 0}]}
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as connection:
            connection.sendto(json.dumps(datagram).encode(), str(self.socket))


class Story:
    def __init__(self, folder):
        control({"command": "reset"})
        self.page, self.clock, self.zone = Page(), Clock(folder), Zone()
        authority = Authority(folder)
        pebble = Pebble(folder, authority)
        self.pebble = pebble
        bundle = folder / "roots.pem"
        bundle.write_text("\n".join([(WORLD / "ca.pem").read_text(), authority.certificate.read_text(), pebble.root]))
        self.etc, self.var = folder / "etc", folder / "var"
        (self.etc / "policies").mkdir(parents=True)
        self.var.mkdir()
        # Those of systemd's unit.
        self.environment = os.environ | self.clock.environment | {
            "SSL_CERT_FILE": str(bundle), "CONFIGURATION_DIRECTORY": str(self.etc), "STATE_DIRECTORY": str(self.var)}
        self.work = self.etc
        self.log = folder / "publish.log"
        self.serving = None
        self.configuration = "\n".join([
            f'listen = ["{POLICY_HOST}:443"]', self.here(self.page.configuration),
            f'directory = "{pebble.directory}"', f'ca-file = "{authority.certificate}"'])
        self.mx = {name: MxHost(name, authority, self.zone) for name in ("mx1.example.com", "mx2.example.com", "mx3.example.net")}
        self.zone.set_mx(["mx1.example.com", "mx2.example.com"])
        self.attacker = next(host for host in json.loads((WORLD / "world.json").read_text())["mail_hosts"] if host["owner"] == "attacker")
        self.senders = [Sender(number, folder / f"sender{number}", self.clock, bundle, self.zone) for number in range(2)]

    def here(self, text):
        """A command or a configuration of the page, in the folders of this test."""
        return text.replace("/etc/mtasts", str(self.etc)).replace("/var/lib/mtasts-publish", str(self.var))

    def run(self, command, *more, status=0):
        """Runs a command of the page, with options that show what it says to programs."""
        self.page.run.append(command)
        words = shlex.split(self.here(command))
        if words[0] == "cd":
            self.work = pathlib.Path(words[1])
            return None
        if words[0] == "systemctl":
            return self.systemctl(words[1])
        assert words[0] == "mtasts", command
        ended = subprocess.run([MTASTS, *words[1:], *more], cwd=self.work, env=self.environment, capture_output=True, text=True,
                               timeout=DEADLINE)
        if ended.returncode != status:
            raise SystemExit(f"{command}: {ended.returncode}\n{ended.stdout}{ended.stderr}")
        return json.loads(ended.stdout) if more else ended.stdout

    def systemctl(self, verb):
        """What systemd does with the daemon."""
        if verb == "reload":
            before = self.said("the policies were read again")
            self.serving.send_signal(signal.SIGHUP)
            until("the policies are read again", lambda: self.said("the policies were read again") > before)
        else:
            with open(self.log, "a") as log:
                self.serving = subprocess.Popen([MTASTS, "publish", "serve"], env=self.environment, stderr=log)
            until("a certificate is issued", lambda: self.said("a certificate was issued"))

    def said(self, event):
        return self.log.read_text().count(event)

    def deliver(self):
        """Mail of both senders comes to each of the MX hosts in DNS, whatever policy they hold."""
        for sender in self.senders:
            for host in self.zone.mx:
                before = len(self.mx[host].mails)
                if sender.send([host], MxHost.addresses) is None or len(self.mx[host].mails) != before + 1:
                    raise SystemExit(f"mail does not come to {host}: {sender.ask()!r}")

    def attack(self):
        """DNS is forged: the only MX host is the attacker's. Whether it gets the mail of each sender."""
        host = self.attacker["name"]
        self.zone.answer_mx([host])
        # What a sender knows of DNS is forgotten.
        self.clock.move(2 * MINUTE)
        got = [sender.send([host], {host: self.attacker["address"]}) is not None for sender in self.senders]
        self.zone.answer_mx(self.zone.mx)
        self.clock.move(2 * MINUTE)
        return got

    def follow(self, command):
        """Does each step of a plan when it is safe, and plans again, until nothing is left. Mail is delivered after each."""
        done = []
        while True:
            [planned] = self.run(command, "--json")["domains"]
            if not planned["steps"]:
                return done
            step = planned["steps"][0]
            at = subprocess.run(["date", "--date", step["safe"]["at"], "+%s"], capture_output=True, text=True, check=True).stdout
            if int(at) > self.clock.now():
                # The day before, nothing has changed.
                self.clock.move_to(int(at) - MINUTE)
                self.deliver()
                self.clock.move_to(int(at) + 1)
                continue
            action = step["action"]
            if action == "put-policy":
                assert planned["written"].endswith(f"{DOMAIN}/mta-sts.txt"), planned
                self.run("systemctl reload mtasts-publish")
            elif action == "put-record":
                self.zone.add_file(self.work / DOMAIN / "zone.txt")
            elif action == "change-mx":
                self.zone.set_mx([host for host in self.zone.mx if host not in step["remove"]] + step["add"])
            elif action == "delete-record":
                self.zone.set(f"_mta-sts.{DOMAIN}", "TXT")
            elif action == "delete-policy":
                (self.work / DOMAIN / "mta-sts.txt").unlink()
                (self.work / DOMAIN / "zone.txt").unlink()
                (self.work / DOMAIN).rmdir()
                self.systemctl("reload")
            else:
                raise SystemExit(f"{action} is no step of this story")
            done.append(action)
            self.clock.move(2 * MINUTE)
            self.deliver()

    def end(self):
        for process in [self.pebble.process, self.serving, *(sender.daemon.process for sender in self.senders)]:
            if process:
                process.kill()
                process.wait()
        for host in self.mx.values():
            host.controller.stop()

    def tell(self):
        # An empty domain: mail is delivered, and read by whoever forges DNS.
        self.deliver()
        assert self.attack() == [True, True]

        self.run("cd /etc/mtasts/policies")
        self.run("mtasts publish init example.com --rua https://mta-sts.example.com/tlsrpt")
        (self.etc / "publish.toml").write_text(self.configuration)
        self.run("mtasts publish serve --check-config --config /etc/mtasts/publish.toml")
        self.zone.set(f"mta-sts.{DOMAIN}", "A", POLICY_HOST)
        self.run("systemctl enable --now mtasts-publish")
        self.zone.add_file(self.work / DOMAIN / "zone.txt")
        self.clock.move(2 * MINUTE)
        self.run("mtasts publish check example.com")
        self.deliver()
        assert all(sender.ask().startswith("OK may ") for sender in self.senders)
        print("a policy in mode testing is published and seen")

        for _ in range(15):
            before = [sender.counted() for sender in self.senders]
            for _ in range(4):
                self.deliver()
            # They are of this day.
            until("all are counted", lambda: all(
                sender.counted() >= count + 4 * len(self.zone.mx) for sender, count in zip(self.senders, before)))
            self.clock.move(DAY)
        reports = self.var / "reports" / "new"
        until("28 reports arrive", lambda: len(list(reports.iterdir())) >= 28)
        shown = self.run("mtasts report show /var/lib/mtasts-publish/reports")
        assert DOMAIN in shown and "Sender 0" in shown, shown
        self.run("mtasts report ready example.com /var/lib/mtasts-publish/reports")
        print("reports have come for two weeks, and it is time to enforce")

        done = self.follow("mtasts publish plan example.com --mode enforce --write")
        # A day, a week, a month.
        assert done == ["put-policy", "put-record"] * 3, done
        assert all(sender.ask().startswith("OK secure ") for sender in self.senders)
        assert self.attack() == [False, False]
        self.run("mtasts publish check example.com")
        print("the policy is enforced, and the attacker gets nothing")

        done = self.follow("mtasts publish plan example.com --add-mx mx3.example.net --write")
        assert done == ["put-policy", "put-record", "change-mx"], done
        assert self.attack() == [False, False]
        done = self.follow("mtasts publish plan example.com --remove-mx mx1.example.com --write")
        assert done == ["change-mx", "put-policy", "put-record"], done
        assert self.zone.mx == ["mx2.example.com", "mx3.example.net"], self.zone.mx
        assert self.attack() == [False, False]
        print("an MX host has come, and one has gone")

        done = self.follow("mtasts publish remove example.com --write")
        assert done == ["put-policy", "put-record", "delete-record", "delete-policy"], done
        assert all(sender.ask().startswith("NOTFOUND") for sender in self.senders)
        assert self.attack() == [True, True]
        print("the domain has no policy, and no sender holds one")


def main(folder):
    # Checks connect with what these hosts refuse.
    logging.getLogger("mail.log").setLevel(logging.CRITICAL)
    story = Story(folder)
    try:
        story.tell()
        story.page.compare()
    except BaseException:
        for log in [story.log, *(sender.daemon.log for sender in story.senders)]:
            print(log.read_text()[-5000:] if log.exists() else "")
        raise
    finally:
        story.end()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="mtasts-story.") as scratch:
        main(pathlib.Path(scratch))
