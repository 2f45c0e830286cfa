"""Resolvers and stores when something goes wrong around them, and over months."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import pickle
import signal
import socket
import sqlite3
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from host import BODY, Start, response

from mta_sts import CachedPolicy, CacheEntry, CacheUpdate, MtaStsError, Policy, PolicyCache, aio
from mta_sts.resolver import Resolver
from mta_sts.store import DirectoryStore, SqliteStore

POLICY = Policy.parse(BODY)
NOW = 1_700_000_000
DAY = 86_400


def slow(gate: threading.Event) -> Callable[[ssl.SSLSocket], None]:
    def answer(stream: ssl.SSLSocket) -> None:
        gate.wait(20)
        response(BODY)(stream)

    return answer


def until(condition: Callable[[], Any]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork() here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_looks_up_though_the_parent_was_about_to(start: Start, tmp_path: Path) -> None:
    gate = threading.Event()
    host = start(slow(gate))
    finder = host.resolver(tmp_path, timeout=20)
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(finder.discover("example.test")))
    thread.start()
    until(lambda: host.requests)
    if (child := os.fork()) == 0:
        status = 1
        try:
            signal.alarm(30)
            status = 0 if finder.discover("example.test").policy == POLICY else 2
        finally:
            os._exit(status)
    until(lambda: len(host.requests) == 2)
    gate.set()
    assert os.waitpid(child, 0)[1] == 0
    thread.join()
    assert found[0].policy == POLICY
    # What the child did to its copy has not stopped the parent's loop.
    assert finder.discover("example.test").policy == POLICY
    finder.close()


@pytest.fixture
def interruptible() -> Iterator[None]:
    """SIGINT interrupts, also where a shell that runs the tests in the background has had it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupted_thread_interrupts_no_other(start: Start, tmp_path: Path) -> None:
    gate = threading.Event()
    host = start(slow(gate))
    finder = host.resolver(tmp_path, timeout=20)
    found: list[Any] = []

    def interrupt() -> None:
        until(lambda: host.requests)
        followers = [threading.Thread(target=lambda: found.append(finder.discover("example.test"))) for _ in range(3)]
        for follower in followers:
            follower.start()
        time.sleep(0.1)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        gate.set()
        for follower in followers:
            follower.join()

    helper = threading.Thread(target=interrupt)
    helper.start()
    with pytest.raises(KeyboardInterrupt):
        finder.discover("example.test")
    helper.join()
    assert [outcome.policy for outcome in found] == [POLICY] * 3 and len(host.requests) == 1
    finder.close()


def test_coroutines_take_over_a_lookup_that_is_cancelled(start: Start, tmp_path: Path) -> None:
    gate = threading.Event()
    host = start(slow(gate))

    async def main() -> Any:
        async with aio.Resolver(**host.options(tmp_path)) as finder:
            waiting = [asyncio.create_task(finder.discover("example.test")) for _ in range(3)]
            while not host.requests:
                await asyncio.sleep(0.01)
            for task in asyncio.all_tasks() - {asyncio.current_task(), *waiting}:
                task.cancel()
            gate.set()
            return await asyncio.gather(*waiting)

    assert [outcome.policy for outcome in asyncio.run(main())] == [POLICY] * 3


def test_the_time_of_a_call_is_bounded_and_the_lookup_goes_on(start: Start, tmp_path: Path) -> None:
    gate = threading.Event()
    host = start(slow(gate))
    with host.resolver(tmp_path, timeout=20) as finder:
        with pytest.raises(TimeoutError):
            finder.discover("example.test", timeout=0.2)
        gate.set()
        assert finder.discover("example.test", timeout=20).policy == POLICY
    assert len(host.requests) == 1


def test_lookups_that_nobody_waits_for_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aio, "MAX_UNAWAITED", 3)

    async def main(port: int) -> int:
        async with aio.Resolver(dns=f"127.0.0.1:{port}", dns_timeout=20) as finder:
            calls = [finder.discover(f"a{index}.test", timeout=0.2) for index in range(8)]
            assert {type(each) for each in await asyncio.gather(*calls, return_exceptions=True)} == {TimeoutError}
            await asyncio.sleep(0.1)
            return len(asyncio.all_tasks() - {asyncio.current_task()})

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        # Before Python 3.12 a deadline has a task of its own.
        assert 3 <= asyncio.run(main(silent.getsockname()[1])) <= 6


