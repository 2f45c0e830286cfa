"""Sessions counted, reports sent by mail, failures explained, and whether to enforce: what the vectors do not ask."""

from __future__ import annotations

import copy
import email
import email.policy
import gzip
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import datetime, timezone
from email.message import EmailMessage
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta_sts import (
    CachedPolicy,
    CacheUpdate,
    Delivery,
    FetchFailed,
    Mailto,
    MtaStsError,
    Outcome,
    Policy,
    Response,
    ResultType,
    TlsrptRecord,
    Txt,
    _literals,
    codes,
    drive,
)
from mta_sts.tlsrpt import (
    Counted,
    Datagram,
    DueId,
    DueReport,
    Event,
    FailureDetails,
    Hint,
    LiveFindings,
    LiveHost,
    ReadyRule,
    ReadyRules,
    Report,
    ReportFileName,
    ReportPeriod,
    ReportPolicy,
    ReportSender,
    ReportSubject,
    Tally,
    Whose,
    assess,
    explain,
    hints,
)

NOW = 1_700_000_000
SENDER = ReportSender("tls-reports@sender.example", "Sender \u00dc, Inc.")
RECORD = "v=TLSRPTv1; rua=mailto:tls@example.com"
POLICY = Policy.parse("version: STSv1\nmode: enforce\nmx: mx.example.com\nmax_age: 604800\n")
SUCCESS = (
    b'{"d": "example.com", "pr": "v=TLSRPTv1; rua=mailto:tls@example.com", "policies": '
    b'[{"policy-type": 9, "policy-domain": "example.com", "t": 0, "f": 0}]}'
)


def tally(**options: Any) -> Tally:
    return Tally(SENDER, **({"seed": 7} | options))


def due_of(tally: Tally) -> DueReport:
    now = tally.poll_timeout()
    assert now is not None
    due = tally.poll_report(now=now)
    assert due is not None
    return due


def event(tls: Any = "certificate-expired", **facts: Any) -> Event:
    verdict = Delivery.under(POLICY).check_session("mx.example.com", tls)
    (row,) = verdict.rows
    return Event.session("example.com", row, mx_host="mx.example.com", policy=POLICY, record=RECORD, **facts)


def test_a_session_is_counted_with_what_is_known_of_it() -> None:
    counting = tally()
    facts = {
        "helo": "250-mx.example.com\r\n250 SIZE 1048576",
        "sending_ip": "192.0.2.1",
        "receiving_ip": "2001:DB8::25",
        "reason": "certificate has expired\r\nX: y",
    }
    assert counting.count(event(**facts), now=NOW) is Counted.WHOLE
    assert counting.count(event("authenticated"), now=NOW).is_counted
    assert (counting.domains(NOW), counting.is_empty, counting.lost_sessions) == (1, False, 0) and counting.octets > 0
    (policy,) = due_of(counting).report.policies
    assert (policy.kind, policy.successes, policy.failures, policy.lines) == ("sts", 1, 1, POLICY.lines)
    assert policy.mx_hosts == ["mx.example.com"]
    assert policy.details == (
        FailureDetails(
            "certificate-expired",
            1,
            sending_mta_ip="192.0.2.1",
            receiving_mx_hostname="mx.example.com",
            receiving_mx_helo="mx.example.com",
            receiving_ip="2001:db8::25",
            failure_reason_code="certificate has expired",
        ),
    )


def test_dane_is_counted_under_the_records_of_the_host() -> None:
    verdict = Delivery.without_policy().check_session("mx.example.net", "authenticated", dane="usable", dane_result="failed")
    counting = tally()
    records = ["3 1 1 AB", "2 1 1 CD"]
    for row in verdict.rows:
        counting.count(Event.session("example.com", row, mx_host="mx.example.net", tlsa_records=records), now=NOW)
    (policy,) = due_of(counting).report.policies
    assert (policy.kind, policy.domain, policy.lines, policy.failures) == ("tlsa", "mx.example.net", records, 1)


def failed_lookup(**answers: Any) -> Outcome:
    cached = CacheUpdate.store(CachedPolicy(POLICY, "1", NOW - 600), checked_until=NOW - 300).apply_to(None, now=NOW)
    return drive(
        "example.com",
        query_txt=lambda _: Txt(["v=STSv1; id=2;"], ttl=300),
        fetch_policy=lambda _: answers["fetched"],
        cached=cached if answers.get("cached") else None,
        now=lambda: NOW,
    )


