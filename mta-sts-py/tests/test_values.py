"""Values behave as Python's own: equal, hashable, shown, pickled, matched."""

from __future__ import annotations

import copy
import pickle
import runpy
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, timezone
from enum import Enum
from pathlib import Path
from typing import Any, get_args

import pytest

import mta_sts
from mta_sts import (
    CachedPolicy,
    CacheEntry,
    CacheUpdate,
    Delivery,
    DnsName,
    Lookup,
    LookupConfig,
    Mode,
    MtaStsError,
    MxPattern,
    Policy,
    PolicyCache,
    PolicyDomain,
    PolicyType,
    Record,
    ResultType,
    _literals,
    lint_policy,
    publish,
    tlsrpt,
)

BODY = b"version: STSv1\nmode: enforce\nmx: mx.example.test\nmx: *.example.test\nmax_age: 604800\n"
NOW = 1_700_000_000


def outcome(body: bytes = BODY) -> mta_sts.Outcome:
    return mta_sts.drive(
        "example.test",
        query_txt=lambda query: mta_sts.Txt([b"v=STSv1; id=1;"], ttl=300),
        fetch_policy=lambda request: mta_sts.Response(200, b"text/plain", body),
        now=lambda: NOW,
    )


def entry() -> CacheEntry:
    stored = outcome().cache_update.apply_to(None, now=NOW)
    assert stored is not None
    return stored


def history() -> publish.History:
    history = publish.History("example.test", unknown_until=NOW + 86_400)
    history.note_policy(Policy.parse(BODY), now=NOW)
    history.note_record("1", now=NOW)
    history.note_hosts(["mx.example.test"], now=NOW)
    return history


def plan() -> publish.Plan:
    target = publish.Target("enforce", hosts=["mx.example.test", "mx2.test"])
    return publish.Plan.between(history(), target, publish.Facts(["mx.example.test"]), now=NOW)


def values() -> list[Any]:
    policy = Policy.parse(BODY)
    delivery = Delivery.under(policy)
    return [
        DnsName.parse("mx.example.test"),
        PolicyDomain.parse("example.test"),
        Record.parse("v=STSv1; id=1"),
        policy,
        MxPattern.parse("*.example.test"),
        CachedPolicy(policy, "1", NOW),
        entry(),
        outcome().applied,
        outcome(b"").failure,
        lint_policy(b"mode: none")[0],
        delivery.check_mx("mx.example.test"),
        delivery.check_mx("other.test"),
        delivery.plan(["mx.example.test", "other.test"]),
        delivery.check_session("mx.example.test", "not-offered"),
        delivery.check_mx("mx.example.test", dane="usable"),
        delivery.check_session("mx.example.test", "authenticated", dane="usable", dane_result="failed"),
        delivery.conclude([None]),
        delivery.conclude(["mx-mismatch"], lifetime="over"),
        delivery.conclude(["mx-mismatch"], lifetime="over", recheck="changed"),
        delivery.conclude(["mx-mismatch"], lifetime="over", recheck="unchanged"),
        publish.Draft("example.test", "enforce", ["mx.example.test"], max_age=604_800),
        publish.Draft("example.test", "enforce", ["mx.example.test", "a.test"], max_age=604_800, wildcards=["*.example.test"]),
        publish.Draft("example.test", "none", ["mx.example.test"], max_age=604_800).zone_record(ttl=60),
        publish.Target("enforce", hosts=["mx.example.test"]),
        publish.Facts(["mx.example.test"], record_ttl=timedelta(minutes=5)),
        history().policy,
        history().record,
        history().hosts[0],
        plan(),
        plan().steps[0],
        plan().steps[1],
        Mode.ENFORCE,
    ]


POLICY = Policy.parse("version: STSv1\nmode: enforce\nmx: mx.a.test\nmax_age: 86400\n")


