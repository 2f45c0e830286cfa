"""`python -m mta_sts check DOMAIN`: what a sender sees."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from typing import TYPE_CHECKING, Any

from . import Delivery, Mode, MtaStsError, Outcome, PolicyDomain, Skip, __version__, codes, lint_policy

if TYPE_CHECKING:
    from .aio import Resolver

FINE, NO, USAGE, TEMPORARY = 0, 1, 2, 75


def main(arguments: list[str] | None = None) -> int:
    """Runs the command, and returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m mta_sts", description="MTA-STS (RFC 8461)")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True)
    check = commands.add_parser(
        "check",
        help="what a sender sees of a domain",
        epilog="Exit status: 0 a policy of mode enforce or testing that covers every MX host; 1 none, or "
        "something is wrong; 2 wrong usage; 75 not known now.",
    )
    check.add_argument("domain", help="a domain, or a mail address for its domain")
    check.add_argument("--json", action="store_true", help="print one JSON object")
    check.add_argument("--dns", metavar="ADDR[:PORT]", help="the DNS server, instead of the system's")
    check.add_argument("--ca-file", metavar="PEM", help="the only certificates to trust")
    check.add_argument("--https-port", metavar="N", type=int, default=443, help="the port of Policy Hosts")
    check.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=seconds,
        default=20.0,
        help="the time limit for all lookups, from 1 to 600 seconds; 20 by default",
    )
    options = parser.parse_args(arguments)

    text: str = options.domain
    try:
        domain = PolicyDomain.of_recipient(text) if "@" in text else PolicyDomain.parse(text)
    except MtaStsError as error:
        print(f"{text}: {error}", file=sys.stderr)
        return USAGE
    try:
        import dns.exception

        from .aio import Resolver
    except ImportError as error:
        print(f"{error}; install it: pip install mta-sts[resolver]", file=sys.stderr)
        return USAGE

    try:
        resolver = Resolver(dns=options.dns, ca_file=options.ca_file, https_port=options.https_port)
    except (OSError, ValueError, dns.exception.DNSException) as error:
        print(f"python -m mta_sts: {error}", file=sys.stderr)
        return USAGE
    outcome, hosts = asyncio.run(asked(resolver, domain, options.timeout))
    seen = seen_of(domain, outcome, hosts)
    print(json.dumps(seen, indent=2) if options.json else shown(seen, options.timeout))
    return status(outcome, seen)


def seconds(text: str) -> float:
    """Parses the argument of `--timeout`."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 1 <= value <= 600:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from 1 to 600")
    return value


async def asked(resolver: Resolver, domain: PolicyDomain, timeout: float) -> tuple[Outcome | None, list[str] | None]:
    """Returns the outcome of the lookup and the MX hosts, each `None` if it is not known within `timeout` seconds."""
    import dns.exception

    async def outcome() -> Outcome | None:
        try:
            return await resolver.discover(domain, timeout=timeout)
        except TimeoutError:
            return None

    async def hosts() -> list[str] | None:
        try:
            return await asyncio.wait_for(resolver.mx_hosts(domain), timeout)
        except (dns.exception.DNSException, OSError, asyncio.TimeoutError):
            return None

    async with resolver:
        known, mx = await asyncio.gather(outcome(), hosts())
    return known, mx


def seen_of(domain: PolicyDomain, outcome: Outcome | None, hosts: list[str] | None) -> dict[str, Any]:
    """Returns the results as plain values, for JSON."""
    seen: dict[str, Any] = {"domain": str(domain), "policy_url": domain.policy_url, "timed_out": outcome is None}
    policy = None if outcome is None else outcome.policy
    if outcome is not None and outcome.no_policy is not None:
        no_policy = outcome.no_policy
        cause = None if no_policy.cause is None else {"code": no_policy.cause, "message": codes()[no_policy.cause][1]}
        seen["no_policy"] = {"code": no_policy.reason.value, "message": str(no_policy), "cause": cause}
    if outcome is not None and policy is not None:
        seen["policy"] = {
            "id": outcome.id,
            "mode": policy.mode.value,
            "max_age": policy.max_age,
            "mx": [str(pattern) for pattern in policy.mx],
        }
        seen["findings"] = [
            {"code": finding.code, "severity": finding.severity.value, "line": finding.line, "message": finding.message}
            for finding in lint_policy(policy.text)
        ]
    if outcome is not None and outcome.failure is not None:
        failure = outcome.failure
        seen["tlsrpt"] = {"result_type": failure.result_type.value, "reason_code": failure.reason_code}
    delivery = Delivery.undetermined() if outcome is None else Delivery.of(outcome)
    seen["mx"] = hosts and [
        {"host": host, "covered": policy is None or policy.matches_mx(host), "skipped": is_skipped(delivery, host)}
        for host in hosts
    ]
    return seen


def is_skipped(delivery: Delivery, host: str) -> bool:
    """Whether a sender skips the host without connecting."""
    return isinstance(delivery.check_mx(host).decision, Skip)


def shown(seen: dict[str, Any], timeout: float) -> str:
    """Formats the results as text."""
    lines = [seen["domain"]]
    if "policy" in seen:
        policy = seen["policy"]
        lines.append(f"  record   id={policy['id']}")
        lines.append(f"  policy   {policy['mode']}, for {policy['max_age']} s, {seen['policy_url']}")
        lines += [f"           mx: {pattern}" for pattern in policy["mx"]]
    elif seen["timed_out"]:
        lines.append(f"  policy   not known: no answer within {timeout:g} s")
    else:
        lines.append(f"  policy   none: {seen['no_policy']['message']}")
        if seen["no_policy"]["cause"]:
            lines.append(f"           {seen['no_policy']['cause']['message']}")
    if seen["mx"] is None:
        lines.append("  mx       unknown, DNS failed")
    for host in seen["mx"] or ():
        if "policy" in seen:
            word = "covered" if host["covered"] else "NOT covered by the policy"
        else:
            word = "policy not known" if seen["timed_out"] else "no policy"
        lines.append(f"  mx       {host['host']}: {word}")
    if "tlsrpt" in seen:
        lines.append(f"  report   {seen['tlsrpt']['result_type']} ({seen['tlsrpt']['reason_code']})")
    for finding in seen.get("findings", ()):
        lines.append(f"  {finding['severity']:<8} line {finding['line']}: {finding['message']} [{finding['code']}]")
    return "\n".join(lines)


def status(outcome: Outcome | None, seen: dict[str, Any]) -> int:
    """The exit status."""
    if outcome is None or not outcome.is_known:
        return TEMPORARY
    if outcome.mode in (None, Mode.NONE):
        return NO
    if seen["mx"] is None:
        return TEMPORARY
    return FINE if all(host["covered"] for host in seen["mx"]) else NO


if __name__ == "__main__":
    sys.exit(main())