def descriptors() -> set[str]:
    return {os.readlink(path) for path in Path("/proc/self/fd").iterdir() if path.exists()}


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells which descriptors are open")
def test_a_closed_resolver_leaves_nothing_behind(start: Start, tmp_path: Path) -> None:
    host = start(slow(threading.Event()))
    before, threads = descriptors(), set(threading.enumerate())

    async def main() -> None:
        async with aio.Resolver(**host.options(tmp_path, timeout=20, store=SqliteStore(tmp_path / "db"))) as finder:
            waiting = asyncio.create_task(finder.discover("example.test"))
            while not host.requests:
                await asyncio.sleep(0.01)
        with pytest.raises(RuntimeError, match="closed"):
            await waiting
        assert asyncio.all_tasks() == {asyncio.current_task()}
        with pytest.raises(RuntimeError, match="closed"):
            await finder.discover("example.test")

    asyncio.run(main())
    finder = host.resolver(tmp_path, timeout=20)
    with pytest.raises(TimeoutError):
        finder.discover("example.test", timeout=0.2)
    finder.close()
    finder.close()
    with pytest.raises(RuntimeError, match="closed"):
        finder.discover("example.test")

    mine = {thread for thread in set(threading.enumerate()) - threads if thread.name.startswith(("mta_sts", "asyncio"))}
    assert not mine
    until(lambda: not [name for name in descriptors() - before if "socket" in name or "eventpoll" in name])


def test_a_loop_that_was_closed_poisons_no_domain(start: Start, tmp_path: Path) -> None:
    gate = threading.Event()
    host = start(slow(gate))
    finder = aio.Resolver(**host.options(tmp_path, timeout=20))
    loop = asyncio.new_event_loop()
    task = loop.create_task(finder.discover("example.test"))
    loop.run_until_complete(asyncio.sleep(0.1))
    loop.close()
    gate.set()
    assert asyncio.run(finder.discover("example.test", timeout=20)).policy == POLICY
    # Nobody will end them, and asyncio would complain of that.
    for left in {*asyncio.all_tasks(loop), task}:
        setattr(left, "_log_destroy_pending", False)


def test_outcomes_can_be_pickled(start: Start, tmp_path: Path) -> None:
    with start(response(BODY)).resolver(tmp_path) as finder:
        outcome = finder.discover("example.test")
        assert pickle.loads(pickle.dumps(outcome)) == outcome
        cached = finder.discover("example.test")
        assert pickle.loads(pickle.dumps(cached)) == cached


class Broken:
    """A store of somebody else's, which fails while it should."""

    def __init__(self) -> None:
        self.kept, self.fails = PolicyCache(), True

    def get(self, domain: Any, /, *, now: Any) -> CacheEntry | None:
        if self.fails:
            raise ConnectionError("the server is gone")
        return self.kept.get(domain, now=now)

    def apply(self, domain: Any, update: CacheUpdate, /, *, now: Any) -> None:
        if self.fails:
            raise ConnectionError("the server is gone")
        self.kept.apply(domain, update, now=now)


def test_a_lost_store_costs_no_answer(start: Start, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "mta_sts")
    host, broken = start(response(BODY)), Broken()
    with host.resolver(tmp_path, store=broken) as finder:
        assert finder.discover("example.test").policy == POLICY
        # The policy protects, and its host is not asked for each message.
        assert finder.discover("example.test").source == "cached"
        assert len(host.requests) == 1
        assert [record.name for record in caplog.records] == ["mta_sts.store"] and "example" not in caplog.text
        broken.fails = False
        finder.discover("example.test")
        assert "works again" in caplog.text
        entry = broken.kept.get("example.test", now=time.time())
        assert entry is not None and entry.policy is not None and entry.policy.policy == POLICY


def damaged_file(path: Path) -> Any:
    store = SqliteStore(path / "db")
    (path / "db").write_bytes(b"no database at all, but long enough to be looked at" * 100)
    return store


def no_directory(path: Path) -> Any:
    store = DirectoryStore(path / "entries")
    (path / "entries").rmdir()
    (path / "entries").write_bytes(b"")
    return store


def a_directory_for_a_file(path: Path) -> Any:
    (path / "entries" / "example.test").mkdir(parents=True)
    return DirectoryStore(path / "entries")


@pytest.mark.parametrize("broken", [damaged_file, no_directory, a_directory_for_a_file])
def test_a_fault_on_disk_costs_no_answer(
    start: Start, tmp_path: Path, caplog: pytest.LogCaptureFixture, broken: Callable[[Path], Any]
) -> None:
    with start(response(BODY)).resolver(tmp_path, store=broken(tmp_path)) as finder:
        assert finder.discover("example.test").policy == POLICY
        assert finder.discover("example.test").policy == POLICY
    assert "the store fails" in caplog.text