@pytest.mark.parametrize(
    "value",
    [
        POLICY.mx,
        LookupConfig(back_off=400, timeout=5, max_body_len=9, strict=True, accept_missing_content_type=True),
        CacheUpdate.keep(),
        CacheUpdate.checked("1", checked_at=1_700_000_000, until=1_700_000_300),
        CacheUpdate.absent("no-record", until=1_700_000_000),
        CacheUpdate.back_off("1", requested_at=1_699_999_700, until=1_700_000_000),
        CacheUpdate.store(CachedPolicy(POLICY, "1", 1_700_000_000), checked_until=1_700_000_300),
        outcome(),
        outcome(b""),
        Delivery.under(POLICY).plan(["mx.a.test", "mx.b.test"]),
        mta_sts.MxHost("mx.a.test"),
        *mta_sts.lint_policy("mode: x"),
        history(),
    ],
    ids=lambda value: type(value).__name__,
)
def test_values_without_a_hash_too_can_be_pickled_and_copied(value: Any) -> None:
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(value, protocol)) == value
    assert copy.copy(value) == value and copy.deepcopy(value) == value


def test_findings_are_pickled_as_a_list() -> None:
    findings = mta_sts.lint_policy("mode: x")
    assert pickle.loads(pickle.dumps(findings)) == list(findings)
    assert copy.copy(findings) is findings and copy.deepcopy(findings) is findings


@pytest.mark.parametrize("index", range(len(values())))
def test_values_are_equal_by_content_and_survive_a_pickle(index: int) -> None:
    value, twin = values()[index], values()[index]
    assert value == twin
    assert not value != twin
    assert hash(value) == hash(twin)
    assert {value: 1}[twin] == 1
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(value, protocol)) == value
    assert copy.deepcopy(value) == value
    assert value != object()
    assert "object at 0x" not in repr(value)


def test_values_of_another_content_are_another() -> None:
    everything = values()
    assert [everything.index(value) for value in everything] == list(range(len(everything)))


def test_values_cannot_be_changed() -> None:
    for value in values()[:-1]:
        for name in ("mode", "id", "applied", "decision", "anything"):
            # Frozen dataclasses with slots of Python 3.11 raise TypeError for a name that is not theirs.
            with pytest.raises((AttributeError, TypeError)):
                setattr(value, name, 1)


def test_a_repr_can_be_read() -> None:
    shown = [
        ("DnsName.parse('mx.example.test')", DnsName.parse("MX.example.test.")),
        ("PolicyDomain.parse('example.test')", PolicyDomain.parse("example.test")),
        ("Record.parse('v=STSv1; id=1;')", Record.parse(b"v=STSv1;id=1")),
        ("MxPattern.parse('*.example.test')", MxPattern.parse("*.Example.test")),
        ("<Policy mode=enforce max_age=604800 mx=[mx.example.test, *.example.test]>", Policy.parse(BODY)),
        ("<Mode.ENFORCE: 'enforce'>", Mode.ENFORCE),
    ]
    for text, value in shown:
        assert repr(value) == text.replace('"', "'") or repr(value).replace('"', "'") == text


def test_reprs_of_classes_with_parse_evaluate_to_the_value() -> None:
    for value in (DnsName.parse("mx.test"), PolicyDomain.parse("a.test"), MxPattern.parse("*.a.test")):
        assert eval(repr(value), dict(vars(mta_sts))) == value


WORDS = [
    kind
    for kind in (vars(mta_sts) | vars(publish) | vars(tlsrpt)).values()
    if isinstance(kind, type) and issubclass(kind, Enum) and issubclass(kind, str)
]


@pytest.mark.parametrize("kind", WORDS)
def test_words_are_strings(kind: type[Enum]) -> None:
    for member in kind:
        assert isinstance(member, str)
        assert member == member.value
        assert str(member) == f"{member}" == "%s" % member == member.value
        assert hash(member) == hash(member.value)
        assert pickle.loads(pickle.dumps(member)) is member
        assert kind(member.value) is member


WORDS_BY_NAME = {kind.__name__: kind for kind in WORDS}
LITERALS = {name: set(get_args(literal)) for name, literal in vars(_literals).items() if get_args(literal)}


