"""TLS reports: unpacked within bounds, read whatever they are, written for others, and values like all others."""

from __future__ import annotations

import copy
import gzip
import ipaddress
import json
import pickle
import random
import struct
import threading
import time
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta_sts import MtaStsError, Policy, PolicyType, ResultType, codes, lint_report
from mta_sts.tlsrpt import FailureDetails, Report, ReportPeriod, ReportPolicy

NOW = 1_700_000_000
DAY = ReportPeriod.of_day(NOW)
DETAILS = FailureDetails(
    "certificate-expired",
    61,
    sending_mta_ip=ipaddress.ip_address("192.0.2.1"),
    receiving_mx_hostname="mx.example.com",
    receiving_mx_helo="mx.example.com ESMTP",
    receiving_ip="2001:DB8::1",
    additional_information="https://sender.example/why",
    failure_reason_code="certificate has expired",
)
POLICY = ReportPolicy(
    "sts",
    "example.com",
    lines=["version: STSv1", "mode: testing", "mx: *.example.com", "max_age: 604800"],
    mx_hosts=["*.example.com"],
    successes=4_212,
    failures=61,
    details=[DETAILS],
)
REPORT = Report(
    organization="Sender Inc.", contact="tls@sender.example", id="1@sender.example", period=DAY, policies=[POLICY]
)
JSON = REPORT.to_json().encode()


