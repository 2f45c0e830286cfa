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

from mta_sts import MtaStsError, lint_policy
from mta_sts.aio import Resolver

COLUMNS = ["domain", "mode", "max_age", "id", "fault", "uncovered_mx", "findings"]


async def audit(resolver: Resolver, domain: str) -> list[str | int | None]:
    """The row of a domain."""
    try:
        outcome = await resolver.discover(domain)
    except MtaStsError as error:
        return [domain, None, None, None, error.code, None, None]
    policy = outcome.policy
    if policy is None:
        assert outcome.no_policy is not None
        return [domain, None, None, None, outcome.no_policy.cause or outcome.no_policy.reason.value, None, None]
    try:
        uncovered = [host for host in await resolver.mx_hosts(domain) if not policy.matches_mx(host)]
    except dns.exception.DNSException:
        uncovered = ["?"]
    update = outcome.cache_update.apply_to(None, now=0)
    cached = update and update.policy
    findings = [finding.code for finding in lint_policy(policy.text)]
    return [
        domain,
        policy.mode.value,
        policy.max_age,
        cached and cached.id,
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dns", metavar="ADDR[:PORT]")
    parser.add_argument("--ca-file", metavar="PEM")
    parser.add_argument("--https-port", metavar="N", type=int, default=443)
    asyncio.run(audit_all(Resolver(**vars(parser.parse_args())), sys.stdin, sys.stdout))


if __name__ == "__main__":
    main()