def test_a_policy_that_could_not_be_had_is_a_failed_session() -> None:
    invalid = Response(200, "text/plain", b"version: STSv1\nmode: enforced\n\x00\xff\n")
    failed = Event.discovery("example.com", failed_lookup(fetched=invalid), record=TlsrptRecord.parse(RECORD))
    assert failed is not None and failed.has_failed and failed.policy_type == "sts"
    counting = tally()
    counting.count(failed, now=NOW)
    report = due_of(counting).report
    (policy,) = report.policies
    assert policy.lines[:2] == ["version: STSv1", "mode: enforced"] and policy.failures == 1
    assert policy.details == (FailureDetails("sts-policy-invalid", 1, failure_reason_code="not-utf8"),)
    assert Report.parse(report.to_json(), strict=True) == report


def test_beside_a_cached_policy_it_is_a_detail() -> None:
    failed = Event.discovery("example.com", failed_lookup(fetched=FetchFailed("timeout"), cached=True))
    assert failed is not None and not failed.has_failed
    counting = tally()
    assert counting.count(failed, now=NOW) is Counted.WHOLE
    counting.count(event("authenticated"), now=NOW)
    (policy,) = due_of(counting).report.policies
    assert (policy.successes, policy.failures, policy.lines) == (1, 0, POLICY.lines)
    assert [details.result for details in policy.details] == ["sts-policy-fetch-error"]
    # A datagram has no word for it.
    assert not Datagram("example.com", RECORD).add(failed)


def test_a_lookup_that_went_well_is_no_event() -> None:
    outcome = drive(
        "example.com",
        query_txt=lambda _: Txt(["v=STSv1; id=2;"], ttl=300),
        fetch_policy=lambda _: Response(200, "text/plain", str(POLICY).encode()),
    )
    assert Event.discovery("example.com", outcome) is None


def events() -> list[Event]:
    whole = event(
        helo="250-mx.example.com\r\n250 SIZE 1",
        sending_ip="10.0.0.1",
        receiving_ip="2001:db8::25",
        reason="certificate has expired",
    )
    datagram = Datagram("example.com", RECORD)
    datagram.add(whole)
    verdict = Delivery.without_policy().check_session("mx.a.test", "authenticated", dane="usable", dane_result="failed")
    discoveries = [
        Event.discovery("example.com", failed_lookup(fetched=Response(200, "text/plain", b"version: STSv1\n\xff")), record=RECORD),
        Event.discovery("example.com", failed_lookup(fetched=FetchFailed("timeout"), cached=True), tlsrpt_report=True),
    ]
    return [
        whole,
        whole.with_sending_ip("192.0.2.1"),
        event(tlsrpt_report=True),
        *(Event.session("a.test", row, tlsa_records=["3 1 1 00FF"]) for row in verdict.rows),
        *(Event.session("a.test", row, mx_host="mx.a.test", record="no record") for row in verdict.rows),
        *(found for found in discoveries if found is not None),
        *datagram.events,
        datagram.events[0].with_sending_ip("192.0.2.1"),
    ]


def test_an_event_from_a_pickle_counts_as_the_same() -> None:
    assert len(events()) > 8
    for happened in events():
        for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
            octets = pickle.dumps(happened, protocol)
            again = pickle.loads(octets)
            assert pickle.dumps(again, protocol) == octets and repr(again) == repr(happened)
            texts, counted = [], []
            for each in (happened, again):
                counting = tally()
                counted.append(counting.count(each, now=NOW))
                texts.append(counting.to_text())
            assert counted[0] is counted[1] and texts[0] == texts[1]


