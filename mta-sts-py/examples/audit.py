"""Audits domains, one on each line of the standard input, into CSV.

    python audit.py <domains.txt >audit.csv
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import sys
from collections.abc import Iterable
from typing import TextIO

import dns.exception

from mta_sts import MtaStsError, NoPolicy, lint_policy
from mta_sts.aio import Resolver

COLUMNS = ["domain", "mode", "max_age", "id", "fault", "uncovered_mx", "findings"]


async def audit(resolver: Resolver, domain: str) -> list[str | int | None]:
    """The row of a domain."""
    try:
        outcome = await resolver.discover(domain)
    except MtaStsError as error:
        return [domain, None, None, None, error.code, None, None]
    applied = outcome.applied
    if isinstance(applied, NoPolicy):
        return [domain, None, None, None, applied.cause or applied.reason.value, None, None]
    policy = applied.policy
    try:
        uncovered = [host for host in await resolver.mx_hosts(domain) if not policy.matches_mx(host)]
    except dns.exception.DNSException:
        uncovered = ["?"]
    findings = [finding.code for finding in lint_policy(policy.text)]
    return [
        domain,
        policy.mode.value,
        policy.max_age,
        applied.id,
        None,
        " ".join(uncovered),
        " ".join(findings),
    ]


async def audit_all(resolver: Resolver, domains: Iterable[str], output: TextIO, *, at_once: int = 50) -> None:
    """Writes the rows in the order of the domains."""
    gate = asyncio.Semaphore(at_once)

    async def one(domain: str) -> list[str | int | None]:
        async with gate:
            return await audit(resolver, domain)

    table = csv.writer(output, lineterminator="\n")
    table.writerow(COLUMNS)
    table.writerows(await asyncio.gather(*map(one, filter(None, map(str.strip, domains)))))


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dns", metavar="ADDR[:PORT]")
    parser.add_argument("--ca-file", metavar="PEM")
    parser.add_argument("--https-port", metavar="N", type=int, default=443)
    async with Resolver(**vars(parser.parse_args())) as resolver:
        await audit_all(resolver, sys.stdin, sys.stdout)


if __name__ == "__main__":
    asyncio.run(main())
