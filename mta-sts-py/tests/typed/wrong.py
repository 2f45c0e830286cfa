# pyright: strict, reportUnnecessaryTypeIgnoreComment=true, reportUnusedExpression=false
"""Misspelt words and wrong uses: mypy and pyright refuse each line that has a mark, and no other.

A mark on a line that is accepted is an error too, for mypy by `--strict` and for pyright by the first line of this file.
"""

from __future__ import annotations

from mta_sts import (
    Absence,
    Alert,
    Bounce,
    CacheEntry,
    CacheUpdate,
    DanePrecedence,
    DaneResult,
    DaneState,
    Delivery,
    DnsName,
    FetchFailed,
    FetchFailure,
    Finding,
    Lookup,
    MessageTls,
    Mode,
    MtaStsError,
    MxHost,
    MxPattern,
    NoPolicy,
    NoPolicyReason,
    Outcome,
    Policy,
    PolicyCache,
    PolicyDomain,
    PolicyFailure,
    PolicySource,
    PolicyType,
    PostfixForm,
    Purpose,
    QueueLifetime,
    Recheck,
    RecordCheck,
    ResultType,
    SessionDecision,
    SessionFault,
    SessionVerdict,
    Severity,
    TlsMinimum,
    TlsResult,
    TxtFailed,
    TxtFailure,
    codes,
    drive,
    drive_async,
    postfix_tls_policy,
)
from mta_sts.aio import Resolver as AioResolver
from mta_sts.resolver import Resolver
from mta_sts.publish import Draft, Facts, History, Plan, Step, Target
from mta_sts.tlsrpt import (
    Counted,
    Deviation,
    DueReport,
    Event,
    FailureDetails,
    Hint,
    LiveHost,
    Readiness,
    ReadyRule,
    ReadyRules,
    Report,
    ReportDelivery,
    ReportPeriod,
    ReportPolicy,
    Tally,
    Verdict,
    Whose,
    assess,
)


def words_of_lookups(lookup: Lookup, resolver: Resolver, text: str) -> None:
    Lookup("a.test", now=0, purpose="delivery")  # type: ignore[arg-type]
    Lookup("a.test", now=0, purpose=text)  # type: ignore[arg-type]
    Lookup("a.test", now=0, purpose=Mode.ENFORCE)  # type: ignore[arg-type]
    lookup.handle_txt_failed("dns-timed-out", now=0)  # type: ignore[arg-type]
    lookup.handle_txt_failed("timeout", now=0)  # type: ignore[arg-type]
    lookup.handle_fetch_failed("dns-timeout", now=0)  # type: ignore[arg-type]
    resolver.discover("a.test", purpose="refreshed")  # type: ignore[arg-type]
    TxtFailed("servfail")  # type: ignore[arg-type]
    FetchFailed("certificate-expired")  # type: ignore[arg-type]
    drive("a.test", query_txt=lambda _: TxtFailed("dns-bogus"), fetch_policy=lambda _: FetchFailed("timeout"), purpose="x")  # type: ignore[arg-type]


async def words_of_coroutines(resolver: AioResolver) -> None:
    await resolver.discover("a.test", purpose="before_permanent_failure")  # type: ignore[arg-type]
    await drive_async("a.test", query_txt=_txt, fetch_policy=_policy, purpose="Deliver")  # type: ignore[arg-type]


async def _txt(_: object) -> TxtFailed:
    return TxtFailed("dns-servfail")


async def _policy(_: object) -> FetchFailed:
    return FetchFailed("connect-failed")


def words_of_deliveries(policy: Policy, outcome: Outcome, delivery: Delivery) -> None:
    Delivery(policy)  # type: ignore[arg-type]
    Delivery.of(policy)  # type: ignore[arg-type]
    Delivery.of(outcome, message="require-tls")  # type: ignore[arg-type]
    Delivery.under(policy, minimum="encrypt")  # type: ignore[arg-type]
    Delivery.under(outcome)  # type: ignore[arg-type]
    Delivery.under(outcome.policy)  # type: ignore[arg-type]
    Delivery.without_policy(dane_precedence="dane")  # type: ignore[arg-type]
    Delivery.undetermined(message="tls_required_no")  # type: ignore[arg-type]
    delivery.check_mx("mx.a.test", dane="passed")  # type: ignore[arg-type]
    delivery.check_session("mx.a.test", "expired")  # type: ignore[arg-type]
    delivery.check_session("mx.a.test", "authenticated", dane_result="usable")  # type: ignore[arg-type]
    delivery.check_session("mx.a.test", SessionFault.CERTIFICATE_EXPIRED)  # type: ignore[arg-type]
    delivery.conclude(["mx-mismatched"])  # type: ignore[list-item]
    delivery.conclude([None], lifetime="expired")  # type: ignore[arg-type]
    delivery.conclude([None], recheck="unchangd")  # type: ignore[arg-type]
    delivery.plan([MxHost("mx.a.test", "failed")])  # type: ignore[arg-type]
    SessionVerdict("try-next", None, [])  # type: ignore[arg-type]
    SessionVerdict("deliver", "mx", [])  # type: ignore[arg-type]


