"""DNS over dnspython and HTTPS over httpx, with the limits of RFC 8461, 3.3."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import math
import os
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from os import PathLike

import dns.asyncresolver
import dns.edns
import dns.exception
import dns.message
import dns.name
import dns.rdatatype
import dns.resolver
import httpx

from ._core import DnsName, LookupConfig, PolicyDomain
from ._drive import FetchAnswer, FetchFailed, Response, Txt, TxtAnswer, TxtFailed, TxtNotFound, drive_async
from ._keeping import Keeper
from ._values import AppliedPolicy, FetchPolicy, Outcome, QueryTxt
from ._words import FetchFailure, PolicySource, Purpose, TxtFailure


@dataclass(frozen=True)
class Network:
    """The DNS server, the trust store, and the time limits of lookups."""

    server: str | None = None
    dns_timeout: float = 10.0
    https_port: int = 443
    ca_file: str | PathLike[str] | None = None
    config: LookupConfig = field(default_factory=LookupConfig)

    def __post_init__(self) -> None:
        if isinstance(self.https_port, bool) or not isinstance(self.https_port, int):
            raise TypeError(f"https_port must be an int, not {type(self.https_port).__name__}")
        if not 1 <= self.https_port <= 65_535:
            raise ValueError(f"https_port must be from 1 to 65535, not {self.https_port}")
        if not isinstance(self.config, LookupConfig):
            raise TypeError(f"config must be a LookupConfig, not {type(self.config).__name__}")
        seconds("dns_timeout", self.dns_timeout)
        object.__setattr__(self, "resolver", _resolver(self.server))
        object.__setattr__(self, "ssl_context", _ssl_context(self.ca_file))

    resolver: dns.asyncresolver.Resolver = field(init=False, repr=False, compare=False)
    ssl_context: ssl.SSLContext = field(init=False, repr=False, compare=False)

    async def discover(self, domain: PolicyDomain, purpose: Purpose, keeper: Keeper) -> Outcome:
        """Runs one lookup, and applies its cache update."""
        # A refresh does not count as a use, or a domain would be refreshed forever.
        cached = await keeper.entry(domain, use=purpose != Purpose.REFRESH)
        outcome = await drive_async(
            domain,
            query_txt=self.query_txt,
            fetch_policy=self.fetch_policy,
            cached=cached,
            purpose=purpose,
            config=self.config,
        )
        await keeper.apply(domain, outcome.cache_update, cached)
        if outcome.cache_update.kind in ("keep", "checked"):
            return outcome
        # Another process may have stored a policy that was requested later, or may have succeeded where this fetch failed.
        entry = await keeper.entry(domain, use=False)
        known = None if entry is None else entry.valid_policy(time.time())
        if known is None:
            return outcome
        applied = AppliedPolicy(known.policy, PolicySource.CACHED, known.id, known.expires_at)
        own = outcome.applied
        if isinstance(own, AppliedPolicy) and own == replace(applied, source=own.source):
            return outcome
        return replace(outcome, applied=applied)

    async def query_txt(self, query: QueryTxt) -> TxtAnswer:
        """Returns the TXT records of the name, or the reason why there are none."""
        try:
            answer = await self._query(query.name, dns.rdatatype.TXT, self.dns_timeout)
        except dns.resolver.NXDOMAIN as error:
            return TxtNotFound(_negative_ttl(error))
        except dns.exception.DNSException as error:
            return TxtFailed(_txt_failure(error))
        except OSError:
            # The system refused, and no query was sent.
            return TxtFailed(TxtFailure.DNS_LOCAL_FAULT)
        ttl = answer.chaining_result.minimum_ttl
        if answer.rrset is None:
            return TxtNotFound(ttl)
        return Txt([b"".join(rdata.strings) for rdata in answer.rrset], ttl)

    async def fetch_policy(self, request: FetchPolicy) -> FetchAnswer:
        """Returns the response of the Policy Host, with one deadline from the address lookup to the end of the body."""
        attempts = _Attempts()
        try:
            return await asyncio.wait_for(self._fetch(request, attempts), request.timeout)
        except asyncio.TimeoutError:
            return attempts.failure() or FetchFailed(FetchFailure.TIMEOUT)

    async def mx_hosts(self, domain: PolicyDomain | str) -> list[str]:
        """Returns the MX hosts in order of preference: the domain itself if it has no MX record (RFC 5321, 5.1), and none
        if it accepts no mail (RFC 7505).

        Raises MtaStsError for an invalid domain, and `dns.exception.DNSException` if DNS fails.
        """
        name = str(parsed(domain))
        try:
            answer = await self._query(name, dns.rdatatype.MX, self.dns_timeout)
        except dns.resolver.NXDOMAIN:
            return []
        if answer.rrset is None:
            return [name]
        ordered = sorted(answer.rrset, key=lambda rdata: rdata.preference)
        hosts = [rdata.exchange.to_text(omit_final_dot=True) for rdata in ordered]
        return [host for host in hosts if host not in ("", ".")]

    async def addresses(self, host: DnsName | str) -> list[str]:
        """Returns the addresses of a host.

        Raises MtaStsError for an invalid host name, and `dns.exception.DNSException` if DNS fails.
        """
        name = str(host if isinstance(host, DnsName) else DnsName.parse(host))
        kinds = (dns.rdatatype.AAAA, dns.rdatatype.A)
        answers = await asyncio.gather(
            *(self._query(name, kind, self.dns_timeout) for kind in kinds), return_exceptions=True
        )
        found, faults = [], []
        for answer in answers:
            if isinstance(answer, dns.resolver.Answer):
                found += [rdata.address for rdata in answer.rrset or ()]
            elif not isinstance(answer, dns.resolver.NXDOMAIN):
                faults.append(answer)
        # After a local fault, the missing addresses may be the only ones that this machine can reach.
        local = [fault for fault in faults if isinstance(fault, Exception) and _is_local_to_dns(fault)]
        if local or (faults and not found):
            raise (local or faults)[0]
        return found

    async def _query(self, name: str, kind: dns.rdatatype.RdataType, timeout: float) -> dns.resolver.Answer:
        # Absolute, so that no search list applies.
        absolute = dns.name.from_text(name.rstrip(".") + ".")
        return await self.resolver.resolve(
            absolute, kind, raise_on_no_answer=False, lifetime=timeout, search=False
        )

    async def _fetch(self, request: FetchPolicy, attempts: _Attempts) -> FetchAnswer:
        try:
            addresses = await self.addresses(request.host)
        except (dns.exception.DNSException, OSError) as error:
            is_local = _is_local_to_dns(error)
            return FetchFailed(FetchFailure.LOCAL_FAULT if is_local else FetchFailure.POLICY_HOST_DNS_FAILED)
        if not addresses:
            return FetchFailed(FetchFailure.POLICY_HOST_NOT_FOUND)
        for address in addresses[:MAX_ADDRESSES]:
            answer = await self._fetch_from(address, request)
            if isinstance(answer, Response) or answer.failure == FetchFailure.POLICY_HOST_BODY_TOO_LARGE:
                return answer
            attempts.failed.append(FetchFailure(answer.failure))
        return attempts.failure() or FetchFailed(FetchFailure.CONNECT_FAILED)

    async def _fetch_from(self, address: str, request: FetchPolicy) -> FetchAnswer:
        reached: set[str] = set()

        async def trace(event: str, _: object) -> None:
            reached.add(event)

        literal = f"[{address}]" if ":" in address else address
        path = httpx.URL(request.url).raw_path.decode("ascii")
        headers = {"Host": request.host, "Accept": "text/plain", "Accept-Encoding": "identity"}
        extensions = {"sni_hostname": request.host, "trace": trace}
        # Ignores the environment, which may set proxies or another trust store.
        client = httpx.AsyncClient(
            verify=self.ssl_context,
            trust_env=False,
            follow_redirects=False,
            timeout=httpx.Timeout(request.timeout, connect=min(request.timeout, CONNECT_TIMEOUT)),
        )
        try:
            async with client, client.stream(
                "GET",
                f"https://{literal}:{self.https_port}{path}",
                headers=headers,
                extensions=extensions,
            ) as response:
                body = bytearray()
                # Not decompressed: a compressed body is not a policy, and must not exceed the limit.
                async for chunk in response.aiter_raw():
                    body += chunk
                    if len(body) > request.max_body_len:
                        return FetchFailed(FetchFailure.POLICY_HOST_BODY_TOO_LARGE)
                return Response(response.status_code, response.headers.get("content-type"), bytes(body))
        except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError, OSError) as error:
            return FetchFailed(_fetch_failure(error, reached))


MAX_ADDRESSES = 8
"""The maximum number of addresses to try for a Policy Host, whose owner decides how many there are."""

CONNECT_TIMEOUT = 15.0
"""The time limit of one connection attempt, in seconds, which leaves time for the next address."""


class _Attempts:
    """The failures of the attempted addresses."""

    def __init__(self) -> None:
        self.failed: list[FetchFailure] = []

    def failure(self) -> FetchFailed | None:
        """Returns the most specific failure, from the attempt that got furthest."""
        return FetchFailed(min(self.failed, key=_TELLING.index)) if self.failed else None


_TELLING = (
    # Without the local fault, that address might have given the policy.
    FetchFailure.LOCAL_FAULT,
    FetchFailure.POLICY_HOST_CERTIFICATE_EXPIRED,
    FetchFailure.POLICY_HOST_CERTIFICATE_HOST_MISMATCH,
    FetchFailure.POLICY_HOST_CERTIFICATE_NOT_TRUSTED,
    FetchFailure.POLICY_HOST_TLS_FAILED,
    FetchFailure.HTTP_PROTOCOL,
    FetchFailure.TIMEOUT,
    FetchFailure.CONNECT_FAILED,
)


def _fetch_failure(error: BaseException, reached: set[str]) -> FetchFailure:
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            # OpenSSL's X509_V_ERR_*: the certificate has expired; it is for another name, or address.
            match cause.verify_code:
                case 10:
                    return FetchFailure.POLICY_HOST_CERTIFICATE_EXPIRED
                case 62 | 64:
                    return FetchFailure.POLICY_HOST_CERTIFICATE_HOST_MISMATCH
            return FetchFailure.POLICY_HOST_CERTIFICATE_NOT_TRUSTED
    if any(isinstance(cause, httpx.TimeoutException) for cause in causes):
        return FetchFailure.TIMEOUT
    if "connection.start_tls.complete" in reached:
        return FetchFailure.HTTP_PROTOCOL
    if "connection.start_tls.started" in reached:
        return FetchFailure.POLICY_HOST_TLS_FAILED
    if any(_is_local(cause) for cause in causes):
        return FetchFailure.LOCAL_FAULT
    return FetchFailure.CONNECT_FAILED


def _is_local(error: BaseException) -> bool:
    """Whether the system is out of resources, or its network is down, so that no request was sent."""
    return isinstance(error, OSError) and error.errno in _LOCAL_ERRORS


_LOCAL_ERRORS = frozenset(
    (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.ENETDOWN, errno.EACCES, errno.EPERM)
)
"""Excludes `ENETUNREACH`: a Policy Host with only IPv6 is permanently unreachable for a machine with only IPv4."""


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _negative_ttl(error: dns.resolver.NXDOMAIN) -> int:
    ttls = []
    for answer in error.kwargs.get("responses", {}).values():
        if isinstance(answer, dns.message.QueryMessage):
            ttls.append(answer.resolve_chaining().minimum_ttl)
    return min(ttls, default=0)


def _txt_failure(error: dns.exception.DNSException) -> TxtFailure:
    if isinstance(error, dns.exception.Timeout):
        return TxtFailure.DNS_TIMEOUT
    if isinstance(error, dns.resolver.NoNameservers):
        told = error.kwargs.get("errors", [])
        answers = [each[4] for each in told if isinstance(each[4], dns.message.Message)]
        options = [option for answer in answers for option in answer.options]
        if any(isinstance(option, dns.edns.EDEOption) and option.code in _BOGUS for option in options):
            return TxtFailure.DNS_BOGUS
        if answers:
            return TxtFailure.DNS_SERVFAIL
        if _is_local_to_dns(error):
            return TxtFailure.DNS_LOCAL_FAULT
    return TxtFailure.DNS_UNUSABLE


def _is_local_to_dns(error: Exception) -> bool:
    """Whether the system could not send the query: it is out of file descriptors, or its name servers are unreachable."""
    if isinstance(error, dns.resolver.NoNameservers):
        told = error.kwargs.get("errors", [])
        return bool(told) and all(isinstance(each[3], OSError) for each in told)
    return isinstance(error, OSError)


_BOGUS = range(5, 13)
"""The Extended DNS Errors for DNSSEC failures (RFC 8914, 4)."""


def _resolver(server: str | None) -> dns.asyncresolver.Resolver:
    if server is None:
        return dns.asyncresolver.Resolver()
    resolver = dns.asyncresolver.Resolver(configure=False)
    address, port = _host_and_port(server)
    resolver.nameservers = [address]
    resolver.port = port
    return resolver


def _host_and_port(server: str) -> tuple[str, int]:
    if not isinstance(server, str):
        raise TypeError(f"dns must be a str, not {type(server).__name__}")
    address, port = server, "53"
    if server.startswith("["):
        address, bracket, rest = server[1:].partition("]")
        # Without the closing bracket the port is empty, and so rejected.
        port = rest[1:] if rest.startswith(":") else rest or port if bracket else ""
    elif server.count(":") == 1:
        address, _, port = server.partition(":")
    if not (port.isascii() and port.isdigit() and 1 <= int(port[:6]) <= 65_535):
        raise ValueError(f"dns must be ADDR, ADDR:PORT or [ADDR]:PORT, not {server!r}")
    try:
        ipaddress.ip_address(address)
    except ValueError:
        raise ValueError(f"dns must be ADDR, ADDR:PORT or [ADDR]:PORT, not {server!r}") from None
    return address, int(port)


def _ssl_context(ca_file: str | PathLike[str] | None) -> ssl.SSLContext:
    if ca_file is not None and not os.fspath(ca_file):
        # OpenSSL would use the system's trust store.
        raise ValueError("ca_file is empty")
    context = ssl.create_default_context(cafile=ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # Only a DNS-ID counts (RFC 8461, 3.3).
    context.hostname_checks_common_name = False
    return context


def parsed(domain: PolicyDomain | str) -> PolicyDomain:
    """Returns the domain. Raises MtaStsError if it is invalid."""
    return domain if isinstance(domain, PolicyDomain) else PolicyDomain.parse(domain)


def seconds(what: str, value: float) -> float:
    """Validates a time to wait. Raises TypeError or ValueError if it is invalid."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{what} must be a number of seconds, not {type(value).__name__}")
    if not 0 < value <= MAX_SECONDS or math.isnan(value):
        raise ValueError(f"{what} must be a number of seconds above 0, up to {MAX_SECONDS}, not {value}")
    return value


MAX_SECONDS = 86_400
"""The maximum time to wait, within the range of every event loop."""
