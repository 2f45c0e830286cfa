"""Policies of domains, for threads. Needs the extra `mta-sts[resolver]`."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from os import PathLike
from typing import Any, TypeVar

from ._core import LookupConfig, PolicyCache, PolicyDomain
from ._network import Network
from ._values import Outcome
from ._words import Purpose
from .store import Store

__all__ = ["Resolver"]

_T = TypeVar("_T")


class Resolver:
    """Finds policies over dnspython and httpx, and remembers them; any thread may use it.

        resolver = mta_sts.resolver.Resolver()
        outcome = resolver.discover("example.com")
        verdict = mta_sts.Delivery(outcome.policy).check_mx("mx1.example.com")

    Its options are those of `mta_sts.aio.Resolver`. Lookups of one domain at the same time are one.
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
        self._running: dict[tuple[PolicyDomain, Purpose], Future[Outcome]] = {}
        self._lock = threading.Lock()

    def discover(
        self, domain: PolicyDomain | str, /, *, purpose: Purpose | str = Purpose.DELIVER
    ) -> Outcome:
        """The policy of the domain, or why there is none.

        Raises MtaStsError if it is no domain. What goes wrong in DNS and HTTPS is in the outcome.
        """
        name = domain if isinstance(domain, PolicyDomain) else PolicyDomain.parse(domain)
        key = (name, Purpose(purpose))
        mine: Future[Outcome] = Future()
        with self._lock:
            running = self._running.setdefault(key, mine)
        if running is not mine:
            return running.result()
        try:
            mine.set_result(_run(self.network.discover(*key, self.store)))
        except BaseException as error:
            mine.set_exception(error)
        finally:
            with self._lock:
                del self._running[key]
        return mine.result()

    def mx_hosts(self, domain: PolicyDomain | str, /) -> list[str]:
        """The MX hosts in order; the domain itself where there is no MX, none where it takes no mail.

        Raises `dns.exception.DNSException` when DNS does not say.
        """
        return _run(self.network.mx_hosts(domain))

    def addresses(self, host: str, /) -> list[str]:
        """The addresses of a host, IPv6 first. Raises `dns.exception.DNSException` when DNS does not say."""
        return _run(self.network.addresses(host))


def _run(work: Coroutine[Any, Any, _T]) -> _T:
    """The waiting is asyncio's, for its deadlines; the loop lasts as long as the call."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    result: Future[_T] = Future()

    def elsewhere() -> None:
        try:
            result.set_result(asyncio.run(work))
        except BaseException as error:
            result.set_exception(error)

    threading.Thread(target=elsewhere).start()
    return result.result()
