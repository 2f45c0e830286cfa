"""Every vector gives in Python what it gives in Rust."""

from __future__ import annotations

import json
import pickle
from typing import Any, Callable

import pytest
from vectors import FOLDER, Case, Fields, covers, octets, read_all

from mta_sts import (
    AppliedPolicy,
    Authenticate,
    AuthenticateByBoth,
    AuthenticateByDane,
    Bounce,
    CachedPolicy,
    CacheEntry,
    CacheUpdate,
    Defer,
    Delivery,
    DnsName,
    Done,
    Encrypt,
    FetchFailure,
    FetchPolicy,
    Finding,
    Lookup,
    LookupConfig,
    MessageTls,
    MtaStsError,
    Mailto,
    MxHost,
    MxPattern,
    NoPolicy,
    Opportunistic,
    Outcome,
    Policy,
    Evicted,
    PolicyCache,
    PolicyDomain,
    PolicyType,
    QueryTxt,
    RecheckPolicy,
    Record,
    ResultType,
    SessionFault,
    Skip,
    TlsrptRecord,
    TlsrptRow,
    TryAgain,
    dns_id_matches,
    lint_policy,
    lint_record,
    lint_report,
    lint_response,
    lint_rrset,
    lint_tlsrpt_record,
    lint_tlsrpt_rrset,
    postfix_tls_policy,
    tls_required_no,
)
from mta_sts.publish import (
    ChangeMx,
    Draft,
    Facts,
    History,
    MovePolicyHost,
    Plan,
    PutPolicy,
    PutRecord,
    Step,
    Target,
    id_of,
)
from mta_sts.tlsrpt import (
    Datagram,
    DueId,
    DueReport,
    FailureDetails,
    LiveFindings,
    LiveHost,
    Readiness,
    ReadyRules,
    Report,
    ReportFileName,
    ReportPeriod,
    ReportPolicy,
    ReportSender,
    ReportSubject,
    Tally,
    assess,
    explain,
)

Shown = dict[str, Any]


def error_shown(error: MtaStsError) -> Shown:
    shown: Shown = {"code": error.code, "line": error.line, "offset": error.offset, "path": error.path}
    if error.result_type is not None:
        shown["result_type"] = error.result_type.value
    return {"error": shown}


def run_name(fields: Fields) -> Shown:
    if "host" in fields:
        return {"name": str(DnsName.parse(fields.pop("host")))}
    if "domain" in fields:
        domain = PolicyDomain.parse(fields.pop("domain"))
    else:
        domain = PolicyDomain.of_recipient(fields.pop("recipient"))
    return {
        "domain": str(domain),
        "txt_name": domain.txt_name,
        "policy_host": domain.policy_host,
        "policy_url": domain.policy_url,
    }


def run_record(fields: Fields) -> Shown:
    return {"id": Record.parse(octets(fields.pop("txt"))).id}


def run_rrset(fields: Fields) -> Shown:
    return {"id": Record.select(map(octets, fields.pop("rrs"))).id}


def run_tlsrpt_record(fields: Fields) -> Shown:
    if "domain" in fields:
        return {"txt_name": PolicyDomain.parse(fields.pop("domain")).tlsrpt_txt_name}
    if "rrs" in fields:
        record = TlsrptRecord.select(map(octets, fields.pop("rrs")))
    else:
        record = TlsrptRecord.parse(octets(fields.pop("txt")))
    uris = record.uris
    return {"uris": [{"mailto": uri.address} if isinstance(uri, Mailto) else {"https": uri.url} for uri in uris]}


def run_policy(fields: Fields) -> Shown:
    strict = is_strict(fields.option("strictness"))
    return policy_shown(Policy.parse(octets(fields.pop("body")), strict=strict))


def is_strict(word: str | None) -> bool:
    return {None: False, "tolerant": False, "abnf": True}[word]


def accepts_missing_content_type(word: str | None) -> bool:
    return {None: False, "refuse": False, "accept": True}[word]


def policy_shown(policy: Policy) -> Shown:
    return {
        "mode": policy.mode.value,
        "max_age": policy.max_age,
        "mx": [str(pattern) for pattern in policy.mx],
        "mx_count": len(policy.mx),
        "lines": policy.lines,
        "written": str(policy),
    }


def run_mx(fields: Fields) -> Shown:
    if "policy" in fields:
        policy, host = Policy.parse(octets(fields.pop("policy"))), fields.pop("host")
        try:
            pattern = policy.matching_pattern(host)
        except MtaStsError:
            pattern = None
        assert (pattern is not None) == policy.matches_mx(host)
        return {"matching_pattern": None if pattern is None else str(pattern)}
    if "dns_id" in fields:
        dns_id, host = fields.take("dns_id", "host")
        return {"matches": never_if_no_name(lambda: dns_id_matches(dns_id, host))}
    pattern = MxPattern.parse(fields.pop("pattern"))
    host = fields.option("host")
    if host is None:
        return {"pattern": str(pattern)}
    return {"matches": never_if_no_name(lambda: pattern.matches(host))}