def test_literals_are_the_words() -> None:
    of_enums = {name: words for name, words in LITERALS.items() if name in WORDS_BY_NAME}
    assert {"Purpose", "PostfixForm", "TlsResult", "TxtFailure"} <= set(of_enums)
    for name, words in of_enums.items():
        assert words == {member.value for member in WORDS_BY_NAME[name]}, name


def test_literals_are_the_codes() -> None:
    codes = mta_sts.codes()
    assert LITERALS["Code"] == set(codes)
    # The number tells what it is about.
    of_numbers = {
        "NameCode": range(100, 200),
        "RecordCode": range(200, 300),
        "PolicyCode": range(300, 400),
        "FetchCode": range(400, 500),
        "EntryCode": range(700, 800),
        "LookupCode": range(800, 900),
        "LintCode": (*range(1100, 1200), *range(1400, 1421)),
        "ReportLintCode": range(1461, 1500),
        "PostfixCode": range(1200, 1300),
        "TlsrptRecordCode": range(1300, 1321),
        "UnreadableReportCode": range(1321, 1329),
        "ReportCode": range(1321, 1341),
        "DeviationCode": range(1421, 1461),
        "DraftCode": range(1501, 1521),
        "HistoryCode": range(1521, 1541),
    }
    for name, numbers in of_numbers.items():
        assert LITERALS[name] == {code for code, (number, _) in codes.items() if number in numbers}, name


def test_right_uses_run() -> None:
    # `typed/wrong.py` beside it is for type checkers alone.
    runpy.run_path(str(Path(__file__).with_name("typed") / "right.py"))


def test_an_unknown_word_is_a_code() -> None:
    with pytest.raises(MtaStsError) as raised:
        Mode("enforced")
    assert raised.value.code in mta_sts.codes()


def test_findings_and_words_of_an_update_are_literals() -> None:
    findings = [
        *lint_policy("mode: x"),
        *mta_sts.lint_record("v=STSv1; id:1"),
        *mta_sts.lint_tlsrpt_record("v=TLSRPTv1; rua=x"),
        *mta_sts.lint_report("{}"),
    ]
    assert {finding.code for finding in findings} <= LITERALS["FindingCode"]
    updates = [
        CacheUpdate.keep(),
        CacheUpdate.checked("1", checked_at=NOW, until=NOW),
        CacheUpdate.absent("no-record", until=NOW),
        CacheUpdate.back_off("1", requested_at=NOW, until=NOW),
        outcome().cache_update,
    ]
    assert {update.kind for update in updates} == LITERALS["UpdateKind"]


def test_words_of_errors_are_those_of_the_core() -> None:
    codes = mta_sts.codes()
    for kind in (mta_sts.FetchFailure, mta_sts.TxtFailure, mta_sts.SessionFault, mta_sts.NoPolicyReason):
        assert {member.value for member in kind} <= set(codes)
    numbers = [number for number, _ in codes.values()]
    assert len(set(numbers)) == len(numbers)


def test_numbers_are_those_of_libtlsrpt() -> None:
    assert ResultType.CERTIFICATE_EXPIRED.number == 204
    assert PolicyType.STS.number == 2
    assert len({word.number for word in ResultType}) == len(ResultType)


def test_match() -> None:
    match Policy.parse(BODY):
        case Policy("enforce", max_age, [first, *rest]):
            assert (max_age, str(first), len(rest)) == (604_800, "mx.example.test", 1)
        case other:
            pytest.fail(repr(other))
    match Record.parse("v=STSv1; id=7"):
        case Record(id):
            assert id == "7"
    match outcome().applied:
        case mta_sts.AppliedPolicy(Policy(Mode.ENFORCE), mta_sts.PolicySource.FETCHED, id="1"):
            pass
        case neither:
            pytest.fail(repr(neither))


