"""What holds for every input."""

from __future__ import annotations

import pickle

from hypothesis import given
from hypothesis import strategies as st

from mta_sts import (
    CacheEntry,
    DnsName,
    Lookup,
    MtaStsError,
    MxPattern,
    Policy,
    PolicyDomain,
    Record,
    codes,
    lint_policy,
    lint_record,
)

CODES = codes()
labels = st.from_regex(r"\A[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?\Z").filter(lambda label: "--" not in label)
hosts = st.lists(labels, min_size=2, max_size=4).map(lambda parts: ".".join([*parts, "test"]))
patterns = st.one_of(hosts, hosts.map("*.{}".format))
ids = st.from_regex(r"\A[A-Za-z0-9]{1,32}\Z")
bodies = st.builds(
    lambda mode, mx, age, end: end.join(
        ["version: STSv1", f"mode: {mode}", *(f"mx: {each}" for each in mx), f"max_age: {age}", ""]
    ),
    st.sampled_from(["enforce", "testing", "none"]),
    st.lists(patterns, min_size=1, max_size=20),
    st.integers(0, 31_557_600),
    st.sampled_from(["\n", "\r\n"]),
)
lines = st.sampled_from([b"version: STSv1", b"mode: enforce", b"mx: a.test", b"max_age: 1", b"\xff", b":", b""])
almost = st.lists(st.one_of(lines, st.binary(max_size=20)), max_size=8).map(b"\n".join)


@given(st.one_of(st.binary(), almost, st.text()))
def test_any_input_is_a_value_or_an_error_with_a_place(text: bytes | str) -> None:
    octets = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    for parse in (Policy.parse, Record.parse, lambda octets: CacheEntry.parse(octets, "a.test")):
        try:
            parse(octets)
        except MtaStsError as error:
            assert error.code in CODES
            assert error.line is not None and error.line >= 1
            assert error.offset is not None and 0 <= error.offset <= len(octets)
    for finding in (*lint_policy(octets), *lint_record(octets)):
        assert 0 <= finding.span[0] <= finding.span[1] <= len(octets)


@given(bodies)
def test_a_policy_written_is_the_policy_read(body: str) -> None:
    policy = Policy.parse(body)
    again = Policy.parse(str(policy), strict=True)
    assert (again.mode, again.max_age, list(again.mx)) == (policy.mode, policy.max_age, list(policy.mx))
    assert policy.text == body and pickle.loads(pickle.dumps(policy)) == policy
    assert Policy.parse(body.encode()) == policy and hash(Policy.parse(body.encode())) == hash(policy)


@given(st.lists(patterns, min_size=1, max_size=10), hosts)
def test_a_policy_matches_as_its_patterns_do(mx: list[str], host: str) -> None:
    body = "version: STSv1\nmode: enforce\n" + "".join(f"mx: {each}\n" for each in mx) + "max_age: 1\n"
    policy = Policy.parse(body)
    slowly = any(each == host or each[:2] == "*." and host.partition(".")[2] == each[2:] for each in mx)
    assert policy.matches_mx(host) is slowly is any(pattern.matches(host) for pattern in policy.mx)
    assert policy.matches_mx(host.upper() + ".") is slowly
    assert (policy.matching_pattern(DnsName.parse(host)) is not None) is slowly


@given(hosts)
def test_names_are_read_as_they_are_written(host: str) -> None:
    assert str(DnsName.parse(host)) == str(PolicyDomain.parse(host)) == str(MxPattern.parse(host)) == host
    assert DnsName.parse(host) == DnsName.parse(host.upper())


texts = st.one_of(hosts, patterns, patterns.map(str.upper), patterns.map("{}.".format), st.text(max_size=20))


@given(texts, texts)
def test_a_value_is_equal_to_its_own_text_alone(text: str, other: str) -> None:
    for parse in (DnsName.parse, PolicyDomain.parse, MxPattern.parse):
        try:
            value = parse(text)
        except MtaStsError:
            continue
        assert value == str(value) and hash(value) == hash(str(value)) and parse(str(value)) == value
        for each in (text, other):
            assert (value == each) is (each == value) is (str(value) == each)
            assert (value != each) is (each != value) is (str(value) != each)
            assert (each in {value}) is (value in {each}) is (str(value) == each)


@given(st.lists(patterns, min_size=1, max_size=10), texts)
def test_patterns_are_found_by_text_as_in_a_list_of_texts(mx: list[str], text: str) -> None:
    body = "version: STSv1\nmode: enforce\n" + "".join(f"mx: {each.title()}\n" for each in mx) + "max_age: 1\n"
    found = Policy.parse(body).mx
    assert list(found) == mx
    for each in (text, *mx):
        assert (each in found) is (each in mx) and found.count(each) == mx.count(each)
        if each in mx:
            assert found.index(each) == mx.index(each) == found.index(MxPattern.parse(each))


@given(ids, bodies, st.integers(0, 2**40), st.integers(0, 10**6))
def test_an_entry_written_is_the_entry_read(id: str, body: str, now: int, ttl: int) -> None:
    lookup = Lookup("example.test", now=now)
    lookup.handle_txt([f"v=STSv1; id={id};"], ttl=ttl, now=now)
    lookup.handle_response(status=200, content_type="text/plain", body=body, now=now)
    output = lookup.poll_output()
    entry = output.outcome.cache_update.apply_to(None, now=now)  # type: ignore[union-attr]
    assert entry is not None and CacheEntry.parse(entry.to_text("example.test"), "example.test") == entry
    cached = entry.policy
    assert cached is not None and cached.id == id and cached.policy.text == body
