# pyright: strict
"""Right uses, which mypy and pyright accept, and which run."""

from __future__ import annotations

from datetime import timedelta

from mta_sts import (
    Bounce,
    CacheUpdate,
    CachedPolicy,
    Delivery,
    DnsName,
    FetchFailed,
    FetchFailure,
    Lookup,
    Mode,
    MtaStsError,
    MxHost,
    MxPattern,
    Outcome,
    Policy,
    PolicyDomain,
    PolicyType,
    PostfixForm,
    Purpose,
    Record,
    ResultType,
    SessionFault,
    SessionVerdict,
    TlsResult,
    Txt,
    TxtFailed,
    codes,
    drive,
    lint_policy,
    postfix_tls_policy,
)
from mta_sts.publish import ChangeMx, Draft, Facts, History, Plan, PutPolicy, Target, Wait
from mta_sts.tlsrpt import (
    Counted,
    Event,
    FailureDetails,
    Hint,
    LiveFindings,
    LiveHost,
    ReadyRules,
    Report,
    ReportDelivery,
    ReportPeriod,
    ReportPolicy,
    ReportSender,
    Tally,
    Verdict,
    assess,
    explain,
)

policy = Policy.parse("version: STSv1\nmode: enforce\nmx: mx.a.test\nmax_age: 86400\n")

# A word, as text and as a member; a text that comes from elsewhere is made a member first.
Lookup("a.test", now=0, purpose="refresh")
Lookup("a.test", now=0, purpose=Purpose.REFRESH)
Lookup("a.test", now=0, purpose=Purpose("refresh"))
from_elsewhere: str = "handshake-failed"
verdict: SessionVerdict = Delivery.under(policy).check_session("mx.a.test", TlsResult(from_elsewhere))
assert postfix_tls_policy(policy, "a.test", form="basic") == postfix_tls_policy(policy, "a.test", form=PostfixForm.BASIC)
CacheUpdate.absent("no-record", until=0)
delivery = Delivery.under(policy, message="requiretls", minimum="encrypted", dane_precedence="dane-decides")
delivery.plan(["mx.a.test", DnsName.parse("mx.a.test"), MxHost("mx.a.test", "usable", dnssec=True)])
delivery.check_session("mx.a.test", "authenticated", dane="usable", dane_result="passed")
conclusion = delivery.conclude([None, "mx-mismatch", SessionFault.MX_MISMATCH], lifetime="over", recheck="unchanged")
status: str = conclusion.status if isinstance(conclusion, Bounce) else ""

# What comes back is a text, or a member, and nothing unknown.
value: str = Mode.ENFORCE.value
name: str = Mode.ENFORCE.name
mode: Mode = policy.mode
assert (value, name, mode.value.upper(), mode.name.lower()) == ("enforce", "ENFORCE", "ENFORCE", "enforce")
number: int = SessionFault.MX_MISMATCH.number
result_type: ResultType | None = FetchFailure.TIMEOUT.result_type
assert number == codes()["mx-mismatch"][0] and result_type is not None and result_type.number > 0
for finding in lint_policy("mode: x"):
    assert finding.code in codes() and finding.code != "bad-mx" and finding.number == codes()[finding.code][0]
try:
    Record.parse("v=STSv1; id=-")
except MtaStsError as error:
    assert error.code == "bad-id" and codes()[error.code][1].startswith("The")


def id_of(outcome: Outcome) -> str:
    """The id narrows where it is looked at."""
    if outcome.id is not None:
        return outcome.id.upper()
    if outcome.no_policy is not None and outcome.no_policy.cause is not None:
        return codes()[outcome.no_policy.cause][1]
    return ""


found = drive("a.test", query_txt=lambda _: Txt(["v=STSv1; id=a;"], ttl=60), fetch_policy=lambda _: FetchFailed("timeout"))
assert id_of(found) == "The Policy Host did not answer in time."
failed = drive("a.test", query_txt=lambda _: TxtFailed("dns-timeout"), fetch_policy=lambda _: FetchFailed("timeout"))
assert Delivery.of(failed).check_mx("mx.a.test").rows == ()