def test_the_identity_of_a_report_outlives_the_process() -> None:
    counting = tally()
    counting.count(event(), now=NOW)
    due = due_of(counting)
    again = pickle.loads(pickle.dumps(due))
    assert again == due and again.id == DueId(due.id.domain, day=due.id.day, number=due.id.number) == eval(repr(due.id))
    assert (again.id.domain, again.id.day, again.id.number) == ("example.com", NOW // 86_400 * 86_400, 0)
    # What another process has kept says which report was delivered.
    later = Tally.parse(counting.to_text(), SENDER, seed=7)
    assert not later.is_empty and later.handle_delivery(again.id, "delivered", now=NOW + 86_400) is None and later.is_empty
    for wrong in (-1, 2**32):
        with pytest.raises(ValueError):
            DueId("a.test", day=NOW, number=wrong)
    with pytest.raises(MtaStsError):
        DueId("a..test", day=NOW, number=0)


def test_what_is_not_counted_says_why() -> None:
    counting = tally(max_domains=1)
    verdict = Delivery.without_policy().check_session("mx.a.test", "not-offered")
    (row,) = verdict.rows
    assert counting.count(Event.session("a.test", row, tlsrpt_report=True), now=NOW) is Counted.TLSRPT_REPORT
    assert counting.count(Event.session("a.test", row, record="no record"), now=NOW) is Counted.NO_TLSRPT_RECORD
    assert counting.count(Event.session("a.test", row), now=NOW).is_counted
    lost = counting.count(Event.session("b.test", row), now=NOW)
    assert lost is Counted.TOO_MANY_DOMAINS and lost.is_lost and not lost.is_counted
    assert tally(max_octets=0).count(event(), now=NOW) is Counted.OUT_OF_MEMORY


def test_a_datagram_says_what_its_events_do() -> None:
    datagram = Datagram("Example.com.", TlsrptRecord.parse(RECORD))
    with pytest.raises(MtaStsError) as raised:
        datagram.to_json()
    assert raised.value.code == "datagram-without-policy" and pickle.loads(pickle.dumps(datagram)) == datagram
    assert datagram.add(event(sending_ip="10.0.0.1")) and not datagram.add(event(tlsrpt_report=True))
    (taken,) = datagram.events
    outside = taken.with_sending_ip("192.0.2.1")
    counting = tally()
    assert counting.count_datagram(datagram, now=NOW) == [Counted.WHOLE]
    assert counting.count(outside, now=NOW) is Counted.WHOLE
    (policy,) = due_of(counting).report.policies
    assert sorted(str(details.sending_mta_ip) for details in policy.details) == ["10.0.0.1", "192.0.2.1"]
    assert Datagram.parse(datagram.to_json()) == datagram != Datagram.parse(SUCCESS)
    with pytest.raises(TypeError):
        hash(datagram)


@pytest.mark.parametrize("wrong", [b"", b"5", b"[]", b"\xff", b'{"d": 5}', b'{"d": "a.test", "pr": "", "policies": [1]}', b"[" * 70_000])
def test_no_datagram_is_an_error_and_no_more(wrong: bytes) -> None:
    with pytest.raises(MtaStsError) as raised:
        Datagram.parse(wrong)
    assert raised.value.code in codes() and raised.value.line == 1


def mailed(due: DueReport, to: Mailto | str = "tls@example.com") -> EmailMessage:
    read = email.message_from_bytes(due.mail(to=to, date=NOW).as_bytes(), policy=email.policy.default)
    assert isinstance(read, EmailMessage)
    return read


def test_a_mail_brings_the_report() -> None:
    counting = tally()
    counting.count_datagram(Datagram.parse(SUCCESS), now=NOW)
    due = due_of(counting)
    mail = mailed(due, TlsrptRecord.parse(RECORD).uris[0])  # type: ignore[arg-type]
    assert mail.get_content_type() == "multipart/report" and mail.get_param("report-type") == "tlsrpt"
    assert mail["From"].addresses[0].addr_spec == SENDER.contact and mail["From"].addresses[0].display_name == SENDER.organization
    assert mail["To"] == "tls@example.com" and mail["Date"].datetime == datetime.fromtimestamp(NOW, timezone.utc)
    assert (mail["TLS-Report-Domain"], mail["TLS-Report-Submitter"], mail["TLS-Required"]) == ("example.com", "sender.example", "No")
    subject = ReportSubject.parse(mail["Subject"])
    assert subject is not None and subject.report_id == due.report.id and subject.domain == "example.com"
    text, attached = mail.iter_parts()
    assert isinstance(attached, EmailMessage) and isinstance(text, EmailMessage)
    assert text.get_content_type() == "text/plain" and "Sessions that succeeded: 1" in text.get_content()
    assert attached.get_content_type() == "application/tlsrpt+gzip"
    name = ReportFileName.parse(attached.get_filename() or "")
    assert name is not None and name.period == due.report.period and str(name) == attached.get_filename()
    packed = attached.get_content()
    assert Report.parse(packed, strict=True) == due.report and gzip.decompress(packed) == due.report.to_json().encode()


def test_the_lines_of_a_mail_are_as_long_as_they_may_be() -> None:
    long = ".".join(["a" * 60] * 3 + ["example"])
    counting = Tally(ReportSender(f"tls@{'b' * 60}.{'c' * 60}.example", "\u00fc" * 120), seed=1)
    counting.count_datagram(Datagram.parse(SUCCESS.replace(b"example.com", long.encode())), now=NOW)
    due = due_of(counting)
    octets = due.mail(to="tls@example.com").as_bytes()
    assert max(map(len, octets.split(b"\r\n"))) <= 998
    # What is in a file, of the second part, is written in lines of 76.
    assert max(map(len, octets.partition(b"base64")[2].partition(b"\r\n\r\n")[2].split(b"\r\n"))) <= 78
    mail = mailed(due)
    assert mail["TLS-Report-Domain"] == long and f"\r\nTLS-Report-Domain: {long}\r\n".encode() in octets
    assert ReportSubject.parse(mail["Subject"]) is not None


@pytest.mark.parametrize("to", ["", "tls", "a@b.test\r\nBcc: x@y.test", "a@b.test, c@d.test", "<a@b.test>", "a@", "\ud800@a.test"])
def test_an_address_that_is_none_is_refused(to: str) -> None:
    counting = tally()
    counting.count_datagram(Datagram.parse(SUCCESS), now=NOW)
    due = due_of(counting)
    with pytest.raises(ValueError):
        due.mail(to=to).as_bytes()


def test_a_date_is_a_time_like_all_others() -> None:
    counting = tally()
    counting.count_datagram(Datagram.parse(SUCCESS), now=NOW)
    due = due_of(counting)
    aware = datetime.fromtimestamp(NOW, timezone.utc)
    assert due.mail(to="a@b.test", date=aware)["Date"] == due.mail(to="a@b.test", date=NOW)["Date"]
    for wrong in (-1, 2**63, 10**11 * 4, aware.replace(tzinfo=None)):
        with pytest.raises(ValueError):
            due.mail(to="a@b.test", date=wrong)
    with pytest.raises(TypeError):
        due.mail(to="a@b.test", date="now")  # type: ignore[arg-type]
    assert copy.copy(due) == copy.deepcopy(due) == due


def test_a_report_that_no_receiver_would_take_gets_no_mail() -> None:
    report = Report(organization="A", contact="tls@a.test", id="1@a.test", period=ReportPeriod.of_day(NOW))
    for other, code in [
        (Report.parse('{"policies": []}'), "bad-sender-contact"),
        (Report(organization="A", contact="tls@a.test", id="1", period=ReportPeriod.of_day(NOW)), "bad-report-id"),
    ]:
        with pytest.raises(MtaStsError) as raised:
            other.mail("example.com", to="tls@example.com")
        assert raised.value.code == code
    with pytest.raises(MtaStsError) as raised:
        report.mail_parts("example.com", SENDER)
    assert raised.value.code == "other-report-submitter"
    # Whether it may be written, `to_json` says.
    with pytest.raises(MtaStsError) as raised:
        Report(organization="A", contact="tls@a.test", id="1@a.test", period=ReportPeriod(1, 2)).mail("a.test", to="b@a.test")
    assert raised.value.code == "report-not-of-one-day"


def test_a_delivery_that_failed_is_tried_again_with_the_same_report() -> None:
    counting = tally()
    counting.count_datagram(Datagram.parse(SUCCESS), now=NOW)
    due = due_of(counting)
    now = counting.poll_timeout()
    assert now is not None and counting.poll_report(now=NOW) is None
    again_at = counting.handle_delivery(due.id, "failed", now=now)
    assert again_at is not None and again_at > now
    loaded = Tally.parse(counting.to_text(), SENDER, seed=7)
    again = loaded.poll_report(now=again_at)
    assert again is not None and (again.report, again.attempt, again.id) == (due.report, 2, due.id)
    assert hash(again.id) == hash(due.id) and repr(again.id) == repr(due.id)
    assert loaded.handle_delivery(again.id, "refused", now=again_at) is None and loaded.is_empty
    with pytest.raises(MtaStsError):
        loaded.handle_delivery(again.id, "lost", now=again_at)  # type: ignore[arg-type]


def test_tallies_are_merged_whatever_the_threads_do() -> None:
    one, other = tally(), tally()
    faults: list[BaseException] = []
    start = threading.Barrier(6)

    def use(turn: int) -> None:
        try:
            start.wait()
            for _ in range(200):
                if turn < 2:
                    (one, other)[turn].count_datagram(Datagram.parse(SUCCESS), now=NOW)
                elif turn < 4:
                    copied = Tally.parse((one, other)[turn % 2].to_text(), SENDER, seed=turn)
                    copied.merge((other, one)[turn % 2])
                else:
                    # Of both in either order: nobody waits for ever.
                    empty = tally()
                    full = (one, other)[turn % 2]
                    empty.merge(full)
                    full.merge(tally())
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=use, args=(turn,)) for turn in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not faults and not any(thread.is_alive() for thread in threads)
    with pytest.raises(ValueError):
        one.merge(one)


