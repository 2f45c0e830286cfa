"""Measures the package beside postfix-mta-sts-resolver and checkdmarc, on the same inputs, in one run.

    pip install mta-sts -r benches/requirements.txt
    python benches/bench.py

Times are the best of several runs, of one thread. The peers check less: postfix-mta-sts-resolver splits lines and leaves
the values as they are. Exit status 1 if a goal is missed.
"""

from __future__ import annotations

import importlib
import sys
import threading
import time
import timeit
from collections.abc import Callable
from functools import partial
from typing import Any

from mta_sts import CachedPolicy, CacheUpdate, Delivery, Policy, PolicyCache, Record, lint_policy

TWO_MX = "version: STSv1\r\nmode: enforce\r\nmx: mx1.example.com\r\nmx: *.mail.example.com\r\nmax_age: 604800\r\n"
LARGE = "version: STSv1\nmode: enforce\n" + "mx: *.a.example.com\n" * 3_270 + "max_age: 604800\n"
RECORD = "v=STSv1; id=20261124T000000;"
NOW = 1_700_000_000


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


def peer(module: str, function: str) -> Callable[[str], Any] | None:
    try:
        found: Callable[[str], Any] = getattr(importlib.import_module(module), function)
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
    return int(failed)


def overhead() -> float:
    """What the call of a lambda takes, which is no part of the method's time."""
    return nanoseconds(lambda: None)


if __name__ == "__main__":
    sys.exit(main())