def never_if_no_name(matches: Callable[[], bool]) -> bool:
    try:
        return matches()
    except MtaStsError:
        return False


def response_fields(given: Shown) -> Shown:
    with Fields(given) as fields:
        status, content_type, body = fields.take("status", "content_type", "body")
        content_type = None if content_type is None else octets(content_type)
        return {"status": status, "content_type": content_type, "body": octets(body)}


def config_fields(fields: Fields) -> Shown:
    """What `Policy.from_response` and `LookupConfig` both take."""
    options: Shown = {
        "strict": is_strict(fields.option("strictness")),
        "accept_missing_content_type": accepts_missing_content_type(fields.option("missing_content_type")),
    }
    if "max_body_len" in fields:
        options["max_body_len"] = fields.pop("max_body_len")
    return options


def run_response(fields: Fields) -> Shown:
    response = response_fields(fields.pop("response"))
    with Fields(fields.option("config", {})) as config:
        options = config_fields(config)
    return {"policy": policy_shown(Policy.from_response(**response, **options))}


def run_entry(fields: Fields) -> Shown:
    domain = fields.option("domain", "example.test")
    entry = CacheEntry.parse(octets(fields.pop("text")), domain)
    absence, cached = entry.absence, entry.policy
    times, spread = fields.option("times", []), fields.option("spread", 0)
    policy = cached and {
        "id": cached.id,
        "fetched_at": cached.fetched_at,
        "expires_at": cached.expires_at,
        "mode": cached.policy.mode.value,
        "mx": [str(pattern) for pattern in cached.policy.mx],
    }
    return {
        "checked_until": entry.checked_until,
        "fetch_failures": entry.fetch_failures,
        "absence": absence and {"code": absence.reason, "until": absence.until},
        "back_offs": [{"id": back_off.id, "until": back_off.until} for back_off in entry.back_offs],
        "policy": policy,
        "valid": [entry.valid_policy(time) is not None for time in times],
        "refresh_at": [cached and cached.refresh_at(spread, now=time) for time in times],
        "text": entry.to_text(domain),
    }


def run_lookup(fields: Fields) -> Shown:
    domain, purpose, stored, now, steps = fields.take("domain", "purpose", "entry", "now", "steps")
    entry = read_entry(stored, domain)
    with Fields(fields.option("config", {})) as given:
        config = LookupConfig(
            back_off=given.option("back_off"), timeout=given.option("timeout"), **config_fields(given)
        )
    lookup = Lookup(domain, now=now, cached=entry, purpose=purpose, config=config)
    for step in steps:
        now = take_step(lookup, Fields(step))
    match lookup.poll_output():
        case Done(outcome):
            pass
        case output:
            raise ValueError(f"it still asks {output}")
    meanwhile = fields.option("meanwhile")
    if meanwhile is not None:
        with Fields(meanwhile) as other:
            stored, now = other.take("entry", "now")
            entry = read_entry(stored, domain)
    after = outcome.cache_update.apply_to(entry, now=now)
    return outcome_shown(outcome) | {"entry": after and after.to_text(domain)}


def read_entry(text: Any, domain: str) -> CacheEntry | None:
    return None if text is None else CacheEntry.parse(octets(text), domain)


def take_step(lookup: Lookup, step: Fields) -> int:
    with step:
        asked, now = step.take("asks", "at")
        assert asked == asks(lookup)
        if "answer" in step:
            give(lookup, step.pop("answer"), now)
        else:
            wrong, code = step.take("wrong_answer", "error")
            with pytest.raises(MtaStsError) as raised:
                give(lookup, wrong, now)
            assert raised.value.code == code
        return int(now)


def asks(lookup: Lookup) -> Any:
    match lookup.poll_output():
        case QueryTxt(name):
            return {"query_txt": name}
        case FetchPolicy(url, host, timeout, max_body_len):
            limits = {"timeout": timeout, "max_body_len": max_body_len}
            return {"fetch_policy": {"url": url, "host": host} | limits}
        case Done():
            return "done"


def give(lookup: Lookup, answer: Shown, now: int) -> None:
    ((kind, said),) = answer.items()
    match kind, said:
        case "txt", {"rrs": rrs, "ttl": ttl, **rest} if not rest:
            lookup.handle_txt(map(octets, rrs), ttl=ttl, now=now)
        case "txt_not_found", {"ttl": ttl, **rest} if not rest:
            lookup.handle_txt_not_found(ttl=ttl, now=now)
        case "txt_failed", failure:
            lookup.handle_txt_failed(failure, now=now)
        case "response", response:
            lookup.handle_response(**response_fields(response), now=now)
        case "fetch_failed", failure:
            lookup.handle_fetch_failed(failure, now=now)
        case _:
            raise ValueError(f"no answer: {answer}")