def test_two_threads_that_merge_into_each_other_do_not_wait_for_ever() -> None:
    one, other = tally(), tally()

    def merge(into: Tally, what: Tally) -> None:
        for _ in range(2_000):
            into.merge(what)

    threads = [threading.Thread(target=merge, args=pair, daemon=True) for pair in ((one, other), (other, one))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)


def test_the_text_of_a_tally_that_is_damaged_is_refused() -> None:
    counting = tally()
    counting.count_datagram(Datagram.parse(SUCCESS), now=NOW)
    saved = counting.to_text()
    for text, code in [(saved[:-1], "truncated-tally"), ("", "not-a-tally"), ("mta-sts-tally 9\n", "unknown-tally-version")]:
        with pytest.raises(MtaStsError) as raised:
            Tally.parse(text, SENDER, seed=7)
        assert raised.value.code == code and raised.value.line is not None


def test_what_is_not_written_as_a_call_is_shown_all_the_same() -> None:
    counting = tally()
    assert repr(counting) == "<Tally octets=0 is_empty=True>"
    assert repr(event()) == "<Event domain=example.com policy_type=sts has_failed=True>"
    assert repr(Datagram.parse(SUCCESS)) == "<Datagram domain=example.com events=1>"
    assert eval(repr(SENDER)) == SENDER