def test_patterns_are_a_sequence() -> None:
    patterns = Policy.parse(BODY).mx
    assert isinstance(patterns, Sequence)
    first, second = MxPattern.parse("mx.example.test"), MxPattern.parse("*.example.test")
    assert list(patterns) == [first, second] == patterns[:] == list(reversed(patterns))[::-1]
    assert patterns[-1] == second and patterns[0] == first
    assert patterns[::-1] == [second, first] and patterns[5:] == []
    assert patterns.index(second) == 1 and patterns.count(first) == 1 and second in patterns
    assert patterns == Policy.parse(BODY).mx and hash(patterns) == hash(Policy.parse(BODY).mx)
    for index in (2, -3, 10**30):
        with pytest.raises(IndexError):
            patterns[index]
    with pytest.raises(ValueError):
        patterns.index(MxPattern.parse("other.test"))
    with pytest.raises(TypeError):
        patterns["0"]  # type: ignore[call-overload]


def test_patterns_are_found_by_their_text() -> None:
    patterns = Policy.parse(b"version: STSv1\nmode: enforce\nmx: MX.a.test.\nmx: *.b.test\nmx: mx.A.test\nmax_age: 1\n").mx
    assert "mx.a.test" in patterns and "*.b.test" in patterns
    assert patterns.index("*.b.test") == 1 and patterns.count("mx.a.test") == 2
    # The text as the package writes it, as for every other value; whether a host is covered `matches_mx` says.
    for text in ("MX.a.test", "mx.a.test.", "mx.b.test", "", "*", "\ud800"):
        assert text not in patterns and patterns.count(text) == 0
        with pytest.raises(ValueError):
            patterns.index(text)
    for other in (None, 1, b"mx.a.test", DnsName.parse("mx.a.test"), object()):
        assert other not in patterns
        with pytest.raises(TypeError):
            patterns.index(other)  # type: ignore[arg-type]


def test_values_are_equal_to_their_text() -> None:
    for value, text in (
        (DnsName.parse("MX.B\u00fccher.Test."), "mx.xn--bcher-kva.test"),
        (PolicyDomain.parse("A.test"), "a.test"),
        (MxPattern.parse("*.A.test."), "*.a.test"),
    ):
        assert value == text and text == value and not value != text and not text != value
        assert {value: 1}[text] == 1 and {text: 1}[value] == 1 and len({value, text}) == 1  # type: ignore[index]
        assert value in [text] and text in (value,)
        for other in (text.upper(), text + ".", text[1:], "", "\ud800", text.encode(), None, 1):
            assert value != other and other != value and not value == other
        with pytest.raises(TypeError):
            value < text  # type: ignore[operator]
    # A name, a domain and a pattern are three things, whatever their texts.
    assert DnsName.parse("a.test") != PolicyDomain.parse("a.test") != MxPattern.parse("a.test")
    cache = PolicyCache()
    cache.apply("a.test", outcome().cache_update, now=NOW)
    assert dict(cache.entries())["a.test"].policy is not None  # type: ignore[index]


@pytest.mark.parametrize("parse", [DnsName.parse, PolicyDomain.parse])
def test_names_are_ordered(parse: Any) -> None:
    first, second = parse("a.test"), parse("b.test")
    assert first < second and first <= second and second > first and second >= first and first <= parse("A.test")
    assert sorted([second, first]) == [first, second] == ["a.test", "b.test"]


def test_findings_are_a_sequence_with_spans() -> None:
    body = b"version: STSv1\nmode: enforced\nmx: mx.example.test\nmax_age: 10\n"
    findings = lint_policy(body)
    assert isinstance(findings, Sequence) and len(findings) >= 1
    finding = next(finding for finding in findings if finding.code == "bad-mode")
    assert body[slice(*finding.span)] == b"enforced"
    assert finding.line == 2 and finding.severity is mta_sts.Severity.ERROR
    assert findings[findings.index(finding)] == finding and findings.count(finding) == 1
    assert str(finding).startswith("error[bad-mode]: ")
    assert [f.code for f in findings[:]] == [f.code for f in findings]
    assert len(lint_policy(BODY)) == len([f for f in lint_policy(BODY)])


