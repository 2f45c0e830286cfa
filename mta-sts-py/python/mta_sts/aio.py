"""Policies of domains, for asyncio. Needs the extra `mta-sts[resolver]`."""

from __future__ import annotations

import asyncio
from os import PathLike
from typing import TYPE_CHECKING

from . import _literals as literal
from ._core import DnsName, LookupConfig, PolicyCache, PolicyDomain
from ._keeping import Keeper
from ._network import Network, parsed, seconds
from ._values import Outcome
from ._words import Purpose
from .store import Store

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Resolver"]


class Resolver:
    """Finds policies over dnspython and httpx, and remembers them.

        async with mta_sts.aio.Resolver() as resolver:
            outcome = await resolver.discover("example.com")

    `store`: where to remember, a `PolicyCache` of its own by default; `DirectoryStore` and `SqliteStore` outlive
    the process. A store that fails costs no answer: the fault is logged by the logger `mta_sts.store`, and what could not
    be written is kept in memory. `dns`: the server to ask, `ADDR`, `ADDR:PORT` or `[ADDR]:PORT`; by default the system's.
    `dns_timeout`: of one question, in seconds. `ca_file`: trust this PEM file alone, in place of the system's
    trust store. `https_port`: of Policy Hosts. `config`: the limits, those of RFC 8461 by default: 60 seconds
    from the address to the end of the body, 65,536 octets, no redirect, no proxy.

    Lookups of one domain at the same time are one, and go on when those who wait for them give up. Any number of event
    loops may use it, one after the other too.

    Raises TypeError or ValueError for an option that cannot be, and OSError if `ca_file` cannot be read.
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
        self.store: Store = PolicyCache() if store is None else store
        self.network = Network(dns, dns_timeout, https_port, ca_file, LookupConfig() if config is None else config)
        self._keeper = Keeper(self.store)
        self._running: dict[_Key, _Running] = {}
        self._closed = False

    async def discover(
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
        name, aim = parsed(domain), Purpose(purpose)
        if timeout is not None:
            seconds("timeout", timeout)
        until = None if timeout is None else asyncio.get_running_loop().time() + timeout
        while True:
            running = self._lookup(name, aim)
            running.waiting += 1
            try:
                left = None if until is None else max(0, until - asyncio.get_running_loop().time())
                # Whoever gives up does not take the answer from the others.
                await asyncio.wait({running.task}, timeout=left)
            finally:
                running.waiting -= 1
                self._bound_unawaited(running)
            if not running.task.done():
                raise TimeoutError(f"no answer within {timeout} s")
            if not running.task.cancelled():
                return running.task.result()
            # Somebody cancelled the task that all waited for: one of those who are left takes it over.

    async def refresh_due(self, *, at_once: int = 8) -> list[tuple[PolicyDomain, Outcome]]:
        """Fetches anew each policy that is due, and gives the outcomes, whose `alert` is for the administrator.

        RFC 8461, 10.2: a policy must be fetched while the old one still protects. Call it every few minutes. A policy is due
        after a day, or after half its `max_age` if that is less; a domain that nobody asked about for 180 days is let go.
        `at_once`: how many lookups at the same time.

        Raises TypeError if the store cannot say what is due.
        """
        if isinstance(at_once, bool) or not isinstance(at_once, int):
            raise TypeError(f"at_once is a number, not {type(at_once).__name__}")
        if at_once < 1:
            raise ValueError(f"at_once is at least 1, not {at_once}")
        gate = asyncio.Semaphore(at_once)

        async def refresh(domain: PolicyDomain) -> tuple[PolicyDomain, Outcome]:
            async with gate:
                return domain, await self.discover(domain, purpose=Purpose.REFRESH)

        return list(await asyncio.gather(*map(refresh, await self._keeper.due())))

    async def mx_hosts(self, domain: PolicyDomain | str, /) -> list[str]:
        """The MX hosts in order; the domain itself where there is no MX, none where it takes no mail.

        Raises MtaStsError if it is no domain, and `dns.exception.DNSException` when DNS does not say.
        """
        return await self.network.mx_hosts(domain)

    async def addresses(self, host: DnsName | str, /) -> list[str]:
        """The addresses of a host, IPv6 first.

        Raises MtaStsError if it is no host name, and `dns.exception.DNSException` when DNS does not say.
        """
        return await self.network.addresses(host)

    async def aclose(self) -> None:
        """Ends the lookups of this event loop that still run, and takes no more."""
        self._closed = True
        loop = asyncio.get_running_loop()
        tasks = [running.task for key, running in list(self._running.items()) if key[0] is loop]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.aclose()

    def forget_running(self) -> None:
        """Forgets the lookups that run: after a fork they are the parent's."""
        self._running = {}

    def _lookup(self, domain: PolicyDomain, purpose: Purpose) -> _Running:
        if self._closed:
            raise RuntimeError("the resolver is closed")
        # A loop that was closed in the midst of a lookup never ends it.
        for key in [key for key in list(self._running) if key[0].is_closed()]:
            self._running.pop(key, None)
        key = (asyncio.get_running_loop(), domain, purpose)
        running = self._running.get(key)
        if running is None or running.task.done():
            running = _Running(asyncio.create_task(self.network.discover(domain, purpose, self._keeper)))
            self._running[key] = running
            running.task.add_done_callback(lambda _: self._forget(key, running))
        return running

    def _forget(self, key: _Key, running: _Running) -> None:
        if self._running.get(key) is running:
            del self._running[key]

    def _bound_unawaited(self, running: _Running) -> None:
        unawaited = sum(each.waiting == 0 for each in list(self._running.values()))
        if running.waiting == 0 and unawaited > MAX_UNAWAITED:
            running.task.cancel()


MAX_UNAWAITED = 256
"""So many lookups go on though nobody waits for them any more: strangers choose the domains, and how slow they are."""


class _Running:
    """A lookup, and how many wait for it."""

    def __init__(self, task: asyncio.Task[Outcome]) -> None:
        self.task = task
        self.waiting = 0


_Key = tuple[asyncio.AbstractEventLoop, PolicyDomain, Purpose]
