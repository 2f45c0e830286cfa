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
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest
import trustme
from conftest import World

from mta_sts import CacheEntry, LookupConfig, PolicyCache, Purpose, aio, resolver, store

BODY = b"version: STSv1\nmode: enforce\nmx: mx.example.test\nmax_age: 604800\n"


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


class Host:
    """A Policy Host and its DNS, which answer what a test wants; in 127/8, on ports of the system's choice."""

    def __init__(self, names: list[str], answer: Callable[[ssl.SSLSocket], None], *, bad_ca: bool = False) -> None:
        self.ca, other = trustme.CA(), trustme.CA()
        certificate = (other if bad_ca else self.ca).issue_cert(*names)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(self.context)
        self.answer = answer
        self.requests: list[bytes] = []
        self.names: list[str | None] = []
        self.connections = 0
        self.context.sni_callback = lambda _, name, __: self.names.append(name)
        self.listener = socket.create_server(("127.83.7.1", 0))
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.83.7.1", 0))
        self.questions: list[str] = []
        self.rcode = dns.rcode.NOERROR
        for serve in (self.serve_https, self.serve_dns):
            threading.Thread(target=serve, daemon=True).start()

    def serve_https(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.serve_one, args=(connection,), daemon=True).start()

    def serve_one(self, connection: socket.socket) -> None:
        try:
            with self.context.wrap_socket(connection, server_side=True) as stream:
                request = b""
                while b"\r\n\r\n" not in request:
                    if not (octets := stream.recv(4096)):
                        return
                    request += octets
                self.requests.append(request)
                self.answer(stream)
        except OSError:
            pass

    def serve_dns(self) -> None:
        while True:
            try:
                octets, peer = self.udp.recvfrom(4096)
            except OSError:
                return
            query = dns.message.from_wire(octets)
            (question,) = query.question
            self.questions.append(f"{question.name} {dns.rdatatype.to_text(question.rdtype)}")
            response = dns.message.make_response(query)
            response.flags |= dns.flags.RA
            response.set_rcode(self.rcode)
            data = {dns.rdatatype.TXT: '"v=STSv1; " "id=1;"', dns.rdatatype.A: "127.83.7.1"}.get(question.rdtype)
            if data and self.rcode == dns.rcode.NOERROR:
                response.answer.append(dns.rrset.from_text(question.name, 300, "IN", question.rdtype, data))
            self.udp.sendto(response.to_wire(), peer)

    def resolver(self, folder: Path, timeout: float = 5, **options: Any) -> resolver.Resolver:
        self.ca.cert_pem.write_to_path(str(folder / "ca.pem"))
        return resolver.Resolver(
            dns="127.83.7.1:%d" % self.udp.getsockname()[1],
            dns_timeout=1,
            ca_file=folder / "ca.pem",
            https_port=self.listener.getsockname()[1],
            config=LookupConfig(timeout=timeout),
            **options,
        )

    def close(self) -> None:
        self.listener.close()
        self.udp.close()


Start = Callable[..., Host]


@pytest.fixture
def start() -> Iterator[Start]:
    hosts: list[Host] = []

    def start(answer: Callable[[ssl.SSLSocket], None], names: str = "mta-sts.example.test", **options: Any) -> Host:
        hosts.append(Host([names], answer, **options))
        return hosts[-1]

    yield start
    for host in hosts:
        host.close()


def response(body: bytes, *fields: bytes, status: bytes = b"200 OK") -> Callable[[ssl.SSLSocket], None]:
    head = b"\r\n".join([b"HTTP/1.1 " + status, b"Content-Type: text/plain", *fields, b"", b""])
    length = b"Content-Length: %d\r\n" % len(body)
    whole = head.replace(b"Content-Type", length + b"Content-Type", 1) + body
    return lambda stream: stream.sendall(whole)


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
    assert finder.discover("example.test").applied.source == "cached"  # type: ignore[union-attr]
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
    assert finder.discover("example.test").applied.source == "cached"  # type: ignore[union-attr]
    assert finder.discover("example.test", purpose=Purpose.REFRESH).policy is not None
    assert len(host.requests) == 2
    if index > 0:
        assert [str(domain) for domain in again.domains()] == ["example.test"]


def test_what_is_no_entry_counts_as_absent(tmp_path: Path, caplog: Any) -> None:
    kept = store.DirectoryStore(tmp_path)
    (tmp_path / "example.test").write_bytes(b"mta-sts-entry 9\n")
    assert kept.get("example.test", now=0) is None
    assert "example.test" not in caplog.text and "not readable" in caplog.text


@pytest.mark.parametrize("index", [1, 2])
def test_processes_share_a_store(tmp_path: Path, index: int) -> None:
    kept = stores(tmp_path)[index]
    work = (
        "import sys\n"
        "from mta_sts import CacheUpdate\n"
        "from mta_sts.store import *\n"
        f"kept = {kept!r}\n"
        "for step in range(20): kept.apply('example.test', CacheUpdate.back_off(sys.argv[1] + str(step % 2), "
        "until=2_000_000_000), now=1)\n"
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
