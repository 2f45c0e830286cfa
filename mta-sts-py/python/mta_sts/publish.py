"""What the owner of a domain publishes (RFC 8461, 3 and 8): the policy, the record, and plans to change them without losing mail.

>>> from mta_sts.publish import Draft
>>> draft = Draft("example.com", "testing", ["mx.example.com"], max_age=86_400)
>>> print(draft.zone_record(ttl=3600))
_mta-sts.example.com. 3600 IN TXT "v=STSv1; id=3fc87e4d8bdc5c648937"

A `Draft` is a policy that cannot stop mail by a mistake of its own, and its record. A `History` is what was published when, and so
what senders may still hold. A `Plan` says what to do now and what only later, so that no sender refuses mail for a change.
"""

from ._core import (
    Draft,
    History,
    id_of,
)
from ._publishing import (
    Action,
    ChangeMx,
    DeletePolicy,
    DeleteRecord,
    Facts,
    MovePolicyHost,
    Plan,
    PutPolicy,
    PutRecord,
    SeenHost,
    SeenRecord,
    ServedPolicy,
    Step,
    Target,
    ZoneRecord,
)
from ._words import (
    Wait,
)

__all__ = [
    "Action",
    "ChangeMx",
    "DeletePolicy",
    "DeleteRecord",
    "Draft",
    "Facts",
    "History",
    "MovePolicyHost",
    "Plan",
    "PutPolicy",
    "PutRecord",
    "SeenHost",
    "SeenRecord",
    "ServedPolicy",
    "Step",
    "Target",
    "Wait",
    "ZoneRecord",
    "id_of",
]