def words_of_the_rest(policy: Policy, entry: CacheEntry) -> None:
    postfix_tls_policy(policy, "a.test", form="extend")  # type: ignore[arg-type]
    CacheUpdate.absent("no-records", until=0)  # type: ignore[arg-type]
    CacheUpdate.absent("bad-mode", until=0)  # type: ignore[arg-type]
    codes()["bad-idd"]  # type: ignore[index]
    Mode.ENFORCED  # type: ignore[attr-defined]
    Absence("not-found", 0)  # type: ignore[arg-type]
    Alert("no-record", 1, 0)  # type: ignore[arg-type]
    Bounce("5.7.1")  # type: ignore[arg-type]
    MtaStsError("a message", "a code")  # type: ignore[arg-type]
    PolicyFailure(ResultType.STS_POLICY_INVALID, "bad-mod", [])  # type: ignore[arg-type]


def results(error: MtaStsError, finding: Finding, update: CacheUpdate, no_policy: NoPolicy, outcome: Outcome) -> None:
    if error.code == "bad-modee":  # type: ignore[comparison-overlap]
        pass
    if finding.code == "unexpected-input":  # type: ignore[comparison-overlap]
        pass
    if update.kind == "backoff":  # type: ignore[comparison-overlap]
        pass
    if no_policy.cause == "backing-off":  # type: ignore[comparison-overlap]
        pass
    outcome.id.upper()  # type: ignore[union-attr]
    outcome.policy.mode  # type: ignore[union-attr]
    outcome.applied.id  # type: ignore[union-attr]
    SessionFault.MX_MISMATCH.number.upper()  # type: ignore[attr-defined]


def values_of_words() -> None:
    DanePrecedence.BOTH.value + 1  # type: ignore[operator]
    DanePrecedence.BOTH.name + 1  # type: ignore[operator]
    DaneResult.PASSED.value + 1  # type: ignore[operator]
    DaneResult.PASSED.name + 1  # type: ignore[operator]
    DaneState.NOT_APPLICABLE.value + 1  # type: ignore[operator]
    DaneState.NOT_APPLICABLE.name + 1  # type: ignore[operator]
    FetchFailure.POLICY_HOST_NOT_FOUND.value + 1  # type: ignore[operator]
    FetchFailure.POLICY_HOST_NOT_FOUND.name + 1  # type: ignore[operator]
    MessageTls.UNSPECIFIED.value + 1  # type: ignore[operator]
    MessageTls.UNSPECIFIED.name + 1  # type: ignore[operator]
    Mode.ENFORCE.value + 1  # type: ignore[operator]
    Mode.ENFORCE.name + 1  # type: ignore[operator]
    NoPolicyReason.NO_RECORD.value + 1  # type: ignore[operator]
    NoPolicyReason.NO_RECORD.name + 1  # type: ignore[operator]
    PolicySource.CACHED.value + 1  # type: ignore[operator]
    PolicySource.CACHED.name + 1  # type: ignore[operator]
    PolicyType.TLSA.value + 1  # type: ignore[operator]
    PolicyType.TLSA.name + 1  # type: ignore[operator]
    PostfixForm.BASIC.value + 1  # type: ignore[operator]
    PostfixForm.BASIC.name + 1  # type: ignore[operator]
    Purpose.DELIVER.value + 1  # type: ignore[operator]
    Purpose.DELIVER.name + 1  # type: ignore[operator]
    QueueLifetime.RUNNING.value + 1  # type: ignore[operator]
    QueueLifetime.RUNNING.name + 1  # type: ignore[operator]
    Recheck.UNCHANGED.value + 1  # type: ignore[operator]
    Recheck.UNCHANGED.name + 1  # type: ignore[operator]
    RecordCheck.NOT_MADE.value + 1  # type: ignore[operator]
    RecordCheck.NOT_MADE.name + 1  # type: ignore[operator]
    ResultType.STARTTLS_NOT_SUPPORTED.value + 1  # type: ignore[operator]
    ResultType.STARTTLS_NOT_SUPPORTED.name + 1  # type: ignore[operator]
    SessionDecision.DELIVER.value + 1  # type: ignore[operator]
    SessionDecision.DELIVER.name + 1  # type: ignore[operator]
    SessionFault.MX_MISMATCH.value + 1  # type: ignore[operator]
    SessionFault.MX_MISMATCH.name + 1  # type: ignore[operator]
    Severity.INFO.value + 1  # type: ignore[operator]
    Severity.INFO.name + 1  # type: ignore[operator]
    TlsMinimum.OPPORTUNISTIC.value + 1  # type: ignore[operator]
    TlsMinimum.OPPORTUNISTIC.name + 1  # type: ignore[operator]
    TlsResult.NOT_OFFERED.value + 1  # type: ignore[operator]
    TlsResult.NOT_OFFERED.name + 1  # type: ignore[operator]
    TxtFailure.DNS_TIMEOUT.value + 1  # type: ignore[operator]
    TxtFailure.DNS_TIMEOUT.name + 1  # type: ignore[operator]