def member(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


def test_a_report_says_what_was_given() -> None:
    match Report.parse(JSON, strict=True):
        case Report("Sender Inc.", ReportPeriod(start, end), (ReportPolicy(PolicyType.STS, "example.com") as policy,)) as report:
            assert (start, end) == (1_699_920_000, 1_700_006_399)
        case other:
            pytest.fail(repr(other))
    assert (report.contact, report.submitter, report.id) == ("tls@sender.example", "sender.example", "1@sender.example")
    assert (report.successes, report.failures, report.deviations) == (4_212, 61, ())
    assert policy.lines[1] == "mode: testing" and policy.mx_hosts == ["*.example.com"]
    match policy.details:
        case (FailureDetails(ResultType.CERTIFICATE_EXPIRED, 61) as details,):
            assert details.receiving_ip == "2001:db8::1" and details.receiving_mx_helo == "mx.example.com"
        case others:
            pytest.fail(repr(others))
    assert report.policies is report.policies and policy.details is policy.details


def test_the_lines_of_a_report_are_those_of_a_policy() -> None:
    published = Policy.parse("version: STSv1\r\nmode: testing\r\nmx: *.example.com\r\nmax_age: 604800\r\n")
    assert POLICY.lines == published.lines


def test_what_is_not_registered_stays_a_text() -> None:
    report = Report.parse(
        '{"policies": [{"policy": {"policy-type": "quantum", "policy-domain": "a.test"}, "failure-details": '
        '[{"result-type": "entangled", "failed-session-count": 1, "receiving-ip": "mx.a.test"}]}]}'
    )
    (policy,) = report.policies
    (details,) = policy.details
    assert (policy.kind, details.result, details.receiving_ip) == ("quantum", "entangled", "mx.a.test")
    assert not isinstance(policy.kind, PolicyType) and not isinstance(details.result, ResultType)
    assert {"unknown-policy-type", "unknown-result-type", "bad-ip-address"} <= {each.code for each in report.deviations}


def test_strict_refuses_the_first_deviation() -> None:
    odd = JSON.replace(b'"certificate-expired"', b'"certificate-old"')
    (deviation,) = Report.parse(odd).deviations
    with pytest.raises(MtaStsError) as raised:
        Report.parse(odd, strict=True)
    error = raised.value
    assert (error.code, error.path, error.offset) == (deviation.code, deviation.path, deviation.offset)
    assert codes()[deviation.code] == (deviation.number, deviation.message)
    assert deviation.path in str(deviation) and f"path={deviation.path!r}" in repr(error)
    again = pickle.loads(pickle.dumps(error))
    assert (again.code, again.path, again.offset, again.line) == (error.code, error.path, error.offset, None)


@pytest.mark.parametrize(
    "packed",
    [
        member(JSON),
        member(JSON[:100]) + member(JSON[100:]),
        member(b"") + member(JSON) + member(b""),
        member(JSON) + bytes(512),
        member(JSON) + b"\r\n",
        bytearray(member(JSON)),
        memoryview(member(JSON)),
    ],
    ids=["one member", "two", "empty ones", "padding", "a line end", "bytearray", "memoryview"],
)
def test_gzip_is_unpacked(packed: bytes) -> None:
    assert Report.parse(packed, strict=True) == REPORT


def test_names_in_gzip_count_for_nothing() -> None:
    header = b"\x1f\x8b\x08\x18" + bytes(6) + b"../../x.zip\0" + b"comment\0"
    body = zlib.compress(JSON)[2:-4]
    packed = header + body + struct.pack("<II", zlib.crc32(JSON), len(JSON))
    assert Report.parse(packed) == REPORT


@pytest.mark.parametrize("cut", [2, 9, 11, 100, -9, -8, -5, -1])
def test_gzip_that_is_cut_off_is_refused(cut: int) -> None:
    with pytest.raises(MtaStsError) as raised:
        Report.parse(member(JSON)[:cut])
    assert (raised.value.code, raised.value.path, raised.value.offset) == ("bad-json", "", 0) and "cut off" in str(raised.value)


def test_gzip_with_a_wrong_check_sum_is_refused() -> None:
    packed = bytearray(member(JSON))
    packed[-6] ^= 1
    with pytest.raises(MtaStsError, match="damaged"):
        Report.parse(packed)


def test_lint_looks_into_gzip() -> None:
    text = JSON.replace(b'"report-id"', b'"x-id"')
    assert [finding.code for finding in lint_report(member(JSON))] == []
    assert list(lint_report(member(text))) == list(lint_report(text))
    assert {"unknown-member", "missing-member"} <= {finding.code for finding in lint_report(text)}
    # What cannot be unpacked is looked at as it is.
    for damaged in (member(JSON)[:-1], member(JSON)[:2], b"\x1f\x8b"):
        assert [finding.code for finding in lint_report(damaged)] == ["bad-json", "compressed-report"]
    # Nor does a little gzip become much more than a report may have.
    assert [finding.code for finding in lint_report(member(bytes(100 * 1024 * 1024)))] == ["report-too-large"]


def test_zip_is_no_report() -> None:
    with pytest.raises(MtaStsError) as raised:
        Report.parse(b"PK\x03\x04" + bytes(100))
    assert raised.value.code == "bad-json"


@pytest.mark.parametrize("packed", [False, True])
def test_a_report_may_be_as_long_as_the_limit(packed: bool) -> None:
    pack = member if packed else bytes
    limit = max(len(JSON), len(pack(JSON)))
    assert Report.parse(pack(JSON), max_octets=limit) == REPORT
    with pytest.raises(MtaStsError) as raised:
        Report.parse(pack(JSON), max_octets=len(JSON) - 1)
    assert (raised.value.code, raised.value.path) == ("report-too-large", "")


def test_bombs_take_no_longer_than_reports() -> None:
    # 100 MiB of blanks in 100 KB; members without content; as many bytes that say nothing.
    bomb = member(b" " * (100 << 20))
    empty = member(b"") * 20_000
    noise = b"\x1f\x8b\x08\x00" + random.Random(1).randbytes(5 << 20)
    for data in (bomb, bomb * 50, empty, noise):
        began = time.process_time()
        with pytest.raises(MtaStsError) as raised:
            Report.parse(data)
        assert raised.value.code in {"report-too-large", "bad-json"}
        assert time.process_time() - began < 5


def test_other_threads_run_while_a_long_report_is_read() -> None:
    packed = member(b'{"policies": [' + b" " * (9 << 20) + b"]}")
    turns, done = 0, threading.Event()

    def count() -> None:
        nonlocal turns
        while not done.is_set():
            turns += 1
            time.sleep(0)

    counting = threading.Thread(target=count)
    counting.start()
    before = turns
    for _ in range(5):
        Report.parse(packed)
    during = turns - before
    done.set()
    counting.join()
    assert during > 50


def test_to_dict_is_plain_and_whole() -> None:
    shown = REPORT.to_dict()
    assert json.loads(json.dumps(shown)) == shown
    assert shown["start"] == DAY.start and shown["failures"] == 61
    (policy,) = shown["policies"]
    (details,) = policy["details"]
    for name, value in policy.items():
        if name != "details":
            assert value == getattr(POLICY, name)
    for name, value in details.items():
        assert value == getattr(DETAILS, name)
    assert type(policy["kind"]) is type(details["result"]) is str
    # Nothing is left out of what says nothing.
    bare = Report.parse('{"policies": [{"failure-details": [{"result-type": "x", "failed-session-count": 1}]}]}').to_dict()
    assert bare.keys() == shown.keys() and bare["policies"][0].keys() == policy.keys()
    assert bare["policies"][0]["details"][0].keys() == details.keys()
    assert bare["start"] is None and bare["policies"][0]["domain"] is None


def test_what_may_not_be_written_is_told_with_its_place() -> None:
    policy = ReportPolicy("sts", "example.com", mx_hosts=["*"])
    report = Report(organization="Sender", contact="tls@sender.example", id="1", period=DAY, policies=[POLICY, policy])
    with pytest.raises(MtaStsError) as raised:
        report.to_json()
    assert (raised.value.code, raised.value.path) == ("bad-report-pattern", "policies[1].policy.mx-host")
    with pytest.raises(MtaStsError) as raised:
        Report.parse('{"policies": []}').to_json()
    assert raised.value.code == "missing-report-member"


def test_what_cannot_be_is_refused() -> None:
    def made(**other: Any) -> Report:
        options: dict[str, Any] = {"organization": "a", "contact": "b", "id": "c", "period": DAY}
        return Report(**(options | other))

    wrong: dict[str, Any]
    for wrong in ({"organization": None}, {"period": 1}, {"policies": 1}, {"policies": [1]}, {"policies": "x"}, {"id": b"x"}):
        with pytest.raises(TypeError):
            made(**wrong)
    call: Callable[[], object]
    for call in (
        lambda: ReportPolicy("sts", "a.test", lines="version: STSv1"),
        lambda: ReportPolicy("sts", "a.test", mx_hosts=[None]),  # type: ignore[list-item]
        lambda: ReportPolicy("sts", "a.test", details=[POLICY]),  # type: ignore[list-item]
        lambda: FailureDetails("x", 1, receiving_ip=1.5),  # type: ignore[arg-type]
        lambda: FailureDetails("x", "1"),  # type: ignore[arg-type]
        lambda: Report.parse(None),  # type: ignore[arg-type]
        lambda: REPORT.with_missing_domains(None),  # type: ignore[arg-type]
    ):
        with pytest.raises(TypeError):
            call()
    for call in (
        lambda: ReportPeriod(2, 1),
        lambda: ReportPeriod(-1, 1),
        lambda: FailureDetails("x", -1),
        lambda: ReportPolicy("sts", "a.test", successes=2**64),
        lambda: Report.parse(JSON, max_octets=-1),
        lambda: REPORT.with_missing_domains("a..test"),
    ):
        with pytest.raises(ValueError):
            call()


def test_the_file_name_tells_a_missing_domain() -> None:
    report = Report.parse('{"policies": [{"policy": {"policy-type": "sts"}}]}')
    filled = report.with_missing_domains("Example.COM.")
    assert [policy.domain for policy in filled.policies] == ["example.com"]
    assert filled.deviations == report.deviations and filled != report


VALUES: list[Any] = [
    DAY,
    DETAILS,
    POLICY,
    REPORT,
    Report.parse(JSON).policies[0].details[0],
    Report.parse('{"report-id": "x", "policies": []}'),
    Report.parse(b'{"contact-info": "\xff\\u0000", "policies": [{"failure-details": [{"failed-session-count": 1e3}]}]}'),
    Report.parse('{"policies": [{"failure-details": [{"result-type": "x", "receiving-mx-helo": "a b\\r\\nc"}]}]}'),
    # What nobody writes, and the constructors take.
    FailureDetails("", 0, receiving_mx_hostname="", additional_information="x" * 5_000),
    FailureDetails("x", 1, receiving_mx_hostname="\ufdd0\0"),
    ReportPolicy("", "", lines=["", "a\nb"], successes=2**64 - 1),
    ReportPolicy("x" * 5_000, "a.test", details=[FailureDetails("", 0)]),
    Report(organization="", contact="", id="", period=ReportPeriod(0, 2**64 - 1), policies=[ReportPolicy("", "")]),
    Report(organization="a", contact="b", id="c", period=ReportPeriod(1, 86_400), policies=[POLICY] * 3),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_values_survive_a_pickle(value: Any) -> None:
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        again = pickle.loads(pickle.dumps(value, protocol))
        assert again == value and hash(again) == hash(value) and repr(again) == repr(value)
        if isinstance(value, Report):
            assert again.deviations == value.deviations
            assert pickle.loads(pickle.dumps(again)).deviations == value.deviations
    assert copy.copy(value) == copy.deepcopy(value) == value and value != object()
    assert "\n" not in repr(value) and "\0" not in repr(value)


def test_values_of_another_content_are_another() -> None:
    assert [VALUES.index(value) for value in VALUES] == [*range(4), 1, *range(5, len(VALUES))]


def test_periods_have_an_order() -> None:
    assert ReportPeriod(1, 2) < ReportPeriod(1, 3) < ReportPeriod(2, 2)
    assert not ReportPeriod(1, 2).is_one_day and eval(repr(DAY)) == DAY


texts = st.text(max_size=20)
details_of = st.builds(
    FailureDetails,
    st.one_of(texts, st.sampled_from([*ResultType])),
    st.integers(0, 2**64 - 1),
    sending_mta_ip=st.one_of(st.none(), texts, st.ip_addresses()),
    receiving_mx_hostname=st.none() | texts,
    receiving_mx_helo=st.none() | texts,
    receiving_ip=st.one_of(st.none(), texts, st.ip_addresses()),
    additional_information=st.none() | texts,
    failure_reason_code=st.none() | texts,
)
policies_of = st.builds(
    ReportPolicy,
    st.one_of(texts, st.sampled_from([*PolicyType])),
    texts,
    lines=st.lists(texts, max_size=3),
    mx_hosts=st.lists(texts, max_size=3),
    successes=st.integers(0, 2**64 - 1),
    failures=st.integers(0, 2**64 - 1),
    details=st.lists(details_of, max_size=3),
)
reports = st.builds(
    Report,
    organization=texts,
    contact=texts,
    id=texts,
    period=st.tuples(st.integers(0, 2**40), st.integers(0, 2**40)).map(lambda times: ReportPeriod(min(times), max(times))),
    policies=st.lists(policies_of, max_size=3),
)


@given(reports)
def test_any_report_is_a_value(report: Report) -> None:
    assert pickle.loads(pickle.dumps(report)) == report
    assert json.loads(json.dumps(report.to_dict())) == report.to_dict()
    try:
        written = report.to_json()
    except MtaStsError as error:
        assert error.code in codes() and error.path is not None
    else:
        assert Report.parse(written, strict=True) == report


@given(st.one_of(st.binary(), st.binary().map(member), st.binary().map(lambda tail: member(JSON)[:-40] + tail)))
def test_any_octets_are_a_report_or_an_error(data: bytes) -> None:
    try:
        report = Report.parse(data)
    except MtaStsError as error:
        assert error.code in codes()
    else:
        assert pickle.loads(pickle.dumps(report)) == report


@given(st.binary(min_size=1, max_size=3), st.integers(0, len(JSON) - 1))
def test_a_report_with_a_few_other_octets_is_read_or_refused(other: bytes, at: int) -> None:
    try:
        report = Report.parse(JSON[:at] + other + JSON[at + len(other) :])
    except MtaStsError as error:
        assert error.code in codes() and error.path is not None and error.offset is not None
    else:
        again = pickle.loads(pickle.dumps(report))
        assert again == report and again.deviations == report.deviations
