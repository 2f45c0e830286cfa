"""The examples, in the loopback world."""

from __future__ import annotations

import asyncio
import csv
import io
import smtplib
import subprocess
import sys
import threading
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from conftest import World

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
sys.path.insert(0, str(EXAMPLES))

import audit  # noqa: E402
import relay  # noqa: E402
from aiosmtpd.smtp import SMTP  # noqa: E402

from mta_sts import LookupConfig, PolicyFailure, TlsrptRow  # noqa: E402
from mta_sts.aio import Resolver  # noqa: E402


T = TypeVar("T")


class Running:
    """The relay, on a port of its own, and what it reports."""

    def __init__(self, world: World) -> None:
        self.rows: list[dict[str, Any]] = []
        options = world.options | {"dns_timeout": 2.0, "config": LookupConfig(timeout=5)}
        self.resolver = Resolver(**options)
        handler = relay.Relay(self.resolver, self.report, smtp_port=world.about["smtp_port"])
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        # aiosmtpd's own Controller cannot be given port 0.
        self.server = self.run(self.loop.create_server(lambda: SMTP(handler), "127.0.0.1", 0))
        self.port: int = self.server.sockets[0].getsockname()[1]

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)

    def report(self, domain: str, host: str | None, row: TlsrptRow | PolicyFailure) -> None:
        if row.result_type is not None:
            kind = row.policy_type.value if isinstance(row, TlsrptRow) else "sts"
            self.rows.append({"policy_type": kind, "result_type": row.result_type.value, "mx": host})


@pytest.fixture(scope="module")
def running(world: World) -> Iterator[Running]:
    running = Running(world)
    yield running
    running.server.close()
    running.loop.call_soon_threadsafe(running.loop.stop)


def names() -> list[str]:
    """Those of the world; that none is missing here is asserted."""
    known = (
        "healthy-enforce no-mta-sts wildcard cname starttls-stripped mx-spoofed unlisted-mx-listed-certificate "
        "wildcard-too-deep certificate-expired certificate-other-name untrusted-ca second-mx testing-fault mode-none "
        "tls-required-no policy-host-down policy-redirect policy-invalid policy-host-untrusted several-records "
        "dns-timeout txt-suppressed txt-servfail new-id-fetch-fails"
    )
    return [str(name) for name in known.split()]


def test_every_scenario_is_relayed(world: World) -> None:
    assert {scenario["name"] for scenario in world.about["scenarios"]} == set(names())


@pytest.mark.parametrize("name", names())
def test_relay(world: World, running: Running, name: str) -> None:
    scenario = next(each for each in world.about["scenarios"] if each["name"] == name)
    expected = scenario["expected"]["mta_sts"]
    if scenario["needs_cached_policy"]:
        world.command(command="switch", scenario=name, state="calm")
        running.run(running.resolver.discover(scenario["domain"]))
        world.command(command="switch", scenario=name, state="attack")
    running.rows.clear()
    field = "TLS-Required: No\r\n" if scenario["tls_required_no"] else ""
    message = f"Message-ID: <relay-{name}@sender.test>\r\n{field}Subject: hello\r\n\r\nHello.\r\n"
    with smtplib.SMTP("127.0.0.1", running.port, timeout=60) as client:
        try:
            client.sendmail("sender@sender.test", [scenario["recipient"]], message)
            result = "delivered"
        except smtplib.SMTPDataError as error:
            assert error.smtp_code == 451
            result = "deferred"

    arrived = [
        (session, transaction)
        for session in world.command(command="seen")["seen"]["smtp"]
        for transaction in session["transactions"]
        if f"<relay-{name}@" in (transaction["message"] or "")
    ]
    wanted = expected["delivery"]
    assert result == wanted["result"]
    assert len(arrived) == (1 if result == "delivered" else 0)
    for session, transaction in arrived:
        assert transaction["read_by"] == wanted["read_by"]
        assert transaction["over_tls"] == (wanted["channel"] != "clear")
    # Within the TTL of its last answer a sender does not ask again, and so does not see that it changed.
    reports = [
        {key: report[key] for key in ("policy_type", "result_type", "mx")}
        for report in expected["reports"]
        if not (scenario["needs_cached_policy"] and report["result_type"] == "sts-policy-fetch-error")
    ]
    rows = [
        row
        for row in running.rows
        if not (scenario["needs_cached_policy"] and row["result_type"] == "sts-policy-fetch-error")
    ]
    assert rows == reports


