"""The layer between a resolver and its store, so that no lookup fails because of its store."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import TypeVar

from ._core import CacheEntry, CacheUpdate, PolicyCache, PolicyDomain
from .store import Store

_log = logging.getLogger("mta_sts.store")

_T = TypeVar("_T")


class Keeper:
    """A store, with a fallback in memory for failed writes.

    A fault is logged once, and so is its end. Meanwhile unwritten entries are kept in memory, so that policies stay in
    force and back-offs are respected; the next update of a domain writes its entry.
    """

    def __init__(self, store: Store) -> None:
        for method in ("get", "apply"):
            if not callable(getattr(store, method, None)):
                raise TypeError(f"{type(store).__name__} is not a store: it has no {method}()")
        self._store = store
        self._unwritten = PolicyCache()
        self._works = True

    async def entry(self, domain: PolicyDomain, *, use: bool) -> CacheEntry | None:
        """Returns the entry of a domain."""
        now = time.time()
        unwritten = self._unwritten.get(domain, now=now)
        if unwritten is not None:
            return unwritten
        look = self._store.get if use else getattr(self._store, "peek", self._store.get)
        return await self._asked(lambda: look(domain, now=now), None)

    async def apply(self, domain: PolicyDomain, update: CacheUpdate, entry: CacheEntry | None) -> None:
        """Applies the cache update of a lookup that started from `entry`."""
        now = time.time()
        unwritten = self._unwritten.peek(domain, now=now)
        if update.kind == "keep" and unwritten is None:
            return

        def write() -> bool:
            if unwritten is not None and unwritten.policy is not None:
                store = CacheUpdate.store(unwritten.policy, checked_until=unwritten.checked_until)
                self._store.apply(domain, store, now=now)
            self._store.apply(domain, update, now=now)
            return True

        if await self._asked(write, False):
            self._unwritten.remove(domain)
            return
        if unwritten is None and entry is not None:
            self._unwritten.insert(domain, entry, now=now)
        self._unwritten.apply(domain, update, now=now)

    async def due(self) -> list[PolicyDomain]:
        """Returns the domains whose policies are due for a refresh."""
        now = time.time()
        if isinstance(self._store, PolicyCache):
            return _drained(self._store, now)
        due = getattr(self._store, "due", None)
        if due is None:
            raise TypeError(f"{type(self._store).__name__} does not tell what is due for a refresh: it has no due()")
        stored: list[PolicyDomain] = await self._asked(lambda: due(now=now), [])
        return list(dict.fromkeys(stored + _drained(self._unwritten, now)))

    async def _asked(self, operation: Callable[[], _T], otherwise: _T) -> _T:
        try:
            # A file would block the event loop; memory does not.
            in_memory = isinstance(self._store, PolicyCache)
            answer = operation() if in_memory else await asyncio.to_thread(operation)
        except Exception as error:
            if self._works:
                _log.warning("the store fails, so unwritten entries are kept in memory: %r", error)
            self._works = False
            return otherwise
        if not self._works:
            _log.warning("the store works again")
        self._works = True
        return answer


def _drained(cache: PolicyCache, now: float) -> list[PolicyDomain]:
    due = []
    while (domain := cache.poll_refresh(now=now)) is not None:
        due.append(domain)
    return due
