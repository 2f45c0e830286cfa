"""Sends a message in each scenario of the loopback world by Postfix, which asks `mtasts serve` for policies and tells it of sessions;
moves the clock past midnight; and keeps what arrives of the reports.

    tests/postfix/in-trixie python3 tests/postfix/reports.py MTASTS FOLDER

FOLDER has `dkim.pem`. It gets `mail/*.eml`, `post/*.json.gz`, `queue.json`, and in `time` that of the daemon when they had come;
tests/postfix/reports_read.py reads them. Only the daemon's clock is moved, by libfaketime: it begins at ten o'clock of a day of UTC.
"""

import base64
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import urllib.request

FOLDER = pathlib.Path(sys.argv[2])
# What it imports reads the command line too.
del sys.argv[2:]
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from daemon import Daemon  # noqa: E402
from fresh import blocks, page, section  # noqa: E402
from scenarios import MTASTS, WORLD, Postfix, control, until  # noqa: E402
from world import RECORD, received_reports  # noqa: E402

HOUR, DAY = 3600, 86_400
METRICS = "127.0.0.1:9461"
# Postfix has no session with the first, of which nobody knows whether it has a policy, and tells of none with the second.
WITHOUT_REPORT = {"dns-timeout", "tls-required-no"}


class Clock:
    """The daemon's clock."""

    def __init__(self, file):
        self.file = file
        now = int(time.time())
        self.offset = (10 * HOUR - now) % DAY
        self.move(0)
        [library] = pathlib.Path("/usr/lib").glob("*/faketime/libfaketime.so.1")
        self.environment = os.environ | {
            "LD_PRELOAD": str(library), "FAKETIME_TIMESTAMP_FILE": str(file), "FAKETIME_NO_CACHE": "1",
            # What waits, waits as long as always.
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def move(self, seconds):
        self.offset += seconds
        new = self.file.with_suffix(".new")
        new.write_text(f"+{self.offset}\n")
        new.replace(self.file)


def metric(name):
    with urllib.request.urlopen(f"http://{METRICS}/metrics", timeout=60) as answer:
        lines = answer.read().decode().splitlines()
    return sum(int(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name))


def main():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="postfix-reports."))
    folder.chmod(0o755)
    control({"command": "reset"})
    scenarios = json.loads((WORLD / "world.json").read_text())["scenarios"]
    config = folder / "mtasts.toml"
    config.write_text(f"""
metrics = "{METRICS}"
tlsrpt = "{folder}/queue/run/mtasts-tlsrpt"
store = "sqlite:{folder}/cache.sqlite"
listen = ["127.0.0.1:8461"]
[zone]
form = "extended"
match = "mx-hosts"
[report]
from = "tls-reports@sender.test"
organization = "Sender of the scenarios"
store = "sqlite:{folder}/tally.sqlite"
mail = "smtp:127.0.0.1:2525"
allow-private = true
[report.dkim]
selector = "tlsrpt"
key-file = "{FOLDER}/dkim.pem"
""")
    # As docs/reports.md has it: the socket is in the queue folder.
    [lines] = [block for block in blocks(section(page("reports.md"), "Postfix")) if "smtp_tlsrpt_enable" in block]
    postfix = Postfix(folder, "socketmap:inet:127.0.0.1:8461", lines + "\n")
    (folder / "queue" / "run").mkdir()
    clock = Clock(folder / "clock")
    daemon = Daemon(MTASTS, folder, "--config", str(config), environment=clock.environment)
    try:
        cached = [scenario for scenario in scenarios if scenario["needs_cached_policy"]]
        for scenario in cached:
            control({"command": "switch", "scenario": scenario["name"], "state": "calm"})
            postfix.send(f"first@{scenario['domain']}")
        for scenario in cached:
            assert postfix.wait_for(f"first@{scenario['domain']}") == "sent", scenario["name"]
        # Until now nobody wanted a report. From now on, the record of each policy is queried again.
        clock.move(HOUR)
        for scenario in scenarios:
            record = RECORD.format(name=scenario["name"])
            control({"command": "tlsrpt", "domain": scenario["domain"], "record": record})
            control({"command": "switch", "scenario": scenario["name"], "state": "attack"})
            postfix.send(scenario["recipient"], "TLS-Required: No\r\n" if scenario["tls_required_no"] else "")
        for scenario in scenarios:
            postfix.wait_for(scenario["recipient"])
        names = {scenario["name"] for scenario in scenarios} - WITHOUT_REPORT
        until("all are counted", lambda: metric("mtasts_tlsrpt_domains") >= len(names))
        # It may still be asking for a record.
        time.sleep(2)
        before = metric("mtasts_tlsrpt_events_total")

        clock.move(18 * HOUR)
        until("all reports arrive", lambda: all(len(list) >= len(names) for list in received_reports()))
        until("no delivery waits", lambda: metric("mtasts_tlsrpt_waiting") == 0)
        # Of the mails with reports nothing was counted, or there would be reports about them tomorrow.
        assert metric("mtasts_tlsrpt_events_total") == before, (before, metric("mtasts_tlsrpt_events_total"))
        queue = subprocess.run([MTASTS, "report", "queue", "--json", "--config", str(config)], capture_output=True,
                               text=True, timeout=60, check=True)
        (FOLDER / "queue.json").write_text(queue.stdout)
        (FOLDER / "time").write_text(str(int(time.time()) + clock.offset))
        mails, posts = received_reports()
        for kind, end, all_of in ("mail", "eml", mails), ("post", "json.gz", posts):
            (FOLDER / kind).mkdir()
            for number, (name, octets) in enumerate(all_of):
                (FOLDER / kind / f"{name}.{number}.{end}").write_bytes(octets)
        print(f"{len(mails)} mails and {len(posts)} POSTs with reports have come")
    except BaseException:
        print((folder / "mail.log").read_text(errors="replace")[-20_000:])
        print(daemon.log.read_text()[-20_000:])
        raise
    finally:
        postfix.stop()
        status = daemon.stop()
    if status != 0:
        raise SystemExit(f"the daemon ends with {status}: {daemon.log.read_text()[-2000:]}")


if __name__ == "__main__":
    main()
