"""Persistent stores for cache entries: a directory, or a SQLite database. Entries have the same text format in all
languages."""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import sys
import tempfile
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, Protocol

from ._core import CacheEntry, CacheUpdate, PolicyCache, PolicyDomain
from ._words import MtaStsError

__all__ = ["DirectoryStore", "SqliteStore", "Store"]

_log = logging.getLogger(__name__)


class Store(Protocol):
    """The protocol of a store for a resolver; a `PolicyCache` implements it.

    Two methods are optional. `due(*, now)` returns the domains whose policies are due for a refresh (see
    `CachedPolicy.refresh_at`). `peek` is `get` without counting as a use, so that a refresh does not count as one.
    """

    def get(self, domain: PolicyDomain | str, /, *, now: float | datetime) -> CacheEntry | None:
        """Returns the entry of a domain."""

    def apply(self, domain: PolicyDomain | str, update: CacheUpdate, /, *, now: float | datetime) -> object:
        """Applies the cache update of a lookup to the current entry, atomically."""


class _Kept(NamedTuple):
    """An entry as read, with the time of its last use, accurate to a day."""

    domain: PolicyDomain
    text: str
    used: float


class _Disk:
    """The common part of the stores on disk: refresh and eviction."""

    def __init__(self, max_entries: int) -> None:
        if isinstance(max_entries, bool) or not isinstance(max_entries, int):
            raise TypeError(f"max_entries must be an int, not {type(max_entries).__name__}")
        if max_entries < 1:
            raise ValueError(f"max_entries must be at least 1, not {max_entries}")
        self._max_entries = max_entries

    def due(self, *, now: float | datetime) -> list[PolicyDomain]:
        """Returns the domains whose policies are due for a refresh; used by `refresh_due()` of a resolver."""
        seconds, due = _seconds(now), []
        for kept in self._entries():
            in_use = kept.used + _UNUSED_FOR > seconds
            entry = _entry(kept.domain, kept.text) if in_use else None
            if entry is not None and (policy := entry.policy) is not None:
                # Each interpreter keys the hash of a str anew, so outsiders cannot predict when a domain is refreshed.
                refresh_at = policy.refresh_at(hash(str(kept.domain)), now=now)
                # If the clock has stepped back, the fetch lies in the future, and its policy would not be due for long.
                stepped_back = policy.fetched_at > seconds + _DAY
                if refresh_at is not None and (refresh_at <= seconds or stepped_back):
                    due.append((refresh_at, str(kept.domain), kept.domain))
        return [domain for _, _, domain in sorted(due)]

    def purge(self, *, now: float | datetime) -> int:
        """Removes the expired entries, and returns their number. Call it once a day.

        An unreadable entry is kept: a later version of this package may have written it.
        """
        return self._purge(self._max_entries, now)

    def _purge(self, room: int, now: float | datetime) -> int:
        # The eviction order of the cache decides which entries go.
        cache = PolicyCache(max_entries=room, max_octets=sys.maxsize)
        gone: set[PolicyDomain] = set()
        kept = self._entries()
        for each in kept:
            if (entry := _entry(each.domain, each.text)) is not None:
                gone.update(evicted.domain for evicted in cache.insert(each.domain, entry, now=now))
        while (evicted := cache.remove_expired(now=now)) is not None:
            gone.add(evicted.domain)
        return self._remove(each for each in kept if each.domain in gone)

    def _make_room(self, now: float | datetime) -> None:
        # An eighth at a time: to find the least valuable entries, all have to be read.
        self._purge(max(1, self._max_entries - 1 - self._max_entries // 8), now)

    def _entries(self) -> list[_Kept]:
        """Returns all entries, the least recently used first."""
        raise NotImplementedError

    def _remove(self, entries: Iterable[_Kept]) -> int:
        """Removes those that have not changed since they were read, and returns their number."""
        raise NotImplementedError


class DirectoryStore(_Disk):
    """A store with one file for each domain, in one directory. Any number of threads and processes may share it.

    >>> import tempfile
    >>> from mta_sts import CacheUpdate, CachedPolicy, Policy
    >>> store = DirectoryStore(tempfile.mkdtemp())
    >>> policy = Policy.parse("version: STSv1\nmode: testing\nmx: mx.example.com\nmax_age: 86400\n")
    >>> cached = CachedPolicy(policy, "1", 1_700_000_000)
    >>> store.apply("example.com", CacheUpdate.store(cached, checked_until=1_700_000_300), now=1_700_000_000)
    >>> store.get("Example.com", now=1_700_000_001).policy == cached
    True

    Files are replaced atomically. An unreadable entry counts as absent, and is logged. `max_entries`: the maximum number of
    domains; when the store is full, the least valuable eighth is evicted.

    Raises OSError if the directory does not exist and cannot be created.
    """

    def __init__(self, path: str | os.PathLike[str], /, *, max_entries: int = 65_536) -> None:
        super().__init__(max_entries)
        self._path = Path(path)
        self._path.mkdir(parents=True, exist_ok=True)

    def get(self, domain: PolicyDomain | str, /, *, now: float | datetime) -> CacheEntry | None:
        """Returns the entry of a domain. This counts as a use."""
        name, used = _parsed(domain), _seconds(now)
        entry = self._read(name)
        if entry is not None:
            # The modification time is that of the last use, accurate to a day. A read-only store still works.
            with contextlib.suppress(OSError):
                file = self._file(name)
                if file.stat().st_mtime + _DAY <= used:
                    os.utime(file, (used, used))
        return entry

    def peek(self, domain: PolicyDomain | str, /, *, now: float | datetime) -> CacheEntry | None:
        """The same as `get`, without counting as a use."""
        return self._read(_parsed(domain))

    def apply(self, domain: PolicyDomain | str, update: CacheUpdate, /, *, now: float | datetime) -> None:
        """Applies the cache update of a lookup."""
        name = _parsed(domain)
        with self._locked():
            entry = update.apply_to(self._read(name), now=now)
            if entry is None:
                self._file(name).unlink(missing_ok=True)
                return
            new = not self._file(name).exists()
            full = new and len(self._names()) >= self._max_entries
            self._replace(name, entry.to_text(name), now)
        if full:
            self._make_room(now)

    def domains(self) -> list[PolicyDomain]:
        """Returns the domains that have an entry."""
        return sorted(self._names())

    def purge(self, *, now: float | datetime) -> int:
        """Removes the expired entries, and returns their number. Call it once a day.

        An unreadable entry is kept: a later version of this package may have written it.
        """
        with self._locked():
            # Temporary files of processes that were killed.
            for path in self._path.glob(".*.new"):
                path.unlink(missing_ok=True)
        return super().purge(now=now)

    def _names(self) -> list[PolicyDomain]:
        names = []
        for file in os.scandir(self._path):
            with contextlib.suppress(MtaStsError):  # Not an entry.
                name = PolicyDomain.parse(file.name)
                if str(name) == file.name:
                    names.append(name)
        return names

    def _file(self, domain: PolicyDomain) -> Path:
        # A domain is a safe file name: it has only letters, digits, hyphens, underscores and dots, and no dot is first.
        return self._path / str(domain)

    def _read(self, domain: PolicyDomain) -> CacheEntry | None:
        try:
            return _entry(domain, self._file(domain).read_bytes())
        except FileNotFoundError:
            return None

    def _replace(self, domain: PolicyDomain, text: str, now: float | datetime) -> None:
        try:
            used = self._file(domain).stat().st_mtime
        except FileNotFoundError:
            used = _seconds(now)
        descriptor, temporary = tempfile.mkstemp(dir=self._path, prefix=".", suffix=".new")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(text.encode())
                file.flush()
                os.fsync(file.fileno())
            os.utime(temporary, (used, used))
            os.replace(temporary, self._file(domain))
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise

    def _entries(self) -> list[_Kept]:
        kept = []
        for name in self._names():
            with contextlib.suppress(OSError, UnicodeDecodeError):
                file = self._file(name)
                kept.append(_Kept(name, file.read_bytes().decode(), max(0, file.stat().st_mtime)))
        return sorted(kept, key=lambda each: each.used)

    def _remove(self, entries: Iterable[_Kept]) -> int:
        removed = 0
        with self._locked():
            for each in entries:
                with contextlib.suppress(FileNotFoundError):
                    if self._file(each.domain).read_bytes() == each.text.encode():
                        self._file(each.domain).unlink()
                        removed += 1
        return removed

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        with open(self._path / ".lock", "a+b") as file:
            _lock(file.fileno())
            # Closing the file releases the lock.
            yield

    def __repr__(self) -> str:
        return f"DirectoryStore({str(self._path)!r})"


class SqliteStore(_Disk):
    """A store with one row for each domain, in a SQLite database. Any number of threads and processes may share it.

    `max_entries`: the maximum number of domains; when the store is full, the least valuable eighth is evicted.

    Raises sqlite3.Error if the file cannot be opened, or is not a database.
    """

    def __init__(self, path: str | os.PathLike[str], /, *, max_entries: int = 65_536) -> None:
        super().__init__(max_entries)
        self._path = Path(path)
        with self._connected() as connection:
            connection.execute(
                "CREATE TABLE IF NOT EXISTS entry (domain TEXT PRIMARY KEY, text TEXT NOT NULL, used REAL NOT NULL)"
            )
            if _is_of_an_earlier_version(connection):
                # Only one of several processes alters the table.
                connection.execute("BEGIN IMMEDIATE")
                if _is_of_an_earlier_version(connection):
                    connection.execute("ALTER TABLE entry ADD COLUMN used REAL NOT NULL DEFAULT 0")
                connection.execute("COMMIT")

    def get(self, domain: PolicyDomain | str, /, *, now: float | datetime) -> CacheEntry | None:
        """Returns the entry of a domain. This counts as a use."""
        name, used = _parsed(domain), _seconds(now)
        with self._connected() as connection:
            entry = self._read(connection, name)
            if entry is not None:
                # A read-only store still works.
                with contextlib.suppress(sqlite3.OperationalError):
                    connection.execute(
                        "UPDATE entry SET used = ? WHERE domain = ? AND used <= ?", (used, str(name), used - _DAY)
                    )
            return entry

    def peek(self, domain: PolicyDomain | str, /, *, now: float | datetime) -> CacheEntry | None:
        """The same as `get`, without counting as a use."""
        with self._connected() as connection:
            return self._read(connection, _parsed(domain))

    def apply(self, domain: PolicyDomain | str, update: CacheUpdate, /, *, now: float | datetime) -> None:
        """Applies the cache update of a lookup."""
        name = _parsed(domain)
        with self._connected() as connection:
            # Locked before the read, so that no other update comes in between.
            connection.execute("BEGIN IMMEDIATE")
            entry = update.apply_to(self._read(connection, name), now=now)
            if entry is None:
                connection.execute("DELETE FROM entry WHERE domain = ?", (str(name),))
            else:
                connection.execute(
                    "INSERT INTO entry VALUES (?, ?, ?) ON CONFLICT (domain) DO UPDATE SET text = excluded.text",
                    (str(name), entry.to_text(name), _seconds(now)),
                )
            (count,) = connection.execute("SELECT COUNT(*) FROM entry").fetchone()
            connection.execute("COMMIT")
        if count > self._max_entries:
            self._make_room(now)

    def domains(self) -> list[PolicyDomain]:
        """Returns the domains that have an entry."""
        with self._connected() as connection:
            rows = connection.execute("SELECT domain FROM entry ORDER BY domain").fetchall()
        return [PolicyDomain.parse(domain) for (domain,) in rows]

    def _read(self, connection: sqlite3.Connection, domain: PolicyDomain) -> CacheEntry | None:
        row = connection.execute("SELECT text FROM entry WHERE domain = ?", (str(domain),)).fetchone()
        return None if row is None else _entry(domain, row[0])

    def _entries(self) -> list[_Kept]:
        with self._connected() as connection:
            rows = connection.execute("SELECT domain, text, used FROM entry ORDER BY used").fetchall()
        return [_Kept(PolicyDomain.parse(domain), text, used) for domain, text, used in rows]

    def _remove(self, entries: Iterable[_Kept]) -> int:
        removed = 0
        with self._connected() as connection:
            connection.execute("BEGIN IMMEDIATE")
            for each in entries:
                statement = "DELETE FROM entry WHERE domain = ? AND text = ?"
                removed += connection.execute(statement, (str(each.domain), each.text)).rowcount
            connection.execute("COMMIT")
        return removed

    @contextlib.contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        # The module begins no transactions of its own; closing the connection rolls back an open one.
        with contextlib.closing(sqlite3.connect(self._path, timeout=5, isolation_level=None)) as connection:
            yield connection

    def __repr__(self) -> str:
        return f"SqliteStore({str(self._path)!r})"


def _is_of_an_earlier_version(connection: sqlite3.Connection) -> bool:
    return all(column != "used" for _, column, *_ in connection.execute("PRAGMA table_info (entry)"))


_DAY = 86_400
_UNUSED_FOR = 180 * _DAY
"""A policy that is unused for this long is no longer refreshed, as in a `PolicyCache`."""


def _seconds(time: float | datetime) -> float:
    if isinstance(time, datetime):
        if time.tzinfo is None:
            raise ValueError("a datetime must be aware: it has no tzinfo")
        with contextlib.suppress(OverflowError):
            time = time.timestamp()
    if isinstance(time, bool) or not isinstance(time, (int, float)):
        raise TypeError(f"expected Unix seconds or a datetime, not {type(time).__name__}")
    if not 0 <= time < 2**63:
        raise ValueError("a time must be a number of seconds since 1970")
    return float(time)


def _parsed(domain: PolicyDomain | str) -> PolicyDomain:
    return domain if isinstance(domain, PolicyDomain) else PolicyDomain.parse(domain)


def _entry(domain: PolicyDomain, text: bytes | str) -> CacheEntry | None:
    try:
        return CacheEntry.parse(text, domain)
    except MtaStsError as error:
        _log.warning("an entry in the store is unreadable (%s, line %s) and counts as absent", error.code, error.line)
        _log.debug("the unreadable entry is that of %s", domain)
        return None


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        os.lseek(descriptor, 0, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_LOCK, 1)

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
