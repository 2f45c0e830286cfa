"""Stores that keep what was learnt: a directory, or a SQLite database. Each entry is the text that every language reads."""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Protocol

from ._core import CacheEntry, CacheUpdate, PolicyDomain
from ._values import MtaStsError

__all__ = ["DirectoryStore", "SqliteStore", "Store"]

_log = logging.getLogger(__name__)


class Store(Protocol):
    """What a resolver asks of a store; a `PolicyCache` is one."""

    def get(self, domain: PolicyDomain | str, /, *, now: float | datetime) -> CacheEntry | None:
        """What is remembered of a domain."""

    def apply(self, domain: PolicyDomain | str, update: CacheUpdate, /, *, now: float | datetime) -> object:
        """Remembers what a lookup came to, in one step with the entry that is there by now."""


class DirectoryStore:
    """A file for each domain, in one directory, for any number of threads and processes.

    >>> import tempfile
    >>> from mta_sts import CacheUpdate, CachedPolicy, Policy
    >>> store = DirectoryStore(tempfile.mkdtemp())
    >>> policy = Policy.parse("version: STSv1\\nmode: testing\\nmx: mx.example.com\\nmax_age: 86400\\n")
    >>> cached = CachedPolicy(policy, "1", 1_700_000_000)
    >>> store.apply("example.com", CacheUpdate.store(cached, checked_until=1_700_000_300), now=1_700_000_000)
    >>> store.get("Example.com", now=1_700_000_001).policy == cached
    True

    A file is replaced whole, so that nobody reads half of one. One that cannot be read as an entry counts
    as absent, and is told to the log.
    """

    def __init__(self, path: str | os.PathLike[str], /) -> None:
        self._path = Path(path)
        self._path.mkdir(parents=True, exist_ok=True)

    def get(self, domain: PolicyDomain | str, /, *, now: float | datetime) -> CacheEntry | None:
        """What is remembered of a domain."""
        return self._read(_parsed(domain))

    def apply(self, domain: PolicyDomain | str, update: CacheUpdate, /, *, now: float | datetime) -> None:
        """Remembers what a lookup came to."""
        name = _parsed(domain)
        with self._locked():
            entry = update.apply_to(self._read(name), now=now)
            if entry is None:
                self._file(name).unlink(missing_ok=True)
            else:
                self._replace(name, entry.to_text())

    def domains(self) -> list[PolicyDomain]:
        """The domains of which something is remembered."""
        names = (path.name for path in self._path.iterdir() if not path.name.startswith("."))
        return sorted(map(PolicyDomain.parse, names))

    def _file(self, domain: PolicyDomain) -> Path:
        # A domain is letters, digits, hyphens, underscores and single dots, none of them first.
        return self._path / str(domain)

    def _read(self, domain: PolicyDomain) -> CacheEntry | None:
        try:
            return _entry(domain, self._file(domain).read_bytes())
        except FileNotFoundError:
            return None

    def _replace(self, domain: PolicyDomain, text: str) -> None:
        descriptor, temporary = tempfile.mkstemp(dir=self._path, prefix=".")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(text.encode())
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, self._file(domain))
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        with open(self._path / ".lock", "a+b") as file:
            _lock(file.fileno())
            # Closing the file gives the lock back.
            yield

    def __repr__(self) -> str:
        return f"DirectoryStore({str(self._path)!r})"


class SqliteStore:
    """A row for each domain, in one SQLite database, for any number of threads and processes."""

    def __init__(self, path: str | os.PathLike[str], /) -> None:
        self._path = Path(path)
        with self._connected() as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS entry (domain TEXT PRIMARY KEY, text TEXT NOT NULL)")

    def get(self, domain: PolicyDomain | str, /, *, now: float | datetime) -> CacheEntry | None:
        """What is remembered of a domain."""
        with self._connected() as connection:
            return self._read(connection, _parsed(domain))

    def apply(self, domain: PolicyDomain | str, update: CacheUpdate, /, *, now: float | datetime) -> None:
        """Remembers what a lookup came to."""
        name = _parsed(domain)
        with self._connected() as connection:
            # The lock is taken before the read, so that no other update comes between.
            connection.execute("BEGIN IMMEDIATE")
            entry = update.apply_to(self._read(connection, name), now=now)
            if entry is None:
                connection.execute("DELETE FROM entry WHERE domain = ?", (str(name),))
            else:
                connection.execute("INSERT OR REPLACE INTO entry VALUES (?, ?)", (str(name), entry.to_text()))
            connection.execute("COMMIT")

    def domains(self) -> list[PolicyDomain]:
        """The domains of which something is remembered."""
        with self._connected() as connection:
            rows = connection.execute("SELECT domain FROM entry ORDER BY domain").fetchall()
        return [PolicyDomain.parse(domain) for (domain,) in rows]

    def _read(self, connection: sqlite3.Connection, domain: PolicyDomain) -> CacheEntry | None:
        row = connection.execute("SELECT text FROM entry WHERE domain = ?", (str(domain),)).fetchone()
        return None if row is None else _entry(domain, row[0])

    @contextlib.contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        # Without a transaction of the module's own; what is not committed at the close is undone.
        with contextlib.closing(sqlite3.connect(self._path, timeout=30, isolation_level=None)) as connection:
            yield connection

    def __repr__(self) -> str:
        return f"SqliteStore({str(self._path)!r})"


def _parsed(domain: PolicyDomain | str) -> PolicyDomain:
    return domain if isinstance(domain, PolicyDomain) else PolicyDomain.parse(domain)


def _entry(domain: PolicyDomain, text: bytes | str) -> CacheEntry | None:
    try:
        return CacheEntry.parse(text)
    except MtaStsError as error:
        _log.warning("an entry in the store is not readable (%s, line %s), and counts as absent", error.code, error.line)
        _log.debug("it is that of %s", domain)
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
