"""The mail that carries a TLS report, made with the package `email`."""

from __future__ import annotations

import gzip
import time
from datetime import datetime, timezone
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import make_msgid
from typing import TYPE_CHECKING

from ._values import Mailto, MailParts

if TYPE_CHECKING:
    from ._core import Report

# A line may have 998 characters (RFC 5322, 2.1.1). To fold at 78, `email` would turn long names into encoded words, which programs do
# not expect in these fields.
_UNFOLDED = SMTP.clone(max_line_length=998)


def message(report: Report, parts: MailParts, organization: str, to: Mailto | str, date: int | None) -> EmailMessage:
    """Makes the whole mail from the parts that the core provides: compresses, encodes and addresses it."""
    submitter = parts.contact.rpartition("@")[2]
    try:
        sent_at = datetime.fromtimestamp(time.time() if date is None else date, timezone.utc)
    except (OverflowError, OSError, ValueError) as error:
        raise ValueError("the date is too late for a mail") from error
    mail = EmailMessage(policy=SMTP)
    mail["From"] = Address(organization, addr_spec=parts.contact)
    mail["To"] = _address(to.address if isinstance(to, Mailto) else to)
    mail["Date"] = sent_at
    mail["Message-ID"] = make_msgid(domain=submitter)
    mail["Subject"] = parts.subject
    for name, value in parts.headers:
        mail[name] = value
    mail.set_content(parts.text, cte="quoted-printable")
    maintype, _, subtype = parts.media_type.partition("/")
    # Without a time in the gzip header, so that the same report gives the same octets.
    packed = gzip.compress(report.to_json().encode(), mtime=0)
    mail.add_attachment(packed, maintype=maintype, subtype=subtype, filename=parts.file_name)
    media_type, _, parameter = parts.content_type.partition("; ")
    name, _, word = parameter.partition("=")
    mail.set_type(media_type)
    mail.set_param(name, word.strip('"'))
    mail.policy = _UNFOLDED
    return mail


def _address(text: str) -> Address:
    """Parses one mail address. For an invalid one, `email` raises various exceptions or returns a different address."""
    try:
        address = Address(addr_spec=text)
    except (MessageError, IndexError, ValueError) as error:
        raise ValueError("the address is not a mail address") from error
    if not text.isascii() or address.addr_spec != text or not address.domain:
        raise ValueError("the address is not a mail address in ASCII")
    return address