@pytest.mark.parametrize("make", [bytes, bytearray, memoryview, lambda text: text.decode()])
def test_octets_of_every_kind(make: Any) -> None:
    assert Policy.parse(make(BODY)) == Policy.parse(BODY)
    assert Record.parse(make(b"v=STSv1; id=1")).id == "1"
    assert Record.select(iter([make(b"other"), make(b"v=STSv1; id=1")])).id == "1"
    assert CacheEntry.parse(make(entry().to_text("a.test").encode()), "a.test") == entry()
    response = {"status": 200, "content_type": make(b"text/plain"), "body": make(BODY)}
    assert Policy.from_response(**response) == Policy.parse(BODY)


def test_iterables_of_every_kind() -> None:
    records: list[bytes | str] = ["v=STSv1; id=1", b"v=spf1"]
    rrset: Iterable[bytes | str]
    for rrset in (records, tuple(records), iter(records), (r for r in records), dict.fromkeys(records)):
        assert Record.select(rrset).id == "1"
    assert Delivery.without_policy().plan({"a.test": 1, "b.test": 2}.keys()).permits_none is False


@pytest.mark.parametrize("wrong", [None, 1, 1.5, object(), ["v=STSv1; id=1"], {}])
def test_wrong_types_are_type_errors(wrong: Any) -> None:
    for parse in (Policy.parse, Record.parse, lint_policy, DnsName.parse, MxPattern.parse):
        with pytest.raises(TypeError):
            parse(wrong)
    with pytest.raises(TypeError):
        CacheEntry.parse(wrong, "a.test")
    with pytest.raises(TypeError):
        CacheEntry.parse(b"", wrong)


def test_one_text_is_no_rrset() -> None:
    for lone in (b"v=STSv1; id=1", "v=STSv1; id=1", bytearray(b"v=STSv1; id=1"), memoryview(b"x")):
        with pytest.raises(TypeError):
            Record.select(lone)  # type: ignore[arg-type]
        with pytest.raises(TypeError):
            mta_sts.tls_required_no(lone)  # type: ignore[arg-type]


def test_an_exception_of_an_iterable_comes_through() -> None:
    def records() -> Any:
        yield b"v=STSv1; id=1"
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Record.select(records())


def test_options_have_names_and_data_have_none() -> None:
    with pytest.raises(TypeError):
        Policy.parse(BODY, True)  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        Policy.parse(body=BODY)  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        PolicyCache(10)  # type: ignore[call-arg]


def test_words_that_are_none_are_value_errors() -> None:
    with pytest.raises(ValueError, match="'deliverr' is not a purpose"):
        Lookup("example.test", now=NOW, purpose="deliverr")  # type: ignore[arg-type]
    with pytest.raises(ValueError):
        Delivery.without_policy().check_session("mx.test", "fine")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("parse", "text", "code", "line", "offset"),
    [
        (Policy.parse, b"version: STSv1\nmode: x\nmx: a.test\nmax_age: 1\n", "bad-mode", 2, 21),
        (Policy.parse, b"", "missing-version", 1, 0),
        (Record.parse, b"v=STSv1; id=a-b", "bad-id", 1, 13),
        (DnsName.parse, "mx..test", "empty-label", 1, 3),
    ],
)
def test_errors_say_what_and_where(parse: Any, text: Any, code: str, line: int, offset: int) -> None:
    with pytest.raises(MtaStsError) as raised:
        parse(text)
    error = raised.value
    assert isinstance(error, ValueError)
    assert (error.code, error.line, error.offset) == (code, line, offset)
    assert error.code in mta_sts.codes() and str(error)
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.code, again.line, again.offset) == (str(error), code, line, offset)
    assert f"code='{code}'" in repr(error)


def test_an_error_of_a_response_says_what_to_report() -> None:
    with pytest.raises(MtaStsError) as raised:
        Policy.from_response(status=404, content_type=None, body=b"")
    assert raised.value.result_type is ResultType.STS_POLICY_FETCH_ERROR
    with pytest.raises(MtaStsError) as raised:
        Policy.from_response(status=200, content_type="text/plain", body=b"")
    assert raised.value.result_type is ResultType.STS_POLICY_INVALID


