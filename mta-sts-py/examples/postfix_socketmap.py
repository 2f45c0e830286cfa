"""Answers Postfix's TLS policy lookups (socketmap_table(5)). In main.cf:

smtp_tls_policy_maps = socketmap:inet:127.0.0.1:8461:mta-sts

    python postfix_socketmap.py --listen 127.0.0.1:8461
"""

from __future__ import annotations

import argparse
import asyncio

from mta_sts import MtaStsError, PolicyDomain, postfix_tls_policy
from mta_sts.aio import Resolver


async def answer(resolver: Resolver, key: str) -> str:
    try:
        domain = PolicyDomain.parse(key)
    except MtaStsError:
        return "NOTFOUND "  # A relay host, `[name]:port`, has no policy.
    try:
        outcome = await resolver.discover(domain, timeout=10)
        if not outcome.is_known:
            return "TEMP it is not known whether there is a policy"
        policy = outcome.policy and postfix_tls_policy(outcome.policy, domain)
    except (MtaStsError, TimeoutError) as error:
        return f"TEMP {error}"
    return f"OK {policy}" if policy else "NOTFOUND "


async def serve(resolver: Resolver, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while size := await reader.readuntil(b":"):
            request = await reader.readexactly(min(int(size[:-1]), 1000) + 1)
            _, _, key = request[:-1].decode("ascii", "replace").partition(" ")
            text = (await answer(resolver, key)).encode()
            writer.write(b"%d:%s," % (len(text), text))
            await writer.drain()
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError, ValueError):
        pass  # The client is gone, or speaks something else.
    finally:
        writer.close()


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listen", metavar="ADDR:PORT", default="127.0.0.1:8461")
    address, _, port = parser.parse_args().listen.rpartition(":")
    async with Resolver() as resolver:
        server = await asyncio.start_server(lambda *streams: serve(resolver, *streams), address, int(port), limit=1000)
        print("ready", *server.sockets[0].getsockname(), flush=True)
        while True:  # Policies are fetched anew while the old ones still protect.
            await resolver.refresh_due()
            await asyncio.sleep(300)


if __name__ == "__main__":
    asyncio.run(main())
