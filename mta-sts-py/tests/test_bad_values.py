"""What cannot be is refused where it is given: with MtaStsError, TypeError or ValueError, and no foreign exception."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from datetime import time as time_of_day
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mta_sts
from mta_sts import CacheEntry, CacheUpdate, CachedPolicy, Delivery, Lookup, LookupConfig, MtaStsError, Policy, PolicyCache
from mta_sts.publish import Draft, Facts, History, Plan, Target, ZoneRecord, id_of
from mta_sts.tlsrpt import ReadyRules

POLICY = Policy.parse("version: STSv1\nmode: enforce\nmx: mx.a.test\nmax_age: 86400\n")
WITHOUT_POLICY = Delivery.without_policy()
CACHED = CachedPolicy(POLICY, "1", 1_700_000_000)
NOW = 1_700_000_000


def lookup() -> Lookup:
    return Lookup("a.test", now=NOW)


def fetching() -> Lookup:
    fetching = lookup()
    fetching.handle_txt(["v=STSv1; id=1"], ttl=1, now=NOW)
    return fetching


def planned(target: Target = Target("testing"), facts: Facts = Facts(["mx.a.test"]), now: Any = NOW) -> Plan:
    return Plan.between(History("a.test"), target, facts, now=now)


NAMES: list[Callable[[Any], object]] = [
    mta_sts.DnsName.parse,
    mta_sts.PolicyDomain.parse,
    mta_sts.PolicyDomain.of_recipient,
    mta_sts.MxPattern.parse,
    lambda value: Lookup(value, now=NOW),
    lambda value: PolicyCache().get(value, now=NOW),
    lambda value: PolicyCache().remove(value),
    lambda value: value in PolicyCache(),
    lambda value: mta_sts.postfix_tls_policy(POLICY, value),
    lambda value: mta_sts.postfix_tls_policy(POLICY, "a.test", mx_hosts=[value]),
    lambda value: CachedPolicy(POLICY, value, NOW),
    lambda value: CacheUpdate.back_off(value, requested_at=NOW, until=NOW),
    lambda value: CacheUpdate.checked(value, checked_at=NOW, until=NOW),
    lambda value: mta_sts.drive(value, query_txt=lambda _: mta_sts.TxtNotFound(), fetch_policy=lambda _: value),
    lambda value: Draft(value, "testing", ["mx.a.test"], max_age=86_400),
    lambda value: Draft("a.test", "testing", [value], max_age=86_400),
    lambda value: Draft("a.test", "testing", ["mx.a.test"], max_age=86_400, wildcards=[value]),
    lambda value: History(value),
    lambda value: History("a.test").note_hosts([value], now=NOW),
    lambda value: planned(Target("testing", hosts=[value])),
    lambda value: planned(Target("testing", wildcards=[value])),
    lambda value: planned(facts=Facts([value])),
]

NO_NAME_IS_NO_MATCH: list[Callable[[Any], object]] = [
    POLICY.matches_mx,
    POLICY.matching_pattern,
    lambda value: mta_sts.dns_id_matches(value, "a.test"),
    lambda value: mta_sts.dns_id_matches("a.test", value),
]

WORDS: list[Callable[[Any], object]] = [
    lambda value: Delivery.under(POLICY, message=value),
    lambda value: Delivery.without_policy(minimum=value),
    lambda value: Delivery.undetermined(dane_precedence=value),
    lambda value: WITHOUT_POLICY.check_mx("a.test", dane=value),
    lambda value: WITHOUT_POLICY.check_session("a.test", value),
    lambda value: WITHOUT_POLICY.check_session("a.test", "authenticated", dane=value),
    lambda value: WITHOUT_POLICY.check_session("a.test", "authenticated", dane_result=value),
    lambda value: WITHOUT_POLICY.conclude([], lifetime=value),
    lambda value: WITHOUT_POLICY.conclude([], recheck=value),
    lambda value: WITHOUT_POLICY.conclude(["mx-mismatch", value]),
    lambda value: Lookup("a.test", now=NOW, purpose=value),
    lambda value: lookup().handle_txt_failed(value, now=NOW),
    lambda value: fetching().handle_fetch_failed(value, now=NOW),
    lambda value: CacheUpdate.absent(value, until=NOW),
    lambda value: mta_sts.postfix_tls_policy(POLICY, "a.test", form=value),
    lambda value: Draft("a.test", value, ["mx.a.test"], max_age=86_400),
    lambda value: planned(Target(value)),
    mta_sts.Mode,
    mta_sts.Purpose,
    mta_sts.TlsResult,
    mta_sts.DaneResult,
    mta_sts.Recheck,
]

TEXTS: list[Callable[[Any], object]] = [
    mta_sts.Record.parse,
    Policy.parse,
    lambda value: CacheEntry.parse(value, "a.test"),
    lambda value: CacheEntry.parse(b"", value),
    mta_sts.lint_policy,
    mta_sts.lint_record,
    mta_sts.lint_report,
    lambda value: mta_sts.lint_rrset([value]),
    lambda value: mta_sts.Record.select([value]),
    lambda value: mta_sts.tls_required_no([value]),
    lambda value: lookup().handle_txt([value], ttl=1, now=NOW),
    lambda value: fetching().handle_response(status=200, content_type=value, body=value, now=NOW),
    lambda value: Policy.from_response(status=200, content_type=value, body=value),
    History.parse,
    id_of,
    lambda value: History("a.test").note_record(value, now=NOW),
    lambda value: ZoneRecord.txt(value, value, ttl=60),
    lambda value: ZoneRecord.alias(value, value, ttl=60),
]

TIMES: list[Callable[[Any], object]] = [
    lambda value: Lookup("a.test", now=value),
    lambda value: lookup().handle_txt([], ttl=1, now=value),
    lambda value: CachedPolicy(POLICY, "1", value),
    CACHED.is_valid,
    lambda value: CacheUpdate.checked("1", checked_at=value, until=NOW),
    lambda value: CacheUpdate.checked("1", checked_at=NOW, until=value),
    lambda value: CacheUpdate.back_off("1", requested_at=value, until=NOW),
    lambda value: CacheUpdate.back_off("1", requested_at=NOW, until=value),
    lambda value: CacheUpdate.absent("no-record", until=value),
    lambda value: CacheUpdate.store(CACHED, checked_until=value),
    lambda value: CacheUpdate.keep().apply_to(None, now=value),
    lambda value: PolicyCache().get("a.test", now=value),
    lambda value: PolicyCache().poll_refresh(now=value),
    lambda value: PolicyCache().purge(now=value),
    lambda value: History("a.test").note_policy(POLICY, now=value),
    lambda value: History("a.test").note_record("1", now=value),
    lambda value: History("a.test").note_hosts(["mx.a.test"], now=value),
    lambda value: History("a.test").longest_cached(now=value),
    lambda value: planned(now=value),
]

SPANS: list[Callable[[Any], object]] = [
    lambda value: LookupConfig(back_off=value),
    lambda value: LookupConfig(timeout=value),
    lambda value: PolicyCache(unused_for=value),
    lambda value: lookup().handle_txt([], ttl=value, now=NOW),
    lambda value: Draft("a.test", "testing", ["mx.a.test"], max_age=value),
    lambda value: Draft("a.test", "none", [], max_age=86_400).zone_record(ttl=value),
    lambda value: planned(Target("testing", testing_period=value)),
    lambda value: planned(Target("testing", growth=[(value, 1)])),
    lambda value: planned(facts=Facts(["mx.a.test"], mx_ttl=value)),
]

SIZES: list[Callable[[Any], object]] = [
    lambda value: PolicyCache(max_entries=value),
    lambda value: LookupConfig(max_body_len=value),
    lambda value: mta_sts.lint_response(status=200, content_type=None, body=b"", max_body_len=value),
    lambda value: mta_sts.lint_response(status=value, content_type=None, body=b""),
    lambda value: Policy.from_response(status=value, content_type=None, body=b""),
    lambda value: fetching().handle_response(status=value, content_type=None, body=b"", now=NOW),
]

SURROGATES = ["\ud800", "a\udcff.test", "user@\udfff", "\ud83d\ude00"]
WRONG_KINDS: list[Any] = [None, 1.5j, object(), [], {}, b"\xff".decode("latin-1") * 300]
NO_TIMES: list[Any] = [
    None,
    "x",
    -1,
    -0.5,
    math.nan,
    math.inf,
    2**64,
    10**400,
    object(),
    datetime(2026, 1, 1),
    datetime(1969, 1, 1, tzinfo=timezone.utc),
    datetime.min.replace(tzinfo=timezone(timedelta(hours=23))),
    time_of_day(1, tzinfo=timezone.utc),
    timedelta(1),
    [],
]
NO_SPANS: list[Any] = ["x", -1, math.nan, math.inf, -math.inf, 10**400, timedelta(-1), object(), [], datetime(2026, 1, 1)]
NO_SIZES: list[Any] = ["x", -1, 2**64, 10**400, 1.5, math.nan, object(), []]


def refused(call: Callable[[Any], object], value: Any) -> None:
    with pytest.raises((MtaStsError, TypeError, ValueError)) as caught:
        call(value)
    assert type(caught.value) in (MtaStsError, TypeError, ValueError), caught.value


@pytest.mark.parametrize("call", range(len(NAMES)))
def test_no_names(call: int) -> None:
    for value in [*SURROGATES, *WRONG_KINDS]:
        refused(NAMES[call], value)


@pytest.mark.parametrize("call", range(len(WORDS)))
def test_no_words(call: int) -> None:
    for value in [*SURROGATES, *WRONG_KINDS[1:], "", "Enforce"]:
        refused(WORDS[call], value)


@pytest.mark.parametrize("call", range(len(TIMES)))
def test_no_times(call: int) -> None:
    for value in NO_TIMES:
        refused(TIMES[call], value)


@pytest.mark.parametrize("call", range(len(SPANS)))
def test_no_spans(call: int) -> None:
    for value in NO_SPANS:
        refused(SPANS[call], value)


@pytest.mark.parametrize("call", range(len(SIZES)))
def test_no_sizes(call: int) -> None:
    for value in NO_SIZES:
        refused(SIZES[call], value)


LISTS_OF_HOSTS: list[Callable[[Any], object]] = [
    lambda value: mta_sts.postfix_tls_policy(POLICY, "a.test", mx_hosts=value),
    lambda value: mta_sts.lint_policy("", mx_hosts=value),
    lambda value: mta_sts.lint_response(status=200, content_type=None, body=b"", mx_hosts=value),
    lambda value: ReadyRules(accepted=value),
    lambda value: Draft("a.test", "testing", value, max_age=86_400),
    lambda value: Draft("a.test", "testing", ["mx.a.test"], max_age=86_400, wildcards=value),
    lambda value: History("a.test").note_hosts(value, now=NOW),
    lambda value: planned(Target("testing", hosts=value)),
    lambda value: planned(Target("testing", wildcards=value)),
    lambda value: planned(facts=Facts(value)),
]


@pytest.mark.parametrize("call", range(len(LISTS_OF_HOSTS)))
def test_a_lone_name_is_no_list_of_hosts(call: int) -> None:
    # Of one letter it would be a list of a valid name.
    with pytest.raises(TypeError):
        LISTS_OF_HOSTS[call]("a")


anything = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(st.characters(exclude_categories=())),
    st.binary(),
    st.datetimes(),
    st.datetimes(timezones=st.timezones()),
    st.timedeltas(),
    st.lists(st.text(), max_size=2),
)


@given(st.sampled_from([*NAMES, *NO_NAME_IS_NO_MATCH, *WORDS, *TEXTS, *TIMES, *SPANS, *SIZES]), anything)
def test_whatever_is_given_no_foreign_exception_comes(call: Callable[[Any], object], value: Any) -> None:
    try:
        call(value)
    except (MtaStsError, TypeError, ValueError) as error:
        assert type(error) in (MtaStsError, TypeError, ValueError), error


NO_OPTIONS: dict[str, list[Any]] = {
    "https_port": [None, "x", "443", 0, -1, 99_999, 443.0, True, math.nan],
    "dns_timeout": [None, "x", 0, -1, math.nan, math.inf, True, 10**400],
    "dns": [1, b"127.0.0.1", "", "name.test", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:99999", "127.0.0.1:53:53"]
    + ["[::1", "[::1]x", "[::1]:x", "::1]:53", "\ud800", "[]"],
    "ca_file": [1.5, "", b"", [], "a\0b"],
    "config": [1, "x", {}, False],
    "store": [1, "x", {}, False],
}


@pytest.mark.parametrize("option", NO_OPTIONS)
def test_options_of_resolvers(option: str) -> None:
    aio = pytest.importorskip("mta_sts.aio", reason="the resolvers need the extra `resolver`")
    resolver = pytest.importorskip("mta_sts.resolver")
    for kind in (aio.Resolver, resolver.Resolver):
        for value in NO_OPTIONS[option]:
            refused(lambda value: kind(**{option: value}), value)


@pytest.mark.parametrize("server", ["127.0.0.1", "127.0.0.1:53", "[::1]:5353", "[::1]", "::1", "fe80::1%lo"])
def test_servers_that_can_be_asked(server: str) -> None:
    pytest.importorskip("mta_sts.resolver").Resolver(dns=server)


def test_arguments_of_calls(tmp_path: Path) -> None:
    resolver = pytest.importorskip("mta_sts.resolver")
    with resolver.Resolver(dns="127.0.0.1:1") as finder:
        for timeout in ("x", 0, -1, math.nan, math.inf, True):
            refused(lambda timeout: finder.discover("a.test", timeout=timeout), timeout)
        for domain in [*SURROGATES, *WRONG_KINDS, "not a domain"]:
            refused(finder.discover, domain)
            refused(finder.mx_hosts, domain)
            refused(finder.addresses, domain)
        refused(lambda word: finder.discover("a.test", purpose=word), "deliverr")
        for at_once in (0, -1, "x", None, 1.5, True):
            refused(lambda at_once: finder.refresh_due(at_once=at_once), at_once)
    with pytest.raises(FileNotFoundError):
        resolver.Resolver(ca_file=tmp_path / "absent.pem")
    for store in (mta_sts_store().DirectoryStore, mta_sts_store().SqliteStore):
        for max_entries in (0, -1, None, "x", 1.5, True):
            refused(lambda value: store(tmp_path / "kept", max_entries=value), max_entries)
        kept = store(tmp_path / store.__name__)
        for now in NO_TIMES:
            for call in (kept.due, kept.purge, lambda now: kept.get("a.test", now=now)):
                refused(lambda value: call(now=value), now)


def mta_sts_store() -> Any:
    import mta_sts.store

    return mta_sts.store