def outcome_shown(outcome: Outcome) -> Shown:
    shown: Shown = {"cache_update": outcome.cache_update.kind}
    match outcome.applied:
        case AppliedPolicy(policy, source, id, expires_at):
            shown["policy"] = {
                "source": source.value,
                "id": id,
                "expires_at": expires_at,
                "mode": policy.mode.value,
                "mx": [str(pattern) for pattern in policy.mx],
            }
        case NoPolicy(reason, cause, until):
            told = {"code": reason.value, "detail": cause, "until": until}
            shown["no_policy"] = {key: value for key, value in told.items() if value is not None}
    failure, alert = outcome.failure, outcome.alert
    shown["failure"] = failure and {
        "result_type": failure.result_type.value,
        "reason_code": failure.reason_code,
        "received_lines": failure.received_lines,
    }
    shown["alert"] = alert and {
        "code": alert.fault,
        "failures": alert.failures,
        "expires_at": alert.expires_at,
    }
    return shown


def run_delivery(fields: Fields) -> Shown:
    if "tls_required_values" in fields:
        return {"tls_required_no": tls_required_no(map(octets, fields.pop("tls_required_values")))}
    body = fields.pop("policy")
    options = {name: fields.pop(name) for name in ("minimum", "dane_precedence", "tlsrpt_report") if name in fields}
    message = MessageTls.of(**fields.option("message", {}))
    is_unknown = fields.option("policy_unknown", False)
    if body is not None:
        delivery = Delivery.under(Policy.parse(octets(body)), message=message, **options)
    elif is_unknown:
        delivery = Delivery.undetermined(message=message, **options)
    else:
        delivery = Delivery.without_policy(message=message, **options)
    shown: Shown = {}
    if "hosts" in fields:
        hosts = [MxHost(**host) for host in fields.pop("hosts")]
        plan = delivery.plan(hosts)
        one_by_one = [delivery.check_mx(host.name, dane=host.dane, dnssec=host.dnssec) for host in hosts]
        assert list(plan.hosts) == one_by_one
        shown["hosts"] = [
            decision_shown(verdict.decision) | {"rows": list(map(row_shown, verdict.rows))} for verdict in plan.hosts
        ]
        shown["permits_none"] = plan.permits_none
    if "sessions" in fields:
        shown["sessions"] = [session_shown(delivery, Fields(session)) for session in fields.pop("sessions")]
    if "conclude" in fields:
        with Fields(fields.pop("conclude")) as given:
            words, lifetime = given.take("hosts", "lifetime")
            recheck = given.option("recheck")
        faults = [None if word == "unavailable" else word for word in words]
        match delivery.conclude(faults, lifetime=lifetime, recheck=recheck):
            case Bounce(status):
                shown["conclusion"] = {"bounce": status}
            case RecheckPolicy():
                shown["conclusion"] = "recheck-policy"
            case TryAgain():
                shown["conclusion"] = "try-again"
            case Defer():
                shown["conclusion"] = "defer"
    return shown


def session_shown(delivery: Delivery, session: Fields) -> Shown:
    with session:
        host, tls = session.take("host", "tls")
        facts = {name: session.pop(name) for name in ("dane", "dnssec", "dane_result") if name in session}
        offers_requiretls = session.option("requiretls", False)
    verdict = delivery.check_session(host, tls, offers_requiretls=offers_requiretls, **facts)
    return {
        "decision": verdict.decision.value,
        "fault": verdict.fault and verdict.fault.value,
        "rows": list(map(row_shown, verdict.rows)),
    }


def decision_shown(decision: object) -> Shown:
    match decision:
        case Skip(fault):
            return {"decision": "skip", "fault": fault.value}
        case Authenticate(dns_id):
            return {"decision": "authenticate", "dns_id": dns_id}
        case AuthenticateByDane(dns_id):
            return {"decision": "authenticate-by-dane", "dns_id": dns_id}
        case AuthenticateByBoth(dns_id):
            return {"decision": "authenticate-by-both", "dns_id": dns_id}
        case Encrypt():
            return {"decision": "encrypt"}
        case Opportunistic():
            return {"decision": "opportunistic"}
    raise ValueError(decision)


def row_shown(row: TlsrptRow) -> Shown:
    return {
        "policy_type": row.policy_type.value,
        "result_type": row.result_type and row.result_type.value,
        "reason": row.reason and row.reason.value,
    }


