"""Asks `mtasts serve` what answers.tsv says of postfix-mta-sts-resolver's users: same keys, same answers, and otherwise
the reason why not.

    tests/in-world python3 tests/postfix/answers.py MTASTS [MTA-STS-DAEMON]

With the command of that server, it is asked too: the table says what it answers, not what anybody remembers of it.
"""

import csv
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from daemon import lookup  # noqa: E402
from world import control  # noqa: E402

MTASTS = os.path.abspath(sys.argv[1])
THEIRS = sys.argv[2] if len(sys.argv) > 2 else None
DEADLINE = 90

# The zones of the table, in both configurations. docs/postfix.md says how one is made of the other.
OUR_CONFIGURATION = """
store = "memory"
[limits]
fetch-timeout = "4s"
[zones.tlsrpt]
form = "extended"
[zones.QUERYwithTLSRPT]
form = "extended"
"""
THEIR_ZONES = """
host: 127.0.0.1
port: 8471
cache_grace: 0
default_zone: {strict_testing: false, timeout: 4}
zones:
  strict: {strict_testing: true, timeout: 4}
  without-sni: {require_sni: false, timeout: 4}
  tlsrpt: {tlsrpt: true, timeout: 4}
"""


class Server:
    """A socketmap server, and one connection to it."""

    def __init__(self, command, port):
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(DEADLINE * 10):
            try:
                self.connection = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE)
                break
            except ConnectionRefusedError:
                time.sleep(0.1)
        else:
            raise SystemExit(f"{command[0]} does not listen")

    def ask(self, request):
        """The answer, with what comes in any order put in order: the names of `match`, and all but the first two words."""
        answer = lookup(self.connection, request).strip()
        if answer.startswith(("TEMP", "PERM")):
            return answer[:4]
        words = re.findall(r"\{[^}]*\}|\S+", answer)
        words = [re.sub(r"(?<=match=).*", lambda names: ":".join(sorted(names[0].split(":"))), word) for word in words]
        return " ".join(words[:2] + sorted(words[2:]))

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(DEADLINE)


def ask_all(server, rows):
    """Every row's answer. In state `remembered` the domain was asked in calm before."""
    control({"command": "reset"})
    answers = []
    for row in rows:
        domain = re.sub(r"^\[?\.?|\]?(:\d+)?$", "", row["key"])
        scenario = domain.removesuffix(".test")
        if row["state"] == "remembered":
            control({"command": "switch", "scenario": scenario, "state": "calm"})
            server.ask(f"{row['zone']} {domain}")
        if row["state"] != "any":
            control({"command": "switch", "scenario": scenario, "state": "attack"})
        answers.append(server.ask(f"{row['zone']} {row['key']}"))
        if row["state"] != "any":
            control({"command": "switch", "scenario": scenario, "state": "calm"})
    return answers


def check_page(folder):
    """What docs/postfix.md shows of our configuration is understood."""
    page = (HERE.parents[1] / "docs/postfix.md").read_text(encoding="utf-8")
    blocks = [re.sub(r"(?m)^    ", "", block) for block in re.findall(r"(?m)(?:^    .*\n)+", page)]
    zones = [block for block in blocks if block.startswith("[zones.")]
    overrides = [block for block in blocks if block.startswith('["')]
    if not zones or not overrides:
        raise SystemExit("docs/postfix.md shows no configuration")
    (folder / "overrides.toml").write_text("".join(overrides))
    (folder / "page.toml").write_text(f'overrides = "{folder}/overrides.toml"\n' + "".join(zones))
    subprocess.run([MTASTS, "serve", "--check-config", "--config", folder / "page.toml"], stdout=subprocess.DEVNULL,
                   timeout=DEADLINE, check=True)


def main():
    rows = list(csv.DictReader((HERE / "answers.tsv").open(encoding="utf-8"), delimiter="\t", quoting=csv.QUOTE_NONE))
    failures = 0

    def compare(whose, column, server, rows):
        nonlocal failures
        answers = ask_all(server, rows)
        server.stop()
        for row, answer in zip(rows, answers):
            if answer != row[column]:
                failures += 1
                print(f"FAILED: {whose}: {row['zone']} {row['key']} ({row['state']}): {answer!r}, not {row[column]!r}")
        print(f"{len(rows)} answers of {whose}")

    # The maps of postfix-tlspol: the one is answered as the default zone says, the other has a zone of its own.
    for zone, twin in (("QUERY", "postfix"), ("QUERYwithTLSRPT", "tlsrpt")):
        rows += [row | {"zone": zone, "its": None} for row in rows if row["zone"] == twin and row["state"] == "any"]

    with tempfile.TemporaryDirectory(prefix="mtasts-answers.") as folder:
        folder = pathlib.Path(folder)
        check_page(folder)
        (folder / "mtasts.toml").write_text(OUR_CONFIGURATION)
        compare("mtasts serve", "ours", Server([MTASTS, "serve", "--config", folder / "mtasts.toml"], 8461), rows)
        if THEIRS:
            (folder / "mta-sts-daemon.yml").write_text(THEIR_ZONES)
            rows = [row for row in rows if row["its"] is not None]
            compare("postfix-mta-sts-resolver", "its", Server([THEIRS, "-c", folder / "mta-sts-daemon.yml"], 8471), rows)
    for row in rows:
        if row["its"] is not None and (row["its"] == row["ours"]) != (row["why"] == "same"):
            failures += 1
            print(f"FAILED: {row['zone']} {row['key']}: the reason is {row['why']!r}")
    if failures:
        raise SystemExit(f"{failures} failed")


if __name__ == "__main__":
    main()