def test_no_event_is_made_out_of_nothing() -> None:
    wrong: list[Callable[[], object]] = [
        lambda: Event(5),  # type: ignore[arg-type]
        lambda: Event.session("a.test", None),  # type: ignore[arg-type]
        lambda: Event.discovery("a.test", None),  # type: ignore[arg-type]
        lambda: event(record=5),
        lambda: event(receiving_ip=5),
        lambda: event(tlsa_records="3 1 1 AB"),
        lambda: Tally("tls@a.test", seed=1),  # type: ignore[arg-type]
        lambda: tally(seed=None),
        lambda: assess([None], domain="a.test", policy=POLICY, now=NOW),  # type: ignore[list-item]
        lambda: assess([], domain="a.test", policy=POLICY, now=NOW, live=[]),  # type: ignore[arg-type]
        lambda: assess([], domain="a.test", policy=POLICY, now=NOW, live=LiveFindings(["mx.a.test"])),  # type: ignore[list-item]
        lambda: explain("sts", None),  # type: ignore[arg-type]
        lambda: ReadyRules(few_sessions=5),  # type: ignore[arg-type]
        lambda: ReadyRules(days="x"),  # type: ignore[arg-type]
    ]
    for call in wrong:
        with pytest.raises((TypeError, AttributeError)):
            call()
    for call in (
        lambda: event(receiving_ip="mx.a.test"),
        lambda: tally(max_domains=-1),
        lambda: ReadyRules(days=-1),
        lambda: ReadyRules(accepted=["a..test"]),
        lambda: Hint.of("no-such-hint"),  # type: ignore[arg-type]
        lambda: ReportSender("tls", "Sender"),
        lambda: assess([], domain="a..test", policy=POLICY, now=NOW),
        lambda: assess([], domain="a.test", policy=POLICY, now=-1),
        lambda: assess([], domain="a.test", policy=POLICY, now=NOW, live=LiveFindings([LiveHost("mx.a.test", "no-such")])),  # type: ignore[arg-type]
    ):
        with pytest.raises(ValueError):
            call()


def test_hints_are_literals_and_say_what_to_do() -> None:
    listed = set(get_args(_literals.HintCode))
    own = {hint.code for hint in hints()}
    of_reports = set(get_args(_literals.ReportFindingCode))
    assert own | set(get_args(_literals.FindingCode)) - of_reports == listed
    for code in of_reports:
        with pytest.raises(MtaStsError):
            Hint.of(code)
    for code in listed:
        hint = Hint.of(code)
        assert hint.code == code and hint.cause.endswith(".") and hint.fix.endswith(".") and str(hint)
        assert pickle.loads(pickle.dumps(hint)) == hint and hash(hint) == hash(Hint.of(code))
    assert {hint.whose for hint in hints()} == set(Whose)