def run_tlsrpt(fields: Fields) -> Shown:
    try:
        if "result_type" in fields:
            return {"number": ResultType(fields.pop("result_type")).number}
        if "policy_type" in fields:
            return {"number": PolicyType(fields.pop("policy_type")).number}
    except MtaStsError as error:
        return {"error": error.code}
    if "list" in fields:
        kinds: dict[str, type[ResultType] | type[PolicyType]]
        kinds = {"result-types": ResultType, "policy-types": PolicyType}
        kind = kinds[fields.pop("list")]
        return {"words": [word.value for word in sorted(kind, key=lambda word: word.number)]}
    code = fields.pop("failure")
    fault = FetchFailure(code) if code in list(FetchFailure) else SessionFault(code)
    return {"number": fault.number, "result_type": fault.result_type and fault.result_type.value}


def run_postfix(fields: Fields) -> Shown:
    policy, domain = fields.take("policy", "domain")
    form, mx_hosts = fields.option("form", "basic"), fields.option("mx_hosts")
    try:
        answer = postfix_tls_policy(Policy.parse(octets(policy)), domain, form=form, mx_hosts=mx_hosts)
    except MtaStsError as error:
        return {"error": error.code}
    return {"answer": answer, "length": None if answer is None else len(answer)}


def run_lint(fields: Fields) -> Shown:
    with Fields(fields.option("config", {})) as given:
        config = config_fields(given)
    if "record" in fields:
        findings = lint_record(octets(fields.pop("record")))
    elif "tlsrpt_record" in fields:
        findings = lint_tlsrpt_record(octets(fields.pop("tlsrpt_record")))
    elif "tlsrpt_rrs" in fields:
        findings = lint_tlsrpt_rrset(
            map(octets, fields.pop("tlsrpt_rrs")),
            domain=fields.option("domain"),
            ttl=fields.option("ttl"),
            has_mta_sts=fields.option("has_mta_sts", False),
        )
    elif "report" in fields:
        findings = lint_report(octets(fields.pop("report")), strict=config["strict"])
    elif "rrs" in fields:
        findings = lint_rrset(map(octets, fields.pop("rrs")))
    elif "policy" in fields:
        mx_hosts = fields.option("mx_hosts")
        findings = lint_policy(octets(fields.pop("policy")), strict=config["strict"], mx_hosts=mx_hosts)
    else:
        mx_hosts = fields.option("mx_hosts")
        findings = lint_response(**response_fields(fields.pop("response")), **config, mx_hosts=mx_hosts)
    return {"count": len(findings), "findings": list(map(finding_shown, findings))}


def finding_shown(finding: Finding) -> Shown:
    return {
        "code": finding.code,
        "severity": finding.severity.value,
        "line": finding.line,
        "span": list(finding.span),
        "message": finding.message,
        "help": finding.help,
    }


def run_cache(fields: Fields) -> Shown:
    with Fields(fields.pop("config")) as config:
        # The seed is the cache's own here; no case depends on it.
        config.option("seed")
        options = {name: config.pop(name) for name in ("max_entries", "max_octets", "unused_for") if name in config}
    cache = PolicyCache(**options)
    for step in fields.pop("steps"):
        with Fields(step) as given:
            now, operation, expected = given.take("at", "do", "gives")
        ((kind, argument),) = operation.items()
        if kind == "save_and_load":
            saved = [(domain, entry.to_text(domain)) for domain, entry in cache.entries()]
            cache = PolicyCache(**options)
            for domain, text in saved:
                cache.insert(domain, CacheEntry.parse(text, domain), now=now)
            actual = None
        else:
            actual = operate(cache, kind, argument, now)
        match expected:
            case {"from": least, "to": most}:
                assert least <= actual <= most
            case _:
                assert covers(expected, actual), f"{operation} gives {actual}, not {expected}"
    return {"domains": [str(domain) for domain, _ in cache.entries()]}


def names(evicted: list[Evicted]) -> str | list[str] | None:
    """None, the one, or a list of several."""
    domains = [str(each.domain) for each in evicted]
    return domains if len(domains) > 1 else domains[0] if domains else None


def operate(cache: PolicyCache, kind: str, argument: Any, now: int) -> Any:
    match kind, argument:
        case "get" | "peek" | "remove", str(domain):
            options = {} if kind == "remove" else {"now": now}
            entry = getattr(cache, kind)(domain, **options)
            return entry and entry.to_text(domain)
        case "insert", {"domain": domain, "entry": text, **rest} if not rest:
            return names(cache.insert(domain, CacheEntry.parse(octets(text), domain), now=now))
        case "apply", {"domain": domain, "update": given, **rest} if not rest:
            return names(cache.apply(domain, update(given), now=now))
        case "remove_expired", {**rest} if not rest:
            evicted = cache.remove_expired(now=now)
            return evicted and str(evicted.domain)
        case "poll_refresh", {**rest} if not rest:
            due = cache.poll_refresh(now=now)
            return due and str(due)
        case "poll_timeout", {**rest} if not rest:
            return cache.poll_timeout()
        case "domains", {**rest} if not rest:
            return [str(domain) for domain, _ in cache.entries()]
    raise ValueError(f"no operation: {kind} {argument}")


