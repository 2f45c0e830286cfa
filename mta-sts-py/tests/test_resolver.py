"""The resolvers keep the limits of RFC 8461, 3.3, and tell one failure from the other."""

from __future__ import annotations

import asyncio
import errno
import json
import socket
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import dns.rcode
import pytest
from conftest import World
from host import BODY, Start, response

from mta_sts import CacheEntry, LookupConfig, PolicyCache, PolicyDomain, Purpose, aio, resolver, store
from mta_sts.__main__ import asked


@pytest.mark.parametrize("kind", ["threads", "asyncio"])
def test_every_scenario_is_found_as_it_should(world: World, kind: str) -> None:
    options = world.options | {"dns_timeout": 1.0, "config": LookupConfig(timeout=5)}
    threads, coroutines = resolver.Resolver(**options), aio.Resolver(**options)

    def discover(domain: str) -> Any:
        return threads.discover(domain) if kind == "threads" else asyncio.run(coroutines.discover(domain))

    for scenario in world.about["scenarios"]:
        if scenario["needs_cached_policy"]:
            world.command(command="switch", scenario=scenario["name"], state="calm")
            discover(scenario["domain"])
            world.command(command="switch", scenario=scenario["name"], state="attack")
        outcome, expected = discover(scenario["domain"]), scenario["expected"]["mta_sts"]
        if outcome.policy is None:
            actual = {"source": "none", "why": outcome.no_policy.reason.value}
        else:
            actual = {"source": outcome.applied.source.value}
            assert outcome.policy.mode.value == expected["mode"], scenario["name"]
        assert actual == expected["policy"], scenario["name"]
        discovered = [
            report["result_type"]
            for report in expected["reports"]
            if report["mx"] is None and not scenario["needs_cached_policy"]
        ]
        assert discovered == ([outcome.failure.result_type.value] if outcome.failure else []), scenario["name"]
    world.command(command="reset")


def drip(stream: ssl.SSLSocket) -> None:
    stream.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n")
    while True:
        time.sleep(0.05)
        stream.sendall(b"X-Slow: 1\r\n")


def endless(stream: ssl.SSLSocket) -> None:
    stream.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
    while True:
        stream.sendall(b"mx: a.example.test\n" * 100)


def cut(stream: ssl.SSLSocket) -> None:
    stream.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 900\r\n\r\n" + BODY)


def test_a_policy_is_asked_for_as_the_rfc_says(start: Start, tmp_path: Path, monkeypatch: Any) -> None:
    for name in ("https_proxy", "HTTPS_PROXY", "ALL_PROXY", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    host = start(response(BODY))
    outcome = host.resolver(tmp_path).discover("Example.test")
    assert outcome.policy is not None and outcome.policy.matches_mx("mx.example.test")
    assert host.questions[0] == "_mta-sts.example.test. TXT"
    assert "mta-sts.example.test. A" in host.questions
    assert host.names == ["mta-sts.example.test"]
    (request,) = host.requests
    lines = request.lower().split(b"\r\n")
    assert lines[0] == b"get /.well-known/mta-sts.txt http/1.1"
    assert b"host: mta-sts.example.test" in lines and b"accept-encoding: identity" in lines


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (response(b"x" * 65_537), "policy-host-body-too-large"),
        (endless, "policy-host-body-too-large"),
        (drip, "timeout"),
        (lambda stream: time.sleep(5), "timeout"),
        (cut, "http-protocol"),
        (lambda stream: stream.sendall(b"nonsense\r\n\r\n"), "http-protocol"),
        (lambda stream: None, "http-protocol"),
        (response(b"", b"Location: https://mta-sts.example.test/", status=b"301 Moved"), "http-redirect"),
        (response(BODY, b"Content-Encoding: gzip"), None),
    ],
    ids=["long", "endless", "drip", "silent", "cut", "nonsense", "nothing", "redirect", "encoded"],
)
def test_limits_of_an_answer(start: Start, tmp_path: Path, answer: Any, cause: str | None) -> None:
    host = start(answer)
    began = time.monotonic()
    outcome = host.resolver(tmp_path, timeout=1).discover("example.test")
    assert time.monotonic() - began < 5
    assert (outcome.no_policy and outcome.no_policy.cause) == cause
    assert host.connections == 1


@pytest.mark.parametrize(
    ("options", "cause"),
    [
        ({"names": "example.test"}, "policy-host-certificate-host-mismatch"),
        ({"bad_ca": True}, "policy-host-certificate-not-trusted"),
    ],
)
def test_faults_of_a_certificate(start: Start, tmp_path: Path, options: Any, cause: str) -> None:
    host = start(response(BODY), **options)
    outcome = host.resolver(tmp_path).discover("example.test")
    assert outcome.no_policy is not None and outcome.no_policy.cause == cause
    assert outcome.failure is not None and outcome.failure.result_type == "sts-webpki-invalid"
    assert host.requests == []


