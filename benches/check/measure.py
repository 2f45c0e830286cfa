"""See `run`. Within tests/in-world."""

import argparse
import asyncio
import importlib.metadata
import json
import multiprocessing
import os
import pathlib
import resource
import socket
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


class DistantServer(asyncio.DatagramProtocol):
    """A DNS server that hands each query to the world's, and each response on after a while."""

    def __init__(self, latency):
        self.latency, self.waiting, self.count = latency, {}, 0

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, peer):
        if peer == WORLD_DNS:
            client, number = self.waiting.pop(data[:2], (None, None))
            if client:
                asyncio.get_running_loop().call_later(self.latency, self.transport.sendto, number + data[2:], client)
        else:
            self.count = (self.count + 1) % 65536
            number = self.count.to_bytes(2, "big")
            self.waiting[number] = (peer, data[:2])
            self.transport.sendto(number + data[2:], WORLD_DNS)


WORLD_DNS, DISTANT_DNS = ("127.83.0.53", 53), ("127.83.0.99", 53)


def serve_from_afar(latency, ready):
    async def serve():
        loop = asyncio.get_running_loop()
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        # Many queries come at once; SO_RCVBUFFORCE of Linux, which Python has no name for.
        server.setsockopt(socket.SOL_SOCKET, 33, 1 << 23)
        server.bind(DISTANT_DNS)
        await loop.create_datagram_endpoint(lambda: DistantServer(latency), sock=server)
        ready.set()
        await loop.create_future()

    asyncio.run(serve())


SUBJECTS = {
    "mtasts publish check": mtasts(),
    "mtasts publish check --no-probes": mtasts("--no-probes"),
    "checkdmarc, MX, STARTTLS, MTA-STS and TLSRPT alone": checkdmarc(MTA_STS_ALONE),
    "checkdmarc, all of it": checkdmarc(ALL),
}

parser = argparse.ArgumentParser()
parser.add_argument("--repetitions", type=int, default=3)
parser.add_argument("--latency", type=float, metavar="MS", help="the time that each query to the DNS server takes")
options = parser.parse_args()
if options.latency:
    ready = multiprocessing.Event()
    multiprocessing.Process(target=serve_from_afar, args=(options.latency / 1000, ready), daemon=True).start()
    ready.wait(60)
    # It is the file of this network alone.
    pathlib.Path("/etc/resolv.conf").write_text(f"nameserver {DISTANT_DNS[0]}\n")
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