def update(given: Shown) -> CacheUpdate:
    ((kind, said),) = given.items()
    match kind, said:
        case "keep", {**rest} if not rest:
            return CacheUpdate.keep()
        case "checked", {"id": id, "checked_at": at, "until": until, **rest} if not rest:
            return CacheUpdate.checked(id, checked_at=at, until=until)
        case "absent", {"code": code, "until": until, **rest} if not rest:
            return CacheUpdate.absent(code, until=until)
        case "back-off", {"id": id, "requested_at": at, "until": until, **rest} if not rest:
            return CacheUpdate.back_off(id, requested_at=at, until=until)
        case "store", {"policy": body, "id": id, "fetched_at": at, "checked_until": until, **rest} if not rest:
            cached = CachedPolicy(Policy.parse(octets(body)), id, at)
            return CacheUpdate.store(cached, checked_until=until)
    raise ValueError(f"no update: {given}")


def run_report(fields: Fields) -> Shown:
    with Fields(fields.option("limits", {})) as given:
        names = {"max_len": "max_octets", "max_policies": "max_policies", "max_details": "max_details"}
        limits = {name: given.pop(word) for word, name in names.items() if word in given}
    report = Report.parse(octets(fields.pop("json")), **limits)
    if "domain" in fields:
        report = report.with_missing_domains(fields.pop("domain"))
    assert pickle.loads(pickle.dumps(report)) == report
    deviations = [[deviation.code, deviation.path] for deviation in report.deviations]
    return report_shown(report) | {"deviations": deviations}


def report_shown(report: Report) -> Shown:
    period = report.period
    return {
        "organization": report.organization,
        "contact": report.contact,
        "submitter": report.submitter,
        "id": report.id,
        "period": period and [period.start, period.end],
        "policies": list(map(report_policy_shown, report.policies)),
    }


def report_policy_shown(policy: ReportPolicy) -> Shown:
    return {
        "type": str(policy.kind),
        "domain": policy.domain,
        "lines": policy.lines,
        "mx_hosts": policy.mx_hosts,
        "sessions": [policy.successes, policy.failures],
        "details": list(map(details_shown, policy.details)),
    }


DETAILS = (
    "sending_mta_ip",
    "receiving_mx_hostname",
    "receiving_mx_helo",
    "receiving_ip",
    "additional_information",
    "failure_reason_code",
)


def details_shown(details: FailureDetails) -> Shown:
    shown = {name: getattr(details, name) for name in DETAILS}
    return shown | {"result": str(details.result), "failed_sessions": details.failed_sessions}


def drafted_report(given: Shown, **more: str) -> Report:
    with Fields(given) as fields:
        period, policies = fields.take("period", "policies")
        texts = {name: fields.pop(name) for name in ("organization", "contact", "id") if name in fields}
    return Report(period=ReportPeriod(*period), policies=map(drafted_policy, policies), **texts, **more)


def drafted_policy(given: Shown) -> ReportPolicy:
    with Fields(given) as fields:
        kind, domain, (successes, failures) = fields.take("type", "domain", "sessions")
        return ReportPolicy(
            kind,
            domain,
            lines=[octets(line).decode() for line in fields.option("lines", [])],
            mx_hosts=fields.option("mx_hosts", []),
            successes=successes,
            failures=failures,
            details=map(drafted_details, fields.option("details", [])),
        )


def drafted_details(given: Shown) -> FailureDetails:
    with Fields(given) as fields:
        result, failed_sessions = fields.take("result", "failed_sessions")
        return FailureDetails(result, failed_sessions, **{name: fields.option(name) for name in DETAILS})


def run_report_written(fields: Fields) -> Shown:
    report = drafted_report({name: fields.pop(name) for name in list(fields)})
    assert pickle.loads(pickle.dumps(report)) == report
    written = report.to_json()
    assert Report.parse(written, strict=True) == report
    return {"json": written}


def run_datagram(fields: Fields) -> Shown:
    datagram = Datagram.parse(octets(fields.pop("datagram")))
    written = datagram.to_json()
    assert Datagram.parse(written) == pickle.loads(pickle.dumps(datagram)) == datagram
    # An event that was taken out says the same as where it was.
    again = Datagram(datagram.domain, datagram.record)
    assert all(map(again.add, datagram.events)) and again == datagram
    return {
        "domain": str(datagram.domain),
        "record": datagram.record,
        "events": [[event.policy_type.value, event.has_failed] for event in datagram.events],
        "written": written,
    }


