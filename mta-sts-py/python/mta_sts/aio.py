"""A policy resolver for asyncio. It requires the extra `mta-sts[resolver]`."""

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
    """Discovers policies with dnspython and httpx, and caches them.

        async with mta_sts.aio.Resolver() as resolver:
            outcome = await resolver.discover("example.com")

    `store`: the cache, a new `PolicyCache` by default; `DirectoryStore` and `SqliteStore` are persistent. A lookup does not
    fail because of its store: the fault is logged by the logger `mta_sts.store`, and unwritten entries are kept in memory.
    `dns`: the DNS server, as `ADDR`, `ADDR:PORT` or `[ADDR]:PORT`; the system's by default. `dns_timeout`: the time limit
    of one query, in seconds. `ca_file`: a PEM file to trust instead of the system's trust store. `https_port`: the port of
    Policy Hosts. `config`: the limits, by default those of RFC 8461: 60 seconds from the address lookup to the end of the
    body, 65,536 octets, no redirect, no proxy.

    Concurrent lookups of one domain share one run, which continues if its callers give up. Any number of event loops may
    use the resolver, concurrently or in sequence.

    Raises TypeError or ValueError for an invalid option, and OSError if `ca_file` cannot be read.
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
        """Returns the policy of the domain, or the reason why none applies.

        `timeout`: the total time to wait, in seconds. Without it, the limits of DNS and HTTPS apply: 70 seconds by default.

        Raises MtaStsError for an invalid domain, and TimeoutError after `timeout`: whether a policy applies is then unknown, so
        keep the message and try again. The lookup continues, and a later call gets its result. Failures of DNS and HTTPS are
        part of the outcome.
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
                # A caller that gives up does not cancel the task for the others.
                await asyncio.wait({running.task}, timeout=left)
            finally:
                running.waiting -= 1
                self._bound_unawaited(running)
            if not running.task.done():
                raise TimeoutError(f"no answer within {timeout} s")
            if not running.task.cancelled():
                return running.task.result()
            # The task itself was cancelled: the next waiting caller starts another one.

    async def refresh_due(self, *, at_once: int = 8) -> list[tuple[PolicyDomain, Outcome]]:
        """Fetches each policy again that is due for a refresh, and returns the outcomes, whose `alert` is for the administrator.

        A policy must be fetched again while the old one is still in force (RFC 8461, 10.2). Call this every few minutes. A
        policy is due after a day, or after half its `max_age` if that is less; a domain that was not used for 180 days is no
        longer refreshed. `at_once`: the number of concurrent lookups.

        Raises TypeError if the store cannot say what is due.
        """
        if isinstance(at_once, bool) or not isinstance(at_once, int):
            raise TypeError(f"at_once must be an int, not {type(at_once).__name__}")
        if at_once < 1:
            raise ValueError(f"at_once must be at least 1, not {at_once}")
        gate = asyncio.Semaphore(at_once)

        async def refresh(domain: PolicyDomain) -> tuple[PolicyDomain, Outcome]:
            async with gate:
                return domain, await self.discover(domain, purpose=Purpose.REFRESH)

        return list(await asyncio.gather(*map(refresh, await self._keeper.due())))

    async def mx_hosts(self, domain: PolicyDomain | str, /) -> list[str]:
        """Returns the MX hosts in order: the domain itself if it has no MX record, and none if it accepts no mail.

        Raises MtaStsError for an invalid domain, and `dns.exception.DNSException` if DNS fails.
        """
        return await self.network.mx_hosts(domain)

    async def addresses(self, host: DnsName | str, /) -> list[str]:
        """Returns the addresses of a host, IPv6 first.

        Raises MtaStsError for an invalid host name, and `dns.exception.DNSException` if DNS fails.
        """
        return await self.network.addresses(host)

    async def aclose(self) -> None:
        """Cancels the running lookups of this event loop, and accepts no further lookups."""
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
        """Forgets the running lookups, which belong to the parent after a fork."""
        self._running = {}

    def _lookup(self, domain: PolicyDomain, purpose: Purpose) -> _Running:
        if self._closed:
            raise RuntimeError("the resolver is closed")
        # A lookup whose loop was closed never ends.
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
"""The limit of lookups that continue without a waiting caller, since untrusted parties choose the domains and their
delays."""


class _Running:
    """A lookup, and the number of its waiting callers."""

    def __init__(self, task: asyncio.Task[Outcome]) -> None:
        self.task = task
        self.waiting = 0


_Key = tuple[asyncio.AbstractEventLoop, PolicyDomain, Purpose]