def test_a_file_of_an_earlier_version_keeps_its_entries(tmp_path: Path) -> None:
    text = CacheUpdate.store(CachedPolicy(POLICY, "1", NOW), checked_until=NOW).apply_to(None, now=NOW)
    assert text is not None
    with contextlib.closing(sqlite3.connect(tmp_path / "db")) as connection, connection:
        connection.execute("CREATE TABLE entry (domain TEXT PRIMARY KEY, text TEXT NOT NULL)")
        # That version named no domain in its text.
        written = text.to_text("example.test").replace("entry 2\ndomain: example.test\n", "entry 1\n")
        connection.execute("INSERT INTO entry VALUES (?, ?)", ("example.test", written))
    assert SqliteStore(tmp_path / "db").get("example.test", now=NOW) == text
    store = SqliteStore(tmp_path / "db")
    assert store.get("example.test", now=NOW) == text
    store.apply("other.test", CacheUpdate.store(CachedPolicy(POLICY, "1", NOW), checked_until=NOW), now=NOW)
    assert [str(domain) for domain in store.domains()] == ["example.test", "other.test"]


def disk_stores(folder: Path, **options: Any) -> list[Any]:
    return [DirectoryStore(folder / "entries", **options), SqliteStore(folder / "db", **options)]


def stored(fetched_at: int, max_age: int = 604_800, mode: str = "enforce") -> CacheUpdate:
    policy = Policy.parse(f"version: STSv1\nmode: {mode}\nmx: mx.example.test\nmax_age: {max_age}\n")
    return CacheUpdate.store(CachedPolicy(policy, "1", fetched_at), checked_until=fetched_at + 300)


@pytest.mark.parametrize("index", range(2))
def test_what_is_due_is_refreshed_before_it_expires(start: Start, tmp_path: Path, index: int) -> None:
    host, kept = start(response(BODY)), disk_stores(tmp_path)[index]
    now = int(time.time())
    kept.apply("example.test", stored(now - 2 * DAY, 3 * DAY), now=now - 2 * DAY)
    kept.apply("fresh.test", stored(now), now=now)
    kept.apply("lapsed.test", stored(now - 2 * DAY, DAY), now=now - 2 * DAY)
    kept.apply("absent.test", CacheUpdate.absent("no-record", until=now + 300), now=now)
    assert [str(domain) for domain in kept.due(now=now)] == ["example.test"]
    with host.resolver(tmp_path, store=kept) as finder:
        ((domain, outcome),) = finder.refresh_due()
        assert str(domain) == "example.test" and outcome.policy == POLICY
        assert finder.refresh_due() == []
    assert kept.get("example.test", now=now).policy.fetched_at >= now
    # A domain that nobody asks about any more is not refreshed for ever.
    kept.apply("example.test", stored(now + 300 * DAY), now=now + 300 * DAY)
    assert kept.due(now=now + 302 * DAY) == []
    kept.get("example.test", now=now + 301 * DAY)
    assert [str(domain) for domain in kept.due(now=now + 302 * DAY)] == ["example.test"]
    # The clock has stepped back: what was fetched before lies in the future, and does not wait for it.
    assert {str(domain) for domain in kept.due(now=now - 40 * DAY)} == {"example.test", "fresh.test", "lapsed.test"}


def test_memory_is_refreshed_by_either_resolver(start: Start, tmp_path: Path) -> None:
    host, kept = start(response(BODY)), PolicyCache()
    now = int(time.time())
    kept.apply("example.test", stored(now - 2 * DAY, 3 * DAY), now=now)
    with host.resolver(tmp_path, store=kept) as finder:
        assert [str(domain) for domain, _ in finder.refresh_due()] == ["example.test"]
    kept.apply("other.test", CacheUpdate.absent("no-record", until=now + 300), now=now)
    assert kept.purge(now=now + DAY) == 1 and len(kept) == 1

    async def main() -> list[Any]:
        async with aio.Resolver(**host.options(tmp_path, store=Broken())) as finder:
            return await finder.refresh_due()

    with pytest.raises(TypeError, match="due"):
        asyncio.run(main())


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("index", range(2))
def test_an_answer_that_is_held_back_gives_way_to_what_was_stored_meanwhile(
    start: Start, tmp_path: Path, index: int, fails: bool
) -> None:
    gate = threading.Event()
    host = start((lambda _: gate.wait(20)) if fails else slow(gate))
    ours, theirs = disk_stores(tmp_path)[index], disk_stores(tmp_path)[index]
    newer = Policy.parse("version: STSv1\nmode: enforce\nmx: new.example.test\nmax_age: 86400\n")
    with host.resolver(tmp_path, store=ours) as finder:
        found: list[Any] = []
        thread = threading.Thread(target=lambda: found.append(finder.discover("example.test")))
        thread.start()
        until(lambda: host.requests)
        # Asked for in a later second, under the id that the record still has.
        time.sleep(1.1)
        now = time.time()
        theirs.apply("example.test", CacheUpdate.store(CachedPolicy(newer, "1", now), checked_until=now + 300), now=now)
        gate.set()
        thread.join()
        assert found[0].policy == newer and found[0].cache_update.kind == ("back-off" if fails else "store")
        assert (found[0].failure is not None) == fails
        entry = theirs.get("example.test", now=time.time())
        assert entry.policy.policy == newer and not entry.back_offs and entry.fetch_failures == 0
        assert finder.discover("example.test").policy == newer
    assert len(host.requests) == 1