def test_a_failure_is_explained_by_what_a_report_has() -> None:
    details = FailureDetails(ResultType.CERTIFICATE_NOT_TRUSTED, 1)
    policy = ReportPolicy("tlsa", "mx.a.test", details=[details])
    under_dane = explain(policy.kind, details.result, details.failure_reason_code)
    assert under_dane == explain("tlsa", "certificate-not-trusted") != explain("sts", "certificate-not-trusted")
    assert explain("quantum", "entangled", "\ud800").whose is Whose.UNCLEAR


@given(st.text(), st.text(), st.none() | st.text())
def test_any_failure_has_a_hint(policy_type: str, result_type: str, reason: str | None) -> None:
    assert explain(policy_type, result_type, reason).code in get_args(_literals.HintCode)


def test_the_conditions_of_enforcing() -> None:
    readiness = assess([], domain="example.com", policy=POLICY, now=NOW)
    assert [condition.rule for condition in readiness.conditions] == list(ReadyRule)
    assert readiness.verdict == "not-yet" and readiness.earliest is not None and readiness.earliest > NOW
    missing = {condition.rule for condition in readiness.conditions if not condition.is_met}
    assert missing == {shortfall.rule for shortfall in readiness.shortfalls}
    assert {shortfall.code for shortfall in readiness.shortfalls} <= set(get_args(_literals.ShortfallCode))
    assert str(readiness.evidence) == "0 sessions prove nothing" and readiness.evidence.failure_share == 1.0
    fault = LiveFindings([LiveHost("mx.example.com", fault=Hint.of("certificate-expired"))], policy_fault="http-status")
    seen = assess([], domain="example.com", policy=POLICY, now=NOW, live=fault)
    assert {(shortfall.code, shortfall.hint and shortfall.hint.code) for shortfall in seen.shortfalls} >= {
        ("host-fails", "certificate-expired"),
        ("policy-not-served", "http-status"),
    }


def test_rules_are_a_value() -> None:
    rules = ReadyRules(days=28, few_sessions=(5, 30), other_failures=(1, 1), accepted=["Old.example.com."], sessions=2**63)
    assert rules == pickle.loads(pickle.dumps(rules)) == eval(repr(rules).replace("DnsName.parse", "str")) != ReadyRules()
    assert (rules.days, rules.few_sessions, rules.other_failures) == (28, (5, 30), (1, 1)) and rules.accepted[0] == "old.example.com"
    assert (ReadyRules().certificate_days, ReadyRules().sessions, ReadyRules(days=2**40).days) == (14, 100, 2**32 - 1)


EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "reports.py"


def test_the_example_reads_a_folder(tmp_path: Path) -> None:
    pytest.importorskip("pandas", reason="the example is for pandas")
    for sender, failures in (("a.example", 3), ("b.example", 0)):
        details = [FailureDetails("certificate-expired", failures, receiving_mx_hostname="mx2.example.com")] if failures else []
        report = Report(
            organization=f"Sender {sender}",
            contact=f"tls@{sender}",
            id=f"1@{sender}",
            period=ReportPeriod.of_day(NOW),
            policies=[ReportPolicy("sts", "example.com", successes=40, failures=failures, details=details)],
        )
        packed = gzip.compress(report.to_json().encode())
        (tmp_path / f"{sender}!example.com!1699920000!1700006399!1.json.gz").write_bytes(packed)
        (tmp_path / f"again-{sender}.json").write_text(report.to_json(), "utf-8")
    (tmp_path / "broken.json.gz").write_bytes(b"\x1f\x8b\x08")
    ran = subprocess.run([sys.executable, str(EXAMPLE), str(tmp_path)], capture_output=True, text=True, timeout=120)
    assert ran.returncode == 1 and "broken.json.gz" in ran.stderr and ran.stderr.count("\n") == 1, ran.stderr
    lines = ran.stdout.splitlines()
    assert sum(line.split()[-2:] == ["40", "3"] for line in lines) == 1 and sum(line.split()[-2:] == ["40", "0"] for line in lines) == 1
    assert "3 sessions, 'mx2.example.com', owner: The certificate of the MX host has expired." in lines
    (tmp_path / "broken.json.gz").unlink()
    for path in tmp_path.iterdir():
        if "a.example" in path.name:
            path.unlink()
    ran = subprocess.run([sys.executable, str(EXAMPLE), str(tmp_path)], capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0 and "sessions," not in ran.stdout, (ran.stdout, ran.stderr)
    assert os.listdir(tmp_path)
