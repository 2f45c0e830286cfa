"""What is published, as a program of an owner does it: drafted, noted, planned, done step by step."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from mta_sts import DnsName, MtaStsError, MxPattern, Policy, PolicyDomain
from mta_sts.publish import (
    ChangeMx,
    DeletePolicy,
    DeleteRecord,
    Draft,
    Facts,
    History,
    Plan,
    PutPolicy,
    PutRecord,
    Target,
    Wait,
    ZoneRecord,
    id_of,
)

NOW = 1_700_000_000
DAY = 86_400


def test_a_plan_that_is_done_step_by_step_comes_to_its_end() -> None:
    history, hosts, now = History("owner.test"), ["mx1.owner.test"], NOW
    history.note_hosts(hosts, now=now)
    target = Target("enforce", hosts=["mx1.owner.test", "mx2.owner.test"], max_age=timedelta(days=30))
    codes, id_served = [], ""
    while steps := Plan.between(history, target, Facts(hosts), now=now).steps:
        step, now = steps[0], max(now, steps[0].safe)
        codes.append(step.code)
        assert len(codes) < 30, codes
        match step.action:
            case PutPolicy(draft):
                # Nobody refuses mail for a host that DNS names.
                assert all(draft.policy.matches_mx(host) for host in hosts)
                history.note_policy(draft.policy, now=now)
                id_served = id_of(draft.text)
            case PutRecord(id):
                assert id == id_served
                history.note_record(id, now=now)
            case ChangeMx(add, remove):
                assert [str(name) for name in add] == ["mx2.owner.test"] and not remove
                hosts = [*hosts, *map(str, add)]
                history.note_hosts(hosts, now=now)
            case _:
                pytest.fail(f"not expected: {step}")
        # A program may end after any step.
        history = History.parse(history.to_text())
    assert codes.count("change-mx") == 1 and codes[:2] == ["put-policy", "put-record"]
    served = history.policy
    assert served is not None and served.mode == "enforce" and served.max_age == 30 * DAY
    assert [str(pattern) for pattern in served.mx] == target.hosts
    assert history.record is not None and history.record.id == served.id


def test_a_removal_waits_for_the_longest_max_age() -> None:
    history = History("owner.test")
    history.note_policy(Policy.parse("version: STSv1\nmode: enforce\nmx: mx1.owner.test\nmax_age: 604800\n"), now=NOW)
    history.note_record("1", now=NOW)
    plan = Plan.between(history, Target.removed(), Facts(["mx1.owner.test"]), now=NOW + DAY)
    assert isinstance(plan.steps[-1].action, DeletePolicy) and isinstance(plan.steps[-2].action, DeleteRecord)
    assert plan.steps[-2].safe >= NOW + DAY + 604_800 and plan.steps[-2].safe_wait == Wait.OPT_OUT
    assert plan.steps[0].section.startswith("RFC 8461") and plan.steps[0].reason.endswith(".")


def test_values_of_every_kind_are_taken() -> None:
    name, pattern = DnsName.parse("mx.a.test"), MxPattern.parse("*.a.test")
    draft = Draft(PolicyDomain.parse("a.test"), "enforce", (name,), max_age=timedelta(days=7), wildcards=[pattern])
    assert draft == Draft("a.test", "enforce", iter(["MX.a.test."]), max_age=604_800, wildcards=["*.a.test"])
    assert copy.deepcopy(draft) == draft == pickle.loads(pickle.dumps(draft)) and str(draft.policy.mx[0]) == "*.a.test"
    history = History("a.test", unknown_until=datetime(2026, 1, 1, tzinfo=timezone.utc))
    assert history.unknown_until == 1_767_225_600
    facts = Facts((name,), policy_host="host.provider.test", policy_host_ttl=timedelta(hours=2))
    target = Target("testing", hosts=[name], wildcards=[pattern], policy_host=DnsName.parse("other.test"))
    steps = Plan.between(history, target, facts, now=datetime(2026, 1, 2, tzinfo=timezone.utc)).steps
    assert steps[0].code == "move-policy-host"
    assert Plan.between(history, Target("enforce", growth=[(86_400.0, timedelta(1))], testing_period=0), facts, now=NOW).steps


def test_a_fault_names_the_host() -> None:
    with pytest.raises(MtaStsError) as raised:
        Draft("a.test", "enforce", ["mx.a.test", "mailserver"], max_age=DAY)
    error = raised.value
    assert (error.code, error.name, error.line, error.path) == ("single-label-host", "mailserver", None, None)
    assert str(error).startswith("mailserver: ") and repr(error).endswith(", code='single-label-host', name='mailserver')")
    with pytest.raises(MtaStsError) as raised:
        Draft("a.test", "enforce", [], max_age=DAY)
    assert raised.value.code == "no-hosts-in-draft" and raised.value.name is None
    with pytest.raises(MtaStsError) as raised:
        History.parse("mta-sts-history 1\ndomain: a.test\nmx: 1 - a.test")
    assert (raised.value.code, raised.value.line) == ("truncated-history", 3)


@pytest.mark.parametrize("wrong", [None, "enforce", {"mode": "enforce"}, Facts(["mx.a.test"])])
def test_a_target_is_a_target(wrong: Any) -> None:
    with pytest.raises(TypeError, match="expected Target, not"):
        Plan.between(History("a.test"), wrong, Facts(["mx.a.test"]), now=NOW)
    with pytest.raises(TypeError, match="expected Facts, not"):
        Plan.between(History("a.test"), Target("testing"), wrong if not isinstance(wrong, Facts) else None, now=NOW)  # type: ignore[arg-type]


def test_the_defaults_are_those_of_the_core() -> None:
    # Of a change of all hosts, each default shows in some time.
    history, facts = History("a.test"), Facts(["mx.a.test"])
    history.note_policy(Policy.parse("version: STSv1\nmode: enforce\nmx: mx.b.test\nmax_age: 604800\n"), now=NOW)
    history.note_record("1", now=NOW)
    history.note_hosts(["mx.a.test", "mx.b.test"], now=NOW)
    target = Target("enforce", hosts=["mx.c.test"])
    plan = Plan.between(history, replace(target, testing_period=0, growth=()), facts, now=NOW + 1)
    due = {step.code: step.earliest - NOW - 1 for step in reversed(plan.steps)}
    assert due == {"put-policy": 0, "put-record": facts.policy_cache, "change-mx": 60 + 3600} and facts.record_ttl == 3600
    assert plan.steps[3].earliest == NOW + 1 + 3660 + 86_400 + 5 * 86_400 and (facts.mx_ttl, facts.queue_lifetime) == (DAY, 5 * DAY)
    first = Plan.between(History("b.test"), Target("enforce"), Facts(["mx.a.test"]), now=NOW)
    put = [(step.action.draft.policy.max_age, step.earliest - NOW) for step in first.steps if isinstance(step.action, PutPolicy)]
    assert put == [(DAY, 0), (DAY, 14 * DAY), (7 * DAY, (14 + 7) * DAY), (30 * DAY, (14 + 7 + 14) * DAY)]
    assert (target.testing_period, target.growth) == (14 * DAY, ((DAY, 7 * DAY), (7 * DAY, 14 * DAY)))


def test_a_zone_record_is_a_line() -> None:
    assert str(ZoneRecord.alias("mta-sts.a.test", "host.test", ttl=60)) == "mta-sts.a.test. 60 IN CNAME host.test."
    record = Draft("a.test", "none", [], max_age=DAY).zone_record(ttl=timedelta(hours=1))
    assert record == ZoneRecord.txt("_mta-sts.a.test", record.value, ttl=3600)
    assert (record.name, record.kind, record.ttl) == ("_mta-sts.a.test", "TXT", 3600)


def test_a_history_is_noted_by_many_threads() -> None:
    history = History("a.test")
    policies = [Policy.parse(f"version: STSv1\nmode: enforce\nmx: mx{number}.test\nmax_age: 86400\n") for number in range(4)]

    def note(number: int) -> None:
        for time in range(50):
            history.note_policy(policies[number], now=NOW + time)
            history.note_record(str(number), now=NOW + time)
            assert history == history and history != History("b.test")

    threads = [threading.Thread(target=note, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(history.policies) == len(history.records) == 4
    assert History.parse(history.to_text()) == history


def test_the_example_publishes_step_by_step(tmp_path: Path) -> None:
    def run(*options: str, hosts: tuple[str, ...] = ("mx1.owner.test",)) -> subprocess.CompletedProcess[str]:
        program = Path(__file__).parents[1] / "examples" / "publish.py"
        words = [sys.executable, str(program), *options, str(tmp_path), "owner.test", "testing", *hosts]
        return subprocess.run(words, capture_output=True, text=True, timeout=60)

    first = run()
    assert first.returncode == 0 and first.stdout.startswith("now: serve https://mta-sts.owner.test/"), first
    assert not (tmp_path / "mta-sts.txt").exists()
    second = run("--done")
    assert second.returncode == 0 and second.stdout.startswith("now: set the TXT record of _mta-sts.owner.test"), second
    assert id_of((tmp_path / "mta-sts.txt").read_bytes()) in second.stdout
    assert run("--done").stdout == run().stdout == ""
    # Another host: the record waits for the caches before the Policy Host, and the MX records for the record.
    both = ("mx1.owner.test", "mx2.owner.test")
    assert [line for line in run(hosts=both).stdout.splitlines() if "change the MX records: +mx2.owner.test" in line]
    assert run("--done", hosts=both).returncode == 0
    early = run("--done", hosts=both)
    assert early.returncode == 1 and early.stderr.startswith("not yet: 20"), early
    wrong = run(hosts=("mailserver",))
    assert wrong.returncode == 1 and wrong.stderr.startswith("mailserver: "), wrong


def test_waits_have_their_reasons() -> None:
    for wait in Wait:
        assert wait.message.endswith(".")
        assert wait.section.startswith("RFC ") == (wait is not Wait.NOTHING)
