"""Deliveries: made of outcomes, asked about hosts and sessions that cannot contradict themselves, and at the end."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from itertools import product
from typing import Any, get_args

import pytest

import mta_sts
from mta_sts import (
    AuthenticateByBoth,
    Bounce,
    CacheEntry,
    DaneResult,
    DaneState,
    Defer,
    Delivery,
    MessageTls,
    Mode,
    MtaStsError,
    NoPolicyReason,
    Opportunistic,
    Outcome,
    Policy,
    PolicySource,
    Purpose,
    Recheck,
    RecheckPolicy,
    RecordCheck,
    SessionFault,
    Skip,
    TlsResult,
    TryAgain,
    Txt,
    TxtAnswer,
    TxtFailed,
    TxtNotFound,
    TlsMinimum,
    _literals,
    drive,
)

NOW = 1_700_000_000
HOST = "mx.a.test"


def body(mode: str = "enforce", mx: str = HOST) -> bytes:
    return f"version: STSv1\nmode: {mode}\nmx: {mx}\nmax_age: 86400\n".encode()


def look_up(
    answer: TxtAnswer,
    fetched: bytes | None = body(),
    *,
    cached: CacheEntry | None = None,
    purpose: Purpose = Purpose.DELIVER,
    now: int = NOW,
) -> Outcome:
    return drive(
        "a.test",
        query_txt=lambda _: answer,
        fetch_policy=lambda _: (
            mta_sts.FetchFailed("timeout") if fetched is None else mta_sts.Response(200, "text/plain", fetched)
        ),
        cached=cached,
        purpose=purpose,
        now=lambda: now,
    )


def record(id: str = "1") -> TxtAnswer:
    return Txt([f"v=STSv1; id={id};"], ttl=300)


FETCHED = look_up(record())
ENTRY = FETCHED.cache_update.apply_to(None, now=NOW)
LATER = NOW + 600


def test_of_an_outcome() -> None:
    assert isinstance(Delivery.of(FETCHED).check_mx("other.test").decision, Skip)
    assert Delivery.of(look_up(TxtNotFound())).check_mx("other.test").decision == Opportunistic()
    for failure in ("dns-servfail", "dns-timeout", "dns-bogus", "dns-unusable", "dns-local-fault"):
        unknown = Delivery.of(look_up(TxtFailed(failure)))
        assert unknown.check_mx(HOST).decision == Skip(SessionFault.POLICY_UNKNOWN)
        assert unknown.check_session(HOST, "authenticated").fault == SessionFault.POLICY_UNKNOWN
        assert unknown.conclude([SessionFault.POLICY_UNKNOWN]) == Defer()


def test_requiretls_waits_for_dns() -> None:
    unknown = Delivery.of(look_up(TxtFailed("dns-timeout")), message="requiretls")
    verdict = unknown.check_mx(HOST)
    assert verdict.decision == Skip(SessionFault.POLICY_UNKNOWN) and verdict.rows == ()
    assert unknown.conclude([SessionFault.POLICY_UNKNOWN]) == Defer()
    delivery = Delivery.of(FETCHED, message="requiretls")
    assert delivery.check_mx(HOST, dane="lookup-failed").decision == Skip(SessionFault.DANE_LOOKUP_FAILED)
    assert delivery.conclude([SessionFault.DANE_LOOKUP_FAILED]) == Defer()


def test_a_constructor_that_took_a_policy_says_what_to_call() -> None:
    calls: list[Callable[[], object]] = [
        lambda: Delivery(FETCHED.policy),  # type: ignore[arg-type]
        lambda: Delivery(None),  # type: ignore[arg-type]
        lambda: Delivery(),
        lambda: Delivery(None, minimum="encrypted"),  # type: ignore[arg-type]
    ]
    for call in calls:
        with pytest.raises(TypeError, match=r"Delivery\.of\(outcome\).*Delivery\.under\(policy\)"):
            call()


@pytest.mark.parametrize("wrong", [None, Policy.parse(body()), FETCHED.applied, "a.test", 1, object()])
def test_what_is_no_outcome_is_a_type_error(wrong: Any) -> None:
    with pytest.raises(TypeError):
        Delivery.of(wrong)
    with pytest.raises(TypeError):
        Delivery.without_policy().recheck(wrong)
    if not isinstance(wrong, Policy):
        with pytest.raises(TypeError):
            Delivery.under(wrong)


WITHOUT_CERTIFICATE = [TlsResult.NOT_OFFERED, TlsResult.REFUSED, TlsResult.HANDSHAKE_FAILED, TlsResult.VERSION_TOO_OLD]


@pytest.mark.parametrize("tls", TlsResult)
def test_dane_has_no_result_without_a_certificate(tls: TlsResult) -> None:
    delivery = Delivery.under(Policy.parse(body()), dane_precedence="dane-decides", minimum="authenticated")
    for state, result in product(DaneState, (DaneResult.PASSED, DaneResult.FAILED)):
        if tls in WITHOUT_CERTIFICATE:
            with pytest.raises(ValueError, match=f"'{tls}' has no certificate"):
                delivery.check_session(HOST, tls, dane=state, dane_result=result)
        else:
            delivery.check_session(HOST, tls, dane=state, dane_result=result)
    # What used to pass before TLS was tried is refused like everything that DNS does not say.
    for word in ("passed", "failed"):
        with pytest.raises(MtaStsError, match="not a DaneState"):
            delivery.check_mx(HOST, dane=word)  # type: ignore[arg-type]


def test_no_session_in_the_clear_gets_a_message_that_wants_more() -> None:
    policy = Policy.parse(body())
    demands: list[dict[str, Any]] = [
        {"minimum": "authenticated"},
        {"minimum": "encrypted"},
        {"message": "requiretls"},
        {"minimum": "encrypted", "dane_precedence": "dane-decides"},
    ]
    deliveries = [
        Delivery.under(policy),
        Delivery.under(policy, dane_precedence="dane-decides"),
        Delivery.undetermined(),
        *(Delivery.under(policy, **options) for options in demands),
        *(Delivery.without_policy(**options) for options in demands),
    ]
    for delivery, tls, state, dnssec in product(deliveries, WITHOUT_CERTIFICATE[:3], DaneState, (False, True)):
        verdict = delivery.check_session(HOST, tls, dane=state, dnssec=dnssec, offers_requiretls=True)
        assert verdict.decision == "try-next-mx", (delivery, tls, state)


def test_the_decision_names_both_duties() -> None:
    delivery = Delivery.under(Policy.parse(body()))
    assert delivery.check_mx(HOST, dane="usable").decision == AuthenticateByBoth(HOST)
    verdict = delivery.check_session(HOST, "authenticated", dane="usable")
    assert verdict.fault == SessionFault.DANE_NOT_CHECKED
    assert all(row.reason != SessionFault.DANE_NOT_CHECKED for row in verdict.rows)
    passed = delivery.check_session(HOST, "authenticated", dane="usable", dane_result="passed")
    assert passed.decision == "deliver" and all(row.result_type is None for row in passed.rows)


def test_reports_count_what_was_looked_for() -> None:
    decides = Delivery.under(Policy.parse(body(mx="other.test")), dane_precedence="dane-decides")
    by_dane = decides.check_session(HOST, "certificate-not-trusted", dane="usable", dane_result="passed")
    assert by_dane.decision == "deliver" and [row.policy_type for row in by_dane.rows] == ["tlsa"]
    for delivery in (Delivery.under(Policy.parse(body())), Delivery.under(Policy.parse(body()), message="tls-required-no")):
        rows = delivery.check_session(HOST, "certificate-not-checked", dane="usable").rows
        assert not any(row.result_type for row in rows), rows


OLD = Delivery.of(FETCHED)
RECHECKS: list[tuple[str, TxtAnswer, bytes | None, int, Recheck]] = [
    ("the same id", record(), body(), LATER, Recheck.UNCHANGED),
    ("no record any more, policy still in force", TxtNotFound(), None, LATER, Recheck.UNCHANGED),
    ("DNS timed out", TxtFailed("dns-timeout"), None, LATER, Recheck.NOT_CHECKED),
    ("a new id, its fetch timed out", record("2"), None, LATER, Recheck.NOT_CHECKED),
    ("a new id with another policy", record("2"), body(mx="other.test"), LATER, Recheck.CHANGED),
    ("a new id with the same policy", record("2"), body(), LATER, Recheck.UNCHANGED),
    ("mode none", record("2"), body("none"), LATER, Recheck.CHANGED),
    ("expired, and no record", TxtNotFound(), None, NOW + 90_000, Recheck.NO_LONGER_BOUND),
    ("expired, and DNS timed out", TxtFailed("dns-timeout"), None, NOW + 90_000, Recheck.NOT_CHECKED),
]


@pytest.mark.parametrize(("what", "answer", "fetched", "now", "expected"), RECHECKS, ids=lambda value: str(value)[:24])
def test_recheck(what: str, answer: TxtAnswer, fetched: bytes | None, now: int, expected: Recheck) -> None:
    outcome = look_up(answer, fetched, cached=ENTRY, purpose=Purpose.BEFORE_PERMANENT_FAILURE, now=now)
    recheck = OLD.recheck(outcome)
    assert recheck is expected, what
    # It stays what it is where outcomes go from one process to another.
    assert OLD.recheck(pickle.loads(pickle.dumps(outcome))) is expected
    conclusions = {
        Recheck.UNCHANGED: Bounce("5.4.7"),
        Recheck.CHANGED: TryAgain(),
        Recheck.NO_LONGER_BOUND: TryAgain(),
        Recheck.NOT_CHECKED: Defer(),
    }
    faults = [SessionFault.CERTIFICATE_EXPIRED]
    assert OLD.conclude(faults, lifetime="over") == RecheckPolicy()
    assert OLD.conclude(faults, lifetime="over", recheck=recheck) == conclusions[expected]


def test_another_message_has_stored_a_new_policy_meanwhile() -> None:
    newer = look_up(record("2"), body(mx="other.test"), cached=ENTRY, purpose=Purpose.BEFORE_PERMANENT_FAILURE, now=LATER)
    entry = newer.cache_update.apply_to(ENTRY, now=LATER)
    outcome = look_up(record("2"), None, cached=entry, purpose=Purpose.BEFORE_PERMANENT_FAILURE, now=LATER + 400)
    assert outcome.source == PolicySource.CACHED
    assert OLD.recheck(outcome) is Recheck.CHANGED


def test_an_outcome_that_asked_nobody_is_no_recheck() -> None:
    cached = look_up(TxtFailed("dns-timeout"), cached=ENTRY, now=NOW + 1)
    assert cached.record_check is RecordCheck.NOT_MADE and cached.source is PolicySource.CACHED
    assert OLD.recheck(cached) is Recheck.NOT_CHECKED


def test_requiretls_is_rechecked_once() -> None:
    delivery = Delivery.of(FETCHED, message="requiretls")
    faults = [SessionFault.CERTIFICATE_EXPIRED]
    assert delivery.conclude(faults, lifetime="running") == RecheckPolicy()
    assert delivery.conclude(faults, lifetime="running", recheck="unchanged") == Bounce("5.7.10")
    assert delivery.conclude(faults, lifetime="running", recheck="not-checked") == Defer()


def test_properties_of_an_outcome() -> None:
    assert (FETCHED.mode, FETCHED.id, FETCHED.source) == (Mode.ENFORCE, "1", PolicySource.FETCHED)
    nothing = look_up(TxtNotFound())
    assert nothing.no_policy is not None and nothing.no_policy.reason is NoPolicyReason.NO_RECORD
    assert (nothing.mode, nothing.id, nothing.source, nothing.policy) == (None, None, None, None)
    if (id := FETCHED.id) is not None:
        assert id.isalnum()  # A type checker knows that it is a `str`.


def test_a_message_is_returned_with_one_of_three_statuses() -> None:
    deliveries = [
        Delivery.under(Policy.parse(body()), message=message, minimum=minimum)
        for message, minimum in product(MessageTls, TlsMinimum)
    ]
    conclusions = [
        delivery.conclude([fault], lifetime="over", recheck="unchanged")
        for delivery, fault in product(deliveries, SessionFault)
    ]
    statuses = {conclusion.status for conclusion in conclusions if isinstance(conclusion, Bounce)}
    assert statuses == set(get_args(_literals.EnhancedStatus))