def arrived_for(world: World, message_id: str) -> list[str]:
    return [
        transaction["recipients"][0]
        for session in world.command(command="seen")["seen"]["smtp"]
        for transaction in session["transactions"]
        if message_id in (transaction["message"] or "")
    ]


def test_each_recipient_has_an_answer_of_its_own(world: World, running: Running) -> None:
    waiting = ["a@healthy-enforce.test", "nobody@bad_.-name.test", "b@healthy-enforce.test", "c@dns-timeout.test", "d@wildcard.test"]
    message = "Message-ID: <relay-many@sender.test>\r\nSubject: hello\r\n\r\nHello.\r\n"
    gone: dict[str, int] = {}
    with smtplib.SMTP("127.0.0.1", running.port, timeout=60) as client:
        # As a queue does: what was refused for a time is tried again, and nothing else.
        for _ in range(6):
            tried, waiting = waiting, []
            if not tried:
                break
            try:
                refused = client.sendmail("sender@sender.test", tried, message)
                gone |= {each: 250 for each in tried if each not in refused}
            except smtplib.SMTPDataError as error:
                # One recipient was taken; the others have not been told of.
                assert error.smtp_code == 451
                gone[tried[0]] = 451
                waiting = tried[1:]
                continue
            except smtplib.SMTPRecipientsRefused as error:
                refused = error.recipients
            for recipient, (code, _) in refused.items():
                if code == 452:
                    waiting.append(recipient)
                else:
                    gone[recipient] = code
    assert gone == {
        "a@healthy-enforce.test": 250,
        "nobody@bad_.-name.test": 553,
        "b@healthy-enforce.test": 250,
        "c@dns-timeout.test": 451,
        "d@wildcard.test": 250,
    }
    assert len(arrived_for(world, "<relay-many@")) == 3


def test_audit_knows_the_id_of_a_cached_policy_too(world: World) -> None:
    async def main() -> list[list[str | int | None]]:
        async with Resolver(**world.options) as resolver:
            return [await audit.audit(resolver, "healthy-enforce.test") for _ in range(2)]

    first, second = asyncio.run(main())
    assert first == second and first[3]


def test_audit(world: World) -> None:
    domains = "healthy-enforce.test\nmode-none.test\n\nno-mta-sts.test\nwildcard-too-deep.test\nnot a domain\n"
    options = [f"--{name.replace('_', '-')}={value}" for name, value in world.options.items()]
    command = [sys.executable, str(EXAMPLES / "audit.py"), *options]
    ran = subprocess.run(command, input=domains, capture_output=True, text=True, check=True, timeout=60)
    rows = {row["domain"]: row for row in csv.DictReader(io.StringIO(ran.stdout))}
    assert list(rows) == domains.split("\n\n")[0].split() + domains.split("\n\n")[1].splitlines()
    assert rows["healthy-enforce.test"]["mode"] == "enforce" and not rows["healthy-enforce.test"]["uncovered_mx"]
    assert rows["mode-none.test"]["mode"] == "none"
    assert rows["no-mta-sts.test"]["fault"] == "no-record"
    assert rows["wildcard-too-deep.test"]["uncovered_mx"] == "mx.deep.wildcard-too-deep.test"
    assert rows["not a domain"]["fault"]


def test_the_socketmap_server_is_under_60_lines() -> None:
    assert len((EXAMPLES / "postfix_socketmap.py").read_text("utf-8").splitlines()) < 60


def test_socketmap_answers(world: World) -> None:
    import postfix_socketmap

    async def ask(*requests: bytes) -> bytes:
        resolver = Resolver(**world.options, dns_timeout=1)
        server = await asyncio.start_server(
            lambda *streams: postfix_socketmap.serve(resolver, *streams), "127.0.0.1", 0, limit=1000
        )
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
            writer.write(b"".join(requests))
            writer.write_eof()
            answers = await reader.read()
            writer.close()
        return answers

    def netstring(text: bytes) -> bytes:
        return b"%d:%s," % (len(text), text)

    assert asyncio.run(ask(netstring(b"mta-sts healthy-enforce.test"), netstring(b"mta-sts no-mta-sts.test"))) == (
        netstring(b"OK secure match=mx.healthy-enforce.test servername=hostname") + netstring(b"NOTFOUND ")
    )
    assert asyncio.run(ask(netstring(b"mta-sts [relay.test]:587"))) == netstring(b"NOTFOUND ")
    assert asyncio.run(ask(netstring(b"mta-sts dns-timeout.test"))).partition(b":")[2].startswith(b"TEMP ")
    assert asyncio.run(ask(b"nonsense:")) == b""