def values(name: DnsName, domain: PolicyDomain, pattern: MxPattern, policy: Policy, cache: PolicyCache) -> None:
    name < "a.test"  # type: ignore[operator]
    name < domain  # type: ignore[operator]
    DnsName("a.test")  # type: ignore[call-arg]
    DnsName.parse(b"a.test")  # type: ignore[arg-type]
    domain.upper()  # type: ignore[attr-defined]
    pattern.matches(None)  # type: ignore[arg-type]
    policy.mx.index(b"mx.a.test")  # type: ignore[arg-type]
    policy.mx.append(pattern)  # type: ignore[attr-defined]
    policy.max_age = 1  # type: ignore[misc]
    policy.matches_mx(None)  # type: ignore[arg-type]
    cache.get("a.test")  # type: ignore[call-arg]
    cache.get("a.test", now="now")  # type: ignore[arg-type]


def reports(report: Report, policy: ReportPolicy, details: FailureDetails, deviation: Deviation) -> None:
    Report.parse({})  # type: ignore[arg-type]
    Report(organization="A", contact="a@a.test", id="1")  # type: ignore[call-arg]
    Report(organization="A", contact="a@a.test", id="1", period=(0, 1))  # type: ignore[arg-type]
    ReportPolicy("sts", "a.test", details=details)  # type: ignore[arg-type]
    ReportPolicy("sts", "a.test", ["version: STSv1"])  # type: ignore[call-arg]
    ReportPeriod("today", 1)  # type: ignore[arg-type]
    report.id.upper()  # type: ignore[union-attr]
    report.policies.append(policy)  # type: ignore[attr-defined]
    policy.kind.number  # type: ignore[attr-defined]
    report.to_dict()["organisation"]  # type: ignore[typeddict-item]
    if deviation.code == "bad-json":  # type: ignore[comparison-overlap]
        pass


def counting(tally: Tally, due: DueReport, event: Event, verdict: SessionVerdict) -> None:
    Event(verdict)  # type: ignore[arg-type]
    Event.session("a.test", verdict)  # type: ignore[arg-type]
    tally.count(event)  # type: ignore[call-arg]
    tally.count(verdict, now=0)  # type: ignore[arg-type]
    tally.handle_delivery(due.id, "lost", now=0)  # type: ignore[arg-type]
    tally.handle_delivery("a.test", "failed", now=0)  # type: ignore[arg-type]
    due.mail("tls@a.test")  # type: ignore[call-arg]


def assessing(readiness: Readiness, policy: Policy, hint: Hint) -> None:
    assess([], domain="a.test", policy=policy)  # type: ignore[call-arg]
    assess([], domain="a.test", policy=policy, now=0, live=[])  # type: ignore[arg-type]
    LiveHost("mx.a.test", fault="certificate-old")  # type: ignore[arg-type]
    Hint.of("certificate-old")  # type: ignore[arg-type]
    ReadyRules(28)  # type: ignore[call-arg]
    if readiness.shortfalls[0].code == "too-few-days":  # type: ignore[comparison-overlap]
        pass
    if hint.code == "certificate-old":  # type: ignore[comparison-overlap]
        pass
    readiness.earliest + 1  # type: ignore[operator]


def values_of_words_of_reports() -> None:
    Counted.WHOLE.value + 1  # type: ignore[operator]
    Counted.WHOLE.name + 1  # type: ignore[operator]
    ReadyRule.HOSTS_PASS.value + 1  # type: ignore[operator]
    ReadyRule.HOSTS_PASS.name + 1  # type: ignore[operator]
    ReportDelivery.FAILED.value + 1  # type: ignore[operator]
    ReportDelivery.FAILED.name + 1  # type: ignore[operator]
    Verdict.READY.value + 1  # type: ignore[operator]
    Verdict.READY.name + 1  # type: ignore[operator]
    Whose.OWNER.value + 1  # type: ignore[operator]
    Whose.OWNER.name + 1  # type: ignore[operator]


def publishing(history: History, target: Target, facts: Facts, step: Step) -> None:
    Draft("a.test", "enforced", ["mx.a.test"], max_age=86_400)  # type: ignore[arg-type]
    Draft("a.test", "enforce", ["mx.a.test"], 86_400)  # type: ignore[call-arg]
    Target("enforced")  # type: ignore[arg-type]
    Plan.between(history, target, facts)  # type: ignore[call-arg]
    Plan.between(history, facts, target, now=0)  # type: ignore[arg-type]
    history.note_policy("version: STSv1", now=0)  # type: ignore[arg-type]
    if step.code == "put-txt":  # type: ignore[comparison-overlap]
        pass