def run_tally(fields: Fields) -> Shown:
    with Fields(fields.option("config", {})) as given:
        options = {name: given.pop(name) for name in ("max_domains", "max_octets") if name in given}
    run = TallyRun(options)
    for step in fields.pop("steps"):
        with Fields(step) as given:
            now, operation, expected = given.take("at", "do", "gives")
        ((kind, argument),) = operation.items()
        actual = run.step(kind, argument, now)
        match expected:
            case {"from": least, "to": most}:
                assert least <= actual <= most, f"{operation} gives {actual}, not {expected}"
            case _:
                assert covers(expected, actual), f"{operation} gives {actual}, not {expected}"
    return {"empty": run.tally.is_empty}


class TallyRun:
    """A tally, and what it has given out."""

    sender = ReportSender("tls@sender.test", "Sender Inc.")

    def __init__(self, options: Shown) -> None:
        self.options = {"seed": 0} | options
        self.tally = Tally(self.sender, **self.options)
        self.due: dict[str, DueId] = {}

    def step(self, kind: str, argument: Any, now: int) -> Any:
        match kind, argument:
            case "count", sent:
                return count(self.tally, sent, now)
            case "merge", list(all_sent):
                other = Tally(self.sender, **(self.options | {"max_domains": 2**31}))
                for sent in all_sent:
                    count(other, sent, now)
                return self.tally.merge(other)
            case "note_report_mail", str(domain):
                return self.tally.note_report_mail(domain, now=now)
            case "poll_reports", {**rest} if not rest:
                reports: list[DueReport] = []
                while (due := self.tally.poll_report(now=now)) is not None:
                    reports.append(due)
                reports.sort(key=lambda due: due.id)
                self.due |= {str(due.domain): due.id for due in reports}
                return list(map(due_shown, reports))
            case "poll_timeout", {**rest} if not rest:
                return self.tally.poll_timeout()
            case "deliver", {"domain": domain, "end": end, **rest} if not rest:
                return self.tally.handle_delivery(self.due[domain], end, now=now)
            case "text", {**rest} if not rest:
                return self.tally.to_text()
            case "parse", text:
                try:
                    self.tally = Tally.parse(octets(text), self.sender, **self.options)
                except MtaStsError as error:
                    return {"code": error.code, "line": error.line, "offset": error.offset}
                return None
            case "save_and_load", {**rest} if not rest:
                saved = self.tally.to_text()
                self.tally = Tally.parse(saved, self.sender, **self.options)
                assert self.tally.to_text() == saved
                return None
            case "domains", {**rest} if not rest:
                return self.tally.domains(now)
            case "lost_sessions", {**rest} if not rest:
                return self.tally.lost_sessions
        raise ValueError(f"no operation: {kind} {argument}")


def count(tally: Tally, given: Shown, now: int) -> list[str]:
    with Fields(given) as sent:
        datagram, times = Datagram.parse(octets(sent.pop("datagram"))), sent.option("times", 1)
    counted: list[str] = []
    for turn in range(times):
        if turn % 2:  # Both ways to count come to the same.
            counted = [tally.count(event, now=now).value for event in datagram.events]
        else:
            counted = [each.value for each in tally.count_datagram(datagram, now=now)]
    return counted


def due_shown(due: DueReport) -> Shown:
    return report_shown(due.report) | {"domain": str(due.domain), "record": due.record, "attempt": due.attempt}


def run_mail(fields: Fields) -> Shown:
    try:
        if "mail" in fields:
            with Fields(fields.pop("mail")) as given:
                draft, domain, whose = given.take("report", "domain", "sender")
            parts = drafted_report(draft, organization="Sender Inc.").mail_parts(domain, report_sender(whose))
            return {
                "subject": parts.subject,
                "headers": list(map(list, parts.headers)),
                "content_type": parts.content_type,
                "text": parts.text,
                "file_name": parts.file_name,
                "media_type": parts.media_type,
            }
        if "sender" in fields:
            sender = report_sender(fields.pop("sender"))
            assert pickle.loads(pickle.dumps(sender)) == sender
            return {
                "submitter": str(sender.submitter),
                "contact": sender.contact,
                "organization": sender.organization,
            }
    except MtaStsError as error:
        return {"error": error.code}
    if "subject" in fields:
        subject = ReportSubject.parse(fields.pop("subject"))
        assert pickle.loads(pickle.dumps(subject)) == subject
        return {
            "read": subject
            and {
                "domain": str(subject.domain),
                "submitter": str(subject.submitter),
                "report_id": subject.report_id,
            }
        }
    name = ReportFileName.parse(fields.pop("file_name"))
    assert pickle.loads(pickle.dumps(name)) == name
    return {
        "read": name
        and {
            "submitter": str(name.submitter),
            "domain": str(name.domain),
            "period": [name.period.start, name.period.end],
            "unique_id": name.unique_id,
            "compressed": name.is_compressed,
            "written": str(name),
        }
    }