def test_faults_of_dns(start: Start, tmp_path: Path) -> None:
    host = start(response(BODY))
    for rcode, reason, cause in (
        (dns.rcode.NXDOMAIN, "no-record", None),
        (dns.rcode.SERVFAIL, "dns-failed", "dns-servfail"),
    ):
        host.rcode = rcode
        outcome = host.resolver(tmp_path).discover("example.test")
        assert outcome.no_policy is not None
        assert (outcome.no_policy.reason, outcome.no_policy.cause) == (reason, cause)


def test_nobody_listens(start: Start, tmp_path: Path) -> None:
    host = start(response(BODY))
    # Bound, so that nobody else has the port, and not listening.
    with host.listener, socket.socket() as host.listener:
        host.listener.bind(("127.83.7.1", 0))
        outcome = host.resolver(tmp_path).discover("example.test")
    assert outcome.no_policy is not None and outcome.no_policy.cause == "connect-failed"


def test_faults_of_this_machine_give_up_no_policy(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = start(response(BODY))
    finder = host.resolver(tmp_path)

    def exhausted(self: socket.socket, address: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as patch:
        # The name server is asked without a connection, the Policy Host with one.
        patch.setattr(socket.socket, "connect", exhausted)
        outcome = finder.discover("example.test")
    assert outcome.no_policy is not None
    assert (outcome.no_policy.reason, outcome.cache_update.kind) == ("local-fault", "keep")
    assert outcome.failure is None
    # As soon as there are files again, the host is asked.
    assert finder.discover("example.test").policy is not None


def test_lookups_at_the_same_time_are_one(start: Start, tmp_path: Path) -> None:
    gate = threading.Event()

    def wait(stream: ssl.SSLSocket) -> None:
        gate.wait(5)
        response(BODY)(stream)

    host = start(wait)
    finder = host.resolver(tmp_path)
    found: list[Any] = []
    threads = [threading.Thread(target=lambda: found.append(finder.discover("example.test"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    while not host.requests:
        time.sleep(0.01)
    gate.set()
    for thread in threads:
        thread.join()
    assert len(found) == 8 and len(host.requests) == 1
    assert all(outcome.policy == found[0].policy is not None for outcome in found)
    # Later ones find it in the cache.
    assert finder.discover("example.test").source == "cached"
    assert len(host.requests) == 1


def test_coroutines_at_the_same_time_are_one(start: Start, tmp_path: Path) -> None:
    host = start(response(BODY))
    host.resolver(tmp_path)
    options: dict[str, Any] = {
        "dns": "127.83.7.1:%d" % host.udp.getsockname()[1],
        "ca_file": tmp_path / "ca.pem",
        "https_port": host.listener.getsockname()[1],
    }

    async def discover() -> list[Any]:
        finder = aio.Resolver(**options)
        first = asyncio.create_task(finder.discover("example.test"))
        others = [asyncio.create_task(finder.discover("EXAMPLE.test")) for _ in range(7)]
        await asyncio.sleep(0)
        first.cancel()
        return await asyncio.gather(first, *others, return_exceptions=True)

    first, *others = asyncio.run(discover())
    assert isinstance(first, asyncio.CancelledError)
    assert all(outcome.policy is not None for outcome in others) and len(host.requests) == 1


def test_in_a_running_loop_the_resolver_of_threads_works_too(start: Start, tmp_path: Path) -> None:
    finder = start(response(BODY)).resolver(tmp_path)

    async def main() -> Any:
        return finder.discover("example.test")

    assert asyncio.run(main()).policy is not None


def stores(folder: Path) -> list[Any]:
    return [PolicyCache(), store.DirectoryStore(folder / "entries"), store.SqliteStore(folder / "entries.db")]


@pytest.mark.parametrize("index", range(3))
def test_stores_remember(start: Start, tmp_path: Path, index: int) -> None:
    host, kept = start(response(BODY)), stores(tmp_path)[index]
    assert kept.get("example.test", now=time.time()) is None
    assert host.resolver(tmp_path, store=kept).discover("example.test").policy is not None
    # Another process would open it anew.
    again = kept if index == 0 else stores(tmp_path)[index]
    entry = again.get("Example.test.", now=time.time())
    assert isinstance(entry, CacheEntry) and entry.policy is not None and entry.policy.id == "1"
    finder = host.resolver(tmp_path, store=again)
    assert finder.discover("example.test").source == "cached"
    assert finder.discover("example.test", purpose=Purpose.REFRESH).policy is not None
    assert len(host.requests) == 2
    if index > 0:
        assert [str(domain) for domain in again.domains()] == ["example.test"]


def test_what_is_no_entry_counts_as_absent(tmp_path: Path, caplog: Any) -> None:
    kept = store.DirectoryStore(tmp_path)
    (tmp_path / "example.test").write_bytes(b"mta-sts-entry 9\n")
    assert kept.get("example.test", now=0) is None
    assert "example.test" not in caplog.text and "unreadable" in caplog.text


@pytest.mark.parametrize("index", [1, 2])
def test_processes_share_a_store(tmp_path: Path, index: int) -> None:
    kept = stores(tmp_path)[index]
    work = (
        "import sys\n"
        "from mta_sts import CacheUpdate\n"
        "from mta_sts.store import *\n"
        f"kept = {kept!r}\n"
        "for step in range(20): kept.apply('example.test', CacheUpdate.back_off(sys.argv[1] + str(step % 2), "
        "requested_at=1, until=2_000_000_000), now=1)\n"
    )
    running = [subprocess.Popen([sys.executable, "-c", work, name]) for name in "abcd"]
    assert [process.wait(60) for process in running] == [0] * 4
    entry = kept.get("example.test", now=1)
    assert entry is not None and entry.back_offs
    if index == 1:
        assert sorted(path.name for path in (tmp_path / "entries").iterdir()) == [".lock", "example.test"]


def run_check(world: World, *arguments: str) -> subprocess.CompletedProcess[str]:
    options = [f"--{name.replace('_', '-')}={value}" for name, value in world.options.items()]
    command = [sys.executable, "-m", "mta_sts", "check", *options, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_check(world: World) -> None:
    fine = run_check(world, "--json", "user@healthy-enforce.test")
    seen = json.loads(fine.stdout)
    assert fine.returncode == 0 and seen["policy"]["mode"] == "enforce"
    assert seen["mx"] == [{"host": "mx.healthy-enforce.test", "covered": True, "skipped": False}]
    assert "mx.healthy-enforce.test: covered" in run_check(world, "healthy-enforce.test").stdout
    for domain, status, text in (
        ("no-mta-sts.test", 1, "none"),
        ("wildcard-too-deep.test", 1, "NOT covered"),
        ("policy-host-untrusted.test", 1, "not trusted"),
        ("dns-timeout.test", 75, "none"),
    ):
        ran = run_check(world, domain)
        assert (ran.returncode, ran.stderr) == (status, "") and text in ran.stdout, domain
    assert run_check(world, "not a domain").returncode == 2


@pytest.mark.parametrize("seconds", ["", "x", "0", "-1", "0.5", "nan", "inf", "601", "1e400"])
def test_check_refuses_a_limit_that_is_none(seconds: str) -> None:
    command = [sys.executable, "-m", "mta_sts", "check", "example.test", f"--timeout={seconds}"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 2 and ran.stdout == "" and "from 1 to 600" in ran.stderr


@pytest.mark.parametrize("silent", ["dns", "https"])
def test_check_ends_within_its_limit_whoever_is_silent(silent: str, start: Start, tmp_path: Path) -> None:
    hung = threading.Event()
    host = start(lambda stream: hung.wait(60) and None)
    if silent == "dns":
        host.answers_dns = False
    options = {name: value for name, value in host.options(tmp_path).items() if name in ("dns", "ca_file", "https_port")}
    command = [sys.executable, "-m", "mta_sts", "check", "example.test", "--timeout=1"]
    command += [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    text = subprocess.run(command, capture_output=True, text=True, timeout=60)
    seen = json.loads(subprocess.run([*command, "--json"], capture_output=True, text=True, timeout=60).stdout)
    hung.set()
    assert (text.returncode, text.stderr) == (75, "")
    assert "policy   not known: no answer within 1 s" in text.stdout
    assert seen["timed_out"] is True and "policy" not in seen and "no_policy" not in seen
    assert all(each["skipped"] for each in seen["mx"] or ()) and (seen["mx"] is None) is (silent == "dns")


def test_both_questions_of_a_check_have_its_limit(start: Start, tmp_path: Path) -> None:
    host = start(response(BODY))
    host.answers_dns = False
    asking = asked(aio.Resolver(**host.options(tmp_path, dns_timeout=600)), PolicyDomain.parse("example.test"), 1)
    assert asyncio.run(asyncio.wait_for(asking, 60)) == (None, None)
