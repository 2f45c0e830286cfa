"""Measures the package beside postfix-mta-sts-resolver, checkdmarc and parsedmarc, on the same inputs, in one run.

    pip install mta-sts -r benches/requirements.txt
    python benches/bench.py

Times are the best of several runs, of one thread. The peers check less: postfix-mta-sts-resolver splits lines and leaves
the values as they are. parsedmarc gives a dict, so that a report and its dict are measured. Exit status 1 if a goal is missed.
"""

from __future__ import annotations

import gzip
import importlib
import sys
import threading
import time
import timeit
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from mta_sts import CachedPolicy, CacheUpdate, Delivery, Policy, PolicyCache, Record, lint_policy
from mta_sts.tlsrpt import FailureDetails, Report, ReportPeriod, ReportPolicy, assess, explain

TWO_MX = "version: STSv1\r\nmode: enforce\r\nmx: mx1.example.com\r\nmx: *.mail.example.com\r\nmax_age: 604800\r\n"
LARGE = "version: STSv1\nmode: enforce\n" + "mx: *.a.example.com\n" * 3_270 + "max_age: 604800\n"
RECORD = "v=STSv1; id=20261124T000000;"
NOW = 1_700_000_000
REPORTS = Path(__file__).resolve().parents[2] / "benches" / "reports"


def nanoseconds(work: Callable[[], object]) -> float:
    """One call, the best of seven runs."""
    timer = timeit.Timer(work)
    number, _ = timer.autorange()
    number = max(1, number // 5)
    return min(timer.repeat(7, number)) / number * 1e9


def longest_hold(work: Callable[[], object], times: int = 100) -> float:
    """For how long, in milliseconds, a second thread had to wait for the interpreter during a call; its clock says so.

    The least over calls: what holds it does so in every call, and the machine's other work does not.
    """
    sys.setswitchinterval(1e-6)
    worst = 0.0
    turns = 0
    done = False

    def watch() -> None:
        nonlocal worst, turns
        last = time.perf_counter()
        while not done:
            now = time.perf_counter()
            worst = max(worst, now - last)
            last = now
            turns += 1

    watcher = threading.Thread(target=watch)
    watcher.start()
    waits = []
    for _ in range(times):
        worst = 0.0
        work()
        # Until the watcher has looked at its clock again.
        seen = turns
        while turns < seen + 2:
            time.sleep(0)
        waits.append(worst)
    done = True
    watcher.join()
    sys.setswitchinterval(0.005)
    return min(waits) * 1e3


def peer(module: str, function: str) -> Callable[[Any], Any] | None:
    try:
        found: Callable[[Any], Any] = getattr(importlib.import_module(module), function)
        return found
    except ImportError:
        print(f"{module} is not installed: pip install -r benches/requirements.txt", file=sys.stderr)
        return None


def main() -> int:
    policy = Policy.parse(TWO_MX)
    large = Policy.parse(LARGE)
    assert 64_000 < len(LARGE) <= 65_536
    cache = PolicyCache()
    update = CacheUpdate.store(CachedPolicy(policy, "1", NOW), checked_until=NOW + 300)
    cache.apply("example.com", update, now=NOW)
    delivery = Delivery.under(policy)

    rows: list[tuple[str, float, float | None]] = []

    def row(what: str, work: Callable[[], object], goal: float | None = None) -> float:
        taken = nanoseconds(work)
        rows.append((what, taken, goal))
        return taken

    peers = [
        (name, function)
        for name in ("postfix_mta_sts_resolver.utils", "checkdmarc.mta_sts")
        if (function := peer(name, "parse_mta_sts_policy")) is not None
    ]
    theirs = [row(f"parse 2 mx, {name.partition('.')[0]}", partial(function, TWO_MX)) for name, function in peers]
    row("parse 2 mx", partial(Policy.parse, TWO_MX), min(theirs) / 4 if theirs else None)
    row("parse record", lambda: Record.parse(RECORD))
    row("policy.matches_mx(host)", lambda: policy.matches_mx("mx7.mail.example.com"), 80 + overhead())
    row("policy.mode", lambda: policy.mode)
    row("cache.get(domain)", lambda: cache.get("example.com", now=NOW), 500)
    row("delivery.check_mx(host)", lambda: delivery.check_mx("mx1.example.com"), 500)
    row("delivery.check_session(host, tls)", lambda: delivery.check_session("mx1.example.com", "authenticated"), 500)
    row("parse 64 KiB", lambda: Policy.parse(LARGE))

    parsedmarc = peer("parsedmarc", "parse_smtp_tls_report_json")
    for path in sorted(REPORTS.glob("*.json")):
        json = path.read_bytes()
        what = f"report {path.stem}, {len(json):,} octets"
        slower = row(f"{what}, parsedmarc", partial(parsedmarc, json)) if parsedmarc is not None else None
        row(what, partial(Report.parse, json), slower and slower * 0.3)
        row(f"{what}, to_dict", lambda: Report.parse(json).to_dict(), slower and slower * 0.6)
        row(f"{what}, gzip", partial(Report.parse, gzip.compress(json)))
    row("explain(...)", lambda: explain("sts", "validation-failure", "unable_to_get_local_issuer_certificate"))
    failed = False
    for what, taken, goal in rows:
        missed = goal is not None and taken > goal
        failed |= missed
        print(f"{what:<44} {taken:12,.0f} ns" + (f"   goal {goal:,.0f}" if goal else "") + ("   MISSED" if missed else ""))

    for what, work in [
        ("parse", lambda: Policy.parse(LARGE)),
        ("str", lambda: str(large)),
        ("lines", lambda: large.lines),
        ("repr", lambda: repr(large)),
        ("mx", lambda: large.mx),
        ("mx[-1]", lambda: large.mx[-1]),
        ("repr(mx)", lambda: repr(large.mx)),
        ("hash(mx)", lambda: hash(large.mx)),
        ("matches_mx", lambda: large.matches_mx("other.example.com")),
        ("==", lambda: large == Policy.parse(LARGE)),
        ("lint", lambda: lint_policy(LARGE)),
    ]:
        held = longest_hold(work)
        failed |= held > 1
        print(f"64 KiB, {what:<20} holds the interpreter {held:8.3f} ms" + ("   MISSED" if held > 1 else ""))

    report = large_report()
    json = report.to_json().encode()
    packed = gzip.compress(json)
    for what, work in [
        ("parse", lambda: Report.parse(json)),
        ("parse gzip", lambda: Report.parse(packed)),
        ("to_json", report.to_json),
        ("to_dict", report.to_dict),
        ("assess", lambda: assess([report] * 4, domain="example.com", policy=policy, now=NOW)),
    ]:
        held = longest_hold(work)
        failed |= held > 1
        print(f"64 KiB, report, {what:<12} holds the interpreter {held:8.3f} ms" + ("   MISSED" if held > 1 else ""))
    return int(failed)


def large_report() -> Report:
    details = [
        FailureDetails("validation-failure", 1, receiving_mx_hostname="mx.example.com", receiving_ip=f"192.0.2.{number % 256}")
        for number in range(500)
    ]
    policy = ReportPolicy("sts", "example.com", mx_hosts=["mx.example.com"], failures=500, details=details)
    day = ReportPeriod.of_day(NOW - 86_400)
    return Report(organization="Sender", contact="tls@sender.example", id="1@sender.example", period=day, policies=[policy])


def overhead() -> float:
    """What the call of a lambda takes, which is no part of the method's time."""
    return nanoseconds(lambda: None)


if __name__ == "__main__":
    sys.exit(main())