# Comparison as text.
assert "mx.a.test" in policy.mx and policy.mx.index("mx.a.test") == 0 and policy.mx.count("mx.a.test") == 1
assert policy.mx[0] == "mx.a.test" and MxPattern.parse("*.A.test") == "*.a.test"
assert DnsName.parse("A.test") == "a.test" == PolicyDomain.parse("A.test")
names: set[DnsName | str] = {DnsName.parse("a.test"), "a.test"}
assert len(names) == 1 and sorted([DnsName.parse("b.test"), DnsName.parse("a.test")])[0] == "a.test"
assert CachedPolicy(policy, "1", 0).id == "1"

# Reports. What is not registered is a text; what is missing is None.
details = FailureDetails(ResultType.CERTIFICATE_EXPIRED, 3, receiving_ip="192.0.2.1")
reported = ReportPolicy("sts", "a.test", lines=policy.lines, mx_hosts=map(str, policy.mx), failures=3, details=[details])
report = Report(organization="A", contact="a@a.test", id="1@a.test", period=ReportPeriod.of_day(0), policies=[reported])
assert Report.parse(report.to_json(), strict=True).policies[0].lines == policy.lines
for deviation in Report.parse(b'{"policies": []}', max_octets=100).deviations:
    assert deviation.code in codes() and deviation.code != "wrong-type"
kinds: list[PolicyType | str] = [each.kind for each in report.policies]
failures: int = sum(each["failures"] for each in report.to_dict()["policies"])
submitter: str = report.submitter or ""
assert kinds[0] == "sts" and (failures, submitter) == (3, "a.test") and report.period == ReportPeriod(0, 86_399)

# Counting, explaining, assessing.
tally = Tally(ReportSender("tls@b.test", "B"), seed=1)
for row in Delivery.under(policy).check_session("mx.a.test", "not-offered").rows:
    session = Event.session("a.test", row, mx_host=DnsName.parse("mx.a.test"), policy=policy, receiving_ip="192.0.2.1")
    assert tally.count(session, now=0) == "whole" and tally.count(session, now=0) is Counted.WHOLE
discovery = Event.discovery("a.test", found)
assert discovery is not None and discovery.has_failed
due_at = tally.poll_timeout()
assert due_at is not None
due = tally.poll_report(now=due_at)
assert due is not None and due.mail(to="tls@a.test", date=due_at)["To"] == "tls@a.test"
tried_again: int | None = tally.handle_delivery(due.id, "failed", now=due_at)
assert tally.handle_delivery(due.id, ReportDelivery.DELIVERED, now=due_at) is None
hint = explain(reported.kind, details.result, details.failure_reason_code)
assert hint == Hint.of("certificate-expired") and hint.code == "certificate-expired" and hint.whose == "owner"
seen = LiveFindings([LiveHost("mx.a.test", fault=hint), LiveHost("mx.b.test", "chain-incomplete", expires_at=0)])
readiness = assess([report], domain="a.test", policy=policy, now=0, live=seen, rules=ReadyRules(days=1))
assert readiness.verdict is not Verdict.READY and readiness.shortfalls[0].code == "host-fails"

# Drafting, noting, planning.
draft = Draft("a.test", Mode.ENFORCE, ["mx.a.test", DnsName.parse("b.a.test")], max_age=timedelta(days=7), wildcards=["*.a.test"])
history = History("a.test", unknown_until=0)
history.note_policy(draft.policy, now=0)
history.note_record(draft.id, now=0)
history.note_hosts(["mx.a.test"], now=0)
target = Target("enforce", hosts=["mx.b.test"], growth=[(86_400, timedelta(days=1))])
steps = Plan.between(history, target, Facts(["mx.a.test"], mx_ttl=60), now=1).steps
for step in steps:
    match step.action:
        case PutPolicy(put):
            assert put.policy.mode == "enforce" and step.code == "put-policy"
        case ChangeMx(add, remove):
            assert step.wait in (Wait.RECORD_TTL, "policy-cache") and [*add, *remove] == ["mx.b.test", "mx.a.test"]
        case _:
            assert step.wait.message and step.reason
seen_last = history.longest_cached(now=1)
assert seen_last is not None and seen_last[0].mx[0] == "*.a.test" and str(draft.zone_record(ttl=60)).startswith("_mta-sts.a.test. 60 ")