def report_sender(given: Shown) -> ReportSender:
    with Fields(given) as fields:
        return ReportSender(*fields.take("contact", "organization"))


def run_hint(fields: Fields) -> Shown:
    reason = fields.option("reason")
    reason = None if reason is None else octets(reason).decode()
    hint = explain(fields.option("policy_type", "sts"), fields.pop("result_type"), reason)
    return {"code": hint.code, "whose": hint.whose.value}


DAY = 86_400

# The policy that `north.test` serves, in all cases.
NORTH = Policy.parse(b"version: STSv1\nmode: testing\nmx: mx1.north.test\nmx: mx2.north.test\nmax_age: 86400\n")


def run_ready(fields: Fields) -> Shown:
    now, given = fields.take("now", "reports")
    today = now // DAY
    since, mended = fields.option("since"), fields.option("mended")
    live = fields.option("live")
    with Fields(fields.option("rules", {})) as options:
        names = ("days", "certificate_days")
        numbers = {name: options.pop(name) for name in names if name in options}
        rules = ReadyRules(accepted=options.option("accept", []), **numbers)
    reports = [report for number, each in enumerate(given) for report in reports_of(Fields(each), number, today)]
    readiness = assess(
        reports,
        domain="north.test",
        policy=NORTH,
        now=now,
        live=live and live_findings(Fields(live), now),
        since=None if since is None else today * DAY - int(since * DAY),
        mended_at=None if mended is None else today * DAY - int(mended * DAY),
        rules=rules,
    )
    assert pickle.loads(pickle.dumps(readiness)) == readiness
    return readiness_shown(readiness, today)


def live_findings(fields: Fields, now: int) -> LiveFindings:
    with fields:
        hosts, policy_fault = fields.pop("hosts"), fields.option("policy_fault")
    return LiveFindings([live_host(Fields(host), now) for host in hosts], policy_fault)


def live_host(fields: Fields, now: int) -> LiveHost:
    with fields:
        expires_in = fields.option("expires_in")
        return LiveHost(
            fields.pop("name"),
            fault=fields.option("fault"),
            expires_at=None if expires_in is None else now + expires_in,
            renewal_seen=fields.option("renewal_seen", False),
        )


def reports_of(fields: Fields, number: int, today: int) -> list[Report]:
    with fields:
        organization, (first, last), sessions = fields.take("from", "days", "sessions")
        failures, unexplained = fields.option("failures", []), fields.option("unexplained", 0)
        one_report, id = fields.option("one_report", False), fields.option("id")
        kind, domain = fields.option("kind", "sts"), fields.option("domain", "north.test")
        mode, mx = fields.option("mode", "testing"), fields.option("mx", ["mx1.north.test", "mx2.north.test"])
        mx_hosts = fields.option("mx_hosts")
    details = []
    for failure in failures:
        with Fields(failure) as given:
            result, failed = given.take("result_type", "sessions")
            reason, host = given.option("reason"), given.option("host")
        details.append(FailureDetails(result, failed, failure_reason_code=reason, receiving_mx_hostname=host))
    policy = ReportPolicy(
        kind,
        domain,
        lines=["version: STSv1", f"mode: {mode}", *(f"mx: {each}" for each in mx)] if mx_hosts is None else [],
        mx_hosts=mx_hosts or [],
        successes=sessions,
        failures=min(2**64 - 1, unexplained + sum(each.failed_sessions for each in details)),
        details=details,
    )
    periods = [(first, last)] if one_report else [(day, day) for day in range(last, first + 1)]
    return [
        Report(
            organization=organization,
            contact="tls@sender.test",
            id=id or f"{number}.{last}@sender.test",
            period=ReportPeriod((today - first) * DAY, (today - last) * DAY + DAY - 1),
            policies=[policy],
        )
        for first, last in periods
    ]


def readiness_shown(readiness: Readiness, today: int) -> Shown:
    evidence = readiness.evidence
    names = ("days", "submitters", "sessions", "clean_sessions", "unverified_sessions", "unusable_reports")
    return {
        "verdict": readiness.verdict.value,
        "earliest": None if readiness.earliest is None else readiness.earliest // DAY - today,
        "missing": [
            {
                "rule": shortfall.rule.value,
                "code": shortfall.code,
                "host": None if shortfall.host is None else str(shortfall.host),
                "hint": shortfall.hint and shortfall.hint.code,
            }
            for shortfall in readiness.shortfalls
        ],
        "evidence": {name: getattr(evidence, name) for name in names},
    }


