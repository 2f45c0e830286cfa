"""The loop around a `Lookup`, over any DNS and HTTPS functions."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Union

from . import _literals as literal
from ._core import CacheEntry, Lookup, LookupConfig, PolicyDomain
from ._values import FetchPolicy, Outcome, QueryTxt
from ._words import FetchFailure, Purpose, TxtFailure


@dataclass(frozen=True, slots=True)
class Txt:
    """The TXT records, each with its character-strings concatenated; `ttl` is in seconds."""

    rrset: Iterable[bytes | str]
    ttl: float


@dataclass(frozen=True, slots=True)
class TxtNotFound:
    """The name or the type does not exist; `ttl` is the time for which this may be cached, in seconds."""

    ttl: float = 0


@dataclass(frozen=True, slots=True)
class TxtFailed:
    """DNS gave no usable answer."""

    failure: TxtFailure | literal.TxtFailure


@dataclass(frozen=True, slots=True)
class Response:
    """The response of the Policy Host, whose certificate was verified for its name."""

    status: int
    content_type: bytes | str | None
    body: bytes | str


@dataclass(frozen=True, slots=True)
class FetchFailed:
    """The Policy Host gave no response, or none that could be trusted."""

    failure: FetchFailure | literal.FetchFailure


TxtAnswer = Union[Txt, TxtNotFound, TxtFailed]
FetchAnswer = Union[Response, FetchFailed]


def drive(
    domain: PolicyDomain | str,
    /,
    *,
    query_txt: Callable[[QueryTxt], TxtAnswer],
    fetch_policy: Callable[[FetchPolicy], FetchAnswer],
    cached: CacheEntry | None = None,
    purpose: Purpose | literal.Purpose = Purpose.DELIVER,
    config: LookupConfig | None = None,
    now: Callable[[], float] = time.time,
) -> Outcome:
    """Runs one lookup to its end, with your DNS and HTTPS functions.

    >>> from mta_sts import FetchFailed, Response, Txt, drive
    >>> policy = b"version: STSv1\\nmode: enforce\\nmx: mx.example.com\\nmax_age: 604800\\n"
    >>> outcome = drive(
    ...     "example.com",
    ...     query_txt=lambda query: Txt([b"v=STSv1; id=1;"], ttl=300),
    ...     fetch_policy=lambda request: Response(200, "text/plain", policy),
    ... )
    >>> outcome.policy.matches_mx("mx.example.com")
    True

    Each function is called at most once. They report failures of DNS and HTTPS by returning `TxtFailed` or `FetchFailed`;
    an exception from them ends the lookup.
    """
    lookup = Lookup(domain, now=now(), cached=cached, purpose=purpose, config=config)
    while True:
        output = lookup.poll_output()
        if isinstance(output, QueryTxt):
            _handle_txt(lookup, query_txt(output), now())
        elif isinstance(output, FetchPolicy):
            _handle_fetch(lookup, fetch_policy(output), now())
        else:
            return output.outcome


async def drive_async(
    domain: PolicyDomain | str,
    /,
    *,
    query_txt: Callable[[QueryTxt], Awaitable[TxtAnswer]],
    fetch_policy: Callable[[FetchPolicy], Awaitable[FetchAnswer]],
    cached: CacheEntry | None = None,
    purpose: Purpose | literal.Purpose = Purpose.DELIVER,
    config: LookupConfig | None = None,
    now: Callable[[], float] = time.time,
) -> Outcome:
    """The same as `drive()`, with coroutine functions. It works with any event loop."""
    lookup = Lookup(domain, now=now(), cached=cached, purpose=purpose, config=config)
    while True:
        output = lookup.poll_output()
        if isinstance(output, QueryTxt):
            _handle_txt(lookup, await query_txt(output), now())
        elif isinstance(output, FetchPolicy):
            _handle_fetch(lookup, await fetch_policy(output), now())
        else:
            return output.outcome


def _handle_txt(lookup: Lookup, answer: TxtAnswer, now: float) -> None:
    if isinstance(answer, Txt):
        lookup.handle_txt(answer.rrset, ttl=answer.ttl, now=now)
    elif isinstance(answer, TxtNotFound):
        lookup.handle_txt_not_found(ttl=answer.ttl, now=now)
    else:
        lookup.handle_txt_failed(answer.failure, now=now)


def _handle_fetch(lookup: Lookup, answer: FetchAnswer, now: float) -> None:
    if isinstance(answer, Response):
        lookup.handle_response(
            status=answer.status, content_type=answer.content_type, body=answer.body, now=now
        )
    else:
        lookup.handle_fetch_failed(answer.failure, now=now)