def test_times() -> None:
    aware = datetime.fromtimestamp(NOW, timezone(timedelta(hours=9)))
    for time in (NOW, float(NOW), NOW + 0.9, aware):
        assert CachedPolicy(Policy.parse(BODY), "1", time).fetched_at == NOW
    for time in (aware.replace(tzinfo=None), -1, -0.5e9, float("nan"), float("inf"), 2**64):
        with pytest.raises(ValueError):
            CachedPolicy(Policy.parse(BODY), "1", time)
    for wrong in ("1700000000", None, b"1"):
        with pytest.raises(TypeError):
            CachedPolicy(Policy.parse(BODY), "1", wrong)  # type: ignore[arg-type]


def test_spans_of_time() -> None:
    config = LookupConfig(back_off=timedelta(minutes=10), timeout=30)
    assert (config.back_off, config.timeout, config.max_body_len) == (600.0, 30.0, 65_536)
    assert config == LookupConfig(back_off=600, timeout=timedelta(seconds=30))
    with pytest.raises(ValueError):
        LookupConfig(timeout=-1)
    with pytest.raises(TypeError):
        LookupConfig(timeout="30")  # type: ignore[arg-type]


def test_the_cache_is_bounded_and_saves_what_it_holds() -> None:
    cache = PolicyCache(max_entries=2)
    for name in ("a.test", "b.test"):
        assert cache.apply(name, outcome().cache_update, now=NOW) == []
    match cache.apply("c.test", outcome().cache_update, now=NOW):
        case [mta_sts.Evicted(domain, gone)]:
            assert str(domain) in {"a.test", "b.test"} and gone.policy is not None
        case other:
            pytest.fail(repr(other))
    assert len(cache) == 2 and "c.test" in cache and domain not in cache
    again = PolicyCache()
    for saved, remembered in cache.entries():
        assert again.insert(saved, CacheEntry.parse(remembered.to_text(saved), saved), now=NOW) == []
    assert sorted(again.entries(), key=str) == sorted(cache.entries(), key=str)
    assert again.remove("c.test") is not None and again.get("c.test", now=NOW) is None


def test_a_lookup_that_is_not_asked_says_so_and_goes_on() -> None:
    lookup = Lookup("example.test", now=NOW)
    with pytest.raises(MtaStsError) as raised:
        lookup.handle_response(status=200, content_type=None, body=b"", now=NOW)
    assert raised.value.code in mta_sts.codes() and raised.value.line is None
    assert lookup.poll_output() == mta_sts.QueryTxt("_mta-sts.example.test")


def test_all_is_all() -> None:
    public = {name for name in vars(mta_sts) if not name.startswith("_")}
    modules = {"resolver", "aio", "store", "publish", "tlsrpt"}
    assert set(mta_sts.__all__) - {"__version__"} == public - modules
    for module in (publish, tlsrpt):
        assert set(module.__all__) == {name for name in vars(module) if not name.startswith("_")}
    for module in (mta_sts, publish, tlsrpt):
        assert len(set(module.__all__)) == len(module.__all__)


def test_the_memory_of_a_cache_is_bounded() -> None:
    cache = mta_sts.PolicyCache(max_octets=100_000)
    assert (cache.max_octets, cache.octets) == (100_000, 0)
    for number in range(5):
        text = f"version: STSv1\nmode: enforce\nmx: mx{number}.test\nmax_age: 604800\nfiller: {'x' * 30_000}\n"
        cached = mta_sts.CachedPolicy(mta_sts.Policy.parse(text), "1", 1_700_000_000)
        update = mta_sts.CacheUpdate.store(cached, checked_until=1_700_000_000)
        gone = cache.apply(f"d{number}.test", update, now=1_700_000_000)
        assert [str(each.domain) for each in gone] == ([f"d{number - 3}.test"] if number >= 3 else [])
    assert len(cache) == 3
    assert 90_000 < cache.octets <= 100_000