def run_draft(fields: Fields) -> Shown:
    domain, wildcards = fields.option("domain", "owner.test"), fields.option("wildcards", [])
    mode, hosts, max_age = fields.take("mode", "hosts", "max_age")
    try:
        draft = Draft(domain, mode, hosts, max_age=max_age, wildcards=wildcards)
    except MtaStsError as error:
        return draft_error_shown(error)
    assert pickle.loads(pickle.dumps(draft)) == draft
    assert id_of(draft.text) == draft.id and draft.policy.text == draft.text
    return {"policy": draft.text, "id": draft.id, "record": draft.record, "zone": str(draft.zone_record())}


def draft_error_shown(error: MtaStsError) -> Shown:
    assert error.name is None or str(error).startswith(f"{error.name}: ")
    return {"error": {"code": error.code, "name": error.name}}


def run_plan(fields: Fields) -> Shown:
    now, text = fields.pop("now"), octets(fields.pop("history"))
    history = History.parse(text)
    assert pickle.loads(pickle.dumps(history)) == history
    with Fields(fields.pop("target")) as given:
        removes = "mode" not in given
        target = Target.removed() if removes else Target(**{name: given.pop(name) for name in list(given)})
    with Fields(fields.pop("facts")) as given:
        facts = Facts(**{name: given.pop(name) for name in list(given)})
    try:
        plan = Plan.between(history, target, facts, now=now)
    except MtaStsError as error:
        return draft_error_shown(error)
    assert pickle.loads(pickle.dumps(plan)) == plan
    settled = {"earliest": max(0, plan.settled_at - now), "safe": max(0, plan.settled_safe_at - now)}
    return {"steps": [step_shown(step, now) for step in plan.steps], "settled": settled}


def step_shown(step: Step, now: int) -> Shown:
    shown = {
        "action": step.code,
        "earliest": step.earliest - now,
        "wait": step.wait.value,
        "safe": step.safe - now,
        "safe_wait": step.safe_wait.value,
    }
    match step.action:
        case PutPolicy(draft) | MovePolicyHost(draft):
            policy = draft.policy
            shown |= {"mode": policy.mode.value, "max_age": policy.max_age, "mx": " ".join(map(str, policy.mx))}
        case PutRecord(id):
            shown["id"] = id
        case ChangeMx(add, remove):
            shown |= {"add": " ".join(map(str, add)), "remove": " ".join(map(str, remove))}
    return shown


ROOMS: dict[str, Callable[[Fields], Shown]] = {
    "cache": run_cache,
    "datagram": run_datagram,
    "delivery": run_delivery,
    "draft": run_draft,
    "entry": run_entry,
    "hint": run_hint,
    "lint": run_lint,
    "lookup": run_lookup,
    "mail": run_mail,
    "mx": run_mx,
    "name": run_name,
    "plan": run_plan,
    "policy": run_policy,
    "postfix": run_postfix,
    "ready": run_ready,
    "record": run_record,
    "report": run_report,
    "report-written": run_report_written,
    "response": run_response,
    "rrset": run_rrset,
    "tally": run_tally,
    "tlsrpt": run_tlsrpt,
    "tlsrpt-record": run_tlsrpt_record,
}

CASES = [(room, case) for room, cases in read_all().items() for case in cases]


@pytest.mark.parametrize(("room", "case"), CASES, ids=[case["id"] for _, case in CASES])
def test_vector(room: str, case: Case) -> None:
    if room not in ROOMS:
        pytest.fail(f"nothing runs the room {room}")
    try:
        with Fields(json.loads(json.dumps(case["input"]))) as fields:
            actual = ROOMS[room](fields)
    except MtaStsError as error:
        actual = error_shown(error)
    assert covers(case["expected"], actual), f"{case['comment']}\nexpected {case['expected']}\nactual   {actual}"


def test_every_room_has_its_file() -> None:
    assert set(ROOMS) == set(read_all())


def test_every_id_in_the_text_of_the_files_is_run() -> None:
    written = sum(
        line.startswith('    {"id": ')
        for path in FOLDER.glob("*.json")
        if path.name != "schema.json"
        for line in path.read_text("utf-8").splitlines()
    )
    assert written == len(CASES) > 500


@pytest.mark.parametrize("room", ROOMS)
def test_an_input_that_is_not_understood_fails(room: str) -> None:
    with pytest.raises((KeyError, ValueError)), Fields({"no-such-field": 1}) as fields:
        ROOMS[room](fields)
