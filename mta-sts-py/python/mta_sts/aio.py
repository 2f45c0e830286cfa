"""Policies of domains, for asyncio. Needs the extra `mta-sts[resolver]`."""

from __future__ import annotations

import asyncio
from os import PathLike

from ._core import LookupConfig, PolicyCache, PolicyDomain
from ._network import Network
from ._values import Outcome
from ._words import Purpose
from .store import Store

__all__ = ["Resolver"]


class Resolver:
    """Finds policies over dnspython and httpx, and remembers them.

        resolver = mta_sts.aio.Resolver()
        outcome = await resolver.discover("example.com")
        verdict = mta_sts.Delivery(outcome.policy).check_mx("mx1.example.com")

    `store`: where to remember, a `PolicyCache` of its own by default; `DirectoryStore` and `SqliteStore` outlive
    the process. `dns`: the server to ask, `ADDR`, `ADDR:PORT` or `[ADDR]:PORT`; by default the system's.
    `dns_timeout`: of one question, in seconds. `ca_file`: trust this PEM file alone, in place of the system's
    trust store. `https_port`: of Policy Hosts. `config`: the limits, those of RFC 8461 by default: 60 seconds
    from the address to the end of the body, 65,536 octets, no redirect, no proxy.

    Lookups of one domain at the same time are one. It belongs to one event loop.
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
        self.network = Network(dns, dns_timeout, https_port, ca_file, config or LookupConfig())
        self._running: dict[tuple[PolicyDomain, Purpose], asyncio.Task[Outcome]] = {}

    async def discover(
        self, domain: PolicyDomain | str, /, *, purpose: Purpose | str = Purpose.DELIVER
    ) -> Outcome:
        """The policy of the domain, or why there is none.

        Raises MtaStsError if it is no domain. What goes wrong in DNS and HTTPS is in the outcome.
        """
        name = domain if isinstance(domain, PolicyDomain) else PolicyDomain.parse(domain)
        key = (name, Purpose(purpose))
        running = self._running.get(key)
        if running is None:
            running = asyncio.create_task(self.network.discover(*key, self.store))
            self._running[key] = running
            running.add_done_callback(lambda _: self._running.pop(key))
        # Whoever gives up does not take the answer from the others.
        return await asyncio.shield(running)

    async def mx_hosts(self, domain: PolicyDomain | str, /) -> list[str]:
        """The MX hosts in order; the domain itself where there is no MX, none where it takes no mail.

        Raises `dns.exception.DNSException` when DNS does not say.
        """
        return await self.network.mx_hosts(domain)

    async def addresses(self, host: str, /) -> list[str]:
        """The addresses of a host, IPv6 first. Raises `dns.exception.DNSException` when DNS does not say."""
        return await self.network.addresses(host)