@pytest.mark.parametrize("index", range(2))
def test_an_entry_that_is_put_under_another_domain_counts_as_absent(tmp_path: Path, index: int) -> None:
    kept = disk_stores(tmp_path)[index]
    kept.apply("evil.test", stored(NOW), now=NOW)
    entry = kept.peek("evil.test", now=NOW)
    assert entry is not None and CacheEntry.parse(entry.to_text("Evil.TEST."), "evil.test") == entry
    text = entry.to_text("evil.test")
    assert text.startswith("mta-sts-entry 2\ndomain: evil.test\n")
    with pytest.raises(MtaStsError) as refused:
        CacheEntry.parse(text, "bank.test")
    assert refused.value.code == "entry-of-other-domain"
    if index == 0:
        (tmp_path / "entries" / "bank.test").write_text(text)
    else:
        with contextlib.closing(sqlite3.connect(tmp_path / "db")) as connection, connection:
            connection.execute("INSERT INTO entry VALUES ('bank.test', ?, 0)", (text,))
    assert kept.peek("evil.test", now=NOW) == entry and kept.peek("bank.test", now=NOW) is None


@pytest.mark.parametrize("index", range(2))
def test_stores_are_purged(tmp_path: Path, index: int) -> None:
    kept = disk_stores(tmp_path)[index]
    kept.apply("valid.test", stored(NOW), now=NOW)
    kept.apply("lapsed.test", stored(NOW, 3_600), now=NOW)
    kept.apply("absent.test", CacheUpdate.absent("no-record", until=NOW + 300), now=NOW)
    if index == 0:
        (tmp_path / "entries" / "newer.test").write_bytes(b"mta-sts-entry 9\n")
        (tmp_path / "entries" / "README").write_bytes(b"what an administrator has written\n")
        (tmp_path / "entries" / ".abc.new").write_bytes(b"half")
    assert kept.purge(now=NOW + DAY) == 2
    assert "valid.test" in map(str, kept.domains()) and "lapsed.test" not in map(str, kept.domains())
    if index == 0:
        left = sorted(path.name for path in (tmp_path / "entries").iterdir())
        assert left == [".lock", "README", "newer.test", "valid.test"]


@pytest.mark.parametrize("index", range(2))
def test_stores_are_bounded_and_what_enforces_goes_last(tmp_path: Path, index: int) -> None:
    kept = disk_stores(tmp_path, max_entries=16)[index]
    for number in range(8):
        kept.apply(f"bank{number}.test", stored(NOW), now=NOW + number)
    for number in range(60):
        kept.apply(f"made-up{number}.test", CacheUpdate.absent("no-record", until=NOW + DAY), now=NOW + 100 + number)
        assert len(kept.domains()) <= 16
    names = list(map(str, kept.domains()))
    assert [name for name in names if name.startswith("bank")] == [f"bank{number}.test" for number in range(8)]
    assert "made-up59.test" in names


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root writes everywhere")
def test_a_store_that_can_only_be_read_is_read(start: Start, tmp_path: Path) -> None:
    for kept in disk_stores(tmp_path):
        kept.apply("example.test", stored(NOW), now=NOW)
    (tmp_path / "db").chmod(0o400)
    (tmp_path / "entries").chmod(0o500)
    for kept in disk_stores(tmp_path):
        assert kept.get("example.test", now=NOW + 2 * DAY) is not None
    (tmp_path / "entries").chmod(0o700)


