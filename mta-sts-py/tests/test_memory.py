"""Nothing is kept that nobody holds, and threads may share a cache."""

from __future__ import annotations

import gc
import gzip
import sys
import threading
from collections.abc import Callable

import pytest

from mta_sts import (
    Delivery,
    DnsName,
    Lookup,
    MtaStsError,
    Policy,
    PolicyCache,
    Record,
    Response,
    Txt,
    drive,
    lint_policy,
)
from mta_sts.tlsrpt import Report

BODY = b"version: STSv1\nmode: enforce\nmx: mx.example.test\nmx: *.example.test\nmax_age: 604800\n"


def resident() -> int:
    """The memory of this process, in octets."""
    with open("/proc/self/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * 4096


def parse_policy() -> None:
    policy = Policy.parse(BODY)
    assert policy.mode and policy.mx[0] and policy.text
    policy.matches_mx("mx.example.test")


def refuse_policy() -> None:
    try:
        Policy.parse(b"version: STSv1\nmode: enforced\n")
    except MtaStsError:
        pass


def parse_record() -> None:
    Record.parse(b"v=STSv1; id=1").id


def look_up() -> None:
    outcome = drive(
        "example.test",
        query_txt=lambda query: Txt([b"v=STSv1; id=1;"], ttl=300),
        fetch_policy=lambda request: Response(200, "text/plain", BODY),
    )
    delivery = Delivery.of(outcome)
    delivery.check_mx("mx.example.test")
    delivery.check_session("mx.example.test", "not-offered")


def lint() -> None:
    list(lint_policy(b"version: STSv1\nmode: enforced\n"))


REPORT = gzip.compress(
    b'{"contact-info": null, "policies": [{"policy": {"policy-type": "sts", "policy-domain": "a.test"}, "failure-details": '
    b'[{"result-type": "validation-failure", "failed-session-count": 1, "receiving-ip": "192.0.2.1"}]}]}'
)


def read_report() -> None:
    report = Report.parse(REPORT)
    assert report.deviations and report.policies[0].details[0].receiving_ip and report.to_dict() and hash(report)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc is Linux's")
@pytest.mark.parametrize(
    ("work", "times"),
    [(parse_policy, 1_000_000), (refuse_policy, 300_000), (parse_record, 1_000_000), (look_up, 50_000), (lint, 100_000), (read_report, 20_000)],
)
def test_memory_stays_flat(work: Callable[[], None], times: int) -> None:
    for _ in range(times // 10):
        work()
    gc.collect()
    before = resident()
    for _ in range(times):
        work()
    gc.collect()
    # One octet kept of each would be as much.
    assert resident() - before < min(times, 400_000)


@pytest.mark.parametrize("work", [parse_policy, refuse_policy, parse_record, look_up, lint, read_report])
def test_reference_counts_stay_as_they_are(work: Callable[[], None]) -> None:
    def counts() -> list[int]:
        return [sys.getrefcount(thing) for thing in (Policy, Record, MtaStsError, BODY, Delivery, DnsName, Report)]

    work()
    gc.collect()
    before = counts()
    for _ in range(100):
        work()
    gc.collect()
    assert all(abs(now - then) < 50 for now, then in zip(counts(), before))


def test_threads_share_a_cache() -> None:
    cache = PolicyCache(max_entries=50)
    now = 1_700_000_000
    faults: list[BaseException] = []
    start = threading.Barrier(8)

    def use(seed: int) -> None:
        try:
            start.wait()
            for step in range(2_000):
                domain = f"d{(seed * 7 + step) % 80}.test"
                lookup = Lookup(domain, now=now + step, cached=cache.get(domain, now=now + step))
                if "QueryTxt" in repr(lookup):
                    lookup.handle_txt(["v=STSv1; id=1"], ttl=300, now=now + step)
                if "FetchPolicy" in repr(lookup):
                    lookup.handle_response(status=200, content_type="text/plain", body=BODY, now=now + step)
                outcome = lookup.poll_output().outcome  # type: ignore[union-attr]
                assert outcome.policy is not None and outcome.policy.matches_mx("mx.example.test")
                cache.apply(domain, outcome.cache_update, now=now + step)
                cache.poll_refresh(now=now + step)
                if step % 100 == 0:
                    assert len(cache.entries()) <= 50
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=use, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults and len(cache) == 50


def test_a_lookup_that_another_thread_uses_is_not_broken() -> None:
    lookup = Lookup("example.test", now=1)
    lookup.handle_txt(["v=STSv1; id=1"], ttl=300, now=1)
    body = b"version: STSv1\nmode: enforce\n" + b"mx: a.example.test\n" * 3000 + b"max_age: 1\n"
    said: list[str] = []

    def answer() -> None:
        try:
            lookup.handle_response(status=200, content_type="text/plain", body=body, now=1)
            said.append("taken")
        except (MtaStsError, RuntimeError) as fault:
            said.append(type(fault).__name__)

    threads = [threading.Thread(target=answer) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert said.count("taken") == 1
