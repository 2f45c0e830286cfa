"""Values of `mta_sts.publish`: frozen, compared by content, and usable with `match`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Union

from . import _literals as literal
from ._words import Mode, Wait

if TYPE_CHECKING:
    from ._core import DnsName, Draft, History, MxPattern

_DAY = 86_400


@dataclass(frozen=True, slots=True)
class ZoneRecord:
    """A record of a DNS zone: `str()` is its line in a zone file (RFC 1035, 5.1), the fields are for the form of a provider.

    >>> from mta_sts.publish import ZoneRecord
    >>> record = ZoneRecord.txt("_smtp._tls.example.com", "v=TLSRPTv1; rua=mailto:tls@example.com", ttl=3600)
    >>> print(record)
    _smtp._tls.example.com. 3600 IN TXT "v=TLSRPTv1; rua=mailto:tls@example.com"
    >>> record.kind, record.value
    ('TXT', 'v=TLSRPTv1; rua=mailto:tls@example.com')

    `name` has no trailing dot; `value` is the text without quotes, or the target of an alias without a trailing dot; `ttl` is in
    seconds.
    """

    name: str
    kind: str
    value: str
    ttl: int
    line: str = field(compare=False, repr=False)

    @staticmethod
    def txt(name: str, text: str, /, *, ttl: float | timedelta) -> ZoneRecord:
        """Returns a TXT record with this text."""
        from ._core import zone_record

        return zone_record("TXT", name, text, ttl)

    @staticmethod
    def alias(name: str, target: str, /, *, ttl: float | timedelta) -> ZoneRecord:
        """Returns a CNAME record: for a provider that publishes the policy for its customers (RFC 8461, 8.2)."""
        from ._core import zone_record

        return zone_record("CNAME", name, target, ttl)

    def __str__(self) -> str:
        return self.line


@dataclass(frozen=True, slots=True)
class ServedPolicy:
    """A policy that the Policy Host serves or has served.

    `id` is the one by its body, as `id_of` returns it; its record may have had another one. `since` is the time since which it
    has been served without interruption, `until` the time at which it no longer was, `None` while it is.
    """

    id: str
    mode: Mode
    max_age: int
    mx: tuple[MxPattern, ...]
    since: int
    until: int | None


@dataclass(frozen=True, slots=True)
class SeenRecord:
    """An id that the record has or has had.

    `before` is the time until which it had this id before, `None` if it has it for the first time; `since` and `until` are as
    in `ServedPolicy`.
    """

    id: str
    before: int | None
    since: int
    until: int | None


@dataclass(frozen=True, slots=True)
class SeenHost:
    """A host that the MX records name or have named; `since` and `until` are as in `ServedPolicy`."""

    name: DnsName
    since: int
    until: int | None


@dataclass(frozen=True, slots=True)
class Target:
    """What a domain wants to publish in the end.

    >>> from mta_sts.publish import Target
    >>> target = Target("enforce", hosts=["mx1.example.com", "mx4.example.net"])
    >>> target.is_removal, Target.removed().is_removal
    (False, True)

    `max_age`: 30 days in mode enforce and a day otherwise, unless it is given. `hosts`: the MX hosts that DNS is to have, by
    default those that it has. `wildcards`: patterns that stand for the hosts they cover; exact names are better
    (RFC 8461, 10.4). `policy_host`: the name that the Policy Host is to be an alias of, for a change of the provider; by
    default it stays as it is. `testing_period`: how long a policy is in mode testing before it is enforced. `growth`: which
    `max_age` an enforced policy has at first, each with the time after which it grows; what is not below `max_age` is left out.

    Spans of time are seconds or a `timedelta`. `Plan.between` checks everything.
    """

    mode: Mode | literal.Mode
    max_age: float | timedelta | None = None
    hosts: Sequence[DnsName | str] | None = field(default=None, hash=False)
    wildcards: Sequence[MxPattern | str] = field(default=(), hash=False)
    policy_host: DnsName | str | None = None
    testing_period: float | timedelta = 14 * _DAY
    growth: Sequence[tuple[float | timedelta, float | timedelta]] = field(
        default=((_DAY, 7 * _DAY), (7 * _DAY, 14 * _DAY)), hash=False
    )
    is_removal: bool = False

    @staticmethod
    def removed() -> Target:
        """Returns the target without a policy and a record: the domain no longer uses MTA-STS (RFC 8461, 8.3)."""
        return Target(Mode.NONE, is_removal=True)


@dataclass(frozen=True, slots=True)
class Facts:
    """What DNS and the Policy Host look like now, and how long others keep what they have seen of it.

    >>> from mta_sts.publish import Facts
    >>> Facts(["mx1.example.com"], record_ttl=300).mx_ttl
    86400

    `hosts`: the MX hosts in DNS or, without MX records, the domain itself. `policy_host`: the name that the Policy Host is an
    alias of. `record_ttl`, `mx_ttl` and `policy_host_ttl`: the TTLs that resolvers have seen; where one is about to be lowered,
    the old one. `policy_cache`: how long a reverse proxy, a CDN, or one of several servers may go on serving the old policy
    (RFC 8461, 8.2). `retry`: after what time senders ask a Policy Host again that did not respond (RFC 8461, 3.3).
    `queue_lifetime`: how long senders keep a message in their queues (RFC 5321, 4.5.4.1).

    Spans of time are seconds or a `timedelta`. `Plan.between` checks everything.
    """

    hosts: Sequence[DnsName | str] = field(hash=False)
    policy_host: DnsName | str | None = None
    record_ttl: float | timedelta = 3600
    mx_ttl: float | timedelta = _DAY
    policy_host_ttl: float | timedelta = 3600
    policy_cache: float | timedelta = 60
    retry: float | timedelta = 300
    queue_lifetime: float | timedelta = 5 * _DAY


@dataclass(frozen=True, slots=True)
class PutPolicy:
    """Serve this policy."""

    draft: Draft


@dataclass(frozen=True, slots=True)
class MovePolicyHost:
    """Have another host serve this policy, then point the name of the Policy Host at it."""

    draft: Draft


@dataclass(frozen=True, slots=True)
class PutRecord:
    """Publish the record with this id."""

    id: str


@dataclass(frozen=True, slots=True)
class ChangeMx:
    """Change the MX records: `add` these hosts, and `remove` those."""

    add: tuple[DnsName, ...]
    remove: tuple[DnsName, ...]


@dataclass(frozen=True, slots=True)
class DeleteRecord:
    """Delete the TXT record."""


@dataclass(frozen=True, slots=True)
class DeletePolicy:
    """Serve no policy any more."""


Action = Union[PutPolicy, MovePolicyHost, PutRecord, ChangeMx, DeleteRecord, DeletePolicy]


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a plan: what to do, when, and why not before.

    It has two times, in Unix seconds. At `earliest`, no sender refuses mail that compares the id of the record with that of its
    policy before it delivers, as RFC 8461 asks, and that the Policy Host responds to. At `safe`, no sender does, whatever it
    compares: each policy that could refuse mail has expired. Each holds if the steps before are done at the same of the two.

    `wait` and `safe_wait` say what has to be waited for until then. `code` is the stable code of the action, such as
    "put-policy"; `reason` why it has this place in the plan, by this `section` of the RFC.
    """

    action: Action
    earliest: int
    wait: Wait
    safe: int
    safe_wait: Wait
    code: literal.ActionCode
    reason: str = field(compare=False)
    section: str = field(compare=False)


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps from what a domain publishes to what it wants to publish, with their times.

    >>> from mta_sts import Policy
    >>> from mta_sts.publish import Facts, History, Plan, Target
    >>> now = 1_700_000_000
    >>> history = History("example.com")
    >>> served = Policy.parse("version: STSv1\\nmode: enforce\\nmx: mx1.example.com\\nmax_age: 604800\\n")
    >>> history.note_policy(served, now=now - 1_000_000)
    >>> history.note_record("1", now=now - 1_000_000)
    >>> history.note_hosts(["mx1.example.com"], now=now - 1_000_000)
    >>> target = Target("enforce", max_age=served.max_age, hosts=["mx1.example.com", "mx4.example.net"])
    >>> plan = Plan.between(history, target, Facts(["mx1.example.com"]), now=now)
    >>> for step in plan.steps:
    ...     print(step.code, step.earliest - now, step.wait, step.safe - now)
    put-policy 0 nothing 0
    put-record 60 policy-cache 60
    change-mx 3660 record-ttl 604860

    Do the first step when its time has come, note what has changed in the history, and plan again: the plan goes on where it
    was. What is already as it should be is no step, and time that has passed is not waited for again.

    - A change of the MX hosts: the policy names old and new hosts; then the MX records change; then the policy names the new
      ones alone.
    - To mode enforce: the policy is tested first, then the `max_age` grows.
    - From mode enforce: at once; senders go on enforcing what they hold.
    - A removal: mode none until every older policy has expired; then record and policy are deleted (RFC 8461, 8.3).

    `settled_at` is the time from which senders that compare ids hold what was published last, if each step is done at its
    earliest time, `settled_safe_at` the time from which all do, if each is done at its safe time.
    """

    steps: tuple[Step, ...]
    settled_at: int
    settled_safe_at: int

    @staticmethod
    def between(history: History, target: Target, facts: Facts, /, *, now: float | datetime) -> Plan:
        """Returns the steps from what `history` says is published, and `facts` of now, to the target.

        Raises MtaStsError if the target, or what has to be served on the way to it, is no policy that may be published, as
        `Draft` does; and for an invalid name or keyword.
        """
        from ._core import plan_between

        return plan_between(history, target, facts, now=now)
