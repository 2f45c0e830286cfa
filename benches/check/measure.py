"""See `run`. Within tests/in-world."""

import argparse
import importlib.metadata
import json
import os
import resource
import subprocess
import sys
import time

MTASTS, CA = os.environ["MTASTS"], os.environ["SSL_CERT_FILE"]
DOMAINS = [f"d{number}.customer.test" for number in range(int(os.environ["MTASTS_CUSTOMERS"]))]

# What a sender with MTA-STS needs of a domain, and no more.
MTA_STS_ALONE = """
import sys
from checkdmarc.mta_sts import check_mta_sts
from checkdmarc.smtp import check_mx
from checkdmarc.smtp_tls_reporting import check_smtp_tls_reporting

def check(domain):
    sts = check_mta_sts(domain)
    mx = check_mx(domain, mta_sts_mx_patterns=sts["policy"]["mx"], check_mx_tls=True)
    return sts, mx, check_smtp_tls_reporting(domain)

for domain in sys.argv[1:]:
    sts, mx, reports = check(domain)
    assert sts["valid"] and reports["valid"] and [host["starttls"] for host in mx["hosts"]] == [True], (sts, mx, reports)
"""
ALL = """
import sys
import checkdmarc

for result in checkdmarc.check_domains(sys.argv[1:], check_mx_tls=True):
    assert result["mta_sts"]["valid"] and [host["starttls"] for host in result["mx"]["hosts"]] == [True], result
"""


def cpu():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def timed(arguments, domains):
    """The seconds and the CPU seconds of a whole process, and what it has printed."""
    started, before = time.monotonic(), cpu()
    done = subprocess.run([*arguments, *domains], capture_output=True, text=True, check=False)
    seconds, used = time.monotonic() - started, cpu() - before
    if done.returncode != 0:
        raise SystemExit(f"{arguments[:4]} ended with {done.returncode}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return seconds, used, done.stdout


def mtasts(*options):
    def run(domains):
        command = [MTASTS, "publish", "check", "--json", "--ca-file", CA, *options]
        seconds, used, printed = timed(command, domains)
        verdicts = [domain["verdict"] for domain in json.loads(printed)["domains"]]
        if verdicts != ["delivered"] * len(domains):
            raise SystemExit(f"not all is well: {set(verdicts)}")
        return seconds, used

    return run


def checkdmarc(program):
    return lambda domains: timed([sys.executable, "-c", program], domains)[:2]


SUBJECTS = {
    "mtasts publish check": mtasts(),
    "mtasts publish check --no-probes": mtasts("--no-probes"),
    "checkdmarc, MX, STARTTLS, MTA-STS and TLSRPT alone": checkdmarc(MTA_STS_ALONE),
    "checkdmarc, all of it": checkdmarc(ALL),
}

parser = argparse.ArgumentParser()
parser.add_argument("--repetitions", type=int, default=3)
options = parser.parse_args()
# `requests` has roots of its own otherwise.
os.environ["REQUESTS_CA_BUNDLE"] = CA
best = {}
for _ in range(options.repetitions):
    for name, run in SUBJECTS.items():
        best[name] = min(best.get(name, (float("inf"),) * 2), run(DOMAINS))
print(f"{len(DOMAINS)} domains; checkdmarc {importlib.metadata.version('checkdmarc')}, Python {sys.version.split()[0]}")
base = best["mtasts publish check"][0]
print("| subject | s | a domain, ms | times as long | CPU a domain, ms |")
print("|---|--:|--:|--:|--:|")
for name, (seconds, used) in best.items():
    count = len(DOMAINS) / 1000
    print(f"| {name} | {seconds:.2f} | {seconds / count:.2f} | {seconds / base:.1f} | {used / count:.2f} |")
