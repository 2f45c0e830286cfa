"""A policy resolver for threads. It requires the extra `mta-sts[resolver]`."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import weakref
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from os import PathLike
from typing import TYPE_CHECKING, Any, TypeVar

from . import _literals as literal
from . import aio
from ._core import DnsName, LookupConfig, PolicyDomain
from ._values import Outcome
from ._words import Purpose
from .store import Store

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Resolver"]

_T = TypeVar("_T")


class Resolver:
    """Discovers policies with dnspython and httpx, and caches them. It is thread-safe.

        with mta_sts.resolver.Resolver() as resolver:
            outcome = resolver.discover("example.com")

    The options are those of `mta_sts.aio.Resolver`. Concurrent lookups of one domain share one run, which continues if its
    callers are interrupted. Lookups run in a thread of the resolver, which starts with the first lookup and ends with
    `close()`; after a fork, the child starts its own.
    """

    def __init__(
        self,
        *,
        store: Store | None = None,
        dns: str | None = None,
        dns_timeout: float = 10.0,
        ca_file: str | PathLike[str] | None = None,
        https_port: int = 443,
        config: LookupConfig | None = None,
    ) -> None:
        self._coroutines = aio.Resolver(
            store=store, dns=dns, dns_timeout=dns_timeout, ca_file=ca_file, https_port=https_port, config=config
        )
        self.store, self.network = self._coroutines.store, self._coroutines.network
        self._lock = threading.Lock()
        self._loop: _Loop | None = None
        self._closed = False
        _RESOLVERS.add(self)

    def discover(
        self,
        domain: PolicyDomain | str,
        /,
        *,
        purpose: Purpose | literal.Purpose = Purpose.DELIVER,
        timeout: float | None = None,
    ) -> Outcome:
        """Returns the policy of the domain, or the reason why none applies.

        `timeout`: the total time to wait, in seconds. Without it, the limits of DNS and HTTPS apply: 70 seconds by default.

        Raises MtaStsError for an invalid domain, and TimeoutError after `timeout`: whether a policy applies is then unknown, so
        keep the message and try again. The lookup continues, and a later call gets its result. Failures of DNS and HTTPS are
        part of the outcome.
        """
        return self._run(self._coroutines.discover, domain, purpose=purpose, timeout=timeout)

    def refresh_due(self, *, at_once: int = 8) -> list[tuple[PolicyDomain, Outcome]]:
        """Fetches each policy again that is due for a refresh, and returns the outcomes, whose `alert` is for the administrator.

        A policy must be fetched again while the old one is still in force (RFC 8461, 10.2). Call this every few minutes. A
        policy is due after a day, or after half its `max_age` if that is less; a domain that was not used for 180 days is no
        longer refreshed. `at_once`: the number of concurrent lookups.

        Raises TypeError if the store cannot say what is due.
        """
        return self._run(self._coroutines.refresh_due, at_once=at_once)

    def mx_hosts(self, domain: PolicyDomain | str, /) -> list[str]:
        """Returns the MX hosts in order: the domain itself if it has no MX record, and none if it accepts no mail.

        Raises MtaStsError for an invalid domain, and `dns.exception.DNSException` if DNS fails.
        """
        return self._run(self._coroutines.mx_hosts, domain)

    def addresses(self, host: DnsName | str, /) -> list[str]:
        """Returns the addresses of a host, IPv6 first.

        Raises MtaStsError for an invalid host name, and `dns.exception.DNSException` if DNS fails.
        """
        return self._run(self._coroutines.addresses, host)

    def close(self) -> None:
        """Cancels the running lookups, ends the thread, and accepts no further lookups."""
        with self._lock:
            self._closed, loop, self._loop = True, self._loop, None
        if loop is not None:
            loop.run(self._coroutines.aclose())
            loop.end()
            loop.thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _run(self, work: Callable[..., Coroutine[Any, Any, _T]], *arguments: Any, **options: Any) -> _T:
        with self._lock:
            if self._closed:
                raise RuntimeError("the resolver is closed")
            if self._loop is None:
                self._loop = _Loop()
                weakref.finalize(self, self._loop.end)
            loop = self._loop
        return loop.run(work(*arguments, **options))

    def _after_fork_in_child(self) -> None:
        # The holder of the lock and the thread of the loop exist only in the parent.
        self._lock = threading.Lock()
        if self._loop is not None:
            _PARENTS.append(self._loop)
        self._loop = None
        self._coroutines.forget_running()


class _Loop:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self._process = os.getpid()
        started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()
        # A daemon thread, so that the program can end while a Policy Host does not answer.
        self.thread = threading.Thread(
            target=lambda: asyncio.run(_until_stopped(started)), name="mta_sts.resolver", daemon=True
        )
        self.thread.start()
        self._loop, self._stop = started.result()

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Runs the coroutine in the loop, and waits for its result. If the wait is interrupted, the coroutine is cancelled."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def end(self) -> None:
        """Cancels the running tasks, and closes the loop."""
        if os.getpid() == self._process:
            with contextlib.suppress(RuntimeError):  # Already closed.
                self._loop.call_soon_threadsafe(self._stop.set)


async def _until_stopped(started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]]) -> None:
    stop = asyncio.Event()
    started.set_result((asyncio.get_running_loop(), stop))
    await stop.wait()


_RESOLVERS: weakref.WeakSet[Resolver] = weakref.WeakSet()

_PARENTS: list[_Loop] = []
"""Loops of the parent, kept open: closing one here would remove its sockets from the parent's epoll instance, which is
shared."""


def _after_fork_in_child() -> None:
    for resolver in list(_RESOLVERS):
        resolver._after_fork_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
