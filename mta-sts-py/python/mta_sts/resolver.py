"""Policies of domains, for threads. Needs the extra `mta-sts[resolver]`."""

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
    """Finds policies over dnspython and httpx, and remembers them; any thread may use it.

        with mta_sts.resolver.Resolver() as resolver:
            outcome = resolver.discover("example.com")

    Its options are those of `mta_sts.aio.Resolver`. Lookups of one domain at the same time are one, and go on when those
    who wait for them are interrupted. They run in a thread of the resolver, which begins with the first and ends with
    `close()`; after a fork the child begins its own.
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
        """The policy of the domain, or why there is none.

        `timeout`: how long to wait in all, in seconds. Without it the limits of DNS and HTTPS are the limit: with the
        defaults 70 seconds.

        Raises MtaStsError if it is no domain, and TimeoutError after `timeout`: it is not known whether there is a
        policy, so keep the message and try again. The lookup goes on, and the next call finds what it comes to. What goes
        wrong in DNS and HTTPS is in the outcome.
        """
        return self._run(self._coroutines.discover, domain, purpose=purpose, timeout=timeout)

    def refresh_due(self, *, at_once: int = 8) -> list[tuple[PolicyDomain, Outcome]]:
        """Fetches anew each policy that is due, and gives the outcomes, whose `alert` is for the administrator.

        RFC 8461, 10.2: a policy must be fetched while the old one still protects. Call it every few minutes. A policy is due
        after a day, or after half its `max_age` if that is less; a domain that nobody asked about for 180 days is let go.
        `at_once`: how many lookups at the same time.

        Raises TypeError if the store cannot say what is due.
        """
        return self._run(self._coroutines.refresh_due, at_once=at_once)

    def mx_hosts(self, domain: PolicyDomain | str, /) -> list[str]:
        """The MX hosts in order; the domain itself where there is no MX, none where it takes no mail.

        Raises MtaStsError if it is no domain, and `dns.exception.DNSException` when DNS does not say.
        """
        return self._run(self._coroutines.mx_hosts, domain)

    def addresses(self, host: DnsName | str, /) -> list[str]:
        """The addresses of a host, IPv6 first.

        Raises MtaStsError if it is no host name, and `dns.exception.DNSException` when DNS does not say.
        """
        return self._run(self._coroutines.addresses, host)

    def close(self) -> None:
        """Ends the lookups that still run, and the thread; takes no more."""
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
        # Whoever held the lock, and the thread of the loop, are the parent's.
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
        # A daemon: nobody waits at the end of a program for a Policy Host that does not answer.
        self.thread = threading.Thread(
            target=lambda: asyncio.run(_until_stopped(started)), name="mta_sts.resolver", daemon=True
        )
        self.thread.start()
        self._loop, self._stop = started.result()

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Runs the work there, and waits here; who is interrupted gives up his waiting alone."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def end(self) -> None:
        """Cancels what runs, and closes the loop."""
        if os.getpid() == self._process:
            with contextlib.suppress(RuntimeError):  # It is closed.
                self._loop.call_soon_threadsafe(self._stop.set)


async def _until_stopped(started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]]) -> None:
    stop = asyncio.Event()
    started.set_result((asyncio.get_running_loop(), stop))
    await stop.wait()


_RESOLVERS: weakref.WeakSet[Resolver] = weakref.WeakSet()

_PARENTS: list[_Loop] = []
"""Loops of the parent. To close one here would take its sockets out of the parent's epoll instance, which is shared."""


def _after_fork_in_child() -> None:
    for resolver in list(_RESOLVERS):
        resolver._after_fork_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
